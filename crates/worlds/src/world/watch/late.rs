//! What should not last.

use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::binding::DrainSpec;
use tke_direct_access_core::api::mark::TargetTag;
use tke_direct_access_core::model::{Address as Target, Route};

use crate::check::Seen;
use crate::pod;
use crate::slices::selects;
use crate::world::World;

/// How long something may be late.
const LATE: Duration = Duration::from_secs(60);

impl World {
    /// Looks at what should not last, from time to time.
    pub(in crate::world) fn watch_time(&mut self) {
        let now = self.now;
        for binding in self.objects.bindings.values() {
            let Some(service) = self.objects.services.get(&binding.spec.service_ref.name) else { continue };
            let uid = binding.metadata.uid.clone().unwrap_or_default();
            let ips = self.objects.pods.values().filter(|found| selects(service, found)).filter_map(pod::ip);
            self.checks.watch.selected.extend(ips.map(|ip| (uid.clone(), ip.to_owned())));
        }
        let mut late = Vec::new();
        for seen in self.checks.seen.values() {
            for (route, targets) in &seen.targets {
                for (address, (weight, tag)) in targets.iter().filter(|(_, (weight, _))| *weight > 0) {
                    if let Some(words) = self.should_go(*address, tag) {
                        late.push(format!("{address} on {route:?} has weight {weight}, and {words}"));
                    }
                }
                late.extend(self.lacks_room(seen, route));
            }
        }
        let is_hindered = self.checks.watch.is_hindered(now);
        self.checks.watch.lasting.retain(|what, _| late.contains(what) && !is_hindered);
        for what in late {
            let since = self.checks.watch.since(what.clone(), now);
            if now.saturating_sub(since) > LATE {
                self.violate("who goes is gone in time", what);
                return;
            }
        }
    }

    /// Why a target should have no weight, whoever else serves.
    fn should_go(&self, address: Target, tag: &str) -> Option<String> {
        let tag_of = TargetTag::parse(tag)?;
        let binding = self.objects.binding_of_uid(&tag_of.binding_uid)?;
        // What is refused for the target itself holds itself up.
        let is_refused = self.checks.watch.refused.contains(&address.ip.to_string());
        if is_refused || binding.spec.drain != DrainSpec::default() || binding.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let ip = address.ip.to_string();
        let is_anothers = self.objects.pods.values().any(|found| pod::ip(found) == Some(&*ip));
        match self.pod_of(address, tag) {
            // Where tags are hidden, it counts as that of whoever has the address.
            None if is_anothers && self.hides_tags() => None,
            None => Some("its Pod is gone".to_owned()),
            Some((name, found)) if !pod::is_let_in(found) && !binding.spec.suspend => {
                Some(format!("somebody else has taken {name} out"))
            }
            Some(_) => None,
        }
    }

    /// Pods of a binding find no room, where others that are not wanted have it.
    fn lacks_room(&self, seen: &Seen, route: &Route) -> Option<String> {
        let targets = seen.targets.get(route)?;
        let (_, (_, tag)) = targets.iter().next()?;
        if targets.len() < self.quota {
            return None;
        }
        let binding = self.binding_on(seen, route, tag)?;
        let service = self.objects.services.get(&binding.spec.service_ref.name)?;
        let has = |found: &core::Pod| targets.keys().any(|address| Some(&*address.ip.to_string()) == pod::ip(found));
        let is_idle = |(address, (weight, tag)): (&Target, &(u8, String))| {
            *weight == 0 && self.pod_of(*address, tag).is_some_and(|(_, found)| !selects(service, found))
        };
        let idle = targets.iter().filter(|row| is_idle(*row)).count();
        let mut waiting =
            self.objects.pods.iter().filter(|(name, found)| self.is_wanted(service, name, found) && !has(found));
        let (name, _) = waiting.next().filter(|_| idle > 0)?;
        Some(format!("{name} finds no room on {route:?}, where there are targets without weight"))
    }
}
