//! Events: one for each result that a user may want to know of, on the binding.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use super::Report;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ConditionType, Reason};
use crate::api::event::EventReason;
use crate::api::{DirectAccessBindingStatus, clip};
use crate::model::ListenerId;
use crate::plan::{BindingView, Step, StepOutcome};

/// The most characters that events.k8s.io takes as a note.
pub(super) const NOTE_MAX: usize = 1024;

/// In a rollout, the same happens again and again. It is told once in this time; what it has led to is in the status.
const QUIET: Duration = Duration::from_secs(30);

/// When which reason was last told of a binding. Forgetting it costs an Event.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<String, Instant>);

impl Told {
    /// Whether to tell it; warnings always.
    fn is_news(&mut self, reason: &str, kind: EventType, now: Instant) -> bool {
        let is_recent = self.0.get(reason).is_some_and(|last| now.saturating_duration_since(*last) < QUIET);
        if is_recent && kind == EventType::Normal {
            return false;
        }
        self.0.insert(reason.to_owned(), now);
        true
    }
}

fn find(status: &DirectAccessBindingStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

impl Report<'_> {
    /// Tells what changed from one status to the next, and what was done in between.
    pub(super) async fn announce(
        &self,
        view: &BindingView,
        before: &DirectAccessBindingStatus,
        after: &DirectAccessBindingStatus,
        told: &mut Told,
    ) {
        let is_known =
            |id: &ListenerId| after.listeners.iter().any(|row| row.listener_id.as_deref() == Some(id.as_str()));
        for (step, outcome) in &self.outcome.steps {
            if matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_)) && step.concerns(view.uid(), is_known) {
                let changes = step.target_changes(view.uid());
                let note = if changes.is_empty() { step.to_string() } else { changes.join("; ") };
                tracing::info!(binding = view.display_name(), reason = %reason(step), note, "targets or routes changed");
                self.tell(view, told, reason(step), "Program", &note).await;
            }
        }
        if ungated(before) == 0
            && ungated(after) > 0
            && let Some(accepted) = find(after, ConditionType::Accepted)
            && view.binding.spec.readiness_gate.policy != GatePolicy::Disabled
        {
            self.tell(view, told, EventReason::UngatedPods, "Reconcile", &accepted.message).await;
        }
        let Some(ready) = find(after, ConditionType::Ready) else { return };
        let known = find(before, ConditionType::Ready);
        if known.is_some_and(|known| known.status == ready.status && known.reason == ready.reason) {
            return;
        }
        let is_told = |reason: &Reason| ready.reason == reason.as_str();
        if [Reason::GateNotWritten, Reason::NotWritten].iter().any(is_told) {
            // Each write that is refused has an Event of its own.
            return;
        }
        let is_warning = find(after, ConditionType::Stalled).is_some() || ready.status == "Unknown";
        let kind = if is_warning { EventType::Warning } else { EventType::Normal };
        self.publish(view, told, kind, &ready.reason, "Reconcile", &ready.message).await;
    }

    async fn tell(&self, view: &BindingView, told: &mut Told, reason: EventReason, action: &str, note: &str) {
        let kind = if reason.is_warning() { EventType::Warning } else { EventType::Normal };
        self.publish(view, told, kind, reason.as_str(), action, note).await;
    }

    async fn publish(
        &self,
        view: &BindingView,
        told: &mut Told,
        kind: EventType,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        // Every correction says something else.
        if reason != EventReason::AttributesCorrected.as_str() && !told.is_news(reason, kind, Instant::now()) {
            return;
        }
        let event = Event {
            type_: kind,
            reason: reason.to_owned(),
            note: Some(clip(note, NOTE_MAX)),
            action: action.to_owned(),
            secondary: None,
        };
        // An Event is a courtesy: the status says it too.
        if let Err(error) = self.context.recorder.publish(&event, &view.binding.object_ref(&())).await {
            tracing::debug!(%error, binding = view.display_name(), "event was not taken");
        }
    }
}

fn ungated(status: &DirectAccessBindingStatus) -> i32 {
    status.gates.as_ref().map_or(0, |gates| gates.ungated_pods)
}

const fn reason(step: &Step) -> EventReason {
    match step {
        Step::CreateListeners { .. } => EventReason::CreatingListeners,
        Step::CreateRules { .. } => EventReason::CreatingRules,
        Step::Register(_) => EventReason::RegisteredTargets,
        Step::Reweight(_) => EventReason::ReweightingTargets,
        Step::Deregister(_) => EventReason::DeregisteredTargets,
        Step::ModifyListener { .. }
        | Step::ModifyDomain { .. }
        | Step::ModifyRule { .. }
        | Step::ModifyLoadBalancer(_)
        | Step::SetSecurityGroups(_) => EventReason::AttributesCorrected,
        Step::CreateLoadBalancer(_) => EventReason::CreatingLoadBalancer,
        Step::DeleteLoadBalancer => EventReason::DeletingLoadBalancer,
        Step::DeleteRules { .. } => EventReason::DeletingRules,
        Step::DeleteListeners(_) => EventReason::DeletingListeners,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_again_and_again_is_told_now_and_then_and_warnings_always() {
        let (mut told, start) = (Told::default(), Instant::now());
        for (reason, kind, after, expected) in [
            ("Ready", EventType::Normal, 0, true),
            ("Ready", EventType::Normal, 29, false),
            ("Waiting", EventType::Normal, 29, true),
            ("Ready", EventType::Normal, 30, true),
            ("Ready", EventType::Warning, 31, true),
            ("Ready", EventType::Normal, 60, false),
        ] {
            let now = start + Duration::from_secs(after);
            assert_eq!(told.is_news(reason, kind, now), expected, "{reason} after {after} s");
        }
    }
}
