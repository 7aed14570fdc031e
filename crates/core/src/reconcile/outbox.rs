//! Writes to Kubernetes on their way. Rounds do not wait for them: an API server that answers late in one namespace holds up nobody in
//! another. Of one field of one object at most one write is under way; what is wanted meanwhile is written when that has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::echo::Echoes;
use super::effect::{Effect, Line, NotTaken, Notice, Taken, Ticket, Write};
use super::tickets::Tickets;
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus};
use crate::mutant::{self, Mutant};
use crate::status::{Field, RefusalKind};

/// What a write is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// The gate of the Pod with this UID.
    Gate(String),
    /// Something of the binding with this UID.
    Binding(String, Field),
}

/// What is done when a write has ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// What became of it is remembered, with the name of the object.
    Record(String),
    /// The first or second finalizer of this binding is there, or is not.
    Finalizer(Arc<DirectAccessBinding>),
    /// The status of this binding is there, and what it is about is told.
    Status(Box<StatusWrite>),
}

/// A status on its way.
#[derive(Debug)]
pub(super) struct StatusWrite {
    pub(super) binding: Arc<DirectAccessBinding>,
    pub(super) status: DirectAccessBindingStatus,
    /// Events about it.
    pub(super) notices: Vec<Notice>,
    /// What is logged of it; `None` for nothing.
    pub(super) line: Option<Line>,
}

#[derive(Debug)]
struct UnderWay {
    about: About,
    write: Write,
    ending: Ending,
    /// Something else is wanted by now.
    is_outdated: bool,
}

/// The writes of one machine.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    by_ticket: BTreeMap<Ticket, UnderWay>,
    tickets: BTreeMap<About, Ticket>,
    /// What was taken, as far as caches do not show it yet and nothing but them says it.
    echoes: Echoes<About>,
    /// Something has ended that a round is to look at.
    is_news: bool,
}

impl Outbox {
    /// Writes, unless a write of the same is under way; then a round looks at it when that has ended. What was taken is not written again
    /// before caches have had time to show it. Returns its name.
    pub(super) fn write(
        &mut self,
        about: About,
        write: Write,
        ending: Ending,
        (tickets, at, out): (&mut Tickets, Duration, &mut Vec<Effect>),
    ) -> Option<Ticket> {
        if self.is_under_way(&about) {
            self.compare(&about, &write);
            return None;
        }
        if self.is_taken(&about, &write, at) {
            return None;
        }
        let ticket = tickets.next();
        out.push(Effect::Write(ticket, write.clone()));
        self.tickets.insert(about.clone(), ticket);
        self.by_ticket.insert(ticket, UnderWay { about, write, ending, is_outdated: false });
        Some(ticket)
    }

    /// This was taken, and caches have had no time to show it.
    pub(super) fn is_taken(&self, about: &About, write: &Write, at: Duration) -> bool {
        self.echoes.awaits(about, at, |taken| taken == write)
    }

    /// Nothing is to be written: caches show what was.
    pub(super) fn shown(&mut self, about: &About) {
        self.echoes.shown(about);
    }

    /// Of gates, only those of these Pods are kept in mind, and of bindings, only these. Both by UID.
    pub(super) fn forget_all_but(
        &mut self,
        at: Duration,
        is_waiting: impl Fn(&str) -> bool,
        is_there: impl Fn(&str) -> bool,
    ) {
        self.echoes.retain(at, |about| match about {
            About::Gate(pod) => is_waiting(pod),
            About::Binding(uid, _) => is_there(uid),
        });
    }

    /// A write of the same is under way.
    pub(super) fn is_under_way(&self, about: &About) -> bool {
        self.tickets.contains_key(about)
    }

    /// Something else is wanted by now than what is under way.
    pub(super) fn outdate(&mut self, about: &About) {
        if let Some(under_way) = self.tickets.get(about).and_then(|ticket| self.by_ticket.get_mut(ticket)) {
            under_way.is_outdated = true;
        }
    }

    /// This is wanted now; what is under way may be something else.
    pub(super) fn compare(&mut self, about: &About, wanted: &Write) {
        if let Some(under_way) = self.tickets.get(about).and_then(|ticket| self.by_ticket.get_mut(ticket)) {
            under_way.is_outdated |= under_way.write != *wanted;
        }
    }

    /// A write has ended. Says what it was about and what is to be done.
    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        result: &Result<Taken, NotTaken>,
        at: Duration,
    ) -> Option<(About, Ending)> {
        let is_lost = result.as_ref().is_err_and(|refused| refused.kind == RefusalKind::Passing);
        if is_lost && mutant::is(Mutant::LostAnswerWaits) {
            return None;
        }
        let UnderWay { about, write, ending, is_outdated } = self.by_ticket.remove(&ticket)?;
        self.tickets.remove(&about);
        if result.is_ok() && matches!(ending, Ending::Record(_)) {
            self.echoes.taken(about.clone(), write, at);
        }
        // An object that has changed starts a round by that.
        let is_refused = result.as_ref().is_err_and(|refused| refused.kind != RefusalKind::Outdated);
        self.is_news |= is_outdated || is_refused;
        Some((about, ending))
    }

    /// A round is to look at what has ended.
    pub(super) const fn has_news(&self) -> bool {
        self.is_news
    }

    /// A round looks.
    pub(super) const fn see(&mut self) {
        self.is_news = false;
    }

    /// A round is to look, because what it waited for is recorded.
    pub(super) const fn tell(&mut self) {
        self.is_news = true;
    }
}
