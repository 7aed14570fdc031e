//! What a plan and a status say of a binding besides targets, steps and problems, in lines.
//!
//! Both are taken apart here without `..`: a new field does not compile before somebody has decided where the plugin shows it.

use serde::Serialize;

use super::ungated::ungated as ungated_pods;
use super::world::Seen;
use crate::api::advice::AdviceReason;
use crate::api::binding::{GateStatus, HeldWeightCause, LoadBalancerStatus};
use crate::api::condition::ConditionType;
use crate::api::service_config::EntryProblem;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus};
use crate::model::Service;
use crate::plan::{Advice, BindingPlan, Management, Pending, Release, Sight, TagSight};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Topic {
    /// What is worth knowing and is not wrong.
    Note,
    /// How far the controller acts on the binding, where that is not in full.
    Management,
    /// What waits for TKE's own service controller.
    Delegated,
    /// What waits for another listener.
    Awaited,
    /// A wish of the config that is not granted.
    Config,
    /// A weight that a target does not show.
    HeldWeight,
    /// When something changes by time alone.
    NextLook,
    /// The cloud does not show tags.
    Tags,
    /// The controller has not looked at the binding as it stands.
    NotObserved,
    /// Removals are, or were, held.
    Removals,
    /// Readiness gates.
    Gates,
    /// Pods that are no targets.
    Excluded,
    /// The load balancer.
    LoadBalancer,
    /// A condition that is not True.
    Condition,
    /// What the controller says of the Service's annotations.
    Service,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Remark {
    pub(super) topic: Topic,
    pub(super) message: String,
}

impl Remark {
    fn new(topic: Topic, message: impl Into<String>) -> Self {
        Self { topic, message: message.into() }
    }
}

/// What a plan says of a binding.
pub(super) fn of_plan(plan: &BindingPlan) -> Vec<Remark> {
    but_for(plan, None)
}

/// The same without advice that is given in other words.
fn but_for(plan: &BindingPlan, known: Option<AdviceReason>) -> Vec<Remark> {
    let BindingPlan {
        management,
        config_problems,
        advice,
        pending,
        held_weights,
        look_at,
        release,
        tags,
        // `plan` prints the first with the steps; `explain` says them of its links.
        problems: _,
        // With the problem that removals are held.
        withheld: _,
        // With the problem that it is parked, and a line of `get`.
        left: _,
        // Rows and lines of `get`.
        exclusions: _,
        listeners: _,
        counts: _,
        retained: _,
        kept: _,
        // A line of `get`, and a step of `plan` while it waits for its record.
        draining: _,
        record: _,
        // A column of `get` and a link of `explain`, as Pods have them.
        gates: _,
        // With the advice.
        ungated: _,
        // Links of `explain`, as Pods and listeners have them.
        no_targets: _,
        unhealthy: _,
        // Steps.
        placement: _,
        // What the controller alone goes by.
        config_generation: _,
        losses: _,
        sightings: _,
        sight: _,
        // With the condition TargetsHealthy.
        health_failure: _,
    } = plan;
    let mut remarks: Vec<_> = advice.iter().filter(|one| Some(one.reason) != known).map(note).collect();
    remarks.extend(management_words(*management, *release).map(|words| Remark::new(Topic::Management, words)));
    remarks.extend(waiting(pending));
    remarks.extend(config_problems.iter().map(config));
    let held = held_weights.iter();
    remarks.extend(held.map(|one| held_weight(&one.pod, one.route.listener.as_str(), one.weight.into(), one.cause)));
    if *tags == TagSight::Hidden {
        remarks.push(Remark::new(Topic::Tags, "CLB does not show the tags of targets, by which they are told apart"));
    }
    remarks.extend(
        look_at.map(|time| Remark::new(Topic::NextLook, format!("waits until {time}, and then goes on by itself"))),
    );
    remarks
}

/// What a plan and the status say of a binding as it is. What the plan knows anew is not repeated as it was.
pub(super) fn of_binding(seen: &Seen<'_>) -> Vec<Remark> {
    // Said with names and commands, once.
    let ungated = ungated_pods(seen);
    let known = (!ungated.is_empty()).then_some(AdviceReason::UngatedPods);
    let mut remarks = but_for(seen.plan, known);
    remarks.retain(|remark| remark.topic != Topic::NextLook);
    if let Some(status) = &seen.view.binding.status {
        remarks.extend(of_status(seen, status));
    }
    remarks.extend(ungated.iter().map(|row| Remark::new(Topic::Gates, format!("{}; {}", row.words(), row.remedy()))));
    remarks.extend(seen.view.service.as_deref().and_then(of_service));
    remarks
}

fn of_status(seen: &Seen<'_>, status: &DirectAccessBindingStatus) -> Vec<Remark> {
    let DirectAccessBindingStatus {
        observed_generation,
        load_balancer,
        excluded,
        held_weights,
        gates,
        config_problems,
        removals_held_by,
        conditions,
        // The plan has it.
        advice: _,
        // A line of `get`.
        left: _,
        // Rows of `get`, by the same names.
        targets: _,
        listeners: _,
        draining: _,
        // Records for the controller and for admission policies.
        observed_config_generation: _,
        annotations: _,
        pod_selector: _,
        publishes_not_ready_addresses: _,
        // What `reconcile` waits for.
        last_handled_reconcile_at: _,
    } = status;
    let mut remarks: Vec<_> = not_observed(&seen.view.binding, *observed_generation).into_iter().collect();
    remarks.extend(load_balancer.iter().filter_map(load_balancer_words));
    // The plan says it of every binding while it is so.
    if let Some(reason) = removals_held_by.as_ref().filter(|_| seen.removals.held().is_none()) {
        let words = format!("removals were held ({reason}) when the controller last looked");
        remarks.push(Remark::new(Topic::Removals, words));
    }
    let is_blind = seen.plan.sight == Sight::Nothing;
    if is_blind {
        remarks.extend(gates.iter().filter_map(ungated));
        remarks.extend(config_problems.iter().map(config));
        let held = held_weights.iter();
        remarks.extend(held.map(|one| held_weight(&one.pod, &one.listener_id, one.weight.into(), one.cause)));
        let is_said = |reason: &str| {
            let mut known = seen.routes.iter().flat_map(|route| &route.exclusions);
            known.any(|one| one.reason.as_str() == reason)
        };
        let unsaid = excluded.iter().filter(|one| !is_said(&one.reason));
        remarks.extend(unsaid.map(|one| {
            let words = format!("{} no targets ({}): {}", one.count, one.reason, one.pods.join(", "));
            Remark::new(Topic::Excluded, words)
        }));
    }
    let ready = conditions.iter().find(|one| one.type_ == ConditionType::Ready.as_str());
    // Ready has the words of one of them.
    let is_news = |message: &str| ready.is_none_or(|ready| ready.message != message);
    let others = conditions.iter().filter(|one| one.status == "False" && is_news(&one.message));
    remarks.extend(
        others.filter(|one| one.type_ != ConditionType::Ready.as_str()).map(|one| {
            Remark::new(Topic::Condition, format!("{} is False ({}): {}", one.type_, one.reason, one.message))
        }),
    );
    remarks
}

/// What the controller says of the annotations of a Service, where it does not follow them all.
pub(super) fn of_service(service: &Service) -> Option<Remark> {
    let condition = service.condition.as_ref().filter(|condition| !condition.is_true)?;
    let words = format!("Service '{}': {}: {}", service.key.name, condition.reason, condition.message);
    Some(Remark::new(Topic::Service, words))
}

const fn management_words(management: Management, release: Release) -> Option<&'static str> {
    Some(match (management, release) {
        (Management::Manage, _) => return None,
        (Management::Observe, _) => "TKE's own service controller programs CLB, and this one looks",
        (Management::Hold, _) => "what is recorded of it stays as it is, and Pods come and go there",
        (Management::Freeze(_), _) => {
            "nothing of it is changed, but that targets of Pods that are gone lose their weight"
        }
        (Management::Park(_), _) => {
            "it is marked as parked: what is its own on listeners is to go, and the load balancer is to stay"
        }
        (Management::Release(_), Release::Waits) => "it is being deleted, and waits until all that is its own is gone",
        (Management::Release(_), Release::Done) => "it is being deleted, and may go",
        (Management::Abandon(_), _) => "it is being deleted, and what it has in CLB stays",
    })
}

