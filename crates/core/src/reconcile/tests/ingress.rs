//! Who has written the addresses of a Service × how far its binding is acted on, played with.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::play::{Kind, Play};
use crate::api::binding::{DeletionPolicy, Mode};
use crate::api::{DirectAccessBinding, names};
use crate::model::{AccountId, Caller};
use crate::plan::brake::{Brake, HoldFlag};
use crate::plan::tests::acts::{delete_binding, listener, web};
use crate::reconcile::{Input, News};
use crate::status::RefusalKind;

const SECOND: Duration = Duration::from_secs(1);
const OURS: &str = "203.0.113.1";
const THEIRS: &str = "203.0.113.7";

fn edit(play: &mut Play, change: impl FnOnce(&mut DirectAccessBinding)) {
    let binding = Arc::make_mut(&mut play.world.bindings[0]);
    change(binding);
    // Another version, as the API server would have it.
    binding.metadata.resource_version = Some("900".to_owned());
}

fn own(binding: &mut DirectAccessBinding) {
    let owner =
        json!([{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true, "uid": "service-uid"}]);
    binding.metadata.owner_references = Some(serde_json::from_value(owner).unwrap());
}

/// A binding that was made for its Service, which has our address.
fn at_rest() -> Play {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    own(Arc::make_mut(&mut world.bindings[0]));
    let service = world.service.as_mut().unwrap();
    service.is_load_balancer = true;
    let mut play = Play::new(world);
    play.play(SECOND);
    play.world.heal();
    play.play(SECOND * 30);
    assert_eq!(play.world.service.as_ref().unwrap().ingress, [OURS]);
    play
}

/// The binding was made for no Service, whose class is ours.
fn make_by_hand(play: &mut Play) {
    play.world.service.as_mut().unwrap().load_balancer_class = Some(names::LOAD_BALANCER_CLASS.to_owned());
    edit(play, |binding| binding.metadata.owner_references = None);
}

/// Somebody else writes the address, by which it is theirs.
fn overwrite(play: &mut Play) {
    let service = play.world.service.as_mut().unwrap();
    (service.ingress, service.has_our_ingress) = (vec![THEIRS.to_owned()], false);
}

type Change = fn(&mut Play);
/// Removals go on.
fn go_on(play: &mut Play) {
    play.with(|s| *s.shared.brake() = Brake::new(HoldFlag::Unset, "system"));
}

fn park(play: &mut Play) {
    edit(play, |binding| {
        let mark = (names::PARKED.to_owned(), "SaidFalse".to_owned());
        binding.metadata.annotations.get_or_insert_default().extend([mark]);
    });
}

type Ends = [(Vec<String>, usize); 2];

/// What the Service has in the end, and how often it was written, where ours stood there, and where theirs do.
fn ends(change: Change) -> Ends {
    [false, true].map(|is_theirs| {
        let mut play = at_rest();
        let before = play.count(Kind::Ingress);
        play.with(|s| *s.shared.brake() = Brake::new(HoldFlag::Set, "system"));
        if is_theirs {
            overwrite(&mut play);
        }
        change(&mut play);
        for _ in 0..5 {
            play.step(Input::News(News::Input));
            play.play(SECOND * 60);
            if is_theirs {
                overwrite(&mut play);
            }
        }
        (play.world.service.clone().unwrap().ingress, play.count(Kind::Ingress) - before)
    })
}

#[test]
fn addresses_of_somebody_else_are_replaced_once_and_taken_off_never() {
    let ours = || vec![OURS.to_owned()];
    let theirs = || vec![THEIRS.to_owned()];
    let rows: [(&str, Change, Ends); 10] = [
        ("in force", |_| {}, [(ours(), 0), (theirs(), 1)]),
        (
            "parked",
            |play| {
                go_on(play);
                park(play);
            },
            [(Vec::new(), 1), (theirs(), 0)],
        ),
        ("parked, and removals are held", park, [(ours(), 0), (theirs(), 0)]),
        (
            "deleted",
            |play| {
                go_on(play);
                make_by_hand(play);
                delete_binding(&mut play.world);
            },
            [(Vec::new(), 1), (theirs(), 0)],
        ),
        (
            "deleted, and removals are held",
            |play| {
                make_by_hand(play);
                delete_binding(&mut play.world);
            },
            [(ours(), 0), (theirs(), 0)],
        ),
        ("deleted, and made again", |play| delete_binding(&mut play.world), [(ours(), 0), (theirs(), 1)]),
        (
            "deleted, and retained",
            |play| {
                make_by_hand(play);
                edit(play, |binding| binding.spec.deletion_policy = DeletionPolicy::Retain);
                delete_binding(&mut play.world);
            },
            [(ours(), 0), (theirs(), 0)],
        ),
        ("suspended", |play| edit(play, |binding| binding.spec.suspend = true), [(ours(), 0), (theirs(), 0)]),
        (
            "held, because TKE has come",
            |play| play.world.service.as_mut().unwrap().has_tke_finalizer = true,
            [(ours(), 0), (theirs(), 0)],
        ),
        (
            "another account",
            |play| play.world.caller = Caller::Known(AccountId::new("200000000002")),
            [(ours(), 0), (theirs(), 0)],
        ),
    ];
    for (what, change, expected) in rows {
        assert_eq!(ends(change), expected, "{what}: ours, and theirs");
    }
}

