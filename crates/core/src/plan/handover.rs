//! Targets that another listener of the load balancer waits for, because it is to have their Pods now and this one is not.
//!
//! CLB takes an address and port on one listener of a protocol only. Listeners that exchange their Pods would wait for each other for ever:
//! each keeps its former Pods until others serve in their place, and these are the former Pods of the other. So they pass a few at a time,
//! and never the last.

use std::collections::BTreeMap;

use crate::model::{Address, Health};
use crate::mutant::{self, Mutant};

use super::departure::{Deadline, Leave, Pace, PodIntent};
use super::floor::{HealthSight, OwnTarget, Retained, Tenure};
use super::health::is_healthy;

/// Of so many targets, one at a time passes.
const AT_A_TIME: usize = 4;

/// What there is to know of a route whose targets may pass to another one.
pub(super) struct Handover<'a> {
    /// How many Pods should serve on it.
    pub(super) wanted: usize,
    /// How many of them are to be registered now, or soon: they have no weight any more where they are.
    pub(super) arriving: usize,
    /// Whether health was ever read.
    pub(super) reads: HealthSight,
    /// Whether another listener of the protocol waits for an address.
    pub(super) is_awaited: &'a dyn Fn(Address) -> bool,
}

/// Lets those of the targets pass whose turn it is: they are not retained. The others keep their weight until it is their turn. Returns all that are
/// on their way out and awaited, but for those that nobody will replace.
pub(super) fn pass(
    handover: &Handover<'_>,
    own: &[OwnTarget<'_>],
    retained: &mut BTreeMap<Address, Retained>,
) -> Vec<Address> {
    let Handover { wanted, arriving, reads, is_awaited } = *handover;
    let leaves = |one: &&OwnTarget<'_>| matches!(one.intent, PodIntent::Leave(_)) && is_awaited(one.target.address);
    let awaited: Vec<_> = own.iter().filter(leaves).collect();
    if awaited.is_empty() || reads == HealthSight::NeverRead || mutant::is(Mutant::NobodyPasses) {
        return Vec::new();
    }
    let is_known = own.iter().any(|one| one.target.weight > 0 && is_healthy(one.health));
    let serves = |one: &OwnTarget<'_>| {
        let is_proven = if is_known { is_healthy(one.health) } else { one.tenure == Tenure::Established };
        one.target.weight > 0 && is_proven
    };
    let candidates: Vec<_> = awaited.iter().filter(|one| serves(one) && is_replaced(one)).collect();
    let is_retained = |one: &OwnTarget<'_>| retained.contains_key(&one.target.address);
    let staying = own.iter().filter(|one| serves(one) && !matches!(one.intent, PodIntent::Leave(_))).count();
    let paced = candidates.iter().any(|one| is_retained(one)) || staying < wanted;
    let leaving = own.iter().filter(|one| serves(one) && is_retained(one) && matches!(one.intent, PodIntent::Leave(_)));
    let serving = staying + leaving.count() + candidates.iter().filter(|one| !is_retained(one)).count();
    let drained = awaited.iter().filter(|one| one.target.weight == 0).count();
    let transit = drained + own.iter().filter(|one| is_coming(one)).count();
    // When their time is over, nobody waits for all that are to come any more. That lets no more of them go at once.
    let is_early =
        candidates.iter().any(|one| matches!(retained.get(&one.target.address), Some(Retained::Replacing(_))));
    let floor = if is_early { wanted.saturating_sub((wanted / AT_A_TIME).max(1)).max(1) } else { 1 };
    let spare = serving.saturating_sub(floor);
    let at_once = ((serving + drained) / AT_A_TIME).max(1).saturating_sub(transit);
    let going = if mutant::is(Mutant::AllPass) { serving } else { at_once.min(spare) };
    let goes_on = arriving > 0 || transit > 0 || spare > 0;
    for (place, one) in candidates.iter().enumerate().filter(|_| paced) {
        let address = one.target.address;
        if place < going {
            retained.remove(&address);
        } else if goes_on && !matches!(retained.get(&address), Some(Retained::Replacing(_))) {
            retained.insert(address, Retained::InTurn);
        }
    }
    let is_passing = |one: &&&OwnTarget<'_>| goes_on || !retained.contains_key(&one.target.address);
    awaited.iter().filter(is_passing).map(|one| one.target.address).collect()
}

