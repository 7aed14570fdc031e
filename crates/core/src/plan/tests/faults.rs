use std::sync::Arc;

use serde_json::json;

use super::world::{PORT, World, address, binding};
use crate::api::DirectAccessBinding;
use crate::api::condition::{ConditionType, Reason};
use crate::api::mark::ListenerName;
use crate::model::{Address, Class, Failure, Protocol, TargetPort, Weight};
use crate::plan::{Cloud, plan};

fn reasons(world: &World, binding: usize) -> Vec<(ConditionType, Reason)> {
    world.plan().bindings[binding].problems.iter().map(|problem| (problem.condition, problem.reason)).collect()
}

#[test]
fn a_missing_service_is_told_and_changes_nothing() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.converge();
    world.service = None;
    assert!(world.plan().steps.is_empty());
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::ServiceNotFound)]);
    // A Pod that is gone cannot serve, whatever the Service would say.
    world.pods.remove(&1);
    world.converge();
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()), [(address(2), 10)]);
}

#[test]
fn a_missing_service_port_is_told_and_holds_its_listener_only() {
    let spec = json!({"listeners": [
        {"port": 80, "protocol": "TCP"},
        {"port": 81, "protocol": "TCP", "servicePort": "admin"},
    ]});
    let mut world = World::new(&spec).with_pods([1]);
    world.converge();
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::ServicePortNotFound)]);
    let id = world.listeners.iter().find(|listener| listener.port == 80).unwrap().id.clone();
    assert_eq!(world.targets_of(&id), [(address(1), 10)]);
}

#[test]
fn a_port_that_no_pod_declares_is_named_and_the_binding_is_not_resolved() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let service = world.service.as_mut().unwrap();
    service.ports[0].target_port = TargetPort::Name("metrics".to_owned());
    world.converge();
    let problems = &world.plan().bindings[0].problems;
    let found = problems.iter().find(|found| found.reason == Reason::ServicePortNotFound).unwrap();
    assert_eq!(found.condition, ConditionType::ResolvedRefs);
    assert!(found.message.contains("'metrics'") && found.message.contains("80"), "{}", found.message);
}

#[test]
fn pods_that_only_the_slices_forget_keep_their_targets() {
    let mut world = World::new(&json!({})).with_pods(1..=3);
    world.converge();
    world.published = Some(vec![]);
    assert!(world.round().steps.is_empty());
    assert!(reasons(&world, 0).is_empty(), "slices may lag behind for a moment");
    world.now += jiff::SignedDuration::from_secs(60);
    assert_eq!(reasons(&world, 0), [(ConditionType::Programmed, Reason::SlicesStale)]);
    world.published = None;
    assert!(reasons(&world, 0).is_empty());
}

#[test]
fn a_port_goes_to_the_older_binding_and_both_are_told() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.bindings = vec![binding(2, &json!({})), binding(1, &json!({}))];
    world.converge();
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::PortConflict)]);
    assert!(reasons(&world, 1).is_empty());
    assert!(world.plan().bindings[1].advice[0].message.contains("shop/b2"));
    assert_eq!(world.listeners.len(), 1);
}

#[test]
fn a_listener_that_works_is_not_taken_away_by_an_older_binding() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.bindings = vec![binding(2, &json!({}))];
    world.converge();
    world.bindings.push(binding(1, &json!({})));
    assert!(world.plan().steps.is_empty());
    assert_eq!(reasons(&world, 1), [(ConditionType::Accepted, Reason::PortConflict)]);
}

#[test]
fn a_foreign_listener_on_the_port_is_a_conflict() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.add_listener("theirs", Protocol::Http, PORT);
    assert!(world.plan().steps.is_empty());
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::PortConflict)]);
}

#[test]
fn a_listener_of_another_clusters_binding_on_the_port_is_a_conflict() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let theirs = ListenerName::new(&super::world::uid(0x00ff_0001), "shop", "b1").to_string();
    world.add_listener(&theirs, Protocol::Tcp, PORT);
    assert!(world.plan().steps.is_empty());
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::PortConflict)]);
}

#[test]
fn udp_and_tcp_share_a_port_number() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.add_listener("theirs", Protocol::Udp, PORT);
    world.converge();
    assert_eq!(world.listeners.len(), 2);
}

#[test]
fn a_listener_id_that_is_unknown_or_differs_is_told() {
    let spec = |id: &str| json!({"listeners": [{"port": 443, "protocol": "TCP", "servicePort": 80, "listenerId": id}]});
    let mut world = World::new(&spec("lbl-9")).with_pods([1]);
    world.add_listener("theirs", Protocol::Udp, 443);
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::ListenerNotFound)]);
    world.bindings = vec![binding(1, &spec("lbl-1"))];
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::Invalid)]);
    assert!(world.plan().steps.is_empty());
}

#[test]
fn an_address_that_somebody_else_registered_is_left_to_them() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let id = world.add_own_listener();
    world.add_target(&id, address(1), 50, "somebody's");
    assert!(world.plan().steps.is_empty());
    assert_eq!(reasons(&world, 0), [(ConditionType::Programmed, Reason::BackendConflict)]);
}

