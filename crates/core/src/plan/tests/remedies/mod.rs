//! The table *remedies*: every message says what to do, and when that is done, the trouble is over.

mod rows;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::condition::{ConditionType, Reason};
use crate::model::Health;
use crate::plan::Release;
use crate::plan::tests::world::World;

type Deed = fn(&mut World);

/// One way in which something goes wrong.
struct Row {
    reason: Reason,
    what: &'static str,
    begin: fn() -> World,
    /// Makes it go wrong.
    spoil: Deed,
    /// Seconds after which it is said.
    after: i64,
    /// What the message names.
    says: &'static [&'static str],
    /// The way out as the message has it, and the same done.
    remedies: &'static [(&'static str, Deed)],
    end: End,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The binding is Ready.
    Ready,
    /// The binding, which is being deleted, may go.
    Gone,
    /// The binding is not Ready, for this reason, which is the user's own wish.
    Else(Reason),
}

/// Reasons that need no remedy, or of which none can be played here.
const NOT_PLAYED: &[(Reason, &str)] = &[
    (Reason::Ready, "all is well"),
    (Reason::Accepted, "all is well"),
    (Reason::Resolved, "all is well"),
    (Reason::Programmed, "all is well"),
    (Reason::Healthy, "all is well"),
    (Reason::HealthCheckOff, "it stands with True"),
    (Reason::Pending, "it stands for the condition before it"),
    (Reason::InProgress, "it ends by itself"),
    (Reason::Replacing, "it ends by itself"),
    (Reason::Deleting, "it ends by itself"),
    (Reason::NotUsed, "it is said of configs"),
    (Reason::PartlyApplied, "it is said of configs"),
    (Reason::GateNotWritten, "the API server refuses it: tests/cluster/refused.rs plays it"),
    (Reason::NotWritten, "the API server refuses it: tests/cluster/refused.rs plays it"),
    (Reason::Internal, "a fault of the controller, which plan/isolated.rs provokes"),
];

#[test]
fn remedies_are_complete() {
    let played: BTreeSet<Reason> = rows::rows().iter().map(|row| row.reason).collect();
    let not: BTreeSet<Reason> = NOT_PLAYED.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(played.intersection(&not).collect::<Vec<_>>(), Vec::<&Reason>::new());
    let missing: Vec<_> = Reason::ALL.iter().filter(|one| !played.contains(one) && !not.contains(one)).collect();
    assert!(missing.is_empty(), "every reason has a row or a cause why it has none: {missing:?}");
}

/// Every kind of problem, by the name of the function that words it, with the row that plays it.
const WORDED: &[(&str, &str)] = &[
    ("suspended", "by the user"),
    ("managed_by_tke", "TKE's finalizer appears"),
    ("switches_refused", "nobody knows whether TKE is there"),
    ("certificate_missing", "no certificate is named"),
    ("certificates_differ", "two certificates for one domain"),
    ("claimed_by_other", "the port is another binding's"),
    ("domain_missing", "no address stands for a domain"),
    ("held_by_foreign", "the port is somebody's"),
    ("not_adopted", "a former binding of another name"),
    ("listener_mismatch", "the port is not that of listenerId"),
    ("not_shared", "the listener is another namespace's"),
    ("parked", "the Service does not ask"),
    ("port_impossible", "the port is 0"),
    ("rule_twice", "a rule is there twice"),
    ("service_not_found", "deleted"),
    ("no_selector", "removed"),
    ("service_port_not_found", "another name in servicePort"),
    ("no_pod_port", "no container declares the name"),
    ("config_not_found", "another name"),
    ("config_not_owned", "somebody has made it"),
    ("config_refused", "the API server refuses to list configs"),
    ("region_unknown", "the region is misspelt"),
    ("load_balancer_not_found", "no read shows it"),
    ("listener_not_found", "another listenerId"),
    ("rule_not_found", "another rule of a shared listener"),
    ("certificate_not_found", "of a listener"),
    ("rule_quota", "of rules"),
    ("listener_quota", "of listeners"),
    ("target_quota", "of targets"),
    ("address_in_use", "somebody registers the new Pod"),
    ("clash", "an older binding has the Pod port"),
    ("slices_stale", "they name nobody"),
    ("listener_stopped", "stopped"),
    ("tags_not_shown", "on a shared listener"),
    ("load_balancer_not_marked", "its tag is lost"),
    ("foreign_targets", "somebody's targets are on a listener that goes"),
    ("route_held", "a listener that is to go, beside one that is refused"),
    ("load_balancer_not_shown", "while it is being deleted"),
    ("other_account", "the credentials are of another account"),
    ("not_proven_gone", "what is its own is shown no more"),
    ("last_held", "the last are not ready"),
    ("departure_unknown", "nobody knows why it is being deleted"),
    ("removals_held", "by flag"),
    ("deletion_held", "its Service still asks"),
];

