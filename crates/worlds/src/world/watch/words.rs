//! What is called, read, written and said.

use k8s_openapi::api::core::v1 as core;
use tke_direct_access::clb::Carried;
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::mark::TargetTag;
use tke_direct_access_core::api::{DirectAccessBinding, names};
use tke_direct_access_core::model::{Address as Target, Annotation, LoadBalancerId, Route, Service};
use tke_direct_access_core::reconcile::Write;

use super::{KNOWN, annotation};
use crate::check::{Sentence, ready};
use crate::pod;
use crate::world::look::words_of;
use crate::world::{Address, World};

/// The rule that only a user ends a wish.
const ENDS: &str = "only its user ends a wish";

/// A word of a Service.
fn word<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    match service.annotations.get(key)? {
        Annotation::Text(text) => Some(text),
        Annotation::TooLong(_) => None,
    }
}

impl World {
    /// A call is about to change something.
    pub(in crate::world) fn watch_call(&mut self, from: Address, call: &Carried) {
        let unread = self.takes_unread(from, call);
        unread.into_iter().for_each(|sentence| self.judge("a start takes nobody's weight", sentence));
        let count = self.checks.watch.count(self.now);
        if count > crate::check::CALLS {
            self.violate("calls are bounded", format!("{count} within a minute, the last {}", call.action));
        }
    }

    /// A call is about to read something.
    pub(in crate::world) fn watch_read(&mut self, call: &Carried) {
        let body = String::from_utf8_lossy(&call.body);
        let ids = self.checks.seen.keys().map(LoadBalancerId::to_string).filter(|id| body.contains(id.as_str()));
        let mut read: Vec<_> = ids.collect();
        if read.is_empty() {
            read.push(call.action.to_owned());
        }
        let is_at_rest = self.checks.is_at_rest(self.now);
        let most = if is_at_rest { crate::check::READS.0 } else { crate::check::READS.1 };
        for of in read {
            let count = self.checks.watch.describe(of.clone(), self.now);
            let known = if is_at_rest { &mut self.outcome.reads.0 } else { &mut self.outcome.reads.1 };
            *known = (*known).max(count);
            if count > most {
                self.violate("reads are bounded", format!("{count} of {of} within a minute, the last {}", call.action));
            }
        }
    }

    /// The address for which alone a call was refused; `None` where it was not, or for something else.
    pub(in crate::world) fn refused_address(&self, reply: Option<&(u16, Vec<u8>)>) -> Option<String> {
        let said = String::from_utf8_lossy(&reply?.1);
        self.checks.watch.refused.iter().find(|address| said.contains(&crate::act::refusal(address))).cloned()
    }

    /// A call that changes something was refused.
    pub(in crate::world) fn watch_refusal(&mut self, call: &Carried, reply: Option<&(u16, Vec<u8>)>) {
        let Some(address) = self.refused_address(reply) else { return };
        let count = self.checks.watch.refuse(call.action, &address, self.now);
        if count > crate::check::REFUSALS {
            let words = format!("{} is refused for {address} {count} times within a minute", call.action);
            self.violate("what is refused is asked again less and less often", words);
        }
    }

    /// A leader that has not read any health takes the weight of a Pod that lives, and that nobody wants out.
    fn takes_unread(&self, from: Address, call: &Carried) -> Vec<Sentence> {
        let unread = || {
            let body: serde_json::Value = serde_json::from_slice(&call.body).ok()?;
            let id = body["LoadBalancerId"].as_str()?.to_owned();
            let writer = (from.replica, from.life, from.term?);
            (!self.checks.watch.health_read.contains(&(writer, id))).then_some(body)
        };
        let Some(body) = (call.action == "BatchModifyTargetWeight").then(unread).flatten() else { return Vec::new() };
        let id = body["LoadBalancerId"].as_str().unwrap_or_default();
        let Some(seen) = self.checks.seen.get(&LoadBalancerId::new(id.to_owned())) else { return Vec::new() };
        let mut sentences = Vec::new();
        for row in body["ModifyList"].as_array().into_iter().flatten() {
            let is_of = |route: &Route| {
                let rule = route.rule.as_ref().map(|rule| rule.as_str());
                row["ListenerId"] == route.listener.as_str() && row["LocationId"].as_str() == rule
            };
            let on_route: Vec<_> = seen.targets.iter().filter(|(route, _)| is_of(route)).collect();
            for ip in row["Targets"].as_array().into_iter().flatten().filter(|one| one["Weight"] == 0) {
                let ip = ip["EniIp"].as_str().unwrap_or_default();
                let is_it = |address: &Target| address.ip.to_string() == ip;
                let of_ip =
                    on_route.iter().flat_map(|(_, targets)| targets.iter().filter(|(address, _)| is_it(address)));
                let tag = of_ip.map(|(_, (_, tag))| tag.as_str()).next().unwrap_or_default();
                sentences.push(self.is_taken_unread(id, ip, tag));
            }
        }
        sentences
    }