/// What waits for somebody else.
fn waiting(pending: &Pending) -> impl Iterator<Item = Remark> {
    let Pending {
        delegated,
        awaited,
        // Steps, and lines of those that are kept.
        create: _,
        create_rules: _,
        register: _,
        reweight: _,
        deregister: _,
        retained: _,
        attributes: _,
        delete_rules: _,
        delete: _,
        create_load_balancer: _,
        delete_load_balancer: _,
    } = *pending;
    let by_tke = format!("{delegated} listeners, rules or targets are TKE's own service controller's to make");
    let by_others = format!("{awaited} targets are registered once another listener has let go of them");
    let by_tke = (delegated > 0).then(|| Remark::new(Topic::Delegated, by_tke));
    by_tke.into_iter().chain((awaited > 0).then(|| Remark::new(Topic::Awaited, by_others)))
}

/// An advice, with the Pods that it is about.
fn note(advice: &Advice) -> Remark {
    let Advice { reason: _, message, pods, count } = advice;
    let words = match count.saturating_sub(pods.len()) {
        _ if pods.is_empty() => message.clone(),
        0 => format!("{message} ({})", pods.join(", ")),
        more => format!("{message} ({} and {more} more)", pods.join(", ")),
    };
    Remark::new(Topic::Note, words)
}

