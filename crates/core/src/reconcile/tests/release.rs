//! The loop of a namespace's gates that no load balancer's loop opens, played with.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::keyed_play::{Crash, Deed, Fate, KeyedPlay};
use super::objects::{Objects, delete};
use crate::api::names;
use crate::model::{Annotations, GateState, Known};
use crate::plan::tests::world::{NAMESPACE, World, binding, pod};
use crate::reconcile::ReleaseMachine;
use crate::status::RefusalKind;

const SECOND: Duration = Duration::from_secs(1);

type Play = KeyedPlay<ReleaseMachine>;

/// Service `web`, a binding of it, and Pods that wait for their gates: `1` to `bound` are the binding's, the others nobody's.
fn beginning(bound: u32, others: u32) -> Play {
    let mut objects = Objects::new();
    objects.services.insert("web".to_owned(), World::new(&json!({})).service.unwrap());
    objects.bindings.insert("b1".to_owned(), binding(1, &json!({})));
    let mut play = Play::new(NAMESPACE.to_owned(), objects);
    let ready = play.wall;
    play.change(|objects| {
        for number in 1..=bound + others {
            let mut pod = pod(number);
            pod.containers_ready_since = Some(ready);
            if number > bound {
                pod.labels.insert("app".to_owned(), "else".to_owned());
            }
            objects.pods.insert(pod.uid.clone(), pod);
        }
    });
    play
}

/// Which gates are open, by name of the Pod.
fn end(play: &Play) -> BTreeMap<String, bool> {
    play.objects.pods.values().map(|pod| (pod.key.name.clone(), pod.gate == GateState::Open)).collect()
}

fn open(play: &Play) -> usize {
    end(play).values().filter(|is_open| **is_open).count()
}

fn suspend(play: &mut Play) {
    play.change(|objects| objects.edit_binding("b1", |binding| binding.spec.suspend = true));
}

/// Gates of Pods that nobody selects open, then those of a binding that is suspended, and of one that is gone.
fn story(play: &mut Play) -> Vec<BTreeMap<String, bool>> {
    play.play(SECOND * 60);
    let first = end(play);
    suspend(play);
    play.play(SECOND * 60);
    let second = end(play);
    let ready = play.wall;
    play.change(|objects| {
        objects.edit_binding("b1", |binding| binding.spec.suspend = false);
        let mut late = pod(90);
        late.containers_ready_since = Some(ready);
        objects.pods.insert(late.uid.clone(), late);
    });
    play.play(SECOND * 60);
    let third = end(play);
    let now = play.wall;
    play.change(|objects| delete(objects, "b1", now));
    play.play(SECOND * 60);
    assert_eq!(end(play), third, "while its finalizer is there, a round says whether it goes");
    play.change(|objects| _ = objects.bindings.remove("b1"));
    play.play(SECOND * 60);
    vec![first, second, third, end(play)]
}

fn rests(play: &mut Play) {
    let (before, told) = (play.log.len(), play.told.len());
    play.play(SECOND * 300);
    play.news();
    play.play(SECOND * 300);
    assert_eq!(play.log[before..], [], "there is nothing to do");
    assert_eq!(play.told[told..], [], "there is nothing to tell");
    assert!(play.is_gone(), "nothing is remembered");
}

#[test]
fn a_gate_opens_once_when_nobody_else_will_open_it() {
    let mut play = beginning(2, 3);
    play.play(SECOND * 4);
    assert_eq!(play.log, [], "objects of one release arrive in any order");
    let ends = story(&mut play);
    let open: Vec<_> = ends.iter().map(|end| (end.values().filter(|is_open| **is_open).count(), end.len())).collect();
    assert_eq!(open, [(3, 5), (5, 5), (5, 6), (6, 6)]);
    assert_eq!(play.count(Deed::Gate), 6, "each once");
    rests(&mut play);
}

/// Two Pods of a Service that asks for a binding by annotations, which nobody sees yet.
fn asked_for() -> Play {
    let mut play = beginning(2, 0);
    play.change(|objects| {
        objects.bindings.clear();
        let service = objects.services.get_mut("web").unwrap();
        service.is_load_balancer = true;
        service.annotations = [(names::DIRECT_ACCESS.to_owned(), "true".to_owned())].into_iter().collect();
    });
    play
}

