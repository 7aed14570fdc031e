//! Who takes connections, as the cloud's probes find it.

use std::time::Duration;

use k8s_openapi::api::core::v1 as core;

use tke_direct_access_core::model::{Address, LoadBalancerId};

use super::{Happening, PROBES, World};
use crate::check::CLEARS;

impl World {
    /// The cloud probes each target: it is well where a Pod takes connections at its address, and
    /// probes reach it.
    pub(super) fn probe(&mut self) {
        for probe in self.cloud.probes() {
            let is_well = self.is_found(&probe.address.ip.to_string());
            self.cloud.observe(&probe, is_well);
        }
        self.watch_time();
        self.at(self.now + PROBES, Happening::Probe);
    }

    /// Whether probes find that a Pod takes connections at an address.
    fn is_found(&self, ip: &str) -> bool {
        let is_missed = |name: &String| {
            self.unprobed.iter().any(|(one, until)| self.now < *until && one.as_ref().is_none_or(|one| one == name))
        };
        self.serving_pod(ip).is_some_and(|(name, _)| !is_missed(name))
    }

    /// The cloud's probes do not reach a Pod until then, or none.
    pub(super) fn hide_from_probes(&mut self, place: Option<usize>, until: Duration) {
        // Where there is no Pod, there is none to hide.
        let Ok(pod) = place.map(|place| self.pod_at(place)).transpose() else { return };
        self.unprobed.push((pod, until));
    }

    /// A load balancer has a Pod that probes have missed lately; or one that is gone may have been there.
    pub(super) fn has_hidden_pods(&self, id: &LoadBalancerId) -> bool {
        let recent = self.unprobed.iter().filter(|(_, until)| self.now < *until + CLEARS);
        let mut names = recent.filter_map(|(name, _)| name.as_ref());
        let targets = || self.checks.seen.get(id).into_iter().flat_map(|seen| seen.targets.values());
        names.any(|name| match self.objects.pods.get(name) {
            None => true,
            Some(found) => {
                let is_its = |address: &Address| crate::pod::ip(found) == Some(&*address.ip.to_string());
                targets().any(|all| all.keys().any(is_its))
            }
        })
    }

    /// The Pod that takes connections at an address.
    pub(super) fn serving_pod(&self, ip: &str) -> Option<(&String, &core::Pod)> {
        let serves = |(name, pod): &(&String, &core::Pod)| {
            crate::pod::ip(pod) == Some(ip) && self.cluster.serves(name, self.now)
        };
        self.objects.pods.iter().find(serves)
    }
}
