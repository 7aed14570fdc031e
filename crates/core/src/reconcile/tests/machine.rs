//! The loop of one load balancer, played with: what is slow holds up nobody, what is lost is done again, and nothing is done twice.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::play::{Crash, Kind, Play};
use crate::api::condition::ConditionType;
use crate::model::{Address, GateState, Health, PreStop, Weight};
use crate::plan::Step;
use crate::plan::tests::acts::{add, delete, delete_binding, listener, remove, web};
use crate::plan::tests::world::{World, address};
use crate::reconcile::{Input, News};

const SECOND: Duration = Duration::from_secs(1);

/// Three Pods that wait for their gates, and no listener yet.
fn beginning() -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 3);
    world.pods.values_mut().for_each(|pod| pod.gate = GateState::Unset);
    Play::new(world)
}

/// All is well.
fn at_rest() -> Play {
    let mut play = beginning();
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 30);
    play
}

fn targets(world: &World) -> Vec<(Address, Weight)> {
    let mut found: Vec<_> = world.targets.values().flatten().map(|one| (one.address, one.weight)).collect();
    found.sort();
    found
}

fn ready(world: &World) -> Option<String> {
    let status = world.bindings.first()?.status.clone()?;
    let mut conditions = status.conditions.into_iter();
    conditions
        .find(|one| one.type_ == ConditionType::Ready.as_str())
        .map(|one| format!("{} {}", one.status, one.reason))
}

/// Targets with their weights, the number of listeners, whether the binding is ready, and which gates are open.
type End = (Vec<(Address, Weight)>, usize, Option<String>, Vec<bool>);

/// What is left in the end, as far as it is not a matter of time.
fn end(play: &Play) -> End {
    let world = &play.world;
    let gates = world.pods.values().map(|pod| pod.gate == GateState::Open).collect();
    (targets(world), world.listeners.len(), ready(world), gates)
}

fn news(play: &mut Play) {
    play.step(Input::News(News::Members));
}

#[test]
fn a_new_binding_gets_its_listener_targets_and_gates_and_then_nothing_is_written() {
    let mut play = at_rest();
    assert_eq!(targets(&play.world).len(), 3);
    assert_eq!(play.world.listeners.len(), 1);
    assert_eq!(ready(&play.world).as_deref(), Some("True Ready"));
    assert!(play.world.pods.values().all(|pod| pod.gate == GateState::Open));
    let is_write =
        |kind: &Kind| !matches!(kind, Kind::Task | Kind::Frame | Kind::Targets | Kind::Health | Kind::Quotas);
    let before = play.log.len();
    news(&mut play);
    play.play(SECOND * 200);
    let writes: Vec<_> = play.log[before..].iter().filter(|(_, kind, _)| is_write(kind)).collect();
    assert!(play.log.len() > before && writes.is_empty(), "{writes:?}");
}

/// How long until a Pod whose sleep is over has no weight, when `slow` takes this long.
fn drained_after(slow: Option<Kind>, takes: Duration) -> Duration {
    let mut play = at_rest();
    if let Some(kind) = slow {
        play.takes.insert(kind, takes);
    }
    // Whatever is under way is as slow as what comes.
    play.play(SECOND * 70);
    let began = play.at;
    delete(&mut play.world, [1]);
    play.world.pod(1).ending.pre_stop = crate::model::PreStop::None;
    news(&mut play);
    while targets(&play.world).iter().any(|(found, weight)| *found == address(1) && *weight > 0) {
        assert!(play.go_on(began + SECOND * 60), "{slow:?}: never");
    }
    play.at - began
}

/// What may be slow without holding up a Pod that ends: everything but the read of targets, and the calls and tasks themselves.
#[test]
fn a_drain_waits_for_no_read_but_that_of_targets_and_for_no_write() {
    let quick = drained_after(None, Duration::ZERO);
    assert!(quick < SECOND, "{quick:?}");
    for kind in Kind::ALL {
        let took = drained_after(Some(kind), SECOND * 20);
        eprintln!("{kind:?} takes 20 s: no weight after {took:?}");
        let is_waited_for = matches!(kind, Kind::Targets | Kind::Call | Kind::Status);
        assert!(is_waited_for || took < SECOND * 2, "{kind:?}: {took:?}");
    }
}

