//! How fast calls of one action may follow one another: what the settings allow, halved when the cloud refuses a call because there
//! were too many, and raised again step by step. Others use the same account, and nobody knows how much of it.
//!
//! Pure: the time is an argument, counted from any fixed moment.

use std::num::NonZeroU32;
use std::time::Duration;

/// The part of a second's calls that may be made at once.
const BURST_SHARE: f64 = 6.0;
/// Calls per second that are left however often the cloud refuses: with fewer, nobody would find out that it does not any more.
const LEAST: f64 = 1.0;
/// How long the rate takes from half of what is allowed back to all of it.
const RECOVERY: Duration = Duration::from_secs(10);

/// The rate of one action, and the calls that may be made by now.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Calls per second that the settings allow.
    most: f64,
    /// Calls per second at the time `since`.
    base: f64,
    since: Duration,
    /// Calls that may be made at the time `filled`.
    tokens: f64,
    filled: Duration,
    /// When it was last halved.
    halved: Option<Duration>,
}

impl Rate {
    /// The rate that the settings allow.
    pub(super) fn new(most: NonZeroU32, now: Duration) -> Self {
        let most = f64::from(most.get());
        Self { most, base: most, since: now, tokens: burst(most), filled: now, halved: None }
    }

    /// Calls per second.
    pub(super) fn current(&self, now: Duration) -> f64 {
        let step = self.most / 2.0 / RECOVERY.as_secs_f64();
        (self.base + step * now.saturating_sub(self.since).as_secs_f64()).min(self.most)
    }

    /// Takes the permission for one call.
    ///
    /// # Errors
    /// How long to wait before it may be asked for again.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        // The rate at the beginning of the time that has passed, which is the lower one.
        let refill = refill(self.current(self.filled));
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * refill).min(burst(self.current(now)));
        self.filled = self.filled.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        // A nanosecond more than is needed, so that rounding costs no second wait.
        let wait = (1.0 - self.tokens) / refill;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(RECOVERY) + Duration::from_nanos(1))
    }

    /// How long until a call may be made; zero when one may be now.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.clone().take(now).err().unwrap_or_default()
    }

    /// The cloud has refused a call because there were too many. Calls that were sent before the rate was last halved say nothing of the
    /// rate that it has now.
    pub(super) fn refused(&mut self, sent: Duration, now: Duration) {
        if self.halved.is_some_and(|halved| sent <= halved) {
            return;
        }
        // What was saved up was counted by the rate that was too high.
        *self = Self {
            base: (self.current(now) / 2.0).max(LEAST),
            since: now,
            tokens: 0.0,
            filled: now,
            halved: Some(now),
            ..*self
        };
    }
}

/// Calls that may be made at once.
fn burst(rate: f64) -> f64 {
    (rate / BURST_SHARE).floor().max(1.0)
}

/// Calls per second in the long run: with the burst, no second has more calls than the rate, however the cloud lays its windows.
fn refill(rate: f64) -> f64 {
    (rate - burst(rate)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn rate(most: u32) -> Rate {
        Rate::new(NonZeroU32::new(most).unwrap(), Duration::ZERO)
    }

    #[test]
    fn it_is_halved_by_each_refusal_and_grows_by_the_same_step_each_second() {
        for (most, refusals, expected) in [
            (20, &[][..], [20.0, 20.0, 20.0, 20.0]),
            (20, &[0.5], [10.0, 11.0, 15.0, 20.0]),
            (20, &[0.5, 0.6], [5.05, 6.05, 10.05, 20.0]),
            (20, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1.0, 2.0, 6.0, 20.0]),
            (100, &[0.5], [50.0, 55.0, 75.0, 100.0]),
            (1, &[0.5, 0.6], [1.0, 1.0, 1.0, 1.0]),
            (2, &[0.1, 0.2, 0.3], [1.0, 1.1, 1.5, 2.0]),
        ] {
            let mut rate = rate(most);
            for at in refusals {
                rate.refused(seconds(*at), seconds(*at));
            }
            let last = refusals.last().copied().unwrap_or_default();
            let found = [0.0, 1.0, 5.0, 60.0].map(|after| rate.current(seconds(last + after)));
            let differs = found.iter().zip(expected).any(|(found, expected)| (found - expected).abs() > 0.1);
            assert!(!differs, "{most} with refusals at {refusals:?}: {found:?}");
        }
    }

    #[test]
    fn calls_that_were_sent_together_halve_it_once() {
        let mut rate = rate(20);
        for sent in [0.0, 0.01, 0.02, 0.2] {
            rate.refused(seconds(sent), seconds(0.2 + sent));
        }
        assert!((rate.current(seconds(0.4)) - 10.2).abs() < 0.05, "{rate:?}");
        rate.refused(seconds(0.3), seconds(0.5));
        assert!(rate.current(seconds(0.5)) < 5.3, "one that was sent after that halves it again");
    }

    #[test]
    fn what_was_saved_up_is_lost_with_a_refusal() {
        let mut rate = rate(20);
        assert_eq!(rate.take(Duration::ZERO), Ok(()));
        rate.refused(Duration::ZERO, seconds(0.1));
        let wait = rate.take(seconds(0.1)).unwrap_err();
        assert!(wait > seconds(0.11) && wait < seconds(0.12), "9 calls per second and a burst of 1: {wait:?}");
        assert_eq!(rate.take(seconds(0.1) + wait), Ok(()));
    }
}
