//! Waiting for a condition.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(50);

/// The answer of one look at a condition: what was waited for, or why it is not there yet.
pub trait Check<T> {
    /// # Errors
    /// The reason, as text, that the wait is not over.
    fn outcome(self) -> Result<T, String>;
}

impl<T> Check<T> for Option<T> {
    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "not yet".to_owned())
    }
}

impl<T, E: Display> Check<T> for Result<Option<T>, E> {
    fn outcome(self) -> Result<T, String> {
        match self {
            Ok(found) => found.outcome(),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

impl Check<()> for bool {
    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("not yet".to_owned()) }
    }
}

/// Looks again and again until `check` answers true, `Some`, or `Ok(Some)`, and returns what it found.
///
/// An error counts as "not yet": return one that says what was seen instead, it is shown if the wait fails.
///
/// # Panics
/// After the deadline, with `what` and the last reason.
pub async fn eventually<T, R, F, Fut>(what: &str, deadline: Duration, mut check: F) -> T
where
    R: Check<T>,
    F: FnMut() -> Fut,
    Fut: Future<Output = R>,
{
    match within(deadline, &mut check).await {
        Ok(found) => found,
        Err(last) => panic!("{what}: not within {deadline:?}; last seen: {last}"),
    }
}

/// As [`eventually`], with the last reason as an error.
///
/// # Errors
/// The deadline passed.
pub async fn within<T, R, F, Fut>(deadline: Duration, mut check: F) -> Result<T, String>
where
    R: Check<T>,
    F: FnMut() -> Fut,
    Fut: Future<Output = R>,
{
    let end = Instant::now() + deadline;
    let mut last = "never looked".to_owned();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match tokio::time::timeout_at(end, check()).await {
            Ok(answer) => match answer.outcome() {
                Ok(found) => return Ok(found),
                Err(reason) => last = reason,
            },
            Err(_) => return Err(last),
        }
        if Instant::now() >= end {
            return Err(last);
        }
    }
}
