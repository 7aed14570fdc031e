//! What gate injection counts. Names, labels and meanings are those of the [catalog].

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::configuration::PATH;
use crate::telemetry::catalog;

/// Names and values of the labels of one series.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Metrics of gate injection. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Labels<2>, Counter>,
    request_seconds: Family<Labels<1>, Histogram>,
    in_flight: Family<Labels<1>, Gauge>,
    injections: Family<Labels<1>, Counter>,
    repairs: Family<Labels<2>, Counter>,
    failures: Counter,
    certificate_expiry: Gauge,
    mode: Family<Labels<1>, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            requests: Family::default(),
            // From 0.1 ms: answers come from memory.
            request_seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_1, 4.0, 8))),
            in_flight: Family::default(),
            injections: Family::default(),
            repairs: Family::default(),
            failures: Counter::default(),
            certificate_expiry: Gauge::default(),
            mode: Family::default(),
        };
        metrics.begin_at_zero();
        metrics
    }
}

impl Metrics {
    /// Small sets are printed from the start: an alarm on growth needs a zero to grow from.
    fn begin_at_zero(&self) {
        for code in ["200", "400"] {
            drop(self.requests.get_or_create(&catalog::WEBHOOK_REQUESTS.with([PATH, code])));
        }
        drop(self.request_seconds.get_or_create(&catalog::WEBHOOK_SECONDS.with([PATH])));
        drop(self.in_flight.get_or_create(&catalog::WEBHOOK_IN_FLIGHT.with([PATH])));
        for result in catalog::INJECTION_RESULTS {
            drop(self.injections.get_or_create(&catalog::INJECTIONS.with([result])));
        }
        for object in catalog::REPAIRED_OBJECTS {
            for cause in catalog::REPAIR_CAUSES {
                drop(self.repairs.get_or_create(&catalog::REPAIRS.with([object, cause])));
            }
        }
    }

    /// Adds all to a registry.
    pub fn register(&self, registry: &mut Registry) {
        catalog::WEBHOOK_REQUESTS.register(registry, self.requests.clone());
        catalog::WEBHOOK_SECONDS.register(registry, self.request_seconds.clone());
        catalog::WEBHOOK_IN_FLIGHT.register(registry, self.in_flight.clone());
        catalog::INJECTIONS.register(registry, self.injections.clone());
        catalog::INJECTION_MODE.register(registry, self.mode.clone());
        catalog::CERTIFICATE_EXPIRY.register(registry, self.certificate_expiry.clone());
        catalog::REPAIRS.register(registry, self.repairs.clone());
        catalog::REPAIR_FAILURES.register(registry, self.failures.clone());
    }

    /// A request has come; it ends when what is returned is dropped.
    pub(super) fn begin(&self) -> Answering {
        self.in_flight.get_or_create(&catalog::WEBHOOK_IN_FLIGHT.with([PATH])).inc();
        Answering { metrics: self.clone(), begun: Instant::now() }
    }

    /// Counts an answer with its HTTP status, and what was done about the Pod.
    pub(super) fn answered(&self, code: &'static str, result: &'static str) {
        self.requests.get_or_create(&catalog::WEBHOOK_REQUESTS.with([PATH, code])).inc();
        self.injections.get_or_create(&catalog::INJECTIONS.with([result])).inc();
    }

    /// Counts a repair.
    pub(super) fn repair(&self, object: &'static str, cause: &'static str) {
        self.repairs.get_or_create(&catalog::REPAIRS.with([object, cause])).inc();
    }

    /// How often an object was made or restored for a cause.
    pub fn repairs(&self, object: &'static str, cause: &'static str) -> u64 {
        self.repairs.get_or_create(&catalog::REPAIRS.with([object, cause])).get()
    }

    /// Counts a failed attempt.
    pub(super) fn failed(&self) {
        self.failures.inc();
    }

    /// Says when the certificate expires.
    pub(super) fn set_certificate_expiry(&self, seconds: i64) {
        self.certificate_expiry.set(seconds);
    }

    /// Says how gates are injected.
    pub(super) fn set_mode(&self, mode: &'static str) {
        self.mode.get_or_create(&catalog::INJECTION_MODE.with([mode])).set(1);
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering {
    metrics: Metrics,
    begun: Instant,
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.metrics.in_flight.get_or_create(&catalog::WEBHOOK_IN_FLIGHT.with([PATH])).dec();
        let seconds = self.metrics.request_seconds.get_or_create(&catalog::WEBHOOK_SECONDS.with([PATH]));
        seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}
