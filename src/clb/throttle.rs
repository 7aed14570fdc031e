//! How often and how many at once: a rate per action, and one write at a time per load balancer.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use super::rate::Rate;
use crate::model::Failure;

/// The code of a refusal because one action was called too often. Its longer forms, such as
/// `RequestLimitExceeded.UinLimitExceeded`, are about all that the account calls.
/// Source: the common error codes of the API reference.
const ONE_ACTION: &str = "RequestLimitExceeded";

/// Rates and locks of one account and region.
///
/// A call waits for as long as it takes; it costs the memory of its caller. Calls of one action go in order.
pub(super) struct Throttle {
    /// Calls per second that the settings allow.
    most: NonZeroU32,
    start: Instant,
    actions: Mutex<HashMap<&'static str, Arc<Queue>>>,
    load_balancers: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The calls of one action: the first waits for the rate, the others for the first, so that they go in order.
struct Queue {
    head: Semaphore,
    rate: Mutex<Rate>,
}

impl Queue {
    fn with<T>(&self, act: impl FnOnce(&mut Rate) -> T) -> T {
        act(&mut self.rate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Throttle {
    /// Allows so many calls of each action in any second.
    pub(super) fn new(most: NonZeroU32) -> Self {
        Self { most, start: Instant::now(), actions: Mutex::default(), load_balancers: Mutex::default() }
    }

    /// Waits until the action may be called. Dropping the future gives up the place.
    pub(super) async fn ready(&self, action: &'static str) {
        let queue = self.queue(action);
        // The semaphore is never closed; were it, calls would go unordered, still at the right rate.
        let _head = queue.head.acquire().await;
        while let Err(wait) = queue.with(|rate| rate.take(self.time(Instant::now()))) {
            sleep(wait).await;
        }
    }

    /// Waits until the action might be called now, without calling it: whoever gathers what to ask may go on until then.
    pub(super) async fn idle(&self, action: &'static str) {
        let queue = self.queue(action);
        let _head = queue.head.acquire().await;
        sleep(queue.with(|rate| rate.wait(self.time(Instant::now())))).await;
    }

    /// The cloud has refused a call because there were too many: fewer will be made for a while, of this action, or of all where the cloud
    /// counts all of the account's. The cloud counts by action, so that one that is called too often slows no other down.
    pub(super) fn refused(&self, action: &'static str, failure: &Failure, sent: Instant) {
        let (sent, now) = (self.time(sent), self.time(Instant::now()));
        let queues: Vec<_> = match failure.code.as_str() {
            ONE_ACTION => vec![self.queue(action)],
            _ => self.queues().into_iter().map(|(_, queue)| queue).collect(),
        };
        for queue in queues {
            queue.with(|rate| rate.refused(sent, now));
        }
    }

    /// Calls per second that each action may make now. Actions that were not called yet are absent.
    pub(super) fn rates(&self) -> Vec<(&'static str, f64)> {
        let now = self.time(Instant::now());
        self.queues().into_iter().map(|(action, queue)| (action, queue.with(|rate| rate.current(now)))).collect()
    }

    fn time(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    fn queues(&self) -> Vec<(&'static str, Arc<Queue>)> {
        let actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        actions.iter().map(|(action, queue)| (*action, Arc::clone(queue))).collect()
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
            let rate = Rate::new(self.most, self.time(Instant::now()));
            Arc::new(Queue { head: Semaphore::new(1), rate: Mutex::new(rate) })
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

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;
    use crate::model::Class;

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
        assert_eq!(times(&throttle, 3).await[2], Duration::ZERO);
        let start = Instant::now();
        throttle.ready("DescribeListeners").await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_wait_each_gets_its_turn_in_order() {
        let throttle = throttle(20);
        let times = times(&throttle, 2000).await;
        assert!(times[1999] > Duration::from_secs(116) && times[1999] < Duration::from_secs(119), "{:?}", times[1999]);
    }

    /// Calls of each of two actions in 30 s, when the cloud refuses one of the first after 10 s.
    async fn calls_after(code: &str) -> [usize; 2] {
        let throttle = throttle(20);
        let mut counts = [0, 0];
        let failure = Failure {
            class: Class::Throttled,
            action: "DescribeTargets",
            code: code.to_owned(),
            message: String::new(),
            request_id: None,
        };
        for (action, count) in ["DescribeTargets", "DescribeListeners"].into_iter().zip(&mut counts) {
            throttle.ready(action).await;
            throttle.refused("DescribeTargets", &failure, Instant::now());
            let end = Instant::now() + Duration::from_secs(10);
            while timeout(end - Instant::now(), throttle.ready(action)).await.is_ok() {
                *count += 1;
            }
        }
        counts
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_slows_its_action_down_and_one_of_the_account_all_of_them() {
        let [of_action, of_other] = calls_after("RequestLimitExceeded").await;
        // 9 calls per second that grow to 17 in ten seconds; others make 17 all the time.
        assert!((118..145).contains(&of_action) && (168..176).contains(&of_other), "{of_action} {of_other}");
        for code in ["RequestLimitExceeded.UinLimitExceeded", "RequestLimitExceeded.IPLimitExceeded"] {
            let [of_action, of_other] = calls_after(code).await;
            assert!((118..145).contains(&of_action) && (118..145).contains(&of_other), "{of_action} {of_other}");
        }
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
