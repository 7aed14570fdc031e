//! What a config wishes, whatever it meets: each entry that can be read is judged by itself.

use std::collections::BTreeMap;

use super::doubt::{DoubtsByPosition, List, Position};
use super::entry::Entry;
use super::problems::Problems;
use super::{DomainWish, ListenerWish, Part, Subject, Wishes};
use crate::api::TkeServiceConfigSpec;
use crate::api::condition::ConfigProblem;
use crate::api::service_config::{DomainConfig, L4ListenerConfig, L7ListenerConfig, RuleConfig};
use crate::model::{Attribute, Protocol};
use crate::mutant::{self, Mutant};

/// Most Mbps of a public load balancer.
const BANDWIDTH_MAX: i32 = 61_440;

/// What a config wishes of which this could be read.
pub(super) fn judge(spec: &TkeServiceConfigSpec, problems: Problems, doubts: &DoubtsByPosition) -> Wishes {
    #[cfg(test)]
    JUDGED.with(|judged| judged.set(judged.get() + 1));
    let mut judge = Judge { doubts, problems, wishes: Wishes::default() };
    judge.bandwidth(spec);
    for (index, entry) in spec.l4_listeners().iter().enumerate() {
        judge.layer4(&Position::default().item(List::Layer4, index), entry);
    }
    for (index, entry) in spec.l7_listeners().iter().enumerate() {
        judge.layer7(&Position::default().item(List::Layer7, index), entry);
    }
    Wishes { problems: judge.problems.finish(), ..judge.wishes }
}

#[cfg(test)]
thread_local! {
    /// How many configs a test has had judged.
    static JUDGED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many configs this test has had judged so far.
#[cfg(test)]
pub(crate) fn judged() -> usize {
    JUDGED.with(std::cell::Cell::get)
}

/// A config being judged.
struct Judge<'a> {
    doubts: &'a DoubtsByPosition,
    problems: Problems,
    wishes: Wishes,
}

/// The protocol and port of a listener.
type Key = (Protocol, u16);

