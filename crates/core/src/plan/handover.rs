//! Targets that another listener of the load balancer waits for, because it is to have their Pods now and this one is not.
//!
//! CLB takes an address and port on one listener of a protocol only. Listeners that exchange their Pods would wait for each other for ever:
//! each keeps its former Pods until others serve in their place, and these are the former Pods of the other. So they pass a few at a time,
//! and never the last.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use crate::model::{Address, Health, RegisteredTarget};
use crate::mutant::{self, Mutant};

use super::departure::{Deadline, Leave, Pace, PodIntent};
use super::floor::{HealthSight, OwnTarget, Retained, Tenure};
use super::health::is_healthy;

/// Of so many targets, one at a time passes.
const AT_A_TIME: usize = 4;
/// How long the cloud may take to let go of a target without weight before others stop to wait for that: twice the time it drains for.
pub(super) const GOES_WITHIN: SignedDuration = SignedDuration::from_secs(20);

/// Who waits for an address that is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaits {
    /// Nobody who could take it.
    Nobody,
    /// Another listener, which can wait until others serve in its place.
    Taker,
    /// Another listener, which has what would serve in its place.
    Exchange,
}

/// What there is to know of a route whose targets may pass to another one.
pub(super) struct Handover<'a> {
    /// How many Pods should serve on it.
    pub(super) wanted: usize,
    /// How many of them are to be registered now, or soon: they have no weight any more where they are.
    pub(super) arriving: usize,
    /// Whether health was ever read.
    pub(super) reads: HealthSight,
    /// Whether another listener of the protocol waits for an address.
    pub(super) awaits: &'a dyn Fn(Address) -> Awaits,
    /// Whether the cloud does not let go of a target: nobody waits for it.
    pub(super) is_stuck: &'a dyn Fn(&RegisteredTarget) -> bool,
}

/// Lets those of the targets pass whose turn it is: they are not retained. The others keep their weight until it is their turn. Returns all that are
/// on their way out and awaited, but for those that nobody will replace.
pub(super) fn pass(
    handover: &Handover<'_>,
    own: &[OwnTarget<'_>],
    retained: &mut BTreeMap<Address, Retained>,
) -> Vec<Address> {
    let awaits = |one: &OwnTarget<'_>| match one.intent {
        PodIntent::Leave(_) => (handover.awaits)(one.target.address),
        PodIntent::Serve(_) | PodIntent::Keep => Awaits::Nobody,
    };
    let awaited: Vec<_> = own.iter().filter(|one| awaits(one) != Awaits::Nobody).collect();
    if awaited.is_empty() || mutant::is(Mutant::NobodyPasses) {
        return Vec::new();
    }
    let address = |one: &OwnTarget<'_>| one.target.address;
    if handover.reads == HealthSight::NeverRead {
        return awaited.into_iter().map(address).collect();
    }
    let (exchanged, taken): (Vec<_>, Vec<_>) = awaited.into_iter().partition(|one| awaits(one) == Awaits::Exchange);
    let goes_on = !exchanged.is_empty() && exchange(handover, own, &exchanged, retained);
    let is_kept = |one: &OwnTarget<'_>, keeps: &[Retained]| {
        retained.get(&one.target.address).is_some_and(|why| keeps.contains(why))
    };
    let exchanged = exchanged.into_iter().filter(|one| goes_on || !retained.contains_key(&one.target.address));
    let taken = taken.into_iter().filter(|one| !is_kept(one, &[Retained::Last]));
    exchanged.chain(taken).map(address).collect()
}

