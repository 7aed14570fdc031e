//! How close together the rounds of one load balancer may come.
//!
//! A rollout changes Pods all the time. Rounds that follow one another closely read much and find little to do; rounds that are
//! spread gather changes, so that one call registers or drains many targets. A few rounds may come at once, so that what happens
//! alone is not kept waiting.

use std::time::Duration;

/// From one round to the next, when there is always something to do. No longer than health is to wait while a gate does.
const PERIOD: Duration = Duration::from_millis(450);
/// Rounds that may come at once after a rest.
const BURST: u32 = 4;

/// When the next round may begin. Forgetting it costs nothing but calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Tempo {
    /// When all rounds so far would be over, if they had come one period apart.
    due: Option<Duration>,
}

impl Tempo {
    /// How long a round that would begin `now` should wait; zero after a rest. The round counts.
    pub(super) fn pause(&mut self, now: Duration) -> Duration {
        let due = self.due.map_or(now, |due| due.max(now));
        self.due = Some(due + PERIOD);
        due.saturating_sub(now).saturating_sub(PERIOD * (BURST - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_rounds_come_at_once_and_the_others_one_period_apart() {
        let mut tempo = Tempo::default();
        let start = Duration::from_secs(1);
        let pauses: Vec<_> = (0..7).map(|_| tempo.pause(start)).collect();
        let zero = Duration::ZERO;
        assert_eq!(pauses, [zero, zero, zero, zero, PERIOD, PERIOD * 2, PERIOD * 3]);
        let rested = start + PERIOD * 20;
        assert_eq!((0..4).map(|_| tempo.pause(rested)).max(), Some(zero));
        assert_eq!(tempo.pause(rested), PERIOD);
    }

    #[test]
    fn rounds_that_wait_as_told_are_one_period_apart() {
        let mut tempo = Tempo::default();
        let (start, mut now) = (Duration::from_secs(1), Duration::from_secs(1));
        for _ in 0..20 {
            now += tempo.pause(now);
        }
        let passed = now - start;
        assert!(passed >= PERIOD * 15 && passed <= PERIOD * 17, "{passed:?}");
    }
}
