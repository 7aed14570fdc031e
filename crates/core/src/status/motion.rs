//! Whether a binding that is not ready will get there by itself.

use jiff::SignedDuration;

use super::conditions::Verdict;
use crate::api::course::{Course, Grace};

/// What becomes of a binding that is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    /// It will get there.
    Moving,
    /// Somebody has to do something.
    Stuck,
}

/// Whether a binding that is not ready will get there by itself; `None` when nobody wants it to. `lasted` says for how long that which a
/// grace is about has not been as it should.
pub(super) fn motion(ready: &Verdict, lasted: impl Fn(Grace) -> SignedDuration) -> Option<Motion> {
    if ready.is_true() {
        return None;
    }
    Some(match ready.reason.course() {
        Course::Rests => return None,
        Course::Stuck => Motion::Stuck,
        Course::MovesFor(grace) if has_passed(grace, lasted(grace)) => Motion::Stuck,
        Course::Moves | Course::MovesFor(_) => Motion::Moving,
    })
}

fn has_passed(grace: Grace, lasted: SignedDuration) -> bool {
    std::time::Duration::try_from(lasted).is_ok_and(|lasted| lasted >= grace.length())
}
