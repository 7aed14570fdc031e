//! What a listener is to look like: its rules, its certificates, and the settings that are managed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::api::DirectAccessBinding;
use crate::api::binding::{CertificateSpec, ListenerSpec, Mode, RuleSpec};
use crate::model::{Attribute, Attributes, Listener, LoadBalancer, ObjectKey, Protocol};
use crate::mutant::{self, Mutant};

use super::config::Wishes;
use super::expiry::Named;
use super::{BindingView, Problem, problem};

/// The shape of a desired listener. That of an existing listener of somebody else has rules only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// What is wished of the listener itself, without its certificate.
    pub(super) attributes: Attributes,
    /// The certificate of the listener, and of its domains without their own.
    pub(super) certificate: Certificate,
    /// What is wished of its domains.
    pub(super) domains: BTreeMap<String, DesiredDomain>,
    /// Its rules, each with another domain or path; empty at layer 4.
    pub(super) rules: Vec<DesiredRule>,
}

/// What is wished of one domain of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DesiredDomain {
    /// The certificate of this domain.
    pub(super) certificate: Certificate,
    /// Everything else.
    pub(super) attributes: Attributes,
}

/// A rule that a binding wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DesiredRule {
    /// The domain as the cloud knows it.
    pub(super) domain: String,
    /// The path.
    pub(super) url: String,
    /// What is wished of the rule alone.
    pub(super) attributes: Attributes,
}

/// A certificate as the spec says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Certificate {
    /// It says nothing.
    #[default]
    None,
    /// This id.
    Known(String),
    /// One that cannot be found: what is there stays, and what needs one is not created.
    Lost,
}

impl Shape {
    /// Certificates are to be chosen by domain.
    fn wants_sni(&self) -> bool {
        let has_own = |domain: &DesiredDomain| domain.certificate != Certificate::None;
        self.domains.values().any(has_own) || self.attributes.switch(Attribute::Sni) == Some(true)
    }

    /// Certificates are, or are to be, chosen by domain. The cloud never goes back from that.
    fn is_sni(&self, observed: Option<&Listener>) -> bool {
        self.wants_sni() || observed.is_some_and(is_sni_on)
    }

    /// Certificates are to be chosen by domain, and are not yet.
    pub(super) fn is_switching(&self, observed: &Listener) -> bool {
        self.wants_sni() && !is_sni_on(observed)
    }

    /// What is wished of the listener as it is, or as it is to be created.
    pub(super) fn listener(&self, observed: Option<&Listener>) -> Attributes {
        let mut wish = self.attributes.clone();
        if self.wants_sni() {
            wish.set(Attribute::Sni, true);
        }
        match &self.certificate {
            Certificate::Known(id) if !self.is_sni(observed) => wish.set(Attribute::Certificate, id.as_str()),
            Certificate::Known(_) | Certificate::None | Certificate::Lost => {}
        }
        wish
    }

    /// What is wished of a domain of the listener.
    pub(super) fn domain(&self, domain: &str, observed: Option<&Listener>) -> Attributes {
        let mut wish = self.domains.get(domain).map(|domain| domain.attributes.clone()).unwrap_or_default();
        if let Certificate::Known(id) = self.certificate_of(domain)
            && self.is_sni(observed)
        {
            wish.set(Attribute::Certificate, id.as_str());
        }
        wish
    }

    /// The domain is wished to be the listener's default.
    pub(super) fn is_default(&self, domain: &str) -> bool {
        let wish = self.domains.get(domain).and_then(|domain| domain.attributes.switch(Attribute::DefaultServer));
        wish == Some(true)
    }

    /// The certificate that a domain has when certificates are chosen by domain.
    fn certificate_of(&self, domain: &str) -> &Certificate {
        let own = self.domains.get(domain).map(|domain| &domain.certificate);
        own.filter(|own| **own != Certificate::None).unwrap_or(&self.certificate)
    }

    /// The listener can be created: it does not wait for a certificate.
    pub(super) fn is_creatable(&self) -> bool {
        self.certificate != Certificate::Lost || self.wants_sni()
    }

    /// A rule of this domain can be created: it does not wait for a certificate, nor for the listener to choose by domain.
    pub(super) fn is_rule_creatable(&self, domain: &str, observed: &Listener) -> bool {
        if is_sni_on(observed) { *self.certificate_of(domain) != Certificate::Lost } else { !self.wants_sni() }
    }
}

/// The listener chooses certificates by domain.
fn is_sni_on(listener: &Listener) -> bool {
    listener.attributes.switch(Attribute::Sni) == Some(true)
}

