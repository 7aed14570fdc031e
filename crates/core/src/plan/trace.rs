//! What is wanted of each Pod on each listener, and what became of it: for people who ask why, not for rounds.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::condition::ChangeReason;
use crate::api::mark::TargetTag;
use crate::model::{Address, Health, Listener, ListenerId, Pod, Protocol, RegisteredTarget, Route, RuleId, Weight};

use super::departure::PodIntent;
use super::desired::DesiredListener;
use super::endpoint::{Candidate, Exclusion};
use super::gate::GateRow;
use super::health::{HealthTable, health_table};
use super::judgement::Judged;
use super::routes::{BindingIntent, find_routes, marked};
use super::tags::{TagSight, tag_sight};
use super::weight::PodWeight;
use super::{BindingPlan, BindingView, Cloud, Observed, Plan, Snapshot, Step, Until, intents};

/// One listener of a binding, or one rule of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTrace {
    /// `listener port/protocol`, or a rule of it.
    pub name: String,
    /// The protocol of the listener.
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
    /// The listener's id; `None` while it does not exist, and when the cloud was not read.
    pub listener: Option<ListenerId>,
    /// The rule's id; `None` at layer 4, and as above.
    pub rule: Option<RuleId>,
    /// Whether something is wanted there.
    pub claim: RouteClaim,
    /// Pods that are or may be targets, in the order of their addresses.
    pub targets: Vec<TargetTrace>,
    /// The binding's other targets: they leave, or stay for a reason. In the order of their addresses.
    pub others: Vec<TargetTrace>,
    /// Pods that are not, with the reason.
    pub exclusions: Vec<Exclusion>,
}

/// Whether something is wanted of a listener or rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteClaim {
    /// It is, or it is held.
    Wanted,
    /// It is not, or nothing is decided of the binding; targets of it are there.
    Leftover,
}

/// What becomes of a target that does not simply serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It leaves, and keeps its weight until others serve.
    KeptForOthers(ChangeReason),
    /// It would leave, and keeps its weight because nobody else would serve.
    KeptAsLast(ChangeReason),
    /// It leaves and gets no new connections since then.
    Draining(ChangeReason, Timestamp),
    /// It leaves.
    Leaving(ChangeReason),
    /// It stays as it is: nothing is decided of it.
    Held,
}

/// One Pod on one listener or rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTrace {
    /// The Pod's name; empty for a target whose Pod does not exist any more.
    pub pod: String,
    /// Its UID; empty as above.
    pub pod_uid: String,
    /// Where it listens.
    pub address: Address,
    /// The weight that is wanted; `None` for a Pod that takes no new connections.
    pub wanted: Option<Weight>,
    /// The weight that was read; `None` when it is not registered for this very Pod.
    pub weight: Option<Weight>,
    /// What the cloud says of its health; `None` when it says nothing, or was not read.
    pub health: Option<Health>,
    /// What becomes of it; `None` for one that serves or is to.
    pub fate: Option<Fate>,
}

/// The routes of each binding, in the snapshot's order. Without a load balancer IPv4 is assumed, and nothing is registered.
/// `plan` is the plan of the same snapshot.
pub fn trace(snapshot: &Snapshot, plan: &Plan) -> Vec<Vec<RouteTrace>> {
    let observed = match &snapshot.cloud {
        Cloud::Observed(observed) => Some(observed),
        Cloud::Missing(_) | Cloud::Unplaced(_) | Cloud::Failed(_) => None,
    };
    let mut intents = intents(snapshot, observed);
    if let Some(observed) = observed {
        find_routes(snapshot, observed, &mut intents);
    }
    let nothing = BTreeMap::new();
    let reading = Reading {
        targets: observed.map_or(&nothing, |observed| &observed.targets),
        health: observed.map(health_table).unwrap_or_default(),
    };
    let parts = intents.iter().zip(&plan.bindings);
    let of = |(intent, part): (&BindingIntent<'_>, &BindingPlan)| {
        let fates = Fates { steps: &plan.steps, part };
        let mut routes = reading.binding(intent, snapshot, observed, fates);
        if let Some(observed) = observed {
            let tags = tag_sight(snapshot, observed);
            Others { view: intent.view, snapshot, observed, reading: &reading, fates, tags }.add(&mut routes);
        }
        routes
    };
    parts.map(of).collect()
}

