//! When removals are held: too much at once, what the ConfigMap says, and what outlasts a leader.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;

use super::acts::{add, add_ports, delete, own_listener, remove, web};
use super::removals::{held, select_another};
use super::world::{World, address};
use crate::api::condition::HoldCause;
use crate::api::{DirectAccessBindingStatus, names};
use crate::model::{ListenerId, Reading, Route};
use crate::plan::annotated::End;
use crate::plan::brake::{BINDINGS, Brake, HoldConfig, HoldFlag, HoldWord, MassRemovals};
use crate::plan::{ConfigMapSight, Losses, Plan, Removals, plan};

/// Targets of one listener, which are called by their numbers.
fn losses(weighted: usize, leaving: std::ops::Range<u32>) -> Losses {
    let route = Route { listener: ListenerId::new("lbl-1"), rule: None };
    Losses { weighted, leaving: leaving.map(|number| (route.clone(), address(number))).collect() }
}

/// A moment in s, the number of the binding, how many of its targets have weight, and which of them leave.
type Count = (u64, usize, usize, std::ops::Range<u32>);

#[test]
fn too_much_at_once_is_more_than_half_of_more_than_five_within_a_minute() {
    let all = |at: fn(usize) -> u64, weighted, leaving: std::ops::Range<u32>, bindings: usize| -> Vec<Count> {
        (0..bindings).map(|number| (at(number), number, weighted, leaving.clone())).collect()
    };
    // One target after the other, each gone in the next round.
    let slowly = |pause: u64, of: usize, lost: usize| -> Vec<Count> {
        let each = |number: usize| {
            let target = u32::try_from(number).unwrap();
            (0..=BINDINGS).map(move |binding| (number as u64 * pause, binding, of - number, target..target + 1))
        };
        (0..lost).flat_map(each).collect()
    };
    let repeated = |lost: u32| -> Vec<Count> {
        (0..9).flat_map(|at| (0..=BINDINGS).map(move |binding| (at, binding, 4, 0..lost))).collect()
    };
    let half_then = |stay: usize| [all(|_| 0, 4, 0..2, 6), all(|_| 1, stay, 0..0, 6)].concat();
    let rows: [(&str, Vec<Count>, bool); 14] = [
        ("all of six at once", all(|_| 0, 3, 0..3, 6), true),
        ("all of five", all(|_| 0, 3, 0..3, 5), false),
        ("half of a hundred", all(|_| 0, 4, 0..2, 100), false),
        ("more than half of six", all(|_| 0, 5, 0..3, 6), true),
        ("the only one of six", all(|_| 0, 1, 0..1, 6), true),
        ("six in a minute", all(|number| number as u64 * 11, 3, 0..3, 6), true),
        ("six in more than a minute", all(|number| number as u64 * 12, 3, 0..3, 6), false),
        ("one after the other, quickly", slowly(10, 5, 3), true),
        ("one after the other, and half", slowly(10, 6, 3), false),
        ("one after the other, slowly", slowly(30, 5, 3), false),
        ("half, and the others stay", half_then(2), false),
        ("half, and then one of the others ends with its Pod", half_then(1), true),
        ("the same in every round", repeated(2), false),
        ("more than half, in every round", repeated(3), true),
    ];
    for (what, counts, expected) in rows {
        let mut mass = MassRemovals::default();
        for (at, number, weighted, leaving) in counts {
            mass.count(&format!("uid-{number}"), &losses(weighted, leaving), Duration::from_secs(at));
        }
        assert_eq!(mass.is_on(), expected, "{what}");
    }
}

fn config(value: Option<&str>) -> HoldConfig {
    HoldConfig { word: HoldWord::read(value), sight: ConfigMapSight::There, uid: None }
}

