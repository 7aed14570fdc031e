//! The cloud of the small world: it does what steps say, and refuses to be asked for what the real one would refuse.

use super::world::World;
use crate::model::{Attribute, Attributes, Listener, ListenerId, Protocol, Route, RuleId};
use crate::plan::{NewRule, Removal, Step};

/// What the cloud tells of a listener that was created without wishes.
pub(super) fn defaults(protocol: Protocol) -> Attributes {
    let mut told = Attributes::default();
    told.set(Attribute::SessionSeconds, 0_i64);
    told.set(Attribute::Sni, false);
    if protocol.is_layer7() {
        told.set(Attribute::Keepalive, false);
    } else {
        told.set(Attribute::Scheduler, "WRR");
        told.set(Attribute::ResetOnDeregister, false);
        told.set(Attribute::CheckPort, -1_i64);
        check_defaults(&mut told, if protocol == Protocol::Udp { "PING" } else { "TCP" });
    }
    told
}

/// What the cloud tells of a rule that was created without wishes.
pub(super) fn rule_defaults(listener: &Listener) -> Attributes {
    let mut told = Attributes::default();
    told.set(Attribute::SessionSeconds, 0_i64);
    told.set(Attribute::Scheduler, "WRR");
    told.set(Attribute::ForwardType, "HTTP");
    told.set(Attribute::Http2, false);
    told.set(Attribute::DefaultServer, listener.rules.is_empty());
    told.set(Attribute::CheckPath, "/");
    check_defaults(&mut told, "HTTP");
    told
}

fn check_defaults(told: &mut Attributes, kind: &str) {
    told.set(Attribute::CheckSwitch, true);
    told.set(Attribute::CheckInterval, 5_i64);
    told.set(Attribute::CheckTimeout, 2_i64);
    told.set(Attribute::CheckHealthyCount, 3_i64);
    told.set(Attribute::CheckUnhealthyCount, 3_i64);
    told.set(Attribute::CheckType, kind);
    told.set(Attribute::CheckSource, 1_i64);
}

/// Settings that rules share with all others of their domain.
const OF_DOMAIN: [Attribute; 3] = [Attribute::Http2, Attribute::DefaultServer, Attribute::Certificate];

impl World {
    /// The cloud does what the step says.
    pub(crate) fn perform(&mut self, step: &Step) {
        match step {
            Step::CreateListeners { protocol, attributes, listeners } => {
                for (port, name) in listeners {
                    self.create_listener(*protocol, *port, name, attributes);
                }
            }
            Step::CreateRules { listener, rules } => {
                assert!(!rules.is_empty());
                rules.iter().for_each(|rule| self.create_rule(listener, rule));
            }
            Step::Register(targets) => {
                for target in targets {
                    self.put_target(&target.route, target.address, target.weight, &target.tag);
                }
            }
            Step::Reweight(targets) => {
                for change in targets {
                    let mut found = self.targets.get_mut(&change.route).unwrap().iter_mut();
                    let target = found.find(|found| found.address == change.address);
                    let target = target.expect("a reweighted target exists");
                    assert_eq!(target.weight, change.from, "the plan knows what it changes");
                    target.weight = change.to;
                }
            }
            Step::Deregister(targets) => {
                for Removal { route, address, .. } in targets {
                    let found = self.targets.get_mut(route).unwrap();
                    let before = found.len();
                    found.retain(|target| target.address != *address);
                    assert_eq!(found.len() + 1, before, "a deregistered target exists");
                    self.health.remove(address);
                }
            }
            Step::Retag(marks) => {
                for mark in marks {
                    let mut found = self.targets.get_mut(&mark.route).unwrap().iter_mut();
                    let target = found.find(|found| found.address == mark.address);
                    target.expect("a target that is marked anew exists").tag.clone_from(&mark.tag);
                }
            }
            Step::ModifyListener { listener, change } => {
                assert!(!OF_DOMAIN[..2].iter().any(|attribute| change.attributes.get(*attribute).is_some()));
                assert_ne!(change.attributes.switch(Attribute::Sni), Some(false), "it is never switched off");
                let found = self.listener(listener);
                if let Some(name) = change.attributes.text(Attribute::Name) {
                    name.clone_into(&mut found.name);
                }
                let mut rest = change.attributes.clone();
                rest.remove(Attribute::Name);
                found.attributes.overlay(&rest);
            }
            Step::ModifyDomain { listener, domain, change } => self.modify_domain(listener, domain, &change.attributes),
            Step::ModifyRule { listener, rule, change } => {
                assert!(!OF_DOMAIN.iter().any(|attribute| change.attributes.get(*attribute).is_some()));
                assert!(change.attributes.get(Attribute::CheckPort).is_none(), "rules have no port of their own");
                let mut rules = self.listener(listener).rules.iter_mut();
                rules.find(|found| found.id == *rule).unwrap().attributes.overlay(&change.attributes);
            }
            Step::CreateLoadBalancer(_) | Step::DeleteLoadBalancer => {
                panic!("a world has one load balancer, given by its id")
            }
            Step::ModifyLoadBalancer(change) | Step::SetSecurityGroups(change) => {
                self.attributes.overlay(&change.attributes)
            }
            Step::DeleteRules { listener, rules, new_default, .. } => {
                self.delete_rules(listener, rules, new_default.as_deref());
            }
            Step::DeleteListeners(ids) => {
                assert!(!ids.is_empty(), "deleting no listener means deleting all");
                for (id, _) in ids {
                    self.listeners.retain(|listener| listener.id != *id);
                    self.targets.retain(|route, _| route.listener != *id);
                }
            }
        }
    }

