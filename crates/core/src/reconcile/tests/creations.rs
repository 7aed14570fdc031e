//! What was made is not made again because a read is slow to show it.

use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::plan::tests::acts::{listener, web};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_listener_that_reads_are_slow_to_show_is_made_once() {
    for task in [Duration::ZERO, SECOND / 5, SECOND * 3] {
        for lag in (1..=9).map(|number| SECOND * number) {
            let mut play = Play::new(web(&json!({"listeners": [listener(80, "TCP")]}), 1));
            play.task_lasts = task;
            play.shown = Some(play.world.observed());
            while play.calls() == 0 {
                play.play(SECOND / 100);
            }
            // The world panics at what a cloud would refuse, such as a second listener at the same port.
            play.play(lag);
            assert_eq!(play.calls(), 1, "task {task:?}, lag {lag:?}");
            play.shown = None;
            play.play(task + SECOND * 2);
            assert_eq!(play.world.targets.values().flatten().count(), 1, "task {task:?}, lag {lag:?}");
        }
    }
}

/// What somebody else has deleted at once is made again.
#[test]
fn a_listener_that_is_never_shown_is_made_again() {
    let mut play = Play::new(web(&json!({"listeners": [listener(80, "TCP")]}), 1));
    while play.calls() == 0 {
        play.play(SECOND / 100);
    }
    play.world.listeners.clear();
    play.world.targets.clear();
    play.play(SECOND * 12);
    assert_eq!(play.world.listeners.len(), 1);
    let frames = play.count(Kind::Frame);
    assert!(frames < 40, "{frames} reads");
}
