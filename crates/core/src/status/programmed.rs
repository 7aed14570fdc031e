//! The condition Programmed: whether a read of the cloud equals what is desired, and what keeps it from that.

use std::collections::BTreeSet;

use crate::api::condition::{ConditionType, Reason};
use crate::model::ListenerId;
use crate::mutant::{self, Mutant};
use crate::plan::{BindingPlan, BindingView, Cloud, Pending, gates_not_written};

use super::binding::{RefusedGate, Round, faults};
use super::conditions::{Truth, Verdict};
use super::failure::failed;
use super::refused::not_written;

/// The verdict for a binding. What the API server does not take is said whatever else is to be said.
pub(super) fn programmed(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Verdict {
    let refused = round.refused_writes.iter().find(|(uid, _)| uid == view.uid());
    let Some(refused) = refused.and_then(|(_, writes)| not_written(writes, round.snapshot.now)) else {
        return in_the_cloud(round, view, plan);
    };
    let verdict = in_the_cloud(round, view, plan);
    // Nothing is left to do in the cloud, or nothing is known of it.
    let is_idle = match verdict.reason {
        Reason::Deleting => plan.pending.is_empty(),
        reason => verdict.is_true() || reason == Reason::Pending,
    };
    if is_idle {
        return refused;
    }
    let message = format!("{}; and {}", verdict.message.trim_end_matches('.'), refused.message);
    Verdict { message, ..verdict }
}

/// What keeps the load balancer from being as desired, or Pods from becoming ready.
fn in_the_cloud(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Verdict {
    if let Cloud::Failed(failure) = &round.snapshot.cloud {
        return failed(failure);
    }
    if let Some(verdict) = faults(plan, ConditionType::Programmed) {
        return verdict;
    }
    if let Some(verdict) = refused_gates(round, plan) {
        return verdict;
    }
    if !plan.pending.is_empty() {
        if let Some(verdict) = failure(round, view, plan) {
            return verdict;
        }
        return in_progress(view, plan);
    }
    if view.is_deleting() {
        return Verdict::new(
            Truth::False,
            Reason::Deleting,
            "nothing of this binding is to be removed from the cloud any more",
        );
    }
    if plan.listeners.is_empty() {
        return Verdict::new(Truth::Unknown, Reason::Pending, "there is nothing to program yet");
    }
    Verdict::new(Truth::True, Reason::Programmed, "the last read of the cloud equals what is desired")
}

/// Pods of the binding whose gates the API server does not take.
fn refused_gates(round: &Round<'_>, plan: &BindingPlan) -> Option<Verdict> {
    let is_ours = |refused: &&RefusedGate| plan.gates.iter().any(|gate| gate.pod_uid == refused.pod_uid);
    let mut refused = round.refused_gates.iter().filter(is_ours);
    let first = refused.next()?;
    let count = refused.count() + 1;
    Some(Verdict::new(Truth::False, Reason::GateNotWritten, gates_not_written(count, &first.message)))
}

/// The failure that keeps the binding from being programmed: its own. What is refused for others is theirs to report.
fn failure(round: &Round<'_>, view: &BindingView, plan: &BindingPlan) -> Option<Verdict> {
    let has = |id: &ListenerId| plan.listeners.iter().any(|listener| listener.id.as_ref() == Some(id));
    let past = round.failed_task.map(|(step, failure)| (step, failure));
    let own = round
        .outcome
        .failures()
        .chain(past)
        .find(|(step, _)| step.concerns(view.uid(), has) || mutant::is(Mutant::TroubleOfOthers));
    let (step, failure) = own?;
    let verdict = failed(failure);
    let Some(words) = step.words_for(view.uid(), has).filter(|_| step.is_alone()) else { return Some(verdict) };
    let message = format!("{}; it was to {words}", verdict.message.trim_end_matches('.'));
    Some(Verdict { message, ..verdict })
}

/// The most Pods that the message names.
const NAMED: usize = 3;

/// The Pods of targets that serve on, as ` ('web-1', 'web-2', 'web-3' and 4 other Pods)`; empty where no Pod is known.
fn retained_names(plan: &BindingPlan) -> String {
    let pods: BTreeSet<&str> = plan.retained.iter().map(|one| one.pod.as_str()).filter(|pod| !pod.is_empty()).collect();
    let named: Vec<_> = pods.iter().take(NAMED).map(|pod| format!("'{pod}'")).collect();
    match pods.len() - named.len() {
        _ if named.is_empty() => String::new(),
        0 => format!(" ({})", named.join(", ")),
        1 => format!(" ({} and 1 other Pod)", named.join(", ")),
        more => format!(" ({} and {more} other Pods)", named.join(", ")),
    }
}

fn in_progress(view: &BindingView, plan: &BindingPlan) -> Verdict {
    let pending = plan.pending;
    let parts = [
        (pending.create, "to create", "listener"),
        (pending.create_rules, "to create", "rule"),
        (pending.register, "to register", "target"),
        (pending.reweight, "to set", "weight"),
        (pending.deregister, "to deregister", "target"),
        (pending.attributes, "to set", "attribute"),
        (pending.delete_rules, "to delete", "rule"),
        (pending.delete, "to delete", "listener"),
        (pending.create_load_balancer, "to create", "load balancer"),
        (pending.delete_load_balancer, "to delete", "load balancer"),
    ];
    let part = |(number, what, noun): (usize, &str, &str)| {
        let ending = if number == 1 { "" } else { "s" };
        (number > 0).then(|| format!("{number} {noun}{ending} {what}"))
    };
    let parts: Vec<_> = parts.into_iter().filter_map(part).collect();
    let by_tke = (pending.delegated > 0)
        .then(|| format!("{} listeners, rules or targets for TKE's own service controller to make", pending.delegated));
    let retained = (pending.retained > 0).then(|| {
        let ending = if pending.retained == 1 { "" } else { "s" };
        let names = retained_names(plan);
        format!("{} target{ending} on the way out serving on until others do{names}", pending.retained)
    });
    let awaited = (pending.awaited > 0).then(|| {
        let ending = if pending.awaited == 1 { "" } else { "s" };
        format!("{} target{ending} to register once another listener has let go of them", pending.awaited)
    });
    let only_retained = pending == Pending { retained: pending.retained, ..Pending::default() };
    let parts: Vec<_> = parts.into_iter().chain(by_tke).chain(awaited).chain(retained).collect();
    let reason = match (view.is_deleting(), only_retained) {
        (true, _) => Reason::Deleting,
        (false, true) => Reason::Replacing,
        (false, false) => Reason::InProgress,
    };
    Verdict::new(Truth::False, reason, parts.join(", "))
}
