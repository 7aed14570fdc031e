//! Nobody leaves before somebody serves.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::acts::respec;
use super::world::{World, address};
use crate::api::names;
use crate::model::{Ending, GateState, Health, ListenerId, Phase, PreStop};

/// Pods without a gate, all healthy targets, with a preStop sleep of so many seconds.
fn world(count: u32, sleep: u32) -> (World, ListenerId) {
    let mut world = World::new(&json!({})).with_pods(1..=count);
    for number in 1..=count {
        ungated(&mut world, number, sleep);
    }
    world.converge();
    world.heal();
    let id = world.listeners[0].id.clone();
    (world, id)
}

fn ungated(world: &mut World, number: u32, sleep: u32) {
    let pod = world.pod(number);
    pod.gate = GateState::Absent;
    pod.ending = Ending { grace_seconds: sleep + 30, pre_stop: PreStop::Sleep(sleep) };
}

/// Adds a Pod whose containers are ready.
fn replace(world: World, number: u32, sleep: u32) -> World {
    let mut world = world.with_pods([number]);
    ungated(&mut world, number, sleep);
    world
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn a_terminating_pod_keeps_its_weight_until_the_one_that_replaces_it_is_healthy() {
    let (world, id) = world(2, 20);
    let mut world = replace(world, 3, 20);
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10), (address(3), 10)]);
    assert_eq!(world.plan().bindings[0].look_at, Some(world.now + seconds(15)));
    world.heal();
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 0), (address(2), 10), (address(3), 10)]);
    assert_eq!(world.plan().bindings[0].look_at, None);
}

#[test]
fn it_lets_go_in_time_although_the_other_is_not_healthy() {
    let (world, id) = world(2, 20);
    let mut world = replace(world, 3, 20);
    world.pod(1).deleting_since = Some(world.now);
    for (passed, weight) in [(0, 10), (14, 10), (15, 0), (19, 0)] {
        let mut later = world.clone();
        later.now = world.now + seconds(passed);
        later.converge();
        assert_eq!(later.targets_of(&id)[0], (address(1), weight), "after {passed} s");
    }
}

/// Its target is kept for as long as its drain lasts, however long its containers sleep.
#[test]
fn it_goes_when_its_drain_is_over_although_it_sleeps_on_and_the_other_is_not_healthy() {
    let (world, id) = world(2, 120);
    let mut world = replace(world, 3, 120);
    respec(&mut world, &json!({"drain": {"timeoutSeconds": 30}}));
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    for (passed, first) in [(29, (address(1), 10)), (30, (address(2), 10))] {
        let mut later = world.clone();
        later.now = world.now + seconds(passed);
        later.converge();
        assert_eq!(later.targets_of(&id)[0], first, "after {passed} s");
    }
}

#[test]
fn only_a_known_sleep_that_is_long_enough_counts() {
    for (pre_stop, weight) in [
        (PreStop::Sleep(20), 10),
        (PreStop::Sleep(6), 10),
        (PreStop::Sleep(5), 0),
        (PreStop::Sleep(2), 0),
        (PreStop::Unknown, 0),
        (PreStop::None, 0),
    ] {
        let (world, id) = world(2, 20);
        let mut world = replace(world, 3, 20);
        world.pod(1).ending.pre_stop = pre_stop;
        world.pod(1).deleting_since = Some(world.now);
        world.converge();
        assert_eq!(world.targets_of(&id)[0], (address(1), weight), "{pre_stop:?}");
    }
}

#[test]
fn no_more_stand_in_than_are_missing_and_those_that_can_serve_longest_do() {
    let (world, id) = world(3, 20);
    let mut world = replace(replace(world, 4, 20), 5, 20);
    let now = world.now;
    world.health.insert(address(4), Health::Healthy);
    for (number, ago) in [(1, 3), (2, 1), (3, 2)] {
        world.pod(number).deleting_since = Some(now - seconds(ago));
    }
    world.converge();
    let weights = [0, 10, 10, 10, 10];
    let expected: Vec<_> = (1..=5).map(address).zip(weights).collect();
    assert_eq!(world.targets_of(&id), expected);
    world.health.insert(address(5), Health::Healthy);
    world.converge();
    let weights = [0, 0, 0, 10, 10];
    let expected: Vec<_> = (1..=5).map(address).zip(weights).collect();
    assert_eq!(world.targets_of(&id), expected);
}

#[test]
fn of_those_that_can_stand_in_the_ones_that_say_that_they_are_ready_do() {
    let (world, id) = world(2, 20);
    let mut world = replace(replace(world, 3, 20), 4, 20);
    let now = world.now;
    for (number, ago) in [(1, 1), (2, 3)] {
        world.pod(number).deleting_since = Some(now - seconds(ago));
    }
    world.pod(1).containers_ready = false;
    world.health.insert(address(3), Health::Healthy);
    world.converge();
    let expected: Vec<_> = (1..=4).map(address).zip([0, 10, 10, 10]).collect();
    assert_eq!(world.targets_of(&id), expected);
}

