//! What each binding last said of each waiting Pod, so that a Pod behind several load balancers is judged by all of them.
//!
//! A cache: after a restart it is empty, and a gate waits until every binding has spoken again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::plan::{GateVerdict, Verdict};

/// How long after a gate was opened a round that does not know it yet may open it again.
const ECHO: Duration = Duration::from_secs(60);

/// The verdicts, by Pod UID and binding UID.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    verdicts: Mutex<HashMap<String, HashMap<String, GateVerdict>>>,
    /// When which gates were opened of late, by Pod UID.
    opened: Mutex<HashMap<String, Instant>>,
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

    /// A gate was opened. Returns false when a round over another load balancer of the Pod has just done the same.
    pub(super) fn is_first_opening(&self, pod: &str, now: Instant) -> bool {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|_, since| now.saturating_duration_since(*since) < ECHO);
        opened.insert(pod.to_owned(), now).is_none()
    }

    /// What one binding last said of a Pod.
    pub(super) fn verdict(&self, pod: &str, binding: &str) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        verdicts.get(pod)?.get(binding).map(|gate| gate.verdict.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_two_rounds_open_counts_once() {
        let (ledger, now) = (Ledger::default(), Instant::now());
        assert!(ledger.is_first_opening("a", now));
        assert!(!ledger.is_first_opening("a", now + Duration::from_secs(1)));
        assert!(ledger.is_first_opening("b", now + Duration::from_secs(1)));
        assert!(ledger.is_first_opening("c", now + ECHO * 2));
        assert_eq!(ledger.opened.lock().unwrap().len(), 1, "what is long past is forgotten");
    }
}
