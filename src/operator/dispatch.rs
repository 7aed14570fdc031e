//! Changes to rounds: one task per load balancer, started when it is first needed and ended when nothing is bound to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::certificates::sweep;
use super::context::Context;
use super::drive::{drive, span};
use super::first_looks::{Turns, in_order};
use super::keyed::{Marks, run_keyed};
use super::marks;
use super::metrics::Waker;
use super::triggers::{bindings, is_of_all, keys, news};
use crate::k8s::Change;
use crate::model::{ObjectKey, Region};
use crate::reconcile::{ConfigMachine, Confined, Key, News, ReleaseMachine, ServiceMachine};
use crate::status::FirstLook;

/// Why rounds are not run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Leadership has ended. Whatever was under way was dropped.
    NotLeading,
    /// `stop` came, there are no more changes, or a round ended abnormally. Rounds under way were finished first.
    Finished,
}

/// Runs the rounds of one leadership.
pub(super) async fn dispatch(
    context: Arc<Context>,
    changes: &mut mpsc::Receiver<Change>,
    stop: &CancellationToken,
) -> Ended {
    // What was announced up to now is in the stores, and would only have all load balancers looked at at once.
    while changes.try_recv().is_ok() {}
    let mut loops = Loops::start_with(context.clone(), stop.child_token());
    let leadership = context.leadership.clone();
    let working = async {
        loops.work(changes).await;
        loops.stop.cancel();
        while loops.tasks.join_next().await.is_some() {}
    };
    let ended = tokio::select! {
        () = leadership.ended() => Ended::NotLeading,
        () = working => Ended::Finished,
    };
    // None goes on while the next leadership begins.
    loops.tasks.shutdown().await;
    ended
}

struct Loops {
    context: Arc<Context>,
    releases: Arc<Marks<String>>,
    configs: Arc<Marks<ObjectKey>>,
    services: Arc<Marks<ObjectKey>>,
    wakers: HashMap<Key, Arc<Waker>>,
    tasks: JoinSet<Option<Key>>,
    turns: Turns,
    /// Whose task is which.
    keys: HashMap<tokio::task::Id, Key>,
    /// How often in a row the task of a load balancer has panicked.
    panics: HashMap<Key, u32>,
    stop: CancellationToken,
}

impl Loops {
    /// Starts the loops, over everything that there is.
    fn start_with(context: Arc<Context>, stop: CancellationToken) -> Self {
        let mut tasks = JoinSet::new();
        let releases = Marks::new(marks::all_namespaces(&context.stores));
        tasks.spawn(run_keyed::<Confined<ReleaseMachine>, _>(context.clone(), releases.clone(), stop.clone()));
        let configs = Marks::new(marks::all_configs(&context.stores));
        tasks.spawn(run_keyed::<Confined<ConfigMachine>, _>(context.clone(), configs.clone(), stop.clone()));
        let services = Marks::new(marks::all_services(&context.stores));
        tasks.spawn(run_keyed::<Confined<ServiceMachine>, _>(context.clone(), services.clone(), stop.clone()));
        let (sweeping, stopped) = (context.clone(), stop.clone());
        tasks.spawn(async move {
            sweep(sweeping, stopped).await;
            None
        });
        let region = context.clouds.default_region().clone();
        let (wakers, turns, keys, panics) = (HashMap::new(), Turns::default(), HashMap::new(), HashMap::new());
        let mut loops = Self { context, releases, configs, services, wakers, tasks, turns, keys, panics, stop };
        loops.start_all(&region);
        loops
    }

    /// Wakes rounds by changes, until the loops stop or there are no more changes.
    async fn work(&mut self, changes: &mut mpsc::Receiver<Change>) {
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => self.take_in(&change),
                    None => return,
                },
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.ended(ended),
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        let stores = self.context.stores.clone();
        let region = self.context.clouds.default_region().clone();
        for key in keys(change, &stores, &region) {
            self.wake(key, news(change));
        }
        if is_of_all(change) {
            self.wake_all(&region);
        }
        self.releases.mark(marks::namespaces(change, &stores));
        self.configs.mark(marks::configs(change, &stores));
        self.services.mark(marks::services(change, &stores));
    }

    fn wake(&mut self, key: Key, news: News) {
        match self.wakers.get(&key) {
            Some(waker) => waker.wake(news),
            None => self.start(key, FirstLook::Now),
        }
    }

    fn start(&mut self, key: Key, look: FirstLook) {
        let waker = Arc::new(Waker::new(self.context.metrics.queue().clone()));
        self.wakers.insert(key.clone(), waker.clone());
        let (context, turns, stop) = (self.context.clone(), self.turns.clone(), self.stop.clone());
        let pause = self.panics.get(&key).map_or(Duration::ZERO, |count| Duration::from_secs(1 << (*count).min(6)));
        let owner = key.clone();
        let task = self.tasks.spawn(async move {
            if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
                return Some(key);
            }
            let turn = turns.wait(look, &waker, &stop).await;
            drive(context, key, waker, turn, stop).await
        });
        self.keys.insert(task.id(), owner);
    }

    /// Starts the rounds of all load balancers, those for which somebody waits at the beginning.
    fn start_all(&mut self, region: &Region) {
        for (key, look) in in_order(&self.context.stores, region) {
            self.start(key, look);
        }
    }

    fn wake_all(&mut self, region: &Region) {
        for row in self.context.stores.bindings.all() {
            self.wake(Key::of(&row.0, region), News::Input);
        }
    }

    /// A load balancer that nothing is bound to has no task, unless something was bound while the task ended. One whose task has panicked
    /// begins from nothing, later each time; the others go on.
    fn ended(&mut self, ended: Result<(tokio::task::Id, Option<Key>), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let owner = self.keys.remove(&id);
        match (ended, owner) {
            (Ok((_, Some(key))), _) => {
                self.panics.remove(&key);
                self.wakers.remove(&key);
                let is_bound = !bindings(&key, &self.context.stores, self.context.clouds.default_region()).is_empty();
                if is_bound && !self.stop.is_cancelled() {
                    self.start(key, FirstLook::Now);
                } else if !self.wakers.keys().any(|other| other.region() == key.region()) {
                    self.context.clouds.forget(key.region());
                }
            }
            (Ok((_, None)), _) => {}
            (Err(error), Some(key)) => {
                span(&key, 0).in_scope(|| tracing::error!(%error, "rounds ended abnormally, and begin anew"));
                *self.panics.entry(key.clone()).or_default() += 1;
                self.wakers.remove(&key);
                self.start(key, FirstLook::Now);
            }
            (Err(error), None) => {
                // A fault of ours in what all load balancers share: start again from nothing.
                tracing::error!(%error, "a task ended abnormally; the replica stops to be started anew");
                self.stop.cancel();
            }
        }
    }
}
