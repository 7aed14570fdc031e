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
            // Where its Service is gone, its listeners stay.
            let is_held = !self.objects.services.contains_key(&binding.spec.service_ref.name);
            wish.is_some_and(|wish| {
                others().any(|(_, port, protocol)| is_held || wish.is_wanted(*port, protocol, self.now))
            })
        })
    }

    /// A listener keeps Pods that it is not to have and another one is, which has Pods for it.
    pub(super) fn keeps_awaited(&self, seen: &Seen, route: &Route) -> Option<String> {
        let is_excused =
            self.holds_removals() || self.checks.watch.is_unread(self.now) || !self.checks.watch.refused.is_empty();
        let service = self.followed_on(seen, route).filter(|_| !is_excused)?;
        let targets = seen.targets.get(route).filter(|targets| targets.len() < self.quota)?;
        let serving =
            targets.iter().filter(|(address, (weight, _))| *weight > 0 && seen.takes(route, **address)).count();
        // While those that have come are not known to serve, nobody else goes.
        let is_known = |address: &Target| !seen.takes(route, *address) || self.is_known_well(route, *address);
        if !targets.keys().all(is_known) {
            return None;
        }
        let wanted = self.objects.pods.iter().filter(|(name, found)| self.is_expected(service, name, found)).count();
        // Pods of the one that serve on a listener of the other.
        let has_of = |on: &Route, of: &core::Service, others: &core::Service| {
            let all = seen.targets.get(on).into_iter().flatten();
            let is_kept = |(address, (weight, tag)): &(&Target, &(Weight, String))| {
                *weight > 0
                    && seen.takes(on, **address)
                    && self.pod_of(**address, tag).is_some_and(|(name, found)| {
                        self.is_wanted(of, name, found) && !selects(others, found) && self.is_well(name, found)
                    })
            };
            all.filter(is_kept).count()
        };
        let protocol = seen.listeners.get(route.listener.as_str())?.2;
        let others = seen.targets.keys().filter(|other| {
            *other != route && seen.listeners.get(other.listener.as_str()).is_some_and(|one| one.2 == protocol)
        });
        let kept = others.filter_map(|other| {
            let their = self.followed_on(seen, other)?;
            (has_of(other, service, their) > 0).then(|| has_of(route, their, service))
        });
        let kept = kept.max().filter(|kept| *kept > 0 && serving > few_less(wanted))?;
        Some(format!("{route:?} keeps {kept} Pods that another listener waits for"))
    }
}
