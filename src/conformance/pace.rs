//! How fast calls follow one another, and how often what takes time is looked at.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// The window that calls are counted in.
const WINDOW: Duration = Duration::from_secs(1);

/// Calls that must follow one another at once.
const LEAST: usize = 3;

/// Times of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Most calls in any second, of all actions together; at least 3, which must follow one another.
    pub calls_per_second: usize,
    /// Between two looks at a task, and before a call that was refused because of a lock is made again.
    pub between_looks: Duration,
    /// How long one task or lock is waited for.
    pub longest_wait: Duration,
    /// How long the script may take. What was made is taken away after it.
    pub longest_run: Duration,
    /// After which time a creation whose answer is not known has shown what it made, or has made nothing.
    pub settled: Duration,
    /// Between two reads that together prove that something is not there.
    pub reads_apart: Duration,
}

impl Default for Times {
    /// For the real cloud: half of its usual rate of one action, for all of them. Looks leave room for the call that follows the end of
    /// a task, which is to meet a lock that lingers.
    fn default() -> Self {
        Self {
            calls_per_second: 10,
            between_looks: Duration::from_millis(150),
            longest_wait: Duration::from_secs(120),
            longest_run: Duration::from_secs(480),
            settled: Duration::from_secs(600),
            reads_apart: Duration::from_secs(10),
        }
    }
}

/// Holds calls back until there is room for them.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    sent: VecDeque<Instant>,
}

impl Pace {
    pub(super) const fn new(times: &Times) -> Self {
        let most = if times.calls_per_second < LEAST { LEAST } else { times.calls_per_second };
        Self { most, sent: VecDeque::new() }
    }

    /// Waits until so many calls may be sent one after the other, of which this is the first, and counts this one.
    pub(super) async fn ready(&mut self, calls: usize) {
        let kept = self.most.saturating_sub(calls);
        while self.sent.len() > kept {
            let Some(oldest) = self.sent.pop_front() else { break };
            sleep_until(oldest + WINDOW).await;
        }
        self.sent.push_back(Instant::now());
    }
}

/// Waits.
pub(super) async fn pause(time: Duration) {
    sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls() {
        let mut pace = Pace::new(&Times::default());
        let mut sent = Vec::new();
        for _ in 0..35 {
            pace.ready(1).await;
            sent.push(Instant::now());
        }
        for window in sent.windows(11) {
            assert!(window[10] - window[0] >= WINDOW, "{window:?}");
        }
        assert!(sent[34] - sent[0] < WINDOW * 4, "nothing waits for longer than it has to");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_others_follow_waits_for_all() {
        let mut pace = Pace::new(&Times::default());
        for _ in 0..9 {
            pace.ready(1).await;
        }
        pace.ready(3).await;
        let first = Instant::now();
        pace.ready(1).await;
        pace.ready(1).await;
        assert_eq!(first, Instant::now());
    }
}
