//! Decisions: what one round does to one load balancer.
//!
//! [`plan`] is a function from a [`Snapshot`] to a [`Plan`]. It is total (a fault is a value in the plan), looks at no clock,
//! and gives the same plan for the same snapshot in any order.
//!
//! Invariants:
//! - Nothing foreign is ever in a step: listeners carry their owner in the name, targets in the tag.
//! - Register comes before reweight to zero, reweight before deregister, deregister before settings, and these before
//!   deleting rules and listeners.
//! - A failed read plans nothing.

pub mod annotated;
pub mod annotation;
mod batch;
mod claim;
pub mod config;
mod desired;
mod draft;
mod drift;
mod ending;
mod endpoint;
mod gate;
mod listener;
mod network;
mod outcome;
pub mod placement;
mod problem;
mod shape;
mod snapshot;
mod stand_in;
mod step;
mod summary;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod trace;
mod weight;

use desired::{Desired, Stance, desired};
use draft::Draft;
use listener::listeners;

pub use endpoint::{Exclusion, selects};
pub use gate::{GateVerdict, Release, Verdict, release};
pub use outcome::{Outcome, StepOutcome};
pub use problem::Problem;
pub use snapshot::{BindingView, Cloud, Cluster, ConfigView, Observed, Snapshot};
pub use step::{Change, NewRule, Registration, Step};
pub use summary::{BindingPlan, Counts, ListenerFacts, Pending, RuleFacts};
pub use trace::{RouteTrace, TargetTrace, trace};

/// What to do, and what to say.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The effects, in the order in which they are safe.
    pub steps: Vec<Step>,
    /// What there is to say of each binding, in the snapshot's order.
    pub bindings: Vec<BindingPlan>,
}

/// Decides what this round does.
pub fn plan(snapshot: &Snapshot) -> Plan {
    match &snapshot.cloud {
        Cloud::Observed(observed) => plan_observed(snapshot, observed),
        Cloud::Missing | Cloud::Unplaced(_) | Cloud::Failed(_) => plan_blind(snapshot),
    }
}

/// Without an observed state nothing is done, but faults of the input are still found.
fn plan_blind(snapshot: &Snapshot) -> Plan {
    let mut desired = desired(snapshot, None);
    let notes = settle(snapshot, &mut desired, None);
    let is_missing = matches!(snapshot.cloud, Cloud::Missing);
    let bindings = desired
        .iter()
        .zip(notes)
        .zip(&snapshot.bindings)
        .map(|((wanted, notes), view)| {
            let mut plan = BindingPlan::unobserved(wanted, notes);
            if is_missing && wanted.stance.is_live() {
                let is_created = placement::create_spec(&view.binding).is_some();
                plan.problems.push(problem::load_balancer_not_found(&snapshot.load_balancer, is_created));
            }
            plan.is_released = !matches!(snapshot.cloud, Cloud::Failed(_)) || wanted.stance == Stance::Abandon;
            plan
        })
        .collect();
    let mut plan = Plan { steps: Vec::new(), bindings };
    if let Cloud::Unplaced(found) = &snapshot.cloud {
        placement::place(snapshot, &desired, found, &mut plan);
    }
    placement::follow(snapshot, &mut plan.bindings);
    plan
}

/// Gives contested listeners to one binding each; returns what is worth telling of each binding.
fn settle(snapshot: &Snapshot, desired: &mut [Desired], observed: Option<&Observed>) -> Vec<Vec<String>> {
    let mut notes = claim::settle(snapshot, desired, observed);
    for ((notes, wanted), view) in notes.iter_mut().zip(&*desired).zip(&snapshot.bindings) {
        if wanted.stance.is_live() {
            notes.extend(ending::notes(view));
            notes.extend(network::note(view, snapshot.cluster));
            notes.extend(observed.and_then(|seen| network::vpc_note(&seen.load_balancer, snapshot.vpc_id.as_deref())));
            if let Some(service) = view.service.as_deref() {
                let pods = view.pods.values().map(|pod| &**pod).filter(|pod| selects(service, pod));
                notes.extend(weight::notes(service, pods));
            }
        }
    }
    notes
}

fn plan_observed(snapshot: &Snapshot, observed: &Observed) -> Plan {
    let mut desired = desired(snapshot, Some(&observed.load_balancer));
    let notes = settle(snapshot, &mut desired, Some(observed));
    let listeners = listeners(snapshot, &desired, observed);
    let plans = desired.iter().zip(notes).map(|(wanted, notes)| BindingPlan::unobserved(wanted, notes)).collect();
    let mut draft = Draft::new(snapshot, observed, plans);
    draft.plan_creation(&listeners);
    draft.plan_targets(&desired, &listeners);
    draft.plan_settings(&listeners);
    draft.plan_bandwidth(&desired);
    draft.plan_created(&desired);
    draft.plan_surplus_rules(&listeners);
    draft.plan_surplus(&listeners);
    draft.judge(&desired, &listeners);
    draft.plan_deletion();
    let mut plan = draft.finish();
    placement::follow(snapshot, &mut plan.bindings);
    plan
}
