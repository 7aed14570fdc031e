//! What a round writes to Kubernetes: gates, annotations, addresses, statuses, finalizers and Events. It writes what differs, nothing
//! else. Gates go first, because Pods wait for them, and finalizers last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, NotTaken, Taken, Ticket, Write};
use super::memory::{Begun, Memory, Written};
use super::notices::{Notices, refusal_notices, status_line};
use super::surroundings::{Now, Surroundings};
use super::tickets::Tickets;
use crate::api::binding::Mode;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::model::{ObjectKey, Region, Service};
use crate::plan::placement::has_finalizer;
use crate::plan::{
    BindingPlan, BindingView, ConfigView, GateVerdict, Management, Outcome, Plan, Release, Snapshot, annotation,
};
use crate::status::{
    Field, GateCondition, RefusalKind, RefusedGate, Round, Visit, binding_status, gate_condition, held_back_status,
};

/// The shortest time between two rounds while a status is refused: what waits for a record there must not ask for it hotly.
const STATUS_FLOOR: Duration = Duration::from_millis(500);

/// Bindings that are not acted on, because their finalizer could not be written.
pub(super) type HeldBack = Vec<Arc<DirectAccessBinding>>;

/// When the next round comes after a write was refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    /// When what was refused is tried again.
    after: Duration,
    /// The next round comes no sooner.
    floor: Duration,
}

impl Retry {
    /// When the next round comes that would come after this time otherwise.
    pub(super) fn pace(&self, after: Duration) -> Duration {
        after.min(self.after).max(self.floor)
    }
}

/// What a round has found and done, on its way to the API server.
#[derive(Debug)]
pub(super) struct Reporting {
    pub(super) snapshot: Snapshot,
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    pub(super) busy: Option<Duration>,
    pub(super) begun: Begun,
    pub(super) visit: Visit,
    /// Bindings that are not part of the snapshot.
    held_back: HeldBack,
    region: Region,
    phase: Phase,
    /// What is being written.
    pending: BTreeMap<Ticket, Pending>,
    /// What each binding should have written on its Service, in the snapshot's order.
    annotations: Vec<Vec<(String, String)>>,
    /// The status of each binding, in the snapshot's order.
    pub(super) statuses: Vec<DirectAccessBindingStatus>,
}

/// What is written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Gates,
    Services,
    Statuses,
    Finalizers,
    Over,
}

/// A write under way.
#[derive(Debug)]
enum Pending {
    Gate {
        pod: String,
        name: String,
    },
    /// Something of the binding with this UID, on this object.
    Field {
        uid: String,
        field: Field,
        object: String,
    },
    /// The status of the binding at this place.
    Status {
        place: usize,
        object: String,
    },
    /// The status of one that is held back.
    HeldBack {
        binding: Arc<DirectAccessBinding>,
        status: Box<DirectAccessBindingStatus>,
    },
}

/// Where a report writes to.
pub(super) struct Writing<'a, 'b> {
    pub(super) memory: &'a mut Memory,
    pub(super) surroundings: &'a Surroundings<'b>,
    pub(super) tickets: &'a mut Tickets,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Writing<'_, '_> {
    fn now(&self) -> Now {
        self.surroundings.now
    }

    fn is_due(&self, uid: &str, field: Field) -> bool {
        self.surroundings.shared.refused().is_due(uid, field, self.now().wall)
    }

    fn taken(&mut self, uid: &str, field: Field) {
        self.surroundings.shared.refused().taken(uid, field);
    }

    fn write(&mut self, write: Write) -> Ticket {
        let ticket = self.tickets.next();
        self.out.push(Effect::Write(ticket, write));
        ticket
    }
}

/// The kind and name of a binding, for people.
pub fn binding_name(name: &str) -> String {
    format!("DirectAccessBinding '{name}'")
}

/// The kind and name of a Service, for people.
pub fn service_name(service: &Service) -> String {
    format!("Service '{}'", service.key.name)
}

