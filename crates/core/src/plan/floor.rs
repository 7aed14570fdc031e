//! Nobody leaves before somebody serves: which of the targets that leave keep their weight for now.
//!
//! 1. A target that is replaced leaves when at least min(those that serve, those that should) serve without it.
//! 2. A target that is judged leaves at once.
//! 3. When nobody would serve, all that can go on do, whatever the first two say.
//!
//! No weight is ever raised here.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::ChangeReason;
use crate::model::{Address, Health, RegisteredTarget};
use crate::mutant::{self, Mutant};

use super::departure::{Ability, Deadline, Leave, Pace, PodIntent};
use super::health::is_healthy;

/// One target of ours on a route.
#[derive(Debug)]
pub(super) struct OwnTarget<'a> {
    /// As it was read.
    pub(super) target: &'a RegisteredTarget,
    /// What is wanted for it.
    pub(super) intent: PodIntent,
    /// For how long it has been leaving; zero when that was not seen before.
    pub(super) leaving_for: SignedDuration,
    /// What the cloud says of it.
    pub(super) health: Option<Health>,
    /// Whether it may have served.
    pub(super) tenure: Tenure,
    /// Whether its Pod says that it takes traffic; of a Pod that nobody knows it is not said.
    pub(super) readiness: Readiness,
}

/// What a Pod says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Readiness {
    /// Its containers are ready.
    Ready,
    /// They are not, or nobody knows.
    NotReady,
}

/// Whether a target may have served, as far as this controller has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenure {
    /// It may.
    Established,
    /// It was registered by this controller, and has not been found healthy since; or its Pod still waits for its gate.
    Unproven,
}

/// What reads of health say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HealthSight {
    /// One has answered, or none is allowed.
    Read,
    /// None has answered since this controller leads.
    NeverRead,
}

/// Whether targets of other bindings serve on the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherBindings {
    /// Some are found healthy, and are to go on.
    Serve,
    /// None are known to.
    DoNot,
}

/// Why a target that leaves keeps its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Retained {
    /// Those that replace it do not serve yet; until this moment at most.
    Replacing(Timestamp),
    /// Another listener waits for it, and its turn to pass has not come.
    InTurn,
    /// Nobody else would serve.
    Last,
}

/// What is known of who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// The cloud finds some healthy: these serve.
    ByHealth,
    /// It finds none healthy, so that each with weight may be serving, and none that is new can be told to.
    Blind,
}

/// Who else is there when nobody is known to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// Nobody.
    None,
    /// Targets that nobody knows to serve, and that may.
    Newcomers,
}

/// The floor of one route.
pub(super) struct Floor<'a> {
    targets: &'a [OwnTarget<'a>],
    sight: Sight,
    others: OtherBindings,
    reads: HealthSight,
    now: Timestamp,
}

