//! What is said of a binding that is not wrong, and of listeners that nobody serves behind.

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, respec, unready, web};
use super::world::{World, address};
use crate::api::binding::{AdviceStatus, DirectAccessBindingStatus, limit};
use crate::api::condition::{ConditionType, Reason};
use crate::api::service_config::RawServiceConfig;
use crate::model::{Class, Failure, GateState, Health, Protocol, ServicePort, TargetPort, Transport, Workload};
use crate::plan::Cloud;

fn status(world: &World) -> DirectAccessBindingStatus {
    world.bindings[0].status.clone().unwrap()
}

fn condition(world: &World, kind: ConditionType) -> (String, String, String) {
    let all = status(world).conditions;
    let found = all.into_iter().find(|one| one.type_ == kind.as_str()).unwrap();
    (found.status, found.reason, found.message)
}

fn has(world: &World, kind: ConditionType) -> bool {
    status(world).conditions.iter().any(|one| one.type_ == kind.as_str())
}

/// Pods of a Deployment without gates, made `age` after the binding.
fn ungated(age: SignedDuration) -> World {
    let mut world = web(&json!({}), 7);
    let bound = world.bindings[0].metadata.creation_timestamp.as_ref().unwrap().0;
    for pod in world.pods.values_mut() {
        pod.gate = GateState::Absent;
        pod.created = Some(bound + age);
        pod.labels.insert("pod-template-hash".to_owned(), "7d4b9c".to_owned());
        pod.workload = Some(Workload { kind: "ReplicaSet".to_owned(), name: "web-7d4b9c".to_owned() });
    }
    world.converge();
    world.heal();
    world.round();
    world
}

fn advice(world: &World, reason: &str) -> Option<AdviceStatus> {
    status(world).advice.into_iter().find(|one| one.reason == reason)
}

#[test]
fn pods_without_gates_are_named_with_the_command_that_makes_them_anew() {
    let restart = "run 'kubectl rollout restart deployment/web -n shop'";
    let older = ungated(SignedDuration::from_secs(-10));
    let found = advice(&older, "UngatedPods").unwrap();
    assert!(found.message.contains("older than this binding") && found.message.contains(restart), "{found:?}");
    assert_eq!((found.count, found.pods.len(), found.pods[0].as_str()), (Some(7), 5, "web-1"));
    assert_eq!(condition(&older, ConditionType::Ready).0, "True");
    assert_eq!(condition(&older, ConditionType::Accepted).2, "the spec is valid and without conflict");
    let younger = advice(&ungated(SignedDuration::from_secs(10)), "UngatedPods").unwrap();
    let label = "run 'kubectl label namespace shop cloud.tencent.com/direct-access-gates=enabled --overwrite'";
    assert!(younger.message.contains(label) && younger.message.contains(restart), "{younger:?}");
    let mut mixed = ungated(SignedDuration::from_secs(10));
    mixed.pod(1).workload = Some(Workload { kind: "StatefulSet".to_owned(), name: "db".to_owned() });
    mixed.pod(2).workload = None;
    mixed.round();
    let found = advice(&mixed, "UngatedPods").unwrap();
    assert!(found.message.contains("restart deployment/web statefulset/db -n shop', delete the Pods"), "{found:?}");
}

#[test]
fn advice_that_only_a_read_gives_stays_while_there_is_none() {
    let mut world = ungated(SignedDuration::from_secs(10));
    world.pods.values_mut().for_each(|pod| pod.ending = crate::model::Ending::default());
    world.round();
    let before = status(&world).advice;
    assert_eq!(before.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["UngatedPods", "StopsEarly"]);
    let (code, message) = ("Code".to_owned(), "words".to_owned());
    let failure = Failure { class: Class::Unreachable, action: "DescribeListeners", code, message, request_id: None };
    world.unread = Some(Cloud::Failed(failure));
    world.round();
    let mut after = status(&world).advice;
    after.sort_by_key(|one| one.reason != "UngatedPods");
    assert_eq!(after, before);
    world.unread = None;
    world.pods.values_mut().for_each(|pod| pod.gate = GateState::Open);
    world.round();
    assert_eq!(advice(&world, "UngatedPods"), None);
}

#[test]
fn of_much_advice_the_last_row_says_how_much_more_there_is() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "service-uid", "controller": true});
    let binding = std::sync::Arc::make_mut(&mut world.bindings[0]);
    binding.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
    let service = world.service.as_mut().unwrap();
    for key in crate::plan::annotated::keys::KEYS {
        service.annotations.insert(key.name, "odd");
    }
    world.round();
    let all = world.plan().bindings[0].advice.len();
    let found = status(&world).advice;
    assert!(all > limit::ADVICE && found.len() == limit::ADVICE, "{all} {}", found.len());
    let expected = format!("{} more are not listed; follow these first", all - limit::ADVICE + 1);
    assert_eq!(found.last().map(|one| one.message.as_str()), Some(expected.as_str()));
}

