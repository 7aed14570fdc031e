//! Held removals: what a hold keeps and what goes on.

use proptest::prelude::*;
use serde_json::json;

use super::acts::{add, delete, delete_binding, edit, listener, park, remove, respec, unready, web};
use super::late::failure;
use super::properties::{cell, policy, world as world_of};
use super::world::{World, address};
use crate::api::binding::Left;
use crate::api::condition::{ChangeReason, ConditionType, HoldCause, Reason};
use crate::api::names;
use crate::model::{Class, Health, Phase, Weight};
use crate::plan::{Cloud, ConfigMapSight, Hold, Removals, Snapshot, Step, plan};

pub(super) fn held(reason: HoldCause) -> Removals {
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
pub(super) fn select_another(world: &mut World) {
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

/// Ready of the first binding, in one line, and what is left of it.
fn ready(world: &World) -> (String, Option<Left>) {
    let status = world.bindings[0].status.clone().unwrap();
    let find = |kind: ConditionType| status.conditions.iter().find(|one| one.type_ == kind.as_str()).unwrap();
    let (accepted, ready) = (find(ConditionType::Accepted), find(ConditionType::Ready));
    (format!("{} {}: {}", ready.status, ready.reason, accepted.message), status.left)
}

#[test]
fn a_parked_binding_serves_nothing_only_when_nothing_of_it_is_left() {
    let mut world = at_rest();
    world.removals = held(HoldCause::ConfigMap);
    park(&mut world);
    converge(&mut world);
    assert_eq!(first_targets(&world), [10, 10, 10]);
    let (said, left) = ready(&world);
    assert_eq!(left, Some(Left { targets: 3, listeners: 1 }));
    assert!(said.starts_with("False RemovalsHeld: "), "{said}");
    assert!(
        said.contains("is to be parked; 3 targets and 1 listener still serve, because removals are held"),
        "{said}"
    );
    // A read that fails takes nothing back.
    let snapshot = Snapshot { cloud: Cloud::Failed(failure(Class::Throttled)), ..world.snapshot() };
    let blind = &plan(&snapshot).bindings[0].problems;
    assert!(blind.iter().any(|one| one.message.contains("3 targets and 1 listener still serve")), "{blind:?}");
    world.removals = Removals::Allowed;
    converge(&mut world);
    assert!(first_targets(&world).is_empty());
    let (said, left) = ready(&world);
    assert_eq!(left, Some(Left { targets: 0, listeners: 0 }));
    assert!(said.starts_with("False Parked: ") && said.contains("is parked; it serves nothing"), "{said}");
    // A hold that comes later holds nothing.
    world.removals = held(HoldCause::ConfigMap);
    converge(&mut world);
    assert_eq!(ready(&world).0, said);
    edit(&mut world, |binding| binding.metadata.annotations = None);
    converge(&mut world);
    assert_eq!(ready(&world).1, None);
}

/// What the status of a binding shows that is parked, or to be parked: targets, listeners, and the load balancer, which costs money.
#[test]
fn the_status_of_a_parked_binding_shows_what_it_still_has() {
    let shown = |world: &World| {
        let status = world.bindings[0].status.clone().unwrap();
        let targets = status.targets.unwrap();
        let [desired, registered, healthy] = [targets.desired, targets.registered, targets.healthy];
        let id = status.load_balancer.map(|one| one.id).unwrap_or_default();
        assert_eq!(targets.summary, format!("{healthy}/{desired}"));
        (desired, registered, healthy, status.listeners.len(), id)
    };
    let (before, after) = ((3, 3, 3, 1, "lb-1".to_owned()), (0, 0, 0, 0, "lb-1".to_owned()));
    let mut world = at_rest();
    assert_eq!(shown(&world), before);
    world.removals = held(HoldCause::ConfigMap);
    park(&mut world);
    converge(&mut world);
    assert_eq!(shown(&world), before, "all of it is still there");
    world.removals = Removals::Allowed;
    converge(&mut world);
    assert_eq!(shown(&world), after);
    let kept = |world: &World| {
        let status = world.bindings[0].status.clone().unwrap();
        (status.excluded.len(), status.draining.len(), status.held_weights.len(), status.config_problems.len())
    };
    assert_eq!(kept(&world), (0, 0, 0, 0));
    edit(&mut world, |binding| binding.metadata.annotations = None);
    converge(&mut world);
    assert_eq!(shown(&world).3, 1, "it is used again");
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
    const CREATE: &str =
        "kubectl -n system create configmap direct-access-controller --from-literal=hold-removals=false";
    const PATCH: &str = concat!(
        "kubectl -n system patch configmap direct-access-controller --type merge ",
        r#"-p '{"data":{"hold-removals":"false"}}'"#
    );
    use ConfigMapSight::{Absent, Refused, There};
    let rows = [
        (
            (HoldCause::Flag, Absent),
            "the controller runs with --hold-removals",
            "run the controller without --hold-removals",
        ),
        (
            (HoldCause::Mass, Absent),
            "within 60 s, more than half of the targets of more than 5 bindings were to be removed",
            CREATE,
        ),
        (
            (HoldCause::ConfigMap, There),
            "ConfigMap 'system/direct-access-controller' says hold-removals \"true\"",
            PATCH,
        ),
        (
            (HoldCause::ConfigMapUnreadable, There),
            "ConfigMap 'system/direct-access-controller' says of hold-removals nothing that can be read",
            PATCH,
        ),
        (
            (HoldCause::ConfigMapRefused, Refused),
            "the API server refuses to list ConfigMap 'system/direct-access-controller', which may say hold-removals",
            "allow the controller to list and watch it",
        ),
    ];
    for ((reason, config_map), cause, command) in rows {
        let mut world = at_rest();
        world.removals = Removals::Held(Hold { reason, namespace: "system".to_owned(), config_map });
        world.round();
        let conditions = |world: &World| world.bindings[0].status.clone().unwrap().conditions;
        let of = |world: &World, kind: ConditionType| {
            conditions(world).into_iter().find(|one| one.type_ == kind.as_str()).unwrap()
        };
        assert_eq!(of(&world, ConditionType::Ready).status, "True", "nothing is kept");
        let advice = world.bindings[0].status.clone().unwrap().advice;
        let note = &advice.iter().find(|one| one.reason == "RemovalsHeld").unwrap().message;
        assert!(note.contains(cause) && note.contains(command), "{note}");
        assert!(note.contains("nothing of this binding waits"), "{note}");
        unready(&mut world, 1);
        world.round();
        for kind in [ConditionType::Programmed, ConditionType::Ready, ConditionType::Stalled] {
            let said = of(&world, kind);
            assert_eq!(said.reason, "RemovalsHeld", "{said:?}");
            assert!(said.message.contains(cause) && said.message.contains(command), "{said:?}");
            assert!(said.message.contains("1 target "), "{said:?}");
        }
    }
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
