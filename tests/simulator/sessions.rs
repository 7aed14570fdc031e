//! Session persistence and schedulers, with real traffic.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::Simulator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Pod, front, listener, ok, put, read_name, simulator};

/// A connection from a client address of loopback.
async fn connect_from(client: Ipv4Addr, front: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((client, 0))).expect("an address");
    socket.connect(front).await.expect("a connection")
}

async fn set(simulator: &Simulator, route: &Route, more: serde_json::Value) {
    let mut change = json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str()});
    change.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    ok(simulator, "ModifyListener", change).await;
}

async fn pods(simulator: &Simulator, lb: &LoadBalancerId, route: &Route, weights: &[u8]) -> Vec<Pod> {
    let mut pods = Vec::new();
    for (name, weight) in ["a", "b", "c"].into_iter().zip(weights) {
        let pod = Pod::tcp(name).await;
        put(simulator, lb, route, pod.address, *weight);
        pods.push(pod);
    }
    pods
}

#[tokio::test]
async fn a_client_address_stays_with_its_target() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let _pods = pods(&simulator, &lb, &route, &[10, 10, 10]).await;
    let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let names = async |client: u8| {
        let mut names = Vec::new();
        for _ in 0..6 {
            let mut stream = connect_from(Ipv4Addr::new(127, 9, 9, client), address).await;
            names.push(read_name(&mut stream).await.expect("a name"));
        }
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(1).await, ["a", "b", "c"]);
    // At the pace of these simulators this is 72 s.
    set(&simulator, &route, json!({"SessionExpireTime": 3600})).await;
    for client in 1..=3 {
        assert_eq!(names(client).await.len(), 1, "client {client}");
    }
    set(&simulator, &route, json!({"SessionExpireTime": 0})).await;
    assert_eq!(names(1).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn schedulers_do_what_they_are_named_for() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let _pods = pods(&simulator, &lb, &route, &[10, 30, 60]).await;
    let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let shares = async |clients: Vec<Ipv4Addr>| {
        let (mut shares, mut open) = (BTreeMap::<String, usize>::new(), Vec::new());
        for client in clients {
            let mut stream = connect_from(client, address).await;
            *shares.entry(read_name(&mut stream).await.expect("a name")).or_default() += 1;
            open.push(stream);
        }
        shares
    };
    let count = |shares: &BTreeMap<String, usize>| ["a", "b", "c"].map(|name| shares.get(name).copied().unwrap_or(0));
    let one = Ipv4Addr::new(127, 9, 9, 1);
    assert_eq!(count(&shares(vec![one; 50]).await), [5, 15, 30]);
    set(&simulator, &route, json!({"Scheduler": "IP_HASH"})).await;
    assert_eq!(shares(vec![one; 10]).await.len(), 1);
    let many: Vec<_> = (1..=30).map(|last| Ipv4Addr::new(127, 9, 9, last)).collect();
    assert_eq!(shares(many).await.len(), 3);
    set(&simulator, &route, json!({"Scheduler": "LEAST_CONN"})).await;
    let [a, b, c] = count(&shares(vec![one; 20]).await);
    assert!(a < b && b < c && a >= 1, "open connections follow the weights: {a} {b} {c}");
}

/// One request on a connection of its own; the name of the Pod and the cookie that was set.
async fn request(front: SocketAddr, cookie: Option<&str>) -> (String, Option<String>) {
    let mut stream = TcpStream::connect(front).await.expect("a connection");
    let cookie = cookie.map(|cookie| format!("Cookie: other=1; {cookie}\r\n")).unwrap_or_default();
    let text = format!("GET / HTTP/1.1\r\nHost: a.example\r\n{cookie}Connection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let set = set.and_then(|cookie| cookie.split(';').next()).map(str::to_owned);
    (answer.lines().last().unwrap_or_default().to_owned(), set)
}

#[tokio::test]
async fn a_cookie_leads_back_to_the_target() {
    let (simulator, lb) = simulator();
    let http = listener(&simulator, &lb, Protocol::Http, 80);
    let rule = simulator.console(|state| state.add_rule(&lb, &http.listener, "a.example", "/")).expect("a rule");
    let route = Route { rule: Some(rule.clone()), ..http.clone() };
    let pods = [Pod::http("a").await, Pod::http("b").await, Pod::http("c").await];
    for pod in &pods {
        put(&simulator, &lb, &route, pod.address, 10);
    }
    let address = front(&simulator, &lb, Protocol::Http, 80).await;
    assert_eq!(request(address, None).await.1, None, "sessions are off");
    let change = json!({
        "LoadBalancerId": "lb-test", "ListenerId": http.listener.as_str(), "LocationId": rule.as_str(),
        "SessionExpireTime": 3600,
    });
    ok(&simulator, "ModifyRule", change).await;
    let (first, cookie) = request(address, None).await;
    let cookie = cookie.expect("a cookie");
    for _ in 0..4 {
        let (name, set) = request(address, Some(&cookie)).await;
        assert_eq!((name, set), (first.clone(), None));
    }
    for pod in &pods {
        put(&simulator, &lb, &route, pod.address, 0);
    }
    let other = pods.iter().zip(["a", "b", "c"]).find(|(_, name)| *name != first).expect("another");
    put(&simulator, &lb, &route, other.0.address, 10);
    let (name, set) = request(address, Some(&cookie)).await;
    assert_eq!((name.as_str(), set.is_some()), (other.1, true), "weight 0 ends a session");
}
