//! Conditions of readiness gates on Pods.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;

use super::{NotTaken, Report};
use crate::operator::gate::write_gate;
use crate::plan::GateVerdict;
use crate::status::{Field, GateCondition, RefusalKind, RefusedGate, RefusedWrites, gate_condition};

/// Patches under way at once. Each is one small request; a rollout of hundreds of Pods should not wait for them one by one.
const CONCURRENCY: usize = 16;

impl Report<'_> {
    /// Writes what the gates of waiting Pods should say. `refused` are those that the API server did not take before; returns those that
    /// users are told of.
    pub(super) async fn open_gates(&self, refused: &mut RefusedWrites<String>) -> Vec<RefusedGate> {
        for (view, plan) in self.snapshot.bindings.iter().zip(&self.plan.bindings) {
            self.context.ledger.record(view.uid(), &plan.gates);
        }
        let now = self.snapshot.now;
        let (mut wanted, mut patches) = (BTreeSet::new(), Vec::new());
        for gate in self.plan.bindings.iter().flat_map(|plan| &plan.gates) {
            if let Some(condition) = self.due(gate) {
                wanted.insert(gate.pod_uid.clone());
                if refused.is_due(&gate.pod_uid, now) {
                    patches.push(self.write_gate(gate, condition));
                }
            }
        }
        refused.retain(|pod| wanted.contains(pod));
        let mut results = futures::stream::iter(patches).buffer_unordered(CONCURRENCY);
        while let Some((gate, result)) = results.next().await {
            match result {
                Ok(()) => refused.taken(&gate.pod_uid),
                Err(NotTaken { kind, words }) => {
                    let object = format!("Pod '{}'", gate.pod.name);
                    refused.refused(gate.pod_uid.clone(), &object, kind, &words, now);
                }
            }
        }
        let row = |(pod, words): (&String, &str)| RefusedGate { pod_uid: pod.clone(), message: words.to_owned() };
        let shown: Vec<_> = refused.shown(now).map(row).collect();
        self.record_gates(&shown);
        shown
    }

    /// Has each binding tell of the gates of its Pods.
    fn record_gates(&self, shown: &[RefusedGate]) {
        for (view, plan) in self.snapshot.bindings.iter().zip(&self.plan.bindings) {
            let is_ours = |refused: &&RefusedGate| plan.gates.iter().any(|gate| gate.pod_uid == refused.pod_uid);
            let ours: Vec<_> = shown.iter().filter(is_ours).collect();
            let result = match ours.first() {
                None => Ok(()),
                Some(first) => Err(NotTaken { kind: RefusalKind::Lasting, words: first.message.clone() }),
            };
            self.context.refused.record(view.uid(), Field::Gate, &format!("{} Pods", ours.len()), &result);
        }
    }

    async fn write_gate<'a>(
        &self,
        gate: &'a GateVerdict,
        condition: GateCondition,
    ) -> (&'a GateVerdict, Result<(), NotTaken>) {
        (gate, write_gate(self.context, &gate.pod, &gate.pod_uid, &condition).await)
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
