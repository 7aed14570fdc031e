//! Who leads: the election by a Lease, as a state machine over what was seen and answered.
//!
//! The rules are client-go's, made stricter: whether another's Lease has run out is judged by how long this replica has seen it
//! unchanged, never by comparing its times with the local clock; every write carries the version that was last seen; and a leader's
//! own leadership counts from *before* its last renewal was sent, and ends [`TRANSIT`] before anybody else may begin.
//!
//! # Why the times are what they are
//!
//! | at | what |
//! |---|---|
//! | 0 s | a renewal is sent |
//! | 1 s | the next one is due; it and one more may fail |
//! | 3 s | without an answer to any of them, leadership ends: calls under way are dropped, none leaves any more |
//! | 4 s or later | another replica, which has seen the renewal of 0 s at 0 s or later and none since, may take the Lease |
//!
//! The time-out of a call need not be taken off the Lease: a call ends with its own time-out or with the leadership, whichever comes
//! first, and while renewals succeed that moment moves on. So a call may take longer than a Lease lasts, and still nothing leaves
//! after its end. What is taken off is the time from the wire to the effect.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use crate::mutant::{self, Mutant};
/// How long a Lease lasts after a renewal.
pub const LEASE: Duration = Duration::from_secs(4);
/// How long after a renewal the next one is sent.
pub const RENEWAL: Duration = Duration::from_secs(1);
/// What a request that has left may take until it has had its effect: so much earlier than the Lease does leadership end.
pub const TRANSIT: Duration = Duration::from_secs(1);
/// How soon to try again after an attempt that failed.
pub const RETRY: Duration = Duration::from_millis(250);
/// What an attempt leaves of the leadership for one more, on another connection.
pub const LAST_ATTEMPT: Duration = Duration::from_millis(500);
/// How long the Lease of another is believed at most, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

/// A moment on a clock of this machine that goes on while it is suspended: the time since a fixed point in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The moment so long after the fixed point.
    pub const fn after_start(time: Duration) -> Self {
        Self(time)
    }

    /// The time from `earlier` to this moment; zero when it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Read the Lease.
    Read,
    /// Create this Lease.
    Create(Box<Lease>),
    /// Replace the Lease by this one, which carries the version that was seen.
    Replace(Box<Lease>),
    /// Nothing until this moment, unless something is seen.
    Wait(Moment),
}

/// What came of a write of the Lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The API server has taken it.
    Written(Box<Lease>),
    /// Somebody has written in between.
    Conflict,
    /// There is no Lease.
    Missing,
    /// No answer, or another one: whether it was written is not known.
    Failed,
}

/// A leadership, as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Which leadership of this replica it is, from 1. One that was lost is never continued.
    pub number: u64,
    /// When it ends, unless it is renewed.
    pub until: Moment,
}

/// One replica's part in the election.
#[derive(Clone, Debug)]
pub struct Election {
    identity: String,
    known: Known,
    /// What is known may not be so: the last attempt has met another version, or a watch says that there is no Lease.
    must_read: bool,
    /// This process has written the Lease, or may have. Before, one in its name is of a process before it, or of another by mistake.
    has_attempted: bool,
    /// When the next attempt may be made.
    due: Moment,
    term: Option<Term>,
    terms: u64,
}

/// What is known of the Lease.
#[derive(Clone, Debug)]
enum Known {
    /// It was never looked at.
    Nothing,
    /// There was none when this replica first looked, so that nobody can believe to hold it.
    Never,
    /// It was there, and has been missing since.
    Gone(Moment),
    /// It is there, and nobody has renewed it since.
    Seen(Box<Lease>, Moment),
}

