//! Targets of one route: which to register, reweight and deregister, why, and which are none of our business.
//!
//! A target is ours when its tag carries the mark of a binding in the snapshot. The tag also names the Pod, so that an
//! address that came back with another Pod is recognised. Where the cloud shows no tags, see [`TagSight`].

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::ChangeReason;
use crate::model::{Address, Phase, Pod, RegisteredTarget, Route};
use crate::mutant::{self, Mutant};

use super::departure::{Deadline, Leave, Pace, PodIntent, Then};
use super::endpoint::Candidate;
use super::floor::{Floor, OtherBindings, OwnTarget, Retained};
use super::removals::{self, Removals};
use super::scope::{Owner, PodIndex, RouteScope, RouteTargets, Unmatched};
use super::step::{Removal, WeightChange};
use super::weight::PodWeight;
use super::{HeldWeight, Registration, Sighting, handover, heir, held_weight};

/// What is to be done about the targets of one route, for one binding.
#[derive(Debug, Default)]
pub(super) struct TargetPlan {
    /// Targets that leave before others are registered, because these need the room.
    pub(super) make_room: Vec<Removal>,
    /// Missing targets.
    pub(super) register: Vec<Registration>,
    /// Targets with another weight than wanted.
    pub(super) reweight: Vec<WeightChange>,
    /// Targets to take away.
    pub(super) deregister: Vec<Removal>,
    /// Targets of living Pods that are on their way out, with the reason and since when; their start is recorded before they lose their weight.
    pub(super) draining: Vec<(Address, ChangeReason, Timestamp)>,
    /// What is the case and counts by how long it has been so.
    pub(super) sightings: Vec<Sighting>,
    /// Desired Pods that found no room within the quota.
    pub(super) left_out: Vec<String>,
    /// Desired Pods whose address somebody else has registered.
    pub(super) in_use: Vec<String>,
    /// Targets of Pods of which nothing says that they are to leave, and nothing where they are to be: they stay as they are.
    pub(super) kept: Vec<KeptTarget>,
    /// Targets that leave and keep their weight because others do not serve yet.
    pub(super) replacing: Vec<RetainedPod>,
    /// Names of Pods whose targets leave and keep their weight because nobody else would serve.
    pub(super) last: Vec<LastPod>,
    /// Targets that are ours and stay, at weight 0, until their Pods have ended.
    pub(super) waiting: usize,
    /// When the first of those that wait for a time is done; `None` when none does.
    pub(super) look_at: Option<Timestamp>,
    /// Targets of ours that a read shows.
    pub(super) ours: usize,
    /// Targets that have weight.
    pub(super) weighted: usize,
    /// Those of them that leave for a reason that a hold of removals covers, whether it is in force or not.
    pub(super) leaving: Vec<Address>,
    /// Targets that a hold of removals keeps as they are.
    pub(super) withheld: usize,
    /// Weights of Pods that their targets do not show.
    pub(super) held_weights: Vec<HeldWeight>,
    /// Targets on their way out that another listener waits for.
    pub(super) passing: Vec<(Route, Address)>,
}

/// A Pod whose target leaves and keeps its weight for now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetainedPod {
    /// Its name.
    pub pod: String,
    /// Why it leaves.
    pub reason: ChangeReason,
    /// For what it waits.
    pub until: Until,
}

/// For what a target waits that leaves and keeps its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Until others serve, or this moment.
    OthersServe(Timestamp),
    /// Until it is its turn: a few go at a time.
    Turn,
    /// For as long as it can serve: nobody else would.
    SomebodyServes,
}

/// A target that stays as it is, because nobody knows where its Pod is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTarget {
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The Pod's UID.
    pub pod: String,
}

/// A Pod that is kept as one of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastPod {
    /// Its name.
    pub(super) pod: String,
    /// Why it would leave.
    pub(super) reason: ChangeReason,
}

