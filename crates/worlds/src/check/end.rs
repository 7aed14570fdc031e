//! What must have come about in the end: everything is as what is written says, or it is said why not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use tke_direct_access::sim::PureCloud;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{DeletionPolicy, Left, Mode};
use tke_direct_access_core::api::condition::GateReason;
use tke_direct_access_core::api::mark::{ListenerName, OWNER_TAG, TargetTag};
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::{Listener, ListenerId, ListenerState, LoadBalancerId};

use super::routes::Wish;
use crate::cluster::Cluster;
use crate::objects::Objects;
use crate::pod;
use crate::slices::selects;
use crate::world::said_weight;

/// What is looked at in the end.
pub(crate) struct Sight<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) cluster: &'a Cluster,
    pub(crate) cloud: &'a PureCloud,
    pub(crate) now: Duration,
}

/// The condition Ready of a binding: its status, its reason and its message.
pub(crate) fn ready(binding: &DirectAccessBinding) -> Option<(String, String, String)> {
    let status = binding.status.as_ref()?;
    let found = status.conditions.iter().find(|found| found.type_ == "Ready")?;
    Some((found.status.clone(), found.reason.clone(), found.message.clone()))
}

/// The Pods that a binding is to bind, by their mark and address.
fn bound(sight: &Sight<'_>, binding: &DirectAccessBinding) -> BTreeSet<String> {
    let Some(service) = sight.objects.services.get(&binding.spec.service_ref.name) else { return BTreeSet::new() };
    let is_bound = |found: &&core::Pod| {
        let name = found.metadata.name.as_deref().unwrap_or_default();
        selects(service, found)
            && found.metadata.deletion_timestamp.is_none()
            && sight.cluster.serves(name, sight.now)
            && !sight.cluster.is_unready(name, sight.now)
            && pod::is_true(found, "ContainersReady")
            && said_weight(found).is_none_or(|said| said.is_ok_and(|weight| weight > 0))
    };
    sight.objects.pods.values().filter(is_bound).filter_map(|found| pod::ip(found).map(str::to_owned)).collect()
}

/// What is wrong with bindings that say that they are ready, and with Pods whose gates stay closed.
pub(crate) fn faults(sight: &Sight<'_>, wanted: &BTreeMap<String, Wish>) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    for binding in sight.objects.bindings.values() {
        let uid = binding.metadata.uid.as_deref().unwrap_or_default();
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        if binding.metadata.deletion_timestamp.is_some() || binding.spec.suspend {
            continue;
        }
        let Some((status, reason, message)) = ready(binding) else {
            faults.push(("a status in the end", format!("{name} has no condition Ready")));
            continue;
        };
        let is_current = binding
            .status
            .as_ref()
            .is_some_and(|status| Some(status.observed_generation) == binding.metadata.generation);
        if !is_current {
            faults.push(("a status in the end", format!("{name}: the status is of an older generation: {reason}")));
        }
        // Who waits for TKE's own controller waits for ever: there is none.
        let is_left_to_others = binding.spec.mode == Mode::Delegate;
        let is_on_its_way = matches!(
            reason.as_str(),
            "InProgress" | "Pending" | "Busy" | "Internal" | "Replacing" | "Waiting" | "Throttled" | "CloudUnreachable"
        );
        if is_on_its_way && !is_left_to_others {
            faults.push(("rest in the end", format!("{name}: {reason}: {message}")));
        }
        if status == "True"
            && let Some(wish) = wanted.get(uid)
        {
            faults
                .extend(unready(sight, binding, wish).map(|words| ("what is Ready is so", format!("{name}: {words}"))));
        }
    }
    faults.extend(parked(sight));
    faults.extend(leftovers(sight));
    faults.extend(closed_gates(sight));
    faults
}

