//! What one binding says about the readiness gates of its Pods.
//!
//! Nothing is remembered between rounds: a gate may open when the targets read this round show the Pod registered on every
//! listener and rule of the binding, and a health read that began after that read says that probes succeed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::api::DirectAccessBinding;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ExclusionReason, GateReason};
use crate::api::mark::{TargetTag, pod_mark};
use crate::api::names;
use crate::model::{Address, GateState, Health, ObjectKey, Phase, Pod, RegisteredTarget, Route, Service, TargetHealth};

use super::desired::DesiredListener;
use super::endpoint::{Endpoints, selects};
use super::listener::Resolved;
use super::shape::DesiredRule;
use super::{BindingView, Observed};

/// What one binding says about one Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateVerdict {
    /// Namespace and name of the Pod.
    pub pod: ObjectKey,
    /// Its UID.
    pub pod_uid: String,
    /// Open or waiting.
    pub verdict: Verdict,
    /// Since when the Pod waits for nothing but gates; `None` while its containers are not ready.
    pub since: Option<Timestamp>,
}

/// Whether a gate may open as far as one binding is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Open(GateReason),
    /// Not yet: the phase, and words for the user.
    Wait(GateReason, String),
}

/// Health of every target, by route and address.
pub(super) type HealthTable = HashMap<(Route, Address), Health>;

/// The health read as a table. A layer-4 listener has a rule of the cloud's own making there, which is no part of its route.
pub(super) fn health_table(observed: &Observed) -> HealthTable {
    let layer7: HashSet<_> =
        observed.listeners.iter().filter(|one| one.protocol.is_layer7()).map(|one| &one.id).collect();
    let rows = observed.health.as_deref().unwrap_or_default();
    let entry = |row: &TargetHealth| {
        let rule = layer7.contains(&row.listener).then(|| row.rule.clone());
        ((Route { listener: row.listener.clone(), rule }, row.address), row.health)
    };
    rows.iter().map(entry).collect()
}

/// A desired listener or rule next to what was read of it.
pub(super) struct RouteRow<'a> {
    /// `listener port/protocol` or a rule of it, for messages.
    pub(super) name: String,
    /// Where its targets are; `None` while it does not exist.
    pub(super) route: Option<&'a Route>,
    /// The endpoints behind it; `None` when they cannot be told.
    pub(super) endpoints: Option<&'a Endpoints>,
    /// The targets read that serve this binding, with the mark of the Pod they were registered for; `None` for one that
    /// somebody else registered and that has no mark.
    pub(super) registered: HashMap<Address, Option<String>>,
}

impl RouteRow<'_> {
    /// The address is a target on behalf of this very Pod.
    pub(super) fn has(&self, address: Address, pod_uid: &str) -> bool {
        match self.registered.get(&address) {
            Some(Some(mark)) => *mark == pod_mark(pod_uid),
            Some(None) => true,
            None => false,
        }
    }
}

/// The targets that may serve the Pods of a binding, with the mark of the Pod: it is the same Pod, whichever binding has it
/// registered. Those without any mark serve whoever has the address.
fn serving(targets: &[RegisteredTarget]) -> HashMap<Address, Option<String>> {
    let mark = |target: &RegisteredTarget| match TargetTag::parse(&target.tag) {
        Some(tag) => Some((target.address, Some(tag.pod_mark))),
        None => target.tag.is_empty().then_some((target.address, None)),
    };
    targets.iter().filter_map(mark).collect()
}

/// One row for each route of a desired listener; `resolved` are those of its binding that exist.
pub(super) fn rows_of<'d>(
    listener: &'d DesiredListener,
    resolved: &[&'d Resolved<'d>],
    observed: &BTreeMap<Route, Vec<RegisteredTarget>>,
) -> Vec<RouteRow<'d>> {
    let row = |rule: Option<&'d DesiredRule>| {
        let is_this = |found: &&&Resolved<'_>| {
            std::ptr::eq(found.desired, listener)
                && match (found.rule, rule) {
                    (Some(found), Some(rule)) => std::ptr::eq(found, rule),
                    (found, rule) => found.is_none() && rule.is_none(),
                }
        };
        let route = resolved.iter().find(is_this).map(|found| &found.route);
        let targets = route.and_then(|route| observed.get(route));
        RouteRow {
            name: listener.route_name(rule),
            route,
            endpoints: listener.endpoints.as_ref(),
            registered: serving(targets.map_or(&[], Vec::as_slice)),
        }
    };
    if listener.protocol.is_layer7() {
        listener.shape.rules.iter().map(|rule| row(Some(rule))).collect()
    } else {
        vec![row(None)]
    }
}

/// The verdicts of a binding on the Pods that wait for a gate.
pub(super) fn gates(
    view: &BindingView,
    service: &Service,
    routes: &[RouteRow<'_>],
    health: &HealthTable,
    now: Timestamp,
) -> Vec<GateVerdict> {
    let waits =
        |pod: &&Arc<Pod>| matches!(pod.gate, GateState::Unset | GateState::Waiting { .. }) && selects(service, pod);
    let waiting: Vec<_> = view.pods.values().filter(waits).collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let tables: Vec<Table<'_>> = routes.iter().map(Table::new).collect();
    let spec = &view.binding.spec.readiness_gate;
    waiting
        .into_iter()
        .map(|pod| {
            let since = waiting_since(pod);
            let mut found = verdict(spec.policy, pod, &tables, health);
            if matches!(found, Verdict::Wait(..)) && is_timed_out(spec.timeout_seconds, since, now) {
                found = Verdict::Open(GateReason::TimedOut);
            }
            GateVerdict { pod: pod.key.clone(), pod_uid: pod.uid.clone(), verdict: found, since }
        })
        .collect()
}

/// Since when a Pod waits for nothing but gates.
fn waiting_since(pod: &Pod) -> Option<Timestamp> {
    pod.containers_ready_since.filter(|_| pod.containers_ready)
}

fn is_timed_out(timeout: Option<i32>, since: Option<Timestamp>, now: Timestamp) -> bool {
    match (timeout, since) {
        (Some(seconds), Some(since)) => now.duration_since(since) >= SignedDuration::from_secs(i64::from(seconds)),
        _ => false,
    }
}

/// How long a Pod that no binding selects is left waiting: objects of one release arrive in any order, and a gate that has
/// opened is never closed again.
const UNBOUND_GRACE: SignedDuration = SignedDuration::from_secs(5);

/// What becomes of a waiting Pod that no round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Its gate opens, for this reason.
    Now(GateReason),
    /// Its gate opens at this time, if nothing changes until then.
    At(Timestamp),
    /// It is a round's business, or there is nothing to open.
    Never,
}

