use serde_json::json;

use jiff::SignedDuration;

use super::acts::{add_ports, edit, own_listener, park, respec, web};
use super::world::{World, address, binding, pod};
use crate::api::condition::{GateReason, Reason};
use crate::api::names;
use crate::model::{
    Attribute, Class, ClusterNetwork, Failure, GateState, Health, ListenerState, PodNetwork, Protocol, Route, Witnesses,
};
use crate::plan::{Cloud, GateRelease, ListenerSight, Verdict, release};

fn verdict(world: &World, pod: &str) -> Option<GateReason> {
    let plan = world.plan();
    let gate = plan.bindings[0].gates.iter().find(|gate| gate.pod.name == pod)?;
    Some(match &gate.verdict {
        Verdict::Open(reason) | Verdict::Wait(reason, _) => *reason,
    })
}

#[test]
fn a_gate_waits_for_listener_registration_and_health_and_then_opens() {
    let mut world = World::new(&json!({})).with_pods([1]);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::NotRegistered));
    world.add_own_listener();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::Registering));
    world.converge();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck));
    world.health.insert(address(1), Health::Unhealthy);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck));
    world.health.insert(address(1), Health::Healthy);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::BackendReady));
}

#[test]
fn a_health_check_that_is_off_does_not_hold_a_gate() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    world.health.insert(address(1), Health::CheckOff);
    // The listener was read with its check on: it was stopped since, or changed.
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck));
    assert_eq!(world.plan().listeners, ListenerSight::Outdated);
    world.listeners[0].attributes.set(Attribute::CheckSwitch, false);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheckOff));
    assert_eq!(world.plan().listeners, ListenerSight::Current);
}

/// A round that reads nothing of a load balancer says so: the gate of a Pod that another binding serves, too, names what it waits for.
#[test]
fn a_gate_says_why_nothing_is_read_of_its_load_balancer() {
    let failure = Failure {
        class: Class::Denied,
        action: "DescribeTargets",
        code: "UnauthorizedOperation".to_owned(),
        message: String::new(),
        request_id: None,
    };
    for (cloud, words, healthy) in [
        (
            Cloud::Missing(Witnesses::ListAndListeners),
            "'lb-1' is not there in region ap-guangzhou (LoadBalancerNotFound)",
            0,
        ),
        (Cloud::Failed(failure), "DescribeTargets failed: UnauthorizedOperation", 1),
        (Cloud::Unplaced(Vec::new()), "not created yet", 1),
    ] {
        let mut world = World::new(&json!({})).with_pods([1]);
        world.converge();
        world.heal();
        world.converge();
        world = world.with_pods([2]);
        world.unread = Some(cloud);
        let plan = world.round();
        let gate = plan.bindings[0].gates.iter().find(|gate| gate.pod.name == "web-2").unwrap();
        let Verdict::Wait(GateReason::BindingHeld, message) = &gate.verdict else { panic!("{gate:?}") };
        assert!(message.contains(words), "{message}");
        let status = world.bindings[0].status.clone().unwrap();
        let (targets, row) = (status.targets.unwrap(), &status.listeners[0]);
        assert_eq!((targets.healthy, &*targets.summary), (healthy, &*format!("{healthy}/1")), "{words}");
        assert_eq!((targets.registered, row.healthy), (1, healthy), "{words}");
        assert!(row.listener_id.is_some(), "what was there stays on record");
    }
}

#[test]
fn policies_ask_for_less() {
    let mut world = World::new(&json!({"readinessGate": {"policy": "Registered"}})).with_pods([1]);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::NotRegistered));
    world.converge();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::Registered));
    let world = World::new(&json!({"readinessGate": {"policy": "Disabled"}})).with_pods([1]);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::PolicyDisabled));
}

#[test]
fn all_listeners_must_agree() {
    let spec = json!({"listeners": [
        {"port": 80, "protocol": "TCP"},
        {"port": 81, "protocol": "TCP", "servicePort": 80, "listenerId": "lbl-1"},
    ]});
    let mut world = World::new(&spec).with_pods([1]);
    world.converge();
    world.heal();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::NotRegistered), "the listener by id is missing");
}

