//! What the API server does not take of what is written for bindings, from all loops that write for them.
//!
//! A cache: after a restart it is empty, and what is still refused is refused, and told, once more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::report::NotTaken;
use crate::k8s::{Stores, Word};
use crate::status::{Field, RefusalNews, RefusedWrites};

/// The refused writes, by the UID of the binding.
pub(super) struct Refused {
    stores: Stores,
    writes: Mutex<HashMap<String, RefusedWrites>>,
}

impl Refused {
    pub(super) fn new(stores: Stores) -> Self {
        Self { stores, writes: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, RefusedWrites>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a write is to be tried: it was not refused a moment ago.
    pub(super) fn is_due(&self, binding: &str, field: Field) -> bool {
        self.lock().get(binding).is_none_or(|writes| writes.is_due(&field, Timestamp::now()))
    }

    /// What became of a write to an object, which is given by kind and name.
    pub(super) fn record<T>(&self, binding: &str, field: Field, object: &str, result: &Result<T, NotTaken>) {
        match result {
            Ok(_) => self.taken(binding, field),
            Err(NotTaken { kind, words }) => {
                let mut all = self.lock();
                if !all.contains_key(binding) {
                    all.retain(|uid, _| self.stores.bindings.has(&Word::Uid(uid.clone())));
                }
                let writes = all.entry(binding.to_owned()).or_default();
                writes.refused(field, object, *kind, words, Timestamp::now());
            }
        }
    }

    /// A write was taken, or is not needed any more.
    pub(super) fn taken(&self, binding: &str, field: Field) {
        let mut all = self.lock();
        if let Some(writes) = all.get_mut(binding) {
            writes.taken(&field);
            if writes.is_empty() {
                all.remove(binding);
            }
        }
    }

    /// What is refused for these bindings.
    pub(super) fn of<'a>(&self, bindings: impl Iterator<Item = &'a str>) -> Vec<(String, RefusedWrites)> {
        let all = self.lock();
        bindings.filter_map(|uid| Some((uid.to_owned(), all.get(uid)?.clone()))).collect()
    }

    /// Whether this is refused for one of these bindings.
    pub(super) fn has<'a>(&self, mut bindings: impl Iterator<Item = &'a str>, field: Field) -> bool {
        let all = self.lock();
        bindings.any(|uid| all.get(uid).is_some_and(|writes| writes.has(&field)))
    }

    /// What Events are to tell of a binding; from now on it counts as told.
    pub(super) fn news(&self, binding: &str) -> Vec<RefusalNews> {
        self.lock().get_mut(binding).map(|writes| writes.news(Timestamp::now())).unwrap_or_default()
    }

    /// How long until rounds try again what was refused for one of these bindings.
    pub(super) fn wait<'a>(&self, bindings: impl Iterator<Item = &'a str>) -> Option<Duration> {
        let (all, now) = (self.lock(), Timestamp::now());
        let first = bindings.filter_map(|uid| all.get(uid)?.wait_of_rounds(now)).min()?;
        Some(Duration::try_from(first).unwrap_or_default())
    }
}
