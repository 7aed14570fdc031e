//! Reads that a round has asked for, what they have brought, and how long it waits for them.
//!
//! A Pod that ends waits for one read of targets, and for nothing else for longer than [`PATIENCE`]. What takes longer goes on beside
//! rounds, and starts the next one when it has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::departures::DepartureReads;
use super::effect::{Answer, Effect, Frame, Read, Targets, Ticket};
use super::tickets::Tickets;
use super::written_targets::is_of;
use crate::api::DirectAccessBinding;
use crate::model::{Address, Class, Failure, Limits, LoadBalancer, ObjectKey, Route, TargetHealth, TaskState};
use crate::plan::named_secrets;

/// How long a round waits for everything but targets.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How long what a read of health has brought counts for other rounds, from when it began: a little less than a poll.
const HEALTH_LASTS: Duration = Duration::from_millis(400);

type HealthRows = Result<Vec<TargetHealth>, Failure>;

/// A read, and what it has brought that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Slot<T> {
    /// With the time at which it began.
    pending: Option<(Ticket, Duration)>,
    answer: Option<(T, Duration)>,
    /// It has come since a round last went by what had come.
    is_news: bool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { pending: None, answer: None, is_news: false }
    }
}

impl<T> Slot<T> {
    /// Asks, unless that is under way or answered.
    pub(super) fn ask(&mut self, read: Read, at: Duration, tickets: &mut Tickets, out: &mut Vec<Effect>) {
        if self.answer.is_none() {
            self.renew(read, at, tickets, out);
        }
    }

    /// Asks, unless that is under way. What has come stays until then.
    pub(super) fn renew(&mut self, read: Read, at: Duration, tickets: &mut Tickets, out: &mut Vec<Effect>) {
        if self.pending.is_none() {
            let ticket = tickets.next();
            self.pending = Some((ticket, at));
            out.push(Effect::Read(ticket, read));
        }
    }

    /// What has come and nobody has taken.
    pub(super) fn seen(&self) -> Option<&T> {
        self.answer.as_ref().map(|(answer, _)| answer)
    }

    /// What has come, with the time at which the read began.
    pub(super) fn take(&mut self) -> Option<(T, Duration)> {
        self.is_news = false;
        self.answer.take()
    }

    /// It is under way.
    pub(super) const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    fn is_for(&self, ticket: Ticket) -> bool {
        self.pending.is_some_and(|(pending, _)| pending == ticket)
    }

    /// Takes in what the read under way has brought.
    pub(super) fn fill(&mut self, answer: T) {
        self.answer = self.pending.take().map(|(_, begun)| (answer, begun));
        self.is_news = true;
    }

    /// Nobody waits for it any more, and what it has brought counts no more.
    pub(super) fn forget(&mut self, dropped: &mut Vec<Ticket>) {
        dropped.extend(self.pending.take().map(|(ticket, _)| ticket));
        (self.answer, self.is_news) = (None, false);
    }
}

/// Health, and the targets that were read before it was asked for.
#[derive(Debug, Default)]
pub(super) struct HealthReads {
    pending: Option<HealthRead>,
    /// What the last read has brought.
    last: Option<(HealthRows, Arc<Targets>)>,
    /// When that read began.
    begun: Duration,
    /// It came after its round had gone on without it, and no round has seen it.
    is_news: bool,
}

/// A read of health under way.
#[derive(Debug)]
struct HealthRead {
    ticket: Ticket,
    /// The targets that were read before it began.
    basis: Arc<Targets>,
    begun: Duration,
    /// What was written since it began: what it says of these may be about what was there before.
    changed: Vec<(Route, Address)>,
}

/// What is known of health.
pub(super) struct HealthAnswer {
    pub(super) rows: HealthRows,
    /// The targets as they were before that; `None` when these.
    pub(super) basis: Option<Arc<Targets>>,
    pub(super) wait: Wait,
}

/// Whether a round may say what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Over,
    /// Nothing was ever read of it.
    Goes,
}

impl HealthReads {
    /// Asks for health by a read that begins after these targets were read, unless one that has come is news, or as new as to count.
    pub(super) fn begin(&mut self, targets: &Targets, at: Duration, tickets: &mut Tickets, out: &mut Vec<Effect>) {
        let is_known = std::mem::take(&mut self.is_news) && self.is_of(targets);
        if !is_known && !self.is_fresh(at) && self.pending.is_none() {
            // Whatever came before, another read is to tell.
            self.ask(targets, at, tickets, out);
        }
    }

    fn ask(&mut self, targets: &Targets, at: Duration, tickets: &mut Tickets, out: &mut Vec<Effect>) {
        let ticket = tickets.next();
        self.pending = Some(HealthRead { ticket, basis: Arc::new(targets.clone()), begun: at, changed: Vec::new() });
        out.push(Effect::Read(ticket, Read::Health));
    }

    /// Whether nothing more is to be waited for. One that was under way before these targets were read is followed by another, when it has
    /// become old.
    pub(super) fn is_done(
        &mut self,
        targets: &Targets,
        at: Duration,
        tickets: &mut Tickets,
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.pending.is_some() {
            return false;
        }
        self.is_news = false;
        if self.is_of(targets) || self.is_fresh(at) {
            return true;
        }
        self.ask(targets, at, tickets, out);
        false
    }