/// What was made may be shown late.
#[test]
fn a_gate_waits_for_the_binding_that_its_service_asks_for_but_not_for_ever() {
    let mut play = asked_for();
    play.play(SECOND * 55);
    assert_eq!(open(&play), 0, "the binding is about to be there");
    play.play(SECOND * 10);
    assert_eq!(open(&play), 2, "it cannot be made");
    rests(&mut play);

    let mut play = asked_for();
    play.play(SECOND * 20);
    play.change(|objects| objects.services.get_mut("web").unwrap().annotations = Annotations::default());
    play.play(SECOND * 5);
    assert_eq!(open(&play), 2, "nothing is asked for any more");
    rests(&mut play);
}

#[test]
fn a_machine_that_is_lost_anywhere_is_followed_by_one_that_ends_in_the_same_state() {
    let mut whole = beginning(2, 3);
    let wanted = story(&mut whole);
    let effects = whole.log.len();
    for (place, crash) in (0..effects).flat_map(|place| Crash::ALL.map(|crash| (place, crash))) {
        let mut play = beginning(2, 3);
        play.crash = Some((place, crash));
        assert_eq!(story(&mut play), wanted, "{crash:?} {place}");
        assert_eq!(play.crash, None, "{place}");
        rests(&mut play);
    }
    eprintln!("lost {} times, in three ways at each of {effects} effects", effects * 3);
}

/// A Pod waits for no other's write, and what is under way is not begun again.
#[test]
fn slow_writes_run_side_by_side_and_none_is_made_twice() {
    let mut play = beginning(0, 40);
    play.slow(SECOND * 20);
    play.play(SECOND * 10);
    for _ in 0..30 {
        play.news();
        play.play(SECOND * 2);
    }
    play.play(SECOND * 20);
    assert_eq!((open(&play), play.count(Deed::Gate)), (40, 40));
    let took = play.log.last().unwrap().0 - Duration::from_secs(1_000);
    assert!(took < SECOND * 70, "sixteen at once: {took:?}");
    rests(&mut play);
}

/// What comes while sixteen writes are under way is what the next ones go by.
#[test]
fn a_binding_that_comes_while_writes_are_under_way_keeps_the_gates_that_are_not_open_yet() {
    let mut play = beginning(0, 40);
    play.slow(SECOND * 20);
    play.play(SECOND * 15);
    assert_eq!(open(&play), 0);
    play.change(|objects| {
        let service = objects.services.get_mut("web").unwrap();
        service.selector.insert("app".to_owned(), "else".to_owned());
    });
    play.play(SECOND * 120);
    assert_eq!(open(&play), 16, "those that were under way");
    play.change(|objects| objects.edit_binding("b1", |binding| binding.spec.suspend = true));
    play.play(SECOND * 120);
    assert_eq!(open(&play), 40);
}

#[test]
fn a_refused_gate_is_tried_again_now_and_then_told_once_and_made_up_for() {
    for fate in Fate::ALL {
        for takes in [SECOND / 200, SECOND * 20] {
            let mut play = beginning(1, 1);
            play.fates.insert(Deed::Gate, fate);
            play.takes.insert(Deed::Gate, takes);
            for _ in 0..600 {
                play.news();
                play.play(SECOND);
            }
            let (tries, told) = (play.count(Deed::Gate), play.told.len());
            let words = format!("{fate:?} takes {takes:?}: {tries} tries in ten minutes, {told} Events");
            assert!(tries <= 30 && told <= 1, "{words}");
            let is_refused = matches!(fate, Fate::Refused(_));
            assert!(!is_refused || (tries >= 10 && told == 1), "{words}");
            play.fates.clear();
            play.play(SECOND * 120);
            assert_eq!(open(&play), 1, "{words}");
            rests(&mut play);
        }
    }
}

