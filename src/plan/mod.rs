//! Decisions: what one round does to one load balancer.
//!
//! [`plan`] is a function from a [`Snapshot`] to a [`Plan`]. It is total (a fault is a value in the plan), looks at no clock,
//! and gives the same plan for the same snapshot in any order.
//!
//! Invariants:
//! - Nothing foreign is ever in a step: listeners carry their owner in the name, targets in the tag.
//! - Register comes before reweight to zero, reweight before deregister, deregister before deleting listeners.
//! - A failed read plans nothing.

pub mod annotation;
mod batch;
mod claim;
mod desired;
mod ending;
mod endpoint;
mod gate;
mod listener;
mod outcome;
mod problem;
mod snapshot;
mod stand_in;
mod step;
mod summary;
mod target;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;

use crate::api::mark::TargetTag;
use crate::model::{IpFamily, RegisteredTarget, Route};

use desired::{Desired, Stance, desired};
use gate::{HealthTable, ListenerRow, gates, health_table, serving, ungated, ungated_note};
use listener::{Listeners, listeners};
use stand_in::{StandIns, stand_ins};
use target::{TargetPlan, Wanted, targets};

pub use endpoint::{Exclusion, selects};
pub use gate::{GateVerdict, Release, Verdict, release};
pub use outcome::{Outcome, StepOutcome};
pub use problem::Problem;
pub use snapshot::{BindingView, Cloud, Observed, Snapshot};
pub use step::{Registration, Step};
pub use summary::{BindingPlan, Counts, ListenerFacts, Pending};

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
        Cloud::Missing | Cloud::Unplaced | Cloud::Failed(_) => plan_blind(snapshot),
    }
}

/// Without an observed state nothing is done, but faults of the input are still found.
fn plan_blind(snapshot: &Snapshot) -> Plan {
    let mut desired = desired(snapshot, IpFamily::V4);
    let notes = settle(snapshot, &mut desired, None);
    let is_missing = matches!(snapshot.cloud, Cloud::Missing);
    let bindings = desired
        .iter()
        .zip(notes)
        .map(|(wanted, notes)| {
            let mut plan = BindingPlan::unobserved(wanted, notes);
            if is_missing && wanted.stance == Stance::Manage {
                plan.problems.push(problem::load_balancer_not_found(&snapshot.load_balancer));
            }
            // Where there is no load balancer, nothing of ours can be left.
            if matches!(snapshot.cloud, Cloud::Unplaced) && wanted.stance == Stance::Manage {
                plan.problems.push(problem::no_load_balancer());
            }
            plan.is_released = !matches!(snapshot.cloud, Cloud::Failed(_)) || wanted.stance == Stance::Abandon;
            plan
        })
        .collect();
    Plan { steps: Vec::new(), bindings }
}

/// Gives contested listeners to one binding each; returns what is worth telling of each binding.
fn settle(snapshot: &Snapshot, desired: &mut [Desired], observed: Option<&Observed>) -> Vec<Vec<String>> {
    let mut notes = claim::settle(snapshot, desired, observed);
    for ((notes, wanted), view) in notes.iter_mut().zip(&*desired).zip(&snapshot.bindings) {
        if wanted.stance == Stance::Manage {
            notes.extend(ending::notes(view));
        }
    }
    notes
}

fn plan_observed(snapshot: &Snapshot, observed: &Observed) -> Plan {
    let mut desired = desired(snapshot, observed.load_balancer.family);
    let notes = settle(snapshot, &mut desired, Some(observed));
    let listeners = listeners(snapshot, &desired, observed);
    let mut plans: Vec<BindingPlan> =
        desired.iter().zip(notes).map(|(wanted, notes)| BindingPlan::unobserved(wanted, notes)).collect();
    for (binding, problem) in &listeners.problems {
        plans[*binding].problems.push(problem.clone());
    }
    let health = health_table(observed);
    let mut draft = Draft { snapshot, observed, health, plans, routes: Vec::new(), delete: Vec::new() };
    draft.plan_targets(&desired, &listeners);
    draft.plan_surplus(&listeners);
    for (binding, ..) in &listeners.create {
        draft.plans[*binding].pending.create += 1;
    }
    draft.judge(&desired, &listeners);
    let mut steps = listeners.create_steps();
    steps.extend(batch::steps(draft.routes, draft.delete, &snapshot.limits));
    Plan { steps, bindings: draft.plans }
}

/// A plan being written.
struct Draft<'a> {
    snapshot: &'a Snapshot,
    observed: &'a Observed,
    health: HealthTable,
    plans: Vec<BindingPlan>,
    routes: Vec<TargetPlan>,
    delete: Vec<crate::model::ListenerId>,
}