#[test]
fn one_pod_port_behind_two_listeners_of_a_protocol_is_a_conflict() {
    let listener = |port: u16, protocol: &str| {
        let rules = if protocol == "HTTP" { json!([{"domain": "a.example", "url": "/"}]) } else { json!([]) };
        json!({"port": port, "protocol": protocol, "servicePort": 80, "rules": rules})
    };
    for (protocol, expected) in
        [("TCP", vec![(ConditionType::Programmed, Reason::BackendConflict)]), ("HTTP", Vec::new())]
    {
        let mut world = World::new(&json!({"listeners": [listener(PORT, protocol), listener(81, protocol)]}));
        world = world.with_pods([1]);
        world.converge();
        assert_eq!(reasons(&world, 0), expected, "{protocol}");
        assert!(world.plan().steps.is_empty(), "{protocol}: what the cloud refuses is not tried");
        let second = world.listeners.iter().find(|listener| listener.port == 81).unwrap().id.clone();
        if protocol == "TCP" {
            world.add_own_target(&second, 1);
        }
        assert!(reasons(&world, 0).is_empty(), "{protocol}: a cloud that takes both is no problem");
    }
}

/// A binding of the one Service of this world with a listener of its own.
fn on_port(number: u32, port: u16) -> Arc<DirectAccessBinding> {
    binding(number, &json!({"listeners": [{"port": port, "protocol": "TCP", "servicePort": 80}]}))
}

fn of_port(world: &World, port: u16) -> Vec<(Address, Weight)> {
    let listener = world.listeners.iter().find(|listener| listener.port == port);
    listener.map(|listener| world.targets_of(&listener.id)).unwrap_or_default()
}

fn conflict(world: &World, index: usize) -> Option<String> {
    let problems = world.plan().bindings.swap_remove(index).problems;
    problems.into_iter().find(|problem| problem.reason == Reason::BackendConflict).map(|problem| problem.message)
}

#[test]
fn of_two_bindings_one_has_a_pod_port_and_the_other_says_so_before_any_call() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.bindings = vec![on_port(2, 81), on_port(1, 80)];
    // Nothing is there yet, and it is said.
    let said = conflict(&world, 0).unwrap();
    for words in ["'shop/b1'", "'shop/b2'", "listener 80/TCP", "listener 81/TCP", "10.1.0.1:8080"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(conflict(&world, 1), None, "the older one has it");
    world.converge();
    assert_eq!((of_port(&world, 80).len(), of_port(&world, 81).len()), (1, 0));
    let contested = &world.plan().bindings[1].advice;
    assert!(contested.iter().any(|one| one.message.contains("'shop/b2'")), "{contested:?}");
    assert!(world.plan().steps.is_empty(), "the cloud is not asked for what it refuses");
}

#[test]
fn a_binding_that_has_a_pod_port_keeps_it_and_gets_the_pods_to_come() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.bindings = vec![on_port(2, 81)];
    world.converge();
    world.bindings.push(on_port(1, 80));
    world.pods.insert(2, super::world::pod(2));
    world.converge();
    assert_eq!((of_port(&world, 80).len(), of_port(&world, 81).len()), (0, 2), "the younger one was first");
    assert!(conflict(&world, 0).is_none() && conflict(&world, 1).is_some_and(|words| words.contains("'shop/b2'")));
    // It goes, and the other gets what it asks for.
    world.bindings.remove(0);
    world.targets.values_mut().for_each(Vec::clear);
    world.converge();
    assert_eq!(of_port(&world, 80).len(), 2);
    assert_eq!(conflict(&world, 0), None);
}

#[test]
fn a_pod_port_that_somebody_else_has_on_another_listener_is_left_to_them() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let id = world.add_listener("theirs", Protocol::Tcp, 90);
    world.add_target(&id, address(1), 10, "somebody's");
    let said = conflict(&world, 0).unwrap();
    assert!(said.contains("listener 90/TCP where somebody else has registered them"), "{said}");
    world.converge();
    assert_eq!(of_port(&world, 80), []);
    world.targets.values_mut().for_each(Vec::clear);
    world.converge();
    assert_eq!(of_port(&world, 80).len(), 1);
    assert_eq!(conflict(&world, 0), None);
}

#[test]
fn a_listener_of_ours_with_foreign_targets_is_not_deleted() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let id = world.add_own_listener();
    world.add_target(&id, address(77), 10, "");
    world.bindings = vec![binding(1, &json!({"listeners": [{"port": 90, "protocol": "TCP", "servicePort": 80}]}))];
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(77), 10)]);
    assert_eq!(reasons(&world, 0), [(ConditionType::Programmed, Reason::RemovalHeld)]);
}

#[test]
fn a_changed_port_moves_the_listener() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    world.bindings = vec![binding(1, &json!({"listeners": [{"port": 90, "protocol": "TCP", "servicePort": 80}]}))];
    world.converge();
    let ports: Vec<_> = world.listeners.iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [90]);
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()), [(address(1), 10)]);
}

#[test]
fn a_failed_read_plans_nothing() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    let failure = Failure {
        class: Class::Unreachable,
        action: "DescribeTargets",
        code: "ClientError.Timeout".to_owned(),
        message: "no reply within 10 s".to_owned(),
        request_id: None,
    };
    for cloud in
        [Cloud::Failed(failure), Cloud::Missing(crate::model::Witnesses::ListOnly), Cloud::Unplaced(Vec::new())]
    {
        let mut snapshot = world.snapshot();
        snapshot.cloud = cloud;
        assert!(plan(&snapshot).steps.is_empty());
    }
}

/// The Service of the younger one is gone, so that its listener stays as it is recorded.
#[test]
fn a_port_that_another_binding_keeps_is_taken_by_that_binding() {
    let mut world = World::new(&json!({}));
    world.bindings = vec![binding(2, &json!({}))];
    world.converge();
    world.service = None;
    world.bindings.push(on_port(1, 80));
    let problems = world.plan().bindings.swap_remove(1).problems;
    let said = problems.iter().find(|problem| problem.reason == Reason::PortConflict).map(|problem| &*problem.message);
    let expected = "port 80/TCP is taken by DirectAccessBinding 'shop/b2'; use another one or delete one of the two";
    assert_eq!(said, Some(expected));
}
