//! Targets of one route: which to register, reweight and deregister, why, and which are none of our business.
//!
//! A target is ours when its tag carries the mark of a binding in the snapshot. The tag also names the Pod, so that an
//! address that came back with another Pod is recognised. Where the cloud shows no tags, see [`TagSight`].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::{ChangeReason, ExclusionReason};
use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{Address, Health, Phase, Pod, RegisteredTarget, Route, Service, Weight};

use super::departure::{self, Deadline, Leave, Pace, PodIntent, Then};
use super::endpoint::{Candidate, Endpoints, selects};
use super::floor::{Floor, OwnTarget, Retained};
use super::management::Proof;
use super::step::{Removal, WeightChange};
use super::tags::TagSight;
use super::weight::PodWeight;
use super::{BindingView, Registration, Remembered, Sighting};

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
    /// Targets of living Pods that are on their way out, with the reason; their start is recorded before they lose their weight.
    pub(super) draining: Vec<(Address, ChangeReason)>,
    /// What is the case and counts by how long it has been so.
    pub(super) sightings: Vec<Sighting>,
    /// Desired Pods that found no room within the quota.
    pub(super) left_out: Vec<String>,
    /// Desired Pods whose address somebody else has registered.
    pub(super) in_use: Vec<String>,
    /// Pods whose targets are kept although no slice names them.
    pub(super) held: Vec<String>,
    /// Targets that leave and keep their weight because others do not serve yet, with the end of that.
    pub(super) replacing: Vec<Timestamp>,
    /// Names of Pods whose targets leave and keep their weight because nobody else would serve.
    pub(super) last: Vec<LastPod>,
    /// Targets that are ours and stay, at weight 0, until their Pods have ended.
    pub(super) waiting: usize,
    /// When the first of those that wait for a time is done; `None` when none does.
    pub(super) look_at: Option<Timestamp>,
    /// Targets of ours that a read shows.
    pub(super) ours: usize,
}

/// A Pod that is kept as one of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastPod {
    /// Its name.
    pub(super) pod: String,
    /// Why it would leave.
    pub(super) reason: ChangeReason,
}

/// What is wanted on a route.
#[derive(Clone, Copy, Debug)]
pub(super) enum RouteTargets<'a> {
    /// These endpoints.
    Wanted(&'a Endpoints),
    /// It is not known which Pods: none are added, and none are taken away but those that end.
    Unresolved,
    /// None.
    Unwanted(Proof),
    /// Nothing is changed, except that targets of Pods that are gone lose their weight.
    Frozen,
}

/// Whose a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The binding has created it.
    Ours,
    /// Somebody else has.
    Others,
}

/// What the targets of one route are compared with.
pub(super) struct RouteScope<'a> {
    /// The binding.
    pub(super) view: &'a BindingView,
    /// The Service, or what is recorded of it.
    pub(super) service: Option<&'a Service>,
    /// The route.
    pub(super) route: &'a Route,
    /// Whose listener it is on.
    pub(super) holder: Holder,
    /// What is wanted there.
    pub(super) wants: RouteTargets<'a>,
    /// Most targets that the route may hold.
    pub(super) quota: usize,
    /// Addresses that older bindings register there in this round.
    pub(super) taken: &'a BTreeSet<Address>,
    /// Whether tags are shown.
    pub(super) tags: TagSight,
    /// What the cloud says of health, by address.
    pub(super) health: &'a dyn Fn(Address) -> Option<Health>,
    /// What earlier rounds have seen and done.
    pub(super) remembered: &'a Remembered,
    /// When the round began.
    pub(super) now: Timestamp,
}

/// Whose a target is.
enum Owner<'a> {
    /// This binding's, registered for the Pod of this mark.
    Ours(Cow<'a, str>),
    /// Nobody's mark: one at the address of our Pod serves as well as ours.
    Unmarked,
    /// Somebody else's.
    Foreign,
}

