//! `plan -f` of files that say less than those before them, and of what is not there yet.

use serde_json::{Value, json};
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::LoadBalancerSpec;

use super::scene::Scene;
use crate::stage::{DEADLINE, deployment};
use crate::support::eventually;

async fn plan_of(scene: &Scene, objects: &[String]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.yaml");
    std::fs::write(&path, objects.join("\n---\n")).unwrap();
    let output = scene.run(&["plan", "-f", &path.display().to_string()]).await;
    (output.code, output.stdout + &output.stderr)
}

fn is_there(said: &str, words: &[&str]) -> bool {
    words.iter().all(|words| said.contains(words))
}

/// A Service that nobody stands behind, with these annotations.
fn annotated(name: &str, port: u16, annotations: &Value) -> String {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "annotations": annotations},
        "spec": {"type": "LoadBalancer", "selector": {"app": "nobody"}, "ports": [{"port": port, "targetPort": 8080}]},
    })
    .to_string()
}

/// By `kubectl apply`, by server-side apply, and by neither.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_does_not_say_any_more_goes_as_applying_it_would_have_it() {
    let mut scene = Scene::new("plan-release").await;
    scene.start(&["--annotated-services", "All"]).await;
    let id = scene.stage.load_balancer.as_str().to_owned();
    let asks = json!({
        "service.cloud.tencent.com/direct-access": "true", "service.kubernetes.io/tke-existed-lbid": id,
    });
    let stage = &scene.stage;
    stage.apply(&annotated("client", 81, &asks)).await;
    for (name, port, command) in [("server", 82, &["apply", "--server-side"][..]), ("made", 83, &["create"])] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("service.yaml");
        std::fs::write(&path, annotated(name, port, &asks)).unwrap();
        stage.ok(&[command, &["-f", &path.display().to_string()]].concat()).await;
    }
    eventually("each has its listener", DEADLINE, async || {
        let ports: Vec<_> = stage.listeners().iter().map(|listener| listener.port).collect();
        let are_all = [81, 82, 83].iter().all(|port| ports.contains(port));
        if are_all { Ok(Some(())) } else { Err(format!("{ports:?}")) }
    })
    .await;
    for (name, port, code, expected) in [
        ("client", 81, 2, &["'client' does not ask for direct access any more", "DeleteLoadBalancerListeners"][..]),
        ("server", 82, 2, &["'server' does not ask for direct access any more", "DeleteLoadBalancerListeners"]),
        (
            "made",
            83,
            0,
            &["nothing to do", "stay, which the file does not have: the object was not made by 'kubectl apply'"],
        ),
    ] {
        let (found, said) = plan_of(&scene, &[annotated(name, port, &json!({}))]).await;
        assert!(is_there(&said, expected), "{name}: {said}");
        assert_eq!(found, Some(code), "{name}: {said}");
        let (found, said) = plan_of(&scene, &[annotated(name, port, &asks)]).await;
        assert_eq!(found, Some(0), "{name}, which says the same: {said}");
    }
    // What is held, or made again, is planned as the controller plans it.
    scene.stage.take_controller().end().await;
    scene.stage.ok(&["delete", "dab", "client", "--wait=false"]).await;
    let output = scene.run(&["plan", "client"]).await;
    assert!(!output.stdout.contains("DeleteLoadBalancerListeners"), "{}", output.stdout);
    scene.start(&["--annotated-services", "All"]).await;
    for name in ["client", "server", "made"] {
        scene.stage.ok(&["delete", "service", name, "--timeout=60s"]).await;
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there_yet_is_planned_to_the_end() {
    let scene = Scene::new("plan-new").await;
    let other = LoadBalancerId::new("lb-other002");
    scene.stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(other.as_str())).unwrap();
    scene.stage.apply(&deployment(1)).await;
    let pod_ip = scene.pod_ip().await;
    let service = |app: &str| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "new"},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
        })
        .to_string()
    };
    let binding = |place: Value| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "new"},
            "spec": {"serviceRef": {"name": "new"}, "loadBalancer": place},
        })
        .to_string()
    };
    let there = || binding(json!({"id": other.as_str()}));
    let target = format!("{pod_ip}:8080");
    eventually("the Pod is planned", DEADLINE, async || {
        let (code, said) = plan_of(&scene, &[service("web"), there()]).await;
        let is_whole = is_there(&said, &["CreateListener", "BatchRegisterTargets", &target]) && code == Some(2);
        if is_whole { Ok(Some(())) } else { Err(said) }
    })
    .await;
    let (code, said) = plan_of(&scene, &[service("later"), there()]).await;
    let expected = ["CreateListener", "no Pod has the labels app=later of Service 'new' yet; each that comes"];
    assert!(is_there(&said, &expected) && !said.contains("BatchRegisterTargets"), "{said}");
    assert_eq!(code, Some(2), "{said}");
    // A region that is misspelt is not a cloud that cannot be read.
    let misspelt = binding(json!({"id": other.as_str(), "region": "ap-guangzou"}));
    let (code, said) = plan_of(&scene, &[service("web"), misspelt]).await;
    let delete = format!("run 'kubectl delete directaccessbinding new -n {}'", scene.stage.namespace.name);
    assert!(is_there(&said, &["no region 'ap-guangzou'; did you mean 'ap-guangzhou'?", &delete]), "{said}");
    assert_eq!(code, Some(3), "{said}");
    scene.finish().await;
}
