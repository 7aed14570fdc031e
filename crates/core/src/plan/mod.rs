//! Decisions: what one round does to one load balancer.
//!
//! [`plan`] is a function from a [`Snapshot`] to a [`Plan`]. It is total (a fault is a value in the plan), looks at no clock,
//! and gives the same plan for the same snapshot in any order.
//!
//! One value per binding, a `BindingIntent`, goes through the plan: what the binding wants, what is there of it, what is to be done,
//! and what there is to say. The functions of [`plan`] below fill it in, one after the other.
//!
//! Invariants:
//! - Nothing foreign is ever in a step: listeners carry their owner in the name, or are recorded; targets in the tag.
//! - Nothing of ours is taken away without [`Proof`]. What cannot be read, resolved or granted is held: it stays as it is, while
//!   Pods go on to come and go.
//! - Nobody leaves before somebody serves (`floor`).
//! - Register comes before reweight to zero, reweight before deregister, targets before creation, creation before settings, and
//!   these before deleting rules and listeners.
//! - While removals are held ([`Removals`]), nothing is lowered or taken away that may still serve.
//! - A failed read plans nothing, and neither does one that may be older than what a task of ours has changed.

mod absence;
pub mod adoption;
mod affinity;
pub mod annotated;
pub mod annotation;
mod backends;
mod batch;
pub mod brake;
mod builder;
mod claim;
mod clash;
pub mod config;
mod deletion;
mod departure;
mod desired;
mod drift;
mod ending;
mod endpoint;
pub mod expiry;
mod flags;
mod floor;
mod gate;
mod gate_hint;
mod gate_rule;
mod handover;
mod health;
mod heir;
mod held_weight;
mod isolated;
mod judgement;
mod management;
mod network;
mod newcomer;
mod outcome;
mod ownership;
pub mod placement;
mod problem;
mod remembered;
mod removals;
mod resolution;
mod room;
mod routes;
mod scope;
pub mod service_fields;
mod shape;
mod sharing;
mod siblings;
mod slices;
mod snapshot;
mod step;
mod summary;
mod tags;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod trace;
pub mod uploads;
pub mod vpc;
mod weight;

use adoption::Refused;
use builder::PlanBuilder;
use claim::resolve_claims;
use desired::desired;
use routes::{BindingIntent, find_routes};

use crate::api::binding::Parking;
use crate::model::{self, Service};

pub use deletion::{DefinitionSight, Departure, DepartureSight, Doubt, ServiceSight, owners_of_deleted};
pub use endpoint::{Exclusion, selects};
pub use flags::Flags;
pub use gate::{GateRelease, GateVerdict, Verdict, release};
pub use gate_hint::{LONG as LONG_WAIT, unjudged};
pub use gate_rule::{GateRule, certain_opening, wants_gates};
pub use health::{HealthTable, ListenerSight};
pub use isolated::{panic_words, plan_isolated};
pub use management::{Frozen, Heir, Management, Proof};
pub use outcome::{Outcome, StepOutcome};
pub use problem::{
    Advice, NoTargets, Problem, Unhealthy, call_failed, gates_not_written, no_weight, nobody_serves, not_written,
    unhealthy,
};
pub use remembered::{Cleared, Ended, Remembered, Sighting, Since};
pub use removals::{ConfigMapSight, Hold, Losses, Removals, Withheld};
pub use shape::{named_certificates, named_secrets};
pub use slices::slices;
pub use snapshot::{BindingView, Cloud, Cluster, ClusterView, ConfigUsers, ConfigView, Observed, ReadState, Snapshot};
pub use step::{Change, NewRule, Registration, Removal, Step, WeightChange};
pub use summary::{
    BindingPlan, Counts, Draining, HeldWeight, ListenerFacts, Maker, Pending, Record, Release, RuleFacts, Sight,
};
pub use tags::TagSight;
pub use target::{KeptTarget, RetainedPod, Until};
pub use trace::{Fate, RouteClaim, RouteTrace, TargetTrace, trace};
pub use weight::says_zero;

