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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Protocol;
    use crate::plan::problem;
    use crate::plan::tests::world::{World, address};

    /// Where the check of listeners 1 and 3 is off, and that of listeners 2 and 4 on; the last two have it by their rules.
    fn world() -> (World, Vec<Route>) {
        let mut world = World::new(&json!({}));
        let plain = [1, 2].map(|port| world.add_listener("theirs", Protocol::Tcp, port));
        let http = world.add_listener("theirs", Protocol::Http, 3);
        let rules = ["/off", "/on"].map(|url| world.add_rule(&http, "example.com", url));
        world.listener(&plain[0]).attributes.set_some(Attribute::CheckSwitch, Some(false));
        world.listener(&plain[1]).attributes.set_some(Attribute::CheckSwitch, Some(true));
        world.listener(&http).rules[0].attributes.set_some(Attribute::CheckSwitch, Some(false));
        world.listener(&http).rules[1].attributes.set_some(Attribute::CheckSwitch, Some(true));
        let plain = plain.map(|listener| Route { listener, rule: None });
        let ruled = rules.map(|rule| Route { listener: http.clone(), rule: Some(rule) });
        let routes: Vec<_> = plain.into_iter().chain(ruled).collect();
        for (number, route) in (1..).zip(&routes) {
            world.put_target(route, address(number), 10, "");
            world.health.insert(address(number), Health::Healthy);
        }
        (world, routes)
    }

    /// "Check off" of a listener that was read with its check on, or stopped.
    #[test]
    fn listeners_are_read_again_where_health_contradicts_what_was_read_of_them() {
        for number in 1..=4 {
            for is_stopped in [false, true] {
                let (mut world, routes) = world();
                let route = &routes[number as usize - 1];
                assert_eq!(listener_sight(&world.observed(), &[]), ListenerSight::Current);
                world.health.insert(address(number), Health::CheckOff);
                if is_stopped {
                    world.listener(&route.listener).state = ListenerState::Stopped;
                }
                let observed = world.observed();
                let (health, sight) = if number % 2 == 1 && !is_stopped {
                    (Health::CheckOff, ListenerSight::Current)
                } else {
                    (Health::Unknown, ListenerSight::Outdated)
                };
                assert_eq!(listener_sight(&observed, &[]), sight, "{number}, stopped: {is_stopped}");
                let table = health_table(&observed);
                assert_eq!(table.get(&(route.clone(), address(number))), Some(&health), "{number}, {is_stopped}");
                let others = routes.iter().zip(1..).filter(|(other, _)| other.listener != route.listener);
                for (other, number) in others {
                    assert_eq!(table.get(&(other.clone(), address(number))), Some(&Health::Healthy), "{number}");
                }
            }
        }
    }

    #[test]
    fn listeners_are_read_again_while_one_that_a_binding_wants_is_stopped() {
        let (world, _) = world();
        let mut part = world.plan().bindings.swap_remove(0);
        for (problem, sight) in [
            (problem::suspended(), ListenerSight::Current),
            (problem::listener_stopped(&world.listeners[0]), ListenerSight::Outdated),
        ] {
            part.problems = vec![problem];
            assert_eq!(listener_sight(&world.observed(), std::slice::from_ref(&part)), sight, "{:?}", part.problems);
        }
    }
}
