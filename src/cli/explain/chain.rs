//! The chain: each link decided from what was read.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::closest::{Closest, closest, differences};
use super::facts::{Facts, Injection};
use super::group::selectorless;
use super::link::{Link, Name, joined};
use super::words::Said;
use super::{port, target, words};
use crate::api::DirectAccessBinding;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ConditionType, ExclusionReason, Reason};
use crate::api::names;
use crate::cli::lease::Leader;
use crate::cli::ungated::{Cause, cause, created};
use crate::cli::workload::replacement;
use crate::cli::world::Seen;
use crate::model::{GateState, Phase, Pod};
use crate::plan::Problem;

/// All links, in their order.
pub(super) fn chain(facts: &Facts) -> Vec<Link> {
    let selecting = facts.selecting();
    let mut links = vec![service(facts, &selecting), binding(facts, &selecting), controller(facts, &selecting)];
    links.push(pod(facts, &selecting));
    if selecting.is_empty() {
        links.extend([gate(facts, &selecting), ready(facts)]);
        return links;
    }
    let each =
        |name, of: fn(&Facts, &Seen<'_>) -> Link| joined(name, selecting.iter().map(|seen| of(facts, seen)).collect());
    links.push(each(Name::EndpointSlice, slice));
    links.push(each(Name::Listener, target::listener));
    links.push(each(Name::Target, target::target));
    links.push(each(Name::Health, target::health));
    links.extend([gate(facts, &selecting), ready(facts)]);
    links
}

fn service(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Service;
    let found = facts.services();
    let bound = selecting.iter().map(|seen| seen.view.binding.spec.service_ref.name.as_str());
    let bound: Vec<_> = bound.collect();
    if let Some(first) = bound.first() {
        return Link::holds(name, format!("Service '{first}' selects the Pod"));
    }
    if let Some(service) = found.first() {
        return Link::holds(name, format!("Service '{}' selects the Pod", service.key.name));
    }
    match closest(facts) {
        Some(Closest::Missing(binding)) => Link::broken(
            name,
            Reason::ServiceNotFound,
            format!(
                "DirectAccessBinding '{}' names Service '{}', which does not exist",
                name_of(binding),
                binding.spec.service_ref.name
            ),
            Reason::ServiceNotFound.remedy(),
        ),
        Some(Closest::WithoutSelector(service)) => {
            Link::broken(name, Reason::NoSelector, selectorless(service), Reason::NoSelector.remedy())
        }
        Some(Closest::Other(service)) => Link::broken(
            name,
            "NotSelected",
            format!(
                "no Service selects the Pod; the closest, '{}', wants {}",
                service.key.name,
                differences(service, &facts.pod).join(", ")
            ),
            format!(
                "Correct the labels of the Pod template, or the selector of the Service: `kubectl edit service {} -n {}`.",
                service.key.name, service.key.namespace
            ),
        ),
        None => Link::broken(
            name,
            "NotSelected",
            "no Service selects the Pod",
            "Create a Service whose selector matches the labels of the Pod, and a DirectAccessBinding for it.",
        ),
    }
}

/// Problems that hold up neither targets nor gates.
const HARMLESS: [Reason; 3] = [Reason::ConfigNotFound, Reason::ConfigNotOwned, Reason::ConfigUnreadable];

fn binding(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Binding;
    if selecting.is_empty() {
        let Some(service) = facts.services().into_iter().next() else {
            return Link::unknown(name, "not looked at, because no Service selects the Pod");
        };
        return Link::broken(
            name,
            "NoBinding",
            format!("no DirectAccessBinding names Service '{}'", service.key.name),
            "Create a DirectAccessBinding with this Service as serviceRef.",
        );
    }
    joined(name, selecting.iter().map(|seen| with_port(facts, seen, one_binding(seen))).collect())
}

/// A port that is not found is probably one that the containers declare otherwise.
fn with_port(facts: &Facts, seen: &Seen<'_>, link: Link) -> Link {
    let is_about_port = link.reason == Reason::ServicePortNotFound.as_str();
    match port::undeclared(&facts.object, seen).filter(|_| is_about_port) {
        Some(said) => link.with(said),
        None => link,
    }
}

/// The link of a binding alone, whatever Pod is asked about.
pub(super) fn one_binding(seen: &Seen<'_>) -> Link {
    let name = Name::Binding;
    let binding = &seen.view.binding;
    let called = name_of(binding);
    if seen.view.is_deleting() {
        return deleting(called, &seen.plan.problems, target::written(seen));
    }
    let is_of_spec =
        |condition: ConditionType| matches!(condition, ConditionType::Accepted | ConditionType::ResolvedRefs);
    let mut problems = seen.plan.problems.iter().filter(|found| is_of_spec(found.condition));
    if let Some(problem) = problems.find(|found| !HARMLESS.contains(&found.reason)) {
        let message = format!("DirectAccessBinding '{called}': {}", problem.message);
        return Link::broken(name, problem.reason, message, problem.reason.remedy());
    }
    // Where the cloud was not read, the controller knows more.
    for condition in target::written(seen).filter(|found| found.status == "False") {
        let is_harmless = HARMLESS.iter().any(|reason| reason.as_str() == condition.reason);
        let kinds = [ConditionType::Accepted, ConditionType::ResolvedRefs];
        if kinds.iter().any(|kind| kind.as_str() == condition.type_) && !is_harmless {
            let message = format!("DirectAccessBinding '{called}': {}", condition.message);
            return Link::broken(name, &condition.reason, message, target::remedy(&condition.reason));
        }
    }
    let home = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let home = home.map(|home| home.id.as_str()).filter(|id| !id.is_empty()).unwrap_or("a load balancer to come");
    Link::holds(name, format!("DirectAccessBinding '{called}' is valid and binds to {home}"))
}

/// The link of a binding that is being deleted: what keeps it, by what was read just now or else by what the controller has written.
fn deleting<'a>(called: &str, problems: &[Problem], mut written: impl Iterator<Item = &'a Condition>) -> Link {
    const KIND: ConditionType = ConditionType::Programmed;
    let keeps = |reason: &str| reason != Reason::Deleting.as_str();
    let problem = problems.iter().find(|found| found.condition == KIND && keeps(found.reason.as_str()));
    let problem = problem.map(|found| (found.reason.as_str(), found.message.as_str()));
    let is_kept = |found: &&Condition| found.type_ == KIND.as_str() && found.status != "True" && keeps(&found.reason);
    let told = || written.find(is_kept).map(|found| (found.reason.as_str(), found.message.as_str()));
    match problem.or_else(told) {
        Some((reason, message)) => {
            let message = format!("DirectAccessBinding '{called}' is being deleted: {message}");
            Link::broken(Name::Binding, reason, message, target::remedy(reason))
        }
        None => {
            let message = format!("DirectAccessBinding '{called}' is being deleted");
            Link::broken(Name::Binding, Reason::Deleting, message, Reason::Deleting.remedy())
        }
    }
}

