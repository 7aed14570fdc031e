//! What a Pod's own state says of its target: serve, stay as it is, or leave, and how fast.
//!
//! Three ways to leave. *Replaced*: the Pod serves on until others do, for a limited time. *Judged*: it leaves at once, as Kubernetes
//! has it, unless nobody would serve. *At once*: whoever serves.

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{DrainAction, DrainSpec, LastNotReady};
use crate::api::condition::{ChangeReason, ExclusionReason};
use crate::model::{Containers, Phase, Pod};
use crate::mutant::{self, Mutant};

use super::ending;
use super::endpoint::Policy;
use super::management::Proof;
use super::weight::PodWeight;

/// What is wanted for the target of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PodIntent {
    /// It serves, with this weight; counted as desired.
    Serve(PodWeight),
    /// If it is a target, it stays as it is.
    Keep,
    /// If it is a target, it leaves.
    Leave(Leave),
}

/// How a target leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    /// Why.
    pub(super) reason: ChangeReason,
    /// When it may lose its weight.
    pub(super) pace: Pace,
    /// What becomes of it then.
    pub(super) then: Then,
}

/// When a target that leaves may lose its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once, whoever serves.
    AtOnce,
    /// At once, unless nobody would serve.
    Judged(Ability),
    /// When others serve in its place, or its time is over; then as if judged.
    Replaced(Deadline, Ability),
}

/// Until when a target that is replaced may serve on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// This moment.
    At(Timestamp),
    /// So long after it was first seen to leave: its Pod goes on living.
    After(SignedDuration),
}

/// Whether a Pod can serve on when nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ability {
    /// It can.
    Yes,
    /// It can, as long as the cloud does not find it unhealthy: nothing else is known of it.
    UnlessUnhealthy,
    /// It cannot, or must not.
    No,
}

/// What becomes of a target that leaves, once others serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Weight 0 until its Pod is gone, or can serve again.
    WeightZero,
    /// Weight 0 for so long, then deregistered.
    Drain(SignedDuration),
    /// Deregistered at once.
    Deregister,
}

/// Why a Pod may not take new traffic; `None` when it may.
pub(super) fn unready(pod: &Pod, publishes_unready: bool) -> Option<ExclusionReason> {
    if pod.deleting_since.is_some() {
        Some(ExclusionReason::Terminating)
    } else if pod.phase == Phase::Unknown {
        Some(ExclusionReason::NodeGone)
    } else if publishes_unready {
        None
    } else if !pod.containers_ready {
        Some(ExclusionReason::ContainersNotReady)
    } else if !pod.closed_gates.is_empty() && !mutant::is(Mutant::OtherGatesIgnored) {
        Some(ExclusionReason::ReadinessGateFalse)
    } else {
        None
    }
}

/// What is wanted for a Pod that the Service selects.
pub(super) fn intent(pod: &Pod, unready: Option<ExclusionReason>, policy: &Policy) -> PodIntent {
    let Some(unready) = unready else { return PodIntent::Serve(policy.weights.of(pod)) };
    let leaving = leaving(pod, unready, policy);
    match leaving {
        // A gate of somebody else that is False is followed whatever else is the matter with the Pod.
        PodIntent::Leave(leave) if policy.weights.of(pod).is_zero() || !pod.closed_gates.is_empty() => {
            PodIntent::Leave(now(&leave))
        }
        PodIntent::Keep if policy.weights.of(pod).is_zero() => out_now(),
        other => other,
    }
}

/// Whether a Pod that is not ready can serve on when nobody else does.
fn able_as_last(pod: &Pod, drain: &DrainSpec) -> Ability {
    match (drain.last_not_ready, pod.containers) {
        (LastNotReady::Keep, Containers::Running) => Ability::Yes,
        _ => Ability::No,
    }
}

fn leaving(pod: &Pod, unready: ExclusionReason, policy: &Policy) -> PodIntent {
    match (unready, pod.deleting_since) {
        // Nothing that its object says of containers and grace is of use.
        (_, _) if pod.phase == Phase::Unknown => {
            let ability = match policy.drain.last_not_ready {
                LastNotReady::Keep => Ability::UnlessUnhealthy,
                LastNotReady::Follow => Ability::No,
            };
            leave(ChangeReason::NodeLost, Pace::Judged(ability), policy.drain.not_ready)
        }
        (_, Some(since)) => deleted(pod, since, &policy.drain, policy.now),
        (ExclusionReason::ReadinessGateFalse, None) => {
            leave(ChangeReason::ReadinessGateFalse, Pace::AtOnce, policy.drain.not_ready)
        }
        _ => {
            let pace = Pace::Judged(able_as_last(pod, &policy.drain));
            leave(ChangeReason::NotReady, pace, policy.drain.not_ready)
        }
    }
}

