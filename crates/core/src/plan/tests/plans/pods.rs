//! Pods that cannot, or should not, take traffic.

use serde_json::json;

use super::story::Story;
use super::{Row, add, delete, web};
use crate::api::names;
use crate::model::{Containers, GateState, Health, Phase};
use crate::plan::tests::acts::unready;
use crate::plan::tests::world::{World, address};

pub(super) const STORIES: &[Row] = &[
    ("all-unready-keep", all_unready_keep),
    ("all-unready-follow", all_unready_follow),
    ("silent-node", silent_node),
    ("foreign-gate-false", foreign_gate_false),
    ("weight-zero-on-the-last", weight_zero_on_the_last),
    ("unreadable-weight", unreadable_weight),
    ("late-pod", late_pod),
    ("stale-slices", stale_slices),
];

fn all_unready_keep() -> Story {
    let mut story = Story::at_rest("Pods become unready one after the other (lastNotReady: Keep).", web(&json!({}), 2));
    story.after(1, "web-1 is not ready", |world| unready(world, 1));
    story.after(1, "web-2 is not ready either", |world| unready(world, 2));
    story.after(70, "its container crashes", |world| world.pod(2).containers = Containers::NotRunning);
    story.after(5, "web-1 is ready again", |world| world.pod(1).containers_ready = true);
    story
}

fn all_unready_follow() -> Story {
    let spec = json!({"drain": {"lastNotReady": "Follow"}});
    let mut story = Story::at_rest("Both Pods become unready (lastNotReady: Follow).", web(&spec, 2));
    story.after(1, "both are not ready", |world| {
        unready(world, 1);
        unready(world, 2);
    });
    story
}

fn silent_node() -> Story {
    let mut story = Story::at_rest("The nodes of both Pods fall silent.", web(&json!({}), 2));
    story.after(1, "the node of web-1 does not answer", |world| world.pod(1).phase = Phase::Unknown);
    story.after(1, "that of web-2 neither; Kubernetes deletes the Pod", |world| {
        world.pod(2).phase = Phase::Unknown;
        delete(world, [2]);
    });
    story.after(400, "its grace is long over, and the cloud finds it healthy", |_| {});
    story.after(5, "the cloud finds it unhealthy", |world| {
        world.health.insert(address(2), Health::Unhealthy);
    });
    story
}

fn foreign_gate_false() -> Story {
    let mut story = Story::at_rest("Another controller closes its readiness gate of the only Pod.", web(&json!({}), 1));
    story.after(1, "the gate is False", |world| {
        world.pod(1).closed_gates = vec!["example.com/in-place-update".to_owned()];
    });
    story.after(9, "the gate is True again", |world| world.pod(1).closed_gates.clear());
    story
}

fn weigh(world: &mut World, number: u32, weight: &str) {
    world.pod(number).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), weight.to_owned());
}

fn weight_zero_on_the_last() -> Story {
    let mut story = Story::at_rest("A user takes the only Pod out by weight 0.", web(&json!({}), 1));
    story.after(1, "the Pod says weight 0", |world| weigh(world, 1, "0"));
    story.after(1, "a second Pod with weight 0 waits for its gate", |world| {
        add(world, [2], "web");
        weigh(world, 2, "0");
        world.pod(2).gate = GateState::Unset;
    });
    story.after(1, "web-1 is not selected any more, either", |world| world.pod(1).labels.clear());
    story
}

fn unreadable_weight() -> Story {
    let mut world = web(&json!({}), 2);
    weigh(&mut world, 1, "30");
    let mut story = Story::at_rest("Weights of Pods become unreadable.", world);
    story.after(1, "web-1 says weight 300, web-2 weight ten", |world| {
        weigh(world, 1, "300");
        weigh(world, 2, "ten");
    });
    story.after(1, "web-3 says so too, is new, and waits for its gate", |world| {
        add(world, [3], "web");
        weigh(world, 3, "ten");
        world.pod(3).gate = GateState::Unset;
    });
    story.after(1, "web-3 says weight 20", |world| weigh(world, 3, "20"));
    story
}

fn late_pod() -> Story {
    let mut story = Story::at_rest("One of two Pods that replace others never gets ready.", web(&json!({}), 2));
    story.after(1, "both Pods are relabelled, web-3 is ready, and web-4 is not", |world| {
        add(world, 3..=4, "web");
        unready(world, 4);
        (1..=2).for_each(|number| world.pod(number).labels.clear());
    });
    story.after(30, "web-3 is found healthy", World::heal);
    story.after(29, "nothing changes before the minute is over", |_| {});
    story.after(1, "web-4 has not been ready for a minute", |_| {});
    story
}

fn stale_slices() -> Story {
    let mut story = Story::at_rest("EndpointSlices are not kept up to date.", web(&json!({}), 3));
    story.after(1, "the slices name only web-1, and web-3 is deleted", |world| {
        world.published = Some(vec![1]);
        delete(world, [3]);
    });
    story.after(60, "a minute later", |_| {});
    story
}
