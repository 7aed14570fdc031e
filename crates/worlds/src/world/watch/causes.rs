//! What a condition says in the end has its cause: where one says that a port is taken, somebody has it.

use k8s_openapi::api::core::v1 as core;
use tke_direct_access_core::api::condition::Reason;
use tke_direct_access_core::api::mark::{ListenerName, TargetTag};
use tke_direct_access_core::api::{DirectAccessBinding, names};
use tke_direct_access_core::model::{Address as Target, ListenerState, Route};

use crate::check::{Seen, Sentence};
use crate::pod;
use crate::slices::selects;
use crate::world::{World, dialect};

/// The rule of it.
const RULE: &str = "what is said has its cause";

/// What is looked at.
struct Case<'a> {
    world: &'a World,
    binding: &'a DirectAccessBinding,
    uid: &'a str,
    service: Option<&'a core::Service>,
    /// Its load balancer.
    seen: Option<&'a Seen>,
}

/// Whether there is a cause for a reason.
type Cause = fn(&Case<'_>) -> bool;

/// Each reason whose cause can be seen. All others are what a call has come to, or are looked at by rules of their own.
const CAUSES: [(Reason, Cause); 16] = [
    (Reason::Suspended, |case| case.binding.spec.suspend),
    (Reason::Parked, |case| case.binding.parked().is_some()),
    (Reason::ServiceNotFound, |case| case.service.is_none()),
    (Reason::NoSelector, |case| case.service.is_some_and(has_no_selector)),
    (Reason::ServicePortNotFound, |case| case.lacks_a_port()),
    (Reason::ConfigNotFound, |case| case.lacks_a_config()),
    (Reason::LoadBalancerNotFound, |case| case.seen.is_none()),
    (Reason::ListenerNotFound, |case| case.lacks_a_listener()),
    (Reason::CertificateNotFound, |case| case.names_a_certificate()),
    (Reason::PortConflict, |case| case.is_another_on_its_port()),
    (Reason::QuotaExceeded, |case| case.is_a_quota_full()),
    (Reason::BackendConflict, |case| case.is_a_pod_elsewhere()),
    (Reason::ListenerStopped, |case| case.has_a_stopped_listener()),
    (Reason::TagsNotShown, |case| case.world.hides_tags()),
    (Reason::Unhealthy, |case| case.has_an_unhealthy_target()),
    // Where nobody knows which Pods are wanted, what a user has asked for and taken back comes back with the Service.
    (Reason::NoWeight, |case| case.is_a_weight_asked_for() || case.service.is_none()),
];

fn has_no_selector(service: &core::Service) -> bool {
    let Some(spec) = service.spec.as_ref() else { return true };
    // What it selects is of no account then.
    spec.type_.as_deref() == Some("ExternalName") || spec.selector.as_ref().is_none_or(|selector| selector.is_empty())
}

impl World {
    /// What conditions say that are not True.
    pub(super) fn causes(&self) -> Vec<Sentence> {
        let mut sentences = Vec::new();
        for binding in self.objects.bindings.values().filter(|one| one.metadata.deletion_timestamp.is_none()) {
            let uid = binding.metadata.uid.as_deref().unwrap_or_default();
            let service = self.objects.services.get(&binding.spec.service_ref.name);
            let seen = self.load_balancer_of(binding, uid).map(|(_, seen)| seen);
            let case = Case { world: self, binding, uid, service, seen };
            let said = binding.status.iter().flat_map(|status| &status.conditions).filter(|one| one.status == "False");
            for one in said {
                let cause = CAUSES.iter().find(|(reason, _)| reason.as_str() == one.reason);
                let Some((_, has_cause)) = cause else { continue };
                let name = binding.metadata.name.as_deref().unwrap_or_default();
                let words = || format!("{name}: {} says {}: {}", one.type_, one.reason, one.message);
                sentences.push(Sentence::of((!has_cause(&case)).then(words)));
            }
        }
        sentences
    }

    /// Looks for the causes.
    pub(super) fn watch_causes(&mut self) {
        self.causes().into_iter().for_each(|sentence| self.judge(RULE, sentence));
    }
}

impl Case<'_> {
    /// The Service has no such port, or no container has the port that it stands for.
    fn lacks_a_port(&self) -> bool {
        let mut pods = self.world.objects.pods.values();
        let is_undeclared = |service| pods.any(|found| selects(service, found) && !pod::has_ports(found, service));
        if self.service.is_some_and(is_undeclared) {
            return true;
        }
        let mut listeners = self.binding.spec.listeners.iter();
        listeners.any(|one| !self.world.is_port_known(one, self.service))
    }

    fn lacks_a_config(&self) -> bool {
        let named = self.binding.spec.service_config_ref.as_ref().map(|named| named.name.as_str());
        let annotated = self.service.and_then(|service| super::annotation(service, names::SERVICE_CONFIG));
        [named, annotated].into_iter().flatten().any(|name| !self.world.objects.configs.contains_key(name))
    }

    /// A listener that is named by its id, or one of its rules, is not there.
    fn lacks_a_listener(&self) -> bool {
        let is_there = |id: &str| self.seen.is_some_and(|seen| seen.listeners.contains_key(id));
        self.binding.spec.listeners.iter().any(|one| match one.listener_id.as_deref() {
            None => false,
            Some(id) => !is_there(id) || one.rules.iter().any(|rule| !self.has_rule(id, (&rule.domain, &rule.url))),
        })
    }

    fn has_rule(&self, listener: &str, (domain, url): (&str, &str)) -> bool {
        let of_listener = |route: &&Route| route.listener.as_str() == listener;
        self.seen.is_some_and(|seen| {
            let rules =
                seen.targets.keys().filter(of_listener).filter_map(|route| seen.rules.get(route.rule.as_ref()?));
            rules.map(crate::check::routes::as_written).any(|rule| rule.0 == domain && rule.1 == url)
        })
    }

    /// There are no Secrets, and nobody has uploaded a certificate.
    fn names_a_certificate(&self) -> bool {
        let mut listeners = self.binding.spec.listeners.iter();
        listeners.any(|one| one.certificate.is_some() || one.rules.iter().any(|rule| rule.certificate.is_some()))
    }

    /// Another binding wants one of its ports, or a listener that it has not made has one.
    fn is_another_on_its_port(&self) -> bool {
        let Some(wish) = self.world.checks.wanted.get(self.uid) else { return false };
        let is_its = |port: u16, protocol: &str| {
            wish.ports.iter().any(|(wanted, of)| *wanted == port && is_datagram(of) == is_datagram(protocol))
        };
        let is_others = |(name, port, protocol): &(String, u16, &'static str)| {
            ListenerName::owner(name) != Some(self.uid) && is_its(*port, protocol)
        };
        let bindings = self.world.objects.bindings.values().filter_map(|one| one.metadata.uid.as_ref());
        let mut wishes = bindings.filter(|uid| *uid != self.uid).filter_map(|uid| self.world.checks.wanted.get(uid));
        self.seen.is_some_and(|seen| seen.listeners.values().any(is_others))
            || wishes.any(|other| other.ports.iter().any(|(port, protocol)| is_its(*port, protocol)))
    }

    fn is_a_quota_full(&self) -> bool {
        let quotas = dialect::settings(&self.world.story).quotas;
        let is_full = |seen: &Seen| {
            seen.listeners.len() >= quotas.listeners
                || seen.rules.len() >= quotas.rules
                || seen.targets.values().any(|targets| targets.len() >= quotas.targets)
        };
        let created = self.world.checks.seen.len();
        self.seen.is_none_or(is_full)
            || created >= quotas.public_load_balancers
            || created >= quotas.internal_load_balancers
    }

    /// An address of its Pods is a target of somebody else, or of another listener.
    fn is_a_pod_elsewhere(&self) -> bool {
        let Some(seen) = self.seen else { return false };
        let pods = self.world.objects.pods.values().filter(|found| self.world.is_pod_of(self.binding, found));
        let ips: Vec<_> = pods.filter_map(pod::ip).collect();
        let is_its = |address: &Target| ips.contains(&address.ip.to_string().as_str());
        let wish = self.world.checks.wanted.get(self.uid);
        let has_several = wish.is_some_and(|wish| wish.ports.len() > 1);
        let is_others = |route: &Route, tag: &str| {
            let name = seen.listeners.get(route.listener.as_str()).map(|(name, ..)| name.as_str()).unwrap_or_default();
            ListenerName::owner(name) != Some(self.uid)
                || TargetTag::parse(tag).is_none_or(|tag| tag.binding_uid != self.uid)
                || has_several
        };
        seen.targets
            .iter()
            .any(|(route, targets)| targets.iter().any(|(address, (_, tag))| is_its(address) && is_others(route, tag)))
    }

    fn has_a_stopped_listener(&self) -> bool {
        self.world
            .cloud
            .state()
            .load_balancers()
            .any(|one| one.listeners.iter().any(|listener| listener.state == ListenerState::Stopped))
    }

    /// Of a target with its mark the cloud does not say that it is well.
    fn has_an_unhealthy_target(&self) -> bool {
        let Some(seen) = self.seen else { return false };
        let is_its =
            |tag: &str| self.world.hides_tags() || TargetTag::parse(tag).is_none_or(|tag| tag.binding_uid == self.uid);
        seen.targets.iter().any(|(route, targets)| {
            let mut its = targets.iter().filter(|(_, (_, tag))| is_its(tag));
            its.any(|(address, _)| !seen.well.contains(&(route.clone(), *address)))
        })
    }

    /// A user has said a weight.
    fn is_a_weight_asked_for(&self) -> bool {
        let has_word = |of: Option<&std::collections::BTreeMap<String, String>>| {
            of.is_some_and(|all| all.keys().any(|key| key.contains("weight")))
        };
        let service = self.service.and_then(|service| service.metadata.annotations.as_ref());
        has_word(service)
            || self.binding.spec.listeners.iter().any(|one| one.weight == 0)
            || self.world.objects.pods.values().any(|found| has_word(found.metadata.annotations.as_ref()))
    }
}

fn is_datagram(protocol: &str) -> bool {
    matches!(protocol, "UDP" | "QUIC")
}
