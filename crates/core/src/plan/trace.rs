//! What is wanted of each Pod on each listener, and what became of it: for people who ask why, not for rounds.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Address, Health, ListenerId, ListenerState, Protocol, RegisteredTarget, Route, Weight};

use super::departure::PodIntent;
use super::desired::DesiredListener;
use super::endpoint::{Candidate, Exclusion};
use super::gate::GateRow;
use super::health::{HealthTable, health_table};
use super::judgement::rows_of;
use super::routes::{BindingIntent, ListenerIntent, find_routes};
use super::weight::PodWeight;
use super::{Cloud, Observed, Snapshot, intents};

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
    /// Pods that are or may be targets, in the order of their addresses.
    pub targets: Vec<TargetTrace>,
    /// Pods that are not, with the reason.
    pub exclusions: Vec<Exclusion>,
}

/// One Pod on one listener or rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTrace {
    /// The Pod's name.
    pub pod: String,
    /// Its UID.
    pub pod_uid: String,
    /// Where it listens.
    pub address: Address,
    /// The weight that is wanted; `None` for a Pod that takes no new connections.
    pub wanted: Option<Weight>,
    /// The weight that was read; `None` when it is not registered for this very Pod.
    pub weight: Option<Weight>,
    /// What the cloud says of its health; `None` when it says nothing, or was not read.
    pub health: Option<Health>,
}

/// The routes of each binding, in the snapshot's order. Without a load balancer IPv4 is assumed, and nothing is registered.
pub fn trace(snapshot: &Snapshot) -> Vec<Vec<RouteTrace>> {
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
    intents.iter().map(|intent| reading.binding(intent, snapshot, observed)).collect()
}

/// What was read of the cloud, if anything.
struct Reading<'a> {
    targets: &'a BTreeMap<Route, Vec<RegisteredTarget>>,
    health: HealthTable,
}

impl Reading<'_> {
    fn binding(&self, intent: &BindingIntent<'_>, snapshot: &Snapshot, observed: Option<&Observed>) -> Vec<RouteTrace> {
        let mut sightings = Vec::new();
        let mut routes = Vec::new();
        for listener in &intent.listeners {
            let rows = match observed {
                Some(observed) => rows_of(listener, snapshot, observed, &mut sightings),
                None => vec![unread(listener)],
            };
            routes.extend(rows.iter().map(|row| self.route(&listener.desired, row)));
        }
        routes
    }

    fn route(&self, listener: &DesiredListener, row: &GateRow<'_>) -> RouteTrace {
        let candidates = row.endpoints.iter().flat_map(|endpoints| endpoints.candidates.values());
        RouteTrace {
            name: row.name.clone(),
            protocol: listener.protocol,
            port: listener.port,
            listener: row.route.map(|route| route.listener.clone()),
            targets: candidates.map(|candidate| self.target(row, candidate)).collect(),
            exclusions: row.endpoints.map(|endpoints| endpoints.exclusions.clone()).unwrap_or_default(),
        }
    }

    fn target(&self, row: &GateRow<'_>, candidate: &Candidate) -> TargetTrace {
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
        }
    }
}

fn unread<'i>(listener: &'i ListenerIntent<'_>) -> GateRow<'i> {
    GateRow {
        name: listener.desired.route_name(None),
        route: None,
        state: ListenerState::Serving,
        endpoints: listener.desired.endpoints.as_ref(),
        registered: HashMap::new(),
    }
}
