//! The condition TargetsHealthy: whether the cloud finds every target healthy that should serve, and why nobody serves.

use super::conditions::{Truth, Verdict};
use super::no_weight::no_weight;
use crate::api::condition::Reason;
use crate::plan::{BindingPlan, BindingView, Sight, unhealthy};

/// The verdict for a binding.
pub(super) fn targets_healthy(view: &BindingView, plan: &BindingPlan) -> Verdict {
    let counts = plan.counts;
    let sum = format!("{} of {} Pods are healthy", counts.healthy, counts.desired);
    if plan.sight == Sight::Nothing || !plan.management.is_live() {
        Verdict::new(Truth::Unknown, Reason::Pending, "targets have not been looked at")
    } else if plan.sight == Sight::WithoutHealth {
        Verdict::new(Truth::Unknown, Reason::CloudUnreachable, "the cloud did not say which targets are healthy")
    } else if counts.desired == 0 || !plan.no_targets.is_empty() {
        Verdict::new(Truth::False, Reason::NoTargets, no_targets(plan))
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

/// The most listeners that the message explains.
const EXPLAINED: usize = 2;

/// Which listeners nobody serves behind, and why. Where it is all of them for one reason, the reason says it.
fn no_targets(plan: &BindingPlan) -> String {
    let Some(first) = plan.no_targets.first() else {
        return "there is no listener to serve behind yet; do what the conditions before this one say".to_owned();
    };
    let is_alike = plan.no_targets.iter().all(|one| one.why == first.why);
    if plan.counts.desired == 0 && is_alike {
        return first.why.clone();
    }
    let explained = plan.no_targets.iter().take(EXPLAINED);
    let words: Vec<_> = explained.map(|one| format!("{} has no target: {}", one.listener, one.why)).collect();
    let more = match plan.no_targets.len().saturating_sub(EXPLAINED) {
        0 => String::new(),
        more => format!("; and {more} more listeners have none"),
    };
    format!("{}{more}", words.join("; "))
}
