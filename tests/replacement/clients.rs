//! Clients of the workload, and what they have lost.

use std::collections::BTreeSet;
use std::time::Duration;

use tke_direct_access::model::Protocol;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::journal::Journal;
use crate::scene::Story;
use crate::stage::DEADLINE;
use crate::support::eventually;
use crate::support::traffic::{Load, Loss, Mode, Totals};

/// Requests per second, each on a connection of its own.
const NEW: u32 = 100;
/// Clients that keep a connection each.
const KEEPERS: u32 = 4;
/// Requests per second of each of them.
const KEPT: u32 = 5;
/// They renew it when it is this old, which every drain here covers.
const RENEWAL: Duration = Duration::from_secs(1);
/// Longer than any answer here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(15);

/// So many tests send at once: a machine that is too busy to answer in time would say nothing about the controller.
static SENDERS: Semaphore = Semaphore::const_new(5);

/// Constant load of 120 requests per second on TCP port 80.
pub(crate) struct Clients<'a> {
    journal: &'a Journal,
    loads: Vec<Load>,
    since: Instant,
    _turn: SemaphorePermit<'static>,
}

/// What became of it.
pub(crate) struct Ended {
    pub(crate) sent: u64,
    pub(crate) losses: Vec<Loss>,
    /// Kept connections that were ended by the other side.
    pub(crate) cut: u64,
    /// The Pods that have answered.
    pub(crate) pods: BTreeSet<String>,
}

impl<'a> Clients<'a> {
    /// Waits for this test's turn, begins, and returns when answers come.
    pub(crate) async fn start(story: &'a Story) -> Self {
        let turn = SENDERS.acquire().await.expect("the semaphore is never closed");
        let url = format!("http://{}/", story.stage.data_plane(Protocol::Tcp, 80));
        let since = Instant::now();
        let new = Load::patient(&url, NEW, Mode::New, PATIENCE);
        let kept = (0..KEEPERS).map(|_| Load::patient(&url, KEPT, Mode::Renewed(RENEWAL), PATIENCE));
        let clients =
            Self { journal: &story.journal, loads: std::iter::once(new).chain(kept).collect(), since, _turn: turn };
        eventually("traffic flows", DEADLINE, async || {
            clients.loads.iter().all(|load| load.totals().p50 > Duration::ZERO)
        })
        .await;
        clients
    }

    /// Waits until so many more requests were sent.
    pub(crate) async fn send(&self, more: u64) {
        let sent = || self.loads.iter().map(|load| load.totals().sent).sum::<u64>();
        let goal = sent() + more;
        eventually(&format!("{more} more requests are sent"), DEADLINE, async || sent() >= goal).await;
    }

    /// Ends.
    ///
    /// # Panics
    /// Many fewer requests were sent than were due.
    pub(crate) async fn end(mut self, what: &str) -> Ended {
        let due = self.since.elapsed().as_secs() * u64::from(NEW + KEEPERS * KEPT);
        let mut all = Totals::default();
        for load in std::mem::take(&mut self.loads) {
            let totals = load.stop().await.unwrap();
            all.sent += totals.sent;
            all.cut += totals.cut + totals.retried;
            all.losses.extend(totals.losses);
            all.by_pod.extend(totals.by_pod);
        }
        self.journal.losses(&all.losses);
        eprintln!("{what}: sent {}, lost {}, {} kept connections were cut", all.sent, all.losses.len(), all.cut);
        // A machine that has stood still for a moment is a little behind.
        assert!(all.sent * 10 >= due * 9, "{what}: only {} of {due} requests were sent", all.sent);
        let ended = Ended { sent: all.sent, losses: all.losses, cut: all.cut, pods: all.by_pod.into_keys().collect() };
        self.journal.note(format!("{what}: {}", ended.words(ended.losses.len())));
        ended
    }
}

impl Drop for Clients<'_> {
    /// The test has failed with the clients at work: what they have lost so far tells why.
    fn drop(&mut self) {
        for load in &self.loads {
            self.journal.losses(&load.totals().losses);
        }
    }
}

impl Ended {
    /// How many requests have failed before `end`. One that was on its way then may fail by what happened then.
    pub(crate) fn lost_before(&self, end: Instant) -> usize {
        self.losses.iter().filter(|loss| loss.failed < end).count()
    }

    pub(crate) fn words(&self, lost: usize) -> String {
        let sent = || self.losses.iter().map(|loss| loss.sent);
        let span = || Some(sent().max()?.duration_since(sent().min()?));
        let span = span().map_or_else(String::new, |span| format!(" within {:.1} s", span.as_secs_f64()));
        format!("{lost} of {} requests were lost{span}, {} kept connections were cut", self.sent, self.cut)
    }
}
