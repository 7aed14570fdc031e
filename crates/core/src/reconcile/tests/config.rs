//! The loop of one TkeServiceConfig, played with: what was wished last stands in the end, whatever was slow, refused or lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::keyed_play::{Crash, Deed, Fate, KeyedPlay};
use super::objects::Objects;
use crate::api::{DirectAccessBindingStatus, TkeServiceConfig};
use crate::model::ObjectKey;
use crate::plan::tests::acts::listener;
use crate::plan::tests::world::{NAMESPACE, World, binding};
use crate::reconcile::{ConfigMachine, StatusField};
use crate::status::RefusalKind;

const SECOND: Duration = Duration::from_secs(1);
const NAME: &str = "b1-auto-service-config";
const WRITES: [Deed; 3] = [Deed::NewConfig, Deed::Config, Deed::ConfigStatus];

type Play = KeyedPlay<ConfigMachine>;

/// Service `web`, and no binding yet.
fn beginning() -> Play {
    let mut objects = Objects::new();
    objects.services.insert("web".to_owned(), World::new(&json!({})).service.unwrap());
    Play::new(ObjectKey::new(NAMESPACE, NAME), objects)
}

/// What happens to a config and the binding that has it made, one after the other, so that each write is needed.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The binding is there, with these listeners.
    Listen(&'static [u16]),
    /// The binding shows that the config is in force.
    Apply,
    /// A user fills in an entry.
    Fill,
    /// A user deletes the config.
    Lose,
    /// The binding goes, and the config with it.
    Leave,
}

const ACTS: [Act; 8] = [
    Act::Listen(&[80]),
    Act::Apply,
    Act::Listen(&[80, 81]),
    Act::Fill,
    Act::Listen(&[81]),
    Act::Lose,
    Act::Apply,
    Act::Leave,
];

fn act(objects: &mut Objects, act: Act) {
    match act {
        Act::Listen(ports) => {
            let listeners: Vec<_> = ports.iter().map(|port| listener(*port, "TCP")).collect();
            let wanted = binding(1, &json!({"autoServiceConfig": true, "listeners": listeners}));
            let status = objects.bindings.get("b1").and_then(|known| known.status.clone());
            objects.bindings.insert("b1".to_owned(), wanted);
            objects.edit_binding("b1", |binding| binding.status = status);
        }
        Act::Apply => {
            let generation = objects.configs.get(NAME).and_then(|config| config.metadata.generation);
            objects.edit_binding("b1", |binding| {
                let observed_config_generation = generation;
                binding.status = Some(DirectAccessBindingStatus { observed_config_generation, ..Default::default() });
            });
        }
        Act::Fill => {
            if let Some(config) = objects.configs.get_mut(NAME) {
                fill(Arc::make_mut(config));
            }
        }
        Act::Lose => _ = objects.configs.remove(NAME),
        Act::Leave => {
            objects.bindings.clear();
            objects.configs.clear();
        }
    }
}

/// Every listener gets a time-out of sessions.
fn fill(config: &mut TkeServiceConfig) {
    let mut spec = serde_json::to_value(&config.spec).unwrap();
    for entry in spec.pointer_mut("/loadBalancer/l4Listeners").and_then(Value::as_array_mut).into_iter().flatten() {
        entry["session"] = json!({"enable": true, "sessionExpireTime": 90});
    }
    config.spec = serde_json::from_value(spec).unwrap();
    config.metadata.generation = config.metadata.generation.map(|generation| generation + 1);
    let version = config.metadata.resource_version.clone().unwrap_or_default();
    config.metadata.resource_version = Some(format!("{version}0"));
}

/// The spec, the generation that the status is about, how many bindings use it, and the reasons of its conditions.
type End = Option<(Value, Option<(bool, i32, Vec<String>)>)>;

fn end(objects: &Objects) -> End {
    let config = objects.configs.get(NAME)?;
    let status = config.status.as_ref().map(|status| {
        let reasons = status.conditions.iter().map(|one| format!("{} {}", one.type_, one.reason)).collect();
        (Some(status.observed_generation) == config.metadata.generation, status.used_by, reasons)
    });
    Some((serde_json::to_value(&config.spec).unwrap(), status))
}

fn play_through(play: &mut Play, acts: &[Act], pause: Duration) -> Vec<End> {
    let each = |one: &Act| {
        play.change(|objects| act(objects, *one));
        play.play(pause);
        end(&play.objects)
    };
    acts.iter().map(each).collect()
}

fn is_write(deed: Deed) -> bool {
    WRITES.contains(&deed)
}

/// Nothing is read or written in ten minutes with news.
fn rests(play: &mut Play) {
    play.play(SECOND * 60);
    let (before, told) = (play.log.len(), play.told.len());
    play.play(SECOND * 300);
    play.news();
    play.play(SECOND * 300);
    assert_eq!(play.log[before..], [], "there is nothing to do");
    assert_eq!(play.told[told..], [], "there is nothing to tell");
    assert!(play.is_gone(), "nothing is remembered");
}

