//! Replies as values of the model.
//!
//! A reply that lacks something, or has something that cannot be, fails as a whole. Were the odd item left out instead, its
//! absence would look as if somebody had removed it.

mod attributes;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::error::{MALFORMED_REPLY, own};
use super::wire;
use crate::model::{
    Address, Failure, Health, IpFamily, Listener, ListenerId, ListenerState, LoadBalancer, LoadBalancerId,
    LoadBalancerStatus, Protocol, RegisteredTarget, Route, Rule, RuleId, TargetHealth, TaskState, Weight,
};

/// What is wrong with a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(String);

impl Malformed {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub(super) fn into_failure(self, action: &'static str, request_id: Option<String>) -> Failure {
        Failure { request_id, ..own(action, MALFORMED_REPLY, self.0) }
    }
}

type Result<T> = std::result::Result<T, Malformed>;

/// Attribute flags of a load balancer that refuses writes.
const STOPPED: &[&str] = &["Stop", "BanStatus", "BlockStatus"];

/// Types of targets that are registered by address, as those of Pods are: such a target always shows its address.
const BY_ADDRESS: &[&str] = &["ENI", "GLOBALROUTE", "CCN"];

fn needed<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| Malformed(format!("{name} is missing")))
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| Malformed(format!("'{text}' is not an IP address")))
}

fn port(number: Option<i64>) -> Result<u16> {
    let number = needed(number, "Port")?;
    u16::try_from(number).map_err(|_| Malformed(format!("port {number} is out of range")))
}

fn weight(number: Option<i64>) -> Result<Weight> {
    let number = needed(number, "Weight")?;
    Weight::try_from(number)
        .ok()
        .filter(|weight| *weight <= 100)
        .ok_or_else(|| Malformed(format!("weight {number} is out of range")))
}

fn protocol(text: Option<String>) -> Result<Protocol> {
    needed(text, "Protocol")?.parse().map_err(Malformed)
}

/// The items of a list that is counted beside it.
fn counted<T>(items: Option<Vec<T>>, count: Option<i64>, name: &str) -> Result<Vec<T>> {
    // A list may be null when the count says that nothing is missing.
    let items = if count == Some(0) { items.unwrap_or_default() } else { needed(items, name)? };
    match count {
        Some(count) if usize::try_from(count) != Ok(items.len()) => {
            Err(Malformed(format!("{name} has {} of {count} items", items.len())))
        }
        _ => Ok(items),
    }
}

fn collect<T, U>(items: Vec<T>, convert: impl Fn(T) -> Result<U>) -> Result<Vec<U>> {
    items.into_iter().map(convert).collect()
}

/// Load balancers; the request named all of them, so that the page holds all matches.
pub(super) fn load_balancers(reply: wire::DescribeLoadBalancersReply) -> Result<Vec<LoadBalancer>> {
    collect(counted(reply.load_balancer_set, reply.total_count, "LoadBalancerSet")?, load_balancer)
}

/// Load balancers that were asked for by id. A reply with others answers another question, and proves nothing of those asked for.
pub(super) fn load_balancers_of(
    reply: wire::DescribeLoadBalancersReply,
    asked: &[String],
) -> Result<Vec<LoadBalancer>> {
    let found = load_balancers(reply)?;
    match found.iter().find(|found| !asked.iter().any(|id| id == found.id.as_str())) {
        Some(stranger) => Err(Malformed(format!("LoadBalancerSet has {}, which was not asked for", stranger.id))),
        None => Ok(found),
    }
}

fn load_balancer(set: wire::LoadBalancer) -> Result<LoadBalancer> {
    let (addresses, domain) = entrance(&set)?;
    let target_vpc = set.target_region_info.as_ref().and_then(|info| info.vpc_id.clone()).filter(|id| !id.is_empty());
    Ok(LoadBalancer {
        id: LoadBalancerId::new(needed(set.load_balancer_id.clone(), "LoadBalancerId")?),
        attributes: attributes::of_load_balancer(&set),
        status: status(&set)?,
        addresses,
        domain,
        family: family(&set)?,
        vpc_id: needed(target_vpc.or(set.vpc_id), "VpcId")?,
        name: set.load_balancer_name.unwrap_or_default(),
        snat_pro: set.snat_pro.unwrap_or_default(),
        tags: collect(set.tags.unwrap_or_default(), |tag| {
            Ok((needed(tag.tag_key, "TagKey")?, tag.tag_value.unwrap_or_default()))
        })?,
    })
}

