//! Runs machines about one key each, as many as there are keys with something to do: makes their effects happen and brings what came
//! of them. It decides nothing but when a namespace has enough under way, so that one in which everything hangs takes no room from
//! others.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::identity;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::context::Context;
use super::drive::{PARTING, log, resume};
use super::notices::Notices;
use super::reads::read_other;
use super::writes::write;
use crate::plan::panic_words;
use crate::reconcile::{Effect, Input, KeyedMachine, MachineKey, News, NotTaken, Read};
use crate::status::RefusalKind;

/// Reads and writes under way at once in one namespace, of each loop.
const PER_NAMESPACE: usize = 16;

/// The keys to look at again.
pub(super) struct Marks<K> {
    dirty: Mutex<BTreeSet<K>>,
    notify: Notify,
}

impl<K: Ord> Marks<K> {
    /// These, to begin with.
    pub(super) fn new(keys: BTreeSet<K>) -> Arc<Self> {
        let marks = Self { dirty: Mutex::new(keys), notify: Notify::new() };
        marks.notify.notify_one();
        Arc::new(marks)
    }

    /// And these.
    pub(super) fn mark(&self, mut keys: BTreeSet<K>) {
        if !keys.is_empty() {
            self.dirty.lock().unwrap_or_else(PoisonError::into_inner).append(&mut keys);
            self.notify.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<K> {
        std::mem::take(&mut *self.dirty.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs machines for the keys that are marked, until `stop`.
pub(super) async fn run_keyed<M: KeyedMachine, T>(
    context: Arc<Context>,
    marks: Arc<Marks<M::Key>>,
    stop: CancellationToken,
) -> Option<T> {
    let mut driver = Keyed::<M>::new(context);
    loop {
        let due = driver.next_due().map_or(Duration::MAX, |due| due.saturating_sub(driver.context.clock.at()));
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(result) = driver.running.join_next() => match result {
                Ok((key, input)) => driver.came(&key, input),
                Err(error) => resume(error),
            },
            () = marks.notify.notified() => {
                for key in marks.take() {
                    driver.mark(&key);
                }
            }
            _ = tokio::time::timeout(due, std::future::pending::<()>()) => driver.wake(),
        }
    }
    driver.part().await;
    None
}

/// A machine, and when it is to be woken.
struct Running<M> {
    machine: M,
    wakes: Option<Duration>,
}

struct Keyed<M: KeyedMachine> {
    context: Arc<Context>,
    /// The machines that wait for something or remember something. There is none for other keys.
    machines: HashMap<M::Key, Running<M>>,
    wakes: BTreeSet<(Duration, M::Key)>,
    /// Reads and writes.
    running: JoinSet<(M::Key, Input)>,
    /// How many of them there are, by namespace.
    under_way: HashMap<String, usize>,
    /// The keys that are due and wait for room, by namespace. What they write is decided when there is some.
    waiting: BTreeMap<String, VecDeque<M::Key>>,
    notices: Notices,
}

impl<M: KeyedMachine> Keyed<M> {
    fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            machines: HashMap::new(),
            wakes: BTreeSet::new(),
            running: JoinSet::new(),
            under_way: HashMap::new(),
            waiting: BTreeMap::new(),
            notices: Notices::default(),
        }
    }

    fn next_due(&self) -> Option<Duration> {
        self.wakes.first().map(|(due, _)| *due)
    }

    /// Something has changed for a key. One that has no machine waits where its namespace has enough under way.
    fn mark(&mut self, key: &M::Key) {
        if self.machines.contains_key(key) || self.has_room(key.namespace()) {
            return self.step(key, Input::News(News::Input));
        }
        let waiting = self.waiting.entry(key.namespace().to_owned()).or_default();
        if !waiting.contains(key) {
            waiting.push_back(key.clone());
        }
    }

    /// A key that has waited goes on.
    fn go_on(&mut self, key: &M::Key) {
        let is_new = !self.machines.contains_key(key);
        self.step(key, if is_new { Input::News(News::Input) } else { Input::Due });
    }

    /// Lets a machine take in what has happened. One that rests and remembers nothing is dropped.
    fn step(&mut self, key: &M::Key, input: Input) {
        let running =
            self.machines.entry(key.clone()).or_insert_with(|| Running { machine: M::new(key.clone()), wakes: None });
        let effects = self.context.seen(|surroundings| running.machine.step(surroundings, input));
        let is_idle = running.machine.is_idle();
        for effect in effects {
            self.perform(key, effect);
        }
        self.notices.publish(&self.context, &Span::none());
        if is_idle {
            self.wake_at(key, None);
            self.machines.remove(key);
        }
    }

    fn perform(&mut self, key: &M::Key, effect: Effect) {
        let (context, owner) = (self.context.clone(), key.clone());
        match effect {
            Effect::Read(ticket, Read::Other(what)) => {
                self.begin(key);
                self.running.spawn(async move {
                    let answer = whole(read_other(&context, what.clone())).await;
                    (owner, Input::Answer(ticket, answer.unwrap_or_else(|refused| what.refused(refused))))
                });
            }
            Effect::Write(ticket, what) => {
                self.begin(key);
                self.running.spawn(async move {
                    let written = whole(write(&context, what)).await;
                    (owner, Input::Written(ticket, written.and_then(identity)))
                });
            }
            Effect::WakeAt(at) => self.wake_at(key, at),
            Effect::Tell(notice) => self.notices.add(notice),
            Effect::Log(line) => log(line),
            // These are about load balancers.
            Effect::Read(..)
            | Effect::Begun(_)
            | Effect::Forget(_)
            | Effect::Call(_)
            | Effect::Show(_)
            | Effect::Ended(_) => {}
        }
    }

    fn wake_at(&mut self, key: &M::Key, at: Option<Duration>) {
        let Some(running) = self.machines.get_mut(key) else { return };
        if let Some(before) = std::mem::replace(&mut running.wakes, at) {
            self.wakes.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.wakes.insert((at, key.clone()));
        }
    }

    /// Wakes the machines whose time has come, as far as there is room in their namespaces.
    fn wake(&mut self) {
        let now = self.context.clock.at();
        while let Some((due, key)) = self.wakes.pop_first() {
            if due > now {
                self.wakes.insert((due, key));
                return;
            }
            if let Some(running) = self.machines.get_mut(&key) {
                running.wakes = None;
            }
            if self.has_room(key.namespace()) {
                self.step(&key, Input::Due);
            } else {
                self.waiting.entry(key.namespace().to_owned()).or_default().push_back(key);
            }
        }
    }

    fn has_room(&self, namespace: &str) -> bool {
        self.under_way.get(namespace).is_none_or(|count| *count < PER_NAMESPACE)
    }

    fn begin(&mut self, key: &M::Key) {
        *self.under_way.entry(key.namespace().to_owned()).or_default() += 1;
    }

    /// Something that was under way is over. Its machine goes on first, then those that have waited for room.
    fn came(&mut self, key: &M::Key, input: Input) {
        let namespace = key.namespace().to_owned();
        if let Some(count) = self.under_way.get_mut(&namespace) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&namespace);
            }
        }
        self.step(key, input);
        while self.has_room(&namespace) {
            let Some(keys) = self.waiting.get_mut(&namespace) else { return };
            match keys.pop_front() {
                Some(next) => self.go_on(&next),
                None => _ = self.waiting.remove(&namespace),
            }
        }
    }

    /// Gives what is under way a moment to leave. All of it can be done again.
    async fn part(mut self) {
        let leaving = async {
            while self.running.join_next().await.is_some() {}
            self.notices.left().await;
        };
        if tokio::time::timeout(PARTING, leaving).await.is_err() {
            tracing::debug!("some writes and events were not taken before the end");
        }
    }
}

/// A fault of ours in a read or a write is its own alone.
async fn whole<T>(deed: impl Future<Output = T>) -> Result<T, NotTaken> {
    AssertUnwindSafe(deed).catch_unwind().await.map_err(|panic| {
        let words = panic_words(&*panic);
        tracing::error!(error = words, "a read or a write ended abnormally");
        NotTaken { kind: RefusalKind::Passing, words }
    })
}