#[test]
fn what_the_config_map_says_is_read_and_what_cannot_be_read_changes_no_word_and_holds_without_one() {
    for (value, expected) in [
        (None, Reading::Absent),
        (Some("true"), Reading::Said(HoldWord::Hold)),
        (Some("false"), Reading::Said(HoldWord::GoOn)),
    ] {
        assert_eq!(HoldWord::read(value), expected);
    }
    for value in ["", "True", "yes", "1", "tru", "true,"] {
        for (before, held) in [
            (vec![], Some(HoldCause::ConfigMapUnreadable)),
            (vec![None], Some(HoldCause::ConfigMapUnreadable)),
            (vec![Some("true")], Some(HoldCause::ConfigMap)),
            (vec![Some("false")], None),
            (vec![Some("false"), None], Some(HoldCause::ConfigMapUnreadable)),
            (vec![Some("tRue")], Some(HoldCause::ConfigMapUnreadable)),
        ] {
            let mut brake = Brake::new(HoldFlag::Unset, "system");
            for word in &before {
                let _ = brake.hear(&config(*word));
            }
            let problem = brake.hear(&config(Some(value))).expect("it is reported");
            assert!(problem.to_string().starts_with("hold-removals: "), "{problem}");
            assert_eq!(held_by(&brake), held, "{value:?} after {before:?}");
            let words = match held {
                None => "until then removals go on, as before",
                Some(HoldCause::ConfigMapUnreadable) => {
                    "until then removals are held, because that may have been meant"
                }
                Some(_) => "until then removals are held, as before",
            };
            assert_eq!(brake.removals().until_then(), words, "{value:?} after {before:?}");
            assert!(brake.hear(&config(Some(value))).is_none(), "once");
            // Another leader hears nothing else, and an absent word ends it.
            brake.begin([], Duration::ZERO);
            assert!(brake.hear(&config(Some(value))).is_some());
            assert_eq!(held_by(&brake), Some(HoldCause::ConfigMapUnreadable), "{value:?} after {before:?}");
            assert!(brake.hear(&config(None)).is_none());
            assert_eq!(held_by(&brake), None);
        }
    }
}

#[test]
fn a_key_that_is_almost_the_one_that_counts_is_no_absent_word() {
    for (keys, expected) in [
        (&["hold_removals"][..], None),
        (&["Hold-Removals"], None),
        (&["holdRemovals"], None),
        (&["hold-removal", "other"], None),
        (&["hold-removals"], Some(Reading::Said(HoldWord::GoOn))),
        (&["hold-removals", "hold_removals"], Some(Reading::Said(HoldWord::GoOn))),
        (&["hold", "removals", "something-else"], Some(Reading::Absent)),
        (&[], Some(Reading::Absent)),
    ] {
        let data = keys.iter().map(|key| ((*key).to_owned(), "false".to_owned())).collect();
        match (HoldWord::read_data(&data), expected) {
            (Reading::Unreadable(problem), None) => {
                let said = problem.to_string();
                assert!(said.contains(keys[0]) && said.contains("write hold-removals instead"), "{said}");
            }
            (found, expected) => assert_eq!(Some(found), expected, "{keys:?}"),
        }
    }
}

fn held_by(brake: &Brake) -> Option<HoldCause> {
    brake.removals().held().map(|hold| hold.reason)
}

/// Seven bindings on ports of their own, with three Pods that serve.
fn seven() -> World {
    let spec = |number: u16| json!({"listeners": [own_listener(80 + number, "TCP")]});
    let mut world = web(&spec(1), 3);
    add_ports(&mut world, 81..=87);
    world.bindings = (1..=7).map(|number| super::world::binding(number.into(), &spec(number))).collect();
    world.converge();
    world.heal();
    world.converge();
    world
}

fn counted(brake: &mut Brake, world: &World, at: u64) -> (Option<HoldCause>, Plan) {
    let mut snapshot = world.snapshot();
    snapshot.removals = brake.removals();
    let found = plan(&snapshot);
    brake.count(&snapshot.bindings, &found.bindings, Duration::from_secs(at));
    (brake.removals().held().map(|hold| hold.reason), found)
}

