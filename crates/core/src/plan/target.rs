//! Targets of one route: which to register, reweight and deregister, and which are none of our business.
//!
//! A target is ours when its tag carries the mark of a binding in the snapshot. The tag also names the Pod, so that an
//! address that came back with another Pod is recognised.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::condition::ExclusionReason;
use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{Address, Phase, Pod, RegisteredTarget, Route, Weight};

use super::endpoint::{Candidate, Endpoints, Exclusion, Wish};
use super::stand_in::StandIns;
use super::{BindingView, Registration};

/// What is to be done about the targets of one route, for one binding.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TargetPlan {
    /// Missing targets.
    pub(super) register: Vec<Registration>,
    /// Targets with another weight than wanted.
    pub(super) reweight: Vec<(Route, Address, Weight)>,
    /// Targets to take away.
    pub(super) deregister: Vec<(Route, Address)>,
    /// Desired Pods that found no room within the quota.
    pub(super) left_out: Vec<String>,
    /// Desired Pods whose address somebody else has registered.
    pub(super) in_use: Vec<String>,
    /// Targets kept although no slice names them.
    pub(super) held: usize,
    /// Targets that are ours and stay, at weight 0, until their Pods have ended.
    pub(super) draining: usize,
    /// Targets of ours that a read shows.
    pub(super) ours: usize,
    /// Targets that are not ours.
    pub(super) foreign: usize,
}

/// What is wanted of one route.
pub(super) struct Wanted<'a> {
    /// The binding it is wanted for.
    pub(super) view: &'a BindingView,
    /// The route.
    pub(super) route: &'a Route,
    /// The endpoints; `None` when they cannot be told and targets are held.
    pub(super) endpoints: Option<&'a Endpoints>,
    /// Most targets that the route may hold.
    pub(super) quota: usize,
    /// Addresses that older bindings register there in this round.
    pub(super) taken: &'a BTreeSet<Address>,
    /// Terminating targets that keep their weight.
    pub(super) stand_ins: StandIns,
}

impl Wanted<'_> {
    fn wish(&self, candidate: &Candidate) -> Wish {
        if self.stand_ins.addresses.contains(&candidate.address) { Wish::Keep } else { candidate.wish }
    }
}

/// Compares the wanted with the observed targets of one route.
pub(super) fn targets(wanted: &Wanted<'_>, observed: &[RegisteredTarget]) -> TargetPlan {
    let mut plan = TargetPlan::default();
    let nothing = BTreeMap::new();
    let candidates = wanted.endpoints.map_or(&nothing, |endpoints| &endpoints.candidates);
    let mut present = BTreeMap::new();
    for target in observed {
        present.insert(target.address, target);
        let candidate = candidates.get(&target.address);
        match TargetTag::parse(&target.tag) {
            Some(tag) if tag.binding_uid == wanted.view.uid() => plan.own(wanted, target, &tag.pod_mark, candidate),
            _ => plan.not_tagged(wanted, target, candidate),
        }
    }
    let missing = candidates.values().filter_map(|candidate| match candidate.wish {
        Wish::Serve(weight) if !present.contains_key(&candidate.address) => Some((candidate, weight)),
        Wish::Serve(_) | Wish::Drain | Wish::Keep => None,
    });
    let mut room = wanted.quota.saturating_sub(observed.len() + wanted.taken.len());
    for (candidate, weight) in missing {
        if wanted.taken.contains(&candidate.address) {
            plan.in_use.push(candidate.pod.clone());
            continue;
        }
        if room == 0 {
            plan.left_out.push(candidate.pod.clone());
            continue;
        }
        room -= 1;
        plan.register.push(registration(wanted, candidate, weight));
    }
    plan
}

fn registration(wanted: &Wanted<'_>, candidate: &Candidate, weight: Weight) -> Registration {
    let tag = TargetTag::new(wanted.view.uid(), &candidate.pod_uid).to_string();
    Registration { route: wanted.route.clone(), address: candidate.address, weight, tag }
}

impl TargetPlan {
    /// A target that carries this binding's mark.
    fn own(&mut self, wanted: &Wanted<'_>, target: &RegisteredTarget, mark: &str, candidate: Option<&Candidate>) {
        self.ours += 1;
        match candidate {
            Some(candidate) if pod_mark(&candidate.pod_uid) == mark => {
                self.weigh(wanted, target, wanted.wish(candidate));
            }
            // The address came back with another Pod. Registering it anew makes the cloud forget the old Pod's health.
            Some(_) => self.remove(wanted, target),
            None => self.unwanted(wanted, target, pod_by_mark(wanted.view, mark)),
        }
    }

    /// A target without this binding's mark. One without any mark at the address of our Pod serves as well as ours.
    fn not_tagged(&mut self, wanted: &Wanted<'_>, target: &RegisteredTarget, candidate: Option<&Candidate>) {
        self.foreign += 1;
        match candidate {
            Some(candidate) if target.tag.is_empty() => self.weigh(wanted, target, wanted.wish(candidate)),
            Some(candidate) if matches!(candidate.wish, Wish::Serve(_)) => self.in_use.push(candidate.pod.clone()),
            Some(_) | None => {}
        }
    }

    fn weigh(&mut self, wanted: &Wanted<'_>, target: &RegisteredTarget, wish: Wish) {
        let weight = match wish {
            Wish::Serve(weight) => weight,
            Wish::Drain => {
                self.draining += 1;
                0
            }
            Wish::Keep => target.weight,
        };
        if target.weight != weight {
            self.reweight.push((wanted.route.clone(), target.address, weight));
        }
    }

    /// One of ours that no endpoint stands for.
    fn unwanted(&mut self, wanted: &Wanted<'_>, target: &RegisteredTarget, pod: Option<&Pod>) {
        let Some(pod) = pod.filter(|pod| pod.phase != Phase::Finished) else {
            return self.remove(wanted, target);
        };
        let unpublished = is_unpublished(wanted, pod);
        if pod.deleting_since.is_some() {
            if wanted.endpoints.is_none() || unpublished {
                self.weigh(wanted, target, Wish::Drain);
            } else {
                // The policy, or the end of the drain, took it out of the endpoints.
                self.remove(wanted, target);
            }
        } else if wanted.endpoints.is_none() || unpublished {
            self.held += usize::from(unpublished);
            self.weigh(wanted, target, Wish::Keep);
        } else if target.weight == 0 {
            self.remove(wanted, target);
        } else {
            // No new connections first; a later read that shows weight 0 lets it be deregistered.
            self.reweight.push((wanted.route.clone(), target.address, 0));
        }
    }

    fn remove(&mut self, wanted: &Wanted<'_>, target: &RegisteredTarget) {
        self.deregister.push((wanted.route.clone(), target.address));
    }
}

/// The Service selects the Pod, and only the slices fail to name it: more likely a fault of the slices than the user's
/// wish, so its target must not go on their word.
fn is_unpublished(wanted: &Wanted<'_>, pod: &Pod) -> bool {
    [ExclusionReason::NotInSlice, ExclusionReason::NoPort].into_iter().any(|reason| {
        let exclusion = Exclusion { reason, pod: pod.key.name.clone() };
        wanted.endpoints.is_some_and(|endpoints| endpoints.exclusions.binary_search(&exclusion).is_ok())
    })
}

/// The Pod that a tag's mark names; a mark is the beginning of a UID.
fn pod_by_mark<'a>(view: &'a BindingView, mark: &str) -> Option<&'a Pod> {
    let (uid, pod) = view.pods.range(mark.to_owned()..).next()?;
    uid.starts_with(mark).then_some(pod)
}
