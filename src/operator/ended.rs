//! How a round ended, in metrics and in the log.

use std::time::Duration;

use super::metrics::RoundResult;
use crate::model::Failure;
use crate::plan::{BindingPlan, Plan, Verdict};

/// How a round ended in which nothing failed.
pub(super) fn result(plan: &Plan, busy: Option<Duration>) -> RoundResult {
    let is_settled = |binding: &BindingPlan| {
        let waits = binding.gates.iter().any(|gate| matches!(gate.verdict, Verdict::Wait(..)));
        binding.pending.is_empty() && !waits && binding.counts.healthy >= binding.counts.desired
    };
    let is_settled = busy.is_none() && plan.steps.is_empty() && plan.bindings.iter().all(is_settled);
    if is_settled { RoundResult::Settled } else { RoundResult::UnderWay }
}

/// Tells of a round. One that goes well is no news: what it has changed was told.
pub(super) fn tell(failure: Option<&Failure>, steps: usize, elapsed: Duration, after: Duration) {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (elapsed_ms, after_ms) = (milliseconds(elapsed), milliseconds(after));
    match failure {
        Some(failure) => {
            let (class, request_id) = (failure.class.as_str(), failure.request_id.as_deref());
            tracing::warn!(%failure, class, request_id, steps, elapsed_ms, after_ms, "round failed and will be repeated");
        }
        None => tracing::debug!(steps, elapsed_ms, after_ms, "round done"),
    }
}
