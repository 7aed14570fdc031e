//! When to look at a load balancer again.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::{GateReason, Reason};
use crate::model::{Class, Failure, LoadBalancerStatus};
use crate::mutant::{self, Mutant};
use crate::plan::{BindingView, Cloud, GateVerdict, Outcome, Plan, Record, Sight, Snapshot, Step, Verdict, selects};

use super::visit::is_unsettled;

/// How a load balancer has fared up to now; forgetting it costs nothing but an early look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Rounds in a row that could not read, or did what the one before had done.
    pub attempts: u32,
    /// What the last of these rounds did.
    pub steps: Vec<Step>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextLook {
    /// How long to wait when nothing changes before.
    pub after: Duration,
    /// The pace to go on with.
    pub pace: Pace,
}

/// Poll of a task: the first one soon, because most tasks take well under a second.
const TASK_FIRST: Duration = Duration::from_millis(200);
/// Load balancers are looked at together, at multiples of their polls: one call then tells the health of many. This is the shortest poll.
pub const TICK: Duration = Duration::from_millis(450);
/// Poll of health while a gate waits for it, by how long the newest one has been waiting, and while targets that leave serve on until
/// others do, by how long ago a Pod last became ready or was deleted: what takes long is not hurried by asking often.
const GATE_POLLS: [(SignedDuration, Duration); 3] = [
    (SignedDuration::from_secs(30), TICK),
    (SignedDuration::from_secs(120), TICK.saturating_mul(2)),
    (SignedDuration::from_secs(600), TICK.saturating_mul(4)),
];
/// The same, for what lasts longer: somebody has to mend something first, and may take days.
const GATE_POLL_SLOW: Duration = TICK.saturating_mul(11);
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
/// `at` is the time by a clock that never goes back.
pub fn next_look(
    snapshot: &Snapshot,
    plan: &Plan,
    outcome: &Outcome,
    pace: &Pace,
    resync: Duration,
    at: Duration,
) -> NextLook {
    let more = |is_same: bool| if is_same { pace.attempts.saturating_add(1) } else { 1 };
    if let Cloud::Failed(failure) = &snapshot.cloud {
        let attempts = more(true);
        let after = back_off(first_delay(failure), attempts).min(longest_blindness(snapshot));
        return NextLook { after, pace: Pace { attempts, steps: Vec::new() } };
    }
    let done: Vec<Step> = outcome.done().cloned().collect();
    let retry = outcome.retry_after.unwrap_or(Duration::MAX).max(VERIFY);
    let has_progressed = outcome.has_progressed();
    let attempts = more(has_progressed && repeats(&pace.steps, &done));
    if has_progressed && !outcome.only_registers() {
        // A step that the cloud called done is verified by the next read; one that never shows must not be repeated hotly.
        let first = if outcome.task().is_some() { TASK_FIRST } else { VERIFY };
        return NextLook { after: back_off(first, attempts).min(retry), pace: Pace { attempts, steps: done } };
    }
    let gates = plan.bindings.iter().flat_map(|binding| &binding.gates);
    let waiting: Vec<_> = gates.filter(|gate| waits_for_the_cloud(gate)).collect();
    let after = if !waiting.is_empty() {
        // The Pod that became ready last sets the pace: a stuck one must not slow down those that come after it.
        let newest = waiting.iter().filter_map(|gate| gate.since).max();
        let newest = newest.filter(|_| !mutant::is(Mutant::GatesAreReadOften));
        together(gate_poll(newest.map(|since| snapshot.now.duration_since(since)).unwrap_or_default()), at)
    } else if plan.bindings.iter().any(|binding| binding.counts.healthy < binding.counts.desired) {
        together(HEALTH_POLL, at)
    } else {
        together(if mutant::is(Mutant::ReadsOn) { VERIFY } else { CALM_POLL }, at)
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
    let after = after.min(replacement_look(snapshot, plan)).min(resync).min(retry);
    let after = after.min(due(snapshot, plan)).min(drain_end(snapshot).unwrap_or(Duration::MAX));
    if has_progressed {
        // What was registered is seen soon; what never shows must not be repeated hotly.
        let after = after.min(TICK).max(back_off(VERIFY, attempts));
        return NextLook { after, pace: Pace { attempts, steps: done } };
    }
    NextLook { after, pace: Pace::default() }
}

/// Whether the next read of the cloud may open a gate: its Pod waits for nothing else. Where it is no target, something has to be made first,
/// and that is read soon after. What a user or Kubernetes has to do first comes as an event; only that somebody starts a stopped listener
/// again shows in a calm read.
fn waits_for_the_cloud(gate: &GateVerdict) -> bool {
    let Verdict::Wait(reason, _) = &gate.verdict else { return false };
    let is_of_the_cloud = matches!(reason, GateReason::HealthCheck | GateReason::Registering);
    is_of_the_cloud && gate.since.is_some() || mutant::is(Mutant::GatesAreReadOften)
}

/// Whether something is to be done that was to be done before: it has not shown. Other targets are something else.
fn repeats(before: &[Step], now: &[Step]) -> bool {
    let is_same = |one: &Step, other: &Step| {
        let is_alike = std::mem::discriminant(one) == std::mem::discriminant(other);
        let others: BTreeSet<_> = if is_alike { other.targets().into_iter().collect() } else { BTreeSet::new() };
        one == other || one.targets().iter().any(|target| others.contains(target))
    };
    now.iter().any(|step| before.iter().any(|other| is_same(step, other)))
}

/// How long until the next multiple of a poll, or the one after that where it is just coming.
fn together(poll: Duration, at: Duration) -> Duration {
    let period = poll.as_nanos().max(1);
    let left = period - at.as_nanos() % period;
    let after = if left * 8 < period { left + period } else { left };
    Duration::from_nanos(u64::try_from(after).unwrap_or(u64::MAX))
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

/// While targets serve on until others do, health is read often, as long as Pods come and go: the last one that could serve may be so for
/// days. What waits for a record only goes on at once.
fn replacement_look(snapshot: &Snapshot, plan: &Plan) -> Duration {
    if plan.bindings.iter().any(|binding| binding.record == Record::First) {
        VERIFY
    } else if plan.bindings.iter().any(|binding| binding.pending.retained > 0) {
        let pods = snapshot.bindings.iter().flat_map(|view| view.pods.values());
        let newest = pods.flat_map(|pod| [pod.containers_ready_since, pod.deleting_since]).flatten().max();
        let quiet = newest.map_or(SignedDuration::MAX, |since| snapshot.now.duration_since(since));
        gate_poll(if mutant::is(Mutant::LastIsReadOften) { SignedDuration::ZERO } else { quiet })
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
    use crate::model::{Limits, ListenerId, LoadBalancerId, ObjectKey};
    use crate::plan::{BindingPlan, Step, StepOutcome};

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

    fn after(plan: &Plan, pace: &Pace) -> Duration {
        next_look(
            &snapshot(Cloud::Missing(crate::model::Witnesses::ListOnly)),
            plan,
            &Outcome::default(),
            pace,
            RESYNC,
            Duration::ZERO,
        )
        .after
    }

    #[test]
    fn a_waiting_gate_is_looked_at_again_within_two_seconds_a_fresh_one_sooner_and_one_that_waits_for_long_later() {
        for (waited, ticks) in [(0, 1), (29, 1), (30, 2), (119, 2), (120, 4), (599, 4), (600, 11), (100_000, 11)] {
            assert_eq!(after(&waiting(waited), &Pace::default()), TICK * ticks, "{waited}");
        }
        // However often it failed before: back-off is for failures.
        assert_eq!(after(&waiting(0), &Pace { attempts: 30, steps: Vec::new() }), TICK);
    }

    #[test]
    fn no_back_off_is_longer_than_a_minute_and_every_class_backs_off() {
        for class in Class::ALL {
            let failed = snapshot(Cloud::Failed(failure(class)));
            let mut pace = Pace::default();
            let mut last = Duration::ZERO;
            for _ in 0..40 {
                let next = next_look(&failed, &Plan::default(), &Outcome::default(), &pace, RESYNC, Duration::ZERO);
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
            let pace = Pace { attempts: 20, steps: Vec::new() };
            next_look(&snapshot, &Plan::default(), &Outcome::default(), &pace, RESYNC, Duration::ZERO).after
        };
        assert_eq!(after(&world), Duration::from_secs(5), "gates wait");
        world.pod(1).gate = GateState::Open;
        world.pod(2).gate = GateState::Open;
        assert_eq!(after(&world), Duration::from_secs(60));
        world.pod(1).deleting_since = Some(world.now);
        assert_eq!(after(&world), Duration::from_secs(5), "a Pod ends");
    }

    #[test]
    fn a_gate_that_waits_for_something_else_than_the_cloud_is_no_reason_to_read_often() {
        use GateReason::{BindingHeld, HealthCheck, ListenerStopped, NotRegistered, Registering, WeightUnreadable};
        for (reason, is_ready, expected) in [
            (HealthCheck, true, TICK),
            (Registering, true, TICK),
            (NotRegistered, true, CALM_POLL),
            (HealthCheck, false, CALM_POLL),
            (ListenerStopped, true, CALM_POLL),
            (WeightUnreadable, true, CALM_POLL),
            (BindingHeld, true, CALM_POLL),
        ] {
            let mut plan = waiting(0);
            let gate = &mut plan.bindings[0].gates[0];
            gate.verdict = Verdict::Wait(reason, String::new());
            gate.since = gate.since.filter(|_| is_ready);
            assert_eq!(after(&plan, &Pace::default()), expected, "{reason} {is_ready}");
        }
    }

    #[test]
    fn who_is_kept_as_the_last_one_is_read_less_often_when_no_pod_comes_or_goes() {
        let mut world = crate::plan::tests::world::World::new(&serde_json::json!({})).with_pods(1..=1);
        let pending = crate::plan::Pending { retained: 1, ..crate::plan::Pending::default() };
        let binding = BindingPlan { pending, sight: Sight::Whole, ..BindingPlan::default() };
        let plan = Plan { bindings: vec![binding], ..Plan::default() };
        let mut after = |ready: Option<i64>, deleted: Option<i64>| {
            let ago = |seconds: i64| world.now - SignedDuration::from_secs(seconds);
            let (ready, deleted) = (ready.map(ago), deleted.map(ago));
            (world.pod(1).containers_ready_since, world.pod(1).deleting_since) = (ready, deleted);
            replacement_look(&world.snapshot(), &plan)
        };
        for (ready, deleted, polls) in [
            (Some(1), None, 1),
            (Some(60), None, 2),
            (Some(599), None, 4),
            (Some(100_000), None, 11),
            (Some(100_000), Some(1), 1),
            (None, None, 11),
        ] {
            assert_eq!(after(ready, deleted), TICK * polls, "{ready:?} {deleted:?}");
        }
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
            &Pace { attempts: 7, steps: Vec::new() },
            RESYNC,
            Duration::ZERO,
        );
        assert_eq!(next.pace, Pace::default());
    }

    #[test]
    fn a_step_is_verified_soon_and_not_repeated_hotly() {
        let rules = |name: &str| Step::CreateRules { listener: ListenerId::new(name), rules: Vec::new() };
        let look = |step: Step, pace: &Pace| {
            let plan = Plan { steps: vec![step.clone()], ..Plan::default() };
            let outcome = Outcome { steps: vec![(step, StepOutcome::Done)], ..Outcome::default() };
            let missing = Cloud::Missing(crate::model::Witnesses::ListOnly);
            next_look(&snapshot(missing), &plan, &outcome, pace, RESYNC, Duration::ZERO)
        };
        assert!(look(rules("lbl-1"), &Pace::default()).after <= Duration::from_millis(50));
        let slow = Pace { attempts: 8, steps: vec![rules("lbl-1")] };
        assert!(look(rules("lbl-1"), &slow).after >= Duration::from_secs(2));
        assert!(look(rules("lbl-2"), &slow).after <= Duration::from_millis(50), "something else is no repetition");
    }

    #[test]
    fn pods_that_come_one_after_another_are_looked_at_soon_and_one_that_never_shows_is_not_registered_hotly() {
        let register = |number: u8| {
            let address = crate::plan::tests::world::address(number.into());
            let route = crate::model::Route { listener: ListenerId::new("lbl-1"), rule: None };
            Step::Register(vec![crate::plan::Registration {
                owner: String::new(),
                route,
                address,
                pod: String::new(),
                pod_uid: String::new(),
                reason: crate::api::condition::ChangeReason::PodReady,
                weight: 10,
                tag: String::new(),
            }])
        };
        let look = |step: Step, pace: &Pace| {
            let plan = Plan { steps: vec![step.clone()], ..waiting(0) };
            let outcome = Outcome { steps: vec![(step, StepOutcome::Done)], ..Outcome::default() };
            let missing = Cloud::Missing(crate::model::Witnesses::ListOnly);
            next_look(&snapshot(missing), &plan, &outcome, pace, RESYNC, Duration::ZERO)
        };
        let mut pace = Pace::default();
        for number in 1..=100 {
            let next = look(register(number), &pace);
            assert!(next.after <= TICK, "{number}: {:?}", next.after);
            pace = next.pace;
        }
        for _ in 0..10 {
            pace = look(register(100), &pace).pace;
        }
        assert!(look(register(100), &pace).after >= Duration::from_secs(10));
    }
}
