//! The table *claims*: whatever cannot be resolved while a rollout goes on, what serves goes on serving, and members still change.

mod gates;
mod rows;

use std::collections::BTreeSet;

use super::play::{Leftovers, Play};
use crate::api::condition::{ExclusionReason, Reason};
use crate::plan::tests::acts::{add, delete, remove};
use crate::plan::tests::world::World;

/// What cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// Something of the binding.
    Of(Reason),
    /// The network or the port of Pods.
    OfPods(ExclusionReason),
}

/// One way in which something cannot be resolved.
struct Row {
    claim: Claim,
    what: &'static str,
    begin: fn() -> World,
    /// Makes it so that it cannot be resolved.
    spoil: fn(&mut World),
    members: Members,
}

/// What becomes of members meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Members {
    /// New Pods become targets, and those that end leave.
    Change,
    /// None are added, for this reason; those that end leave.
    Leave(&'static str),
    /// Only the weight of those that are gone is taken away, for this reason.
    Frozen(&'static str),
    /// Nothing can be done, for this reason.
    Untouched(&'static str),
    /// New Pods become targets, and those of Pods that are gone are not recognised, for this reason.
    Unrecognised(&'static str),
}

/// Reasons of conditions that are no claim on something that cannot be resolved.
const NO_CLAIM: &[(Reason, &str)] = &[
    (Reason::Ready, "all is well"),
    (Reason::Accepted, "all is well"),
    (Reason::Resolved, "all is well"),
    (Reason::Programmed, "all is well"),
    (Reason::Healthy, "all is well"),
    (Reason::Pending, "it stands for the claim before it"),
    (Reason::InProgress, "the cloud works on it"),
    (Reason::Busy, "a call is refused, which the table of the cloud is about"),
    (Reason::Throttled, "a call is refused, which the table of the cloud is about"),
    (Reason::Denied, "a call is refused, which the table of the cloud is about"),
    (Reason::Arrears, "a call is refused, which the table of the cloud is about"),
    (Reason::Failed, "a call is refused, which the table of the cloud is about"),
    (Reason::CloudUnreachable, "no read worked, so nothing is known and nothing changes"),
    (Reason::Replacing, "the rollout itself"),
    (Reason::LoadBalancerNotShown, "it is said of bindings that are being deleted"),
    (Reason::Parked, "the user has said so, and it is proven"),
    (Reason::RemovalsHeld, "somebody holds removals, and the table of removals is about that"),
    (Reason::Internal, "a fault of the controller, which isolation tests provoke"),
    (Reason::NotWritten, "the API server refuses it, which the table of the cluster is about"),
    (Reason::GateNotWritten, "the API server refuses it, and nothing in the cloud depends on it"),
    (Reason::Waiting, "the cloud has not probed yet"),
    (Reason::Unhealthy, "Pods do not answer; the table of replacements is about that"),
    (Reason::NoWeight, "a user has asked for it"),
    (Reason::NoTargets, "it says what is the case"),
    (Reason::HealthCheckOff, "it says what is the case; the table of replacements is about that"),
    (Reason::Deleting, "the user has said so, and it is proven"),
    (Reason::SwitchesRefused, "it is said of bindings that have nothing yet"),
    (Reason::NotUsed, "it is said of configs"),
    (Reason::PartlyApplied, "it is said of configs"),
];

/// Reasons why Pods are not bound that are no claim on a network or port.
const NO_CLAIM_OF_PODS: &[(ExclusionReason, &str)] = &[
    (ExclusionReason::NoAddress, "the Pod starts"),
    (ExclusionReason::WrongFamily, "a load balancer never changes its family"),
    (ExclusionReason::ContainersNotReady, "the table of replacements is about that"),
    (ExclusionReason::ReadinessGateFalse, "another controller has said so"),
    (ExclusionReason::Terminating, "the rollout itself"),
    (ExclusionReason::Finished, "nothing of the Pod serves"),
    (ExclusionReason::OverQuota, "it goes with QuotaExceeded"),
    (ExclusionReason::DuplicateAddress, "one of the two Pods has lost it"),
    (ExclusionReason::AddressInUse, "it goes with BackendConflict"),
    (ExclusionReason::NotAPod, "nothing of ours is there"),
    (ExclusionReason::NodeGone, "the table of replacements is about that"),
    (ExclusionReason::NotInSlice, "it goes with SlicesStale"),
];

#[test]
fn misfortune_claims_are_complete() {
    let played: BTreeSet<Claim> = rows::rows().iter().map(|row| row.claim).collect();
    let none = NO_CLAIM.iter().map(|(reason, _)| Claim::Of(*reason));
    let none: BTreeSet<Claim> = none.chain(NO_CLAIM_OF_PODS.iter().map(|(reason, _)| Claim::OfPods(*reason))).collect();
    let twice: Vec<_> = played.intersection(&none).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let all = Reason::ALL.iter().map(|reason| Claim::Of(*reason));
    let all: BTreeSet<Claim> = all.chain(ExclusionReason::ALL.iter().map(|reason| Claim::OfPods(*reason))).collect();
    let listed: BTreeSet<Claim> = played.union(&none).copied().collect();
    let missing: Vec<_> = all.symmetric_difference(&listed).collect();
    assert!(missing.is_empty(), "every reason is in one of the lists: {missing:?}");
}

/// How Pods come and go meanwhile.
#[derive(Clone, Copy, Debug)]
enum Rollout {
    /// A Pod is deleted, and another one is ready.
    Usual,
    /// The same, and what cannot be resolved cannot be from the same second on.
    AtOnce,
    /// A Pod dies, and another one is ready.
    Death,
    /// All are deleted, and others are ready.
    All,
}

#[test]
fn misfortune_claims_hold_what_serves_while_pods_come_and_go() {
    let (mut cells, mut faults) = (0, Vec::new());
    for row in rows::rows() {
        for rollout in [Rollout::Usual, Rollout::AtOnce, Rollout::Death, Rollout::All] {
            for forgets in [false, true] {
                cells += 1;
                let found = play(&row, rollout, forgets);
                let cell =
                    format!("{:?}, {}, {rollout:?}, another controller each second: {forgets}", row.claim, row.what);
                faults.extend(found.into_iter().map(|fault| format!("{cell}: {fault}")));
            }
        }
    }
    crate::plan::tests::report(&format!("claims: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Pods `web-1` and `web-2` serve; `web-8` and `web-9` come.
fn roll(play: &mut Play, rollout: Rollout) {
    let world = &mut play.world;
    match rollout {
        Rollout::Usual | Rollout::AtOnce => {
            delete(world, [1]);
            add(world, [9], "web");
        }
        Rollout::Death => {
            remove(world, [1]);
            add(world, [9], "web");
        }
        Rollout::All => {
            delete(world, [1, 2]);
            add(world, 8..=9, "web");
        }
    }
}

fn play(row: &Row, rollout: Rollout, forgets: bool) -> Vec<String> {
    let mut play = Play::new((row.begin)(), 6);
    play.forgets = forgets;
    play.leftovers = match row.members {
        Members::Change | Members::Leave(_) => Leftovers::None,
        Members::Frozen(_) => Leftovers::UntilGone,
        Members::Untouched(_) | Members::Unrecognised(_) => Leftovers::All,
    };
    play.slack = usize::from(row.claim == Claim::Of(Reason::QuotaExceeded));
    let before: Vec<_> = inventory(&play.world);
    let spoilt = if matches!(rollout, Rollout::AtOnce) { 5 } else { 2 };
    play.is_barred = matches!((row.claim, row.members), (Claim::OfPods(_), Members::Leave(_)));
    let act = |play: &mut Play, second| {
        if second == spoilt {
            (row.spoil)(&mut play.world);
        }
        if second == 5 {
            roll(play, rollout);
        }
        play.told = play.told || is_told(&play.world, row.claim);
        if second % 4 == 0 {
            let unopened = gates::unopened(&play.world).map(|fault| format!("{second} s: {fault}"));
            play.losses.extend(unopened);
        }
    };
    play.run(35, &act);
    // What lasts for a minute, or for the time of a drain, is told or done by then.
    play.second = 400;
    play.run(2, &act);
    let mut faults = std::mem::take(&mut play.losses);
    let after = inventory(&play.world);
    let lost: Vec<_> = before.iter().filter(|id| !after.contains(id)).collect();
    if !lost.is_empty() {
        faults.push(format!("deleted: {lost:?}"));
    }
    if !play.told {
        faults.push(format!("it is not reported: {:?}", play.world.plan().bindings[0].problems));
    }
    let all = matches!(rollout, Rollout::All);
    faults.extend(members(row, all, &play));
    faults
}

/// Listeners and rules.
fn inventory(world: &World) -> Vec<String> {
    let rules = |listener: &crate::model::Listener| {
        let rules: Vec<_> = listener.rules.iter().map(|rule| rule.id.to_string()).collect();
        std::iter::once(listener.id.to_string()).chain(rules).collect::<Vec<_>>()
    };
    world.listeners.iter().flat_map(rules).collect()
}

fn is_told(world: &World, claim: Claim) -> bool {
    let plan = world.plan();
    let part = &plan.bindings[0];
    match claim {
        Claim::Of(reason) => part.problems.iter().any(|problem| problem.reason == reason),
        Claim::OfPods(reason) => part.exclusions.iter().any(|exclusion| exclusion.reason == reason),
    }
}

/// What is wrong with the targets in the end.
fn members(row: &Row, all: bool, play: &Play) -> Vec<String> {
    let rest = play.rest();
    let has = |number: u32| rest.iter().any(|address| address.starts_with(&format!("10.1.0.{number}:")));
    let mut faults = Vec::new();
    let comes = !matches!(row.members, Members::Leave(_) | Members::Frozen(_) | Members::Untouched(_));
    if has(9) != comes {
        faults.push(format!("web-9 is a target: {}, {rest:?}", has(9)));
    }
    if has(1) && play.leftovers != Leftovers::All {
        faults.push(format!("web-1 is still a target: {rest:?}"));
    }
    if !all && !has(2) {
        faults.push(format!("web-2 is no target any more: {rest:?}"));
    }
    faults
}
