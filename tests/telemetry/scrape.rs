//! Metrics of a real controller after real work.

use std::collections::BTreeMap;

use tke_direct_access::telemetry::catalog::{ALL, Family, Values};

use crate::evidence::{LEFT, evidence};
use crate::exposition::{Sample, Scrape};
use crate::scenario::BINDINGS;

fn family(sample: &Sample) -> &'static Family {
    let is_this = |family: &&Family| {
        let endings = family.kind.endings().iter();
        let mut names = endings.chain(&["_count"]).map(|ending| format!("{}{ending}", family.name));
        names.any(|name| name == sample.name)
    };
    ALL.iter().find(is_this).unwrap_or_else(|| panic!("{} is not documented", sample.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_families_are_there_and_no_others() {
    // No binding of the scenario names a certificate: without one nothing is said of when it expires.
    let shown =
        ALL.iter().filter(|family| family.name != "direct_access_listener_certificate_expiry_timestamp_seconds");
    let documented: BTreeMap<String, String> =
        shown.map(|family| (family.name.to_owned(), family.kind.as_str().to_owned())).collect();
    assert_eq!(evidence().await.busy.families, documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_label_is_documented_and_of_a_closed_set() {
    let evidence = evidence().await;
    for sample in &evidence.busy.samples {
        let family = family(sample);
        let mut found: Vec<_> = sample.labels.keys().map(String::as_str).filter(|name| *name != "le").collect();
        let mut documented: Vec<_> = family.labels.iter().map(|label| label.name).collect();
        found.sort_unstable();
        documented.sort_unstable();
        assert_eq!(found, documented, "{}", sample.name);
        for label in family.labels {
            let value = &sample.labels[label.name];
            assert!(label.allows(value), "{}: {}=\"{value}\"", sample.name, label.name);
            assert!(!evidence.names.contains(value), "{}: the name {value} is a label", sample.name);
        }
    }
    for name in &evidence.names {
        assert!(!evidence.busy.text.contains(name.as_str()), "{name} is in the metrics");
    }
}

/// The most series that a family can have.
fn most(family: &Family) -> usize {
    let values = |values: Values| match values {
        Values::Words(words) => words.len(),
        Values::Vocabulary(words) => words().len(),
        // Those that an API server answers with in practice.
        Values::Status => 16,
        Values::Fixed(_) => 1,
    };
    let of_label: usize = family.labels.iter().map(|label| values(label.values)).product();
    // Fourteen buckets, the last one, sum and count.
    if family.kind.endings().len() > 1 { of_label * 17 } else { of_label }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_series_is_bounded() {
    let scrape = &evidence().await.busy;
    let most = ALL.iter().map(most).sum::<usize>();
    eprintln!(
        "{} series with {BINDINGS} bindings, {} bytes; {most} at the most",
        scrape.samples.len(),
        scrape.text.len()
    );
    assert!(scrape.samples.len() < 1_200, "{} series", scrape.samples.len());
    assert!(most < 8_000, "{most} series are possible");
    for family in ALL {
        let count = scrape.samples.iter().filter(|sample| self::family(sample).name == family.name).count();
        assert!(count <= self::most(family), "{}: {count} series", family.name);
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn is_consistent(scrape: &Scrape, bindings: usize, pods: usize) {
    let sum = |name: &str, labels: &[(&str, &str)]| scrape.sum(name, labels);
    assert_eq!(sum("direct_access_load_balancers", &[]), count(bindings), "one binding of each");
    assert_eq!(sum("direct_access_bindings", &[("ready", "True"), ("reason", "Ready")]), count(bindings));
    assert_eq!(sum("direct_access_bindings", &[]), count(bindings));
    for state in ["desired", "registered", "healthy"] {
        assert_eq!(sum("direct_access_targets", &[("state", state)]), count(bindings * pods), "{state}");
    }
    assert_eq!(sum("direct_access_targets", &[("state", "unhealthy")]), 0.0);
    assert_eq!(sum("controller_runtime_max_concurrent_reconciles", &[]), count(bindings));
    assert_eq!(sum("direct_access_gates_waiting", &[]), 0.0);
    assert_eq!(sum("direct_access_ungated_pods", &[]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gauges_are_sums_over_the_bindings_that_are_there() {
    let evidence = evidence().await;
    is_consistent(&evidence.busy, BINDINGS, 3);
    is_consistent(&evidence.after, LEFT, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_counted() {
    let scrape = &evidence().await.busy;
    let sum = |name: &str, labels: &[(&str, &str)]| scrape.sum(name, labels);
    // Two Pods, two more of the rollout, and one more; the Deployment may make a further one in between.
    let pods = sum("direct_access_injections_total", &[("result", "injected")]);
    assert!((5.0..8.0).contains(&pods), "{pods}");
    assert_eq!(sum("controller_runtime_webhook_requests_total", &[("code", "200")]), pods);
    assert_eq!(sum("controller_runtime_webhook_latency_seconds_count", &[]), pods);
    assert_eq!(sum("controller_runtime_webhook_requests_in_flight", &[]), 0.0);
    assert_eq!(sum("direct_access_gates_opened_total", &[]), pods);
    assert_eq!(sum("direct_access_gate_wait_seconds_count", &[]), pods);
    let registered = sum("direct_access_target_changes_total", &[("change", "register")]);
    assert!(
        registered >= pods * count(BINDINGS) - 4.0,
        "{registered}: no more is missing than what the four replies hid that were lost or spoiled"
    );
    assert!(sum("direct_access_target_changes_total", &[("change", "drain")]) > 0.0);
    for class in ["ok", "denied", "throttled", "busy", "unreachable"] {
        assert!(sum("direct_access_clb_calls_total", &[("class", class)]) > 0.0, "{class}");
    }
    let (calls, timed) = ("direct_access_clb_calls_total", "direct_access_clb_call_seconds_count");
    assert_eq!(sum(calls, &[]), sum(timed, &[]));
    assert!(sum("direct_access_clb_wait_seconds_count", &[("for", "rate")]) >= sum(calls, &[]));
    let rounds = |result: &str| sum("controller_runtime_reconcile_total", &[("result", result)]);
    for result in ["success", "requeue_after", "error"] {
        assert!(rounds(result) > 0.0, "{result}");
    }
    assert_eq!(rounds("requeue"), 0.0);
    assert_eq!(sum("controller_runtime_reconcile_errors_total", &[]), rounds("error"));
    assert_eq!(sum("workqueue_retries_total", &[]), rounds("error"));
    let all = sum("controller_runtime_reconcile_total", &[]);
    // A round may run while it is asked.
    for name in
        ["workqueue_adds_total", "workqueue_queue_duration_seconds_count", "workqueue_work_duration_seconds_count"]
    {
        assert!((sum(name, &[]) - all).abs() <= count(BINDINGS), "{name}: {} and {all} rounds", sum(name, &[]));
    }
    assert!(sum("rest_client_requests_total", &[("code", "200"), ("method", "PATCH")]) > 0.0);
    assert!(sum("direct_access_kubernetes_writes_total", &[("object", "pods/status"), ("result", "done")]) >= pods);
    assert_eq!(sum("direct_access_repairs_total", &[("object", "secret"), ("cause", "missing")]), 1.0);
    assert_eq!(sum("direct_access_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    assert_eq!(sum("leader_election_master_status", &[("name", "direct-access-controller")]), 1.0);
    let quota = sum("direct_access_quota_used_ratio", &[("quota", "targets_per_listener")]);
    assert!((0.001..0.2).contains(&quota), "3 targets are {quota} of the quota");
    let expiry = sum("direct_access_webhook_certificate_expiry_timestamp_seconds", &[]);
    assert!(expiry > count(jiff::Timestamp::now().as_second().try_into().unwrap()));
}