fn controller(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Controller;
    match &facts.around.leader {
        Leader::Gone { why } => {
            return Link::broken(
                name,
                "NoLeader",
                why.clone(),
                "Look at the controller's Pods and their logs. What is bound stays bound; new Pods are not.",
            );
        }
        Leader::Unknown { why } => return Link::unknown(name, why.clone()),
        Leader::Alive { .. } => {}
    }
    // One that leads and has not looked is one that looks elsewhere, or only just at this.
    let unseen = selecting.iter().find(|seen| {
        let binding = &seen.view.binding;
        let looked = binding.status.as_ref().map_or(-1, |status| status.observed_generation);
        looked < binding.metadata.generation.unwrap_or_default()
    });
    match (unseen, &facts.around.leader) {
        (Some(seen), _) => Link::broken(
            name,
            "NotObserved",
            format!(
                "the controller has not looked at DirectAccessBinding '{}' as it stands",
                name_of(&seen.view.binding)
            ),
            "Wait a moment; when it lasts, see that --watch-namespace of the controller is this namespace, and look at its logs.",
        ),
        (None, Leader::Alive { holder }) => Link::holds(name, format!("{holder} leads")),
        (None, _) => Link::unknown(name, "not known"),
    }
}

fn pod(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Pod;
    let excluded = |is: fn(ExclusionReason) -> bool| {
        let found = selecting.iter().flat_map(|seen| target::excluded(facts, seen));
        found.into_iter().find(|reason| is(*reason))
    };
    let reason = match own_reason(&facts.pod) {
        Some(reason) => Some(reason),
        None => excluded(target::is_of_pod),
    };
    let Some(reason) = reason else {
        let ips: Vec<_> = facts.pod.ips.iter().map(ToString::to_string).collect();
        let node = facts.pod.node.as_deref().unwrap_or("no node");
        return Link::holds(name, format!("runs on {node} at {}, and its containers are ready", ips.join(", ")));
    };
    let plain = |message: String| Said { message, remedy: None };
    let said = match reason {
        ExclusionReason::NoAddress => words::not_started(&facts.object),
        ExclusionReason::ContainersNotReady => words::not_ready(&facts.object),
        ExclusionReason::ReadinessGateFalse => {
            let closed = words::other_gates(&facts.object, names::GATE);
            words::misspelt_gate(&closed)
                .or_else(|| (!closed.is_empty()).then(|| plain(format!("closed: {}", closed.join(", ")))))
        }
        ExclusionReason::DuplicateAddress => Some(plain(format!("address {}", target::addresses(&facts.pod)))),
        _ => None,
    };
    let link = Link::broken(name, reason, reason.meaning(), reason.remedy());
    match said {
        Some(said) => {
            Link { message: format!("{} {}", reason.meaning(), said.message), ..link.with_remedy(said.remedy) }
        }
        None => link,
    }
}

