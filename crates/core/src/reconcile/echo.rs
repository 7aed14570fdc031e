//! Writes that the API server has taken and that caches do not show yet. They are not made again meanwhile: a watch that is silent, or
//! somebody who takes back what was written, would have them made with each look.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::Write;
use crate::mutant::{self, Mutant};

/// How long caches may take to show what was written. After that it is written again, as if it had not been.
const PATIENCE: Duration = Duration::from_secs(30);

/// The writes that caches do not show yet, by what they are about.
#[derive(Debug)]
pub(super) struct Echoes<K>(BTreeMap<K, (Write, Duration)>);

impl<K> Default for Echoes<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Echoes<K> {
    /// This was taken.
    pub(super) fn taken(&mut self, about: K, write: Write, at: Duration) {
        if mutant::is(Mutant::WrittenAgain) {
            return;
        }
        self.0.insert(about, (write, at + PATIENCE));
    }

    /// A write like this was taken, and caches have had no time to show it: it is not to be made again.
    pub(super) fn awaits(&self, about: &K, at: Duration, is_like: impl FnOnce(&Write) -> bool) -> bool {
        self.0.get(about).is_some_and(|(write, until)| at < *until && is_like(write))
    }

    /// When the next of them is over; `None` where there are none.
    pub(super) fn until(&self) -> Option<Duration> {
        self.0.values().map(|(_, until)| *until).min()
    }

    /// Looks whether caches show what was taken.
    pub(super) fn see(&mut self, about: &K, is_shown: impl FnOnce(&Write) -> bool) {
        if self.0.get(about).is_some_and(|(write, _)| is_shown(write)) {
            self.0.remove(about);
        }
    }

    /// Nothing is to be written: caches show it.
    pub(super) fn shown(&mut self, about: &K) {
        self.0.remove(about);
    }

    /// Forgets what is not so, and what is over.
    pub(super) fn retain(&mut self, at: Duration, is_kept: impl Fn(&K) -> bool) {
        self.0.retain(|about, (_, until)| at < *until && is_kept(about));
    }

    /// There are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