/// What to do, and what to say.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The effects, in the order in which they are safe.
    pub steps: Vec<Step>,
    /// What a task of ours keeps from being tried: what is known of it is still said.
    pub waiting: Vec<Step>,
    /// What there is to say of each binding, in the snapshot's order.
    pub bindings: Vec<BindingPlan>,
    /// What is the case on the load balancer and counts by how long it has been so.
    pub sightings: Vec<Sighting>,
    /// Whether listeners are to be read anew.
    pub listeners: ListenerSight,
}

impl Plan {
    /// Nothing is done, and nobody is gone: what the task makes may not be shown yet. Its end begins another round.
    fn wait_for_task(&mut self, snapshot: &Snapshot) {
        self.waiting = std::mem::take(&mut self.steps);
        for (view, part) in snapshot.bindings.iter().zip(&mut self.bindings) {
            if view.is_submitted() && matches!(part.management, Management::Release(_)) {
                part.release = Release::Waits;
            }
        }
    }

    /// The load balancer stays: a binding that was left out of the plan may name it.
    pub fn keep_load_balancer(&mut self) {
        self.steps.retain(|step| !matches!(step, Step::DeleteLoadBalancer));
    }
}

/// Decides what this round does.
pub fn plan(snapshot: &Snapshot) -> Plan {
    let mut plan = match &snapshot.cloud {
        Cloud::Observed(observed) => plan_observed(snapshot, observed),
        Cloud::Missing(_) | Cloud::Unplaced(_) | Cloud::Failed(_) => plan_blind(snapshot),
    };
    match snapshot.reads {
        ReadState::Settled | ReadState::HealthPending => {}
        ReadState::TargetsOnly => plan.steps = step::without_doubt(plan.steps),
        ReadState::DuringTask => plan.wait_for_task(snapshot),
    }
    plan
}

fn plan_observed(snapshot: &Snapshot, observed: &Observed) -> Plan {
    let mut intents = intents(snapshot, Some(observed));
    find_routes(snapshot, observed, &mut intents);
    let mut builder = PlanBuilder::new(snapshot, observed);
    builder.plan_creation(&mut intents);
    builder.plan_targets(&mut intents);
    builder.plan_settings(&mut intents);
    builder.plan_bandwidth(&mut intents);
    builder.plan_created(&mut intents);
    builder.plan_removal(&mut intents);
    builder.plan_marks(&mut intents);
    builder.judge(&mut intents);
    builder.plan_deletion(&mut intents);
    placement::follow(snapshot, &mut intents);
    say_parked(snapshot, &mut intents);
    say_hold(snapshot, &mut intents);
    builder.finish(intents)
}

/// Without an observed state nothing is done on a load balancer, but faults of the input are still found.
fn plan_blind(snapshot: &Snapshot) -> Plan {
    let mut intents = intents(snapshot, None);
    let mut plan = Plan::default();
    for intent in &mut intents {
        judgement::judge_blind(intent, snapshot);
    }
    if let Cloud::Unplaced(found) = &snapshot.cloud {
        plan.steps = placement::plan_placement(snapshot, &mut intents, found);
    }
    placement::follow(snapshot, &mut intents);
    say_region(snapshot, &mut intents);
    say_parked(snapshot, &mut intents);
    say_hold(snapshot, &mut intents);
    plan.bindings = intents.into_iter().map(|intent| intent.plan).collect();
    plan
}

