//! Reads of load balancers, listeners and quotas.

use super::super::dialect::Dialect;
use super::super::error::{ApiError, ApiResult};
use super::{Context, Handle, Handled, Listener, LoadBalancer, Moment, State, Target};
use crate::clb::wire;
use crate::clb::wire::{
    DescribeListeners, DescribeListenersReply, DescribeLoadBalancers, DescribeLoadBalancersReply, DescribeQuota,
    DescribeQuotaReply, Filter, Quota, TagInfoOutput,
};
use crate::model::{LoadBalancerId, Protocol};

/// Refuses a list that is longer than the action takes.
pub(super) fn check_length(name: &str, items: Option<&Vec<String>>, most: usize) -> ApiResult<()> {
    match items {
        Some(items) if items.len() > most => Err(ApiError::length(format!("{name} has more than {most} items"))),
        _ => Ok(()),
    }
}

/// True when there is no list, or it has the item.
pub(super) fn within(items: Option<&Vec<String>>, item: &str) -> bool {
    items.is_none_or(|items| items.is_empty() || items.iter().any(|other| other == item))
}

fn contains(shown: Option<&String>, part: Option<&String>) -> bool {
    part.is_none_or(|part| shown.is_some_and(|shown| shown.contains(part.as_str())))
}

impl Handle for DescribeLoadBalancers {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<DescribeLoadBalancersReply>> {
        check_length("LoadBalancerIds", self.load_balancer_ids.as_ref(), 20)?;
        let limit = self.limit.unwrap_or(20);
        let page = usize::try_from(limit).ok().filter(|&limit| limit <= 100);
        let page = page.ok_or_else(|| ApiError::range("Limit", 0, 100, limit))?;
        let offset = usize::try_from(self.offset.unwrap_or(0)).map_err(|_| ApiError::value("Offset is negative"))?;
        let filters = self.filters.as_deref().unwrap_or_default();
        if filters.len() > MOST_FILTERS {
            return Err(ApiError::length("at most 10 Filters"));
        }
        filters.iter().try_for_each(check_filter)?;
        let mut matching: Vec<&LoadBalancer> =
            state.load_balancers.values().filter(|load_balancer| self.matches(load_balancer, context.now)).collect();
        let key = |load_balancer: &LoadBalancer| {
            let shown = &load_balancer.shown;
            match self.order_by.as_deref() {
                Some("LoadBalancerName") => shown.load_balancer_name.clone(),
                Some("Domain") => shown.domain.clone(),
                Some("LoadBalancerType") => shown.load_balancer_type.clone(),
                _ => shown.create_time.clone(),
            }
        };
        matching.sort_by_key(|load_balancer| key(load_balancer));
        if self.order_type != Some(0) {
            matching.reverse();
        }
        let counted = self.additional_fields.iter().flatten().any(|field| field == "TargetCount");
        let show = |load_balancer: &&LoadBalancer| {
            let target_count = counted.then(|| i64::try_from(load_balancer.target_count()).unwrap_or(i64::MAX));
            let tags = Some(load_balancer.tags(context.now).to_vec());
            wire::LoadBalancer { target_count, tags, ..load_balancer.shown.clone() }
        };
        let total_count = i64::try_from(matching.len()).ok();
        let load_balancer_set = Some(matching.iter().skip(offset).take(page).map(show).collect());
        Ok(DescribeLoadBalancersReply { total_count, load_balancer_set }.into())
    }
}

/// Filters in one call, and values in one filter (`Filters` of `DescribeLoadBalancers`).
const MOST_FILTERS: usize = 10;
const MOST_VALUES: usize = 100;

fn check_filter(filter: &Filter) -> ApiResult<()> {
    const NAMES: [&str; 8] = [
        "charge-type",
        "internet-charge-type",
        "master-zone-id",
        "tag-key",
        "function-name",
        "vip-isp",
        "sla-type",
        "exclusive",
    ];
    if filter.values.len() > MOST_VALUES {
        return Err(ApiError::length(format!("filter {} has more than 100 values", filter.name)));
    }
    if NAMES.contains(&filter.name.as_str()) || filter.name.starts_with("tag:") {
        Ok(())
    } else {
        Err(ApiError::new("InvalidParameterValue.InvalidFilter", format!("there is no filter {}", filter.name)))
    }
}

