//! Events: one for each result that a user may want to know of, on the binding.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use super::Report;
use crate::api::binding::GatePolicy;
use crate::api::condition::ConditionType;
use crate::api::{DirectAccessBindingStatus, clip};
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
        for (step, outcome) in &self.outcome.steps {
            if matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_)) && concerns(step, after) {
                self.publish(view, EventType::Normal, reason(step), "Program", &step.to_string()).await;
            }
        }
        if ungated(before) == 0
            && ungated(after) > 0
            && let Some(accepted) = find(after, ConditionType::Accepted)
            && view.binding.spec.readiness_gate.policy != GatePolicy::Disabled
        {
            self.publish(view, EventType::Warning, "UngatedPods", "Reconcile", &accepted.message).await;
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

fn ungated(status: &DirectAccessBindingStatus) -> i32 {
    status.gates.as_ref().map_or(0, |gates| gates.ungated_pods)
}

fn reason(step: &Step) -> &'static str {
    match step {
        Step::CreateListeners { .. } => "CreatingListeners",
        Step::Register(_) => "RegisteredTargets",
        Step::Reweight(_) => "ReweightingTargets",
        Step::Deregister(_) => "DeregisteredTargets",
        Step::DeleteListeners(_) => "DeletingListeners",
    }
}

/// A step on the binding's listeners; a step without any concerns everybody.
fn concerns(step: &Step, status: &DirectAccessBindingStatus) -> bool {
    let listeners = step.listeners();
    let is_known = |id: &str| status.listeners.iter().any(|row| row.listener_id.as_deref() == Some(id));
    listeners.is_empty() || listeners.iter().any(|id| is_known(id.as_str()))
}
