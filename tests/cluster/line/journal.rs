//! What replicas ask of the cloud and the API server, each on a line of its own, in the order in which it arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long the Lease lasts after a renewal was sent.
const LEASE: Duration = Duration::from_secs(4);

/// Something that has reached the cloud or the API server.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) replica: &'static str,
    pub(crate) event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A read, or the beginning of a watch: its path, or its action.
    Read(String),
    /// A write that needs leadership: method and path, or action.
    Write(String),
    /// The Lease is asked for.
    LeaseAsked,
    /// The API server has taken a Lease of this holder.
    LeaseWritten(Option<String>),
}

/// The entries of all lines. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Entry>>>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, replica: &'static str, event: Event) {
        self.lock().push(Entry { at: Instant::now(), replica, event });
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// The first entry from this place on that is so.
    pub(crate) fn find(&self, from: usize, is_it: impl Fn(&Entry) -> bool) -> Option<Entry> {
        self.lock()[from..].iter().find(|entry| is_it(entry)).cloned()
    }

    /// The paths of all watches.
    pub(crate) fn watches(&self) -> BTreeSet<String> {
        let entries = self.lock();
        let paths = entries.iter().filter_map(|entry| match &entry.event {
            Event::Read(what) => {
                what.split_once('?').filter(|(_, query)| query.contains("watch=")).map(|(path, _)| path.to_owned())
            }
            _ => None,
        });
        paths.collect()
    }

    /// The first write of a replica from this place on.
    pub(crate) fn write_of(&self, replica: &str, from: usize) -> Option<Entry> {
        self.find(from, |entry| entry.replica == replica && matches!(entry.event, Event::Write(_)))
    }

    /// The first time from this place on that a replica holds the Lease.
    pub(crate) fn lease_of(&self, replica: &str, from: usize) -> Option<Entry> {
        self.find(from, |entry| entry.event == Event::LeaseWritten(Some(replica.to_owned())))
    }

    /// Whether a replica has read this from this place on.
    pub(crate) fn has_read(&self, replica: &str, what: &str, from: usize) -> bool {
        self.find(from, |entry| entry.replica == replica && entry.event == Event::Read(what.to_owned())).is_some()
    }

    /// Whether a replica has read, watched or written the Lease.
    pub(crate) fn has_asked_for_the_lease(&self, replica: &str) -> bool {
        let is_lease = |event: &Event| match event {
            Event::Read(what) => what.contains("/leases"),
            Event::LeaseAsked => true,
            _ => false,
        };
        self.find(0, |entry| entry.replica == replica && is_lease(&entry.event)).is_some()
    }

    /// Who has last written the Lease.
    pub(crate) fn holder(&self) -> Option<String> {
        let entries = self.lock();
        let holders = entries.iter().rev().filter_map(|entry| match &entry.event {
            Event::LeaseWritten(holder) => Some(holder.clone()),
            _ => None,
        });
        holders.take(1).next().flatten()
    }

    /// Every write came from who held the Lease, and for no longer than it lasts. Returns who has written.
    pub(crate) fn check(&self) -> Vec<&'static str> {
        let (writers, faults) = self.judge();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        writers.into_iter().collect()
    }

    /// Who has written, and what without the right to.
    fn judge(&self) -> (BTreeSet<&'static str>, Vec<String>) {
        let (mut writers, mut faults) = (BTreeSet::new(), Vec::new());
        let (mut holder, mut asked) = (None, BTreeMap::new());
        for entry in self.lock().iter() {
            match &entry.event {
                Event::Read(_) => {}
                Event::LeaseAsked => {
                    asked.insert(entry.replica, entry.at);
                }
                Event::LeaseWritten(new) => holder = new.clone(),
                Event::Write(what) => {
                    let Entry { replica, at, .. } = entry;
                    writers.insert(*replica);
                    let age = asked.get(replica).map(|asked| at.duration_since(*asked));
                    if holder.as_deref() != Some(*replica) {
                        faults.push(format!("{replica} writes ({what}) without the Lease"));
                    } else if age.is_none_or(|age| age >= LEASE) {
                        faults.push(format!("{replica} writes ({what}) {age:?} after its renewal"));
                    }
                }
            }
        }
        (writers, faults)
    }
}

/// The holder that a Lease names.
pub(crate) fn holder(lease: &[u8]) -> Option<String> {
    let lease: Value = serde_json::from_slice(lease).ok()?;
    lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
}

#[test]
fn the_journal_finds_writes_without_leadership() {
    let write = || Event::Write("PATCH /x".to_owned());
    let lease = |holder: &str| Event::LeaseWritten(Some(holder.to_owned()));
    let written = |events: Vec<(&'static str, Event)>| {
        let journal = Journal::default();
        events.into_iter().for_each(|(replica, event)| journal.add(replica, event));
        journal
    };
    let fails = |events: Vec<(&'static str, Event)>| !written(events).judge().1.is_empty();
    let begin = || vec![("a", Event::LeaseAsked), ("a", lease("a")), ("a", write())];
    assert!(!fails(begin()));
    assert!(fails(vec![("a", write())]), "before it was asked for");
    assert!(fails(vec![("a", Event::LeaseAsked), ("a", write())]), "before it was given");
    let taken = || [begin(), vec![("b", Event::LeaseAsked), ("b", lease("b")), ("b", write())]].concat();
    assert!(!fails(taken()));
    assert!(fails([taken(), vec![("a", write())]].concat()), "after another has it");
    assert!(fails([begin(), vec![("a", Event::LeaseWritten(None)), ("a", write())]].concat()), "after it was given up");
    let journal = written(begin());
    for entry in journal.lock().iter_mut().take(2) {
        entry.at = entry.at.checked_sub(LEASE).unwrap();
    }
    assert_eq!(journal.judge().1.len(), 1, "when it has run out");
}
