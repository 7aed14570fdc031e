//! What there is to say of each binding: the facts that its status is made from.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::api::condition::ExclusionReason;
use crate::api::service_config::EntryProblem;
use crate::model::{Attributes, Health, ListenerId, Protocol, RuleId};

use super::desired::Desired;
use super::endpoint::{Candidate, Exclusion, Wish};
use super::gate::{HealthTable, RouteRow};
use super::listener::Resolved;
use super::placement::Placement;
use super::target::TargetPlan;
use super::{GateVerdict, Problem, problem};

/// One binding's part of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingPlan {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Wishes of the config that cannot be granted to this binding.
    pub config_problems: Vec<EntryProblem>,
    /// The generation of the config, when everything that can be granted of it is in force.
    pub config_generation: Option<i64>,
    /// What is worth saying and is not wrong with this binding.
    pub notes: Vec<String>,
    /// Pods that are not targets, sorted, each once.
    pub exclusions: Vec<Exclusion>,
    /// Effects of this round's plan.
    pub pending: Pending,
    /// The listeners.
    pub listeners: Vec<ListenerFacts>,
    /// Counts over all listeners.
    pub counts: Counts,
    /// What the binding says of its Pods' gates.
    pub gates: Vec<GateVerdict>,
    /// Pods that the Service selects and that run without a gate.
    pub ungated: usize,
    /// When the first target of a terminating Pod that serves in place of a Pod which is not healthy yet has to let go; `None`
    /// when there is none.
    pub stand_in_until: Option<Timestamp>,
    /// What there is of the load balancer that it wants created, as long as none is recorded.
    pub placement: Option<Placement>,
    /// The cloud was read, so that counts mean something.
    pub is_observed: bool,
    /// The health read worked.
    pub is_health_known: bool,
    /// Nothing of this binding is left in the cloud, or nothing of it is to be taken away: a binding that is being deleted
    /// may go.
    pub is_released: bool,
    /// The binding is acted on.
    pub is_managed: bool,
}

/// How many effects of each sort a plan has for one binding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Listeners to create.
    pub create: usize,
    /// Rules to create.
    pub create_rules: usize,
    /// Targets to register.
    pub register: usize,
    /// Targets to reweight.
    pub reweight: usize,
    /// Targets to deregister.
    pub deregister: usize,
    /// Settings that differ from what is wished.
    pub attributes: usize,
    /// Rules to delete.
    pub delete_rules: usize,
    /// Listeners to delete.
    pub delete: usize,
    /// Listeners, rules and targets that TKE's own service controller has yet to make.
    pub delegated: usize,
    /// Load balancers to create: at most one.
    pub create_load_balancer: usize,
    /// Load balancers to delete: at most one.
    pub delete_load_balancer: usize,
}

impl Pending {
    /// Every listener and rule exists as far as it can, with the settings that are wished of it.
    pub(super) const fn awaits_no_setting(&self) -> bool {
        self.create == 0 && self.create_rules == 0 && self.attributes == 0
    }

    /// Nothing to do: the cloud equals what is desired.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Counts of Pods, each counted once however many listeners it is bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pods that should be targets.
    pub desired: usize,
    /// Of these, how many are registered on every listener.
    pub registered: usize,
    /// Of the registered, how many every listener finds healthy, or cannot judge because its health check is off.
    pub healthy: usize,
    /// Of the registered, how many some listener finds unhealthy.
    pub unhealthy: usize,
    /// Of the registered, how many are judged by no listener, because all health checks are off.
    pub unchecked: usize,
    /// Pods that are registered and on their way out.
    pub draining: usize,
}

/// What is known of one Pod, over all listeners looked at so far.
#[derive(Clone, Copy)]
struct PodFacts {
    is_desired: bool,
    is_registered: bool,
    is_healthy: bool,
    is_unhealthy: bool,
    is_checked: bool,
    is_draining: bool,
}

impl Counts {
    /// Counts over the listeners and rules of one binding.
    pub(super) fn new(rows: &[RouteRow<'_>], health: &HealthTable) -> Self {
        let mut pods: HashMap<&str, PodFacts> = HashMap::new();
        for row in rows {
            for candidate in row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values()) {
                let facts = pod_facts(row, candidate, health);
                pods.entry(&candidate.pod_uid).and_modify(|known| known.join(facts)).or_insert(facts);
            }
        }
        let count = |is: fn(&PodFacts) -> bool| pods.values().filter(|facts| is(facts)).count();
        Self {
            desired: count(|pod| pod.is_desired),
            registered: count(|pod| pod.is_desired && pod.is_registered),
            healthy: count(|pod| pod.is_desired && pod.is_registered && pod.is_healthy),
            unhealthy: count(|pod| pod.is_desired && pod.is_registered && pod.is_unhealthy),
            unchecked: count(|pod| pod.is_desired && pod.is_registered && !pod.is_checked),
            draining: count(|pod| pod.is_draining),
        }
    }
}