/// Reads the spec of one listener.
pub(super) struct Reader<'a> {
    /// The binding.
    pub(super) view: &'a BindingView,
    /// The load balancer; `None` when it was not read.
    pub(super) load_balancer: Option<&'a LoadBalancer>,
    /// What its config wishes of listeners of ours.
    pub(super) wishes: &'a Wishes,
    /// Where faults go.
    pub(super) problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    /// The shape of the listener. What is wrong with a rule or certificate becomes a problem and harms none of the others.
    pub(super) fn shape(&mut self, spec: &ListenerSpec, protocol: Protocol, port: u16) -> Shape {
        let nothing = Wishes::default();
        let is_own = spec.listener_id.is_none() || mutant::is(Mutant::SettingsOfOthers);
        let wishes = if is_own { self.wishes } else { &nothing };
        let mut shape = Shape { attributes: wishes.listener(protocol, port), ..Shape::default() };
        let place = format!("spec.listeners[{}/{}]", spec.port, spec.protocol.as_str());
        shape.certificate = self.certificate(spec.certificate.as_ref(), &place);
        if self.lacks_certificate(spec, protocol) {
            self.problems.push(problem::certificate_missing(&place, protocol));
            shape.certificate = Certificate::Lost;
        }
        if !protocol.is_layer7() {
            return shape;
        }
        let usual = [RuleSpec::default()];
        let rules = if spec.rules.is_empty() { &usual[..] } else { &spec.rules };
        let mut seen = BTreeSet::new();
        for rule in rules {
            let Some(domain) = self.domain(rule, &place) else { continue };
            if !seen.insert((domain.clone(), rule.url.clone())) {
                let field = format!("{place}.rules[{domain}{}]", rule.url);
                self.problems.push(problem::rule_twice(&field));
                continue;
            }
            self.settle_certificate(&mut shape, rule, &domain, &place);
            // An entry may name the domain as the spec does, or as the cloud does.
            let mut attributes = wishes.rule(protocol, port, &rule.domain, &rule.url);
            attributes.overlay(&wishes.rule(protocol, port, &domain, &rule.url));
            let of_domain = &mut shape.domains.entry(domain.clone()).or_default().attributes;
            of_domain.overlay(&wishes.domain(protocol, port, &rule.domain));
            of_domain.overlay(&wishes.domain(protocol, port, &domain));
            shape.rules.push(DesiredRule { domain, url: rule.url.clone(), attributes });
        }
        shape
    }

    /// A listener that is to be made needs a certificate, and none is named.
    fn lacks_certificate(&self, spec: &ListenerSpec, protocol: Protocol) -> bool {
        let is_named = spec.certificate.is_some() || spec.rules.iter().any(|rule| rule.certificate.is_some());
        let is_ours = spec.listener_id.is_none() && self.view.binding.spec.mode == Mode::Direct;
        is_ours && !is_named && matches!(protocol, Protocol::TcpSsl | Protocol::Quic | Protocol::Https)
    }

    /// The domain as the cloud is told: an empty one is the load balancer's own IPv4 address.
    fn domain(&mut self, rule: &RuleSpec, place: &str) -> Option<String> {
        let Some(load_balancer) = self.load_balancer.filter(|_| rule.domain.is_empty()) else {
            return Some(rule.domain.clone());
        };
        let own = load_balancer.addresses.iter().find(|address| matches!(address, IpAddr::V4(_)));
        if own.is_none() {
            self.problems.push(problem::domain_missing(place, &rule.url));
        }
        own.map(ToString::to_string)
    }

    /// The certificate of a rule is its domain's: the rules of a domain must agree, and the first one counts.
    fn settle_certificate(&mut self, shape: &mut Shape, rule: &RuleSpec, domain: &str, place: &str) {
        let field = format!("{place}.rules[{domain}{}]", rule.url);
        let certificate = self.certificate(rule.certificate.as_ref(), &field);
        let known = shape.domains.entry(domain.to_owned()).or_default();
        if known.certificate == Certificate::None {
            known.certificate = certificate;
        } else if certificate != Certificate::None && certificate != known.certificate {
            self.problems.push(problem::certificates_differ(&field));
        }
    }

    fn certificate(&mut self, spec: Option<&CertificateSpec>, place: &str) -> Certificate {
        let Some(spec) = spec else { return Certificate::None };
        let Some(name) = &spec.secret_name else {
            return spec.id.clone().map_or(Certificate::None, Certificate::Known);
        };
        match self.view.certificates.get(name) {
            Some(Ok(id)) => Certificate::Known(id.clone()),
            Some(Err(reason)) => self.lost(place, name, reason),
            None => self.lost(place, name, "it was not read"),
        }
    }

    fn lost(&mut self, place: &str, name: &str, reason: &str) -> Certificate {
        let namespace = self.view.binding.metadata.namespace.clone().unwrap_or_default();
        let secret = ObjectKey::new(namespace, name);
        self.problems.push(problem::certificate_not_found(place, &secret, reason));
        Certificate::Lost
    }
}

/// What a binding names as certificates.
pub fn named_certificates(binding: &DirectAccessBinding) -> impl Iterator<Item = Named> {
    let namespace = binding.metadata.namespace.clone().unwrap_or_default();
    let specs = binding.spec.listeners.iter().filter(|listener| listener.listener_id.is_none()).flat_map(|listener| {
        listener.certificate.iter().chain(listener.rules.iter().filter_map(|rule| rule.certificate.as_ref()))
    });
    specs.filter_map(move |spec: &CertificateSpec| match &spec.secret_name {
        Some(name) => Some(Named::Secret(ObjectKey::new(namespace.clone(), name))),
        None => spec.id.clone().map(Named::Id),
    })
}

/// The Secrets that a binding names as certificates.
pub fn named_secrets(binding: &DirectAccessBinding) -> impl Iterator<Item = ObjectKey> {
    named_certificates(binding).filter_map(|named| match named {
        Named::Secret(secret) => Some(secret),
        Named::Id(_) => None,
    })
}
