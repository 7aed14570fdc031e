//! What the controller counts. Labels come from closed sets only; no object name is ever one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::api::condition::GateReason;
use crate::clb::CallObserver;
use crate::model::Class;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    action: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    object: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

/// What became of a write to Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// It was taken.
    Done,
    /// It was refused because the object has changed or gone; the next round looks again.
    Stale,
    /// It failed.
    Failed,
}

/// All metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<CallLabels, Histogram>,
    rounds: Family<ResultLabels, Counter>,
    round_seconds: Histogram,
    writes: Family<WriteLabels, Counter>,
    gates_opened: Family<ReasonLabels, Counter>,
    gate_wait: Histogram,
    gate_oldest: Gauge,
    leader: Gauge,
    load_balancers: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let seconds = || Histogram::new(exponential_buckets(0.005, 2.0, 14));
        let calls = Family::<CallLabels, Counter>::default();
        let call_seconds = Family::<CallLabels, Histogram>::new_with_constructor(seconds);
        let rounds = Family::<ResultLabels, Counter>::default();
        let round_seconds = seconds();
        let writes = Family::<WriteLabels, Counter>::default();
        let gates_opened = Family::<ReasonLabels, Counter>::default();
        let gate_wait = Histogram::new(exponential_buckets(0.25, 2.0, 13));
        let (gate_oldest, leader, load_balancers) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("clb_calls", "Calls of the CLB API by action and class of result", calls.clone());
        registry.register_with_unit(
            "clb_call",
            "Time of CLB API calls, waiting for the call rate included",
            Unit::Seconds,
            call_seconds.clone(),
        );
        registry.register("controller_runtime_reconcile", "Rounds by result", rounds.clone());
        registry.register_with_unit(
            "controller_runtime_reconcile_time",
            "Time of rounds",
            Unit::Seconds,
            round_seconds.clone(),
        );
        registry.register("kubernetes_writes", "Writes to the API server by object and result", writes.clone());
        registry.register("gates_opened", "Readiness gates opened, by reason", gates_opened.clone());
        registry.register_with_unit(
            "gate_wait",
            "Time from containers ready to gate open",
            Unit::Seconds,
            gate_wait.clone(),
        );
        registry.register(
            "gate_oldest_waiting_timestamp_seconds",
            "Since when the Pod waits that has waited longest for nothing but its gate, as Unix time; 0 when none does",
            gate_oldest.clone(),
        );
        registry.register("leader_election_master_status", "1 while this replica is the leader", leader.clone());
        registry.register("load_balancers", "Load balancers looked after by this replica", load_balancers.clone());
        Self {
            registry: Arc::new(Mutex::new(registry)),
            calls,
            call_seconds,
            rounds,
            round_seconds,
            writes,
            gates_opened,
            gate_wait,
            gate_oldest,
            leader,
            load_balancers,
        }
    }
}

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut buffer = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut buffer, &self.registry.lock().unwrap_or_else(PoisonError::into_inner));
        buffer
    }

    /// Adds metrics that others count, to be printed with these.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts a round.
    pub fn round(&self, is_ok: bool, elapsed: Duration) {
        let result = if is_ok { "success" } else { "error" };
        self.rounds.get_or_create(&ResultLabels { controller: "load-balancer", result }).inc();
        self.round_seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a write to the API server.
    pub fn write(&self, object: &'static str, result: WriteResult) {
        let result = match result {
            WriteResult::Done => "done",
            WriteResult::Stale => "stale",
            WriteResult::Failed => "failed",
        };
        self.writes.get_or_create(&WriteLabels { object, result }).inc();
    }

    /// Counts an opened gate, and how long its Pod has waited for nothing else.
    pub(super) fn gate_opened(&self, reason: GateReason, waited: Option<SignedDuration>) {
        self.gates_opened.get_or_create(&ReasonLabels { reason: reason.as_str() }).inc();
        if let Some(waited) = waited {
            self.gate_wait.observe(waited.as_secs_f64().max(0.0));
        }
    }

    /// Says since when the Pod waits that has waited longest.
    pub(super) fn set_oldest_gate(&self, since: Option<Timestamp>) {
        self.gate_oldest.set(since.map_or(0, Timestamp::as_second));
    }

    /// Says whether this replica leads.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Says how many load balancers are looked after.
    pub fn set_load_balancers(&self, count: usize) {
        self.load_balancers.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl CallObserver for Metrics {
    fn observe(&self, action: &'static str, class: Option<Class>, elapsed: Duration) {
        let labels = CallLabels { action, class: class.map_or("ok", Class::as_str) };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }
}