pub(super) fn name_of(binding: &DirectAccessBinding) -> String {
    binding_name(binding.metadata.name.as_deref().unwrap_or_default())
}

fn uid_of(binding: &DirectAccessBinding) -> &str {
    binding.metadata.uid.as_deref().unwrap_or_default()
}

/// What a report is about.
pub(super) struct Findings {
    pub(super) snapshot: Snapshot,
    pub(super) plan: Plan,
    pub(super) outcome: Outcome,
    pub(super) busy: Option<Duration>,
    pub(super) begun: Begun,
    pub(super) held_back: HeldBack,
    pub(super) region: Region,
}

impl Reporting {
    /// Begins to write.
    pub(super) fn begin(findings: Findings, writing: &mut Writing<'_, '_>) -> Self {
        let Findings { snapshot, plan, outcome, busy, begun, held_back, region } = findings;
        let mut report = Self {
            snapshot,
            plan,
            outcome,
            busy,
            begun,
            visit: std::mem::replace(&mut writing.memory.visit, Visit::Later),
            held_back,
            region,
            phase: Phase::Gates,
            pending: BTreeMap::new(),
            annotations: Vec::new(),
            statuses: Vec::new(),
        };
        report.open_gates(writing);
        report
    }

    /// Goes on when everything of a phase is written or refused. Returns true when there is nothing more to write.
    pub(super) fn advance(&mut self, writing: &mut Writing<'_, '_>) -> bool {
        while self.pending.is_empty() && self.phase != Phase::Over {
            self.phase = match self.phase {
                Phase::Gates => {
                    self.write_services(writing);
                    Phase::Services
                }
                Phase::Services => {
                    self.write_statuses(writing);
                    Phase::Statuses
                }
                Phase::Statuses => {
                    self.release(writing);
                    Phase::Finalizers
                }
                Phase::Finalizers | Phase::Over => {
                    self.announce_refusals(writing);
                    Phase::Over
                }
            };
        }
        self.phase == Phase::Over
    }

    /// Takes in what became of a write.
    pub(super) fn written(&mut self, ticket: Ticket, result: Result<Taken, NotTaken>, writing: &mut Writing<'_, '_>) {
        let now = writing.now();
        match self.pending.remove(&ticket) {
            None => {}
            Some(Pending::Gate { pod, name }) => match result {
                Ok(_) => writing.memory.refused_gates.taken(&pod),
                Err(NotTaken { kind, words }) => {
                    writing.memory.refused_gates.refused(pod, &format!("Pod '{name}'"), kind, &words, now.wall);
                }
            },
            Some(Pending::Field { uid, field, object }) => {
                writing.surroundings.record(&uid, (field, &object), &result);
            }
            Some(Pending::Status { place, object }) => self.status_written(place, &object, &result, writing),
            Some(Pending::HeldBack { binding, status }) => {
                let uid = uid_of(&binding);
                writing.surroundings.record(uid, (Field::Status, &name_of(&binding)), &result);
                if let Ok(Taken::Binding(object)) = &result {
                    let told = writing.memory.take_told(uid);
                    writing.memory.written.insert(uid.to_owned(), Written::new(object, *status, told));
                }
            }
        }
    }

    /// When what was refused is tried again; `None` when nothing was.
    pub(super) fn retry(&self, writing: &Writing<'_, '_>) -> Option<Retry> {
        let (refused, now) = (writing.surroundings.shared.refused(), writing.now().wall);
        let gates = writing.memory.refused_gates.wait(self.snapshot.now).and_then(|wait| Duration::try_from(wait).ok());
        let after = refused.wait(self.uids(), now).into_iter().chain(gates).min()?;
        let floor = if refused.has(self.uids(), Field::Status) { STATUS_FLOOR } else { Duration::ZERO };
        Some(Retry { after, floor })
    }

    /// The UIDs of all bindings that the report is about.
    fn uids(&self) -> impl Iterator<Item = &str> {
        self.snapshot.bindings.iter().map(BindingView::uid).chain(self.held_back.iter().map(|held| uid_of(held)))
    }

