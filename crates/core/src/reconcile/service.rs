//! The loop of one annotated Service: the binding that is made for it, and the condition that says on it what has become of that.
//!
//! A look decides anew after each write, so that what has changed meanwhile is decided on as it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::creation::NewBinding;
use super::echo::Echoes;
use super::effect::{Answer, Effect, Input, Line, NotTaken, Notice, OtherRead, Read, Taken, Ticket, Write};
use super::keyed::{Alarm, Awaited, KeyedMachine, RETRY};
use super::notices::{note_of, refusal_notice, service_reference};
use super::reporting::{binding_name, service_name};
use super::surroundings::{Now, Surroundings};
use super::tickets::Tickets;
use crate::api::DirectAccessBinding;
use crate::api::binding::DirectAccessBindingSpec;
use crate::api::event::{EventReason, EventWord, ServiceReason};
use crate::model::{ObjectKey, Service, ServiceCondition};
use crate::mutant::{self, Mutant};
use crate::plan::annotated::{own_binding, read};
use crate::status::service::{Application, GRACE, Outcome, Verdict, condition, decide, news};
use crate::status::{Field, RefusalKind, RefusedWrites};

/// Changes that come close together are looked at once.
const GATHER_WINDOW: Duration = Duration::from_millis(100);
/// The most Events about one look. The condition says the rest.
const NEWS_MAX: usize = 10;
/// What is written for a Service on its binding.
const OF_BINDING: [Field; 3] = [Field::OwnBinding, Field::Mark, Field::Deletion];

/// The loop of one annotated Service.
#[derive(Debug)]
pub struct ServiceMachine {
    key: ObjectKey,
    tickets: Tickets,
    alarm: Alarm,
    /// The look that goes on.
    look: Option<Look>,
    /// What the API server did not take.
    refused: RefusedWrites,
    /// What it took, as far as caches do not show it yet.
    echoes: Echoes<Field>,
    /// The spec of the binding that was tried last.
    spec: Option<DirectAccessBindingSpec>,
}

/// A look at the Service, with all writes that come of it.
#[derive(Debug, Default)]
struct Look {
    /// What was written, or refused. Nothing is tried twice.
    tried: BTreeSet<Field>,
    pending: Option<(Ticket, Pending)>,
}

/// What is under way.
#[derive(Debug)]
enum Pending {
    /// This is being written: of what it is a field, and the object's kind and name.
    Write(Field, String, Write),
    /// The API server is asked whether the Service, with this UID, still asks for this, so that a binding may be made.
    Ask(String, Box<Application>),
}

/// What is to be done next about the binding of a Service.
enum Next {
    Write(Write),
    Ask(Box<Application>),
}

impl Next {
    /// It is what this write was for: what it reads of the Service besides, and the time that a mark gives and a condition names, may be
    /// another.
    fn is_like(&self, taken: &Write) -> bool {
        match (self, taken) {
            (Self::Ask(wanted), Write::NewBinding(new)) => new.wanted() == &**wanted,
            (Self::Write(Write::OwnBinding { uid, wanted, .. }), Write::OwnBinding { uid: of, wanted: taken, .. }) => {
                uid == of && wanted == taken
            }
            (Self::Write(Write::Mark { uid, mark, .. }), Write::Mark { uid: of, mark: taken, .. }) => {
                uid == of && mark.is_some() == taken.is_some()
            }
            (
                Self::Write(Write::ServiceConditions { condition, bound_by_hand, .. }),
                Write::ServiceConditions { condition: taken, bound_by_hand: record, .. },
            ) => {
                let kind = |condition: &Option<ServiceCondition>| {
                    condition.as_ref().map(|one| (one.is_true, one.reason.clone()))
                };
                kind(condition) == kind(taken) && kind(bound_by_hand) == kind(record)
            }
            (Self::Write(write), taken) => write == taken,
            (Self::Ask(_), _) => false,
        }
    }
}

/// What is seen of the Service, and what follows.
pub(super) struct Seen {
    pub(super) service: Arc<Service>,
    /// The UID of its own binding.
    pub(super) own: Option<String>,
    pub(super) verdict: Verdict,
}

impl KeyedMachine for ServiceMachine {
    type Key = ObjectKey;

    fn new(key: ObjectKey) -> Self {
        Self {
            key,
            tickets: Tickets::default(),
            alarm: Alarm::default(),
            look: None,
            refused: RefusedWrites::default(),
            echoes: Echoes::default(),
            spec: None,
        }
    }

    fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        let (mut out, now) = (Vec::new(), surroundings.now);
        match input {
            Input::News(_) => self.alarm.set(now.at + GATHER_WINDOW),
            Input::Written(ticket, result) => self.written(ticket, result, now),
            Input::Answer(ticket, answer) => self.answered(ticket, answer, surroundings, &mut out),
            Input::Due | Input::Replied(_) => {}
        }
        loop {
            let is_awaited = self.look.as_ref().is_some_and(|look| look.pending.is_some());
            if is_awaited || (self.look.is_none() && !self.alarm.has_come(now.at)) {
                break;
            }
            self.go_on(surroundings, &mut out);
        }
        let awaited = if self.look.is_some() { Awaited::Result } else { Awaited::Nothing };
        self.alarm.ask(awaited, &mut out);
        out
    }

    fn is_idle(&self) -> bool {
        self.look.is_none() && self.alarm.is_off() && self.refused.is_empty() && self.echoes.is_empty()
    }
}

impl ServiceMachine {
    fn written(&mut self, ticket: Ticket, result: Result<Taken, NotTaken>, now: Now) {
        let Some(look) = &mut self.look else { return };
        let pending = look.pending.take_if(|(pending, _)| *pending == ticket);
        let Some((_, Pending::Write(field, object, write))) = pending else { return };
        match result {
            Ok(_) => {
                self.refused.taken(&field);
                self.echoes.taken(field, write, now.at);
            }
            Err(NotTaken { kind, words }) => self.refused.refused(field, &object, kind, &words, now.wall),
        }
    }

    /// The API server has shown the Service, so that its binding may be made; or it has not.
    fn answered(&mut self, ticket: Ticket, answer: Answer, surroundings: &Surroundings<'_>, out: &mut Vec<Effect>) {
        let Some(look) = &mut self.look else { return };
        let pending = look.pending.take_if(|(pending, _)| *pending == ticket);
        let Some((_, Pending::Ask(uid, wanted))) = pending else { return };
        look.tried.insert(Field::OwnBinding);
        let object = binding_name(&self.key.name);
        let found = match answer {
            Answer::Service(Ok(shown)) => {
                let cached =
                    || surroundings.caches.service(&self.key).map(|service| Box::new(Service::clone(&service)));
                let shown = if mutant::is(Mutant::MadeUnasked) { cached() } else { shown };
                let new = shown.and_then(|shown| NewBinding::confirm(*shown, (&uid, &wanted), surroundings));
                new.ok_or_else(|| {
                    let words = format!("Service '{}' is not what was read", self.key.name);
                    NotTaken { kind: RefusalKind::Outdated, words }
                })
            }
            Answer::Service(Err(refused)) => Err(refused),
            _ => return,
        };
        match found {
            Ok(new) => {
                let ticket = self.tickets.next();
                let write = Write::NewBinding(new);
                look.pending = Some((ticket, Pending::Write(Field::OwnBinding, object, write.clone())));
                out.push(Effect::Write(ticket, write));
            }
            Err(NotTaken { kind, words }) => {
                self.refused.refused(Field::OwnBinding, &object, kind, &words, surroundings.now.wall);
            }
        }
    }

    /// Begins or continues a look: the next write, or the end.
    fn go_on(&mut self, surroundings: &Surroundings<'_>, out: &mut Vec<Effect>) {
        let look = self.look.take().unwrap_or_default();
        let Some(seen) = see(&self.key, surroundings) else {
            surroundings.shared.is_first_notice(&self.key, None);
            // What it owns goes with it.
            (self.refused, self.echoes, self.spec) = (RefusedWrites::default(), Echoes::default(), None);
            return;
        };
        let verdict = &seen.verdict;
        self.refused.retain(|field| *field == Field::ServiceCondition || is_tried(&verdict.outcome, *field));
        if verdict.outcome == Outcome::Wait {
            // Nothing is said either: it may be another binding in a moment.
            let wait = seen.service.created.map(|created| until(created.saturating_add(GRACE).ok(), surroundings));
            return self.alarm.set(surroundings.now.at + wait.unwrap_or(RETRY).max(GATHER_WINDOW));
        }
        match self.next_write(&seen, &look, surroundings, out) {
            Some((field, object, Next::Write(write))) => {
                let ticket = self.tickets.next();
                let mut tried = look.tried;
                tried.insert(field);
                self.look = Some(Look { tried, pending: Some((ticket, Pending::Write(field, object, write.clone()))) });
                out.push(Effect::Write(ticket, write));
            }
            Some((.., Next::Ask(wanted))) => {
                let ticket = self.tickets.next();
                let pending = Pending::Ask(seen.service.uid.clone(), wanted);
                self.look = Some(Look { pending: Some((ticket, pending)), ..look });
                out.push(Effect::Read(ticket, Read::Other(OtherRead::Service(self.key.clone()))));
            }
            None => self.end(&seen, surroundings, out),
        }
    }

