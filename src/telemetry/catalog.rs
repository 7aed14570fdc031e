//! Every metric: name, type, labels and meaning. What is printed, documented, drawn and alarmed on is in this table.
//!
//! Names, labels and meanings of controller-runtime are kept where they are true of this program. Labels come from closed sets,
//! so that the number of series does not grow with the number of objects.

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry, Unit};

use crate::api::condition::{ExclusionReason, GateReason, HoldCause, Reason};
use crate::model::Class;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its series end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size; its series end in `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// The name in the text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// The endings of its series.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Counter => &["_total"],
            Self::Gauge => &[""],
            Self::Histogram => &["_bucket", "_sum", "_count"],
        }
    }
}

/// The values of a label.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these.
    Words(&'static [&'static str]),
    /// One of a vocabulary.
    Vocabulary(fn() -> Vec<&'static str>),
    /// An HTTP status, or `<error>` when there was none.
    Status,
    /// One value for the life of the process: what it says.
    Fixed(&'static str),
}

/// A label.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// The name.
    pub name: &'static str,
    /// The values.
    pub values: Values,
}

impl Label {
    const fn words(name: &'static str, words: &'static [&'static str]) -> Self {
        Self { name, values: Values::Words(words) }
    }

    /// Whether a value may appear.
    pub fn allows(&self, value: &str) -> bool {
        match self.values {
            Values::Words(words) => words.contains(&value),
            Values::Vocabulary(words) => words().contains(&value),
            Values::Status => value == "<error>" || value.parse::<u16>().is_ok_and(|code| (100..600).contains(&code)),
            Values::Fixed(_) => !value.is_empty(),
        }
    }
}

/// A metric with all its series.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name, without the endings of its series.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// The labels.
    pub labels: &'static [Label],
    /// What it says, with unit and what absence means.
    pub meaning: &'static str,
}

impl Family {
    /// Adds a metric under this name.
    pub(crate) fn register(&self, registry: &mut Registry, metric: impl Metric) {
        match self.name.strip_suffix("_seconds") {
            Some(name) => registry.register_with_unit(name, self.meaning, Unit::Seconds, metric),
            None => registry.register(self.name, self.meaning, metric),
        }
    }

    /// The labels with these values, in the order of the table.
    pub(crate) fn with<V, const N: usize>(&self, values: [V; N]) -> [(&'static str, V); N] {
        let mut names = self.labels.iter().map(|label| label.name);
        values.map(|value| (names.next().unwrap_or("label"), value))
    }

    /// Begins to print a gauge that is made up at the time of asking.
    pub(crate) fn gauge<'s>(
        &self,
        encoder: &'s mut DescriptorEncoder<'_>,
    ) -> Result<MetricEncoder<'s>, std::fmt::Error> {
        let help = format!("{}.", self.meaning);
        match self.name.strip_suffix("_seconds") {
            Some(name) => encoder.encode_descriptor(name, &help, Some(&Unit::Seconds), MetricType::Gauge),
            None => encoder.encode_descriptor(self.name, &help, None, MetricType::Gauge),
        }
    }
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal [$($label:ident),*] $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub const $constant: Family =
                Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], meaning: $meaning };
        )+

        /// All of them, in the order of the documentation.
        pub const ALL: &[Family] = &[$($constant),+];
    };
}

/// What rounds are called where controllers have names.
pub const CONTROLLER_NAME: &str = "directaccessbinding";
/// How a round may end, in the words of controller-runtime.
pub const RESULTS: &[&str] = &["success", "error", "requeue", "requeue_after"];
/// What the webhook may do about a Pod.
pub const INJECTION_RESULTS: &[&str] = &[
    "injected",
    "gated",
    "not-selected",
    "host-network",
    "mirror",
    "not-a-pod",
    "reserved-namespace",
    "unreadable",
    "cold",
    "malformed",
];
/// The objects of gate injection.
pub const REPAIRED_OBJECTS: &[&str] = &["secret", "configuration", "policy", "policy-binding"];
/// Why an object of gate injection may be made or restored.
pub const REPAIR_CAUSES: &[&str] = &["missing", "changed", "damaged", "expiring", "renamed", "superseded"];

const CONTROLLER: Label = Label::words("controller", &[CONTROLLER_NAME]);
const QUEUE: Label = Label::words("name", &[CONTROLLER_NAME]);
const RESULT: Label = Label::words("result", RESULTS);
const LEASE: Label = Label::words("name", &[crate::api::names::LEASE]);
const CODE: Label = Label { name: "code", values: Values::Status };
const METHOD: Label = Label::words("method", &["GET", "POST", "PUT", "PATCH", "DELETE"]);
const HOST: Label = Label { name: "host", values: Values::Fixed("host and port of the API server") };
const WEBHOOK: Label = Label::words("webhook", &["/mutate-pods"]);
const VERSION: Label = Label { name: "version", values: Values::Fixed("version of the program") };
const ACTION: Label = Label::words(
    "action",
    &[
        "BatchDeregisterTargets",
        "BatchModifyTargetTag",
        "BatchModifyTargetWeight",
        "BatchRegisterTargets",
        "CreateListener",
        "CreateLoadBalancer",
        "CreateRule",
        "DeleteCertificate",
        "DeleteLoadBalancer",
        "DeleteLoadBalancerListeners",
        "DeleteRule",
        "DescribeCertificates",
        "DescribeListeners",
        "DescribeLoadBalancerListByCertId",
        "DescribeLoadBalancers",
        "DescribeQuota",
        "DescribeTargetHealth",
        "DescribeTargets",
        "DescribeTaskStatus",
        "GetCallerIdentity",
        "ModifyDomainAttributes",
        "ModifyListener",
        "ModifyLoadBalancerAttributes",
        "ModifyRule",
        "SetLoadBalancerSecurityGroups",
        "UploadCertificate",
    ],
);
const CLASS: Label = Label { name: "class", values: Values::Vocabulary(classes) };
const WAITED_FOR: Label = Label::words("for", &["rate", "load_balancer"]);
const STATE: Label = Label::words("state", &["desired", "registered", "healthy", "unhealthy", "draining"]);
const CHANGE: Label = Label::words("change", &["register", "reweight", "drain", "deregister"]);
const EXCLUSION: Label = Label { name: "reason", values: Values::Vocabulary(exclusions) };
const READY: Label = Label::words("ready", &["True", "False", "Unknown"]);
const REASON: Label = Label { name: "reason", values: Values::Vocabulary(reasons) };
const OPENED_BECAUSE: Label = Label { name: "reason", values: Values::Vocabulary(opening_reasons) };
const HELD_BECAUSE: Label = Label { name: "reason", values: Values::Vocabulary(hold_reasons) };
const QUOTA: Label =
    Label::words("quota", &["targets_per_listener", "listeners_per_load_balancer", "rules_per_listener"]);
const OBJECT: Label = Label::words(
    "object",
    &[
        "directaccessbindings",
        "directaccessbindings/status",
        "pods/status",
        "services",
        "services/status",
        "tkeserviceconfigs",
        "tkeserviceconfigs/status",
    ],
);
const WRITTEN: Label = Label::words("result", &["done", "stale", "failed"]);
const INJECTED: Label = Label::words("result", INJECTION_RESULTS);
const REPAIRED: Label = Label::words("object", REPAIRED_OBJECTS);
const CAUSE: Label = Label::words("cause", REPAIR_CAUSES);
const CREDENTIAL_SOURCE: Label = Label::words("source", &["environment", "files", "web-identity", "machine-role"]);
const CREDENTIAL_RESULT: Label = Label::words("result", &["given", "failed"]);
const CERTIFICATE_SOURCE: Label = Label::words("source", &["secret", "id"]);
const MODE: Label = Label::words("mode", &["webhook", "policy", "none"]);

fn classes() -> Vec<&'static str> {
    std::iter::once("ok").chain(Class::ALL.map(Class::as_str)).collect()
}

fn exclusions() -> Vec<&'static str> {
    ExclusionReason::ALL.iter().map(|reason| reason.as_str()).collect()
}

fn reasons() -> Vec<&'static str> {
    Reason::ALL.iter().map(|reason| reason.as_str()).collect()
}

fn hold_reasons() -> Vec<&'static str> {
    HoldCause::ALL.iter().map(|reason| reason.as_str()).collect()
}

fn opening_reasons() -> Vec<&'static str> {
    GateReason::ALL.iter().filter(|reason| reason.opens()).map(|reason| reason.as_str()).collect()
}

families! {
    BUILD_INFO = Gauge "direct_access_build_info" [VERSION] "1 for the version that runs";
    LEADER = Gauge "leader_election_master_status" [LEASE] "1 while this replica is the leader, which runs the rounds; 0 on the others";
    RECONCILES = Counter "controller_runtime_reconcile" [CONTROLLER, RESULT] "Rounds over load balancers: success when nothing is left to do, requeue_after when something is under way (a task, a health check, a gate, a change to be verified) and the next round comes soon, error when a call or a write failed and the round is repeated with growing pauses; requeue does not happen and is 0";
    RECONCILE_ERRORS = Counter "controller_runtime_reconcile_errors" [CONTROLLER] "Rounds that ended with result error";
    RECONCILE_SECONDS = Histogram "controller_runtime_reconcile_time_seconds" [CONTROLLER] "Time of a round, calls of the cloud included";
    MAX_CONCURRENT = Gauge "controller_runtime_max_concurrent_reconciles" [CONTROLLER] "The most rounds that can run at once: one for each load balancer that is looked after";
    ACTIVE_WORKERS = Gauge "controller_runtime_active_workers" [CONTROLLER] "Rounds that run now";
    QUEUE_DEPTH = Gauge "workqueue_depth" [QUEUE] "Load balancers with a change, or a time that has come, that no round has begun to look at; changes that come close together count once";
    QUEUE_ADDS = Counter "workqueue_adds" [QUEUE] "How often a load balancer came to wait for a round; changes while it waits add nothing";
    QUEUE_SECONDS = Histogram "workqueue_queue_duration_seconds" [QUEUE] "Time from the first change to the begin of the round that looks at it: the gathering window, the pause between rounds, and the rest of a round that runs";
    WORK_SECONDS = Histogram "workqueue_work_duration_seconds" [QUEUE] "Time of a round";
    UNFINISHED_SECONDS = Gauge "workqueue_unfinished_work_seconds" [QUEUE] "Time that the rounds which run now have taken so far, in sum";
    LONGEST_SECONDS = Gauge "workqueue_longest_running_processor_seconds" [QUEUE] "Time that the oldest round which runs now has taken so far; 0 when none runs";
    QUEUE_RETRIES = Counter "workqueue_retries" [QUEUE] "Rounds that were repeated with growing pauses because one failed";
    REST_REQUESTS = Counter "rest_client_requests" [CODE, METHOD, HOST] "Requests of the API server; those that the client repeated by itself count once, by their last answer";
    WEBHOOK_REQUESTS = Counter "controller_runtime_webhook_requests" [WEBHOOK, CODE] "Requests that the webhook answered, by HTTP status";
    WEBHOOK_SECONDS = Histogram "controller_runtime_webhook_latency_seconds" [WEBHOOK] "Time that the webhook took to answer";
    WEBHOOK_IN_FLIGHT = Gauge "controller_runtime_webhook_requests_in_flight" [WEBHOOK] "Requests that the webhook is answering now";
    LOAD_BALANCERS = Gauge "direct_access_load_balancers" [] "Load balancers that this replica looks after, those that are being created included; 0 where another replica leads";
    BINDINGS = Gauge "direct_access_bindings" [READY, REASON] "Bindings by status and reason of their condition Ready";
    NOT_READY_SINCE = Gauge "direct_access_bindings_not_ready_since_timestamp_seconds" [REASON] "Since when the binding is not ready that has been so for longest, as Unix time, by the reason that it has now; absent when there is none";
    TARGETS = Gauge "direct_access_targets" [STATE] "Pods by what they are to their bindings, in sum over all bindings: desired; of these registered, and of these healthy or unhealthy in the eyes of the cloud; draining on their way out";
    EXCLUDED = Gauge "direct_access_excluded_endpoints" [EXCLUSION] "Endpoints of Services that are not desired as targets, by reason, in sum over all bindings";
    TARGET_CHANGES = Counter "direct_access_target_changes" [CHANGE] "Changes of targets that the cloud took on; drain sets the weight to 0, reweight to another value";
    REMOVALS_HELD = Gauge "direct_access_removals_held" [] "Bindings of which something is not removed, because what asks for it may be wrong";
    HOLD_REMOVALS = Gauge "direct_access_hold_removals" [HELD_BECAUSE] "1 while the leader holds removals of all bindings, by reason: Flag is --hold-removals, ConfigMap its ConfigMap, Mass that too much was to be removed at once, by this leader or one before it, ConfigMapUnreadable that what its ConfigMap says cannot be read, ConfigMapRefused that the API server refuses it; 0 otherwise";
    QUOTA_USED = Gauge "direct_access_quota_used_ratio" [QUOTA] "How much of a quota is used where most of it is, over all load balancers; 1 is all of it. A rule counts as a listener for its targets";
    GATES_WAITING = Gauge "direct_access_gates_waiting" [] "Pods whose containers are ready and whose gate is closed, in sum over all bindings";
    GATES_OLDEST = Gauge "direct_access_gates_oldest_waiting_timestamp_seconds" [] "Since when the Pod waits that has waited longest for nothing but its gate, as Unix time; 0 when none does";
    GATES_OPENED = Counter "direct_access_gates_opened" [OPENED_BECAUSE] "Readiness gates that were opened, by reason";
    GATE_SECONDS = Histogram "direct_access_gate_wait_seconds" [] "Time from containers ready to gate open";
    UNGATED = Gauge "direct_access_ungated_pods" [] "Pods that run without the gate although their binding asks for one, in sum over all bindings";
    CALLS = Counter "direct_access_clb_calls" [ACTION, CLASS] "Calls of the CLB API by action and class of result; ok is a success";
    CALL_SECONDS = Histogram "direct_access_clb_call_seconds" [ACTION, CLASS] "Time from sending a call to the end of its reply";
    CALL_WAITS = Histogram "direct_access_clb_wait_seconds" [WAITED_FOR] "Time that calls waited before they were sent: for the rate of their action, or for other writes of ours on the same load balancer";
    CALL_RATE = Gauge "direct_access_clb_rate_limit" [ACTION] "Calls of an action per second that may be made now: those that --clb-rate allows, and for some seconds fewer after the cloud has refused one because there were too many; of several regions, the lowest. Absent for actions that were not called";
    WRITES = Counter "direct_access_kubernetes_writes" [OBJECT, WRITTEN] "Writes to the API server by object and result; stale are those that came too late because the object had changed or gone";
    INJECTIONS = Counter "direct_access_injections" [INJECTED] "Pods that the webhook was asked about, by what it did; with unreadable, cold and malformed a Pod may have missed its gate";
    INJECTION_MODE = Gauge "direct_access_gate_injection_mode" [MODE] "1 for the way in which gates are injected";
    CERTIFICATE_EXPIRY = Gauge "direct_access_webhook_certificate_expiry_timestamp_seconds" [] "When the certificate in use expires, as Unix time; 0 while there is none";
    LISTENER_CERTIFICATE_EXPIRY = Gauge "direct_access_listener_certificate_expiry_timestamp_seconds" [CERTIFICATE_SOURCE] "When the certificate expires that does so first of those that bindings name, as Unix time: secret of those that a Secret holds, id of those that are named by an id, as far as the cloud says it. Absent when there is none";
    CREDENTIALS_EXPIRY = Gauge "direct_access_credentials_expiry_timestamp_seconds" [CREDENTIAL_SOURCE] "When the cloud's key in use ends, as Unix time; 0 when it has no end that is known";
    CREDENTIALS_REQUESTS = Counter "direct_access_credentials_requests" [CREDENTIAL_SOURCE, CREDENTIAL_RESULT] "How often the source of credentials was asked for a key";
    REPAIRS = Counter "direct_access_repairs" [REPAIRED, CAUSE] "Writes that made or restored an object of gate injection";
    REPAIR_FAILURES = Counter "direct_access_repair_failures" [] "Attempts to look at the objects of gate injection, or to repair them, that failed";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_say_their_type() {
        let names: BTreeSet<_> = ALL.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), ALL.len());
        for family in ALL {
            assert!(!family.name.ends_with("_total"), "{}: the ending is added when it is printed", family.name);
            assert!(family.kind != Kind::Histogram || family.name.ends_with("_seconds"), "{}: no unit", family.name);
            assert!(!family.meaning.ends_with('.'), "{}: the full stop is added when it is printed", family.name);
        }
    }

    #[test]
    fn labels_take_what_is_in_their_set_and_nothing_else() {
        assert!(CLASS.allows("ok") && CLASS.allows("throttled") && !CLASS.allows("lb-1"));
        assert!(CODE.allows("201") && CODE.allows("<error>") && !CODE.allows("7") && !CODE.allows("shop/web"));
        assert!(!OPENED_BECAUSE.allows("HealthCheck"), "a gate does not open while it waits");
    }
}