/// A new set of Pods is made one by one: the first ones are not all that there will be.
#[test]
fn those_that_leave_stay_for_as_many_as_they_are_until_all_that_should_serve_do() {
    let (world, id) = world(4, 20);
    let mut world = replace(world, 5, 20);
    for number in 1..=4 {
        world.pod(number).labels.clear();
    }
    world.converge();
    assert!(world.targets_of(&id).iter().all(|(_, weight)| *weight == 10), "{:?}", world.targets_of(&id));
    world.heal();
    world.converge();
    let weights: Vec<_> = world.targets_of(&id).iter().map(|(_, weight)| *weight).collect();
    assert_eq!(weights, [0, 0, 0, 0, 10], "one is wanted, and one serves");
}

#[test]
fn a_pod_that_waits_for_its_gate_is_waited_for_as_well() {
    let (world, id) = world(2, 20);
    let mut world = replace(world, 3, 20);
    world.pod(3).gate = GateState::Unset;
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&id)[0], (address(1), 10));
}

#[test]
fn a_pod_that_the_slices_do_not_name_yet_is_missing_too() {
    let (world, id) = world(2, 20);
    let mut world = replace(world, 3, 20);
    world.published = Some(vec![1, 2]);
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10)]);
}

#[test]
fn an_unhealthy_one_and_one_that_has_no_weight_do_not_stand_in() {
    let (world, id) = world(2, 20);
    let mut world = replace(world, 3, 20);
    world.pod(1).deleting_since = Some(world.now);
    let healthy = world.clone();
    world.health.insert(address(1), Health::Unhealthy);
    world.converge();
    assert_eq!(world.targets_of(&id)[0], (address(1), 0));
    // The weight is not raised again.
    world.health = healthy.health;
    world.converge();
    assert_eq!(world.targets_of(&id)[0], (address(1), 0));
}

/// A state of a world whose first Pod is the only one.
type Misfortune = fn(&mut World);

#[test]
fn a_weight_of_zero_that_a_user_asked_for_is_set_in_the_next_round_whatever_holds_the_target() {
    let cases: [(&str, Misfortune); 7] = [
        ("the last", |_| {}),
        ("the last, and not selected any more", |world| world.pod(1).labels.clear()),
        ("the last, and in its sleep", |world| world.pod(1).deleting_since = Some(world.now)),
        ("the last, and not ready", |world| world.pod(1).containers_ready = false),
        ("the last of a lost node", |world| world.pod(1).phase = Phase::Unknown),
        ("forgotten by the slices", |world| world.published = Some(vec![])),
        ("without a Service", |world| world.service = None),
    ];
    for policy in ["WeightZero", "Keep"] {
        for (what, befall) in cases {
            let spec = json!({"drain": {"terminating": policy, "notReady": policy}});
            let mut world = World::new(&spec).with_pods([1]);
            ungated(&mut world, 1, 20);
            world.converge();
            world.heal();
            let id = world.listeners[0].id.clone();
            befall(&mut world);
            world.converge();
            assert_eq!(world.targets_of(&id), [(address(1), 10)], "{what}, {policy}: it is kept");
            world.pod(1).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), "0".to_owned());
            world.round();
            assert_eq!(world.targets_of(&id), [(address(1), 0)], "{what}, {policy}");
        }
    }
}

#[test]
fn without_replacement_nothing_is_kept() {
    let (mut world, id) = world(3, 20);
    world.pod(1).deleting_since = Some(world.now);
    world.converge();
    assert_eq!(world.targets_of(&id)[0], (address(1), 0), "a scale-down");
}

fn healthy_and_serving(world: &World, id: &ListenerId) -> usize {
    let is_healthy = |place| world.health.get(&place) == Some(&Health::Healthy);
    world.targets_of(id).into_iter().filter(|(place, weight)| *weight > 0 && is_healthy(*place)).count()
}

proptest! {
    /// Kubernetes without gates: a new Pod counts at once, and an old one is told to end for it. The load balancer needs its
    /// time, though less than the sleep leaves.
    #[test]
    fn a_rollout_without_gates_never_has_fewer_healthy_targets(
        replicas in 1u32..6, surge in 1u32..4, delay in 1i64..14, pause in 0i64..6,
    ) {
        let (mut world, id) = world(replicas, 20);
        let begun = world.now;
        let mut registered: Vec<(u32, Timestamp)> = Vec::new();
        let (mut fresh, mut ended) = (0, 0);
        for second in 0..90 {
            world.now = begun + seconds(second);
            let now = world.now;
            if second % (pause + 1) == 0 {
                let batch = surge.min(replicas - fresh);
                for number in (1..=batch).map(|one| 100 + fresh + one) {
                    world = replace(world, number, 20);
                    registered.push((number, now));
                }
                fresh += batch;
                while ended < fresh {
                    ended += 1;
                    world.pod(ended).deleting_since = Some(now);
                }
            }
            for (number, _) in registered.iter().filter(|(_, since)| now >= *since + seconds(delay)) {
                world.health.insert(address(*number), Health::Healthy);
            }
            for number in 1..=replicas {
                let since = world.pods.get(&number).and_then(|pod| pod.deleting_since);
                if since.is_some_and(|since| now >= since + seconds(20)) {
                    world.pods.remove(&number);
                    prop_assert!(!world.targets_of(&id).contains(&(address(number), 10)), "it was let go in time");
                }
            }
            world.converge();
            let found = healthy_and_serving(&world, &id);
            prop_assert!(found >= replicas as usize, "{found} of {replicas} after {second} s");
        }
        let new: Vec<_> = (1..=replicas).map(|one| (address(100 + one), 10)).collect();
        prop_assert_eq!(world.targets_of(&id), new);
    }
}
