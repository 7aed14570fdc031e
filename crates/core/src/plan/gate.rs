//! What one binding says about the readiness gates of its Pods.
//!
//! Nothing is remembered between rounds: a gate may open when the targets read this round show the Pod registered on every
//! listener and rule of the binding, and a health read that began after that read says that probes succeed.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::api::DirectAccessBinding;
use crate::api::binding::GatePolicy;
use crate::api::condition::{ExclusionReason, GateReason};
use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{
    Address, Attributes, GateState, Health, ListenerState, ObjectKey, Phase, Pod, RegisteredTarget, Route, Service,
    Weight,
};
use crate::mutant::{self, Mutant};

use super::departure::PodIntent;
use super::desired::ListenerOrigin;
use super::endpoint::{Candidate, Endpoints, selects};
use super::gate_hint::hint;
use super::gate_rule::{GateRule, certain_opening, opens_at};
use super::health::HealthTable;
use super::routes::{ListenerIntent, RouteIntent};
use super::weight::PodWeight;
use super::{BindingView, Sighting, Snapshot};

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
    /// What more there is to say of a Pod that has been waiting for long; empty where there is nothing.
    pub hint: String,
}

/// Whether a gate may open as far as one binding is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Open(GateReason),
    /// Not yet: the phase, and words for the user.
    Wait(GateReason, String),
}

/// A wanted or held listener or rule next to what was read of it.
pub(super) struct GateRow<'a> {
    /// `listener port/protocol` or a rule of it, for messages.
    pub(super) name: String,
    /// Domain and path; `None` at layer 4.
    pub(super) rule: Option<&'a (String, String)>,
    /// Where its targets are; `None` while it does not exist.
    pub(super) route: Option<&'a Route>,
    /// Whether it is wanted.
    pub(super) intent: RouteIntent,
    /// Whether the listener takes traffic.
    pub(super) state: ListenerState,
    /// Its settings, with those of its probes; `None` while it does not exist.
    pub(super) check: Option<&'a Attributes>,
    /// The endpoints behind it; `None` when they cannot be read.
    pub(super) endpoints: Option<&'a Endpoints>,
    /// The targets read that serve this binding.
    pub(super) registered: HashMap<Address, Registered>,
}

/// A target that may serve a Pod of the binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Registered {
    /// Its weight.
    weight: Weight,
    /// For whom it was registered.
    pod: RegisteredFor,
}

/// For whom a target was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RegisteredFor {
    /// For the Pod of this mark: it is the same Pod, whichever binding has it registered.
    Mark(String),
    /// For nobody knows whom, and for so long that its health is that of whoever has the address now.
    Settled,
    /// For nobody knows whom: its health may be that of a Pod that had the address before.
    Unproven,
}

impl<'a> GateRow<'a> {
    /// The row of a listener that does not exist, or of which nothing was read.
    pub(super) fn missing(of: &'a ListenerIntent<'_>) -> Self {
        let is_held = matches!(of.desired.origin, ListenerOrigin::Held(_));
        Self {
            name: of.desired.route_name(None),
            rule: None,
            route: None,
            intent: if is_held { RouteIntent::Unresolved } else { RouteIntent::Wanted },
            state: ListenerState::Serving,
            check: None,
            endpoints: of.desired.endpoints.as_ref(),
            registered: HashMap::new(),
        }
    }

    /// It is held, and nobody knows which Pods are to be there: none are added, and those that are there stay.
    fn takes_nobody(&self) -> bool {
        self.intent == RouteIntent::Unresolved && self.endpoints.is_none()
    }

    /// Where targets are that were registered for this Pod, by their marks.
    fn marked_for(&self, pod_uid: &str) -> impl Iterator<Item = Address> {
        let mark = RegisteredFor::Mark(pod_mark(pod_uid));
        self.registered.iter().filter(move |(_, found)| found.pod == mark).map(|(address, _)| *address)
    }

    /// The address is a target on behalf of this very Pod.
    pub(super) fn has(&self, address: Address, pod_uid: &str) -> bool {
        self.registered.get(&address).is_some_and(|found| match &found.pod {
            RegisteredFor::Mark(mark) => *mark == pod_mark(pod_uid),
            RegisteredFor::Settled | RegisteredFor::Unproven => true,
        })
    }

    /// The weight of the target at an address.
    pub(super) fn weight(&self, address: Address) -> Option<Weight> {
        self.registered.get(&address).map(|found| found.weight)
    }

