//! The cloud's things: load balancers, listeners, rules and targets.
//!
//! Each keeps the attributes it shows in the form in which it shows them, and what decides behaviour in typed form beside.

use super::super::Moment;
use super::super::dialect::{Departure, Dialect};
use super::super::error::{ApiError, ApiResult};
use super::super::health::{HealthPolicy, HealthRecord};
use super::creation::FULL_CHAIN;
use super::switches::Switches;
use crate::clb::wire;
use crate::model::{Address, ListenerId, ListenerState, LoadBalancerId, Protocol, Route, RuleId, Transport, Weight};

/// A load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// The id.
    pub id: LoadBalancerId,
    /// Isolated for arrears: reads work, writes do not.
    pub isolated: bool,
    /// The address its listeners listen on; also for one that only shows a domain name.
    pub vip: std::net::Ipv4Addr,
    /// Its listeners, in the order of creation.
    pub listeners: Vec<Listener>,
    /// Writes are refused before this moment.
    pub(crate) busy_until: Moment,
    /// Its tags are shown from this moment on.
    pub(crate) tags_shown: Moment,
    /// What `DescribeLoadBalancers` shows.
    pub(crate) shown: wire::LoadBalancer,
}

impl LoadBalancer {
    /// Whether it reaches IPv6 targets by an IPv6 address.
    pub(super) fn is_full_chain(&self) -> bool {
        self.shown.ipv6_mode.as_deref() == Some(FULL_CHAIN)
    }
}

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The id.
    pub id: ListenerId,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Whether it takes traffic, as long as its load balancer does.
    pub state: ListenerState,
    /// The targets of a layer-4 listener.
    pub targets: Vec<Target>,
    /// The rules of a layer-7 listener.
    pub rules: Vec<Rule>,
    /// How targets of layer 4 are probed.
    pub(crate) policy: HealthPolicy,
    /// The rule that health reports invent for layer 4.
    pub(crate) synthetic_rule: RuleId,
    /// What `DescribeListeners` shows, without the rules and the flags.
    pub(crate) shown: wire::Listener,
    /// What is shown as flags.
    pub(crate) switches: Switches,
}

/// A forwarding rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The id.
    pub id: RuleId,
    /// Its domains; never empty.
    pub domains: Vec<String>,
    /// The path.
    pub url: String,
    /// The targets.
    pub targets: Vec<Target>,
    pub(crate) policy: HealthPolicy,
    /// What `DescribeListeners` shows.
    pub(crate) shown: wire::RuleOutput,
}

/// A registered target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: Address,
    /// Its weight.
    pub weight: Weight,
    /// The free text given at registration; empty when none was.
    pub tag: String,
    pub(crate) registered: Moment,
    pub(crate) record: HealthRecord,
}

impl Target {
    pub(crate) fn new(address: Address, weight: Weight, tag: String, registered: Moment) -> Self {
        Self { address, weight, tag, registered, record: HealthRecord::default() }
    }
}

impl LoadBalancer {
    /// What `DescribeLoadBalancers` shows of it.
    pub const fn shown(&self) -> &wire::LoadBalancer {
        &self.shown
    }

    /// The id.
    pub const fn id(&self) -> &LoadBalancerId {
        &self.id
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.shown.load_balancer_name.as_deref().unwrap_or_default()
    }

    pub(super) fn start(&mut self, at: String) {
        self.shown.status = Some(1);
        self.shown.status_time = Some(at);
    }

    /// A listener by id.
    pub fn listener(&self, id: &str) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.id.as_str() == id)
    }

    pub(super) fn listener_mut(&mut self, id: &ListenerId) -> Option<&mut Listener> {
        self.listeners.iter_mut().find(|listener| listener.id == *id)
    }

    /// The listener of a call, or the error of a call that names one that is not there.
    pub(super) fn expect_listener(&self, id: &str) -> ApiResult<&Listener> {
        self.listener(id).ok_or_else(|| ApiError::invalid(format!("ListenerId {id} not found")))
    }

    /// The listener that holds a port, if any.
    pub(super) fn holder(&self, transport: Transport, port: u16) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.port == port && listener.protocol.transport() == transport)
    }

    /// The targets of a listener or rule.
    pub fn targets(&self, route: &Route) -> Option<&[Target]> {
        let listener = self.listener(route.listener.as_str())?;
        match &route.rule {
            None if !listener.protocol.is_layer7() => Some(&listener.targets),
            None => None,
            Some(id) => listener.rule(id.as_str()).map(|rule| rule.targets.as_slice()),
        }
    }

    pub(super) fn targets_mut(&mut self, route: &Route) -> Option<&mut Vec<Target>> {
        self.targets_and_policy_mut(route).map(|(targets, _)| targets)
    }

    pub(super) fn targets_and_policy_mut(&mut self, route: &Route) -> Option<(&mut Vec<Target>, &HealthPolicy)> {
        let listener = self.listener_mut(&route.listener)?;
        match &route.rule {
            None if !listener.protocol.is_layer7() => Some((&mut listener.targets, &listener.policy)),
            None => None,
            Some(id) => {
                let rule = listener.rules.iter_mut().find(|rule| rule.id == *id)?;
                Some((&mut rule.targets, &rule.policy))
            }
        }
    }

    /// How many targets there are, in all listeners and rules.
    pub fn target_count(&self) -> usize {
        let of = |listener: &Listener| {
            listener.targets.len() + listener.rules.iter().map(|rule| rule.targets.len()).sum::<usize>()
        };
        self.listeners.iter().map(of).sum()
    }
}

impl Listener {
    /// The name.
    pub fn name(&self) -> &str {
        self.shown.listener_name.as_deref().unwrap_or_default()
    }

    /// What `AttrFlags` shows.
    pub(super) fn attr_flags(&self, dialect: &Dialect) -> Vec<String> {
        let is_shown = self.state == ListenerState::Stopped && !dialect.has(Departure::StopHidden);
        let stopped = is_shown.then_some(wire::attr_flag::STOP);
        let switches = self.switches.flags().filter(|_| !dialect.has(Departure::FlagsHidden));
        stopped.into_iter().chain(switches).map(str::to_owned).collect()
    }

    /// A rule by id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id.as_str() == id)
    }
}