impl PodFacts {
    fn join(&mut self, other: Self) {
        self.is_desired |= other.is_desired;
        self.is_registered &= other.is_registered;
        self.is_healthy &= other.is_healthy;
        self.is_unhealthy |= other.is_unhealthy;
        self.is_checked |= other.is_checked;
        self.is_draining |= other.is_draining;
    }
}

fn pod_facts(row: &RouteRow<'_>, candidate: &Candidate, health: &HealthTable) -> PodFacts {
    let is_registered = row.has(candidate.address, &candidate.pod_uid);
    let is_desired = matches!(candidate.wish, Wish::Serve(_));
    let found = row.route.and_then(|route| health.get(&(route.clone(), candidate.address)));
    PodFacts {
        is_desired,
        is_registered,
        is_healthy: matches!(found, Some(Health::Healthy | Health::CheckOff)),
        is_unhealthy: matches!(found, Some(Health::Unhealthy)),
        is_checked: !matches!(found, Some(Health::CheckOff)),
        is_draining: is_registered && !is_desired,
    }
}

/// One listener of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerFacts {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// The id; `None` while it does not exist.
    pub id: Option<ListenerId>,
    /// Targets that it should have; for layer 7 counted once per rule.
    pub desired: usize,
    /// Of these, how many the cloud has and reports healthy, or cannot judge because the health check is off.
    pub healthy: usize,
    /// Its rules; empty at layer 4.
    pub rules: Vec<RuleFacts>,
    /// Settings that were written and that the cloud does not show, as far as is remembered.
    pub written: Attributes,
}

/// One rule of a listener of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFacts {
    /// The domain.
    pub domain: String,
    /// The path.
    pub url: String,
    /// The id; `None` while it does not exist.
    pub id: Option<RuleId>,
    /// Targets that it should have.
    pub desired: usize,
    /// Of these, how many the cloud has and reports healthy, or cannot judge because the health check is off.
    pub healthy: usize,
}

/// How many targets a route should have, and how many of these are healthy.
pub(super) fn tally(row: &RouteRow<'_>, health: &HealthTable) -> (usize, usize) {
    let candidates = row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values());
    let facts: Vec<_> = candidates.map(|candidate| pod_facts(row, candidate, health)).collect();
    let desired = facts.iter().filter(|fact| fact.is_desired);
    let healthy = desired.clone().filter(|fact| fact.is_registered && fact.is_healthy);
    (desired.count(), healthy.count())
}

impl BindingPlan {
    /// What can be said before the cloud is looked at.
    pub(super) fn unobserved(wanted: &Desired, notes: Vec<String>) -> Self {
        Self {
            problems: wanted.problems.clone(),
            config_problems: wanted.config_problems.clone(),
            notes,
            is_released: true,
            is_managed: wanted.stance.is_live(),
            ..Self::default()
        }
    }

    /// Takes in what is to be done on one route; `wanted` is what the binding wants there, if anything.
    pub(super) fn add_targets(&mut self, wanted: Option<&Resolved<'_>>, plan: &TargetPlan, quota: usize) {
        self.pending.register += plan.register.len();
        self.pending.reweight += plan.reweight.len();
        self.pending.deregister += plan.deregister.len();
        self.is_released &= plan.ours == 0;
        let Some(wanted) = wanted else { return };
        let name = wanted.desired.route_name(wanted.rule);
        if !plan.left_out.is_empty() {
            self.problems.push(problem::target_quota(&name, quota, plan.left_out.len()));
            self.exclude(ExclusionReason::OverQuota, &plan.left_out);
        }
        if !plan.in_use.is_empty() {
            self.problems.push(problem::address_in_use(&name, plan.in_use.len()));
            self.exclude(ExclusionReason::AddressInUse, &plan.in_use);
        }
        if plan.held > 0 {
            self.problems.push(problem::removal_held(&name, plan.held));
        }
    }

    /// Takes in until when targets stand in on one route.
    pub(super) fn stand_in(&mut self, until: Option<Timestamp>) {
        self.stand_in_until = [self.stand_in_until, until].into_iter().flatten().min();
    }

    fn exclude(&mut self, reason: ExclusionReason, pods: &[String]) {
        self.exclusions.extend(pods.iter().map(|pod| Exclusion { reason, pod: pod.clone() }));
    }

    /// Takes in what is known once all listeners have been looked at.
    pub(super) fn conclude(&mut self, listeners: Vec<ListenerFacts>, counts: Counts, is_health_known: bool) {
        self.config_problems.sort();
        self.config_problems.dedup();
        self.listeners = listeners;
        self.counts = counts;
        self.exclusions.sort();
        self.exclusions.dedup();
        self.is_observed = true;
        self.is_health_known = is_health_known;
    }
}
