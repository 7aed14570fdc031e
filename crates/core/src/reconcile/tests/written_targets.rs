//! What was written to targets counts although they are not read again after each write.

use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::model::{GateState, PreStop, RegisteredTarget};
use crate::plan::tests::acts::{add, delete, listener, remove, web};
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);

/// Three Pods that serve.
fn at_rest() -> Play {
    at_rest_where(true)
}

/// The same where the cloud shows tags, or hides them.
fn at_rest_where(shows_tags: bool) -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 3);
    world.shows_tags = shows_tags;
    world.pods.values_mut().for_each(|pod| pod.gate = GateState::Unset);
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    // The next read of health is long ago, and the next one of targets far away.
    play.play(SECOND * 33);
    play
}

fn news(play: &mut Play) {
    play.step(Input::News(News::Members));
}

/// What was logged of a kind since a place in the log.
fn logged(play: &Play, since: usize, kind: Kind) -> Vec<&str> {
    play.log[since..].iter().filter(|(_, found, _)| *found == kind).map(|(.., words)| words.as_str()).collect()
}

#[test]
fn pods_that_come_one_after_another_are_registered_once_each_and_targets_are_not_read_after_each_call() {
    let mut play = at_rest();
    let before = play.log.len();
    for number in 4..=9 {
        add(&mut play.world, [number], "web");
        play.world.pod(number).gate = GateState::Unset;
        news(&mut play);
        play.play(SECOND / 4);
    }
    play.play(SECOND * 3);
    let calls = logged(&play, before, Kind::Call);
    for number in 4..=9 {
        let address = format!("10.1.0.{number}");
        let count = calls.iter().map(|words| words.matches(&format!("ip: {address},")).count()).sum::<usize>();
        assert_eq!(count, 1, "{address}: {calls:?}");
    }
    assert_eq!(play.world.targets.values().flatten().count(), 9);
    let reads = logged(&play, before, Kind::Targets).len();
    assert!(reads <= 2, "{reads} reads of targets for {} calls", calls.len());
    play.world.heal();
    play.play(SECOND);
    assert!(play.world.pods.values().all(|pod| pod.gate == GateState::Open));
}

#[test]
fn the_gate_of_a_pod_that_is_found_healthy_opens_without_another_read_of_targets() {
    let mut play = at_rest();
    add(&mut play.world, [4], "web");
    play.world.pod(4).gate = GateState::Unset;
    news(&mut play);
    play.play(SECOND / 10);
    assert_eq!(play.world.targets.values().flatten().count(), 4);
    play.world.heal();
    let before = play.log.len();
    for _ in 0..20 {
        if play.world.pod(4).gate == GateState::Open {
            break;
        }
        play.play(SECOND / 10);
    }
    assert_eq!(play.world.pod(4).gate, GateState::Open);
    assert_eq!(logged(&play, before, Kind::Targets), [""; 0]);
}

/// A controller that has begun anew knows by the status that tags are hidden, and not for whom targets were registered. That of a Pod that
/// goes is taken away all the same, also after one was registered whose tag is known.
#[test]
fn a_registration_does_not_pass_for_a_tag_that_the_cloud_shows() {
    for shows_tags in [true, false] {
        let mut play = at_rest_where(shows_tags);
        play.begin_anew();
        play.play(SECOND * 33);
        add(&mut play.world, [4], "web");
        play.world.pod(4).gate = GateState::Unset;
        news(&mut play);
        play.play(SECOND / 10);
        play.world.heal();
        play.play(SECOND);
        assert_eq!(play.world.pod(4).gate, GateState::Open, "tags shown: {shows_tags}");
        remove(&mut play.world, [1]);
        news(&mut play);
        play.play(SECOND * 10);
        assert_eq!(play.world.targets.values().flatten().count(), 3, "tags shown: {shows_tags}");
    }
}

