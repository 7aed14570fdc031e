//! The webhook goes away in the middle of a rolling update.

use std::time::Duration;

use serde_json::{Value, json};

use crate::injector::{Injector, label, until_injecting};
use crate::load::{Clients, turn};
use crate::scene::{PATIENCE, begin_rollout, brisk, end_rollout, pods, workload};
use crate::stage::{Stage, binding, service};
use crate::support::eventually;
use crate::witness::fewest_serving;

const REPLICAS: u32 = 20;

/// A Deployment whose Pods have no gate but an injected one.
fn ungated_workload(farewell: u32) -> String {
    let mut object: Value = serde_json::from_str(&workload(REPLICAS, "25%", farewell)).unwrap();
    object["spec"]["template"]["spec"].as_object_mut().unwrap().remove("readinessGates");
    object.to_string()
}

async fn ungated(stage: &Stage) -> i32 {
    let status = stage.binding("web").await.and_then(|binding| binding.status);
    status.and_then(|status| status.gates).map_or(0, |gates| gates.ungated_pods)
}

/// A rolling update without webhook, except for the first Pods when it goes away `in_between`. Returns the fewest healthy
/// targets that were seen.
async fn half_gated_rollout(name: &str, farewell: u32, in_between: bool) -> (Stage, Clients, usize) {
    let mut stage = Stage::without_controller(name, brisk()).await;
    stage.start_controller(&[]).await;
    label(&stage).await;
    for object in [service(), binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    let mut injector = Some(Injector::start().await);
    until_injecting(&stage, "web").await;
    stage.apply(&ungated_workload(farewell)).await;
    stage.until_ready("web", "20/20").await;
    assert_eq!(ungated(&stage).await, 0, "all Pods got the gate");
    let old = pods(&stage).await;
    let clients = Clients::start(&stage).await;
    let rollout = async {
        if let Some(injector) = injector.take_if(|_| !in_between) {
            injector.end().await;
        }
        begin_rollout(&stage, 2).await;
        eventually("the rollout has begun", PATIENCE, async || pods(&stage).await.len() > 20).await;
        if let Some(injector) = injector {
            injector.end().await;
        }
        end_rollout(&stage, 20, &old).await;
    };
    let ((), fewest) = fewest_serving(&stage, rollout).await;
    eprintln!("{name}: never fewer than {fewest} healthy targets, {} Pods without gate", ungated(&stage).await);
    (stage, clients, fewest)
}

/// Pods without gate are counted, and whoever looks is told.
async fn check_told(stage: &Stage) {
    stage.until_ready("web", "20/20").await;
    eventually("Pods without gate are counted", PATIENCE, async || ungated(stage).await > 0).await;
    let status = stage.binding("web").await.unwrap().status.unwrap();
    let accepted = status.conditions.iter().find(|found| found.type_ == "Accepted").unwrap();
    assert_eq!(accepted.status, "True", "it is a warning, not a fault");
    let advice = status.advice.iter().find(|one| one.reason == "UngatedPods").unwrap();
    let way_out = format!("kubectl rollout restart deployment/web -n {}", stage.namespace.name);
    assert!(advice.message.contains(&way_out) && advice.count.is_some(), "{advice:?}");
    eventually("an Event tells", Duration::from_secs(30), async || {
        let events = stage.ok(&["get", "events.events.k8s.io", "-o", "jsonpath={.items[*].reason}"]).await;
        events.split(' ').any(|reason| reason == "UngatedPods")
    })
    .await;
}

/// The sleep leaves the load balancer time to find new Pods healthy, while old ones still serve.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_lost_in_mid_rollout_costs_no_request_when_pods_take_their_time_to_end() {
    let _turn = turn().await;
    let (stage, clients, fewest) = half_gated_rollout("hook-down", 20, true).await;
    clients.lost_nothing("rollout that loses its webhook", 40).await;
    assert!(fewest >= 20, "Pods that were told to end went on serving: {fewest}");
    check_told(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_without_webhook_costs_no_request_when_pods_take_their_time_to_end() {
    let _turn = turn().await;
    let (stage, clients, fewest) = half_gated_rollout("hook-gone", 20, false).await;
    clients.lost_nothing("rollout without webhook", 40).await;
    assert!(fewest >= 20, "Pods that were told to end went on serving: {fewest}");
    check_told(&stage).await;
    stage.finish().await;
}

/// What happens to Pods that end too soon to stand in for others. Requests may be lost here, which no assertion denies.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_without_webhook_ends_although_pods_do_not_take_their_time() {
    let _turn = turn().await;
    let (stage, clients, _) = half_gated_rollout("hook-short", 5, false).await;
    clients.end("rollout without webhook and with short endings", 40).await;
    check_told(&stage).await;
    stage.finish().await;
}
