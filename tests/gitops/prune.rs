//! Objects that are taken out of Git go, in whatever order a tool deletes them.

use serde_json::Value;
use tke_direct_access::api::names;
use tke_direct_access::model::LoadBalancerId;

use super::drift::{LOAD_BALANCER, stage};
use super::tool::{Repository, Tool, bound};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

/// As Argo CD deletes: in the foreground.
async fn prune(stage: &Stage, what: &str) {
    stage.ok(&["delete", what, "--cascade=foreground", "--timeout=150s"]).await;
}

fn listeners(stage: &Stage) -> usize {
    stage.cloud.console(|state| state.listeners(&LoadBalancerId::new(LOAD_BALANCER)).len())
}

async fn annotations(stage: &Stage) -> Value {
    let text = stage.ok(&["get", "service", "plain", "-o", "json"]).await;
    serde_json::from_str::<Value>(&text).unwrap()["metadata"]["annotations"].clone()
}

async fn ready(stage: &Stage) {
    Repository::new(stage, Tool::ArgoCd, bound("plain")).sync().await;
    stage.until_ready("plain", "1/1").await;
    eventually("the Service says where it is served", DEADLINE, async || {
        annotations(stage).await[names::LOAD_BALANCER_ID] == LOAD_BALANCER
    })
    .await;
}

async fn until_unmarked(stage: &Stage) {
    eventually("the Service says nothing of a load balancer any more", DEADLINE, async || {
        annotations(stage).await[names::LOAD_BALANCER_ID].is_null()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pruned_binding_takes_its_marks_off_the_service() {
    let stage = stage("prune").await;
    ready(&stage).await;
    let own = annotations(&stage).await;
    prune(&stage, "dab/plain").await;
    assert_eq!(listeners(&stage), 0);
    until_unmarked(&stage).await;
    let left = annotations(&stage).await;
    for (key, value) in left.as_object().unwrap() {
        assert_eq!(&own[key], value, "what Git says is left");
    }
    prune(&stage, "service/plain").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_whose_service_was_pruned_before_goes_too() {
    let stage = stage("prune-service").await;
    ready(&stage).await;
    prune(&stage, "service/plain").await;
    prune(&stage, "dab/plain").await;
    assert_eq!(listeners(&stage), 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_whose_load_balancer_is_gone_does_not_get_stuck() {
    let stage = stage("prune-gone").await;
    ready(&stage).await;
    assert!(stage.cloud.console(|state| state.remove_load_balancer(&LoadBalancerId::new(LOAD_BALANCER))));
    prune(&stage, "dab/plain").await;
    until_unmarked(&stage).await;
    stage.finish().await;
}
