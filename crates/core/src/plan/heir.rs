//! Targets whose addresses have become other Pods': each is registered anew, so that the cloud forgets the health of the Pod before.

use crate::api::condition::ChangeReason;
use crate::model::{Health, Phase, RegisteredTarget};
use crate::mutant::{self, Mutant};

use super::departure::PodIntent;
use super::endpoint::Candidate;
use super::floor::{HealthSight, OtherBindings, OwnTarget};
use super::health::is_healthy;
use super::scope::{PodIndex, RouteScope, RouteTargets};
use super::target::{RetainedPod, TargetPlan, Until};

/// Of so many targets that serve, one at a time is registered anew.
const REGISTERED_ANEW: usize = 4;

/// The target has weight, and its address has become that of another Pod, which is wanted.
pub(super) fn is_heir(target: &RegisteredTarget, mark: &str, candidate: &Candidate, pods: &PodIndex<'_>) -> bool {
    let is_own = candidate.pod_uid.starts_with(mark);
    let is_living = pods.by_mark(mark).is_some_and(|pod| pod.phase != Phase::Finished);
    target.weight > 0
        && !is_own
        && !is_living
        && matches!(candidate.intent, PodIntent::Serve(_))
        && !mutant::is(Mutant::AddressStays)
}

/// How many of the targets whose addresses have become other Pods' may be registered anew now, of those that serve: so many of them that few
/// are not judged yet, and not the last.
fn may_be_registered_anew(
    wanted: usize,
    heirs: &[OwnTarget<'_>],
    own: &[OwnTarget<'_>],
    (others, room): (OtherBindings, usize),
) -> usize {
    let is_wanted = |one: &&OwnTarget<'_>| matches!(one.intent, PodIntent::Serve(_));
    let (serving, rest): (Vec<_>, Vec<_>) =
        own.iter().filter(is_wanted).partition(|one| one.target.weight > 0 && is_healthy(one.health));
    let healthy = heirs.iter().filter(|one| is_healthy(one.health)).count();
    // Who finds no room is not about to come.
    let missing = wanted.saturating_sub(serving.len() + rest.len() + heirs.len()).min(room);
    let unjudged = missing + rest.iter().filter(|one| one.health != Some(Health::Unhealthy)).count();
    let others = serving.len() + usize::from(others == OtherBindings::Serve);
    let at_once = ((others + healthy) / REGISTERED_ANEW).max(1).saturating_sub(unjudged);
    if others == 0 { at_once.min(healthy.saturating_sub(1)) } else { at_once }
}

impl TargetPlan {
    /// Targets at addresses that have become other Pods' serve these already. Each is registered anew, so that the cloud forgets the health of
    /// the Pod before, and serves nobody until probes have agreed: a few at a time, never the last of several.
    pub(super) fn register_anew(
        &mut self,
        scope: &RouteScope<'_>,
        heirs: &[OwnTarget<'_>],
        own: &[OwnTarget<'_>],
        (others, room): (OtherBindings, usize),
    ) {
        let is_unread = scope.reads == HealthSight::NeverRead;
        let may_leave = match &scope.wants {
            RouteTargets::Wanted(_) if is_unread => 0,
            RouteTargets::Wanted(endpoints) if endpoints.wanted.len() > 1 && !mutant::is(Mutant::AllAnew) => {
                may_be_registered_anew(endpoints.wanted.len(), heirs, own, (others, room))
            }
            _ => usize::MAX,
        };
        let (serve, idle): (Vec<_>, Vec<_>) = heirs.iter().partition(|one| is_unread || is_healthy(one.health));
        let (leave, kept) = serve.split_at(may_leave.min(serve.len()));
        for one in idle.into_iter().chain(leave.iter().copied()) {
            self.gone(scope, one.target, None, ChangeReason::AddressReused);
        }
        let pod = |one: &&OwnTarget<'_>| scope.candidate(one.target.address).map(|found| found.pod.clone());
        let kept = kept.iter().map(|one| pod(one).unwrap_or_default());
        self.replacing.extend(kept.map(|pod| RetainedPod {
            pod,
            reason: ChangeReason::AddressReused,
            until: Until::Turn,
        }));
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::{Address, Weight};
    use crate::plan::departure::{Ability, Deadline, Leave, Pace, Then};
    use crate::plan::floor::{Readiness, Tenure};
    use crate::plan::weight::PodWeight;

    const WELL: Option<Health> = Some(Health::Healthy);
    const ILL: Option<Health> = Some(Health::Unhealthy);

    /// A target of a Pod that is wanted: its weight, and its health.
    type Row = (Weight, Option<Health>);

    fn own(target: &RegisteredTarget, health: Option<Health>, intent: PodIntent) -> OwnTarget<'_> {
        let (tenure, readiness) = (Tenure::Established, Readiness::Ready);
        OwnTarget { target, intent, leaving_for: SignedDuration::ZERO, health, tenure, readiness }
    }

    /// How many of so many healthy and other heirs may be registered anew beside these, and one that is not wanted any more.
    fn may(wanted: usize, (well, ill): (usize, usize), rows: &[Row], others: OtherBindings) -> usize {
        let target = |weight| RegisteredTarget {
            address: Address { ip: [10, 0, 0, 1].into(), port: 80 },
            weight,
            tag: String::new(),
        };
        let targets: Vec<_> = rows.iter().map(|row| target(row.0)).collect();
        let serves = || PodIntent::Serve(PodWeight::Known(10));
        let mut all: Vec<_> = rows.iter().zip(&targets).map(|(row, target)| own(target, row.1, serves())).collect();
        let pace = Pace::Replaced(Deadline::After(SignedDuration::ZERO), Ability::Yes);
        let heir = target(10);
        let leave = Leave { reason: ChangeReason::NotSelected, pace, then: Then::Deregister };
        all.push(own(&heir, WELL, PodIntent::Leave(leave)));
        let heirs = (0..well + ill).map(|at| own(&heir, if at < well { WELL } else { ILL }, PodIntent::Keep));
        may_be_registered_anew(wanted, &heirs.collect::<Vec<_>>(), &all, (others, wanted))
    }

    #[test]
    fn a_quarter_is_registered_anew_less_those_that_are_not_judged_and_never_the_last() {
        use OtherBindings::{DoNot, Serve};
        type Case<'a> = (usize, (usize, usize), &'a [Row], OtherBindings, usize);
        let table: [Case<'_>; 14] = [
            // A quarter of those that serve, and one where they are fewer.
            (8, (8, 0), &[], DoNot, 2),
            (8, (4, 0), &[(10, WELL); 4], DoNot, 2),
            (2, (2, 0), &[], DoNot, 1),
            // The last one only where another one serves, of this binding or of another.
            (2, (1, 1), &[], DoNot, 0),
            (2, (1, 1), &[], Serve, 1),
            (2, (1, 0), &[(10, WELL)], DoNot, 1),
            (8, (4, 0), &[(10, WELL); 3], Serve, 1),
            // Who is not judged yet is one of them, and so is who is missing, or has no weight.
            (9, (8, 0), &[(10, None)], DoNot, 1),
            (9, (8, 0), &[], DoNot, 1),
            (9, (8, 0), &[(0, WELL)], DoNot, 1),
            (18, (16, 0), &[(10, None)], DoNot, 2),
            // Who is judged and ill is none of them.
            (9, (8, 0), &[(10, ILL)], DoNot, 2),
            (8, (4, 0), &[(10, WELL), (10, WELL), (10, WELL), (10, ILL)], DoNot, 1),
            (9, (8, 1), &[], DoNot, 2),
        ];
        for (wanted, heirs, rows, others, expected) in table {
            assert_eq!(may(wanted, heirs, rows, others), expected, "{wanted}, {heirs:?}, {rows:?}, {others:?}");
        }
    }
}