/// What was read of the cloud, if anything.
struct Reading<'a> {
    targets: &'a BTreeMap<Route, Vec<RegisteredTarget>>,
    health: HealthTable,
}

impl Reading<'_> {
    fn binding(
        &self,
        intent: &BindingIntent<'_>,
        snapshot: &Snapshot,
        observed: Option<&Observed>,
        fates: Fates<'_>,
    ) -> Vec<RouteTrace> {
        let mut sightings = Vec::new();
        let mut routes = Vec::new();
        let view = intent.view;
        let marked = observed.map(|observed| marked(view, observed)).unwrap_or_default();
        for listener in &intent.listeners {
            let rows = match observed {
                Some(observed) => Judged { view, marked: &marked, snapshot, observed }.rows(listener, &mut sightings),
                None => vec![GateRow::missing(listener)],
            };
            routes.extend(rows.iter().map(|row| self.route(&listener.desired, row, fates)));
        }
        routes
    }

    fn route(&self, listener: &DesiredListener, row: &GateRow<'_>, fates: Fates<'_>) -> RouteTrace {
        let candidates = row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values());
        RouteTrace {
            name: row.name.clone(),
            protocol: listener.protocol,
            port: listener.port,
            listener: row.route.map(|route| route.listener.clone()),
            rule: row.route.and_then(|route| route.rule.clone()),
            claim: RouteClaim::Wanted,
            targets: candidates.map(|candidate| self.target(row, candidate, fates)).collect(),
            others: Vec::new(),
            exclusions: row.endpoints.map(|endpoints| endpoints.exclusions.clone()).unwrap_or_default(),
        }
    }

    fn target(&self, row: &GateRow<'_>, candidate: &Candidate, fates: Fates<'_>) -> TargetTrace {
        let address = candidate.address;
        let registered = row.route.filter(|_| row.has(address, &candidate.pod_uid));
        let targets = registered.and_then(|route| self.targets.get(route));
        let target = targets.and_then(|targets| targets.iter().find(|target| target.address == address));
        TargetTrace {
            pod: candidate.pod.clone(),
            pod_uid: candidate.pod_uid.clone(),
            address,
            wanted: match &candidate.intent {
                PodIntent::Serve(PodWeight::Known(weight)) => Some(*weight),
                PodIntent::Serve(weight) => {
                    target.map(|target| target.weight).or(Some(weight.of_newcomer().unwrap_or_default()))
                }
                PodIntent::Leave(_) | PodIntent::Keep => None,
            },
            weight: target.map(|target| target.weight),
            health: registered.and_then(|route| self.health.get(&(route.clone(), address)).copied()),
            fate: match (&candidate.intent, registered) {
                (PodIntent::Leave(leave), Some(route)) => {
                    Some(fates.of(route, address, &candidate.pod).unwrap_or(Fate::Leaving(leave.reason)))
                }
                (PodIntent::Serve(_) | PodIntent::Keep, _) | (PodIntent::Leave(_), None) => None,
            },
        }
    }
}

/// What the plan does with targets.
#[derive(Clone, Copy)]
struct Fates<'a> {
    steps: &'a [Step],
    part: &'a BindingPlan,
}

impl Fates<'_> {
    /// What becomes of a target that leaves; `None` when the plan says nothing of it.
    fn of(self, route: &Route, address: Address, pod: &str) -> Option<Fate> {
        let retained = || {
            let found = self.part.retained.iter().find(|one| one.pod == pod)?;
            Some(match found.until {
                Until::OthersServe(_) | Until::Turn => Fate::KeptForOthers(found.reason),
                Until::SomebodyServes => Fate::KeptAsLast(found.reason),
            })
        };
        let draining = || {
            let found = self.part.draining.iter().find(|one| one.route == *route && one.address == address)?;
            Some(Fate::Draining(found.reason, found.since))
        };
        self.step(route, address).or_else(draining).or_else(retained)
    }

    fn step(self, route: &Route, address: Address) -> Option<Fate> {
        self.steps.iter().find_map(|step| match step {
            Step::Reweight(all) => {
                let found = all.iter().find(|one| one.route == *route && one.address == address && one.to == 0)?;
                Some(Fate::Leaving(found.reason))
            }
            Step::Deregister(all) => {
                let found = all.iter().find(|one| one.route == *route && one.address == address)?;
                Some(Fate::Leaving(found.reason))
            }
            _ => None,
        })
    }
}

