//! Containers that start again within their Pod.

use serde_json::json;

use crate::seen::{LOOPBACK, address, bare_pod, gate_is_open, pods, restarts, uid, until_weight, web_pods};
use crate::stage::{DEADLINE, Stage, binding, service};
use crate::support::eventually;

/// A container that is alive as long as no annotation says otherwise, and ready some time after its start.
fn containers() -> serde_json::Value {
    json!({"containers": [{
        "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
        "livenessProbe": {"exec": {"command": ["healthy"]}, "periodSeconds": 1, "failureThreshold": 1},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
    }]})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_restarts_in_place_loses_its_weight_and_gets_it_back() {
    let stage = Stage::new("inplace").await;
    stage.apply(&service()).await;
    stage.apply(&bare_pod("web", &json!({"ready-delay": "4s"}), &containers())).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "1/1").await;
    let before = web_pods(&stage).await.remove(0);
    stage.cloud.reset_calls();
    stage.ok(&["annotate", "pod", "web", &format!("{LOOPBACK}/fail-health=true")]).await;
    until_weight(&stage, address(&before), 0).await;
    eventually("the container was restarted", DEADLINE, async || restarts(&pods(&stage).get("web").await.unwrap()) > 0)
        .await;
    stage.ok(&["annotate", "pod", "web", "--overwrite", &format!("{LOOPBACK}/fail-health=false")]).await;
    until_weight(&stage, address(&before), 10).await;
    stage.until_ready("web", "1/1").await;
    let after = pods(&stage).get("web").await.unwrap();
    assert_eq!((uid(&after), address(&after)), (uid(&before), address(&before)));
    assert!(gate_is_open(&after), "an open gate stays open");
    let calls = stage.cloud.calls();
    assert_eq!(calls.get("BatchDeregisterTargets"), None, "it stayed a target: {calls:?}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_crashes_again_and_again_gets_no_new_connections_while_it_waits() {
    let stage = Stage::new("crash").await;
    stage.apply(&service()).await;
    // After its second crash the kubelet waits 10 s before it starts the container again.
    stage.apply(&bare_pod("web", &json!({"crash-after": "8s"}), &json!({}))).await;
    stage.apply(&binding("web", &json!({}))).await;
    let targets = || stage.targets(tke_direct_access::model::Protocol::Tcp, 80).unwrap_or_default();
    let found = eventually("it is a target", DEADLINE, async || targets().pop_first()).await.0;
    eventually("it has crashed twice", DEADLINE, async || {
        let pod = pods(&stage).get("web").await.unwrap();
        let mut containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        let is_down = containers.all(|container| container.state.as_ref().is_some_and(|state| state.running.is_none()));
        let waits = is_down && restarts(&pod) > 0;
        if waits { Ok(Some(())) } else { Err(format!("{:?}", pod.status)) }
    })
    .await;
    until_weight(&stage, found, 0).await;
    until_weight(&stage, found, 10).await;
    stage.finish().await;
}
