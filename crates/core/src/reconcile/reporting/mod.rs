//! What a round writes to Kubernetes: gates, annotations, addresses, statuses, finalizers and Events. It writes what differs, nothing
//! else, and nobody waits for it.

mod services;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Line, NotTaken, Notice, Taken, Ticket, Write};
use super::memory::{Memory, Written};
use super::notices::{announce, deeds, refusal_notices, status_line};
use super::outbox::{About, Ending, StatusWrite};
use super::surroundings::{Now, Surroundings};
use super::tickets::Tickets;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus, names};
use crate::model::{Region, Service};
use crate::mutant::{self, Mutant};
use crate::plan::placement::has_finalizer;
use crate::plan::{BindingPlan, BindingView, GateVerdict, Outcome, Plan, Record, Release, Snapshot, certain_opening};
use crate::status::{
    Field, GateCondition, RefusalKind, RefusedGate, Round, Visit, binding_status, gate_condition, held_back_status,
    is_progress,
};

/// The shortest time between two rounds while a status is refused: what waits for a record there must not ask for it hotly.
const STATUS_FLOOR: Duration = Duration::from_millis(500);
/// When a gate is looked at again that another machine was writing. Mostly the change of the Pod comes first.
const GATE_OF_OTHERS: Duration = Duration::from_secs(1);

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

/// What a round has found and done.
pub(super) struct Report<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) plan: &'a Plan,
    pub(super) outcome: &'a Outcome,
    /// Bindings that are not part of the snapshot.
    pub(super) held_back: &'a [Arc<DirectAccessBinding>],
    pub(super) region: &'a Region,
    pub(super) visit: Visit,
}

