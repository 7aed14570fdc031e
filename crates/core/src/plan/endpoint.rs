//! Which Pods of a Service become targets of a listener, and why the others do not.
//!
//! Pods come first and slices second: a Pod that should be behind the Service and is in no slice must be accounted for, not
//! overlooked. Slices tell the Pod's port, because only they resolve named ports.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::{DrainAction, DrainSpec};
use crate::api::condition::ExclusionReason;
use crate::model::{Address, IpFamily, Phase, Pod, Service, ServicePort, SliceEndpoint, Weight};

use super::network::{Networks, is_switch};
use super::weight::{PodWeight, Weights};
use super::{BindingView, ending};

/// What is wanted for one address on one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// A target with this weight; counted as desired.
    Serve(Weight),
    /// If it is a target, weight 0: no new connections, existing ones live on.
    Drain,
    /// If it is a target, leave it as it is.
    Keep,
}

/// An address that may be a target, with the Pod behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Where the Pod listens.
    pub address: Address,
    /// The Pod's UID.
    pub pod_uid: String,
    /// The Pod's name.
    pub pod: String,
    /// What is wanted for it.
    pub wish: Wish,
    /// For a Pod that is being deleted: until when its target may keep its weight; `None` when nobody knows.
    pub accepts_until: Option<Timestamp>,
}

/// A Pod that is not a target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exclusion {
    /// Why.
    pub reason: ExclusionReason,
    /// The Pod's name.
    pub pod: String,
}

/// What a binding says about the targets of one listener.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// The weights of targets that serve.
    pub weights: Weights,
    /// Which Pods can be bound at all.
    pub networks: Networks,
    /// What becomes of targets whose Pods cannot take new traffic.
    pub drain: DrainSpec,
    /// When the round began.
    pub now: Timestamp,
}

impl Policy {
    /// What is wanted for a Pod that is out of service for `reason`; `None` when it must not be a target.
    fn wish(&self, pod: &Pod, reason: Option<ExclusionReason>) -> Option<Wish> {
        let policy = match (reason, pod.deleting_since) {
            (None, _) => {
                return Some(match self.weights.of(pod) {
                    PodWeight::Known(weight) | PodWeight::Unreadable { newcomer: Some(weight), .. } => {
                        Wish::Serve(weight)
                    }
                    PodWeight::Unreadable { newcomer: None, .. } => Wish::Keep,
                });
            }
            (Some(_), Some(since)) if self.is_drained(since) => DrainAction::Deregister,
            (Some(_), Some(_)) => self.drain.terminating,
            (Some(_), None) => self.drain.not_ready,
        };
        match policy {
            DrainAction::WeightZero => Some(Wish::Drain),
            DrainAction::Keep => Some(Wish::Keep),
            DrainAction::Deregister => None,
        }
    }

    fn is_drained(&self, deleting_since: Timestamp) -> bool {
        self.now.duration_since(deleting_since) >= SignedDuration::from_secs(i64::from(self.drain.timeout_seconds))
    }
}

/// The endpoints of one Service port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Endpoints {
    /// Addresses that are or may be targets, by address.
    pub candidates: BTreeMap<Address, Candidate>,
    /// Pods that are not.
    pub exclusions: Vec<Exclusion>,
    /// The UIDs of Pods that Kubernetes counts as ready, because no gate of ours holds them, whether or not the slices name
    /// them already.
    pub counted_on: BTreeSet<String>,
}

/// True when the Pod carries all labels of the selector; an empty selector selects nothing.
pub fn selects(service: &Service, pod: &Pod) -> bool {
    !service.selector.is_empty()
        && service.key.namespace == pod.key.namespace
        && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
}

/// The endpoints of `port` for targets of `family`.
pub(super) fn endpoints(
    view: &BindingView,
    service: &Service,
    port: &ServicePort,
    family: IpFamily,
    policy: &Policy,
) -> Endpoints {
    let published = published(view, port, family);
    let mut found = Endpoints::default();
    let mut pods: Vec<_> = view.pods.values().filter(|pod| selects(service, pod)).collect();
    // A duplicate address is that of the Pod that serves, then of the one that was made last: the other has lost it, and
    // only its object has not gone yet. The UID makes the order the same in every round.
    pods.sort_by_key(|pod| (unready(pod, service).is_some(), Reverse(pod.created), &pod.uid));
    for pod in pods {
        let reason = unready(pod, service);
        match published_addresses(pod, &published, family, &policy.networks) {
            Err(excluded) => {
                if excluded == ExclusionReason::NotInSlice {
                    found.count_on(pod, reason);
                }
                found.exclude(excluded, pod);
            }
            Ok(addresses) => {
                if let Some(barred) = policy.networks.bar(pod) {
                    found.exclude(barred, pod);
                    found.admit(pod, addresses, Wish::Keep);
                    continue;
                }
                found.count_on(pod, reason);
                if let Some(reason) = reason {
                    found.exclude(reason, pod);
                }
                if let Some(wish) = policy.wish(pod, reason) {
                    found.admit(pod, addresses, wish);
                }
            }
        }
    }
    found.exclusions.extend(strangers(view, port, family));
    found.exclusions.sort();
    found
}