/// The same, while everything that is written of the binding is on its way.
#[test]
fn a_drain_does_not_wait_for_what_is_on_its_way_to_the_api_server() {
    for kind in [Kind::Finalizers, Kind::Status, Kind::Gate, Kind::Annotations, Kind::Ingress] {
        let mut play = at_rest();
        play.takes.insert(kind, SECOND * 20);
        // Another binding is new, and a Pod comes, so that there is something of each kind to write.
        let mut other = crate::plan::tests::world::binding(2, &json!({"listeners": [listener(81, "TCP")]}));
        std::sync::Arc::make_mut(&mut other).metadata.finalizers = None;
        play.world.bindings.push(other);
        add(&mut play.world, [4], "web");
        play.world.pod(4).gate = GateState::Unset;
        let service = play.world.service.as_mut().unwrap();
        (service.is_load_balancer, service.load_balancer_class) =
            (true, Some(crate::api::names::LOAD_BALANCER_CLASS.to_owned()));
        service.ingress.clear();
        play.step(Input::News(News::Input));
        play.play(SECOND * 2);
        play.world.heal();
        play.play(SECOND);
        let began = play.at;
        delete(&mut play.world, [1]);
        play.world.pod(1).ending.pre_stop = crate::model::PreStop::None;
        news(&mut play);
        while targets(&play.world).iter().any(|(found, weight)| *found == address(1) && *weight > 0) {
            assert!(play.go_on(began + SECOND * 60), "{kind:?}: never");
        }
        let took = play.at - began;
        eprintln!("{kind:?} takes 20 s and is under way: no weight after {took:?}");
        assert!(took < SECOND * 2, "{kind:?}: {took:?}");
        play.play(SECOND * 200);
        assert!(play.log.iter().any(|(_, found, _)| *found == kind), "{kind:?} is written");
        assert_eq!(play.world.listeners.len(), 2, "{kind:?}: the other binding has its listener in the end");
    }
}

/// What the API server takes, and no cache shows: its watch is silent, or somebody takes it back.
#[test]
fn what_was_taken_without_effect_is_not_written_again_with_each_round() {
    for kind in [Kind::Gate, Kind::Annotations, Kind::Ingress] {
        let mut play = at_rest();
        play.without_effect.insert(kind);
        add(&mut play.world, [4], "web");
        play.world.pod(4).gate = GateState::Unset;
        let service = play.world.service.as_mut().unwrap();
        (service.is_load_balancer, service.load_balancer_class) =
            (true, Some(crate::api::names::LOAD_BALANCER_CLASS.to_owned()));
        (service.ingress, service.our_annotations) = (Vec::new(), Vec::new());
        service.annotations = crate::model::Annotations::default();
        play.world.heal();
        let before = play.count(kind);
        for _ in 0..120 {
            news(&mut play);
            play.play(SECOND);
        }
        let times = play.count(kind) - before;
        assert!((2..=12).contains(&times), "{kind:?}: {times} times in two minutes");
        play.without_effect.clear();
        play.play(SECOND * 100);
        let written = play.count(kind);
        play.play(SECOND * 100);
        assert_eq!(play.count(kind), written, "{kind:?}: it is shown");
    }
}

