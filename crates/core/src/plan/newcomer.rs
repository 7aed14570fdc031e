//! Targets that are missing on a route: who is registered, and who makes room for them.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::condition::ChangeReason;
use crate::model::{Address, RegisteredTarget};
use crate::mutant::{self, Mutant};

use super::departure::{Leave, PodIntent};
use super::endpoint::{Candidate, Endpoints};
use super::floor::{OwnTarget, Retained};
use super::removals;
use super::room::{self, Needed};
use super::scope::{Owner, PodIndex, RouteScope, RouteTargets};
use super::target::TargetPlan;
use super::weight::PodWeight;

impl TargetPlan {
    /// Registers what is missing, as far as there is room, and makes room.
    pub(super) fn register(
        &mut self,
        scope: &RouteScope<'_>,
        present: &BTreeSet<Address>,
        observed: usize,
        own: &[OwnTarget<'_>],
        retained: &BTreeMap<Address, Retained>,
    ) {
        let RouteTargets::Wanted(endpoints) = scope.wants else { return };
        if mutant::is(Mutant::Starves) && !own.is_empty() {
            return;
        }
        let missing: Vec<_> = endpoints
            .candidates
            .values()
            .filter(|candidate| !present.contains(&candidate.address) && !(scope.is_elsewhere)(candidate.address))
            .filter_map(|candidate| match &candidate.intent {
                PodIntent::Serve(weight) => Some((candidate, weight)),
                PodIntent::Keep | PodIntent::Leave(_) => None,
            })
            .collect();
        // What another binding registers in this round will serve for this one, too.
        let missing = missing.into_iter().filter(|(candidate, _)| !scope.taken.contains(&candidate.address));
        let weight = |candidate: &Candidate, weight: &PodWeight| {
            weight.of_newcomer().or_else(|| scope.held_weight(&candidate.pod)).unwrap_or_default()
        };
        let weighed = missing.map(|(candidate, said)| (candidate, weight(candidate, said)));
        // Who will serve has room first.
        let (serving, idle): (Vec<_>, Vec<_>) = weighed.partition(|(_, weight)| *weight > 0);
        let mut room = scope.quota.saturating_sub(observed + scope.taken.len());
        let all = serving.len() + idle.len();
        if all > room {
            let needed = Needed { all: all - room, serving: serving.len().saturating_sub(room) };
            room += self.make_room(scope, (needed, room), own, retained);
        }
        for (candidate, weight) in serving.into_iter().chain(idle) {
            if room == 0 {
                self.left_out.push(candidate.pod.clone());
                continue;
            }
            room -= 1;
            self.register.push(scope.registration(candidate, weight));
        }
    }

    /// Takes away up to so many targets that leave anyway as are needed, so that as many others can be registered in the same round, where
    /// there is already so much room.
    fn make_room(
        &mut self,
        scope: &RouteScope<'_>,
        (needed, room): (Needed, usize),
        own: &[OwnTarget<'_>],
        retained: &BTreeMap<Address, Retained>,
    ) -> usize {
        let RouteTargets::Wanted(Endpoints { wanted, .. }) = scope.wants else { return 0 };
        if mutant::is(Mutant::NoRoomIsMade) {
            return 0;
        }
        let ended = needed.all.min(self.deregister.len());
        let gone: BTreeSet<_> = self.deregister.iter().take(ended).map(|removal| removal.address).collect();
        self.make_room.extend(self.deregister.drain(..ended));
        let pods = PodIndex::new(scope);
        let is_ours = |target: &RegisteredTarget| {
            matches!(scope.owner(target, scope.candidate(target.address), &pods), Owner::Ours(_))
        };
        let is_held = |one: &OwnTarget<'_>, leave: &Leave| {
            scope.removals.held().is_some() && removals::covers(leave.reason, scope.pod(one.target, &pods))
        };
        let is_leaving = |one: &&OwnTarget<'_>| {
            matches!(&one.intent, PodIntent::Leave(leave) if !is_held(one, leave))
                && is_ours(one.target)
                // Its room counts once.
                && !gone.contains(&one.target.address)
        };
        let leaving: Vec<_> = own.iter().filter(is_leaving).collect();
        // A place that was made and not filled is in flight, too; and nobody leaves for one that the cloud does not take.
        let is_refused = scope.refuses_registrations();
        let allowed = (wanted.len() / 10).max(1).saturating_sub(room::in_flight(own) + room) * usize::from(!is_refused);
        let mut evicted = room::in_order(&leaving, own, retained, allowed, |address| scope.drained_for(address));
        evicted.truncate(needed.less(ended).of(&evicted));
        for one in &evicted {
            let target = one.target;
            // Of those that are not kept it is said already that they leave.
            if let PodIntent::Leave(leave) = &one.intent
                && retained.contains_key(&target.address)
                && removals::covers(leave.reason, scope.pod(target, &pods))
            {
                self.leaving.push(target.address);
            }
            self.reweight.retain(|change| change.address != target.address);
            let pod = scope.pod_name(target, &pods);
            self.make_room.push(scope.removal(target, pod, ChangeReason::RoomNeeded));
        }
        ended + evicted.len()
    }
}
