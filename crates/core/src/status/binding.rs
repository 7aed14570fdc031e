//! The status of a binding: from its part of the plan, what became of it, and the previous status.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::advice::AdviceReason;
use crate::api::binding::{
    AdviceStatus, AppliedAnnotation, DrainingStatus, ExclusionStatus, GateStatus, HeldWeightCause, HeldWeightStatus,
    Left, ListenerProtocol, ListenerStatus, PodLabel, RuleStatus, TargetStatus, limit,
};
use crate::api::condition::{ConditionType, Reason};
use crate::api::course::Motion;
use crate::api::mark::ListenerName;
use crate::api::{DirectAccessBindingStatus, MESSAGE_MAX, clip, names};
use crate::model::{Attributes, Failure, Protocol, Region};
use crate::plan::{
    Advice, BindingPlan, BindingView, Cloud, ConfigView, Draining, GateRule, HeldWeight, ListenerFacts, Maker,
    Management, Outcome, Release, RuleFacts, Sight, Snapshot, Step, StepOutcome, Verdict as GateVerdict,
};

use super::conditions::{ConditionSet, Truth, Verdict, whole_seconds};
use super::config::config_problems;
use super::motion::{Lasting, motion};
use super::placement::load_balancer;
use super::programmed::programmed;
use super::refused::RefusedWrites;
use super::targets_healthy::targets_healthy;
use super::visit::{Visit, is_kept};

/// One finished round, as far as statuses need it.
pub struct Round<'a> {
    /// What was seen.
    pub snapshot: &'a Snapshot,
    /// What became of the plan.
    pub outcome: &'a Outcome,
    /// The region of the load balancer.
    pub region: &'a Region,
    /// A step whose task was submitted earlier and ended badly.
    pub failed_task: Option<&'a (Step, Failure)>,
    /// Gates that the API server did not take.
    pub refused_gates: &'a [RefusedGate],
    /// What else the API server did not take, by the UID of the binding that it is written for.
    pub refused_writes: &'a [(String, RefusedWrites)],
    /// Which of the rounds over the load balancer it is.
    pub visit: Visit,
}

/// A readiness gate that could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedGate {
    /// The UID of the Pod.
    pub pod_uid: String,
    /// What the API server has against it.
    pub message: String,
}

/// The status that a binding should have.
pub fn binding_status(
    round: &Round<'_>,
    view: &BindingView,
    plan: &BindingPlan,
    annotations: &[(String, String)],
    previous: &DirectAccessBindingStatus,
) -> DirectAccessBindingStatus {
    if is_kept(round.visit, round.snapshot, &view.binding, previous) {
        return previous.clone();
    }
    let generation = view.binding.metadata.generation.unwrap_or_default();
    let asked = view.binding.metadata.annotations.as_ref().and_then(|all| all.get(names::RECONCILE_REQUESTED_AT));
    let mut status = DirectAccessBindingStatus {
        observed_generation: generation,
        load_balancer: load_balancer(round, view, plan).or_else(|| previous.load_balancer.clone()),
        conditions: conditions(round, view, plan, &previous.conditions, generation),
        annotations: annotations.iter().take(limit::ANNOTATIONS).map(applied).collect(),
        pod_selector: pod_selector(view, previous),
        publishes_not_ready_addresses: publishes_not_ready_addresses(view, previous),
        observed_config_generation: config_generation(view, plan, previous),
        removals_held_by: round.snapshot.removals.held().map(|hold| hold.reason.to_string()),
        left: plan.left.or(previous.left).filter(|_| view.is_parked()),
        last_handled_reconcile_at: asked.map(|value| clip(value, 256)),
        ..DirectAccessBindingStatus::default()
    };
    if matches!(plan.management, Management::Release(_)) && plan.release == Release::Done {
        // It is proven that nothing is left. Somebody else's finalizer may keep the object.
        (status.targets, status.gates) = (Some(targets(plan)), Some(gates(plan)));
        return status;
    }
    if matches!(plan.management, Management::Park(_)) && plan.left == Some(Left::NOTHING) {
        // It has its load balancer and serves nothing there. Until then, what it had is the record of what is still to go.
        status.advice = advice(plan, &previous.advice);
        status.targets = Some(targets(plan));
        status.draining = plan.draining.iter().take(limit::DRAINING).map(draining).collect();
        status.gates = frozen_gates(plan, previous.gates.clone());
        return status;
    }
    if plan.sight == Sight::Nothing || !plan.management.is_live() {
        keep_known(&mut status, view, plan, previous);
        return status;
    }
    status.advice = advice(plan, &[]);
    status.targets = Some(targets(plan));
    status.listeners = listeners(plan).take(limit::LISTENERS).map(|facts| listener(round, view, facts)).collect();
    if plan.sight == Sight::WithoutHealth {
        keep_health(&mut status, previous);
    }
    status.excluded = excluded(plan);
    status.draining = plan.draining.iter().take(limit::DRAINING).map(draining).collect();
    status.held_weights = held_weights(&plan.held_weights);
    status.gates = Some(gates(plan));
    status.config_problems = config_problems(round, view, plan, &status.listeners);
    status
}