#[test]
fn a_round_that_removes_too_much_is_held_until_somebody_lets_it_go_on() {
    let mut world = seven();
    select_another(&mut world);
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    assert_eq!(counted(&mut brake, &world, 0).0, None, "until the other Pod serves, nobody leaves");
    world.round();
    world.heal();
    assert_eq!(counted(&mut brake, &world, 0).0, Some(HoldCause::Mass));
    let (reason, plan) = counted(&mut brake, &world, 1_000);
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(reason, Some(HoldCause::Mass), "it does not end by itself");
    assert!(brake.hear(&config(Some("false"))).is_none());
    // What drains is recorded before it loses its weight.
    world.round();
    let (reason, plan) = counted(&mut brake, &world, 1_001);
    assert!(reason.is_none() && !plan.steps.is_empty());
    assert!(brake.hear(&config(None)).is_none());
    assert_eq!(counted(&mut brake, &world, 1_002).0, Some(HoldCause::Mass), "it counts again");
    assert!(brake.hear(&config(Some("true"))).is_none());
    assert_eq!(held_by(&brake), Some(HoldCause::Mass), "it outlasts the word");
    assert!(brake.hear(&config(None)).is_none());
    assert_eq!(held_by(&brake), Some(HoldCause::Mass));
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    assert!(brake.hear(&config(Some("true"))).is_none());
    counted(&mut brake, &world, 0);
    assert!(brake.hear(&config(None)).is_none());
    assert_eq!(brake.removals(), Removals::Allowed, "nothing is counted while somebody holds");
    // Of two words that disagree, the one that keeps counts.
    let mut brake = Brake::new(HoldFlag::Set, "system");
    assert!(brake.hear(&config(Some("false"))).is_none());
    assert_eq!(held_by(&brake), Some(HoldCause::Flag));
}

/// The brake of a new leader, which knows what statuses say and nothing else.
fn successor(world: &World, word: Option<&str>) -> Brake {
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    brake.begin(world.bindings.iter().filter_map(|binding| binding.status.as_ref()), Duration::ZERO);
    assert!(brake.hear(&config(word)).is_none());
    brake
}

#[test]
fn what_a_leader_holds_by_itself_is_held_by_the_next_one_until_somebody_lets_it_go_on() {
    let mut world = seven();
    select_another(&mut world);
    let mut brake = successor(&world, None);
    assert_eq!(held_by(&brake), None, "nothing was held");
    world.round();
    world.heal();
    assert_eq!(counted(&mut brake, &world, 0).0, Some(HoldCause::Mass));
    world.removals = brake.removals();
    world.round();
    for status in world.bindings.iter().filter_map(|binding| binding.status.as_ref()) {
        assert_eq!(status.removals_held_by.as_deref(), Some("Mass"));
    }
    for word in [None, Some("true")] {
        let mut next = successor(&world, word);
        assert_eq!(held_by(&next), Some(HoldCause::Mass), "the next one, which hears {word:?}");
        assert!(counted(&mut next, &world, 1_000).1.steps.is_empty());
    }
    // Of one status, one is most.
    let mut one = world.clone();
    one.bindings.truncate(1);
    assert_eq!(held_by(&successor(&one, None)), Some(HoldCause::Mass));
    assert_eq!(held_by(&successor(&world, Some("false"))), None, "somebody has let it go on");
    world.removals = Removals::Allowed;
    world.round();
    assert_eq!(held_by(&successor(&world, None)), None, "it went on");
    // What is held by somebody's word ends with the word, whoever leads.
    for (cause, said) in [(HoldCause::Flag, "Flag"), (HoldCause::ConfigMap, "ConfigMap")] {
        world.removals = held(cause);
        world.round();
        let status = world.bindings[0].status.as_ref().unwrap();
        assert_eq!(status.removals_held_by.as_deref(), Some(said));
        assert_eq!(held_by(&successor(&world, None)), None, "{said}");
    }
}