/// Says of each binding that the cloud does not know its region.
fn say_region(snapshot: &Snapshot, intents: &mut [BindingIntent<'_>]) {
    let Cloud::Failed(failure) = &snapshot.cloud else { return };
    if model::is_unknown_region(failure) {
        for intent in intents {
            let region = placement::region_of(&intent.view.binding, &snapshot.region);
            intent.plan.problems.push(problem::region_unknown(&intent.view.binding, &region));
        }
    }
}

/// Says of each binding that is parked how far it is: only what is there decides.
fn say_parked(snapshot: &Snapshot, intents: &mut [BindingIntent<'_>]) {
    let are_removals_held = snapshot.removals.held().is_some();
    for intent in intents.iter_mut().filter(|intent| matches!(intent.management, Management::Park(_))) {
        let left = intent.plan.left.or(intent.view.binding.status.as_ref().and_then(|status| status.left));
        intent.plan.problems.push(problem::parked(intent.view, Parking { left, are_removals_held }));
    }
}

/// Says of each binding that removals are held, and what of it that keeps: Programmed is False only where something is kept.
fn say_hold(snapshot: &Snapshot, intents: &mut [BindingIntent<'_>]) {
    let Some(hold) = snapshot.removals.held() else { return };
    for intent in intents {
        match intent.plan.withheld {
            withheld if withheld.is_empty() => intent.plan.advice.push(problem::removals_held_note(hold)),
            withheld => intent.plan.problems.push(problem::removals_held(hold, withheld)),
        }
    }
}

/// Says of each binding whose place it asks for and does not get, and of those that are meant.
fn say_not_adopted(intents: &mut [BindingIntent<'_>]) {
    let mut meant = Vec::new();
    for intent in intents.iter_mut().filter(|intent| !intent.view.is_deleting()) {
        let view = intent.view;
        intent.plan.problems.extend(view.not_adopted.iter().map(|refused| problem::not_adopted(view, refused)));
        let living = view.not_adopted.iter().filter_map(Refused::living);
        meant.extend(living.map(|uid| (uid.to_owned(), view.display_name())));
    }
    for intent in intents {
        let asking = meant.iter().filter(|(uid, _)| uid == intent.view.uid());
        intent.plan.advice.extend(asking.map(|(_, name)| problem::adopted_by_other(name)));
    }
}

/// What is said to no effect on the Service of a binding, as far as the binding is about it.
fn service_advice(view: &BindingView, service: &Service) -> Vec<Advice> {
    if view.is_of_service() {
        // One that is parked follows nothing any more.
        let is_parked = view.binding.parked().is_some();
        return if is_parked { Vec::new() } else { annotated::advice(service, &view.binding) };
    }
    let fields = service.field_problems.iter();
    let fields = fields.map(|problem| problem::no_effect(format!("{problem} (Service '{}')", service.key.name), []));
    weight::service_advice(service).into_iter().chain(fields).collect()
}

/// What each binding wants, with contested listeners given to one binding each, and what is worth saying.
fn intents<'a>(snapshot: &'a Snapshot, observed: Option<&'a Observed>) -> Vec<BindingIntent<'a>> {
    let load_balancer = observed.map(|observed| &observed.load_balancer);
    let intent = |view| BindingIntent::new(view, desired(view, snapshot, observed));
    let mut intents: Vec<_> = snapshot.bindings.iter().map(intent).collect();
    resolve_claims(snapshot, observed, &mut intents);
    say_not_adopted(&mut intents);
    for intent in intents.iter_mut().filter(|intent| intent.management.is_live()) {
        let (view, advice) = (intent.view, &mut intent.plan.advice);
        advice.extend(ending::advice(view));
        advice.extend(network::advice(view, snapshot.cluster));
        advice.extend(load_balancer.and_then(|found| network::vpc_advice(found, snapshot.vpc.known())));
        if let Some(service) = view.service.as_deref() {
            advice.extend(service_advice(view, service));
            advice.extend(affinity::advice(view, service, &intent.listeners));
            let pods = || view.pods.values().map(|pod| &**pod).filter(|pod| selects(service, pod));
            advice.extend(weight::absent_sets(service, pods()));
            advice.extend(weight::pod_advice(pods()));
        }
    }
    intents
}