trait Matches {
    fn matches(&self, load_balancer: &LoadBalancer, now: Moment) -> bool;
}

impl Matches for DescribeLoadBalancers {
    fn matches(&self, load_balancer: &LoadBalancer, now: Moment) -> bool {
        let shown = &load_balancer.shown;
        let equal = |asked: &Option<String>, shown: &Option<String>| asked.is_none() || asked == shown;
        let vips = shown.load_balancer_vips.as_deref().unwrap_or_default();
        let search = self.search_key.as_ref();
        let found = search.is_none()
            || contains(shown.load_balancer_name.as_ref(), search)
            || contains(shown.load_balancer_domain.as_ref(), search)
            || contains(shown.load_balancer_id.as_ref(), search)
            || vips.iter().any(|vip| contains(Some(vip), search));
        let has_targets = load_balancer.target_count() > 0;
        within(self.load_balancer_ids.as_ref(), load_balancer.id.as_str())
            && equal(&self.load_balancer_type, &shown.load_balancer_type)
            && equal(&self.vpc_id, &shown.vpc_id)
            && self.forward.is_none_or(|forward| forward == 1)
            && contains(shown.load_balancer_name.as_ref(), self.load_balancer_name.as_ref())
            && contains(shown.load_balancer_domain.as_ref(), self.domain.as_ref())
            && self.load_balancer_vips.as_ref().is_none_or(|asked| vips.iter().any(|vip| asked.contains(vip)))
            && self.with_rs.is_none_or(|with| with == -1 || (with == 1) == has_targets)
            && self.security_group.as_ref().is_none_or(|id| shown.secure_groups.iter().flatten().any(|own| own == id))
            && self.backend_private_ips.as_ref().is_none_or(|ips| ips.is_empty() || load_balancer.has_target_of(ips))
            // No target of this cloud has a public address.
            && self.backend_public_ips.as_ref().is_none_or(Vec::is_empty)
            && self.master_zone.as_ref().is_none_or(|zone| is_of_zone(shown, std::slice::from_ref(zone)))
            && self.project_id.is_none_or(|project| shown.project_id == Some(project))
            && self.filters.iter().flatten().all(|filter| passes(shown, load_balancer.tags(now), filter))
            && found
    }
}

/// A zone is asked for by its number or by its name.
fn is_of_zone(shown: &wire::LoadBalancer, asked: &[String]) -> bool {
    let zone = shown.master_zone.as_ref();
    let number = zone.and_then(|zone| zone.zone_id).map(|number| number.to_string());
    let name = zone.and_then(|zone| zone.zone.as_ref());
    number.iter().chain(name).any(|own| asked.contains(own))
}

impl LoadBalancer {
    /// The tags that replies show now.
    fn tags(&self, now: Moment) -> &[TagInfoOutput] {
        self.shown.tags.as_deref().filter(|_| now >= self.tags_shown).unwrap_or_default()
    }

    fn has_target_of(&self, ips: &[String]) -> bool {
        let of_rules = |listener: &Listener| listener.rules.iter().flat_map(|rule| rule.targets.clone()).collect();
        let of = |listener: &Listener| -> Vec<Target> { [listener.targets.clone(), of_rules(listener)].concat() };
        self.listeners.iter().flat_map(of).any(|target| ips.contains(&target.address.ip.to_string()))
    }
}

