//! Reads of targets and their health.

use super::super::dialect::Departure;
use super::super::error::{ApiError, ApiResult};
use super::super::health::HealthPolicy;
use super::query::{check_length, protocol, within};
use super::{Context, Handle, Handled, Listener, LoadBalancer, Probing, Rule, State, Target};
use crate::clb::wire::{
    Backend, DescribeTargetHealth, DescribeTargetHealthReply, DescribeTargets, DescribeTargetsReply, Filter,
    ListenerBackend, ListenerHealth, LoadBalancerHealth, RuleHealth, RuleTargets, TargetHealth,
};
use crate::model::Health;

impl Handle for DescribeTargets {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<DescribeTargetsReply>> {
        check_length("ListenerIds", self.listener_ids.as_ref(), 20)?;
        let protocol = protocol(self.protocol.as_ref())?;
        let filters = self.filters.unwrap_or_default();
        for filter in &filters {
            if !["location-id", "private-ip-address", "tag"].contains(&filter.name.as_str()) {
                let message = format!("there is no filter {}", filter.name);
                return Err(ApiError::new("InvalidParameterValue.InvalidFilter", message));
            }
        }
        let load_balancer = state.readable(&self.load_balancer_id)?;
        let matches = |listener: &&Listener| {
            within(self.listener_ids.as_ref(), listener.id.as_str())
                && protocol.is_none_or(|protocol| protocol == listener.protocol)
                && self.port.is_none_or(|port| port == i64::from(listener.port))
        };
        let show = |listener: &Listener| state.show_targets(load_balancer, listener, &filters);
        let listeners: Vec<_> = load_balancer.listeners.iter().filter(matches).map(show).collect();
        context.described = listeners.iter().map(shown_targets).sum();
        Ok(DescribeTargetsReply { listeners: Some(listeners) }.into())
    }
}

/// How many targets a listener of a reply shows.
fn shown_targets(listener: &ListenerBackend) -> usize {
    let of_rules = listener.rules.iter().flatten().flat_map(|rule| &rule.targets);
    of_rules.chain(&listener.targets).map(Vec::len).sum()
}

/// True when a target passes every filter that is about targets.
fn target_passes(target: &Target, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| match filter.name.as_str() {
        "private-ip-address" => filter.values.contains(&target.address.ip.to_string()),
        "tag" => filter.values.contains(&target.tag),
        _ => true,
    })
}

impl State {
    fn show_targets(&self, load_balancer: &LoadBalancer, listener: &Listener, filters: &[Filter]) -> ListenerBackend {
        let cross_network = load_balancer.shown.snat_pro == Some(true);
        let backends = |targets: &[Target]| {
            let kept = targets.iter().filter(|target| target_passes(target, filters));
            kept.map(|target| self.backend(target, cross_network)).collect::<Vec<_>>()
        };
        let rule_passes = |rule: &&Rule| {
            filters
                .iter()
                .all(|filter| filter.name != "location-id" || filter.values.iter().any(|id| id == rule.id.as_str()))
        };
        let rule = |rule: &Rule| RuleTargets {
            location_id: Some(rule.id.to_string()),
            domain: rule.shown.domain.clone(),
            url: Some(rule.url.clone()),
            targets: Some(backends(&rule.targets)),
            function_targets: Some(Vec::new()),
        };
        let layer7 = listener.protocol.is_layer7();
        ListenerBackend {
            listener_id: Some(listener.id.to_string()),
            protocol: Some(listener.protocol.as_str().to_owned()),
            port: Some(i64::from(listener.port)),
            rules: layer7.then(|| listener.rules.iter().filter(rule_passes).map(rule).collect()),
            targets: (!layer7).then(|| backends(&listener.targets)),
            end_port: Some(0),
        }
    }

