//! The clock on the wall steps, and what lasts is counted by the other one.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::play::{Kind, Play};
use crate::model::GateState;
use crate::plan::tests::acts::{delete_binding, listener, web};
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);
/// By how much it steps, in seconds.
const STEPS: [i64; 5] = [0, 60, -60, 3_600, -3_600];

/// Three Pods serve, their gates are open, and all is at rest.
fn at_rest() -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")], "drain": {"timeoutSeconds": 20}}), 3);
    world.pods.values_mut().for_each(|pod| pod.gate = GateState::Unset);
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 30);
    play
}

fn step(play: &mut Play, seconds: i64) {
    play.world.now += SignedDuration::from_secs(seconds);
    play.step(Input::News(News::Input));
}

/// The binding goes, and for 3 s the cloud shows no listener of it; within them the clock steps. Says whether the binding was still there
/// then, and how many listeners are left in the end.
fn hidden(seconds: i64) -> (bool, usize) {
    let mut play = at_rest();
    let listeners = std::mem::take(&mut play.world.listeners);
    let targets = std::mem::take(&mut play.world.targets);
    delete_binding(&mut play.world);
    play.step(Input::News(News::Input));
    play.play(SECOND);
    step(&mut play, seconds);
    play.play(SECOND * 2);
    (play.world.listeners, play.world.targets) = (listeners, targets);
    let is_there = !play.world.bindings.is_empty();
    play.play(SECOND * 200);
    (is_there, play.world.listeners.len())
}

#[test]
fn a_step_of_the_clock_is_no_evidence_that_something_is_gone() {
    for seconds in STEPS {
        assert_eq!(hidden(seconds), (true, 0), "a step of {seconds} s");
    }
}

/// A Pod that lives is not selected any more; while its target drains, the clock steps. Says how long after it lost its weight it was
/// taken away.
fn drains(seconds: i64) -> Duration {
    let mut play = at_rest();
    play.world.pod(1).labels.clear();
    play.step(Input::News(News::Members));
    let has = |play: &Play, weight: Option<u16>| {
        let mut targets = play.world.targets.values().flatten();
        let found = targets.find(|target| target.address == crate::plan::tests::world::address(1));
        found.map(|target| u16::from(target.weight)) == weight
    };
    let until = |play: &mut Play, weight: Option<u16>| {
        let end = play.at + SECOND * 120;
        while !has(play, weight) {
            assert!(play.at < end && play.go_on(end), "a step of {seconds} s: {:?}", play.world.targets);
        }
        play.at
    };
    let begun = until(&mut play, Some(0));
    play.play(SECOND * 5);
    step(&mut play, seconds);
    let ended = until(&mut play, None);
    assert!(play.count(Kind::Call) > 0);
    ended - begun
}

#[test]
fn a_step_of_the_clock_neither_shortens_nor_lengthens_a_drain() {
    for seconds in STEPS {
        let lasted = drains(seconds);
        assert!((SECOND * 20..SECOND * 23).contains(&lasted), "a step of {seconds} s: {lasted:?}");
    }
}