/// What was known is still the best that is known, and of a binding that goes, the record of what it has.
fn keep_known(
    status: &mut DirectAccessBindingStatus,
    view: &BindingView,
    plan: &BindingPlan,
    previous: &DirectAccessBindingStatus,
) {
    status.advice = advice(plan, &previous.advice);
    status.targets.clone_from(&previous.targets);
    status.listeners.clone_from(&previous.listeners);
    if plan.problems.iter().any(|problem| problem.reason == Reason::LoadBalancerNotFound) {
        serve_nobody(status);
    }
    status.excluded.clone_from(&previous.excluded);
    status.draining.clone_from(&previous.draining);
    status.held_weights.clone_from(&previous.held_weights);
    status.gates = frozen_gates(plan, previous.gates.clone());
    if !matches!(view.config, ConfigView::None) {
        status.config_problems.clone_from(&previous.config_problems);
    }
}

/// Nobody is healthy behind a load balancer that is not there. What was registered stays on record: a binding that goes waits for proof
/// that it is gone.
fn serve_nobody(status: &mut DirectAccessBindingStatus) {
    if let Some(targets) = &mut status.targets {
        (targets.healthy, targets.summary) = (0, format!("0/{}", targets.desired));
    }
    for listener in &mut status.listeners {
        listener.healthy = 0;
        listener.rules.iter_mut().for_each(|rule| rule.healthy = 0);
    }
}

/// The listeners, one for each port and protocol, which are the key of the list: one that exists comes before one that is wanted in
/// its place.
fn listeners(plan: &BindingPlan) -> impl Iterator<Item = &ListenerFacts> {
    let is_same = |a: &ListenerFacts, b: &ListenerFacts| (a.port, a.protocol) == (b.port, b.protocol);
    let is_first = move |place: usize, facts: &ListenerFacts| {
        let mut rivals = plan.listeners.iter().enumerate().filter(|(_, other)| is_same(other, facts));
        !rivals.any(|(other, rival)| other != place && (rival.id.is_some(), place) > (facts.id.is_some(), other))
    };
    plan.listeners.iter().enumerate().filter(move |(place, facts)| is_first(*place, facts)).map(|(_, facts)| facts)
}

fn draining(draining: &Draining) -> DrainingStatus {
    DrainingStatus {
        address: draining.address.to_string(),
        listener_id: draining.route.listener.to_string(),
        location_id: draining.route.rule.as_ref().map(ToString::to_string),
        since: Time(whole_seconds(draining.since)),
        reason: draining.reason.to_string(),
    }
}

/// The rows that the status has room for: of Pods that are to serve first, and of those that nobody can read a weight of.
fn held_weights(all: &[HeldWeight]) -> Vec<HeldWeightStatus> {
    let mut kept: Vec<_> = all.iter().enumerate().collect();
    kept.sort_by_key(|(_, held)| (!held.is_wanted, held.cause != HeldWeightCause::Unreadable));
    kept.truncate(limit::HELD_WEIGHTS);
    kept.sort_by_key(|(place, _)| *place);
    kept.into_iter().map(|(_, held)| held_weight(held)).collect()
}