/// Its Pod lives and is not wanted there any more.
const fn is_replaced(one: &OwnTarget<'_>) -> bool {
    matches!(&one.intent, PodIntent::Leave(Leave { pace: Pace::Replaced(Deadline::After(_), _), .. }))
}

/// It is to serve, and nobody has judged it yet.
fn is_coming(one: &OwnTarget<'_>) -> bool {
    matches!(&one.intent, PodIntent::Serve(weight) if !weight.is_zero())
        && !is_healthy(one.health)
        && one.health != Some(Health::Unhealthy)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::api::condition::ChangeReason;
    use crate::model::RegisteredTarget;
    use crate::plan::departure::{Ability, Then};
    use crate::plan::floor::Readiness;
    use crate::plan::weight::PodWeight;

    /// A target: its address, what is the case with it, and why it is retained.
    type Row = (u8, Kind, Option<Health>, Option<Retained>);

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Kind {
        /// It leaves, and another listener waits for it.
        Awaited,
        /// The same without weight.
        Drained,
        /// It leaves at once, and another listener waits for it.
        Ends,
        /// It leaves.
        Leaves,
        /// It is wanted.
        Serves,
    }

    const EARLY: Option<Retained> = Some(Retained::Replacing(Timestamp::UNIX_EPOCH));
    const LAST: Option<Retained> = Some(Retained::Last);
    const WELL: Option<Health> = Some(Health::Healthy);

    fn address(host: u8) -> Address {
        Address { ip: [10, 0, 0, host].into(), port: 80 }
    }

    fn intent(kind: Kind) -> PodIntent {
        let pace = match kind {
            Kind::Serves => return PodIntent::Serve(PodWeight::Known(10)),
            Kind::Ends => Pace::AtOnce,
            Kind::Awaited | Kind::Drained | Kind::Leaves => {
                Pace::Replaced(Deadline::After(SignedDuration::from_secs(300)), Ability::Yes)
            }
        };
        PodIntent::Leave(Leave { reason: ChangeReason::NotSelected, pace, then: Then::Deregister })
    }

    /// Who is retained afterwards, and why, and who is on the way to another listener.
    fn after(rows: &[Row], reads: HealthSight, wanted: usize, arriving: usize) -> (Vec<(u8, Retained)>, Vec<u8>) {
        let weight = |kind: Kind| if kind == Kind::Drained { 0 } else { 10 };
        let target =
            |row: &Row| RegisteredTarget { address: address(row.0), weight: weight(row.1), tag: String::new() };
        let targets: Vec<_> = rows.iter().map(target).collect();
        let own = |(row, target)| {
            let (_, kind, health, _): &Row = row;
            let (tenure, readiness) = (Tenure::Established, Readiness::Ready);
            OwnTarget {
                target,
                intent: intent(*kind),
                leaving_for: SignedDuration::ZERO,
                health: *health,
                tenure,
                readiness,
            }
        };
        let own: Vec<_> = rows.iter().zip(&targets).map(own).collect();
        let mut retained = rows.iter().filter_map(|row| Some((address(row.0), row.3?))).collect();
        let is_awaited = |found: Address| {
            rows.iter()
                .any(|row| address(row.0) == found && matches!(row.1, Kind::Awaited | Kind::Drained | Kind::Ends))
        };
        let handover = Handover { wanted, arriving, reads, is_awaited: &is_awaited };
        let host = |found: Address| rows.iter().map(|row| row.0).find(|host| address(*host) == found).unwrap();
        let passing = pass(&handover, &own, &mut retained).into_iter().map(host).collect();
        (retained.into_iter().map(|(found, why)| (host(found), why)).collect(), passing)
    }

    #[test]
    fn who_is_awaited_passes_in_turn_and_the_last_one_never() {
        use Kind::{Awaited, Drained, Ends, Leaves, Serves};
        use Retained::{InTurn, Last, Replacing};
        let early = Replacing(Timestamp::UNIX_EPOCH);
        let old = |host| (host, Awaited, WELL, EARLY);
        let late = |host| (host, Awaited, WELL, None);
        let new = |host| (host, Serves, WELL, None);
        let eight: Vec<_> = (1..=8).map(old).collect();
        let in_transit = |drained: usize| -> Vec<Row> {
            let kind = |at: usize| if at < drained { (Drained, None) } else { (Awaited, EARLY) };
            (0..8u8).map(|at| (at + 1, kind(at.into()).0, WELL, kind(at.into()).1)).collect()
        };
        let rest = |from: u8, to: u8| (from..=to).map(|host| (host, early)).collect::<Vec<_>>();
        let all = |from: u8, to: u8| (from..=to).collect::<Vec<_>>();
        type Case<'a> = (Vec<Row>, usize, usize, Vec<(u8, Retained)>, Vec<u8>);
        let table: Vec<Case<'_>> = vec![
            // A quarter, as long as no others are in between.
            (eight.clone(), 8, 0, rest(3, 8), all(1, 8)),
            (in_transit(1), 8, 0, rest(3, 8), all(1, 8)),
            (in_transit(2), 8, 0, rest(3, 8), all(1, 8)),
            (vec![old(1), old(2)], 2, 0, rest(2, 2), all(1, 2)),
            // Who comes and is not judged yet is in between, too; who is judged, and has no weight to serve with, is not.
            (vec![old(1), old(2), new(3), (4, Serves, None, None)], 3, 0, rest(1, 2), all(1, 2)),
            (vec![old(1), old(2), new(3), (4, Serves, Some(Health::Unhealthy), None)], 3, 0, rest(2, 2), all(1, 2)),
            // So many serve as should, but for one.
            (vec![old(1), old(2)], 4, 0, rest(1, 2), vec![]),
            (vec![old(1), old(2), new(3)], 4, 0, rest(1, 2), vec![]),
            (vec![old(1), old(2), new(3)], 3, 0, rest(2, 2), all(1, 2)),
            // The last one goes for nobody; it is known to be on its way as long as others come.
            (vec![old(1)], 1, 0, rest(1, 1), vec![]),
            (vec![(1, Awaited, WELL, LAST)], 1, 0, vec![(1, Last)], vec![]),
            (vec![(1, Awaited, WELL, LAST)], 1, 1, vec![(1, InTurn)], all(1, 1)),
            (vec![(1, Awaited, WELL, LAST), (2, Awaited, WELL, LAST)], 0, 0, vec![(2, InTurn)], all(1, 2)),
            // When their time is over, they go on in turn.
            (vec![late(1), late(2), late(3), new(4)], 8, 0, vec![(2, InTurn), (3, InTurn)], all(1, 3)),
            // Where enough others serve, all go.
            (vec![late(1), late(2), new(3), new(4)], 2, 0, vec![], all(1, 2)),
            // Who leaves otherwise is not kept by this, and counts as long as it is kept.
            (vec![(1, Ends, WELL, None), old(2), old(3)], 2, 0, rest(3, 3), all(1, 3)),
            (vec![(1, Leaves, WELL, EARLY), old(2)], 2, 0, rest(1, 1), all(2, 2)),
            (vec![(1, Leaves, WELL, None), old(2)], 2, 0, rest(2, 2), vec![]),
            // Who is not found healthy is none of those that serve.
            (vec![(1, Awaited, None, EARLY), old(2)], 2, 0, vec![(1, early), (2, early)], vec![]),
            // Where nobody is found healthy, those that have weight count.
            (vec![(1, Awaited, None, LAST), (2, Awaited, None, LAST)], 2, 0, vec![(2, InTurn)], all(1, 2)),
            (vec![(1, Leaves, WELL, EARLY)], 1, 0, rest(1, 1), vec![]),
        ];
        for (row, (rows, wanted, arriving, retained, passing)) in table.into_iter().enumerate() {
            assert_eq!(after(&rows, HealthSight::Read, wanted, arriving), (retained, passing), "row {row}");
        }
        assert_eq!(after(&eight, HealthSight::NeverRead, 8, 0), (rest(1, 8), vec![]));
    }
}
