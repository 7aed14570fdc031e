//! A mistake takes little at once.

use std::collections::BTreeMap;

use tke_direct_access_core::api::mark::TargetTag;
use tke_direct_access_core::model::{Address, Route};
use tke_direct_access_core::plan::brake::WINDOW;

use super::said_weight;
use crate::check::Seen;
use crate::world::World;

impl World {
    /// Too many bindings lose most of their targets within a minute, of Pods that live and for which nobody has asked for that.
    pub(super) fn loses_too_much(&mut self, before: &Seen, after: &Seen) -> Option<String> {
        let mut lost: BTreeMap<String, Vec<(Route, Address)>> = BTreeMap::new();
        for (route, targets) in &before.targets {
            let keeps = |address: &Address| {
                after.targets.get(route).and_then(|all| all.get(address)).is_some_and(|(weight, _)| *weight > 0)
            };
            for (address, (_, tag)) in targets.iter().filter(|(address, (weight, _))| *weight > 0 && !keeps(address)) {
                let Some(uid) = TargetTag::parse(tag).map(|tag| tag.binding_uid) else { continue };
                let lives = self.pod_of(*address, tag).is_some_and(|(_, found)| {
                    found.metadata.deletion_timestamp.is_none() && said_weight(found) != Some(Ok(0))
                });
                let binding = self.objects.binding_of_uid(&uid);
                let is_in_use =
                    binding.is_some_and(|one| one.metadata.deletion_timestamp.is_none() && one.parked().is_none());
                if lives && is_in_use {
                    lost.entry(uid).or_default().push((route.clone(), *address));
                }
            }
        }
        for (uid, targets) in lost {
            let is_its = |tag: &str| TargetTag::parse(tag).is_some_and(|tag| tag.binding_uid == uid);
            let seen = self.checks.seen.values().flat_map(|seen| seen.targets.values().flatten());
            let left = seen.filter(|(_, (weight, tag))| *weight > 0 && is_its(tag)).count();
            self.checks.watch.losses.lose(&uid, targets, left, self.now);
        }
        let is_new = self.checks.writers.last().is_none_or(|(_, since)| self.now.saturating_sub(*since) < WINDOW);
        let too_many = self.checks.watch.losses.too_many().filter(|_| !is_new)?;
        Some(format!("{too_many:?} have lost more than half of their targets within a minute"))
    }
}
