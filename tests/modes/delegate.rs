//! Mode Delegate: TKE's own service controller programs the load balancer, and we only look. The tests play TKE's part.

use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, deployment};
use crate::support::eventually;

async fn annotations(stage: &Stage) -> serde_json::Value {
    let text = stage.ok(&["get", "service", "web", "-o", "jsonpath={.metadata.annotations}"]).await;
    serde_json::from_str(&text).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tke_binds_is_reported_and_opens_gates_and_nothing_is_written_to_the_cloud() {
    let mut stage = Stage::without_controller("delegate", SimulatorSettings::instant()).await;
    stage.start_controller(&[]).await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    stage.apply(&service.to_string()).await;
    stage.apply(&deployment(1)).await;
    let binding = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"},
        "spec": {"serviceRef": {"name": "web"}, "mode": "Delegate"},
    });
    stage.apply(&binding.to_string()).await;
    stage.until("web", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    eventually("TKE is told", DEADLINE, async || {
        let found = annotations(&stage).await;
        let is_told = found["service.cloud.tencent.com/direct-access"] == "true";
        if is_told { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
    // TKE chooses a load balancer, and then makes a listener and a target.
    stage.ok(&["annotate", "service", "web", &format!("service.kubernetes.io/loadbalance-id={LOAD_BALANCER}")]).await;
    stage.until("web", "Programmed", "False", "InProgress").await;
    let id = LoadBalancerId::new(LOAD_BALANCER);
    let listener = stage.cloud.console(|state| state.add_listener(&id, "TKE-DEDICATED", Protocol::Tcp, 80)).unwrap();
    let route = Route { listener, rule: None };
    let ip = eventually("the Pod has an address", DEADLINE, async || {
        let ip = stage.ok(&["get", "pods", "-o", "jsonpath={.items[0].status.podIP}"]).await;
        Ok::<_, String>((!ip.is_empty()).then_some(ip))
    })
    .await;
    let address = tke_direct_access::model::Address { ip: ip.parse().unwrap(), port: 8080 };
    stage.cloud.console(|state| state.put_target(&id, &route, address, 10, "")).unwrap();
    let now = json!({"metadata": {"annotations": {"cloud.tencent.com/reconcile-requested-at": "now"}}}).to_string();
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &now]).await;
    stage.until_ready("web", "1/1").await;
    eventually("the gate is open", DEADLINE, async || {
        let path = "jsonpath={.items[0].status.conditions[?(@.type=='Ready')].status}";
        let ready = stage.ok(&["get", "pods", "-o", path]).await;
        if ready == "True" { Ok(Some(())) } else { Err(ready) }
    })
    .await;
    let status = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!((status.id.as_str(), status.created), (LOAD_BALANCER, false));
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 1, "TKE's target stays");
    // Without it TKE would swap the Pods for node ports.
    assert_eq!(annotations(&stage).await["service.cloud.tencent.com/direct-access"], "true");
    assert_eq!(stage.cloud.writes(), 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_load_balancer_is_passed_on_to_tke() {
    let stage = Stage::new("delegate-id").await;
    stage.apply(&crate::stage::service()).await;
    stage.apply(&crate::stage::binding("web", &json!({"mode": "Delegate"}))).await;
    eventually("TKE is told", DEADLINE, async || {
        let found = annotations(&stage).await;
        let is_told = found["service.kubernetes.io/tke-existed-lbid"] == LOAD_BALANCER;
        if is_told { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
    stage.until("web", "Programmed", "False", "InProgress").await;
    assert_eq!(stage.cloud.writes(), 0);
    stage.finish().await;
}
