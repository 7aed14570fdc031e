//! Held removals: what a hold keeps and what goes on, and when too much is removed at once.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::acts::{add, delete, delete_binding, listener, remove, respec, unready, web};
use super::properties::{cell, policy, world as world_of};
use super::world::{World, address};
use crate::api::condition::{ChangeReason, ConditionType, HoldCause, Reason};
use crate::api::names;
use crate::model::{Health, ListenerId, Phase, Reading, Route, Weight};
use crate::plan::brake::{BINDINGS, Brake, HoldConfig, HoldFlag, HoldWord, MassRemovals};
use crate::plan::{ConfigMapSight, Hold, Losses, Plan, Removals, Step, plan};

fn held(reason: HoldCause) -> Removals {
    Removals::Held(Hold { reason, namespace: "system".to_owned(), config_map: ConfigMapSight::Absent })
}

/// Three Pods that serve, on a listener of the binding's own.
fn at_rest() -> World {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 3);
    world.converge();
    world.heal();
    world.converge();
    world
}

fn first_targets(world: &World) -> Vec<Weight> {
    let mut targets: Vec<_> = world.targets.values().flatten().map(|one| (one.address, one.weight)).collect();
    targets.sort();
    targets.into_iter().map(|(_, weight)| weight).collect()
}

type Change = fn(&mut World);

/// The Service selects one other Pod, which serves.
fn select_another(world: &mut World) {
    add(world, [9], "other");
    world.service.as_mut().unwrap().selector.insert("app".to_owned(), "other".to_owned());
    world.health.insert(address(9), Health::Healthy);
}

fn converge(world: &mut World) {
    // What is kept is kept, however long it takes.
    for _ in 0..3 {
        world.converge();
        world.now += jiff::SignedDuration::from_secs(400);
    }
    world.converge();
}

/// The words; what is left where removals are allowed, and where they are held; by weight of each target.
type Row = (&'static str, Change, &'static [Weight], &'static [Weight]);

#[test]
fn a_hold_keeps_who_may_serve_and_lets_go_who_does_not() {
    let rows: [Row; 14] = [
        ("the selector names another Pod", select_another, &[10], &[10, 10, 10, 10]),
        ("one is not ready", |world| unready(world, 1), &[0, 10, 10], &[10, 10, 10]),
        (
            "another's gate is False",
            |world| world.pod(1).closed_gates.push("x".to_owned()),
            &[0, 10, 10],
            &[10, 10, 10],
        ),
        ("a node is silent", |world| world.pod(1).phase = Phase::Unknown, &[0, 10, 10], &[10, 10, 10]),
        (
            "a node is silent, and its Pods are told to go",
            |world| {
                world.pod(1).phase = Phase::Unknown;
                delete(world, [1]);
            },
            &[0, 10, 10],
            &[10, 10, 10],
        ),
        (
            "another listener is asked for",
            |world| respec(world, &json!({"listeners": [listener(81, "TCP")]})),
            &[10, 10, 10],
            &[10, 10, 10],
        ),
        ("the binding is deleted", delete_binding, &[], &[10, 10, 10]),
        (
            "the binding is deleted, and one Pod",
            |world| {
                delete_binding(world);
                delete(world, [1]);
            },
            &[],
            &[10, 10],
        ),
        (
            "somebody raises a weight in the console",
            |world| {
                world.targets.values_mut().flatten().next().unwrap().weight = 50;
            },
            &[10, 10, 10],
            &[10, 10, 50],
        ),
        ("a lower weight is asked for", |world| weigh(world, "5"), &[5, 10, 10], &[10, 10, 10]),
        ("weight 0 is asked for", |world| weigh(world, "0"), &[0, 10, 10], &[0, 10, 10]),
        (
            "weight 0 is asked for one that is not ready",
            |world| {
                weigh(world, "0");
                unready(world, 1);
            },
            &[0, 10, 10],
            &[0, 10, 10],
        ),
        ("one is deleted", |world| delete(world, [1]), &[10, 10], &[10, 10]),
        (
            "one is gone, and one has finished",
            |world| {
                remove(world, [1]);
                world.pod(2).phase = Phase::Finished;
            },
            &[10],
            &[10],
        ),
    ];
    for (what, change, allowed, kept) in rows {
        for (removals, expected) in [(Removals::Allowed, allowed), (held(HoldCause::Flag), kept)] {
            let mut world = at_rest();
            change(&mut world);
            world.removals = removals.clone();
            converge(&mut world);
            world.heal();
            converge(&mut world);
            let mut found = first_targets(&world);
            let mut expected = expected.to_vec();
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{what}: {removals:?}");
            let plan = world.plan();
            // The Pods' port is on one TCP listener only: where the old one keeps them, the new one gets none.
            let is_other = what == "another listener is asked for";
            let is_kept = removals != Removals::Allowed && (allowed != kept || is_other);
            let said = plan.bindings[0].problems.iter().any(|one| one.reason == Reason::RemovalsHeld);
            assert_eq!(said, is_kept, "{what}: {removals:?}: {:?}", plan.bindings[0].problems);
            assert_eq!(plan.bindings[0].withheld.is_empty(), !is_kept, "{what}");
        }
    }
}

fn weigh(world: &mut World, text: &str) {
    world.pod(1).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), text.to_owned());
}

