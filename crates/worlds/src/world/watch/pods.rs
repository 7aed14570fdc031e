//! What becomes of single Pods, and what they say of themselves.

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::mark::TargetTag;
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::Route;

use super::DRAINS;
use crate::check::{READ, Seen};
use crate::pod;
use crate::pod_change::PodChange;
use crate::world::World;
use crate::world::look::NOTICED;

/// What a Pod says of its weight; `None` where it says nothing, and an error where that cannot be read.
pub(crate) fn said_weight(found: &core::Pod) -> Option<Result<u8, &str>> {
    let word = found.metadata.annotations.as_ref()?.get(names::CUSTOM_WEIGHT)?;
    Some(word.trim().parse().ok().filter(|weight| *weight <= 100).ok_or(word))
}

impl World {
    /// Something is about to become of a Pod.
    pub(in crate::world) fn note_pod_change(&mut self, name: &str, change: &PodChange) {
        let said = self.objects.pods.get(name).and_then(said_weight).and_then(Result::ok);
        let memory = &mut self.checks.watch.pods;
        memory.changed.insert(name.to_owned(), (self.now, said));
        if let Some(ip) = self.objects.pods.get(name).and_then(pod::ip).filter(|_| change.stops()) {
            memory.stopped.insert(ip.to_owned(), self.now);
        }
    }

    /// The Pod that had this address has stopped to serve, and nobody can know it yet.
    pub(in crate::world) fn has_just_been_stopped(&self, ip: &str) -> bool {
        let time = if self.checks.watch.is_blurred(self.now) { NOTICED } else { READ };
        let since = self.checks.watch.pods.stopped.get(ip);
        since.is_some_and(|since| self.now.saturating_sub(*since) < time)
    }

    /// A user has lately said something of this Pod.
    pub(super) fn has_just_been_changed(&self, name: &str) -> bool {
        let since = self.checks.watch.pods.changed.get(name);
        since.is_some_and(|(since, _)| self.now.saturating_sub(*since) < DRAINS)
    }

    /// A weight that nobody can read changes none, but for one that was taken and comes back.
    pub(super) fn follows_unreadable_weight(&self, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &after.targets {
            for (address, (weight, tag)) in targets {
                let Some((name, found)) = self.pod_of(*address, tag) else { continue };
                let had = before.targets.get(route).and_then(|all| all.get(address)).map_or(0, |(weight, _)| *weight);
                let Some(Err(word)) = said_weight(found).filter(|_| *weight > 0 && *weight != had) else { continue };
                let place = (route.clone(), tag.clone());
                let had_it = self.checks.watch.pods.weights.get(&place).is_some_and(|all| all.contains(weight));
                let is_back = had == 0 && had_it;
                if !is_back && !self.has_just_said(name, *weight) {
                    return Some(format!("{name} gets weight {weight}, and says \"{word}\""));
                }
            }
        }
        None
    }

    /// The Pod may have said this weight until just now.
    pub(super) fn has_just_said(&self, name: &str, weight: u8) -> bool {
        let changed = self.checks.watch.pods.changed.get(name);
        changed.is_some_and(|(since, said)| {
            self.now.saturating_sub(*since) < READ && said.is_none_or(|said| said == weight)
        })
    }

    /// The Pod has said a weight of 0 until just now.
    pub(in crate::world) fn has_just_been_out(&self, name: &str) -> bool {
        let changed = self.checks.watch.pods.changed.get(name);
        changed.is_some_and(|(since, said)| self.now.saturating_sub(*since) < READ && *said == Some(0))
    }

    /// A Pod that has been ready for long has another weight than it says.
    pub(super) fn is_weighed_otherwise(&self, seen: &Seen, route: &Route) -> Option<String> {
        let service = self.followed_on(seen, route).filter(|_| !self.holds_removals())?;
        let targets = seen.targets.get(route)?;
        let other = |(name, found): (&String, &core::Pod)| {
            let said = said_weight(found)?.ok()?;
            let uid = found.metadata.uid.as_deref().unwrap_or_default();
            let is_its = |tag: &str| TargetTag::parse(tag).is_some_and(|tag| uid.starts_with(&tag.pod_mark));
            let mut own = targets
                .iter()
                .filter(|(address, (_, tag))| Some(&*address.ip.to_string()) == pod::ip(found) && is_its(tag));
            let (address, (weight, _)) = own.find(|(_, (weight, _))| *weight != said)?;
            let is_refused = self.checks.watch.refused.contains(&address.ip.to_string());
            (!is_refused && self.is_ready_for_long(service, name, found))
                .then(|| format!("{name} says weight {said}, and has {weight} at {address} on {route:?}"))
        };
        self.objects.pods.iter().find_map(other)
    }
}
