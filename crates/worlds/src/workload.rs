//! What users want to run.

use serde::{Deserialize, Serialize};

/// What brings a workload's Pods about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// First up, then down, in any order.
    #[default]
    Deployment,
    /// One after another, each with the name of its place.
    StatefulSet,
}

impl Kind {
    const fn is_deployment(&self) -> bool {
        matches!(self, Self::Deployment)
    }
}

/// A Deployment or StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Workload {
    /// What it is.
    #[serde(default, skip_serializing_if = "Kind::is_deployment")]
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The label of its Pods, by which a Service selects them.
    pub app: String,
    /// How many Pods it is to have.
    pub replicas: usize,
    /// The version of its template.
    pub revision: u32,
    /// How many Pods there may be beyond `replicas` in a rolling update.
    pub surge: usize,
    /// How many Pods may be missing in a rolling update.
    pub unavailable: usize,
    /// The grace of its Pods, in seconds.
    pub grace: u32,
    /// How long the preStop hook of its Pods sleeps, in seconds; 0 for no hook.
    pub pre_stop: u32,
    /// Its Pods get our readiness gate.
    pub gate: bool,
    /// The weight that its Pods are annotated with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// New Pods never become ready.
    #[serde(default)]
    pub broken: bool,
    /// Its Pods have a readiness gate of somebody else, too.
    #[serde(default)]
    pub other_gate: bool,
}

impl Workload {
    /// Its Pods get our readiness gate.
    pub(crate) const fn is_gated(&self) -> bool {
        self.gate
    }
}