    /// What is written next. The binding comes first, then what is said of it.
    fn next_write(
        &mut self,
        seen: &Seen,
        look: &Look,
        surroundings: &Surroundings<'_>,
        out: &mut Vec<Effect>,
    ) -> Option<(Field, String, Next)> {
        let now = surroundings.now.wall;
        let of_binding = self.of_binding(seen, look, surroundings);
        let is_next = |field: &Field| !look.tried.contains(field) && self.refused.is_due(field, now);
        let of_binding = of_binding.filter(|(field, next)| is_next(field) && !self.awaits(*field, next, surroundings));
        if let Some((field, next)) = of_binding {
            out.extend(self.line(&seen.verdict.outcome));
            return Some((field, binding_name(&self.key.name), next));
        }
        if look.tried.contains(&Field::ServiceCondition) {
            return None;
        }
        let wanted = condition(&seen.verdict, self.refused.sentence_of_service(now).as_deref());
        let bound_by_hand = seen.verdict.bound_by_hand.clone();
        if wanted == seen.service.condition && bound_by_hand == seen.service.bound_by_hand {
            self.refused.taken(&Field::ServiceCondition);
            self.echoes.shown(&Field::ServiceCondition);
            return None;
        }
        if !self.refused.is_due(&Field::ServiceCondition, now) {
            return None;
        }
        let (service, object) = (seen.service.clone(), service_name(&seen.service));
        self.echoes.see(
            &Field::ServiceCondition,
            |taken| matches!(taken, Write::ServiceConditions { condition, .. } if *condition == service.condition),
        );
        let next = Next::Write(Write::ServiceConditions { service, condition: wanted, bound_by_hand });
        if self.awaits(Field::ServiceCondition, &next, surroundings) {
            return None;
        }
        out.extend(told(seen).into_iter().map(Effect::Tell));
        Some((Field::ServiceCondition, object, next))
    }

    /// The same was taken, and caches have had no time to show it. It is looked at again when they have.
    fn awaits(&self, field: Field, next: &Next, surroundings: &Surroundings<'_>) -> bool {
        self.echoes.awaits(&field, surroundings.now.at, |taken| next.is_like(taken))
    }

    /// What is to be written of the binding, whether or not it was tried.
    fn of_binding(&mut self, seen: &Seen, look: &Look, surroundings: &Surroundings<'_>) -> Option<(Field, Next)> {
        let key = &self.key;
        let (field, write) = match &seen.verdict.outcome {
            Outcome::Nothing | Outcome::Wait => {
                OF_BINDING.iter().for_each(|field| self.echoes.shown(field));
                return None;
            }
            Outcome::Apply(wanted) => {
                if self.spec.as_ref() != Some(&wanted.spec) {
                    self.refused.taken(&Field::OwnBinding);
                    self.spec = Some(wanted.spec.clone());
                }
                let next = match &seen.own {
                    Some(uid) => {
                        let (service, uid, wanted) = (seen.service.clone(), uid.clone(), wanted.clone());
                        Next::Write(Write::OwnBinding { service, uid, wanted })
                    }
                    None => Next::Ask(wanted.clone()),
                };
                let is_tried = look.tried.contains(&Field::OwnBinding);
                let is_written = (is_tried || self.awaits(Field::OwnBinding, &next, surroundings))
                    && !self.refused.has(&Field::OwnBinding);
                // The spec comes first: what serves again is what is wished now.
                match wanted.parked.as_ref().filter(|_| is_written) {
                    Some(uid) => {
                        let (binding, uid) = (key.clone(), uid.clone());
                        (Field::Mark, Write::Mark { binding, uid, mark: None })
                    }
                    None => return Some((Field::OwnBinding, next)),
                }
            }
            Outcome::Park { uid, mark, .. } => {
                let (binding, uid, mark) = (key.clone(), uid.clone(), Some(mark.clone()));
                (Field::Mark, Write::Mark { binding, uid, mark })
            }
            Outcome::Delete { uid, .. } => {
                (Field::Deletion, Write::Deletion { binding: key.clone(), uid: uid.clone() })
            }
        };
        Some((field, Next::Write(write)))
    }

    /// What the log says of a binding that its user has ended.
    fn line(&self, outcome: &Outcome) -> Option<Effect> {
        let service = self.key.to_string();
        match outcome {
            Outcome::Park { proof, .. } => Some(Effect::Log(Line::Parked { service, end: proof.end() })),
            Outcome::Delete { proof, .. } => Some(Effect::Log(Line::Deleted { service, end: proof.end() })),
            Outcome::Nothing | Outcome::Wait | Outcome::Apply(_) => None,
        }
    }