/// TKE's switches may not be seen: a binding of a Service that TKE may program makes nothing new, and one that has something goes on.
#[test]
fn while_the_switches_are_refused_what_there_is_goes_on_and_nothing_new_is_made() {
    use crate::api::condition::{ConditionType, Reason};
    use crate::model::Known;
    let ready = |world: &World| {
        let conditions = &world.bindings[0].status.as_ref().unwrap().conditions;
        let ready = conditions.iter().find(|one| one.type_ == ConditionType::Ready.as_str()).unwrap();
        (ready.status.clone(), ready.reason.clone())
    };
    let mut world = web(&json!({}), 2);
    world.service.as_mut().unwrap().is_load_balancer = true;
    world.cluster.has_tke = Known::Unknown;
    assert_eq!(world.converge(), 0);
    assert_eq!((world.listeners.len(), ready(&world).1.as_str()), (0, Reason::SwitchesRefused.as_str()));
    world.cluster.has_tke = Known::No;
    world.converge();
    world.heal();
    world.converge();
    let before = ready(&world);
    assert_eq!(before.0, "True");
    world.cluster.has_tke = Known::Unknown;
    assert_eq!((world.converge(), ready(&world)), (0, before.clone()), "nothing flips");
    world = world.with_pods([9]);
    world.pods.values_mut().for_each(|pod| drop(pod.labels.insert("app".to_owned(), "web".to_owned())));
    world.converge();
    world.heal();
    world.converge();
    assert_eq!((world.targets.values().flatten().count(), ready(&world)), (3, before), "Pods come and go");
    for has_tke in [Known::Yes, Known::Unknown] {
        world.cluster.has_tke = has_tke;
        world.converge();
        assert_eq!(ready(&world).1, Reason::ManagedByTke.as_str(), "{has_tke:?}: it stays what it was known to be");
    }
}

type Spoil = fn(&mut World);

/// What cannot be resolved stays, and new Pods come to it: their gates wait for it as for what is wanted.
#[test]
fn gates_open_on_what_is_held_while_the_service_or_its_selector_is_missing() {
    let spoils: [(&str, Spoil); 3] = [
        ("Service deleted", |world| world.service = None),
        ("selector removed", |world| world.service.as_mut().unwrap().selector.clear()),
        ("TKE comes", |world| {
            let service = world.service.as_mut().unwrap();
            (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
        }),
    ];
    for (what, spoil) in spoils {
        let mut world = web(&json!({}), 2);
        world.converge();
        world.heal();
        world.converge();
        spoil(&mut world);
        world.converge();
        world = world.with_pods([9]);
        assert_eq!(verdict(&world, "web-9"), Some(GateReason::Registering), "{what}");
        world.converge();
        assert_eq!(verdict(&world, "web-9"), Some(GateReason::HealthCheck), "{what}");
        let counts = world.plan().bindings[0].counts;
        assert_eq!((counts.healthy, counts.registered, counts.desired), (2, 3, 3), "{what}");
        world.heal();
        assert_eq!(verdict(&world, "web-9"), Some(GateReason::BackendReady), "{what}");
        let status = world.bindings[0].status.as_ref().unwrap();
        assert!(status.held_weights.is_empty(), "every target shows its weight, {what}: {:?}", status.held_weights);
        let id = world.listeners[0].id.clone();
        let target = world.targets.get_mut(&Route { listener: id, rule: None }).unwrap().last_mut().unwrap();
        target.weight = 0;
        assert_ne!(verdict(&world, "web-9"), Some(GateReason::BackendReady), "a weight of 0 is nobody's wish, {what}");
    }
}

/// A listener of which nothing is recorded takes no new Pods: it is waited for by those only that are there.
#[test]
fn a_gate_waits_for_a_listener_that_takes_nobody_only_where_the_pod_is_a_target() {
    let ports = |ports: &[u16]| {
        let listeners: Vec<_> = ports.iter().map(|port| own_listener(*port, "TCP")).collect();
        json!({"listeners": listeners})
    };
    let mut world = web(&ports(&[80, 81]), 0).with_pods([1]);
    add_ports(&mut world, [81, 90]);
    world.converge();
    world.heal();
    // Another binding has the port, so that nothing proves that the former one is not wanted; and somebody has edited the status.
    respec(&mut world, &ports(&[80, 90]));
    world.bindings.push(binding(0, &ports(&[90])));
    edit(&mut world, |binding| binding.status.as_mut().unwrap().listeners.retain(|row| row.port == 80));
    world = world.with_pods([9]);
    world.converge();
    world.heal();
    let held = Route { listener: world.listeners.iter().find(|one| one.port == 81).unwrap().id.clone(), rule: None };
    assert_eq!(world.targets[&held].len(), 1, "new Pods do not come there");
    assert_eq!(verdict(&world, "web-9"), Some(GateReason::BackendReady));
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::BackendReady));
    world.targets.get_mut(&held).unwrap()[0].weight = 0;
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::Registering));
    assert_eq!(verdict(&world, "web-9"), Some(GateReason::BackendReady));
}

