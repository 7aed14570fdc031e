//! Load balancers of IPv6: their targets, their checks, and traffic to both families.

use serde_json::{Value, json};
use tke_direct_access::model::{Address, Health, Protocol, Route};
use tke_direct_access::sim::Simulator;

use crate::support::{Pod, becomes, code, front, greeting, json_id, ok, simulator};

/// A new load balancer of this version.
async fn created(simulator: &Simulator, version: &str) -> Value {
    let mut new = json!({"LoadBalancerType": "OPEN", "AddressIPVersion": version});
    if version == "IPv6FullChain" {
        new["SubnetId"] = json!("subnet-1");
    }
    ok(simulator, "CreateLoadBalancer", new).await["LoadBalancerIds"][0].take()
}

async fn listening(simulator: &Simulator, id: &Value) -> Value {
    let new = json!({"LoadBalancerId": id, "Ports": [80], "Protocol": "TCP"});
    ok(simulator, "CreateListener", new).await["ListenerIds"][0].take()
}

#[tokio::test]
async fn targets_have_the_family_of_their_load_balancer() {
    let (simulator, _) = simulator();
    for (version, good, bad) in [
        ("IPv6FullChain", "fd00::10.9.0.1", "10.9.0.1"),
        ("IPV6", "10.9.0.1", "fd00::10.9.0.1"),
        ("IPV4", "10.9.0.1", "fd00::10.9.0.1"),
    ] {
        let id = created(&simulator, version).await;
        let listener = listening(&simulator, &id).await;
        let one =
            |ip: &str| json!({"LoadBalancerId": id, "ListenerId": listener, "Targets": [{"EniIp": ip, "Port": 80}]});
        let batch =
            |ip: &str| json!({"LoadBalancerId": id, "Targets": [{"ListenerId": listener, "EniIp": ip, "Port": 81}]});
        assert_eq!(code(&simulator, "RegisterTargets", one(bad)).await, "InvalidParameterValue", "{version}");
        assert_eq!(code(&simulator, "BatchRegisterTargets", batch(bad)).await, "InvalidParameterValue", "{version}");
        ok(&simulator, "RegisterTargets", one(good)).await;
        ok(&simulator, "BatchRegisterTargets", batch(good)).await;
        let shown = ok(&simulator, "DescribeTargets", json!({"LoadBalancerId": id})).await;
        assert_eq!(shown["Listeners"][0]["Targets"].as_array().map(Vec::len), Some(2), "{shown}");
    }
}

#[tokio::test]
async fn checks_are_what_the_vendor_says_they_can_be() {
    let (simulator, _) = simulator();
    let id = created(&simulator, "IPv6FullChain").await;
    let http = json!({"CheckType": "HTTP", "HttpVersion": "HTTP/1.1", "HttpCheckDomain": "a.example"});
    let custom = json!({"CheckType": "CUSTOM", "ContextType": "TEXT", "SendContext": "a", "RecvContext": "b"});
    for (protocol, check, expected) in [
        ("TCP", http, "InvalidParameterValue"),
        ("TCP", custom.clone(), "InvalidParameterValue"),
        ("UDP", custom, "InvalidParameterValue"),
        ("TCP", json!({"IntervalTime": 4}), "InvalidParameterValue.Range"),
        ("HTTP", json!({}), "none"),
        ("TCP", json!({"SourceIpType": 1}), "InvalidParameterValue"),
        ("TCP", json!({"IntervalTime": 5, "SourceIpType": 0}), "none"),
    ] {
        let new = json!({"LoadBalancerId": id, "Ports": [90], "Protocol": protocol, "HealthCheck": check});
        if expected == "none" {
            let made = ok(&simulator, "CreateListener", new).await["ListenerIds"][0].take();
            ok(&simulator, "DeleteListener", json!({"LoadBalancerId": id, "ListenerId": made})).await;
        } else {
            assert_eq!(code(&simulator, "CreateListener", new.clone()).await, expected, "{new}");
        }
    }
    let new = json!({
        "LoadBalancerType": "OPEN", "AddressIPVersion": "IPv6FullChain", "SubnetId": "subnet-1", "LoadBalancerPassToTarget": true,
    });
    assert_eq!(code(&simulator, "CreateLoadBalancer", new).await, "InvalidParameterValue");
}

#[tokio::test]
async fn targets_of_ipv6_are_probed_and_get_traffic() {
    let (simulator, _) = simulator();
    let id = created(&simulator, "IPv6FullChain").await;
    let listener = listening(&simulator, &id).await;
    let pod = Pod::tcp("six").await;
    let std::net::IpAddr::V4(ip) = pod.address.ip else { panic!("{:?}", pod.address) };
    let [a, b, c, d] = ip.octets();
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[12..].copy_from_slice(&[a, b, c, d]);
    let address = Address { ip: octets.into(), port: pod.address.port };
    let target = json!({"EniIp": address.ip.to_string(), "Port": address.port});
    ok(&simulator, "RegisterTargets", json!({"LoadBalancerId": id, "ListenerId": listener, "Targets": [target]})).await;
    let lb = id.as_str().expect("an id").into();
    let route = Route { listener: json_id(&listener), rule: None };
    becomes(&simulator, &lb, &route, address, Health::Healthy).await;
    let front = front(&simulator, &lb, Protocol::Tcp, 80).await;
    assert_eq!(greeting(front).await.expect("an answer"), "six");
}
