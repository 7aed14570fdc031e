//! Every example with a config, applied as it is and seen on the wire.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

use crate::api::ok;
use crate::scene::until_config;
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

/// The load balancers of the examples.
const IN_EXAMPLES: [&str; 2] = ["lb-6efswuxa", "lb-1a2b3c4d"];
const FAIL_HEALTH: &str = "loopback.tke-direct-access.dev/fail-health";

/// Applies an example, verbatim, and waits until binding and config are ready.
async fn applied(file: &str, name: &str, summary: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    for id in IN_EXAMPLES {
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(id)).unwrap();
    }
    stage.start_controller(&[]).await;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file);
    stage.ok(&["apply", "-f", &path.display().to_string()]).await;
    stage.until_ready(name, summary).await;
    let config = until_config(&stage, name, "True", "Ready").await;
    assert_eq!(config.status.unwrap().used_by, 1);
    stage
}

fn front(stage: &Stage, protocol: Protocol, port: u16) -> SocketAddr {
    let mut fronts = IN_EXAMPLES.into_iter().map(|id| stage.cloud.data_plane(&LoadBalancerId::new(id), protocol, port));
    fronts.find_map(|front| front).expect("the listener is served")
}

async fn listener(stage: &Stage) -> Value {
    for id in IN_EXAMPLES {
        let mut answer = ok(&stage.cloud, "DescribeListeners", json!({"LoadBalancerId": id})).await;
        if answer["Listeners"][0].is_object() {
            return answer["Listeners"][0].take();
        }
    }
    panic!("the example has made no listener")
}

/// The Pod that answers one HTTP request from a client address of loopback.
async fn pod_for(client: Ipv4Addr, front: SocketAddr) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((client, 0))).unwrap();
    let mut stream = socket.connect(front).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    pod_in(answer.lines().last().unwrap_or_default())
}

fn pod_in(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer.trim()).unwrap_or_else(|error| panic!("{error}: {answer}"));
    answer["pod"].as_str().expect("the name of the Pod").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn session_persistence_keeps_a_client_with_its_pod() {
    let stage = applied("05-session-persistence.yaml", "cart", "3/3").await;
    assert_eq!(listener(&stage).await["SessionExpireTime"], 600);
    let front = front(&stage, Protocol::Tcp, 8082);
    let mut all = BTreeSet::new();
    for client in 1..=12 {
        let client = Ipv4Addr::new(127, 9, 8, client);
        let first = pod_for(client, front).await;
        for _ in 0..4 {
            assert_eq!(pod_for(client, front).await, first, "{client} has left its Pod");
        }
        all.insert(first);
    }
    assert!(all.len() > 1, "other clients have other Pods: {all:?}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_check_takes_out_a_pod_that_says_it_is_ill() {
    let stage = applied("06-http-check.yaml", "orders", "2/2").await;
    let check = listener(&stage).await["HealthCheck"].take();
    assert_eq!(
        (&check["CheckType"], &check["HttpCheckPath"], &check["HttpCode"]),
        (&json!("HTTP"), &json!("/healthz"), &json!(2))
    );
    let pods = stage.ok(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]).await;
    let ill = pods.split(' ').next().unwrap().to_owned();
    // Every other path is answered, and every connection taken.
    stage.ok(&["annotate", "pod", &ill, &format!("{FAIL_HEALTH}=/healthz")]).await;
    stage.until("orders", "TargetsHealthy", "False", "Unhealthy").await;
    let front = front(&stage, Protocol::Tcp, 8083);
    for _ in 0..10 {
        assert_ne!(pod_for(Ipv4Addr::LOCALHOST, front).await, ill);
    }
    stage.ok(&["annotate", "pod", &ill, &format!("{FAIL_HEALTH}-")]).await;
    stage.until_ready("orders", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_check_speaks_udp() {
    let stage = applied("07-udp-check.yaml", "telemetry", "2/2").await;
    let check = listener(&stage).await["HealthCheck"].take();
    assert_eq!(
        (&check["CheckType"], &check["SendContext"], &check["RecvContext"]),
        (&json!("CUSTOM"), &json!("ping"), &json!("{"))
    );
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(front(&stage, Protocol::Udp, 9000)).await.unwrap();
    let answer = eventually("a datagram is answered", DEADLINE, async || {
        let mut buffer = [0; 4096];
        socket.send(b"hello").await.ok()?;
        let received = tokio::time::timeout(std::time::Duration::from_secs(1), socket.recv(&mut buffer)).await;
        received.ok()?.ok().map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned())
    })
    .await;
    assert!(pod_in(&answer).starts_with("telemetry-") && answer.contains("hello"), "{answer}");
    // What the Pods do not answer makes them ill.
    let other = json!({"spec": {"loadBalancer": {"l4Listeners": [{"protocol": "UDP", "port": 9000,
        "healthCheck": {"recvContext": "pong"}}]}}});
    let patch = json!([{"op": "replace", "path": "/spec/loadBalancer/l4Listeners/0/healthCheck/recvContext",
        "value": other["spec"]["loadBalancer"]["l4Listeners"][0]["healthCheck"]["recvContext"]}]);
    stage.ok(&["patch", "tsc", "telemetry", "--type=json", "-p", &patch.to_string()]).await;
    stage.until("telemetry", "TargetsHealthy", "False", "Unhealthy").await;
    stage.finish().await;
}

/// A client that trusts the simulated cloud, and finds `domain` at `front`.
fn client(stage: &Stage, domain: &str, front: SocketAddr) -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(stage.cloud.authority_pem().as_bytes()).unwrap();
    let builder = reqwest::Client::builder().tls_certs_only([authority]).resolve(domain, front).tls_info(true);
    builder.build().unwrap()
}

