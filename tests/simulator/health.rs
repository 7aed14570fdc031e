//! Health as the API reports it.

use serde_json::{Value, json};
use tke_direct_access::model::{Health, LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::{Settings, Simulator, Timing};

use crate::support::{Pod, becomes, code, eventually, json_id, listener, nobody, ok, simulator, simulator_with};

/// Status and detail of the only target.
async fn reported(simulator: &Simulator) -> (bool, String) {
    let health = ok(simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": ["lb-test"]})).await;
    let target = &health["LoadBalancers"][0]["Listeners"][0]["Rules"][0]["Targets"][0];
    assert_eq!(target["HealthStatusDetail"], target["HealthStatusDetial"]);
    let status = target["HealthStatus"].as_bool().expect("a status");
    (status, target["HealthStatusDetail"].as_str().expect("a detail").to_owned())
}

async fn made(simulator: &Simulator, check: Value) -> Route {
    let create = json!({"LoadBalancerId": "lb-test", "Ports": [80], "Protocol": "TCP", "HealthCheck": check});
    let created = ok(simulator, "CreateListener", create).await;
    Route { listener: json_id(&created["ListenerIds"][0]), rule: None }
}

#[tokio::test]
async fn health_goes_from_unknown_to_alive_to_dead_and_back() {
    let timing = Timing { health_scale: Some(0.1), ..Settings::instant().timing };
    let (simulator, lb) = simulator_with(Settings { timing, ..Settings::instant() });
    let route = made(&simulator, json!({"HealthNum": 2, "UnHealthNum": 2})).await;
    let pod = Pod::tcp("a").await;
    let target = json!([{"EniIp": pod.address.ip.to_string(), "Port": pod.address.port}]);
    let register = json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str(), "Targets": target});
    ok(&simulator, "RegisterTargets", register).await;
    assert_eq!(reported(&simulator).await, (false, "Unknown".into()));
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    assert_eq!(reported(&simulator).await, (true, "Alive".into()));
    let address = pod.address;
    drop(pod);
    becomes(&simulator, &lb, &route, address, Health::Unhealthy).await;
    assert_eq!(reported(&simulator).await, (false, "Dead".into()));
    let _again = Pod::tcp_at("a", address.port).await;
    becomes(&simulator, &lb, &route, address, Health::Healthy).await;
}

#[tokio::test]
async fn a_verdict_takes_as_many_probes_as_configured() {
    let timing = Timing { health_scale: Some(0.05), ..Settings::instant().timing };
    let (simulator, lb) = simulator_with(Settings { timing, ..Settings::instant() });
    let route = made(&simulator, json!({"HealthNum": 4})).await;
    let pod = Pod::tcp("a").await;
    simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    eventually("the fourth probe", async || (pod.seen() >= 4).then_some(())).await;
}

#[tokio::test]
async fn a_registration_again_begins_as_unknown() {
    let timing = Timing { health_scale: Some(0.1), ..Settings::instant().timing };
    let (simulator, lb) = simulator_with(Settings { timing, ..Settings::instant() });
    let route = made(&simulator, json!({})).await;
    let pod = Pod::tcp("a").await;
    let put = || simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
    put();
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    simulator.console(|state| state.remove_target(&lb, &route, pod.address));
    put();
    assert_eq!(simulator.console(|state| state.health_at(&lb, &route, pod.address)), Some(Health::Unknown));
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
}

#[tokio::test]
async fn a_check_that_is_off_closes_the_question() {
    let (simulator, lb) = simulator();
    let route = made(&simulator, json!({"HealthSwitch": 0})).await;
    let pod = nobody().await;
    simulator.console(|state| state.put_target(&lb, &route, pod, 10, "")).expect("a target");
    assert_eq!(reported(&simulator).await, (false, "Close".into()));
    let on =
        json!({"LoadBalancerId": "lb-test", "ListenerId": route.listener.as_str(), "HealthCheck": {"HealthSwitch": 1}});
    ok(&simulator, "ModifyListener", on).await;
    becomes(&simulator, &lb, &route, pod, Health::Unhealthy).await;
}

#[tokio::test]
async fn tcp_listeners_can_be_checked_with_requests() {
    let (simulator, lb) = simulator();
    let check = |codes: u8| {
        json!({
            "CheckType": "HTTP", "HttpVersion": "HTTP/1.1", "HttpCheckDomain": "a.example",
            "HttpCheckPath": "/status/404", "HttpCode": codes, "HttpCheckMethod": "GET",
        })
    };
    let route = made(&simulator, check(8)).await;
    let pod = Pod::http("a").await;
    simulator.console(|state| state.put_target(&lb, &route, pod.address, 10, "")).expect("a target");
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    let listener = route.listener.as_str();
    let strict = json!({"LoadBalancerId": "lb-test", "ListenerId": listener, "HealthCheck": check(2)});
    ok(&simulator, "ModifyListener", strict).await;
    becomes(&simulator, &lb, &route, pod.address, Health::Unhealthy).await;
}

#[tokio::test]
async fn a_decided_verdict_wins_over_the_probes() {
    let (simulator, lb) = simulator();
    let route = listener(&simulator, &lb, Protocol::Tcp, 80);
    let pod = nobody().await;
    simulator.console(|state| state.put_target(&lb, &route, pod, 10, "")).expect("a target");
    simulator.set_health_override(pod, Some(true));
    assert_eq!(reported(&simulator).await, (true, "Alive".into()));
    simulator.set_health_override(pod, None);
    becomes(&simulator, &lb, &route, pod, Health::Unhealthy).await;
}

#[tokio::test]
async fn health_can_be_asked_for_in_part() {
    let (simulator, lb) = simulator();
    let routes = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port));
    let one = json!({"LoadBalancerIds": ["lb-test"], "ListenerIds": [routes[1].listener.as_str()]});
    let health = ok(&simulator, "DescribeTargetHealth", one).await["LoadBalancers"][0]["Listeners"].take();
    assert_eq!((health.as_array().map(Vec::len), &health[0]["Port"]), (Some(1), &json!(81)));
    assert_eq!(health[0]["Rules"][0]["Domain"], json!(null), "layer 4 has one rule of the cloud's own making");
    assert_eq!(
        code(&simulator, "DescribeTargetHealth", json!({"LoadBalancerIds": []})).await,
        "InvalidParameterValue.Length"
    );
    assert!(simulator.console(|state| state.health(&LoadBalancerId::new("lb-no"))).is_empty());
}
