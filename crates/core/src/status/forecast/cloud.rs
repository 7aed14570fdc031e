//! The cloud of a forecast: it does what steps say.

use crate::api::binding::{CreateSpec, IpVersion};
use crate::model::{
    Attribute, Attributes, Health, IpFamily, Listener, ListenerId, ListenerState, LoadBalancer, LoadBalancerId,
    LoadBalancerStatus, RegisteredTarget, Route, Rule, RuleId, TargetHealth,
};
use crate::plan::placement::Creation;
use crate::plan::{Cloud, NewRule, Observed, Registration, Step};

/// The id of a load balancer that does not exist yet.
const NEW: &str = "(new)";

pub(super) fn is_new(id: &LoadBalancerId) -> bool {
    id.as_str() == NEW
}

/// A load balancer without listeners.
pub(super) const fn empty(load_balancer: LoadBalancer) -> Cloud {
    Cloud::Observed(Observed {
        load_balancer,
        listeners: Vec::new(),
        targets: std::collections::BTreeMap::new(),
        health: Ok(Vec::new()),
        health_basis: None,
    })
}

/// Does what the step says. What cannot be, such as a change of a listener that is not there, is passed over.
pub(super) fn perform(cloud: &mut Cloud, step: &Step) {
    match (cloud, step) {
        (Cloud::Unplaced(found), Step::CreateLoadBalancer(creation)) => found.push(created(creation)),
        (cloud @ Cloud::Observed(_), Step::DeleteLoadBalancer) => *cloud = Cloud::Unplaced(Vec::new()),
        (Cloud::Observed(observed), step) => observed.perform(step),
        _ => {}
    }
}

/// Targets that nothing is known of are found healthy.
pub(super) fn probe(cloud: &mut Cloud) {
    let Cloud::Observed(observed) = cloud else { return };
    observed.health_basis = None;
    let Ok(rows) = &mut observed.health else { return };
    let is_of = |row: &TargetHealth, route: &Route| {
        row.listener == route.listener && route.rule.as_ref().is_none_or(|rule| *rule == row.rule)
    };
    let targets = &observed.targets;
    rows.retain(|row| {
        let of_row = targets.iter().filter(|(route, _)| is_of(row, route));
        of_row.flat_map(|(_, all)| all).any(|target| target.address == row.address)
    });
    for (route, target) in targets.iter().flat_map(|(route, all)| all.iter().map(move |target| (route, target))) {
        if !rows.iter().any(|row| is_of(row, route) && row.address == target.address) {
            let is_probed = is_probed(&observed.listeners, route);
            rows.push(TargetHealth {
                listener: route.listener.clone(),
                rule: route.rule.clone().unwrap_or_else(|| RuleId::new(NEW)),
                address: target.address,
                health: if is_probed { Health::Healthy } else { Health::CheckOff },
            });
        }
    }
}

fn is_probed(listeners: &[Listener], route: &Route) -> bool {
    let Some(listener) = listeners.iter().find(|listener| listener.id == route.listener) else { return true };
    let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
    let attributes = rule.map_or(&listener.attributes, |rule| &rule.attributes);
    attributes.switch(Attribute::CheckSwitch) != Some(false)
}

fn created(creation: &Creation) -> LoadBalancer {
    let CreateSpec { vpc_id, ip_version, snat_pro, pass_to_target, security_groups, .. } = &creation.spec;
    let mut groups = security_groups.clone();
    groups.sort_unstable();
    let mut attributes = Attributes::default();
    attributes.set(Attribute::SnatPro, *snat_pro);
    attributes.set_some(Attribute::PassToTarget, *pass_to_target);
    attributes.set(Attribute::SecurityGroups, groups.join(","));
    attributes.set_some(Attribute::Bandwidth, creation.spec.bandwidth_mbps.map(i64::from));
    LoadBalancer {
        id: LoadBalancerId::new(NEW),
        name: creation.name.clone(),
        status: LoadBalancerStatus::Running,
        addresses: Vec::new(),
        domain: None,
        family: if *ip_version == IpVersion::IPv6FullChain { IpFamily::V6 } else { IpFamily::V4 },
        vpc_id: vpc_id.clone().unwrap_or_default(),
        snat_pro: *snat_pro,
        tags: creation.tags.clone(),
        attributes,
    }
}

