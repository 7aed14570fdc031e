//! `drain`: a Pod without new connections, and back.

use tke_direct_access::model::Protocol;

use super::scene::Scene;

/// Weights of all targets, by address.
fn weights(scene: &Scene) -> Vec<u8> {
    scene.stage.targets(Protocol::Tcp, 80).unwrap().values().map(|target| target.weight).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_pod_has_weight_zero_stays_ready_and_comes_back() {
    let scene = Scene::ready("drain", 2).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let name = scene.pod_name().await;
    let pod = format!("pod/{name}");
    let output = scene.run(&["drain", &pod]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains(&format!("{pod} has weight 0 on 1 target")), "{}", output.stdout);
    let mut found = weights(&scene);
    found.sort_unstable();
    assert_eq!(found, [0, 10], "when the command ends, the cloud has it");
    let ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
    assert_eq!(scene.stage.ok(&["get", "pod", &name, "-o", ready]).await, "True");
    let output = scene.run(&["drain", &pod, "--undo"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(weights(&scene), [10, 10]);
    // Without credentials it is asked for, and nobody can wait.
    let output = scene.run_blind(&["drain", &pod]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("set TENCENTCLOUD_SECRET_ID"), "{}", output.stderr);
    let annotations = scene.stage.ok(&["get", "pod", &name, "-o", "jsonpath={.metadata.annotations}"]).await;
    assert!(annotations.contains(r#""service.cloud.tencent.com/custom-weight":"0""#), "{annotations}");
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_nobody_carries_out_says_so() {
    let mut scene = Scene::ready("drain-alone", 1).await;
    scene.stage.take_controller().end().await;
    let pod = format!("pod/{}", scene.pod_name().await);
    let output = scene.run(&["drain", &pod, "--timeout-seconds", "2"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stderr.contains("CLB does not show it after 2 s"), "{}", output.stderr);
    assert!(output.stderr.contains("kubectl direct-access explain pod/"), "{}", output.stderr);
    scene.finish().await;
}
