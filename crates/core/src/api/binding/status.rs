//! What is really the case with a binding.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Left, ListenerProtocol};
use crate::api::condition::HoldCause;
use crate::api::service_config::EntryProblem;
use crate::api::{GENERATION_MAX, MESSAGE_MAX, fragment};

/// The most entries of lists in a status; the schema refuses more, so a writer must cut.
pub mod limit {
    /// Listeners.
    pub const LISTENERS: usize = 50;
    /// Addresses of the load balancer.
    pub const ADDRESSES: usize = 8;
    /// Pod names in one exclusion.
    pub const PODS: usize = 5;
    /// Reasons of exclusion.
    pub const EXCLUSIONS: usize = 32;
    /// Annotations written on the Service.
    pub const ANNOTATIONS: usize = 8;
    /// Labels of the Service's selector.
    pub const LABELS: usize = 32;
    /// Rules of one listener.
    pub const RULES: usize = 50;
    /// Attributes of one listener that were written and cannot be read.
    pub const WRITTEN: usize = 8;
    /// UIDs of bindings whose place one has taken.
    pub const FORMER_UIDS: usize = 8;
    /// Targets of living Pods that leave.
    pub const DRAINING: usize = 200;
    /// Weights of Pods that their targets do not show.
    pub const HELD_WEIGHTS: usize = 200;
    /// Problems with the config.
    pub const CONFIG_PROBLEMS: usize = 32;
    /// Advice.
    pub const ADVICE: usize = 16;
    /// Characters of an annotation's value.
    pub const ANNOTATION_VALUE: usize = 1024;
}

/// What is really the case, as of the last round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectAccessBindingStatus {
    /// The metadata.generation that this status describes; -1 before the first round.
    #[schemars(range(min = -1, max = GENERATION_MAX))]
    pub observed_generation: i64,
    /// The metadata.generation of the TkeServiceConfig that a read of the cloud has last shown to be in force. Absent
    /// without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = GENERATION_MAX))]
    pub observed_config_generation: Option<i64>,
    /// The load balancer in use. Absent until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerStatus>,
    /// Counts of targets. Absent until they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetStatus>,
    /// The listeners, keyed by port and protocol; at most 50.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::LISTENERS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["port", "protocol"]))]
    pub listeners: Vec<ListenerStatus>,
    /// Why endpoints of the Service are not targets, keyed by reason; at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::EXCLUSIONS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["reason"]))]
    pub excluded: Vec<ExclusionStatus>,
    /// Targets of living Pods that are on their way out, so that another controller goes on with it; at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::DRAINING), extend("x-kubernetes-list-type" = "atomic"))]
    pub draining: Vec<DrainingStatus>,
    /// Weights of Pods that their targets do not show now, so that another controller can give them back; at most 200.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::HELD_WEIGHTS), extend("x-kubernetes-list-type" = "atomic"))]
    pub held_weights: Vec<HeldWeightStatus>,
    /// The readiness gates of the Service's Pods. Absent until they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<GateStatus>,
    /// Wishes of the TkeServiceConfig that cannot be applied for this binding; at most 32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::CONFIG_PROBLEMS), extend("x-kubernetes-list-type" = "atomic"))]
    pub config_problems: Vec<EntryProblem>,
    /// What is worth knowing and makes no condition False, such as Pods without a readiness gate; at most 16, of which the
    /// last says how many more there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::ADVICE), extend("x-kubernetes-list-type" = "atomic"))]
    pub advice: Vec<AdviceStatus>,
    /// What was written as annotations on the Service, keyed by annotation; at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::ANNOTATIONS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"]))]
    pub annotations: Vec<AppliedAnnotation>,
    /// The Service's selector, keyed by label, at most 32: admission policies read it to gate Pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::LABELS), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["key"]))]
    pub pod_selector: Vec<PodLabel>,
    /// Whether the Service publishes Pods that are not ready, as it was last seen. Absent when it does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub publishes_not_ready_addresses: bool,
    /// Why removals are held, in one word: what an earlier leader has held by itself, a new one goes on to hold. Absent when they are
    /// not held. New words may appear in later versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub removals_held_by: Option<String>,
    /// What a parked binding still has on its load balancer, which goes. Absent while it is not parked, and until that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// The value of the annotation cloud.tencent.com/reconcile-requested-at that was last acted on, at most 256
    /// characters. Absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Accepted, ResolvedRefs, Programmed, TargetsHealthy and Ready; Reconciling and Stalled only while True.
    #[schemars(schema_with = "fragment::conditions")]
    pub conditions: Vec<Condition>,
}

