use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, unready, web};
use super::world::{PORT, World, address, uid};
use crate::api::condition::{ExclusionReason, Reason};
use crate::api::mark::{ListenerName, TargetTag};
use crate::model::{Phase, Protocol};
use crate::plan::{Record, Remembered, Step};

fn world() -> World {
    World::new(&json!({}))
}

#[test]
fn an_empty_load_balancer_gets_a_listener_and_then_targets() {
    let mut world = world().with_pods(1..=3);
    let first = world.plan();
    let [Step::CreateListeners { protocol: Protocol::Tcp, listeners, .. }] = first.steps.as_slice() else {
        panic!("{:?}", first.steps);
    };
    assert_eq!(listeners[0].0, PORT);
    assert_eq!(world.converge(), 2);
    let id = world.listeners[0].id.clone();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10), (address(3), 10)]);
}

#[test]
fn nothing_is_left_to_do_after_that() {
    let mut world = world().with_pods(1..=3);
    world.converge();
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    assert!(plan.bindings[0].pending.is_empty());
    assert!(plan.bindings[0].problems.is_empty());
}

#[test]
fn a_pod_with_another_selector_or_without_ready_containers_is_no_target() {
    let mut world = world().with_pods(1..=3);
    world.pod(1).labels.clear();
    world.pod(2).containers_ready = false;
    world.converge();
    let id = world.listeners[0].id.clone();
    assert_eq!(world.targets_of(&id), [(address(3), 10)]);
    let exclusions = &world.plan().bindings[0].exclusions;
    assert_eq!(exclusions.len(), 1);
    assert_eq!((exclusions[0].reason, exclusions[0].pod.as_str()), (ExclusionReason::ContainersNotReady, "web-2"));
}

#[test]
fn each_pod_that_is_no_target_has_a_reason() {
    let mut world = world().with_pods(1..=6);
    world.pod(1).ips.clear();
    world.pod(2).host_network = true;
    world.pod(3).phase = Phase::Finished;
    world.pod(4).ips = vec!["fd00::4".parse().unwrap()];
    world.pod(5).containers_ready = false;
    world.published = Some(vec![1, 2, 3, 4, 5]);
    let plan = world.plan();
    let reasons: Vec<_> = plan.bindings[0].exclusions.iter().map(|one| (one.pod.as_str(), one.reason)).collect();
    for expected in [
        ("web-1", ExclusionReason::NoAddress),
        ("web-2", ExclusionReason::HostNetwork),
        ("web-3", ExclusionReason::Finished),
        ("web-4", ExclusionReason::WrongFamily),
        ("web-5", ExclusionReason::ContainersNotReady),
        ("web-6", ExclusionReason::NotInSlice),
    ] {
        assert!(reasons.contains(&expected), "{expected:?} is not among {reasons:?}");
    }
}

#[test]
fn a_terminating_pod_keeps_its_target_at_weight_zero_until_it_is_gone() {
    let mut world = world().with_pods(1..=2);
    world.converge();
    let id = world.listeners[0].id.clone();
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 0), (address(2), 10)]);
    assert_eq!(world.plan().bindings[0].counts.draining, 1);
    world.pods.remove(&1);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(2), 10)]);
}

#[test]
fn a_drain_ends_with_its_timeout() {
    let mut world = World::new(&json!({"drain": {"timeoutSeconds": 5}})).with_pods(1..=2);
    world.converge();
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    world.now += jiff::SignedDuration::from_secs(5);
    world.converge();
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()), [(address(2), 10)]);
}

#[test]
fn drain_policies_do_what_they_say() {
    for (policy, rest) in [("WeightZero", Some(0)), ("Keep", Some(10)), ("Deregister", None)] {
        let mut world = World::new(&json!({"drain": {"terminating": policy, "notReady": policy}})).with_pods(1..=3);
        world.converge();
        world.heal();
        world.converge();
        world.pod(1).deleting_since = Some(world.now);
        world.pod(2).containers_ready = false;
        world.converge();
        let wanted = rest.into_iter().flat_map(|weight| [(address(1), weight), (address(2), weight)]);
        let wanted: Vec<_> = wanted.chain([(address(3), 10)]).collect();
        assert_eq!(world.targets_of(&world.listeners[0].id.clone()), wanted, "{policy}");
    }
}

#[test]
fn a_terminating_pod_is_not_registered_anew() {
    let mut world = world().with_pods(1..=2);
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()), [(address(2), 10)]);
}

#[test]
fn a_target_of_a_pod_that_cannot_serve_is_taken_away_when_the_cloud_does_not_take_its_weight() {
    for (is_refused, expected) in [(false, (1, 0)), (true, (0, 1))] {
        let mut world = world().with_pods(1..=2);
        world.converge();
        world.heal();
        let route = world.targets.keys().next().unwrap().clone();
        world.remembered.refused_weights.extend(is_refused.then_some((route, address(1))));
        unready(&mut world, 1);
        let steps = world.plan().steps;
        let reweighted = steps.iter().filter(|step| matches!(step, Step::Reweight(_))).count();
        let taken = steps.iter().filter(|step| matches!(step, Step::Deregister(_))).count();
        assert_eq!((reweighted, taken), expected, "{steps:?}");
    }
}

