//! The loop of one namespace's gates that no load balancer's loop will ever open: of Pods that no binding selects, or only such as are
//! suspended, parked, or going without anything in the cloud. Each Pod is written by itself, and waits for no other's write.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;

use super::effect::{Effect, Input, NotTaken, Taken, Ticket, Write};
use super::keyed::{Alarm, Awaited, KeyedMachine, RETRY};
use super::notices::refusal_notice;
use super::surroundings::Surroundings;
use super::tickets::Tickets;
use crate::api::condition::GateReason;
use crate::api::{DirectAccessBinding, names};
use crate::model::{Known, ObjectKey, Pod, Service};
use crate::plan::annotated::{is_left_to_tke, own_binding, read};
use crate::plan::{GateRelease, release};
use crate::status::service::{Outcome, decide};
use crate::status::{Field, GateCondition, RefusedWrites};

/// Changes that come close together are looked at once.
const GATHER_WINDOW: Duration = Duration::from_millis(200);
/// Writes under way at once.
const WRITES: usize = 16;
/// How long caches may take to show a gate that was opened.
const ECHO: Duration = Duration::from_secs(5);

/// How long a Pod waits for the binding that its Service asks for: one that was made may be shown late, and one that is refused is to
/// keep nobody waiting for ever.
const ASKED_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// The loop of one namespace's gates.
#[derive(Debug)]
pub struct ReleaseMachine {
    namespace: String,
    tickets: Tickets,
    alarm: Alarm,
    /// The Pods whose gate is being written.
    pending: BTreeMap<Ticket, (ObjectKey, String)>,
    /// The UIDs of Pods whose gate is to be opened when there is room.
    queue: VecDeque<String>,
    /// The gates that were opened, by UID of the Pod, and until when caches may not show it.
    opened: BTreeMap<String, Duration>,
    /// The gates that the API server did not take, by UID of the Pod. Forgetting it costs an Event.
    refused: BTreeMap<String, RefusedWrites>,
}

impl KeyedMachine for ReleaseMachine {
    type Key = String;

    fn new(namespace: String) -> Self {
        Self {
            namespace,
            tickets: Tickets::default(),
            alarm: Alarm::default(),
            pending: BTreeMap::new(),
            queue: VecDeque::new(),
            opened: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        let at = surroundings.now.at;
        match input {
            Input::News(_) => self.alarm.set(at + GATHER_WINDOW),
            Input::Written(ticket, result) => self.written(ticket, result, surroundings, &mut out),
            Input::Due | Input::Answer(..) | Input::Replied(_) => {}
        }
        if self.alarm.has_come(at) {
            self.look(surroundings);
        }
        self.fill(surroundings, &mut out);
        self.alarm.ask(Awaited::Nothing, &mut out);
        out
    }

    fn is_idle(&self) -> bool {
        self.alarm.is_off()
            && self.pending.is_empty()
            && self.queue.is_empty()
            && self.opened.is_empty()
            && self.refused.is_empty()
    }
}

impl ReleaseMachine {
    /// Looks at all waiting Pods of the namespace.
    fn look(&mut self, surroundings: &Surroundings<'_>) {
        let now = surroundings.now;
        let waiting = surroundings.caches.waiting(&self.namespace);
        let verdicts: BTreeMap<&str, GateRelease> =
            waiting.iter().map(|pod| (pod.uid.as_str(), verdict(pod, surroundings))).collect();
        // Of Pods that do not wait any more, nothing is kept.
        self.refused.retain(|uid, _| matches!(verdicts.get(uid.as_str()), Some(GateRelease::Now(_))));
        self.opened.retain(|uid, until| *until > now.at && verdicts.contains_key(uid.as_str()));
        self.queue.clear();
        for (uid, verdict) in verdicts {
            match verdict {
                GateRelease::Never => {}
                GateRelease::At(time) => {
                    let wait = Duration::try_from(time.duration_since(now.wall)).unwrap_or_default();
                    self.alarm.set(now.at + wait.max(GATHER_WINDOW));
                }
                GateRelease::Now(_) => self.enqueue(uid, now.at, now.wall),
            }
        }
    }

    /// Has a gate opened, unless that was done or refused a moment ago.
    fn enqueue(&mut self, uid: &str, at: Duration, wall: Timestamp) {
        if self.pending.values().any(|(_, pending)| pending == uid) {
            return;
        }
        if let Some(until) = self.opened.get(uid) {
            return self.alarm.set(*until);
        }
        match self.refused.get(uid).filter(|writes| !writes.is_due(&Field::Gate, wall)) {
            Some(writes) => self.alarm.set(at + wait(writes, wall)),
            None => self.queue.push_back(uid.to_owned()),
        }
    }