/// Compares the wanted with the observed targets of one route.
pub(super) fn targets(scope: &RouteScope<'_>, observed: &[RegisteredTarget]) -> TargetPlan {
    let mut plan = TargetPlan::default();
    let pods = PodIndex::new(scope);
    let mut own = Vec::new();
    let mut heirs = Vec::new();
    let mut present = BTreeSet::new();
    let mut shared = 0;
    for target in observed {
        present.insert(target.address);
        let candidate = scope.candidate(target.address);
        match scope.owner(target, candidate, &pods) {
            Owner::Ours(mark) => {
                plan.ours += 1;
                match candidate.filter(|candidate| heir::is_heir(target, &mark, candidate, &pods)) {
                    Some(candidate) => heirs.push(scope.own_target(target, PodIntent::Keep, scope.pod_of(candidate))),
                    None => plan.own(scope, target, &mark, candidate, &pods, &mut own),
                }
            }
            Owner::Unmarked if candidate.is_some() => {
                let intent = candidate.map_or(PodIntent::Keep, |candidate| weighed_only(&candidate.intent));
                own.push(scope.own_target(target, intent, candidate.and_then(|one| scope.pod_of(one))));
            }
            Owner::Unmarked | Owner::Foreign if mutant::is(Mutant::ForeignTargets) => {
                plan.gone(scope, target, None, ChangeReason::PodGone);
            }
            Owner::Unmarked => {}
            // It serves for this one, too, and is the other's to weigh and to take away.
            Owner::Foreign if candidate.is_some_and(|candidate| scope.is_of_sibling(target, candidate)) => {
                let pod = candidate.and_then(|candidate| scope.pod_of(candidate));
                shared += usize::from(target.weight > 0);
                own.push(scope.own_target(target, PodIntent::Keep, pod));
            }
            Owner::Foreign => plan.in_use.extend(
                candidate.filter(|found| matches!(found.intent, PodIntent::Serve(_))).map(|found| found.pod.clone()),
            ),
        }
    }
    let wanted = match scope.wants {
        RouteTargets::Wanted(endpoints) => endpoints.wanted.len(),
        RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => usize::MAX,
    };
    plan.weighted = own.iter().filter(|one| one.target.weight > 0).count() - shared;
    let others = if scope.is_served_by_siblings(observed) { OtherBindings::Serve } else { OtherBindings::DoNot };
    plan.register_anew(scope, &heirs, &own, (others, scope.quota.saturating_sub(observed.len())));
    let floor = Floor::new(&own, others, scope.reads, scope.now);
    let mut retained = floor.retained(wanted);
    let is_stuck = |target: &RegisteredTarget| scope.is_stuck(target);
    let handover = scope.handover(wanted, &present, &is_stuck);
    let passing = handover::pass(&handover, &own, &mut retained);
    if scope.removals.held().is_none() {
        plan.passing = passing.into_iter().map(|address| (scope.route.clone(), address)).collect();
    }
    let remark = floor.remark(wanted);
    for one in &own {
        plan.settle(scope, one, retained.get(&one.target.address), &pods, &remark);
    }
    plan.register(scope, &present, observed.len(), &own, &retained);
    plan.held_weights = held_weight::held_weights(scope, &own, &plan.reweight, &pods);
    plan
}

/// Why a living Pod is not where its target is; `None` when it is, or may be.
fn moved(scope: &RouteScope<'_>, address: Address, pod: &Pod) -> Option<ChangeReason> {
    let is_there = pod.ips.contains(&address.ip);
    let is_reassigned = scope.view.reassigned.contains(&address.ip);
    match (is_there, pod.phase) {
        // Nothing that its object says is of use.
        (_, Phase::Unknown) => is_reassigned.then_some(ChangeReason::AddressReused),
        (true, _) => None,
        (false, _) if is_reassigned => Some(ChangeReason::AddressReused),
        // Without any address it may be about to get this one again.
        (false, _) if pod.ips.is_empty() => None,
        (false, _) => Some(ChangeReason::AddressChanged),
    }
}

/// A target that somebody else has registered at our Pod's address is weighed, and never taken away.
fn weighed_only(intent: &PodIntent) -> PodIntent {
    match intent {
        PodIntent::Leave(leave) => PodIntent::Leave(Leave { then: Then::WeightZero, ..leave.clone() }),
        PodIntent::Serve(_) | PodIntent::Keep => intent.clone(),
    }
}

