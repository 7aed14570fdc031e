//! Reads of one load balancer that may go on beside its rounds: health, and the load balancer with its listeners. A Pod that ends
//! waits for neither, but for one read of targets.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::Instrument;

use super::context::Cloud;
use crate::clb::Presence;
use crate::model::{Address, Class, Failure, LoadBalancerId, RegisteredTarget, Route, TargetHealth};
use crate::plan::Observed;

/// How long a round waits for health, and for listeners that it has seen before.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) type Targets = BTreeMap<Route, Vec<RegisteredTarget>>;

/// A read that goes on whether or not anybody waits for it: one that is only polled now and then would hold its place in the queue of
/// its action, and everybody behind it. It ends with its owner. In the log its calls are those of the round that began it.
struct Running<T>(JoinSet<T>);

impl<T: Send + 'static> Running<Result<T, Failure>> {
    fn start(read: impl Future<Output = Result<T, Failure>> + Send + 'static) -> Self {
        let mut task = JoinSet::new();
        task.spawn(read.in_current_span());
        Self(task)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        // A read that panics has not answered.
        self.0.poll_join_next(context).map(|ended| ended.and_then(Result::ok).unwrap_or_else(|| Err(not_yet())))
    }

    async fn answer(&mut self) -> Result<T, Failure> {
        poll_fn(|context| self.poll(context)).await
    }
}

/// Reads under way, and what they have brought. Forgetting them costs calls.
#[derive(Default)]
pub(super) struct Reads {
    health: Option<(Running<HealthRows>, Arc<Targets>)>,
    /// What the last read of health has brought, and the targets that were read before it began.
    last: Option<(HealthRows, Arc<Targets>)>,
    /// It came after its round had gone on without it, and no round has seen it.
    is_news: bool,
    frame: Option<(Running<FrameRead>, Instant)>,
    /// A frame that came after its round had gone on without it.
    late: Option<(FrameRead, Instant)>,
}

type HealthRows = Result<Vec<TargetHealth>, Failure>;
type FrameRead = Result<Presence, Failure>;

/// What is known of health.
pub(super) struct HealthAnswer {
    pub(super) rows: HealthRows,
    /// The targets as they were before that; `None` when these.
    pub(super) basis: Option<Arc<Targets>>,
    pub(super) wait: Wait,
}

/// Whether a round may say what it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Over,
    /// Nothing was ever read of it.
    Goes,
}

/// What is known of the load balancer and its listeners.
pub(super) enum FrameAnswer {
    /// All of it, read at this time.
    Read(FrameRead, Instant),
    /// Load balancer and listeners, by a read that began at this time; its targets may have changed since.
    Late(FrameRead, Instant),
    /// Nothing new yet: this is what was seen before.
    Goes(Box<Observed>),
}

impl Reads {
    /// Health, by a read that begins after these targets were read, or the last one that has answered.
    pub(super) async fn health(&mut self, cloud: &Cloud, id: &LoadBalancerId, targets: &Targets) -> HealthAnswer {
        let is_news = std::mem::take(&mut self.is_news);
        let is_known = is_news && self.last.as_ref().is_some_and(|(_, basis)| **basis == *targets);
        if !is_known {
            self.ask(cloud, id, targets).await;
        }
        match &self.last {
            Some((rows, basis)) => {
                let basis = Some(basis.clone()).filter(|basis| **basis != *targets);
                HealthAnswer { rows: rows.clone(), basis, wait: Wait::Over }
            }
            None => HealthAnswer { rows: Err(not_yet()), basis: None, wait: Wait::Goes },
        }
    }

    /// Asks, and waits for a while.
    async fn ask(&mut self, cloud: &Cloud, id: &LoadBalancerId, targets: &Targets) {
        let begun = Instant::now();
        loop {
            let (read, basis) = self.health.get_or_insert_with(|| {
                let (reads, id) = (cloud.reads.clone(), id.clone());
                (Running::start(async move { reads.health(&id).await }), Arc::new(targets.clone()))
            });
            let Ok(rows) = timeout(PATIENCE.saturating_sub(begun.elapsed()), read.answer()).await else { return };
            let basis = basis.clone();
            self.health = None;
            let is_current = *basis == *targets;
            self.last = Some((rows, basis));
            if is_current {
                return;
            }
        }
    }

    /// Load balancer, listeners and targets. Who has seen them before need not wait for long.
    pub(super) async fn frame(&mut self, cloud: &Cloud, id: &LoadBalancerId, before: Option<Observed>) -> FrameAnswer {
        if let Some((read, begun)) = self.late.take() {
            return FrameAnswer::Late(read, begun);
        }
        let is_new = self.frame.is_none();
        let (read, begun) = self.frame.get_or_insert_with(|| {
            let (reads, id) = (cloud.reads.clone(), id.clone());
            (Running::start(async move { reads.contents(&id).await }), Instant::now())
        });
        let begun = *begun;
        let read = match before {
            Some(before) => match timeout(PATIENCE, read.answer()).await {
                Ok(read) => read,
                Err(_) => return FrameAnswer::Goes(Box::new(before)),
            },
            None => read.answer().await,
        };
        self.frame = None;
        if is_new { FrameAnswer::Read(read, begun) } else { FrameAnswer::Late(read, begun) }
    }

    /// Waits until one of the reads under way has answered; for ever when there are none.
    pub(super) async fn answered(&mut self) {
        poll_fn(|context| {
            if let Some((read, begun)) = &mut self.frame
                && let Poll::Ready(read) = read.poll(context)
            {
                self.late = Some((read, *begun));
                self.frame = None;
                return Poll::Ready(());
            }
            if let Some((read, basis)) = &mut self.health
                && let Poll::Ready(rows) = read.poll(context)
            {
                (self.last, self.is_news) = (Some((rows, basis.clone())), true);
                self.health = None;
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }

    /// These targets were registered, or deregistered: what is being read of their addresses, and was, is not about them.
    pub(super) fn forget_targets(&mut self, changed: &[(Route, Address)]) {
        let bases = self.health.iter_mut().map(|(_, basis)| basis).chain(self.last.iter_mut().map(|(_, basis)| basis));
        for basis in bases {
            for (route, address) in changed {
                if let Some(targets) = Arc::make_mut(basis).get_mut(route) {
                    targets.retain(|target| target.address != *address);
                }
            }
        }
    }

    /// Something was written to listeners, or somebody asks for a new look: what is under way may be older.
    pub(super) fn forget_frame(&mut self) {
        (self.frame, self.late) = (None, None);
    }
}

/// Health was never read. Nobody sees this: a round with it says nothing.
fn not_yet() -> Failure {
    Failure {
        class: Class::Unreachable,
        action: "DescribeTargetHealth",
        code: "ClientError.Pending".to_owned(),
        message: "no answer yet".to_owned(),
        request_id: None,
    }
}
