//! The loop of one annotated Service, played with: what its user wished last stands in the end, whatever was slow, refused or lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::keyed_play::{Crash, Deed, Fate, KeyedPlay};
use super::objects::Objects;
use crate::api::names;
use crate::model::{Known, Service};
use crate::plan::annotated::Acceptance;
use crate::plan::tests::world::World;
use crate::reconcile::ServiceMachine;
use crate::status::RefusalKind;

const SECOND: Duration = Duration::from_secs(1);
const WRITES: [Deed; 6] =
    [Deed::ReadService, Deed::NewBinding, Deed::OwnBinding, Deed::Mark, Deed::Deletion, Deed::Condition];

type Play = KeyedPlay<ServiceMachine>;

/// What the user of a Service wishes.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Annotated(&'static [(&'static str, &'static str)]),
    /// That the Service goes; something holds it for the time being.
    Deleted,
}

/// Has it wished.
fn wish(objects: &mut Objects, wish: Wish) {
    let service = objects.services.get_mut("web").unwrap();
    match wish {
        Wish::Annotated(annotations) => {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            service.annotations = annotations.iter().map(owned).collect();
        }
        Wish::Deleted => service.is_deleting = true,
    }
}

fn beginning() -> Play {
    let mut service: Service = World::new(&json!({})).service.unwrap();
    service.is_load_balancer = true;
    let (key, mut objects) = (service.key.clone(), Objects::new());
    objects.services.insert("web".to_owned(), service);
    Play::new(key, objects)
}

const ON: (&str, &str) = (names::DIRECT_ACCESS, "true");
const EXISTING: (&str, &str) = (names::EXISTING_LOAD_BALANCER_ID, "lb-1");

/// Two Services, and what is wished of each, one after the other, so that each write is needed.
const STORIES: [&[Wish]; 2] = [
    // A binding is made whose load balancer is created; it is changed and parked, comes back, and goes with the Service.
    &[
        Wish::Annotated(&[ON]),
        Wish::Annotated(&[ON, (names::GRACE_SHUTDOWN, "false")]),
        Wish::Annotated(&[(names::DIRECT_ACCESS, "false")]),
        Wish::Annotated(&[ON, (names::GRACE_SHUTDOWN, "true")]),
        Wish::Deleted,
    ],
    // A binding is made for a load balancer that is there; it is held, and deleted.
    &[
        Wish::Annotated(&[ON, EXISTING]),
        Wish::Annotated(&[(names::DIRECT_ACCESS, "on"), EXISTING]),
        Wish::Annotated(&[(names::DIRECT_ACCESS, "false"), EXISTING]),
    ],
];

/// The spec of the binding and why it is parked, and the condition.
type End = (Option<String>, Option<String>, Option<(bool, String)>);

/// What there is, without times.
fn end(objects: &Objects) -> End {
    let binding = objects.bindings.get("web");
    let mark = binding.and_then(|binding| binding.metadata.annotations.as_ref()?.get(names::PARKED).cloned());
    let mark = mark.map(|mark| mark.split(' ').next().unwrap_or_default().to_owned());
    let condition = objects.services["web"].condition.as_ref().map(|one| (one.is_true, one.reason.clone()));
    (binding.map(|binding| serde_json::to_string(&binding.spec).unwrap()), mark, condition)
}

/// Has each wish wished, and says what there is after each.
fn play_through(play: &mut Play, wishes: &[Wish], pause: Duration) -> Vec<End> {
    let each = |one: &Wish| {
        play.change(|objects| wish(objects, *one));
        play.play(pause);
        end(&play.objects)
    };
    wishes.iter().map(each).collect()
}