/// Compares the wanted with the observed targets of one route.
pub(super) fn targets(scope: &RouteScope<'_>, observed: &[RegisteredTarget]) -> TargetPlan {
    let mut plan = TargetPlan::default();
    let pods = PodIndex::new(scope);
    let mut own = Vec::new();
    let mut present = BTreeSet::new();
    for target in observed {
        present.insert(target.address);
        let candidate = scope.candidate(target.address);
        match scope.owner(target, candidate, &pods) {
            Owner::Ours(mark) => {
                plan.ours += 1;
                plan.own(scope, target, &mark, candidate, &pods, &mut own);
            }
            Owner::Unmarked if candidate.is_some() => {
                let intent = candidate.map_or(PodIntent::Keep, |candidate| weighed_only(&candidate.intent));
                own.push(scope.own_target(target, intent));
            }
            Owner::Unmarked => {}
            Owner::Foreign => plan.in_use.extend(
                candidate.filter(|found| matches!(found.intent, PodIntent::Serve(_))).map(|found| found.pod.clone()),
            ),
        }
    }
    let wanted = match scope.wants {
        RouteTargets::Wanted(endpoints) => endpoints.wanted.len(),
        RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => usize::MAX,
    };
    let floor = Floor::new(&own, scope.now);
    let retained = floor.retained(wanted);
    let remark = floor.remark(wanted);
    for one in &own {
        plan.settle(scope, one, retained.get(&one.target.address), &pods, &remark);
    }
    plan.register(scope, &present, observed.len(), &own, &retained);
    plan
}

/// A target that somebody else has registered at our Pod's address is weighed, and never taken away.
fn weighed_only(intent: &PodIntent) -> PodIntent {
    match intent {
        PodIntent::Leave(leave) => PodIntent::Leave(Leave { then: Then::WeightZero, ..leave.clone() }),
        PodIntent::Serve(_) | PodIntent::Keep => intent.clone(),
    }
}

/// The Pods of a binding's namespace as its targets name them.
struct PodIndex<'a> {
    view: &'a BindingView,
    /// UIDs of Pods that have a candidate.
    addressed: HashSet<&'a str>,
    /// Only where tags do not tell.
    by_ip: HashMap<IpAddr, &'a Pod>,
}

impl<'a> PodIndex<'a> {
    fn new(scope: &RouteScope<'a>) -> Self {
        let mut by_ip = HashMap::new();
        if scope.tags == TagSight::Hidden {
            for pod in scope.view.pods.values().filter(|pod| pod.phase != Phase::Finished && !pod.host_network) {
                by_ip.extend(pod.ips.iter().map(|ip| (*ip, &**pod)));
            }
        }
        let addressed = match scope.wants {
            RouteTargets::Wanted(endpoints) => {
                endpoints.candidates.values().map(|candidate| candidate.pod_uid.as_str()).collect()
            }
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => HashSet::new(),
        };
        Self { view: scope.view, addressed, by_ip }
    }

    /// The Pod that a tag's mark names; a mark is the beginning of a UID.
    fn by_mark(&self, mark: &str) -> Option<&'a Pod> {
        let (uid, pod) = self.view.pods.range(mark.to_owned()..).next()?;
        uid.starts_with(mark).then_some(pod)
    }
}

