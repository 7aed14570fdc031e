//! One route as one binding sees it: whose its targets are, for which Pods they were registered, and what is wanted for them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::{ChangeReason, ExclusionReason};
use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{Address, Health, Pod, RegisteredTarget, Route, Service, Weight};
use crate::mutant::{self, Mutant};

use super::departure::{self, Leave, PodIntent, Then};
use super::endpoint::{Candidate, Endpoints, Exclusion, selects};
use super::floor::{HealthSight, OwnTarget, Readiness, Tenure};
use super::handover::{self, Awaits, Handover};
use super::health::is_healthy;
use super::held_weight::recorded_weight;
use super::management::Proof;
use super::removals::Removals;
use super::room::ROOM_AFTER;
use super::siblings::Siblings;
use super::step::{Removal, WeightChange};
use super::tags::{Registrant, TagSight, pods_by_ip, recorded_drain, registrant};
use super::weight::says_zero;
use super::{BindingView, Registration, Remembered, Sighting, adoption};

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
    /// Whether removals are held.
    pub(super) removals: &'a Removals,
    /// Most targets that the route may hold.
    pub(super) quota: usize,
    /// Addresses that older bindings register there in this round.
    pub(super) taken: &'a BTreeSet<Address>,
    /// Whether another listener of the same protocol has an address.
    pub(super) is_elsewhere: &'a dyn Fn(Address) -> bool,
    /// Whether another listener of the same protocol has an address without weight.
    pub(super) is_idle_elsewhere: &'a dyn Fn(Address) -> bool,
    /// Whether another listener of the same protocol waits for an address that is registered here.
    pub(super) awaits: &'a dyn Fn(Address) -> Awaits,
    /// All bindings of the load balancer, and the place of this one among them.
    pub(super) siblings: (&'a Siblings<'a>, usize),
    /// Whether tags are shown.
    pub(super) tags: TagSight,
    /// What the cloud says of health, by address.
    pub(super) health: &'a dyn Fn(Address) -> Option<Health>,
    /// Whether health was ever read.
    pub(super) reads: HealthSight,
    /// What earlier rounds have seen and done.
    pub(super) remembered: &'a Remembered,
    /// When the round began.
    pub(super) now: Timestamp,
    /// The same by the clock that never goes back.
    pub(super) at: Duration,
}

/// Whose a target is.
pub(super) enum Owner<'a> {
    /// This binding's, registered for the Pod of this mark.
    Ours(Cow<'a, str>),
    /// Nobody's mark: one at the address of our Pod serves as well as ours.
    Unmarked,
    /// Somebody else's.
    Foreign,
}

/// The Pods of a binding's namespace as its targets name them.
pub(super) struct PodIndex<'a> {
    view: &'a BindingView,
    /// UIDs of Pods that have a candidate.
    addressed: HashSet<&'a str>,
    /// Only where tags do not tell.
    by_ip: HashMap<IpAddr, &'a Pod>,
}

impl<'a> PodIndex<'a> {
    pub(super) fn new(scope: &RouteScope<'a>) -> Self {
        let by_ip = if scope.tags == TagSight::Hidden { pods_by_ip(scope.view) } else { HashMap::new() };
        let addressed = match scope.wants {
            RouteTargets::Wanted(endpoints) => {
                endpoints.candidates.values().map(|candidate| candidate.pod_uid.as_str()).collect()
            }
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => HashSet::new(),
        };
        Self { view: scope.view, addressed, by_ip }
    }

    /// The Pod that a tag's mark names; a mark is the beginning of a UID.
    pub(super) fn by_mark(&self, mark: &str) -> Option<&'a Pod> {
        let (uid, pod) = self.view.pods.range(mark.to_owned()..).next()?;
        uid.starts_with(mark).then_some(pod)
    }
}

