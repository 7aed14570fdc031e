//! Writes on load balancers that exist.

use std::time::Duration;

use super::super::dialect::{Departure, Dialect};
use super::super::error::{ApiError, ApiResult};
use super::creation::snat_address;
use super::task::Work;
use super::{Context, Handle, Handled, LoadBalancer, State};
use crate::clb::wire::{
    Action, CreateLoadBalancerSnatIps, DeleteLoadBalancer, DeleteLoadBalancerSnatIps, Done,
    ModifyLoadBalancerAttributes, ModifyLoadBalancerAttributesReply, SetLoadBalancerSecurityGroups, SnatIpOutput,
};
use crate::model::LoadBalancerId;

/// Ids in one `DeleteLoadBalancer`, and instances in one `CreateLoadBalancer`.
pub(super) const MOST_AT_ONCE: usize = 20;
/// Targets from which on a deletion must be forced.
const RISKY_TARGETS: usize = 20;
/// Deletions within `RISKY_WINDOW` from which on none is accepted.
const RISKY_DELETIONS: usize = 30;
const RISKY_WINDOW: Duration = Duration::from_secs(300);

/// Names have 1–80 characters. For those of listeners nothing else is documented.
pub(super) fn check_name(name: Option<&str>) -> ApiResult<()> {
    match name {
        Some(name) if name.is_empty() || name.chars().count() > 80 => {
            Err(ApiError::length("a name must have 1 to 80 characters"))
        }
        _ => Ok(()),
    }
}

/// Names of load balancers are of letters, digits, `-` and `_` (`LoadBalancerName` of `CreateLoadBalancer`). Dots are taken since August
/// 2026, as another client found (<https://github.com/TencentBlueKing/bk-hcm/pull/2063>).
pub(super) fn check_load_balancer_name(name: Option<&str>, dialect: &Dialect) -> ApiResult<()> {
    check_name(name)?;
    let has_dots = !dialect.has(Departure::DotsRefused);
    let is_possible = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_') || c == '.' && has_dots;
    match name.unwrap_or_default().chars().find(|&c| !is_possible(c)) {
        Some(other) => Err(ApiError::value(format!("a name cannot have the character '{other}'"))),
        None => Ok(()),
    }
}

impl Handle for DeleteLoadBalancer {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let ids = &self.load_balancer_ids;
        if ids.is_empty() || ids.len() > MOST_AT_ONCE {
            return Err(ApiError::length("LoadBalancerIds must name 1 to 20 load balancers"));
        }
        // All are checked before any goes: one unknown id fails the whole call.
        for id in ids {
            let load_balancer = state.writable(id, context.now)?;
            let flags = load_balancer.shown.attribute_flags.as_deref().unwrap_or_default();
            if flags.iter().any(|flag| flag == "DeleteProtect") {
                return Err(ApiError::new("OperationDenied", format!("LoadBalancer {id} is protected from deletion")));
            }
            if load_balancer.target_count() >= RISKY_TARGETS && !self.force_delete.unwrap_or_default() {
                let message = format!("LoadBalancer {id} has {RISKY_TARGETS} targets or more");
                return Err(ApiError::new("FailedOperation.TargetNumCheckRisk", message));
            }
        }
        let window = state.config.timing.scaled(RISKY_WINDOW);
        state.deletions.retain(|&at| at.saturating_add(window) > context.now);
        if state.deletions.len() + ids.len() > RISKY_DELETIONS {
            let message = "too many load balancers were deleted in the last five minutes";
            return Err(ApiError::new("FailedOperation.FrequencyCheckRisk", message));
        }
        state.deletions.extend(ids.iter().map(|_| context.now));
        let ids = ids.iter().map(LoadBalancerId::new).collect();
        let takes = state.config.timing.scaled(state.config.timing.task);
        state.begin(context, Self::NAME, Work::Delete(ids), takes);
        Ok(Done {}.into())
    }
}

impl Handle for ModifyLoadBalancerAttributes {
    fn handle(
        self,
        state: &mut State,
        context: &mut Context<'_>,
    ) -> ApiResult<Handled<ModifyLoadBalancerAttributesReply>> {
        check_load_balancer_name(self.load_balancer_name.as_deref(), &state.config.dialect)?;
        let region = self.target_region_info.as_ref().map(|info| info.region.as_str());
        if let Some(region) = region.filter(|region| !is_region(region)) {
            return Err(ApiError::new("InvalidParameter.RegionNotFound", format!("region {region} not found")));
        }
        let id = state.writable(&self.load_balancer_id, context.now)?.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| modify(load_balancer, self));
        Ok(ModifyLoadBalancerAttributesReply::default().into())
    }
}

