//! What the pages tell people to do leads to what they say, on a real control plane and the simulated cloud.

use serde_json::{Value, json};
use tke_direct_access::model::{Address, ListenerId, LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use super::page::Page;
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::eventually;

/// Where TKE's nodes are in these tests.
const NODE: Address = Address { ip: std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 250, 0, 2)), port: 30080 };

/// The file that a page tells people to write, for another namespace.
fn file(page: &str, name: &str) -> String {
    let comment = format!("# {name}\n");
    let block = Page::read(page).blocks.into_iter().find(|block| block.text.starts_with(&comment));
    block.unwrap().text.replace("  namespace: shop\n", "")
}

/// A listener as TKE makes it.
fn add_listener(stage: &Stage) -> ListenerId {
    let id = LoadBalancerId::new(LOAD_BALANCER);
    stage.cloud.console(|state| state.add_listener(&id, "TKE-DEDICATED-LISTENER", Protocol::Tcp, 80)).unwrap()
}

fn put_target(stage: &Stage, listener: &ListenerId, address: Address, tag: &str) {
    let route = Route { listener: listener.clone(), rule: None };
    let id = LoadBalancerId::new(LOAD_BALANCER);
    stage.cloud.console(|state| state.put_target(&id, &route, address, 7, tag)).unwrap();
}

fn into(listener: &ListenerId) -> Value {
    json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": listener.as_str()}]})
}

/// The address that the only Pod is registered at.
async fn pod_address(stage: &Stage) -> Address {
    let ip = eventually("the Pod has an address", DEADLINE, async || {
        let ip = stage.ok(&["get", "pods", "-o", "jsonpath={.items[0].status.podIP}"]).await;
        Ok::<_, String>((!ip.is_empty()).then_some(ip))
    })
    .await;
    Address { ip: ip.parse().unwrap(), port: 8080 }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quick_start_leads_to_a_ready_binding() {
    let mut stage = Stage::without_controller("quick", SimulatorSettings::instant()).await;
    let id = stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-6efswuxa")).unwrap();
    stage.start_controller(&[]).await;
    stage.apply(&file("docs/quick-start.md", "web.yaml")).await;
    stage.until_ready("web", "3/3").await;
    let address = stage.cloud.data_plane(&id, Protocol::Tcp, 80).unwrap();
    assert!(reqwest::get(format!("http://{address}/")).await.unwrap().status().is_success());
    stage.finish().await;
}

#[test]
fn both_languages_of_the_quick_start_say_the_same() {
    let blocks =
        |name: &str| -> Vec<_> { Page::read(name).blocks.into_iter().map(|block| (block.info, block.text)).collect() };
    assert_eq!(blocks("docs/quick-start.md"), blocks("docs/quick-start.zh.md"));
    let places = |name: &str| -> Vec<_> {
        let links = Page::read(name).links().into_iter().map(|(_, link)| link);
        links.filter(|link| !link.starts_with("quick-start")).collect()
    };
    let sorted = |mut links: Vec<String>| {
        links.sort();
        links
    };
    assert_eq!(sorted(places("docs/quick-start.md")), sorted(places("docs/quick-start.zh.md")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_load_balancer_leaves_the_first_as_it_was() {
    let stage = Stage::new("beside").await;
    let listener = add_listener(&stage);
    put_target(&stage, &listener, NODE, "");
    stage.apply(&deployment(2)).await;
    stage.apply(&file("docs/migration.md", "web-direct.yaml")).await;
    stage.until_ready("web-direct", "2/2").await;
    let before = stage.targets(Protocol::Tcp, 80).unwrap();
    assert_eq!((before.len(), before[&NODE].weight), (1, 7));
    stage.ok(&["delete", "dab", "web-direct", "--timeout=150s"]).await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap(), before);
    let left = stage.cloud.console(|state| state.load_balancers().count());
    assert_eq!(left, 2, "what was created stays");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_join_the_nodes_of_a_listener_and_leave_them_there() {
    let stage = Stage::new("same-listener").await;
    let listener = add_listener(&stage);
    put_target(&stage, &listener, NODE, "");
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "annotations": {"service.cloud.tencent.com/client-token": "x"}},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    stage.apply(&service.to_string()).await;
    stage.apply(&deployment(2)).await;
    let text = file("docs/migration.md", "web.yaml");
    let text = text.replace("lb-6efswuxa", LOAD_BALANCER).replace("lbl-1a2b3c4d", listener.as_str());
    stage.apply(&text).await;
    stage.until("web", "Accepted", "False", "ManagedByTke").await;
    assert_eq!(stage.cloud.writes(), 0);
    stage.ok(&["annotate", "service", "web", "service.cloud.tencent.com/mode=skip"]).await;
    stage.until_ready("web", "2/2").await;
    let targets = stage.targets(Protocol::Tcp, 80).unwrap();
    assert_eq!((targets.len(), targets[&NODE].weight), (3, 7));
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    let targets = stage.targets(Protocol::Tcp, 80).unwrap();
    assert_eq!((targets.len(), targets[&NODE].weight), (1, 7));
    assert!(stage.listeners().iter().any(|one| one.id == listener && one.name == "TKE-DEDICATED-LISTENER"));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_without_a_mark_count_as_their_pods_and_stay_at_weight_0() {
    let stage = Stage::new("unmarked").await;
    let listener = add_listener(&stage);
    stage.apply(&service()).await;
    stage.apply(&deployment(1)).await;
    let old = pod_address(&stage).await;
    put_target(&stage, &listener, old, "");
    stage.apply(&binding("web", &into(&listener))).await;
    stage.until_ready("web", "1/1").await;
    let targets = stage.targets(Protocol::Tcp, 80).unwrap();
    assert_eq!((targets.len(), targets[&old].weight), (1, 10), "the weight of the binding");
    assert_eq!(stage.cloud.calls().get("BatchRegisterTargets"), None);
    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    eventually("the old target has weight 0, and the new one a mark", DEADLINE, async || {
        let targets = stage.targets(Protocol::Tcp, 80).unwrap();
        let is_done = targets.get(&old).is_some_and(|target| target.weight == 0)
            && targets.iter().any(|(address, target)| *address != old && !target.tag.is_empty());
        if is_done { Ok(Some(())) } else { Err(format!("{targets:?}")) }
    })
    .await;
    stage
        .ok(&["wait", "--for=delete", "pod", "--field-selector", &format!("status.podIP={}", old.ip), "--timeout=150s"])
        .await;
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    let targets = stage.targets(Protocol::Tcp, 80).unwrap();
    assert_eq!(targets.keys().collect::<Vec<_>>(), [&old], "it is not ours to remove");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_the_mark_of_somebody_else_keeps_its_pod_out() {
    let stage = Stage::new("marked").await;
    let listener = add_listener(&stage);
    stage.apply(&service()).await;
    stage.apply(&deployment(1)).await;
    let address = pod_address(&stage).await;
    put_target(&stage, &listener, address, "tke");
    stage.apply(&binding("web", &into(&listener))).await;
    eventually("the Pod is left out", DEADLINE, async || {
        let status = stage.binding("web").await.and_then(|binding| binding.status).unwrap_or_default();
        let reasons: Vec<_> = status.excluded.iter().map(|row| row.reason.clone()).collect();
        if reasons == ["AddressInUse"] { Ok(Some(())) } else { Err(format!("{reasons:?}")) }
    })
    .await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap()[&address].weight, 7);
    stage.finish().await;
}