impl Observed {
    fn perform(&mut self, step: &Step) {
        match step {
            Step::CreateListeners { protocol, attributes, listeners } => {
                for (port, name) in listeners {
                    let mut listener = Listener {
                        id: ListenerId::new(format!("(new {port}/{protocol})")),
                        name: name.clone(),
                        protocol: *protocol,
                        port: *port,
                        state: ListenerState::Serving,
                        attributes: Attributes::default(),
                        rules: Vec::new(),
                    };
                    listener.attributes.overlay(attributes);
                    self.targets.extend(listener.routes().map(|route| (route, Vec::new())));
                    self.listeners.push(listener);
                }
            }
            Step::CreateRules { listener, rules } => rules.iter().for_each(|rule| self.create_rule(listener, rule)),
            Step::Register(targets) => targets.iter().for_each(|target| self.register(target)),
            Step::Reweight(changes) => {
                for change in changes {
                    let mut found = self.targets.get_mut(&change.route).into_iter().flatten();
                    if let Some(target) = found.find(|target| target.address == change.address) {
                        target.weight = change.to;
                    }
                }
            }
            Step::Deregister(removals) => {
                for removal in removals {
                    if let Some(targets) = self.targets.get_mut(&removal.route) {
                        targets.retain(|target| target.address != removal.address);
                    }
                }
            }
            Step::Retag(marks) => {
                for mark in marks {
                    let mut found = self.targets.get_mut(&mark.route).into_iter().flatten();
                    if let Some(target) = found.find(|target| target.address == mark.address) {
                        target.tag.clone_from(&mark.tag);
                    }
                }
            }
            Step::DeleteRules { listener, rules, new_default, .. } => {
                self.targets.retain(|route, _| {
                    route.listener != *listener || !route.rule.as_ref().is_some_and(|rule| rules.contains(rule))
                });
                if let Some(holder) = self.listener(listener) {
                    holder.rules.retain(|rule| !rules.contains(&rule.id));
                    new_default.iter().for_each(|domain| make_default(holder, domain));
                }
            }
            Step::DeleteListeners(gone) => {
                let is_gone = |id: &ListenerId| gone.iter().any(|(listener, _)| listener == id);
                self.listeners.retain(|listener| !is_gone(&listener.id));
                self.targets.retain(|route, _| !is_gone(&route.listener));
            }
            step => self.change_settings(step),
        }
    }

    fn change_settings(&mut self, step: &Step) {
        match step {
            Step::ModifyListener { listener, change } => {
                let Some(found) = self.listener(listener) else { return };
                if let Some(name) = change.attributes.text(Attribute::Name) {
                    name.clone_into(&mut found.name);
                }
                found.attributes.overlay(&change.attributes);
            }
            Step::ModifyDomain { listener, domain, change } => {
                let Some(found) = self.listener(listener) else { return };
                let of_domain = found.rules.iter_mut().filter(|rule| rule.domain == *domain);
                of_domain.for_each(|rule| rule.attributes.overlay(&change.attributes));
                if change.attributes.switch(Attribute::DefaultServer) == Some(true) {
                    make_default(found, domain);
                }
            }
            Step::ModifyRule { listener, rule, change } => {
                let rules = self.listener(listener).into_iter().flat_map(|found| &mut found.rules);
                let changed = rules.filter(|found| found.id == *rule);
                changed.for_each(|found| found.attributes.overlay(&change.attributes));
            }
            Step::ModifyLoadBalancer(change) | Step::SetSecurityGroups(change) => {
                self.load_balancer.attributes.overlay(&change.attributes);
            }
            _ => {}
        }
    }

    fn listener(&mut self, id: &ListenerId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.id == *id)
    }

    /// Settings that rules share with those of their domain come with the first of them.
    fn create_rule(&mut self, listener: &ListenerId, rule: &NewRule) {
        let id = RuleId::new(format!("(new {}{})", rule.domain, rule.url));
        let Some(holder) = self.listener(listener) else { return };
        let sibling = holder.rules.iter().find(|known| known.domain == rule.domain);
        let mut attributes = Attributes::default();
        for shared in [Attribute::Http2, Attribute::DefaultServer, Attribute::Certificate] {
            attributes.set_some(shared, sibling.and_then(|known| known.attributes.get(shared)).cloned());
        }
        if holder.rules.is_empty() {
            attributes.set(Attribute::DefaultServer, true);
        }
        attributes.overlay(&rule.attributes);
        holder.rules.push(Rule { id: id.clone(), domain: rule.domain.clone(), url: rule.url.clone(), attributes });
        if rule.attributes.switch(Attribute::DefaultServer) == Some(true) {
            make_default(holder, &rule.domain);
        }
        self.targets.insert(Route { listener: listener.clone(), rule: Some(id) }, Vec::new());
    }

    /// Whatever had the address before is not what is found healthy.
    fn register(&mut self, new: &Registration) {
        let targets = self.targets.entry(new.route.clone()).or_default();
        targets.retain(|target| target.address != new.address);
        targets.push(RegisteredTarget { address: new.address, weight: new.weight, tag: new.tag.clone() });
        if let Ok(rows) = &mut self.health {
            rows.retain(|row| row.listener != new.route.listener || row.address != new.address);
        }
    }
}

fn make_default(listener: &mut Listener, domain: &str) {
    for rule in &mut listener.rules {
        rule.attributes.set(Attribute::DefaultServer, rule.domain == domain);
    }
}