#[test]
fn a_config_is_made_gets_its_entries_and_its_status_and_then_nothing_is_written() {
    let mut play = beginning();
    let ports = |spec: &Value| {
        let entries = spec["loadBalancer"]["l4Listeners"].as_array().cloned().unwrap_or_default();
        let port =
            |entry: &Value| format!("{}{}", entry["port"], if entry["session"].is_null() { "" } else { " filled" });
        entries.iter().map(port).collect::<Vec<_>>().join(", ")
    };
    let mut told = Vec::new();
    for one in ACTS {
        play.change(|objects| act(objects, one));
        play.play(SECOND * 10);
        told.push(end(&play.objects).map(|(spec, status)| {
            let (is_current, used_by, reasons) = status.unwrap();
            let programmed = reasons.into_iter().find(|one| one.starts_with("Programmed")).unwrap();
            format!("{} | {is_current} {used_by} {programmed}", ports(&spec))
        }));
        rests(&mut play);
    }
    let expected = [
        Some("80 | true 1 Programmed InProgress"),
        Some("80 | true 1 Programmed Programmed"),
        Some("80, 81 | true 1 Programmed InProgress"),
        Some("80 filled, 81 filled | true 1 Programmed InProgress"),
        Some("81 filled | true 1 Programmed InProgress"),
        // It is the first generation again.
        Some("81 | true 1 Programmed Programmed"),
        Some("81 | true 1 Programmed Programmed"),
        None,
    ];
    assert_eq!(told, expected.map(|row| row.map(str::to_owned)));
    let deeds: BTreeSet<_> = play.log.iter().map(|(_, deed)| *deed).filter(|deed| is_write(*deed)).collect();
    assert_eq!(deeds, BTreeSet::from(WRITES), "all of them are tried");
}

#[test]
fn a_machine_that_is_lost_anywhere_is_followed_by_one_that_ends_in_the_same_state() {
    let mut whole = beginning();
    let wanted = play_through(&mut whole, &ACTS, SECOND * 60);
    let effects = whole.log.len();
    for (place, crash) in (0..effects).flat_map(|place| Crash::ALL.map(|crash| (place, crash))) {
        let mut play = beginning();
        play.crash = Some((place, crash));
        assert_eq!(play_through(&mut play, &ACTS, SECOND * 60), wanted, "{crash:?} {:?}", whole.log[place]);
        assert_eq!(play.crash, None, "{place}");
        rests(&mut play);
    }
    eprintln!("lost {} times, in three ways at each of {effects} effects", effects * 3);
}

