//! What is said of Pods that end too early, and which Pods are on their way out.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::acts;
use super::world::{World, address, uid};
use crate::api::condition::ExclusionReason;
use crate::api::mark::TargetTag;
use crate::model::{Address, Class, Containers, Ending, Health, ListenerId, Phase, Pod, PreStop};
use crate::plan::{Remembered, Step};

fn advice(world: &World) -> Vec<String> {
    world.plan().bindings[0].advice.iter().map(|one| one.message.clone()).collect()
}

fn notes(drain: &Value, ending: Ending) -> Vec<String> {
    let mut world = World::new(&json!({"drain": drain})).with_pods(1..=3);
    world.pod(2).ending = ending;
    for number in [1, 3] {
        world.pod(number).ending = Ending { grace_seconds: 600, pre_stop: PreStop::Sleep(60) };
    }
    advice(&world)
}

#[test]
fn pods_that_end_too_early_for_their_drain_are_told() {
    let ending = |grace_seconds, pre_stop| Ending { grace_seconds, pre_stop };
    let (none, sleep, unknown) = (PreStop::None, PreStop::Sleep, PreStop::Unknown);
    let (accepting, cut, used_up) = ("may stop accepting", "are cut", "use up");
    for (drain, ending, expected) in [
        (json!({}), ending(30, sleep(5)), vec![]),
        (json!({}), ending(30, unknown), vec![]),
        (json!({}), ending(30, none), vec![accepting]),
        (json!({}), ending(30, sleep(4)), vec![accepting]),
        (json!({}), ending(4, unknown), vec![accepting]),
        (json!({}), ending(20, sleep(20)), vec![used_up]),
        (json!({"timeoutSeconds": 60}), ending(30, sleep(5)), vec![cut]),
        (json!({"timeoutSeconds": 60}), ending(60, sleep(5)), vec![]),
        (json!({"timeoutSeconds": 60}), ending(30, none), vec![accepting, cut]),
        (json!({"timeoutSeconds": 60, "terminating": "Deregister"}), ending(30, sleep(5)), vec![]),
        (json!({"terminating": "Deregister"}), ending(30, none), vec![accepting]),
        (json!({"terminating": "Keep"}), ending(1, none), vec![]),
    ] {
        let found = notes(&drain, ending);
        let is_as_expected =
            found.len() == expected.len() && expected.iter().zip(&found).all(|(part, note)| note.contains(part));
        assert!(is_as_expected, "{drain} {ending:?}: {found:?}");
    }
}

#[test]
fn the_words_stay_the_same_while_pods_come_and_go() {
    let mut world = World::new(&json!({})).with_pods(1..=3);
    let before = advice(&world);
    assert_eq!(before.len(), 1, "{before:?}");
    world = world.with_pods(4..=9);
    world.pods.remove(&1);
    world.pod(2).deleting_since = Some(world.now);
    assert_eq!(advice(&world), before);
}

#[test]
fn pods_that_end_already_are_not_told_of() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.pod(1).deleting_since = Some(world.now);
    world.pod(2).phase = Phase::Finished;
    assert!(world.plan().bindings[0].advice.is_empty());
}

#[test]
fn a_finished_pod_loses_its_target_at_once() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.converge();
    world.pod(1).phase = Phase::Finished;
    assert_eq!(world.converge(), 1);
    assert_eq!(world.targets_of(&world.listeners[0].id.clone()), [(address(2), 10)]);
}

#[test]
fn a_pod_of_a_lost_node_gets_no_new_connections_until_the_node_is_back() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.converge();
    let id = world.listeners[0].id.clone();
    world.heal();
    world.converge();
    world.pod(1).phase = Phase::Unknown;
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 0), (address(2), 10)]);
    let exclusions = &world.plan().bindings[0].exclusions;
    assert_eq!(exclusions.iter().map(|one| one.reason).collect::<Vec<_>>(), [ExclusionReason::NodeGone]);
    world.pod(1).phase = Phase::Running;
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10)]);
}

#[test]
fn a_duplicate_address_is_that_of_the_pod_that_serves_then_of_the_latest() {
    let at = |second| Timestamp::from_second(second).ok();
    for (late, ready) in [(1, [true, true]), (2, [true, true]), (1, [false, true]), (2, [true, false])] {
        let mut world = World::new(&json!({})).with_pods(1..=2);
        world.pod(2).ips = world.pod(1).ips.clone();
        for number in [1, 2] {
            world.pod(number).created = at(if number == late { 200 } else { 100 });
            world.pod(number).containers_ready = ready[number as usize - 1];
        }
        world.converge();
        let owner = if ready == [true, true] { late } else { 3 - late };
        let target = &world.targets.values().next().unwrap()[0];
        let expected = TargetTag::new(world.binding_uid(0), &uid(owner));
        assert_eq!(TargetTag::parse(&target.tag), Some(expected), "late {late}, ready {ready:?}");
        let exclusions = &world.plan().bindings[0].exclusions;
        assert!(exclusions.iter().any(|one| one.reason == ExclusionReason::DuplicateAddress), "{exclusions:?}");
    }
}

#[test]
fn an_address_that_another_pod_has_got_meanwhile_is_left_at_once() {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    world.converge();
    world.heal();
    let id = world.listeners[0].id.clone();
    for number in [1, 2] {
        world.pod(number).phase = Phase::Unknown;
    }
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(1), 10), (address(2), 10)], "they may serve, and nobody else does");
    world.reassigned = std::iter::once(address(1).ip).collect();
    world.converge();
    assert_eq!(world.targets_of(&id), [(address(2), 10)], "in whatever namespace the other is");
}

