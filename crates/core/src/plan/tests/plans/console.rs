//! What people do in the console.

use serde_json::json;

use super::story::Story;
use super::{Row, add, delete, remove, web};
use crate::model::{Attribute, GateState, Health, ListenerState, Protocol};
use crate::plan::tests::world::{PORT, World};

pub(super) const STORIES: &[Row] = &[
    ("listener-renamed", listener_renamed),
    ("listener-stopped", listener_stopped),
    ("listener-made-again-by-hand", listener_made_again),
    ("target-reweighted-and-check-changed", reweighted),
    ("target-tag-cleared", tag_cleared),
];

fn listener_renamed() -> Story {
    let mut story = Story::at_rest("A listener of the binding is renamed.", web(&json!({}), 2));
    story.after(1, "its name is shop", |world| world.listeners[0].name = "shop".to_owned());
    story
}

fn listener_stopped() -> Story {
    let mut story = Story::at_rest("A listener of the binding is stopped.", web(&json!({}), 2));
    story.after(1, "it is stopped, and web-3 waits for its gate", |world| {
        world.listeners[0].state = ListenerState::Stopped;
        add(world, [3], "web");
        world.pod(3).gate = GateState::Unset;
        world.health.values_mut().for_each(|health| *health = Health::CheckOff);
    });
    story.after(5, "it is started, and all are found healthy", |world| {
        world.listeners[0].state = ListenerState::Serving;
        world.heal();
    });
    story
}

fn listener_made_again() -> Story {
    let mut story = Story::at_rest("A listener of the binding is deleted, and made again by hand.", web(&json!({}), 2));
    story.after(1, "there is one without a mark on its port", |world| {
        world.listeners.clear();
        world.targets.clear();
        world.health.clear();
        world.add_listener("by hand", Protocol::Tcp, PORT);
    });
    story.after(1, "that is deleted", |world| {
        world.listeners.clear();
        world.targets.clear();
    });
    story
}

fn reweighted() -> Story {
    let mut story = Story::at_rest("Somebody changes a weight and the health check.", web(&json!({}), 2));
    story.after(1, "a target has weight 1, and the check's interval is 7", |world| {
        world.targets.values_mut().next().unwrap()[0].weight = 1;
        world.listeners[0].attributes.set(Attribute::CheckInterval, 7_i64);
    });
    story
}

fn tag_cleared() -> Story {
    let mut story = Story::at_rest("The tag of a target is cleared.", web(&json!({}), 2));
    story.after(1, "that of web-1 is empty", |world: &mut World| {
        world.targets.values_mut().next().unwrap()[0].tag.clear();
    });
    story.after(1, "web-1 is deleted", |world| delete(world, [1]));
    story.after(21, "web-1 is gone", |world| remove(world, [1]));
    story
}
