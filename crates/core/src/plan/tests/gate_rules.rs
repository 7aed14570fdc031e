//! Every way to act on a binding × who opens the gates of its new Pods × whether new Pods are gated.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, delete_binding, edit, listener, web};
use super::world::World;
use crate::api::binding::{DeletionPolicy, GatePolicy, Mode};
use crate::api::condition::GateReason::{self, BindingHeld, HealthCheck, NotBound, PolicyDisabled, Suspended};
use crate::api::mark::SERVICE_TAG;
use crate::api::{DirectAccessBinding, names};
use crate::model::{AccountId, Caller, Class, Failure, GateState, Known, Witnesses};
use crate::plan::management::management;
use crate::plan::{
    Cloud, Cluster, Departure, Doubt, Frozen, GateRelease, GateRule, Heir, Management, Verdict, certain_opening, plan,
    release, wants_gates,
};

/// The gate of a new Pod, which waits for nothing else, once a moment has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// A round opens it.
    ByRound(GateReason),
    /// The loop of gates opens it, and rounds say nothing.
    ByLoop(GateReason),
    /// A round says why it waits.
    Waits(GateReason),
    /// Neither says anything.
    Untouched,
}

struct Row {
    name: &'static str,
    what: &'static str,
    change: fn(&mut World),
    gate: Gate,
    /// The same while the load balancer cannot be read.
    blind: Gate,
    injected: bool,
}

/// Each [`Management`] by name; the match is complete, and so the table has to be.
const ALL: [&str; 15] = [
    "Manage",
    "Observe",
    "Hold",
    "Suspended",
    "FrozenParked",
    "Leaving",
    "Undecided",
    "OtherAccount",
    "LeftToTke",
    "MayBeLeftToTke",
    "Unjudged",
    "Park",
    "Release",
    "Abandon",
    "AbandonToSuccessor",
];

fn name(management: Management) -> &'static str {
    match management {
        Management::Manage => "Manage",
        Management::Observe => "Observe",
        Management::Hold => "Hold",
        Management::Freeze(Frozen::Suspended) => "Suspended",
        Management::Freeze(Frozen::Parked) => "FrozenParked",
        Management::Freeze(Frozen::Leaving) => "Leaving",
        Management::Freeze(Frozen::Undecided) => "Undecided",
        Management::Freeze(Frozen::OtherAccount) => "OtherAccount",
        Management::Freeze(Frozen::LeftToTke) => "LeftToTke",
        Management::Freeze(Frozen::MayBeLeftToTke) => "MayBeLeftToTke",
        Management::Freeze(Frozen::Unjudged) => "Unjudged",
        Management::Park(_) => "Park",
        Management::Release(_) => "Release",
        Management::Abandon(Heir::Nobody) => "Abandon",
        Management::Abandon(Heir::Successor) => "AbandonToSuccessor",
    }
}

fn own(binding: &mut DirectAccessBinding) {
    let owner = json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "service-uid", "controller": true});
    binding.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
}

fn park(binding: &mut DirectAccessBinding) {
    own(binding);
    binding.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), "SaidFalse".to_owned());
}

fn switch_account(world: &mut World) {
    world.caller = Caller::Known(AccountId::new("200000000002"));
}

fn forget_listeners(binding: &mut DirectAccessBinding) {
    binding.status.iter_mut().for_each(|status| status.listeners.clear());
}

