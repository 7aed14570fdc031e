//! People with the usual roles of a namespace: what they can do, and what they are told when they cannot.

use serde_json::json;

use super::scene::{Scene, json_of, kubeconfig_of};
use crate::stage::{self, DEADLINE};
use crate::support::{Output, eventually};

/// Runs the plugin as a service account of the namespace, with credentials of the cloud.
async fn run_as(scene: &Scene, kubeconfig: &str, arguments: &[&str]) -> Output {
    scene.run(&[arguments, &["--kubeconfig", kubeconfig]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_view_looks_and_who_may_edit_changes() {
    let scene = Scene::ready("rights", 1).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    scene.stage.apply(include_str!("../../deploy/user-roles.yaml")).await;
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for role in ["view", "edit"] {
        scene.stage.ok(&["create", "serviceaccount", role]).await;
        let account = format!("--serviceaccount={}:{role}", scene.stage.namespace.name);
        scene.stage.ok(&["create", "rolebinding", role, &format!("--clusterrole={role}"), &account]).await;
        let path = folder.path().join(role);
        let config = kubeconfig_of(scene.stage.control_plane, &scene.stage.namespace.name, role).await;
        std::fs::write(&path, config).unwrap();
        paths.push(path.display().to_string());
    }
    let [viewer, editor] = [&paths[0], &paths[1]];
    let pod = format!("pod/{}", scene.pod_name().await);
    // The roles of this project are added to those of Kubernetes a moment after they are made.
    let explanation = eventually("the viewer sees the chain", DEADLINE, async || {
        let output = run_as(&scene, viewer, &["explain", &pod, "-o", "json"]).await;
        if output.code == Some(0) { Ok(Some(json_of(&output))) } else { Err(output.stderr) }
    })
    .await;
    let states: Vec<_> = explanation["links"].as_array().unwrap().iter().map(|link| &link["state"]).collect();
    assert_eq!(states.iter().filter(|state| **state == &json!("Holds")).count(), 9, "{explanation}");
    assert_eq!(states[2], &json!("Unknown"), "the Lease is in a namespace that the viewer may not see");
    // Nobody has to say where the controller is.
    let arguments =
        ["direct-access", "explain", &pod, "-n", &scene.stage.namespace.name, "--kubeconfig", viewer, "-o", "json"];
    let output = scene.stage.control_plane.kubectl_in(&arguments, "", super::scene::plugin).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    let link = &json_of(&output)["links"][2];
    assert_eq!((&link["link"], &link["state"]), (&json!("Controller"), &json!("Unknown")), "{link}");
    assert!(link["message"].as_str().unwrap().contains("name its namespace with --controller-namespace"), "{link}");
    let output = run_as(&scene, viewer, &["get", "web"]).await;
    assert!(output.stdout.contains("Healthy"), "{}{}", output.stdout, output.stderr);
    assert_eq!(run_as(&scene, viewer, &["plan"]).await.code, Some(0));
    let output = run_as(&scene, viewer, &["get", "-A"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("cannot list directaccessbindings"), "{}", output.stderr);
    let all = ["drain", "--now", "deployment/web"];
    for change in [vec!["suspend", "web"], vec!["reconcile", "web"], vec!["drain", pod.as_str()], all.to_vec()] {
        let output = run_as(&scene, viewer, &change).await;
        assert_eq!(output.code, Some(1), "{change:?}");
        assert!(output.stderr.contains("cannot patch resource"), "{change:?}: {}", output.stderr);
    }
    for change in [vec!["reconcile", "web"], vec!["drain", pod.as_str()], all.to_vec(), vec!["suspend", "web"]] {
        // The aggregated role may be a moment behind that of viewers.
        eventually(&format!("the editor may {change:?}"), DEADLINE, async || {
            let output = run_as(&scene, editor, &change).await;
            if output.code == Some(0) { Ok(Some(())) } else { Err(output.stderr) }
        })
        .await;
    }
    scene.stage.until("web", "Accepted", "False", "Suspended").await;
    scene.finish().await;
}

/// Whoever sees bindings everywhere, and Pods in one namespace only, takes what others have on the load balancer for foreign.
#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_whose_pods_may_not_be_seen_keeps_nobody_from_work() {
    let scene = Scene::ready("neighbour", 1).await;
    let stage = &scene.stage;
    stage.apply(include_str!("../../deploy/user-roles.yaml")).await;
    let other = stage.control_plane.namespace("other").await;
    let listeners = json!({"listeners": [{"port": 81, "protocol": "TCP", "servicePort": 80}]});
    for object in [stage::service(), scene.binding("theirs", &listeners)] {
        stage.control_plane.kubectl_apply(&other.name, &object).await.unwrap();
    }
    eventually("the neighbour has a listener", DEADLINE, async || {
        let count = stage.listeners().len();
        if count == 2 { Ok(Some(())) } else { Err(count.to_string()) }
    })
    .await;
    stage.ok(&["create", "serviceaccount", "locked"]).await;
    let account = format!("--serviceaccount={}:locked", stage.namespace.name);
    stage.ok(&["create", "rolebinding", "locked", "--clusterrole=edit", &account]).await;
    let everywhere = format!("locked-{}", stage.namespace.name);
    stage.ok(&["create", "clusterrolebinding", &everywhere, "--clusterrole=direct-access-view", &account]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked");
    std::fs::write(&path, kubeconfig_of(stage.control_plane, &stage.namespace.name, "locked").await).unwrap();
    let path = path.display().to_string();
    let path = path.as_str();
    let listed = ["get", "directaccessbindings", "-A", "--kubeconfig", path];
    eventually("the account sees bindings everywhere", DEADLINE, async || {
        let printed = stage.ok(&listed).await;
        if printed.contains("theirs") { Ok(Some(())) } else { Err(printed) }
    })
    .await;
    let pod = format!("pod/{}", scene.pod_name().await);
    for command in [vec!["get"], vec!["plan"], vec!["explain", &pod]] {
        let output = run_as(&scene, path, &command).await;
        assert_ne!(output.code, Some(1), "{command:?}: {}", output.stderr);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(!said.contains("theirs") && !said.contains("cannot list"), "{command:?}: {said}");
    }
    let output = run_as(&scene, path, &["plan", "-A"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("cannot list services: services is forbidden: User"), "{}", output.stderr);
    assert!(!output.stderr.contains("ApiError") && !output.stderr.contains("Status {"), "{}", output.stderr);
    let drained = run_as(&scene, path, &["drain", "--now", "deployment/web"]).await;
    assert_eq!(drained.code, Some(0), "{}", drained.stderr);
    stage.ok(&["delete", "clusterrolebinding", &everywhere]).await;
    stage
        .control_plane
        .kubectl(&["-n", &other.name, "delete", "directaccessbinding", "theirs", "--timeout=60s"])
        .await
        .ok()
        .unwrap();
    scene.finish().await;
}