impl Default for DirectAccessBindingStatus {
    /// The status of a binding that nobody has looked at.
    fn default() -> Self {
        Self {
            observed_generation: -1,
            observed_config_generation: None,
            load_balancer: None,
            targets: None,
            listeners: Vec::new(),
            excluded: Vec::new(),
            draining: Vec::new(),
            held_weights: Vec::new(),
            gates: None,
            config_problems: Vec::new(),
            advice: Vec::new(),
            annotations: Vec::new(),
            pod_selector: Vec::new(),
            publishes_not_ready_addresses: false,
            removals_held_by: None,
            left: None,
            last_handled_reconcile_at: None,
            conditions: Vec::new(),
        }
    }
}

impl DirectAccessBindingStatus {
    /// Why removals are held; `None` when they are not, and for a word of a later version.
    pub fn removals_held_by(&self) -> Option<HoldCause> {
        self.removals_held_by.as_deref().and_then(|word| word.parse().ok())
    }
}

/// The load balancer in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerStatus {
    /// Its id, such as lb-6efswuxa. Empty while it is being created.
    #[schemars(length(max = 64))]
    pub id: String,
    /// Its region, such as ap-guangzhou.
    #[schemars(length(max = 64))]
    pub region: String,
    /// The account that it is in, as the UIN of the main account: the one that the controller's credentials belonged to when it was
    /// first seen, or asked for. Absent until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub account: Option<String>,
    /// Where clients reach it: its first address, or its domain name. Absent until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub address: Option<String>,
    /// Its addresses, at most 8. Empty for a load balancer that has only a domain name, and until they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::ADDRESSES), inner(length(max = 45)), extend("x-kubernetes-list-type" = "atomic"))]
    pub addresses: Vec<String>,
    /// Its domain name. Absent for one that has addresses only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub domain: Option<String>,
    /// Whether this binding created it; only then deletionPolicy Delete removes it.
    pub created: bool,
    /// UIDs of bindings whose place this one has taken, by which marks in the cloud still name it; at most 8.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::FORMER_UIDS), inner(length(max = 64)), extend("x-kubernetes-list-type" = "atomic"))]
    pub former_uids: Vec<String>,
    /// Whether the cloud does not show the tags of its targets, by which they are distinguished from those of others. Absent when it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hides_tags: bool,
    /// When the cloud was first asked to create it. Absent once it is there, and for one that is not created.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::time")]
    pub requested_time: Option<Time>,
    /// The VPC that the cloud is asked to create it in, where the spec names none: that of the cluster. Absent once it is there, and
    /// where the account's default VPC counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub requested_vpc_id: Option<String>,
}

/// Counts of targets: Pods, each counted once however many listeners it is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TargetStatus {
    /// Pods that should be targets, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub desired: i32,
    /// Pods that are registered on every listener, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub registered: i32,
    /// Desired Pods that the cloud reports healthy on every listener, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub healthy: i32,
    /// Pods that are registered and on their way out, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub draining: i32,
    /// Targets on their way out that keep their weight, because nobody would serve in their place yet, 0 or more; counted once per
    /// listener or rule.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub retained: i32,
    /// Endpoints of the Service that are not desired, 0 or more; status.excluded says why.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub excluded: i32,
    /// Healthy of desired, as text for tables: 4/5.
    #[schemars(length(max = 32))]
    pub summary: String,
}