/// Why a binding that says that it is ready is not.
fn unready(sight: &Sight<'_>, binding: &DirectAccessBinding, wish: &Wish) -> Option<String> {
    let uid = binding.metadata.uid.as_deref().unwrap_or_default();
    let id = LoadBalancerId::new(binding.status.as_ref()?.load_balancer.as_ref()?.id.clone());
    let state = sight.cloud.state();
    if state.load_balancer(&id).is_none() {
        return Some(format!("{id} does not exist"));
    }
    let (listeners, targets) = (state.listeners(&id), state.targets(&id));
    let service = sight.objects.services.get(&binding.spec.service_ref.name)?;
    // A weight that cannot be read may be any.
    let is_unread = |ip: &String| {
        let mut pods = sight.objects.pods.values().filter(|found| selects(service, found));
        pods.any(|found| pod::ip(found) == Some(ip) && said_weight(found).is_some_and(|said| said.is_err()))
    };
    let bound = bound(sight, binding);
    let is_held = binding.status.as_ref()?.removals_held_by.is_some();
    for (port, protocol) in &wish.ports {
        let found = listeners.iter().find(|one| one.port == *port && one.protocol.as_str() == *protocol);
        let Some(listener) = found else { return Some(format!("there is no listener {protocol} {port}")) };
        if listener.state == ListenerState::Stopped {
            return Some(format!("{protocol} {port} is stopped"));
        }
        for route in listener.routes() {
            // What was registered for a binding of the Service that is gone serves on for the one that was made again.
            let is_own = |other: &str| {
                other == uid
                    || binding.metadata.owner_references.is_some() && sight.objects.binding_of_uid(other).is_none()
            };
            // On a listener that is nobody's, a target of one binding serves for the others, too.
            let owner = ListenerName::owner(&listener.name);
            let is_ours =
                |tag: &str| TargetTag::parse(tag).is_some_and(|tag| owner.is_none() || is_own(&tag.binding_uid));
            let weighted: BTreeSet<String> = targets
                .get(&route)
                .into_iter()
                .flatten()
                .filter(|target| target.weight > 0)
                .filter(|target| {
                    // One whose tag somebody has cleared serves for the Pod at its address.
                    let is_adopted = target.tag.is_empty() && bound.contains(&target.address.ip.to_string());
                    is_ours(&target.tag) || is_adopted
                })
                .map(|target| target.address.ip.to_string())
                .filter(|ip| !is_unread(ip))
                .collect();
            let is_right = match owner {
                _ if is_held => bound.is_subset(&weighted),
                None => bound.is_subset(&weighted),
                Some(owner) => !is_own(owner) || weighted == bound,
            };
            if !is_right {
                return Some(format!("{protocol} {port} has {weighted:?}, and should have {bound:?}"));
            }
        }
    }
    None
}

/// A listener on the load balancer of a binding holds a target of somebody else; or is somebody else's, where the load balancer is to go; or
/// somebody has taken the tag off the load balancer that was made for it.
fn holds_what_is_others(sight: &Sight<'_>, binding: &DirectAccessBinding) -> bool {
    let recorded = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let Some(recorded) = recorded else { return false };
    let (id, state) = (LoadBalancerId::new(recorded.id.clone()), sight.cloud.state());
    let is_unmarked = recorded.created && sight.cloud.tag_of(&id, OWNER_TAG).is_none();
    let goes = binding.spec.deletion_policy == DeletionPolicy::Delete;
    let is_others = |listener: &Listener| ListenerName::owner(&listener.name).is_none();
    let is_made = |listener: &ListenerId| state.listeners(&id).iter().any(|one| one.id == *listener && !is_others(one));
    let mut targets = state.targets(&id).into_iter().filter(|(route, _)| is_made(&route.listener));
    is_unmarked && state.load_balancer(&id).is_some()
        || targets.any(|(_, all)| all.iter().any(|target| TargetTag::parse(&target.tag).is_none()))
        || goes && state.listeners(&id).iter().any(is_others)
}

