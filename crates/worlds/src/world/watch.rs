//! Rules that look at more than one moment: who leaves waits for those who come, and goes in time; what nobody can read changes nothing;
//! one's trouble is its own.

use std::time::Duration;

use k8s_openapi::api::core::v1 as core;
use tke_direct_access::clb::Carried;
use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::api::binding::{DrainAction, DrainSpec};
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::names;
use tke_direct_access_core::model::{Address as Target, Annotation, LoadBalancerId, Route, Service};
use tke_direct_access_core::reconcile::Write;

use super::{Address, World};
use crate::check::{Seen, ready};
use crate::pod;
use crate::slices::selects;

/// What is written is known everywhere after so long.
const KNOWN: Duration = Duration::from_secs(120);
/// How long something may be late.
const LATE: Duration = Duration::from_secs(60);
/// Of a preStop sleep, so much is left when a Pod has still to be waited for.
const SLEEP_LEFT: Duration = Duration::from_secs(8);
/// How long a Pod has been ready that everybody knows of.
const READY: Duration = Duration::from_secs(20);
/// So much of the time that connections are given is checked: the rest is for clocks that count whole seconds.
const DRAINS: Duration = Duration::from_secs(200);

/// A word of a Service.
fn word<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    match service.annotations.get(key)? {
        Annotation::Text(text) => Some(text),
        Annotation::TooLong(_) => None,
    }
}

/// An annotation of a Service as it is.
fn annotation<'a>(service: &'a core::Service, key: &str) -> Option<&'a str> {
    service.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// The Service asks for a binding, or may: only its user's plain word ends that.
fn asks(service: &core::Service) -> bool {
    let is_load_balancer = service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer");
    is_load_balancer && annotation(service, names::DIRECT_ACCESS).is_some_and(|word| word != "false")
}