/// The Pod that answers by HTTPS, and the id of the certificate that was shown.
async fn asked(stage: &Stage, domain: &str) -> (String, String) {
    let front = front(stage, Protocol::Https, 443);
    let url = format!("https://{domain}:{}/", front.port());
    let response = client(stage, domain, front).get(&url).send().await.unwrap().error_for_status().unwrap();
    let info = response.extensions().get::<reqwest::tls::TlsInfo>().and_then(|info| info.peer_certificate());
    let (_, leaf) = x509_parser::parse_x509_certificate(info.expect("a certificate")).unwrap();
    let shown = leaf.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned();
    (pod_in(&response.text().await.unwrap()), shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_domains_have_two_certificates() {
    let stage = applied("08-https-two-domains.yaml", "shop", "2/2").await;
    for (domain, certificate) in [("shop.example.com", "shop0001"), ("admin.example.com", "admin0001")] {
        let (pod, shown) = asked(&stage, domain).await;
        assert!(pod.starts_with("shop-"), "{pod}");
        assert_eq!(shown, certificate, "{domain}");
    }
    let rules = listener(&stage).await["Rules"].take();
    let rule = |domain: &str| rules.as_array().unwrap().iter().find(|rule| rule["Domain"] == domain).unwrap().clone();
    let (shop, admin) = (rule("shop.example.com"), rule("admin.example.com"));
    assert_eq!(
        (&shop["Http2"], &shop["DefaultServer"], &shop["SessionExpireTime"]),
        (&json!(true), &json!(false), &json!(3600))
    );
    assert_eq!((&admin["DefaultServer"], &admin["HealthCheck"]["HttpCheckPath"]), (&json!(true), &json!("/healthz")));
    // Another certificate in the Secret is another one on the wire.
    stage
        .ok(&["patch", "secret", "admin-certificate", "-p", r#"{"stringData": {"qcloud_cert_id": "admin0002"}}"#])
        .await;
    stage.ok(&["annotate", "dab", "shop", "cloud.tencent.com/reconcile-requested-at=now"]).await;
    eventually("the new certificate is shown", DEADLINE, async || {
        let (_, shown) = asked(&stage, "admin.example.com").await;
        if shown == "admin0002" { Ok(Some(())) } else { Err(shown) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_is_forwarded() {
    let stage = applied("09-grpc.yaml", "inventory", "2/2").await;
    let rule = listener(&stage).await["Rules"][0].take();
    assert_eq!(
        (&rule["ForwardType"], &rule["Http2"], &rule["HealthCheck"]["CheckType"]),
        (&json!("GRPC"), &json!(true), &json!("GRPC"))
    );
    // The simulated cloud carries HTTP/1 only, which tells that the rule routes.
    let (pod, shown) = asked(&stage, "inventory.example.com").await;
    assert!(pod.starts_with("inventory-"), "{pod}");
    assert_eq!(shown, "grpc0001");
    stage.finish().await;
}
