//! Changes to rounds: one task per load balancer, started when it is first needed and ended when nothing is bound to it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, error_span};

use super::configs::{Configs, config_loop};
use super::context::Context;
use super::metrics::Waker;
use super::release::{Releases, release_loop};
use super::round::{Memory, round};
use super::services::{Services, service_loop};
use super::tempo::Tempo;
use super::triggers::{Key, Neighbourhood, keys, namespace};
use crate::k8s::Change;
use crate::model::Region;

/// Changes that come close together make one round: a rollout changes many Pods at once, and calls are dear.
const GATHER_WINDOW: Duration = Duration::from_millis(50);

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
    let mut loops = Loops::start(context.clone(), stop.child_token());
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
    releases: Arc<Releases>,
    configs: Arc<Configs>,
    services: Arc<Services>,
    wakers: HashMap<Key, Arc<Waker>>,
    tasks: JoinSet<Option<Key>>,
    stop: CancellationToken,
}

impl Loops {
    /// Starts the loops, over everything that there is.
    fn start(context: Arc<Context>, stop: CancellationToken) -> Self {
        let mut tasks = JoinSet::new();
        let releases = Arc::new(Releases::new(&context.stores));
        tasks.spawn(release_loop(context.clone(), releases.clone(), stop.clone()));
        let configs = Arc::new(Configs::new(&context.stores));
        tasks.spawn(config_loop(context.clone(), configs.clone(), stop.clone()));
        let services = Arc::new(Services::new(&context.stores));
        tasks.spawn(service_loop(context.clone(), services.clone(), stop.clone()));
        let region = context.clouds.default_region().clone();
        let mut loops = Self { context, releases, configs, services, wakers: HashMap::new(), tasks, stop };
        loops.wake_all(&region);
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
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.ended(ended),
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        let stores = self.context.stores.clone();
        let region = self.context.clouds.default_region().clone();
        let namespace = namespace(change);
        let around =
            Neighbourhood { bindings: stores.bindings.rows(namespace), services: stores.services.rows(namespace) };
        for key in keys(change, &around, &region) {
            self.wake(key);
        }
        if matches!(change, Change::Switches(_)) {
            self.wake_all(&region);
        }
        self.releases.mark(namespace);
        self.configs.mark(change, &stores);
        self.services.mark(change, &stores);
    }

    fn wake(&mut self, key: Key) {
        if let Some(waker) = self.wakers.get(&key) {
            waker.wake();
            return;
        }
        let waker = Arc::new(Waker::new(self.context.metrics.queue().clone()));
        self.wakers.insert(key.clone(), waker.clone());
        self.tasks.spawn(rounds(self.context.clone(), key, waker, self.stop.clone()));
    }

    fn wake_all(&mut self, region: &Region) {
        for row in self.context.stores.bindings.all() {
            self.wake(Key::of(&row.0, region));
        }
    }

    /// A load balancer that nothing is bound to has no task, unless something was bound while the task ended.
    fn ended(&mut self, ended: Result<Option<Key>, tokio::task::JoinError>) {
        match ended {
            Ok(None) => {}
            Ok(Some(key)) => {
                self.wakers.remove(&key);
                if !super::gather::bindings(&self.context, &key).is_empty() && !self.stop.is_cancelled() {
                    self.wake(key);
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

/// The rounds of one load balancer, one after the other.
async fn rounds(context: Arc<Context>, key: Key, waker: Arc<Waker>, stop: CancellationToken) -> Option<Key> {
    let mut memory = Memory::default();
    let mut tempo = Tempo::default();
    let share = context.metrics.share();
    let mut number = 0_u64;
    loop {
        number += 1;
        let work = waker.begin();
        let next = round(&context, &key, &mut memory, &share).instrument(span(&key, number)).await;
        drop(work);
        let Some(after) = next else { break };
        let woken = tokio::select! {
            () = stop.cancelled() => break,
            () = memory.reads.answered() => false,
            woken = tokio::time::timeout(after, waker.woken()) => woken.is_ok(),
        };
        waker.is_due();
        let pause = tempo.pause(Instant::now());
        if woken {
            memory.wake();
        }
        let pause = if woken { pause.max(GATHER_WINDOW) } else { pause };
        if !pause.is_zero() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tokio::time::timeout(pause, std::future::pending::<()>()) => {}
            }
        }
        // What came in meanwhile is seen by this round and needs none of its own.
        if waker.woken().now_or_never().is_some() {
            memory.wake();
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
