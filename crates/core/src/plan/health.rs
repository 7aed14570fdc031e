//! What the cloud says of the health of targets, as far as it goes together with what was read of their listeners.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::api::condition::Reason;
use crate::model::{
    Address, Attribute, Attributes, Health, Listener, ListenerState, RegisteredTarget, Route, TargetHealth,
};

use super::{BindingPlan, Observed, Remembered};

type Targets = BTreeMap<Route, Vec<RegisteredTarget>>;

/// Health of every target, by route and address.
pub type HealthTable = HashMap<(Route, Address), Health>;

/// The health read as a table. A layer-4 listener has a rule of the cloud's own making there, which is no part of its route.
pub(super) fn health_table(observed: &Observed) -> HealthTable {
    table(observed, observed.health.as_deref().unwrap_or_default())
}

/// Health as it was last read, where no read has answered now, of targets that are what they were.
pub(super) fn last_health(observed: &Observed, remembered: &Remembered) -> HealthTable {
    let tag = |targets: &Targets, route: &Route, address: Address| {
        let found = targets.get(route).and_then(|all| all.iter().find(|one| one.address == address));
        found.map(|one| one.tag.clone())
    };
    let is_same = |((route, address), _): &(&(Route, Address), &Health)| {
        tag(&remembered.targets, route, *address) == tag(&observed.targets, route, *address)
    };
    remembered.health.iter().filter(is_same).map(|(key, health)| (key.clone(), *health)).collect()
}

fn table(observed: &Observed, rows: &[TargetHealth]) -> HealthTable {
    let layer7: HashSet<_> =
        observed.listeners.iter().filter(|one| one.protocol.is_layer7()).map(|one| &one.id).collect();
    let stopped: HashSet<_> = observed.listeners.iter().filter(|one| is_stopped(one)).map(|one| &one.id).collect();
    let unchecked: HashSet<_> = observed.listeners.iter().flat_map(unchecked).collect();
    let mut table = HealthTable::new();
    for row in rows {
        let rule = layer7.contains(&row.listener).then(|| row.rule.clone());
        let route = Route { listener: row.listener.clone(), rule };
        // Nobody gets traffic from a stopped listener, whatever its probes found last.
        let is_unknown =
            stopped.contains(&row.listener) || row.health == Health::CheckOff && !unchecked.contains(&route);
        let health = if is_unknown { Health::Unknown } else { row.health };
        table.insert((route, row.address), health);
    }
    if let Some(basis) = &observed.health_basis {
        let tag = |targets: &Targets, route: &Route, address: Address| {
            let found = targets.get(route).and_then(|all| all.iter().find(|one| one.address == address));
            found.map(|one| one.tag.clone())
        };
        // What was registered since may have the address of another Pod, whose health this is.
        table.retain(|(route, address), _| tag(basis, route, *address) == tag(&observed.targets, route, *address));
    }
    table
}

/// The routes of a listener on which "check off" is what it says. The cloud has one word for that and for a listener that is stopped
/// (<https://cloud.tencent.com/document/api/214/30694#TargetHealth>): where the listener was read with its check on, it was stopped
/// or changed since.
fn unchecked(listener: &Listener) -> Vec<Route> {
    if is_stopped(listener) {
        return Vec::new();
    }
    let is_checked = |attributes: &Attributes| attributes.switch(Attribute::CheckSwitch) == Some(true);
    let is_unchecked = |route: &Route| {
        let of_rule = route.rule.as_ref().and_then(|id| listener.rules.iter().find(|rule| rule.id == *id));
        !is_checked(of_rule.map_or(&listener.attributes, |rule| &rule.attributes))
    };
    listener.routes().filter(is_unchecked).collect()
}

fn is_stopped(listener: &Listener) -> bool {
    listener.state == ListenerState::Stopped
}

/// Whether what a round goes by of listeners is still true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenerSight {
    /// As far as is known.
    #[default]
    Current,
    /// It is not, or may not be: they are to be read before anything else is said of them.
    Outdated,
}

/// Whether what was read of listeners can be true together with what was read of health. Nothing but a new read shows that a stopped
/// one was started.
pub(super) fn listener_sight(observed: &Observed, bindings: &[BindingPlan]) -> ListenerSight {
    let unchecked: HashSet<_> = observed.listeners.iter().flat_map(unchecked).collect();
    let is_odd = |row: &TargetHealth| {
        let is_of =
            |route: &Route| route.listener == row.listener && route.rule.as_ref().is_none_or(|rule| *rule == row.rule);
        row.health == Health::CheckOff && !unchecked.iter().any(is_of)
    };
    let rows = observed.health.as_deref().unwrap_or_default();
    let has_stopped = |part: &BindingPlan| part.problems.iter().any(|one| one.reason == Reason::ListenerStopped);
    if rows.iter().any(is_odd) || bindings.iter().any(has_stopped) {
        ListenerSight::Outdated
    } else {
        ListenerSight::Current
    }
}

/// The cloud sends the target traffic as far as it is concerned.
pub(super) const fn is_healthy(health: Option<Health>) -> bool {
    matches!(health, Some(Health::Healthy | Health::CheckOff))
}
