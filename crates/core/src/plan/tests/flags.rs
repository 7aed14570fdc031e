//! Switches that the cloud shows as flags, or not at all.

use serde_json::{Value, json};

use super::config::{config, steps, with_config};
use super::world::World;
use crate::model::Attribute;

/// A switch: of which listener, by which field of its entry, and how drift to on is written.
struct Case {
    attribute: Attribute,
    spec: Value,
    entry: fn(bool) -> Value,
    listener: &'static str,
}

fn cases() -> [Case; 2] {
    [
        Case {
            attribute: Attribute::ProxyProtocol,
            spec: json!({"listeners": [
                {"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"id": "one"}}]}),
            entry: |on| json!({"l4Listeners": [{"protocol": "TCP_SSL", "port": 443, "proxyProtocol": {"enable": on}}]}),
            listener: "TCP_SSL:443",
        },
        Case {
            attribute: Attribute::Snat,
            spec: json!({"listeners": [{"port": 80, "protocol": "HTTP"}]}),
            entry: |on| json!({"l7Listeners": [{"protocol": "HTTP", "port": 80, "snatEnable": on}]}),
            listener: "HTTP:80",
        },
    ]
}

impl Case {
    /// A world at rest, in which the switch is on by its config.
    fn world(&self, shows_flags: bool) -> World {
        let mut world = with_config(&self.spec, config(1, &(self.entry)(true)));
        world.shows_flags = shows_flags;
        world.converge();
        world.round();
        assert!(self.is_on(&world));
        world
    }

    fn is_on(&self, world: &World) -> bool {
        world.listeners[0].attributes.switch(self.attribute) == Some(true)
    }

    /// Somebody switches it at the console, and the controller looks once.
    fn by_hand(&self, world: &mut World, on: bool) -> Vec<String> {
        world.listeners[0].attributes.set(self.attribute, on);
        let steps = steps(world);
        world.round();
        steps
    }

    fn drift(&self, from: bool) -> Vec<String> {
        vec![format!("{}: {} from {from} to {}", self.listener, self.attribute.field(), !from)]
    }

    fn row(&self, value: &str) -> Vec<String> {
        vec![format!("{}={value}", self.attribute.field())]
    }
}

fn rows(world: &World) -> Vec<String> {
    world.bindings[0].status.as_ref().unwrap().listeners[0].written.clone()
}

#[test]
fn a_switch_that_somebody_changes_is_put_back_where_flags_are_shown() {
    for case in cases() {
        let mut world = case.world(true);
        assert_eq!(rows(&world), case.row("shown"));
        for _ in 0..2 {
            assert_eq!(case.by_hand(&mut world, false), case.drift(false));
            assert_eq!((rows(&world), world.converge()), (case.row("true"), 0));
            assert_eq!((case.is_on(&world), rows(&world)), (true, case.row("shown")));
        }
        world.configs.insert(0, config(2, &(case.entry)(false)));
        world.converge();
        assert_eq!((case.is_on(&world), rows(&world)), (false, case.row("false")));
        assert_eq!(case.by_hand(&mut world, true), case.drift(true));
        assert_eq!((world.converge(), case.is_on(&world)), (0, false));
    }
}

#[test]
fn a_switch_that_was_written_is_not_written_again_where_flags_are_hidden() {
    for case in cases() {
        let mut world = case.world(false);
        assert_eq!(rows(&world), case.row("true"));
        assert_eq!(case.by_hand(&mut world, false), Vec::<String>::new(), "nobody can know");
        assert_eq!((rows(&world), world.converge()), (case.row("true"), 0));
        world.configs.insert(0, config(2, &(case.entry)(false)));
        assert_eq!(steps(&world), case.drift(true), "the wish has changed, and so it is written");
        world.converge();
        assert_eq!((rows(&world), world.converge()), (case.row("false"), 0));
    }
}

/// A cloud that shows flags, and then does not any more, is written to once.
#[test]
fn flags_that_are_hidden_from_now_on_are_written_once() {
    for case in cases() {
        let mut world = case.world(true);
        world.shows_flags = false;
        assert_eq!(steps(&world), case.drift(false));
        assert_eq!((world.converge(), rows(&world)), (1, case.row("true")));
        world.shows_flags = true;
        assert_eq!((world.converge(), rows(&world)), (0, case.row("shown")));
    }
}

/// What was shown of a listener says nothing of the one that takes its place.
#[test]
fn what_was_shown_is_of_one_listener() {
    for case in cases() {
        let mut world = case.world(true);
        let held = world.targets.keys().next().unwrap().clone();
        world.listeners.clear();
        world.targets.remove(&held);
        world.remembered = crate::plan::Remembered::default();
        world.shows_flags = false;
        world.converge();
        assert_eq!((case.is_on(&world), rows(&world)), (true, case.row("true")));
    }
}

/// A status that an earlier release has written.
#[test]
fn rows_of_an_earlier_release_are_kept_until_the_flag_is_shown() {
    for case in cases() {
        for shows_flags in [true, false] {
            let mut world = case.world(false);
            world.shows_flags = shows_flags;
            assert_eq!(world.converge(), 0);
            assert_eq!(rows(&world), case.row(if shows_flags { "shown" } else { "true" }));
        }
    }
}