/// What is wrong with a Pod whatever is wanted of it.
fn own_reason(pod: &Pod) -> Option<ExclusionReason> {
    if pod.phase == Phase::Finished {
        Some(ExclusionReason::Finished)
    } else if pod.deleting_since.is_some() {
        Some(ExclusionReason::Terminating)
    } else if pod.ips.is_empty() {
        Some(ExclusionReason::NoAddress)
    } else if !pod.containers_ready {
        Some(ExclusionReason::ContainersNotReady)
    } else {
        None
    }
}

fn slice(facts: &Facts, seen: &Seen<'_>) -> Link {
    let name = Name::EndpointSlice;
    let reasons = target::excluded(facts, seen);
    if let Some(reason) = reasons.iter().find(|reason| target::is_of_slice(**reason)) {
        let link = Link::broken(name, reason, reason.meaning(), reason.remedy());
        let said = port::undeclared(&facts.object, seen).filter(|_| *reason == ExclusionReason::NoPort);
        return said.map_or(link.clone(), |said| link.with(said));
    }
    let slices = seen.view.slices.iter();
    let naming = slices.filter(|slice| {
        slice.endpoints.iter().any(|endpoint| endpoint.pod_uid.as_deref() == Some(facts.pod.uid.as_str()))
    });
    let names: Vec<_> = naming.map(|slice| slice.key.name.as_str()).collect();
    match names.first() {
        Some(_) => Link::holds(name, format!("{} names the Pod", names.join(", "))),
        None => Link::unknown(name, "no slice names the Pod"),
    }
}

fn gate(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Gate;
    let since = facts.condition(names::GATE).and_then(|found| found.last_transition_time.as_ref());
    let for_how_long = since.map(|time| format!(", since {}", time.0.strftime("%H:%M:%S"))).unwrap_or_default();
    match &facts.pod.gate {
        GateState::Open => {
            let reason = facts.condition(names::GATE).and_then(|found| found.reason.as_deref()).unwrap_or("no reason");
            Link::holds(name, format!("open: {reason}{for_how_long}"))
        }
        GateState::Waiting { reason, message } => {
            // The message says since when.
            Link::broken(name, reason, format!("closed: {message}"), target::remedy(reason))
        }
        GateState::Unset => Link::broken(
            name,
            "NotJudged",
            "closed: the controller has not said anything of it yet",
            "Wait a moment; when it lasts, look at the links before this one.",
        ),
        GateState::Absent => ungated(facts, selecting),
    }
}