fn held_weight(held: &HeldWeight) -> HeldWeightStatus {
    HeldWeightStatus {
        pod: held.pod.clone(),
        listener_id: held.route.listener.to_string(),
        location_id: held.route.rule.as_ref().map(ToString::to_string),
        weight: i32::from(held.weight),
        cause: held.cause,
    }
}

/// What is worth knowing. What only a read tells stays as it was in `last`.
fn advice(plan: &BindingPlan, last: &[AdviceStatus]) -> Vec<AdviceStatus> {
    let row = |advice: &Advice| AdviceStatus {
        reason: advice.reason.to_string(),
        message: clip(&advice.message, MESSAGE_MAX),
        pods: advice.pods.iter().take(limit::PODS).cloned().collect(),
        count: (advice.count > 0).then(|| count(advice.count)),
    };
    let needs_read = |row: &&AdviceStatus| row.reason.parse().is_ok_and(AdviceReason::needs_read);
    let kept = last.iter().filter(needs_read).filter(|_| plan.management.is_live()).cloned();
    let mut all: Vec<&Advice> = plan.advice.iter().collect();
    all.sort();
    all.dedup();
    let mut rows: Vec<_> = all.into_iter().map(row).chain(kept).collect();
    let more = rows.len().saturating_sub(limit::ADVICE);
    rows.truncate(limit::ADVICE);
    if let Some(last) = rows.last_mut().filter(|_| more > 0) {
        last.message = format!("{} more are not listed; follow these first", more + 1);
        (last.pods, last.count) = (Vec::new(), None);
    }
    rows
}

/// What is in force stays in force until a read shows something else.
fn config_generation(view: &BindingView, plan: &BindingPlan, previous: &DirectAccessBindingStatus) -> Option<i64> {
    match &view.config {
        ConfigView::None => None,
        _ => plan.config_generation.or(previous.observed_config_generation),
    }
}

/// Health as it was last known, where the read that would tell it failed.
fn keep_health(status: &mut DirectAccessBindingStatus, previous: &DirectAccessBindingStatus) {
    if let (Some(now), Some(before)) = (&mut status.targets, &previous.targets) {
        now.healthy = before.healthy.min(now.desired);
        now.summary = format!("{}/{}", now.healthy, now.desired);
    }
    for now in &mut status.listeners {
        let before = previous.listeners.iter().find(|row| row.listener_id == now.listener_id);
        now.healthy = before.map_or(0, |row| row.healthy.min(now.desired));
    }
}

fn applied((key, value): &(String, String)) -> AppliedAnnotation {
    AppliedAnnotation { key: key.clone(), value: clip(value, limit::ANNOTATION_VALUE) }
}

/// The selector of the Service; of one that is missing or has none, what it last was: Pods go on to come and go by that.
fn pod_selector(view: &BindingView, previous: &DirectAccessBindingStatus) -> Vec<PodLabel> {
    let Some(service) = view.service.as_deref().filter(|service| !service.selector.is_empty()) else {
        return previous.pod_selector.clone();
    };
    let labels = service.selector.iter().take(limit::LABELS);
    labels.map(|(key, value)| PodLabel { key: key.clone(), value: value.clone() }).collect()
}

