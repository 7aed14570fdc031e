//! People with the usual roles of a namespace: what they can do, and what they are told when they cannot.

use serde_json::json;

use super::scene::{Scene, json_of, kubeconfig_of};
use crate::stage::DEADLINE;
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