/// A write that is refused has replaced nothing.
#[test]
fn a_refused_address_is_tried_again() {
    let mut play = at_rest();
    overwrite(&mut play);
    play.refused.insert(Kind::Ingress);
    play.step(Input::News(News::Input));
    play.play(SECOND * 60);
    play.refused.clear();
    play.play(SECOND * 300);
    assert_eq!(play.world.service.as_ref().unwrap().ingress, [OURS]);
}

/// In mode Delegate, TKE goes on by what was written.
#[test]
fn annotations_come_off_with_a_binding_that_never_had_anything_unless_tke_acts_on_them() {
    for (mode, stays) in [(Mode::Direct, false), (Mode::Delegate, true)] {
        let mut play = at_rest();
        make_by_hand(&mut play);
        edit(&mut play, |binding| binding.spec.mode = mode);
        play.step(Input::News(News::Input));
        play.play(SECOND * 30);
        let told = play.world.service.as_ref().unwrap().our_annotations.clone();
        assert!(told.iter().any(|key| key == names::DIRECT_ACCESS), "{mode:?} {told:?}");
        edit(&mut play, |binding| binding.metadata.finalizers = Some(vec![names::FIRST_FINALIZER.to_owned()]));
        delete_binding(&mut play.world);
        play.step(Input::News(News::Input));
        play.play(SECOND * 60);
        let expected = if stays { told } else { Vec::new() };
        assert_eq!(play.world.service.as_ref().unwrap().our_annotations, expected, "{mode:?}");
    }
}

/// The Service is seen as it was before our annotations were written: they are removed all the same, since no later round looks at it.
#[test]
fn annotations_that_the_service_does_not_show_yet_come_off_with_their_binding() {
    for (policy, expected) in [(DeletionPolicy::Deregister, 1..4), (DeletionPolicy::Retain, 0..1)] {
        let mut play = at_rest();
        make_by_hand(&mut play);
        play.step(Input::News(News::Input));
        play.play(SECOND * 30);
        let service = play.world.service.as_mut().unwrap();
        assert!(service.our_annotations.iter().any(|key| key == names::DIRECT_ACCESS), "{service:?}");
        for key in std::mem::take(&mut service.our_annotations) {
            service.annotations.remove(&key);
        }
        edit(&mut play, |binding| binding.spec.deletion_policy = policy);
        let before = play.count(Kind::Annotations);
        delete_binding(&mut play.world);
        play.step(Input::News(News::Input));
        play.play(SECOND * 60);
        assert!(expected.contains(&(play.count(Kind::Annotations) - before)), "{policy:?}");
    }
}

/// Who replaces an object as it is in a file takes its finalizers off. The one that comes back says that there is something to take down.
#[test]
fn finalizers_that_somebody_has_taken_off_come_back_as_they_were() {
    for left in [None, Some(vec![names::FIRST_FINALIZER.to_owned()])] {
        let mut play = at_rest();
        make_by_hand(&mut play);
        play.step(Input::News(News::Input));
        play.play(SECOND * 30);
        edit(&mut play, |binding| binding.metadata.finalizers = left.clone());
        play.step(Input::News(News::Input));
        play.play(SECOND * 5);
        let finalizers = play.world.bindings[0].metadata.finalizers.clone();
        assert_eq!(finalizers, Some(vec![names::FINALIZER.to_owned()]), "{left:?}");
        delete_binding(&mut play.world);
        play.step(Input::News(News::Input));
        play.play(SECOND * 60);
        assert!(play.world.listeners.is_empty(), "{left:?}");
    }
}

/// Nobody comes back to a Service whose binding is gone.
#[test]
fn a_finalizer_waits_until_what_is_on_the_service_is_off() {
    for (is_submitted, refused_as) in [
        (false, RefusalKind::Passing),
        (true, RefusalKind::Passing),
        (false, RefusalKind::Lasting),
        (true, RefusalKind::Lasting),
    ] {
        let mut play = at_rest();
        make_by_hand(&mut play);
        play.step(Input::News(News::Input));
        play.play(SECOND * 30);
        play.refused_as = refused_as;
        if !is_submitted {
            edit(&mut play, |binding| binding.metadata.finalizers = Some(vec![names::FIRST_FINALIZER.to_owned()]));
        }
        play.refused.insert(Kind::Annotations);
        delete_binding(&mut play.world);
        play.step(Input::News(News::Input));
        play.play(SECOND * 20);
        // What is refused for good holds up nobody.
        let left = usize::from(refused_as == RefusalKind::Passing);
        assert_eq!(play.world.bindings.len(), left, "submitted: {is_submitted}, {refused_as:?}");
        if left == 0 {
            continue;
        }
        play.refused.clear();
        play.play(SECOND * 90);
        assert_eq!(play.world.bindings.len(), 0, "submitted: {is_submitted}");
        assert_eq!(play.world.service.as_ref().unwrap().our_annotations, [""; 0], "submitted: {is_submitted}");
    }
}
