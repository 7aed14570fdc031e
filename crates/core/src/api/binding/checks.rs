//! The rules across fields of a load balancer to create, for what is found before it is written.
//!
//! The API server checks the same in CEL ([`rules::CREATE`]); the two lists are in the same order.

use super::load_balancer::{ChargeType, CreateSpec, IpVersion, Isp, LoadBalancerNetwork};
use super::rules;

/// Whether a rule holds.
type Check = fn(&CreateSpec) -> bool;

/// One for each rule of [`rules::CREATE`].
const CREATE: &[Check] = &[
    |create| create.subnet_id.is_some() || (is_public(create) && !is_full_chain(create)),
    |create| create.subnet_id.is_none() || !is_public(create) || is_full_chain(create),
    |create| is_public(create) || create.ip_version == IpVersion::IPv4,
    |create| create.vip.is_none() || create.subnet_id.is_some(),
    |create| create.vip.is_none() || create.dynamic_vip != Some(true),
    |create| create.bandwidth_mbps.is_none() || is_public(create) || create.sla_type.is_some(),
    |create| create.bandwidth_mbps.is_none_or(|mbps| mbps <= 2048) || create.sla_type.is_some(),
    |create| create.bandwidth_package_id.is_none() || is_packaged(create),
    |create| create.isp.is_none() || is_public(create),
    |create| create.isp.is_none_or(|isp| isp == Isp::Bgp) || is_packaged(create),
    |create| create.zone_id.is_none() || (is_public_v4(create) && create.master_zone_id.is_none()),
    |create| create.master_zone_id.is_none() || is_public_v4(create),
    |create| create.slave_zone_id.is_none() || create.master_zone_id.is_some(),
    |create| create.pass_to_target.is_none() || !is_full_chain(create),
];

fn is_public(create: &CreateSpec) -> bool {
    create.network == LoadBalancerNetwork::Public
}

fn is_public_v4(create: &CreateSpec) -> bool {
    is_public(create) && create.ip_version == IpVersion::IPv4
}

fn is_full_chain(create: &CreateSpec) -> bool {
    create.ip_version == IpVersion::IPv6FullChain
}

fn is_packaged(create: &CreateSpec) -> bool {
    create.charge_type == Some(ChargeType::BandwidthPackage)
}

impl CreateSpec {
    /// The rules across fields that this breaks: the field, and what the API server would answer.
    pub fn broken_rules(&self) -> Vec<(&'static str, &'static str)> {
        let all = rules::CREATE.iter().zip(CREATE);
        all.filter(|(_, holds)| !holds(self)).map(|(rule, _)| rule.words()).collect()
    }

    /// What the API server would answer where a rule across fields is broken, for each of them.
    pub fn rules() -> Vec<&'static str> {
        rules::CREATE.iter().map(|rule| rule.words().1).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn each_rule_of_the_definition_is_checked_and_breaks_for_its_own_reason() {
        assert_eq!(rules::CREATE.len(), CREATE.len());
        let cases: [(Value, &str); 14] = [
            (json!({"network": "Internal"}), "subnetId must be set"),
            (json!({"network": "Public", "subnetId": "subnet-1"}), "subnetId may be set only"),
            (json!({"network": "Internal", "subnetId": "subnet-1", "ipVersion": "IPv6Nat64"}), "ipVersion must be"),
            (json!({"network": "Public", "vip": "10.0.0.1"}), "vip may be set only with subnetId"),
            (
                json!({"network": "Internal", "subnetId": "subnet-1", "vip": "10.0.0.1", "dynamicVip": true}),
                "vip may not be set with dynamicVip",
            ),
            (json!({"network": "Internal", "subnetId": "subnet-1", "bandwidthMbps": 5}), "bandwidthMbps may be"),
            (json!({"network": "Public", "bandwidthMbps": 5000}), "bandwidthMbps must be"),
            (json!({"network": "Public", "bandwidthPackageId": "bwp-1"}), "bandwidthPackageId"),
            (json!({"network": "Internal", "subnetId": "subnet-1", "isp": "BGP"}), "isp may be"),
            (json!({"network": "Public", "isp": "CTCC"}), "isp must be"),
            (json!({"network": "Public", "zoneId": "z", "masterZoneId": "z"}), "zoneId may be"),
            (json!({"network": "Public", "ipVersion": "IPv6Nat64", "masterZoneId": "z"}), "masterZoneId may be"),
            (json!({"network": "Public", "slaveZoneId": "z"}), "slaveZoneId"),
            (
                json!({"network": "Public", "ipVersion": "IPv6FullChain", "subnetId": "subnet-1", "passToTarget": true}),
                "passToTarget",
            ),
        ];
        for (create, words) in cases {
            let create: CreateSpec = serde_json::from_value(create).unwrap();
            let broken = create.broken_rules();
            assert!(broken.len() == 1 && broken[0].1.starts_with(words), "{words}: {broken:?}");
        }
        let plain: CreateSpec = serde_json::from_value(json!({"network": "Public"})).unwrap();
        assert_eq!(plain.broken_rules(), []);
    }
}
