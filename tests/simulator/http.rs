//! Real traffic through HTTP listeners.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tke_direct_access::model::{Health, LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::Simulator;
use tokio::net::TcpStream;

use crate::support::{Pod, becomes, front, listener, nobody, put, simulator};

/// A kept-alive connection.
struct Client(SendRequest<Empty<Bytes>>);

impl Client {
    async fn new(front: SocketAddr) -> Self {
        let stream = TcpStream::connect(front).await.expect("a connection");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a handshake");
        tokio::spawn(connection);
        Self(sender)
    }

    async fn get(&mut self, host: &str, path: &str) -> (StatusCode, String) {
        self.0.ready().await.expect("the connection is alive");
        let request = Request::get(path).header("host", host).body(Empty::new()).expect("a request");
        let response = self.0.send_request(request).await.expect("an answer");
        let (status, client) = (response.status(), response.headers().get("x-seen-client").cloned());
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        if status == StatusCode::OK {
            assert_eq!(client.expect("the Pod saw the client"), "127.0.0.1");
        }
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

fn rule(simulator: &Simulator, lb: &LoadBalancerId, listener: &Route, domain: &str, url: &str) -> Route {
    let rule = simulator.console(|state| state.add_rule(lb, &listener.listener, domain, url)).expect("a rule");
    Route { listener: listener.listener.clone(), rule: Some(rule) }
}

#[tokio::test]
async fn each_request_of_a_connection_is_balanced_anew() {
    let (simulator, lb) = simulator();
    let route = rule(&simulator, &lb, &listener(&simulator, &lb, Protocol::Http, 80), "a.example", "/");
    let (a, b) = (Pod::http("a").await, Pod::http("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    put(&simulator, &lb, &route, b.address, 10);
    let mut client = Client::new(front(&simulator, &lb, Protocol::Http, 80).await).await;
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(client.get("a.example", "/").await.1);
    }
    names.sort();
    assert_eq!(names, ["a", "a", "b", "b"]);
    put(&simulator, &lb, &route, a.address, 0);
    for _ in 0..3 {
        assert_eq!(client.get("a.example", "/").await, (StatusCode::OK, "b".into()));
    }
    simulator.console(|state| state.remove_target(&lb, &route, a.address));
    assert_eq!(client.get("a.example", "/").await, (StatusCode::OK, "b".into()), "the connection survives");
}

#[tokio::test]
async fn requests_are_routed_by_domain_and_path() {
    let (simulator, lb) = simulator();
    let http = listener(&simulator, &lb, Protocol::Http, 80);
    let pods = [Pod::http("root").await, Pod::http("api").await, Pod::http("other").await];
    let rules = [("a.example", "/"), ("a.example", "/api"), ("*.b.example", "/")];
    for ((domain, url), pod) in rules.iter().zip(&pods) {
        put(&simulator, &lb, &rule(&simulator, &lb, &http, domain, url), pod.address, 10);
    }
    let mut client = Client::new(front(&simulator, &lb, Protocol::Http, 80).await).await;
    let cases = [("a.example", "/", "root"), ("a.example", "/api/1", "api"), ("x.b.example", "/api", "other")];
    for (host, path, expected) in cases {
        assert_eq!(client.get(host, path).await, (StatusCode::OK, expected.into()));
    }
    assert_eq!(client.get("nowhere.example", "/").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_answered() {
    let (simulator, lb) = simulator();
    let route = rule(&simulator, &lb, &listener(&simulator, &lb, Protocol::Http, 80), "a.example", "/");
    let mut client = Client::new(front(&simulator, &lb, Protocol::Http, 80).await).await;
    assert_eq!(client.get("a.example", "/").await.0, StatusCode::SERVICE_UNAVAILABLE);
    put(&simulator, &lb, &route, nobody().await, 10);
    assert_eq!(client.get("a.example", "/").await.0, StatusCode::BAD_GATEWAY);
    let a = Pod::http("a").await;
    put(&simulator, &lb, &route, a.address, 10);
    simulator.console(|state| {
        let others: Vec<_> = state.targets(&lb)[&route].iter().map(|target| target.address).collect();
        others.into_iter().filter(|&other| other != a.address).all(|other| state.remove_target(&lb, &route, other))
    });
    assert_eq!(client.get("a.example", "/status/500").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(client.get("a.example", "/").await, (StatusCode::OK, "a".into()));
}

#[tokio::test]
async fn rules_are_probed_with_requests() {
    let (simulator, lb) = simulator();
    let route = rule(&simulator, &lb, &listener(&simulator, &lb, Protocol::Http, 80), "a.example", "/");
    let (http, tcp) = (Pod::http("a").await, Pod::tcp("b").await);
    for pod in [&http, &tcp] {
        simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
    }
    becomes(&simulator, &lb, &route, http.address, Health::Healthy).await;
    becomes(&simulator, &lb, &route, tcp.address, Health::Unhealthy).await;
}