/// A condition says that what is being deleted goes on, or its Service has not ended its wish. What a Service owned that is gone waits for
/// nobody but for what is others': another one of the same name has asked for nothing of it.
fn is_held(sight: &Sight<'_>, binding: &DirectAccessBinding) -> bool {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    let mut owners = binding.metadata.owner_references.iter().flatten().filter(|owner| owner.kind == "Service");
    let owner = owners.next().map(|owner| {
        let named = sight.objects.services.get(&owner.name);
        named.filter(|found| found.metadata.uid.as_deref() == Some(owner.uid.as_str()))
    });
    let asks = |service: &core::Service| {
        let annotations = service.metadata.annotations.as_ref();
        annotations.is_some_and(|all| all.contains_key(names::DIRECT_ACCESS))
    };
    let is_held = binding.status.as_ref().is_some_and(|status| status.removals_held_by.is_some());
    let says = || is_held || conditions.into_iter().any(|found| found.reason == "RemovalHeld");
    match owner {
        None => says(),
        Some(None) => says() && (is_held || holds_what_is_others(sight, binding)),
        Some(Some(owner)) => asks(owner) || says(),
    }
}

fn is_parked(binding: &DirectAccessBinding) -> bool {
    binding.parked().is_some() && !binding.spec.suspend && binding.metadata.deletion_timestamp.is_none()
}

/// Bindings that are parked, and whose status shows what they do not have any more. One that is being deleted may go on.
fn parked(sight: &Sight<'_>) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    for binding in sight.objects.bindings.values().filter(|one| is_parked(one)) {
        let Some(status) = &binding.status else { continue };
        let has_targets = status.targets.as_ref().is_some_and(|targets| targets.registered > 0 || targets.healthy > 0);
        if status.left == Some(Left::NOTHING) && (has_targets || !status.listeners.is_empty()) {
            let name = binding.metadata.name.as_deref().unwrap_or_default();
            let words = format!("{name}: {:?} {} listeners", status.targets, status.listeners.len());
            faults.push(("what is parked shows nothing", words));
        }
    }
    faults
}

/// What is left of bindings that are gone.
fn leftovers(sight: &Sight<'_>) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    for name in sight.objects.bindings.values().filter(|one| one.metadata.deletion_timestamp.is_some()) {
        // It waits for a person, and says so: for things of others, or for its Service.
        if is_held(sight, name) {
            continue;
        }
        let reason = ready(name).map(|(_, reason, message)| format!("{reason}: {message}")).unwrap_or_default();
        let name = name.metadata.name.clone().unwrap_or_default();
        faults.push(("a deleted binding goes", format!("{name} is still there: {reason}")));
    }
    faults
}

/// Pods whose gates stay closed although their containers have been ready for long.
fn closed_gates(sight: &Sight<'_>) -> Vec<(&'static str, String)> {
    let is_stuck = |found: &&core::Pod| {
        let name = found.metadata.name.as_deref().unwrap_or_default();
        found.metadata.deletion_timestamp.is_none()
            && sight.cluster.serves(name, sight.now)
            && !sight.cluster.is_unready(name, sight.now)
            && pod::is_true(found, "ContainersReady")
            && !pod::gates_are_open(found)
            // It says so itself, and waits for its user.
            && pod::condition(found, tke_direct_access_core::api::names::GATE)
                .is_none_or(|gate| gate.reason.as_deref() != Some(GateReason::WeightUnreadable.as_str()))
    };
    // TKE's own service controller opens those of Services that have its marks.
    let is_tkes = |found: &core::Pod| {
        let mut services = sight.objects.services.values().filter(|service| selects(service, found));
        services.any(|service| {
            let annotations = service.metadata.annotations.as_ref();
            annotations.is_some_and(|all| all.contains_key(tke_direct_access_core::api::names::CLIENT_TOKEN))
        })
    };
    let stuck = sight.objects.pods.values().filter(is_stuck).filter(|found| !is_tkes(found));
    // A gate may wait for what its binding waits for, which says so.
    let is_said = |found: &core::Pod| {
        sight.objects.bindings.values().any(|binding| {
            let service = sight.objects.services.get(&binding.spec.service_ref.name);
            service.is_none_or(|service| selects(service, found))
                && ready(binding).is_some_and(|(status, ..)| status != "True")
        })
    };
    stuck
        .filter(|found| !is_said(found))
        .map(|found| {
            let gate = pod::condition(found, tke_direct_access_core::api::names::GATE);
            let words = gate.map(|gate| format!("{:?} {:?}", gate.reason, gate.message));
            ("gates open in the end", format!("{}: {words:?}", found.metadata.name.clone().unwrap_or_default()))
        })
        .collect()
}