    fn parts(&self) -> impl Iterator<Item = (&BindingView, &BindingPlan)> {
        self.snapshot.bindings.iter().zip(&self.plan.bindings)
    }
}

// Gates.
impl Reporting {
    /// Writes what the gates of waiting Pods should say.
    fn open_gates(&mut self, writing: &mut Writing<'_, '_>) {
        for (view, plan) in self.parts() {
            writing.surroundings.shared.ledger().record(view.uid(), &plan.gates);
        }
        let now = self.snapshot.now;
        let (mut wanted, mut pending) = (BTreeSet::new(), BTreeMap::new());
        for gate in self.plan.bindings.iter().flat_map(|plan| &plan.gates) {
            let Some(condition) = due(gate, &self.snapshot, writing.surroundings) else { continue };
            let is_new = wanted.insert(gate.pod_uid.clone());
            if is_new && writing.memory.refused_gates.is_due(&gate.pod_uid, now) {
                let (pod, uid) = (gate.pod.clone(), gate.pod_uid.clone());
                let row = Pending::Gate { pod: uid.clone(), name: pod.name.clone() };
                pending.insert(writing.write(Write::Gate { pod, uid, condition }), row);
            }
        }
        writing.memory.refused_gates.retain(|pod| wanted.contains(pod));
        self.pending = pending;
    }

    /// The gates that users are told of, because they could not be written. Each binding tells of those of its Pods.
    fn refused_gates(&self, writing: &mut Writing<'_, '_>) -> Vec<RefusedGate> {
        let row = |(pod, words): (&String, &str)| RefusedGate { pod_uid: pod.clone(), message: words.to_owned() };
        let shown: Vec<_> = writing.memory.refused_gates.shown(self.snapshot.now).map(row).collect();
        for (view, plan) in self.parts() {
            let is_ours = |refused: &&RefusedGate| plan.gates.iter().any(|gate| gate.pod_uid == refused.pod_uid);
            let ours: Vec<_> = shown.iter().filter(is_ours).collect();
            let result = match ours.first() {
                None => Ok(Taken::Other),
                Some(first) => Err(NotTaken { kind: RefusalKind::Lasting, words: first.message.clone() }),
            };
            writing.surroundings.record(view.uid(), (Field::Gate, &format!("{} Pods", ours.len())), &result);
        }
        shown
    }
}

/// What the gate of a Pod is to say; `None` when the Pod says so already.
fn due(gate: &GateVerdict, snapshot: &Snapshot, surroundings: &Surroundings<'_>) -> Option<GateCondition> {
    let caches = surroundings.caches;
    let pod = caches.pod(&gate.pod.namespace, &gate.pod_uid)?;
    // By name, as the caches have them, so that the words stay.
    let holding: BTreeMap<_, _> = caches
        .holding(&pod)
        .into_iter()
        .filter(|binding| binding.metadata.deletion_timestamp.is_none() && !binding.spec.suspend)
        .map(|binding| (binding.metadata.name.clone().unwrap_or_default(), binding))
        .collect();
    let ledger = surroundings.shared.ledger();
    let verdicts =
        holding.iter().map(|(name, binding)| (name.as_str(), ledger.verdict(&gate.pod_uid, uid_of(binding))));
    let condition = gate_condition(verdicts);
    condition.is_due(&pod.gate, gate.since, snapshot.now).then_some(condition)
}