#[test]
fn a_weight_just_lowered_serves_nobody_although_targets_were_read_before() {
    let mut play = at_rest();
    let before = play.log.len();
    let relabel = |play: &mut Play, app: &str| {
        (1..=2).for_each(|number| _ = play.world.pod(number).labels.insert("app".to_owned(), app.to_owned()));
        news(play);
        play.play(SECOND / 8);
    };
    let serving = |play: &Play| play.world.targets.values().flatten().filter(|target| target.weight > 0).count();
    relabel(&mut play, "other");
    assert_eq!(serving(&play), 1, "two are not selected any more");
    // They are selected again, and their weight is written again when it has been seen.
    relabel(&mut play, "web");
    delete(&mut play.world, [3]);
    play.world.pod(3).ending.pre_stop = PreStop::None;
    news(&mut play);
    for _ in 0..200 {
        play.play(SECOND / 40);
        assert!(serving(&play) > 0, "the last one goes: {:?}", logged(&play, before, Kind::Call));
    }
    assert_eq!(serving(&play), 2);
}

#[test]
fn what_a_task_has_not_done_is_read_and_done_again() {
    let mut play = at_rest();
    play.task_lasts = SECOND / 5;
    delete(&mut play.world, [1]);
    play.world.pod(1).ending.pre_stop = PreStop::None;
    news(&mut play);
    play.play(SECOND / 10);
    // The cloud says that it is done, and it is not.
    let targets = play.world.targets.values_mut().flatten();
    targets.for_each(|target| target.weight = target.weight.max(10));
    play.play(SECOND * 4);
    let serving = play.world.targets.values().flatten().filter(|target| target.weight > 0).count();
    assert_eq!(serving, 2);
}

#[test]
fn a_task_is_asked_after_when_the_one_before_it_would_have_been_over() {
    let mut play = at_rest();
    play.task_lasts = SECOND / 2;
    let before = play.log.len();
    let mut asked = Vec::new();
    for number in 1..=2 {
        let since = play.log.len();
        delete(&mut play.world, [number]);
        play.world.pod(number).ending.pre_stop = PreStop::None;
        news(&mut play);
        play.play(SECOND * 2);
        assert_eq!(logged(&play, since, Kind::Call).len(), 1, "{:?}", logged(&play, before, Kind::Call));
        asked.push(logged(&play, since, Kind::Task).len());
    }
    assert!(asked[0] > 2 && asked[1] == 1, "{asked:?}");
}

/// However long after its registration a Pod goes, and whether or not its gate is open by then.
#[test]
fn a_pod_that_goes_soon_after_it_was_registered_loses_its_weight_at_once() {
    for delay in (0..24).map(|number| SECOND / 4 * number) {
        let mut play = at_rest();
        let before = play.log.len();
        add(&mut play.world, [4], "web");
        play.world.pod(4).gate = GateState::Unset;
        news(&mut play);
        play.play(SECOND / 2);
        play.world.heal();
        play.play(delay);
        let weight = |play: &Play| {
            let of_pod = |target: &&RegisteredTarget| target.address.ip.to_string() == "10.1.0.4";
            play.world.targets.values().flatten().find(of_pod).map(|target| target.weight)
        };
        assert_eq!(weight(&play), Some(10), "after {delay:?}");
        delete(&mut play.world, [4]);
        news(&mut play);
        play.play(SECOND);
        assert_eq!(weight(&play), Some(0), "after {delay:?}: {:?}", &play.log[before..]);
    }
}

#[test]
fn a_drain_waits_only_for_a_moment_for_a_task_that_never_ends() {
    let mut play = at_rest();
    play.task_lasts = SECOND * 600;
    let weighted = |play: &Play| play.world.targets.values().flatten().filter(|target| target.weight > 0).count();
    for (number, left) in [(1, 2), (2, 1)] {
        delete(&mut play.world, [number]);
        news(&mut play);
        play.play(SECOND * 7);
        assert_eq!(weighted(&play), left, "Pod {number}");
    }
}
