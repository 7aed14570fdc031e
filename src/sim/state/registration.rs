//! What registering and deregistering have in common, one by one and in batches.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::Moment;
use super::super::error::{ApiError, ApiResult};
use super::{Listener, LoadBalancer, Target};
use crate::model::{Address, ListenerId, Protocol, Route, Weight};

/// The weight of a target for which none is given.
const USUAL_WEIGHT: i64 = 10;

/// A target in a call.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) route: Route,
    pub(super) address: Address,
    pub(super) weight: Weight,
    pub(super) tag: String,
}

/// The address of a target in a call.
pub(super) fn address_of(eni_ip: Option<&str>, instance_id: Option<&str>, port: i64) -> ApiResult<Address> {
    let ip = match (eni_ip, instance_id) {
        (Some(_), Some(_)) => return Err(ApiError::value("EniIp and InstanceId exclude each other")),
        (Some(ip), None) => ip,
        (None, Some(id)) => return Err(ApiError::value(format!("instance {id} does not exist"))),
        (None, None) => return Err(ApiError::missing("EniIp")),
    };
    let ip: IpAddr = ip.parse().map_err(|_| ApiError::value(format!("EniIp {ip} is no address")))?;
    Ok(Address { ip, port: port_of(port)? })
}

/// Targets have addresses of the load balancer's family. NAT64 has IPv4 targets.
pub(super) fn check_family(load_balancer: &LoadBalancer, items: &[Item]) -> ApiResult<()> {
    let is_v6 = load_balancer.is_full_chain();
    match items.iter().find(|item| item.address.ip.is_ipv6() != is_v6) {
        Some(item) => Err(ApiError::value(format!("EniIp {} is not of the load balancer's family", item.address.ip))),
        None => Ok(()),
    }
}

/// A port of a target.
pub(super) fn port_of(port: i64) -> ApiResult<u16> {
    u16::try_from(port).ok().filter(|&port| port > 0).ok_or_else(|| ApiError::range("Port", 1, 65_535, port))
}

/// A weight, or the default.
pub(super) fn weight_of(weight: Option<i64>) -> ApiResult<Weight> {
    let weight = weight.unwrap_or(USUAL_WEIGHT);
    Weight::try_from(weight)
        .ok()
        .filter(|&weight| weight <= 100)
        .ok_or_else(|| ApiError::range("Weight", 0, 100, weight))
}

/// The route that a call names by rule id, or by domain and path.
pub(super) fn route_of(
    listener: &Listener,
    location: Option<&str>,
    domain: Option<&str>,
    url: Option<&str>,
) -> ApiResult<Route> {
    let route = |rule| Route { listener: listener.id.clone(), rule };
    if !listener.protocol.is_layer7() {
        return match location {
            None => Ok(route(None)),
            Some(_) => Err(ApiError::new(
                "InvalidParameter.ProtocolCheckFailed",
                format!("listener {} of {} has no rules", listener.id, listener.protocol),
            )),
        };
    }
    let rule = match (location, domain, url) {
        (Some(id), _, _) => listener.rule(id).ok_or_else(|| ApiError::rule_not_found(id))?,
        (None, Some(domain), Some(url)) => {
            let matches = |rule: &&super::Rule| rule.url == url && rule.domains.iter().any(|own| own == domain);
            let none = || ApiError::invalid(format!("no rule for {domain}{url}"));
            listener.rules.iter().find(matches).ok_or_else(none)?
        }
        _ => return Err(ApiError::missing("LocationId")),
    };
    Ok(route(Some(rule.id.clone())))
}

/// Refuses a call that names a target twice.
pub(super) fn check_distinct<'a>(targets: impl Iterator<Item = (&'a Route, Address)>) -> ApiResult<()> {
    let mut seen = BTreeSet::new();
    for (route, address) in targets {
        if !seen.insert((route, address)) {
            return Err(ApiError::new("InvalidParameterValue.Duplicate", format!("target {address} is named twice")));
        }
    }
    Ok(())
}

