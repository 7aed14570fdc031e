//! How often and how many at once: a rate per action, and one write at a time per load balancer.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

/// The part of a second's calls that may be made at once.
const BURST_SHARE: u32 = 4;

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>;

/// Rates and locks of one account and region.
pub(super) struct Throttle {
    quota: Quota,
    actions: Mutex<HashMap<&'static str, Arc<Queue>>>,
    load_balancers: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The calls of one action: the first waits for the rate, the others for the first, so that they go in order.
struct Queue {
    head: Semaphore,
    limiter: Limiter,
}

impl Throttle {
    /// Allows so many calls of each action in any second.
    pub(super) fn new(rate_per_second: NonZeroU32) -> Self {
        Self { quota: quota(rate_per_second), actions: Mutex::default(), load_balancers: Mutex::default() }
    }

    /// Waits until the action may be called. Dropping the future gives up the place.
    pub(super) async fn ready(&self, action: &'static str) {
        let queue = self.queue(action);
        // The semaphore is never closed; were it, calls would go unordered, still at the right rate.
        let _head = queue.head.acquire().await;
        while let Err(not_until) = queue.limiter.check() {
            sleep(not_until.wait_time_from(queue.limiter.clock().now())).await;
        }
    }

    /// Waits until no other write of ours runs on the load balancer; the next one waits for the permit to be dropped.
    /// The cloud refuses concurrent writes, so that sending them would only cost calls.
    pub(super) async fn exclusive(&self, load_balancer: &str) -> Option<OwnedSemaphorePermit> {
        // `None` only for a closed semaphore, and these are never closed.
        self.semaphore(load_balancer).acquire_owned().await.ok()
    }

    fn queue(&self, action: &'static str) -> Arc<Queue> {
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = actions.entry(action).or_insert_with(|| {
            Arc::new(Queue {
                head: Semaphore::new(1),
                limiter: RateLimiter::direct_with_clock(self.quota, TokioClock::default()),
            })
        });
        Arc::clone(queue)
    }

    fn semaphore(&self, load_balancer: &str) -> Arc<Semaphore> {
        let mut semaphores = self.load_balancers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = semaphores.get(load_balancer).and_then(Weak::upgrade) {
            return semaphore;
        }
        // A semaphore lives as long as somebody holds or awaits it; whoever adds one clears away the dead ones.
        semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(1));
        semaphores.insert(load_balancer.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

/// Burst and refill together make at most `rate` calls in any second, however the cloud lays its windows.
fn quota(rate: NonZeroU32) -> Quota {
    let burst = NonZeroU32::new(rate.get() / BURST_SHARE).unwrap_or(NonZeroU32::MIN);
    let refill = NonZeroU32::new(rate.get().saturating_sub(burst.get())).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(refill).allow_burst(burst)
}

/// Tokio's clock, which tests can pause.
#[derive(Clone, Debug)]
struct TokioClock {
    start: Instant,
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for TokioClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(self.start.elapsed().into())
    }
}

/// Time since the clock was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Nanos);

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + other)
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0)
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    fn throttle(rate: u32) -> Arc<Throttle> {
        Arc::new(Throttle::new(NonZeroU32::new(rate).unwrap()))
    }

    async fn times(throttle: &Arc<Throttle>, calls: usize) -> Vec<Duration> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..calls {
            let throttle = Arc::clone(throttle);
            tasks.spawn(async move {
                throttle.ready("DescribeTargets").await;
                start.elapsed()
            });
        }
        let mut times = tasks.join_all().await;
        times.sort();
        times
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_has_more_calls_than_the_rate() {
        for rate in [2, 5, 20, 100] {
            let times = times(&throttle(rate), 300).await;
            let rate = usize::try_from(rate).unwrap();
            for window in times.windows(rate + 1) {
                assert!(window[rate] - window[0] >= Duration::from_millis(995), "{rate}: {window:?}");
            }
            let average = 299.0 / times[299].as_secs_f64();
            assert!(average >= 0.49 * f64::from(u32::try_from(rate).unwrap()), "{rate}: {average} per second");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_calls_go_at_once_and_other_actions_do_not_wait() {
        let throttle = throttle(20);
        assert_eq!(times(&throttle, 5).await[4], Duration::ZERO);
        let start = Instant::now();
        throttle.ready("DescribeListeners").await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_write_at_a_time_per_load_balancer() {
        let throttle = throttle(20);
        let first = throttle.exclusive("lb-1").await;
        assert!(timeout(Duration::from_secs(60), throttle.exclusive("lb-1")).await.is_err());
        assert!(timeout(Duration::from_secs(60), throttle.exclusive("lb-2")).await.is_ok());
        drop(first);
        assert!(timeout(Duration::from_secs(60), throttle.exclusive("lb-1")).await.is_ok());
    }

    #[tokio::test]
    async fn unused_locks_are_forgotten() {
        let throttle = throttle(20);
        for number in 0..100 {
            drop(throttle.exclusive(&format!("lb-{number}")).await);
        }
        let held = throttle.exclusive("lb-held").await;
        drop(throttle.exclusive("lb-last").await);
        let semaphores = throttle.load_balancers.lock().unwrap();
        assert!(semaphores.len() <= 2 && semaphores.contains_key("lb-held"), "{:?}", semaphores.keys());
        drop(held);
    }
}
