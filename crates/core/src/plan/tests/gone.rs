//! What counts as gone of a binding that is being deleted.

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{delete_binding, listener, web};
use crate::model::Health;
use crate::plan::{Plan, Release};

fn is_released(plan: &Plan) -> bool {
    plan.bindings[0].release == Release::Done
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