/// Listeners that a registration would give more targets in one route than the quota allows.
pub(super) fn over_quota(load_balancer: &LoadBalancer, items: &[Item], limit: usize) -> BTreeMap<ListenerId, ApiError> {
    let mut wanted: BTreeMap<&Route, BTreeSet<Address>> = BTreeMap::new();
    for item in items {
        let addresses = wanted.entry(&item.route).or_insert_with(|| {
            load_balancer.targets(&item.route).unwrap_or_default().iter().map(|target| target.address).collect()
        });
        addresses.insert(item.address);
    }
    let over = wanted.into_iter().filter(|(_, addresses)| addresses.len() > limit);
    over.map(|(route, _)| (route.listener.clone(), ApiError::quota("TOTAL_TARGET_BIND_QUOTA", limit))).collect()
}

/// Listeners with targets that are to be registered there and are not.
pub(super) fn missing<'a>(
    load_balancer: &LoadBalancer,
    targets: impl Iterator<Item = (&'a Route, Address)>,
) -> BTreeMap<ListenerId, ApiError> {
    let mut missing = BTreeMap::new();
    for (route, address) in targets.filter(|(route, address)| !is_registered(load_balancer, route, *address)) {
        missing.entry(route.listener.clone()).or_insert_with(|| not_registered(address));
    }
    missing
}

/// Listeners on which a target would make two of the same address, protocol, backend address and backend port; with the
/// listener that holds it. Layer 7 is free to share targets.
pub(super) fn conflicts(load_balancer: &LoadBalancer, items: &[Item]) -> BTreeMap<ListenerId, String> {
    let mut held: BTreeMap<(Protocol, Address), ListenerId> = BTreeMap::new();
    for listener in load_balancer.listeners.iter().filter(|listener| !listener.protocol.is_layer7()) {
        for target in &listener.targets {
            held.insert((listener.protocol, target.address), listener.id.clone());
        }
    }
    let mut conflicts = BTreeMap::new();
    for item in items {
        let Some(listener) = load_balancer.listener(item.route.listener.as_str()) else { continue };
        if listener.protocol.is_layer7() {
            continue;
        }
        let holder = held.entry((listener.protocol, item.address)).or_insert_with(|| listener.id.clone());
        if *holder != listener.id {
            let message = format!(
                "backend {} is already bound to listener {holder} with protocol {}",
                item.address, listener.protocol
            );
            conflicts.entry(listener.id.clone()).or_insert(message);
        }
    }
    conflicts
}

/// The first of the targets that is not registered.
pub(super) fn first_missing<'a>(
    load_balancer: &LoadBalancer,
    mut targets: impl Iterator<Item = (&'a Route, Address)>,
) -> Option<Address> {
    targets.find(|(route, address)| !is_registered(load_balancer, route, *address)).map(|(_, address)| address)
}

pub(super) fn is_registered(load_balancer: &LoadBalancer, route: &Route, address: Address) -> bool {
    load_balancer.targets(route).unwrap_or_default().iter().any(|target| target.address == address)
}

/// The answer to a call on targets that are not registered.
pub(super) fn not_registered(address: Address) -> ApiError {
    ApiError::invalid(format!("target {address} is not registered"))
}

/// Registers. A target that is registered already stays as it is, whatever weight is asked for.
pub(super) fn register(load_balancer: &mut LoadBalancer, items: Vec<Item>, now: Moment) {
    for item in items {
        if let Some(targets) = load_balancer.targets_mut(&item.route)
            && !targets.iter().any(|target| target.address == item.address)
        {
            targets.push(Target::new(item.address, item.weight, item.tag, now));
        }
    }
}

/// Deregisters.
pub(super) fn deregister(load_balancer: &mut LoadBalancer, targets: &[(Route, Address)]) {
    let doomed: BTreeSet<(&Route, Address)> = targets.iter().map(|(route, address)| (route, *address)).collect();
    let routes: BTreeSet<&Route> = targets.iter().map(|(route, _)| route).collect();
    for route in routes {
        if let Some(registered) = load_balancer.targets_mut(route) {
            registered.retain(|target| !doomed.contains(&(route, target.address)));
        }
    }
}