/// A later version led before this one.
#[test]
fn a_word_that_this_version_does_not_know_goes_on_to_hold() {
    let said = |word: &str| {
        let status = DirectAccessBindingStatus { removals_held_by: Some(word.to_owned()), ..Default::default() };
        let mut brake = Brake::new(HoldFlag::Unset, "system");
        brake.begin([&status, &status], Duration::ZERO);
        held_by(&brake)
    };
    for (word, expected) in [("Comet", Some(HoldCause::Mass)), ("", Some(HoldCause::Mass)), ("Flag", None)] {
        assert_eq!(said(word), expected, "{word:?}");
    }
}

/// Statuses that could not be written since, or came back with a backup.
#[test]
fn a_few_statuses_of_a_hold_that_is_over_hold_nothing() {
    let mut world = seven();
    select_another(&mut world);
    world.removals = held(HoldCause::Mass);
    world.round();
    let old: Vec<_> = world.bindings.iter().filter_map(|binding| binding.status.clone()).collect();
    let current = DirectAccessBindingStatus { removals_held_by: None, ..old[0].clone() };
    let mass = Some(HoldCause::Mass);
    for (saying, others, expected) in
        [(1, 1, None), (2, 1, mass), (5, 5, None), (6, 5, mass), (5, 100, None), (6, 100, mass)]
    {
        let mut brake = Brake::new(HoldFlag::Unset, "system");
        brake.begin(old.iter().take(saying).chain(std::iter::repeat_n(&current, others)), Duration::ZERO);
        assert_eq!(held_by(&brake), expected, "{saying} of {}", saying + others);
    }
}

#[test]
fn what_was_counted_within_a_minute_counts_for_the_next_leadership_of_the_same_replica() {
    for (pause, expected) in [(7, Some(HoldCause::Mass)), (61, None)] {
        let mut world = seven();
        select_another(&mut world);
        world.round();
        world.heal();
        let mut brake = Brake::new(HoldFlag::Unset, "system");
        assert_eq!(counted(&mut brake, &world, 0).0, Some(HoldCause::Mass));
        // No status was written any more.
        brake.begin([], Duration::from_secs(pause));
        assert_eq!(held_by(&brake), expected, "after {pause} s");
    }
}

/// Why a binding is being deleted, and whether so many of them hold.
#[derive(Clone, Copy, Debug)]
enum Deletion {
    /// Somebody deletes it, and it is nobody's.
    ByHand,
    /// The Service that it was made for has lost the word that asks for it.
    NotAsked,
    /// That Service is of another type.
    OtherType,
    /// That Service says "false".
    SaidFalse,
    /// That Service asks for it: somebody deletes it nevertheless.
    Asked,
    /// That Service is being deleted, too.
    WithService,
    /// That Service is gone.
    AfterService,
    /// Another Service has the name by now.
    OfAnother,
}

/// That the bindings were made for the Service.
fn owners(world: &World) -> Option<Vec<OwnerReference>> {
    let uid = &world.service.as_ref().unwrap().uid;
    let owner = json!([{"apiVersion": "v1", "kind": "Service", "name": "web", "controller": true, "uid": uid}]);
    Some(serde_json::from_value(owner).unwrap())
}

fn delete_all(world: &mut World, deletion: Deletion) {
    let owners = owners(world).filter(|_| !matches!(deletion, Deletion::ByHand));
    for binding in &mut world.bindings {
        let meta = &mut Arc::make_mut(binding).metadata;
        meta.owner_references.clone_from(&owners);
        meta.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    }
    let service = world.service.as_mut().unwrap();
    service.is_load_balancer = !matches!(deletion, Deletion::OtherType);
    match deletion {
        Deletion::ByHand | Deletion::NotAsked => {}
        Deletion::OtherType | Deletion::Asked => service.annotations.insert(names::DIRECT_ACCESS, "true"),
        Deletion::SaidFalse => service.annotations.insert(names::DIRECT_ACCESS, "false"),
        Deletion::WithService => world.service.as_mut().unwrap().is_deleting = true,
        Deletion::AfterService => world.service = None,
        Deletion::OfAnother => "another-uid".clone_into(&mut world.service.as_mut().unwrap().uid),
    }
}

