//! Pods that others replace.

use std::collections::BTreeMap;

use serde_json::json;

use super::story::Story;
use super::{Row, add, delete, remove, web};
use crate::model::{Ending, GateState, PreStop, TargetPort};
use crate::plan::tests::world::World;

pub(super) const STORIES: &[Row] = &[
    ("new-binding", new_binding),
    ("rollout-with-gates", rollout_with_gates),
    ("rollout-without-gates", rollout_without_gates),
    ("rollout-without-sleep", rollout_without_sleep),
    ("all-pods-deleted", all_pods_deleted),
    ("selector-switch", selector_switch),
    ("selector-switch-full", selector_switch_full),
    ("selector-switch-tight", selector_switch_tight),
    ("rollout-on-a-full-listener", rollout_full),
    ("selector-matches-nothing", selector_matches_nothing),
    ("target-port-changed", target_port_changed),
    ("scale-to-zero", scale_to_zero),
];

fn new_binding() -> Story {
    let mut story =
        Story::of("A new binding of a Service with three Pods that wait for their gates.", web(&json!({}), 0));
    story.then("the binding is made", |world| {
        add(world, 1..=3, "web");
        (1..=3).for_each(|number| world.pod(number).gate = GateState::Unset);
    });
    story.after(5, "all are found healthy", World::heal);
    story
}

fn rollout_with_gates() -> Story {
    let mut story = Story::at_rest("A rollout of two Pods, one at a time, that waits for gates.", web(&json!({}), 2));
    story.after(1, "web-3 is ready but for its gate", |world| {
        add(world, [3], "web");
        world.pod(3).gate = GateState::Unset;
    });
    story.after(5, "web-3 is found healthy", World::heal);
    story.after(1, "its gate is open, and web-1 is deleted", |world| {
        world.pod(3).gate = GateState::Open;
        delete(world, [1]);
    });
    story.after(21, "web-1 is gone", |world| remove(world, [1]));
    story
}

fn rollout_without_gates() -> Story {
    let mut story =
        Story::at_rest("A rollout of two Pods without gates: the old one sleeps for 20 s.", web(&json!({}), 2));
    story.after(1, "web-3 is ready, and web-1 is deleted at once", |world| {
        add(world, [3], "web");
        world.pods.values_mut().for_each(|pod| pod.gate = GateState::Absent);
        delete(world, [1]);
    });
    story.after(6, "web-3 is found healthy", World::heal);
    story.after(14, "web-1 is gone", |world| remove(world, [1]));
    story
}

fn rollout_without_sleep() -> Story {
    let mut world = web(&json!({}), 2);
    world.pods.values_mut().for_each(|pod| pod.ending = Ending { grace_seconds: 30, pre_stop: PreStop::None });
    let mut story = Story::at_rest("A rollout of two Pods that end at once when they are deleted.", world);
    story.after(1, "web-3 is ready, and web-1 is deleted at once", |world| {
        add(world, [3], "web");
        delete(world, [1]);
    });
    story.after(2, "web-2 is deleted too, before web-3 is healthy", |world| delete(world, [2]));
    story.after(3, "web-3 is found healthy", World::heal);
    story
}

fn all_pods_deleted() -> Story {
    let mut story = Story::at_rest("All three Pods are deleted at once; they sleep for 20 s.", web(&json!({}), 3));
    story.after(1, "web-1 to web-3 are deleted, and web-4 to web-6 are not ready yet", |world| {
        delete(world, 1..=3);
        add(world, 4..=6, "web");
        (4..=6).for_each(|number| world.pod(number).containers_ready = false);
    });
    story.after(10, "web-4 is ready", |world| world.pod(4).containers_ready = true);
    story.after(5, "it is found healthy, and the sleep ends in 5 s", World::heal);
    story.after(2, "web-5 and web-6 are ready", |world| {
        (5..=6).for_each(|number| world.pod(number).containers_ready = true);
    });
    story
}

fn selector(world: &mut World, app: &str) {
    let selector = BTreeMap::from([("app".to_owned(), app.to_owned())]);
    world.service.as_mut().unwrap().selector = selector;
}

fn selector_switch() -> Story {
    let mut story = Story::at_rest(
        "The Service's selector moves from three Pods to three others that are ready.",
        web(&json!({}), 3),
    );
    story.after(1, "the selector moves to web-4 to web-6", |world| {
        add(world, 4..=6, "green");
        selector(world, "green");
    });
    story.after(5, "web-4 is found healthy", |world| {
        world.health.insert(crate::plan::tests::world::address(4), crate::model::Health::Healthy);
    });
    story.after(5, "all are found healthy", World::heal);
    story.after(300, "the drain is over", |_| {});
    story
}

/// The selector moves from `count` Pods to as many others under a quota.
fn switch_under_quota(sentence: &str, count: u32, quota: usize) -> Story {
    let mut world = web(&json!({}), count);
    world.limits.targets_per_route = quota;
    let mut story = Story::at_rest(sentence, world);
    story.after(1, "the selector moves to the other Pods", |world| {
        add(world, count + 1..=2 * count, "green");
        selector(world, "green");
    });
    story.after(5, "those that are registered are found healthy", World::heal);
    story.after(1, "nothing happens for a second", |_| {});
    story.after(5, "those that are registered are found healthy", World::heal);
    story.after(10, "those that drain have done so for 10 s", World::heal);
    story
}

fn selector_switch_full() -> Story {
    switch_under_quota("The selector moves from ten Pods to ten others on a listener that holds ten targets.", 10, 10)
}

fn selector_switch_tight() -> Story {
    switch_under_quota("The selector moves from six Pods to six others on a listener that holds eight targets.", 6, 8)
}

fn rollout_full() -> Story {
    let mut world = web(&json!({}), 2);
    world.limits.targets_per_route = 2;
    world.pods.values_mut().for_each(|pod| pod.ending = Ending { grace_seconds: 600, pre_stop: PreStop::None });
    let mut story =
        Story::at_rest("A Pod with a grace of 600 s is replaced on a listener that holds two targets.", world);
    story.after(1, "web-1 is deleted, and web-3 is ready", |world| {
        delete(world, [1]);
        add(world, [3], "web");
    });
    story.after(10, "web-1 has drained for 10 s", |_| {});
    story
}

fn selector_matches_nothing() -> Story {
    let mut story = Story::at_rest("A selector with a typing error matches no Pod.", web(&json!({}), 3));
    story.after(1, "the selector matches nothing", |world| selector(world, "wbe"));
    story.after(400, "nobody notices", |_| {});
    story.then("web-3 dies, and goes", |world| remove(world, [3]));
    story.then("the selector is corrected", |world| selector(world, "web"));
    story
}

fn target_port_changed() -> Story {
    let mut story =
        Story::at_rest("The Service's targetPort moves from 8080 to 8081; Pods listen on both.", web(&json!({}), 2));
    story.after(1, "targetPort is 8081", |world| {
        world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Number(8081);
    });
    story.after(5, "the new targets are found healthy", World::heal);
    story.after(300, "the drain is over", |_| {});
    story
}

fn scale_to_zero() -> Story {
    let mut story = Story::at_rest("A workload is scaled to zero and back.", web(&json!({}), 2));
    story.after(1, "both Pods are deleted", |world| delete(world, 1..=2));
    story.after(20, "their sleep is over", |_| {});
    story.after(10, "they are gone", |world| remove(world, 1..=2));
    story.after(10, "web-3 is ready", |world| add(world, [3], "web"));
    story
}
