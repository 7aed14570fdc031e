//! Constant load on a URL, as clients of a service would make it, counting every request that was not answered well.
//!
//! The requests leave at a fixed rate, whether or not earlier ones were answered: a server that stalls is not spared.
//! HTTP is spoken over plain sockets, so that nothing between (a pool, a retry) hides a loss.

mod connection;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use connection::{Connection, Failure, Url};

/// A request that has no answer by then is lost.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests under way at most. Beyond, a request is lost without being sent: the service has stalled.
const MAX_IN_FLIGHT: usize = 2_000;

/// How clients use connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A connection for each request.
    New,
    /// Connections are kept and used again.
    Kept,
    /// Connections are kept and used again, until they are this old.
    Renewed(Duration),
    /// Both kinds of clients, in turn.
    Both,
}

/// A load that is running. Dropping it ends it.
#[derive(Debug)]
pub struct Load {
    stop: CancellationToken,
    running: JoinHandle<()>,
    shared: Arc<Shared>,
}

/// What a load has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were due.
    pub sent: u64,
    /// Of these: no connection, reset, no complete answer in time (5 s), or another status than 200.
    pub lost: u64,
    /// The lost ones, by what went wrong.
    pub by_error: BTreeMap<String, u64>,
    /// Each of the lost ones.
    pub losses: Vec<Loss>,
    /// The good ones, by the Pod that answered (`?` when the answer does not say).
    pub by_pod: BTreeMap<String, u64>,
    /// Requests that found their kept connection closed before any answer, and were sent once more on a new one, as
    /// clients may do (RFC 9110, 9.2.2). Each is counted once in `sent`, and in `lost` if the second try failed.
    pub retried: u64,
    /// Kept connections that the other side ended while they were young enough to be used again.
    pub cut: u64,
    /// Half of the good requests were answered within this time.
    pub p50: Duration,
    /// 99 of 100 good requests were answered within this time.
    pub p99: Duration,
}

/// A request that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When it was sent.
    pub sent: Instant,
    /// When it failed.
    pub failed: Instant,
    /// What went wrong.
    pub error: String,
}

#[derive(Debug)]
struct Shared {
    url: Url,
    /// A request that has no answer by then is lost.
    patience: Duration,
    /// A connection that is older gets no more requests.
    longest_use: Duration,
    counts: Mutex<Counts>,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<Connection>>,
}

#[derive(Debug, Default)]
struct Counts {
    totals: Totals,
    latencies: Vec<Duration>,
}

impl Load {
    /// Begins to send GET requests, `rate` of them per second, to an `http://` URL.
    ///
    /// # Panics
    /// The URL is none, or the rate is 0.
    pub fn start(url: &str, rate: u32, mode: Mode) -> Self {
        Self::patient(url, rate, mode, REQUEST_TIMEOUT)
    }

    /// As [`Load::start`], of clients that wait this long for an answer.
    ///
    /// # Panics
    /// The URL is none, or the rate is 0.
    pub fn patient(url: &str, rate: u32, mode: Mode, patience: Duration) -> Self {
        let url = Url::parse(url).expect("a URL like http://127.0.0.1:80/");
        let period = Duration::from_secs(1).checked_div(rate).expect("a rate above 0");
        let longest_use = if let Mode::Renewed(age) = mode { age } else { Duration::MAX };
        let (counts, idle) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { url, patience, longest_use, counts, idle });
        let stop = CancellationToken::new();
        let running = tokio::spawn(send_all(Arc::clone(&shared), period, mode, stop.clone()));
        Self { stop, running, shared }
    }

    /// What was counted so far. Requests under way are in `sent` only.
    pub fn totals(&self) -> Totals {
        self.shared.totals()
    }

    /// Sends no more, waits for the answers under way, and returns what was counted.
    ///
    /// # Errors
    /// The sender failed, which is a fault of this module.
    pub async fn stop(mut self) -> Result<Totals> {
        self.stop.cancel();
        (&mut self.running).await.context("the sender of the load failed")?;
        Ok(self.shared.totals())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sent {}, lost {}, p50 {:.1?}, p99 {:.1?}", self.sent, self.lost, self.p50, self.p99)?;
        for (error, count) in &self.by_error {
            write!(f, "\n  {count} x {error}")?;
        }
        Ok(())
    }
}

async fn send_all(shared: Arc<Shared>, period: Duration, mode: Mode, stop: CancellationToken) {
    let mut ticks = interval(period);
    // After a pause of this process the missed requests are sent at once: the rate is a promise.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    let mut is_kept = matches!(mode, Mode::Kept | Mode::Renewed(_));
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        while under_way.try_join_next().is_some() {}
        shared.count(|counts| counts.totals.sent += 1);
        if under_way.len() >= MAX_IN_FLIGHT {
            shared.count(|counts| counts.lose(Instant::now(), "too many requests under way".to_owned()));
            continue;
        }
        under_way.spawn(send(Arc::clone(&shared), is_kept));
        is_kept = if mode == Mode::Both { !is_kept } else { is_kept };
    }
    under_way.join_all().await;
}

/// Sends one request and counts what became of it.
async fn send(shared: Arc<Shared>, is_kept: bool) {
    let started = Instant::now();
    let answered = timeout(shared.patience, shared.request(is_kept)).await;
    let latency = started.elapsed();
    shared.count(|counts| match answered {
        Ok(Ok(pod)) => {
            *counts.totals.by_pod.entry(pod).or_default() += 1;
            counts.latencies.push(latency);
        }
        Ok(Err(failure)) => counts.lose(started, failure.to_string()),
        Err(_) => counts.lose(started, format!("no answer within {:?}", shared.patience)),
    });
}

impl Shared {
    /// One request, with the second try that is allowed; returns the name of the Pod that answered.
    async fn request(&self, is_kept: bool) -> Result<String, Failure> {
        let reused = if is_kept { self.take_idle() } else { None };
        let was_reused = reused.is_some();
        let mut connection = match reused {
            Some(connection) => connection,
            None => Connection::open(&self.url).await?,
        };
        let answer = match connection.get(&self.url, is_kept).await {
            Err(Failure::NoAnswer(_)) if was_reused => {
                self.count(|counts| counts.totals.retried += 1);
                connection = Connection::open(&self.url).await?;
                connection.get(&self.url, is_kept).await?
            }
            other => other?,
        };
        if is_kept && answer.keeps_connection {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer.pod()
    }

    /// A connection that is young enough and that its server has not closed, as far as can be seen.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if connection.opened.elapsed() >= self.longest_use {
                continue;
            }
            if connection.is_open() {
                return Some(connection);
            }
            self.count(|counts| counts.totals.cut += 1);
        }
        None
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn totals(&self) -> Totals {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latencies = counts.latencies.clone();
        latencies.sort_unstable();
        let at_percent = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
        Totals { p50: at_percent(50), p99: at_percent(99), ..counts.totals.clone() }
    }
}

impl Counts {
    fn lose(&mut self, sent: Instant, error: String) {
        self.totals.lost += 1;
        self.totals.losses.push(Loss { sent, failed: Instant::now(), error: error.clone() });
        *self.totals.by_error.entry(error).or_default() += 1;
    }
}
