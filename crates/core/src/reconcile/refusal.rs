//! One refusal: what it says something of, and how long what was refused is held.

use std::time::Duration;

use crate::model::{Class, Failure};
use crate::mutant::{self, Mutant};

/// How long everything of a kind is held at most, and each item of a drain: Pods that end do not wait for long.
pub(super) const LONGEST_OF_DRAIN: Duration = Duration::from_secs(4);
/// After so many refusals in a row, which take more than a minute, it is not asked for that often any more.
const MANY: u32 = 20;
/// How long something is held at most that was refused so often.
const LONGEST_OF_MANY: Duration = Duration::from_secs(20);
/// How long everything of a kind is held at first, where it is about targets.
pub(super) const FIRST_OF_TARGETS: Duration = Duration::from_secs(1);
/// How long another item is held at most.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// How often in a row.
    pub(super) count: u32,
    /// Until when it is held.
    pub(super) until: Duration,
}

/// What a failure says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Some item of the step.
    Item,
    /// Whatever has the same action, as far as is known.
    Kind,
}

/// What a failure of this class says something of.
pub(super) fn scope(class: Class) -> Scope {
    match class {
        _ if mutant::is(Mutant::RefusedForOneIsForAll) => Scope::Kind,
        // The cloud also answers with an internal error when it dislikes a value.
        Class::Invalid | Class::Quota | Class::Conflict | Class::NotFound | Class::Transient => Scope::Item,
        Class::Busy | Class::Throttled | Class::Denied | Class::Arrears | Class::Unreachable => Scope::Kind,
    }
}

/// How soon a failure of this class may be gone.
pub(super) const fn first(class: Class) -> Duration {
    match class {
        Class::Busy => Duration::from_millis(500),
        Class::Throttled | Class::Transient | Class::Unreachable => Duration::from_secs(1),
        Class::NotFound | Class::Conflict | Class::Quota | Class::Invalid | Class::Denied | Class::Arrears => {
            Duration::from_secs(5)
        }
    }
}

/// Something is refused, after what is known of it, and held for a time that begins with `first`.
pub(super) fn hold(
    known: Option<&Refusal>,
    failure: &Failure,
    first: Duration,
    longest: Duration,
    now: Duration,
) -> Refusal {
    let count = known.map_or(1, |known| known.count.saturating_add(1));
    if mutant::is(Mutant::RefusedIsAskedHotly) {
        return Refusal { failure: failure.clone(), count, until: now };
    }
    if mutant::is(Mutant::EndlessBackOff) {
        return Refusal { failure: failure.clone(), count, until: now + first.saturating_mul(1 << count.min(20)) };
    }
    let longest = if count > MANY { longest.max(LONGEST_OF_MANY) } else { longest };
    let is_held = failure.class == Class::Invalid && mutant::is(Mutant::RefusalStays);
    let wait = first.saturating_mul(1 << (count - 1).min(8)).min(longest);
    let wait = if is_held { Duration::from_hours(24) } else { wait };
    Refusal { failure: failure.clone(), count, until: now + wait }
}