// Services.
impl Reporting {
    /// Writes annotations and addresses where they differ.
    fn write_services(&mut self, writing: &mut Writing<'_, '_>) {
        let mut pending = BTreeMap::new();
        let mut annotations = Vec::with_capacity(self.plan.bindings.len());
        for (view, plan) in self.parts() {
            let wanted = self.annotations(view, plan.management);
            let has_voice = has_voice(view, writing.surroundings);
            let of_service = self.annotation_write(view, &wanted).filter(|_| has_voice);
            let ingress = self.ingress_write(view, plan).filter(|_| has_voice);
            for (field, write) in [(Field::Annotations, of_service), (Field::Ingress, ingress)] {
                let Some((service, write)) = write else {
                    writing.taken(view.uid(), field);
                    continue;
                };
                if writing.is_due(view.uid(), field) {
                    let (uid, object) = (view.uid().to_owned(), service_name(&service));
                    pending.insert(writing.write(write), Pending::Field { uid, field, object });
                }
            }
            if matches!(view.config, ConfigView::None) {
                // What was refused of one that it has used is nothing to it any more.
                [Field::Config, Field::ConfigStatus].into_iter().for_each(|field| writing.taken(view.uid(), field));
            }
            annotations.push(wanted);
        }
        (self.annotations, self.pending) = (annotations, pending);
    }

    /// What this binding should have written on its Service.
    fn annotations(&self, view: &BindingView, management: Management) -> Vec<(String, String)> {
        let Some(service) = view.service.as_deref() else { return Vec::new() };
        let load_balancer = &self.snapshot.load_balancer;
        // As long as there is no load balancer, there is nothing to say of one.
        let is_known = view.binding.spec.mode == Mode::Delegate || !load_balancer.as_str().is_empty();
        let management = if is_known { management } else { Management::Freeze };
        let cluster = self.snapshot.cluster;
        annotation::annotations(view, service, load_balancer, management, cluster).into_iter().collect()
    }

    fn annotation_write(&self, view: &BindingView, wanted: &[(String, String)]) -> Option<(Arc<Service>, Write)> {
        let wanted = wanted.iter().cloned().collect();
        let service = view.service.clone().filter(|service| annotation::differs(service, &wanted))?;
        Some((service.clone(), Write::Annotations { service, wanted }))
    }

    fn ingress_write(&self, view: &BindingView, plan: &BindingPlan) -> Option<(Arc<Service>, Write)> {
        let service = view.service.clone()?;
        let addresses = annotation::ingress(view, &service, &self.snapshot.cloud, plan.management)?;
        // An address without a listener of the binding may lead to somebody else's Pods.
        let leads_here = addresses.is_empty() || plan.listeners.iter().any(|listener| listener.id.is_some());
        let is_due = leads_here && addresses != service.ingress;
        is_due.then(|| (service.clone(), Write::Ingress { service, addresses }))
    }
}

/// Only the binding that speaks for the Service writes on it, and the last one takes off what was written: otherwise two
/// would undo each other's work.
fn has_voice(view: &BindingView, surroundings: &Surroundings<'_>) -> bool {
    view.speaks_for_service || (view.is_deleting() && is_last(view, surroundings))
}

/// No live binding is left for the Service of this one.
fn is_last(view: &BindingView, surroundings: &Surroundings<'_>) -> bool {
    let namespace = view.binding.metadata.namespace.as_deref().unwrap_or_default();
    let service = ObjectKey::new(namespace, &view.binding.spec.service_ref.name);
    let bindings = surroundings.caches.bindings_of(&service);
    !bindings.iter().any(|binding| binding.metadata.deletion_timestamp.is_none())
}

// Bindings.
impl Reporting {
    /// Writes statuses where they differ.
    fn write_statuses(&mut self, writing: &mut Writing<'_, '_>) {
        let refused_gates = self.refused_gates(writing);
        let refused_writes = writing.surroundings.shared.refused().of(self.uids());
        let failed_task = writing.memory.failed_task.clone();
        let round = Round {
            snapshot: &self.snapshot,
            outcome: &self.outcome,
            region: &self.region,
            failed_task: failed_task.as_ref(),
            refused_gates: &refused_gates,
            refused_writes: &refused_writes,
            visit: self.visit,
        };
        let mut pending = BTreeMap::new();
        let mut statuses = Vec::with_capacity(self.plan.bindings.len());
        for (place, ((view, plan), annotations)) in self.parts().zip(&self.annotations).enumerate() {
            let previous = view.binding.status.clone().unwrap_or_default();
            let status = binding_status(&round, view, plan, annotations, &previous);
            if status == previous {
                writing.taken(view.uid(), Field::Status);
            } else if writing.is_due(view.uid(), Field::Status) {
                let binding = view.binding.clone();
                let object = name_of(&binding);
                let ticket = writing.write(Write::Status { binding, status: Box::new(status.clone()) });
                pending.insert(ticket, Pending::Status { place, object });
            }
            statuses.push(status);
        }
        (self.statuses, self.pending) = (statuses, pending);
        self.write_held_back(writing);
    }