    fn create_listener(&mut self, protocol: Protocol, port: u16, name: &str, wish: &Attributes) {
        let is_free = |other: &Listener| other.port != port || other.protocol.transport() != protocol.transport();
        assert!(self.listeners.iter().all(is_free), "port {port} is taken");
        let has_certificate = wish.get(Attribute::Certificate).is_some();
        let needs_certificate = match protocol {
            Protocol::TcpSsl | Protocol::Quic => true,
            Protocol::Https => wish.switch(Attribute::Sni) != Some(true),
            Protocol::Tcp | Protocol::Udp | Protocol::Http => false,
        };
        assert_eq!(has_certificate, needs_certificate, "{protocol} with {wish:?}");
        let id = self.add_listener(name, protocol, port);
        let mut wish = wish.clone();
        if wish.text(Attribute::Scheduler) == Some("IP_HASH") {
            wish.remove(Attribute::Scheduler);
        }
        self.listener(&id).attributes.overlay(&wish);
    }

    fn create_rule(&mut self, listener: &ListenerId, rule: &NewRule) {
        let holder = self.listener(listener);
        assert!(!rule.domain.is_empty(), "a domain is needed");
        let has_certificate = rule.attributes.get(Attribute::Certificate).is_some();
        assert_eq!(has_certificate, holder.attributes.switch(Attribute::Sni) == Some(true), "{rule:?}");
        let is_other = |known: &crate::model::Rule| (&known.domain, &known.url) != (&rule.domain, &rule.url);
        assert!(holder.rules.iter().all(is_other), "the rule is there");
        let sibling = holder.rules.iter().find(|known| known.domain == rule.domain);
        let of_domain = sibling.map(|known| known.attributes.clone()).unwrap_or_default();
        let id = self.add_rule(listener, &rule.domain, &rule.url);
        let holder = self.listener(listener);
        let created = holder.rules.iter_mut().find(|found| found.id == id).unwrap();
        for (attribute, value) in of_domain.iter().filter(|(attribute, _)| OF_DOMAIN.contains(attribute)) {
            created.attributes.set(attribute, value.clone());
        }
        created.attributes.overlay(&rule.attributes);
        if rule.attributes.switch(Attribute::DefaultServer) == Some(true) {
            make_default(holder, &rule.domain);
        }
    }

    fn modify_domain(&mut self, listener: &ListenerId, domain: &str, change: &Attributes) {
        let holder = self.listener(listener);
        assert!(change.iter().all(|(attribute, _)| OF_DOMAIN.contains(&attribute)), "{change:?}");
        let has_certificate = change.get(Attribute::Certificate).is_some();
        assert!(!has_certificate || holder.attributes.switch(Attribute::Sni) == Some(true), "only with SNI");
        let mut of_domain = holder.rules.iter_mut().filter(|rule| rule.domain == domain).peekable();
        assert!(of_domain.peek().is_some(), "the domain {domain} exists");
        of_domain.for_each(|rule| rule.attributes.overlay(change));
        if change.switch(Attribute::DefaultServer) == Some(true) {
            make_default(holder, domain);
        }
    }

    fn delete_rules(&mut self, listener: &ListenerId, rules: &[RuleId], new_default: Option<&str>) {
        assert!(!rules.is_empty());
        for rule in rules {
            let route = Route { listener: listener.clone(), rule: Some(rule.clone()) };
            assert_eq!(self.targets.remove(&route), Some(Vec::new()), "the rule is there and holds nothing");
        }
        let holder = self.listener(listener);
        holder.rules.retain(|rule| !rules.contains(&rule.id));
        let has_default = holder.rules.iter().any(crate::model::Rule::is_default);
        assert_eq!(new_default.is_none(), has_default || holder.rules.is_empty(), "a new default is named if needed");
        if let Some(domain) = new_default {
            make_default(holder, domain);
        }
    }
}

fn make_default(listener: &mut Listener, domain: &str) {
    assert!(listener.rules.iter().any(|rule| rule.domain == domain), "the domain {domain} exists");
    for rule in &mut listener.rules {
        rule.attributes.set(Attribute::DefaultServer, rule.domain == domain);
    }
}
