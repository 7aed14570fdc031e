//! How close together the rounds of one load balancer may come.
//!
//! A rollout changes Pods all the time. Rounds that follow one another closely read much and find little to do; rounds that are
//! spread gather changes, so that one call registers or drains many targets. A few rounds may come at once, so that what happens
//! alone is not kept waiting.

use std::time::Duration;

use crate::status::TICK;

/// Rounds that may come at once after a rest.
const BURST: u32 = 2;

/// When the next round may begin. Forgetting it costs nothing but calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Tempo {
    /// When all rounds so far would be over, if they had come one tick apart.
    due: Option<Duration>,
}

impl Tempo {
    /// How long a round that would begin `now` should wait; zero after a rest, otherwise until some tick, with the rounds of other load
    /// balancers. The round counts.
    pub(super) fn pause(&mut self, now: Duration) -> Duration {
        let tick = last_tick(now);
        let due = self.due.map_or(tick, |due| due.max(tick));
        self.due = Some(due + TICK);
        due.saturating_sub(TICK * (BURST - 1)).saturating_sub(now)
    }
}

/// The last multiple of a tick.
fn last_tick(now: Duration) -> Duration {
    let since = u64::try_from(now.as_nanos() % TICK.as_nanos()).unwrap_or(0);
    now.saturating_sub(Duration::from_nanos(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_rounds_come_at_once_and_the_others_at_ticks() {
        let mut tempo = Tempo::default();
        let start = TICK * 3 + Duration::from_millis(100);
        let pauses: Vec<_> = (0..5).map(|_| tempo.pause(start)).collect();
        let (zero, first) = (Duration::ZERO, TICK - Duration::from_millis(100));
        assert_eq!(pauses, [zero, zero, first, first + TICK, first + TICK * 2]);
        let rested = start + TICK * 20;
        assert_eq!((0..2).map(|_| tempo.pause(rested)).max(), Some(zero));
        assert_eq!(tempo.pause(rested), first);
    }

    #[test]
    fn rounds_that_wait_as_they_should_are_one_tick_apart() {
        let mut tempo = Tempo::default();
        let (start, mut now) = (Duration::from_secs(1), Duration::from_secs(1));
        for _ in 0..20 {
            now += tempo.pause(now);
        }
        let passed = now - start;
        assert!(passed >= TICK * 17 && passed <= TICK * 19, "{passed:?}");
    }
}
