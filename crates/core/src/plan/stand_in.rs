//! Terminating Pods that serve on in place of Pods that Kubernetes already counts on and the load balancer does not.
//!
//! A Pod with a gate counts as ready once it is a healthy target, so an old Pod is told to end when it can be spared. A Pod
//! without one counts as ready when its containers are, and an old Pod may be told to end too early. Its target keeps its
//! weight then, for as long as its containers surely go on accepting: during their preStop sleep, except for the time that
//! weight 0 takes to spread.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{Address, Health, RegisteredTarget, Route};

use super::endpoint::{Candidate, Endpoints, Wish};
use super::gate::HealthTable;

/// The targets of one route that keep their weight.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StandIns {
    /// Their addresses.
    pub(super) addresses: BTreeSet<Address>,
    /// When the first of them has to let go; `None` when there are none.
    pub(super) until: Option<Timestamp>,
}

/// One stands in for each Pod that is counted on and is no healthy target yet. Those that can serve longest come first.
pub(super) fn stand_ins(
    endpoints: &Endpoints,
    (route, targets): (&Route, &[RegisteredTarget]),
    binding_uid: &str,
    health: &HealthTable,
    now: Timestamp,
) -> StandIns {
    let targets: BTreeMap<Address, &RegisteredTarget> = targets.iter().map(|found| (found.address, found)).collect();
    let health_of = |address: Address| health.get(&(route.clone(), address)).copied();
    let is_target = |candidate: &Candidate| {
        let tag = targets.get(&candidate.address).filter(|target| target.weight > 0).map(|target| &target.tag);
        tag.is_some_and(|tag| is_of(tag, binding_uid, &candidate.pod_uid))
    };
    let serves = |candidate: &&Candidate| {
        // A target that shall get nothing is not waited for.
        let is_idle = candidate.wish == Wish::Serve(0);
        let is_healthy = matches!(health_of(candidate.address), Some(Health::Healthy | Health::CheckOff));
        matches!(candidate.wish, Wish::Serve(_)) && (is_idle || is_target(candidate) && is_healthy)
    };
    let serving: BTreeSet<&str> =
        endpoints.candidates.values().filter(serves).map(|candidate| candidate.pod_uid.as_str()).collect();
    let missing = endpoints.counted_on.iter().filter(|uid| !serving.contains(uid.as_str())).count();
    let mut able: Vec<(Timestamp, &Candidate)> = endpoints
        .candidates
        .values()
        .filter(|found| found.wish == Wish::Drain && is_target(found))
        .filter(|found| health_of(found.address) != Some(Health::Unhealthy))
        .filter_map(|found| Some((found.accepts_until.filter(|until| *until > now)?, found)))
        .collect();
    able.sort_by_key(|(until, candidate)| (Reverse(*until), candidate.address));
    able.truncate(missing);
    StandIns {
        until: able.last().map(|(until, _)| *until),
        addresses: able.into_iter().map(|(_, candidate)| candidate.address).collect(),
    }
}

/// The target was registered for this Pod, or by somebody who marks nothing.
fn is_of(tag: &str, binding_uid: &str, pod_uid: &str) -> bool {
    match TargetTag::parse(tag) {
        Some(tag) => tag.binding_uid == binding_uid && tag.pod_mark == pod_mark(pod_uid),
        None => tag.is_empty(),
    }
}
