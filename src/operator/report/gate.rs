//! Conditions of readiness gates on Pods.

use std::collections::BTreeMap;

use futures::StreamExt;

use super::Report;
use crate::operator::gate::write_gate;
use crate::plan::GateVerdict;
use crate::status::{GateCondition, RefusedGate, gate_condition};

/// Patches under way at once. Each is one small request; a rollout of hundreds of Pods should not wait for them one by one.
const CONCURRENCY: usize = 16;

impl Report<'_> {
    /// Writes what the gates of waiting Pods should say. Returns those that the API server did not take.
    pub(super) async fn open_gates(&self) -> Vec<RefusedGate> {
        for (view, plan) in self.snapshot.bindings.iter().zip(&self.plan.bindings) {
            self.context.ledger.record(view.uid(), &plan.gates);
        }
        let mut patches = Vec::new();
        for gate in self.plan.bindings.iter().flat_map(|plan| &plan.gates) {
            if let Some(condition) = self.due(gate) {
                patches.push(self.write_gate(gate, condition));
            }
        }
        let results = futures::stream::iter(patches).buffer_unordered(CONCURRENCY);
        results.filter_map(std::future::ready).collect().await
    }

    async fn write_gate(&self, gate: &GateVerdict, condition: GateCondition) -> Option<RefusedGate> {
        let result = write_gate(self.context, &gate.pod, &gate.pod_uid, &condition).await;
        result.err().map(|message| RefusedGate { pod_uid: gate.pod_uid.clone(), message })
    }

    /// The condition to write; `None` when the Pod says so already.
    fn due(&self, gate: &GateVerdict) -> Option<GateCondition> {
        let stores = &self.context.stores;
        let pod = stores.pods.row(&gate.pod.namespace, &gate.pod_uid)?;
        // By name, as the store has them, so that the words stay.
        let selecting: BTreeMap<_, _> = stores
            .holding(&pod)
            .into_iter()
            .filter(|row| row.0.metadata.deletion_timestamp.is_none() && !row.0.spec.suspend)
            .map(|row| (row.0.metadata.name.clone(), row))
            .collect();
        let verdicts: Vec<_> = selecting
            .values()
            .map(|row| {
                let meta = &row.0.metadata;
                let uid = meta.uid.as_deref().unwrap_or_default();
                (meta.name.clone().unwrap_or_default(), self.context.ledger.verdict(&gate.pod_uid, uid))
            })
            .collect();
        let condition = gate_condition(verdicts.iter().map(|(name, verdict)| (name.as_str(), verdict.as_ref())));
        condition.is_due(&pod.gate, gate.since, self.snapshot.now).then_some(condition)
    }
}