    /// What is shown of the target proves that it was registered for this very Pod.
    fn proves(&self, address: Address, pod_uid: &str) -> bool {
        self.has(address, pod_uid)
            && self.registered.get(&address).is_some_and(|found| found.pod != RegisteredFor::Unproven)
    }
}

/// How long a target without a mark has to be at an address before its health counts as that of the Pod there: longer than the
/// slowest usual health check takes to notice another.
const UNMARKED_SETTLES: SignedDuration = SignedDuration::from_secs(60);

/// Reads for whom the targets of a route were registered; says which of them have no mark.
pub(super) fn registered(
    route: &Route,
    targets: &[RegisteredTarget],
    endpoints: Option<&Endpoints>,
    snapshot: &Snapshot,
    sightings: &mut Vec<Sighting>,
) -> HashMap<Address, Registered> {
    let remembered = &snapshot.remembered;
    let mut found = HashMap::new();
    for target in targets {
        let key = (route.clone(), target.address);
        let pod = match (TargetTag::parse(&target.tag), remembered.registered.get(&key)) {
            (Some(tag), _) => RegisteredFor::Mark(tag.pod_mark),
            (None, _) if !target.tag.is_empty() => continue,
            (None, Some(uid)) => RegisteredFor::Mark(pod_mark(uid)),
            (None, None) => {
                let candidate = endpoints.and_then(|endpoints| endpoints.candidates.get(&target.address));
                let pod = candidate.map(|candidate| candidate.pod_uid.clone()).unwrap_or_default();
                let sighting = Sighting::Unmarked(key.0, key.1, pod);
                let since = remembered.since.get(&sighting).copied();
                sightings.push(sighting);
                let is_settled = since.is_some_and(|since| since.lasts(snapshot) >= UNMARKED_SETTLES);
                if is_settled { RegisteredFor::Settled } else { RegisteredFor::Unproven }
            }
        };
        found.insert(target.address, Registered { weight: target.weight, pod });
    }
    found
}

/// What a round has read of the binding's Pods.
pub(super) struct Evidence<'a> {
    /// The routes that are judged.
    pub(super) rows: &'a [GateRow<'a>],
    /// The health of targets.
    pub(super) health: &'a HealthTable,
}

/// What a round knows of a binding's Pods.
pub(super) enum Basis<'a> {
    /// What it has read.
    Read(Evidence<'a>),
    /// Nothing, for this reason.
    Nothing(String),
}

/// The verdicts of a binding on the Pods that wait for a gate; none where others open it.
pub(super) fn gates(
    view: &BindingView,
    service: &Service,
    rule: GateRule,
    basis: &Basis<'_>,
    now: Timestamp,
) -> Vec<GateVerdict> {
    let waits = |pod: &&Arc<Pod>| (pod.gate.is_waiting() || mutant::is(Mutant::GateCloses)) && selects(service, pod);
    let waiting: Vec<_> = view.pods.values().filter(waits).collect();
    if waiting.is_empty() || certain_opening(&view.binding).is_some() {
        return Vec::new();
    }
    let rows = if let Basis::Read(evidence) = basis { evidence.rows } else { &[] };
    let tables: Vec<Table<'_>> = rows.iter().map(Table::new).collect();
    let spec = &view.binding.spec.readiness_gate;
    let verdict = |pod: &Arc<Pod>| {
        let since = waiting_since(pod);
        let found = match (rule, basis) {
            (GateRule::ByTke, _) => return None,
            (GateRule::OnProof | GateRule::Waits(_), _) if spec.policy == GatePolicy::Disabled => {
                Verdict::Open(GateReason::PolicyDisabled)
            }
            (GateRule::OnProof, Basis::Nothing(words)) => Verdict::Wait(GateReason::BindingHeld, words.clone()),
            (GateRule::OnProof, Basis::Read(evidence)) => proven(spec.policy, pod, &tables, evidence.health),
            (GateRule::Waits(words), _) => Verdict::Wait(GateReason::BindingHeld, words.to_owned()),
            (GateRule::Opens(reason), _) => match since {
                Some(since) if opens_at(reason, since) <= now => Verdict::Open(reason),
                _ => Verdict::Wait(
                    GateReason::BindingHeld,
                    "it serves no new Pods, and the gate opens in a moment".to_owned(),
                ),
            },
        };
        let is_late = matches!(found, Verdict::Wait(..)) && is_timed_out(spec.timeout_seconds, since, now);
        let verdict = if is_late { Verdict::Open(GateReason::TimedOut) } else { found };
        let hint = match basis {
            Basis::Read(seen) => hint(pod, &verdict, since, (seen.rows, seen.health), now),
            Basis::Nothing(_) => String::new(),
        };
        Some(GateVerdict { pod: pod.key.clone(), pod_uid: pod.uid.clone(), verdict, since, hint })
    };
    waiting.into_iter().filter_map(verdict).collect()
}