impl Election {
    /// The part of a replica that has seen nothing yet. No two replicas may share an identity.
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            known: Known::Nothing,
            must_read: false,
            has_attempted: false,
            due: Moment(Duration::ZERO),
            term: None,
            terms: 0,
        }
    }

    /// The leadership of this replica, if it has one now.
    pub fn term(&self, now: Moment) -> Option<Term> {
        self.term.filter(|term| now < term.until)
    }

    /// What to do now. `clock` is what the Lease will say of the time; nobody decides by it.
    pub fn next(&self, now: Moment, clock: Timestamp) -> Next {
        let may_begin = match &self.known {
            _ if self.must_read || mutant::is(Mutant::WaitsForNobody) => now,
            Known::Nothing | Known::Never => now,
            Known::Gone(since) => *since + LEASE,
            Known::Seen(lease, since) => match holder(lease) {
                Some(holder) if holder != self.identity || !self.has_attempted => *since + lasts(lease),
                Some(_) | None => now,
            },
        };
        let begin = may_begin.max(self.due);
        if now < begin {
            return Next::Wait(begin);
        }
        match &self.known {
            _ if self.must_read => Next::Read,
            Known::Nothing => Next::Read,
            Known::Never | Known::Gone(_) => Next::Create(Box::new(self.lease(None, clock))),
            Known::Seen(lease, _) => Next::Replace(Box::new(self.lease(Some(lease), clock))),
        }
    }

    /// How long an attempt may take that is sent now. What a candidate gets later than that is over before it begins.
    pub fn patience(&self, now: Moment) -> Duration {
        match self.term(now) {
            Some(term) => term.until.since(now).saturating_sub(LAST_ATTEMPT).max(LAST_ATTEMPT),
            None => LEASE.saturating_sub(TRANSIT),
        }
    }

    /// The Lease was read as it is, or that there is none. It may have an older version than what was seen before: the API server's store
    /// was restored.
    pub fn saw(&mut self, found: Option<Lease>, now: Moment) {
        let Some(lease) = found else {
            self.must_read = false;
            self.term = None;
            self.known = match self.known {
                Known::Nothing | Known::Never => Known::Never,
                Known::Gone(since) => Known::Gone(since),
                Known::Seen(..) => Known::Gone(now),
            };
            return;
        };
        let since = match &self.known {
            Known::Seen(known, since) if renewal(known) == renewal(&lease) => *since,
            _ => now,
        };
        self.must_read = false;
        if holder(&lease) != Some(&self.identity) {
            self.term = None;
        }
        self.known = Known::Seen(Box::new(lease), since);
    }

    /// A watch says how the Lease is, or that there is none. The latter has no version, and may be older than what this replica has
    /// written; so a leader looks for itself.
    pub fn told(&mut self, found: Option<Lease>, now: Moment) {
        match (&found, &self.known) {
            (None, _) if self.term(now).is_some() => {
                self.must_read = true;
                self.due = now;
            }
            // Watches tell late: what was written since is newer.
            (Some(lease), Known::Seen(known, _)) if is_older(lease, known) => {}
            _ => self.saw(found, now),
        }
    }

    /// An attempt that was sent then was answered now.
    pub fn answered(&mut self, sent: Moment, answer: Answer, now: Moment) {
        self.has_attempted |= matches!(answer, Answer::Written(_) | Answer::Failed);
        // A leadership that has ended before its renewal was answered has ended.
        self.term = self.term(now);
        match answer {
            Answer::Written(lease) => {
                self.saw(Some(*lease), now);
                self.due = sent + RENEWAL;
                let lasts = if mutant::is(Mutant::LeadsOn) { LONGEST } else { LEASE.saturating_sub(TRANSIT) };
                let until = sent + lasts;
                let is_ours = matches!(&self.known, Known::Seen(lease, _) if holder(lease) == Some(&self.identity));
                if is_ours && now < until {
                    self.begin_or_renew(until);
                }
            }
            Answer::Conflict => self.must_read = true,
            Answer::Missing => self.saw(None, now),
            Answer::Failed => self.due = now + RETRY,
        }
    }

    /// Reading the Lease has failed.
    pub fn failed_to_read(&mut self, now: Moment) {
        self.due = now + RETRY;
    }

    /// Somebody else has found the leadership to be over, by the same clock.
    pub fn ended(&mut self) {
        self.term = None;
    }

    /// The Lease given up, to be written when nothing leaves any more; `None` where this replica does not hold it.
    pub fn release(&self) -> Option<Lease> {
        let Known::Seen(lease, _) = &self.known else { return None };
        if holder(lease) != Some(&self.identity) {
            return None;
        }
        let mut lease = (**lease).clone();
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
        }
        Some(lease)
    }

    fn begin_or_renew(&mut self, until: Moment) {
        self.term = match self.term {
            Some(term) => Some(Term { until: term.until.max(until), ..term }),
            None => {
                self.terms += 1;
                Some(Term { number: self.terms, until })
            }
        };
    }

    /// The Lease as this replica writes it: with the labels and the version of the known one.
    fn lease(&self, known: Option<&Lease>, clock: Timestamp) -> Lease {
        let previous = known.and_then(|lease| lease.spec.as_ref());
        let mine = previous.filter(|spec| spec.holder_identity.as_ref() == Some(&self.identity));
        let transitions = previous.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let is_first = mine.is_some() || previous.is_none();
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            acquire_time: mine.and_then(|spec| spec.acquire_time.clone()).or(Some(MicroTime(clock))),
            renew_time: Some(MicroTime(clock)),
            lease_transitions: Some(if is_first { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        };
        let metadata = known.map_or_else(
            || ObjectMeta { name: Some(crate::api::names::LEASE.to_owned()), ..ObjectMeta::default() },
            |lease| lease.metadata.clone(),
        );
        Lease { metadata, spec: Some(spec) }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// What differs between two renewals, and stays the same when somebody labels the Lease.
fn renewal(lease: &Lease) -> (Option<&str>, Option<&MicroTime>) {
    (holder(lease), lease.spec.as_ref().and_then(|spec| spec.renew_time.as_ref()))
}

/// How long a Lease lasts after a renewal was seen: as long as its holder says, which may be of a version with another time.
fn lasts(lease: &Lease) -> Duration {
    let said = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    let said = said.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    said.unwrap_or(LEASE).clamp(LEASE, LONGEST)
}

/// Versions of one object are comparable since Kubernetes 1.35; before, the later one was the larger in practice. What is no number
/// is taken for newer: at worst a leadership ends early.
fn is_older(lease: &Lease, known: &Lease) -> bool {
    let version = |lease: &Lease| lease.metadata.resource_version.as_ref().and_then(|text| text.parse::<u64>().ok());
    matches!((version(lease), version(known)), (Some(lease), Some(known)) if lease < known)
}

#[cfg(test)]
mod tests;