impl<'a> RouteScope<'a> {
    pub(super) fn candidate(&self, address: Address) -> Option<&'a Candidate> {
        match self.wants {
            RouteTargets::Wanted(endpoints) => endpoints.candidates.get(&address),
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => None,
        }
    }

    pub(super) fn owner<'t>(
        &self,
        target: &'t RegisteredTarget,
        candidate: Option<&Candidate>,
        pods: &PodIndex<'_>,
    ) -> Owner<'t> {
        match registrant(self.view, self.route, target, self.remembered) {
            Registrant::Others => Owner::Foreign,
            Registrant::Binding(mark) if !target.tag.is_empty() => Owner::Ours(mark),
            // On a listener of somebody else it may have been registered anew by others.
            _ if self.holder == Holder::Others => Owner::Unmarked,
            // The cloud does not show its tag, or somebody has cleared it.
            Registrant::Binding(mark) => Owner::Ours(mark),
            Registrant::Untold if self.tags == TagSight::Hidden && !mutant::is(Mutant::UntaggedStays) => {
                Owner::Ours(Self::mark_of_untold(target, candidate, pods).into())
            }
            Registrant::Untold => Owner::Unmarked,
        }
    }

    /// The Pod for which a target of ours was registered of which nothing says it: whoever has the address. It may have been another
    /// Pod's before, so that its health says nothing for a gate yet, see `RegisteredFor`; to take it away would end what it may serve.
    fn mark_of_untold(target: &RegisteredTarget, candidate: Option<&Candidate>, pods: &PodIndex<'_>) -> String {
        let uid = candidate.map(|candidate| candidate.pod_uid.as_str());
        let pod = uid
            .and_then(|uid| pods.view.pods.get(uid).map(|pod| &**pod))
            .or_else(|| pods.by_ip.get(&target.address.ip).copied());
        pod.map(|pod| pod_mark(&pod.uid)).unwrap_or_default()
    }

    /// Another binding wants the Pod to serve at this address.
    pub(super) fn is_wanted_elsewhere(&self, address: Address, pod: &Pod) -> bool {
        let (siblings, me) = self.siblings;
        siblings.want(me, self.route, address, &pod.uid)
    }

    /// Another binding has registered the target, for the Pod of this candidate.
    pub(super) fn is_of_sibling(&self, target: &RegisteredTarget, candidate: &Candidate) -> bool {
        let (siblings, me) = self.siblings;
        siblings.have(me, target, &candidate.pod_uid)
    }

    /// Another binding has a target there that serves, and goes on to.
    pub(super) fn is_served_by_siblings(&self, observed: &[RegisteredTarget]) -> bool {
        let (siblings, me) = self.siblings;
        siblings.serve(me, self.route, observed, |address| is_healthy((self.health)(address)))
    }

    /// What becomes of a target that leaves. Where its Pod is to serve on another listener, its connections here have less time.
    pub(super) fn then(&self, leave: &Leave, address: Address) -> Then {
        match leave.then {
            Then::Drain(time) if (self.awaits)(address) != Awaits::Nobody => Then::Drain(time.min(ROOM_AFTER)),
            other => other,
        }
    }

    /// What is to be known before targets pass to another listener.
    pub(super) fn handover<'s>(
        &'s self,
        wanted: usize,
        present: &BTreeSet<Address>,
        is_stuck: &'s dyn Fn(&RegisteredTarget) -> bool,
    ) -> Handover<'s> {
        let arrives = |one: &&Candidate| {
            let is_free = !(self.is_elsewhere)(one.address) && !self.refuses_registrations();
            matches!(&one.intent, PodIntent::Serve(weight) if !weight.is_zero())
                && !present.contains(&one.address)
                && (is_free || (self.is_idle_elsewhere)(one.address))
        };
        let candidates = match self.wants {
            RouteTargets::Wanted(endpoints) => Some(endpoints.candidates.values()),
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => None,
        };
        let arriving = candidates.into_iter().flatten().filter(arrives).count();
        Handover { wanted, arriving, reads: self.reads, awaits: self.awaits, is_stuck }
    }

    /// A target that leaves is not let go by the cloud.
    pub(super) fn is_stuck(&self, target: &RegisteredTarget) -> bool {
        match target.weight {
            0 => self.drained_for(target.address) > handover::GOES_WITHIN,
            _ => self.refuses_weight(target.address),
        }
    }

    /// The Pod of a candidate.
    pub(super) fn pod_of(&self, candidate: &Candidate) -> Option<&'a Pod> {
        self.view.pods.get(&candidate.pod_uid).map(|pod| &**pod)
    }

    pub(super) fn own_target<'t>(
        &self,
        target: &'t RegisteredTarget,
        intent: PodIntent,
        pod: Option<&Pod>,
    ) -> OwnTarget<'t> {
        let sighting = Sighting::Leaving(self.route.clone(), target.address);
        let leaving_for = match intent {
            PodIntent::Leave(_) => self.lasts(&sighting).unwrap_or_default(),
            PodIntent::Serve(_) | PodIntent::Keep => SignedDuration::ZERO,
        };
        let health = (self.health)(target.address);
        // A gate that waits says so, too, where another controller has registered it.
        let waits = pod.is_some_and(|pod| pod.gate.is_waiting()) && !is_healthy(health);
        let is_unproven = waits || self.remembered.unproven.contains(&(self.route.clone(), target.address));
        let tenure = if is_unproven { Tenure::Unproven } else { Tenure::Established };
        let readiness =
            if pod.is_some_and(|pod| pod.containers_ready) { Readiness::Ready } else { Readiness::NotReady };
        OwnTarget { target, intent, leaving_for, health, tenure, readiness }
    }

    /// What is wanted for a target of ours that no candidate stands for; the Pod lives.
    pub(super) fn unmatched(&self, pod: &Pod, pods: &PodIndex<'_>) -> Unmatched {
        let endpoints = match self.wants {
            RouteTargets::Wanted(endpoints) => endpoints,
            RouteTargets::Unwanted(proof) => return Unmatched::Intent(departure::unwanted(proof)),
            RouteTargets::Unresolved => return self.unresolved(pod),
            RouteTargets::Frozen if mutant::is(Mutant::SuspendDrains) || mutant::is(Mutant::RetainDrains) => {
                return Unmatched::Intent(departure::out_now());
            }
            RouteTargets::Frozen => return Unmatched::Intent(PodIntent::Keep),
        };
        let publishes_unready = self.service.is_some_and(|service| service.publish_not_ready_addresses);
        let superseded =
            |reason| Unmatched::Intent(departure::superseded(pod, reason, publishes_unready, &endpoints.policy));
        if !self.service.is_some_and(|service| selects(service, pod)) {
            return superseded(ChangeReason::NotSelected);
        }
        let reason = |reason| Exclusion { reason, pod: pod.key.name.clone() };
        let is = |excluded| endpoints.exclusions.binary_search(&reason(excluded)).is_ok();
        if is(ExclusionReason::NetworkModeMismatch) {
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
            _ if endpoints.policy.weights.of(pod).is_zero() => Unmatched::Intent(departure::out_now()),
            _ if mutant::is(Mutant::SlicesDecide) => Unmatched::Intent(departure::out_now()),
            _ => Unmatched::Held,
        }
    }

    /// What is wanted for a target of an adopted binding whose Pod this cluster does not have; `None` where it has ended, as far as is
    /// known. The Pod may be one of the cluster that was lost, and run on: where it is found healthy it serves until others do.
    pub(super) fn left_by_another_cluster(&self, target: &RegisteredTarget) -> Option<PodIntent> {
        let RouteTargets::Wanted(endpoints) = self.wants else { return None };
        let may_serve = self.reads == HealthSight::NeverRead || is_healthy((self.health)(target.address));
        let is_left = target.weight > 0 && may_serve && adoption::is_adopted(self.view, target);
        is_left.then(|| departure::unknown(&endpoints.policy))
    }

    /// Nobody knows which Pods are wanted: those that end leave, and those that say so of themselves; all others stay.
    fn unresolved(&self, pod: &Pod) -> Unmatched {
        if says_zero(pod) {
            return Unmatched::Intent(departure::out_now());
        }
        let Some(since) = pod.deleting_since else { return Unmatched::Held };
        Unmatched::Intent(departure::deleted(pod, since, &self.view.binding.spec.drain, self.now))
    }
}

