//! Whether a binding that is not ready will get there by itself.

use jiff::{SignedDuration, Timestamp};

use super::conditions::{ConditionSet, Verdict};
use crate::api::condition::{ConditionType, Reason};
use crate::api::course::{Course, Grace, Motion};

/// What the graces of a binding are counted by.
pub(super) struct Lasting<'a> {
    /// The conditions that the binding had.
    pub(super) before: &'a ConditionSet<'a>,
    /// What its condition TargetsHealthy says now.
    pub(super) healthy: &'a Verdict,
    /// Since when that of its unhealthy Pods has been ready which has been so for the longest time.
    pub(super) unhealthy_since: Option<Timestamp>,
}

impl Lasting<'_> {
    /// For how long that which the grace is about has not been as it should.
    fn lasted(&self, grace: Grace) -> SignedDuration {
        let since = match grace {
            Grace::Reference => self.before.false_since(ConditionType::ResolvedRefs),
            // What Pods do not stand still over is another one's.
            Grace::Progress if self.healthy.reason.course() != Course::MovesFor(grace) => self.before.now(),
            Grace::Progress => {
                let since = self.before.false_since(ConditionType::TargetsHealthy);
                // Pods that have just become ready are probed yet, however long a rollout takes.
                let ready = self.unhealthy_since.filter(|_| self.healthy.reason == Reason::Unhealthy);
                ready.map_or(since, |ready| ready.max(since))
            }
            Grace::Recovery => return self.before.on_course(Course::MovesFor(grace)),
        };
        self.before.now().duration_since(since)
    }
}

/// Whether a binding that is not ready will get there by itself; `None` when nobody wants it to.
pub(super) fn motion(ready: &Verdict, lasting: &Lasting<'_>) -> Option<Motion> {
    if ready.is_true() {
        return None;
    }
    Some(match ready.reason.course() {
        Course::Rests => return None,
        Course::Stuck => Motion::Stuck,
        Course::MovesFor(grace) if has_passed(grace, lasting.lasted(grace)) => Motion::Stuck,
        Course::Moves | Course::MovesFor(_) => Motion::Moving,
    })
}

fn has_passed(grace: Grace, lasted: SignedDuration) -> bool {
    std::time::Duration::try_from(lasted).is_ok_and(|lasted| lasted >= grace.length())
}
