//! What each binding last said of each waiting Pod, so that a Pod behind several load balancers is judged by all of them.
//!
//! A cache: after a restart it is empty, and a gate waits until every binding has spoken again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::plan::{GateVerdict, Verdict};

/// The verdicts, by Pod UID and binding UID.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    verdicts: Mutex<HashMap<String, HashMap<String, GateVerdict>>>,
}

impl Ledger {
    /// Replaces what a binding has said by what it says now.
    pub(super) fn record(&self, binding: &str, gates: &[GateVerdict]) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.retain(|_, by_binding| {
            by_binding.remove(binding);
            !by_binding.is_empty()
        });
        for gate in gates {
            let by_binding = verdicts.entry(gate.pod_uid.clone()).or_default();
            by_binding.insert(binding.to_owned(), gate.clone());
        }
    }

    /// What one binding last said of a Pod.
    pub(super) fn verdict(&self, pod: &str, binding: &str) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(pod)?.get(binding).map(|gate| gate.verdict.clone())
    }

    /// Since when the Pod waits that has waited longest for nothing but its gate; `None` when none does.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let all = verdicts.values().flat_map(HashMap::values);
        all.filter(|gate| matches!(gate.verdict, Verdict::Wait(..))).filter_map(|gate| gate.since).min()
    }
}