#[test]
fn a_pod_that_is_no_longer_selected_loses_its_weight_and_later_its_target() {
    let mut world = World::new(&json!({"drain": {"timeoutSeconds": 30}})).with_pods(1..=2);
    world.converge();
    world.heal();
    world.pod(1).labels.clear();
    let first = world.round();
    assert_eq!((first.steps, first.bindings[0].record), (vec![], Record::First), "that it drains is recorded first");
    let second = world.round();
    assert!(matches!(second.steps.as_slice(), [Step::Reweight(_)]), "{:?}", second.steps);
    assert_eq!(world.converge(), 0, "requests under way get their time");
    world.now += jiff::SignedDuration::from_secs(29);
    assert_eq!(world.converge(), 0);
    // Another controller goes on with it.
    world.remembered = Remembered::default();
    world.now += jiff::SignedDuration::from_secs(1);
    let last = world.round();
    assert!(matches!(last.steps.as_slice(), [Step::Deregister(_)]), "{:?}", last.steps);
}

#[test]
fn an_address_that_comes_back_with_another_pod_is_registered_anew() {
    let mut world = world().with_pods([1]);
    world.converge();
    let mut next = world.pods.remove(&1).unwrap();
    next.uid = uid(2);
    world.pods.insert(2, next);
    let first = world.plan();
    assert!(matches!(first.steps.as_slice(), [Step::Deregister(_)]), "{:?}", first.steps);
    world.converge();
    let target = &world.targets.values().next().unwrap()[0];
    assert_eq!(TargetTag::parse(&target.tag), Some(TargetTag::new(world.binding_uid(0), &uid(2))));
}

#[test]
fn foreign_listeners_and_targets_stay() {
    let mut world = world().with_pods([1]);
    let foreign = world.add_listener("TKE-DEDICATED-LISTENER", Protocol::Tcp, 443);
    world.add_target(&foreign, address(77), 10, "theirs");
    let own = world.add_own_listener();
    world.add_target(&own, address(78), 10, "");
    world.converge();
    assert_eq!(world.targets_of(&foreign), [(address(77), 10)]);
    assert_eq!(world.targets_of(&own), [(address(1), 10), (address(78), 10)]);
}

#[test]
fn targets_and_listeners_of_another_clusters_binding_stay() {
    let theirs = uid(0x00ff_0001);
    let spec = json!({"listeners": [{"port": 443, "protocol": "TCP", "listenerId": "lbl-1", "servicePort": 80}]});
    let mut world = World::new(&spec).with_pods([1]);
    let shared = world.add_listener("somebody's", Protocol::Tcp, 443);
    let name = ListenerName::new(&theirs, "shop", "b1").to_string();
    let listener = world.add_listener(&name, Protocol::Tcp, 90);
    let empty = world.add_listener(&name, Protocol::Tcp, 91);
    for id in [&shared, &listener] {
        // Its Pod is of the other cluster: none of ours has such a UID.
        world.add_target(id, address(77), 10, &TargetTag::new(&*theirs, &uid(77)).to_string());
    }
    world.converge();
    assert_eq!(world.targets_of(&shared), [(address(1), 10), (address(77), 10)]);
    assert_eq!(world.targets_of(&listener), [(address(77), 10)]);
    let mut gone = (*world.bindings[0]).clone();
    gone.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.bindings = vec![gone.into()];
    world.converge();
    assert_eq!(world.targets_of(&shared), [(address(77), 10)]);
    assert_eq!(world.targets_of(&listener), [(address(77), 10)]);
    assert!(world.listeners.iter().any(|listener| listener.id == empty), "theirs, though it holds nothing");
}

#[test]
fn a_listener_by_id_gets_targets_and_nothing_else() {
    let spec = json!({"listeners": [{"port": 443, "protocol": "TCP", "listenerId": "lbl-1", "servicePort": 80}]});
    let mut world = World::new(&spec).with_pods([1]);
    let id = world.add_listener("somebody's", Protocol::Tcp, 443);
    world.add_target(&id, address(77), 10, "theirs");
    assert_eq!(world.converge(), 1);
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(77), 10)]);
    let mut gone = (*world.bindings[0]).clone();
    gone.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.bindings = vec![gone.into()];
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(77), 10)]);
    assert_eq!(world.plan().bindings[0].release, crate::plan::Release::Done);
}

#[test]
fn a_deleted_binding_takes_everything_of_its_own_away() {
    let mut world = world().with_pods(1..=3);
    world.converge();
    assert_ne!(world.plan().bindings[0].release, crate::plan::Release::Done);
    let mut gone = (*world.bindings[0]).clone();
    gone.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.bindings = vec![gone.clone().into()];
    assert_ne!(world.plan().bindings[0].release, crate::plan::Release::Done);
    world.converge();
    assert!(world.listeners.is_empty());
    assert_eq!(world.plan().bindings[0].release, crate::plan::Release::Done);
}

