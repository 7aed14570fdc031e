//! Real traffic through UDP listeners.

use std::net::SocketAddr;
use std::time::Duration;

use tke_direct_access::model::{Health, Protocol};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::support::{DEADLINE, Pod, becomes, eventually, front, listener, put, simulator};

async fn client(front: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(front).await.expect("a peer");
    socket
}

async fn ask(socket: &UdpSocket) -> String {
    socket.send(b"who").await.expect("it is sent");
    let mut buffer = [0; 64];
    let length = timeout(DEADLINE, socket.recv(&mut buffer)).await.expect("in time").expect("an answer");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn a_flow_stays_with_its_target_and_flows_are_shared() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Udp, 53);
    let (a, b) = (Pod::udp("a").await, Pod::udp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    put(&simulator, &lb, &route, b.address, 10);
    let front = front(&simulator, &lb, Protocol::Udp, 53).await;
    let (one, two) = (client(front).await, client(front).await);
    let first = ask(&one).await;
    let second = ask(&two).await;
    assert_ne!(first, second);
    for _ in 0..3 {
        assert_eq!((ask(&one).await, ask(&two).await), (first.clone(), second.clone()));
    }
    put(&simulator, &lb, &route, a.address, 0);
    assert_eq!((ask(&one).await, ask(&two).await), (first, second), "weight 0 leaves flows alone");
    assert_eq!(ask(&client(front).await).await, "b");
    assert_eq!(ask(&client(front).await).await, "b");
}

#[tokio::test]
async fn a_flow_of_a_deregistered_target_moves_on() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Udp, 53);
    let (a, b) = (Pod::udp("a").await, Pod::udp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Udp, 53).await;
    let one = client(front).await;
    assert_eq!(ask(&one).await, "a");
    put(&simulator, &lb, &route, b.address, 10);
    assert_eq!(ask(&one).await, "a");
    simulator.console(|state| state.remove_target(&lb, &route, a.address));
    assert_eq!(ask(&one).await, "b");
}

#[tokio::test]
async fn a_silent_flow_is_forgotten() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Udp, 53);
    let (a, b) = (Pod::udp("a").await, Pod::udp("b").await);
    put(&simulator, &lb, &route, a.address, 10);
    let front = front(&simulator, &lb, Protocol::Udp, 53).await;
    let one = client(front).await;
    assert_eq!(ask(&one).await, "a");
    put(&simulator, &lb, &route, b.address, 10);
    put(&simulator, &lb, &route, a.address, 0);
    let connections = || simulator.state()["loadBalancers"][0]["listeners"][0]["targets"][0]["connections"].take();
    assert_eq!(connections(), 1);
    // Idle times have a floor of one second, whatever the scale.
    eventually("the flow to end", async || (connections() == 0).then_some(())).await;
    assert_eq!(ask(&one).await, "b");
}

#[tokio::test]
async fn without_a_target_datagrams_are_dropped() {
    let (simulator, lb) = simulator();
    listener(&simulator, &lb, Protocol::Udp, 53);
    let one = client(front(&simulator, &lb, Protocol::Udp, 53).await).await;
    one.send(b"who").await.expect("it is sent");
    let mut buffer = [0; 64];
    assert!(timeout(Duration::from_millis(200), one.recv(&mut buffer)).await.is_err(), "nobody answers");
}

#[tokio::test]
async fn udp_targets_are_pinged() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Udp, 53);
    let a = Pod::udp("a").await;
    simulator.console(|state| state.put_target(&lb, &route, a.address, 10, "")).expect("a target");
    becomes(&simulator, &lb, &route, a.address, Health::Healthy).await;
    assert!(a.seen() >= 2, "the mark of the probe reaches the target");
    let address = a.address;
    drop(a);
    becomes(&simulator, &lb, &route, address, Health::Unhealthy).await;
}
