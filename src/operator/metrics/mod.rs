//! What the controller counts. Names, labels and meanings are those of the [catalog](crate::telemetry::catalog).

mod credentials;
mod fleet;
mod queue;
mod rates;
mod requests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::api::condition::{GateReason, HoldCause};
use crate::clb::{CallObserver, Rates, Wait};
use crate::model::Class;
use crate::plan::Step;
use crate::plan::expiry::Soonest;
use crate::reconcile::RoundResult;
use crate::telemetry::catalog;

pub use credentials::KeyMetrics;
pub(super) use fleet::{Fleet, Share};
pub(super) use queue::{Queue, Waker, Work};
use rates::ClientRates;
pub(super) use requests::{Requests, RequestsLayer};

/// Names and values of the labels of one series.
type Labels<const N: usize> = [(&'static str, &'static str); N];
/// A histogram by labels.
type Histograms<const N: usize> = Family<Labels<N>, Histogram>;
/// A counter by labels.
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// From 5 ms to 41 s: cloud calls, rounds, and waits for them.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 14))
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
    calls: Counters<2>,
    call_seconds: Histograms<2>,
    call_waits: Histograms<1>,
    call_rates: ClientRates,
    target_changes: Counters<1>,
    rounds: Counters<2>,
    round_errors: Counters<1>,
    round_seconds: Histograms<1>,
    writes: Counters<2>,
    gates_opened: Counters<1>,
    gate_wait: Histogram,
    leader: Family<Labels<1>, Gauge>,
    hold: Family<Labels<1>, Gauge>,
    certificates_end: Family<Labels<1>, Gauge>,
    queue: Queue,
    fleet: Fleet,
    requests: Requests,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(seconds),
            call_waits: Family::new_with_constructor(seconds),
            call_rates: ClientRates::default(),
            target_changes: Family::default(),
            rounds: Family::default(),
            round_errors: Family::default(),
            round_seconds: Family::new_with_constructor(seconds),
            writes: Family::default(),
            gates_opened: Family::default(),
            gate_wait: Histogram::new(exponential_buckets(0.25, 2.0, 13)),
            leader: Family::default(),
            hold: Family::default(),
            certificates_end: Family::default(),
            queue: Queue::default(),
            fleet: Fleet::default(),
            requests: Requests::default(),
        };
        metrics.begin_at_zero();
        metrics.register(|registry| metrics.add_to(registry));
        metrics
    }
}

impl Metrics {
    /// Small sets are printed from the start: an alarm on growth needs a zero to grow from.
    fn begin_at_zero(&self) {
        for result in catalog::RESULTS {
            drop(self.rounds.get_or_create(&catalog::RECONCILES.with([catalog::CONTROLLER_NAME, result])));
        }
        drop(self.round_errors.get_or_create(&catalog::RECONCILE_ERRORS.with([catalog::CONTROLLER_NAME])));
        drop(self.round_seconds.get_or_create(&catalog::RECONCILE_SECONDS.with([catalog::CONTROLLER_NAME])));
        for change in ["register", "reweight", "drain", "deregister"] {
            drop(self.target_changes.get_or_create(&catalog::TARGET_CHANGES.with([change])));
        }
        for reason in GateReason::ALL.iter().filter(|reason| reason.opens()) {
            drop(self.gates_opened.get_or_create(&catalog::GATES_OPENED.with([reason.as_str()])));
        }
        self.set_leader(false);
        self.set_hold(None);
    }

    fn add_to(&self, registry: &mut Registry) {
        let version = Family::<Labels<1>, Gauge>::default();
        version.get_or_create(&catalog::BUILD_INFO.with([env!("CARGO_PKG_VERSION")])).set(1);
        catalog::BUILD_INFO.register(registry, version);
        catalog::LEADER.register(registry, self.leader.clone());
        catalog::HOLD_REMOVALS.register(registry, self.hold.clone());
        catalog::LISTENER_CERTIFICATE_EXPIRY.register(registry, self.certificates_end.clone());
        catalog::RECONCILES.register(registry, self.rounds.clone());
        catalog::RECONCILE_ERRORS.register(registry, self.round_errors.clone());
        catalog::RECONCILE_SECONDS.register(registry, self.round_seconds.clone());
        catalog::CALLS.register(registry, self.calls.clone());
        catalog::CALL_SECONDS.register(registry, self.call_seconds.clone());
        catalog::CALL_WAITS.register(registry, self.call_waits.clone());
        registry.register_collector(Box::new(self.call_rates.clone()));
        catalog::TARGET_CHANGES.register(registry, self.target_changes.clone());
        catalog::WRITES.register(registry, self.writes.clone());
        catalog::GATES_OPENED.register(registry, self.gates_opened.clone());
        catalog::GATE_SECONDS.register(registry, self.gate_wait.clone());
        self.queue.add_to(registry);
        self.requests.add_to(registry);
        registry.register_collector(Box::new(self.fleet.clone()));
    }

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