impl<'a> RouteScope<'a> {
    fn candidate(&self, address: Address) -> Option<&'a Candidate> {
        match self.wants {
            RouteTargets::Wanted(endpoints) => endpoints.candidates.get(&address),
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => None,
        }
    }

    fn owner<'t>(&self, target: &'t RegisteredTarget, candidate: Option<&Candidate>, pods: &PodIndex<'_>) -> Owner<'t> {
        match TargetTag::parse(&target.tag) {
            Some(tag) if self.view.is_uid_of_ours(&tag.binding_uid) => Owner::Ours(tag.pod_mark.into()),
            Some(_) => Owner::Foreign,
            None if !target.tag.is_empty() => Owner::Foreign,
            None if self.tags == TagSight::Hidden && self.holder == Holder::Ours => {
                Owner::Ours(self.mark_of_untagged(target, candidate, pods).into())
            }
            None => Owner::Unmarked,
        }
    }

    /// The Pod for which an untagged target of ours was registered. As long as that is not proven, a Pod that waits for its gate is
    /// not taken for it: the health would be another's.
    fn mark_of_untagged(
        &self,
        target: &RegisteredTarget,
        candidate: Option<&Candidate>,
        pods: &PodIndex<'_>,
    ) -> String {
        if let Some(uid) = self.remembered.registered.get(&(self.route.clone(), target.address)) {
            return pod_mark(uid);
        }
        let uid = candidate.map(|candidate| candidate.pod_uid.as_str());
        let pod = uid
            .and_then(|uid| pods.view.pods.get(uid).map(|pod| &**pod))
            .or_else(|| pods.by_ip.get(&target.address.ip).copied());
        pod.filter(|pod| !pod.gate.is_waiting()).map(|pod| pod_mark(&pod.uid)).unwrap_or_default()
    }

    fn own_target<'t>(&self, target: &'t RegisteredTarget, intent: PodIntent) -> OwnTarget<'t> {
        let sighting = Sighting::Leaving(self.route.clone(), target.address);
        let leaving_since = match intent {
            PodIntent::Leave(_) => self.remembered.since.get(&sighting).copied(),
            PodIntent::Serve(_) | PodIntent::Keep => None,
        };
        OwnTarget { target, intent, leaving_since, health: (self.health)(target.address) }
    }

    /// What is wanted for a target of ours that no candidate stands for; the Pod lives.
    fn unmatched(&self, pod: &Pod, pods: &PodIndex<'_>) -> Unmatched {
        let endpoints = match self.wants {
            RouteTargets::Wanted(endpoints) => endpoints,
            RouteTargets::Unwanted(proof) => return Unmatched::Intent(departure::unwanted(proof)),
            RouteTargets::Unresolved => return self.unresolved(pod),
            RouteTargets::Frozen => return Unmatched::Intent(PodIntent::Keep),
        };
        let publishes_unready = self.service.is_some_and(|service| service.publish_not_ready_addresses);
        let superseded =
            |reason| Unmatched::Intent(departure::superseded(pod, reason, publishes_unready, &endpoints.policy));
        if !self.service.is_some_and(|service| selects(service, pod)) {
            return superseded(ChangeReason::NotSelected);
        }
        let reason = |reason| super::Exclusion { reason, pod: pod.key.name.clone() };
        let is = |excluded| endpoints.exclusions.binary_search(&reason(excluded)).is_ok();
        if [ExclusionReason::HostNetwork, ExclusionReason::NetworkModeMismatch].into_iter().any(is) {
            return superseded(ChangeReason::NetworkChanged);
        }
        if pods.addressed.contains(pod.uid.as_str()) {
            return superseded(ChangeReason::PortChanged);
        }
        // The Service selects the Pod, and only the slices, or its address, fail to name it: that takes nothing away.
        match superseded(ChangeReason::NotSelected) {
            Unmatched::Intent(PodIntent::Leave(leave)) if leave.reason != ChangeReason::NotSelected => {
                Unmatched::Intent(PodIntent::Leave(leave))
            }
            _ => Unmatched::Held,
        }
    }

    /// Nobody knows which Pods are wanted: those that end leave, all others stay.
    fn unresolved(&self, pod: &Pod) -> Unmatched {
        let Some(since) = pod.deleting_since else { return Unmatched::Intent(PodIntent::Keep) };
        Unmatched::Intent(departure::deleted(pod, since, &self.view.binding.spec.drain, self.now))
    }
}