    /// Opens gates as far as there is room, each by what is known of its Pod now.
    fn fill(&mut self, surroundings: &Surroundings<'_>, out: &mut Vec<Effect>) {
        while self.pending.len() < WRITES
            && let Some(uid) = self.queue.pop_front()
        {
            let Some(pod) = surroundings.caches.pod(&self.namespace, &uid) else { continue };
            let GateRelease::Now(reason) = verdict(&pod, surroundings) else { continue };
            if !surroundings.shared.ledger().begin_write(&uid, true, surroundings.now.at) {
                self.alarm.set(surroundings.now.at + RETRY);
                continue;
            }
            let condition = GateCondition { is_open: true, reason, message: reason.meaning().to_owned() };
            let ticket = self.tickets.next();
            self.pending.insert(ticket, (pod.key.clone(), uid.clone()));
            out.push(Effect::Write(ticket, Write::Gate { pod: pod.key.clone(), uid, condition }));
        }
    }

    fn written(
        &mut self,
        ticket: Ticket,
        result: Result<Taken, NotTaken>,
        surroundings: &Surroundings<'_>,
        out: &mut Vec<Effect>,
    ) {
        let Some((pod, uid)) = self.pending.remove(&ticket) else { return };
        surroundings.shared.ledger().end_write(&uid, surroundings.now.at);
        let now = surroundings.now;
        match result {
            Ok(_) => {
                self.refused.remove(&uid);
                self.opened.insert(uid, now.at + ECHO);
                self.alarm.set(now.at + ECHO);
            }
            Err(NotTaken { kind, words }) => {
                let writes = self.refused.entry(uid.clone()).or_default();
                writes.refused(Field::Gate, &format!("Pod '{}'", pod.name), kind, &words, now.wall);
                self.alarm.set(now.at + wait(writes, now.wall));
                // A gate that no binding speaks for is told of on its Pod.
                let notices = writes
                    .news(now.wall)
                    .into_iter()
                    .map(|news| refusal_notice(&news, news.field.word(), pod_reference(&pod, &uid)));
                out.extend(notices.map(Effect::Tell));
            }
        }
    }
}

/// How long until a gate that was refused is tried again.
fn wait(writes: &RefusedWrites, now: Timestamp) -> Duration {
    writes.wait(now).and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default().max(RETRY)
}

fn verdict(pod: &Pod, surroundings: &Surroundings<'_>) -> GateRelease {
    let caches = surroundings.caches;
    // TKE's own service controller has a gate of the same name, and opens it, but for a Service that wants no direct access. While nobody
    // knows whether it is there, it may.
    let has_tke = caches.cluster().has_tke;
    let is_tkes = |service: &Service| {
        is_left_to_tke(service, has_tke) != Known::No && !service.annotations.is(names::DIRECT_ACCESS, "false")
    };
    if caches.selecting(pod).iter().any(|service| is_tkes(service)) {
        return GateRelease::Never;
    }
    let holding = caches.holding(pod);
    let now = surroundings.now.wall;
    let found = release(pod, holding.iter().map(|binding| &**binding), now);
    let is_bound_by_nobody = matches!(found, GateRelease::Now(GateReason::NotBound) | GateRelease::At(_));
    if is_bound_by_nobody && caches.selecting(pod).iter().any(|service| is_asked_for(service, surroundings)) {
        let due = pod.containers_ready_since.and_then(|since| since.checked_add(ASKED_GRACE).ok());
        return due.filter(|due| *due > now).map_or(found, GateRelease::At);
    }
    found
}

/// Whether a Service asks for a binding that caches do not show yet.
fn is_asked_for(service: &Service, surroundings: &Surroundings<'_>) -> bool {
    let caches = surroundings.caches;
    let all = caches.bindings_in(&service.key.namespace);
    let bindings: Vec<&DirectAccessBinding> = all.iter().map(|binding| &**binding).collect();
    let intent = read(service, caches.setting(), None);
    own_binding(service, &bindings).is_none()
        && matches!(
            decide(service, &intent, &bindings, surroundings.now.wall).outcome,
            Outcome::Apply(_) | Outcome::Wait
        )
}

fn pod_reference(pod: &ObjectKey, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: Some(pod.name.clone()),
        namespace: Some(pod.namespace.clone()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}
