//! Rules that look at more than one moment: who leaves waits for those who come, and goes in time; what nobody can read changes
//! nothing; one's trouble is its own.

mod causes;
mod end;
mod exchange;
mod gates;
mod late;
mod losses;
mod pods;
mod retained;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{DrainAction, DrainSpec};
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::{Address as Target, LoadBalancerId, Route};

use self::exchange::few_less;
use super::World;
use crate::check::{Seen, Sentence};
use crate::pod;
use crate::slices::selects;

pub(crate) use pods::said_weight;

/// What is written is known everywhere after so long.
const KNOWN: Duration = Duration::from_secs(120);
/// Of a preStop sleep, so much is left when a Pod has still to be waited for.
pub(super) const SLEEP_LEFT: Duration = Duration::from_secs(8);
/// Why nobody is asked for what somebody else has changed.
pub(super) const MEDDLED: &str = "somebody at the console has just changed something";
/// Why nobody is asked for what he cannot know.
const BLURRED: &str = "replicas may know less than what is the case";
/// Why nobody is asked for what the cloud has refused.
const REFUSED: &str = "what names one of its addresses is refused";
/// How long a Pod has been ready that everybody knows of.
const READY: Duration = Duration::from_secs(20);
/// So much of the time that connections are given is checked: the rest is for clocks that count whole seconds.
const DRAINS: Duration = Duration::from_secs(200);
/// The same for a Pod that another listener waits for.
const DRAINS_AWAITED: Duration = Duration::from_secs(9);

/// An annotation of a Service as it is.
fn annotation<'a>(service: &'a core::Service, key: &str) -> Option<&'a str> {
    service.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// The Service asks for a binding, or may: only its user's plain word ends that.
fn asks(service: &core::Service) -> bool {
    let is_load_balancer = service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
    is_load_balancer && annotation(service, names::DIRECT_ACCESS).is_some_and(|word| word.trim() != "false")
}

impl World {
    /// Remembers what Services and bindings say, and since when.
    pub(super) fn watch_objects(&mut self) {
        let (now, watch) = (self.now, &mut self.checks.watch);
        for name in crate::generate::NAMES {
            if !self.objects.services.get(name).is_some_and(asks) {
                watch.unasked.insert(name.to_owned(), now);
            }
        }
        for binding in self.objects.bindings.values() {
            let uid = binding.metadata.uid.clone().unwrap_or_default();
            if binding.spec.suspend {
                watch.suspended.entry(uid.clone()).or_insert(now);
            } else {
                watch.suspended.remove(&uid);
            }
        }
    }

    /// The Pod of a target that takes connections, by its tag; by its address alone where the cloud shows no tags, so that nobody can
    /// give an address that is another Pod's by now another one.
    pub(in crate::world) fn pod_of(&self, address: Target, tag: &str) -> Option<(&String, &core::Pod)> {
        let mark = TargetTag::parse(tag).map(|tag| tag.pod_mark)?;
        let ip = address.ip.to_string();
        let is_it = |(_, found): &(&String, &core::Pod)| {
            let is_its = found.metadata.uid.as_deref().is_some_and(|uid| uid.starts_with(&mark));
            pod::ip(found) == Some(&*ip) && (is_its || self.hides_tags())
        };
        self.objects.pods.iter().find(is_it)
    }

    /// Whoever answers at a target that is ours, or has no tag: then it counts as that of the Pod at its address.
    fn server_of(&self, address: Target, tag: &str) -> Option<(&String, &core::Pod)> {
        let ip = address.ip.to_string();
        let at = || self.objects.pods.iter().find(|(_, found)| pod::ip(found) == Some(&*ip));
        if tag.is_empty() { at() } else { self.pod_of(address, tag) }
    }

    pub(in crate::world) fn is_well(&self, name: &str, found: &core::Pod) -> bool {
        self.cluster.serves(name, self.now) && !self.cluster.is_unready(name, self.now) && pod::is_let_in(found)
    }

    /// The Pod has been ready for so long that everybody knows it, and a user wants it to serve.
    pub(in crate::world) fn is_wanted(&self, service: &core::Service, name: &str, found: &core::Pod) -> bool {
        self.is_ready_for_long(service, name, found)
            && found.metadata.annotations.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
    }