/// Nothing is written, and nobody wakes but now and then, in ten minutes with news.
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
fn each_wish_of_a_service_is_followed_and_then_nothing_is_written() {
    let mut deeds = BTreeSet::new();
    let mut told = Vec::new();
    for wishes in STORIES {
        let mut play = beginning();
        for one in wishes {
            play.change(|objects| wish(objects, *one));
            play.play(SECOND * 10);
            let (spec, mark, condition) = end(&play.objects);
            let condition = condition.map(|(is_true, reason)| format!("{is_true} {reason}"));
            told.push((spec.is_some(), mark.unwrap_or_default(), condition.unwrap_or_default()));
            rests(&mut play);
        }
        deeds.extend(play.log.iter().map(|(_, deed)| *deed));
    }
    let row = |is_there, mark: &str, condition: &str| (is_there, mark.to_owned(), condition.to_owned());
    let expected = [
        row(true, "", "true Accepted"),
        row(true, "", "true Accepted"),
        row(true, "SaidFalse", "false Parked"),
        row(true, "", "true Accepted"),
        row(false, "", ""),
        row(true, "", "true Accepted"),
        row(true, "", "false Held"),
        row(false, "", ""),
    ];
    assert_eq!(told, expected);
    assert_eq!(deeds, BTreeSet::from(WRITES), "all of them are tried");
}

#[test]
fn a_machine_that_is_lost_anywhere_is_followed_by_one_that_ends_in_the_same_state() {
    for wishes in STORIES {
        let mut whole = beginning();
        let wanted = play_through(&mut whole, wishes, SECOND * 60);
        let effects = whole.log.len();
        for place in 0..effects {
            for crash in Crash::ALL {
                let mut play = beginning();
                play.crash = Some((place, crash));
                assert_eq!(play_through(&mut play, wishes, SECOND * 60), wanted, "{crash:?} {:?}", whole.log[place]);
                assert_eq!(play.crash, None, "{place}");
                rests(&mut play);
            }
        }
        eprintln!("lost {} times, in three ways at each of {effects} effects", effects * 3);
    }
}

/// The newest wish stands in the end, although each write takes 20 s and its user changes his mind every few seconds.
#[test]
fn a_wish_that_comes_while_a_write_is_under_way_is_followed_after_it() {
    for wishes in STORIES {
        let wanted = play_through(&mut beginning(), wishes, SECOND * 60);
        for (pause, last) in (1..=45).flat_map(|pause| (0..wishes.len()).map(move |last| (pause, last))) {
            let mut play = beginning();
            play.slow(SECOND * 20);
            play_through(&mut play, &wishes[..=last], SECOND * pause);
            play.play(SECOND * 120);
            let ((spec, mark, condition), wanted) = (end(&play.objects), &wanted[last]);
            match (&spec, mark) {
                // A wish that was taken back before a machine saw it, or before the API server confirmed it, has made nothing that could be
                // parked or held.
                (None, _) => {
                    let is_followed = condition.is_some_and(|(is_true, _)| is_true);
                    assert!(!is_followed, "every {pause} s, up to {:?}", wishes[last]);
                }
                // One that is parked is as it was then.
                (Some(_), Some(mark)) => assert_eq!((Some(mark), condition), (wanted.1.clone(), wanted.2.clone())),
                (Some(_), None) => assert_eq!((spec, None, condition), *wanted, "every {pause} s"),
            }
            rests(&mut play);
        }
    }
}

/// A wish of which one write has this fate and takes so long, for ten minutes, after all earlier ones. Returns how often it was tried.
fn with_fate(wishes: &[Wish], (deed, fate): (Deed, Fate), takes: Duration) -> (Play, usize) {
    let mut play = beginning();
    let (last, earlier) = wishes.split_last().unwrap();
    play_through(&mut play, earlier, SECOND * 60);
    play.fates.insert(deed, fate);
    play.takes.insert(deed, takes);
    let before = play.count(deed);
    play_through(&mut play, &[*last], SECOND);
    // What has nothing to do with it makes nobody try earlier.
    for _ in 0..600 {
        play.news();
        play.play(SECOND);
    }
    let tries = play.count(deed) - before;
    (play, tries)
}