/// Whether the Service publishes Pods that are not ready; of one that is missing, whether it last did.
fn publishes_not_ready_addresses(view: &BindingView, previous: &DirectAccessBindingStatus) -> bool {
    let service = view.service.as_deref().filter(|service| !service.selector.is_empty());
    service.map_or(previous.publishes_not_ready_addresses, |service| service.publish_not_ready_addresses)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn targets(plan: &BindingPlan) -> TargetStatus {
    let counts = plan.counts;
    TargetStatus {
        desired: count(counts.desired),
        registered: count(counts.registered),
        healthy: count(counts.healthy),
        draining: count(counts.draining),
        retained: count(plan.pending.retained),
        excluded: count(plan.exclusions.len()),
        summary: format!("{}/{}", counts.healthy, counts.desired),
    }
}

const fn protocol(protocol: Protocol) -> ListenerProtocol {
    match protocol {
        Protocol::Tcp => ListenerProtocol::Tcp,
        Protocol::Udp => ListenerProtocol::Udp,
        Protocol::TcpSsl => ListenerProtocol::TcpSsl,
        Protocol::Quic => ListenerProtocol::Quic,
        Protocol::Http => ListenerProtocol::Http,
        Protocol::Https => ListenerProtocol::Https,
    }
}

fn listener(round: &Round<'_>, view: &BindingView, facts: &ListenerFacts) -> ListenerStatus {
    let rule = |rule: &RuleFacts| RuleStatus {
        domain: rule.domain.clone(),
        url: rule.url.clone(),
        location_id: rule.id.as_ref().map(ToString::to_string),
        desired: count(rule.desired),
        healthy: count(rule.healthy),
    };
    let key = |rule: &RuleFacts| (rule.domain.clone(), rule.url.clone());
    let mut seen = BTreeSet::new();
    let is_first = |rule: &&RuleFacts| seen.insert(key(rule));
    ListenerStatus {
        rules: facts.rules.iter().filter(is_first).take(limit::RULES).map(rule).collect(),
        created: facts.maker == Maker::Binding,
        service_port: facts.service_port.as_ref().map(|port| port.name.clone()).filter(|name| !name.is_empty()),
        target_port: facts.service_port.as_ref().map(|port| port.target_port.to_string()),
        written: written(round, view, facts),
        protocol: protocol(facts.protocol),
        port: i32::from(facts.port),
        listener_id: facts.id.as_ref().map(ToString::to_string),
        desired: count(facts.desired),
        healthy: count(facts.healthy),
    }
}

/// What is to be remembered of the switches that the cloud shows as flags: also what this round has written, but not what turned out
/// to have failed.
fn written(round: &Round<'_>, view: &BindingView, facts: &ListenerFacts) -> Vec<String> {
    let mut flags = facts.flags.clone();
    if let Some(change) = round.failed_task.and_then(|(step, _)| attributes_of(step, view, facts)) {
        flags.failed(change);
    }
    let accepted = round
        .outcome
        .steps
        .iter()
        .filter(|(_, outcome)| matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_)));
    accepted.filter_map(|(step, _)| attributes_of(step, view, facts)).for_each(|change| flags.wrote(change));
    flags.rows().take(limit::WRITTEN).collect()
}

/// The settings that a step gives to a listener of the binding.
fn attributes_of<'a>(step: &'a Step, view: &BindingView, facts: &ListenerFacts) -> Option<&'a Attributes> {
    match step {
        Step::CreateListeners { protocol, attributes, listeners } => {
            let is_this =
                |(port, name): &(u16, String)| *port == facts.port && ListenerName::owner(name) == Some(view.uid());
            (*protocol == facts.protocol && listeners.iter().any(is_this)).then_some(attributes)
        }
        Step::ModifyListener { listener, change } => {
            (facts.id.as_ref() == Some(listener)).then_some(&change.attributes)
        }
        _ => None,
    }
}

fn excluded(plan: &BindingPlan) -> Vec<ExclusionStatus> {
    let groups = plan.exclusions.chunk_by(|a, b| a.reason == b.reason);
    let row = |group: &[crate::plan::Exclusion]| {
        let reason = group.first()?.reason;
        Some(ExclusionStatus {
            reason: reason.to_string(),
            count: count(group.len()),
            pods: group.iter().take(limit::PODS).map(|exclusion| exclusion.pod.clone()).collect(),
            message: clip(&format!("{} {}", reason.meaning(), reason.remedy()), MESSAGE_MAX),
        })
    };
    groups.filter_map(row).take(limit::EXCLUSIONS).collect()
}

