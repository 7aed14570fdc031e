//! Who takes connections, as the cloud's probes find it.

use k8s_openapi::api::core::v1 as core;

use super::{Happening, PROBES, World};

impl World {
    /// The cloud probes each target: it is well where a Pod takes connections at its address.
    pub(super) fn probe(&mut self) {
        for probe in self.cloud.probes() {
            let is_well = self.serving_at(&probe.address.ip.to_string());
            self.cloud.observe(&probe, is_well);
        }
        self.watch_time();
        self.at(self.now + PROBES, Happening::Probe);
    }

    /// Whether a Pod takes connections at an address.
    fn serving_at(&self, ip: &str) -> bool {
        self.serving_pod(ip).is_some()
    }

    /// The Pod that takes connections at an address.
    pub(super) fn serving_pod(&self, ip: &str) -> Option<(&String, &core::Pod)> {
        let serves = |(name, pod): &(&String, &core::Pod)| {
            crate::pod::ip(pod) == Some(ip)
                && self.cluster.serves(name, self.now)
                && !self.cluster.is_unready(name, self.now)
        };
        self.objects.pods.iter().find(serves)
    }
}
