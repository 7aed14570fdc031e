//! Listeners and load balancers that somebody has stopped.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tke_direct_access::model::{Address, Health, ListenerState, LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::Simulator;
use tokio::net::TcpStream;

use crate::support::{
    Pod, admin, becomes, code, ended, eventually, front, greeting, listener, ok, put, read_name, simulator,
    simulator_with, slow,
};

async fn flags(simulator: &Simulator) -> Value {
    ok(simulator, "DescribeListeners", json!({"LoadBalancerId": "lb-test"})).await["Listeners"][0]["AttrFlags"].take()
}

async fn details(simulator: &Simulator) -> Vec<Value> {
    let health = ok(simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": ["lb-test"]})).await;
    let listeners = health["LoadBalancers"][0]["Listeners"].as_array().expect("listeners").clone();
    let rules = listeners.iter().flat_map(|listener| listener["Rules"].as_array().expect("rules"));
    let targets = rules.flat_map(|rule| rule["Targets"].as_array().expect("targets"));
    targets.map(|target| target["HealthStatusDetail"].clone()).collect()
}

fn probed(simulator: &Simulator, lb: &LoadBalancerId, route: &Route, address: Address) {
    simulator.console(|state| state.put_target(lb, route, address, 10, "")).expect("a target");
}

fn set(simulator: &Simulator, lb: &LoadBalancerId, route: &Route, to: ListenerState) {
    simulator.console(|state| state.set_listener_state(lb, &route.listener, to)).expect("it exists");
}

#[tokio::test]
async fn a_stopped_listener_takes_no_traffic_until_it_is_started() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let other = listener(&simulator, &lb, Protocol::Udp, 80);
    let pod = Pod::tcp("a").await;
    probed(&simulator, &lb, &route, pod.address);
    put(&simulator, &lb, &other, Pod::udp("u").await.address, 10);
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    let address = front(&simulator, &lb, Protocol::Tcp, 80).await;
    let mut open = TcpStream::connect(address).await.expect("a connection");
    assert_eq!(read_name(&mut open).await.expect("a greeting"), "a");

    set(&simulator, &lb, &route, ListenerState::Stopped);
    assert_eq!(simulator.data_plane(&lb, Protocol::Tcp, 80), None);
    eventually("connections are refused", async || TcpStream::connect(address).await.err()).await;
    read_name(&mut open).await.expect_err("the connection is closed");
    assert!(simulator.data_plane(&lb, Protocol::Udp, 80).is_some(), "the other listener serves");
    assert_eq!(flags(&simulator).await, json!(["Stop"]));
    assert_eq!(details(&simulator).await, ["Close", "Alive"]);
    let shown = &simulator.state()["loadBalancers"][0]["listeners"][0];
    assert_eq!((&shown["bound"], &shown["targets"][0]["health"]), (&json!({"stopped": true}), &json!("Close")));
    let targets = simulator.console(|state| state.targets(&lb));
    assert_eq!((targets[&route].len(), targets[&route][0].weight), (1, 10), "its targets stay as they are");

    set(&simulator, &lb, &route, ListenerState::Serving);
    assert_eq!(flags(&simulator).await, json!([]));
    assert_ne!(details(&simulator).await[0], "Close");
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    let again = front(&simulator, &lb, Protocol::Tcp, 80).await;
    assert_eq!((again, greeting(again).await.expect("a greeting").as_str()), (address, "a"));
}

#[tokio::test]
async fn nobody_can_decide_the_health_of_a_stopped_listener() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let pod = Pod::tcp("a").await;
    put(&simulator, &lb, &route, pod.address, 10);
    assert_eq!(details(&simulator).await, ["Alive"]);
    set(&simulator, &lb, &route, ListenerState::Stopped);
    assert_eq!(details(&simulator).await, ["Close"]);
    assert_eq!(simulator.console(|state| state.health(&lb))[0].health, Health::CheckOff);
    set(&simulator, &lb, &route, ListenerState::Serving);
    assert_eq!(details(&simulator).await, ["Alive"]);
}

