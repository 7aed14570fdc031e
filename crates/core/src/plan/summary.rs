//! What there is to say of each binding: the facts that its status is made from.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::api::binding::{HeldWeightCause, Left, limit};
use crate::api::condition::{ChangeReason, ExclusionReason};
use crate::api::service_config::EntryProblem;
use crate::model::{Address, Attributes, Failure, Health, ListenerId, Protocol, Route, RuleId, ServicePort, Weight};

use super::departure::PodIntent;
use super::endpoint::{Candidate, Exclusion};
use super::flags::Flags;
use super::gate::GateRow;
use super::health::HealthTable;
use super::management::Management;
use super::placement::Placement;
use super::removals::{Losses, Withheld};
use super::step::WeightChange;
use super::tags::{TagSight, recorded_drain};
use super::target::{KeptTarget, RetainedPod, TargetPlan, Until};
use super::{Advice, BindingView, GateVerdict, NoTargets, Problem, Sighting, Snapshot, Unhealthy, problem};

/// One binding's part of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingPlan {
    /// How far the binding is acted on.
    pub management: Management,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Wishes of the config that cannot be granted to this binding.
    pub config_problems: Vec<EntryProblem>,
    /// The generation of the config, when everything that can be granted of it is in force.
    pub config_generation: Option<i64>,
    /// What is worth saying and is not wrong with this binding.
    pub advice: Vec<Advice>,
    /// Pods that are not targets, sorted, each once.
    pub exclusions: Vec<Exclusion>,
    /// Effects of this round's plan.
    pub pending: Pending,
    /// What a hold of removals keeps.
    pub withheld: Withheld,
    /// What a binding that is parked still has; `None` while it is not parked, or nothing was read.
    pub left: Option<Left>,
    /// What the round takes out for a reason that a hold covers, or would.
    pub losses: Losses,
    /// The listeners.
    pub listeners: Vec<ListenerFacts>,
    /// Listeners that have no target.
    pub no_targets: Vec<NoTargets>,
    /// Targets that are found unhealthy, those first whose Pods have been ready for longest.
    pub unhealthy: Vec<Unhealthy>,
    /// Counts over all listeners.
    pub counts: Counts,
    /// What the binding says of its Pods' gates.
    pub gates: Vec<GateVerdict>,
    /// Pods that the Service selects and that run without a gate.
    pub ungated: usize,
    /// Pods whose targets leave and keep their weight for now, sorted, each once.
    pub retained: Vec<RetainedPod>,
    /// Targets that stay as they are, because nobody knows where their Pods are to be.
    pub kept: Vec<KeptTarget>,
    /// Targets of living Pods that are on their way out.
    pub draining: Vec<Draining>,
    /// Whether a step waits for that to be recorded.
    pub record: Record,
    /// Weights of Pods that their targets do not show.
    pub held_weights: Vec<HeldWeight>,
    /// When something of the binding changes by time alone; `None` when nothing does.
    pub look_at: Option<Timestamp>,
    /// What is the case and counts by how long it has been so.
    pub sightings: Vec<Sighting>,
    /// What there is of the load balancer that it wants created, as long as none is recorded.
    pub placement: Option<Placement>,
    /// How much of the cloud was read.
    pub sight: Sight,
    /// Why health could not be read; `None` where it was, or was not asked for.
    pub health_failure: Option<Failure>,
    /// Whether a binding that is being deleted may go.
    pub release: Release,
    /// Whether the cloud shows the tags of targets.
    pub tags: TagSight,
}

/// How much of the cloud was read, so that counts mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    /// Nothing.
    #[default]
    Nothing,
    /// Everything but health.
    WithoutHealth,
    /// Everything.
    Whole,
}

/// Whether a binding that is being deleted may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// Something of it is left, or may be.
    #[default]
    Waits,
    /// Nothing of it is left in the cloud, by proof, or nothing of it is to be taken away.
    Done,
}

/// Whether a step waits for a record in the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Record {
    /// None does.
    #[default]
    Kept,
    /// One does: it follows as soon as the status is written.
    First,
}

/// The target of a living Pod that is on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draining {
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// Since when.
    pub since: Timestamp,
    /// Why it leaves.
    pub reason: ChangeReason,
}