/// When the first of these gates opens that opens without proof; `None` when none is waiting for that.
pub(super) fn next_opening(rule: GateRule, gates: &[GateVerdict]) -> Option<Timestamp> {
    let GateRule::Opens(reason) = rule else { return None };
    let waiting = gates.iter().filter(|gate| matches!(gate.verdict, Verdict::Wait(..)));
    waiting.filter_map(|gate| gate.since).map(|since| opens_at(reason, since)).min()
}

/// Since when a Pod waits for nothing but gates.
pub(super) fn waiting_since(pod: &Pod) -> Option<Timestamp> {
    pod.containers_ready_since.filter(|_| pod.containers_ready)
}

fn is_timed_out(timeout: Option<i32>, since: Option<Timestamp>, now: Timestamp) -> bool {
    match (timeout, since) {
        (Some(seconds), Some(since)) => now.duration_since(since) >= SignedDuration::from_secs(i64::from(seconds)),
        _ => false,
    }
}

/// What becomes of a waiting Pod that no round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateRelease {
    /// Its gate opens, for this reason.
    Now(GateReason),
    /// Its gate opens at this time, if nothing changes until then.
    At(Timestamp),
    /// It is a round's business, or there is nothing to open.
    Never,
}

/// Whether a Pod is released although no round proves anything of it: no binding selects it, or only such as are certain to open its
/// gate. `selecting` are the bindings whose Service selects the Pod.
pub fn release<'a>(
    pod: &Pod,
    selecting: impl IntoIterator<Item = &'a DirectAccessBinding>,
    now: Timestamp,
) -> GateRelease {
    let Some(since) = waiting_since(pod).filter(|_| pod.gate.is_waiting() && pod.deleting_since.is_none()) else {
        return GateRelease::Never;
    };
    if mutant::is(Mutant::UnboundWaits) {
        return GateRelease::Never;
    }
    let mut reason = GateReason::NotBound;
    for binding in selecting {
        match certain_opening(binding) {
            None => return GateRelease::Never,
            // What a user can take back at any moment is the better word.
            Some(found) if reason == GateReason::NotBound => reason = found,
            Some(_) => {}
        }
    }
    let due = opens_at(reason, since);
    if due <= now { GateRelease::Now(reason) } else { GateRelease::At(due) }
}

/// What is wished of a target that stays as it is.
const STAYS: PodWeight = PodWeight::Unsaid { newcomer: 0 };

/// One listener or rule, indexed by Pod.
struct Table<'a> {
    row: &'a GateRow<'a>,
    candidates: HashMap<&'a str, Vec<&'a Candidate>>,
    excluded: HashMap<&'a str, ExclusionReason>,
}

impl<'a> Table<'a> {
    fn new(row: &'a GateRow<'a>) -> Self {
        let mut candidates: HashMap<&str, Vec<&Candidate>> = HashMap::new();
        let mut excluded = HashMap::new();
        if let Some(endpoints) = row.endpoints {
            for candidate in endpoints.candidates.values() {
                candidates.entry(candidate.pod_uid.as_str()).or_default().push(candidate);
            }
            excluded = endpoints.exclusions.iter().map(|found| (found.pod.as_str(), found.reason)).collect();
        }
        Self { row, candidates, excluded }
    }

