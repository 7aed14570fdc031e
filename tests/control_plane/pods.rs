//! Pods do what they declare and what their annotations ask for.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::support::eventually;
use crate::workload::{Answer, SOON, World, ask, client, condition, pod, restarts, socket};

fn http_probe(path: &str) -> Value {
    json!({"httpGet": {"path": path, "port": 8080}, "periodSeconds": 1, "failureThreshold": 1})
}

fn tcp_probe(port: u16) -> Value {
    json!({"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 30})
}

#[tokio::test]
async fn every_declared_port_is_served() {
    let world = World::new("ports").await;
    let ports = json!([{"containerPort": 8081}, {"containerPort": 8082}, {"containerPort": 5353, "protocol": "UDP"}]);
    let pod = world.ready_pod("ports", json!({}), json!({"ports": ports})).await;
    for port in [8081, 8082] {
        let answer = ask(&socket(&pod, port)).await.unwrap();
        assert_eq!((answer.pod.as_str(), answer.version.as_str()), ("ports", "v1"));
        let address = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).unwrap();
        assert_eq!(answer.address, format!("{address}:{port}"));
    }
    let here = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut buffer = [0; 1024];
    here.send_to(b"hello", socket(&pod, 5353)).await.unwrap();
    let received = tokio::time::timeout(Duration::from_secs(5), here.recv(&mut buffer)).await.unwrap().unwrap();
    let answer: Answer = serde_json::from_slice(&buffer[..received]).unwrap();
    assert_eq!((answer.pod.as_str(), answer.echo.as_str()), ("ports", "hello"));
    assert!(ask(&socket(&pod, 8080)).await.is_err(), "a port that is not declared is closed");
}

#[tokio::test]
async fn kept_connections_answer_many_requests() {
    let world = World::new("kept").await;
    let pod = world.ready_pod("kept", json!({}), json!({})).await;
    let client = reqwest::Client::builder().pool_max_idle_per_host(1).build().unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let url = format!("http://{}/", socket(&pod, 8080));
        let text = client.get(url).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        clients.push(answer["client"].clone());
    }
    assert!(clients.iter().all(|client| client == &clients[0]), "{clients:?}");
}

#[tokio::test]
async fn a_readiness_probe_follows_the_health_of_a_running_pod() {
    let world = World::new("health").await;
    let probe = json!({"readinessProbe": http_probe("/healthz")});
    let pod = world.ready_pod("health", json!({}), probe).await;
    world.annotate("health", "fail-health", "/healthz").await;
    let failing = world.wait_for("health", "is not ready", |pod| condition(pod, "Ready").0 == "False").await;
    assert_eq!(condition(&failing, "Ready").1, "ContainersNotReady");
    ask(&socket(&pod, 8080)).await.expect("other paths are still answered");
    eventually("the kubelet says why", SOON, || async {
        let events = world.events("health").await?;
        let is_told = events.iter().any(|event| event.contains("Unhealthy: Readiness probe failed"));
        if is_told { Ok(Some(())) } else { Err(anyhow!("{events:?}")) }
    })
    .await;
    world.annotate("health", "fail-health", "false").await;
    let healed = world.wait_for("health", "is ready again", |pod| condition(pod, "Ready").0 == "True").await;
    assert_eq!(restarts(&healed), 0);
}

#[tokio::test]
async fn a_liveness_probe_restarts_a_container() {
    let world = World::new("liveness").await;
    let probe = json!({"exec": {"command": ["healthy"]}, "periodSeconds": 1, "failureThreshold": 1});
    world.ready_pod("liveness", json!({}), json!({"livenessProbe": probe})).await;
    world.annotate("liveness", "fail-health", "true").await;
    world.wait_for("liveness", "was restarted", |pod| restarts(pod) > 0).await;
}

#[tokio::test]
async fn probes_wait_for_a_server_that_starts_late() {
    let world = World::new("late").await;
    // Long enough to be seen, and longer than the first probe waits.
    let annotations = json!({"start-delay": "3s", "ready-delay": "5s"});
    let container = json!({
        "startupProbe": tcp_probe(8080),
        "readinessProbe": http_probe("/"),
    });
    world.apply(&pod("late", annotations, container)).await;
    let running = world.wait_for("late", "runs", |pod| pod.status.as_ref().is_some_and(|s| s.pod_ip.is_some())).await;
    assert!(ask(&socket(&running, 8080)).await.is_err(), "nothing listens yet");
    assert_eq!(condition(&running, "Ready").0, "False");
    let url = format!("http://{}/", socket(&running, 8080));
    let client = client();
    eventually("it listens and is not ready", SOON, || async {
        client.get(&url).send().await.is_ok_and(|response| response.status() == 503)
    })
    .await;
    let ready = world.wait_for("late", "is ready", |pod| condition(pod, "Ready").0 == "True").await;
    assert_eq!(restarts(&ready), 0);
}