fn config(problem: &EntryProblem) -> Remark {
    Remark::new(Topic::Config, entry_words(problem))
}

/// What is wrong with an entry of a config.
pub(super) fn entry_words(problem: &EntryProblem) -> String {
    let EntryProblem { entry, field, reason, message } = problem;
    let field = field.as_ref().map(|field| format!(" {field}")).unwrap_or_default();
    format!("config entry {entry}{field}: {reason}: {message}")
}

fn held_weight(pod: &str, listener: &str, weight: i64, cause: HeldWeightCause) -> Remark {
    let why = match cause {
        HeldWeightCause::Taken => "comes back when the Pod can serve",
        HeldWeightCause::Unreadable => "stays, because what is said of it cannot be read",
    };
    Remark::new(Topic::HeldWeight, format!("weight {weight} of {pod} on {listener} {why}"))
}

fn not_observed(binding: &DirectAccessBinding, observed: i64) -> Option<Remark> {
    let generation = binding.metadata.generation.unwrap_or_default();
    let words = format!("the controller has not looked at it as it stands: generation {observed} of {generation}");
    (observed < generation).then(|| Remark::new(Topic::NotObserved, words))
}

fn load_balancer_words(load_balancer: &LoadBalancerStatus) -> Option<Remark> {
    let LoadBalancerStatus {
        id,
        requested_time,
        requested_vpc_id,
        // Columns of `get`.
        address: _,
        addresses: _,
        domain: _,
        region: _,
        // Said by problems where they matter.
        account: _,
        created: _,
        former_uids: _,
        hides_tags: _,
    } = load_balancer;
    let asked = requested_time.as_ref().filter(|_| id.is_empty())?;
    let place = requested_vpc_id.as_ref().map(|id| format!(" in VPC '{id}'")).unwrap_or_default();
    let words = format!("a load balancer was asked for{place} at {}, and is not there yet", asked.0);
    Some(Remark::new(Topic::LoadBalancer, words))
}

/// Pods that run without the gate; they are in the plan's advice, unless nothing was read.
fn ungated(gates: &GateStatus) -> Option<Remark> {
    let GateStatus {
        ungated_pods,
        // A column of `get` and a link of `explain`, as Pods have them.
        waiting: _,
        oldest_time: _,
    } = gates;
    (*ungated_pods > 0).then(|| Remark::new(Topic::Gates, format!("Pods without the gate: {ungated_pods}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::advice::AdviceReason;
    use crate::model::{ListenerId, Route};
    use crate::plan::HeldWeight;

    #[test]
    fn a_plan_says_what_is_no_step_and_no_problem() {
        let route = Route { listener: ListenerId::new("lbl-1"), rule: None };
        let held =
            |cause| HeldWeight { route: route.clone(), pod: "web-1".to_owned(), weight: 10, cause, is_wanted: true };
        let plan = BindingPlan {
            management: Management::Observe,
            advice: vec![Advice {
                reason: AdviceReason::ListenerReplaced,
                message: "dark for a while".to_owned(),
                pods: vec!["web-1".to_owned()],
                count: 3,
            }],
            config_problems: vec![EntryProblem {
                entry: "TCP:80".to_owned(),
                field: Some("healthCheck.timeout".to_owned()),
                reason: "OutOfRange".to_owned(),
                message: "2 to 60".to_owned(),
            }],
            pending: Pending { delegated: 2, awaited: 3, ..Pending::default() },
            held_weights: vec![held(HeldWeightCause::Taken), held(HeldWeightCause::Unreadable)],
            tags: TagSight::Hidden,
            look_at: Some(jiff::Timestamp::UNIX_EPOCH),
            ..BindingPlan::default()
        };
        let said: Vec<_> = of_plan(&plan).into_iter().map(|one| (one.topic, one.message)).collect();
        let expected = [
            (Topic::Note, "dark for a while (web-1 and 2 more)"),
            (Topic::Management, "TKE's own service controller programs CLB, and this one looks"),
            (Topic::Delegated, "2 listeners, rules or targets are TKE's own service controller's to make"),
            (Topic::Awaited, "3 targets are registered once another listener has let go of them"),
            (Topic::Config, "config entry TCP:80 healthCheck.timeout: OutOfRange: 2 to 60"),
            (Topic::HeldWeight, "weight 10 of web-1 on lbl-1 comes back when the Pod can serve"),
            (Topic::HeldWeight, "weight 10 of web-1 on lbl-1 stays, because what is said of it cannot be read"),
            (Topic::Tags, "CLB does not show the tags of targets, by which they are told apart"),
            (Topic::NextLook, "waits until 1970-01-01T00:00:00Z, and then goes on by itself"),
        ];
        assert_eq!(said, expected.map(|(topic, words)| (topic, words.to_owned())));
    }
}