    /// The rounds that wait and run.
    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The part that one load balancer has in the gauges. It goes when it is dropped.
    pub(super) fn share(&self) -> Share {
        self.fleet.share()
    }

    /// What counts requests of the API server at this address.
    pub(super) fn requests_layer(&self, server: &axum::http::Uri) -> RequestsLayer {
        self.requests.layer(server)
    }

    /// Shows the rates of a client of the cloud, for as long as there is one.
    pub(super) fn show_rates(&self, rates: Rates) {
        self.call_rates.add(rates);
    }

    /// Counts a round.
    pub(super) fn round(&self, ended: RoundResult, elapsed: Duration) {
        let controller = catalog::CONTROLLER_NAME;
        let result = match ended {
            RoundResult::Settled => "success",
            RoundResult::UnderWay => "requeue_after",
            RoundResult::Failed => "error",
        };
        self.rounds.get_or_create(&catalog::RECONCILES.with([controller, result])).inc();
        let seconds = self.round_seconds.get_or_create(&catalog::RECONCILE_SECONDS.with([controller]));
        seconds.observe(elapsed.as_secs_f64());
        if ended == RoundResult::Failed {
            self.round_errors.get_or_create(&catalog::RECONCILE_ERRORS.with([controller])).inc();
            self.queue.retried();
        }
    }

    /// Counts the targets of a step that the cloud took on.
    pub(super) fn targets_changed(&self, step: &Step) {
        let count = |change: &'static str, targets: usize| {
            let labels = catalog::TARGET_CHANGES.with([change]);
            self.target_changes.get_or_create(&labels).inc_by(u64::try_from(targets).unwrap_or(u64::MAX));
        };
        match step {
            Step::Register(targets) => count("register", targets.len()),
            Step::Deregister(targets) => count("deregister", targets.len()),
            Step::Reweight(targets) => {
                let drained = targets.iter().filter(|one| one.to == 0).count();
                count("drain", drained);
                count("reweight", targets.len() - drained);
            }
            _ => {}
        }
    }

    /// Counts a write to the API server.
    pub fn write(&self, object: &'static str, result: WriteResult) {
        let result = match result {
            WriteResult::Done => "done",
            WriteResult::Stale => "stale",
            WriteResult::Failed => "failed",
        };
        self.writes.get_or_create(&catalog::WRITES.with([object, result])).inc();
    }

    /// Counts an opened gate, and how long its Pod has waited for nothing else.
    pub(super) fn gate_opened(&self, reason: GateReason, waited: Option<SignedDuration>) {
        self.gates_opened.get_or_create(&catalog::GATES_OPENED.with([reason.as_str()])).inc();
        if let Some(waited) = waited {
            self.gate_wait.observe(waited.as_secs_f64().max(0.0));
        }
    }

    /// Says whether removals are held, and why.
    pub(super) fn set_hold(&self, reason: Option<HoldCause>) {
        for one in HoldCause::ALL {
            let held = self.hold.get_or_create(&catalog::HOLD_REMOVALS.with([one.as_str()]));
            held.set(i64::from(reason == Some(*one)));
        }
    }

    /// Says when certificates of listeners end.
    pub(super) fn certificates_end(&self, soonest: Soonest) {
        for (source, end) in [("secret", soonest.secret), ("id", soonest.id)] {
            let labels = catalog::LISTENER_CERTIFICATE_EXPIRY.with([source]);
            match end {
                Some(end) => _ = self.certificates_end.get_or_create(&labels).set(end.as_second()),
                None => _ = self.certificates_end.remove(&labels),
            }
        }
    }

    /// Says whether this replica leads.
    pub fn set_leader(&self, leads: bool) {
        self.leader.get_or_create(&catalog::LEADER.with([crate::api::names::LEASE])).set(i64::from(leads));
    }
}

impl CallObserver for Metrics {
    fn observe(&self, action: &'static str, class: Option<Class>, elapsed: Duration) {
        let labels = catalog::CALLS.with([action, class.map_or("ok", Class::as_str)]);
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    fn waited(&self, wait: Wait, elapsed: Duration) {
        let cause = match wait {
            Wait::Rate => "rate",
            Wait::LoadBalancer => "load_balancer",
        };
        self.call_waits.get_or_create(&catalog::CALL_WAITS.with([cause])).observe(elapsed.as_secs_f64());
    }
}
