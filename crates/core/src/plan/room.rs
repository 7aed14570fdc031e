//! Who leaves so that others find room, where the quota of targets is used up.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::model::Address;

use super::departure::PodIntent;
use super::floor::{OwnTarget, Retained, Tenure};
use super::health::is_healthy;
use super::weight::PodWeight;

/// How long connections of a drained target are given before another Pod may need its room, or another listener its Pod.
pub(super) const ROOM_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// How many newcomers find no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needed {
    /// All of them.
    pub(super) all: usize,
    /// Those that will have weight. Nobody who has some leaves for the others.
    pub(super) serving: usize,
}

impl Needed {
    /// What is needed when so many have found room.
    pub(super) const fn less(self, found: usize) -> Self {
        Self { all: self.all.saturating_sub(found), serving: self.serving.saturating_sub(found) }
    }

    /// How many of these leave for that, of whom those without weight come first.
    pub(super) fn of(self, leaving: &[&OwnTarget<'_>]) -> usize {
        let drained = leaving.iter().take_while(|one| one.target.weight == 0).count();
        self.all.min(drained).max(self.serving)
    }
}

/// Newcomers that will serve and do not yet: while there are many, nobody who serves makes room for more.
pub(super) fn in_flight(own: &[OwnTarget<'_>]) -> usize {
    let comes = |one: &&OwnTarget<'_>| match &one.intent {
        PodIntent::Serve(PodWeight::Known(0)) => false,
        PodIntent::Serve(_) => !is_healthy(one.health),
        PodIntent::Keep | PodIntent::Leave(_) => false,
    };
    own.iter().filter(comes).count()
}

/// Those of `leaving` that may go now, in this order: who has drained for long, who never served, and of those who serve at most
/// `allowed`. The last one that serves goes for nobody.
pub(super) fn in_order<'a>(
    leaving: &[&'a OwnTarget<'a>],
    own: &[OwnTarget<'_>],
    retained: &BTreeMap<Address, Retained>,
    allowed: usize,
    drained_for: impl Fn(Address) -> SignedDuration,
) -> Vec<&'a OwnTarget<'a>> {
    let is_retained = |one: &OwnTarget<'_>| retained.contains_key(&one.target.address);
    let drained = leaving.iter().filter(|one| one.target.weight == 0);
    let mut drained: Vec<_> = drained.map(|one| (drained_for(one.target.address), *one)).collect();
    drained.retain(|(lasts, _)| *lasts >= ROOM_AFTER);
    drained.sort_by_key(|(lasts, one)| (Reverse(*lasts), one.target.address));
    // They have no connections.
    let unproven = leaving.iter().filter(|one| {
        one.target.weight > 0 && one.tenure == Tenure::Unproven && !is_healthy(one.health) && !is_retained(one)
    });
    let is_known = own.iter().any(|one| one.target.weight > 0 && is_healthy(one.health));
    let serves_on = |one: &&OwnTarget<'_>| {
        let is_proven = if is_known { is_healthy(one.health) } else { one.tenure == Tenure::Established };
        one.target.weight > 0 && is_proven && (!matches!(one.intent, PodIntent::Leave(_)) || is_retained(one))
    };
    let spare = own.iter().filter(serves_on).count().saturating_sub(1);
    let serving = leaving.iter().filter(|one| is_retained(one)).take(allowed.min(spare));
    drained.iter().map(|(_, one)| *one).chain(unproven.copied()).chain(serving.copied()).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::api::condition::ChangeReason;
    use crate::model::{Health, RegisteredTarget};
    use crate::plan::departure::{Ability, Leave, Pace, Then};
    use crate::plan::floor::Readiness;

    /// What a target is, what the cloud says of it, and whether it keeps its weight although it leaves.
    type Row = (u8, Kind, u8, Health, Tenure, bool);

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Kind {
        Leaves,
        Serves,
    }

