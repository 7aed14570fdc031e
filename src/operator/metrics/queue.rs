//! Rounds that wait and that run, in the words of controller-runtime's work queue: an item is a load balancer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use super::{Labels, seconds};
use crate::reconcile::News;
use crate::telemetry::catalog::{self, CONTROLLER_NAME};

/// Counts what waits and what runs. Clones share it.
#[derive(Clone, Debug)]
pub(in crate::operator) struct Queue {
    depth: Family<Labels<1>, Gauge>,
    adds: Family<Labels<1>, Counter>,
    retries: Family<Labels<1>, Counter>,
    waited: Family<Labels<1>, Histogram>,
    worked: Family<Labels<1>, Histogram>,
    running: Running,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            depth: Family::default(),
            adds: Family::default(),
            retries: Family::default(),
            waited: Family::new_with_constructor(seconds),
            worked: Family::new_with_constructor(seconds),
            running: Running::default(),
        }
    }
}

impl Queue {
    pub(super) fn add_to(&self, registry: &mut Registry) {
        drop(self.depth.get_or_create(&catalog::QUEUE_DEPTH.with([CONTROLLER_NAME])));
        drop(self.adds.get_or_create(&catalog::QUEUE_ADDS.with([CONTROLLER_NAME])));
        drop(self.retries.get_or_create(&catalog::QUEUE_RETRIES.with([CONTROLLER_NAME])));
        catalog::QUEUE_DEPTH.register(registry, self.depth.clone());
        catalog::QUEUE_ADDS.register(registry, self.adds.clone());
        catalog::QUEUE_RETRIES.register(registry, self.retries.clone());
        catalog::QUEUE_SECONDS.register(registry, self.waited.clone());
        catalog::WORK_SECONDS.register(registry, self.worked.clone());
        registry.register_collector(Box::new(self.running.clone()));
    }

    /// A failed round will be repeated.
    pub(super) fn retried(&self) {
        self.retries.get_or_create(&catalog::QUEUE_RETRIES.with([CONTROLLER_NAME])).inc();
    }

    fn add(&self) {
        self.adds.get_or_create(&catalog::QUEUE_ADDS.with([CONTROLLER_NAME])).inc();
        self.depth.get_or_create(&catalog::QUEUE_DEPTH.with([CONTROLLER_NAME])).inc();
    }

    fn remove(&self) {
        self.depth.get_or_create(&catalog::QUEUE_DEPTH.with([CONTROLLER_NAME])).dec();
    }
}

/// Wakes the rounds of one load balancer, and remembers since when it waits for one. A new one waits for its first.
#[derive(Debug)]
pub(in crate::operator) struct Waker {
    notify: Notify,
    waits_since: Mutex<Option<Instant>>,
    /// The weightiest change since it was last asked for.
    news: Mutex<News>,
    queue: Queue,
}

impl Waker {
    pub(in crate::operator) fn new(queue: Queue) -> Self {
        queue.add();
        let (waits_since, news) = (Mutex::new(Some(Instant::now())), Mutex::new(News::Members));
        Self { notify: Notify::new(), waits_since, news, queue }
    }

    fn waits_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.waits_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed.
    pub(in crate::operator) fn wake(&self, news: News) {
        let mut known = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        *known = news.max(*known);
        drop(known);
        self.is_due();
        self.notify.notify_one();
    }

    /// What kind of change it was.
    pub(in crate::operator) fn news(&self) -> News {
        std::mem::replace(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner), News::Members)
    }

    /// The time for the next round has come.
    pub(in crate::operator) fn is_due(&self) {
        let mut since = self.waits_since();
        if since.is_none() {
            *since = Some(Instant::now());
            self.queue.add();
        }
    }

    /// Waits until something has changed since the last time that this was waited for.
    pub(in crate::operator) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// A round begins; it ends when what is returned is dropped.
    pub(in crate::operator) fn begin(&self) -> Work {
        // A change that came in between was taken by the round before, and its wake-up still stands.
        self.is_due();
        if let Some(since) = self.waits_since().take() {
            self.queue.remove();
            let waited = self.queue.waited.get_or_create(&catalog::QUEUE_SECONDS.with([CONTROLLER_NAME]));
            waited.observe(since.elapsed().as_secs_f64());
        }
        let id = self.queue.running.begin();
        Work { queue: self.queue.clone(), id, begun: Instant::now() }
    }
}

