//! Weights of Pods that their targets do not show: they are recorded, so that they come back whoever leads then.

use std::collections::BTreeSet;

use crate::api::binding::{HeldWeightCause, HeldWeightStatus};
use crate::model::{Route, RuleId, Weight};

use super::floor::OwnTarget;
use super::scope::{PodIndex, RouteScope, RouteTargets};
use super::step::WeightChange;
use super::weight::PodWeight;
use super::{BindingView, HeldWeight};

/// The weights to record of one route, whose targets get these changes in this round.
pub(super) fn held_weights(
    scope: &RouteScope<'_>,
    own: &[OwnTarget<'_>],
    changes: &[WeightChange],
    pods: &PodIndex<'_>,
) -> Vec<HeldWeight> {
    let RouteTargets::Wanted(endpoints) = scope.wants else { return recorded(scope).collect() };
    let mut held = Vec::new();
    for one in own {
        let Some(pod) = scope.pod(one.target, pods) else { continue };
        let change = changes.iter().find(|change| change.address == one.target.address);
        let is_candidate = scope.candidate(one.target.address).is_some();
        let shown = change.map_or(one.target.weight, |change| change.to);
        let is_taken = shown == 0 && pod.deleting_since.is_none();
        let before = || {
            let shown_before = Some(one.target.weight).filter(|weight| *weight > 0);
            shown_before.or_else(|| scope.held_weight(&pod.key.name))
        };
        let (weight, cause) = match endpoints.policy.weights.of(pod) {
            PodWeight::Known(weight) if is_candidate => (Some(weight).filter(|_| is_taken), HeldWeightCause::Taken),
            // A user's own word, whoever takes the weight.
            PodWeight::Known(0) => (None, HeldWeightCause::Taken),
            // The wish may be of another Service than that for which it served.
            PodWeight::Known(_) => (before().filter(|_| is_taken), HeldWeightCause::Taken),
            PodWeight::Unreadable { .. } => (before(), HeldWeightCause::Unreadable),
            PodWeight::Unsaid { .. } => (before().filter(|_| is_taken), HeldWeightCause::Taken),
        };
        if let Some(weight) = weight.filter(|weight| *weight > 0) {
            let (route, pod) = (scope.route.clone(), pod.key.name.clone());
            held.push(HeldWeight { route, pod, weight, cause, is_wanted: is_candidate });
        }
    }
    held.extend(awaited(scope, own, pods));
    held.sort_by(|a, b| a.pod.cmp(&b.pod));
    held
}

/// What is recorded of Pods whose weight cannot be read, that have no target, and that come back under the same name.
fn awaited<'s>(
    scope: &'s RouteScope<'_>,
    own: &[OwnTarget<'_>],
    pods: &PodIndex<'_>,
) -> impl Iterator<Item = HeldWeight> + use<'s> {
    let present: BTreeSet<String> = own.iter().filter_map(|one| scope.pod_name(one.target, pods)).collect();
    let comes_back = |name: &str| name.rsplit_once('-').is_some_and(|(_, last)| last.parse::<u32>().is_ok());
    recorded(scope).filter(move |row| {
        row.cause == HeldWeightCause::Unreadable && comes_back(&row.pod) && !present.contains(&row.pod)
    })
}

/// What is recorded of the route.
fn recorded<'s>(scope: &'s RouteScope<'_>) -> impl Iterator<Item = HeldWeight> + use<'s> {
    let route = scope.route;
    let rows = scope.view.binding.status.iter().flat_map(|status| &status.held_weights);
    let here = rows.filter(move |row| is_on(row, route));
    here.filter_map(move |row| {
        let weight = Weight::try_from(row.weight).ok()?;
        Some(HeldWeight { route: route.clone(), pod: row.pod.clone(), weight, cause: row.cause, is_wanted: false })
    })
}

/// The weight that is recorded of a Pod of this name.
pub(super) fn recorded_weight(view: &BindingView, route: &Route, pod: &str) -> Option<Weight> {
    let mut rows = view.binding.status.iter().flat_map(|status| &status.held_weights);
    rows.find(|row| row.pod == pod && is_on(row, route)).and_then(|row| Weight::try_from(row.weight).ok())
}

fn is_on(row: &HeldWeightStatus, route: &Route) -> bool {
    row.listener_id == route.listener.as_str() && row.location_id.as_deref() == route.rule.as_ref().map(RuleId::as_str)
}
