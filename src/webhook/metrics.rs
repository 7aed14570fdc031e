//! What gate injection counts. Labels come from closed sets only.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AdmissionLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RepairLabels {
    object: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabels {
    mode: &'static str,
}

/// Metrics of gate injection. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    admissions: Family<AdmissionLabels, Counter>,
    admission_seconds: Histogram,
    repairs: Family<RepairLabels, Counter>,
    failures: Counter,
    certificate_expiry: Gauge,
    mode: Family<ModeLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            admissions: Family::default(),
            // From 0.1 ms: answers come from memory.
            admission_seconds: Histogram::new(exponential_buckets(0.000_1, 4.0, 8)),
            repairs: Family::default(),
            failures: Counter::default(),
            certificate_expiry: Gauge::default(),
            mode: Family::default(),
        }
    }
}

impl Metrics {
    /// Adds all to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "webhook_admissions",
            "Pods that the webhook was asked about, by result",
            self.admissions.clone(),
        );
        registry.register_with_unit(
            "webhook_admission",
            "Time that the webhook took to answer",
            Unit::Seconds,
            self.admission_seconds.clone(),
        );
        registry.register(
            "webhook_repairs",
            "Writes that made or restored an object of gate injection, by object and cause",
            self.repairs.clone(),
        );
        registry.register("webhook_repair_failures", "Attempts of a repair that failed", self.failures.clone());
        registry.register(
            "webhook_certificate_expiry_timestamp_seconds",
            "Unix time at which the certificate in use expires; 0 while there is none",
            self.certificate_expiry.clone(),
        );
        registry.register("gate_injection_mode", "1 for the way in which gates are injected", self.mode.clone());
    }

    /// Counts an answer.
    pub(super) fn admission(&self, result: &'static str, elapsed: std::time::Duration) {
        self.admissions.get_or_create(&AdmissionLabels { result }).inc();
        self.admission_seconds.observe(elapsed.as_secs_f64());
    }

    /// Counts a repair.
    pub(super) fn repair(&self, object: &'static str, cause: &'static str) {
        self.repairs.get_or_create(&RepairLabels { object, cause }).inc();
    }

    /// How often an object was made or restored for a cause.
    pub fn repairs(&self, object: &'static str, cause: &'static str) -> u64 {
        self.repairs.get_or_create(&RepairLabels { object, cause }).get()
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
        self.mode.get_or_create(&ModeLabels { mode }).set(1);
    }
}