/// Whether a Pod is released although nothing is known of it: no live binding selects it, or suspended ones only.
/// `selecting` are the bindings whose Service selects the Pod.
pub fn release<'a>(pod: &Pod, selecting: impl IntoIterator<Item = &'a DirectAccessBinding>, now: Timestamp) -> Release {
    let Some(since) = waiting_since(pod).filter(|_| pod.gate.is_waiting() && pod.deleting_since.is_none()) else {
        return Release::Never;
    };
    let mut reason = GateReason::NotBound;
    for binding in selecting.into_iter().filter(|binding| binding.metadata.deletion_timestamp.is_none()) {
        if !binding.spec.suspend {
            return Release::Never;
        }
        reason = GateReason::Suspended;
    }
    let due = since.saturating_add(UNBOUND_GRACE).unwrap_or(since);
    if reason == GateReason::Suspended || due <= now { Release::Now(reason) } else { Release::At(due) }
}

/// One listener or rule, indexed by Pod.
struct Table<'a> {
    row: &'a RouteRow<'a>,
    addresses: HashMap<&'a str, Vec<Address>>,
    excluded: HashMap<&'a str, ExclusionReason>,
}

impl<'a> Table<'a> {
    fn new(row: &'a RouteRow<'a>) -> Self {
        let mut addresses: HashMap<&str, Vec<Address>> = HashMap::new();
        let mut excluded = HashMap::new();
        if let Some(endpoints) = row.endpoints {
            for candidate in endpoints.candidates.values() {
                addresses.entry(candidate.pod_uid.as_str()).or_default().push(candidate.address);
            }
            excluded = endpoints.exclusions.iter().map(|found| (found.pod.as_str(), found.reason)).collect();
        }
        Self { row, addresses, excluded }
    }

    /// The Pod's addresses on this route when all of them are registered for this very Pod.
    fn registered(&self, pod: &Pod) -> Option<&[Address]> {
        let addresses = self.addresses.get(pod.uid.as_str())?;
        addresses.iter().all(|address| self.row.has(*address, &pod.uid)).then_some(addresses)
    }

    fn not_registered(&self, pod: &Pod) -> Verdict {
        let name = &self.row.name;
        if self.row.route.is_none() {
            let message = format!("{name} does not exist yet");
            return Verdict::Wait(GateReason::NotRegistered, message);
        }
        match self.excluded.get(pod.key.name.as_str()) {
            Some(reason) => Verdict::Wait(GateReason::NotRegistered, format!("not a target of {name}: {reason}")),
            None => Verdict::Wait(GateReason::Registering, format!("being registered with {name}")),
        }
    }
}

fn verdict(policy: GatePolicy, pod: &Pod, tables: &[Table<'_>], health: &HealthTable) -> Verdict {
    if policy == GatePolicy::Disabled {
        return Verdict::Open(GateReason::PolicyDisabled);
    }
    if tables.is_empty() {
        return Verdict::Wait(GateReason::NotRegistered, "the binding has no listener yet".to_owned());
    }
    let mut reason = GateReason::Registered;
    for table in tables {
        let (Some(addresses), Some(route)) = (table.registered(pod), table.row.route) else {
            return table.not_registered(pod);
        };
        if policy == GatePolicy::Registered {
            continue;
        }
        for address in addresses {
            match health.get(&(route.clone(), *address)) {
                Some(Health::Healthy) if reason == GateReason::Registered => reason = GateReason::BackendReady,
                Some(Health::Healthy) => {}
                Some(Health::CheckOff) => reason = GateReason::HealthCheckOff,
                Some(Health::Unhealthy | Health::Unknown) | None => {
                    return Verdict::Wait(
                        GateReason::HealthCheck,
                        format!("registered with {}, which has not found it healthy yet", table.row.name),
                    );
                }
            }
        }
    }
    Verdict::Open(reason)
}

/// What to tell the user about Pods without a gate. No count: the words stay the same while Pods come and go.
pub(super) fn ungated_note(policy: GatePolicy, ungated: usize) -> Option<String> {
    let (label, value) = (names::GATES_LABEL, names::GATES_ENABLED);
    (ungated > 0 && policy != GatePolicy::Disabled).then(|| {
        format!(
            "some Pods have no readiness gate, so that their rollout does not wait for the load balancer; label the namespace \
             {label}={value}, see that the controller injects gates, and replace these Pods"
        )
    })
}

/// How many Pods of the Service run without a gate, so that the load balancer's health does not hold up their rollout.
pub(super) fn ungated(view: &BindingView, service: &Service) -> usize {
    let is_ungated = |pod: &&Arc<Pod>| {
        pod.gate == GateState::Absent
            && pod.deleting_since.is_none()
            && pod.phase != Phase::Finished
            && selects(service, pod)
    };
    view.pods.values().filter(is_ungated).count()
}
