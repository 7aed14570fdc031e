//! What the data plane and the prober need to know of a load balancer.

use std::time::Duration;

use super::super::data_plane::{Backend, Balance, Certificates, FrontView, RouteView, Scheduler};
use super::super::dialect::Departure;
use super::super::health::HealthPolicy;
use super::{Listener, LoadBalancer, Rule, State, Target};
use crate::clb::wire;
use crate::model::{Address, Health, LoadBalancerId, Protocol, Route};

/// One target to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeTarget {
    pub(crate) route: Route,
    pub(crate) address: Address,
    pub(crate) policy: HealthPolicy,
}

impl State {
    /// The listeners of a load balancer, as the data plane serves them, without those that are stopped; none when it has gone.
    pub(crate) fn fronts(&self, id: &LoadBalancerId) -> Vec<FrontView> {
        let Some(load_balancer) = self.load_balancers.get(id) else { return Vec::new() };
        let served = load_balancer.listeners.iter().filter(|listener| load_balancer.serves(listener));
        served.map(|listener| self.front(load_balancer, listener)).collect()
    }

    fn front(&self, load_balancer: &LoadBalancer, listener: &Listener) -> FrontView {
        let usual = if listener.protocol == Protocol::Udp { 300 } else { 900 };
        let idle = listener.shown.idle_connect_timeout.and_then(|s| u64::try_from(s).ok()).unwrap_or(usual);
        let backends = |targets: &[Target], policy: &HealthPolicy| {
            let probing = load_balancer.probing(listener, policy);
            let backend = |target: &Target| Backend {
                address: target.address,
                weight: target.weight,
                health: match self.health_of(&target.record, target.address, probing) {
                    Health::Unknown if self.config.dialect.has(Departure::NewTargetsServe) => Health::CheckOff,
                    health => health,
                },
            };
            targets.iter().map(backend).collect()
        };
        let rule = |rule: &Rule| RouteView {
            rule: Some(rule.id.clone()),
            domains: rule.domains.clone(),
            url: rule.url.clone(),
            is_default: rule.shown.default_server == Some(true),
            balance: self.balance(rule.shown.scheduler.as_deref(), rule.shown.session_expire_time),
            backends: backends(&rule.targets, &rule.policy),
        };
        let layer4 = || RouteView {
            rule: None,
            domains: Vec::new(),
            url: String::new(),
            is_default: false,
            balance: Balance {
                proxy_protocol: listener.switches.proxy_protocol == Some(true),
                ..self.balance(listener.shown.scheduler.as_deref(), listener.shown.session_expire_time)
            },
            backends: backends(&listener.targets, &listener.policy),
        };
        FrontView {
            listener: listener.id.clone(),
            vip: load_balancer.vip,
            protocol: listener.protocol,
            port: listener.port,
            idle: self.config.timing.idle(Duration::from_secs(idle)),
            certificates: certificates(listener),
            routes: if listener.protocol.is_layer7() {
                listener.rules.iter().map(rule).collect()
            } else {
                vec![layer4()]
            },
        }
    }

    fn balance(&self, name: Option<&str>, session_seconds: Option<i64>) -> Balance {
        let session = session_seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        let session = session.map(|seconds| self.config.timing.session(Duration::from_secs(seconds)));
        Balance { scheduler: scheduler(name), session, ..Balance::default() }
    }

    /// The targets of a load balancer that are to be probed, with times as they really are.
    pub(crate) fn probe_targets(&self, id: &LoadBalancerId) -> Vec<ProbeTarget> {
        let Some(load_balancer) = self.load_balancers.get(id) else { return Vec::new() };
        let mut probes = Vec::new();
        for listener in load_balancer.listeners.iter().filter(|listener| load_balancer.serves(listener)) {
            let layer4 = Route { listener: listener.id.clone(), rule: None };
            self.add_probes(&mut probes, &layer4, &listener.targets, &listener.policy);
            for rule in &listener.rules {
                let route = Route { listener: listener.id.clone(), rule: Some(rule.id.clone()) };
                self.add_probes(&mut probes, &route, &rule.targets, &rule.policy);
            }
        }
        probes
    }

    fn add_probes(&self, probes: &mut Vec<ProbeTarget>, route: &Route, targets: &[Target], policy: &HealthPolicy) {
        if policy.probe.is_none() {
            return;
        }
        let timing = &self.config.timing;
        let scaled = HealthPolicy {
            timeout: timing.probe_timeout(policy.timeout),
            interval: timing.probe_interval(policy.interval),
            ..policy.clone()
        };
        let probe =
            |target: &Target| ProbeTarget { route: route.clone(), address: target.address, policy: scaled.clone() };
        probes.extend(targets.iter().map(probe));
    }
}

fn certificates(listener: &Listener) -> Certificates {
    let id =
        |shown: &Option<wire::CertificateOutput>| shown.as_ref().and_then(|certificate| certificate.cert_id.clone());
    let of_rule = |rule: &Rule| {
        let id = id(&rule.shown.certificate);
        let pair = |domain: &String| id.clone().map(|id| (domain.to_ascii_lowercase(), id));
        rule.domains.iter().filter_map(pair).collect::<Vec<_>>()
    };
    Certificates {
        default: id(&listener.shown.certificate),
        by_domain: listener.rules.iter().flat_map(of_rule).collect(),
    }
}

fn scheduler(name: Option<&str>) -> Scheduler {
    match name {
        Some("LEAST_CONN") => Scheduler::LeastConnections,
        Some("IP_HASH") => Scheduler::AddressHash,
        _ => Scheduler::WeightedRoundRobin,
    }
}
