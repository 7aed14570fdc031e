//! Runs the machine of one load balancer: makes its effects happen and brings what came of them. It decides nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, error_span};

use super::apply::call;
use super::context::Context;
use super::metrics::{Share, Waker, Work};
use super::notices::Notices;
use super::reads::read;
use super::writes::write;
use crate::reconcile::{Effect, Input, Key, Line, Machine, RoundEnd, Shown, Ticket};

/// How long writes and Events that are under way are waited for when the controller stops.
pub(super) const PARTING: Duration = Duration::from_millis(500);

/// The rounds of one load balancer, until nothing is bound to it or the controller stops. The first one has the turn.
pub(super) async fn drive(
    context: Arc<Context>,
    key: Key,
    waker: Arc<Waker>,
    turn: Option<OwnedSemaphorePermit>,
    stop: CancellationToken,
) -> Option<Key> {
    let mut machine = Machine::new(key.clone());
    let mut driver = Driver::new(context, key.clone(), waker.clone(), turn);
    let mut input = Input::Due;
    loop {
        for effect in driver.context.step(&mut machine, input) {
            driver.perform(effect);
        }
        driver.notices.publish(&driver.context, &driver.round);
        if machine.is_over() {
            break;
        }
        let due = driver.wakes.map_or(Duration::MAX, |due| due.saturating_sub(driver.context.clock.at()));
        input = tokio::select! {
            biased;
            // What is begun is finished. What has only read may be dropped at any time.
            () = stop.cancelled(), if !machine.is_writing() => break,
            result = driver.result() => result,
            () = waker.woken() => Input::News(waker.news()),
            _ = tokio::time::timeout(due, std::future::pending::<()>()) => Input::Due,
        };
    }
    driver.part().await;
    Some(key)
}

/// What is under way for a machine.
struct Driver {
    context: Arc<Context>,
    key: Key,
    waker: Arc<Waker>,
    share: Share,
    /// The turn of the first round.
    turn: Option<OwnedSemaphorePermit>,
    /// Reads, calls and writes.
    running: JoinSet<Input>,
    reads: HashMap<Ticket, AbortHandle>,
    notices: Notices,
    /// When the machine is to be woken.
    wakes: Option<Duration>,
    /// The round that runs.
    round: Span,
    work: Option<Work>,
}

impl Driver {
    fn new(context: Arc<Context>, key: Key, waker: Arc<Waker>, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            share: context.metrics.share(),
            round: span(&key, 0),
            context,
            key,
            waker,
            turn,
            running: JoinSet::new(),
            reads: HashMap::new(),
            notices: Notices::default(),
            wakes: None,
            work: None,
        }
    }

    /// Makes an effect happen, or begins to.
    fn perform(&mut self, effect: Effect) {
        let (context, key) = (self.context.clone(), self.key.clone());
        match effect {
            Effect::Begun(number) => {
                self.work = Some(self.waker.begin());
                self.round = span(&self.key, number);
            }
            Effect::Read(ticket, what) => {
                let reading = async move { Input::Answer(ticket, read(&context, &key, what).await) };
                let handle = self.running.spawn(reading.instrument(self.round.clone()));
                self.reads.insert(ticket, handle);
            }
            Effect::Forget(ticket) => {
                if let Some(handle) = self.reads.remove(&ticket) {
                    handle.abort();
                }
            }
            Effect::Call(step) => {
                let calling = async move { Input::Replied(call(&context, &key, &step).await) };
                self.running.spawn(calling.instrument(self.round.clone()));
            }
            Effect::Write(ticket, what) => {
                let writing = async move { Input::Written(ticket, write(&context, what).await) };
                self.running.spawn(writing.instrument(self.round.clone()));
            }
            Effect::Tell(notice) => self.notices.add(notice),
            Effect::Log(line) => self.round.in_scope(|| log(line)),
            Effect::Show(shown) => self.show(shown),
            Effect::WakeAt(at) => self.wakes = at,
            Effect::Ended(end) => self.ended(&end),
        }
    }

    fn show(&self, shown: Shown) {
        match shown {
            Shown::Binding(view, plan, status) => self.share.record(&view, &plan, &status),
            Shown::Use(found) => self.share.use_of_quotas(&found),
            Shown::Bindings(uids) => self.share.retain(|uid| uids.iter().any(|known| known == uid)),
        }
    }

    fn ended(&mut self, end: &RoundEnd) {
        self.round.in_scope(|| tell(end));
        self.context.metrics.round(end.result, end.elapsed);
        self.work = None;
        self.turn = None;
    }

    /// The next result of what is under way; never where nothing is.
    async fn result(&mut self) -> Input {
        loop {
            match self.running.join_next().await {
                Some(Ok(input)) => {
                    if let Input::Answer(ticket, _) = &input {
                        self.reads.remove(ticket);
                    }
                    return input;
                }
                Some(Err(error)) => resume(error),
                None => std::future::pending().await,
            }
        }
    }

    /// Gives writes and Events a moment to leave.
    async fn part(mut self) {
        self.reads.values().for_each(AbortHandle::abort);
        let leaving = async {
            while self.running.join_next().await.is_some() {}
            self.notices.left().await;
        };
        if tokio::time::timeout(PARTING, leaving).await.is_err() {
            tracing::debug!("some writes and events were not taken before the end");
        }
    }
}