fn status(set: &wire::LoadBalancer) -> Result<LoadBalancerStatus> {
    let flags = set.attribute_flags.as_deref().unwrap_or_default();
    let stopped = flags.iter().any(|flag| STOPPED.contains(&flag.as_str()));
    match needed(set.status, "Status")? {
        0 => Ok(LoadBalancerStatus::Creating),
        1 if stopped || set.isolation == Some(1) => Ok(LoadBalancerStatus::Isolated),
        1 => Ok(LoadBalancerStatus::Running),
        other => Err(Malformed(format!("status {other} of a load balancer is not known"))),
    }
}

/// Addresses or domain name. The addresses behind a domain name change, so that they are not shown.
fn entrance(set: &wire::LoadBalancer) -> Result<(Vec<IpAddr>, Option<String>)> {
    let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
    if let Some(domain) = named(&set.load_balancer_domain) {
        return Ok((Vec::new(), Some(domain)));
    }
    let texts = set.load_balancer_vips.iter().flatten().chain(&set.address_ipv6);
    let addresses = texts.filter(|text| !text.is_empty()).map(|text| address(text)).collect::<Result<Vec<_>>>()?;
    let domain = if addresses.is_empty() { named(&set.domain) } else { None };
    Ok((addresses, domain))
}

/// NAT64 has IPv6 clients and IPv4 targets.
fn family(set: &wire::LoadBalancer) -> Result<IpFamily> {
    let version = needed(set.address_ip_version.as_deref(), "AddressIPVersion")?;
    let nat64 = set.ipv6_mode.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("IPv6Nat64"));
    if version.eq_ignore_ascii_case("ipv4") || nat64 {
        Ok(IpFamily::V4)
    } else if version.to_ascii_lowercase().starts_with("ipv6") {
        Ok(IpFamily::V6)
    } else {
        Err(Malformed(format!("address version '{version}' is not known")))
    }
}

/// The listeners of a load balancer.
pub(super) fn listeners(reply: wire::DescribeListenersReply) -> Result<Vec<Listener>> {
    let mut listeners = counted(reply.listeners, reply.total_count, "Listeners")?;
    listeners.retain(|listener| is_known(listener.protocol.as_deref()));
    collect(listeners, listener)
}

/// False for a protocol that is not ours to speak. Its listener is foreign for sure, and must not hide all others.
fn is_known(protocol: Option<&str>) -> bool {
    protocol.is_none_or(|text| text.parse::<Protocol>().is_ok())
}

fn listener(listener: wire::Listener) -> Result<Listener> {
    Ok(Listener {
        attributes: attributes::of_listener(&listener),
        state: listener_state(listener.attr_flags.as_deref().unwrap_or_default()),
        id: ListenerId::new(needed(listener.listener_id, "ListenerId")?),
        name: listener.listener_name.unwrap_or_default(),
        protocol: protocol(listener.protocol)?,
        port: port(listener.port)?,
        rules: collect(listener.rules.unwrap_or_default(), rule)?,
    })
}

/// The flag is the only place where a stopped listener can be told from one that serves.
fn listener_state(flags: &[String]) -> ListenerState {
    let is_stopped = flags.iter().any(|flag| flag == wire::attr_flag::STOP);
    if is_stopped { ListenerState::Stopped } else { ListenerState::Serving }
}

fn rule(rule: wire::RuleOutput) -> Result<Rule> {
    Ok(Rule {
        attributes: attributes::of_rule(&rule),
        id: RuleId::new(needed(rule.location_id, "LocationId")?),
        domain: rule.domain.unwrap_or_default(),
        url: needed(rule.url, "Url")?,
    })
}

/// Targets by route. Every listener and rule in the reply has an entry, also without targets.
pub(super) fn targets(reply: wire::DescribeTargetsReply) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>> {
    let mut routes: BTreeMap<Route, Vec<RegisteredTarget>> = BTreeMap::new();
    let listeners = needed(reply.listeners, "Listeners")?;
    for backends in listeners.into_iter().filter(|listener| is_known(listener.protocol.as_deref())) {
        let listener = ListenerId::new(needed(backends.listener_id, "ListenerId")?);
        if protocol(backends.protocol)?.is_layer7() {
            for rule in backends.rules.unwrap_or_default() {
                let id = RuleId::new(needed(rule.location_id, "LocationId")?);
                let route = Route { listener: listener.clone(), rule: Some(id) };
                routes.entry(route).or_default().extend(registered(rule.targets)?);
            }
        } else {
            let route = Route { listener, rule: None };
            routes.entry(route).or_default().extend(registered(backends.targets)?);
        }
    }
    Ok(routes)
}

