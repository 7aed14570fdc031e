//! The time of signatures: this machine's, corrected by what the cloud says.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

static DATE: DateTimeParser = DateTimeParser::new();

/// A clock that can be told its error.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead_seconds: AtomicI64,
}

impl Clock {
    /// The cloud's time, as far as it is known.
    pub(super) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Takes over the cloud's time. Returns how far it is ahead, in seconds.
    pub(super) fn correct(&self, cloud: Timestamp) -> i64 {
        let ahead = cloud.as_second().saturating_sub(Timestamp::now().as_second());
        self.ahead_seconds.store(ahead, Ordering::Relaxed);
        ahead
    }
}

/// Reads the header `Date` of a reply; `None` when it is not a date.
pub(super) fn parse_date(header: &[u8]) -> Option<Timestamp> {
    DATE.parse_timestamp(header).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        let date = parse_date(b"Tue, 14 Nov 2023 22:13:20 GMT").unwrap();
        assert_eq!(date.as_second(), 1_700_000_000);
        assert_eq!(parse_date(b"yesterday"), None);
        assert_eq!(parse_date(&[0xff, 0x00]), None);
    }

    #[test]
    fn the_clock_follows_the_cloud() {
        let clock = Clock::default();
        let cloud = Timestamp::now().checked_add(SignedDuration::from_mins(-20)).unwrap();
        assert!((-1201..=-1200).contains(&clock.correct(cloud)));
        assert!((clock.now().as_second() - cloud.as_second()).abs() <= 1);
        clock.correct(Timestamp::MAX);
        assert!(clock.now() > cloud);
    }
}