fn ungated(facts: &Facts, selecting: &[Seen<'_>]) -> Link {
    let name = Name::Gate;
    let wants = |seen: &&Seen<'_>| seen.view.binding.spec.readiness_gate.policy != GatePolicy::Disabled;
    if !selecting.iter().any(|seen| wants(&seen)) {
        return Link::holds(name, "the Pod has none, and none is asked for");
    }
    if facts.pod.host_network {
        return Link::holds(name, "the Pod has none: those with the address of their node never get one");
    }
    let namespace = &facts.pod.key.namespace;
    let Injection { label, is_reserved, is_there } = &facts.around.injection;
    let replace = format!("`{}`", replacement(&facts.pod));
    let is_older = |seen: &&Seen<'_>| cause(&facts.pod, created(seen), None) == Cause::OlderThanBinding;
    let older = selecting.iter().filter(wants).find(is_older);
    let (reason, why, remedy) = match (is_reserved, label.fault(namespace), is_there, older) {
        (true, ..) => (
            "NamespaceReserved",
            format!("Pods of namespace '{namespace}' never get one"),
            format!(
                "Put the gate into the Pod template, or run the Pods in another namespace; to replace them, {replace}."
            ),
        ),
        (_, Some(fault), ..) => (
            "NamespaceNotLabelled",
            fault,
            format!(
                "Run `{}`, or put the gate into the Pod template; then replace the Pods: {replace}.",
                names::gates_command(namespace)
            ),
        ),
        (_, _, Some(false), _) => (
            "NotInjected",
            format!("there is neither a webhook configuration nor an admission policy {}", names::GATE_INJECTION),
            format!(
                "See that the controller runs, and not with --gate-injection=None; then replace the Pods: {replace}."
            ),
        ),
        (.., Some(seen)) => (
            "OlderThanBinding",
            format!(
                "it was created before DirectAccessBinding '{}', which asks for one, took effect",
                name_of(&seen.view.binding)
            ),
            format!("Replace the Pods once: {replace}."),
        ),
        (.., None) => (
            "CreatedWithoutGate",
            "it was created before gates were injected, or while the webhook could not be reached".to_owned(),
            format!("Replace the Pods: {replace}."),
        ),
    };
    Link::broken(name, reason, format!("the Pod has none, so that nothing waits for the load balancer: {why}"), remedy)
}

fn ready(facts: &Facts) -> Link {
    let name = Name::Ready;
    let Some(found) = facts.condition("Ready") else {
        return Link::broken(name, "NotReady", "Kubernetes has not judged the Pod yet", "Wait for the Pod to start.");
    };
    if found.status == "True" {
        return Link::holds(name, "Kubernetes counts the Pod as ready");
    }
    let others = words::other_gates(&facts.object, names::GATE);
    if let Some(said) = words::misspelt_gate(&others) {
        return Link::broken(name, "OtherGate", said.message, "").with_remedy(said.remedy);
    }
    if !others.is_empty() {
        return Link::broken(
            name,
            "OtherGate",
            format!("readiness gates of others are not open: {}", others.join(", ")),
            "Look at whoever opens them.",
        );
    }
    let said = found.message.as_deref().or(found.reason.as_deref()).unwrap_or("no reason was given");
    Link::broken(name, "NotReady", format!("not ready: {said}"), "Look at the links before this one.")
}

fn name_of(binding: &DirectAccessBinding) -> &str {
    binding.metadata.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_about_a_deletion_depends_on_what_keeps_it() {
        let held = Problem {
            condition: ConditionType::Programmed,
            reason: Reason::RemovalHeld,
            message: "its Service asks".to_owned(),
        };
        let condition = |reason: Reason| Condition {
            last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH),
            message: "its Service asks".to_owned(),
            observed_generation: None,
            reason: reason.as_str().to_owned(),
            status: "False".to_owned(),
            type_: ConditionType::Programmed.as_str().to_owned(),
        };
        let (kept, goes) = (condition(Reason::RemovalHeld), condition(Reason::Deleting));
        for (problems, written, reason) in [
            (vec![held], vec![], Reason::RemovalHeld),
            (vec![], vec![&kept], Reason::RemovalHeld),
            (vec![], vec![&goes], Reason::Deleting),
            (vec![], vec![], Reason::Deleting),
        ] {
            let link = deleting("web", &problems, written.into_iter());
            assert_eq!((link.reason.as_str(), link.remedy.as_str()), (reason.as_str(), reason.remedy()));
            assert_eq!(link.message.contains("its Service asks"), reason == Reason::RemovalHeld, "{}", link.message);
        }
    }
}