#[test]
fn a_hold_keeps_listeners_and_load_balancers_that_hold_nothing() {
    let mut world = web(&json!({"listeners": [listener(80, "TCP"), listener(81, "TCP")]}), 0);
    world.converge();
    world.removals = held(HoldCause::ConfigMap);
    respec(&mut world, &json!({"listeners": [listener(80, "TCP")]}));
    assert!(world.plan().steps.is_empty());
    delete_binding(&mut world);
    let found = world.plan();
    assert!(found.steps.is_empty() && found.bindings[0].withheld.listeners == 2, "{found:?}");
    assert_eq!(found.bindings[0].release, crate::plan::Release::Waits);
    world.removals = Removals::Allowed;
    assert!(matches!(world.plan().steps.as_slice(), [Step::DeleteListeners(all)] if all.len() == 2));
}

#[test]
fn registrations_and_room_for_them_go_on_as_far_as_nobody_is_taken_away() {
    let mut world = at_rest();
    world.limits.targets_per_route = 4;
    select_another(&mut world);
    add(&mut world, [10], "other");
    world.removals = held(HoldCause::Mass);
    converge(&mut world);
    assert_eq!(first_targets(&world), [10, 10, 10, 10]);
    let part = &world.plan().bindings[0];
    assert!(part.problems.iter().any(|one| one.reason == Reason::QuotaExceeded), "{:?}", part.problems);
    // Those that end make room.
    delete(&mut world, [1]);
    world.now += jiff::SignedDuration::from_secs(60);
    converge(&mut world);
    let there: Vec<_> = world.targets.values().flatten().map(|one| one.address).collect();
    assert!(there.contains(&address(10)) && !there.contains(&address(1)), "{there:?}");
}

#[test]
fn every_binding_says_that_removals_are_held_and_why_and_what_lets_them_go_on() {
    let commands = [
        (HoldCause::Flag, ConfigMapSight::Absent, "run the controller without --hold-removals"),
        (
            HoldCause::Mass,
            ConfigMapSight::Absent,
            "kubectl -n system create configmap direct-access-controller --from-literal=hold-removals=false",
        ),
        (
            HoldCause::ConfigMap,
            ConfigMapSight::There,
            r#"kubectl -n system patch configmap direct-access-controller --type merge -p '{"data":{"hold-removals":"false"}}'"#,
        ),
        (HoldCause::ConfigMap, ConfigMapSight::Refused, "allow the controller to list and watch it"),
    ];
    for (reason, config_map, command) in commands {
        let mut world = at_rest();
        world.removals = Removals::Held(Hold { reason, namespace: "system".to_owned(), config_map });
        world.round();
        let conditions = |world: &World| world.bindings[0].status.clone().unwrap().conditions;
        let of = |world: &World, kind: ConditionType| {
            conditions(world).into_iter().find(|one| one.type_ == kind.as_str()).unwrap()
        };
        assert_eq!(of(&world, ConditionType::Ready).status, "True", "nothing is kept");
        let note = of(&world, ConditionType::Accepted).message;
        assert!(note.contains(command) && note.contains("nothing of this binding waits"), "{note}");
        unready(&mut world, 1);
        world.round();
        for kind in [ConditionType::Programmed, ConditionType::Ready, ConditionType::Stalled] {
            let said = of(&world, kind);
            assert_eq!(said.reason, "RemovalsHeld", "{said:?}");
            assert!(said.message.contains(command) && said.message.contains("1 target "), "{said:?}");
        }
    }
}

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
    let rows: [(&str, Vec<Count>, bool); 12] = [
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
    HoldConfig { word: HoldWord::read(value), sight: ConfigMapSight::There }
}