    /// The last read has brought something, and began a moment ago: rounds between polls tell nothing that it does not.
    fn is_fresh(&self, at: Duration) -> bool {
        let is_told = self.last.as_ref().is_some_and(|(rows, _)| rows.is_ok());
        is_told && at.saturating_sub(self.begun) < HEALTH_LASTS
    }

    fn is_of(&self, targets: &Targets) -> bool {
        self.last.as_ref().is_some_and(|(_, basis)| **basis == *targets)
    }

    /// The last answer.
    pub(super) fn answer(&self, targets: &Targets) -> HealthAnswer {
        match &self.last {
            Some((rows, basis)) => {
                let basis = Some(basis.clone()).filter(|basis| **basis != *targets);
                HealthAnswer { rows: rows.clone(), basis, wait: Wait::Over }
            }
            None => HealthAnswer { rows: Err(not_yet()), basis: None, wait: Wait::Goes },
        }
    }

    fn fill(&mut self, rows: HealthRows) {
        if let Some(HealthRead { basis, begun, changed, .. }) = self.pending.take() {
            let rows = rows.map(|rows| without(rows, &changed));
            (self.last, self.begun, self.is_news) = (Some((rows, basis)), begun, true);
        }
    }
}

/// What Secrets say of certificates: read when a load balancer is, and not watched, because a watch would need every Secret.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    said: BTreeMap<ObjectKey, Result<String, String>>,
    pending: BTreeMap<Ticket, ObjectKey>,
    /// Something has come that no round has seen.
    is_news: bool,
}

impl Certificates {
    /// Reads the Secrets that these bindings name: all of them, or those that have not given an id yet.
    pub(super) fn refresh(
        &mut self,
        bindings: &[Arc<DirectAccessBinding>],
        is_whole: bool,
        tickets: &mut Tickets,
        out: &mut Vec<Effect>,
    ) {
        let named: BTreeSet<ObjectKey> = bindings.iter().flat_map(|binding| named_secrets(binding)).collect();
        self.said.retain(|key, _| named.contains(key));
        for key in named {
            let is_known = !is_whole && self.said.get(&key).is_some_and(Result::is_ok);
            if !is_known && !self.pending.values().any(|pending| *pending == key) {
                let ticket = tickets.next();
                self.pending.insert(ticket, key.clone());
                out.push(Effect::Read(ticket, Read::Certificate(key)));
            }
        }
    }

    /// Some Secret is being read of which nothing is known yet. Of another, what was known serves meanwhile.
    fn is_pending(&self) -> bool {
        self.pending.values().any(|key| !self.said.contains_key(key))
    }

    /// What the Secrets of a namespace say, by name.
    pub(super) fn of_namespace(&self, namespace: &str) -> BTreeMap<String, Result<String, String>> {
        let of_namespace = self.said.iter().filter(|(key, _)| key.namespace == namespace);
        of_namespace.map(|(key, said)| (key.name.clone(), said.clone())).collect()
    }
}

/// Reads under way, and what they have brought. Forgetting them costs calls.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) task: Slot<Result<TaskState, Failure>>,
    /// The load balancer with its listeners and targets.
    pub(super) frame: Slot<Result<Frame, Failure>>,
    pub(super) targets: Slot<Result<Targets, Failure>>,
    pub(super) tagged: Slot<Result<Vec<LoadBalancer>, Failure>>,
    /// The tag that this is about.
    tag: String,
    pub(super) departures: DepartureReads,
    pub(super) quotas: Slot<Limits>,
    pub(super) health: HealthReads,
    pub(super) certificates: Certificates,
    /// Reads that nobody waits for any more.
    dropped: Vec<Ticket>,
}

impl Reads {
    /// Takes in an answer. Answers that nobody waits for are nothing.
    pub(super) fn take_in(&mut self, ticket: Ticket, answer: Answer, at: Duration) {
        match answer {
            Answer::Task(fares) if self.task.is_for(ticket) => self.task.fill(fares),
            Answer::Frame(frame) if self.frame.is_for(ticket) => self.frame.fill(frame),
            Answer::Targets(targets) if self.targets.is_for(ticket) => self.targets.fill(targets),
            Answer::Tagged(found) if self.tagged.is_for(ticket) => self.tagged.fill(found),
            Answer::Definition(sight) if self.departures.slot.is_for(ticket) => self.departures.fill(sight, at),
            Answer::Quotas(limits) if self.quotas.is_for(ticket) => self.quotas.fill(limits),
            Answer::Health(rows) if self.health.pending.as_ref().is_some_and(|read| read.ticket == ticket) => {
                self.health.fill(rows);
            }
            Answer::Certificate(said) => {
                if let Some(key) = self.certificates.pending.remove(&ticket) {
                    self.certificates.said.insert(key, said);
                    self.certificates.is_news = true;
                }
            }
            Answer::Task(_)
            | Answer::Frame(_)
            | Answer::Targets(_)
            | Answer::Tagged(_)
            | Answer::Definition(_)
            | Answer::Quotas(_)
            | Answer::Health(_)
            | Answer::Config(_)
            | Answer::Service(_)
            | Answer::StatusField(_) => {}
        }
    }

