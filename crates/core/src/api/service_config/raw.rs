//! A config as it was written.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TkeServiceConfig;

/// A config as it was written, whatever is in it. The vendor's definition bounds nothing, so that only the metadata can be relied on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Resource)]
#[resource(inherit = TkeServiceConfig)]
pub struct RawServiceConfig {
    /// The metadata, which the API server vouches for.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Everything else by its name, such as `spec` and `status`.
    #[serde(flatten)]
    pub fields: BTreeMap<String, Value>,
}