/// Where a report writes to.
pub(super) struct Writing<'a> {
    pub(super) memory: &'a mut Memory,
    pub(super) surroundings: &'a Surroundings<'a>,
    pub(super) tickets: &'a mut Tickets,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Writing<'_> {
    fn now(&self) -> Now {
        self.surroundings.now
    }

    fn taken(&self, uid: &str, field: Field) {
        self.surroundings.shared.refused().taken(uid, field);
    }

    /// A write of this is under way, or is to be tried again.
    fn may_come(&self, uid: &str, field: Field) -> bool {
        self.memory.outbox.is_under_way(&About::Binding(uid.to_owned(), field))
            || self.surroundings.shared.refused().may_be_taken(uid, field)
    }

    /// Writes something of a binding, unless that was refused a moment ago.
    fn write(&mut self, uid: &str, field: Field, write: Write, ending: Ending) -> Option<Ticket> {
        let is_due = self.surroundings.shared.refused().is_due(uid, field, self.now().wall);
        let about = About::Binding(uid.to_owned(), field);
        let at = self.now().at;
        is_due.then(|| self.memory.outbox.write(about, write, ending, (self.tickets, at, self.out))).flatten()
    }

    /// Replaces our finalizers by these.
    pub(super) fn write_finalizers(
        &mut self,
        binding: &Arc<DirectAccessBinding>,
        ours: &[&'static str],
    ) -> Option<Ticket> {
        let write = Write::Finalizers { binding: binding.clone(), ours: ours.to_vec() };
        self.write(uid_of(binding), Field::Finalizer, write, Ending::Finalizer(binding.clone()))
    }

    /// Takes in what became of a write. Returns the binding that has its finalizer now.
    pub(super) fn written(
        &mut self,
        ticket: Ticket,
        result: &Result<Taken, NotTaken>,
    ) -> Option<Arc<DirectAccessBinding>> {
        let now = self.now();
        match self.memory.outbox.end(ticket, result, now.at)? {
            (About::Gate(pod), Ending::Record(object)) => {
                self.surroundings.shared.ledger().end_write(&pod, now.at);
                match result {
                    Ok(_) => self.memory.refused_gates.taken(&pod),
                    Err(NotTaken { kind, words }) => {
                        self.memory.refused_gates.refused(pod, &object, *kind, words, now.wall);
                    }
                }
            }
            (About::Binding(uid, field), Ending::Record(object)) => {
                if field == Field::Ingress && result.is_err() {
                    self.memory.replaced_ingress.remove(&uid);
                }
                self.surroundings.record(&uid, (field, &object), result);
                if field.is_of_service() && self.memory.awaits_service {
                    self.memory.outbox.tell();
                }
            }
            (_, Ending::Finalizer(binding)) => {
                self.surroundings.record(uid_of(&binding), (Field::Finalizer, &name_of(&binding)), result);
                return match result {
                    Ok(Taken::Binding(binding)) => Some(binding.clone()),
                    Ok(Taken::Other) | Err(_) => None,
                };
            }
            (_, Ending::Status(written)) => self.status_written(*written, result),
        }
        None
    }

    fn status_written(&mut self, written: StatusWrite, result: &Result<Taken, NotTaken>) {
        let StatusWrite { binding, status, notices, line } = written;
        let uid = uid_of(&binding);
        self.surroundings.record(uid, (Field::Status, &name_of(&binding)), result);
        if let Ok(Taken::Binding(object)) = result {
            self.tell(uid, notices, line);
            self.memory.written.insert(uid.to_owned(), Written::new(object, status, self.now().at));
            if self.memory.awaits_record {
                self.memory.outbox.tell();
            }
        }
    }

    /// Tells of what was done for a binding that has this status. That waits for no write.
    pub(super) fn tell_deeds(&mut self, view: &BindingView, outcome: &Outcome, status: &DirectAccessBindingStatus) {
        let (notices, lines) = deeds(view, outcome, status);
        self.tell(view.uid(), notices, lines);
    }

    fn tell(&mut self, uid: &str, notices: Vec<Notice>, lines: impl IntoIterator<Item = Line>) {
        self.out.extend(lines.into_iter().map(Effect::Log));
        if !notices.is_empty() {
            let at = self.now().at;
            let news = self.memory.told.entry(uid.to_owned()).or_default().news(notices, at);
            self.out.extend(news.into_iter().map(Effect::Tell));
        }
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

fn name_of(binding: &DirectAccessBinding) -> String {
    binding_name(binding.metadata.name.as_deref().unwrap_or_default())
}

fn uid_of(binding: &DirectAccessBinding) -> &str {
    binding.metadata.uid.as_deref().unwrap_or_default()
}

impl Report<'_> {
    /// Writes what differs. Returns the status of each binding, in the snapshot's order.
    pub(super) fn write(&self, writing: &mut Writing<'_>) -> Vec<DirectAccessBindingStatus> {
        self.open_gates(writing);
        let annotations = self.write_services(writing);
        let statuses = self.write_statuses(&annotations, writing);
        self.write_held_back(writing);
        self.release(writing);
        self.announce_refusals(writing);
        self.announce_waiting(&statuses, writing);
        statuses
    }

    /// When what was refused is tried again; `None` when nothing was.
    pub(super) fn retry(&self, writing: &Writing<'_>) -> Option<Retry> {
        let (refused, now) = (writing.surroundings.shared.refused(), writing.now().wall);
        let gates = writing.memory.refused_gates.wait(self.snapshot.now).and_then(|wait| Duration::try_from(wait).ok());
        let others = writing.memory.awaits_gate.then_some(GATE_OF_OTHERS);
        let after = refused.wait(self.uids(), now).into_iter().chain(gates).chain(others).min()?;
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
impl Report<'_> {
    /// Writes what the gates of waiting Pods should say.
    fn open_gates(&self, writing: &mut Writing<'_>) {
        for (view, plan) in self.parts() {
            writing.surroundings.shared.ledger().record(view.uid(), &plan.gates);
        }
        let (now, at) = (self.snapshot.now, writing.now().at);
        let mut wanted = BTreeSet::new();
        writing.memory.awaits_gate = false;
        for gate in self.plan.bindings.iter().flat_map(|plan| &plan.gates) {
            let Some(condition) = due(gate, self.snapshot, writing.surroundings) else { continue };
            let is_new = wanted.insert(gate.pod_uid.clone());
            if is_new && writing.memory.refused_gates.is_due(&gate.pod_uid, now) {
                let (pod, uid) = (gate.pod.clone(), gate.pod_uid.clone());
                let ending = Ending::Record(format!("Pod '{}'", pod.name));
                let about = About::Gate(uid.clone());
                let is_open = condition.is_open;
                let write = Write::Gate { pod, uid: uid.clone(), condition };
                let is_mine = writing.memory.outbox.is_under_way(&about);
                // A write that is not made has no end, and would keep all others away.
                if !is_mine && writing.memory.outbox.is_taken(&about, &write, at) {
                    continue;
                }
                if !is_mine && !writing.surroundings.shared.ledger().begin_write(&uid, is_open, at) {
                    writing.memory.awaits_gate = true;
                    continue;
                }
                writing.memory.outbox.write(about, write, ending, (writing.tickets, at, writing.out));
            }
        }
        writing.memory.refused_gates.retain(|pod| wanted.contains(pod));
        let (at, is_there) = (writing.now().at, |uid: &str| self.uids().any(|known| known == uid));
        writing.memory.outbox.forget_all_but(at, |pod| wanted.contains(pod), is_there);
    }

    /// The gates that users are told of, because they could not be written. Each binding tells of those of its Pods.
    fn refused_gates(&self, writing: &Writing<'_>) -> Vec<RefusedGate> {
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
        .filter(|binding| certain_opening(binding).is_none())
        .map(|binding| (binding.metadata.name.clone().unwrap_or_default(), binding))
        .collect();
    let ledger = surroundings.shared.ledger();
    let verdicts =
        holding.iter().map(|(name, binding)| (name.as_str(), ledger.verdict(&gate.pod_uid, uid_of(binding))));
    let condition = gate_condition(verdicts);
    condition.is_due(&pod.gate, gate.since, snapshot.now).then_some(condition)
}

// Bindings.
impl Report<'_> {
    /// Writes statuses where they differ.
    fn write_statuses(
        &self,
        annotations: &[Vec<(String, String)>],
        writing: &mut Writing<'_>,
    ) -> Vec<DirectAccessBindingStatus> {
        let refused_gates = self.refused_gates(writing);
        let refused_writes = writing.surroundings.shared.refused().of(self.uids());
        let failed_task = writing.memory.failed_task.clone();
        let round = Round {
            snapshot: self.snapshot,
            outcome: self.outcome,
            region: self.region,
            failed_task: failed_task.as_ref(),
            refused_gates: &refused_gates,
            refused_writes: &refused_writes,
            visit: self.visit,
        };
        writing.memory.progress_due = None;
        writing.memory.awaits_record = self.plan.bindings.iter().any(|part| part.record == Record::First);
        let mut statuses = Vec::with_capacity(self.plan.bindings.len());
        for ((view, plan), annotations) in self.parts().zip(annotations) {
            let previous = view.binding.status.clone().unwrap_or_default();
            let status = binding_status(&round, view, plan, annotations, &previous);
            self.write_status(view, &previous, &status, writing);
            statuses.push(status);
        }
        statuses
    }

    fn write_status(
        &self,
        view: &BindingView,
        previous: &DirectAccessBindingStatus,
        status: &DirectAccessBindingStatus,
        writing: &mut Writing<'_>,
    ) {
        writing.tell_deeds(view, self.outcome, status);
        let about = About::Binding(view.uid().to_owned(), Field::Status);
        if status == previous && !mutant::is(Mutant::Restless) {
            // What is under way says something else.
            writing.memory.outbox.outdate(&about);
            return writing.taken(view.uid(), Field::Status);
        }
        let is_due = writing.surroundings.shared.refused().is_due(view.uid(), Field::Status, writing.now().wall);
        let last = writing.memory.written.get(view.uid()).filter(|_| is_progress(previous, status));
        let pause = last.map_or(Duration::ZERO, |last| last.pause(writing.now().at));
        if is_due && !pause.is_zero() && !writing.memory.outbox.is_under_way(&about) {
            let due = &mut writing.memory.progress_due;
            *due = Some(due.map_or(pause, |other| other.min(pause)));
            return;
        }
        let write = Write::Status { binding: view.binding.clone(), status: Box::new(status.clone()) };
        if !is_due || writing.memory.outbox.is_under_way(&about) {
            // What changed is told with the write that says so.
            return writing.memory.outbox.compare(&about, &write);
        }
        let (notices, line) = (announce(view, previous, status), Some(status_line(view, previous, status)));
        let (binding, status) = (view.binding.clone(), status.clone());
        let ending = Ending::Status(Box::new(StatusWrite { binding, status, notices, line }));
        writing.write(view.uid(), Field::Status, write, ending);
    }

    /// Says of bindings on which nothing is acted why that is so.
    fn write_held_back(&self, writing: &mut Writing<'_>) {
        for binding in self.held_back {
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
            let write = Write::Status { binding: binding.clone(), status: Box::new(status.clone()) };
            let ending = Ending::Status(Box::new(StatusWrite { binding, status, notices: Vec::new(), line: None }));
            writing.write(&uid, Field::Status, write, ending);
        }
    }

    /// Takes finalizers off, when nothing of the binding is being taken off its Service any more: nobody comes back to that.
    fn release(&self, writing: &mut Writing<'_>) {
        writing.memory.awaits_service = false;
        for (view, plan) in self.parts() {
            let is_done = plan.release == Release::Done || mutant::is(Mutant::FinalizerFirst);
            if !view.is_deleting() || !is_done || !has_finalizer(&view.binding) {
                continue;
            }
            if [Field::Annotations, Field::Ingress].into_iter().any(|field| writing.may_come(view.uid(), field)) {
                writing.memory.awaits_service = true;
                continue;
            }
            writing.write_finalizers(&view.binding, &[]);
        }
    }

    /// Tells of what is refused, and was not told yet.
    fn announce_refusals(&self, writing: &mut Writing<'_>) {
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
