//! The hands of somebody else: changes that no caller of the API made, and plain looks at what there is.
//!
//! Changes take effect at once, without a task, a lock or a count of calls.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::super::Moment;
use super::super::health::HealthPolicy;
use super::super::settings::LoadBalancerSpec;
use super::creation::{Asked, NewLoadBalancer};
use super::switches::Switches;
use super::{LoadBalancer, State, Target};
use crate::clb::wire::InternetAccessibleOutput;
use crate::clb::wire::{CreateListener, RuleInput, TagInfoOutput};
use crate::model::{
    self, Address, Health, ListenerId, ListenerState, LoadBalancerId, Protocol, RegisteredTarget, Route, RuleId,
    TargetHealth, Weight,
};

/// Why somebody else could not do what they wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleError {
    /// What is named does not exist.
    #[error("{0} does not exist")]
    NotFound(String),
    /// The cloud refuses it for everybody.
    #[error("{0}")]
    Refused(String),
}

fn not_found(what: impl fmt::Display) -> ConsoleError {
    ConsoleError::NotFound(what.to_string())
}

impl State {
    /// Adds a load balancer that is in service, with the listeners of its specification. Its id must be free.
    ///
    /// # Errors
    /// When the id exists, or a listener is impossible.
    pub(crate) fn add_load_balancer(
        &mut self,
        spec: &LoadBalancerSpec,
        vip: Ipv4Addr,
        now: Moment,
    ) -> Result<LoadBalancerId, ConsoleError> {
        let id = LoadBalancerId::new(spec.id.clone().unwrap_or_else(|| self.new_id("lb-")));
        if self.load_balancers.contains_key(&id) {
            return Err(ConsoleError::Refused(format!("{id} exists")));
        }
        let tag = |(key, value): &(String, String)| TagInfoOutput {
            tag_key: Some(key.clone()),
            tag_value: Some(value.clone()),
        };
        let new = NewLoadBalancer {
            id: id.clone(),
            name: spec.name.clone().unwrap_or_else(|| id.to_string()),
            internal: spec.internal,
            vpc_id: spec.vpc_id.clone().unwrap_or_else(|| "vpc-default".to_owned()),
            subnet_id: String::new(),
            vip,
            domain: spec.domain.clone(),
            tags: spec.tags.iter().map(tag).collect(),
            ipv6_mode: None,
            snat_pro: spec.snat_pro,
            pass_to_target: false,
            charge: InternetAccessibleOutput::default(),
            asked: Asked::default(),
        };
        self.insert_load_balancer(new, now);
        let started = self.time_text(now);
        if let Some(load_balancer) = self.load_balancers.get_mut(&id) {
            load_balancer.start(started);
        }
        for listener in &spec.listeners {
            let protocol: Protocol = listener.protocol.parse().map_err(ConsoleError::Refused)?;
            let name = listener.name.as_deref().unwrap_or("foreign");
            self.insert_listener(&id, listener.id.as_deref(), name, protocol, listener.port)?;
        }
        self.set_isolated(&id, spec.isolated)?;
        Ok(id)
    }

    fn change(&mut self, id: &LoadBalancerId) -> Result<&mut LoadBalancer, ConsoleError> {
        self.changed.insert(id.clone());
        self.load_balancers.get_mut(id).ok_or_else(|| not_found(id))
    }

    /// A load balancer.
    pub fn load_balancer(&self, id: &LoadBalancerId) -> Option<&LoadBalancer> {
        self.load_balancers.get(id)
    }

    /// All load balancers, by id.
    pub fn load_balancers(&self) -> impl Iterator<Item = &LoadBalancer> {
        self.load_balancers.values()
    }

    /// Removes a load balancer with all it holds; true when it was there.
    pub fn remove_load_balancer(&mut self, id: &LoadBalancerId) -> bool {
        self.changed.insert(id.clone());
        self.load_balancers.remove(id).is_some()
    }

