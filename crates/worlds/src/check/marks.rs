//! What is nobody's of ours stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tke_direct_access::clb::wire;
use tke_direct_access::sim::PureCloud;
use tke_direct_access_core::api::mark::{ListenerName, OWNER_TAG, TargetTag};
use tke_direct_access_core::model::{Address, LoadBalancerId, Route, Weight};

use super::Seen;

/// What is on one load balancer and is not ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Strangers {
    /// Listeners by id: name, port and protocol, and all settings with those of rules.
    listeners: BTreeMap<String, (Named, Option<wire::Listener>)>,
    targets: BTreeMap<(Route, Address), (Weight, String)>,
    /// What is shown of the load balancer itself, where it was not made for a binding.
    itself: Option<wire::LoadBalancer>,
}

/// Name, port and protocol.
type Named = (String, u16, &'static str);

impl Strangers {
    /// What is not ours; `is_made` says of a listener by its id that one of ours has made it, whatever its name is by now. Where the cloud
    /// hides tags, a target without one on a listener of ours counts as ours, as the documentation says; so may one that `is_known` says.
    pub(crate) fn of(
        cloud: &PureCloud,
        (id, seen): (&LoadBalancerId, &Seen),
        hides_tags: bool,
        is_made: impl Fn(&str) -> bool,
        is_known: impl Fn(&Route, Address, &str) -> bool,
    ) -> Self {
        let is_foreign =
            |(id, (name, ..)): &(&String, &Named)| ListenerName::owner(name).is_none() && !is_made(id.as_str());
        let foreign: BTreeMap<_, _> = seen.listeners.iter().filter(is_foreign).collect();
        let shown = if foreign.is_empty() { Vec::new() } else { cloud.state().shown(id) };
        let settings = |id: &str| shown.iter().find(|one| one.listener_id.as_deref() == Some(id)).cloned();
        let listeners = foreign.into_iter().map(|(id, one)| (id.clone(), (one.clone(), settings(id)))).collect();
        let of_route = |(route, targets): (&Route, &BTreeMap<Address, (Weight, String)>)| {
            let name = seen.listeners.get(route.listener.as_str()).map(|(name, ..)| name.as_str());
            let is_hidden = hides_tags && name.is_some_and(|name| ListenerName::owner(name).is_some());
            let foreign = targets.iter().filter(|(address, (_, tag))| {
                !is_hidden && TargetTag::parse(tag).is_none() && !is_known(route, **address, tag)
            });
            foreign.map(|(address, row)| ((route.clone(), *address), row.clone())).collect::<Vec<_>>()
        };
        let itself = cloud.state().load_balancer(id).filter(|_| cloud.tag_of(id, OWNER_TAG).is_none());
        let itself = itself.map(|one| one.shown().clone());
        Self { listeners, targets: seen.targets.iter().flat_map(of_route).collect(), itself }
    }

    /// What of these is not there any more, or not as it was. What was on a listener of ours goes with it. `is_wanted` says of an address
    /// that a binding wants it: a target there without a tag is adopted, so that its weight may change; `is_set` of a setting of the
    /// load balancer that somebody has asked for it.
    pub(crate) fn lost(
        &self,
        after: &Self,
        seen: &Seen,
        is_wanted: impl Fn(Address) -> bool,
        is_set: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let is_other = |(id, one): &(&String, &(Named, Option<wire::Listener>))| after.listeners.get(*id) != Some(*one);
        let other = self.listeners.iter().filter(is_other);
        let listeners = other.map(|(id, one)| format!("listener {id} {one:?} is {:?}", after.listeners.get(id)));
        let is_touched = |(place, (weight, tag)): &(&(Route, Address), &(Weight, String))| {
            let has_gone = !seen.listeners.contains_key(place.0.listener.as_str());
            !has_gone
                && match after.targets.get(*place) {
                    Some((now, same)) if tag == same => now != weight && !(tag.is_empty() && is_wanted(place.1)),
                    _ => true,
                }
        };
        let targets = self.targets.iter().filter(is_touched).map(|((route, address), one)| {
            let now = after.targets.get(&(route.clone(), *address));
            format!("target {address} on {}: {one:?} is {now:?}", route.listener)
        });
        let pair = self.itself.as_ref().zip(after.itself.as_ref()).filter(|(before, now)| before != now);
        let set = pair.into_iter().flat_map(|(before, now)| differences(before, now)).filter(|(key, _)| !is_set(key));
        let set = set.map(|(key, values)| format!("{key} is another one: {values}"));
        listeners.chain(targets).chain(set).collect()
    }
}

/// The settings that differ, with both values.
fn differences(before: &wire::LoadBalancer, now: &wire::LoadBalancer) -> Vec<(String, String)> {
    let fields = |of: &wire::LoadBalancer| match serde_json::to_value(of) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let (before, now) = (fields(before), fields(now));
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let other = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
    other.map(|key| (key.clone(), format!("{:?}, and was {:?}", now.get(key), before.get(key)))).collect()
}
