//! What a binding does in good weather.

use std::time::Duration;

use serde_json::json;
use tke_direct_access::model::{Protocol, Route};

use crate::stage::{DEADLINE, Stage, binding, deployment, foreign_port, service};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn pods_become_targets_gates_open_and_traffic_flows() {
    let stage = Stage::new("bind").await;
    stage.deploy(3, &json!({})).await;
    stage.until_ready("web", "3/3").await;
    stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let table = stage.ok(&["get", "pods", "-o", "wide"]).await;
    assert_eq!(table.matches("1/1").count(), 6, "three Pods ready, three gates open:\n{table}");
    let address = stage.data_plane(Protocol::Tcp, 80);
    let answer = reqwest::get(format!("http://{address}/")).await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"pod\":\"web-"), "{answer}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_and_the_annotations_tell_what_is_the_case() {
    let stage = Stage::new("table").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let table = stage.ok(&["get", "dab"]).await;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "SERVICE", "LB", "ADDRESS", "TARGETS", "READY", "REASON", "AGE"]);
    assert_eq!(lines[1][..3], ["web", "web", "lb-test0001"]);
    assert_eq!(lines[1][4..7], ["2/2", "True", "Ready"]);
    let annotations = stage.ok(&["get", "service", "web", "-o", "jsonpath={.metadata.annotations}"]).await;
    assert!(annotations.contains(r#""service.cloud.tencent.com/direct-access":"true""#), "{annotations}");
    assert!(annotations.contains(r#""service.kubernetes.io/loadbalance-id":"lb-test0001""#), "{annotations}");
    eventually("events tell what was done", DEADLINE, async || {
        let events = stage.ok(&["get", "events", "--field-selector", "involvedObject.kind=DirectAccessBinding"]).await;
        if events.contains("RegisteredTargets") && events.contains("Ready") { Ok(Some(())) } else { Err(events) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_annotation_is_never_overwritten() {
    let stage = Stage::new("annotation").await;
    stage.apply(&service()).await;
    stage.ok(&["annotate", "service", "web", "service.cloud.tencent.com/direct-access=false"]).await;
    stage.apply(&deployment(1)).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "1/1").await;
    let value = r"jsonpath={.metadata.annotations.service\.cloud\.tencent\.com/direct-access}";
    assert_eq!(stage.ok(&["get", "service", "web", "-o", value]).await, "false");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_follow_the_scale() {
    let stage = Stage::new("scale").await;
    stage.deploy(1, &json!({})).await;
    stage.until_ready("web", "1/1").await;
    stage.ok(&["scale", "deployment/web", "--replicas=5"]).await;
    stage.until_ready("web", "5/5").await;
    stage.ok(&["scale", "deployment/web", "--replicas=2"]).await;
    stage.until_ready("web", "2/2").await;
    eventually("the targets of ended Pods are gone", DEADLINE, async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets.len() == 2)
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_binding_takes_its_own_away_and_its_annotations() {
    let stage = Stage::new("delete").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.listeners().len(), 1, "only the foreign listener is left");
    let annotations = stage.ok(&["get", "service", "web", "-o", "jsonpath={.metadata.annotations}"]).await;
    assert!(!annotations.contains("loadbalance-id") && !annotations.contains("direct-access"), "{annotations}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_leaves_everything_in_place() {
    let stage = Stage::new("retain").await;
    stage.deploy(2, &json!({"deletionPolicy": "Retain"})).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 2);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_listener_gets_our_targets_beside_the_others() {
    let stage = Stage::new("existing").await;
    let listener = stage.foreign_listener().to_string();
    let spec = json!({"listeners": [
        {"port": foreign_port(), "protocol": "TCP", "listenerId": listener, "servicePort": 80, "weight": 20},
    ]});
    stage.deploy(2, &spec).await;
    stage.until_ready("web", "2/2").await;
    let targets = stage.targets(Protocol::Tcp, foreign_port()).unwrap();
    assert_eq!(targets.values().filter(|target| target.weight == 20).count(), 2);
    assert_eq!(targets.len(), 3);
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.targets(Protocol::Tcp, foreign_port()).unwrap().len(), 1);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_and_tcp_on_one_port_both_carry_traffic() {
    let stage = Stage::new("udp").await;
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [
            {"name": "tcp", "port": 5300, "protocol": "TCP", "targetPort": 5353},
            {"name": "udp", "port": 5300, "protocol": "UDP", "targetPort": 5353},
        ]},
    });
    let containers = json!({"containers": [{"name": "web", "image": "registry.example.com/web:v1", "ports": [
        {"containerPort": 5353, "protocol": "TCP"}, {"containerPort": 5353, "protocol": "UDP"},
    ]}]});
    stage.apply(&service.to_string()).await;
    stage.apply(&crate::stage::deployment_with(2, &json!({}), &containers)).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    let tcp = stage.data_plane(Protocol::Tcp, 5300);
    assert!(reqwest::get(format!("http://{tcp}/")).await.unwrap().status().is_success());
    let udp = stage.data_plane(Protocol::Udp, 5300);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    eventually("a Pod answers over UDP", DEADLINE, async || {
        socket.send_to(b"hello", udp).await.ok()?;
        let mut buffer = [0; 2048];
        let received = tokio::time::timeout(Duration::from_secs(1), socket.recv_from(&mut buffer)).await.ok()?.ok()?;
        String::from_utf8_lossy(&buffer[..received.0]).contains("web-").then_some(())
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_of_a_target_is_corrected() {
    let stage = Stage::without_controller("drift", tke_direct_access::sim::Settings::instant()).await;
    let mut stage = stage;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let (address, target) = stage.targets(Protocol::Tcp, 80).unwrap().pop_first().unwrap();
    let id = stage.listeners().into_iter().find(|listener| listener.port == 80).unwrap().id;
    let route = Route { listener: id, rule: None };
    let balancer = crate::stage::LOAD_BALANCER.into();
    stage.cloud.console(|state| state.put_target(&balancer, &route, address, 77, &target.tag)).unwrap();
    eventually("the weight is as desired again", DEADLINE, async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets[&address].weight == 10)
    })
    .await;
    assert!(stage.cloud.console(|state| state.remove_target(&balancer, &route, address)));
    eventually("the target is there again", DEADLINE, async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets.contains_key(&address))
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_binding_is_left_alone_but_for_pods_that_are_gone() {
    let mut stage = Stage::without_controller("suspend", tke_direct_access::sim::Settings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]).await;
    stage.until("web", "Accepted", "False", "Suspended").await;
    stage.cloud.reset_calls();
    stage.ok(&["scale", "deployment/web", "--replicas=0"]).await;
    eventually("the Pods are gone", DEADLINE, async || stage.ok(&["get", "pods", "-o", "name"]).await.is_empty()).await;
    let weights = || stage.targets(Protocol::Tcp, 80).unwrap().iter().map(|target| target.1.weight).collect::<Vec<_>>();
    eventually("their addresses get nothing", DEADLINE, async || weights() == [0, 0]).await;
    stage.cloud.reset_calls();
    eventually("rounds go on", DEADLINE, async || stage.cloud.calls().get("DescribeTargets").copied() >= Some(3)).await;
    assert_eq!(stage.cloud.writes(), 0);
    stage.finish().await;
}
