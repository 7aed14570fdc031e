//! How two clocks differ.

use jiff::{SignedDuration, Timestamp};

/// How far the clock of a server is ahead of this machine's at least, by the time that an answer of it says, in whole seconds that were
/// rounded down; zero as long as both may be right. `sent` and `received` are by this machine's clock.
///
/// When a Pod ends is said by the API server's clock. A controller whose clock is minutes ahead would take Pods that were told to end just
/// now for ended.
pub fn skew(said: Timestamp, sent: Timestamp, received: Timestamp) -> SignedDuration {
    let latest = said.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    if said > received {
        said.duration_since(received)
    } else if latest < sent {
        latest.duration_since(sent)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_by_what_the_way_of_the_answer_does_not_explain() {
        let at = |milliseconds: i64| Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap();
        for (what, said, sent, received, expected) in [
            ("both are right", 10_000, 10_300, 10_310, 0),
            ("just before the next second", 10_000, 10_990, 11_010, 0),
            ("a slow answer", 12_000, 10_300, 15_000, 0),
            ("this one is 5 min ahead", 10_000, 310_300, 310_310, -299_300),
            ("this one is 5 min behind", 310_000, 10_300, 10_310, 299_690),
        ] {
            let found = skew(at(said), at(sent), at(received));
            assert_eq!(found, SignedDuration::from_millis(expected), "{what}");
        }
    }
}
