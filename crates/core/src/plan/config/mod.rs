//! What a TkeServiceConfig wishes of listeners, domains and rules, and which of it can be had.
//!
//! [`ConfigObject`] reads what users wrote, field by field; [`wishes`] judges it and knows nothing of the cloud; [`fit`] compares one wish
//! with what is there. What a config does not say is in no wish. What cannot be applied becomes a problem of its entry, and everything else is applied.

pub mod auto;
mod entry;
mod fit;
mod health_check;
mod read;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::api::condition::ConfigProblem;
use crate::api::service_config::{DomainConfig, EntryProblem, L4ListenerConfig, L7ListenerConfig};
use crate::api::{MESSAGE_MAX, TkeServiceConfigSpec, clip};
use crate::model::{Attribute, Attributes, Protocol};

use entry::Entry;
pub use fit::{Misfit, fit, fit_new};
pub use read::ConfigObject;
pub use reference::{Reference, reference};

/// Most Mbps of a public load balancer.
const BANDWIDTH_MAX: i32 = 61_440;

/// Everything that a config wishes, by what it is wished for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// What is wrong with entries, whatever they are used for. The rest of them counts.
    pub problems: Vec<EntryProblem>,
    bandwidth: Option<i64>,
    listeners: BTreeMap<(Protocol, u16), ListenerWish>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct ListenerWish {
    attributes: Attributes,
    domains: BTreeMap<String, DomainWish>,
}

impl ListenerWish {
    fn is_idle(&self) -> bool {
        let is_idle =
            |domain: &DomainWish| domain.attributes.is_empty() && domain.rules.values().all(Attributes::is_empty);
        self.attributes.is_empty() && self.domains.values().all(is_idle)
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct DomainWish {
    attributes: Attributes,
    rules: BTreeMap<String, Attributes>,
}

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The listener's protocol.
    pub protocol: Protocol,
    /// The listener's port.
    pub port: u16,
    /// Domain and url, when it is for a rule.
    pub rule: Option<(String, String)>,
}

impl Subject {
    /// The name of the entry in `status.problems`, such as `HTTPS:443 shop.example.com/cart`.
    pub fn entry(&self) -> String {
        match &self.rule {
            None => format!("{}:{}", self.protocol, self.port),
            Some((domain, url)) => format!("{}:{} {domain}{url}", self.protocol, self.port),
        }
    }
}

impl Wishes {
    /// What is wished of a listener.
    pub fn listener(&self, protocol: Protocol, port: u16) -> Attributes {
        self.listeners.get(&(protocol, port)).map(|wish| wish.attributes.clone()).unwrap_or_default()
    }

    /// What is wished of a domain of a layer-7 listener.
    pub fn domain(&self, protocol: Protocol, port: u16, domain: &str) -> Attributes {
        self.domain_wish(protocol, port, domain).map(|wish| wish.attributes.clone()).unwrap_or_default()
    }

    /// What is wished of a rule of a layer-7 listener.
    pub fn rule(&self, protocol: Protocol, port: u16, domain: &str, url: &str) -> Attributes {
        let wish = self.domain_wish(protocol, port, domain).and_then(|wish| wish.rules.get(url));
        wish.cloned().unwrap_or_default()
    }

    fn domain_wish(&self, protocol: Protocol, port: u16, domain: &str) -> Option<&DomainWish> {
        self.listeners.get(&(protocol, port))?.domains.get(domain)
    }

    /// True when something is wished of a listener, its domains or its rules.
    pub fn has(&self, protocol: Protocol, port: u16) -> bool {
        self.listeners.get(&(protocol, port)).is_some_and(|wish| !wish.is_idle())
    }

    /// The bandwidth that is wished of the load balancer, in Mbps.
    pub fn bandwidth(&self) -> Option<i64> {
        self.bandwidth
    }

    /// True when nothing is wished at all.
    pub fn is_empty(&self) -> bool {
        self.bandwidth.is_none() && self.listeners.values().all(ListenerWish::is_idle)
    }

    /// What the config has entries for: each listener, and each rule.
    pub fn subjects(&self) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for ((protocol, port), wish) in &self.listeners {
            subjects.push(Subject { protocol: *protocol, port: *port, rule: None });
            for (domain, rules) in &wish.domains {
                let rule = |url: &String| Subject {
                    protocol: *protocol,
                    port: *port,
                    rule: Some((domain.clone(), url.clone())),
                };
                subjects.extend(rules.rules.keys().map(rule));
            }
        }
        subjects
    }
}

/// A problem of an entry.
pub fn problem(entry: &str, field: Option<&str>, reason: ConfigProblem, message: &str) -> EntryProblem {
    EntryProblem {
        entry: clip(entry, 320),
        field: field.map(|field| clip(field, 128)),
        reason: reason.to_string(),
        message: clip(message, MESSAGE_MAX),
    }
}

/// What a config wishes.
pub fn wishes(config: &ConfigObject) -> Wishes {
    let mut wishes = Wishes { problems: config.problems.clone(), ..Wishes::default() };
    let spec = &config.object.spec;
    wishes.read_bandwidth(spec);
    for entry in spec.l4_listeners() {
        wishes.read_layer4(config, entry);
    }
    for entry in spec.l7_listeners() {
        wishes.read_layer7(config, entry);
    }
    wishes
}

