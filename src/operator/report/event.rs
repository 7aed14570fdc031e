//! Events: one for each result that a user may want to know of, on the binding.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use super::Report;
use crate::api::condition::ConditionType;
use crate::api::{DirectAccessBindingStatus, clip};
use crate::model::ListenerId;
use crate::plan::{BindingView, Step, StepOutcome};

/// The most characters that events.k8s.io takes as a note.
const NOTE_MAX: usize = 1024;

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
    ) {
        let is_known =
            |id: &ListenerId| after.listeners.iter().any(|row| row.listener_id.as_deref() == Some(id.as_str()));
        for (step, outcome) in &self.outcome.steps {
            if matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_)) && step.concerns(view.uid(), is_known) {
                self.publish(view, EventType::Normal, reason(step), "Program", &step.to_string()).await;
            }
        }
        let Some(ready) = find(after, ConditionType::Ready) else { return };
        let known = find(before, ConditionType::Ready);
        if known.is_some_and(|known| known.status == ready.status && known.reason == ready.reason) {
            return;
        }
        let is_warning = find(after, ConditionType::Stalled).is_some() || ready.status == "Unknown";
        let kind = if is_warning { EventType::Warning } else { EventType::Normal };
        self.publish(view, kind, &ready.reason, "Reconcile", &ready.message).await;
    }

    async fn publish(&self, view: &BindingView, kind: EventType, reason: &str, action: &str, note: &str) {
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

fn reason(step: &Step) -> &'static str {
    match step {
        Step::CreateListeners { .. } => "CreatingListeners",
        Step::CreateRules { .. } => "CreatingRules",
        Step::Register(_) => "RegisteredTargets",
        Step::Reweight(_) => "ReweightingTargets",
        Step::Deregister(_) => "DeregisteredTargets",
        Step::ModifyListener { .. }
        | Step::ModifyDomain { .. }
        | Step::ModifyRule { .. }
        | Step::ModifyLoadBalancer(_) => "AttributesCorrected",
        Step::DeleteRules { .. } => "DeletingRules",
        Step::DeleteListeners(_) => "DeletingListeners",
    }
}
