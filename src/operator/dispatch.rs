//! Changes to rounds: one task per load balancer, started when it is first needed and ended when nothing is bound to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, error_span};

use super::configs::{Configs, config_loop};
use super::context::Context;
use super::first_looks::{Turns, in_order};
use super::metrics::Waker;
use super::release::{Releases, release_loop};
use super::round::{Memory, round};
use super::services::{Services, service_loop};
use super::tempo::Tempo;
use super::triggers::{Key, News, keys, namespace, news};
use crate::k8s::Change;
use crate::model::Region;
use crate::status::FirstLook;

/// Changes that come close together make one round: a rollout changes many Pods at once, and calls are dear.
const GATHER_WINDOW: Duration = Duration::from_millis(50);

/// Runs rounds until `stop`, or until the changes end. Rounds under way are finished first.
pub(super) async fn dispatch(context: Arc<Context>, mut changes: mpsc::Receiver<Change>, stop: CancellationToken) {
    let mut loops = Loops {
        context: context.clone(),
        wakers: HashMap::new(),
        tasks: JoinSet::new(),
        turns: Turns::default(),
        stop: stop.clone(),
    };
    let releases = Arc::new(Releases::new(&context.stores));
    loops.tasks.spawn(release_loop(context.clone(), releases.clone(), stop.clone()));
    let configs = Arc::new(Configs::new(&context.stores));
    loops.tasks.spawn(config_loop(context.clone(), configs.clone(), stop.clone()));
    let services = Arc::new(Services::new(&context.stores));
    loops.tasks.spawn(service_loop(context.clone(), services.clone(), stop.clone()));
    let region = context.clouds.default_region().clone();
    // What the first lists have announced is in the stores, and would only have all load balancers looked at at once.
    while changes.try_recv().is_ok() {}
    loops.start_all(&region);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            change = changes.recv() => match change {
                Some(change) => {
                    let stores = &context.stores;
                    let namespace = namespace(&change);
                    for key in keys(&change, stores, &region) {
                        loops.wake(key, news(&change));
                    }
                    if matches!(change, Change::Switches(_)) {
                        loops.wake_all(&region);
                    }
                    releases.mark(namespace);
                    configs.mark(&change, stores);
                    services.mark(&change, stores);
                }
                None => break,
            },
            Some(ended) = loops.tasks.join_next(), if !loops.tasks.is_empty() => loops.ended(ended),
        }
    }
    stop.cancel();
    while loops.tasks.join_next().await.is_some() {}
}

struct Loops {
    context: Arc<Context>,
    wakers: HashMap<Key, Arc<Waker>>,
    tasks: JoinSet<Option<Key>>,
    turns: Turns,
    stop: CancellationToken,
}

impl Loops {
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
        self.tasks.spawn(async move {
            let turn = turns.wait(look, &waker, &stop).await;
            rounds(context, key, waker, turn, stop).await
        });
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

    /// A load balancer that nothing is bound to has no task, unless something was bound while the task ended.
    fn ended(&mut self, ended: Result<Option<Key>, tokio::task::JoinError>) {
        match ended {
            Ok(None) => {}
            Ok(Some(key)) => {
                self.wakers.remove(&key);
                if !super::gather::bindings(&self.context, &key).is_empty() && !self.stop.is_cancelled() {
                    self.start(key, FirstLook::Now);
                } else if !self.wakers.keys().any(|other| other.region() == key.region()) {
                    self.context.clouds.forget(key.region());
                }
            }
            Err(error) => {
                // A fault of ours must not leave a load balancer without its task: start again from nothing.
                tracing::error!(%error, "a round ended abnormally; the replica stops to be started anew");
                self.stop.cancel();
            }
        }
    }
}

/// The rounds of one load balancer, one after the other. The first one has the turn.
async fn rounds(
    context: Arc<Context>,
    key: Key,
    waker: Arc<Waker>,
    mut turn: Option<OwnedSemaphorePermit>,
    stop: CancellationToken,
) -> Option<Key> {
    let mut memory = Memory::default();
    let phase = memory.phase();
    let mut tempo = Tempo::default();
    let share = context.metrics.share();
    let mut number = 0_u64;
    loop {
        number += 1;
        let work = waker.begin();
        phase.read();
        let next = tokio::select! {
            next = round(&context, &key, &mut memory, &share).instrument(span(&key, number)) => next,
            () = phase.stopped(&stop) => break,
        };
        drop(work);
        drop(turn.take());
        let Some(after) = next else { break };
        let woken = tokio::select! {
            () = stop.cancelled() => break,
            woken = tokio::time::timeout(after, waker.woken()) => woken.is_ok(),
        };
        waker.is_due();
        let now = Instant::now();
        let mut pause = tempo.pause(now);
        if woken {
            pause = pause.max(GATHER_WINDOW).max(memory.wake(waker.news(), now));
        }
        if !pause.is_zero() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tokio::time::timeout(pause, std::future::pending::<()>()) => {}
            }
        }
        // What came in meanwhile is seen by this round and needs none of its own.
        if waker.woken().now_or_never().is_some() {
            memory.wake(waker.news(), Instant::now());
        }
    }
    Some(key)
}

/// What every line of a round says of it. The span has the level of errors, so that it is there whatever level is logged.
fn span(key: &Key, round: u64) -> Span {
    match key {
        Key::LoadBalancer(region, id) => error_span!("round", load_balancer = %id, %region, round),
        Key::Unplaced(region, binding) => error_span!("round", %binding, %region, round),
    }
}