/// A panic of what was under way is one of the load balancer's task. What was aborted is forgotten.
pub(super) fn resume(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

/// What every line of a round says of it. The span has the level of errors, so that it is there whatever level is logged.
pub(super) fn span(key: &Key, round: u64) -> Span {
    match key {
        Key::LoadBalancer(region, id) => error_span!("round", load_balancer = %id, %region, round),
        Key::Unplaced(region, binding) => error_span!("round", %binding, %region, round),
    }
}

/// Says it.
pub(super) fn log(line: Line) {
    match line {
        Line::HoldUnreadable { problem, until_then } => {
            tracing::warn!(error = %problem, "the controller's ConfigMap cannot be read; {until_then}");
        }
        Line::TaskFailed(task, step, reply) => {
            tracing::warn!(%task, request_id = %task, %step, reply, "task failed");
        }
        Line::TaskUnreadable(task, failure) => {
            let request_id = failure.request_id.as_deref();
            tracing::warn!(%task, request_id, %failure, "task cannot be told");
        }
        Line::Changed { binding, reason, note } => {
            tracing::info!(binding, reason, note, "targets or routes changed");
        }
        Line::Status { binding, ready: Some((ready, reason)) } => {
            tracing::info!(binding, ready, reason, "status changed");
        }
        Line::Status { binding, ready: None } => tracing::debug!(binding, "status written"),
        Line::Panicked { key, words } => {
            tracing::error!(object = key, error = words, "a loop ended abnormally, and begins anew");
        }
        Line::Parked { service, end } => {
            tracing::info!(service, reason = end.as_str(), "binding is parked; its load balancer is kept");
        }
        Line::Deleted { service, end } => tracing::info!(service, reason = end.as_str(), "binding is deleted"),
    }
}

/// Tells of a round. One that goes well is no news: what it has changed was told.
fn tell(end: &RoundEnd) {
    let (Some(report), Some(after)) = (&end.report, end.after) else { return };
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (elapsed_ms, after_ms, steps) = (milliseconds(end.elapsed), milliseconds(after), report.steps);
    match &report.failure {
        Some(failure) => {
            let (class, request_id) = (failure.class.as_str(), failure.request_id.as_deref());
            tracing::warn!(%failure, class, request_id, steps, elapsed_ms, after_ms, "round failed and will be repeated");
        }
        None => tracing::debug!(steps, elapsed_ms, after_ms, "round done"),
    }
}
