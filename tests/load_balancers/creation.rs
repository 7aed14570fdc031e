//! What is created, and that it is used.

use serde_json::json;
use tke_direct_access::api::names;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Departure, Quotas, Settings as SimulatorSettings};

use super::scene::{created, creating, delete, deploy};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_public_one_is_created_used_and_deleted_with_its_binding() {
    let stage = Stage::new("public").await;
    deploy(&stage, 2).await;
    let create = json!({
        "network": "Public", "chargeType": "TrafficPostpaidByHour", "bandwidthMbps": 7, "passToTarget": true,
        "securityGroups": ["sg-2", "sg-1"], "tags": [{"key": "team", "value": "shop"}], "name": "shop-web",
    });
    stage.apply(&creating("web", &create, &json!({"deletionPolicy": "Delete"}))).await;
    stage.until_ready("web", "2/2").await;
    let all = created(&stage);
    let [(id, shown)] = all.as_slice() else { panic!("{all:?}") };
    let status = stage.binding("web").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!((status.id.as_str(), status.created, &status.requested_time), (id.as_str(), true, &None));
    assert_eq!(shown.load_balancer_type.as_deref(), Some("OPEN"));
    assert_eq!(shown.load_balancer_name.as_deref(), Some("shop-web"));
    assert_eq!(shown.network_attributes.as_ref().unwrap().internet_max_bandwidth_out, Some(7));
    assert_eq!(shown.load_balancer_pass_to_target, Some(true));
    assert_eq!(shown.secure_groups.as_deref(), Some(["sg-1".to_owned(), "sg-2".to_owned()].as_slice()));
    let uid = stage.binding("web").await.unwrap().metadata.uid.unwrap();
    let tags: Vec<_> =
        shown.tags.iter().flatten().map(|tag| (tag.tag_key.as_deref(), tag.tag_value.as_deref())).collect();
    let name = format!("{}/web", stage.namespace.name);
    for tag in [("direct-access-binding", uid.as_str()), ("direct-access-binding-name", &name), ("team", "shop")] {
        assert!(tags.contains(&(Some(tag.0), Some(tag.1))), "{tag:?} in {tags:?}");
    }
    let front = stage.cloud.data_plane(id, Protocol::Tcp, 80).unwrap();
    let answer = reqwest::get(format!("http://{front}/")).await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"pod\":\"web-"), "{answer}");
    delete(&stage, "web").await;
    assert_eq!(created(&stage), []);
    let calls = stage.cloud.calls();
    assert_eq!((calls.get("CreateLoadBalancer"), calls.get("DeleteLoadBalancer")), (Some(&1), Some(&1)));
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_internal_one_gets_its_address_from_the_subnet_and_the_vpc_of_the_flag() {
    let mut stage = Stage::without_controller("internal", SimulatorSettings::instant()).await;
    stage.start_controller(&["--vpc-id", "vpc-1a2b3c4d"]).await;
    deploy(&stage, 1).await;
    let create = json!({"network": "Internal", "subnetId": "subnet-1a2b3c4d"});
    stage.apply(&creating("web", &create, &json!({}))).await;
    stage.until_ready("web", "1/1").await;
    let all = created(&stage);
    let [(id, shown)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(shown.load_balancer_type.as_deref(), Some("INTERNAL"));
    assert_eq!((shown.vpc_id.as_deref(), shown.subnet_id.as_deref()), (Some("vpc-1a2b3c4d"), Some("subnet-1a2b3c4d")));
    // Deregister, the default, leaves the load balancer and takes our listeners off.
    delete(&stage, "web").await;
    assert_eq!(created(&stage).len(), 1);
    assert_eq!(stage.cloud.console(|state| state.listeners(id)).len(), 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snat_pro_is_switched_on_where_the_spec_says_so_and_kept_on() {
    let stage = Stage::new("snat-pro").await;
    deploy(&stage, 1).await;
    stage.apply(&creating("web", &json!({"network": "Public", "snatPro": true}), &json!({}))).await;
    stage.until_ready("web", "1/1").await;
    let all = created(&stage);
    let [(id, shown)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(shown.snat_pro, Some(true));
    stage.cloud.console(|state| state.set_snat_pro(id, false)).unwrap();
    let now = json!({"metadata": {"annotations": {"cloud.tencent.com/reconcile-requested-at": "now"}}}).to_string();
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &now]).await;
    eventually("it is on again", DEADLINE, async || {
        let shown = created(&stage).remove(0).1.snat_pro;
        if shown == Some(true) { Ok(Some(())) } else { Err(format!("{shown:?}")) }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_of_load_balancers_is_told_and_asked_again() {
    let settings = SimulatorSettings {
        quotas: Quotas { public_load_balancers: 1, ..Quotas::default() },
        ..SimulatorSettings::instant()
    };
    let mut stage = Stage::without_controller("lb-quota", settings).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({}))).await;
    stage.until("web", "Programmed", "False", "QuotaExceeded").await;
    // An internal one has a quota of its own.
    let create = json!({"network": "Internal", "vpcId": "vpc-1", "subnetId": "subnet-1"});
    stage.apply(&creating("inside", &create, &json!({}))).await;
    stage.until_ready("inside", "1/1").await;
    assert_eq!(created(&stage).len(), 1);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_deleted_by_hand_is_told_and_not_replaced() {
    let stage = Stage::new("gone").await;
    deploy(&stage, 1).await;
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({"deletionPolicy": "Delete"}))).await;
    stage.until_ready("web", "1/1").await;
    let id = created(&stage).remove(0).0;
    assert!(stage.cloud.console(|state| state.remove_load_balancer(&id)));
    let now = json!({"metadata": {"annotations": {"cloud.tencent.com/reconcile-requested-at": "now"}}}).to_string();
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &now]).await;
    stage.until("web", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    assert_eq!(created(&stage), []);
    delete(&stage, "web").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_an_internal_load_balancer_is_bound_and_leaves_nothing_behind() {
    let stage = Stage::new("example").await;
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/12-internal-load-balancer.yaml");
    stage.apply(&std::fs::read_to_string(path).unwrap()).await;
    stage.until_ready("inside", "2/2").await;
    assert_eq!(created(&stage).len(), 1);
    delete(&stage, "inside").await;
    assert_eq!(created(&stage), []);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_in_front_of_ipv4_pods_works_by_nat64_and_not_in_full_chain() {
    let stage = Stage::new("ipv6").await;
    deploy(&stage, 1).await;
    let nat64 = json!({"network": "Public", "ipVersion": "IPv6Nat64"});
    stage.apply(&creating("nat64", &nat64, &json!({}))).await;
    stage.until_ready("nat64", "1/1").await;
    let status = stage.binding("nat64").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert!(status.addresses[0].starts_with("2001:db8:"), "{status:?}");
    let full = json!({"network": "Public", "ipVersion": "IPv6FullChain", "subnetId": "subnet-1"});
    stage.apply(&creating("full", &full, &json!({}))).await;
    stage.until("full", "TargetsHealthy", "False", "NoTargets").await;
    let excluded = stage.binding("full").await.unwrap().status.unwrap().excluded;
    assert_eq!(excluded.iter().map(|found| found.reason.as_str()).collect::<Vec<_>>(), ["WrongFamily"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_creation_is_answered_without_ids_is_found() {
    let settings = SimulatorSettings { dialect: [Departure::IdsLate].into(), ..SimulatorSettings::instant() };
    let mut stage = Stage::without_controller("ids-late", settings).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    let create = json!({
        "network": "Public", "slaType": "clb.c3.small", "masterZoneId": "ap-guangzhou-3",
    });
    stage.apply(&creating("web", &create, &json!({"deletionPolicy": "Delete"}))).await;
    stage.until_ready("web", "1/1").await;
    let all = created(&stage);
    let [(_, shown)] = all.as_slice() else { panic!("{all:?}") };
    let zone = shown.master_zone.as_ref().and_then(|zone| zone.zone.clone());
    assert_eq!((shown.sla_type.as_deref(), zone), (Some("clb.c3.small"), Some("ap-guangzhou-3".to_owned())));
    assert_eq!(stage.cloud.calls().get("CreateLoadBalancer"), Some(&1));
    delete(&stage, "web").await;
    assert_eq!(created(&stage), []);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_fixed_addresses_makes_one_with_a_domain_name() {
    let settings = SimulatorSettings { dialect: [Departure::DomainsOnly].into(), ..SimulatorSettings::instant() };
    let mut stage = Stage::without_controller("domains-only", settings).await;
    stage.start_controller(&[]).await;
    deploy(&stage, 1).await;
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({}))).await;
    eventually("the condition says what to set", DEADLINE, async || {
        let status = stage.binding("web").await.and_then(|binding| binding.status).unwrap_or_default();
        let said = status.conditions.into_iter().find(|found| found.type_ == "Programmed");
        let said = said.map(|found| found.message).unwrap_or_default();
        let is_said = said.contains("only suport domain clb") && said.contains("loadBalancer.create.dynamicVip: true");
        if is_said { Ok(Some(())) } else { Err(said) }
    })
    .await;
    delete(&stage, "web").await;
    stage.apply(&creating("named", &json!({"network": "Public", "dynamicVip": true}), &json!({}))).await;
    stage.until_ready("named", "1/1").await;
    let all = created(&stage);
    let [(id, shown)] = all.as_slice() else { panic!("{all:?}") };
    let name = format!("{id}.clb.example");
    assert_eq!(shown.load_balancer_domain.as_deref(), Some(name.as_str()));
    let status = stage.binding("named").await.unwrap().status.unwrap().load_balancer.unwrap();
    assert_eq!((status.domain.as_deref(), status.addresses.as_slice()), (Some(name.as_str()), [].as_slice()));
    let ours = json!({"spec": {
        "type": "LoadBalancer", "loadBalancerClass": names::LOAD_BALANCER_CLASS, "allocateLoadBalancerNodePorts": false,
    }});
    stage.ok(&["patch", "service", "web", "--type=merge", "-p", &ours.to_string()]).await;
    eventually("the Service has the name", DEADLINE, async || {
        let ingress = "jsonpath={.status.loadBalancer.ingress[*]['ip', 'hostname']}";
        let found = stage.ok(&["get", "service", "web", "-o", ingress]).await;
        if found == name { Ok(Some(())) } else { Err(found) }
    })
    .await;
    stage.finish().await;
}
