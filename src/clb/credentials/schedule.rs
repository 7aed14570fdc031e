//! When a source of keys is asked again.

use std::time::Duration;

/// How often files are looked at. They change when somebody changes a Secret, and the kubelet takes a minute to show that.
const LOOK: Duration = Duration::from_secs(10);

/// The shortest pause, also where the cloud refuses every key.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(60);

/// How a source stands after it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// How long the current key still lasts; `None`: it has no end that is known, or there is none.
    pub(super) left: Option<Duration>,
    /// How often the source has failed since it has last given a key.
    pub(super) failures: u32,
    /// Whether the source may give another key at any time.
    pub(super) changes: bool,
}

/// How long to wait until the source is asked again; `None`: for good.
///
/// A key is renewed when a fifth of its time is left. Where the same one comes back, as from a machine's metadata service, which
/// makes a new one shortly before the end, it is asked again when a fifth of the rest is left, and so on.
pub(super) fn pause(standing: Standing) -> Option<Duration> {
    let Standing { left, failures, changes } = standing;
    let retry = || SHORTEST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    let ahead = |left: Duration| (left / 5).saturating_mul(4).max(SHORTEST);
    match left {
        Some(left) if failures > 0 => Some(retry().min(ahead(left))),
        None if failures > 0 => Some(retry()),
        Some(left) => Some(ahead(left)),
        None => changes.then_some(LOOK),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_renewed_ahead_of_their_end_and_failures_are_tried_again() {
        let seconds = |left: Option<u64>, failures, changes| {
            pause(Standing { left: left.map(Duration::from_secs), failures, changes }).map(|pause| pause.as_secs())
        };
        for ((left, failures, changes), expected) in [
            // A permanent key of the environment, and of files.
            ((None, 0, false), None),
            ((None, 0, true), Some(10)),
            // A temporary one, two hours long, and as it comes to its end.
            ((Some(7200), 0, false), Some(5760)),
            ((Some(300), 0, false), Some(240)),
            ((Some(1), 0, false), Some(1)),
            ((Some(0), 0, false), Some(1)),
            // Failures: soon, then less often, and more often towards the end.
            ((None, 1, true), Some(1)),
            ((None, 3, false), Some(4)),
            ((Some(3600), 20, false), Some(60)),
            ((Some(40), 20, false), Some(32)),
            ((Some(2), 20, false), Some(1)),
            ((Some(0), u32::MAX, false), Some(1)),
        ] {
            assert_eq!(seconds(left, failures, changes), expected, "{left:?} {failures} {changes}");
        }
    }
}