/// True for what is written as a region is, such as `ap-guangzhou`. Which regions there are is not simulated.
fn is_region(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split_once('-').is_some_and(|(area, place)| area.len() == 2 && is_part(area) && place.split('-').all(is_part))
}

fn modify(load_balancer: &mut LoadBalancer, request: ModifyLoadBalancerAttributes) {
    let shown = &mut load_balancer.shown;
    if let Some(name) = request.load_balancer_name {
        shown.load_balancer_name = Some(name);
    }
    if let Some(region) = request.target_region_info {
        shown.target_region_info = Some(region.into());
    }
    if let Some(charge) = request.internet_charge_info {
        let shown = shown.network_attributes.get_or_insert_default();
        let (kind, mbps) = (charge.internet_charge_type, charge.internet_max_bandwidth_out);
        shown.internet_charge_type = kind.or(shown.internet_charge_type.take());
        shown.internet_max_bandwidth_out = mbps.or(shown.internet_max_bandwidth_out);
        let package = charge.bandwidthpkg_sub_type;
        shown.bandwidthpkg_sub_type = package.or(shown.bandwidthpkg_sub_type.take());
    }
    if let Some(pass) = request.load_balancer_pass_to_target {
        shown.load_balancer_pass_to_target = Some(pass);
    }
    if let Some(snat_pro) = request.snat_pro {
        shown.snat_pro = Some(snat_pro);
    }
    if let Some(endpoint) = request.associate_endpoint {
        shown.associate_endpoint = Some(endpoint);
    }
    if let Some(protect) = request.delete_protect {
        let flags = shown.attribute_flags.get_or_insert_default();
        flags.retain(|flag| flag != "DeleteProtect");
        if protect {
            flags.push("DeleteProtect".to_owned());
        }
    }
}

impl Handle for SetLoadBalancerSecurityGroups {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let groups = self.security_groups.unwrap_or_default();
        if groups.len() > 50 {
            return Err(ApiError::length("at most 50 SecurityGroups"));
        }
        let id = state.writable(&self.load_balancer_id, context.now)?.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            load_balancer.shown.secure_groups = Some(groups);
        });
        Ok(Done {}.into())
    }
}

impl Handle for CreateLoadBalancerSnatIps {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        let each = self.number.unwrap_or(1);
        let each = usize::try_from(each).ok().filter(|n| (1..=10).contains(n));
        let each = each.ok_or_else(|| ApiError::range("Number", 1, 10, self.number.unwrap_or(1)))?;
        if each > 1 && self.snat_ips.iter().any(|snat_ip| snat_ip.ip.is_some()) {
            return Err(ApiError::value("Number is not possible with certain addresses"));
        }
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let has = load_balancer.shown.snat_ips.as_ref().map_or(0, Vec::len);
        let limit = state.config.quotas.snat_addresses;
        if has + self.snat_ips.len() * each > limit {
            return Err(ApiError::quota("TOTAL_SNAT_IP_QUOTA", limit));
        }
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            load_balancer.shown.snat_pro = Some(true);
            let all = load_balancer.shown.snat_ips.get_or_insert_default();
            for snat_ip in self.snat_ips.iter().flat_map(|snat_ip| std::iter::repeat_n(snat_ip, each)) {
                let ip = snat_ip.ip.clone().unwrap_or_else(|| snat_address(all.len()));
                all.push(SnatIpOutput { subnet_id: Some(snat_ip.subnet_id.clone()), ip: Some(ip) });
            }
        });
        Ok(Done {}.into())
    }
}

impl Handle for DeleteLoadBalancerSnatIps {
    fn handle(self, state: &mut State, context: &mut Context<'_>) -> ApiResult<Handled<Done>> {
        if self.ips.is_empty() || self.ips.len() > MOST_AT_ONCE {
            return Err(ApiError::length("Ips must name 1 to 20 addresses"));
        }
        let load_balancer = state.writable(&self.load_balancer_id, context.now)?;
        let has =
            |ip: &String| load_balancer.shown.snat_ips.iter().flatten().any(|snat_ip| snat_ip.ip.as_ref() == Some(ip));
        if let Some(missing) = self.ips.iter().find(|ip| !has(ip)) {
            return Err(ApiError::invalid(format!("SNAT address {missing} not found")));
        }
        let id = load_balancer.id.clone();
        state.begin_change(context, Self::NAME, id, move |load_balancer, _| {
            let all = load_balancer.shown.snat_ips.get_or_insert_default();
            all.retain(|snat_ip| snat_ip.ip.as_ref().is_none_or(|ip| !self.ips.contains(ip)));
        });
        Ok(Done {}.into())
    }
}
