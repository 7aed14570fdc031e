//! DirectAccessBinding: which Service goes to which listeners of which load balancer, and what is really the case.

mod checks;
mod listener;
mod load_balancer;
mod parked;
mod policy;
mod rules;
mod status;

use garde::Validate;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{clip, names};

pub use listener::{CertificateSpec, ListenerProtocol, ListenerSpec, RuleSpec};
pub use load_balancer::{ChargeType, CreateSpec, IpVersion, Isp, LoadBalancerNetwork, LoadBalancerSpec, SlaType, Tag};
pub use parked::{Left, Parked, Parking};
pub use policy::{
    DeletionPolicy, DrainAction, DrainSpec, GatePolicy, LastNotReady, Mode, NetworkMode, ReadinessGateSpec,
};
pub use status::{
    AdviceStatus, AppliedAnnotation, DirectAccessBindingStatus, DrainingStatus, ExclusionStatus, GateStatus,
    HeldWeightCause, HeldWeightStatus, ListenerStatus, LoadBalancerStatus, PodLabel, RuleStatus, TargetStatus,
};

pub use status::limit;

/// Which Service goes to which listeners of a CLB load balancer, and how.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[kube(
    group = "cloud.tencent.com",
    version = "v1alpha1",
    kind = "DirectAccessBinding",
    plural = "directaccessbindings",
    singular = "directaccessbinding",
    shortname = "dab",
    category = "tke",
    namespaced,
    derive = "PartialEq",
    status = "DirectAccessBindingStatus",
    doc = "Binds the Pods of a Service directly as backends of a Tencent Cloud CLB load balancer, and says in its status what is really the case.",
    validation = Rule::new("size(self.metadata.name) <= 63").message("metadata.name must have at most 63 characters: names in the cloud are made from it"),
    selectable = ".spec.serviceRef.name",
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.serviceRef.name", description = "The Service whose Pods are bound."),
    printcolumn(name = "LB", type_ = "string", json_path = ".status.loadBalancer.id", description = "The load balancer's id."),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.loadBalancer.address", description = "The load balancer's first address, or its domain name."),
    printcolumn(name = "Targets", type_ = "string", json_path = ".status.targets.summary", description = "Healthy targets of desired ones."),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status", description = "Whether everything holds."),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason", description = "Why it is ready or not."),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode", description = "Who programs the load balancer.", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", description = "What is missing for being ready.", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Time since creation.")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::SPEC))]
#[garde(allow_unvalidated)]
pub struct DirectAccessBindingSpec {
    /// The Service whose Pods are bound, in the namespace of the binding. Required; when it changes, the Pods of the former
    /// Service serve on until those of the new one do.
    #[garde(dive)]
    pub service_ref: ServiceRef,
    /// Who programs the load balancer. Direct: this controller. Delegate: TKE's own service controller, told by
    /// annotations on the Service; this controller observes and reports. Default: Direct.
    #[serde(default)]
    pub mode: Mode,
    /// The load balancer. Required in mode Direct; in mode Delegate absence leaves the choice to TKE. Once set, it
    /// cannot be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub load_balancer: Option<LoadBalancerSpec>,
    /// The listeners to bind to, keyed by port and protocol; at most 50. Default: one per port of the Service, of the
    /// same protocol and port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["port", "protocol"]))]
    pub listeners: Vec<ListenerSpec>,
    /// The TkeServiceConfig with health check, session persistence and scheduling. Default: none, these attributes are
    /// left as they are. Excludes autoServiceConfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub service_config_ref: Option<ConfigRef>,
    /// Whether to create and use a TkeServiceConfig named after the binding with -auto-service-config appended, for you
    /// to edit. Default: false. Excludes serviceConfigRef.
    #[serde(default)]
    pub auto_service_config: bool,
    /// The network that Pods must be in to be bound. Auto takes VPC-CNI, super nodes and, where the cluster permits it,
    /// GlobalRouter. Default: Auto.
    #[serde(default)]
    pub network: NetworkMode,
    /// When the readiness gate of a Pod opens. Default: policy Healthy, without a timeout.
    #[serde(default)]
    #[garde(dive)]
    pub readiness_gate: ReadinessGateSpec,
    /// What becomes of targets whose Pods end or are not ready. Default: weight 0 for both, for at most 300 seconds.
    #[serde(default)]
    #[garde(dive)]
    pub drain: DrainSpec,
    /// What is removed from the cloud when the binding is deleted. Deregister: its targets and the listeners it made.
    /// Delete: a load balancer it created, too. Retain: nothing. Default: Deregister.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Whether to pause: nothing is changed in the cloud, readiness gates open, the status is kept up to date. Default:
    /// false.
    #[serde(default)]
    pub suspend: bool,
}

/// A Service of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct ServiceRef {
    /// The name of the Service: a DNS label, 1 to 63 characters. It need not exist yet.
    #[garde(length(chars, min = 1, max = 63), pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
}

/// A TkeServiceConfig of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::CONFIG_REF))]
pub struct ConfigRef {
    /// The name of the TkeServiceConfig: a DNS subdomain, 1 to 253 characters. It need not exist yet.
    #[garde(length(chars, min = 1, max = 253), pattern("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
}

impl DirectAccessBinding {
    /// A round was asked for by annotation, and the status does not tell of it yet.
    pub fn asks_for_round(&self) -> bool {
        let asked = self.metadata.annotations.as_ref().and_then(|all| all.get(names::RECONCILE_REQUESTED_AT));
        let handled = self.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
        asked.is_some_and(|asked| Some(&clip(asked, 256)) != handled)
    }
}

#[cfg(test)]
mod tests;