impl TargetPlan {
    /// A target that carries this binding's mark.
    fn own<'t>(
        &mut self,
        scope: &RouteScope<'_>,
        target: &'t RegisteredTarget,
        mark: &str,
        candidate: Option<&Candidate>,
        pods: &PodIndex<'_>,
        own: &mut Vec<OwnTarget<'t>>,
    ) {
        let pod = pods.by_mark(mark).filter(|_| !mark.is_empty());
        let living = pod.filter(|pod| pod.phase != Phase::Finished);
        if let Some(moved) = living.and_then(|pod| moved(scope, target.address, pod)) {
            return self.gone(scope, target, pod, moved);
        }
        match (candidate, living) {
            (Some(candidate), _)
                if !mark.is_empty() && candidate.pod_uid.starts_with(mark) || mutant::is(Mutant::AddressStays) =>
            {
                own.push(scope.own_target(target, candidate.intent.clone(), scope.pod_of(candidate)));
            }
            // The address came back with another Pod. Registering it anew makes the cloud forget the old Pod's health.
            (Some(_), _) => self.gone(scope, target, pod, ChangeReason::AddressReused),
            (None, None) if pod.is_some() => self.gone(scope, target, pod, ChangeReason::PodFinished),
            (None, None) => match scope.left_by_another_cluster(target) {
                Some(intent) => own.push(scope.own_target(target, intent, None)),
                None => self.gone(scope, target, None, ChangeReason::PodGone),
            },
            // It serves on for another binding, which cannot register it while it is there.
            (None, Some(pod))
                if matches!(scope.wants, RouteTargets::Wanted(_)) && scope.is_wanted_elsewhere(target.address, pod) =>
            {
                let weight = PodWeight::Unsaid { newcomer: target.weight };
                own.push(scope.own_target(target, PodIntent::Serve(weight), Some(pod)));
            }
            (None, Some(pod)) => match scope.unmatched(pod, pods) {
                Unmatched::Intent(intent) => own.push(scope.own_target(target, intent, Some(pod))),
                Unmatched::Held => {
                    self.kept.push(KeptTarget {
                        route: scope.route.clone(),
                        address: target.address,
                        pod: pod.uid.clone(),
                    });
                    own.push(scope.own_target(target, PodIntent::Keep, Some(pod)));
                }
            },
        }
    }

    /// Nothing of ours answers there any more.
    pub(super) fn gone(
        &mut self,
        scope: &RouteScope<'_>,
        target: &RegisteredTarget,
        pod: Option<&Pod>,
        reason: ChangeReason,
    ) {
        if mutant::is(Mutant::GoneStays) {
            return;
        }
        let pod = pod.map(|pod| pod.key.name.clone());
        match scope.wants {
            RouteTargets::Frozen if target.weight == 0 => {}
            RouteTargets::Frozen => {
                self.reweight.push(scope.weight_change(target, pod, 0, reason, String::new()));
            }
            _ if target.weight == 0 && mutant::is(Mutant::GoneStaysWithoutWeight) => {}
            _ if mutant::is(Mutant::GoneStaysWithoutWeight) => {
                self.reweight.push(scope.weight_change(target, pod, 0, reason, String::new()));
            }
            _ => self.deregister.push(scope.removal(target, pod, reason)),
        }
    }

    /// Weighs a target that stays, and lets go one that may leave.
    fn settle(
        &mut self,
        scope: &RouteScope<'_>,
        one: &OwnTarget<'_>,
        retained: Option<&Retained>,
        pods: &PodIndex<'_>,
        remark: &str,
    ) {
        let leave = match &one.intent {
            PodIntent::Keep => return,
            PodIntent::Serve(PodWeight::Unreadable { .. } | PodWeight::Unsaid { .. }) => {
                // A weight that was taken while the Pod could not serve comes back; nothing else is known.
                let pod = scope.pod_name(one.target, pods);
                let before = pod.as_deref().and_then(|pod| scope.held_weight(pod));
                if let Some(weight) = before.filter(|weight| one.target.weight == 0 && *weight > 0) {
                    let change = scope.weight_change(one.target, pod, weight, ChangeReason::PodReady, String::new());
                    self.reweight.push(change);
                }
                return;
            }
            PodIntent::Serve(PodWeight::Known(weight)) => {
                let is_lowered = *weight < one.target.weight && *weight > 0;
                if is_lowered && scope.removals.held().is_some() {
                    self.withheld += 1;
                } else if one.target.weight != *weight && !mutant::is(Mutant::DriftStays) {
                    let pod = scope.pod_name(one.target, pods);
                    let reason = scope.reason_of_weight(one.target, pod.as_deref(), *weight);
                    self.reweight.push(scope.weight_change(one.target, pod, *weight, reason, String::new()));
                }
                return;
            }
            PodIntent::Leave(leave) => leave,
        };
        let is_living =
            matches!(leave.pace, Pace::Replaced(Deadline::After(_), _)) || matches!(leave.then, Then::Drain(_));
        if is_living && one.target.weight > 0 {
            self.sightings.push(Sighting::Leaving(scope.route.clone(), one.target.address));
        }
        let pod = scope.pod_name(one.target, pods);
        match retained {
            Some(Retained::Replacing(until)) => {
                let (pod, reason) = (pod.unwrap_or_default(), leave.reason);
                self.replacing.push(RetainedPod { pod, reason, until: Until::OthersServe(*until) });
                self.look_by(Some(*until));
            }
            Some(Retained::InTurn) => {
                let (pod, reason) = (pod.unwrap_or_default(), leave.reason);
                self.replacing.push(RetainedPod { pod, reason, until: Until::Turn });
            }
            Some(Retained::Last) => self.last.push(LastPod { pod: pod.unwrap_or_default(), reason: leave.reason }),
            None if self.is_withheld(scope, one, leave, pods) => {}
            None => self.let_go(scope, one, leave, pod, remark),
        }
    }

    /// Whether a hold of removals keeps a target that would leave; then all that is done is what a user asks for.
    fn is_withheld(&mut self, scope: &RouteScope<'_>, one: &OwnTarget<'_>, leave: &Leave, pods: &PodIndex<'_>) -> bool {
        let (target, pod) = (one.target, scope.pod(one.target, pods));
        let is_zero_wished = pod.is_some_and(|pod| scope.is_zero_wished(pod));
        if !removals::covers(leave.reason, pod) {
            return false;
        }
        if target.weight > 0 && !is_zero_wished {
            self.leaving.push(target.address);
        }
        if *scope.removals == Removals::Allowed {
            return false;
        }
        let is_drained = target.weight == 0;
        if !is_drained && is_zero_wished {
            let name = pod.map(|pod| pod.key.name.clone());
            self.reweight.push(scope.weight_change(target, name, 0, ChangeReason::UserWeight, String::new()));
            self.waiting += 1;
            return true;
        }
        match leave.then {
            // Nothing would be done to it, or not yet.
            Then::WeightZero if is_drained => false,
            Then::Drain(time) if is_drained && !time.is_zero() => {
                if scope.drained_for(target.address) < time {
                    return false;
                }
                // Its time goes on to count.
                self.draining.push((target.address, leave.reason, scope.drained_since(target.address)));
                self.sightings.push(Sighting::Drained(scope.route.clone(), target.address));
                self.withheld += 1;
                true
            }
            Then::WeightZero | Then::Drain(_) | Then::Deregister => {
                self.withheld += 1;
                true
            }
        }
    }

    /// A target leaves.
    fn let_go(
        &mut self,
        scope: &RouteScope<'_>,
        one: &OwnTarget<'_>,
        leave: &Leave,
        pod: Option<String>,
        remark: &str,
    ) {
        let (target, address) = (one.target, one.target.address);
        let is_living = matches!(leave.then, Then::Drain(_));
        match scope.then(leave, address) {
            Then::Deregister => self.deregister.push(scope.removal(target, pod, leave.reason)),
            Then::Drain(time) if target.weight == 0 => {
                let left = time.saturating_sub(scope.drained_for(address));
                if !time.is_zero() {
                    // Should the cloud not take it, its time goes on to count.
                    self.draining.push((address, leave.reason, scope.drained_since(address)));
                    self.sightings.push(Sighting::Drained(scope.route.clone(), address));
                }
                if !left.is_positive() && !mutant::is(Mutant::DrainsForEver) {
                    self.deregister.push(scope.removal(target, pod, ChangeReason::Drained));
                } else {
                    self.waiting += 1;
                    self.look_by(scope.now.saturating_add(left).ok());
                }
            }
            Then::WeightZero if target.weight == 0 => {
                self.waiting += 1;
                self.sightings.push(Sighting::Drained(scope.route.clone(), address));
            }
            // Traffic goes to a Pod that cannot serve: better cut than lost.
            Then::WeightZero if scope.refuses_weight(address) => {
                self.deregister.push(scope.removal(target, pod, leave.reason));
            }
            Then::Drain(_) | Then::WeightZero => {
                let drains = is_living && leave.then != Then::Drain(SignedDuration::ZERO);
                // Otherwise it would be replaced at its pace.
                let is_asked_for = drains && leave.pace == Pace::AtOnce;
                let reason = if is_asked_for { ChangeReason::UserWeight } else { leave.reason };
                self.reweight.push(scope.weight_change(target, pod, 0, reason, remark.to_owned()));
                self.waiting += 1;
                if drains {
                    // As long as it has weight, its connections are not counted out.
                    self.draining.push((address, leave.reason, scope.recorded(address).unwrap_or(scope.now)));
                }
            }
        }
    }

    fn look_by(&mut self, time: Option<Timestamp>) {
        self.look_at = [self.look_at, time].into_iter().flatten().min();
    }
}
