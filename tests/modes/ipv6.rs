//! Load balancers of IPv6: IPv6 targets of dual-stack Services, and NAT64.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use tke_direct_access::model::{Address, LoadBalancerId, Protocol};

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment_with, service};
use crate::support::eventually;

/// The Service has both families.
fn dual_stack(service: &str) -> String {
    let mut service: Value = serde_json::from_str(service).unwrap();
    service["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
    service.to_string()
}

/// A binding that creates a public load balancer of this version.
fn creating(name: &str, create: &Value) -> String {
    binding(name, &json!({"loadBalancer": {"create": create}}))
}

fn full_chain() -> Value {
    json!({"network": "Public", "ipVersion": "IPv6FullChain", "subnetId": "subnet-1a2b3c4d"})
}

/// The load balancer of a binding.
async fn load_balancer(stage: &Stage, name: &str) -> LoadBalancerId {
    let status = stage.binding(name).await.unwrap().status.unwrap();
    LoadBalancerId::new(status.load_balancer.unwrap().id)
}

/// Its targets: address and weight.
fn targets(stage: &Stage, id: &LoadBalancerId) -> BTreeMap<Address, u8> {
    let all = stage.cloud.console(|state| state.targets(id));
    all.into_values().flatten().map(|target| (target.address, target.weight)).collect()
}

/// Which Pods answer at a load balancer, by name.
async fn answering(stage: &Stage, id: &LoadBalancerId) -> String {
    let front = stage.cloud.data_plane(id, Protocol::Tcp, 80).unwrap();
    reqwest::get(format!("http://{front}/")).await.unwrap().text().await.unwrap()
}

async fn excluded(stage: &Stage, name: &str, expected: &str) {
    eventually(&format!("excluded: {expected}"), DEADLINE, async || {
        let path = "jsonpath={range .status.excluded[*]}{.reason} {.count};{end}";
        let found = stage.ok(&["get", "dab", name, "-o", path]).await;
        if found == expected { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_load_balancer_gets_the_addresses_of_its_family() {
    let stage = Stage::new("dual-stack").await;
    stage.apply(&dual_stack(&service())).await;
    stage.apply(&deployment_with(2, &json!({"loopback.tke-direct-access.dev/ipv6": "true"}), &json!({}))).await;
    stage.apply(&binding("four", &json!({}))).await;
    stage.apply(&creating("six", &full_chain())).await;
    for name in ["four", "six"] {
        stage.until_ready(name, "2/2").await;
    }
    let six = load_balancer(&stage, "six").await;
    let (of_four, of_six) = (targets(&stage, &LoadBalancerId::from(LOAD_BALANCER)), targets(&stage, &six));
    // The stage's own load balancer has a target of somebody else, too.
    assert_eq!((of_four.len(), of_six.len()), (3, 2), "{of_four:?} {of_six:?}");
    assert!(of_four.keys().all(|address| address.ip.is_ipv4()), "{of_four:?}");
    assert!(of_six.keys().all(|address| address.ip.is_ipv6()), "{of_six:?}");
    let status = stage.binding("six").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert!(status.addresses[0].parse::<IpAddr>().unwrap().is_ipv6(), "{status:?}");
    assert!(answering(&stage, &six).await.contains("\"pod\":\"web-"));

    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=120s"]).await;
    eventually("the targets are those of the new Pods", DEADLINE, async || {
        let now = targets(&stage, &six);
        let is_new = now.len() == 2 && now.keys().all(|address| address.ip.is_ipv6() && !of_six.contains_key(address));
        if is_new { Ok(Some(())) } else { Err(format!("{now:?}")) }
    })
    .await;
    assert!(answering(&stage, &six).await.contains("\"pod\":\"web-"));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_one_family_only_is_no_target_of_the_other() {
    let stage = Stage::new("one-family").await;
    stage.apply(&service()).await;
    stage.apply(&deployment_with(2, &json!({}), &json!({"readinessGates": []}))).await;
    stage.apply(&creating("six", &full_chain())).await;
    excluded(&stage, "six", "WrongFamily 2;").await;
    assert_eq!(targets(&stage, &load_balancer(&stage, "six").await), BTreeMap::new());
    // Pods of both families, and a Service of one.
    let both = json!({"loopback.tke-direct-access.dev/ipv6": "true"});
    stage.apply(&deployment_with(2, &both, &json!({"readinessGates": []}))).await;
    excluded(&stage, "six", "NotInSlice 2;").await;
    assert_eq!(targets(&stage, &load_balancer(&stage, "six").await), BTreeMap::new());
    stage.apply(&dual_stack(&service())).await;
    stage.until_ready("six", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nat64_has_an_ipv6_address_and_ipv4_targets() {
    let stage = Stage::new("nat64").await;
    stage.apply(&service()).await;
    stage.apply(&deployment_with(1, &json!({}), &json!({}))).await;
    stage.apply(&creating("nat", &json!({"network": "Public", "ipVersion": "IPv6Nat64"}))).await;
    stage.until_ready("nat", "1/1").await;
    let id = load_balancer(&stage, "nat").await;
    assert!(targets(&stage, &id).keys().all(|address| address.ip.is_ipv4()));
    let status = stage.binding("nat").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert!(status.addresses[0].parse::<IpAddr>().unwrap().is_ipv6(), "{status:?}");
    assert!(answering(&stage, &id).await.contains("\"pod\":\"web-"));
    stage.finish().await;
}
