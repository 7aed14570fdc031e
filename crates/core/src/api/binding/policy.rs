//! How a binding behaves: mode, network, gate, drain, deletion.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who programs the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// This controller.
    #[default]
    Direct,
    /// TKE's own service controller, told by annotations on the Service; this controller observes and reports.
    Delegate,
}

/// The network that Pods must be in to be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NetworkMode {
    /// Every network that can be bound directly.
    #[default]
    Auto,
    /// VPC-CNI and super nodes only.
    VpcCni,
    /// GlobalRouter only.
    GlobalRouter,
}

/// When the readiness gate of a Pod opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", default)]
#[garde(allow_unvalidated)]
pub struct ReadinessGateSpec {
    /// What a Pod must reach on every listener. Healthy: the cloud reports it healthy. Registered: it is a target.
    /// Disabled: nothing. Default: Healthy.
    pub policy: GatePolicy,
    /// Seconds after which the gate of a waiting Pod opens all the same, 10 to 86400. Default: none, a Pod waits until
    /// the policy is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 10, max = 86400))]
    pub timeout_seconds: Option<i32>,
}

/// What a Pod must reach for its readiness gate to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GatePolicy {
    /// The cloud reports the Pod healthy on every listener.
    #[default]
    Healthy,
    /// The Pod is a target of every listener.
    Registered,
    /// Nothing: the gate opens at once.
    Disabled,
}

/// What becomes of targets whose Pods end or are not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", default)]
#[garde(allow_unvalidated)]
pub struct DrainSpec {
    /// What happens to the target of a Pod that is being deleted while its containers still run, or that is no longer selected, once
    /// others serve in its place. Default: WeightZero.
    pub terminating: DrainAction,
    /// What happens to the target of a Pod whose containers are not ready. Default: WeightZero.
    pub not_ready: DrainAction,
    /// What happens when nobody else would serve and the Pods that are left are not ready, or their nodes do not answer. Keep: they
    /// keep their weight. Follow: they lose it as notReady says, which suits a standby that must not serve. Default: Keep.
    pub last_not_ready: LastNotReady,
    /// Seconds that the target of a Pod being deleted, or no longer selected, is kept at most, 0 to 86400; it goes earlier when the
    /// Pod does. It does not take away the last Pods that can serve. Default: 300.
    #[garde(range(min = 0, max = 86400))]
    pub timeout_seconds: i32,
}

impl Default for DrainSpec {
    fn default() -> Self {
        Self {
            terminating: DrainAction::WeightZero,
            not_ready: DrainAction::WeightZero,
            last_not_ready: LastNotReady::Keep,
            timeout_seconds: 300,
        }
    }
}

/// What to do about Pods that are not ready when nobody else would serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LastNotReady {
    /// They keep their weight until somebody else serves.
    #[default]
    Keep,
    /// They lose it.
    Follow,
}

/// What to do with a target that should get no new connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DrainAction {
    /// Keep it with weight 0: existing connections go on, new ones go elsewhere.
    #[default]
    WeightZero,
    /// Deregister it at once: layer-4 connections end.
    Deregister,
    /// Keep it with its weight.
    Keep,
}

/// What is removed from the cloud when the binding is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The binding's targets and the listeners it made.
    #[default]
    Deregister,
    /// These, and the load balancer when the binding created it.
    Delete,
    /// Nothing.
    Retain,
}
