//! Replies as values of the model.
//!
//! Unreadable is never absent: were an odd row left out, it would look as if somebody had removed it.
//!
//! - A row that cannot be told apart from others fails the read: a listener without id or name, a target without address.
//! - A listener that is known and otherwise unreadable is kept as [`UnreadableListener`], because it may be foreign, and a foreign
//!   one must not hide all others.
//! - What can be nobody's of this project is left out, such as a target that is a cloud function.
//! - A setting that is missing is not told. It fails nothing.

mod attributes;
mod certificates;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::error::{MALFORMED_REPLY, UNREADABLE_REPLY, own};
use super::wire;
use crate::model::{
    AccountId, Address, Failure, Health, IpFamily, Listener, ListenerId, ListenerState, LoadBalancer, LoadBalancerId,
    LoadBalancerStatus, Protocol, RegisteredTarget, Route, Rule, RuleId, TargetHealth, TaskState, Weight,
};

pub(super) use certificates::{certificates as listed, deleted, in_use, uploaded};

/// What is wrong with a reply, and which code of ours that has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    code: &'static str,
    message: String,
}

impl Malformed {
    /// The reply is not what the protocol says.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { code: MALFORMED_REPLY, message: message.into() }
    }

    /// The reply is one, and there is something in it that cannot be read.
    fn partial(message: impl Into<String>) -> Self {
        Self { code: UNREADABLE_REPLY, message: message.into() }
    }

    pub(super) fn into_failure(self, action: &'static str, request_id: Option<String>) -> Failure {
        Failure { request_id, ..own(action, self.code, self.message) }
    }

    /// The same, of an item of a list.
    fn at(self, list: &str, index: usize) -> Self {
        Self::partial(format!("{list}[{index}]: {}", self.message))
    }
}

const SET: &str = "LoadBalancerSet";

type Result<T> = std::result::Result<T, Malformed>;

/// Attribute flags of a load balancer that refuses writes.
const STOPPED: &[&str] = &["Stop", "BanStatus", "BlockStatus"];

/// Types of targets that are registered by address, as those of Pods are: such a target always shows its address.
const BY_ADDRESS: &[&str] = &["ENI", "GLOBALROUTE", "CCN"];

fn needed<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| Malformed::new(format!("{name} is missing")))
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| Malformed::new(format!("'{text}' is not an IP address")))
}

fn port(number: Option<i64>) -> Result<u16> {
    let number = needed(number, "Port")?;
    u16::try_from(number).map_err(|_| Malformed::new(format!("port {number} is out of range")))
}

fn weight(number: Option<i64>) -> Result<Weight> {
    let number = needed(number, "Weight")?;
    Weight::try_from(number)
        .ok()
        .filter(|weight| *weight <= 100)
        .ok_or_else(|| Malformed::new(format!("weight {number} is out of range")))
}

fn protocol(text: Option<String>) -> Result<Protocol> {
    needed(text, "Protocol")?.parse().map_err(Malformed::new)
}

/// The items of a list that is counted beside it.
fn counted<T>(items: Option<Vec<T>>, count: Option<i64>, name: &str) -> Result<Vec<T>> {
    // A list may be null when the count says that nothing is missing.
    let items = if count == Some(0) { items.unwrap_or_default() } else { needed(items, name)? };
    match count {
        Some(count) if usize::try_from(count) != Ok(items.len()) => {
            Err(Malformed::partial(format!("{name} has {} of {count} items", items.len())))
        }
        _ => Ok(items),
    }
}

fn collect<T, U>(list: &str, items: Vec<T>, convert: impl Fn(T) -> Result<U>) -> Result<Vec<U>> {
    let item = |(index, item)| convert(item).map_err(|malformed| malformed.at(list, index));
    items.into_iter().enumerate().map(item).collect()
}