fn leave(reason: ChangeReason, pace: Pace, action: DrainAction) -> PodIntent {
    let then = match action {
        DrainAction::Keep => return PodIntent::Keep,
        DrainAction::WeightZero => Then::WeightZero,
        DrainAction::Deregister => Then::Deregister,
    };
    PodIntent::Leave(Leave { reason, pace, then })
}

/// A Pod that is being deleted serves on during its preStop sleep; after that, as the last only, while its containers run. By the end of
/// its grace alone nobody knows that they do not: a kubelet that hears late of the deletion, as on a node that comes back, begins the
/// grace anew. What the cloud finds counts then.
pub(super) fn deleted(pod: &Pod, since: Timestamp, drain: &DrainSpec, now: Timestamp) -> PodIntent {
    let timeout = SignedDuration::from_secs(i64::from(drain.timeout_seconds));
    let is_over = now.duration_since(since) >= timeout;
    let action = if is_over { DrainAction::Deregister } else { drain.terminating };
    let has_grace = pod.killed_at.is_none_or(|killed_at| now < killed_at);
    let ability = match pod.containers {
        Containers::Running if has_grace => Ability::Yes,
        Containers::Running => Ability::UnlessUnhealthy,
        Containers::NotRunning => Ability::No,
    };
    let pace = match ending::accepts_until(pod).filter(|until| now < *until) {
        Some(until) if !is_over && !mutant::is(Mutant::SleepIgnored) => Pace::Replaced(Deadline::At(until), ability),
        _ => Pace::Judged(ability),
    };
    leave(ChangeReason::PodDeleted, pace, action)
}

/// What becomes of the target of a Pod that is not wanted there any more. Whether it can serve says how fast it leaves, and never that it
/// stays; how a Pod ends that is being deleted is another matter.
pub(super) fn superseded(pod: &Pod, reason: ChangeReason, publishes_unready: bool, policy: &Policy) -> PodIntent {
    let timeout = SignedDuration::from_secs(i64::from(policy.drain.timeout_seconds));
    let (pace, is_zero) = match intent(pod, unready(pod, publishes_unready), policy) {
        as_deleted if pod.deleting_since.is_some() => return as_deleted,
        PodIntent::Serve(weight) => (Pace::Replaced(Deadline::After(timeout), Ability::Yes), weight.is_zero()),
        PodIntent::Leave(leave) => (leave.pace, false),
        PodIntent::Keep => (Pace::Judged(able_as_last(pod, &policy.drain)), false),
    };
    let then = match policy.drain.terminating {
        DrainAction::Deregister => Then::Deregister,
        _ if mutant::is(Mutant::NoTimeToDrain) => Then::Drain(SignedDuration::ZERO),
        // It is kept for as long as the target of a Pod that is being deleted would be.
        DrainAction::WeightZero | DrainAction::Keep => Then::Drain(timeout),
    };
    let leave = Leave { reason, pace, then };
    let is_at_once = mutant::is(Mutant::PortChangesAtOnce) && reason == ChangeReason::PortChanged;
    PodIntent::Leave(if is_zero || is_at_once { now(&leave) } else { leave })
}

/// What becomes of a target whose Pod nobody here knows, and which the cloud finds healthy: it serves on until others do, for as long as
/// the Pod of this cluster would that is not wanted any more.
pub(super) fn unknown(policy: &Policy) -> PodIntent {
    let timeout = SignedDuration::from_secs(i64::from(policy.drain.timeout_seconds));
    let pace = Pace::Replaced(Deadline::After(timeout), Ability::UnlessUnhealthy);
    PodIntent::Leave(Leave { reason: ChangeReason::PodGone, pace, then: Then::Deregister })
}

/// A user has asked for weight 0: that waits for nobody.
fn now(leave: &Leave) -> Leave {
    Leave { pace: Pace::AtOnce, ..leave.clone() }
}

/// The target of a Pod that nothing else is decided of, and for which a user has asked for weight 0.
pub(super) const fn out_now() -> PodIntent {
    PodIntent::Leave(Leave { reason: ChangeReason::UserWeight, pace: Pace::AtOnce, then: Then::WeightZero })
}

/// What becomes of the target of a Pod that lives, where nothing is wanted any more.
pub(super) fn unwanted(proof: Proof) -> PodIntent {
    PodIntent::Leave(Leave { reason: proof.reason(), pace: Pace::AtOnce, then: Then::Drain(SignedDuration::ZERO) })
}