    /// The Pod has been ready for so long that everybody knows it.
    fn is_ready_for_long(&self, service: &core::Service, name: &str, found: &core::Pod) -> bool {
        selects(service, found)
            && found.metadata.deletion_timestamp.is_none()
            && self.is_well(name, found)
            && pod::condition(found, "ContainersReady").is_some_and(|found| {
                let since = found.last_transition_time.as_ref().map(|time| self.objects.wall.duration_since(time.0));
                found.status == "True" && since.is_some_and(|since| since.unsigned_abs() >= READY)
            })
    }

    /// The Pod is wanted, or is about to serve as far as anybody can tell: for less than a minute.
    fn is_expected(&self, service: &core::Service, name: &str, found: &core::Pod) -> bool {
        let age = found.metadata.creation_timestamp.as_ref().map(|time| self.objects.wall.duration_since(time.0));
        let is_coming = age.is_some_and(|age| (5..50).contains(&age.as_secs()));
        let is_plain = found.metadata.annotations.as_ref().is_none_or(std::collections::BTreeMap::is_empty);
        self.is_wanted(service, name, found)
            || is_coming
                && is_plain
                && selects(service, found)
                && found.metadata.deletion_timestamp.is_none()
                && pod::is_let_in(found)
    }

    /// Whose a route is: the binding, where it is in force and everything of it is known.
    pub(in crate::world) fn binding_on(&self, before: &Seen, route: &Route, tag: &str) -> Option<&DirectAccessBinding> {
        let (name, port, protocol) = before.listeners.get(route.listener.as_str())?;
        let uid = TargetTag::parse(tag)?.binding_uid;
        let is_of = ListenerName::owner(name).is_none_or(|owner| owner == uid);
        let wish = self.checks.wanted.get(&uid)?;
        let binding = self.objects.binding_of_uid(&uid)?;
        let usual = DrainSpec::default();
        let is_usual = binding.spec.drain.timeout_seconds == usual.timeout_seconds
            && binding.spec.drain.terminating == DrainAction::WeightZero;
        let rule = route.rule.as_ref().and_then(|rule| before.rules.get(rule));
        let is_wanted = wish.is_wanted(*port, protocol, self.now)
            && rule.is_none_or(|rule| wish.is_rule_wanted(*port, rule, self.now));
        (is_of && is_usual && !binding.spec.suspend && is_wanted).then_some(binding)
    }

    fn is_known_well(&self, route: &Route, address: Target) -> bool {
        self.checks.watch.is_known_well(route, address, self.now)
    }

    /// Nobody leaves before somebody serves: who is replaced waits for those that come.
    fn replaced_too_early(&self, id: &LoadBalancerId, before: &Seen, after: &Seen) -> Option<String> {
        // Where there is no room for all, some leave so that others can come.
        let has_room = |(_, targets): &(&Route, &BTreeMap<Target, _>)| targets.len() < self.quota;
        if self.checks.wanted.values().any(|wish| wish.has_turned_again(self.now)) {
            return None;
        }
        for (route, targets) in before.targets.iter().filter(has_room) {
            for (address, (_, tag)) in targets {
                let keeps =
                    after.targets.get(route).and_then(|all| all.get(address)).is_some_and(|(weight, _)| *weight > 0);
                if keeps || !before.takes(route, *address) || !self.is_known_well(route, *address) {
                    continue;
                }
                let Some((name, found)) = self.pod_of(*address, tag).filter(|(name, found)| self.is_well(name, found))
                else {
                    continue;
                };
                let is_weighted = found.metadata.annotations.as_ref().is_some_and(|all| !all.is_empty());
                let stays = self.cluster.serves(name, self.now + SLEEP_LEFT);
                let Some(binding) = self.binding_on(before, route, tag).filter(|_| stays && !is_weighted) else {
                    continue;
                };
                let Some(service) = self.objects.services.get(&binding.spec.service_ref.name) else { continue };
                // A user says so, or did until just now.
                let is_out = binding.spec.listeners.iter().any(|listener| listener.weight == 0);
                if is_out || self.has_just_said(name, 0) {
                    continue;
                }
                let uid = binding.metadata.uid.as_deref().unwrap_or_default();
                let is_recent = self.checks.wanted.get(uid).is_some_and(|wish| !wish.is_steady_for(self.now, DRAINS));
                let is_ending = found.metadata.deletion_timestamp.is_some();
                let is_changed = self.has_just_been_changed(name);
                if !is_recent && !is_changed && !self.hides_tags() && self.is_wanted(service, name, found) {
                    return Some(format!("{id}: {name} leaves {route:?}, and is wanted"));
                }
                if !is_ending && !is_recent && !is_changed {
                    continue;
                }
                if let Some(words) = self.lacks_others(id, (before, after), route, service, found) {
                    return Some(format!("{id}: {name} leaves {route:?}, and {words}"));
                }
            }
        }
        None
    }