fn is_some_text(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

/// Load balancers; the request named all of them, so that the page holds all matches.
pub(super) fn load_balancers(reply: wire::DescribeLoadBalancersReply) -> Result<Vec<LoadBalancer>> {
    collect(SET, counted(reply.load_balancer_set, reply.total_count, SET)?, load_balancer)
}

/// Load balancers that were asked for by id. A reply with others answers another question, and proves nothing of those asked for.
pub(super) fn load_balancers_of(
    reply: wire::DescribeLoadBalancersReply,
    asked: &[String],
) -> Result<Vec<LoadBalancer>> {
    let found = load_balancers(reply)?;
    match found.iter().find(|found| !asked.iter().any(|id| id == found.id.as_str())) {
        Some(stranger) => {
            Err(Malformed::partial(format!("LoadBalancerSet has {}, which was not asked for", stranger.id)))
        }
        None => Ok(found),
    }
}

/// Load balancers that were asked for by tag. One whose tags cannot be seen may be the one: without it another would be bought.
pub(super) fn load_balancers_with_tags(reply: wire::DescribeLoadBalancersReply) -> Result<Vec<LoadBalancer>> {
    match reply.load_balancer_set.iter().flatten().position(|set| set.tags.is_none()) {
        Some(index) => Err(Malformed::new("Tags is missing").at(SET, index)),
        None => load_balancers(reply),
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
        // Without it Pods that need it would look as if they could not be bound any more.
        snat_pro: needed(set.snat_pro, "SnatPro")?,
        tags: collect("Tags", set.tags.unwrap_or_default(), |tag| {
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
        other => Err(Malformed::new(format!("status {other} of a load balancer is not known"))),
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
    if addresses.is_empty() && domain.is_none() && set.load_balancer_vips.is_none() {
        return Err(Malformed::new("LoadBalancerVips is missing"));
    }
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
        Err(Malformed::new(format!("address version '{version}' is not known")))
    }
}

/// A listener that a read shows and that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableListener {
    /// The cloud's id.
    pub id: ListenerId,
    /// The name, by which its owner can be told.
    pub name: String,
    /// What cannot be read, such as a protocol that this project does not know.
    pub problem: String,
}

/// All listeners of a load balancer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) listeners: Vec<Listener>,
    pub(super) unreadable: Vec<UnreadableListener>,
}

/// The listeners of a load balancer.
pub(super) fn listing(reply: wire::DescribeListenersReply) -> Result<Listing> {
    let mut listing = Listing::default();
    let rows = counted(reply.listeners, reply.total_count, "Listeners")?;
    for (index, row) in rows.into_iter().enumerate() {
        let (id, name) = identity(&row).map_err(|malformed| malformed.at("Listeners", index))?;
        match listener(id.clone(), name.clone(), row) {
            Ok(listener) => listing.listeners.push(listener),
            Err(Malformed { message: problem, .. }) => {
                listing.unreadable.push(UnreadableListener { id, name, problem });
            }
        }
    }
    Ok(listing)
}

/// The listeners of a load balancer, when all of them can be read.
pub(super) fn listeners(reply: wire::DescribeListenersReply) -> Result<Vec<Listener>> {
    let Listing { listeners, unreadable } = listing(reply)?;
    match unreadable.into_iter().next() {
        Some(UnreadableListener { id, problem, .. }) => Err(Malformed::partial(format!("listener {id}: {problem}"))),
        None => Ok(listeners),
    }
}

/// Id and name of a listener. Without the name nobody knows whose it is.
fn identity(listener: &wire::Listener) -> Result<(ListenerId, String)> {
    let id = ListenerId::new(needed(listener.listener_id.clone(), "ListenerId")?);
    Ok((id, needed(listener.listener_name.clone(), "ListenerName")?))
}

fn listener(id: ListenerId, name: String, listener: wire::Listener) -> Result<Listener> {
    Ok(Listener {
        attributes: attributes::of_listener(&listener),
        state: listener_state(listener.attr_flags.as_deref().unwrap_or_default()),
        id,
        name,
        protocol: protocol(listener.protocol)?,
        port: port(listener.port)?,
        rules: collect("Rules", listener.rules.unwrap_or_default(), rule)?,
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
        domain: needed(rule.domain.or_else(|| rule.domains?.into_iter().next()), "Domain")?,
        url: needed(rule.url, "Url")?,
    })
}

/// Targets by route. Every rule in the reply, and every listener that has none, has an entry, also without targets.
///
/// Targets are taken where they are found. The protocol only says whether a listener without any has a route of its own.
pub(super) fn targets(reply: wire::DescribeTargetsReply) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>> {
    let mut routes: BTreeMap<Route, Vec<RegisteredTarget>> = BTreeMap::new();
    let rows = needed(reply.listeners, "Listeners")?;
    for (route, targets) in collect("Listeners", rows, targets_of_listener)?.into_iter().flatten() {
        routes.entry(route).or_default().extend(targets);
    }
    Ok(routes)
}

/// The same of a load balancer that has no listeners: there is nothing that the reply could lack, and null is how the cloud writes an empty
/// list in other places.
pub(super) fn targets_if_any(reply: wire::DescribeTargetsReply) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>> {
    targets(wire::DescribeTargetsReply { listeners: Some(reply.listeners.unwrap_or_default()) })
}

fn targets_of_listener(backends: wire::ListenerBackend) -> Result<Vec<(Route, Vec<RegisteredTarget>)>> {
    let listener = ListenerId::new(needed(backends.listener_id, "ListenerId")?);
    let mut routes = collect("Rules", backends.rules.unwrap_or_default(), |rule| {
        let id = RuleId::new(needed(rule.location_id, "LocationId")?);
        Ok((Route { listener: listener.clone(), rule: Some(id) }, registered(rule.targets)?))
    })?;
    let own = registered(backends.targets)?;
    let is_layer4 = protocol(backends.protocol).is_ok_and(|protocol| !protocol.is_layer7());
    if is_layer4 || !own.is_empty() {
        routes.push((Route { listener, rule: None }, own));
    }
    Ok(routes)
}

fn registered(backends: Option<Vec<wire::Backend>>) -> Result<Vec<RegisteredTarget>> {
    // Null is how the cloud writes an empty list here.
    Ok(collect("Targets", backends.unwrap_or_default(), target)?.into_iter().flatten().collect())
}

/// A target; `None` for one without an address, such as a cloud function: it is not ours, and nothing of ours can clash
/// with it.
fn target(backend: wire::Backend) -> Result<Option<RegisteredTarget>> {
    let Some(text) = backend.private_ip_addresses.unwrap_or_default().into_iter().next() else {
        let kind = needed(backend.kind, "Type")?;
        let may_be_ours =
            is_some_text(backend.tag.as_ref()) || BY_ADDRESS.iter().any(|known| known.eq_ignore_ascii_case(&kind));
        return if may_be_ours { Err(Malformed::new("PrivateIpAddresses is missing")) } else { Ok(None) };
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
    let rows = collect("LoadBalancers", needed(reply.load_balancers, "LoadBalancers")?, |row| {
        let id = LoadBalancerId::new(needed(row.load_balancer_id, "LoadBalancerId")?);
        let listeners = collect("Listeners", row.listeners.unwrap_or_default(), health_of_listener)?;
        Ok((id, listeners.into_iter().flatten().collect::<Vec<_>>()))
    })?;
    let mut by_load_balancer: BTreeMap<LoadBalancerId, Vec<TargetHealth>> = BTreeMap::new();
    rows.into_iter().for_each(|(id, targets)| by_load_balancer.entry(id).or_default().extend(targets));
    Ok(by_load_balancer)
}

fn health_of_listener(row: wire::ListenerHealth) -> Result<Vec<TargetHealth>> {
    let listener = ListenerId::new(needed(row.listener_id, "ListenerId")?);
    let rules = collect("Rules", row.rules.unwrap_or_default(), |rule| {
        let id = RuleId::new(needed(rule.location_id, "LocationId")?);
        let of_target = |target| target_health(&listener, &id, &target);
        collect("Targets", rule.targets.unwrap_or_default(), of_target)
    })?;
    Ok(rules.into_iter().flatten().flatten().collect())
}

/// The health of a target; `None` for one that has an instance and no address, such as a cloud function.
fn target_health(listener: &ListenerId, rule: &RuleId, target: &wire::TargetHealth) -> Result<Option<TargetHealth>> {
    let Some(text) = target.ip.as_deref().filter(|text| !text.is_empty()) else {
        let is_known = is_some_text(target.target_id.as_ref());
        return if is_known { Ok(None) } else { Err(Malformed::new("IP is missing")) };
    };
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
        other => Err(Malformed::new(format!("status {other} of a task is not known"))),
    }
}

/// Ids that may be missing because the cloud does not know them yet.
pub(super) fn load_balancer_ids(ids: Option<Vec<String>>) -> Vec<LoadBalancerId> {
    ids.unwrap_or_default().into_iter().map(LoadBalancerId::new).collect()
}

/// Limits by quota id. One that is not told is left out: what is not known is asked for again.
/// An empty text is no account: two of them must not be taken for the same.
pub(super) fn account(reply: wire::GetCallerIdentityReply) -> Result<AccountId> {
    needed(reply.account_id.filter(|id| !id.is_empty()), "AccountId").map(AccountId::new)
}

pub(super) fn quotas(reply: wire::DescribeQuotaReply) -> Result<BTreeMap<String, i64>> {
    let quotas = needed(reply.quota_set, "QuotaSet")?;
    Ok(quotas.into_iter().filter_map(|quota| Some((quota.quota_id?, quota.quota_limit?))).collect())
}

#[cfg(test)]
mod tests;