/// A load balancer whose listeners cannot be read has its ending Pods drained, and says what is wrong.
#[test]
fn a_refused_read_of_the_load_balancer_keeps_no_ending_pod_and_is_said() {
    let mut play = at_rest();
    play.failing.insert(Kind::Frame);
    play.play(SECOND * 100);
    assert_eq!(ready(&play.world).as_deref(), Some("Unknown Failed"));
    let (began, reads) = (play.at, play.count(Kind::Frame));
    delete(&mut play.world, [1]);
    play.world.pod(1).ending.pre_stop = crate::model::PreStop::None;
    news(&mut play);
    play.play(SECOND * 8);
    let left: Vec<_> = targets(&play.world).into_iter().filter(|(found, _)| *found == address(1)).collect();
    assert!(left.iter().all(|(_, weight)| *weight == 0), "{left:?}");
    remove(&mut play.world, [1]);
    news(&mut play);
    play.play(SECOND * 8);
    assert_eq!(targets(&play.world).len(), 2, "who is gone is gone");
    let reads = play.count(Kind::Frame) - reads;
    assert!(reads <= 10, "{reads} reads in {:?}", play.at - began);
    play.failing.clear();
    play.play(SECOND * 70);
    assert_eq!(ready(&play.world).as_deref(), Some("True Ready"));
}

/// A story: Pods come up, one is replaced by another, and the binding goes.
fn story(play: &mut Play) {
    play.play(SECOND * 2);
    play.world.heal();
    play.play(SECOND * 5);
    add(&mut play.world, [4], "web");
    play.world.pod(4).gate = GateState::Unset;
    delete(&mut play.world, [1]);
    news(play);
    play.play(SECOND * 2);
    play.world.health.insert(address(4), Health::Healthy);
    play.play(SECOND * 30);
    remove(&mut play.world, [1]);
    news(play);
    play.play(SECOND * 90);
}

fn deletion(play: &mut Play) {
    delete_binding(&mut play.world);
    play.step(Input::News(News::Input));
    play.play(SECOND * 200);
}

/// Wherever a machine is lost, before or after something has happened, the next one ends where this one would have.
#[test]
fn a_machine_that_is_lost_anywhere_is_followed_by_one_that_ends_in_the_same_state() {
    let mut whole = beginning();
    story(&mut whole);
    let (wanted, effects) = (end(&whole), whole.log.len());
    deletion(&mut whole);
    assert!(whole.world.bindings.is_empty() && whole.world.listeners.is_empty() && targets(&whole.world).is_empty());
    for place in 0..effects {
        for crash in [Crash::Before, Crash::After] {
            let mut play = beginning();
            play.crash = Some((place, crash));
            story(&mut play);
            assert_eq!(play.crash, None, "{place}");
            assert_eq!(end(&play), wanted, "{crash:?} {:?}", whole.log[place]);
            deletion(&mut play);
            assert!(play.world.bindings.is_empty() && play.world.listeners.is_empty(), "{place} {crash:?}");
        }
    }
    eprintln!("lost {} times, before and after each of {effects} effects", effects * 2);
}

/// What is refused is said or tried again, holds up nothing else, and is done when it is taken.
#[test]
fn a_refused_write_holds_up_no_other_and_is_made_up_for() {
    for kind in [Kind::Status, Kind::Gate, Kind::Annotations, Kind::Ingress] {
        let mut play = beginning();
        play.refused.insert(kind);
        play.play(SECOND * 2);
        play.world.heal();
        play.play(SECOND * 60);
        assert_eq!(targets(&play.world).len(), 3, "{kind:?}");
        let is_open = play.world.pods.values().all(|pod| pod.gate == GateState::Open);
        assert_eq!(is_open, kind != Kind::Gate, "{kind:?}");
        if kind == Kind::Gate {
            assert_eq!(ready(&play.world).as_deref(), Some("False GateNotWritten"));
        }
        play.refused.clear();
        play.play(SECOND * 120);
        assert_eq!(ready(&play.world).as_deref(), Some("True Ready"), "{kind:?}");
        assert!(play.world.pods.values().all(|pod| pod.gate == GateState::Open), "{kind:?}");
    }
}