    /// Something has come that no round has gone by.
    pub(super) const fn has_news(&self) -> bool {
        let is_answered = self.frame.is_news || self.departures.slot.is_news || self.quotas.is_news;
        is_answered || self.health.is_news || self.certificates.is_news
    }

    /// A round goes by what has come.
    pub(super) const fn see(&mut self) {
        // A load balancer that came too late for the round is for the next one.
        (self.departures.slot.is_news, self.quotas.is_news) = (false, false);
        (self.health.is_news, self.certificates.is_news) = (false, false);
    }

    /// Something is being read of which nothing is known, and for which no round waits for longer than [`PATIENCE`].
    pub(super) fn is_beside_pending(&self, limits: Option<Limits>, at: Duration) -> bool {
        let has_limits = limits.is_some() || !self.quotas.is_pending();
        self.departures.is_pending(at) || !has_limits || self.certificates.is_pending()
    }

    /// Asks for the load balancers with a tag. What was asked of another tag, for a binding that had this name before, says nothing of it.
    pub(super) fn ask_tagged(
        &mut self,
        key: &str,
        value: &str,
        at: Duration,
        tickets: &mut Tickets,
        out: &mut Vec<Effect>,
    ) {
        let tag = format!("{key}={value}");
        if self.tag != tag {
            self.tagged.forget(&mut self.dropped);
            self.tag = tag;
        }
        self.tagged.ask(Read::Tagged(key.to_owned(), value.to_owned()), at, tickets, out);
    }

    /// Asks what those of these bindings that go depend on, unless it is known.
    pub(super) fn ask_departures(
        &mut self,
        bindings: &[Arc<DirectAccessBinding>],
        at: Duration,
        tickets: &mut Tickets,
        out: &mut Vec<Effect>,
    ) {
        self.departures.ask(bindings, at, tickets, out, &mut self.dropped);
    }

    /// A round has gone by what is known of why bindings go: another one asks anew.
    pub(super) fn forget_departures(&mut self) {
        self.departures.slot.forget(&mut self.dropped);
    }

    /// Something was written to listeners, or somebody asks for a new look: what is under way may be older.
    pub(super) fn forget_frame(&mut self) {
        self.frame.forget(&mut self.dropped);
    }

    /// Nothing of what was read of the cloud counts any more.
    pub(super) fn forget(&mut self) {
        self.frame.forget(&mut self.dropped);
        self.targets.forget(&mut self.dropped);
        self.tagged.forget(&mut self.dropped);
        self.dropped.extend(std::mem::take(&mut self.health).pending.map(|read| read.ticket));
    }

    /// These targets were registered, or deregistered: what is being read of their addresses, and was, is not about them.
    pub(super) fn forget_targets(&mut self, changed: &[(Route, Address)]) {
        let HealthReads { pending, last, .. } = &mut self.health;
        if let Some(read) = pending {
            read.changed.extend_from_slice(changed);
        }
        if let Some((Ok(rows), _)) = last {
            *rows = without(std::mem::take(rows), changed);
        }
        let bases = pending.iter_mut().map(|read| &mut read.basis).chain(last.iter_mut().map(|(_, basis)| basis));
        for basis in bases {
            for (route, address) in changed {
                if let Some(targets) = Arc::make_mut(basis).get_mut(route) {
                    targets.retain(|target| target.address != *address);
                }
            }
        }
    }

    /// Says which reads nobody waits for any more.
    pub(super) fn drop_forgotten(&mut self, out: &mut Vec<Effect>) {
        out.extend(self.dropped.drain(..).map(Effect::Forget));
    }
}

/// What is said of other targets than these.
fn without(mut rows: Vec<TargetHealth>, changed: &[(Route, Address)]) -> Vec<TargetHealth> {
    rows.retain(|row| !changed.iter().any(|(route, address)| is_of(row, route, *address)));
    rows
}

/// Health was never read. Nobody sees this: a round with it says nothing.
fn not_yet() -> Failure {
    Failure {
        class: Class::Unreachable,
        action: "DescribeTargetHealth",
        code: "ClientError.Pending".to_owned(),
        message: "no answer yet".to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_of_another_tag_is_no_answer() {
        let (mut reads, mut tickets, mut out) = (Reads::default(), Tickets::default(), Vec::new());
        let mut ask = |reads: &mut Reads, value| {
            reads.ask_tagged("owner", value, Duration::ZERO, &mut tickets, &mut out);
            out.len()
        };
        assert_eq!(ask(&mut reads, "former"), 1);
        reads.tagged.fill(Ok(Vec::new()));
        assert_eq!(ask(&mut reads, "former"), 1, "it is answered");
        assert_eq!(ask(&mut reads, "own"), 2);
        assert!(reads.tagged.seen().is_none() && reads.tagged.is_pending());
    }
}
