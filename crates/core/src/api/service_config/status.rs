//! What is really the case with a config.

use std::fmt::{Display, Formatter};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{GENERATION_MAX, MESSAGE_MAX, fragment};

/// The most problems that a status lists; the schema refuses more, so a writer must cut.
pub const PROBLEMS_MAX: usize = 32;

/// What is really the case with a config, as of the last round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TkeServiceConfigStatus {
    /// The metadata.generation that this status describes; -1 before the first round.
    #[schemars(range(min = -1, max = GENERATION_MAX))]
    pub observed_generation: i64,
    /// How many bindings use this config, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub used_by: i32,
    /// What is wrong with entries, at most 32. The other entries are applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = PROBLEMS_MAX), extend("x-kubernetes-list-type" = "atomic"))]
    pub problems: Vec<EntryProblem>,
    /// The value of the annotation cloud.tencent.com/reconcile-requested-at that was last acted on, at most 256
    /// characters. Absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,
    /// Accepted, Programmed and Ready; Reconciling and Stalled only while True.
    #[schemars(schema_with = "fragment::conditions")]
    pub conditions: Vec<Condition>,
}

impl Default for TkeServiceConfigStatus {
    /// The status of a config that nobody has looked at.
    fn default() -> Self {
        Self {
            observed_generation: -1,
            used_by: 0,
            problems: Vec::new(),
            last_handled_reconcile_at: None,
            conditions: Vec::new(),
        }
    }
}

/// What is wrong with one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryProblem {
    /// The entry, such as TCP:80 or HTTPS:443 shop.example.com/cart.
    #[schemars(length(max = 320))]
    pub entry: String,
    /// The field of the entry, such as healthCheck.timeout. Absent when it is the entry itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub field: Option<String>,
    /// The kind of problem, in one word. New ones may appear in later versions.
    #[schemars(length(max = 128))]
    pub reason: String,
    /// What is wrong, and what is allowed.
    #[schemars(length(max = MESSAGE_MAX))]
    pub message: String,
}

impl Display for EntryProblem {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            None => write!(f, "{}: {}", self.entry, self.message),
            Some(field) => write!(f, "{} {field}: {}", self.entry, self.message),
        }
    }
}
