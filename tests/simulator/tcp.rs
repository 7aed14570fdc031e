//! Real traffic through TCP listeners.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tke_direct_access::model::{Address, Health, Protocol};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{
    Pod, becomes, eventually, front, greeting, listener, nobody, put, read_name, simulator, simulator_with,
};
use tke_direct_access::sim::Settings;

/// How often each name is heard.
async fn names(front: SocketAddr, connections: usize) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for _ in 0..connections {
        let name = greeting(front).await.unwrap_or_else(|error| error.kind().to_string());
        *names.entry(name).or_default() += 1;
    }
    names
}

fn expected(names: &[(&str, usize)]) -> BTreeMap<String, usize> {
    names.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn connections_are_shared_by_weight() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    put(&simulator, &lb, &route, b.address, 30);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    assert_eq!(names(front, 40).await, expected(&[("a", 10), ("b", 30)]));
}

#[tokio::test]
async fn weight_zero_keeps_connections_and_gets_no_new_ones() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let mut old = TcpStream::connect(front).await.expect("a connection");
    assert_eq!(read_name(&mut old).await.expect("a name"), "a");
    put(&simulator, &lb, &route, b.address, 10);
    put(&simulator, &lb, &route, a.address, 0);
    assert_eq!(names(front, 5).await, expected(&[("b", 5)]));
    old.write_all(b"still here\n").await.expect("the old connection is open");
    assert_eq!(read_name(&mut old).await.expect("an echo"), "still here");
}

#[tokio::test]
async fn deregistering_cuts_connections_at_once() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let mut old = TcpStream::connect(front).await.expect("a connection");
    assert_eq!(read_name(&mut old).await.expect("a name"), "a");
    put(&simulator, &lb, &route, b.address, 10);
    assert!(simulator.console(|state| state.remove_target(&lb, &route, a.address)));
    assert_eq!(read_name(&mut old).await.expect_err("it is cut").kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(names(front, 3).await, expected(&[("b", 3)]));
}

#[tokio::test]
async fn connections_outlive_deregistering_when_told_so() {
    let (simulator, lb) = simulator_with(Settings { cut_on_deregister: false, ..Settings::instant() });
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let a = Pod::tcp("a").await;
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let mut old = TcpStream::connect(front).await.expect("a connection");
    assert_eq!(read_name(&mut old).await.expect("a name"), "a");
    assert!(simulator.console(|state| state.remove_target(&lb, &route, a.address)));
    old.write_all(b"still here\n").await.expect("the old connection is open");
    assert_eq!(read_name(&mut old).await.expect("an echo"), "still here");
}

#[tokio::test]
async fn without_a_usable_target_connections_are_reset() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let reset = std::io::ErrorKind::ConnectionReset;
    assert_eq!(greeting(front).await.expect_err("no target").kind(), reset);
    put(&simulator, &lb, &route, nobody().await, 10);
    assert_eq!(greeting(front).await.expect_err("nobody there").kind(), reset);
    let stranger = Address { ip: "192.0.2.1".parse().expect("an address"), port: 80 };
    put(&simulator, &lb, &route, stranger, 10);
    for _ in 0..2 {
        assert_eq!(greeting(front).await.expect_err("not to be dialled").kind(), reset);
    }
}

#[tokio::test]
async fn only_healthy_targets_are_used_unless_all_are_dead() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    put(&simulator, &lb, &route, b.address, 10);
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    simulator.set_health_override(a.address, Some(false));
    assert_eq!(names(front, 4).await, expected(&[("b", 4)]));
    simulator.set_health_override(b.address, Some(false));
    assert_eq!(names(front, 4).await, expected(&[("a", 2), ("b", 2)]));
    put(&simulator, &lb, &route, a.address, 0);
    simulator.set_health_override(a.address, Some(false));
    simulator.set_health_override(b.address, Some(false));
    assert_eq!(names(front, 4).await, expected(&[("b", 4)]));
}

#[tokio::test]
async fn a_target_that_is_still_probed_gets_no_traffic() {
    let slow = tke_direct_access::sim::Timing { health_scale: Some(1.0), ..Settings::instant().timing };
    let (simulator, lb) = simulator_with(Settings { timing: slow, ..Settings::instant() });
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    simulator.console(|state| state.put_target(&lb, &route, b.address, 10, "")).expect("a target");
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    assert_eq!(simulator.console(|state| state.health_at(&lb, &route, b.address)), Some(Health::Unknown));
    assert_eq!(names(front, 4).await, expected(&[("a", 4)]));
}

#[tokio::test]
async fn a_pod_that_dies_loses_its_traffic_by_its_probes() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let (a, b) = (Pod::tcp("a").await, Pod::tcp("b").await);
    for pod in [&a, &b] {
        simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
    }
    becomes(&simulator, &lb, &route, a.address, Health::Healthy).await;
    becomes(&simulator, &lb, &route, b.address, Health::Healthy).await;
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let address = a.address;
    drop(a);
    becomes(&simulator, &lb, &route, address, Health::Unhealthy).await;
    eventually("the data plane to know", async || (names(front, 4).await == expected(&[("b", 4)])).then_some(())).await;
}

#[tokio::test]
async fn a_deleted_listener_closes_and_its_port_can_be_used_again() {
    let (simulator, lb) = simulator();
    let a = Pod::tcp("a").await;
    for _ in 0..3 {
        let route = listener(&simulator, &lb, Protocol::Tcp, 80);
        put(&simulator, &lb, &route, a.address, 10);
        let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
        assert_eq!(front.port(), 80, "the listener has its own port");
        assert_eq!(names(front, 1).await, expected(&[("a", 1)]));
        let mut old = TcpStream::connect(front).await.expect("a connection");
        assert_eq!(read_name(&mut old).await.expect("a name"), "a");
        assert!(simulator.console(|state| state.remove_listener(&lb, &route.listener)));
        read_name(&mut old).await.expect_err("it ends with its listener");
    }
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_replaced_and_shown() {
    let (simulator, lb) = simulator();
    let vip = simulator.console(|state| state.load_balancer(&lb).map(|lb| lb.vip)).expect("an address");
    let _squatter = TcpListener::bind((vip, 8080)).await.expect("the port is free");
    let route = listener(&simulator, &lb, Protocol::Tcp, 8080);
    let a = Pod::tcp("a").await;
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Tcp, 8080).await;
    assert_ne!(front.port(), 8080);
    assert_eq!(names(front, 1).await, expected(&[("a", 1)]));
    let shown = simulator.state()["loadBalancers"][0]["listeners"][0]["bound"]["at"].take();
    assert_eq!(shown, front.to_string());
}