/// Lets some of those pass that listeners exchange. Returns whether that goes on.
fn exchange(
    handover: &Handover<'_>,
    own: &[OwnTarget<'_>],
    exchanged: &[&OwnTarget<'_>],
    retained: &mut BTreeMap<Address, Retained>,
) -> bool {
    let Handover { wanted, arriving, is_stuck, .. } = *handover;
    let is_known = own.iter().any(|one| one.target.weight > 0 && is_healthy(one.health));
    let serves = |one: &OwnTarget<'_>| {
        let is_proven = if is_known { is_healthy(one.health) } else { one.tenure == Tenure::Established };
        one.target.weight > 0 && is_proven
    };
    let is_candidate = |one: &&&OwnTarget<'_>| serves(one) && is_replaced(one) && !is_stuck(one.target);
    let candidates: Vec<_> = exchanged.iter().filter(is_candidate).collect();
    let is_retained = |one: &OwnTarget<'_>| retained.contains_key(&one.target.address);
    let staying = own.iter().filter(|one| serves(one) && !matches!(one.intent, PodIntent::Leave(_))).count();
    let is_paced = candidates.iter().any(|one| is_retained(one)) || staying < wanted;
    let leaving = own.iter().filter(|one| serves(one) && is_retained(one) && matches!(one.intent, PodIntent::Leave(_)));
    let serving = staying + leaving.count() + candidates.iter().filter(|one| !is_retained(one)).count();
    let drained = exchanged.iter().filter(|one| one.target.weight == 0 && !is_stuck(one.target)).count();
    let transit = drained + own.iter().filter(|one| is_coming(one)).count();
    let floor = wanted.saturating_sub((wanted / AT_A_TIME).max(1)).max(1);
    let spare = serving.saturating_sub(floor);
    let at_once = ((serving + drained) / AT_A_TIME).max(1).saturating_sub(transit);
    let going = if mutant::is(Mutant::AllPass) { serving } else { at_once.min(spare) };
    let goes_on = arriving > 0 || transit > 0 || (going > 0 && !candidates.is_empty());
    for (place, one) in candidates.iter().enumerate().filter(|_| is_paced) {
        let address = one.target.address;
        match retained.get(&address) {
            _ if place < going => _ = retained.remove(&address),
            Some(Retained::Replacing(_)) => {}
            Some(_) if !goes_on => {}
            _ => _ = retained.insert(address, Retained::InTurn),
        }
    }
    goes_on
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
    use jiff::Timestamp;

    use super::*;
    use crate::api::condition::ChangeReason;
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
        /// The same, and the cloud does not let go of it.
        Stuck,
        /// It leaves, and a listener waits for it that has nobody to give for it.
        Taken,
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
            Kind::Awaited | Kind::Drained | Kind::Stuck | Kind::Taken | Kind::Leaves => {
                Pace::Replaced(Deadline::After(SignedDuration::from_secs(300)), Ability::Yes)
            }
        };
        PodIntent::Leave(Leave { reason: ChangeReason::NotSelected, pace, then: Then::Deregister })
    }

    /// Who is retained afterwards, and why, and who is on the way to another listener.
    fn after(rows: &[Row], reads: HealthSight, wanted: usize, arriving: usize) -> (Vec<(u8, Retained)>, Vec<u8>) {
        let weight = |kind: Kind| if matches!(kind, Kind::Drained | Kind::Stuck) { 0 } else { 10 };
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
        let awaits = |found: Address| {
            let kind = rows.iter().find(|row| address(row.0) == found).map(|row| row.1);
            match kind {
                Some(Kind::Awaited | Kind::Drained | Kind::Stuck | Kind::Ends) => Awaits::Exchange,
                Some(Kind::Taken) => Awaits::Taker,
                Some(Kind::Leaves | Kind::Serves) | None => Awaits::Nobody,
            }
        };
        let is_stuck =
            |target: &RegisteredTarget| rows.iter().any(|row| address(row.0) == target.address && row.1 == Kind::Stuck);
        let handover = Handover { wanted, arriving, reads, awaits: &awaits, is_stuck: &is_stuck };
        let host = |found: Address| rows.iter().map(|row| row.0).find(|host| address(*host) == found).unwrap();
        let passing = pass(&handover, &own, &mut retained).into_iter().map(host).collect();
        (retained.into_iter().map(|(found, why)| (host(found), why)).collect(), passing)
    }

    #[test]
    fn who_is_awaited_passes_in_turn_and_the_last_one_never() {
        use Kind::{Awaited, Drained, Ends, Leaves, Serves, Stuck, Taken};
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
            (vec![(1, Awaited, WELL, LAST), (2, Awaited, WELL, LAST)], 1, 0, vec![(2, InTurn)], all(1, 2)),
            // When their time is over, they go on in turn, and no faster.
            (vec![late(1), late(2), late(3), new(4)], 4, 0, vec![(2, InTurn), (3, InTurn)], all(1, 3)),
            (vec![late(1), late(2), late(3), new(4)], 8, 0, vec![(1, InTurn), (2, InTurn), (3, InTurn)], vec![]),
            // Where enough others serve, all go.
            (vec![late(1), late(2), new(3), new(4)], 2, 0, vec![], all(1, 2)),
            // Nobody waits for what the cloud does not let go of, and others go in its place.
            (vec![(1, Stuck, WELL, None), old(2), old(3), old(4)], 4, 0, rest(2, 4), all(1, 1)),
            (vec![(1, Stuck, WELL, None), old(2), old(3), old(4), new(5)], 4, 0, rest(3, 4), all(1, 4)),
            // Who is awaited by one that has nobody to give for it waits for others, as everybody does.
            (vec![(1, Taken, WELL, EARLY), (2, Taken, WELL, EARLY)], 2, 0, rest(1, 2), all(1, 2)),
            (vec![(1, Taken, WELL, LAST), (2, Taken, WELL, LAST)], 0, 0, vec![(1, Last), (2, Last)], vec![]),
            (vec![(1, Taken, WELL, None), (2, Taken, WELL, LAST)], 0, 0, vec![(2, Last)], all(1, 1)),
            // Who leaves otherwise is not kept by this, and counts as long as it is kept.
            (vec![(1, Ends, WELL, None), old(2), old(3)], 2, 0, rest(3, 3), all(1, 3)),
            (vec![(1, Leaves, WELL, EARLY), old(2)], 2, 0, rest(1, 1), all(2, 2)),
            (vec![(1, Leaves, WELL, None), old(2)], 2, 0, rest(2, 2), vec![]),
            // Who is not found healthy is none of those that serve.
            (vec![(1, Awaited, None, EARLY), old(2)], 2, 0, vec![(1, early), (2, early)], vec![]),
            // Where nobody is found healthy, those that have weight count.
            (vec![(1, Awaited, None, LAST), (2, Awaited, None, LAST)], 2, 0, vec![(2, InTurn)], all(1, 2)),
            (vec![(1, Leaves, WELL, EARLY)], 1, 0, rest(1, 1), vec![]),
            // What is found healthy of one without weight says nothing of the others.
            (
                vec![(1, Awaited, None, LAST), (2, Awaited, None, LAST), (3, Drained, WELL, None)],
                2,
                0,
                vec![(1, InTurn), (2, InTurn)],
                all(1, 3),
            ),
        ];
        for (row, (rows, wanted, arriving, retained, passing)) in table.into_iter().enumerate() {
            assert_eq!(after(&rows, HealthSight::Read, wanted, arriving), (retained, passing), "row {row}");
        }
        // Before the first read of health nobody goes, and nothing is said.
        assert_eq!(after(&eight, HealthSight::NeverRead, 8, 0), (rest(1, 8), all(1, 8)));
    }
}
