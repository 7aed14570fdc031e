//! When to look at a load balancer again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::Reason;
use crate::model::{Class, Failure, LoadBalancerStatus};
use crate::plan::{BindingView, Cloud, Outcome, Plan, Record, Sight, Snapshot, Verdict, selects};

use super::visit::is_unsettled;

/// How a load balancer has fared up to now; forgetting it costs nothing but an early look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Rounds in a row that ended with something left to do.
    pub attempts: u32,
    /// Steps that the last of these rounds planned.
    pub left: usize,
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
/// Poll of health while targets that leave serve on until others do.
const REPLACEMENT_POLL: Duration = Duration::from_millis(500);
/// How soon what was just done is looked at again.
const VERIFY: Duration = Duration::from_millis(20);
/// Poll of health while some target is not healthy.
const HEALTH_POLL: Duration = Duration::from_secs(5);
/// Poll of health while all is well: one call serves 30 load balancers.
const CALM_POLL: Duration = Duration::from_secs(15);
/// Poll of a load balancer that is being created.
const CREATING_POLL: Duration = Duration::from_secs(1);
/// Longest back-off of any kind.
const CAP: Duration = Duration::from_secs(60);

/// The smallest of task poll, verification, health poll, back-off and resync.
pub fn next_look(snapshot: &Snapshot, plan: &Plan, outcome: &Outcome, pace: Pace, resync: Duration) -> NextLook {
    let left = plan.steps.len();
    // With fewer steps than before, what was done has shown.
    let attempts = if left < pace.left { 1 } else { pace.attempts.saturating_add(1) };
    if let Cloud::Failed(failure) = &snapshot.cloud {
        let after = back_off(first_delay(failure), attempts).min(longest_blindness(snapshot));
        return NextLook { after, pace: Pace { attempts, left } };
    }
    let retry = outcome.retry_after.unwrap_or(Duration::MAX).max(VERIFY);
    if outcome.has_progressed() {
        // A step that the cloud called done is verified by the next read; one that never shows must not be repeated hotly.
        let first = if outcome.task().is_some() { TASK_FIRST } else { VERIFY };
        return NextLook { after: back_off(first, attempts).min(retry), pace: Pace { attempts, left } };
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
    let is_blind = plan.bindings.iter().any(|binding| binding.management.is_live() && binding.sight != Sight::Whole);
    let is_missing =
        plan.bindings.iter().flat_map(|binding| &binding.problems).any(|problem| problem.reason != Reason::Suspended);
    let is_refused = !plan.steps.is_empty();
    let after = if is_blind || is_missing || is_refused { after.min(Duration::from_secs(10)) } else { after };
    let found = match &snapshot.cloud {
        Cloud::Observed(seen) => std::slice::from_ref(&seen.load_balancer),
        Cloud::Unplaced(found) => found,
        Cloud::Missing(_) | Cloud::Failed(_) => &[],
    };
    let is_creating = found.iter().any(|found| found.status == LoadBalancerStatus::Creating);
    let after = if is_creating { after.min(CREATING_POLL) } else { after };
    let after = after.min(replacement_look(plan)).min(resync).min(retry);
    let after = after.min(due(snapshot, plan)).min(drain_end(snapshot).unwrap_or(Duration::MAX));
    NextLook { after, pace: Pace::default() }
}

/// How long a load balancer that cannot be read or written is left alone at most: a Pod that ends, or waits for its gate, does not wait
/// for the end of a long back-off.
fn longest_blindness(snapshot: &Snapshot) -> Duration {
    let is_waiting = |view: &BindingView| {
        let service = view.service.as_deref();
        view.pods.values().any(|pod| is_unsettled(pod) && service.is_some_and(|service| selects(service, pod)))
    };
    if snapshot.bindings.iter().any(is_waiting) { HEALTH_POLL } else { CAP }
}

/// While targets serve on until others do, health is read often. What waits for a record only goes on at once.
fn replacement_look(plan: &Plan) -> Duration {
    if plan.bindings.iter().any(|binding| binding.record == Record::First) {
        VERIFY
    } else if plan.bindings.iter().any(|binding| binding.pending.retained > 0) {
        REPLACEMENT_POLL
    } else {
        Duration::MAX
    }
}

/// How long until something changes by time alone.
fn due(snapshot: &Snapshot, plan: &Plan) -> Duration {
    let first = plan.bindings.iter().filter_map(|binding| binding.look_at).min();
    first.map_or(Duration::MAX, |due| {
        Duration::try_from(due.duration_since(snapshot.now)).unwrap_or_default().max(VERIFY)
    })
}

/// How long until the first drain ends. Nothing happens in Kubernetes at that moment, so nothing else would ask for a round.
fn drain_end(snapshot: &Snapshot) -> Option<Duration> {
    let ends = snapshot.bindings.iter().flat_map(|view| {
        let timeout = SignedDuration::from_secs(i64::from(view.binding.spec.drain.timeout_seconds));
        let left = move |since: Timestamp| timeout - snapshot.now.duration_since(since);
        view.pods.values().filter_map(|pod| pod.deleting_since).map(left)
    });
    ends.filter(SignedDuration::is_positive).min().and_then(|left| Duration::try_from(left).ok())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::condition::GateReason;
    use crate::model::{Limits, LoadBalancerId, ObjectKey};
    use crate::plan::{BindingPlan, GateVerdict, Step, StepOutcome};

    const RESYNC: Duration = Duration::from_secs(60);

    fn snapshot(cloud: Cloud) -> Snapshot {
        Snapshot {
            load_balancer: LoadBalancerId::new("lb-1"),
            region: crate::model::Region::new("ap-guangzhou"),
            cloud,
            caller: crate::model::Caller::default(),
            bindings: Vec::new(),
            cluster: crate::plan::Cluster::default(),
            vpc: crate::plan::vpc::ClusterVpc::Pending,
            reads: crate::plan::ReadState::Settled,
            removals: crate::plan::Removals::Allowed,
            limits: Limits::default(),
            remembered: crate::plan::Remembered::default(),
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            at: Duration::ZERO,
        }
    }

    fn failure(class: Class) -> Failure {
        let (code, message) = (String::new(), String::new());
        Failure { class, action: "RegisterTargets", code, message, request_id: None }
    }

    /// A plan with a Pod that has been waiting for its gate for this long.
    fn waiting(seconds: i64) -> Plan {
        let gate = GateVerdict {
            pod: ObjectKey::new("shop", "web-1"),
            pod_uid: "u".to_owned(),
            verdict: Verdict::Wait(GateReason::HealthCheck, String::new()),
            since: Some(Timestamp::from_second(1_800_000_000 - seconds).unwrap()),
            hint: String::new(),
        };
        let binding = BindingPlan { gates: vec![gate], sight: Sight::Whole, ..BindingPlan::default() };
        Plan { bindings: vec![binding], ..Plan::default() }
    }

    fn after(plan: &Plan, pace: Pace) -> Duration {
        next_look(&snapshot(Cloud::Missing(crate::model::Witnesses::ListOnly)), plan, &Outcome::default(), pace, RESYNC)
            .after
    }

    #[test]
    fn a_waiting_gate_is_looked_at_again_within_two_seconds_and_a_fresh_one_sooner() {
        assert_eq!(after(&waiting(0), Pace::default()), Duration::from_millis(500));
        assert_eq!(after(&waiting(60), Pace::default()), Duration::from_secs(1));
        assert_eq!(after(&waiting(100_000), Pace::default()), Duration::from_secs(2));
        // However often it failed before: back-off is for failures.
        assert_eq!(after(&waiting(0), Pace { attempts: 30, left: 0 }), Duration::from_millis(500));
    }

    #[test]
    fn no_back_off_is_longer_than_a_minute_and_every_class_backs_off() {
        for class in Class::ALL {
            let failed = snapshot(Cloud::Failed(failure(class)));
            let mut pace = Pace::default();
            let mut last = Duration::ZERO;
            for _ in 0..40 {
                let next = next_look(&failed, &Plan::default(), &Outcome::default(), pace, RESYNC);
                assert!(next.after >= last && next.after <= Duration::from_secs(60), "{class:?}: {:?}", next.after);
                (pace, last) = (next.pace, next.after);
            }
            assert_eq!(last, Duration::from_secs(60), "{class:?}");
        }
    }

    #[test]
    fn a_pod_that_ends_or_waits_does_not_wait_for_a_long_back_off() {
        use crate::model::GateState;
        let mut world = crate::plan::tests::world::World::new(&serde_json::json!({})).with_pods(1..=2);
        let after = |world: &crate::plan::tests::world::World| {
            let snapshot = Snapshot { cloud: Cloud::Failed(failure(Class::Unreachable)), ..world.snapshot() };
            let pace = Pace { attempts: 20, left: 0 };
            next_look(&snapshot, &Plan::default(), &Outcome::default(), pace, RESYNC).after
        };
        assert_eq!(after(&world), Duration::from_secs(5), "gates wait");
        world.pod(1).gate = GateState::Open;
        world.pod(2).gate = GateState::Open;
        assert_eq!(after(&world), Duration::from_secs(60));
        world.pod(1).deleting_since = Some(world.now);
        assert_eq!(after(&world), Duration::from_secs(5), "a Pod ends");
    }

    #[test]
    fn the_end_of_a_drain_is_not_slept_through() {
        let mut world = crate::plan::tests::world::World::new(&serde_json::json!({"drain": {"timeoutSeconds": 7}}));
        world = world.with_pods(1..=2);
        let snapshot = |world: &crate::plan::tests::world::World| world.snapshot();
        assert_eq!(drain_end(&snapshot(&world)), None);
        world.pod(1).deleting_since = Some(world.now - SignedDuration::from_secs(5));
        world.pod(2).deleting_since = Some(world.now - SignedDuration::from_secs(10));
        assert_eq!(drain_end(&snapshot(&world)), Some(Duration::from_secs(2)), "one is over, the other is not");
    }

    #[test]
    fn a_round_that_leaves_nothing_to_do_resets_the_pace() {
        let next = next_look(
            &snapshot(Cloud::Missing(crate::model::Witnesses::ListOnly)),
            &Plan::default(),
            &Outcome::default(),
            Pace { attempts: 7, left: 0 },
            RESYNC,
        );
        assert_eq!(next.pace, Pace::default());
    }

    #[test]
    fn a_step_is_verified_soon_and_not_repeated_hotly() {
        let plan = Plan { steps: vec![Step::Register(Vec::new())], ..Plan::default() };
        let outcome = Outcome { steps: vec![(Step::Register(Vec::new()), StepOutcome::Done)], ..Outcome::default() };
        let look = |pace| {
            next_look(&snapshot(Cloud::Missing(crate::model::Witnesses::ListOnly)), &plan, &outcome, pace, RESYNC)
        };
        assert!(look(Pace::default()).after <= Duration::from_millis(50));
        assert!(look(Pace { attempts: 8, left: 1 }).after >= Duration::from_secs(2));
        // One step after the other is no repetition.
        assert!(look(Pace { attempts: 8, left: 2 }).after <= Duration::from_millis(50));
    }
}
