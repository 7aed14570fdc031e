//! Why nobody serves behind a listener, and which targets the cloud finds unhealthy.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::listed;
use crate::api::condition::ExclusionReason;
use crate::model::{Pod, Service, nearest};
use crate::plan::endpoint::{Endpoints, Exclusion};
use crate::plan::{BindingView, selects};

/// The most listeners that the message explains.
const EXPLAINED: usize = 2;

/// A listener that has no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTargets {
    /// The listener, with its Service port where that has a name.
    pub listener: String,
    /// Why, and what to do.
    pub why: String,
}

/// A target that should serve and is found unhealthy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unhealthy {
    /// Since when the Pod's containers are ready; `None` when that was never said.
    pub since: Option<Timestamp>,
    /// The Pod's name.
    pub pod: String,
    /// The listener or rule.
    pub route: String,
    /// Where and how it is probed.
    pub probe: String,
}

/// What there is to say of targets that the cloud finds unhealthy, those first whose Pods have been ready for longest.
pub fn unhealthy(found: &[Unhealthy]) -> Option<String> {
    let first = found.first()?;
    let mut pods: Vec<&str> = found.iter().map(|one| one.pod.as_str()).collect();
    pods.sort_unstable();
    pods.dedup();
    let pods = listed(pods.into_iter().map(|pod| format!("'{pod}'")), "some");
    Some(format!(
        "{} finds {pods} unhealthy, which it probes at {}; Pods have to answer its health check, and their security groups have to let \
         it through",
        first.route, first.probe
    ))
}

/// Which listeners nobody serves behind, and why; `desired` counts the Pods that serve behind others. Where it is all of them for one
/// reason, the reason says it.
pub fn nobody_serves(listeners: &[NoTargets], desired: usize) -> String {
    let Some(first) = listeners.first() else {
        return "there is no listener to serve behind yet; what it waits for is said by Accepted, ResolvedRefs or Programmed, whichever is not True".to_owned();
    };
    let is_alike = listeners.iter().all(|one| one.why == first.why);
    if desired == 0 && is_alike {
        return first.why.clone();
    }
    let explained = listeners.iter().take(EXPLAINED);
    let words: Vec<_> = explained.map(|one| format!("{} has no target: {}", one.listener, one.why)).collect();
    let more = match listeners.len().saturating_sub(EXPLAINED) {
        0 => String::new(),
        more => format!("; and {more} more listeners have none"),
    };
    format!("{}{more}", words.join("; "))
}

/// Why a listener has no target. `endpoints` is `None` where its Service port was never resolved.
pub(in crate::plan) fn no_targets(
    view: &BindingView,
    service: Option<&Service>,
    name: &str,
    endpoints: Option<&Endpoints>,
) -> NoTargets {
    let port = endpoints.map(|endpoints| endpoints.port.name.as_str()).filter(|port| !port.is_empty());
    let listener = port.map_or_else(|| name.to_owned(), |port| format!("{name} (Service port '{port}')"));
    let why = match (service, endpoints) {
        (Some(service), Some(endpoints)) => cause(view, service, endpoints),
        _ => "its Service, or the port of it, is missing; do what the condition ResolvedRefs says".to_owned(),
    };
    NoTargets { listener, why }
}

fn cause(view: &BindingView, service: &Service, endpoints: &Endpoints) -> String {
    let selected = view.pods.values().filter(|pod| selects(service, pod)).count();
    if selected == 0 {
        return nobody(view, service);
    }
    let mut groups: Vec<_> = endpoints.exclusions.chunk_by(|a, b| a.reason == b.reason).collect();
    groups.sort_by_key(|group| Reverse(group.len()));
    let Some((reason, first)) = groups.first().and_then(|group| group.first()).map(|one| (one.reason, &one.pod)) else {
        return format!(
            "none of the {selected} Pods of Service '{}' is to serve; look at status.excluded",
            service.key
        );
    };
    let words = |group: &&[Exclusion]| group.first().map(|one| format!("{} {}", group.len(), one.reason));
    let counts = listed(groups.iter().filter_map(words), "");
    let remedy = match reason {
        ExclusionReason::ContainersNotReady | ExclusionReason::NoAddress | ExclusionReason::ReadinessGateFalse => {
            format!("look at Pod '{first}' with 'kubectl describe pod {first} -n {}'", service.key.namespace)
        }
        _ => {
            let remedy = reason.remedy();
            format!("such as '{first}'. {} {}", reason.meaning(), remedy.trim_end_matches('.'))
        }
    };
    format!("no Pod of Service '{}' can serve, of {selected} are {counts}; {remedy}", service.key)
}

/// No Pod has the labels.
fn nobody(view: &BindingView, service: &Service) -> String {
    let labels = listed(service.selector.iter().map(|(key, value)| format!("{key}={value}")), "none");
    let nearest = view.pods.values().filter_map(|pod| Some((mismatch(service, pod)?, &pod.key.name))).min();
    let way_out = match nearest {
        Some((has, pod)) => format!(
            "Pod '{pod}' has {has}: correct the selector of the Service, or the labels of the Pods; when that is not meant, scale the \
             workload up"
        ),
        None => "scale the workload up when it has no replicas, or correct the selector of the Service".to_owned(),
    };
    format!("no Pod has the labels {labels} that Service '{}' selects; {way_out}", service.key)
}

/// The label by which a Pod is not selected, where it is nearly so.
fn mismatch(service: &Service, pod: &Pod) -> Option<String> {
    let mut others = service.selector.iter().filter(|(key, value)| pod.labels.get(*key) != Some(*value));
    let (key, wanted) = others.next()?;
    let found = pod.labels.get(key)?;
    let is_near = nearest(found, [wanted.as_str()]).is_some() || service.selector.len() > 1;
    (others.next().is_none() && is_near).then(|| format!("{key}={found}"))
}