/// What is refused is tried again after its pause, and is done when it is taken.
#[test]
fn a_refused_write_is_tried_again_now_and_then_and_made_up_for() {
    let fates = || WRITES.into_iter().flat_map(|deed| Fate::ALL.map(|fate| (deed, fate)));
    for (wishes, row) in STORIES.into_iter().flat_map(|wishes| fates().map(move |row| (wishes, row))) {
        let wanted = play_through(&mut beginning(), wishes, SECOND * 60);
        for (place, takes) in (0..wishes.len()).flat_map(|place| [(place, SECOND / 200), (place, SECOND * 20)]) {
            let (mut play, tries) = with_fate(&wishes[..=place], row, takes);
            let words = format!("{row:?} takes {takes:?}, {:?}: {tries} tries in ten minutes", wishes[place]);
            assert!(tries <= 30, "{words}");
            let is_refused = matches!(row.1, Fate::Refused(_));
            assert!(tries == 0 || !is_refused || tries >= 10, "{words}");
            play.fates.clear();
            play.play(SECOND * 120);
            assert_eq!(end(&play.objects), wanted[place], "{words}");
            rests(&mut play);
        }
    }
}

#[test]
fn a_binding_that_is_refused_for_good_is_said_on_the_service_in_the_words_of_the_refusal() {
    let mut play = beginning();
    play.fates.insert(Deed::NewBinding, Fate::Refused(RefusalKind::Lasting));
    play.change(|objects| wish(objects, STORIES[0][0]));
    play.play(SECOND * 5);
    let condition = play.objects.services["web"].condition.clone().unwrap();
    assert!(!condition.is_true && condition.reason == "NotTaken" && condition.message.contains("a policy of the test"));
    play.play(SECOND * 600);
    let told: BTreeMap<_, usize> = play.told.iter().fold(BTreeMap::new(), |mut told, notice| {
        *told.entry(notice.word.reason()).or_default() += 1;
        told
    });
    assert_eq!(told, BTreeMap::from([("NotTaken", 1)]), "once");
}

/// Where the flag takes no Services, one that asks is told so once for each time that it begins to ask, whatever happens to it besides.
#[test]
fn a_service_that_no_flag_takes_is_told_once_for_each_wish() {
    let mut play = beginning();
    play.change(|objects| objects.setting.acceptance = Acceptance::Off);
    play.change(|objects| objects.setting.has_tke = Known::No);
    let reasons = |play: &Play| play.told.iter().map(|notice| notice.word.reason()).collect::<Vec<_>>();
    for times in 1..=2 {
        play.change(|objects| wish(objects, Wish::Annotated(&[ON])));
        play.play(SECOND * 10);
        rests(&mut play);
        play.change(|objects| wish(objects, Wish::Annotated(&[ON, (names::GRACE_SHUTDOWN, "false")])));
        play.play(SECOND * 10);
        assert_eq!(reasons(&play), vec!["AnnotatedServicesOff"; times]);
        play.change(|objects| wish(objects, Wish::Annotated(&[])));
        play.play(SECOND * 10);
    }
    assert_eq!(play.log, [], "nothing is written");
}

