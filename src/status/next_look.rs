//! When to look at a load balancer again.

use std::time::Duration;

use jiff::SignedDuration;

use crate::api::condition::Reason;
use crate::model::{Class, Failure};
use crate::plan::{Cloud, Outcome, Plan, Snapshot, Verdict};

/// How a load balancer has fared up to now; forgetting it costs nothing but an early look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Rounds in a row that ended with something left to do.
    pub attempts: u32,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLook {
    /// How long to wait when nothing changes before.
    pub after: Duration,
    /// The pace to go on with.
    pub pace: Pace,
}

/// Poll of a task: the first one soon, because most tasks take well under a second.
const TASK_FIRST: Duration = Duration::from_millis(200);
/// Poll of health while a gate waits for it, by how long the newest one has been waiting: what takes long is not hurried by
/// asking often.
const GATE_POLLS: [(SignedDuration, Duration); 2] = [
    (SignedDuration::from_secs(30), Duration::from_millis(500)),
    (SignedDuration::from_secs(120), Duration::from_secs(1)),
];
/// The same, for gates that have been waiting for longer.
const GATE_POLL_SLOW: Duration = Duration::from_secs(2);
/// Poll of health while some target is not healthy.
const HEALTH_POLL: Duration = Duration::from_secs(5);
/// Poll of health while all is well: one call serves 30 load balancers.
const CALM_POLL: Duration = Duration::from_secs(15);
/// Longest back-off of any kind.
const CAP: Duration = Duration::from_secs(60);

/// The smallest of task poll, verification, health poll, back-off and resync.
pub fn next_look(snapshot: &Snapshot, plan: &Plan, outcome: &Outcome, pace: Pace, resync: Duration) -> NextLook {
    let attempts = pace.attempts.saturating_add(1);
    let failed = match &snapshot.cloud {
        Cloud::Failed(failure) => Some(failure),
        _ => outcome.failure(),
    };
    if let Some(failure) = failed {
        return NextLook { after: back_off(first_delay(failure), attempts), pace: Pace { attempts } };
    }
    if !plan.steps.is_empty() {
        // A step that the cloud called done is verified by the next read; one that never shows must not be repeated hotly.
        let first = if outcome.task().is_some() { TASK_FIRST } else { Duration::from_millis(20) };
        return NextLook { after: back_off(first, attempts), pace: Pace { attempts } };
    }
    let gates = plan.bindings.iter().flat_map(|binding| &binding.gates);
    let waiting: Vec<_> = gates.filter(|gate| matches!(gate.verdict, Verdict::Wait(..))).collect();
    let after = if !waiting.is_empty() {
        // The Pod that became ready last sets the pace: a stuck one must not slow down those that come after it.
        let newest = waiting.iter().filter_map(|gate| gate.since).max();
        gate_poll(newest.map(|since| snapshot.now.duration_since(since)).unwrap_or_default())
    } else if plan.bindings.iter().any(|binding| binding.counts.healthy < binding.counts.desired) {
        HEALTH_POLL
    } else {
        CALM_POLL
    };
    let is_blind = plan.bindings.iter().any(|binding| binding.is_managed && !binding.is_health_known);
    let is_missing =
        plan.bindings.iter().flat_map(|binding| &binding.problems).any(|problem| problem.reason != Reason::Suspended);
    let after = if is_blind || is_missing { after.min(Duration::from_secs(10)) } else { after };
    NextLook { after: after.min(resync), pace: Pace::default() }
}

fn gate_poll(waited: SignedDuration) -> Duration {
    GATE_POLLS.iter().find(|(until, _)| waited < *until).map_or(GATE_POLL_SLOW, |(_, poll)| *poll)
}

/// How soon a failure of this class may be gone.
fn first_delay(failure: &Failure) -> Duration {
    match failure.class {
        Class::Busy => Duration::from_millis(500),
        Class::Throttled | Class::Transient | Class::Unreachable | Class::NotFound | Class::Conflict => {
            Duration::from_secs(1)
        }
        Class::Quota | Class::Invalid | Class::Denied | Class::Arrears => Duration::from_secs(5),
    }
}

fn back_off(first: Duration, attempts: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(attempts.saturating_sub(1).min(16))).min(CAP)
}
