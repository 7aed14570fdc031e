//! What counts as gone of a binding that is being deleted.

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{delete_binding, edit, listener, web};
use super::world::{World, binding};
use crate::model::{Health, Protocol};
use crate::plan::{Plan, Release};

fn is_released(plan: &Plan) -> bool {
    plan.bindings[0].release == Release::Done
}

/// A round sees the world as it is, and does nothing yet.
fn see(world: &mut World) {
    let (snapshot, plan) = (world.snapshot(), world.plan());
    world.remembered.see(&snapshot, &plan);
}

/// That its targets were taken away, by a task that ended well, says nothing of a listener that the binding has made.
#[test]
fn a_listener_that_one_read_leaves_out_is_not_gone_because_its_targets_are() {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    world.converge();
    world.heal();
    world.converge();
    assert!(world.health.values().all(|health| *health == Health::Healthy));
    delete_binding(&mut world);
    while world.targets.values().any(|targets| !targets.is_empty()) {
        world.round();
    }
    let shown = std::mem::take(&mut world.listeners);
    assert!(!is_released(&world.round()), "one read does not show it");
    world.now += SignedDuration::from_secs(10);
    world.listeners = shown;
    world.converge();
    assert!(world.listeners.is_empty());
    assert!(is_released(&world.round()), "a task has deleted it");
}

/// Statuses are written late, or not at all.
#[test]
fn what_a_task_has_taken_away_stays_gone_although_the_status_still_names_it() {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    world.converge();
    world.heal();
    world.converge();
    let (recorded, shown) = (world.bindings[0].status.clone(), world.listeners.clone());
    delete_binding(&mut world);
    for _ in 0..6 {
        world.round();
        edit(&mut world, |binding| binding.status.clone_from(&recorded));
    }
    assert!(world.listeners.is_empty());
    assert!(is_released(&world.plan()));
    world.listeners = shown;
    see(&mut world);
    world.listeners.clear();
    assert!(!is_released(&world.plan()), "it was shown again");
}

/// A binding that has had targets on a listener of somebody else, as its status records.
#[test]
fn targets_on_a_listener_of_somebody_else_are_gone_when_a_task_has_taken_them_away() {
    let world = |registered: i32, draining: i32| {
        let mut world = World::new(&json!({})).with_pods(1..=2);
        let id = world.add_listener("theirs", Protocol::Tcp, 80).to_string();
        let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": id}]});
        world.bindings = vec![binding(1, &spec)];
        world.converge();
        edit(&mut world, |binding| {
            let counts = binding.status.as_mut().and_then(|status| status.targets.as_mut()).unwrap();
            (counts.registered, counts.draining) = (registered, draining);
        });
        delete_binding(&mut world);
        world
    };
    for (registered, draining, is_gone) in [(2, 0, false), (0, 1, false), (0, 0, true)] {
        let mut world = world(registered, draining);
        world.targets.values_mut().for_each(Vec::clear);
        assert_eq!(is_released(&world.plan()), is_gone, "{registered} {draining}: one read does not show them");
    }
    let mut world = world(2, 0);
    let (recorded, shown) = (world.bindings[0].status.clone(), world.targets.clone());
    while world.targets.values().any(|targets| !targets.is_empty()) {
        world.round();
    }
    edit(&mut world, |binding| binding.status.clone_from(&recorded));
    assert!(is_released(&world.plan()), "a task has taken them away");
    world.targets = shown;
    see(&mut world);
    world.targets.values_mut().for_each(Vec::clear);
    assert!(!is_released(&world.plan()), "they were shown again");
}
