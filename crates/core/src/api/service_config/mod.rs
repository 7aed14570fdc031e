//! TkeServiceConfig: health check, session persistence and scheduling of listeners and rules.
//!
//! The vendor's kind, pre-installed on TKE clusters. Its documented fields are here under the vendor's names (pages
//! 457/45490 for Services, 457/45700 for Ingresses); fields that are not documented are preserved. Every field is
//! optional, because what a config does not say is left as it is. Ranges are as wide as the widest documented one:
//! which values a protocol really takes is judged when a config is applied, and reported in `status.problems`.
//!
//! On a cluster that has the vendor's own definition none of the bounds below may hold, so objects of this kind are read as
//! [`RawServiceConfig`], field by field: one that cannot be read must not hide the others.

mod listener;
mod raw;
mod status;

use garde::Validate;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use listener::{
    DomainConfig, HealthCheckConfig, L4ListenerConfig, L7ListenerConfig, ProxyProtocolConfig, RuleConfig, SessionConfig,
};
pub use raw::RawServiceConfig;
pub use status::{EntryProblem, PROBLEMS_MAX, TkeServiceConfigStatus};

/// Attributes of listeners and rules of load balancers.
#[expect(
    clippy::duplicated_attributes,
    reason = "the lint takes columns of the same type for one attribute given twice"
)]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[kube(
    group = "cloud.tencent.com",
    version = "v1alpha1",
    kind = "TkeServiceConfig",
    plural = "tkeserviceconfigs",
    singular = "tkeserviceconfig",
    shortname = "tsc",
    category = "tke",
    namespaced,
    derive = "PartialEq",
    status = "TkeServiceConfigStatus",
    doc = "Attributes of load balancer listeners and rules that a Service itself cannot express: health check, session persistence, scheduling.",
    printcolumn(
        name = "Used-By",
        type_ = "integer",
        json_path = ".status.usedBy",
        description = "How many bindings use it."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether it is valid and applied."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        description = "Why it is ready or not."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Time since creation."
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct TkeServiceConfigSpec {
    /// The attributes of the load balancer, its listeners and their rules. One that is taken out again stays in the cloud
    /// as it was; to have another value, set it. Default: none, everything is left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub load_balancer: Option<LoadBalancerConfig>,
}

/// The attributes of a load balancer, its listeners and their rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct LoadBalancerConfig {
    /// The bandwidth of a public load balancer in Mbps, 0 to 61440; above 2048 only on performance-capacity instances.
    /// Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 61440))]
    pub internet_max_bandwidth_out: Option<i32>,
    /// Layer-4 listeners, keyed by port and protocol; at most 50. An entry without its listener does nothing. Default:
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "l4Listeners")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["port", "protocol"]))]
    pub l4_listeners: Option<Vec<L4ListenerConfig>>,
    /// Layer-7 listeners, keyed by port and protocol; at most 50. An entry without its listener does nothing. Default:
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "l7Listeners")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["port", "protocol"]))]
    pub l7_listeners: Option<Vec<L7ListenerConfig>>,
}

impl TkeServiceConfigSpec {
    /// The layer-4 entries; none when there is no such list.
    pub fn l4_listeners(&self) -> &[L4ListenerConfig] {
        self.load_balancer.as_ref().and_then(|lb| lb.l4_listeners.as_deref()).unwrap_or_default()
    }

    /// The layer-7 entries; none when there is no such list.
    pub fn l7_listeners(&self) -> &[L7ListenerConfig] {
        self.load_balancer.as_ref().and_then(|lb| lb.l7_listeners.as_deref()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
