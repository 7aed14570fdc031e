//! Clients of the workload, and their verdict.

use tke_direct_access::model::Protocol;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode, Totals};

const REQUESTS_PER_SECOND: u32 = 200;

/// So many tests send at once: a machine that is too busy to answer in time would say nothing about the controller.
static SENDERS: Semaphore = Semaphore::const_new(2);

/// Constant load from clients of both kinds: a connection for each request, and connections that are kept.
pub(crate) struct Clients {
    load: Load,
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
        let clients = Self { load: Load::start(&url, REQUESTS_PER_SECOND, Mode::Both), since: Instant::now() };
        eventually("traffic flows", DEADLINE, async || clients.load.totals().sent > 100).await;
        clients
    }

    /// Ends. Nothing may be lost, and at least `pods` Pods have answered.
    pub(crate) async fn lost_nothing(self, what: &str, pods: usize) -> Totals {
        let due = self.since.elapsed().as_secs() * u64::from(REQUESTS_PER_SECOND);
        let totals = self.load.stop().await.unwrap();
        let retried = totals.retried;
        eprintln!("{what}: {totals}; {retried} on a kept connection found it closed and were sent again");
        assert_eq!(totals.lost, 0, "{what}: {totals}");
        assert!(totals.sent >= due, "{what}: only {} of {due} requests were sent", totals.sent);
        assert!(totals.by_pod.len() >= pods, "{what}: {} Pods have answered: {totals}", totals.by_pod.len());
        totals
    }
}
