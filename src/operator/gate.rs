//! The one place that writes the condition of a readiness gate.

use std::time::Instant;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::context::Context;
use super::report::{NotTaken, record_write};
use crate::api::names;
use crate::model::ObjectKey;
use crate::status::GateCondition;

/// Writes what the gate of a Pod says.
///
/// # Errors
///
/// What the API server has against it; it should be repeated.
pub(super) async fn write_gate(
    context: &Context,
    pod: &ObjectKey,
    uid: &str,
    condition: &GateCondition,
) -> Result<(), NotTaken> {
    let api = context.kubernetes.writes::<Pod>(&pod.namespace);
    let now = Timestamp::now();
    // The UID keeps the condition away from another Pod of the same name.
    let patch = json!({
        "metadata": {"uid": uid},
        "status": {"conditions": [{
            "type": names::GATE,
            "status": if condition.is_open { "True" } else { "False" },
            "reason": condition.reason.as_str(),
            "message": condition.message_at(now),
            "lastTransitionTime": Timestamp::from_second(now.as_second()).unwrap_or(now),
        }]},
    });
    let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let result = api.patch_status(&pod.name, &params, &Patch::Strategic(&patch)).await;
    record_write(context, "pods/status", result)?;
    if condition.is_open && context.ledger.is_first_opening(uid, Instant::now()) {
        let since = context.stores.pods.row(&pod.namespace, uid).and_then(|pod| pod.containers_ready_since);
        context.metrics.gate_opened(condition.reason, since.map(|since| now.duration_since(since)));
        tracing::info!(%pod, reason = %condition.reason, "gate opened");
    }
    Ok(())
}
