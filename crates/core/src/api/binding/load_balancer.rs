//! Which load balancer a binding uses, or how to create it.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// An existing load balancer, or one to create: exactly one of id and create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::LOAD_BALANCER))]
pub struct LoadBalancerSpec {
    /// The id of an existing load balancer, such as lb-6efswuxa. Excludes create; cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 32), pattern("^lb-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// The region of the load balancer, such as ap-guangzhou, 1 to 32 characters. Default: the controller's region.
    /// Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 32), pattern("^[a-z]+(-[0-9a-z]+)+$"))]
    pub region: Option<String>,
    /// How to create a load balancer for this binding. Excludes id; cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub create: Option<CreateSpec>,
}

/// The parameters of a load balancer to create; what is absent is left to the cloud's own default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::CREATE))]
#[garde(allow_unvalidated)]
pub struct CreateSpec {
    /// Whether the load balancer has a public address or one of the VPC. Required.
    pub network: LoadBalancerNetwork,
    /// The name: 1 to 80 letters, digits, - and _. Default: made from the namespace and name of the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 80), pattern(r"^[^ -,./:-@\[-^`{-~]+$"))]
    pub name: Option<String>,
    /// The VPC of the Pods, such as vpc-1a2b3c4d. Default: the VPC of the cluster, as far as the controller knows it. Without one a public
    /// load balancer is made in the account's default VPC, and an internal one is not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 32), pattern("^vpc-[0-9a-z]+$"))]
    pub vpc_id: Option<String>,
    /// The subnet of the load balancer's address, such as subnet-1a2b3c4d. Required for network Internal and for
    /// ipVersion IPv6FullChain, forbidden otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 32), pattern("^subnet-[0-9a-z]+$"))]
    pub subnet_id: Option<String>,
    /// The address to have, an IPv4 or IPv6 address of the subnet; only with subnetId. Default: a free one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 2, max = 45), pattern("^[0-9a-fA-F:.]+$"))]
    pub vip: Option<String>,
    /// Whether it has a domain name instead of a fixed address: statuses show the name, and the addresses behind it change. Some
    /// accounts can have no others. Excludes vip. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_vip: Option<bool>,
    /// The version of its addresses. IPv6Nat64 has a public IPv6 address and IPv4 targets, IPv6FullChain has IPv6
    /// targets. Internal load balancers are IPv4. Default: IPv4.
    #[serde(default)]
    pub ip_version: IpVersion,
    /// How public traffic is billed. Default: the cloud's, by traffic for most accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge_type: Option<ChargeType>,
    /// The bandwidth in Mbps, 1 to 61440; above 2048 only with slaType. For network Public, or with slaType. Default:
    /// 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 1, max = 61440))]
    pub bandwidth_mbps: Option<i32>,
    /// The bandwidth package to bill to, such as bwp-1a2b3c4d; only with chargeType BandwidthPackage. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 32), pattern("^bwp-[0-9a-z]+$"))]
    pub bandwidth_package_id: Option<String>,
    /// The carrier of the public address. Others than BGP need permission of the cloud and chargeType BandwidthPackage.
    /// Default: BGP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isp: Option<Isp>,
    /// The zone, such as ap-guangzhou-1, for a public IPv4 load balancer in one zone. Excludes masterZoneId. Default:
    /// the cloud's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 40), pattern("^[0-9a-z-]+$"))]
    pub zone_id: Option<String>,
    /// The main zone, such as ap-guangzhou-1, for a public IPv4 load balancer in two zones. Default: the cloud's
    /// choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 40), pattern("^[0-9a-z-]+$"))]
    pub master_zone_id: Option<String>,
    /// The standby zone, such as ap-guangzhou-2; only with masterZoneId. Default: the cloud's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 40), pattern("^[0-9a-z-]+$"))]
    pub slave_zone_id: Option<String>,
    /// The capacity. Default: a shared instance, or on the international site clb.c2.medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla_type: Option<SlaType>,
    /// Whether targets may have addresses outside the VPC (cross-region binding 2.0), which GlobalRouter Pods need.
    /// Default: false.
    #[serde(default)]
    pub snat_pro: bool,
    /// Whether only the load balancer's own security groups are checked, and not those of the Pods too. Forbidden for
    /// IPv6FullChain, where it is always so. Default: the cloud's, false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_to_target: Option<bool>,
    /// The security groups, such as sg-1a2b3c4d, at most 5. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(length(max = 5), inner(length(chars, max = 32), pattern("^sg-[0-9a-z]+$")))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub security_groups: Vec<String>,
    /// Tags beside those that mark the owner, keyed by key; at most 16. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive, length(max = 16))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"]))]
    pub tags: Vec<Tag>,
}

/// A tag of the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// The key, 1 to 127 characters. Required.
    #[garde(length(chars, min = 1, max = 127))]
    pub key: String,
    /// The value, at most 255 characters. Default: empty.
    #[serde(default)]
    #[garde(length(chars, max = 255))]
    pub value: String,
}

/// Whether a load balancer has a public address or one of the VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancerNetwork {
    /// A public address: `OPEN` in the cloud.
    Public,
    /// An address of a subnet: `INTERNAL` in the cloud.
    Internal,
}

/// The version of a load balancer's addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpVersion {
    /// IPv4: `IPV4` in the cloud.
    #[default]
    IPv4,
    /// A public IPv6 address with IPv4 targets: `IPV6` in the cloud.
    IPv6Nat64,
    /// IPv6 with IPv6 targets: `IPv6FullChain` in the cloud.
    IPv6FullChain,
}

/// How public traffic is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChargeType {
    /// By traffic: `TRAFFIC_POSTPAID_BY_HOUR` in the cloud.
    TrafficPostpaidByHour,
    /// By bandwidth: `BANDWIDTH_POSTPAID_BY_HOUR` in the cloud.
    BandwidthPostpaidByHour,
    /// With a bandwidth package: `BANDWIDTH_PACKAGE` in the cloud.
    BandwidthPackage,
}

impl ChargeType {
    /// The cloud's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrafficPostpaidByHour => "TRAFFIC_POSTPAID_BY_HOUR",
            Self::BandwidthPostpaidByHour => "BANDWIDTH_POSTPAID_BY_HOUR",
            Self::BandwidthPackage => "BANDWIDTH_PACKAGE",
        }
    }
}

/// The carrier of a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Isp {
    /// All carriers.
    #[serde(rename = "BGP")]
    Bgp,
    /// China Mobile.
    #[serde(rename = "CMCC")]
    Cmcc,
    /// China Unicom.
    #[serde(rename = "CUCC")]
    Cucc,
    /// China Telecom.
    #[serde(rename = "CTCC")]
    Ctcc,
}

/// The capacity of a load balancer, in the cloud's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SlaType {
    /// `clb.c2.medium`.
    #[serde(rename = "clb.c2.medium")]
    C2Medium,
    /// `clb.c3.small`.
    #[serde(rename = "clb.c3.small")]
    C3Small,
    /// `clb.c3.medium`.
    #[serde(rename = "clb.c3.medium")]
    C3Medium,
    /// `clb.c4.small`.
    #[serde(rename = "clb.c4.small")]
    C4Small,
    /// `clb.c4.medium`.
    #[serde(rename = "clb.c4.medium")]
    C4Medium,
    /// `clb.c4.large`.
    #[serde(rename = "clb.c4.large")]
    C4Large,
    /// `clb.c4.xlarge`.
    #[serde(rename = "clb.c4.xlarge")]
    C4Xlarge,
}