enum Unmatched {
    Intent(PodIntent),
    Held,
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
        match (candidate, living) {
            (Some(candidate), _) if !mark.is_empty() && candidate.pod_uid.starts_with(mark) => {
                own.push(scope.own_target(target, candidate.intent.clone()));
            }
            // The address came back with another Pod. Registering it anew makes the cloud forget the old Pod's health.
            (Some(_), _) => self.gone(scope, target, pod, ChangeReason::AddressReused),
            (None, None) => {
                let reason = if pod.is_some() { ChangeReason::PodFinished } else { ChangeReason::PodGone };
                self.gone(scope, target, pod, reason);
            }
            (None, Some(pod)) => match scope.unmatched(pod, pods) {
                Unmatched::Intent(intent) => own.push(scope.own_target(target, intent)),
                Unmatched::Held => {
                    self.held.push(pod.key.name.clone());
                    own.push(scope.own_target(target, PodIntent::Keep));
                }
            },
        }
    }

    /// Nothing of ours answers there any more.
    fn gone(&mut self, scope: &RouteScope<'_>, target: &RegisteredTarget, pod: Option<&Pod>, reason: ChangeReason) {
        let pod = pod.map(|pod| pod.key.name.clone());
        match scope.wants {
            RouteTargets::Frozen if target.weight == 0 => {}
            RouteTargets::Frozen => {
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
            PodIntent::Keep | PodIntent::Serve(PodWeight::Unreadable { .. }) => return,
            PodIntent::Serve(PodWeight::Known(weight)) => {
                if one.target.weight != *weight {
                    let reason = if one.target.weight == 0 { ChangeReason::PodReady } else { ChangeReason::UserWeight };
                    let pod = scope.pod_name(one.target, pods);
                    self.reweight.push(scope.weight_change(one.target, pod, *weight, reason, String::new()));
                }
                return;
            }
            PodIntent::Leave(leave) => leave,
        };
        if matches!(leave.pace, Pace::Replaced(Deadline::After(_), _)) {
            self.sightings.push(Sighting::Leaving(scope.route.clone(), one.target.address));
        }
        let pod = scope.pod_name(one.target, pods);
        match retained {
            Some(Retained::Replacing(until)) => {
                self.replacing.push(*until);
                self.look_by(Some(*until));
            }
            Some(Retained::Last) => self.last.push(LastPod { pod: pod.unwrap_or_default(), reason: leave.reason }),
            None => self.let_go(scope, one, leave, pod, remark),
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
        match leave.then {
            Then::Deregister => self.deregister.push(scope.removal(target, pod, leave.reason)),
            Then::Drain(time) if target.weight == 0 => {
                let since = scope.drained_since(address);
                let is_over = time.is_zero() || scope.now.duration_since(since) >= time;
                if is_over {
                    self.deregister.push(scope.removal(target, pod, ChangeReason::Drained));
                } else {
                    self.waiting += 1;
                    self.draining.push((address, leave.reason));
                    self.sightings.push(Sighting::Drained(scope.route.clone(), address));
                    self.look_by(since.saturating_add(time).ok());
                }
            }
            Then::WeightZero if target.weight == 0 => self.waiting += 1,
            Then::Drain(_) | Then::WeightZero => {
                self.reweight.push(scope.weight_change(target, pod, 0, leave.reason, remark.to_owned()));
                self.waiting += 1;
                if is_living && leave.then != Then::Drain(SignedDuration::ZERO) {
                    self.draining.push((address, leave.reason));
                }
            }
        }
    }

    fn look_by(&mut self, time: Option<Timestamp>) {
        self.look_at = [self.look_at, time].into_iter().flatten().min();
    }

    /// Registers what is missing, as far as there is room, and makes room.
    fn register(
        &mut self,
        scope: &RouteScope<'_>,
        present: &BTreeSet<Address>,
        observed: usize,
        own: &[OwnTarget<'_>],
        retained: &BTreeMap<Address, Retained>,
    ) {
        let RouteTargets::Wanted(endpoints) = scope.wants else { return };
        let missing: Vec<_> = endpoints
            .candidates
            .values()
            .filter(|candidate| !present.contains(&candidate.address))
            .filter_map(|candidate| match &candidate.intent {
                PodIntent::Serve(weight) => Some((candidate, weight)),
                PodIntent::Keep | PodIntent::Leave(_) => None,
            })
            .collect();
        let (taken, missing): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|(candidate, _)| scope.taken.contains(&candidate.address));
        self.in_use.extend(taken.into_iter().map(|(candidate, _)| candidate.pod.clone()));
        let mut room = scope.quota.saturating_sub(observed + scope.taken.len());
        if missing.len() > room {
            room += self.make_room(scope, missing.len() - room, own, retained);
        }
        for (candidate, weight) in missing {
            if room == 0 {
                self.left_out.push(candidate.pod.clone());
                continue;
            }
            room -= 1;
            self.register.push(scope.registration(candidate, weight.of_newcomer()));
        }
    }

    /// Takes away up to `needed` targets that leave anyway, so that as many others can be registered in the same round.
    fn make_room(
        &mut self,
        scope: &RouteScope<'_>,
        needed: usize,
        own: &[OwnTarget<'_>],
        retained: &BTreeMap<Address, Retained>,
    ) -> usize {
        let RouteTargets::Wanted(Endpoints { wanted, .. }) = scope.wants else { return 0 };
        let ended = needed.min(self.deregister.len());
        self.make_room.extend(self.deregister.drain(..ended));
        let leaving: Vec<_> = own.iter().filter(|one| matches!(one.intent, PodIntent::Leave(_))).collect();
        let mut drained: Vec<_> = leaving
            .iter()
            .filter(|one| one.target.weight == 0)
            .map(|one| (scope.drained_since(one.target.address), one))
            .filter(|(since, _)| scope.now.duration_since(*since) >= ROOM_AFTER)
            .collect();
        drained.sort_by_key(|(since, one)| (*since, one.target.address));
        // Newcomers that do not serve yet are in flight: while there are many, nobody who serves makes room for more.
        let is_in_flight =
            |one: &&OwnTarget<'_>| matches!(one.intent, PodIntent::Serve(_)) && !super::floor::is_healthy(one.health);
        let in_flight = own.iter().filter(is_in_flight).count();
        let allowed = (wanted.len() / 10).max(1).saturating_sub(in_flight);
        let is_replaced =
            |one: &&&OwnTarget<'_>| matches!(retained.get(&one.target.address), Some(Retained::Replacing(_)));
        let replaced = leaving.iter().filter(is_replaced).take(allowed);
        let evicted: Vec<_> =
            drained.iter().map(|(_, one)| *one).chain(replaced).take(needed - ended).map(|one| one.target).collect();
        for target in &evicted {
            self.deregister.retain(|removal| removal.address != target.address);
            self.reweight.retain(|change| change.address != target.address);
            self.make_room.push(scope.removal(target, None, ChangeReason::RoomNeeded));
        }
        ended + evicted.len()
    }
}

/// How long connections of a drained target are given before another Pod may need its room.
const ROOM_AFTER: SignedDuration = SignedDuration::from_secs(10);

impl RouteScope<'_> {
    fn registration(&self, candidate: &Candidate, weight: Weight) -> Registration {
        let tag = TargetTag::new(self.view.uid(), &candidate.pod_uid).to_string();
        Registration {
            owner: self.view.uid().to_owned(),
            route: self.route.clone(),
            address: candidate.address,
            pod: candidate.pod.clone(),
            pod_uid: candidate.pod_uid.clone(),
            weight,
            tag,
            reason: ChangeReason::PodReady,
        }
    }

    fn removal(&self, target: &RegisteredTarget, pod: Option<String>, reason: ChangeReason) -> Removal {
        Removal {
            owner: self.view.uid().to_owned(),
            route: self.route.clone(),
            address: target.address,
            pod,
            weight: target.weight,
            reason,
        }
    }

    fn weight_change(
        &self,
        target: &RegisteredTarget,
        pod: Option<String>,
        to: Weight,
        reason: ChangeReason,
        remark: String,
    ) -> WeightChange {
        WeightChange {
            owner: self.view.uid().to_owned(),
            route: self.route.clone(),
            address: target.address,
            pod,
            from: target.weight,
            to,
            reason,
            remark,
        }
    }

    fn pod_name(&self, target: &RegisteredTarget, pods: &PodIndex<'_>) -> Option<String> {
        if let Some(candidate) = self.candidate(target.address) {
            return Some(candidate.pod.clone());
        }
        let by_tag = TargetTag::parse(&target.tag).and_then(|tag| pods.by_mark(&tag.pod_mark));
        by_tag.or_else(|| pods.by_ip.get(&target.address.ip).copied()).map(|pod| pod.key.name.clone())
    }

    /// Since when a target has had no weight, as far as is known.
    fn drained_since(&self, address: Address) -> Timestamp {
        let seen = self.remembered.since.get(&Sighting::Drained(self.route.clone(), address)).copied();
        let recorded = super::tags::recorded_drain(self.view, self.route, address);
        [seen, recorded].into_iter().flatten().min().unwrap_or(self.now)
    }
}