/// One Event for each thing that is not followed, and none for what was said before.
#[test]
fn each_thing_that_a_service_does_not_get_is_told_once() {
    const ODD: (&str, &str) = (names::GRACE_SHUTDOWN, "1");
    const ODDER: (&str, &str) = (names::GRACE_SHUTDOWN, "2");
    const IDLE: (&str, &str) = (names::PREVENT_LOOPBACK, "true");
    let mut play = beginning();
    let steps: [&'static [(&str, &str)]; 4] = [&[ON, ODD], &[ON, ODD, IDLE], &[ON, ODDER, IDLE], &[ON]];
    let mut counts = Vec::new();
    for step in steps {
        play.change(|objects| wish(objects, Wish::Annotated(step)));
        play.play(SECOND * 10);
        rests(&mut play);
        counts.push(play.told.len());
    }
    assert_eq!(counts, [1, 2, 3, 3], "{:?}", play.told);
    let reasons: Vec<_> = play.told.iter().map(|notice| notice.word.reason()).collect();
    assert_eq!(reasons, ["InvalidAnnotation", "NotSupported", "InvalidAnnotation"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever its user wishes and when, however long everything takes, whatever is refused or lost: in the end there is what a machine
    /// makes of the last wish that sees nothing but what is there.
    #[test]
    fn in_the_end_there_is_what_the_last_wish_makes_of_what_was_there(
        story in prop::sample::select(STORIES.to_vec()),
        wishes in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..30_000), 1..8),
        takes in 0_u64..25_000,
        lag in 0_u64..3_000,
        fate in prop::option::of((prop::sample::select(Deed::ALL.to_vec()), prop::sample::select(Fate::ALL.to_vec()))),
        crash in prop::option::of((0_usize..12, prop::sample::select(Crash::ALL.to_vec()))),
    ) {
        let mut play = beginning();
        play.slow(Duration::from_millis(takes));
        play.lag = Duration::from_millis(lag);
        play.fates.extend(fate);
        play.crash = crash;
        for (place, pause) in wishes {
            play.change(|objects| wish(objects, *place.get(story)));
            play.play(Duration::from_millis(pause));
        }
        play.play(SECOND * 60);
        play.fates.clear();
        play.play(SECOND * 300);
        let mut next = Play::new(play.objects.services["web"].key.clone(), play.objects.clone());
        next.play(SECOND * 60);
        prop_assert_eq!(&next.log, &[], "{:?} is left to do", end(&play.objects));
        rests(&mut play);
    }
}

/// What somebody does, in words.
type Change = (&'static str, fn(&mut Objects));

/// What has become of the Service while its watch is silent.
const GONE_BY: [Change; 4] = [
    ("it is gone", |objects| _ = objects.services.remove("web")),
    ("it is another one", |objects| "another".clone_into(&mut objects.services.get_mut("web").unwrap().uid)),
    ("it does not ask any more", |objects| wish(objects, Wish::Annotated(&[(names::DIRECT_ACCESS, "false")]))),
    ("it asks for something else", |objects| wish(objects, Wish::Annotated(&[ON, EXISTING]))),
];

/// For a binding somebody may have to pay: while a watch is silent none is made for what the cache shows, however often it is deleted.
#[test]
fn no_binding_is_made_for_what_only_the_cache_shows_of_a_service() {
    for (what, happens) in GONE_BY {
        let mut play = beginning();
        play.change(|objects| wish(objects, Wish::Annotated(&[ON])));
        play.takes.insert(Deed::ReadService, SECOND * 3);
        play.play(SECOND);
        play.lag = SECOND * 600;
        play.change(happens);
        for _ in 0..300 {
            play.news();
            play.play(SECOND);
        }
        assert_eq!(play.count(Deed::NewBinding), 0, "{what}");
        assert!(play.objects.bindings.is_empty(), "{what}");
        let reads = play.count(Deed::ReadService);
        assert!((2..=25).contains(&reads), "{what}: {reads} reads in five minutes");
    }
}

/// Each write of a Service is taken and shown by no cache for ten minutes.
#[test]
fn what_was_taken_is_not_written_again_while_no_cache_shows_it() {
    for (wishes, place) in STORIES.into_iter().flat_map(|wishes| (0..wishes.len()).map(move |place| (wishes, place))) {
        let mut play = beginning();
        play_through(&mut play, &wishes[..place], SECOND * 60);
        play.change(|objects| wish(objects, wishes[place]));
        play.play(Duration::from_millis(50));
        play.lag = SECOND * 600;
        let before: BTreeMap<Deed, usize> = Deed::ALL.into_iter().map(|deed| (deed, play.count(deed))).collect();
        for _ in 0..150 {
            play.news();
            play.play(SECOND);
        }
        for (deed, before) in before {
            let times = play.count(deed) - before;
            // A deletion of what is gone is refused, and tried again after its pause.
            assert!(times <= 12, "{:?}: {deed:?} {times} times in 150 s", wishes[place]);
        }
    }
}