    fn backend(&self, target: &Target, cross_network: bool) -> Backend {
        Backend {
            kind: Some(if cross_network { "CCN" } else { "ENI" }.to_owned()),
            instance_id: Some(String::new()),
            port: Some(i64::from(target.address.port)),
            weight: Some(i64::from(target.weight)),
            private_ip_addresses: Some(vec![target.address.ip.to_string()]),
            registered_time: Some(self.time_text(target.registered)),
            eni_id: Some(String::new()),
            tag: (!self.config.dialect.has(Departure::TagsHidden)).then(|| target.tag.clone()),
            ..Backend::default()
        }
    }

    fn target_health(&self, target: &Target, probing: Probing) -> TargetHealth {
        let health = self.health_of(&target.record, target.address, probing);
        let detail = match health {
            Health::Healthy => "Alive",
            Health::Unhealthy => "Dead",
            Health::Unknown => "Unknown",
            Health::CheckOff => "Close",
        };
        TargetHealth {
            ip: Some(target.address.ip.to_string()),
            port: Some(i64::from(target.address.port)),
            health_status: Some(health == Health::Healthy),
            target_id: Some(String::new()),
            health_status_detail: Some(detail.to_owned()),
            health_status_detial: Some(detail.to_owned()),
            target_group_id: None,
            weight: Some(i64::from(target.weight)),
        }
    }

    fn listener_health(
        &self,
        load_balancer: &LoadBalancer,
        listener: &Listener,
        locations: Option<&Vec<String>>,
    ) -> ListenerHealth {
        let targets = |targets: &[Target], policy: &HealthPolicy| {
            let probing = load_balancer.probing(listener, policy);
            Some(targets.iter().map(|target| self.target_health(target, probing)).collect())
        };
        let rules = if listener.protocol.is_layer7() {
            let show = |own: &Rule| RuleHealth {
                location_id: Some(own.id.to_string()),
                domain: own.shown.domain.clone(),
                url: Some(own.url.clone()),
                rule_id: None,
                targets: targets(&own.targets, &own.policy),
            };
            listener.rules.iter().map(show).collect()
        } else {
            vec![RuleHealth {
                location_id: Some(listener.synthetic_rule.to_string()),
                targets: targets(&listener.targets, &listener.policy),
                ..RuleHealth::default()
            }]
        };
        let kept = |rule: &RuleHealth| within(locations, rule.location_id.as_deref().unwrap_or_default());
        ListenerHealth {
            listener_id: Some(listener.id.to_string()),
            listener_name: listener.shown.listener_name.clone(),
            protocol: Some(listener.protocol.as_str().to_owned()),
            port: Some(i64::from(listener.port)),
            rules: Some(rules.into_iter().filter(kept).collect()),
        }
    }
}

impl Handle for DescribeTargetHealth {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<DescribeTargetHealthReply>> {
        if self.load_balancer_ids.is_empty() || self.load_balancer_ids.len() > 30 {
            return Err(ApiError::length("LoadBalancerIds must name 1 to 30 load balancers"));
        }
        let one = |id: &String| {
            let load_balancer = state.readable(id)?;
            let kept = |listener: &&Listener| within(self.listener_ids.as_ref(), listener.id.as_str());
            let listeners = load_balancer.listeners.iter().filter(kept);
            let show = |listener| state.listener_health(load_balancer, listener, self.location_ids.as_ref());
            Ok(LoadBalancerHealth {
                load_balancer_id: Some(id.clone()),
                load_balancer_name: load_balancer.shown.load_balancer_name.clone(),
                listeners: Some(listeners.map(show).collect()),
            })
        };
        let load_balancers = self.load_balancer_ids.iter().map(one).collect::<ApiResult<Vec<_>>>()?;
        let rules = load_balancers.iter().flat_map(|one| one.listeners.iter().flatten()).flat_map(|one| &one.rules);
        context.described = rules.flatten().flat_map(|rule| &rule.targets).map(Vec::len).sum();
        Ok(DescribeTargetHealthReply { load_balancers: Some(load_balancers) }.into())
    }
}