    fn status_written(
        &self,
        place: usize,
        object: &str,
        result: &Result<Taken, NotTaken>,
        writing: &mut Writing<'_, '_>,
    ) {
        let (Some(view), Some(status)) = (self.snapshot.bindings.get(place), self.statuses.get(place)) else { return };
        writing.surroundings.record(view.uid(), (Field::Status, object), result);
        if let Ok(Taken::Binding(object)) = result {
            let previous = view.binding.status.clone().unwrap_or_default();
            let mut told = writing.memory.take_told(view.uid());
            let (found, lines) = (Vec::new(), vec![status_line(view, &previous, status)]);
            let mut notices = Notices { view, told: &mut told, at: writing.now().at, found, lines };
            notices.announce(&self.outcome, &previous, status);
            let Notices { found, lines, .. } = notices;
            writing.out.extend(lines.into_iter().map(Effect::Log));
            writing.out.extend(found.into_iter().map(Effect::Tell));
            writing.memory.written.insert(view.uid().to_owned(), Written::new(object, status.clone(), told));
        }
    }

    /// Says of bindings on which nothing is acted why that is so.
    fn write_held_back(&mut self, writing: &mut Writing<'_, '_>) {
        for binding in &self.held_back {
            let binding = writing.memory.latest(binding.clone());
            let uid = uid_of(&binding).to_owned();
            let refused = writing.surroundings.shared.refused().of(std::iter::once(uid.as_str()));
            let now = writing.now().wall;
            let status = refused.first().and_then(|(_, writes)| held_back_status(&binding, writes, now));
            let previous = binding.status.clone().unwrap_or_default();
            let Some(status) = status.filter(|status| *status != previous) else {
                writing.taken(&uid, Field::Status);
                continue;
            };
            if writing.is_due(&uid, Field::Status) {
                let status = Box::new(status);
                let ticket = writing.write(Write::Status { binding: binding.clone(), status: status.clone() });
                self.pending.insert(ticket, Pending::HeldBack { binding, status });
            }
        }
    }

    /// Takes finalizers off.
    fn release(&mut self, writing: &mut Writing<'_, '_>) {
        let mut pending = BTreeMap::new();
        for (view, plan) in self.parts() {
            let is_over = view.is_deleting() && plan.release == Release::Done && has_finalizer(&view.binding);
            if is_over && writing.is_due(view.uid(), Field::Finalizer) {
                let (binding, ours) = (view.binding.clone(), Vec::new());
                let (uid, object) = (view.uid().to_owned(), name_of(&binding));
                let ticket = writing.write(Write::Finalizers { binding, ours });
                pending.insert(ticket, Pending::Field { uid, field: Field::Finalizer, object });
            }
        }
        self.pending = pending;
    }

    /// Tells of what is refused, and was not told yet.
    fn announce_refusals(&self, writing: &mut Writing<'_, '_>) {
        let now = writing.now().wall;
        let of_round = self.snapshot.bindings.iter().map(|view| (&view.binding, view.service.as_deref()));
        for (binding, service) in of_round.chain(self.held_back.iter().map(|binding| (binding, None))) {
            let news = writing.surroundings.shared.refused().news(uid_of(binding), now);
            let notices = refusal_notices(&news, binding, service);
            writing.out.extend(notices.into_iter().map(Effect::Tell));
        }
    }
}

/// What our finalizers on a binding are to be before anything is written to the cloud for it.
pub(super) const FIRST: &[&str] = &[names::FIRST_FINALIZER];
/// What they are to be from then on.
pub(super) const SECOND: &[&str] = &[names::FINALIZER];
