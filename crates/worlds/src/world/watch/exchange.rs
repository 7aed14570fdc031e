//! Pods that one listener has and another one of the load balancer is to have.

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::model::{Address as Target, LoadBalancerId, Route, Weight};

use crate::check::Seen;
use crate::slices::selects;
use crate::world::World;

/// How many of so many may serve at least while Pods pass from one listener to another: a quarter less, and never nobody.
pub(super) fn few_less(wanted: usize) -> usize {
    wanted.saturating_sub((wanted / 4).max(1)).max(1)
}

impl World {
    /// The Pod is wanted on another listener of the protocol, where it cannot be as long as it is on this one.
    pub(super) fn is_awaited(&self, id: &LoadBalancerId, seen: &Seen, route: &Route, found: &core::Pod) -> bool {
        let here = seen.listeners.get(route.listener.as_str());
        let Some((_, port, protocol)) = here.filter(|_| route.rule.is_none()) else { return false };
        let others = || seen.listeners.values().filter(|other| other.1 != *port && other.2 == *protocol);
        self.objects.bindings.values().filter(|binding| self.is_pod_of(binding, found)).any(|binding| {
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            let is_here = self.load_balancer_of(binding, uid).is_some_and(|(of, _)| of == id);
            let wish = self.checks.wanted.get(uid).filter(|_| is_here);
            wish.is_some_and(|wish| others().any(|(_, port, protocol)| wish.is_wanted(*port, protocol, self.now)))
        })
    }

    /// A listener keeps Pods that it is not to have and another one is, beside others that serve.
    pub(super) fn keeps_awaited(&self, id: &LoadBalancerId, seen: &Seen, route: &Route) -> Option<String> {
        let service = self.followed_on(seen, route).filter(|_| !self.holds_removals())?;
        let targets = seen.targets.get(route).filter(|targets| targets.len() < self.quota)?;
        let serving = targets.iter().filter(|(address, (weight, _))| *weight > 0 && seen.takes(route, **address));
        let is_kept = |(address, (_, tag)): &(&Target, &(Weight, String))| {
            self.pod_of(**address, tag).is_some_and(|(name, found)| {
                !selects(service, found)
                    && found.metadata.deletion_timestamp.is_none()
                    && self.is_well(name, found)
                    && self.is_awaited(id, seen, route, found)
            })
        };
        let kept = serving.clone().filter(is_kept).count();
        let is_late = kept > 0 && serving.count() > 1;
        is_late.then(|| format!("{route:?} keeps {kept} Pods that another listener waits for"))
    }
}
