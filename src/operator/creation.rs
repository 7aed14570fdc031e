//! A load balancer to create, in the words of the cloud.

use serde_json::Value;

use crate::api::binding::{ChargeType, CreateSpec, IpVersion, LoadBalancerNetwork};
use crate::clb::NewLoadBalancer;
use crate::clb::wire::InternetAccessible;
use crate::plan::placement::Creation;

/// The parameters of `CreateLoadBalancer`.
pub(super) fn new_load_balancer(creation: &Creation) -> NewLoadBalancer {
    let spec = &creation.spec;
    let is_ipv6 = spec.ip_version == IpVersion::IPv6FullChain;
    NewLoadBalancer {
        client_token: creation.token.clone(),
        name: Some(creation.name.clone()),
        internal: spec.network == LoadBalancerNetwork::Internal,
        vpc_id: spec.vpc_id.clone(),
        subnet_id: spec.subnet_id.clone(),
        vip: spec.vip.clone(),
        dynamic_vip: spec.dynamic_vip,
        isp: spelled(spec.isp),
        zone_id: spec.zone_id.clone(),
        master_zone_id: spec.master_zone_id.clone(),
        slave_zone_id: spec.slave_zone_id.clone(),
        ip_version: match spec.ip_version {
            IpVersion::IPv4 => None,
            IpVersion::IPv6Nat64 => Some("IPV6".to_owned()),
            IpVersion::IPv6FullChain => Some("IPv6FullChain".to_owned()),
        },
        internet_accessible: internet_accessible(spec),
        bandwidth_package_id: spec.bandwidth_package_id.clone(),
        charge_type: None,
        sla_type: spelled(spec.sla_type),
        snat_pro: spec.snat_pro.then_some(true),
        // For IPv6FullChain it is always so, and the parameter is refused.
        pass_to_target: spec.pass_to_target.filter(|_| !is_ipv6),
        tags: creation.tags.clone(),
    }
}

/// The word of an enum, as it is spelled in the spec.
fn spelled(word: Option<impl serde::Serialize>) -> Option<String> {
    match serde_json::to_value(word?) {
        Ok(Value::String(word)) => Some(word),
        _ => None,
    }
}

fn internet_accessible(spec: &CreateSpec) -> Option<InternetAccessible> {
    let charge_type = spec.charge_type.map(ChargeType::as_str);
    let accessible = InternetAccessible {
        internet_charge_type: charge_type.map(str::to_owned),
        internet_max_bandwidth_out: spec.bandwidth_mbps.map(i64::from),
        ..InternetAccessible::default()
    };
    (accessible != InternetAccessible::default()).then_some(accessible)
}
