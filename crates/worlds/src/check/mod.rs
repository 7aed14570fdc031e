//! What must never be, and what must have come about in the end.

mod digest;
mod end;
mod ending;
mod floor;
mod judged;
mod losses;
pub(crate) mod marks;
mod pods;
mod repeats;
pub(crate) mod routes;
pub(crate) mod users;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tke_direct_access_core::model::{Address, LoadBalancerId, Route};

use crate::act::Act;

pub(crate) use digest::{digest, holders, settings, unbound};
pub(crate) use end::{Sight, faults as end_faults, ready};
pub use ending::Ending;
pub(crate) use ending::summary;
pub(crate) use floor::{Seen, emptied};
pub use judged::Judged;
pub(crate) use judged::Sentence;
use repeats::Repeats;
use watch::Watch;
pub(crate) use watch::{CALLS, CLEARS, READ, READS, REFUSALS};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule is broken, in a few words.
    pub rule: &'static str,
    /// When.
    pub at: Duration,
    /// What was seen.
    pub words: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3} s: {}", self.rule, self.at.as_secs_f64(), self.words)
    }
}

/// How often the cloud may refuse something while the world is at rest: each of a few bindings tries again once in a while.
const REFUSED: u64 = 12;

/// What checks remember of the world.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// The annotations that a user has applied to a Service.
    applied: BTreeMap<String, BTreeSet<String>>,
    /// When the world came to rest.
    rest: Option<Duration>,
    /// How often the cloud has refused something since then.
    refused: u64,
    /// What was written since then.
    pub(crate) restless: Vec<String>,
    /// What was seen of each load balancer last.
    pub(crate) seen: BTreeMap<LoadBalancerId, Seen>,
    /// What was on load balancers and was nobody's of ours.
    pub(crate) foreign: BTreeMap<LoadBalancerId, marks::Strangers>,
    /// By UID, what bindings have wanted so far.
    pub(crate) wanted: routes::Wanted,
    /// Targets that the cloud has found well: route, address and tag.
    pub(crate) was_well: BTreeSet<(Route, Address, String)>,
    /// Somebody at the console has just done something.
    pub(crate) console: bool,
    /// When somebody at the console last changed something of a load balancer.
    pub(crate) meddled: BTreeMap<LoadBalancerId, Duration>,
    /// Terms that have written to the cloud: replica, life and leadership, with the time.
    pub(crate) writers: Vec<((usize, u64, u64), Duration)>,
    /// What was made and written lately.
    pub(crate) repeats: Repeats,
    /// What is remembered of the past.
    pub(crate) watch: Watch,
    /// What is remembered of users' words.
    pub(crate) users: users::Memory,
}

impl Checks {
    /// Hears of what is done to the world.
    pub(crate) fn hear_act(&mut self, act: &Act, now: Duration) {
        self.watch.hear_act(act, now);
        self.repeats.hear_act(act);
        self.console |= matches!(act, Act::Console(_));
    }

    /// Somebody at the console has changed something of a load balancer within this time.
    pub(crate) fn is_meddled_with(&self, id: &LoadBalancerId, now: Duration, time: Duration) -> bool {
        self.meddled.get(id).is_some_and(|then| now.saturating_sub(*then) < time)
    }

    /// Somebody at the console has changed what may not have been read since.
    pub(crate) fn is_unseen(&self, id: &LoadBalancerId, now: Duration) -> bool {
        self.is_meddled_with(id, now, watch::READ_AGAIN)
    }

    /// The annotations that were applied before; these are from now on.
    pub(crate) fn applied(&mut self, service: &str, keys: BTreeSet<String>) -> BTreeSet<String> {
        self.applied.insert(service.to_owned(), keys).unwrap_or_default()
    }

    /// From now on nothing is to be written.
    pub(crate) fn begin_rest(&mut self, at: Duration) {
        self.rest = Some(at);
        self.restless.clear();
    }

    /// Nothing was to be done for a minute.
    pub(crate) fn is_at_rest(&self, now: Duration) -> bool {
        self.rest.is_some_and(|rest| now.saturating_sub(rest) > watch::WINDOW)
    }

    /// Something was to be written, and the cloud has refused it. Now and then that is tried again.
    pub(crate) fn hear_refusal(&mut self, at: Duration, what: impl FnOnce() -> String) {
        self.refused += u64::from(self.rest.is_some_and(|rest| at > rest));
        if self.refused > REFUSED {
            self.hear_write(at, what);
        }
    }

    /// Something was written.
    pub(crate) fn hear_write(&mut self, at: Duration, what: impl FnOnce() -> String) {
        if self.rest.is_some_and(|rest| at > rest) && self.restless.len() < 20 {
            self.restless.push(what());
        }
    }
}
