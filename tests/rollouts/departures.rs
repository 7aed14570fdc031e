//! Pods that leave for another reason than a rollout.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::load::{Clients, turn};
use crate::scene::{PATIENCE, brisk, pods, until_gone, until_targets, workload};
use crate::stage::{Stage, binding, service};
use crate::support::eventually;
use crate::witness::watched;

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_down_from_20_to_5_loses_nothing() {
    let _turn = turn().await;
    let stage = stage("down", workload(20, "25%", 5)).await;
    stage.until_ready("web", "20/20").await;
    let scale_down = async {
        let clients = Clients::start(&stage).await;
        stage.ok(&["scale", "deployment/web", "--replicas=5"]).await;
        eventually("15 Pods have gone", PATIENCE, async || pods(&stage).await.len() == 5).await;
        until_targets(&stage, 5).await;
        clients.lost_nothing("scale-down", 20).await;
    };
    watched(&stage, scale_down).await;
    stage.until_ready("web", "5/5").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_a_node_within_a_disruption_budget_loses_nothing() {
    let _turn = turn().await;
    // The control plane is shared: the label keeps the drain away from Pods of other tests.
    let mut object: Value = serde_json::from_str(&workload(8, "25%", 5)).unwrap();
    let label = "example.com/drained";
    object["spec"]["template"]["metadata"]["labels"][label] = json!("true");
    let stage = stage("drain", object.to_string()).await;
    stage.apply(&budget()).await;
    stage.until_ready("web", "8/8").await;
    let node = "node-1";
    let doomed = pods_on(&stage, node).await;
    assert!(!doomed.is_empty(), "the scheduler has used both nodes");
    let drain = async {
        let clients = Clients::start(&stage).await;
        let selector = format!("--pod-selector={label}=true");
        let output = stage.kubectl(&["drain", node, &selector, "--ignore-daemonsets", "--timeout=240s"]).await;
        let back = stage.kubectl(&["uncordon", node]).await;
        output.ok().expect("the node is drained");
        back.ok().expect("the node is used again");
        until_gone(&stage, &doomed).await;
        stage.until_ready("web", "8/8").await;
        until_targets(&stage, 8).await;
        clients.lost_nothing("drain of a node", 8 + doomed.len()).await;
    };
    watched(&stage, drain).await;
    stage.finish().await;
}

async fn stage(name: &str, workload: String) -> Stage {
    let mut stage = Stage::without_controller(name, brisk()).await;
    stage.start_controller(&[]).await;
    for object in [service(), workload, binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    stage
}

/// At most two Pods may be away at once.
fn budget() -> String {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"maxUnavailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    })
    .to_string()
}

async fn pods_on(stage: &Stage, node: &str) -> Vec<String> {
    let api: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let found = api.list(&on_node).await.unwrap().items;
    found.into_iter().map(|pod| format!("pod/{}", pod.metadata.name.unwrap_or_default())).collect()
}
