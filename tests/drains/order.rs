//! The order of what happens to the target of a Pod that is being deleted, as the cloud saw it.

use std::time::{Duration, Instant};

use kube::api::Api;
use serde_json::{Value, json};
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::CallRecord;

use crate::seen::{
    SOON, address, bare_pod, delete, name, pods, serves, target, until_deregistered, until_weight, web_pods,
};
use crate::stage::{DEADLINE, Stage, binding, service};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

/// Two bare Pods behind the binding, both ready.
async fn stage_of_two(prefix: &str, flags: &[&str], drain: &Value, annotations: &Value) -> Stage {
    let settings = tke_direct_access::sim::Settings::instant();
    let mut stage = Stage::without_controller(prefix, settings).await;
    stage.start_controller(flags).await;
    stage.apply(&service()).await;
    for name in ["first", "second"] {
        stage.apply(&bare_pod(name, annotations, &json!({}))).await;
    }
    stage.apply(&binding("web", &json!({"drain": drain}))).await;
    stage.until_ready("web", "2/2").await;
    stage
}

/// The successful calls of an action, oldest first.
fn calls(stage: &Stage, action: &str) -> Vec<CallRecord> {
    let log = stage.cloud.call_log().into_iter();
    log.filter(|call| call.action == action && call.error.is_none()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn weight_zero_follows_the_deletion_and_deregistration_the_end() {
    let stage = stage_of_two("order", &[], &json!({}), &json!({"drain": "5s"})).await;
    let first = address(&web_pods(&stage).await[0]);
    stage.cloud.reset_calls();
    delete(&stage, "first").await;
    let weighed = until_weight(&stage, first, 0).await;
    // Neither the resync, which comes after 60 s, nor the end of the preStop hook, after 5 s, has caused it.
    assert!(weighed < Duration::from_secs(4), "{weighed:?}");
    assert!(calls(&stage, "BatchDeregisterTargets").is_empty(), "the Pod still runs");
    let mut deleting = pods(&stage).get("first").await.expect("the Pod still runs");
    assert!(deleting.metadata.deletion_timestamp.take().is_some());
    until_deregistered(&stage, first).await;
    let (weights, deregistrations) =
        (calls(&stage, "BatchModifyTargetWeight"), calls(&stage, "BatchDeregisterTargets"));
    assert_eq!((weights.len(), deregistrations.len()), (1, 1), "{weights:?} {deregistrations:?}");
    let between = deregistrations[0].at_milliseconds.saturating_sub(weights[0].at_milliseconds);
    assert!(between > 1_000, "{between} ms lie between: the target did not wait for its Pod");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_ends_at_its_timeout_although_the_pod_lives() {
    let drain = json!({"timeoutSeconds": 3});
    // The end of a drain is no event of Kubernetes, so it is found by looking.
    let stage = stage_of_two("timeout", &[], &drain, &json!({"drain": "20s"})).await;
    let first = address(&web_pods(&stage).await[0]);
    let deleted = Instant::now();
    delete(&stage, "first").await;
    until_weight(&stage, first, 0).await;
    until_deregistered(&stage, first).await;
    let drained = deleted.elapsed();
    assert!(drained >= Duration::from_secs(2) && drained < Duration::from_secs(18), "{drained:?}");
    assert!(pods(&stage).get("first").await.is_ok() && serves(first).await, "the Pod lives on");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_deregister_the_target_goes_while_the_pod_lives() {
    let drain = json!({"terminating": "Deregister"});
    let stage = stage_of_two("deregister", &[], &drain, &json!({"drain": "20s"})).await;
    let first = address(&web_pods(&stage).await[0]);
    stage.cloud.reset_calls();
    delete(&stage, "first").await;
    let took = until_deregistered(&stage, first).await;
    assert!(took < SOON, "{took:?}");
    assert!(calls(&stage, "BatchModifyTargetWeight").is_empty());
    assert!(pods(&stage).get("first").await.is_ok() && serves(first).await, "the Pod lives on");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keep_the_target_stays_as_it_is_until_the_pod_has_ended() {
    let stage =
        stage_of_two("keep", &["--resync-seconds", "1"], &json!({"terminating": "Keep"}), &json!({"drain": "5s"}))
            .await;
    let first = address(&web_pods(&stage).await[0]);
    stage.cloud.reset_calls();
    delete(&stage, "first").await;
    let is_deleting =
        async || pods(&stage).get("first").await.is_ok_and(|pod| pod.metadata.deletion_timestamp.is_some());
    assert!(is_deleting().await);
    let reads = || stage.cloud.calls().get("DescribeTargets").copied().unwrap_or_default();
    eventually("two rounds have seen it", DEADLINE, async || reads() >= 2).await;
    assert_eq!(target(&stage, first).map(|target| target.weight), Some(10));
    until_deregistered(&stage, first).await;
    assert!(calls(&stage, "BatchModifyTargetWeight").is_empty());
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_weight_zero_no_new_connection_reaches_the_pod() {
    let stage = stage_of_two("silent", &[], &json!({}), &json!({"drain": "10s"})).await;
    let pod = web_pods(&stage).await.remove(0);
    let first = address(&pod);
    let url = format!("http://{}/", stage.data_plane(Protocol::Tcp, 80));
    let answered = |load: &Load| load.totals().by_pod.get(&name(&pod)).copied().unwrap_or_default();
    let load = Load::start(&url, 200, Mode::New);
    eventually("the Pod has its share", DEADLINE, async || answered(&load) > 20).await;
    delete(&stage, "first").await;
    until_weight(&stage, first, 0).await;
    let before = load.stop().await.unwrap();
    assert_eq!(before.lost, 0, "{before}");
    let load = Load::start(&url, 200, Mode::New);
    eventually("many more connections were made", DEADLINE, async || load.totals().sent > 400).await;
    let after = load.stop().await.unwrap();
    assert!(serves(first).await, "the Pod would have answered");
    assert_eq!(target(&stage, first).map(|target| target.weight), Some(0), "it is still a target");
    assert_eq!((after.lost, after.by_pod.get("first")), (0, None), "{after}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_deleted_by_force_loses_its_target_at_once() {
    let stage = stage_of_two("force", &[], &json!({}), &json!({})).await;
    let first = address(&web_pods(&stage).await[0]);
    stage.ok(&["delete", "pod", "first", "--grace-period=0", "--force"]).await;
    let took = until_deregistered(&stage, first).await;
    assert!(took < SOON, "{took:?}");
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_the_service_no_longer_selects_is_drained_too() {
    let stage = stage_of_two("relabel", &[], &json!({"timeoutSeconds": 5}), &json!({})).await;
    let first = address(&web_pods(&stage).await[0]);
    stage.cloud.reset_calls();
    stage.ok(&["label", "pod", "first", "app=other", "--overwrite"]).await;
    until_deregistered(&stage, first).await;
    let log = stage.cloud.call_log();
    let position = |action: &str| log.iter().position(|call| call.action == action);
    let (weight, deregistration) = (position("BatchModifyTargetWeight"), position("BatchDeregisterTargets"));
    assert!(weight.is_some() && weight < deregistration, "{weight:?} {deregistration:?}");
    let pods: Api<k8s_openapi::api::core::v1::Pod> = pods(&stage);
    assert!(pods.get("first").await.unwrap().metadata.deletion_timestamp.is_none());
    stage.finish().await;
}