/// The gates of Pods that no proof is waited for can be told whatever was read.
fn frozen_gates(plan: &BindingPlan, previous: Option<GateStatus>) -> Option<GateStatus> {
    match plan.management.gates() {
        GateRule::OnProof => previous,
        GateRule::Waits(_) | GateRule::Opens(_) | GateRule::ByTke => {
            let ungated_pods = previous.map_or(0, |previous| previous.ungated_pods);
            Some(GateStatus { ungated_pods, ..gates(plan) })
        }
    }
}

fn gates(plan: &BindingPlan) -> GateStatus {
    let waiting = || plan.gates.iter().filter(|gate| matches!(gate.verdict, GateVerdict::Wait(..)));
    GateStatus {
        waiting: count(waiting().count()),
        oldest_time: waiting().filter_map(|gate| gate.since).min().map(Time),
        ungated_pods: count(plan.ungated),
    }
}

fn conditions(
    round: &Round<'_>,
    view: &BindingView,
    plan: &BindingPlan,
    previous: &[Condition],
    generation: i64,
) -> Vec<Condition> {
    let accepted = faults(plan, ConditionType::Accepted).unwrap_or_else(accepted);
    let resolved = faults(plan, ConditionType::ResolvedRefs)
        .unwrap_or_else(|| Verdict::new(Truth::True, Reason::Resolved, "everything the spec names exists"));
    let programmed = programmed(round, view, plan);
    let healthy = targets_healthy(view, plan);
    let ready = ready(round, plan, &[&accepted, &resolved, &programmed, &healthy]);

    let mut set = ConditionSet::new(previous, generation, round.snapshot.now);
    let unhealthy_since = plan.unhealthy.first().and_then(|first| first.since);
    let motion = motion(&ready, &Lasting { before: &set, healthy: &healthy, unhealthy_since });
    // Whatever is the case: it does not get there.
    let truth = if motion == Some(Motion::Stuck) { Truth::False } else { ready.truth };
    let ready = Verdict { truth, ..ready };
    set.set(ConditionType::Accepted, &accepted);
    set.set(ConditionType::ResolvedRefs, &resolved);
    set.set(ConditionType::Programmed, &programmed);
    set.set(ConditionType::TargetsHealthy, &healthy);
    set.set(ConditionType::Ready, &ready);
    match motion {
        Some(Motion::Moving) => {
            set.set(ConditionType::Reconciling, &Verdict { truth: Truth::True, ..ready.clone() });
        }
        Some(Motion::Stuck) => set.set(ConditionType::Stalled, &Verdict { truth: Truth::True, ..ready.clone() }),
        None => {}
    }
    set.into_vec()
}

/// The False verdict of a condition that has problems: the reason of the first, the words of all.
pub(super) fn faults(plan: &BindingPlan, condition: ConditionType) -> Option<Verdict> {
    let problems: Vec<_> = plan.problems.iter().filter(|problem| problem.condition == condition).collect();
    let first = problems.first()?;
    let words: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Some(Verdict::new(Truth::False, first.reason, words.join("; ")))
}

fn accepted() -> Verdict {
    Verdict::new(Truth::True, Reason::Accepted, "the spec is valid and without conflict")
}

fn ready(round: &Round<'_>, plan: &BindingPlan, all: &[&Verdict]) -> Verdict {
    // What keeps a binding from being parked is said first: it serves, and somebody has to act.
    let is_held = |verdict: &&&Verdict| plan.is_parking_held() && verdict.reason == Reason::RemovalsHeld;
    let first = all.iter().find(is_held).or_else(|| all.iter().find(|verdict| !verdict.is_true()));
    if let Some(first) = first {
        return (*first).clone();
    }
    let counts = plan.counts;
    let id = match &round.snapshot.cloud {
        Cloud::Observed(observed) => observed.load_balancer.id.to_string(),
        Cloud::Missing(_) | Cloud::Failed(_) | Cloud::Unplaced(_) => String::new(),
    };
    let message = format!("{} of {} Pods are healthy targets of {id}", counts.healthy, counts.desired);
    Verdict::new(Truth::True, Reason::Ready, message)
}