/// A wish of which one read or write has this fate and takes so long, for ten minutes, after all earlier ones. Returns how often it was
/// tried.
fn with_fate(acts: &[Act], (deed, fate): (Deed, Fate), takes: Duration) -> (Play, usize) {
    let mut play = beginning();
    let (last, earlier) = acts.split_last().unwrap();
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

#[test]
fn a_refused_write_is_tried_again_now_and_then_and_made_up_for() {
    let wanted = play_through(&mut beginning(), &ACTS, SECOND * 60);
    let deeds = WRITES.into_iter().chain([Deed::ReadConfig]);
    for row in deeds.flat_map(|deed| Fate::ALL.map(|fate| (deed, fate))) {
        for (place, takes) in (0..ACTS.len()).flat_map(|place| [(place, SECOND / 200), (place, SECOND * 20)]) {
            let (mut play, tries) = with_fate(&ACTS[..=place], row, takes);
            let words = format!("{row:?} takes {takes:?}, {:?}: {tries} tries in ten minutes", ACTS[place]);
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

/// Each has its own: entries that are refused hold up no status, and the other way round.
#[test]
fn entries_and_status_do_not_wait_for_each_other() {
    let mut play = beginning();
    play_through(&mut play, &ACTS[..2], SECOND * 10);
    play.fates.insert(Deed::Config, Fate::Refused(RefusalKind::Lasting));
    play_through(&mut play, &[Act::Listen(&[80, 81]), Act::Fill], SECOND * 10);
    let (_, status) = end(&play.objects).unwrap();
    assert!(status.unwrap().0, "the status is about what there is");
    play.fates.clear();
    play.fates.insert(Deed::ConfigStatus, Fate::Refused(RefusalKind::Lasting));
    play.play(SECOND * 60);
    let (spec, _) = end(&play.objects).unwrap();
    assert_eq!(spec["loadBalancer"]["l4Listeners"].as_array().map(Vec::len), Some(2));
}

/// TKE's own definition has no status. Once there is another one, it gets its status although nothing else happens.
#[test]
fn a_definition_without_status_is_asked_for_again_after_its_time() {
    let mut play = beginning();
    play.status_field = StatusField::Missing;
    play_through(&mut play, &ACTS[..1], SECOND * 5);
    for _ in 0..60 {
        play.news();
        play.play(SECOND * 10);
    }
    let asked = play.count(Deed::AskStatus);
    assert!((9..=11).contains(&asked), "asked {asked} times in ten minutes");
    assert_eq!(play.count(Deed::ConfigStatus), 0);
    play.status_field = StatusField::There;
    play.play(SECOND * 70);
    let (_, status) = end(&play.objects).unwrap();
    assert!(status.is_some(), "it is written");
    rests(&mut play);
}

/// The scheduler of the only entry, as a user writes it.
fn schedule(objects: &mut Objects, scheduler: &str) {
    let config = Arc::make_mut(objects.configs.get_mut(NAME).unwrap());
    let mut spec = serde_json::to_value(&config.spec).unwrap();
    spec["loadBalancer"]["l4Listeners"][0]["scheduler"] = json!(scheduler);
    config.spec = serde_json::from_value(spec).unwrap();
    fill(config);
}

/// With TKE's definition, which has no status, and with ours.
#[test]
fn each_fault_is_told_once_on_the_config() {
    for field in [StatusField::Missing, StatusField::There] {
        let mut play = beginning();
        play.status_field = field;
        play_through(&mut play, &ACTS[..2], SECOND * 5);
        let told = |play: &Play| play.told.iter().filter(|one| one.word.reason() == "ConfigProblems").count();
        assert_eq!(told(&play), 0);
        for (scheduler, expected) in [("RANDOM", 1), ("RANDOM", 1), ("FAIR", 2), ("WRR", 2), ("RANDOM", 3)] {
            play.change(|objects| schedule(objects, scheduler));
            for _ in 0..30 {
                play.news();
                play.play(SECOND * 10);
            }
            assert_eq!(told(&play), expected, "{field:?} {scheduler}: {:?}", play.told);
        }
        let last = play.told.last().unwrap();
        assert_eq!((last.about.kind.as_deref(), last.about.name.as_deref()), (Some("TkeServiceConfig"), Some(NAME)));
        assert!(last.note.starts_with("TCP:80 scheduler: 'RANDOM' is not possible"), "{}", last.note);
    }
}

/// What TKE does: the setting stays, and nobody would know.
#[test]
fn a_setting_that_is_taken_out_is_told_once_with_what_stays() {
    let mut play = beginning();
    play_through(&mut play, &ACTS[..2], SECOND * 5);
    let edits = [
        json!({"scheduler": "LEAST_CONN", "deregisterTargetRst": true}),
        json!({"scheduler": "WRR", "deregisterTargetRst": true}),
        json!({"scheduler": "WRR"}),
        json!({}),
    ];
    for edit in edits {
        play.change(|objects| {
            let config = Arc::make_mut(objects.configs.get_mut(NAME).unwrap());
            let mut entry = json!({"protocol": "TCP", "port": 80});
            entry.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
            config.spec = serde_json::from_value(json!({"loadBalancer": {"l4Listeners": [entry]}})).unwrap();
            config.metadata.generation = config.metadata.generation.map(|generation| generation + 1);
            let version = config.metadata.resource_version.clone().unwrap_or_default();
            config.metadata.resource_version = Some(format!("{version}0"));
        });
        for _ in 0..3 {
            play.news();
            play.play(SECOND * 10);
        }
    }
    let told: Vec<_> = play.told.iter().filter(|one| one.word.reason() == "SettingsLeft").collect();
    let words = "the config does not name these any more, and they stay as they are: TCP:80";
    let notes: Vec<_> = told.iter().map(|one| one.note.as_str()).collect();
    assert_eq!(notes, [format!("{words} deregisterTargetRst: true"), format!("{words} scheduler: 'WRR'")]);
    assert_eq!(told[0].about.kind.as_deref(), Some("TkeServiceConfig"));
    rests(&mut play);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is wished and when, however long everything takes, whatever is refused or lost: in the end a machine that sees nothing but
    /// what is there finds nothing to do.
    #[test]
    fn in_the_end_there_is_what_the_last_wish_makes_of_what_was_there(
        acts in prop::collection::vec((prop::sample::select(ACTS.to_vec()), 0_u64..30_000), 1..8),
        takes in 0_u64..25_000,
        lag in 0_u64..3_000,
        fate in prop::option::of((prop::sample::select(Deed::ALL.to_vec()), prop::sample::select(Fate::ALL.to_vec()))),
        crash in prop::option::of((0_usize..20, prop::sample::select(Crash::ALL.to_vec()))),
    ) {
        let mut play = beginning();
        play.slow(Duration::from_millis(takes));
        play.lag = Duration::from_millis(lag);
        play.fates.extend(fate);
        play.crash = crash;
        for (one, pause) in acts {
            play.change(|objects| act(objects, one));
            play.play(Duration::from_millis(pause));
        }
        play.play(SECOND * 60);
        play.fates.clear();
        play.play(SECOND * 300);
        let mut next = Play::new(ObjectKey::new(NAMESPACE, NAME), play.objects.clone());
        next.play(SECOND * 60);
        prop_assert_eq!(&next.log, &[], "{:?} is left to do", end(&play.objects));
        rests(&mut play);
    }
}
