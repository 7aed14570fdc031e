//! A gate opens when its Pod serves wherever its bindings have it serve.

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{Mode, NetworkMode};
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::model::{LoadBalancerId, Route};

use super::late::is_left_to_tke;
use super::{KNOWN, MEDDLED, READY};
use crate::check::routes::Wish;
use crate::check::{Seen, Sentence};
use crate::pod;
use crate::slices::selects;
use crate::world::World;

/// The rule of it.
const RULE: &str = "a gate opens on proof";

impl World {
    /// A gate opens because all its bindings have the Pod registered and healthy, on each listener and rule: they must.
    pub(in crate::world) fn look_at_gate(&mut self, name: &str, uid: &str) {
        let Some(found) = self.objects.pods.get(name).filter(|found| found.metadata.uid.as_deref() == Some(uid)) else {
            return;
        };
        let is_asked = |binding: &&DirectAccessBinding| {
            let service = self.objects.services.get(&binding.spec.service_ref.name);
            binding.metadata.deletion_timestamp.is_none()
                && binding.parked().is_none()
                && !binding.spec.suspend
                && service.is_some_and(|service| selects(service, found))
        };
        let bindings = self.objects.bindings.values().filter(is_asked);
        let sentences: Vec<_> = bindings.map(|binding| self.is_proven(binding, found)).collect();
        sentences.into_iter().for_each(|sentence| self.judge(RULE, sentence));
    }

    /// A binding has the Pod wherever it wants it.
    fn is_proven(&self, binding: &DirectAccessBinding, found: &core::Pod) -> Sentence {
        let uid = binding.metadata.uid.as_deref().unwrap_or_default();
        let lag = if self.checks.watch.is_blurred(self.now) { KNOWN } else { READY };
        let is_steady = |wish: &&Wish| wish.is_steady_for(self.now, lag) && wish.has_steady_rules(self.now, lag);
        let wish = self.checks.wanted.get(uid).filter(is_steady);
        let Some(wish) = wish else { return Sentence::Excused("what is wanted has just changed") };
        if binding.spec.mode != Mode::Direct || is_left_to_tke(binding) {
            return Sentence::Excused("the binding is left to TKE");
        }
        if binding.spec.network != NetworkMode::Auto {
            return Sentence::Excused("the binding leaves networks out");
        }
        let seen = self.load_balancer_of(binding, uid);
        if seen.is_some_and(|(id, _)| self.checks.is_unseen(id, self.now)) {
            return Sentence::Excused(MEDDLED);
        }
        let is_known = |(port, protocol): &&(u16, &'static str)| {
            let service = self.objects.services.get(&binding.spec.service_ref.name);
            let mut said = binding
                .spec
                .listeners
                .iter()
                .filter(|one| one.port == i32::from(*port) && one.protocol.as_str() == *protocol);
            // One that another binding has is none of its listeners.
            said.all(|one| self.is_port_known(one, service))
                && !seen.is_some_and(|(_, seen)| self.is_lost(seen, uid, *port))
        };
        let mut lacking = wish.ports.iter().filter(is_known).flat_map(|port| {
            seen.map_or_else(
                || vec!["it has no load balancer".to_owned()],
                |(_, seen)| self.lacking(seen, wish, *port, found),
            )
        });
        Sentence::of(lacking.next().map(|words| {
            let name = found.metadata.name.as_deref().unwrap_or_default();
            format!("{name} is let in for {}: {words}", binding.metadata.name.as_deref().unwrap_or_default())
        }))
    }

    /// The load balancer on which a binding has its listeners, or is to have them.
    pub(in crate::world) fn load_balancer_of(
        &self,
        binding: &DirectAccessBinding,
        uid: &str,
    ) -> Option<(&LoadBalancerId, &Seen)> {
        let recorded = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref()).map(|one| &one.id);
        let named = binding.spec.load_balancer.as_ref().and_then(|one| one.id.as_ref());
        let is_named = |(id, _): &(&LoadBalancerId, &Seen)| recorded.or(named).is_some_and(|one| one == id.as_str());
        let has_listener = |(_, seen): &(&LoadBalancerId, &Seen)| {
            seen.listeners.values().any(|(name, ..)| ListenerName::owner(name) == Some(uid))
        };
        let all = &self.checks.seen;
        all.iter().find(is_named).or_else(|| all.iter().find(has_listener))
    }

    /// Another binding wants the port, too, or somebody has it, and this one does not have it.
    fn is_lost(&self, seen: &Seen, uid: &str, port: u16) -> bool {
        let is_own =
            |(name, at, _): &(String, u16, &'static str)| *at == port && ListenerName::owner(name) == Some(uid);
        let is_wanted = |(other, wish): (&String, &Wish)| {
            other != uid && wish.gone.is_none() && wish.ports.iter().any(|(wanted, _)| *wanted == port)
        };
        let mut there = seen.listeners.values();
        let is_anybodys = there.clone().any(|(_, at, _)| *at == port);
        !there.any(is_own) && (is_anybodys || self.checks.wanted.iter().any(is_wanted))
    }

    /// Where a Pod is not that is to be on a port, or never was healthy.
    fn lacking(
        &self,
        seen: &Seen,
        wish: &Wish,
        (port, protocol): (u16, &'static str),
        found: &core::Pod,
    ) -> Vec<String> {
        let name = format!("{protocol} {port}");
        let on_port = |(_, (_, at, of)): &(&String, &(String, u16, &'static str))| *at == port && *of == protocol;
        let Some((listener, _)) = seen.listeners.iter().find(on_port) else {
            return vec![format!("there is no listener {name}")];
        };
        let routes = seen.targets.keys().filter(|route| route.listener.as_str() == listener);
        let mut wanted = wish.rules_of(port);
        let is_wanted = |route: &&Route| match &route.rule {
            None => true,
            Some(rule) => {
                seen.rules.get(rule).is_some_and(|rule| wanted.remove(&crate::check::routes::as_written(rule)))
            }
        };
        let routes: Vec<_> = routes.filter(is_wanted).collect();
        let missing = wanted.into_iter().map(|rule| format!("there is no rule {rule:?} of {name}"));
        let absent = routes.into_iter().filter(|route| !self.serves_on(seen, route, found));
        let absent =
            absent.map(|route| format!("it is not registered, or never was healthy, on {name} {:?}", route.rule));
        missing.chain(absent).collect()
    }

    /// A Pod is registered on a route, and has been healthy there.
    fn serves_on(&self, seen: &Seen, route: &Route, found: &core::Pod) -> bool {
        let uid = found.metadata.uid.as_deref().unwrap_or_default();
        // Where tags are hidden, nobody knows for whom it was registered: it counts when it has been there for long.
        let is_its = |tag: &str| {
            self.hides_tags()
                || tag.is_empty()
                || TargetTag::parse(tag).is_some_and(|tag| uid.starts_with(&tag.pod_mark))
        };
        seen.targets.get(route).into_iter().flatten().any(|(address, (_, tag))| {
            let target = (route.clone(), *address, tag.clone());
            Some(&*address.ip.to_string()) == pod::ip(found) && is_its(tag) && self.checks.was_well.contains(&target)
        })
    }
}
