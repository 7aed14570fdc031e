//! Machines about one key each: what is slow or refused for one key is no other's business.

use std::fmt::Display;
use std::hash::Hash;
use std::time::Duration;

use super::effect::{Effect, Input};
use super::surroundings::Surroundings;
use crate::model::ObjectKey;

/// How soon to look again after a write was refused, at the least.
pub(super) const RETRY: Duration = Duration::from_secs(2);

/// What a machine is about. It is shown as users name it.
pub trait MachineKey: Display + Clone + Ord + Hash + Send + 'static {
    /// The namespace that it writes in.
    fn namespace(&self) -> &str;
}

impl MachineKey for ObjectKey {
    fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// The name of a namespace.
impl MachineKey for String {
    fn namespace(&self) -> &str {
        self
    }
}

/// A machine about one key. Nothing but `step` changes it, and it may be dropped at any time: what it remembers only spares calls.
pub trait KeyedMachine: Send + 'static {
    /// What it is about.
    type Key: MachineKey;

    /// One that has not looked yet.
    fn new(key: Self::Key) -> Self;

    /// Takes in what has happened. Returns what is to be done, in this order.
    fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect>;

    /// It waits for nothing and remembers nothing, so that a new one would do the same.
    fn is_idle(&self) -> bool;
}

/// When a machine looks next. Times are by the clock that never goes back.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    due: Option<Duration>,
    /// When the machine has last asked to be woken.
    asked: Option<Duration>,
}

impl Alarm {
    /// Has it look at this time, or before.
    pub(super) fn set(&mut self, at: Duration) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Whether the time has come; it is not asked for again then.
    pub(super) fn has_come(&mut self, now: Duration) -> bool {
        let has_come = self.due.is_some_and(|due| due <= now);
        if has_come {
            self.due = None;
        }
        has_come
    }

    /// It is to look at no time.
    pub(super) const fn is_off(&self) -> bool {
        self.due.is_none()
    }

    /// Asks to be woken, where that was not asked for yet. While something is `awaited`, that wakes the machine.
    pub(super) fn ask(&mut self, awaited: Awaited, out: &mut Vec<Effect>) {
        let wakes = match awaited {
            Awaited::Nothing => self.due,
            Awaited::Result => None,
        };
        if wakes != self.asked {
            self.asked = wakes;
            out.push(Effect::WakeAt(wakes));
        }
    }
}

/// What a machine waits for besides time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Nothing,
    /// What comes of a read or a write, before which it does nothing else.
    Result,
}