#[test]
fn a_target_of_the_pod_that_had_the_address_before_does_not_count() {
    let mut world = World::new(&json!({})).with_pods([1]);
    let id = world.add_own_listener();
    world.add_own_target(&id, 1);
    world.pod(1).uid = super::world::uid(2);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::Registering));
}

/// Nobody knows for which Pod a target was registered that has no mark: the cloud finds soon who has its address now. One with a mark of
/// somebody else's is never the Pod's.
#[test]
fn a_target_that_somebody_has_registered_counts_after_a_while_and_never_with_a_mark_of_theirs() {
    use GateReason::{BackendReady, HealthCheck, HealthCheckOff, Registering};
    for (tag, health, [first, later]) in [
        ("", Health::Healthy, [HealthCheck, BackendReady]),
        ("", Health::CheckOff, [HealthCheck, HealthCheckOff]),
        ("theirs", Health::Healthy, [Registering, Registering]),
    ] {
        let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": "lbl-1"}]});
        let mut world = World::new(&spec).with_pods([1]);
        let id = world.add_listener("somebody's", Protocol::Tcp, 80);
        world.listeners[0].attributes.set(Attribute::CheckSwitch, health != Health::CheckOff);
        world.add_target(&id, address(1), 10, tag);
        world.health.insert(address(1), health);
        world.round();
        let begun = world.now;
        for (seconds, expected) in [(0, first), (59, first), (60, later)] {
            world.now = begun + SignedDuration::from_secs(seconds);
            assert_eq!(verdict(&world, "web-1"), Some(expected), "'{tag}', {health:?}, {seconds} s");
        }
    }
}

fn weigh(world: &mut World, text: &str) {
    world.pod(1).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), text.to_owned());
}

#[test]
fn a_gate_waits_until_the_pod_has_the_weight_that_is_wished() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    world.heal();
    weigh(&mut world, "20");
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::Registering));
    world.converge();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::BackendReady));
}

#[test]
fn a_gate_waits_for_a_weight_that_cannot_be_read_where_the_pod_has_none() {
    for (before, expected) in [("thirty", GateReason::WeightUnreadable), ("30", GateReason::BackendReady)] {
        let mut world = World::new(&json!({})).with_pods([1]);
        weigh(&mut world, before);
        world.converge();
        weigh(&mut world, "thirty");
        world.converge();
        world.heal();
        assert_eq!(verdict(&world, "web-1"), Some(expected), "{before}");
    }
}

#[test]
fn pods_without_a_gate_are_counted_and_open_ones_left_alone() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.pod(1).gate = GateState::Absent;
    world.pod(2).gate = GateState::Open;
    world.converge();
    let plan = world.plan();
    assert!(plan.bindings[0].gates.is_empty());
    assert_eq!(plan.bindings[0].ungated, 1);
    assert!(
        plan.bindings[0].advice.iter().any(|one| one.message.contains("no readiness gate")),
        "{:?}",
        plan.bindings[0].advice
    );
    world.pods.remove(&1);
    assert!(!world.plan().bindings[0].advice.iter().any(|one| one.message.contains("no readiness gate")));
}