/// Kinds of problems that are not played here.
const NOT_WORDED: &[(&str, &str)] = &[
    ("not_chosen_by_tke", "TKE is no part of this world: tests/modes/delegate.rs plays it"),
    ("load_balancer_in_use", "tests/load_balancers/deletion.rs plays it"),
    ("creation_not_shown", "the table of accounts plays it"),
    ("nothing_to_adopt", "plan/tests/adoption.rs plays it"),
    ("vpc_unknown", "plan/vpc/tests.rs plays it"),
    ("internal", "a fault of the controller, which plan/isolated.rs provokes"),
];

#[test]
fn remedies_of_every_kind_of_problem_are_played() {
    let sources = [
        include_str!("../../problem/spec.rs"),
        include_str!("../../problem/references.rs"),
        include_str!("../../problem/cloud.rs"),
        include_str!("../../problem/held.rs"),
        include_str!("../../problem/adoption.rs"),
    ];
    let functions = sources.iter().flat_map(|text| text.split("pub(in crate::plan) fn ").skip(1));
    let words = |text: &'static str| {
        let (head, _) = text.split_once('{')?;
        let name = head.split(['(', '<']).next()?;
        head.contains("Problem").then_some(name)
    };
    let all: BTreeSet<&str> = functions.filter_map(words).collect();
    let listed: BTreeSet<&str> = WORDED.iter().chain(NOT_WORDED).map(|(name, _)| *name).collect();
    assert_eq!(all.symmetric_difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new());
    let rows: BTreeSet<&str> = rows::rows().iter().map(|row| row.what).collect();
    let missing: Vec<_> = WORDED.iter().filter(|(_, what)| !rows.contains(what)).collect();
    assert!(missing.is_empty(), "there is no such row: {missing:?}");
}

#[test]
fn remedies_that_messages_name_work() {
    let mut faults = Vec::new();
    let mut played = 0;
    for row in rows::rows() {
        for remedy in row.remedies {
            played += 1;
            faults.extend(play(&row, remedy).map(|fault| format!("{}, {}: {fault}", row.reason, row.what)));
        }
    }
    crate::plan::tests::report(&format!("remedies: {played} played"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A round in each second. What is there is found healthy unless it was found to be something else.
fn seconds(world: &mut World, seconds: i64) {
    for _ in 0..seconds {
        world.now += SignedDuration::from_secs(1);
        world.round();
        let targets: Vec<_> = world.targets.values().flatten().map(|target| target.address).collect();
        for address in targets {
            world.health.entry(address).or_insert(Health::Healthy);
        }
    }
}

fn conditions(world: &World) -> Vec<Condition> {
    world.bindings[0].status.clone().unwrap_or_default().conditions
}

fn play(row: &Row, (words, deed): &(&str, Deed)) -> Option<String> {
    let mut world = (row.begin)();
    seconds(&mut world, 5);
    (row.spoil)(&mut world);
    seconds(&mut world, row.after);
    let all = conditions(&world);
    // Ready says the first thing that is wrong, and what holds for it is in the condition that it is from.
    let is_it = |one: &&Condition| one.reason == row.reason.as_str() && one.status != "True";
    let Some(said) = all.iter().find(is_it) else { return Some(format!("it is not said: {all:?}")) };
    let lacks: Vec<_> = row.says.iter().chain([words]).filter(|part| !said.message.contains(**part)).collect();
    if !lacks.is_empty() {
        return Some(format!("{lacks:?} is not in: {}", said.message));
    }
    deed(&mut world);
    seconds(&mut world, 70);
    let after = conditions(&world);
    let ready = after.iter().find(|one| one.type_ == ConditionType::Ready.as_str());
    let is_over = match row.end {
        End::Ready => ready.is_some_and(|ready| ready.status == "True"),
        End::Else(reason) => ready.is_some_and(|ready| ready.reason == reason.as_str()),
        End::Gone => world.plan().bindings[0].release == Release::Done,
    };
    (!is_over).then(|| format!("after '{words}' it is not over: {ready:?}"))
}
