//! Pods in GlobalRouter are bound where the cluster and the load balancer permit it; Pods in VPC-CNI always are.

use serde_json::json;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::api::ok;
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment_with, service};
use crate::support::eventually;

/// One line for each reason why Pods are no targets: reason and count.
async fn excluded(stage: &Stage, name: &str) -> String {
    let path = "jsonpath={range .status.excluded[*]}{.reason} {.count};{end}";
    stage.ok(&["get", "dab", name, "-o", path]).await
}

async fn until_excluded(stage: &Stage, name: &str, expected: &str) {
    eventually(&format!("excluded: {expected}"), DEADLINE, async || {
        let found = excluded(stage, name).await;
        if found == expected { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

/// TKE's switches; the ConfigMap is one per cluster, and only this test looks at it.
async fn switch(stage: &Stage, value: &str) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tke-service-controller-config"},
        "data": {"GlobalRouteDirectAccess": value},
    });
    stage.control_plane.kubectl_apply("kube-system", &map.to_string()).await.expect("the switch is set");
}

#[tokio::test(flavor = "multi_thread")]
async fn global_router_needs_the_switch_and_snat_pro() {
    let mut stage = Stage::without_controller("global-router", SimulatorSettings::instant()).await;
    stage.start_controller(&["--cluster-network", "GlobalRouter"]).await;
    stage.deploy(2, &json!({})).await;
    until_excluded(&stage, "web", "GlobalRouteDisabled 2;").await;
    switch(&stage, "true").await;
    until_excluded(&stage, "web", "SnatProRequired 2;").await;
    let on = json!({"LoadBalancerId": LOAD_BALANCER, "SnatPro": true});
    ok(&stage.cloud, "ModifyLoadBalancerAttributes", on).await;
    stage.ok(&["annotate", "dab", "web", "cloud.tencent.com/reconcile-requested-at=1"]).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(excluded(&stage, "web").await, "");

    // A load balancer that is created gets SnatPro at once.
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/14-global-router.yaml");
    stage.apply(&std::fs::read_to_string(path).unwrap()).await;
    stage.until_ready("routed", "2/2").await;
    stage.ok(&["delete", "dab", "routed", "--timeout=150s"]).await;

    // The switch is for binding: what is bound stays, and new Pods are told.
    let bound = stage.targets(Protocol::Tcp, 80).unwrap();
    switch(&stage, "false").await;
    until_excluded(&stage, "web", "GlobalRouteDisabled 2;").await;
    stage.ok(&["annotate", "dab", "web", "--overwrite", "cloud.tencent.com/reconcile-requested-at=2"]).await;
    eventually("the round that was asked for is over", DEADLINE, async || {
        stage.ok(&["get", "dab", "web", "-o", "jsonpath={.status.lastHandledReconcileAt}"]).await == "2"
    })
    .await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap(), bound);

    // Pods in VPC-CNI ask nobody.
    let vpc_cni = deployment_with(2, &json!({"tke.cloud.tencent.com/networks": "tke-route-eni"}), &json!({}));
    stage.apply(&vpc_cni).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=150s"]).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_may_ask_for_one_network() {
    let stage = Stage::new("one-network").await;
    for object in
        [service(), deployment_with(1, &json!({}), &json!({})), binding("web", &json!({"network": "GlobalRouter"}))]
    {
        stage.apply(&object).await;
    }
    until_excluded(&stage, "web", "NetworkModeMismatch 1;").await;
    stage.until("web", "TargetsHealthy", "False", "NoTargets").await;
    stage.apply(&binding("web", &json!({"network": "VpcCni"}))).await;
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}