#[tokio::test]
async fn a_container_that_crashes_is_started_again() {
    let world = World::new("crash").await;
    world.apply(&pod("crash", json!({"crash-after": "1s"}), json!({}))).await;
    let crashed = world.wait_for("crash", "was restarted", |pod| restarts(pod) > 0).await;
    let status = crashed.status.and_then(|status| status.container_statuses).unwrap();
    let last = status[0].last_state.as_ref().and_then(|state| state.terminated.as_ref()).unwrap();
    assert_eq!((last.exit_code, last.message.as_deref()), (1, Some("crashed as annotated")));
}

#[tokio::test]
async fn answers_take_as_long_as_annotated() {
    let world = World::new("slow").await;
    let pod = world.ready_pod("slow", json!({"response-delay": "400ms", "version": "v7"}), json!({})).await;
    let started = std::time::Instant::now();
    assert_eq!(ask(&socket(&pod, 8080)).await.unwrap().version, "v7");
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn an_address_can_be_asked_for_and_is_reused_when_free() {
    let world = World::new("address").await;
    let address = format!("10.{}.250.9", world.control_plane.subnets()[0]);
    let wanted = |name: &str| {
        let mut pod = pod(name, json!({"address": address}), json!({}));
        // The pool that knows what is used is that of the node.
        pod["spec"]["nodeName"] = json!("node-1");
        pod
    };
    let has_address = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.status.as_ref().and_then(|status| status.pod_ip.as_deref()) == Some(address.as_str())
    };
    world.apply(&wanted("first")).await;
    let first = world.wait_for("first", "has the address", has_address).await;
    world.apply(&wanted("second")).await;
    world
        .wait_for("second", "waits", |pod| {
            pod.status.as_ref().is_some_and(|status| status.container_statuses.is_some() && status.pod_ip.is_none())
        })
        .await;
    assert_eq!(ask(&socket(&first, 8080)).await.unwrap().pod, "first");
    world.delete("first").await;
    let second = world.wait_for("second", "has the address", has_address).await;
    world.wait_for("second", "is ready", |pod| condition(pod, "Ready").0 == "True").await;
    assert_eq!(ask(&socket(&second, 8080)).await.unwrap().pod, "second");
}

#[tokio::test]
async fn pods_may_mount_volumes_use_the_host_network_and_run_to_their_end() {
    let world = World::new("kinds").await;
    world
        .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map"}, "data": {"a": "b"}}))
        .await;
    let mut volumes = pod("volumes", json!({}), json!({"volumeMounts": [{"name": "empty", "mountPath": "/empty"}]}));
    let projected = json!({"sources": [{"configMap": {"name": "map"}}, {"serviceAccountToken": {"path": "token"}}]});
    volumes["spec"]["volumes"] = json!([
        {"name": "empty", "emptyDir": {}},
        {"name": "map", "configMap": {"name": "map"}},
        {"name": "projected", "projected": projected},
    ]);
    volumes["spec"]["serviceAccountName"] = json!("default");
    volumes["spec"]["initContainers"] = json!([{"name": "before", "image": "any"}]);
    world.apply(&volumes).await;
    let mut host =
        pod("host", json!({}), json!({"ports": [{"containerPort": 7070}], "readinessProbe": tcp_probe(7070)}));
    host["spec"]["hostNetwork"] = json!(true);
    world.apply(&host).await;
    let mut job = pod("job", json!({"exit-after": "1s"}), json!({}));
    job["spec"]["restartPolicy"] = json!("Never");
    world.apply(&job).await;

    world.wait_for("volumes", "is ready", |pod| condition(pod, "Ready").0 == "True").await;
    let host = world.wait_for("host", "is ready", |pod| condition(pod, "Ready").0 == "True").await;
    let status = host.status.clone().unwrap();
    assert_eq!(status.pod_ip, status.host_ip);
    assert_eq!(ask(&socket(&host, 7070)).await.unwrap().pod, "host");
    let succeeded = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Succeeded")
    };
    world.wait_for("job", "has succeeded", succeeded).await;
}

#[tokio::test]
async fn a_port_that_is_taken_keeps_a_container_from_starting() {
    let world = World::new("taken").await;
    let mut two = pod("taken", json!({}), json!({}));
    let second = json!({"name": "second", "image": "any"});
    two["spec"]["containers"].as_array_mut().unwrap().push(second);
    world.apply(&two).await;
    world
        .wait_for("taken", "says that the port is taken", |pod| {
            let containers =
                pod.status.as_ref().and_then(|status| status.container_statuses.clone()).unwrap_or_default();
            containers.iter().any(|container| {
                let waiting = container.state.as_ref().and_then(|state| state.waiting.as_ref());
                waiting.and_then(|waiting| waiting.message.as_deref()).is_some_and(|text| text.contains("8080"))
            })
        })
        .await;
}

#[tokio::test]
async fn a_missing_image_keeps_a_pod_from_starting() {
    let world = World::new("image").await;
    world.apply(&pod("image", json!({}), json!({"image": "registry.example.com/web:missing"}))).await;
    world
        .wait_for("image", "waits for its image", |pod| {
            let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
            let state = containers.and_then(|all| all.first()?.state.as_ref()?.waiting.as_ref()?.reason.clone());
            matches!(state.as_deref(), Some("ErrImagePull" | "ImagePullBackOff"))
        })
        .await;
}