/// One filter: any of its values. There are no functions behind load balancers of this cloud.
fn passes(shown: &wire::LoadBalancer, tags: &[TagInfoOutput], filter: &Filter) -> bool {
    let any = |value: Option<&String>| value.is_some_and(|value| filter.values.contains(value));
    let mut tags = tags.iter();
    match filter.name.as_str() {
        "tag-key" => tags.any(|tag| any(tag.tag_key.as_ref())),
        "charge-type" => any(shown.charge_type.as_ref()),
        "internet-charge-type" => {
            any(shown.network_attributes.as_ref().and_then(|network| network.internet_charge_type.as_ref()))
        }
        "master-zone-id" => is_of_zone(shown, &filter.values),
        "exclusive" => any(Some(&shown.exclusive.unwrap_or(0).to_string())),
        "vip-isp" => any(shown.vip_isp.as_ref()),
        "sla-type" => any(shown.sla_type.as_ref()),
        name => name
            .strip_prefix("tag:")
            .is_some_and(|key| tags.any(|tag| tag.tag_key.as_deref() == Some(key) && any(tag.tag_value.as_ref()))),
    }
}

/// The protocol of a filter.
pub(super) fn protocol(text: Option<&String>) -> ApiResult<Option<Protocol>> {
    text.map(|text| text.parse().map_err(ApiError::value)).transpose()
}

impl Handle for DescribeListeners {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<DescribeListenersReply>> {
        check_length("ListenerIds", self.listener_ids.as_ref(), 100)?;
        let protocol = protocol(self.protocol.as_ref())?;
        let load_balancer = state.readable(&self.load_balancer_id)?;
        let matches = |listener: &&Listener| {
            within(self.listener_ids.as_ref(), listener.id.as_str())
                && protocol.is_none_or(|protocol| protocol == listener.protocol)
                && self.port.is_none_or(|port| port == i64::from(listener.port))
        };
        let show = |listener: &Listener| show(listener, &state.config.dialect);
        let listeners: Vec<_> = load_balancer.listeners.iter().filter(matches).map(show).collect();
        let total_count = i64::try_from(listeners.len()).ok();
        Ok(DescribeListenersReply { listeners: Some(listeners), total_count }.into())
    }
}

/// A listener as replies show it.
fn show(listener: &Listener, dialect: &Dialect) -> wire::Listener {
    let rules = || listener.rules.iter().map(|rule| rule.shown.clone()).collect();
    wire::Listener {
        rules: listener.protocol.is_layer7().then(rules),
        attr_flags: Some(listener.attr_flags(dialect)),
        ..listener.shown.clone()
    }
}

impl State {
    /// The listeners of a load balancer, as `DescribeListeners` shows them where the cloud is as believed; none when it does not exist.
    pub fn shown(&self, id: &LoadBalancerId) -> Vec<wire::Listener> {
        let listeners = self.load_balancers.get(id).into_iter().flat_map(|one| &one.listeners);
        listeners.map(|listener| show(listener, &Dialect::default())).collect()
    }
}

impl Handle for DescribeQuota {
    fn handle(self, state: &mut State, _: &mut Context<'_>) -> ApiResult<Handled<DescribeQuotaReply>> {
        let quotas = state.config.quotas;
        let used = |kind: &str| {
            let same = |lb: &&LoadBalancer| lb.shown.load_balancer_type.as_deref() == Some(kind);
            i64::try_from(state.load_balancers.values().filter(same).count()).ok()
        };
        let quota = |id: &str, limit: usize, quota_current| Quota {
            quota_id: Some(id.to_owned()),
            quota_current,
            quota_limit: i64::try_from(limit).ok(),
        };
        let quota_set = Some(vec![
            quota("TOTAL_OPEN_CLB_QUOTA", quotas.public_load_balancers, used("OPEN")),
            quota("TOTAL_INTERNAL_CLB_QUOTA", quotas.internal_load_balancers, used("INTERNAL")),
            quota("TOTAL_LISTENER_QUOTA", quotas.listeners, None),
            quota("TOTAL_LISTENER_RULE_QUOTA", quotas.rules, None),
            quota("TOTAL_TARGET_BIND_QUOTA", quotas.targets, None),
            quota("TOTAL_SNAT_IP_QUOTA", quotas.snat_addresses, None),
        ]);
        Ok(DescribeQuotaReply { quota_set }.into())
    }
}
