//! Conditions of readiness gates on Pods.

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::{Report, settle};
use crate::api::names;
use crate::plan::{GateVerdict, selects};
use crate::status::{GateCondition, gate_condition};

/// Patches under way at once. Each is one small request; a rollout of hundreds of Pods should not wait for them one by one.
const CONCURRENCY: usize = 16;

impl Report<'_> {
    /// Writes what the gates of waiting Pods should say. Returns false when a write failed.
    pub(super) async fn open_gates(&self) -> bool {
        for (view, plan) in self.snapshot.bindings.iter().zip(&self.plan.bindings) {
            self.context.ledger.record(view.uid(), &plan.gates);
        }
        let mut patches = Vec::new();
        for gate in self.plan.bindings.iter().flat_map(|plan| &plan.gates) {
            if let Some(condition) = self.due(gate) {
                patches.push(self.patch(gate, condition));
            }
        }
        let mut results = futures::stream::iter(patches).buffer_unordered(CONCURRENCY);
        let mut is_complete = true;
        while let Some(is_ok) = results.next().await {
            is_complete &= is_ok;
        }
        is_complete
    }

    /// The condition to write; `None` when the Pod says so already.
    fn due(&self, gate: &GateVerdict) -> Option<GateCondition> {
        let stores = &self.context.stores;
        let pod = stores.pods.row(&gate.pod.namespace, &gate.pod_uid)?;
        let bindings = stores.bindings.rows(&gate.pod.namespace);
        let selecting = bindings.values().filter(|row| {
            let service = stores.services.row(&gate.pod.namespace, &row.0.spec.service_ref.name);
            let is_live = row.0.metadata.deletion_timestamp.is_none() && !row.0.spec.suspend;
            is_live && service.is_some_and(|service| selects(&service, &pod))
        });
        let verdicts: Vec<_> = selecting
            .map(|row| {
                let meta = &row.0.metadata;
                let uid = meta.uid.as_deref().unwrap_or_default();
                (meta.name.clone().unwrap_or_default(), self.context.ledger.verdict(&gate.pod_uid, uid))
            })
            .collect();
        let condition = gate_condition(verdicts.iter().map(|(name, verdict)| (name.as_str(), verdict.as_ref())));
        (!condition.is_written(&pod.gate)).then_some(condition)
    }

    async fn patch(&self, gate: &GateVerdict, condition: GateCondition) -> bool {
        let api: Api<Pod> = Api::namespaced(self.context.client.clone(), &gate.pod.namespace);
        let now = Timestamp::now();
        // The UID keeps the condition away from another Pod of the same name.
        let patch = json!({
            "metadata": {"uid": gate.pod_uid},
            "status": {"conditions": [{
                "type": names::GATE,
                "status": if condition.is_open { "True" } else { "False" },
                "reason": condition.reason.as_str(),
                "message": condition.message_at(now),
                "lastTransitionTime": Timestamp::from_second(now.as_second()).unwrap_or(now),
            }]},
        });
        let params = PatchParams { field_manager: Some(names::FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let result = api.patch_status(&gate.pod.name, &params, &Patch::Strategic(&patch)).await;
        let (is_ok, pod) = settle(self.context, "pods/status", result);
        if pod.is_some() && condition.is_open {
            self.context.metrics.gate_opened();
            tracing::info!(pod = %gate.pod, reason = %condition.reason, "gate opened");
        }
        is_ok
    }
}
