//! Which load balancers a change concerns. Pure; the reason of a round is dropped on purpose.

use std::collections::BTreeSet;

use crate::api::DirectAccessBinding;
use crate::k8s::{BindingRow, Change, Difference, Rows};
use crate::model::{GateState, LoadBalancerId, ObjectKey, Pod, Region, Service};
use crate::plan::config::reference;
use crate::plan::placement;
use crate::plan::selects;

/// What one round is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    /// A load balancer with all its bindings.
    LoadBalancer(Region, LoadBalancerId),
    /// A binding that has no load balancer yet, or none at all.
    Unplaced(Region, ObjectKey),
}

impl Key {
    /// The key of a binding. `region` is the controller's, for bindings that name none.
    pub(super) fn of(binding: &DirectAccessBinding, region: &Region) -> Self {
        if let Some((region, id)) = placement::home(binding, region) {
            return Self::LoadBalancer(region, id);
        }
        let meta = &binding.metadata;
        let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
        let key = ObjectKey::new(namespace.unwrap_or_default(), name.unwrap_or_default());
        Self::Unplaced(placement::region_of(binding, region), key)
    }
}

impl Key {
    /// The region that it is in.
    pub(super) const fn region(&self) -> &Region {
        let (Self::LoadBalancer(region, _) | Self::Unplaced(region, _)) = self;
        region
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LoadBalancer(region, id) => write!(f, "{region}/{id}"),
            Self::Unplaced(_, binding) => write!(f, "{binding}"),
        }
    }
}

/// What the stores hold in one namespace.
pub(super) struct Neighbourhood {
    /// Its bindings.
    pub bindings: Rows<BindingRow>,
    /// Its Services.
    pub services: Rows<Service>,
}

/// What kind of change it is that a round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// Pods come and go, which cures no refusal.
    Members,
    /// Something that somebody has written: what was refused before may work now.
    Input,
}

/// The kind of a change.
pub(super) const fn news(change: &Change) -> News {
    match change {
        Change::Pod(_) | Change::Slice(_) => News::Members,
        Change::Binding(_) | Change::Service(_) | Change::Switches(_) | Change::Config(_) => News::Input,
    }
}

/// The namespace of a change.
pub(super) fn namespace(change: &Change) -> &str {
    fn of<'a, V>(difference: &'a Difference<V>, namespace: fn(&'a V) -> &'a str) -> &'a str {
        difference.after.as_deref().or(difference.before.as_deref()).map_or("", namespace)
    }
    match change {
        Change::Binding(change) => of(change, |row| row.0.metadata.namespace.as_deref().unwrap_or_default()),
        Change::Service(change) => of(change, |service| &service.key.namespace),
        Change::Slice(change) => of(change, |slice| &slice.key.namespace),
        Change::Pod(change) => of(change, |pod| &pod.key.namespace),
        Change::Config(change) => of(change, |config| &config.key.namespace),
        Change::Switches(_) => "",
    }
}

/// The rounds that a change asks for.
pub(super) fn keys(change: &Change, around: &Neighbourhood, region: &Region) -> BTreeSet<Key> {
    let of_service = |name: &str| bound(around, region, |binding| binding.spec.service_ref.name == name);
    match change {
        Change::Binding(change) => match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.is_same_input(after) => BTreeSet::new(),
            (before, after) => [before, after].into_iter().flatten().map(|row| Key::of(&row.0, region)).collect(),
        },
        Change::Service(change) => either(change, |service| of_service(&service.key.name)),
        Change::Slice(change) => either(change, |slice| of_service(&slice.service)),
        Change::Pod(change) if is_echo(change) => BTreeSet::new(),
        Change::Pod(change) => either(change, |pod| of_pod(pod, around, region)),
        // They concern every binding of every namespace, which the caller knows.
        Change::Switches(_) => BTreeSet::new(),
        Change::Config(change) => match (&change.before, &change.after) {
            (Some(before), Some(after)) if before.is_same_input(after) => BTreeSet::new(),
            _ => either(change, |config| {
                let refers = |binding: &DirectAccessBinding| {
                    let service = around.services.get(&binding.spec.service_ref.name);
                    reference(binding, service.map(|service| &**service))
                        .is_some_and(|found| found.name == config.key.name)
                };
                bound(around, region, refers)
            }),
        },
    }
}

/// Nothing but the gate of a Pod has gone on towards open: that is what a round wrote, and no news.
fn is_echo(change: &Difference<Pod>) -> bool {
    let (Some(before), Some(after)) = (change.before.as_deref(), change.after.as_deref()) else { return false };
    let goes_on = before.gate.is_waiting() && !matches!(after.gate, GateState::Unset | GateState::Absent);
    goes_on && Pod { gate: after.gate.clone(), ..before.clone() } == *after
}

fn either<V>(change: &Difference<V>, keys: impl Fn(&V) -> BTreeSet<Key>) -> BTreeSet<Key> {
    [&change.before, &change.after].into_iter().flatten().flat_map(|row| keys(row)).collect()
}

fn bound(around: &Neighbourhood, region: &Region, is: impl Fn(&DirectAccessBinding) -> bool) -> BTreeSet<Key> {
    let rows = around.bindings.values().filter(|row| is(&row.0));
    rows.map(|row| Key::of(&row.0, region)).collect()
}

fn of_pod(pod: &Pod, around: &Neighbourhood, region: &Region) -> BTreeSet<Key> {
    bound(around, region, |binding| {
        has_leaving_targets(binding)
            || around.services.get(&binding.spec.service_ref.name).is_some_and(|service| selects(service, pod))
    })
}

/// The binding has targets of Pods that the Service does not select, so that any Pod may be one of these.
fn has_leaving_targets(binding: &DirectAccessBinding) -> bool {
    let Some(status) = &binding.status else { return false };
    !status.draining.is_empty() || status.targets.as_ref().is_some_and(|targets| targets.retained > 0)
}