    /// Fewer serve on a route when this Pod has left it than should.
    fn lacks_others(
        &self,
        id: &LoadBalancerId,
        (before, after): (&Seen, &Seen),
        route: &Route,
        service: &core::Service,
        found: &core::Pod,
    ) -> Option<String> {
        let serve = |seen: &Seen, is_counted: &dyn Fn(Target) -> bool| {
            let of = seen.targets.get(route).into_iter().flatten();
            of.filter(|(address, (_, tag))| {
                seen.takes(route, **address)
                    && is_counted(**address)
                    && self.server_of(**address, tag).is_some_and(|(name, found)| self.is_well(name, found))
            })
            .count()
        };
        let wanted = self.objects.pods.iter().filter(|(name, found)| self.is_expected(service, name, found)).count();
        let had = serve(before, &|address| self.is_known_well(route, address));
        let has = serve(after, &|_| true);
        let is_of_service = |(address, (_, tag)): (&Target, &(u8, String))| {
            self.server_of(*address, tag).is_some_and(|(_, found)| selects(service, found))
        };
        // Where nobody comes, all that can go on do.
        let is_forsaken = wanted == 0 && !before.targets.get(route).into_iter().flatten().any(is_of_service);
        let is_ending = found.metadata.deletion_timestamp.is_some();
        let due = if is_forsaken && !is_ending { had } else { had.min(wanted) };
        let due = if self.is_awaited(id, before, route, found) { due.min(few_less(wanted)) } else { due };
        (has < due).then(|| format!("{has} serve where {had} did and {wanted} should"))
    }

    /// Connections are given their time: a Pod that is not selected any more, and lives, stays registered without weight.
    fn drained_too_early(&self, id: &LoadBalancerId, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &before.targets {
            let Some(left) = after.targets.get(route) else { continue };
            for (address, (_, tag)) in targets.iter().filter(|(address, _)| !left.contains_key(*address)) {
                let Some(since) = self.checks.watch.weightless.get(&(route.clone(), *address)) else { continue };
                // Not who has the address by now, where that is all that the cloud shows.
                let is_its_own = |found: &core::Pod| {
                    let uid = found.metadata.uid.as_deref().unwrap_or_default();
                    TargetTag::parse(tag).is_some_and(|tag| uid.starts_with(&tag.pod_mark))
                };
                let Some((name, found)) =
                    self.pod_of(*address, tag).filter(|(name, found)| is_its_own(found) && self.is_well(name, found))
                else {
                    continue;
                };
                let Some(binding) = self.binding_on(before, route, tag) else { continue };
                let Some(service) = self.objects.services.get(&binding.spec.service_ref.name) else { continue };
                let is_full = targets.len() >= self.quota;
                let given = if self.is_awaited(id, before, route, found) { DRAINS_AWAITED } else { DRAINS };
                if found.metadata.deletion_timestamp.is_none()
                    && !selects(service, found)
                    && !is_full
                    && self.now.saturating_sub(*since) < given
                {
                    return Some(format!("{id}: {name} is deregistered after {:?} without weight", self.now - *since));
                }
            }
        }
        None
    }

