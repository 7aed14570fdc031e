//! What is wanted of each Pod on each listener, and what became of it: for people who ask why, not for rounds.

use std::collections::BTreeMap;

use crate::model::{Address, Health, ListenerId, Protocol, RegisteredTarget, Route, Weight};

use super::desired::{Desired, DesiredListener, desired};
use super::endpoint::{Candidate, Exclusion, Wish};
use super::gate::{HealthTable, RouteRow, health_table, rows_of};
use super::listener::{Resolved, listeners};
use super::{Cloud, Snapshot, settle};

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
        Cloud::Missing | Cloud::Unplaced(_) | Cloud::Failed(_) => None,
    };
    let mut desired = desired(snapshot, observed.map(|seen| &seen.load_balancer));
    settle(snapshot, &mut desired, observed);
    let found = observed.map(|observed| listeners(snapshot, &desired, observed)).unwrap_or_default();
    let nothing = BTreeMap::new();
    let reading = Reading {
        resolved: found.resolved.iter().collect(),
        targets: observed.map_or(&nothing, |observed| &observed.targets),
        health: observed.map(health_table).unwrap_or_default(),
    };
    desired.iter().enumerate().map(|(binding, wanted)| reading.routes(binding, wanted)).collect()
}

/// What was read of the cloud, if anything.
struct Reading<'a> {
    resolved: Vec<&'a Resolved<'a>>,
    targets: &'a BTreeMap<Route, Vec<RegisteredTarget>>,
    health: HealthTable,
}

impl Reading<'_> {
    fn routes(&self, binding: usize, wanted: &Desired) -> Vec<RouteTrace> {
        let own: Vec<_> = self.resolved.iter().copied().filter(|found| found.binding == binding).collect();
        let listeners = wanted.listeners.iter();
        let rows = listeners
            .flat_map(|listener| rows_of(listener, &own, self.targets).into_iter().map(move |row| (listener, row)));
        rows.map(|(listener, row)| self.route(listener, &row)).collect()
    }

    fn route(&self, listener: &DesiredListener, row: &RouteRow<'_>) -> RouteTrace {
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

    fn target(&self, row: &RouteRow<'_>, candidate: &Candidate) -> TargetTrace {
        let address = candidate.address;
        let registered = row.route.filter(|_| row.has(address, &candidate.pod_uid));
        let targets = registered.and_then(|route| self.targets.get(route));
        let target = targets.and_then(|targets| targets.iter().find(|target| target.address == address));
        TargetTrace {
            pod: candidate.pod.clone(),
            pod_uid: candidate.pod_uid.clone(),
            address,
            wanted: match candidate.wish {
                Wish::Serve(weight) => Some(weight),
                Wish::Drain | Wish::Keep => None,
            },
            weight: target.map(|target| target.weight),
            health: registered.and_then(|route| self.health.get(&(route.clone(), address)).copied()),
        }
    }
}