/// A weight of a Pod that its target does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldWeight {
    /// Where.
    pub route: Route,
    /// The Pod's name.
    pub pod: String,
    /// The weight.
    pub weight: Weight,
    /// Why the target does not show it.
    pub cause: HeldWeightCause,
    /// The Pod is to serve there.
    pub is_wanted: bool,
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
    /// Targets that leave and keep their weight, because others do not serve yet.
    pub retained: usize,
    /// Targets to register that are on their way out on another listener.
    pub awaited: usize,
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
    /// Pods that should be targets, or are to stay what they are.
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
    /// Of the registered, how many have weight on some listener.
    pub weighted: usize,
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
    has_weight: bool,
}

impl Counts {
    /// Counts over the listeners and rules of one binding.
    pub(super) fn new<'a>(rows: &'a [GateRow<'_>], kept: &'a [KeptTarget], health: &HealthTable) -> Self {
        let mut pods: HashMap<&str, PodFacts> = HashMap::new();
        for (pod, facts) in rows.iter().flat_map(|row| facts_of_pods(row, kept, health)) {
            pods.entry(pod).and_modify(|known| known.join(facts)).or_insert(facts);
        }
        let count = |is: fn(&PodFacts) -> bool| pods.values().filter(|facts| is(facts)).count();
        Self {
            desired: count(|pod| pod.is_desired),
            registered: count(|pod| pod.is_desired && pod.is_registered),
            healthy: count(|pod| pod.is_desired && pod.is_registered && pod.is_healthy),
            unhealthy: count(|pod| pod.is_desired && pod.is_registered && pod.is_unhealthy),
            unchecked: count(|pod| pod.is_desired && pod.is_registered && !pod.is_checked),
            draining: count(|pod| pod.is_draining),
            weighted: count(|pod| pod.is_desired && pod.has_weight),
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
        self.has_weight |= other.has_weight;
    }
}

/// What is known of the Pods that a row is to have, and of those that stay there.
fn facts_of_pods<'a>(
    row: &'a GateRow<'_>,
    kept: &'a [KeptTarget],
    health: &HealthTable,
) -> impl Iterator<Item = (&'a str, PodFacts)> {
    let candidates = row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values());
    let kept = kept.iter().filter(|one| row.route == Some(&one.route));
    let wanted = candidates.map(|one| (one.pod_uid.as_str(), pod_facts(row, one, health)));
    wanted.chain(kept.map(|one| (one.pod.as_str(), target_facts(row, (one.address, &one.pod), true, health))))
}

fn pod_facts(row: &GateRow<'_>, candidate: &Candidate, health: &HealthTable) -> PodFacts {
    let is_desired = matches!(candidate.intent, PodIntent::Serve(_));
    target_facts(row, (candidate.address, &candidate.pod_uid), is_desired, health)
}

fn target_facts(
    row: &GateRow<'_>,
    (address, pod): (Address, &str),
    is_desired: bool,
    health: &HealthTable,
) -> PodFacts {
    let is_registered = row.has(address, pod);
    let found = row.route.and_then(|route| health.get(&(route.clone(), address)));
    PodFacts {
        is_desired,
        is_registered,
        is_healthy: matches!(found, Some(Health::Healthy | Health::CheckOff)),
        is_unhealthy: matches!(found, Some(Health::Unhealthy)),
        is_checked: !matches!(found, Some(Health::CheckOff)),
        is_draining: is_registered && !is_desired,
        has_weight: is_registered && row.weight(address).is_some_and(|weight| weight > 0),
    }
}

/// The targets that should serve and that the cloud finds unhealthy.
pub(super) fn unhealthy(view: &BindingView, rows: &[GateRow<'_>], health: &HealthTable) -> Vec<Unhealthy> {
    let (mut found, nothing_shown) = (Vec::new(), Attributes::default());
    for row in rows {
        for candidate in row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values()) {
            let facts = pod_facts(row, candidate, health);
            if facts.is_desired && facts.is_registered && facts.is_unhealthy {
                let since = view.pods.get(&candidate.pod_uid).and_then(|pod| pod.containers_ready_since);
                let check = row.check.unwrap_or(&nothing_shown);
                let probe = problem::probed_at(check, candidate.address.port);
                found.push(Unhealthy { since, pod: candidate.pod.clone(), route: row.name.clone(), probe });
            }
        }
    }
    found.sort();
    found
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
    /// Whether the binding has made it.
    pub maker: Maker,
    /// The Service port that it stands for; `None` when it was never resolved.
    pub service_port: Option<ServicePort>,
    /// Its rules; empty at layer 4.
    pub rules: Vec<RuleFacts>,
    /// What is remembered of the switches that the cloud shows as flags.
    pub flags: Flags,
}