fn is_weight(text: &str) -> bool {
    text.parse::<u8>().is_ok_and(|weight| weight <= 100)
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

    /// The Pod of a target that takes connections, by its tag.
    fn pod_of(&self, address: Target, tag: &str) -> Option<(&String, &core::Pod)> {
        let mark = TargetTag::parse(tag).map(|tag| tag.pod_mark)?;
        let ip = address.ip.to_string();
        let is_it = |(_, found): &(&String, &core::Pod)| {
            pod::ip(found) == Some(&*ip) && found.metadata.uid.as_deref().is_some_and(|uid| uid.starts_with(&mark))
        };
        self.objects.pods.iter().find(is_it)
    }

    fn is_well(&self, name: &str, found: &core::Pod) -> bool {
        self.cluster.serves(name, self.now) && !self.cluster.is_unready(name, self.now) && pod::is_let_in(found)
    }

    /// The Pod has been ready for so long that everybody knows it, and a user wants it to serve.
    fn is_wanted(&self, service: &core::Service, name: &str, found: &core::Pod) -> bool {
        selects(service, found)
            && found.metadata.deletion_timestamp.is_none()
            && self.is_well(name, found)
            && found.metadata.annotations.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
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
    fn binding_on(&self, before: &Seen, route: &Route, tag: &str) -> Option<&DirectAccessBinding> {
        let (name, port, protocol) = before.listeners.get(route.listener.as_str())?;
        let uid = TargetTag::parse(tag)?.binding_uid;
        let is_of = ListenerName::owner(name).is_none_or(|owner| owner == uid);
        let wish = self.checks.wanted.get(&uid)?;
        let binding = self.objects.binding_of_uid(&uid)?;
        let usual = DrainSpec::default();
        let is_usual = binding.spec.drain.timeout_seconds == usual.timeout_seconds
            && binding.spec.drain.terminating == DrainAction::WeightZero;
        (is_of && is_usual && !binding.spec.suspend && wish.is_wanted(*port, protocol, self.now)).then_some(binding)
    }

    /// Nobody leaves before somebody serves: who is replaced waits for those that come.
    fn replaced_too_early(&self, id: &LoadBalancerId, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &before.targets {
            for (address, (_, tag)) in targets {
                let keeps =
                    after.targets.get(route).and_then(|all| all.get(address)).is_some_and(|(weight, _)| *weight > 0);
                if keeps || !before.takes(route, *address) {
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
                let uid = binding.metadata.uid.as_deref().unwrap_or_default();
                let is_recent = self.checks.wanted.get(uid).is_some_and(|wish| !wish.is_steady_for(self.now, DRAINS));
                let is_ending = found.metadata.deletion_timestamp.is_some();
                if !is_ending && !is_recent {
                    continue;
                }
                let serve = |seen: &Seen| {
                    let of = seen.targets.get(route).into_iter().flatten();
                    of.filter(|(address, (_, tag))| {
                        seen.takes(route, **address)
                            && self.pod_of(**address, tag).is_some_and(|(name, found)| self.is_well(name, found))
                    })
                    .count()
                };
                let wanted =
                    self.objects.pods.iter().filter(|(name, found)| self.is_expected(service, name, found)).count();
                let (had, has) = (serve(before), serve(after));
                if has < had.min(wanted) {
                    return Some(format!(
                        "{id}: {name} leaves {route:?}, and {has} serve where {had} did and {wanted} should"
                    ));
                }
            }
        }
        None
    }

    /// Connections are given their time: a Pod that is not selected any more, and lives, stays registered without weight.
    fn drained_too_early(&self, id: &LoadBalancerId, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &before.targets {
            let Some(left) = after.targets.get(route) else { continue };
            for (address, (_, tag)) in targets.iter().filter(|(address, _)| !left.contains_key(*address)) {
                let Some(since) = self.checks.watch.weightless.get(&(route.clone(), *address)) else { continue };
                let Some((name, found)) = self.pod_of(*address, tag).filter(|(name, found)| self.is_well(name, found))
                else {
                    continue;
                };
                let Some(binding) = self.binding_on(before, route, tag) else { continue };
                let Some(service) = self.objects.services.get(&binding.spec.service_ref.name) else { continue };
                let is_full = targets.len() >= self.cloud_quota();
                if found.metadata.deletion_timestamp.is_none()
                    && !selects(service, found)
                    && !is_full
                    && self.now.saturating_sub(*since) < DRAINS
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
                let Some(uid) = TargetTag::parse(tag).map(|tag| tag.binding_uid) else { continue };
                let since = self.checks.watch.suspended.get(&uid);
                if since.is_none_or(|since| self.now.saturating_sub(*since) < KNOWN) {
                    continue;
                }
                let had = before.targets.get(route).and_then(|all| all.get(address)).map(|(weight, _)| *weight);
                if had.is_none_or(|had| had < *weight) {
                    return Some(format!("{address} on {route:?} gets weight {weight} for {uid}, which is suspended"));
                }
            }
        }
        None
    }

    /// A weight that nobody can read raises nobody.
    fn raises_unreadable(&self, before: &Seen, after: &Seen) -> Option<String> {
        for (route, targets) in &after.targets {
            for (address, (weight, tag)) in targets {
                let Some((name, found)) = self.pod_of(*address, tag) else { continue };
                let word = found.metadata.annotations.as_ref().and_then(|all| all.get(names::CUSTOM_WEIGHT));
                let had = before.targets.get(route).and_then(|all| all.get(address)).map_or(0, |(weight, _)| *weight);
                if let Some(word) = word.filter(|word| !is_weight(word) && *weight > had) {
                    return Some(format!("{name} gets weight {weight}, and says \"{word}\""));
                }
            }
        }
        None
    }

    /// Looks at what has changed on a load balancer.
    pub(super) fn watch_change(&mut self, id: &LoadBalancerId, before: &Seen, after: &Seen) {
        let now = self.now;
        let is_meddled = self.checks.meddled.is_some_and(|then| now.saturating_sub(then) < KNOWN);
        let is_known = !self.checks.watch.is_blurred(now) && !is_meddled;
        let found = [
            ("nobody leaves before somebody serves", self.replaced_too_early(id, before, after).filter(|_| is_known)),
            ("connections are given their time", self.drained_too_early(id, before, after).filter(|_| !is_meddled)),
            ("what is suspended is left alone", self.touches_suspended(before, after).filter(|_| !is_meddled)),
            ("what cannot be read changes nothing", self.raises_unreadable(before, after)),
        ];
        for (rule, words) in found {
            if let Some(words) = words {
                self.violate(rule, words);
            }
        }
    }

    fn cloud_quota(&self) -> usize {
        self.quota
    }

    /// A call is about to change something.
    pub(super) fn watch_call(&mut self, from: Address, call: &Carried) {
        if let Some(words) = self.takes_unread(from, call) {
            self.violate("a start takes nobody's weight", words);
        }
        let count = self.checks.watch.count(self.now);
        if count > crate::check::CALLS {
            self.violate("calls are bounded", format!("{count} within a minute, the last {}", call.action));
        }
    }

    /// A leader that has not read any health takes the weight of a Pod that lives, and that nobody wants out.
    fn takes_unread(&self, from: Address, call: &Carried) -> Option<String> {
        if call.action != "BatchModifyTargetWeight" {
            return None;
        }
        let body: serde_json::Value = serde_json::from_slice(&call.body).ok()?;
        let id = body["LoadBalancerId"].as_str()?;
        let writer = (from.replica, from.life, from.term?);
        if self.checks.watch.health_read.contains(&(writer, id.to_owned())) {
            return None;
        }
        let is_steady = self.checks.wanted.values().all(|wish| wish.is_steady(self.now));
        let rows = body["ModifyList"].as_array()?.iter().filter_map(|row| row["Targets"].as_array()).flatten();
        for ip in rows.filter(|row| row["Weight"] == 0).filter_map(|row| row["EniIp"].as_str()) {
            let found = self.objects.pods.values().find(|found| pod::ip(found) == Some(ip));
            let is_living = found.is_some_and(|found| {
                found.metadata.deletion_timestamp.is_none()
                    && found.metadata.annotations.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
                    && pod::is_let_in(found)
            });
            if is_living && is_steady {
                return Some(format!("{id}: {ip} loses its weight before any health was read"));
            }
        }
        None
    }

    /// A call was answered in this way.
    pub(super) fn watch_reply(&mut self, from: Address, call: &Carried, reply: Option<&(u16, Vec<u8>)>) {
        const READS: [&str; 3] = ["DescribeListeners", "DescribeLoadBalancers", "DescribeTargetHealth"];
        let Some(term) = from.term.filter(|_| READS.contains(&call.action)) else { return };
        let body = String::from_utf8_lossy(&call.body);
        let answer = reply.filter(|(status, _)| *status == 200).map(|(_, body)| String::from_utf8_lossy(body));
        let is_answered = answer.is_some_and(|answer| !answer.contains("\"Error\"") && answer.ends_with('}'));
        let ids: Vec<_> = self.cloud.state().load_balancers().map(|one| one.id.clone()).collect();
        for id in ids.iter().filter(|id| body.contains(id.as_str())) {
            if call.action == "DescribeTargetHealth" {
                if is_answered {
                    self.checks.watch.health_read.insert(((from.replica, from.life, term), id.to_string()));
                }
                continue;
            }
            let is_whole = is_answered && call.action == "DescribeListeners";
            if is_whole || !is_answered {
                self.checks.watch.read((from.replica, from.life, term), id, is_whole);
            }
        }
    }

    /// A write is about to be taken.
    pub(super) fn watch_write(&mut self, from: Address, write: &Write) {
        let found = match write {
            Write::Mark { binding, mark: Some(_), .. } => self.ends_wish(&binding.name).map(|words| (ENDS, words)),
            Write::Deletion { binding, .. } => self.ends_wish(&binding.name).map(|words| (ENDS, words)),
            Write::OwnBinding { service, wanted } => {
                let words = self.follows_unreadable(service, &wanted.spec);
                words.map(|words| ("what cannot be read changes nothing", words))
            }
            Write::Gate { pod, uid, condition } if !condition.is_open => {
                let found = self.objects.pods.get(&pod.name).filter(|found| found.metadata.uid.as_ref() == Some(uid));
                let is_open = found.is_some_and(|found| pod::is_true(found, names::GATE));
                is_open.then(|| ("an open gate stays open", format!("{} is closed again", pod.name)))
            }
            Write::Status { binding, status } => self.tells_of_others(from, binding, status),
            _ => None,
        };
        if let Some((rule, words)) = found {
            self.violate(rule, words);
        }
    }

    /// The Service of this UID asks for a binding, and has for a while.
    pub(super) fn is_asked_by(&self, service: &str) -> bool {
        let is_it = |(name, found): &(&String, &core::Service)| {
            let unasked = self.checks.watch.unasked.get(*name);
            found.metadata.uid.as_deref() == Some(service)
                && unasked.is_none_or(|then| self.now.saturating_sub(*then) > KNOWN)
        };
        self.objects.services.iter().any(|row| is_it(&row))
    }

    /// The binding of a Service is parked or deleted, although nobody has said so.
    fn ends_wish(&self, name: &str) -> Option<String> {
        let asked = self.checks.watch.unasked.get(name).is_none_or(|then| self.now.saturating_sub(*then) > KNOWN);
        let word = annotation(self.objects.services.get(name)?, names::DIRECT_ACCESS)?;
        asked.then(|| format!("the Service {name} says \"{word}\", and its binding goes"))
    }

    /// The binding of a Service becomes something that no word says.
    fn follows_unreadable(
        &self,
        service: &Service,
        wanted: &tke_direct_access_core::api::DirectAccessBindingSpec,
    ) -> Option<String> {
        let own = self.objects.bindings.get(&service.key.name);
        let protocols = word(service, names::SPECIFY_PROTOCOL);
        let is_broken = protocols.is_some_and(|text| serde_json::from_str::<serde_json::Value>(text).is_err());
        if is_broken && own.is_some_and(|own| !own.spec.listeners.is_empty()) && wanted.listeners.is_empty() {
            return Some(format!("the protocols of {} are {protocols:?}, and its listeners go", service.key));
        }
        let groups = word(service, names::SECURITY_GROUPS).filter(|text| !text.is_empty() && !text.starts_with("sg-"));
        let creates = wanted.load_balancer.as_ref().is_some_and(|spec| spec.create.is_some());
        (own.is_none() && creates && groups.is_some())
            .then(|| format!("{} is made without its security groups {groups:?}", service.key))
    }

    /// A status tells what is not the binding's, or what the first read has not shown.
    fn tells_of_others(
        &self,
        from: Address,
        binding: &DirectAccessBinding,
        status: &tke_direct_access_core::api::DirectAccessBindingStatus,
    ) -> Option<(&'static str, String)> {
        let name = binding.metadata.name.as_deref().unwrap_or_default();
        let uid = binding.metadata.uid.clone().unwrap_or_default();
        for address in &self.checks.watch.refused {
            let is_its = self.checks.watch.selected.contains(&(uid.clone(), address.clone()));
            let words = crate::act::refusal(address);
            let found = status.conditions.iter().find(|one| one.message.contains(&words) && !is_its);
            if let Some(found) = found {
                return Some(("one's trouble is its own", format!("{name}: {}", found.message)));
            }
        }
        let before = self.objects.binding_of_uid(&uid)?;
        let id = before.status.as_ref()?.load_balancer.as_ref()?.id.clone();
        let writer = (from.replica, from.life, from.term.unwrap_or_default());
        let (answered, failed) = self.checks.watch.reads.get(&(writer, id)).copied().unwrap_or_default();
        let new = status.conditions.iter().find(|one| one.type_ == "Ready")?;
        let is_of_read = [Reason::CloudUnreachable, Reason::Busy, Reason::Throttled, Reason::Failed, Reason::Denied]
            .iter()
            .any(|reason| reason.as_str() == new.reason);
        let was_ready = ready(before).is_some_and(|(status, ..)| status == "True");
        let is_same =
            before.status.as_ref().is_some_and(|status| Some(status.observed_generation) == before.metadata.generation);
        (was_ready && is_same && is_of_read && answered == 0 && failed == 1)
            .then(|| ("a first read tells nothing", format!("{name}: {}: {}", new.reason, new.message)))
    }

    /// Looks at what should not last, from time to time.
    pub(super) fn watch_time(&mut self) {
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
        match self.pod_of(address, tag) {
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
        if targets.len() < self.cloud_quota() {
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

/// The rule that only a user ends a wish.
const ENDS: &str = "only its user ends a wish";

impl World {
    /// The binding wants a listener of another protocol in the place of this one, whose certificate is in a Secret: there are none.
    pub(super) fn lacks_certificate(&self, uid: &str, port: u16, protocol: &str) -> bool {
        let Some(binding) = self.objects.binding_of_uid(uid).filter(|one| one.metadata.deletion_timestamp.is_none())
        else {
            return false;
        };
        let is_parked = binding.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(names::PARKED));
        let is_successor = |one: &tke_direct_access_core::api::binding::ListenerSpec| {
            one.port == i32::from(port) && one.protocol.as_str() != protocol && one.certificate.is_some()
        };
        !is_parked && binding.spec.listeners.iter().any(is_successor)
    }
}

impl World {
    /// Looks at what is left in the end.
    pub(super) fn watch_the_end(&mut self) {
        let orphans = self.orphans().into_iter().map(|words| ("nothing is left of what is gone", words));
        let conflicts = self.own_conflicts().into_iter().map(|words| ("nobody is in his own way", words));
        let words = self.words_not_followed().into_iter().map(|words| ("what can be read is followed", words));
        let found: Vec<_> = orphans.chain(conflicts).chain(words).collect();
        found.into_iter().for_each(|(rule, words)| self.violate(rule, words));
    }

    /// Listeners of bindings that are gone, and have not asked that anything is left.
    fn orphans(&self) -> Vec<String> {
        let mut found = Vec::new();
        for listener in self.checks.seen.values().flat_map(|seen| seen.listeners.values()) {
            let (name, port, _) = listener;
            let Some(uid) = ListenerName::owner(name) else { continue };
            let is_left = self.checks.wanted.get(uid).is_some_and(|wish| wish.retains);
            // What was made for a Service is found by the binding that is made for it again.
            let has_heir = self.objects.bindings.values().any(|one| one.metadata.owner_references.is_some());
            if self.objects.binding_of_uid(uid).is_none() && !is_left && !has_heir {
                found.push(format!("the listener on {port} of {name}"));
            }
        }
        found
    }

    /// Bindings that find their port taken, by a listener that they have made themselves.
    fn own_conflicts(&self) -> Vec<String> {
        let mut found = Vec::new();
        for binding in self.objects.bindings.values() {
            let Some((_, reason, message)) = ready(binding) else { continue };
            if reason != Reason::PortConflict.as_str() {
                continue;
            }
            let name = binding.metadata.name.clone().unwrap_or_default();
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            let id = binding.status.as_ref().and_then(|status| status.load_balancer.as_ref()).map(|one| one.id.clone());
            let service = super::look::service_of(binding);
            let seen = self.checks.seen.iter().find(|(of, _)| Some(of.as_str()) == id.as_deref());
            let wish = self.checks.wanted.get(uid);
            let on_port = seen.into_iter().flat_map(|(_, seen)| &seen.listeners).filter(|(_, (_, port, _))| {
                wish.is_some_and(|wish| wish.ports.iter().any(|(wanted, _)| wanted == port))
            });
            let is_own = |maker: &(String, String)| maker.0 == uid || service.as_ref() == Some(&maker.1);
            let mut on_port = on_port.map(|(id, _)| self.checks.watch.makers.get(id).is_some_and(is_own)).peekable();
            if on_port.peek().is_some() && on_port.all(|is_own| is_own) {
                found.push(format!("{name}: {message}"));
            }
        }
        found
    }

    /// Words of Services that can be read, and are not in force on their bindings.
    fn words_not_followed(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, service) in self.objects.services.iter().filter(|(_, service)| asks(service)) {
            let is_plain = annotation(service, names::DIRECT_ACCESS) == Some("true");
            let Some(own) = self.objects.bindings.get(name).filter(|own| own.metadata.owner_references.is_some())
            else {
                continue;
            };
            let wished = match annotation(service, names::GRACE_SHUTDOWN) {
                Some("true") => DrainAction::WeightZero,
                Some("false") => DrainAction::Deregister,
                _ => continue,
            };
            if is_plain && own.metadata.deletion_timestamp.is_none() && own.spec.drain.terminating != wished {
                found.push(format!("{name}: {wished:?} is said, and {:?} is so", own.spec.drain.terminating));
            }
        }
        found
    }
}