#[test]
fn what_the_config_map_says_is_read_and_what_cannot_be_read_changes_nothing() {
    for (value, expected) in [
        (None, Reading::Absent),
        (Some("true"), Reading::Said(HoldWord::Hold)),
        (Some("false"), Reading::Said(HoldWord::GoOn)),
    ] {
        assert_eq!(HoldWord::read(value), expected);
    }
    for value in ["", "True", "yes", "1", "tru", "true,"] {
        for before in [None, Some("true"), Some("false")] {
            let mut brake = Brake::new(HoldFlag::Unset, "system");
            assert!(brake.hear(&config(before)).is_none());
            let reason = |brake: &Brake| brake.removals().held().map(|hold| hold.reason);
            let known = reason(&brake);
            let problem = brake.hear(&config(Some(value))).expect("it is reported");
            assert!(problem.to_string().starts_with("hold-removals: "), "{problem}");
            assert_eq!(reason(&brake), known, "{value:?} after {before:?}");
            assert!(brake.hear(&config(Some(value))).is_none(), "once");
        }
    }
}

#[test]
fn while_the_config_map_may_not_be_looked_at_it_may_say_that_removals_are_held() {
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    let refused = HoldConfig { sight: ConfigMapSight::Refused, ..HoldConfig::default() };
    assert!(brake.hear(&refused).is_none());
    assert_eq!(brake.removals().held().map(|hold| hold.reason), Some(HoldCause::ConfigMap));
    for then in [HoldConfig::default(), config(None), config(Some("false"))] {
        let mut brake = brake.clone();
        assert!(brake.hear(&then).is_none());
        assert_eq!(brake.removals(), Removals::Allowed, "{then:?}");
    }
}

/// Seven bindings on ports of their own, with three Pods that serve.
fn seven() -> World {
    let spec = |number: u32| json!({"listeners": [{"port": 80 + number, "protocol": "TCP", "servicePort": 80}]});
    let mut world = web(&spec(1), 3);
    world.bindings = (1..=7).map(|number| super::world::binding(number, &spec(number))).collect();
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
    assert_eq!(brake.removals().held().map(|hold| hold.reason), Some(HoldCause::ConfigMap));
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    assert!(brake.hear(&config(Some("true"))).is_none());
    counted(&mut brake, &world, 0);
    assert!(brake.hear(&config(None)).is_none());
    assert_eq!(brake.removals(), Removals::Allowed, "nothing is counted while somebody holds");
    // Of two words that disagree, the one that keeps counts.
    let mut brake = Brake::new(HoldFlag::Set, "system");
    assert!(brake.hear(&config(Some("false"))).is_none());
    assert_eq!(brake.removals().held().map(|hold| hold.reason), Some(HoldCause::Flag));
}

/// A deletion is a plain word, as when a namespace goes.
#[test]
fn bindings_that_are_deleted_never_hold() {
    let mut world = seven();
    for binding in &mut world.bindings {
        Arc::make_mut(binding).metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    }
    let mut brake = Brake::new(HoldFlag::Unset, "system");
    let (reason, plan) = counted(&mut brake, &world, 0);
    assert!(reason.is_none() && !plan.steps.is_empty());
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

fn goes_on(world: &World, reason: ChangeReason, pod: Option<&String>) -> bool {
    let ends = |name: &String| {
        world
            .pods
            .values()
            .any(|one| one.key.name == *name && one.deleting_since.is_some() && one.phase != Phase::Unknown)
    };
    pod.is_some_and(ends)
        || matches!(
            reason,
            ChangeReason::PodGone
                | ChangeReason::PodFinished
                | ChangeReason::AddressReused
                | ChangeReason::PodDeleted
                | ChangeReason::UserWeight
        )
}

proptest! {
    #[test]
    fn whatever_the_world_a_hold_lets_nothing_be_lowered_or_removed_that_may_serve(
        cells in prop::collection::vec(cell(), 0..12), policy in policy(), deed in 0usize..4,
    ) {
        let mut world = world_of(&cells, policy);
        world.removals = held(HoldCause::Mass);
        match deed {
            1 => delete_binding(&mut world),
            2 => respec(&mut world, &json!({"listeners": [listener(81, "TCP")]})),
            3 => world.service.as_mut().unwrap().selector = [("app".to_owned(), "none".to_owned())].into(),
            _ => {}
        }
        for _ in 0..6 {
            let found = world.round();
            for step in &found.steps {
                match step {
                    Step::Reweight(all) => for one in all.iter().filter(|one| one.to < one.from) {
                        prop_assert!(one.to == 0 && goes_on(&world, one.reason, one.pod.as_ref()), "{one}");
                    },
                    Step::Deregister(all) => for one in all {
                        prop_assert!(goes_on(&world, one.reason, one.pod.as_ref()), "{one}");
                    },
                    Step::DeleteRules { .. } | Step::DeleteListeners(_) | Step::DeleteLoadBalancer => {
                        prop_assert!(false, "{step}");
                    }
                    _ => {}
                }
            }
            world.now += jiff::SignedDuration::from_secs(100);
        }
    }
}
