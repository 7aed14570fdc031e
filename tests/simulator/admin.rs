//! The admin endpoint and the library handle.

use std::net::Ipv4Addr;

use hyper::{Method, StatusCode};
use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Simulator};

use crate::support::{PROCESSES, admin, code, listener, nobody, ok, put, simulator};

#[tokio::test]
async fn the_state_can_be_seen() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let target = nobody().await;
    put(&simulator, &lb, &route, target, 7);
    let (status, state) = admin(&simulator, Method::GET, "/admin/state", &json!({})).await;
    assert_eq!((status, &state), (StatusCode::OK, &simulator.state()));
    let shown = &state["loadBalancers"][0]["listeners"][0];
    assert_eq!((&shown["port"], &shown["protocol"]), (&json!(80), &json!("TCP")));
    assert_eq!((&shown["targets"][0]["weight"], &shown["targets"][0]["health"]), (&json!(7), &json!("Alive")));
}

#[tokio::test]
async fn calls_are_counted() {
    let (simulator, _) = simulator();
    ok(&simulator, "DescribeQuota", json!({})).await;
    ok(&simulator, "CreateListener", json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP"})).await;
    code(&simulator, "DeleteListener", json!({"LoadBalancerId": "lb-test", "ListenerId": "lbl-no"})).await;
    let (_, calls) = admin(&simulator, Method::GET, "/admin/calls", &json!({})).await;
    assert_eq!(calls["byAction"], json!({"CreateListener": 1, "DeleteListener": 1, "DescribeQuota": 1}));
    assert_eq!((&calls["writes"], simulator.writes()), (&json!(2), 2));
    let log = simulator.call_log();
    assert_eq!((log[1].load_balancer.as_deref(), log[1].error.as_deref()), (Some("lb-test"), None));
    assert_eq!(log[2].error.as_deref(), Some("InvalidParameter"));
    simulator.reset_calls();
    assert!(simulator.calls().is_empty() && simulator.writes() == 0);
}

#[tokio::test]
async fn faults_and_load_balancers_are_added_at_run_time() {
    let (simulator, _) = simulator();
    let fault = json!({"action": "DescribeQuota", "when": {"next": 1}, "effect": {"error": {"code": "InternalError"}}});
    let (status, armed) = admin(&simulator, Method::POST, "/admin/faults", &fault).await;
    assert_eq!((status, armed["armed"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)));
    assert_eq!(code(&simulator, "DescribeQuota", json!({})).await, "InternalError");
    ok(&simulator, "DescribeQuota", json!({})).await;
    admin(&simulator, Method::POST, "/admin/faults", &json!([fault, fault])).await;
    admin(&simulator, Method::DELETE, "/admin/faults", &json!({})).await;
    ok(&simulator, "DescribeQuota", json!({})).await;
    let spec = json!({"id": "lb-new", "listeners": [{"protocol": "TCP", "port": 80}]});
    let (status, made) = admin(&simulator, Method::POST, "/admin/load-balancers", &spec).await;
    assert_eq!((status, made), (StatusCode::OK, json!({"id": "lb-new"})));
    let again = admin(&simulator, Method::POST, "/admin/load-balancers", &spec).await;
    assert_eq!(again.0, StatusCode::BAD_REQUEST);
    assert_eq!(ok(&simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-new"})).await["TotalCount"], 1);
}

#[tokio::test]
async fn nonsense_at_the_admin_endpoint_is_refused() {
    let (simulator, _) = simulator();
    let cases = [
        (Method::POST, "/admin/faults", json!({"effect": "explode"}), StatusCode::BAD_REQUEST),
        (Method::POST, "/admin/load-balancers", json!({"idd": "lb-1"}), StatusCode::BAD_REQUEST),
        (Method::GET, "/admin/secrets", json!({}), StatusCode::NOT_FOUND),
    ];
    for (method, path, body, expected) in cases {
        assert_eq!(admin(&simulator, method, path, &body).await.0, expected, "{path}");
    }
}

/// Settings with addresses that no other test uses, here or in another process: what is free there stays free until this
/// test takes it again. `block` is different for each test.
fn of_our_own(block: u8) -> Settings {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let load_balancers = vec![LoadBalancerSpec::with_id("lb-test")];
    Settings { data_plane_address: Ipv4Addr::new(127, block, high, low), load_balancers, ..Settings::instant() }
}

#[tokio::test]
async fn a_simulator_that_is_shut_down_leaves_its_address_to_the_next() {
    let _turn = PROCESSES.lock().await;
    let lb = LoadBalancerId::new("lb-test");
    let mut before = None;
    for _ in 0..20 {
        let simulator = Simulator::start(of_our_own(80)).expect("it starts");
        listener(&simulator, &lb, Protocol::Tcp, 80);
        listener(&simulator, &lb, Protocol::Udp, 80);
        let fronts = [Protocol::Tcp, Protocol::Udp].map(|protocol| simulator.data_plane(&lb, protocol, 80));
        let front = fronts[0].expect("the port is free at once");
        assert_eq!((fronts[1], front.port()), (Some(front), 80));
        assert!(before.is_none_or(|before| before == front), "{front} instead of {before:?}");
        before = Some(front);
        tokio::net::TcpStream::connect(front).await.expect("it listens");
        simulator.shutdown().await;
        assert!(tokio::net::TcpStream::connect(front).await.is_err(), "{front} still listens");
    }
}

#[tokio::test]
async fn an_address_is_not_used_again_before_its_sockets_are_closed() {
    let _turn = PROCESSES.lock().await;
    let simulator = Simulator::start(of_our_own(81)).expect("it starts");
    let mut lb = LoadBalancerId::new("lb-test");
    for _ in 0..5 {
        listener(&simulator, &lb, Protocol::Tcp, 80);
        let front = simulator.data_plane(&lb, Protocol::Tcp, 80);
        assert_eq!(front.map(|front| front.port()), Some(80), "a predecessor still has the port");
        // Nothing is awaited here, so the task that owns the old socket cannot have closed it before the address is chosen.
        assert!(simulator.console(|state| state.remove_load_balancer(&lb)));
        lb = simulator.create_load_balancer(&LoadBalancerSpec::default()).expect("another load balancer");
    }
}

#[test]
fn a_simulator_needs_a_runtime() {
    assert!(Simulator::start(Settings::instant()).is_err());
}
