//! An address that comes back with another Pod.

use serde_json::json;
use tke_direct_access::model::{Address, Health};
use tke_direct_access::sim::{Settings, Timing};

use crate::seen::{address, bare_pod, condition, delete, gate_is_open, is_of, pods, serves, target};
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, service};
use crate::support::eventually;

fn health(stage: &Stage, address: Address) -> Option<Health> {
    let rows = stage.cloud.console(|state| state.health(&LOAD_BALANCER.into()));
    rows.into_iter().find(|row| row.address == address).map(|row| row.health)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_the_pod_that_had_the_address_before_is_not_believed() {
    // Slow enough that the cloud goes on calling the address healthy for a while after its Pod has ended.
    let timing = Timing { health_scale: Some(0.8), ..Timing::instant() };
    let mut stage = Stage::without_controller("reuse", Settings { timing, ..Settings::instant() }).await;
    stage.start_controller(&[]).await;
    let ip = format!("10.{}.250.77", stage.control_plane.subnets()[0]);
    // The addresses are handed out by the node.
    let quick = json!({"nodeName": "node-1", "containers": [
        {"name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}]},
    ]});
    stage.apply(&service()).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.apply(&bare_pod("former", &json!({"address": ip}), &quick)).await;
    stage.until_ready("web", "1/1").await;
    let former = pods(&stage).get("former").await.unwrap();
    let address = address(&former);
    assert_eq!(address.ip.to_string(), ip);

    // Nobody takes the target away while the address changes hands.
    stage.take_controller().end().await;
    delete(&stage, "former").await;
    eventually("the former Pod is gone", DEADLINE, async || pods(&stage).get_opt("former").await.unwrap().is_none())
        .await;
    stage.apply(&bare_pod("latter", &json!({"address": ip, "start-delay": "12s"}), &quick)).await;
    eventually("the latter Pod has the address and ready containers", DEADLINE, async || {
        condition(&pods(&stage).get("latter").await.unwrap(), "ContainersReady") == "True"
    })
    .await;
    let latter = pods(&stage).get("latter").await.unwrap();
    let stale = target(&stage, address).expect("the target of the former Pod is there");
    assert!(is_of(&stale, &former) && !is_of(&stale, &latter));
    assert_eq!(health(&stage, address), Some(Health::Healthy), "what must not be believed");
    assert!(!serves(address).await, "the latter Pod does not listen yet");

    stage.start_controller(&[]).await;
    let latter = eventually("the gate opens", DEADLINE, async || {
        let latter = pods(&stage).get("latter").await.unwrap();
        gate_is_open(&latter).then_some(latter)
    })
    .await;
    assert!(serves(address).await, "the gate opened before the Pod listened");
    assert!(is_of(&target(&stage, address).unwrap(), &latter));
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}
