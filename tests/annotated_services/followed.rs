//! Annotations that are followed.

use serde_json::{Value, json};
use tke_direct_access::model::{LoadBalancerId, Protocol};

use super::scene::{DOCUMENTED, annotate, created, delete_parked, pods, stage, until_gone, until_told};
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage};
use crate::support::eventually;

/// The Service without what every write changes.
async fn shape(stage: &Stage) -> Value {
    let text = stage.ok(&["get", "service", "my-service", "-o", "json"]).await;
    let mut service: Value = serde_json::from_str(&text).unwrap();
    let metadata = service["metadata"].as_object_mut().unwrap();
    for key in ["resourceVersion", "generation"] {
        metadata.remove(key);
    }
    let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut).unwrap();
    annotations.retain(|key, _| key != "kubectl.kubernetes.io/last-applied-configuration");
    annotations.remove("service.cloud.tencent.com/direct-access");
    service
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_service_gets_an_address_and_traffic_and_leaves_nothing_behind() {
    let stage = stage("documented", "All").await;
    stage.apply(&pods(2)).await;
    stage.apply(&DOCUMENTED.replace("direct-access: \"true\"", "direct-access: \"false\"")).await;
    let before = shape(&stage).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "2/2").await;
    until_told(&stage, "True", "Accepted").await;
    let all = created(&stage);
    let [(id, shown)] = all.as_slice() else { panic!("{all:?}") };
    let address = &shown.load_balancer_vips.as_ref().unwrap()[0];
    eventually("the address shows", DEADLINE, async || {
        let row = stage.ok(&["get", "service", "my-service"]).await;
        if row.contains(address.as_str()) { Ok(Some(())) } else { Err(row) }
    })
    .await;
    let front = stage.cloud.data_plane(id, Protocol::Tcp, 80).unwrap();
    let answer = reqwest::get(format!("http://{front}/")).await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"pod\":\"my-app-"), "{answer}");
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": null})).await;
    delete_parked(&stage).await;
    eventually("the Service is as it was", DEADLINE, async || {
        let after = shape(&stage).await;
        if after == before { Ok(Some(())) } else { Err(format!("{after}\nis not\n{before}")) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_service_takes_binding_and_load_balancer_with_it() {
    let stage = stage("deleted", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "1/1").await;
    stage.ok(&["delete", "service", "my-service", "--timeout=150s"]).await;
    until_gone(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_load_balancer_is_used_with_the_protocols_and_the_config_that_annotations_name() {
    let stage = stage("existing", "All").await;
    stage.apply(&pods(1)).await;
    let config = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": "slow"},
        "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN"}]}},
    });
    stage.apply(&config.to_string()).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "1/1").await;
    // Which load balancer is used cannot be changed: the annotation goes off first.
    annotate(&stage, json!({"service.kubernetes.io/tke-existed-lbid": LOAD_BALANCER})).await;
    let said = until_told(&stage, "False", "InvalidAnnotation").await;
    assert!(said.contains("tke-existed-lbid: it cannot be changed"), "{said}");
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": "false"})).await;
    delete_parked(&stage).await;
    annotate(
        &stage,
        json!({
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/tke-service-config": "slow",
            "service.cloud.tencent.com/specify-protocol": r#"{"80":{"protocol":["TCP","UDP"]}}"#,
        }),
    )
    .await;
    stage.until_ready("my-service", "1/1").await;
    assert_eq!(created(&stage).len(), 0);
    let listeners = stage.cloud.console(|state| state.listeners(&LoadBalancerId::new(LOAD_BALANCER)));
    let mut found: Vec<_> = listeners.iter().filter(|one| one.port == 80).map(|one| one.protocol).collect();
    found.sort();
    assert_eq!(found, [Protocol::Tcp, Protocol::Udp]);
    eventually("the config is followed", DEADLINE, async || {
        let generation = stage.binding("my-service").await.unwrap().status.unwrap().observed_config_generation;
        if generation == Some(1) { Ok(Some(())) } else { Err(format!("{generation:?}")) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_our_class_is_followed_where_others_are_not() {
    let stage = stage("own-class", "OwnClass").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    let ours = DOCUMENTED
        .replace("name: my-service", "name: ours")
        .replace("type: LoadBalancer", "type: LoadBalancer\n  loadBalancerClass: cloud.tencent.com/direct-access");
    stage.apply(&ours).await;
    stage.until_ready("ours", "1/1").await;
    assert!(stage.binding("my-service").await.is_none());
    stage.ok(&["delete", "service", "ours", "--timeout=150s"]).await;
    until_gone(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_followed() {
    let stage = stage("example", "All").await;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/13-annotated-service.yaml");
    stage.apply(&std::fs::read_to_string(path).unwrap()).await;
    stage.until_ready("annotated", "2/2").await;
    stage.ok(&["delete", "service", "annotated", "--timeout=150s"]).await;
    until_gone(&stage).await;
    stage.finish().await;
}