impl Judge<'_> {
    fn problem(&mut self, entry: &str, field: Option<&str>, reason: ConfigProblem, message: &str) {
        self.problems.add(entry, field, reason, message);
    }

    fn entry(&mut self, subject: Subject, position: &Position) -> Entry<'_> {
        Entry::new(subject, self.doubts.of(position), &mut self.problems)
    }

    fn name(&mut self, (protocol, port): Key, part: Part) -> Subject {
        let subject = Subject { protocol, port, part };
        self.wishes.subjects.push(subject.clone());
        subject
    }

    fn bandwidth(&mut self, spec: &TkeServiceConfigSpec) {
        let asked = spec.load_balancer.as_ref().and_then(|config| config.internet_max_bandwidth_out);
        match asked {
            None | Some(0) => {}
            Some(mbps) if (1..=BANDWIDTH_MAX).contains(&mbps) => self.wishes.bandwidth = Some(i64::from(mbps)),
            Some(mbps) => {
                let message = format!("{mbps} Mbps is not possible; use 1 to {BANDWIDTH_MAX}");
                let field = Attribute::Bandwidth.field();
                self.problem("loadBalancer", Some(field), ConfigProblem::NotAllowed, &message);
            }
        }
    }

    /// The listener of an entry; `None`, and a problem, when it names none or one that was named before.
    fn begin(&mut self, is_layer7: bool, protocol: &str, port: i32) -> Option<Key> {
        let entry = format!("{protocol}:{port}");
        let Some(protocol) = protocol.parse::<Protocol>().ok().filter(|found| found.is_layer7() == is_layer7) else {
            let known = if is_layer7 { "HTTP or HTTPS" } else { "TCP, UDP, TCP_SSL or QUIC" };
            let message = format!("protocol '{protocol}' has no place here; use {known}");
            self.problem(&entry, Some("protocol"), ConfigProblem::NotAllowed, &message);
            return None;
        };
        let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
            let message = "port must be from 1 to 65535; correct it";
            self.problem(&entry, Some("port"), ConfigProblem::NotAllowed, message);
            return None;
        };
        if mutant::is(Mutant::EntryDropped) && !self.wishes.listeners.is_empty() {
            return None;
        }
        if self.wishes.listeners.contains_key(&(protocol, port)) {
            let entry = format!("{protocol}:{port}");
            let message = "the listener has two entries, and the first one counts; remove this one";
            self.problem(&entry, None, ConfigProblem::Contradiction, message);
            return None;
        }
        self.wishes.listeners.insert((protocol, port), ListenerWish::default());
        Some((protocol, port))
    }

    fn layer4(&mut self, position: &Position, config: &L4ListenerConfig) {
        let Some(key) = self.begin(false, &config.protocol, config.port) else { return };
        let subject = self.name(key, Part::Listener);
        let mut entry = self.entry(subject, position);
        entry.own_name(config.listener_name.as_deref());
        entry.scheduler(config.scheduler.as_deref());
        entry.session(config.session.as_ref());
        entry.only_for(
            &[Protocol::TcpSsl, Protocol::Quic],
            Attribute::ProxyProtocol,
            config.proxy_protocol.as_ref().and_then(|config| config.enable),
        );
        let reset = config.deregister_target_rst;
        entry.only_for(&[Protocol::Tcp, Protocol::Udp], Attribute::ResetOnDeregister, reset);
        entry.health_check(config.health_check.as_ref());
        let attributes = entry.finish();
        self.wishes.listeners.entry(key).or_default().attributes = attributes;
    }

    fn layer7(&mut self, position: &Position, config: &L7ListenerConfig) {
        let Some(key) = self.begin(true, &config.protocol, config.port) else { return };
        let subject = self.name(key, Part::Listener);
        let mut entry = self.entry(subject, position);
        entry.own_name(config.listener_name.as_deref());
        entry.keepalive(config.keepalive_enable);
        entry.set_some(Attribute::Snat, config.snat_enable);
        entry.left_to_the_binding("sniSwitch", config.sni_switch.as_ref());
        let attributes = entry.finish();
        let mut wish = ListenerWish { attributes, domains: BTreeMap::new() };
        for (index, domain) in config.domains().iter().enumerate() {
            self.domain(&position.item(List::Domains, index), key, &mut wish, domain);
        }
        if let Some(name) = &config.default_server {
            self.name(key, Part::DefaultServer(name.clone()));
            wish.domains.entry(name.clone()).or_default().attributes.set(Attribute::DefaultServer, true);
        }
        self.wishes.listeners.insert(key, wish);
    }

    fn domain(&mut self, position: &Position, key: Key, wish: &mut ListenerWish, config: &DomainConfig) {
        let name = config.domain.as_str();
        if wish.domains.contains_key(name) {
            let message = format!("domain '{name}' is there twice, and the first one counts; remove the other");
            let listener = Subject { protocol: key.0, port: key.1, part: Part::Listener };
            self.problem(&listener.entry(), Some("domains"), ConfigProblem::Contradiction, &message);
            return;
        }
        let subject = self.name(key, Part::Domain(name.to_owned()));
        let mut entry = self.entry(subject, position);
        entry.left_to_the_binding("certificate", config.certificate.as_ref());
        entry.only_for(&[Protocol::Https], Attribute::Http2, config.http2);
        let mut domain = DomainWish { attributes: entry.finish(), rules: BTreeMap::new() };
        for (index, rule) in config.rules().iter().enumerate() {
            self.rule(&position.item(List::Rules, index), (key, name), &mut domain, rule);
        }
        wish.domains.insert(name.to_owned(), domain);
    }

    fn rule(&mut self, position: &Position, (key, domain): (Key, &str), wish: &mut DomainWish, config: &RuleConfig) {
        let part = Part::Rule { domain: domain.to_owned(), url: config.url.clone() };
        if wish.rules.contains_key(&config.url) {
            let subject = Subject { protocol: key.0, port: key.1, part };
            let message = "the rule is there twice, and the first one counts; remove the other";
            self.problem(&subject.entry(), Some("url"), ConfigProblem::Contradiction, message);
            return;
        }
        let subject = self.name(key, part);
        let mut entry = self.entry(subject, position);
        entry.forward_type(config.forward_type.as_deref());
        entry.scheduler(config.scheduler.as_deref());
        entry.session(config.session.as_ref());
        entry.health_check(config.health_check.as_ref());
        let attributes = entry.finish();
        wish.rules.insert(config.url.clone(), attributes);
    }
}