/// While a status is refused, what is done is told nevertheless, and nothing that is remembered grows.
#[test]
fn what_is_done_is_told_at_once_and_nothing_grows_while_a_status_is_refused() {
    let mut play = at_rest();
    play.refused.insert(Kind::Status);
    let size = |play: &Play| format!("{:?}", play.machine).len();
    let mut early = 0;
    for step in 0..120_u32 {
        add(&mut play.world, [step + 4], "web");
        remove(&mut play.world, [step + 1]);
        news(&mut play);
        play.play(SECOND * 4);
        play.world.heal();
        if step == 20 {
            early = size(&play);
        }
    }
    assert!(size(&play) < early * 3 / 2, "{early} bytes after 20 rounds, {} after 120", size(&play));
    assert!(play.told.iter().any(|reason| reason == "RegisteredTargets"), "{:?}", play.told);
}

#[test]
fn without_its_finalizer_nothing_is_made_for_a_binding() {
    let mut play = beginning();
    std::sync::Arc::make_mut(&mut play.world.bindings[0]).metadata.finalizers = None;
    play.refused.insert(Kind::Finalizers);
    play.play(SECOND * 60);
    assert_eq!((play.calls(), play.world.listeners.len()), (0, 0));
    play.refused.clear();
    play.play(SECOND * 60);
    assert_eq!(play.world.listeners.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// However long everything takes, in whatever order it comes, and whatever is lost: no call is made twice, because the world panics
    /// at what a cloud would refuse, and in the end all is as it would have been.
    #[test]
    fn whatever_is_slow_and_whenever_a_machine_is_lost_the_end_is_the_same(
        takes in prop::collection::vec(0_u64..3_000, Kind::ALL.len()),
        task_lasts in 0_u64..3_000,
        crash in prop::option::of((0_usize..80, any::<bool>())),
    ) {
        let mut quick = beginning();
        story(&mut quick);
        let mut play = beginning();
        play.takes = Kind::ALL.into_iter().zip(takes).map(|(kind, takes)| (kind, Duration::from_millis(takes))).collect();
        play.task_lasts = Duration::from_millis(task_lasts);
        play.crash = crash.map(|(place, is_before)| (place, if is_before { Crash::Before } else { Crash::After }));
        story(&mut play);
        // What came late is found healthy late.
        play.world.heal();
        play.play(SECOND * 200);
        prop_assert_eq!(end(&play), end(&quick));
        deletion(&mut play);
        prop_assert!(play.world.bindings.is_empty() && play.world.listeners.is_empty());
    }
}

/// The finalizer of somebody else keeps the object: it says what is so.
#[test]
fn a_binding_that_others_keep_says_that_nothing_is_left() {
    let mut play = at_rest();
    let others = "example.com/other".to_owned();
    std::sync::Arc::make_mut(&mut play.world.bindings[0]).metadata.finalizers.get_or_insert_default().push(others);
    delete_binding(&mut play.world);
    news(&mut play);
    play.play(SECOND * 120);
    let binding = &play.world.bindings[0];
    assert_eq!(play.world.listeners.len(), 0);
    let status = binding.status.clone().unwrap();
    let counts =
        status.targets.map(|targets| (targets.registered, targets.healthy, targets.draining, targets.retained));
    assert_eq!(counts, Some((0, 0, 0, 0)), "{:?}", status.conditions);
    assert_eq!(status.listeners, []);
}

#[test]
fn what_is_refused_is_said_also_while_a_task_runs() {
    let mut play = at_rest();
    play.refuses = |step| matches!(step, Step::Register(_));
    add(&mut play.world, [4], "web");
    play.world.pod(4).gate = GateState::Unset;
    news(&mut play);
    play.play(SECOND * 10);
    assert_eq!(ready(&play.world).as_deref(), Some("False Failed"));
    play.task_lasts = SECOND * 20;
    delete(&mut play.world, [1]);
    play.world.pod(1).ending.pre_stop = PreStop::None;
    news(&mut play);
    for _ in 0..60 {
        play.play(SECOND / 4);
        assert_eq!(ready(&play.world).as_deref(), Some("False Failed"));
    }
    assert!(play.count(Kind::Task) > 0, "no task was asked after");
}
