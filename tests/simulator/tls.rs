//! Real TLS at listeners and at targets.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tke_direct_access::model::{Health, Protocol, Route, RuleId};
use tke_direct_access::sim::Simulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{Pod, becomes, code, front, json_id, ok, put, simulator};

/// A connection by TLS, as a client that trusts the simulator and asks for `name` makes it.
async fn connect(simulator: &Simulator, front: SocketAddr, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(simulator.authority_pem().as_bytes()).expect("a certificate");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
    let connector = TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()));
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    connector.connect(name, TcpStream::connect(front).await?).await
}

/// The id of the certificate that the other side shows.
fn shown(stream: &TlsStream<TcpStream>) -> String {
    let leaf = stream.get_ref().1.peer_certificates().and_then(|all| all.first()).expect("a certificate");
    let (_, parsed) = x509_parser::parse_x509_certificate(leaf).expect("a certificate");
    let name = parsed.subject().iter_common_name().next().expect("a name");
    name.as_str().expect("text").to_owned()
}

async fn ask(stream: &mut TlsStream<TcpStream>, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // The connection ends without a farewell of TLS.
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).expect("text").lines().last().unwrap_or_default().to_owned()
}

async fn create(simulator: &Simulator, more: Value) -> Route {
    let mut parameters = json!({"LoadBalancerId": "lb-test", "Ports": [443]});
    parameters.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let made = ok(simulator, "CreateListener", parameters).await;
    Route { listener: json_id(&made["ListenerIds"][0]), rule: None }
}

#[tokio::test]
async fn tcp_ssl_ends_tls_and_carries_the_rest() {
    let (simulator, lb) = simulator();
    let route = create(&simulator, json!({"Protocol": "TCP_SSL", "Certificate": {"CertId": "cert-one"}})).await;
    let pod = Pod::tcp("a").await;
    put(&simulator, &lb, &route, pod.address, 10);
    let address = front(&simulator, &lb, Protocol::TcpSsl, 443).await;
    let mut stream = connect(&simulator, address, "shop.example.com").await.expect("a handshake");
    assert_eq!(shown(&stream), "cert-one");
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await.expect("a greeting");
    assert_eq!(&greeting, b"a\n");
    let id = route.listener.as_str();
    let change = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Certificate": {"CertId": "cert-two"}});
    ok(&simulator, "ModifyListener", change).await;
    let stream = connect(&simulator, address, "shop.example.com").await.expect("a handshake");
    assert_eq!(shown(&stream), "cert-two");
}

#[tokio::test]
async fn targets_are_told_the_client_by_proxy_protocol() {
    let (simulator, lb) = simulator();
    let certificate = json!({"CertId": "cert-one"});
    let plain = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP", "ProxyProtocol": true});
    assert_eq!(code(&simulator, "CreateListener", plain).await, "InvalidParameterValue");
    let told = json!({"Protocol": "TCP_SSL", "Certificate": certificate, "ProxyProtocol": true});
    let route = create(&simulator, told).await;
    let shown = ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await;
    assert_eq!(shown["Listeners"][0].get("ProxyProtocol"), None, "it has no member");
    assert_eq!(shown["Listeners"][0]["AttrFlags"], json!(["ProxyProtocol"]));
    let pod = Pod::tcp("a").await;
    put(&simulator, &lb, &route, pod.address, 10);
    let address = front(&simulator, &lb, Protocol::TcpSsl, 443).await;
    let mut stream = connect(&simulator, address, "a.example").await.expect("a handshake");
    let mut echo = vec![0; 24];
    stream.read_exact(&mut echo).await.expect("a greeting and what the Pod was told");
    assert_eq!(String::from_utf8_lossy(&echo), "a\nPROXY TCP4 127.0.0.1 1".to_owned());
}

#[tokio::test]
async fn https_chooses_the_certificate_by_domain() {
    let (simulator, lb) = simulator();
    let listener = create(&simulator, json!({"Protocol": "HTTPS", "SniSwitch": 1})).await;
    let id = listener.listener.as_str();
    let rules = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Rules": [
        {"Domain": "a.example.com", "Url": "/", "Certificate": {"CertId": "cert-a"}},
        {"Domain": "*.example.org", "Url": "/", "Certificate": {"CertId": "cert-b"}},
    ]});
    let made = ok(&simulator, "CreateRule", rules).await["LocationIds"].take();
    let pods = [Pod::http("a").await, Pod::http("b").await];
    for (nth, pod) in pods.iter().enumerate() {
        let rule = RuleId::new(made[nth].as_str().expect("an id"));
        put(&simulator, &lb, &Route { rule: Some(rule), ..listener.clone() }, pod.address, 10);
    }
    let address = front(&simulator, &lb, Protocol::Https, 443).await;
    for (host, certificate, pod) in [("a.example.com", "cert-a", "a"), ("x.example.org", "cert-b", "b")] {
        let mut stream = connect(&simulator, address, host).await.expect("a handshake");
        assert_eq!((shown(&stream).as_str(), ask(&mut stream, host).await.as_str()), (certificate, pod));
    }
    assert!(connect(&simulator, address, "unknown.example").await.is_err(), "there is no certificate for it");
}

#[tokio::test]
async fn https_checks_take_any_certificate_and_want_an_answer() {
    let (simulator, lb) = simulator();
    let listener = create(&simulator, json!({"Protocol": "HTTPS", "Certificate": {"CertId": "cert-one"}})).await;
    let id = listener.listener.as_str();
    let rules = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "Rules": [
        {"Domain": "a.example.com", "Url": "/", "ForwardType": "HTTPS", "HealthCheck": {"CheckType": "HTTPS"}},
    ]});
    let made = ok(&simulator, "CreateRule", rules).await;
    let rule = RuleId::new(made["LocationIds"][0].as_str().expect("an id"));
    let route = Route { rule: Some(rule), ..listener };
    let (plain, secure) = (Pod::http("plain").await, secure_pod().await);
    for address in [plain.address, secure] {
        simulator.console(|state| state.put_target(&lb, &route, address, 10, "")).expect("a target");
    }
    becomes(&simulator, &lb, &route, secure, Health::Healthy).await;
    becomes(&simulator, &lb, &route, plain.address, Health::Unhealthy).await;
}

/// A server with a certificate that nobody knows.
async fn secure_pod() -> tke_direct_access::model::Address {
    let made = rcgen::generate_simple_self_signed(vec!["nobody.example".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("TLS").with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut request = [0; 1024];
                if stream.read(&mut request).await.is_err() {
                    continue;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.ok();
                stream.shutdown().await.ok();
            }
        }
    });
    tke_direct_access::model::Address { ip: "10.0.0.1".parse().expect("an address"), port }
}
