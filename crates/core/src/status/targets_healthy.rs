//! The condition TargetsHealthy: whether the cloud finds every target healthy that should serve, and why nobody serves.

use super::conditions::{Truth, Verdict};
use super::failure::reason_of;
use crate::api::condition::Reason;
use crate::model::Failure;
use crate::plan::{BindingPlan, BindingView, Sight, call_failed, no_weight, nobody_serves, unhealthy};

/// The verdict for a binding.
pub(super) fn targets_healthy(view: &BindingView, plan: &BindingPlan) -> Verdict {
    let counts = plan.counts;
    let sum = format!("{} of {} Pods are healthy", counts.healthy, counts.desired);
    if plan.sight == Sight::Nothing || !plan.management.is_live() {
        Verdict::new(Truth::Unknown, Reason::Pending, "targets have not been looked at")
    } else if plan.sight == Sight::WithoutHealth {
        unread(plan.health_failure.as_ref())
    } else if counts.desired == 0 || !plan.no_targets.is_empty() {
        Verdict::new(Truth::False, Reason::NoTargets, nobody_serves(&plan.no_targets, counts.desired))
    } else if counts.registered == counts.desired && counts.weighted == 0 {
        Verdict::new(Truth::False, Reason::NoWeight, no_weight(view))
    } else if counts.healthy < counts.desired {
        match unhealthy(&plan.unhealthy) {
            Some(words) => Verdict::new(Truth::False, Reason::Unhealthy, format!("{sum}; {words}")),
            None if counts.unhealthy > 0 => Verdict::new(Truth::False, Reason::Unhealthy, sum),
            None => Verdict::new(Truth::False, Reason::Waiting, sum),
        }
    } else if counts.unchecked == counts.desired {
        Verdict::new(Truth::True, Reason::HealthCheckOff, "the health check is off: every target gets traffic")
    } else {
        Verdict::new(Truth::True, Reason::Healthy, sum)
    }
}

/// The verdict where nobody knows.
fn unread(failure: Option<&Failure>) -> Verdict {
    let words = "the cloud did not say which targets are healthy";
    match failure {
        None => Verdict::new(Truth::Unknown, Reason::CloudUnreachable, words),
        Some(failure) => {
            let reason = reason_of(failure.class);
            Verdict::new(Truth::Unknown, reason, format!("{words}: {}", call_failed(failure, reason)))
        }
    }
}
