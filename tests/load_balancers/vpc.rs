//! In which VPC a load balancer is created when nobody has written it down.

use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::sim::Settings as SimulatorSettings;

use super::scene::{created, creating, delete, deploy};
use crate::stage::{DEADLINE, Stage, binding};
use crate::support::eventually;

/// The VPC of a stage's load balancer.
const VPC: &str = "vpc-default";

/// An internal load balancer whose spec names no VPC.
fn internal() -> Value {
    json!({"network": "Internal", "subnetId": "subnet-1a2b3c4d"})
}

/// TKE's ConfigMap; it is one per cluster, and the other tests of this program live in the same VPC.
async fn apply_config(stage: &Stage) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": names::TKE_CONFIG},
        "data": {names::TKE_VPC_KEY: VPC, "TKE_REGION": "ap-guangzhou"},
    });
    stage.control_plane.kubectl_apply(names::SWITCHES_NAMESPACE, &map.to_string()).await.expect("it is taken");
}

fn vpcs(stage: &Stage) -> Vec<Option<String>> {
    created(stage).into_iter().map(|(_, shown)| shown.vpc_id).collect()
}

fn creations(stage: &Stage) -> u64 {
    stage.cloud.calls().get("CreateLoadBalancer").copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_for_while_the_vpc_is_unknown_and_tke_may_say_it_later() {
    let stage = Stage::new("vpc-unknown").await;
    deploy(&stage, 1).await;
    stage.apply(&creating("web", &internal(), &json!({"deletionPolicy": "Delete"}))).await;
    stage.until("web", "Accepted", "False", "Invalid").await;
    let path = "jsonpath={.status.conditions[?(@.type=='Accepted')].message}";
    let message = stage.ok(&["get", "dab", "web", "-o", path]).await;
    for words in ["spec.loadBalancer.create.vpcId", "--vpc-id", "the chart's vpcId", "kube-system/tke-config"] {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(creations(&stage), 0);
    // It waits for no timer.
    apply_config(&stage).await;
    stage.until_ready("web", "1/1").await;
    assert_eq!((vpcs(&stage), creations(&stage)), (vec![Some(VPC.to_owned())], 1));
    delete(&stage, "web").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_balancers_that_bindings_name_tell_the_vpc_also_after_a_restart() {
    let mut stage = Stage::without_controller("vpc-named", SimulatorSettings::instant()).await;
    deploy(&stage, 1).await;
    stage.apply(&binding("named", &json!({}))).await;
    stage.apply(&creating("web", &internal(), &json!({"deletionPolicy": "Delete"}))).await;
    stage.start_controller(&[]).await;
    stage.until_ready("named", "1/1").await;
    stage.until_ready("web", "1/1").await;
    assert_eq!((vpcs(&stage), creations(&stage)), (vec![Some(VPC.to_owned())], 1));
    let status = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!((status.requested_vpc_id, status.requested_time), (None, None), "the wish is fulfilled");
    stage.take_controller().end().await;
    stage.start_controller(&[]).await;
    delete(&stage, "web").await;
    eventually("it is deleted", DEADLINE, async || created(&stage).is_empty()).await;
    assert_eq!(creations(&stage), 1);
    stage.finish().await;
}