    /// What is suspended is left alone.
    fn touches_suspended(&self, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &after.targets {
            for (address, (weight, tag)) in targets {
                let Some(uid) = self.suspended(tag) else { continue };
                let had = before.targets.get(route).and_then(|all| all.get(address)).map(|(weight, _)| *weight);
                if had.is_none_or(|had| had < *weight) {
                    return Some(format!("{address} on {route:?} gets weight {weight} for {uid}, which is suspended"));
                }
            }
        }
        for (route, targets) in &before.targets {
            for (address, (had, tag)) in targets {
                let Some(uid) = self.suspended(tag) else { continue };
                let left = after.targets.get(route).and_then(|all| all.get(address)).map(|(weight, _)| *weight);
                let lives = self.pod_of(*address, tag).is_some_and(|(name, found)| {
                    found.metadata.deletion_timestamp.is_none() && self.cluster.serves(name, self.now)
                });
                if left.is_none_or(|left| left < *had && lives) {
                    return Some(format!(
                        "{address} on {route:?} goes from {had} to {left:?} for {uid}, which is suspended"
                    ));
                }
            }
        }
        None
    }

    /// The binding of a target, where everybody knows that it is suspended, and its wish goes on.
    fn suspended(&self, tag: &str) -> Option<String> {
        let uid = TargetTag::parse(tag)?.binding_uid;
        let since = self.checks.watch.suspended.get(&uid)?;
        let binding = self.objects.binding_of_uid(&uid)?;
        let goes_on = binding.metadata.deletion_timestamp.is_none() && binding.parked().is_none();
        (goes_on && self.now.saturating_sub(*since) >= KNOWN).then_some(uid)
    }

    /// Calls are refused that name an address of a load balancer, or of a Pod that is to be there.
    fn has_a_refused_address(&self, id: &LoadBalancerId, seen: [&Seen; 2]) -> bool {
        let recent = self.checks.watch.refused_until.iter().filter(|(_, until)| self.now < *until);
        let mut addresses = recent.map(|(address, _)| address.as_str());
        let targets = || seen.into_iter().flat_map(|seen| seen.targets.values().flat_map(|all| all.keys()));
        let is_of_it = |binding: &&DirectAccessBinding| {
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            self.load_balancer_of(binding, uid).is_some_and(|(of, _)| of == id)
        };
        addresses.any(|address| {
            let mut pods = self.objects.pods.values().filter(|found| pod::ip(found) == Some(address));
            targets().any(|target| target.ip.to_string() == address)
                || pods
                    .any(|found| self.objects.bindings.values().filter(is_of_it).any(|one| self.is_pod_of(one, found)))
        })
    }

    /// Looks at what has changed on a load balancer.
    pub(super) fn watch_change(&mut self, id: &LoadBalancerId, before: &Seen, after: &Seen) {
        let is_meddled = self.checks.is_meddled_with(id, self.now, KNOWN).then_some(MEDDLED);
        let is_blurred = self.checks.watch.is_blurred(self.now).then_some(BLURRED);
        let is_blurred = is_blurred.or_else(|| self.has_a_refused_address(id, [before, after]).then_some(REFUSED));
        let early = || self.replaced_too_early(id, before, after);
        let drained = || self.drained_too_early(id, before, after);
        let unreadable = || self.follows_unreadable_weight(before, after);
        let found = [
            ("nobody leaves before somebody serves", Sentence::unless(is_blurred.or(is_meddled), early)),
            ("connections are given their time", Sentence::unless(is_meddled, drained)),
            ("what is suspended is left alone", Sentence::unless(is_meddled, || self.touches_suspended(before, after))),
            ("what cannot be read changes nothing", Sentence::unless(is_meddled, unreadable)),
        ];
        let is_known = is_blurred.or(is_meddled).is_none();
        let too_much = self.loses_too_much(before, after);
        let too_much = Sentence::unless((!is_known).then_some(BLURRED), || too_much);
        let found = found.into_iter().chain([("a mistake takes little at once", too_much)]);
        found.for_each(|(rule, sentence)| self.judge(rule, sentence));
        self.watch_retained(id, before, after);
    }
}