    fn order(rows: &[Row], allowed: usize) -> Vec<String> {
        let address = |host: u8| Address { ip: [10, 0, 0, host].into(), port: 80 };
        let targets: Vec<_> = rows
            .iter()
            .map(|(host, _, weight, ..)| RegisteredTarget {
                address: address(*host),
                weight: *weight,
                tag: String::new(),
            })
            .collect();
        let leave = || {
            let pace = Pace::Judged(Ability::Yes);
            PodIntent::Leave(Leave { reason: ChangeReason::PodDeleted, pace, then: Then::WeightZero })
        };
        let own: Vec<_> = rows
            .iter()
            .zip(&targets)
            .map(|((_, kind, _, health, tenure, _), target)| OwnTarget {
                target,
                intent: if *kind == Kind::Leaves { leave() } else { PodIntent::Serve(PodWeight::Known(10)) },
                leaving_for: SignedDuration::ZERO,
                health: Some(*health),
                tenure: *tenure,
                readiness: Readiness::Ready,
            })
            .collect();
        let retained = rows.iter().filter(|row| row.5);
        let retained = retained.map(|row| (address(row.0), Retained::Replacing(Timestamp::UNIX_EPOCH))).collect();
        let leaving: Vec<_> = own.iter().filter(|one| matches!(one.intent, PodIntent::Leave(_))).collect();
        let drained = |found: Address| SignedDuration::from_secs(if found == address(9) { 9 } else { 10 });
        in_order(&leaving, &own, &retained, allowed, drained)
            .iter()
            .map(|one| one.target.address.ip.to_string())
            .collect()
    }

    #[test]
    fn who_serves_goes_last_and_the_last_one_never() {
        use Health::{Healthy, Unknown};
        use Kind::{Leaves, Serves};
        use Tenure::{Established, Unproven};
        let old = (1, Leaves, 10, Healthy, Established, true);
        let other = (2, Leaves, 10, Healthy, Established, true);
        let unproven = (3, Leaves, 10, Unknown, Unproven, false);
        let drained = (4, Leaves, 0, Unknown, Established, false);
        let newcomer = (5, Serves, 10, Healthy, Established, false);
        let blind = (6, Leaves, 10, Unknown, Established, true);
        let other_blind = (7, Leaves, 10, Unknown, Established, true);
        let just = (9, Leaves, 0, Unknown, Established, false);
        let table: [(&[Row], usize, &[u8]); 17] = [
            (&[old], 1, &[]),
            (&[old, unproven], 1, &[3]),
            (&[old, other], 1, &[1]),
            (&[old, other], 9, &[1]),
            (&[old, newcomer], 9, &[1]),
            (&[old, unproven, drained, other], 1, &[4, 3, 1]),
            (&[just, blind], 1, &[]),
            (&[blind, other_blind, unproven], 0, &[3]),
            // Who is kept, or is found healthy, may have connections.
            (&[(3, Leaves, 10, Unknown, Unproven, true), newcomer], 0, &[]),
            (&[(3, Leaves, 10, Healthy, Unproven, false), newcomer], 0, &[]),
            (&[(9, Leaves, 0, Unknown, Unproven, false), newcomer], 1, &[]),
            // Where nobody is found healthy, those that were registered before count.
            (&[blind, other_blind], 1, &[6]),
            (&[blind, other_blind, (5, Serves, 0, Healthy, Established, false)], 1, &[6]),
            (&[blind, (5, Serves, 10, Unknown, Unproven, false)], 1, &[]),
            // Who has no weight, is not found healthy, or leaves now, serves nobody in its place.
            (&[old, (5, Serves, 0, Healthy, Established, false)], 1, &[]),
            (&[old, (5, Serves, 10, Unknown, Established, false)], 1, &[]),
            (&[old, (2, Leaves, 10, Healthy, Established, false)], 1, &[]),
        ];
        for (row, (rows, allowed, expected)) in table.iter().enumerate() {
            let expected: Vec<_> = expected.iter().map(|host| format!("10.0.0.{host}")).collect();
            assert_eq!(order(rows, *allowed), expected, "row {row}");
        }
    }
}