impl Endpoints {
    fn exclude(&mut self, reason: ExclusionReason, pod: &Pod) {
        self.exclusions.push(Exclusion { reason, pod: pod.key.name.clone() });
    }

    fn count_on(&mut self, pod: &Pod, unready: Option<ExclusionReason>) {
        if unready.is_none() && pod.containers_ready && !pod.gate.is_waiting() {
            self.counted_on.insert(pod.uid.clone());
        }
    }

    fn admit(&mut self, pod: &Pod, addresses: &BTreeSet<Address>, wish: Wish) {
        for address in addresses {
            if self.candidates.contains_key(address) {
                self.exclude(ExclusionReason::DuplicateAddress, pod);
                continue;
            }
            let candidate = Candidate {
                address: *address,
                pod_uid: pod.uid.clone(),
                pod: pod.key.name.clone(),
                wish,
                accepts_until: ending::accepts_until(pod),
            };
            self.candidates.insert(*address, candidate);
        }
    }
}

type Published = HashMap<String, BTreeSet<Address>>;

fn published_addresses<'a>(
    pod: &Pod,
    published: &'a Published,
    family: IpFamily,
    networks: &Networks,
) -> Result<&'a BTreeSet<Address>, ExclusionReason> {
    if pod.phase == Phase::Finished {
        return Err(ExclusionReason::Finished);
    }
    if let Some(reason) = networks.bar(pod).filter(|reason| !is_switch(*reason)) {
        return Err(reason);
    }
    if pod.ips.is_empty() {
        return Err(ExclusionReason::NoAddress);
    }
    if !pod.ips.iter().any(|ip| IpFamily::of(*ip) == family) {
        return Err(ExclusionReason::WrongFamily);
    }
    match published.get(&pod.uid) {
        None => Err(ExclusionReason::NotInSlice),
        Some(addresses) if addresses.is_empty() => Err(ExclusionReason::NoPort),
        Some(addresses) => Ok(addresses),
    }
}

/// Why a Pod with an address may not take new traffic; `None` when it may.
fn unready(pod: &Pod, service: &Service) -> Option<ExclusionReason> {
    if pod.deleting_since.is_some() {
        Some(ExclusionReason::Terminating)
    } else if !pod.containers_ready && !service.publish_not_ready_addresses {
        Some(ExclusionReason::ContainersNotReady)
    } else if pod.phase == Phase::Unknown {
        Some(ExclusionReason::NodeGone)
    } else {
        None
    }
}

/// The addresses that slices publish for each Pod, by UID; none for a Pod whose containers do not declare the port.
fn published(view: &BindingView, port: &ServicePort, family: IpFamily) -> Published {
    let mut published = Published::new();
    for (number, endpoint) in slice_endpoints(view, port, family) {
        let (Some(uid), Some(ip)) = (&endpoint.pod_uid, endpoint.addresses.first()) else { continue };
        let addresses = published.entry(uid.clone()).or_default();
        addresses.extend(number.map(|port| Address { ip: *ip, port }));
    }
    published
}

/// Endpoints that no Pod is behind: they are somebody's hand-written addresses, which cannot carry a gate or drain.
fn strangers(view: &BindingView, port: &ServicePort, family: IpFamily) -> Vec<Exclusion> {
    let name = |ip: Option<&IpAddr>| ip.map(ToString::to_string).unwrap_or_default();
    slice_endpoints(view, port, family)
        .filter(|(_, endpoint)| endpoint.pod_uid.is_none())
        .map(|(_, endpoint)| Exclusion { reason: ExclusionReason::NotAPod, pod: name(endpoint.addresses.first()) })
        .collect()
}

fn slice_endpoints<'a>(
    view: &'a BindingView,
    port: &'a ServicePort,
    family: IpFamily,
) -> impl Iterator<Item = (Option<u16>, &'a SliceEndpoint)> {
    view.slices.iter().filter(move |slice| slice.family == family).flat_map(move |slice| {
        let number = slice
            .ports
            .iter()
            .find(|candidate| candidate.name == port.name && candidate.transport == port.transport)
            .and_then(|candidate| candidate.port);
        slice.endpoints.iter().map(move |endpoint| (number, endpoint))
    })
}