#[test]
fn retain_and_suspend_touch_nothing_that_lives() {
    for shows_tags in [true, false] {
        let mut world = world().with_pods(1..=3);
        world.shows_tags = shows_tags;
        world.converge();
        let mut binding = (*world.bindings[0]).clone();
        binding.spec.suspend = true;
        world.bindings = vec![binding.clone().into()];
        assert!(world.plan().steps.is_empty());
        world.pods.remove(&1);
        let plan = world.plan();
        let [Step::Reweight(changes)] = plan.steps.as_slice() else { panic!("{shows_tags} {:?}", plan.steps) };
        let change = (changes.len(), changes[0].address, changes[0].to);
        assert_eq!(change, (1, address(1), 0), "nothing answers there any more");
        binding.spec.suspend = false;
        binding.spec.deletion_policy = crate::api::binding::DeletionPolicy::Retain;
        binding.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
        world.bindings = vec![binding.into()];
        assert!(world.plan().steps.is_empty());
        assert_eq!(world.plan().bindings[0].release, crate::plan::Release::Done);
    }
}

#[test]
fn the_quota_is_filled_and_the_rest_is_told() {
    let mut world = world().with_pods(1..=5);
    world.limits.targets_per_route = 3;
    world.converge();
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()).len(), 3);
    let plan = &world.plan().bindings[0];
    assert_eq!(plan.problems[0].reason, Reason::QuotaExceeded);
    assert_eq!(plan.exclusions.iter().filter(|one| one.reason == ExclusionReason::OverQuota).count(), 2);
}

/// The cloud does not take the deregistration: it is asked again, and not after another drain.
#[test]
fn a_drain_that_is_over_stays_over() {
    let mut world = World::new(&json!({"drain": {"timeoutSeconds": 30}})).with_pods(1..=2);
    world.converge();
    world.heal();
    world.pod(1).labels.clear();
    world.round();
    world.converge();
    world.now += jiff::SignedDuration::from_secs(31);
    for _ in 0..3 {
        let snapshot = world.snapshot();
        let plan = crate::plan::plan(&snapshot);
        assert!(matches!(plan.steps.as_slice(), [Step::Deregister(_)]), "{:?}", plan.steps);
        assert_eq!(plan.bindings[0].draining.len(), 1, "another leader knows it");
        world.remembered.see(&snapshot, &plan);
        world.now += jiff::SignedDuration::from_secs(1);
    }
}

#[test]
fn a_drain_that_begins_late_has_its_whole_time() {
    let mut world = World::new(&json!({"drain": {"timeoutSeconds": 30}})).with_pods(1..=2);
    world.converge();
    world.heal();
    world.pod(1).labels.clear();
    assert_eq!(world.round().bindings[0].record, Record::First);
    // The cloud refuses weights for longer than the drain lasts.
    for _ in 0..3 {
        world.now += jiff::SignedDuration::from_secs(15);
        let snapshot = world.snapshot();
        let plan = crate::plan::plan(&snapshot);
        assert!(matches!(plan.steps.as_slice(), [Step::Reweight(_)]), "{:?}", plan.steps);
        world.remembered.see(&snapshot, &plan);
    }
    world.round();
    assert_eq!(world.converge(), 0, "it has no weight since a moment ago");
    world.now += jiff::SignedDuration::from_secs(29);
    assert_eq!(world.converge(), 0);
    world.now += jiff::SignedDuration::from_secs(1);
    assert_eq!(world.converge(), 1);
}

/// What is to become of Pods that are not ready is said of those that are wanted.
#[test]
fn an_unready_pod_that_is_not_selected_leaves() {
    for not_ready in ["WeightZero", "Keep", "Deregister"] {
        let mut world = web(&json!({"drain": {"notReady": not_ready, "timeoutSeconds": 60}}), 3);
        world.converge();
        world.heal();
        world.converge();
        unready(&mut world, 1);
        world.pod(1).labels.insert("app".to_owned(), "quarantine".to_owned());
        for _ in 0..20 {
            world.converge();
            world.now += SignedDuration::from_secs(30);
        }
        let listener = world.listeners[0].id.clone();
        let left: Vec<_> = world.targets_of(&listener).into_iter().map(|(address, _)| address).collect();
        assert_eq!(left, [address(2), address(3)], "{not_ready}");
    }
}

#[test]
fn the_last_that_is_not_ready_serves_on_although_it_is_not_selected_until_another_does() {
    let mut world = web(&json!({}), 1);
    world.converge();
    world.heal();
    world.converge();
    let id = world.listeners[0].id.clone();
    unready(&mut world, 1);
    world.pod(1).labels.insert("app".to_owned(), "quarantine".to_owned());
    for _ in 0..3 {
        world.converge();
        assert_eq!(world.targets_of(&id), [(address(1), 10)]);
        world.now += SignedDuration::from_hours(1);
    }
    add(&mut world, [2], "web");
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10)]);
    world.heal();
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 0), (address(2), 10)]);
}
