//! What is nobody's of ours stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::model::{Address, LoadBalancerId, Route, Weight};

use super::Seen;

/// What is on load balancers and is not ours.
pub(crate) type Foreign = BTreeMap<LoadBalancerId, Strangers>;

/// What is on one load balancer and is not ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strangers {
    listeners: BTreeSet<(String, (String, u16, &'static str))>,
    targets: BTreeSet<(Route, Address, Weight)>,
}

impl Strangers {
    /// What is not ours; `is_made` says of a listener by its id that one of ours has made it, whatever its name is by now. Where the cloud
    /// hides tags, a target without one on a listener of ours counts as ours, as the documentation says.
    pub(crate) fn of(seen: &Seen, hides_tags: bool, is_made: impl Fn(&str) -> bool) -> Self {
        let is_foreign = |(id, (name, ..)): &(&String, &(String, u16, &'static str))| {
            ListenerName::owner(name).is_none() && !is_made(id)
        };
        let listeners = seen.listeners.iter().filter(is_foreign).map(|(id, one)| (id.clone(), one.clone())).collect();
        let of_route = |(route, targets): (&Route, &BTreeMap<Address, (Weight, String)>)| {
            let name = seen.listeners.get(route.listener.as_str()).map(|(name, ..)| name.as_str());
            let is_hidden = hides_tags && name.is_some_and(|name| ListenerName::owner(name).is_some());
            let foreign = targets.iter().filter(|(_, (_, tag))| !is_hidden && TargetTag::parse(tag).is_none());
            foreign.map(|(address, (weight, _))| (route.clone(), *address, *weight)).collect::<Vec<_>>()
        };
        Self { listeners, targets: seen.targets.iter().flat_map(of_route).collect() }
    }

    /// What of these is not there any more, or not as it was. What was on a listener of ours goes with it.
    pub(crate) fn lost(&self, after: &Self, seen: &Seen) -> Vec<String> {
        let listeners = self.listeners.difference(&after.listeners).map(|(id, one)| format!("listener {id} {one:?}"));
        let targets = self.targets.difference(&after.targets);
        let targets = targets.filter(|(route, ..)| seen.listeners.contains_key(route.listener.as_str()));
        listeners.chain(targets.map(|(route, address, _)| format!("target {address} on {}", route.listener))).collect()
    }
}
