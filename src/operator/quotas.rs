//! Quotas of the account in one region: read when first needed, and again from time to time, by one call for all who need them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::clb::Clb;
use crate::model::{Failure, Limits, Quotas};

/// How long quotas are believed. They change when somebody asks the vendor.
const LASTS: Duration = Duration::from_secs(3600);
/// How soon to ask again when the cloud did not say.
const RETRY: Duration = Duration::from_secs(300);

/// What is known. Forgetting it costs a call.
#[derive(Debug)]
pub(super) struct QuotaReads {
    known: Mutex<Option<Known>>,
    /// Whoever has the permit asks. Dropping it, as a round that is dropped does, lets the next one ask.
    asking: Semaphore,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    quotas: Quotas,
    until: Instant,
}

impl Default for QuotaReads {
    fn default() -> Self {
        Self { known: Mutex::default(), asking: Semaphore::new(1) }
    }
}

impl QuotaReads {
    /// The limits with what the cloud says of quotas, where flags say nothing. Without an answer, those of a new account.
    pub(super) async fn limits(&self, clb: &Clb, flags: Quotas) -> Limits {
        if flags.is_complete() {
            return Limits::default().with(flags);
        }
        let quotas = self.quotas(async || clb.quotas().await.map(|found| Quotas::of(&found))).await;
        Limits::default().with(quotas).with(flags)
    }

    /// What is known, and what `ask` says when that is nothing or old. While somebody asks, what is old serves the others; where nothing
    /// is known, they wait for the same answer.
    async fn quotas(&self, ask: impl AsyncFnOnce() -> Result<Quotas, Failure>) -> Quotas {
        if let Some(quotas) = self.fresh() {
            return quotas;
        }
        let _permit = match (self.asking.try_acquire(), self.known()) {
            (Ok(permit), _) => Some(permit),
            (Err(_), Some(old)) => return old.quotas,
            // `None` only for a closed semaphore, and this one is never closed.
            (Err(_), None) => self.asking.acquire().await.ok(),
        };
        // Whoever had the permit before may have got the answer.
        if let Some(quotas) = self.fresh() {
            return quotas;
        }
        let known = self.known();
        let (quotas, lasts) = match ask().await {
            Ok(found) => (found, LASTS),
            Err(failure) => {
                let request_id = failure.request_id.as_deref();
                tracing::warn!(request_id, %failure, "quotas cannot be read, and are taken for those known before or usual");
                (known.map(|known| known.quotas).unwrap_or_default(), RETRY)
            }
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Known { quotas, until: Instant::now() + lasts });
        quotas
    }

    fn fresh(&self) -> Option<Quotas> {
        self.known().filter(|known| Instant::now() < known.until).map(|known| known.quotas)
    }

    fn known(&self) -> Option<Known> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;
    use crate::model::Class;

    fn quotas(targets: usize) -> Quotas {
        Quotas { targets_per_route: Some(targets), ..Quotas::default() }
    }

    fn failure() -> Failure {
        let (code, message) = ("InternalError".to_owned(), String::new());
        Failure { class: Class::Transient, action: "DescribeQuota", code, message, request_id: None }
    }

    /// What this many get who ask together, and how often the cloud was asked, which takes a second.
    async fn together(reads: &QuotaReads, count: usize, answer: Result<Quotas, Failure>) -> (Vec<Quotas>, usize) {
        let calls = AtomicUsize::new(0);
        let one = |_| {
            reads.quotas(async || {
                calls.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                answer.clone()
            })
        };
        let found = join_all((0..count).map(one)).await;
        (found, calls.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_need_them_wait_for_one_answer_and_it_lasts() {
        let reads = QuotaReads::default();
        assert_eq!(together(&reads, 80, Ok(quotas(100))).await, (vec![quotas(100); 80], 1));
        assert_eq!(together(&reads, 80, Ok(quotas(200))).await, (vec![quotas(100); 80], 0));
        tokio::time::advance(LASTS).await;
        let (found, calls) = together(&reads, 3, Ok(quotas(200))).await;
        assert_eq!((found, calls), (vec![quotas(200), quotas(100), quotas(100)], 1), "what is old serves meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_one_answer_for_all_and_takes_nothing_away() {
        let reads = QuotaReads::default();
        assert_eq!(together(&reads, 80, Err(failure())).await, (vec![Quotas::default(); 80], 1));
        tokio::time::advance(RETRY).await;
        assert_eq!(together(&reads, 1, Ok(quotas(200))).await, (vec![quotas(200)], 1));
        tokio::time::advance(LASTS).await;
        assert_eq!(together(&reads, 2, Err(failure())).await, (vec![quotas(200); 2], 1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_asks_and_is_dropped_strands_nobody() {
        let reads = QuotaReads::default();
        let mut first = Box::pin(reads.quotas(async || std::future::pending().await));
        assert!(futures::poll!(&mut first).is_pending());
        let (found, ()) = tokio::join!(together(&reads, 2, Ok(quotas(100))), async { drop(first) });
        assert_eq!(found, (vec![quotas(100); 2], 1));
    }
}
