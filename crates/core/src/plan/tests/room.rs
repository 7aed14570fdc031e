//! Who makes room, where the quota of targets is used up.

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, delete, remove, web};
use super::world::{World, address, binding};
use crate::api::condition::ExclusionReason;
use crate::api::names;
use crate::model::Protocol;
use crate::plan::Step;

/// So many Pods that serve, and fill the quota of the route.
fn full(count: u32) -> World {
    let mut world = web(&json!({"drain": {"timeoutSeconds": 30}}), count);
    world.limits.targets_per_route = usize::try_from(count).unwrap();
    world.converge();
    world.heal();
    world.converge();
    world
}

/// These Pods are not selected any more.
fn leave(world: &mut World, numbers: &[u32]) {
    for number in numbers {
        world.pod(*number).labels.insert("app".to_owned(), "other".to_owned());
    }
    world.converge();
}

fn pass(world: &mut World, seconds: i64) {
    world.now += SignedDuration::from_secs(seconds);
}

/// The numbers of the Pods that the next round takes away, and of those that it registers.
fn next(world: &World) -> (Vec<u32>, Vec<u32>) {
    let (mut leave, mut come) = (Vec::new(), Vec::new());
    let number = |found| (1..100).find(|number| address(*number) == found).unwrap();
    for step in &world.plan().steps {
        match step {
            Step::Deregister(all) => leave.extend(all.iter().map(|one| number(one.address))),
            Step::Register(all) => come.extend(all.iter().map(|one| number(one.address))),
            _ => {}
        }
    }
    (leave, come)
}

/// How many targets the brake counts as leaving in the next round.
fn lost(world: &World) -> usize {
    world.plan().bindings[0].losses.leaving.len()
}

/// A newcomer for which a user asks for weight 0.
fn add_idle(world: &mut World, number: u32) {
    add(world, [number], "web");
    world.pod(number).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), "0".to_owned());
}

/// Two that drain, for 30 s and for 25 s.
fn two_drain(count: u32) -> World {
    let mut world = full(count);
    leave(&mut world, &[1]);
    pass(&mut world, 5);
    leave(&mut world, &[2]);
    pass(&mut world, 24);
    world
}

/// One of them leaves in this round anyway.
#[test]
fn one_whose_drain_is_over_makes_room_for_one_only() {
    for (newcomers, expected) in [(vec![4], vec![1]), (vec![4, 5], vec![1, 2])] {
        let mut world = two_drain(3);
        pass(&mut world, 1);
        add(&mut world, newcomers.clone(), "web");
        assert_eq!(next(&world), (expected, newcomers));
        assert_eq!(lost(&world), 0, "they were counted when they lost their weight");
        world.round();
    }
}

#[test]
fn no_more_of_those_that_drain_leave_than_there_are_newcomers_without_room() {
    let mut world = two_drain(4);
    remove(&mut world, [4]);
    world.converge();
    for (newcomer, expected) in [(5, vec![]), (6, vec![1]), (7, vec![1, 2]), (8, vec![1, 2])] {
        add(&mut world, [newcomer], "web");
        assert_eq!(next(&world), (expected, (5..=newcomer.min(7)).collect()));
    }
}

/// Those that drain make room for all, and those that serve have it first.
#[test]
fn newcomers_without_weight_find_room_after_those_that_will_serve() {
    let mut world = two_drain(3);
    add_idle(&mut world, 4);
    add(&mut world, [5], "web");
    assert_eq!(next(&world), (vec![1, 2], vec![5, 4]));
    add(&mut world, [6], "web");
    assert_eq!(next(&world), (vec![1, 2], vec![5, 6]));
    let left_out = world.plan().bindings.swap_remove(0).exclusions;
    let left_out: Vec<_> = left_out.iter().map(|one| (one.reason, one.pod.as_str())).collect();
    assert!(left_out.contains(&(ExclusionReason::OverQuota, "web-4")), "{left_out:?}");
}

/// One in ten of those that are wanted, and one at least: until these are found healthy, no more leave.
#[test]
fn so_many_of_those_that_serve_make_room_that_most_of_them_go_on_meanwhile() {
    for (count, gone, expected) in [(6, 0, [1, 0, 1]), (20, 0, [2, 0, 2]), (20, 1, [1, 0, 2])] {
        let mut world = full(count);
        remove(&mut world, 1..=gone);
        world.converge();
        add(&mut world, 41..41 + count, "green");
        world.service.as_mut().unwrap().selector.insert("app".to_owned(), "green".to_owned());
        for (round, expected) in expected.into_iter().enumerate() {
            if round == 2 {
                world.heal();
            }
            let leave = next(&world).0.len();
            assert_eq!((leave, lost(&world)), (expected, expected), "{count}, {gone}, round {round}");
            world.round();
        }
    }
}

/// Kubernetes ends them, whatever the controller does.
#[test]
fn those_that_end_and_make_room_are_no_removals_that_the_brake_counts() {
    let mut world = full(3);
    delete(&mut world, [1]);
    add(&mut world, [4, 5], "web");
    assert_eq!((next(&world), lost(&world)), ((vec![1], vec![4]), 0));
}

/// It has no connections yet, whether it is recorded already that it is to lose its weight or not.
#[test]
fn one_that_never_served_makes_room_at_once_and_the_brake_counts_it_once() {
    for is_recorded in [false, true] {
        let mut world = web(&json!({}), 2);
        world.limits.targets_per_route = 3;
        world.converge();
        world.heal();
        add(&mut world, [3], "web");
        world.converge();
        world.pod(3).labels.insert("app".to_owned(), "other".to_owned());
        if is_recorded {
            assert_eq!(world.round().steps, []);
        }
        add(&mut world, [4], "web");
        assert_eq!((next(&world), lost(&world)), ((vec![3], vec![4]), 1));
        assert_eq!(world.round().steps.len(), 2, "its weight is not changed");
        world.converge();
        let id = world.listeners[0].id.clone();
        assert_eq!(world.targets_of(&id), [1, 2, 4].map(|number| (address(number), 10)));
    }
}

/// Somebody has registered the Pod there, and keeps it there.
#[test]
fn a_target_without_a_mark_makes_no_room() {
    let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": "lbl-1"}]});
    let mut world = web(&spec, 2);
    world.limits.targets_per_route = 2;
    let id = world.add_listener("somebody's", Protocol::Tcp, 80);
    world.add_target(&id, address(1), 10, "");
    world.converge();
    world.heal();
    delete(&mut world, [1]);
    pass(&mut world, 20);
    world.converge();
    pass(&mut world, 20);
    assert_eq!(world.targets_of(&id), [(address(1), 0), (address(2), 10)]);
    add(&mut world, [3], "web");
    assert_eq!(next(&world), (vec![], vec![]));
}

#[test]
fn what_two_bindings_register_on_one_listener_in_one_round_is_within_its_quota() {
    let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": "lbl-1"}]});
    let mut world = web(&spec, 2);
    add(&mut world, [3, 4], "green");
    world.limits.targets_per_route = 3;
    world.add_listener("somebody's", Protocol::Tcp, 80);
    world.bindings.push(binding(2, &spec));
    let mut green = world.service.clone().unwrap();
    green.selector.insert("app".to_owned(), "green".to_owned());
    world.services.insert(1, green);
    assert_eq!(next(&world), (vec![], vec![1, 2, 3]));
}