/// Targets of a binding for which no Pod stands that is wanted.
struct Others<'a> {
    view: &'a BindingView,
    snapshot: &'a Snapshot,
    observed: &'a Observed,
    reading: &'a Reading<'a>,
    fates: Fates<'a>,
    tags: TagSight,
}

impl Others<'_> {
    /// Adds them to the routes, and routes that have nothing but them.
    fn add(&self, routes: &mut Vec<RouteTrace>) {
        for listener in &self.observed.listeners {
            for route in listener.routes() {
                let is_this =
                    |one: &&mut RouteTrace| one.listener.as_ref() == Some(&route.listener) && one.rule == route.rule;
                let known = routes.iter_mut().find(is_this);
                let is_known = |target: &RegisteredTarget| {
                    let mut targets = known.iter().flat_map(|one| &one.targets);
                    targets.any(|one| one.address == target.address && one.weight.is_some())
                };
                let all = self.observed.targets.get(&route).into_iter().flatten();
                let others = all.filter(|one| self.is_ours(listener, one) && !is_known(one));
                let mut others: Vec<_> = others.map(|target| self.target(&route, target)).collect();
                others.sort_by_key(|one| one.address);
                match known {
                    Some(known) => known.others = others,
                    None if others.is_empty() => {}
                    None => routes.push(leftover(listener, route, others)),
                }
            }
        }
    }

    fn is_ours(&self, listener: &Listener, target: &RegisteredTarget) -> bool {
        match TargetTag::parse(&target.tag) {
            Some(tag) => self.view.is_uid_of_ours(&tag.binding_uid),
            None => {
                let is_untagged = target.tag.is_empty() && self.tags == TagSight::Hidden;
                is_untagged && self.view.has_made(listener, self.snapshot)
            }
        }
    }

    fn target(&self, route: &Route, target: &RegisteredTarget) -> TargetTrace {
        let pod = self.pod(target);
        let name = pod.map(|pod| pod.key.name.clone()).unwrap_or_default();
        let is_ending = target.weight == 0 && pod.is_some_and(|pod| pod.deleting_since.is_some());
        let otherwise = if is_ending { Fate::Leaving(ChangeReason::PodDeleted) } else { Fate::Held };
        TargetTrace {
            fate: Some(self.fates.of(route, target.address, &name).unwrap_or(otherwise)),
            pod: name,
            pod_uid: pod.map(|pod| pod.uid.clone()).unwrap_or_default(),
            address: target.address,
            wanted: None,
            weight: Some(target.weight),
            health: self.reading.health.get(&(route.clone(), target.address)).copied(),
        }
    }

    /// The Pod for which it was registered; by its address, where the cloud does not say.
    fn pod(&self, target: &RegisteredTarget) -> Option<&Pod> {
        let mut pods = self.view.pods.values().map(|pod| &**pod);
        match TargetTag::parse(&target.tag) {
            Some(tag) => pods.find(|pod| pod.uid.starts_with(&tag.pod_mark)),
            None => pods.find(|pod| pod.ips.contains(&target.address.ip)),
        }
    }
}

fn leftover(listener: &Listener, route: Route, others: Vec<TargetTrace>) -> RouteTrace {
    let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
    let rule = rule.map(|rule| format!("rule {}{} of ", rule.domain, rule.url)).unwrap_or_default();
    RouteTrace {
        name: format!("{rule}listener {}/{}", listener.port, listener.protocol),
        protocol: listener.protocol,
        port: listener.port,
        listener: Some(route.listener),
        rule: route.rule,
        claim: RouteClaim::Leftover,
        targets: Vec::new(),
        others,
        exclusions: Vec::new(),
    }
}
