//! What a TkeServiceConfig wishes of listeners, domains and rules, and which of it can be had.
//!
//! [`ConfigObject`] reads what users wrote, field by field, and judges it once, knowing nothing of the cloud; [`fit`] compares one wish
//! with what is there. What a config does not say is in no wish. What cannot be applied becomes a problem of its entry, and everything else is applied.

pub mod auto;
mod doubt;
mod entry;
mod fit;
mod health_check;
mod judge;
mod problems;
mod read;
mod reference;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::api::{MESSAGE_MAX, clip};
use crate::model::{Attribute, Attributes, Protocol, Value};

pub use fit::{Misfit, fit, fit_new};
#[cfg(test)]
pub(crate) use judge::judged;
pub use read::ConfigObject;
pub use reference::{Reference, reference};

/// Everything that a config wishes, by what it is wished for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// What is wrong with entries, whatever they are used for. The rest of them counts.
    pub problems: Vec<EntryProblem>,
    subjects: Vec<Subject>,
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

/// What an entry, or a field of it, names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The listener's protocol.
    pub protocol: Protocol,
    /// The listener's port.
    pub port: u16,
    /// The listener, or what of it.
    pub part: Part,
}

/// What of a listener something is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of it.
    Listener,
    /// The domain of this name.
    Domain(String),
    /// The domain of this name, as its default.
    DefaultServer(String),
    /// A rule.
    Rule {
        /// Its domain.
        domain: String,
        /// Its path.
        url: String,
    },
}

impl Subject {
    /// The name of the entry in `status.problems`, such as `HTTPS:443 shop.example.com/cart`.
    pub fn entry(&self) -> String {
        match &self.part {
            Part::Listener | Part::DefaultServer(_) => format!("{}:{}", self.protocol, self.port),
            // The load balancer's own address has no name.
            Part::Domain(domain) if domain.is_empty() => format!("{}:{}", self.protocol, self.port),
            Part::Domain(domain) => format!("{}:{} {domain}", self.protocol, self.port),
            Part::Rule { domain, url } => format!("{}:{} {domain}{url}", self.protocol, self.port),
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

    /// Each setting that is wished, with what it is wished of. That of the load balancer itself is not among them.
    pub fn settings(&self) -> Vec<(Subject, Attribute, &Value)> {
        let mut parts = Vec::new();
        for ((protocol, port), wish) in &self.listeners {
            let subject = |part| Subject { protocol: *protocol, port: *port, part };
            parts.push((subject(Part::Listener), &wish.attributes));
            for (name, domain) in &wish.domains {
                parts.push((subject(Part::Domain(name.clone())), &domain.attributes));
                let rule = |url: &String| Part::Rule { domain: name.clone(), url: url.clone() };
                parts.extend(domain.rules.iter().map(|(url, attributes)| (subject(rule(url)), attributes)));
            }
        }
        let each = parts.iter().flat_map(|(subject, attributes)| {
            attributes.iter().map(|(attribute, value)| (subject.clone(), attribute, value))
        });
        each.collect()
    }

    /// Everything of load balancers that the config names, in the order of its entries: listeners, domains and rules.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
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