/// A deletion is a plain word, as when a namespace goes, unless the controller has inferred it from what many Services do not say any more.
#[test]
fn bindings_that_are_deleted_hold_only_where_their_services_stay() {
    for (deletion, expected) in [
        (Deletion::ByHand, None),
        (Deletion::NotAsked, Some(HoldCause::Mass)),
        (Deletion::OtherType, Some(HoldCause::Mass)),
        (Deletion::SaidFalse, None),
        (Deletion::Asked, None),
        (Deletion::WithService, None),
        (Deletion::AfterService, None),
        (Deletion::OfAnother, None),
    ] {
        let mut world = seven();
        delete_all(&mut world, deletion);
        let mut brake = Brake::new(HoldFlag::Unset, "system");
        let (reason, plan) = counted(&mut brake, &world, 0);
        assert!(!plan.steps.is_empty(), "{deletion:?}");
        assert_eq!(reason, expected, "{deletion:?}");
        let (_, plan) = counted(&mut brake, &world, 0);
        assert_eq!(plan.steps.is_empty(), expected.is_some(), "{deletion:?}: {:?}", plan.steps);
    }
}

/// Many that are parked because a template has lost the word are held, and those that somebody has said "false" of are not.
#[test]
fn bindings_that_are_parked_hold_unless_their_services_say_so() {
    for (end, expected) in [
        (End::SaidFalse, None),
        (End::WordRemoved, Some(HoldCause::Mass)),
        (End::NotLoadBalancer, Some(HoldCause::Mass)),
    ] {
        let mut world = seven();
        let owners = owners(&world);
        for binding in &mut world.bindings {
            let meta = &mut Arc::make_mut(binding).metadata;
            meta.owner_references.clone_from(&owners);
            let annotations = meta.annotations.get_or_insert_default();
            annotations.insert(names::PARKED.to_owned(), end.as_str().to_owned());
        }
        let mut brake = Brake::new(HoldFlag::Unset, "system");
        let (reason, plan) = counted(&mut brake, &world, 0);
        assert!(!plan.steps.is_empty(), "{end:?}");
        assert_eq!(reason, expected, "{end:?}");
    }
}

/// Pods that Kubernetes replaces or scales down are nobody's mistake, however many.
#[test]
fn rolling_updates_and_scaling_down_never_hold() {
    let mut world = seven();
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    add(&mut world, 11..=13, "web");
    delete(&mut world, 1..=3);
    for second in 0..60 {
        let (reason, _) = counted(&mut brake, &world, second);
        assert_eq!(reason, None, "{second}");
        world.round();
        world.heal();
        world.now += jiff::SignedDuration::from_secs(1);
        if second == 30 {
            remove(&mut world, 1..=3);
        }
    }
    delete(&mut world, 11..=13);
    assert_eq!(counted(&mut brake, &world, 61).0, None);
    remove(&mut world, 11..=13);
    assert_eq!(counted(&mut brake, &world, 62).0, None);
}

#[test]
fn while_the_config_map_may_not_be_looked_at_it_may_say_that_removals_are_held() {
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    let refused = HoldConfig { sight: ConfigMapSight::Refused, ..HoldConfig::default() };
    assert!(brake.hear(&refused).is_none());
    assert_eq!(brake.removals().held().map(|hold| hold.reason), Some(HoldCause::ConfigMapRefused));
    let mut world = seven();
    select_another(&mut world);
    world.round();
    world.heal();
    // Nothing is counted meanwhile.
    counted(&mut brake, &world, 0);
    assert_eq!(brake.namespace(), "system");
    for then in [HoldConfig::default(), config(None), config(Some("false"))] {
        let mut brake = brake.clone();
        assert!(brake.hear(&then).is_none());
        assert_eq!(brake.removals(), Removals::Allowed, "{then:?}");
    }
}
