//! Bindings that have a listener in common.

use serde_json::json;

use super::acts::{add, unready};
use super::world::{World, address, binding, ip};
use crate::api::condition::Reason;
use crate::model::{Protocol, Service, Weight};

const BOTH: [&str; 2] = ["stable", "canary"];

/// Two bindings on one listener of somebody else, one of the Pods with the label stable and one of those with the label canary.
fn shared(pods: &[(u32, &str)]) -> World {
    let mut world = World::new(&json!({})).with_pods(pods.iter().map(|(number, _)| *number));
    let id = world.add_listener("theirs", Protocol::Tcp, 80);
    let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": id.to_string()}]});
    world.bindings = vec![binding(1, &spec), binding(2, &spec)];
    let service = world.service.clone().unwrap();
    for (place, app) in BOTH.into_iter().enumerate() {
        let selector = std::iter::once(("app".to_owned(), app.to_owned())).collect();
        world.services.insert(place, Service { selector, ..service.clone() });
    }
    pods.iter().for_each(|(number, app)| label(&mut world, *number, app));
    converge(&mut world);
    world
}

fn label(world: &mut World, number: u32, app: &str) {
    world.pod(number).labels.insert("app".to_owned(), app.to_owned());
}

fn converge(world: &mut World) {
    world.converge();
    world.heal();
    world.converge();
}

fn weights(world: &World) -> Vec<Weight> {
    let listener = world.listeners[0].id.clone();
    world.targets_of(&listener).into_iter().map(|(_, weight)| weight).collect()
}

fn problems(world: &World) -> Vec<Reason> {
    world.plan().bindings.into_iter().flat_map(|part| part.problems).map(|problem| problem.reason).collect()
}

#[test]
fn a_pod_that_both_select_serves_for_both() {
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    let both = world.services[&0].clone();
    world.services.insert(1, both);
    label(&mut world, 2, "stable");
    converge(&mut world);
    assert_eq!((weights(&world), problems(&world)), (vec![10, 10], vec![]));
    let plan = world.plan();
    assert_eq!(
        plan.bindings.iter().map(|part| (part.counts.desired, part.counts.registered)).collect::<Vec<_>>(),
        [(2, 2), (2, 2)]
    );
}

/// A promotion by labels, at once and after a while at weight 0.
#[test]
fn a_pod_that_passes_from_one_to_the_other_serves_on() {
    for is_late in [false, true] {
        let mut world = shared(&[(1, "stable"), (2, "canary")]);
        if is_late {
            label(&mut world, 2, "neither");
            converge(&mut world);
            assert_eq!(weights(&world), [10, 0]);
        }
        label(&mut world, 2, "stable");
        for _ in 0..3 {
            converge(&mut world);
            assert_eq!((weights(&world), problems(&world)), (vec![10, 10], vec![]), "late: {is_late}");
        }
        // It is the other's to take away, when neither wants it.
        label(&mut world, 2, "neither");
        converge(&mut world);
        assert_eq!(weights(&world), [10, 0]);
    }
}

/// The only Pod of one binding fails, and those of the other serve; then they do not.
#[test]
fn the_last_of_one_binding_leaves_where_another_serves() {
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    unready(&mut world, 2);
    world.converge();
    assert_eq!(weights(&world), [10, 0]);
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    world.health.insert(address(1), crate::model::Health::Unhealthy);
    unready(&mut world, 2);
    world.converge();
    assert_eq!(weights(&world), [10, 10], "the other one does not serve");
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    for number in [1, 2] {
        unready(&mut world, number);
    }
    world.converge();
    assert_eq!(weights(&world), [10, 10], "both are the last");
}

/// The Pod of one has the address for which the other has registered its own.
#[test]
fn an_address_is_the_others_until_its_pod_is_gone() {
    let mut world = shared(&[(1, "stable"), (2, "canary"), (3, "stable")]);
    world.pod(2).ips = vec![ip(1)];
    converge(&mut world);
    let seen = |world: &World| {
        let registered: Vec<_> = world.plan().bindings.iter().map(|part| part.counts.registered).collect();
        (registered, weights(world), problems(world))
    };
    assert_eq!(seen(&world), (vec![2, 0], vec![10, 10], vec![Reason::BackendConflict]));
    label(&mut world, 1, "neither");
    converge(&mut world);
    assert_eq!(weights(&world), [0, 10], "the other wants another Pod there");
    world.pods.remove(&1);
    converge(&mut world);
    assert_eq!(seen(&world), (vec![1, 1], vec![10, 10], vec![]));
}

/// The last Pod of one fails at the moment at which that of the other begins to serve, or begins anew.
#[test]
fn the_last_of_one_binding_waits_until_the_other_serves() {
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    unready(&mut world, 2);
    world.converge();
    assert_eq!(weights(&world), [10, 0]);
    world.pod(2).containers_ready = true;
    unready(&mut world, 1);
    world.round();
    assert_eq!(weights(&world), [10, 10], "it had no weight");
    world.round();
    assert_eq!(weights(&world), [0, 10]);
    let mut world = shared(&[(1, "stable"), (2, "canary")]);
    world.pods.remove(&2);
    add(&mut world, [3], "canary");
    world.pod(3).ips = vec![ip(2)];
    unready(&mut world, 1);
    world.round();
    assert_eq!(weights(&world), [10], "it was registered for another Pod");
    converge(&mut world);
    assert_eq!(weights(&world), [0, 10]);
}
