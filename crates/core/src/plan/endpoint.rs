//! Which Pods of a Service become targets of a listener, and why the others do not.
//!
//! Pods come first and slices second: a Pod that should be behind the Service and is in no slice must be accounted for, not
//! overlooked. Slices are a cross-check: what they lack takes nothing away.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use crate::api::binding::DrainSpec;
use crate::api::condition::ExclusionReason;
use crate::model::{Address, IpFamily, Phase, Pod, Service, ServicePort, SliceEndpoint};

use super::BindingView;
use super::departure::{self, PodIntent};
use super::network::{Networks, is_switch};
use super::resolution::{PortSource, Resolution, pod_port};
use super::weight::Weights;

/// How long a Pod that is not ready counts as one that is about to serve.
const ABOUT_TO_SERVE: SignedDuration = SignedDuration::from_secs(60);

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
    pub intent: PodIntent,
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
    /// The family of addresses that the load balancer binds.
    pub family: IpFamily,
    /// When the round began.
    pub now: Timestamp,
}

/// The endpoints of one Service port.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// What was asked for.
    pub policy: Policy,
    /// The Service port.
    pub port: ServicePort,
    /// Addresses that are or may be targets, by address.
    pub candidates: BTreeMap<Address, Candidate>,
    /// Pods that are not.
    pub exclusions: Vec<Exclusion>,
    /// UIDs of the Pods that Kubernetes would send traffic but for gates of load balancer controllers, with weight, and of those
    /// that have not been unready for long: as many as these should serve.
    pub wanted: BTreeSet<String>,
    /// Names of Pods that have been unready for too long to be waited for.
    pub late: Vec<String>,
    /// Names of selected Pods that the slices do not name as selector, Pods and port say.
    pub unnamed: Vec<String>,
}

/// True when the Pod carries all labels of the selector; an empty selector selects nothing.
pub fn selects(service: &Service, pod: &Pod) -> bool {
    !service.selector.is_empty()
        && service.key.namespace == pod.key.namespace
        && service.selector.iter().all(|(key, value)| pod.labels.get(key) == Some(value))
}

/// The endpoints of a Service port.
pub(super) fn endpoints(view: &BindingView, service: &Service, resolution: &Resolution, policy: Policy) -> Endpoints {
    let port = &resolution.port;
    let published = match resolution.source {
        PortSource::Slices => Some(published(view, port, policy.family)),
        PortSource::Pods => None,
    };
    let mut pods: Vec<_> = view.pods.values().filter(|pod| selects(service, pod)).collect();
    // A duplicate address is that of the Pod that serves, then of the one that was made last: the other has lost it, and
    // only its object has not gone yet. The UID makes the order the same in every round.
    let publishes_unready = service.publish_not_ready_addresses;
    pods.sort_by_key(|pod| (departure::unready(pod, publishes_unready).is_some(), Reverse(pod.created), &pod.uid));
    let mut found = Endpoints {
        policy,
        port: port.clone(),
        candidates: BTreeMap::new(),
        exclusions: Vec::new(),
        wanted: BTreeSet::new(),
        late: Vec::new(),
        unnamed: Vec::new(),
    };
    for pod in pods {
        found.add(pod, port, published.as_ref(), publishes_unready);
    }
    if published.is_some() {
        found.exclusions.extend(strangers(view, port, found.policy.family));
    }
    found.exclusions.sort();
    found.late.sort();
    found
}

impl Endpoints {
    fn add(&mut self, pod: &Pod, port: &ServicePort, published: Option<&Published>, publishes_unready: bool) {
        let reason = departure::unready(pod, publishes_unready);
        let intent = departure::intent(pod, reason, &self.policy);
        let addresses = match addresses(pod, port, published, &self.policy) {
            Err(excluded) => {
                if matches!(excluded, ExclusionReason::NotInSlice) {
                    self.unnamed.push(pod.key.name.clone());
                }
                if matches!(excluded, ExclusionReason::NotInSlice | ExclusionReason::NoAddress) {
                    self.want(pod, &intent);
                }
                return self.exclude(excluded, pod);
            }
            Ok(addresses) => addresses,
        };
        let barred = self.policy.networks.bar(pod);
        if let Some(barred) = barred {
            // A switch that may be set again: those that live stay, and those that end leave.
            self.exclude(barred, pod);
            let intent = match intent {
                PodIntent::Serve(weight) if weight.is_zero() => departure::out_now(),
                PodIntent::Serve(_) => PodIntent::Keep,
                other => other,
            };
            return self.admit(pod, &addresses, &intent);
        }
        self.want(pod, &intent);
        if let Some(reason) = reason {
            self.exclude(reason, pod);
        }
        self.admit(pod, &addresses, &intent);
    }

    fn exclude(&mut self, reason: ExclusionReason, pod: &Pod) {
        self.exclusions.push(Exclusion { reason, pod: pod.key.name.clone() });
    }

    /// Counts the Pod among those that should serve.
    fn want(&mut self, pod: &Pod, intent: &PodIntent) {
        if pod.deleting_since.is_some() || pod.phase == Phase::Unknown {
            return;
        }
        let is_ready = matches!(intent, PodIntent::Serve(_)) && !pod.ips.is_empty();
        let since = pod.containers_ready_since.or(pod.created);
        let is_late = !is_ready && since.is_none_or(|since| self.policy.now.duration_since(since) >= ABOUT_TO_SERVE);
        if is_late {
            self.late.push(pod.key.name.clone());
        } else if !self.policy.weights.of(pod).is_zero() && pod.closed_gates.is_empty() {
            self.wanted.insert(pod.uid.clone());
        }
    }

    fn admit(&mut self, pod: &Pod, addresses: &BTreeSet<Address>, intent: &PodIntent) {
        for address in addresses {
            if self.candidates.contains_key(address) {
                self.exclude(ExclusionReason::DuplicateAddress, pod);
                continue;
            }
            let (pod_uid, pod) = (pod.uid.clone(), pod.key.name.clone());
            let candidate = Candidate { address: *address, pod_uid, pod, intent: intent.clone() };
            self.candidates.insert(*address, candidate);
        }
    }
}

type Published = HashMap<String, BTreeSet<Address>>;

/// Where the Pod is reached, or why it is not bound.
fn addresses(
    pod: &Pod,
    port: &ServicePort,
    published: Option<&Published>,
    policy: &Policy,
) -> Result<BTreeSet<Address>, ExclusionReason> {
    if pod.phase == Phase::Finished {
        return Err(ExclusionReason::Finished);
    }
    if let Some(reason) = policy.networks.bar(pod).filter(|reason| !is_switch(*reason)) {
        return Err(reason);
    }
    if pod.ips.is_empty() {
        return Err(ExclusionReason::NoAddress);
    }
    let Some(ip) = pod.ips.iter().find(|ip| IpFamily::of(**ip) == policy.family) else {
        return Err(ExclusionReason::WrongFamily);
    };
    let own = pod_port(pod, port).map(|port| Address { ip: *ip, port });
    let Some(published) = published else { return own.map(|own| BTreeSet::from([own])).ok_or(ExclusionReason::NoPort) };
    match (published.get(&pod.uid), own) {
        (Some(named), None) if named.is_empty() => Err(ExclusionReason::NoPort),
        // What the slices say counts as far as the Service agrees: they may be of the past.
        (Some(named), Some(own)) if named.contains(&own) => Ok(BTreeSet::from([own])),
        (Some(_) | None, _) => Err(ExclusionReason::NotInSlice),
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
