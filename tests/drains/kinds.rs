//! Pods of every kind of owner, and of none.

use serde_json::{Value, json};

use crate::seen::{
    address, bare_pod, delete, gate_is_open, is_of, live_web_pods, name, pod_spec, pods, target, uid,
    until_deregistered, until_weight, web_pods,
};
use crate::stage::{DEADLINE, Stage, binding, service};
use crate::support::eventually;

/// A workload of Service `web`.
fn workload(kind: &str, more: &Value) -> String {
    let labels = json!({"app": "web"});
    // Other tests of this process may add nodes that run nothing.
    let spec = pod_spec(&json!({"nodeSelector": {"kubernetes.io/os": "linux"}}));
    let mut whole = json!({
        "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec},
    });
    whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": whole}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_a_stateful_set_comes_back_as_another_of_the_same_name() {
    let stage = Stage::new("stateful").await;
    stage.apply(&service()).await;
    stage.apply(&workload("StatefulSet", &json!({"replicas": 2, "serviceName": "web"}))).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    let before = web_pods(&stage).await.remove(0);
    assert_eq!(name(&before), "web-0");
    delete(&stage, "web-0").await;
    until_weight(&stage, address(&before), 0).await;
    until_deregistered(&stage, address(&before)).await;
    stage.until_ready("web", "2/2").await;
    let after = pods(&stage).get("web-0").await.unwrap();
    assert_ne!(uid(&after), uid(&before));
    assert!(gate_is_open(&after));
    assert!(is_of(&target(&stage, address(&after)).unwrap(), &after));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_daemon_set_are_replaced_one_by_one() {
    let stage = Stage::new("daemon").await;
    stage.apply(&service()).await;
    stage.apply(&workload("DaemonSet", &json!({}))).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    let before = web_pods(&stage).await;
    stage.ok(&["set", "image", "daemonset/web", "web=registry.example.com/web:v2"]).await;
    stage.ok(&["rollout", "status", "daemonset/web", "--timeout=240s"]).await;
    for pod in &before {
        until_deregistered(&stage, address(pod)).await;
    }
    stage.until_ready("web", "2/2").await;
    for pod in live_web_pods(&stage).await {
        assert!(is_of(&target(&stage, address(&pod)).unwrap(), &pod));
    }
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_have_ended_for_good_are_no_targets_whether_they_succeeded_or_failed() {
    let stage = Stage::new("finished").await;
    stage.apply(&service()).await;
    let never = json!({"restartPolicy": "Never"});
    stage.apply(&bare_pod("stays", &json!({}), &never)).await;
    stage.apply(&bare_pod("succeeds", &json!({"exit-after": "20s"}), &never)).await;
    stage.apply(&bare_pod("fails", &json!({"crash-after": "20s"}), &never)).await;
    stage.apply(&binding("web", &json!({}))).await;
    let all = || stage.targets(tke_direct_access::model::Protocol::Tcp, 80).unwrap_or_default();
    eventually("all three are targets", DEADLINE, async || all().len() == 3).await;
    eventually("one is left", DEADLINE, async || all().len() == 1).await;
    let found = web_pods(&stage).await;
    let phase = |pod: &k8s_openapi::api::core::v1::Pod| pod.status.clone().unwrap().phase.unwrap();
    assert_eq!(found.iter().map(phase).collect::<Vec<_>>(), ["Failed", "Running", "Succeeded"]);
    assert!(is_of(&target(&stage, address(&found[1])).unwrap(), &found[1]));
    stage.until_ready("web", "1/1").await;
    let status = stage.binding("web").await.unwrap().status.unwrap();
    let finished = status.excluded.iter().find(|row| row.reason == "Finished").unwrap();
    assert_eq!((finished.count, finished.pods.as_slice()), (2, ["fails".to_owned(), "succeeds".to_owned()].as_slice()));
    stage.finish().await;
}