impl Wishes {
    fn read_bandwidth(&mut self, spec: &TkeServiceConfigSpec) {
        let asked = spec.load_balancer.as_ref().and_then(|config| config.internet_max_bandwidth_out);
        match asked {
            None | Some(0) => {}
            Some(mbps) if (1..=BANDWIDTH_MAX).contains(&mbps) => self.bandwidth = Some(i64::from(mbps)),
            Some(mbps) => {
                let message = format!("{mbps} Mbps is not possible; use 1 to {BANDWIDTH_MAX}");
                let field = Attribute::Bandwidth.field();
                self.problems.push(problem("loadBalancer", Some(field), ConfigProblem::NotAllowed, &message));
            }
        }
    }

    /// The listener of an entry; `None`, and a problem, when it names none or one that was named before.
    fn begin(&mut self, is_layer7: bool, protocol: &str, port: i32) -> Option<(Protocol, u16)> {
        let entry = format!("{protocol}:{port}");
        let Some(protocol) = protocol.parse::<Protocol>().ok().filter(|found| found.is_layer7() == is_layer7) else {
            let known = if is_layer7 { "HTTP or HTTPS" } else { "TCP, UDP, TCP_SSL or QUIC" };
            let message = format!("protocol '{protocol}' has no place here; use {known}");
            self.problems.push(problem(&entry, Some("protocol"), ConfigProblem::NotAllowed, &message));
            return None;
        };
        let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
            let message = "port must be from 1 to 65535; correct it";
            self.problems.push(problem(&entry, Some("port"), ConfigProblem::NotAllowed, message));
            return None;
        };
        if self.listeners.contains_key(&(protocol, port)) {
            let message = "the listener has two entries, and the first one counts; remove this one";
            self.problems.push(problem(&entry, None, ConfigProblem::Contradiction, message));
            return None;
        }
        self.listeners.insert((protocol, port), ListenerWish::default());
        Some((protocol, port))
    }

    fn read_layer4(&mut self, whole: &ConfigObject, config: &L4ListenerConfig) {
        let Some((protocol, port)) = self.begin(false, &config.protocol, config.port) else { return };
        let mut entry = Entry::new(Subject { protocol, port, rule: None }, whole);
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
        let attributes = entry.finish(&mut self.problems);
        self.listeners.entry((protocol, port)).or_default().attributes = attributes;
    }

    fn read_layer7(&mut self, whole: &ConfigObject, config: &L7ListenerConfig) {
        let Some((protocol, port)) = self.begin(true, &config.protocol, config.port) else { return };
        let mut entry = Entry::new(Subject { protocol, port, rule: None }, whole);
        entry.own_name(config.listener_name.as_deref());
        entry.keepalive(config.keepalive_enable);
        entry.set_some(Attribute::Snat, config.snat_enable);
        entry.left_to_the_binding("sniSwitch", config.sni_switch.as_ref());
        for domain in config.domains() {
            let field = format!("domains[{}].certificate", domain.domain);
            entry.left_to_the_binding(&field, domain.certificate.as_ref());
        }
        let attributes = entry.finish(&mut self.problems);
        let mut wish = ListenerWish { attributes, domains: BTreeMap::new() };
        for domain in config.domains() {
            self.read_domain(whole, (protocol, port), &mut wish, domain);
        }
        if let Some(name) = &config.default_server {
            wish.domains.entry(name.clone()).or_default().attributes.set(Attribute::DefaultServer, true);
        }
        self.listeners.insert((protocol, port), wish);
    }

    fn read_domain(
        &mut self,
        whole: &ConfigObject,
        (protocol, port): (Protocol, u16),
        wish: &mut ListenerWish,
        config: &DomainConfig,
    ) {
        let name = config.domain.as_str();
        let listener = Subject { protocol, port, rule: None };
        if wish.domains.contains_key(name) {
            let message = format!("domain '{name}' is there twice, and the first one counts; remove the other");
            self.problems.push(problem(&listener.entry(), Some("domains"), ConfigProblem::Contradiction, &message));
            return;
        }
        let mut entry = Entry::new(listener, whole);
        entry.only_for(&[Protocol::Https], Attribute::Http2, config.http2);
        let mut domain = DomainWish { attributes: entry.finish(&mut self.problems), rules: BTreeMap::new() };
        for config in config.rules() {
            let subject = Subject { protocol, port, rule: Some((name.to_owned(), config.url.clone())) };
            if domain.rules.contains_key(&config.url) {
                let message = "the rule is there twice, and the first one counts; remove the other";
                self.problems.push(problem(&subject.entry(), Some("url"), ConfigProblem::Contradiction, message));
                continue;
            }
            let mut entry = Entry::new(subject, whole);
            entry.forward_type(config.forward_type.as_deref());
            entry.scheduler(config.scheduler.as_deref());
            entry.session(config.session.as_ref());
            entry.health_check(config.health_check.as_ref());
            domain.rules.insert(config.url.clone(), entry.finish(&mut self.problems));
        }
        wish.domains.insert(name.to_owned(), domain);
    }
}
