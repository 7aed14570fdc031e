//! Events on Pods that wait for their gates, played with.

use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::api::course::Severity;
use crate::model::{Class, GateState, Health};
use crate::plan::tests::acts::{add, listener, web};
use crate::plan::tests::world::address;
use crate::reconcile::{Input, News, Notice};

const SECOND: Duration = Duration::from_secs(1);

/// Two Pods serve.
fn at_rest() -> Play {
    let mut play = Play::new(web(&json!({"listeners": [listener(80, "TCP")]}), 2));
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 30);
    play
}

fn come(play: &mut Play, numbers: impl IntoIterator<Item = u32> + Clone) {
    add(&mut play.world, numbers.clone(), "web");
    for number in numbers {
        play.world.pod(number).gate = GateState::Unset;
    }
    play.step(Input::News(News::Members));
}

fn told(play: &Play) -> Vec<&Notice> {
    play.notices.iter().filter(|notice| notice.word.reason() == "GateClosed").collect()
}

#[test]
fn a_pod_that_is_not_found_healthy_is_told_how_it_is_probed_and_what_the_cloud_says() {
    let mut play = at_rest();
    come(&mut play, [3]);
    play.play(SECOND * 5);
    play.world.health.insert(address(3), Health::Unhealthy);
    play.play(SECOND * 4);
    assert!(told(&play).is_empty(), "most Pods are ready by then");
    play.play(SECOND * 60);
    let [only] = told(&play)[..] else { panic!("{:?}", told(&play)) };
    let about = (only.about.kind.as_deref(), only.about.name.as_deref(), only.about.uid.clone());
    assert_eq!(about, (Some("Pod"), Some("web-3"), Some(play.world.pods[&3].uid.clone())));
    assert_eq!(only.word.severity(), Severity::Normal);
    for part in [
        "DirectAccessBinding 'b1'",
        "listener 80/TCP",
        "10.1.0.3:8080 is probed",
        "finds it unhealthy",
        "see that the Pod",
    ] {
        assert!(only.note.contains(part), "{part}: {}", only.note);
    }
    play.play(SECOND * 300);
    let kinds: Vec<_> = told(&play).iter().map(|notice| notice.word.severity()).collect();
    assert_eq!(kinds, [Severity::Normal, Severity::Warning], "it lasts");
}

#[test]
fn another_controller_tells_nothing_again() {
    let mut play = at_rest();
    come(&mut play, [3]);
    play.play(SECOND * 60);
    assert_eq!(told(&play).len(), 1);
    for _ in 0..3 {
        play.begin_anew();
        play.play(SECOND * 60);
    }
    assert_eq!(told(&play).len(), 1, "{:?}", told(&play));
}

#[test]
fn a_pod_is_told_when_the_load_balancer_cannot_be_read() {
    let mut play = at_rest();
    play.fails_as = Class::Unreachable;
    play.failing.insert(Kind::Frame);
    come(&mut play, [3]);
    play.play(SECOND * 100);
    let [only] = told(&play)[..] else { panic!("{:?}", told(&play)) };
    assert_eq!(only.word.severity(), Severity::Warning);
    assert!(only.note.contains("cannot be read") && only.note.contains("CloudUnreachable"), "{}", only.note);
}

#[test]
fn of_hundreds_of_pods_some_are_told_and_the_others_counted() {
    let mut play = at_rest();
    come(&mut play, 3..=200);
    play.play(SECOND * 100);
    let (on_pods, on_binding): (Vec<_>, Vec<_>) =
        told(&play).into_iter().partition(|notice| notice.about.kind.as_deref() == Some("Pod"));
    assert_eq!((on_pods.len(), on_binding.len()), (20, 1));
    assert_eq!(on_binding[0].word.severity(), Severity::Normal, "none of them is bad news yet");
    assert!(
        on_binding[0].note.starts_with("178 more Pods wait for their gates, such as 'web-"),
        "{}",
        on_binding[0].note
    );
}
