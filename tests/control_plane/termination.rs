//! How Pods end: hooks, SIGTERM, the grace period, SIGKILL.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::eventually;
use crate::workload::{SOON, World, ask, client, socket};

/// How much sooner than a busy machine's test the kubelet may hear of a deletion: its clock runs before the answer is here.
const NOTICE: Duration = Duration::from_secs(1);

/// Deletes a Pod and returns how long after that its server still took new connections.
async fn served_after_deletion(world: &World, name: &str, socket: &str) -> Duration {
    world.delete(name).await;
    let deleted = Instant::now();
    eventually("the server stops", SOON, || async { ask(socket).await.is_err() }).await;
    let served = deleted.elapsed();
    world.wait_until_gone(name).await;
    served
}

async fn served(prefix: &str, annotations: Value, container: Value) -> Duration {
    let world = World::new(prefix).await;
    let pod = world.ready_pod(prefix, annotations, container).await;
    served_after_deletion(&world, prefix, &socket(&pod, 8080)).await
}

#[tokio::test]
async fn by_default_a_server_stops_accepting_at_once() {
    // Much less than the grace period of 10 s.
    let served = served("at-once", json!({}), json!({})).await;
    assert!(served < Duration::from_secs(4), "{served:?}");
}

#[tokio::test]
async fn requests_in_flight_are_answered_when_the_server_stops() {
    let world = World::new("in-flight").await;
    let pod = world.ready_pod("in-flight", json!({"response-delay": "4s"}), json!({})).await;
    let url = format!("http://{}/", socket(&pod, 8080));
    let in_flight = tokio::spawn(client().get(url).send());
    // The request must be on its way: one connection is open at the server's side.
    eventually("the request is sent", SOON, || async { has_connection(&socket(&pod, 8080)) }).await;
    world.delete("in-flight").await;
    let response = in_flight.await.unwrap().unwrap();
    assert_eq!(response.status(), 200);
    world.wait_until_gone("in-flight").await;
}

/// Whether somebody is connected to a socket of this machine.
fn has_connection(socket: &str) -> bool {
    let socket: std::net::SocketAddrV4 = socket.parse().unwrap();
    // The kernel prints the address as a number in memory order.
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(socket.ip().octets()), socket.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let established = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some(&local) && fields.nth(1) == Some("01")
    };
    table.lines().any(established)
}

#[tokio::test]
async fn a_server_that_ignores_sigterm_serves_until_it_is_killed() {
    let served = served("ignore", json!({"ignore-sigterm": "true"}), json!({})).await;
    assert!(served >= Duration::from_secs(10) - NOTICE && served < Duration::from_secs(20), "{served:?}");
}

#[tokio::test]
async fn a_server_drains_as_long_as_annotated() {
    let served = served("drain", json!({"drain": "4s"}), json!({})).await;
    assert!(served >= Duration::from_secs(4) - NOTICE && served < Duration::from_secs(9), "{served:?}");
}

#[tokio::test]
async fn a_pre_stop_hook_runs_before_sigterm() {
    let exec = json!({"lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "true && sleep 4"]}}}});
    let action = json!({"lifecycle": {"preStop": {"sleep": {"seconds": 4}}}});
    let slow = json!({"response-delay": "4s"});
    let http = json!({"lifecycle": {"preStop": {"httpGet": {"path": "/stop", "port": 8080}}}});
    let (exec, action, http) = tokio::join!(
        served("hook-exec", json!({}), exec),
        served("hook-sleep", json!({}), action),
        served("hook-http", slow, http),
    );
    for (hook, served) in [("exec", exec), ("sleep", action), ("httpGet", http)] {
        assert!(served >= Duration::from_secs(4) - NOTICE && served < Duration::from_secs(10), "{hook}: {served:?}");
    }
}