    /// Somebody who has read no health takes the weight of the target at an address, which has this tag.
    fn is_taken_unread(&self, id: &str, ip: &str, tag: &str) -> Sentence {
        let uid = TargetTag::parse(tag).map(|tag| tag.binding_uid).unwrap_or_default();
        let wish = self.checks.wanted.get(&uid);
        if !wish.is_some_and(|wish| wish.gone.is_none() && wish.is_steady(self.now)) {
            return Sentence::Excused("what its binding wants has just changed, or ended");
        }
        let found = self.objects.pods.values().find(|found| pod::ip(found) == Some(ip));
        let is_living = found.is_some_and(|found| {
            found.metadata.deletion_timestamp.is_none()
                && found.metadata.annotations.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
                && pod::is_let_in(found)
        });
        let words = || is_living.then(|| format!("{id}: {ip} loses its weight before any health was read"));
        Sentence::of(words())
    }

    /// A call was answered in this way.
    pub(in crate::world) fn watch_reply(&mut self, from: Address, call: &Carried, reply: Option<&(u16, Vec<u8>)>) {
        const READS: [&str; 3] = ["DescribeListeners", "DescribeLoadBalancers", "DescribeTargetHealth"];
        if call.action == "DescribeTargets" && reply.is_some_and(|(status, _)| *status == 200) {
            self.checks.watch.pods.retagged.values_mut().for_each(|is_read| *is_read = true);
        }
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

    /// Something is to be written, which may be refused.
    pub(in crate::world) fn watch_attempt(&mut self, write: &Write) {
        if let Some(count) = self.checks.repeats.written(write, self.now) {
            let words = format!("{count} times within a minute: {}", words_of(write));
            self.violate("nothing is written again and again", words);
        }
    }

    /// A load balancer was created.
    pub(in crate::world) fn watch_creation(&mut self, owner: &str) {
        let Some(name) = self.objects.binding_of_uid(owner).and_then(|found| found.metadata.name.clone()) else {
            return;
        };
        self.watch_made(&name, "load balancers");
    }

    fn watch_made(&mut self, name: &str, what: &'static str) {
        if let Some(count) = self.checks.repeats.made(name, what) {
            self.violate("a wish makes one thing", format!("{count} {what} are made for {name}, one after another"));
        }
    }

    /// A write is about to be taken.
    pub(in crate::world) fn watch_write(&mut self, from: Address, write: &Write) {
        if let Write::NewBinding(new) = write
            && !self.objects.bindings.contains_key(&new.service().key.name)
        {
            self.watch_made(&new.service().key.name, "bindings");
        }
        let found = match write {
            Write::Mark { binding, mark: Some(_), .. } => self.ends_wish(&binding.name).map(|words| (ENDS, words)),
            Write::Deletion { binding, .. } => self.ends_wish(&binding.name).map(|words| (ENDS, words)),
            Write::NewBinding(new) => {
                let words = self.follows_unreadable(new.service(), &new.wanted().spec);
                let unshown = (!self.checks.watch.was_shown((from.replica, from.life), new.service()))
                    .then(|| format!("the API server has not shown {} like this", new.service().key));
                let unshown = unshown.map(|words| ("a binding is made for what the API server shows", words));
                words.map(|words| ("what cannot be read changes nothing", words)).or(unshown)
            }
            Write::OwnBinding { service, wanted, .. } => {
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

    /// The Service of this UID asks for a binding, and has for a while, and has this port.
    pub(in crate::world) fn is_asked_by(&self, service: &str, port: u16) -> bool {
        let is_it = |(name, found): &(&String, &core::Service)| {
            let unasked = self.checks.watch.unasked.get(*name);
            let mut ports = found.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
            found.metadata.uid.as_deref() == Some(service)
                && ports.any(|one| one.port == i32::from(port))
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
            let is_selected = |found: &core::Pod| pod::ip(found) == Some(address) && self.is_pod_of(binding, found);
            let is_its = self.checks.watch.selected.contains(&(uid.clone(), address.clone()))
                || self.objects.pods.values().any(is_selected);
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
}