fn tke(world: &mut World) {
    let service = world.service.as_mut().unwrap();
    (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
}

fn unreadable() -> Cloud {
    Cloud::Failed(Failure {
        class: Class::Denied,
        action: "DescribeListeners",
        code: "InternalError".to_owned(),
        message: "try again".to_owned(),
        request_id: None,
    })
}

fn rows() -> Vec<Row> {
    use Gate::{ByLoop, ByRound, Untouched, Waits};
    let row = |name, what, (gate, blind), injected, change| Row { name, what, change, gate, blind, injected };
    vec![
        row("Manage", "in force", (Waits(HealthCheck), Waits(BindingHeld)), true, |_| {}),
        row("Manage", "policy Disabled", (ByRound(PolicyDisabled), ByRound(PolicyDisabled)), false, |world| {
            edit(world, |binding| binding.spec.readiness_gate.policy = GatePolicy::Disabled);
        }),
        row(
            "Manage",
            "deleted, and held by the Service that asks",
            (Waits(HealthCheck), Waits(BindingHeld)),
            false,
            |world| {
                edit(world, own);
                delete_binding(world);
                world.departure = Departure::Held;
            },
        ),
        row("Manage", "a copy of a parked one", (Waits(HealthCheck), Waits(BindingHeld)), true, |world| {
            edit(world, |binding| {
                park(binding);
                binding.metadata.owner_references = None;
            });
        }),
        row("Observe", "mode Delegate", (Waits(HealthCheck), Waits(BindingHeld)), false, |world| {
            edit(world, |binding| binding.spec.mode = Mode::Delegate);
        }),
        row("Hold", "TKE has come", (Waits(HealthCheck), Waits(BindingHeld)), true, tke),
        row("Hold", "another account", (Waits(HealthCheck), Waits(BindingHeld)), true, switch_account),
        row("Suspended", "by the user", (ByLoop(Suspended), ByLoop(Suspended)), false, |world| {
            edit(world, |binding| binding.spec.suspend = true);
        }),
        row("Suspended", "and another account", (ByLoop(Suspended), ByLoop(Suspended)), false, |world| {
            edit(world, |binding| binding.spec.suspend = true);
            switch_account(world);
        }),
        row("FrozenParked", "and another account", (ByLoop(NotBound), ByLoop(NotBound)), false, |world| {
            edit(world, park);
            switch_account(world);
        }),
        row("Leaving", "deleted, and another account", (ByRound(NotBound), ByRound(NotBound)), false, |world| {
            delete_binding(world);
            switch_account(world);
        }),
        row(
            "Leaving",
            "deleted by hand, and the definition is unreadable",
            (ByRound(NotBound), ByRound(NotBound)),
            false,
            |world| {
                delete_binding(world);
                world.departure = Departure::Unknown(Doubt::Definition);
            },
        ),
        row(
            "Undecided",
            "owned, and the definition is unreadable",
            (Waits(BindingHeld), Waits(BindingHeld)),
            false,
            |world| {
                edit(world, own);
                delete_binding(world);
                world.departure = Departure::Unknown(Doubt::Definition);
            },
        ),
        row("OtherAccount", "without listeners", (Waits(BindingHeld), Waits(BindingHeld)), true, |world| {
            edit(world, forget_listeners);
            switch_account(world);
        }),
        row("LeftToTke", "without listeners", (Untouched, Untouched), true, |world| {
            edit(world, forget_listeners);
            tke(world);
        }),
        row("MayBeLeftToTke", "without listeners", (Waits(BindingHeld), Waits(BindingHeld)), true, |world| {
            edit(world, forget_listeners);
            world.service.as_mut().unwrap().is_load_balancer = true;
            world.cluster.has_tke = Known::Unknown;
        }),
        row("Park", "the Service says false", (ByLoop(NotBound), ByLoop(NotBound)), false, |world| edit(world, park)),
        row("Release", "deleted", (ByRound(NotBound), ByRound(NotBound)), false, delete_binding),
        row("Abandon", "before anything was asked for", (ByLoop(NotBound), ByLoop(NotBound)), false, |world| {
            edit(world, |binding| binding.metadata.finalizers = Some(vec![names::FIRST_FINALIZER.to_owned()]));
            delete_binding(world);
        }),
        row("Abandon", "policy Retain", (ByRound(NotBound), ByRound(NotBound)), false, |world| {
            edit(world, |binding| binding.spec.deletion_policy = DeletionPolicy::Retain);
            delete_binding(world);
        }),
        row("AbandonToSuccessor", "made again", (Waits(BindingHeld), Waits(BindingHeld)), false, |world| {
            edit(world, own);
            delete_binding(world);
            world.departure = Departure::MadeAgain;
        }),
    ]
}

/// The next binding knows a listener by its name.
#[test]
fn a_binding_whose_listener_was_renamed_is_not_given_up_to_the_next_one() {
    for (name, expected) in [(None, Management::Abandon(Heir::Successor)), (Some("mine"), Management::Manage)] {
        let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
        world.converge();
        edit(&mut world, own);
        delete_binding(&mut world);
        world.departure = Departure::MadeAgain;
        if let Some(name) = name {
            world.listeners[0].name = name.to_owned();
        }
        let mut snapshot = world.snapshot();
        if let Cloud::Observed(observed) = &mut snapshot.cloud {
            observed.load_balancer.tags.push((SERVICE_TAG.to_owned(), world.service.clone().unwrap().uid));
        }
        assert_eq!(plan(&snapshot).bindings.swap_remove(0).management, expected, "{name:?}");
    }
}

/// A binding that is deleted and held goes on as it was, and one that is suspended was left alone.
#[test]
fn a_binding_that_is_held_stays_suspended() {
    for (suspend, expected) in [(false, Management::Manage), (true, Management::Freeze(Frozen::Suspended))] {
        let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
        world.converge();
        edit(&mut world, own);
        edit(&mut world, |binding| binding.spec.suspend = suspend);
        delete_binding(&mut world);
        world.departure = Departure::MadeAgain;
        assert_eq!(world.plan().bindings.swap_remove(0).management, expected);
    }
}

/// At rest with two Pods, and then with a third one that is not bound yet.
fn world(row: &Row) -> World {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    world.converge();
    world.heal();
    world.converge();
    add(&mut world, [3], "web");
    world.converge();
    world.pod(3).gate = GateState::Unset;
    let ready = world.now;
    world.pod(3).containers_ready_since = Some(ready);
    (row.change)(&mut world);
    world
}

/// What is said of the gate of the third Pod, and the management by which.
fn said(world: &World, row: &Row) -> (Management, Gate) {
    let mut snapshot = world.snapshot();
    if let ("AbandonToSuccessor", Cloud::Observed(observed)) = (row.name, &mut snapshot.cloud) {
        observed.load_balancer.tags.push((SERVICE_TAG.to_owned(), world.service.clone().unwrap().uid));
    }
    let part = plan(&snapshot).bindings.swap_remove(0);
    let pod = &world.pods[&3];
    let round = part.gates.iter().find(|gate| gate.pod_uid == pod.uid).map(|gate| gate.verdict.clone());
    // Pods of a Service that TKE programs never come so far: the loop leaves them to it.
    let by_loop = release(pod, [&*world.bindings[0]], snapshot.now);
    let gate = match (round, by_loop) {
        (Some(Verdict::Open(reason)), GateRelease::Never) => Gate::ByRound(reason),
        (Some(Verdict::Wait(reason, _)), GateRelease::Never) => Gate::Waits(reason),
        (None, GateRelease::Now(reason)) => Gate::ByLoop(reason),
        (None, GateRelease::Never) => Gate::Untouched,
        both => panic!("{}, {}: {both:?}", row.name, row.what),
    };
    (part.management, gate)
}

#[test]
fn every_way_to_act_on_a_binding_has_a_rule_for_gates() {
    let rows = rows();
    for row in &rows {
        let (words, mut world) = (format!("{}, {}", row.name, row.what), world(row));
        assert_eq!(wants_gates(&world.bindings[0]), row.injected, "{words}: whether new Pods are gated");
        if let Some(reason) = certain_opening(&world.bindings[0]) {
            let due = world.pods[&3].containers_ready_since.unwrap();
            let opens_at = if reason == NotBound { due + SignedDuration::from_secs(5) } else { due };
            let expected = if opens_at == due { GateRelease::Now(reason) } else { GateRelease::At(opens_at) };
            assert_eq!(release(&world.pods[&3], [&*world.bindings[0]], world.now), expected, "{words}: grace");
        }
        world.now += SignedDuration::from_secs(5);
        let (found, gate) = said(&world, row);
        assert_eq!((name(found), gate), (row.name, row.gate), "{words}");
        world.unread = Some(unreadable());
        assert_eq!(said(&world, row).1, row.blind, "{words}, and the load balancer cannot be read");
    }
    // What no round has judged comes about by a fault of ours only.
    let named: BTreeSet<_> = rows.iter().map(|row| row.name).chain(["Unjudged"]).collect();
    assert_eq!(named, BTreeSet::from(ALL));
    assert_eq!(Management::default().gates(), GateRule::OnProof);
}

#[test]
fn a_gate_that_opens_without_proof_does_so_after_a_moment_and_not_before_containers_are_ready() {
    let rows = rows();
    let row = rows.iter().find(|row| row.name == "Release").unwrap();
    let mut world = world(row);
    let ready = world.now;
    assert_eq!(said(&world, row).1, Gate::Waits(BindingHeld));
    assert_eq!(world.plan().bindings[0].look_at, Some(ready + SignedDuration::from_secs(5)), "it is looked at again");
    world.now += SignedDuration::from_secs(60);
    world.pod(3).containers_ready = false;
    assert_eq!(said(&world, row).1, Gate::Waits(BindingHeld));
    world.pod(3).containers_ready = true;
    assert_eq!(said(&world, row).1, Gate::ByRound(NotBound));
}

/// Whatever is read: what the object is certain of comes true, so that the loop of gates never opens what a round would keep.
#[test]
fn what_is_certain_by_the_object_alone_is_what_every_round_comes_to() {
    let mut base = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    base.converge();
    let accounts = [base.caller.clone(), Caller::Known(AccountId::new("200000000002"))];
    let departures = [
        Departure::Usual,
        Departure::DefinitionDeleted,
        Departure::MadeAgain,
        Departure::Held,
        Departure::Unknown(Doubt::Definition),
        Departure::Unknown(Doubt::Service),
    ];
    let mut certain = 0;
    for bits in 0..1_u32 << 9 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let mut world = base.clone();
        edit(&mut world, |binding| {
            if is(0) {
                park(binding);
            }
            if is(1) {
                binding.metadata.owner_references = None;
            }
            binding.spec.suspend = is(2);
            binding.spec.mode = if is(3) { Mode::Delegate } else { Mode::Direct };
            if is(4) {
                binding.metadata.finalizers = None;
            }
            if is(5) {
                forget_listeners(binding);
            }
            binding.spec.deletion_policy = if is(8) { DeletionPolicy::Retain } else { DeletionPolicy::Deregister };
        });
        if is(6) {
            delete_binding(&mut world);
        }
        if is(7) {
            tke(&mut world);
        }
        for (departure, caller) in departures.into_iter().flat_map(|one| accounts.iter().map(move |other| (one, other)))
        {
            world.departure = departure;
            let mut snapshot = world.snapshot();
            (snapshot.cluster, snapshot.caller) = (Cluster::default(), caller.clone());
            let others = [Cloud::Missing(Witnesses::ListAndListeners), Cloud::Unplaced(Vec::new()), unreadable()];
            for other in std::iter::once(None).chain(others.map(Some)) {
                snapshot.cloud = other.unwrap_or(snapshot.cloud);
                let view = &snapshot.bindings[0];
                let found = management(view, &snapshot, &mut Vec::new());
                if let Some(reason) = certain_opening(&view.binding) {
                    certain += 1;
                    assert_eq!(found.gates(), GateRule::Opens(reason), "{bits:b} {departure:?} {caller:?}: {found:?}");
                }
            }
        }
    }
    assert!(certain > 1_000, "{certain}");
}