    /// What the route says of a Pod whose binding has this policy.
    fn verdict(&self, policy: GatePolicy, pod: &Pod, health: &HealthTable) -> Result<GateReason, Verdict> {
        let name = &self.row.name;
        let (Some(wishes), Some(route)) = (self.wishes(pod), self.row.route) else {
            return Err(self.not_registered(pod));
        };
        let wait = |reason, message| Err(Verdict::Wait(reason, message));
        let mut opens = GateReason::Registered;
        for (address, wished) in wishes {
            let Some(target) = self.row.registered.get(&address).filter(|_| self.row.has(address, &pod.uid)) else {
                if mutant::is(Mutant::GateWithoutTarget) {
                    opens = GateReason::BackendReady;
                    continue;
                }
                return Err(self.not_registered(pod));
            };
            match wished {
                PodWeight::Unreadable { .. } if target.weight == 0 => {
                    let message = format!("registered with {name} at weight 0, because its weight cannot be read");
                    return wait(GateReason::WeightUnreadable, message);
                }
                PodWeight::Unsaid { .. } if target.weight == 0 => {
                    let message = format!(
                        "its weight on {name} is 0, and which it is to have is not known while the Service or its port is missing"
                    );
                    return wait(GateReason::Registering, message);
                }
                PodWeight::Known(weight) if target.weight != *weight => {
                    return wait(GateReason::Registering, format!("its weight on {name} is not set yet"));
                }
                PodWeight::Known(0) => {
                    opens = GateReason::WeightZero;
                    continue;
                }
                PodWeight::Known(_) | PodWeight::Unreadable { .. } | PodWeight::Unsaid { .. } => {}
            }
            if policy == GatePolicy::Registered {
                continue;
            }
            if self.row.state == ListenerState::Stopped {
                return wait(GateReason::ListenerStopped, format!("{name} is stopped in the cloud; start it"));
            }
            let seen = health.get(&(route.clone(), address));
            let is_proven = self.row.proves(address, &pod.uid);
            opens = match seen {
                _ if mutant::is(Mutant::GateWithoutHealth) => GateReason::BackendReady,
                Some(Health::Healthy) if is_proven => weaker(opens, GateReason::BackendReady),
                Some(Health::CheckOff) if is_proven => weaker(opens, GateReason::HealthCheckOff),
                _ => {
                    let message = format!("registered with {name}, which has not found it healthy yet");
                    return wait(GateReason::HealthCheck, message);
                }
            };
        }
        Ok(opens)
    }

    /// The Pod's gate waits for this route. One that takes nobody is waited for by those only that are there.
    fn is_waited_for_by(&self, pod: &Pod) -> bool {
        !self.row.takes_nobody() || self.row.marked_for(&pod.uid).next().is_some()
    }

    /// Where the Pod is to be a target, and with which weight; `None` when it is not to be one.
    fn wishes(&self, pod: &Pod) -> Option<Vec<(Address, &PodWeight)>> {
        if self.row.takes_nobody() {
            return Some(self.row.marked_for(&pod.uid).map(|address| (address, &STAYS)).collect());
        }
        let wish = |candidate: &&'a Candidate| match &candidate.intent {
            PodIntent::Serve(wished) => Some((candidate.address, wished)),
            PodIntent::Keep | PodIntent::Leave(_) => None,
        };
        self.candidates.get(pod.uid.as_str())?.iter().map(wish).collect()
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

/// Of several reasons, the one that promises least.
fn weaker(known: GateReason, next: GateReason) -> GateReason {
    match known {
        GateReason::Registered | GateReason::BackendReady => next,
        _ => known,
    }
}

/// What the routes say of a Pod, taken together.
fn proven(policy: GatePolicy, pod: &Pod, tables: &[Table<'_>], health: &HealthTable) -> Verdict {
    if tables.is_empty() {
        return Verdict::Wait(GateReason::NotRegistered, "the binding has no listener yet".to_owned());
    }
    // A Pod in a network that the binding leaves out is none of its business.
    let is_left_out = |table: &Table<'_>| {
        matches!(table.excluded.get(pod.key.name.as_str()), Some(ExclusionReason::NetworkModeMismatch))
    };
    if tables.iter().all(is_left_out) {
        return Verdict::Open(GateReason::NotBound);
    }
    let tables: Vec<_> = tables.iter().filter(|table| table.is_waited_for_by(pod)).collect();
    if tables.is_empty() {
        let message = "which port of the Pods its listeners stand for is not known";
        return Verdict::Wait(GateReason::NotRegistered, message.to_owned());
    }
    let mut reason = GateReason::Registered;
    for table in tables {
        match table.verdict(policy, pod, health) {
            Ok(found) => reason = weaker(reason, found),
            Err(_) if reason != GateReason::Registered && mutant::is(Mutant::GateByOneRoute) => {}
            Err(waits) => return waits,
        }
    }
    Verdict::Open(reason)
}

/// The Pods of the Service that run without a gate, so that the load balancer's health does not hold up their rollout.
pub(super) fn ungated<'a>(view: &'a BindingView, service: &Service) -> Vec<&'a Pod> {
    let is_ungated = |pod: &&Arc<Pod>| {
        pod.gate == GateState::Absent
            && pod.deleting_since.is_none()
            && pod.phase != Phase::Finished
            && selects(service, pod)
    };
    view.pods.values().filter(is_ungated).map(|pod| &**pod).collect()
}