/// Who has made a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// The binding.
    Binding,
    /// Somebody else, or nobody yet.
    #[default]
    Others,
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
pub(super) fn tally(row: &GateRow<'_>, kept: &[KeptTarget], health: &HealthTable) -> (usize, usize) {
    let facts: Vec<_> = facts_of_pods(row, kept, health).map(|(_, facts)| facts).collect();
    let desired = facts.iter().filter(|fact| fact.is_desired);
    let healthy = desired.clone().filter(|fact| fact.is_registered && fact.is_healthy);
    (desired.count(), healthy.count())
}

impl BindingPlan {
    /// Takes in what is to be done on one route, whose name is known where the binding wants something there. A target of a living
    /// Pod keeps its weight until it is recorded that it drains, unless a user has asked for weight 0.
    pub(super) fn add_targets(
        &mut self,
        name: Option<&str>,
        route: &Route,
        plan: &mut TargetPlan,
        snapshot: &Snapshot,
        view: &BindingView,
    ) {
        self.withheld.targets += plan.withheld;
        self.losses.weighted += plan.weighted;
        self.losses.leaving.extend(plan.leaving.iter().map(|address| (route.clone(), *address)));
        self.pending.register += plan.register.len();
        self.pending.reweight += plan.reweight.len();
        self.pending.deregister += plan.deregister.len() + plan.make_room.len();
        self.pending.retained += plan.replacing.len() + plan.last.len();
        let last = plan.last.iter().map(|last| RetainedPod {
            pod: last.pod.clone(),
            reason: last.reason,
            until: Until::SomebodyServes,
        });
        self.retained.extend(plan.replacing.iter().cloned().chain(last));
        self.retained.sort();
        self.retained.dedup();
        self.kept.extend(plan.kept.iter().cloned());
        self.look_by(plan.look_at);
        self.held_weights.extend(plan.held_weights.iter().cloned());
        self.record(route, plan, view);
        let Some(name) = name else { return };
        let quota = snapshot.limits.targets_per_route;
        if !plan.left_out.is_empty() {
            self.problems.push(problem::target_quota(name, quota, plan.left_out.len()));
            self.exclude(ExclusionReason::OverQuota, &plan.left_out);
        }
        if !plan.in_use.is_empty() {
            self.problems.push(problem::address_in_use(name, plan.in_use.len()));
            self.exclude(ExclusionReason::AddressInUse, &plan.in_use);
        }
        let namespace = view.binding.metadata.namespace.as_deref().unwrap_or_default();
        self.problems.extend(problem::last_held(name, namespace, &plan.last));
    }

    fn record(&mut self, route: &Route, plan: &mut TargetPlan, view: &BindingView) {
        for (address, reason, since) in &plan.draining {
            let recorded = recorded_drain(view, route, *address);
            if self.draining.len() == limit::DRAINING {
                // What has no room is not waited for: its drain begins anew with another controller.
                return;
            }
            let (route, address, since, reason) = (route.clone(), *address, *since, *reason);
            self.draining.push(Draining { route, address, since, reason });
            if recorded.is_none() {
                let before = plan.reweight.len();
                // A weight of 0 that a user asked for waits for nothing.
                let waits =
                    |change: &WeightChange| change.address == address && change.reason != ChangeReason::UserWeight;
                plan.reweight.retain(|change| !waits(change));
                if plan.reweight.len() < before {
                    self.record = Record::First;
                }
            }
        }
    }

    /// A hold of removals keeps something that the binding has although it is to be parked.
    pub fn is_parking_held(&self) -> bool {
        matches!(self.management, Management::Park(_)) && !self.withheld.is_empty()
    }

    pub(super) fn look_by(&mut self, time: Option<Timestamp>) {
        self.look_at = [self.look_at, time].into_iter().flatten().min();
    }

    fn exclude(&mut self, reason: ExclusionReason, pods: &[String]) {
        self.exclusions.extend(pods.iter().map(|pod| Exclusion { reason, pod: pod.clone() }));
    }
}