/// What becomes of a target that no candidate stands for.
pub(super) enum Unmatched {
    Intent(PodIntent),
    Held,
}

impl RouteScope<'_> {
    pub(super) fn registration(&self, candidate: &Candidate, weight: Weight) -> Registration {
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

    pub(super) fn removal(&self, target: &RegisteredTarget, pod: Option<String>, reason: ChangeReason) -> Removal {
        Removal {
            owner: self.view.uid().to_owned(),
            route: self.route.clone(),
            address: target.address,
            pod,
            weight: target.weight,
            reason,
        }
    }

    pub(super) fn weight_change(
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

    /// The Pod behind a target of ours.
    pub(super) fn pod<'p>(&self, target: &RegisteredTarget, pods: &PodIndex<'p>) -> Option<&'p Pod> {
        match self.candidate(target.address) {
            Some(candidate) => pods.view.pods.get(&candidate.pod_uid).map(|pod| &**pod),
            None => {
                let by_tag = TargetTag::parse(&target.tag).and_then(|tag| pods.by_mark(&tag.pod_mark));
                by_tag.or_else(|| pods.by_ip.get(&target.address.ip).copied())
            }
        }
    }

    pub(super) fn pod_name(&self, target: &RegisteredTarget, pods: &PodIndex<'_>) -> Option<String> {
        self.pod(target, pods).map(|pod| pod.key.name.clone())
    }

    /// A user asks for weight 0 for the Pod behind a target of ours.
    pub(super) fn is_zero_wished(&self, pod: &Pod) -> bool {
        match self.wants {
            RouteTargets::Wanted(endpoints) => endpoints.policy.weights.of(pod).is_zero(),
            RouteTargets::Unresolved | RouteTargets::Unwanted(_) | RouteTargets::Frozen => says_zero(pod),
        }
    }

    /// The cloud does not take the weight of a target.
    pub(super) fn refuses_weight(&self, address: Address) -> bool {
        self.remembered.refused_weights.contains(&(self.route.clone(), address))
    }

    /// The cloud does not take targets that are to be registered here.
    pub(super) fn refuses_registrations(&self) -> bool {
        let refused = &self.remembered.refused_registrations;
        refused.iter().any(|route| route == self.route)
    }

    /// For how long a target has had no weight, as far as is known.
    pub(super) fn drained_for(&self, address: Address) -> SignedDuration {
        if self.is_first_without_weight(address) {
            return SignedDuration::ZERO;
        }
        // What another controller has recorded counts until this one has seen it, which takes it in.
        let recorded = || self.recorded(address).map(|since| self.now.duration_since(since).max(SignedDuration::ZERO));
        self.lasts(&Sighting::Drained(self.route.clone(), address)).or_else(recorded).unwrap_or_default()
    }

    /// Since when a target has had no weight, for people and for another controller.
    pub(super) fn drained_since(&self, address: Address) -> Timestamp {
        let recorded = self.recorded(address).filter(|_| !self.is_first_without_weight(address));
        recorded.unwrap_or_else(|| self.now.saturating_sub(self.drained_for(address)).unwrap_or(self.now))
    }

    /// The last look showed it with weight: what was recorded when it was to lose it does not count.
    fn is_first_without_weight(&self, address: Address) -> bool {
        self.remembered.since.contains_key(&Sighting::Leaving(self.route.clone(), address))
    }

    /// How long something has been the case, by the clock that never goes back.
    fn lasts(&self, sighting: &Sighting) -> Option<SignedDuration> {
        self.remembered.since.get(sighting).map(|since| since.lasts_at(self.at))
    }

    /// The weight of a Pod of this name that its target does not show.
    pub(super) fn held_weight(&self, pod: &str) -> Option<Weight> {
        let key = (self.route.clone(), pod.to_owned());
        self.remembered
            .weights
            .get(&key)
            .map(|held| held.weight)
            .or_else(|| recorded_weight(self.view, self.route, pod))
    }

    /// Why a target gets the weight that is wished for it: the wish has changed, or somebody has changed the target.
    pub(super) fn reason_of_weight(
        &self,
        target: &RegisteredTarget,
        pod: Option<&str>,
        wished: Weight,
    ) -> ChangeReason {
        let was_taken = || pod.is_some_and(|pod| self.held_weight(pod).is_some());
        match self.remembered.weight(self.route, target.address) {
            Some(before) if before == wished && before != target.weight => ChangeReason::Drift,
            _ if target.weight == 0 && was_taken() => ChangeReason::PodReady,
            _ => ChangeReason::UserWeight,
        }
    }

    /// Since when a target drains, as the status records it.
    pub(super) fn recorded(&self, address: Address) -> Option<Timestamp> {
        recorded_drain(self.view, self.route, address)
    }
}