#[tokio::test]
async fn an_action_stops_and_starts_listeners_by_a_task() {
    let (simulator, lb) = simulator_with(slow());
    let route = listener(&simulator, &lb, Protocol::Http, 80);
    let id = route.listener.as_str();
    let ask = |operation: &str, ids: &[&str]| json!({"LoadBalancerId": "lb-test", "OperationType": operation, "ListenerIds": ids});
    let stop = ok(&simulator, "SetLoadBalancerStartStatus", ask("Stop", &[id])).await;
    assert_eq!(flags(&simulator).await, json!([]), "not before the task ends");
    assert_eq!(ended(&simulator, &stop).await, 0);
    assert_eq!(flags(&simulator).await, json!(["Stop"]));
    let renamed = json!({"LoadBalancerId": "lb-test", "ListenerId": id, "ListenerName": "renamed"});
    let renamed = ok(&simulator, "ModifyListener", renamed).await;
    assert_eq!(ended(&simulator, &renamed).await, 0, "it can be changed");
    assert_eq!(flags(&simulator).await, json!(["Stop"]));
    let start = ok(&simulator, "SetLoadBalancerStartStatus", ask("Start", &[id])).await;
    assert_eq!(ended(&simulator, &start).await, 0);
    assert_eq!(flags(&simulator).await, json!([]));
    for (parameters, expected) in [
        (ask("Pause", &[id]), "InvalidParameterValue"),
        (ask("Stop", &[id, "lbl-no"]), "InvalidParameter.ListenerIdNotFound"),
        (json!({"LoadBalancerId": "lb-no", "OperationType": "Stop"}), "InvalidParameter.LBIdNotFound"),
        (json!({"LoadBalancerId": "lb-test"}), "MissingParameter"),
    ] {
        assert_eq!(code(&simulator, "SetLoadBalancerStartStatus", parameters).await, expected);
    }
    simulator.hold(&lb, Duration::from_secs(3600)).expect("it exists");
    let refused = code(&simulator, "SetLoadBalancerStartStatus", ask("Stop", &[id])).await;
    assert_eq!(refused, "FailedOperation.ResourceInOperating");
}

#[tokio::test]
async fn a_stopped_load_balancer_serves_nothing_and_refuses_writes() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let pod = Pod::tcp("a").await;
    put(&simulator, &lb, &route, pod.address, 10);
    let ask = |operation: &str| json!({"LoadBalancerId": "lb-test", "OperationType": operation});
    ok(&simulator, "SetLoadBalancerStartStatus", ask("Stop")).await;
    let shown = ok(&simulator, "DescribeLoadBalancers", json!({"LoadBalancerIds": ["lb-test"]})).await;
    assert_eq!(shown["LoadBalancerSet"][0]["AttributeFlags"], json!(["Stop"]));
    assert_eq!((flags(&simulator).await, details(&simulator).await), (json!([]), vec![json!("Close")]));
    assert_eq!(simulator.data_plane(&lb, Protocol::Tcp, 80), None);
    let delete = json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str()});
    assert_eq!(code(&simulator, "DeleteListener", delete).await, "FailedOperation.InvalidLBStatus");
    ok(&simulator, "SetLoadBalancerStartStatus", ask("Start")).await;
    assert_eq!(greeting(front(&simulator, &lb, Protocol::Tcp, 80).await).await.expect("a greeting"), "a");
}

#[tokio::test]
async fn the_admin_endpoint_stops_and_starts_listeners() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let body = json!({"loadBalancer": "lb-test", "listener": route.listener.as_str()});
    for (path, expected) in [("/admin/listeners/stop", json!(["Stop"])), ("/admin/listeners/start", json!([]))] {
        assert_eq!(admin(&simulator, Method::POST, path, &body).await.0, StatusCode::OK);
        assert_eq!(flags(&simulator).await, expected);
    }
    for body in [json!({"loadBalancer": "lb-test", "listener": "lbl-no"}), json!({"listener": "lbl-no"})] {
        assert_eq!(admin(&simulator, Method::POST, "/admin/listeners/stop", &body).await.0, StatusCode::BAD_REQUEST);
    }
}