#[test]
fn a_listener_that_nobody_serves_behind_is_named_although_others_are_served() {
    let mut world = web(&json!({}), 2);
    let https = ServicePort {
        name: "https".to_owned(),
        transport: Transport::Tcp,
        port: 443,
        target_port: TargetPort::Name("https".to_owned()),
    };
    let service = world.service.as_mut().unwrap();
    service.ports[0].name = "http".to_owned();
    service.ports.push(https);
    world.converge();
    world.heal();
    world.round();
    let (truth, reason, message) = condition(&world, ConditionType::TargetsHealthy);
    assert_eq!((truth.as_str(), reason.as_str()), ("False", "NoTargets"));
    assert!(message.starts_with("listener 443/TCP (Service port 'https') has no target: "), "{message}");
    assert!(message.contains("2 NoPort") && !message.contains("80/TCP"), "{message}");
    assert_eq!(condition(&world, ConditionType::Ready).0, "False");
    assert_eq!(status(&world).targets.unwrap().summary, "2/2", "those that can serve do");
}

#[test]
fn who_gets_nowhere_is_stalled_after_the_time_that_a_deployment_has() {
    let second = SignedDuration::from_secs(1);
    let at_rest = || {
        let mut world = web(&json!({}), 2);
        world.converge();
        world.heal();
        world.round();
        world
    };
    let after = |world: &mut World, seconds: i32| {
        world.now += second * seconds;
        world.round();
        (has(world, ConditionType::Reconciling), has(world, ConditionType::Stalled))
    };
    let (moves, stuck) = ((true, false), (false, true));
    let mut world = at_rest();
    world.pods.clear();
    assert_eq!(
        [after(&mut world, 1), after(&mut world, 599), after(&mut world, 1)],
        [moves, moves, stuck],
        "NoTargets"
    );
    let mut world = at_rest();
    world.health.insert(address(1), Health::Unhealthy);
    assert_eq!(
        [after(&mut world, 1), after(&mut world, 599), after(&mut world, 1)],
        [moves, moves, stuck],
        "Unhealthy"
    );
    // Another Pod of a rollout that goes on: it is ready for a moment only.
    world.health.insert(address(1), Health::Healthy);
    world.pod(2).containers_ready_since = Some(world.now);
    world.health.insert(address(2), Health::Unhealthy);
    assert_eq!(
        [after(&mut world, 1), after(&mut world, 598), after(&mut world, 1)],
        [moves, moves, stuck],
        "a rollout"
    );
    assert_eq!(condition(&world, ConditionType::Ready).1, Reason::Unhealthy.as_str());
}

#[test]
fn entries_of_a_config_without_effect_do_not_stall_the_binding() {
    let mut world = web(&json!({"serviceConfigRef": {"name": "web"}}), 2);
    let config = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "web", "namespace": "shop", "uid": "c", "generation": 1},
        "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "proxyProtocol": {"enable": true}}]}},
    });
    world.configs.insert(0, std::sync::Arc::new(serde_json::from_value::<RawServiceConfig>(config).unwrap().into()));
    world.converge();
    world.heal();
    world.round();
    assert_eq!(condition(&world, ConditionType::Ready).0, "True");
    assert!(!has(&world, ConditionType::Stalled));
}

#[test]
fn what_tkes_own_controller_has_still_to_make_is_counted() {
    let mut world = web(&json!({"mode": "Delegate"}), 3);
    let missing = |world: &World| world.plan().bindings[0].pending.delegated;
    assert_eq!(missing(&world), 4, "a listener, and three targets");
    let listener = world.add_listener("theirs", Protocol::Tcp, 80);
    assert_eq!(missing(&world), 3);
    for number in 1..=3 {
        world.add_target(&listener, address(number), 10, "");
        assert_eq!(missing(&world), 3 - number as usize);
    }
}

#[test]
fn pods_that_do_not_become_ready_are_named_while_others_stay_for_want_of_them() {
    let mut world = web(&json!({}), 1);
    world.converge();
    world.heal();
    world.converge();
    add(&mut world, [2], "web");
    unready(&mut world, 2);
    world.now += SignedDuration::from_secs(61);
    world.round();
    assert_eq!(advice(&world, "LatePods"), None, "the other one serves");
    unready(&mut world, 1);
    world.round();
    assert_eq!(advice(&world, "LatePods").unwrap().pods, ["web-2"]);
    world.pod(2).containers_ready = true;
    world.round();
    assert_eq!(advice(&world, "LatePods"), None);
}

#[test]
fn that_tags_are_hidden_is_said_where_others_may_register_targets_too() {
    let is_said = |world: &World| {
        let part = world.plan().bindings.swap_remove(0);
        part.problems.iter().any(|problem| problem.reason == Reason::TagsNotShown)
    };
    let mut own = web(&json!({}), 2);
    own.shows_tags = false;
    own.converge();
    assert!(!is_said(&own), "nobody else does on a listener of its own");
    let mut shared = web(&json!({}), 2);
    shared.shows_tags = false;
    let id = shared.add_listener("theirs", Protocol::Tcp, 80).to_string();
    respec(&mut shared, &json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": id}]}));
    shared.converge();
    assert!(is_said(&shared));
    respec(&mut shared, &json!({"mode": "Delegate"}));
    assert!(!is_said(&shared), "it registers nothing itself");
}