/// One that is refused keeps no other waiting.
#[test]
fn a_new_pod_is_released_while_another_ones_gate_is_refused() {
    let mut play = beginning(0, 1);
    play.fates.insert(Deed::Gate, Fate::Refused(RefusalKind::Lasting));
    play.play(SECOND * 300);
    play.fates.clear();
    let ready = play.wall;
    play.change(|objects| {
        let mut late = pod(90);
        late.labels.clear();
        late.containers_ready_since = Some(ready);
        objects.pods.insert(late.uid.clone(), late);
    });
    play.play(SECOND * 6);
    assert!(end(&play)["web-90"]);
    play.change(|objects| objects.pods.clear());
    play.play(SECOND * 6);
    rests(&mut play);
}

#[test]
fn gates_that_tke_opens_are_left_to_it() {
    let skip = |objects: &mut Objects| {
        let service = objects.services.get_mut("web").unwrap();
        service.annotations = [(names::MODE.to_owned(), names::MODE_SKIP.to_owned())].into_iter().collect();
    };
    let absent = |objects: &mut Objects| objects.setting.has_tke = Known::No;
    type End = fn(&mut Objects);
    let ends: [(Known, End); 3] = [(Known::Yes, skip), (Known::Unknown, skip), (Known::Unknown, absent)];
    for (has_tke, end) in ends {
        let mut play = beginning(1, 0);
        play.change(|objects| {
            objects.setting.has_tke = has_tke;
            let service = objects.services.get_mut("web").unwrap();
            service.is_load_balancer = true;
            objects.bindings.clear();
        });
        play.play(SECOND * 60);
        assert_eq!(play.log, [], "{has_tke:?}");
        play.change(end);
        play.play(SECOND * 60);
        assert_eq!(open(&play), 1, "{has_tke:?}");
    }
}

/// A binding that serves nothing keeps no gate, and TKE opens none of a Service that wants no direct access.
#[test]
fn gates_of_a_parked_binding_open_whoever_programs_its_service() {
    for has_tke in [Known::No, Known::Yes, Known::Unknown] {
        let mut play = beginning(2, 0);
        play.change(|objects| {
            objects.setting.has_tke = has_tke;
            let service = objects.services.get_mut("web").unwrap();
            service.is_load_balancer = true;
            service.annotations = [(names::DIRECT_ACCESS.to_owned(), "false".to_owned())].into_iter().collect();
            objects.edit_binding("b1", |binding| {
                let owner = json!([{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true,
                    "uid": "service-uid"}]);
                binding.metadata.owner_references = Some(serde_json::from_value(owner).unwrap());
                let mark = (names::PARKED.to_owned(), "SaidFalse".to_owned());
                binding.metadata.annotations.get_or_insert_default().extend([mark]);
            });
        });
        play.play(SECOND * 4);
        assert_eq!(open(&play), 0, "the change may be taken back in the same release");
        play.play(SECOND * 3);
        assert_eq!((open(&play), play.count(Deed::Gate)), (2, 2), "TKE is there: {has_tke:?}");
        rests(&mut play);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// However long everything takes, whatever is refused or lost: in the end the gates that nobody else opens are open, and no other.
    #[test]
    fn in_the_end_the_gates_are_open_that_nobody_else_opens(
        takes in 0_u64..25_000,
        lag in 0_u64..8_000,
        fate in prop::option::of(prop::sample::select(Fate::ALL.to_vec())),
        crash in prop::option::of((0_usize..30, prop::sample::select(Crash::ALL.to_vec()))),
        suspended_after in prop::option::of(0_u64..60),
    ) {
        let mut play = beginning(10, 20);
        play.slow(Duration::from_millis(takes));
        play.lag = Duration::from_millis(lag);
        play.fates.extend(fate.map(|fate| (Deed::Gate, fate)));
        play.crash = crash;
        play.play(SECOND * u32::try_from(suspended_after.unwrap_or(60)).unwrap());
        if suspended_after.is_some() {
            suspend(&mut play);
        }
        play.play(SECOND * 60);
        play.fates.clear();
        play.play(SECOND * 300);
        prop_assert_eq!(open(&play), if suspended_after.is_some() { 30 } else { 20 });
        rests(&mut play);
    }
}
