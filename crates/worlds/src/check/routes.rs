//! What bindings want, by what is really written, and since when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tke_direct_access_core::api::binding::DeletionPolicy;
use tke_direct_access_core::api::{DirectAccessBinding, names};

use super::READ;
use crate::objects::Objects;

/// How long the controller may go by what was written before.
const LAG: Duration = Duration::from_secs(120);
/// What changes again within so long may have something under way of before.
const TURNS: Duration = Duration::from_secs(150);

/// What bindings want and wanted, by UID.
pub(crate) type Wanted = BTreeMap<String, Wish>;

/// A rule: the port of its listener, its domain and its path.
type Rule = (u16, String, String);

/// What a binding wants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Ports with their protocols.
    pub(crate) ports: BTreeSet<(u16, &'static str)>,
    /// Rules of those ports: domain and path.
    rules: BTreeSet<Rule>,
    /// When a rule was last not wanted.
    unwanted_rules: BTreeMap<Rule, Duration>,
    /// When a port was last not wanted, or the binding went.
    unwanted: BTreeMap<(u16, &'static str), Duration>,
    /// All is to be left in place when it goes.
    pub(crate) retains: bool,
    /// The name of its Service.
    pub(crate) service: String,
    pub(crate) gone: Option<Duration>,
    /// What it wants has changed, or who it selects, then.
    pub(crate) changed: Duration,
    /// When that had changed before.
    changed_before: Duration,
    selector: Option<String>,
    /// When its rules were last others.
    rules_changed: Duration,
}

/// A rule as specs name it: the empty domain is the address of the load balancer.
pub(crate) fn as_written((domain, url): &(String, String)) -> (String, String) {
    let is_address = domain.parse::<std::net::Ipv4Addr>().is_ok();
    (if is_address { String::new() } else { domain.clone() }, url.clone())
}

impl Wish {
    /// The rules that are wanted on a port.
    pub(crate) fn rules_of(&self, port: u16) -> BTreeSet<(String, String)> {
        let of_port = self.rules.iter().filter(|(of, ..)| *of == port);
        of_port.map(|(_, domain, url)| (domain.clone(), url.clone())).collect()
    }

    /// Whether its rules have been as they are for so long.
    pub(crate) fn has_steady_rules(&self, now: Duration, time: Duration) -> bool {
        now.saturating_sub(self.rules_changed) > time
    }

    /// Whether this port is wanted, and was for a while.
    pub(crate) fn is_wanted(&self, port: u16, protocol: &'static str, now: Duration) -> bool {
        let since = self.unwanted.get(&(port, protocol)).copied().or(self.gone);
        self.gone.is_none()
            && self.ports.contains(&(port, protocol))
            && since.is_none_or(|since| now.saturating_sub(since) > LAG)
    }

    /// Whether this rule of a port is wanted, and was for a while.
    pub(crate) fn is_rule_wanted(&self, port: u16, rule: &(String, String), now: Duration) -> bool {
        let (domain, url) = as_written(rule);
        let rule = (port, domain, url);
        let since = self.unwanted_rules.get(&rule);
        self.rules.contains(&rule) && since.is_none_or(|since| now.saturating_sub(*since) > LAG)
    }

    /// Whether the last change has ended this port, and nothing that was said shortly before it could have.
    pub(crate) fn has_ended_last(&self, port: (u16, &'static str), time: Duration) -> bool {
        self.unwanted.get(&port) == Some(&self.changed) && self.changed.saturating_sub(self.changed_before) > time
    }

    fn change(&mut self, now: Duration) {
        if self.changed != now {
            (self.changed_before, self.changed) = (self.changed, now);
        }
    }

    /// Whether all has been as it is for a while.
    pub(crate) fn is_steady(&self, now: Duration) -> bool {
        self.is_steady_for(now, LAG)
    }

    /// It has just changed, soon after it had changed before: what was done for that may still be under way.
    pub(crate) fn has_turned_again(&self, now: Duration) -> bool {
        !self.is_steady_for(now, READ) && self.changed.saturating_sub(self.changed_before) < TURNS
    }

    /// Whether all has been as it is for so long.
    pub(crate) fn is_steady_for(&self, now: Duration, time: Duration) -> bool {
        now.saturating_sub(self.changed) > time
    }
}

/// Brings what is wanted up to date.
pub(crate) fn update(wanted: &mut Wanted, objects: &Objects, now: Duration) {
    for (uid, wish) in wanted.iter_mut() {
        let is_there = objects.binding_of_uid(uid).is_some_and(is_in_use);
        if !is_there && wish.gone.is_none() {
            wish.gone = Some(now);
        }
    }
    for binding in objects.bindings.values().filter(|one| !is_in_use(one)) {
        let uid = binding.metadata.uid.as_deref().unwrap_or_default();
        if let Some(wish) = wanted.get_mut(uid) {
            wish.retains = binding.spec.deletion_policy == DeletionPolicy::Retain;
        }
    }
    for binding in objects.bindings.values().filter(|one| is_in_use(one)) {
        let Some(uid) = binding.metadata.uid.clone() else { continue };
        let (ports, selector) = ports(binding, objects);
        let wish = wanted.entry(uid).or_default();
        for port in wish.ports.difference(&ports) {
            wish.unwanted.insert(*port, now);
        }
        let rules = rules(binding);
        wish.unwanted_rules.extend(wish.rules.difference(&rules).map(|rule| (rule.clone(), now)));
        if wish.rules != rules {
            wish.rules_changed = now;
        }
        wish.rules = rules;
        if wish.ports != ports || wish.selector != selector {
            wish.change(now);
        }
        if wish.gone.take().is_some() {
            // It was parked, and is back.
            wish.unwanted.extend(ports.iter().map(|port| (*port, now)));
        }
        (wish.ports, wish.selector) = (ports, selector);
        wish.retains = binding.spec.deletion_policy == DeletionPolicy::Retain;
        wish.service.clone_from(&binding.spec.service_ref.name);
        if binding.spec.suspend {
            wish.change(now);
        }
    }
}

/// The rules that a binding wants.
fn rules(binding: &DirectAccessBinding) -> BTreeSet<Rule> {
    let of = |listener: &tke_direct_access_core::api::binding::ListenerSpec| {
        let port = u16::try_from(listener.port).unwrap_or_default();
        listener.rules.iter().map(move |rule| (port, rule.domain.clone(), rule.url.clone())).collect::<Vec<_>>()
    };
    binding.spec.listeners.iter().flat_map(of).collect()
}

/// It is not being deleted, and not parked.
fn is_in_use(binding: &DirectAccessBinding) -> bool {
    let is_parked = binding.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(names::PARKED));
    binding.metadata.deletion_timestamp.is_none() && !is_parked
}

/// The ports that a binding wants, and what decides about its Pods.
fn ports(binding: &DirectAccessBinding, objects: &Objects) -> (BTreeSet<(u16, &'static str)>, Option<String>) {
    let service = objects.services.get(&binding.spec.service_ref.name);
    let spec = service.and_then(|service| service.spec.as_ref());
    let decides = spec.map(|spec| format!("{:?} {:?}", spec.selector, spec.ports));
    if binding.spec.listeners.is_empty() {
        let of = |port: &k8s_openapi::api::core::v1::ServicePort| {
            Some((u16::try_from(port.port).ok()?, if port.protocol.as_deref() == Some("UDP") { "UDP" } else { "TCP" }))
        };
        let ports = spec.into_iter().flat_map(|spec| spec.ports.iter().flatten()).filter_map(of);
        return (ports.collect(), decides);
    }
    let of = |listener: &tke_direct_access_core::api::binding::ListenerSpec| {
        (u16::try_from(listener.port).unwrap_or_default(), listener.protocol.as_str())
    };
    (binding.spec.listeners.iter().map(of).collect(), decides)
}
