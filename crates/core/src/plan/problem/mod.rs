//! What can be wrong with a binding, as values: the condition it belongs to, the reason, and words for the user.
//!
//! The wording lives here and nowhere else: every message names the object and says what to do next.

mod adoption;
mod advice;
mod cloud;
mod held;
mod no_weight;
mod probe;
mod references;
mod refused;
mod spec;
mod targets;

use std::fmt::Display;

use crate::api::condition::{ConditionType, Reason};
use crate::model::nearest;

pub(super) use adoption::{not_adopted, nothing_to_adopt};
pub use advice::Advice;
pub(super) use advice::{
    adopted_by_other, contested, cut_early, default_vpc, late, listener_replaced, no_effect, other_vpc,
    removals_held_note, session_affinity, stops_early, two_networks, ungated, used_up, weight_unreadable,
};
pub(super) use cloud::{
    address_in_use, clash, internal, listener_quota, listener_stopped, rule_quota, slices_stale, tags_not_shown,
    target_quota,
};
pub(super) use held::{
    Meanwhile, creation_not_shown, deletion_held, departure_unknown, foreign_targets, last_held, load_balancer_in_use,
    load_balancer_not_marked, load_balancer_not_shown, not_proven_gone, other_account, removals_held, route_held,
};
pub use no_weight::no_weight;
pub(super) use probe::{probe, probed_at};
pub(super) use references::{
    certificate_not_found, config_not_found, config_not_owned, config_refused, listener_not_found,
    load_balancer_not_found, no_pod_port, no_selector, not_chosen_by_tke, rule_not_found, service_not_found,
    service_port_not_found,
};
pub use refused::{call_failed, gates_not_written, not_written};
pub(super) use spec::{
    certificate_missing, certificates_differ, claimed_by_other, domain_missing, held_by_foreign, listener_mismatch,
    managed_by_tke, not_shared, parked, port_impossible, region_unknown, rule_twice, suspended, switches_refused,
    vpc_unknown,
};
pub(super) use targets::no_targets;
pub use targets::{NoTargets, Unhealthy, nobody_serves, unhealthy};

/// The most things of a kind that a message names; the others are counted.
const NAMED: usize = 5;
/// What to do where the VPC of the cluster is not known.
const VPC_REMEDY: &str = "set the controller's --vpc-id (the chart's vpcId)";

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The condition that it makes False.
    pub condition: ConditionType,
    /// The condition's reason.
    pub reason: Reason,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// Whether it leaves open what of the spec is wanted, so that nothing of the binding is unwanted by proof.
    pub(super) const fn holds_routes(&self) -> bool {
        !matches!(self.reason, Reason::ConfigNotFound | Reason::ConfigNotOwned | Reason::ConfigUnreadable)
    }
}

fn accepted(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::Accepted, reason, message }
}

fn unresolved(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::ResolvedRefs, reason, message }
}

fn unprogrammed(reason: Reason, message: String) -> Problem {
    Problem { condition: ConditionType::Programmed, reason, message }
}

/// What there is, as far as a message names it; `nothing` where there is nothing.
fn listed<T: Display>(all: impl IntoIterator<Item = T>, nothing: &str) -> String {
    let mut all = all.into_iter();
    let named: Vec<_> = all.by_ref().take(NAMED).map(|one| one.to_string()).collect();
    match (named.is_empty(), all.count()) {
        (true, _) => nothing.to_owned(),
        (false, 0) => named.join(", "),
        (false, more) => format!("{} and {more} more", named.join(", ")),
    }
}

/// The name that may have been meant, as `; did you mean 'web'?`; empty where none is like it.
fn meant<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> String {
    let near = nearest(wanted, names.filter(|name| *name != wanted));
    near.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_some_are_named_and_the_others_counted() {
        assert_eq!(listed(Vec::<&str>::new(), "none"), "none");
        assert_eq!(listed(["a", "b"], "none"), "a, b");
        assert_eq!(listed(1..=7, "none"), "1, 2, 3, 4, 5 and 2 more");
    }

    #[test]
    fn a_name_that_is_nearly_the_one_is_asked_about() {
        let meant = |wanted| meant(wanted, ["web", "cart"].into_iter());
        assert_eq!(meant("wbe"), "; did you mean 'web'?");
        assert_eq!(meant("Web"), "; did you mean 'web'?");
        assert_eq!(meant("orders"), "");
    }
}