fn registered(backends: Option<Vec<wire::Backend>>) -> Result<Vec<RegisteredTarget>> {
    // Null is how the cloud writes an empty list here.
    backends.unwrap_or_default().into_iter().filter_map(|backend| target(backend).transpose()).collect()
}

/// A target; `None` for one without an address, such as a cloud function: it is not ours, and nothing of ours can clash
/// with it.
fn target(backend: wire::Backend) -> Result<Option<RegisteredTarget>> {
    let Some(text) = backend.private_ip_addresses.unwrap_or_default().into_iter().next() else {
        let kind = backend.kind.unwrap_or_default();
        return if BY_ADDRESS.iter().any(|known| known.eq_ignore_ascii_case(&kind)) {
            Err(Malformed(format!("a target of type {kind} has no address")))
        } else {
            Ok(None)
        };
    };
    if backend.port == Some(0) {
        // A target of a listener over all ports: never ours.
        return Ok(None);
    }
    Ok(Some(RegisteredTarget {
        address: Address { ip: address(&text)?, port: port(backend.port)? },
        weight: weight(backend.weight)?,
        tag: backend.tag.unwrap_or_default(),
    }))
}

/// Health by load balancer.
pub(super) fn health(reply: wire::DescribeTargetHealthReply) -> Result<BTreeMap<LoadBalancerId, Vec<TargetHealth>>> {
    let mut by_load_balancer: BTreeMap<LoadBalancerId, Vec<TargetHealth>> = BTreeMap::new();
    for load_balancer in needed(reply.load_balancers, "LoadBalancers")? {
        let id = LoadBalancerId::new(needed(load_balancer.load_balancer_id, "LoadBalancerId")?);
        let targets = by_load_balancer.entry(id).or_default();
        for listener in load_balancer.listeners.unwrap_or_default() {
            let id = ListenerId::new(needed(listener.listener_id, "ListenerId")?);
            for rule in listener.rules.unwrap_or_default() {
                let rule_id = RuleId::new(needed(rule.location_id, "LocationId")?);
                for target in rule.targets.unwrap_or_default() {
                    targets.extend(target_health(&id, &rule_id, &target)?);
                }
            }
        }
    }
    Ok(by_load_balancer)
}

/// The health of a target; `None` for one without an address.
fn target_health(listener: &ListenerId, rule: &RuleId, target: &wire::TargetHealth) -> Result<Option<TargetHealth>> {
    let Some(text) = target.ip.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    Ok(Some(TargetHealth {
        listener: listener.clone(),
        rule: rule.clone(),
        address: Address { ip: address(text)?, port: port(target.port)? },
        health: verdict(target),
    }))
}

/// The detail decides, because `HealthStatus` is false also for targets that were not probed yet. Where an official example
/// has them disagree, the detail is the one that would not open a gate.
fn verdict(target: &wire::TargetHealth) -> Health {
    let detail = target.health_status_detail.as_deref().or(target.health_status_detial.as_deref());
    match (detail, target.health_status) {
        (Some("Alive"), _) | (None, Some(true)) => Health::Healthy,
        (Some("Dead"), _) => Health::Unhealthy,
        (Some("Close"), _) => Health::CheckOff,
        _ => Health::Unknown,
    }
}

/// What became of a task.
pub(super) fn task(reply: wire::DescribeTaskStatusReply) -> Result<TaskState> {
    match needed(reply.status, "Status")? {
        0 => Ok(TaskState::Succeeded(load_balancer_ids(reply.load_balancer_ids))),
        1 => Ok(TaskState::Failed(reply.message.unwrap_or_default())),
        2 => Ok(TaskState::Running),
        other => Err(Malformed(format!("status {other} of a task is not known"))),
    }
}

/// Ids that may be missing because the cloud does not know them yet.
pub(super) fn load_balancer_ids(ids: Option<Vec<String>>) -> Vec<LoadBalancerId> {
    ids.unwrap_or_default().into_iter().map(LoadBalancerId::new).collect()
}

/// Limits by quota id.
pub(super) fn quotas(reply: wire::DescribeQuotaReply) -> Result<BTreeMap<String, i64>> {
    let quotas = needed(reply.quota_set, "QuotaSet")?;
    collect(quotas, |quota| Ok((needed(quota.quota_id, "QuotaId")?, needed(quota.quota_limit, "QuotaLimit")?)))
        .map(BTreeMap::from_iter)
}

#[cfg(test)]
mod tests;