    /// Isolates a load balancer for arrears, or ends that.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn set_isolated(&mut self, id: &LoadBalancerId, isolated: bool) -> Result<(), ConsoleError> {
        let load_balancer = self.change(id)?;
        load_balancer.isolated = isolated;
        load_balancer.shown.isolation = Some(i64::from(isolated));
        Ok(())
    }

    /// Switches cross-region binding 2.0.
    ///
    /// # Errors
    /// When the load balancer does not exist.
    pub fn set_snat_pro(&mut self, id: &LoadBalancerId, on: bool) -> Result<(), ConsoleError> {
        self.change(id)?.shown.snat_pro = Some(on);
        Ok(())
    }

    /// Protects a load balancer from deletion, or ends that.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn set_protected(&mut self, id: &LoadBalancerId, on: bool) -> Result<(), ConsoleError> {
        let flags = self.change(id)?.shown.attribute_flags.get_or_insert_default();
        flags.retain(|flag| flag != "DeleteProtect");
        flags.extend(on.then(|| "DeleteProtect".to_owned()));
        Ok(())
    }

    /// Replaces the tags of a load balancer, as the tag service would.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn set_tags(&mut self, id: &LoadBalancerId, tags: &[(&str, &str)]) -> Result<(), ConsoleError> {
        let tag = |(key, value): &(&str, &str)| TagInfoOutput {
            tag_key: Some((*key).to_owned()),
            tag_value: Some((*value).to_owned()),
        };
        self.change(id)?.shown.tags = Some(tags.iter().map(tag).collect());
        Ok(())
    }

    /// Takes a tag off a load balancer; true when it was there.
    pub fn remove_tag(&mut self, id: &LoadBalancerId, key: &str) -> bool {
        let Ok(load_balancer) = self.change(id) else { return false };
        let Some(tags) = &mut load_balancer.shown.tags else { return false };
        let before = tags.len();
        tags.retain(|tag| tag.tag_key.as_deref() != Some(key));
        tags.len() < before
    }

    /// Locks a load balancer as somebody else's task would, until `now` and this long; `now` is [`Moment`] of the simulator.
    ///
    /// # Errors
    /// When it does not exist.
    pub(crate) fn hold(&mut self, id: &LoadBalancerId, now: Moment, time: Duration) -> Result<(), ConsoleError> {
        self.change(id)?.busy_until = now.saturating_add(time);
        Ok(())
    }

    /// Whether a task of a load balancer runs: nobody else may change it meanwhile.
    pub fn is_changing(&self, id: &LoadBalancerId) -> bool {
        let mut running = self.running.values().filter_map(|id| self.tasks.get(id));
        running.any(|task| task.load_balancers.contains(id))
    }

    /// Adds a listener.
    ///
    /// # Errors
    /// When the load balancer does not exist, or the port is taken.
    pub fn add_listener(
        &mut self,
        id: &LoadBalancerId,
        name: &str,
        protocol: Protocol,
        port: u16,
    ) -> Result<ListenerId, ConsoleError> {
        self.insert_listener(id, None, name, protocol, port)
    }

    /// Adds a listener of this id; `None`: a new one.
    fn insert_listener(
        &mut self,
        id: &LoadBalancerId,
        listener_id: Option<&str>,
        name: &str,
        protocol: Protocol,
        port: u16,
    ) -> Result<ListenerId, ConsoleError> {
        let load_balancer = self.load_balancers.get(id).ok_or_else(|| not_found(id))?;
        if let Some(holder) = load_balancer.holder(protocol.transport(), port) {
            return Err(ConsoleError::Refused(format!("port {port} is used by {}", holder.id)));
        }
        let is_ipv6 = load_balancer.is_full_chain();
        let created = self.time_text(Moment::ZERO);
        let mut listener = self
            .make_listener(protocol, port, Some(name.to_owned()), is_ipv6, &created, &CreateListener::default())
            .map_err(|error| ConsoleError::Refused(error.message))?;
        if let Some(wanted) = listener_id {
            listener.id = ListenerId::new(wanted);
            listener.shown.listener_id = Some(wanted.to_owned());
        }
        let listener_id = listener.id.clone();
        self.change(id)?.listeners.push(listener);
        Ok(listener_id)
    }

    /// Adds a rule to a layer-7 listener.
    ///
    /// # Errors
    /// When the listener does not exist.
    pub fn add_rule(
        &mut self,
        id: &LoadBalancerId,
        listener: &ListenerId,
        domain: &str,
        url: &str,
    ) -> Result<RuleId, ConsoleError> {
        let load_balancer = self.load_balancers.get(id).ok_or_else(|| not_found(id))?;
        let protocol = load_balancer.listener(listener.as_str()).ok_or_else(|| not_found(listener))?.protocol;
        let input = RuleInput { url: url.to_owned(), domain: Some(domain.to_owned()), ..RuleInput::default() };
        let is_ipv6 = load_balancer.is_full_chain();
        let created = self.time_text(Moment::ZERO);
        let rule = self
            .make_rule(listener, protocol, is_ipv6, &created, input)
            .map_err(|error| ConsoleError::Refused(error.message))?;
        let rule_id = rule.id.clone();
        self.change(id)?.listener_mut(listener).ok_or_else(|| not_found(listener))?.rules.push(rule);
        Ok(rule_id)
    }

    /// Stops a listener, or starts it again. A stopped one neither receives nor forwards traffic; connections that are open are
    /// closed.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn set_listener_state(
        &mut self,
        id: &LoadBalancerId,
        listener: &ListenerId,
        state: ListenerState,
    ) -> Result<(), ConsoleError> {
        let found = self.change(id)?.listener_mut(listener).ok_or_else(|| not_found(listener))?;
        found.set_state(state);
        Ok(())
    }

    /// Gives a listener another name.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn rename_listener(
        &mut self,
        id: &LoadBalancerId,
        listener: &ListenerId,
        name: &str,
    ) -> Result<(), ConsoleError> {
        let found = self.change(id)?.listener_mut(listener).ok_or_else(|| not_found(listener))?;
        found.shown.listener_name = Some(name.to_owned());
        Ok(())
    }

    /// Switches everything off that is shown as a flag: replacing the client's address, PROXY protocol, and the others.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn switch_off(&mut self, id: &LoadBalancerId, listener: &ListenerId) -> Result<(), ConsoleError> {
        let found = self.change(id)?.listener_mut(listener).ok_or_else(|| not_found(listener))?;
        found.switches = Switches::default();
        Ok(())
    }

    /// Removes a listener with its targets; true when it was there.
    pub fn remove_listener(&mut self, id: &LoadBalancerId, listener: &ListenerId) -> bool {
        let Ok(load_balancer) = self.change(id) else { return false };
        let before = load_balancer.listeners.len();
        load_balancer.listeners.retain(|other| other.id != *listener);
        load_balancer.listeners.len() < before
    }

    /// Registers a target, or changes the weight and tag of one that is there.
    ///
    /// # Errors
    /// When the listener or rule does not exist.
    pub fn put_target(
        &mut self,
        id: &LoadBalancerId,
        route: &Route,
        address: Address,
        weight: Weight,
        tag: &str,
    ) -> Result<(), ConsoleError> {
        let targets = self.change(id)?.targets_mut(route).ok_or_else(|| not_found(&route.listener))?;
        match targets.iter_mut().find(|target| target.address == address) {
            Some(target) => {
                target.weight = weight;
                tag.clone_into(&mut target.tag);
            }
            None => targets.push(Target::new(address, weight, tag.to_owned(), Moment::ZERO)),
        }
        Ok(())
    }

    /// Deregisters a target; true when it was there.
    pub fn remove_target(&mut self, id: &LoadBalancerId, route: &Route, address: Address) -> bool {
        let Some(targets) = self.change(id).ok().and_then(|lb| lb.targets_mut(route)) else { return false };
        let before = targets.len();
        targets.retain(|target| target.address != address);
        targets.len() < before
    }

    /// The listeners of a load balancer, in the words of the model but without attributes; none when it does not exist.
    pub fn listeners(&self, id: &LoadBalancerId) -> Vec<model::Listener> {
        let rule = |rule: &super::Rule| model::Rule {
            id: rule.id.clone(),
            domain: rule.shown.domain.clone().unwrap_or_default(),
            url: rule.url.clone(),
            attributes: model::Attributes::default(),
        };
        let listener = |listener: &super::Listener| model::Listener {
            id: listener.id.clone(),
            name: listener.name().to_owned(),
            protocol: listener.protocol,
            port: listener.port,
            state: listener.state,
            attributes: model::Attributes::default(),
            rules: listener.rules.iter().map(rule).collect(),
        };
        self.load_balancers.get(id).map(|lb| lb.listeners.iter().map(listener).collect()).unwrap_or_default()
    }

    /// The targets of a load balancer, by listener and rule.
    pub fn targets(&self, id: &LoadBalancerId) -> BTreeMap<Route, Vec<RegisteredTarget>> {
        let registered = |target: &Target| RegisteredTarget {
            address: target.address,
            weight: target.weight,
            tag: target.tag.clone(),
        };
        let mut all = BTreeMap::new();
        for listener in self.load_balancers.get(id).iter().flat_map(|lb| &lb.listeners) {
            let mut add = |rule: Option<RuleId>, targets: &[Target]| {
                let route = Route { listener: listener.id.clone(), rule };
                all.insert(route, targets.iter().map(registered).collect());
            };
            if !listener.protocol.is_layer7() {
                add(None, &listener.targets);
            }
            listener.rules.iter().for_each(|rule| add(Some(rule.id.clone()), &rule.targets));
        }
        all
    }

    /// The health of all targets of a load balancer.
    pub fn health(&self, id: &LoadBalancerId) -> Vec<TargetHealth> {
        let mut all = Vec::new();
        let Some(load_balancer) = self.load_balancers.get(id) else { return all };
        for listener in &load_balancer.listeners {
            let mut add = |rule: &RuleId, targets: &[Target], policy: &HealthPolicy| {
                let probing = load_balancer.probing(listener, policy);
                all.extend(targets.iter().map(|target| TargetHealth {
                    listener: listener.id.clone(),
                    rule: rule.clone(),
                    address: target.address,
                    health: self.health_of(&target.record, target.address, probing),
                }));
            };
            add(&listener.synthetic_rule, &listener.targets, &listener.policy);
            listener.rules.iter().for_each(|rule| add(&rule.id, &rule.targets, &rule.policy));
        }
        all
    }

    /// The health of one address on one listener or rule; `None` when it is not registered there.
    pub fn health_at(&self, id: &LoadBalancerId, route: &Route, address: Address) -> Option<Health> {
        let load_balancer = self.load_balancers.get(id)?;
        let listener = load_balancer.listener(route.listener.as_str())?;
        let policy = match &route.rule {
            None => &listener.policy,
            Some(rule) => &listener.rule(rule.as_str())?.policy,
        };
        let target = load_balancer.targets(route)?.iter().find(|target| target.address == address)?;
        Some(self.health_of(&target.record, address, load_balancer.probing(listener, policy)))
    }
}