impl<'a> Floor<'a> {
    /// The floor of a route with these targets of ours.
    pub(super) fn new(targets: &'a [OwnTarget<'a>], others: OtherBindings, reads: HealthSight, now: Timestamp) -> Self {
        let is_healthy = |own: &OwnTarget<'_>| own.target.weight > 0 && is_healthy(own.health);
        let is_known = others == OtherBindings::Serve || targets.iter().any(is_healthy);
        let sight = if is_known { Sight::ByHealth } else { Sight::Blind };
        Self { targets, sight, others, reads, now }
    }

    /// The targets that leave and keep their weight, where `wanted` Pods should serve.
    pub(super) fn retained(&self, wanted: usize) -> BTreeMap<Address, Retained> {
        if mutant::is(Mutant::NoFloor) {
            return BTreeMap::new();
        }
        let mut retained = self.replaced(wanted);
        let stay = || self.targets.iter().filter(|own| !is_leaving(own) && own.target.weight > 0);
        if self.reads == HealthSight::NeverRead && !mutant::is(Mutant::UnreadServesNobody) {
            // Nobody knows who serves: those that live wait for the first read, and those that end where there is nobody else who may.
            let may_serve = |own: &OwnTarget<'_>| own.tenure == Tenure::Established;
            retained.extend(self.last(if stay().any(may_serve) { Others::Newcomers } else { Others::None }));
        } else if retained.is_empty() {
            let is_proven = |own: &OwnTarget<'_>| match self.sight {
                Sight::ByHealth => is_healthy(own.health) || mutant::is(Mutant::WeightServes),
                Sight::Blind => own.tenure == Tenure::Established,
            };
            let is_newcomer = |own: &OwnTarget<'_>| self.sight == Sight::Blind && own.tenure == Tenure::Unproven;
            if self.others == OtherBindings::DoNot && !stay().any(is_proven) {
                let others = if stay().any(is_newcomer) { Others::Newcomers } else { Others::None };
                retained = self.last(others);
            }
        }
        if self.sight == Sight::Blind {
            retained.extend(self.unreplaced(&retained));
        }
        retained
    }

    /// Those whose Pods live and are not wanted any more, and whose time is over: as long as nobody is known to serve in their place,
    /// that does not end it.
    fn unreplaced(&self, retained: &BTreeMap<Address, Retained>) -> Vec<(Address, Retained)> {
        let lives_on = |own: &&OwnTarget<'_>| {
            let PodIntent::Leave(leave) = &own.intent else { return false };
            own.target.weight > 0
                && matches!(leave.pace, Pace::Replaced(Deadline::After(_), Ability::Yes))
                && !retained.contains_key(&own.target.address)
        };
        self.targets.iter().filter(lives_on).map(|own| (own.target.address, Retained::Last)).collect()
    }

    /// What there is to say when a target leaves: who serves without it.
    pub(super) fn remark(&self, wanted: usize) -> String {
        match self.sight {
            Sight::ByHealth if wanted != usize::MAX => {
                format!("{} of {wanted} that should serve are healthy", self.staying().min(wanted))
            }
            Sight::ByHealth | Sight::Blind => String::new(),
        }
    }

    /// How many of the targets that stay serve.
    fn staying(&self) -> usize {
        let counts = |own: &&OwnTarget<'_>| match own.intent {
            PodIntent::Leave(_) => false,
            PodIntent::Keep => self.serves(own),
            PodIntent::Serve(_) => !is_leaving(own) && self.sight == Sight::ByHealth && self.serves(own),
        };
        self.targets.iter().filter(counts).count()
    }

    /// Rule 1. Those that say that they take traffic come first, and of them those that can serve longest.
    fn replaced(&self, wanted: usize) -> BTreeMap<Address, Retained> {
        let (staying, serving) = (self.staying(), self.targets.iter().filter(|own| self.serves(own)).count());
        let leaving = self.targets.iter().filter(|own| is_replaced(own)).count();
        // While some that should serve do not, nobody knows how many there will be in the end: a new set of Pods is made one by one.
        let due = if staying < wanted { leaving.max(serving.min(wanted)) } else { wanted };
        let missing = due.saturating_sub(staying);
        let mut able: Vec<(Readiness, Timestamp, Address)> = self
            .targets
            .iter()
            .filter(|own| self.serves(own))
            .filter_map(|own| Some((own.readiness, self.deadline(own)?, own.target.address)))
            .collect();
        able.sort_by_key(|(readiness, until, address)| (*readiness, Reverse(*until), *address));
        able.truncate(missing);
        able.into_iter().map(|(_, until, address)| (address, Retained::Replacing(until))).collect()
    }

    /// Until when a target that is replaced may serve on; `None` for others, and when that is over.
    fn deadline(&self, own: &OwnTarget<'_>) -> Option<Timestamp> {
        let PodIntent::Leave(Leave { pace: Pace::Replaced(deadline, _), .. }) = &own.intent else { return None };
        let until = match deadline {
            Deadline::At(until) => *until,
            Deadline::After(time) => self.now.saturating_add(time.saturating_sub(own.leaving_for)).ok()?,
        };
        (self.now < until).then_some(until)
    }

    /// Rule 3.
    fn last(&self, others: Others) -> BTreeMap<Address, Retained> {
        let can_go_on = |own: &&OwnTarget<'_>| {
            let PodIntent::Leave(leave) = &own.intent else { return false };
            let (Pace::Judged(ability) | Pace::Replaced(_, ability)) = leave.pace else { return false };
            own.target.weight > 0
                && match ability {
                    Ability::Yes => true,
                    Ability::UnlessUnhealthy => own.health != Some(Health::Unhealthy),
                    Ability::No => false,
                }
        };
        // Those that end and may stop at any moment go on only when there is nobody else.
        let is_ending = |own: &&OwnTarget<'_>| {
            let PodIntent::Leave(leave) = &own.intent else { return false };
            leave.reason == ChangeReason::PodDeleted && matches!(leave.pace, Pace::Judged(_))
        };
        let able: Vec<_> = self.targets.iter().filter(can_go_on).filter(|_| !mutant::is(Mutant::LastGoes)).collect();
        let has_others = others == Others::Newcomers || able.iter().any(|own| !is_ending(own) && self.may_serve(own));
        let last = able.into_iter().filter(|own| !(has_others && is_ending(own)));
        last.map(|own| (own.target.address, Retained::Last)).collect()
    }

    /// It serves, or it may have served before nobody was known to.
    fn may_serve(&self, own: &OwnTarget<'_>) -> bool {
        self.serves(own) && (self.sight == Sight::ByHealth || own.tenure == Tenure::Established)
    }

    fn serves(&self, own: &OwnTarget<'_>) -> bool {
        let is_known = self.sight == Sight::ByHealth && !mutant::is(Mutant::WeightServes);
        own.target.weight > 0 && (!is_known || is_healthy(own.health))
    }
}