impl Drop for Waker {
    /// Nobody looks at the load balancer any more, whatever waited.
    fn drop(&mut self) {
        if self.waits_since().take().is_some() {
            self.queue.remove();
        }
    }
}

/// A round that runs.
#[derive(Debug)]
pub(in crate::operator) struct Work {
    queue: Queue,
    id: u64,
    begun: Instant,
}

impl Drop for Work {
    fn drop(&mut self) {
        let worked = self.queue.worked.get_or_create(&catalog::WORK_SECONDS.with([CONTROLLER_NAME]));
        worked.observe(self.begun.elapsed().as_secs_f64());
        self.queue.running.end(self.id);
    }
}

/// The rounds that run now, with their begin.
#[derive(Clone, Debug, Default)]
struct Running(Arc<Mutex<(u64, HashMap<u64, Instant>)>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> u64 {
        let mut running = self.lock();
        running.0 += 1;
        let id = running.0;
        running.1.insert(id, Instant::now());
        id
    }

    fn end(&self, id: u64) {
        self.lock().1.remove(&id);
    }
}

impl Collector for Running {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let elapsed: Vec<f64> = self.lock().1.values().map(|begun| begun.elapsed().as_secs_f64()).collect();
        let count = i64::try_from(elapsed.len()).unwrap_or(i64::MAX);
        let longest = elapsed.iter().copied().fold(0.0, f64::max);
        let labels = catalog::ACTIVE_WORKERS.with([CONTROLLER_NAME]);
        catalog::ACTIVE_WORKERS.gauge(&mut encoder)?.encode_family(&labels)?.encode_gauge(&count)?;
        let labels = catalog::UNFINISHED_SECONDS.with([CONTROLLER_NAME]);
        let unfinished: f64 = elapsed.iter().sum();
        catalog::UNFINISHED_SECONDS.gauge(&mut encoder)?.encode_family(&labels)?.encode_gauge(&unfinished)?;
        catalog::LONGEST_SECONDS.gauge(&mut encoder)?.encode_family(&labels)?.encode_gauge(&longest)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    fn value(queue: &Queue, series: &str) -> f64 {
        let mut registry = Registry::default();
        queue.add_to(&mut registry);
        let mut printed = String::new();
        text::encode(&mut printed, &registry).unwrap();
        let line = printed.lines().find_map(|line| line.strip_prefix(&format!("{series}{{")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {series}: {printed}"))
    }

    #[test]
    fn changes_that_wait_together_count_once_and_leave_with_their_round() {
        let queue = Queue::default();
        let waker = Waker::new(queue.clone());
        waker.wake(News::Members);
        waker.wake(News::Members);
        assert_eq!((value(&queue, "workqueue_depth"), value(&queue, "workqueue_adds_total")), (1.0, 1.0));
        let work = waker.begin();
        assert_eq!(value(&queue, "workqueue_depth"), 0.0);
        assert_eq!(value(&queue, "controller_runtime_active_workers"), 1.0);
        assert!(value(&queue, "workqueue_unfinished_work_seconds") > 0.0);
        waker.wake(News::Members);
        assert_eq!((value(&queue, "workqueue_depth"), value(&queue, "workqueue_adds_total")), (1.0, 2.0));
        drop(work);
        assert_eq!(value(&queue, "controller_runtime_active_workers"), 0.0);
        assert_eq!(value(&queue, "workqueue_longest_running_processor_seconds"), 0.0);
        assert_eq!(value(&queue, "workqueue_work_duration_seconds_count"), 1.0);
        drop(waker);
        assert_eq!(value(&queue, "workqueue_depth"), 0.0, "what nobody will look at does not wait");
    }
}