/// A listener as last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// The protocol.
    pub protocol: ListenerProtocol,
    /// The port, 1 to 65535.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// The cloud's id. Absent until the listener exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub listener_id: Option<String>,
    /// Targets that it should have, 0 or more; for HTTP and HTTPS counted once per rule.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub desired: i32,
    /// Desired targets that the cloud reports healthy, 0 or more; for HTTP and HTTPS counted once per rule.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub healthy: i32,
    /// The rules of HTTP and HTTPS, keyed by domain and url; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::RULES), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domain", "url"]))]
    pub rules: Vec<RuleStatus>,
    /// Whether this binding created it; only then it is the binding's to change and to delete.
    #[serde(default)]
    pub created: bool,
    /// The name of the Service port that it was last resolved to; absent for a port without a name, and until it was resolved. The
    /// listener goes on with it while the Service or the port is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub service_port: Option<String>,
    /// The Pods' port behind it, as number or name. Absent until it was resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub target_port: Option<String>,
    /// What is remembered of switches that the cloud shows as flags, if at all; at most 8. snatEnable=true: it was last written so, and
    /// not shown since; it is not written again. snatEnable=shown: it was shown, so that it is off when it is not shown any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::WRITTEN), inner(length(max = 64)), extend("x-kubernetes-list-type" = "atomic"))]
    pub written: Vec<String>,
}

/// A forwarding rule as last read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleStatus {
    /// The domain as the cloud has it.
    #[schemars(length(max = 80))]
    pub domain: String,
    /// The path.
    #[schemars(length(max = 200))]
    pub url: String,
    /// The cloud's id. Absent until the rule exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub location_id: Option<String>,
    /// Targets that it should have, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub desired: i32,
    /// Desired targets that the cloud reports healthy, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub healthy: i32,
}

/// The target of a living Pod that is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrainingStatus {
    /// The Pod's address and port, such as 10.0.1.5:8080.
    #[schemars(length(max = 64))]
    pub address: String,
    /// The listener.
    #[schemars(length(max = 64))]
    pub listener_id: String,
    /// The rule; absent at layer 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub location_id: Option<String>,
    /// Since when it gets no new connections.
    #[schemars(schema_with = "fragment::time")]
    pub since: Time,
    /// Why it leaves, in one word. New ones may appear in later versions.
    #[schemars(length(max = 128))]
    pub reason: String,
}

/// What is worth knowing of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdviceStatus {
    /// What it is about, in one word. New ones may appear in later versions.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// What is the case, and what to do.
    #[schemars(length(max = MESSAGE_MAX))]
    pub message: String,
    /// How many Pods it is about, 1 or more. Absent where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = i32::MAX))]
    pub count: Option<i32>,
    /// Names of some of these Pods, at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::PODS), inner(length(max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub pods: Vec<String>,
}

/// A weight of a Pod that its target does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeldWeightStatus {
    /// The Pod's name.
    #[schemars(length(max = 253))]
    pub pod: String,
    /// The listener.
    #[schemars(length(max = 64))]
    pub listener_id: String,
    /// The rule; absent at layer 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub location_id: Option<String>,
    /// The weight, 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub weight: i32,
    /// Why the target does not show it.
    pub cause: HeldWeightCause,
}

/// Why the target of a Pod does not show its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HeldWeightCause {
    /// The target has weight 0, because its Pod cannot serve.
    Taken,
    /// The annotation that says it cannot be read: the Pod, and the next one of its name, keep what it was.
    Unreadable,
}

/// Endpoints that are not targets for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExclusionStatus {
    /// The reason, in one word. New ones may appear in later versions.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// How many endpoints, 1 or more.
    #[schemars(range(min = 1, max = i32::MAX))]
    pub count: i32,
    /// Names of up to 5 of their Pods, in alphabetical order. Empty when no Pod is behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limit::PODS), inner(length(max = 253)), extend("x-kubernetes-list-type" = "atomic"))]
    pub pods: Vec<String>,
    /// What the reason means and what to do.
    #[schemars(length(max = MESSAGE_MAX))]
    pub message: String,
}

/// The readiness gates of the Service's Pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GateStatus {
    /// Pods whose gate is closed, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub waiting: i32,
    /// Since when the gate is closed that has been so for longest. Absent when none is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::time")]
    pub oldest_time: Option<Time>,
    /// Pods that run without the gate, 0 or more: they were made before it was injected, and become ready without the
    /// load balancer.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub ungated_pods: i32,
}

/// An annotation that was written on the Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedAnnotation {
    /// The annotation's key.
    #[schemars(length(max = 317))]
    pub key: String,
    /// The annotation's value.
    #[schemars(length(max = limit::ANNOTATION_VALUE))]
    pub value: String,
}

/// A label of the Service's selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PodLabel {
    /// The label's key.
    #[schemars(length(max = 317))]
    pub key: String,
    /// The label's value; may be empty.
    #[schemars(length(max = 63))]
    pub value: String,
}
