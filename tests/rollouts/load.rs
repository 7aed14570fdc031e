//! Clients of the workload, and their verdict.

use std::collections::BTreeSet;

use tke_direct_access::model::Protocol;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

/// Requests per second, each on a connection of its own.
const NEW: u32 = 100;
/// Clients that keep a connection each, so that most Pods have some when they end.
const KEEPERS: u32 = 20;
/// Requests per second of each of them.
const KEPT: u32 = 5;

/// So many tests send at once: a machine that is too busy to answer in time would say nothing about the controller.
static SENDERS: Semaphore = Semaphore::const_new(2);

/// Constant load of 200 requests per second: half on new connections, half on kept ones.
pub(crate) struct Clients {
    loads: Vec<Load>,
    since: Instant,
}

/// Waits for this test's turn to send.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    SENDERS.acquire().await.expect("the semaphore is never closed")
}

impl Clients {
    /// Begins, and returns when answers come.
    pub(crate) async fn start(stage: &Stage) -> Self {
        let url = format!("http://{}/", stage.data_plane(Protocol::Tcp, 80));
        let since = Instant::now();
        let new = Load::start(&url, NEW, Mode::New);
        let kept = (0..KEEPERS).map(|_| Load::start(&url, KEPT, Mode::Kept));
        let loads: Vec<Load> = std::iter::once(new).chain(kept).collect();
        eventually("traffic flows", DEADLINE, async || loads.iter().all(|load| load.totals().sent > 1)).await;
        Self { loads, since }
    }

    /// Ends. Nothing may be lost, and at least `pods` Pods have answered.
    pub(crate) async fn lost_nothing(self, what: &str, pods: usize) {
        let (lost, errors) = self.end(what, pods).await;
        assert_eq!(lost, 0, "{what}: {errors}");
    }

    /// Ends. All was sent, and at least `pods` Pods have answered. Returns how many requests were lost, and why.
    pub(crate) async fn end(self, what: &str, pods: usize) -> (u64, String) {
        let due = self.since.elapsed().as_secs() * u64::from(NEW + KEEPERS * KEPT);
        let (mut sent, mut lost, mut retried) = (0, 0, 0);
        let (mut errors, mut answered) = (Vec::new(), BTreeSet::new());
        for (place, load) in self.loads.into_iter().enumerate() {
            let totals = load.stop().await.unwrap();
            let kind = if place == 0 { "a new connection" } else { "a kept connection" };
            for loss in &totals.losses {
                let (sent, failed) = (loss.sent.duration_since(self.since), loss.failed.duration_since(loss.sent));
                eprintln!("{what}: lost on {kind}, sent after {sent:.3?}, failed {failed:.3?} later: {}", loss.error);
            }
            sent += totals.sent;
            lost += totals.lost;
            retried += totals.retried;
            errors.extend(totals.by_error);
            answered.extend(totals.by_pod.into_keys());
        }
        eprintln!("{what}: sent {sent}, lost {lost}; {retried} found their kept connection closed and were sent again");
        assert!(sent >= due, "{what}: only {sent} of {due} requests were sent");
        assert!(answered.len() >= pods, "{what}: {} Pods have answered: {answered:?}", answered.len());
        (lost, format!("{lost} of {sent} sent: {errors:?}"))
    }
}