impl Draft<'_> {
    fn observed_targets(&self, route: &Route) -> &[RegisteredTarget] {
        self.observed.targets.get(route).map_or(&[], Vec::as_slice)
    }

    /// Every route that was read, for every binding that wants something there or has something left there.
    fn plan_targets(&mut self, desired: &[Desired], listeners: &Listeners<'_>) {
        let nothing = endpoint::Endpoints::default();
        let mut planned = Vec::new();
        for (route, observed) in &self.observed.targets {
            let marked = self.marked(observed);
            for (binding, wanted) in desired.iter().enumerate() {
                let is_this = |found: &&listener::Resolved<'_>| found.binding == binding && found.route == *route;
                let found = listeners.resolved.iter().find(is_this);
                let endpoints = match (found, wanted.stance) {
                    (_, Stance::Abandon) => continue,
                    (None, _) if !marked.contains(&binding) => continue,
                    (Some(found), _) => found.desired.endpoints.as_ref(),
                    (None, _) if wanted.is_open => None,
                    (None, _) => Some(&nothing),
                };
                let view = &self.snapshot.bindings[binding];
                let stand_ins = match endpoints {
                    Some(endpoints) => {
                        stand_ins(endpoints, (route, observed), view.uid(), &self.health, self.snapshot.now)
                    }
                    None => StandIns::default(),
                };
                self.plans[binding].stand_in(stand_ins.until);
                let wish = Wanted { view, route, endpoints, quota: self.snapshot.limits.targets_per_route, stand_ins };
                planned.push((binding, found.map(|found| found.desired), targets(&wish, observed)));
            }
        }
        for (binding, listener, plan) in planned {
            self.plans[binding].add_targets(listener, &plan, self.snapshot.limits.targets_per_route);
            self.routes.push(plan);
        }
    }

    /// The bindings that have a target among these.
    fn marked(&self, targets: &[RegisteredTarget]) -> BTreeSet<usize> {
        let uids: BTreeSet<String> =
            targets.iter().filter_map(|target| TargetTag::parse(&target.tag)).map(|tag| tag.binding_uid).collect();
        let is_marked = |(_, view): &(usize, &BindingView)| uids.contains(view.uid());
        self.snapshot.bindings.iter().enumerate().filter(is_marked).map(|(binding, _)| binding).collect()
    }

    /// Listeners of ours that nobody wants go once they hold no targets.
    fn plan_surplus(&mut self, listeners: &Listeners<'_>) {
        for (binding, listener) in &listeners.surplus {
            let route = Route { listener: listener.id.clone(), rule: None };
            let uid = self.snapshot.bindings[*binding].uid();
            let is_ours =
                |target: &&RegisteredTarget| TargetTag::parse(&target.tag).is_some_and(|tag| tag.binding_uid == uid);
            let targets = self.observed_targets(&route);
            let ours = targets.iter().filter(is_ours).count();
            let foreign = targets.len() - ours;
            let plan = &mut self.plans[*binding];
            if foreign > 0 {
                plan.problems.push(problem::foreign_targets(listener));
            } else {
                plan.pending.delete += 1;
                plan.is_released = false;
                if ours == 0 {
                    self.delete.push(listener.id.clone());
                }
            }
        }
    }

    /// Facts about listeners, and verdicts on gates.
    fn judge(&mut self, desired: &[Desired], listeners: &Listeners<'_>) {
        let health = &self.health;
        for (binding, wanted) in desired.iter().enumerate() {
            let view = &self.snapshot.bindings[binding];
            let rows: Vec<ListenerRow<'_>> = wanted
                .listeners
                .iter()
                .map(|listener| {
                    let is_this = |found: &&listener::Resolved<'_>| {
                        found.binding == binding && std::ptr::eq(found.desired, listener)
                    };
                    let found = listeners.resolved.iter().find(is_this);
                    ListenerRow {
                        name: format!("{}/{}", listener.port, listener.protocol),
                        id: found.map(|found| &found.route.listener),
                        endpoints: listener.endpoints.as_ref(),
                        registered: serving(found.map_or(&[], |found| self.observed_targets(&found.route)), view.uid()),
                    }
                })
                .collect();
            let plan = &mut self.plans[binding];
            let excluded = rows.iter().filter_map(|row| row.endpoints).flat_map(|endpoints| &endpoints.exclusions);
            plan.exclusions.extend(excluded.cloned());
            if let Some(service) = view.service.as_deref().filter(|_| wanted.stance == Stance::Manage) {
                plan.gates = gates(view, service, &rows, health, self.snapshot.now);
                plan.ungated = ungated(view, service);
                plan.notes.extend(ungated_note(view.binding.spec.readiness_gate.policy, plan.ungated));
            }
            let facts = wanted.listeners.iter().zip(&rows).map(|(wish, row)| ListenerFacts::new(wish, row, health));
            plan.conclude(facts.collect(), Counts::new(&rows, health), self.observed.health.is_ok());
        }
    }
}
