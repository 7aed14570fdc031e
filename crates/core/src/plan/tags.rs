//! Whether the cloud shows the tags of targets, what is recorded of targets beside them, and for which Pods they were registered.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use jiff::Timestamp;

use crate::api::binding::DrainingStatus;
use crate::api::mark::{TargetTag, pod_mark};
use crate::model::{Address, Phase, Pod, RegisteredTarget, Route};

use super::{BindingView, Ended, Observed, Remembered, Snapshot};

/// Whether the cloud shows the tags of targets. The reference has `Tag` as a member that may be absent, and no example shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagSight {
    /// It does, as far as is known.
    #[default]
    Shown,
    /// It does not: a target that was registered with a tag was read without one.
    Hidden,
}

/// Whether tags are shown on a load balancer. Hidden is recorded in statuses, since a new controller has registered nothing yet.
pub(super) fn tag_sight(snapshot: &Snapshot, observed: &Observed) -> TagSight {
    let is_shown = observed.targets.values().flatten().any(|target| !target.tag.is_empty());
    if is_shown || snapshot.remembered.tags_shown == Ended::Yes {
        return TagSight::Shown;
    }
    let is_read = |(route, address): &(Route, Address)| {
        observed.targets.get(route).is_some_and(|all| all.iter().any(|target| target.address == *address))
    };
    let is_recorded = |view: &BindingView| {
        let recorded = view.binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        recorded.is_some_and(|recorded| recorded.hides_tags)
    };
    if snapshot.remembered.registered.keys().any(is_read) || snapshot.bindings.iter().any(is_recorded) {
        TagSight::Hidden
    } else {
        TagSight::Shown
    }
}

/// Since when a target drains, as the status records it.
pub(super) fn recorded_drain(view: &BindingView, route: &Route, address: Address) -> Option<Timestamp> {
    let rows = view.binding.status.iter().flat_map(|status| &status.draining);
    let text = address.to_string();
    let is_this = |row: &&DrainingStatus| {
        row.address == text
            && row.listener_id == route.listener.as_str()
            && row.location_id.as_deref() == route.rule.as_ref().map(|rule| rule.as_str())
    };
    rows.into_iter().find(is_this).map(|row| row.since.0)
}

/// Who has registered a target, and for which Pod.
pub(super) enum Registrant<'a> {
    /// The binding, for the Pod of this mark.
    Binding(Cow<'a, str>),
    /// Somebody else.
    Others,
    /// Nothing says it: it has no tag, and no round remembers that it was registered.
    Untold,
}

/// Reads it from the tag, and from what rounds remember of a target without one.
pub(super) fn registrant<'a>(
    view: &BindingView,
    route: &Route,
    target: &'a RegisteredTarget,
    remembered: &Remembered,
) -> Registrant<'a> {
    match TargetTag::parse(&target.tag) {
        Some(tag) if view.is_uid_of_ours(&tag.binding_uid) => Registrant::Binding(tag.pod_mark.into()),
        Some(_) => Registrant::Others,
        None if !target.tag.is_empty() => Registrant::Others,
        None => {
            let uid = remembered.registered.get(&(route.clone(), target.address));
            uid.map_or(Registrant::Untold, |uid| Registrant::Binding(pod_mark(uid).into()))
        }
    }
}

/// The Pods of a binding's namespace that a target without tag may have been registered for, by address. Of several Pods that have had
/// an address, it is that of a silent node: the others have got it since.
pub(super) fn pods_by_ip(view: &BindingView) -> HashMap<IpAddr, &Pod> {
    let mut found: HashMap<IpAddr, &Pod> = HashMap::new();
    for pod in view.pods.values().filter(|pod| pod.phase != Phase::Finished && !pod.host_network) {
        for ip in &pod.ips {
            let known = found.entry(*ip).or_insert(pod);
            if pod.phase == Phase::Unknown {
                *known = pod;
            }
        }
    }
    found
}

/// The addresses of targets that may be the binding's, each with the mark of the Pod for which it was registered as far as that is
/// known: the Pods that the plan takes them for, where it takes them for the binding's.
pub(super) fn registered_addresses(
    view: &BindingView,
    observed: &Observed,
    remembered: &Remembered,
) -> BTreeMap<IpAddr, String> {
    // Most often no target is untold.
    let by_ip = LazyCell::new(|| pods_by_ip(view));
    let mark = |route: &Route, target: &RegisteredTarget| match registrant(view, route, target, remembered) {
        Registrant::Binding(mark) => Some(mark.into_owned()),
        Registrant::Others => None,
        Registrant::Untold => by_ip.get(&target.address.ip).map(|pod| pod_mark(&pod.uid)),
    };
    let targets = observed.targets.iter().flat_map(|(route, all)| all.iter().map(move |target| (route, target)));
    targets.filter_map(|(route, target)| Some((target.address.ip, mark(route, target)?))).collect()
}