/// The target is replaced, whether it still has weight or not.
fn is_replaced(own: &OwnTarget<'_>) -> bool {
    matches!(&own.intent, PodIntent::Leave(Leave { pace: Pace::Replaced(..), .. }))
}

/// The target leaves, or a user takes it out by weight 0.
fn is_leaving(own: &OwnTarget<'_>) -> bool {
    match &own.intent {
        PodIntent::Leave(_) => true,
        PodIntent::Serve(weight) => weight.is_zero(),
        PodIntent::Keep => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::departure::Then;
    use super::super::weight::PodWeight;
    use super::*;
    use crate::model::Weight;

    /// How long a Pod that is not wanted any more may serve on.
    const TIME: SignedDuration = SignedDuration::from_secs(300);

    fn registered(last: u8, weight: Weight) -> RegisteredTarget {
        RegisteredTarget { address: Address { ip: [10, 0, 0, last].into(), port: 80 }, weight, tag: String::new() }
    }

    fn own(target: &RegisteredTarget, intent: PodIntent, tenure: Tenure) -> OwnTarget<'_> {
        OwnTarget {
            target,
            intent,
            leaving_for: SignedDuration::ZERO,
            health: None,
            tenure,
            readiness: Readiness::Ready,
        }
    }

    fn leaves(reason: ChangeReason, pace: Pace) -> PodIntent {
        PodIntent::Leave(Leave { reason, pace, then: Then::WeightZero })
    }

    /// What keeps the first of these, where two Pods should serve.
    fn kept(targets: &[OwnTarget<'_>], reads: HealthSight) -> Option<Retained> {
        let floor = Floor::new(targets, OtherBindings::DoNot, reads, Timestamp::UNIX_EPOCH);
        floor.retained(2).remove(&targets[0].target.address)
    }

    /// As long as no read of health has answered, one that ends goes on unless another one that stays may have served before.
    #[test]
    fn before_the_first_read_one_that_ends_goes_on_where_nobody_else_may_have_served() {
        let rows = [
            (None, true),
            (Some((Tenure::Unproven, 10)), true),
            (Some((Tenure::Established, 0)), true),
            (Some((Tenure::Established, 10)), false),
        ];
        for (other, is_retained) in rows {
            let (ends, stays) = (registered(1, 10), registered(2, other.map_or(0, |(_, weight)| weight)));
            let leave = leaves(ChangeReason::PodDeleted, Pace::Judged(Ability::UnlessUnhealthy));
            let mut targets = vec![own(&ends, leave, Tenure::Established)];
            targets.extend(other.map(|(tenure, _)| own(&stays, PodIntent::Keep, tenure)));
            assert_eq!(kept(&targets, HealthSight::NeverRead).is_some(), is_retained, "{other:?}");
        }
    }

    #[test]
    fn one_that_ends_goes_when_another_that_leaves_may_serve_as_the_last() {
        use Tenure::{Established, Unproven};
        let rows = [
            (None, (Unproven, None), true),
            (None, (Established, None), false),
            (Some(Health::Healthy), (Established, Some(Health::Unhealthy)), true),
            (Some(Health::Healthy), (Unproven, Some(Health::Healthy)), false),
        ];
        for (health, (tenure, health_of_other), is_retained) in rows {
            let (ends, unready) = (registered(1, 10), registered(2, 10));
            let pace = Pace::Judged(Ability::Yes);
            let ends = own(&ends, leaves(ChangeReason::PodDeleted, pace), Established);
            let other = own(&unready, leaves(ChangeReason::NotReady, pace), tenure);
            let targets = [OwnTarget { health, ..ends }, OwnTarget { health: health_of_other, ..other }];
            let expected = is_retained.then_some(Retained::Last);
            assert_eq!(kept(&targets, HealthSight::Read), expected, "{health:?}, {tenure:?}, {health_of_other:?}");
        }
    }

    /// One that serves and one that does not yet are to take its place.
    #[test]
    fn one_that_is_replaced_goes_at_the_moment_at_which_its_time_is_over() {
        for left in [1, 0, -1].map(SignedDuration::from_secs) {
            let until = Timestamp::UNIX_EPOCH + left;
            for deadline in [Deadline::At(until), Deadline::After(TIME)] {
                let (old, serves, comes) = (registered(1, 10), registered(2, 10), registered(3, 10));
                let leave = leaves(ChangeReason::NotSelected, Pace::Replaced(deadline, Ability::Yes));
                let old = own(&old, leave, Tenure::Established);
                let wanted = || PodIntent::Serve(PodWeight::Known(10));
                let targets = [
                    OwnTarget { leaving_for: TIME - left, health: Some(Health::Healthy), ..old },
                    OwnTarget { health: Some(Health::Healthy), ..own(&serves, wanted(), Tenure::Established) },
                    own(&comes, wanted(), Tenure::Unproven),
                ];
                let expected = left.is_positive().then_some(Retained::Replacing(until));
                assert_eq!(kept(&targets, HealthSight::Read), expected, "{left}, {deadline:?}");
            }
        }
    }

    #[test]
    fn one_that_is_not_wanted_any_more_goes_on_beyond_its_time_where_nobody_is_known_to_serve() {
        let over = |weight, health| {
            let (old, new) = (registered(1, weight), registered(2, 10));
            let pace = Pace::Replaced(Deadline::After(TIME), Ability::Yes);
            let old = own(&old, leaves(ChangeReason::NotSelected, pace), Tenure::Established);
            let new = own(&new, PodIntent::Serve(PodWeight::Known(10)), Tenure::Established);
            kept(&[OwnTarget { leaving_for: TIME, ..old }, OwnTarget { health, ..new }], HealthSight::Read)
        };
        assert_eq!(over(10, None), Some(Retained::Last));
        assert_eq!(over(10, Some(Health::Healthy)), None);
        assert_eq!(over(0, None), None, "it has no weight to keep");
    }
}
