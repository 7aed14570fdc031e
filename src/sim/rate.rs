//! Request rates: one token bucket per action, as the service documents them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Moment;

/// Token buckets, one per action. A bucket holds one second's worth of calls.
#[derive(Debug)]
pub(crate) struct Rates {
    per_second: Option<u32>,
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Moment,
}

impl Rates {
    /// Buckets of this rate; `None` never refuses.
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        Self { per_second, buckets: BTreeMap::new() }
    }

    /// Goes on with another rate, and full buckets.
    pub(crate) fn set(&mut self, per_second: Option<u32>) {
        *self = Self::new(per_second);
    }

    /// Takes one token for a call of `action`; false when there is none left.
    pub(crate) fn admit(&mut self, action: &str, now: Moment) -> bool {
        let Some(per_second) = self.per_second.map(f64::from) else { return true };
        if !self.buckets.contains_key(action) {
            self.buckets.insert(action.to_owned(), Bucket { tokens: per_second, filled: now });
        }
        let Some(bucket) = self.buckets.get_mut(action) else { return true };
        let passed: Duration = now.saturating_sub(bucket.filled);
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() * per_second).min(per_second);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_as_many_calls_as_the_rate() {
        let mut rates = Rates::new(Some(20));
        let at = |milliseconds| Duration::from_millis(milliseconds);
        assert_eq!((0..30).filter(|_| rates.admit("A", at(0))).count(), 20);
        assert_eq!((0..30).filter(|_| rates.admit("A", at(500))).count(), 10);
        assert_eq!((0..30).filter(|_| rates.admit("A", at(60_000))).count(), 20);
        assert!(rates.admit("B", at(0)), "actions do not share a bucket");
    }

    #[test]
    fn no_rate_refuses_nothing() {
        let mut rates = Rates::new(None);
        assert!((0..1000).all(|_| rates.admit("A", Duration::ZERO)));
    }
}