    /// Everything is written, or refused: says what is refused, and when to look again.
    fn end(&mut self, seen: &Seen, surroundings: &Surroundings<'_>, out: &mut Vec<Effect>) {
        let now = surroundings.now;
        if surroundings.shared.is_first_notice(&self.key, seen.verdict.notice.as_deref()) {
            let word = EventWord::Other(EventReason::AnnotatedServicesOff);
            let notice = seen.verdict.notice.as_deref().map(|words| notice(&seen.service, word, words));
            out.extend(notice.map(Effect::Tell));
        }
        // Each write has an Event of its own, so that they are not counted together.
        for news in self.refused.news(now.wall) {
            let word = match news.field {
                Field::ServiceCondition => news.field.word(),
                _ => EventWord::Service(ServiceReason::NotTaken),
            };
            out.push(Effect::Tell(refusal_notice(&news, word, service_reference(&seen.service))));
        }
        if let Some(uid) = &seen.own {
            self.share(uid, seen, surroundings);
        }
        self.echoes.retain(now.at, |_| true);
        if let Some(until) = self.echoes.until() {
            self.alarm.set(until);
        }
        let retry = self.refused.wait(now.wall).map(|wait| Duration::try_from(wait).unwrap_or_default().max(RETRY));
        let other = seen.verdict.look_at.map(|at| until(Some(at), surroundings).max(GATHER_WINDOW));
        for wait in retry.into_iter().chain(other) {
            self.alarm.set(now.at + wait);
        }
    }

    /// Has the binding of the Service say what of it cannot be written.
    fn share(&self, uid: &str, seen: &Seen, surroundings: &Surroundings<'_>) {
        for field in OF_BINDING.into_iter().chain([Field::ServiceCondition]) {
            match self.refused.refusal(&field) {
                Some((kind, words)) => {
                    let object = match field {
                        Field::ServiceCondition => service_name(&seen.service),
                        _ => binding_name(&self.key.name),
                    };
                    let result = Err::<Taken, _>(NotTaken { kind, words: words.to_owned() });
                    surroundings.record(uid, (field, &object), &result);
                }
                None => surroundings.shared.refused().taken(uid, field),
            }
        }
    }
}

/// What caches show; `None` when the Service is gone.
fn see(key: &ObjectKey, surroundings: &Surroundings<'_>) -> Option<Seen> {
    surroundings.caches.service(key).map(|service| judge(service, surroundings))
}

/// What follows of a Service, among the bindings that caches show.
pub(super) fn judge(service: Arc<Service>, surroundings: &Surroundings<'_>) -> Seen {
    let caches = surroundings.caches;
    let all = caches.bindings_in(&service.key.namespace);
    let bindings: Vec<&DirectAccessBinding> = all.iter().map(|binding| &**binding).collect();
    let own = own_binding(&service, &bindings);
    let intent = read(&service, caches.setting(), own);
    let verdict = decide(&service, &intent, &bindings, surroundings.now.wall);
    let own = own.and_then(|own| own.metadata.uid.clone());
    Seen { service, own, verdict }
}

/// How long until a time; zero when it has come.
fn until(time: Option<Timestamp>, surroundings: &Surroundings<'_>) -> Duration {
    let left = time.map_or(SignedDuration::ZERO, |time| time.duration_since(surroundings.now.wall));
    Duration::try_from(left).unwrap_or_default()
}

/// Whether this is written to have this outcome.
const fn is_tried(outcome: &Outcome, field: Field) -> bool {
    match outcome {
        Outcome::Nothing | Outcome::Wait => false,
        Outcome::Apply(_) => matches!(field, Field::OwnBinding | Field::Mark),
        Outcome::Park { .. } => matches!(field, Field::Mark),
        Outcome::Delete { .. } => matches!(field, Field::Deletion),
    }
}

/// The Events about what the Service does not get, one for each thing that its condition does not say yet. What the API server does not
/// take has Events of its own.
fn told(seen: &Seen) -> Vec<Notice> {
    let all = news(&seen.verdict, seen.service.condition.as_ref());
    all.into_iter().take(NEWS_MAX).map(|(word, words)| notice(&seen.service, word, words)).collect()
}

fn notice(service: &Service, word: EventWord, words: &str) -> Notice {
    Notice { about: service_reference(service), word, action: "ReadAnnotations".to_owned(), note: note_of(words) }
}