#[test]
fn who_wants_no_gates_is_not_told_of_pods_without() {
    let mut world = World::new(&json!({"readinessGate": {"policy": "Disabled"}})).with_pods([1]);
    world.pod(1).gate = GateState::Absent;
    world.converge();
    let plan = world.plan();
    assert_eq!(plan.bindings[0].ungated, 1);
    assert!(!plan.bindings[0].advice.iter().any(|one| one.message.contains("no readiness gate")));
}

#[test]
fn a_gate_that_waits_too_long_opens_when_the_user_asked_for_it() {
    let mut world = World::new(&json!({"readinessGate": {"timeoutSeconds": 60}})).with_pods([1]);
    world.converge();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck), "its containers were never said to be ready");
    let now = world.now;
    world.pod(1).containers_ready_since = Some(now);
    world.now = now + SignedDuration::from_secs(59);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck));
    world.now = now + SignedDuration::from_secs(60);
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::TimedOut));
}

#[test]
fn a_pod_that_no_live_binding_selects_is_released_after_a_moment() {
    let now = World::new(&json!({})).now;
    let mut waiting = pod(1);
    assert_eq!(release(&waiting, [], now), GateRelease::Never, "its containers are not ready");
    waiting.containers_ready_since = Some(now);
    let due = now + SignedDuration::from_secs(5);
    assert_eq!(release(&waiting, [], now), GateRelease::At(due));
    assert_eq!(release(&waiting, [], due), GateRelease::Now(GateReason::NotBound));
    let live = binding(1, &json!({}));
    assert_eq!(release(&waiting, [&*live], due), GateRelease::Never, "a round looks after it");
    let suspended = binding(2, &json!({"suspend": true}));
    assert_eq!(release(&waiting, [&*suspended], now), GateRelease::Now(GateReason::Suspended));
    assert_eq!(release(&waiting, [&*suspended, &*live], due), GateRelease::Never);
    let mut world = World::new(&json!({}));
    park(&mut world);
    let parked = &*world.bindings[0];
    assert_eq!(release(&waiting, [parked], now), GateRelease::At(due));
    for both in [[parked, &*suspended], [&*suspended, parked]] {
        assert_eq!(release(&waiting, both, now), GateRelease::Now(GateReason::Suspended), "it can be taken back");
    }
    waiting.gate = GateState::Open;
    assert_eq!(release(&waiting, [], due), GateRelease::Never);
}

#[test]
fn a_pod_of_a_network_that_the_binding_leaves_out_is_released_and_the_others_wait() {
    let mut world = World::new(&json!({"network": "VpcCni"})).with_pods(1..=2);
    world.cluster.network = ClusterNetwork::GlobalRouter;
    world.pod(1).network = PodNetwork::VpcCni;
    world.converge();
    assert_eq!(verdict(&world, "web-1"), Some(GateReason::HealthCheck));
    assert_eq!(verdict(&world, "web-2"), Some(GateReason::NotBound));
}

/// The cloud may show the health of the targets of a stopped listener as it last was.
#[test]
fn nobody_is_healthy_on_a_stopped_listener_whatever_is_shown() {
    for shown in [Health::Healthy, Health::CheckOff, Health::Unhealthy, Health::Unknown] {
        let mut world = World::new(&json!({})).with_pods(1..=2);
        world.converge();
        world.heal();
        world.converge();
        assert_eq!(world.plan().bindings[0].counts.healthy, 2);
        world.listeners[0].state = ListenerState::Stopped;
        world.health.values_mut().for_each(|health| *health = shown);
        let plan = world.plan();
        assert_eq!((plan.bindings[0].counts.healthy, plan.steps.len()), (0, 0), "{shown:?}");
        assert_eq!(plan.bindings[0].problems[0].reason, Reason::ListenerStopped, "{shown:?}");
    }
}