/// A kubelet that hears late of the deletion, as on a node that comes back, begins the grace anew.
#[test]
fn the_last_whose_grace_is_over_serves_on_until_the_cloud_or_its_containers_say_otherwise() {
    for (after, health, containers, weight) in [
        (-1, Health::Unhealthy, Containers::Running, 10),
        (-1, Health::Healthy, Containers::NotRunning, 0),
        (0, Health::Unhealthy, Containers::Running, 0),
        (3, Health::Healthy, Containers::Running, 10),
        (3, Health::Unhealthy, Containers::Running, 0),
        (3, Health::Healthy, Containers::NotRunning, 0),
    ] {
        let mut world = World::new(&json!({})).with_pods(1..=1);
        world.converge();
        world.heal();
        let id = world.listeners[0].id.clone();
        acts::delete(&mut world, [1]);
        world.now = world.pod(1).killed_at.unwrap() + SignedDuration::from_secs(after);
        world.pod(1).containers = containers;
        world.health.values_mut().for_each(|found| *found = health);
        world.converge();
        assert_eq!(world.targets_of(&id), [(address(1), weight)], "{after} s, {health:?}, {containers:?}");
    }
}

/// Pods that keep their addresses, such as those of a StatefulSet with fixed ones, were all made anew while nobody looked. Their targets serve
/// them, and serve nobody for as long as they are registered anew.
#[test]
fn targets_whose_addresses_have_become_other_pods_are_registered_anew_a_few_at_a_time() {
    // The last ones find no room: they are not about to come.
    for (pods, left_out, at_once) in [(1, 0, 1), (2, 0, 1), (3, 0, 1), (8, 0, 2), (20, 0, 5), (4, 3, 1)] {
        let mut world = World::new(&json!({})).with_pods(1..=pods + left_out);
        if left_out > 0 {
            world.limits.targets_per_route = usize::try_from(pods).unwrap();
        }
        world.converge();
        world.heal();
        let id = world.listeners[0].id.clone();
        for number in 1..=pods + left_out {
            world.pod(number).uid = format!("{}-0000-0000-0000-000000000000", 90_000_000 + number);
        }
        let mut rounds = 0;
        loop {
            let before = serving(&world, &id);
            let plan = world.round();
            rounds += 1;
            for step in &plan.steps {
                let Step::Register(all) = step else { continue };
                world.health.retain(|address, _| all.iter().all(|one| one.address != *address));
            }
            let leaving = plan.steps.iter().filter_map(|step| match step {
                Step::Deregister(all) => Some(all.len()),
                _ => None,
            });
            let leaving: usize = leaving.sum();
            assert!(leaving <= at_once, "{pods}: {leaving} of {before} at once");
            assert!(pods == 1 || serving(&world, &id) > 0, "{pods}: nobody serves after round {rounds}");
            if leaving == 0 && plan.steps.is_empty() {
                // What was registered anew is found healthy some time later.
                if serving(&world, &id) == usize::try_from(pods).unwrap() {
                    break;
                }
                world.heal();
            }
            assert!(rounds < 200, "{pods}: it does not end");
        }
        let mut tags: Vec<_> = world.targets.values().flatten().map(|target| target.tag.clone()).collect();
        tags.retain(|tag| !tag.contains("-900000"));
        assert_eq!(tags, Vec::<String>::new(), "{pods}: all are registered for the Pods that there are");
    }
}

/// Only a target that serves another Pod, which is wanted, waits for its turn; one of a single Pod waits as long as no health was read.
#[test]
fn a_target_waits_to_be_registered_anew_only_where_it_serves() {
    type Change = fn(&mut World, former: Pod, number: u32);
    let finished: Change = |world, former, number| {
        world.pods.insert(number, Pod { phase: Phase::Finished, ..former });
    };
    let elsewhere: Change = |world, former, number| {
        world.pods.insert(number, Pod { ips: vec![address(number + 20).ip], ..former });
    };
    let idle: Change = |world, _, _| world.targets.values_mut().flatten().for_each(|target| target.weight = 0);
    let unready: Change = |world, _, number| world.pod(number + 10).containers_ready = false;
    let unread: Change = |world, _, _| {
        world.health_failure = Some(super::late::failure(Class::Throttled));
        world.remembered = Remembered::default();
    };
    let rows: [(&str, u32, Change, usize); 7] = [
        ("gone", 2, |_, _, _| (), 1),
        ("finished", 2, finished, 1),
        ("elsewhere", 2, elsewhere, 2),
        ("without weight", 2, idle, 2),
        ("not ready", 2, unready, 2),
        ("unread", 2, unread, 0),
        ("the only one, and unread", 1, unread, 0),
    ];
    for (what, pods, change, expected) in rows {
        let mut world = World::new(&json!({})).with_pods(1..=pods);
        world.converge();
        world.heal();
        for number in 1..=pods {
            let former = world.pods.remove(&number).unwrap();
            world.pods.insert(number + 10, Pod { uid: uid(number + 10), ..former.clone() });
            change(&mut world, former, number);
        }
        let steps = world.plan().steps;
        let leaving = steps.iter().map(|step| match step {
            Step::Deregister(all) => all.len(),
            _ => 0,
        });
        assert_eq!(leaving.sum::<usize>(), expected, "{what}");
    }
}

/// How many targets of a listener have weight and are found healthy.
fn serving(world: &World, id: &ListenerId) -> usize {
    let is_healthy = |address: &Address| world.health.get(address) == Some(&Health::Healthy);
    world.targets_of(id).iter().filter(|(address, weight)| *weight > 0 && is_healthy(address)).count()
}
