//! What `kubectl wait`, Flux and Argo CD conclude from every status that the controller can write.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tke_direct_access::api::{DirectAccessBindingStatus, TkeServiceConfigStatus};
use tke_direct_access::sim::Settings as SimulatorSettings;

use self::cases::{Case, T0, at, case, config_case, status};
use self::rules::Seen;
use super::engine::{Verdict, judge};
use super::tool::{Repository, Tool, example};
use crate::stage::Stage;

// The cases name the library by it.
extern crate tke_direct_access;

#[path = "../../crates/core/src/status/tests/cases.rs"]
#[allow(dead_code, reason = "the library's own tests use the rest")]
pub(super) mod cases;
#[path = "../../crates/core/src/status/tests/rules.rs"]
mod rules;

/// Worlds of bindings; each gives several statuses.
const BINDINGS: usize = 1500;
const CONFIGS: usize = 500;

/// One object, and what is in it.
struct Sample {
    object: Value,
    conditions: Vec<Condition>,
    observed: i64,
    is_suspended: bool,
}

impl Sample {
    fn binding(case: &Case, status: &DirectAccessBindingStatus) -> Self {
        let (conditions, observed) = (status.conditions.clone(), status.observed_generation);
        Self { object: case.object(status), conditions, observed, is_suspended: case.suspend }
    }

    fn seen(&self) -> Seen<'_> {
        let metadata = &self.object["metadata"];
        Seen {
            generation: metadata["generation"].as_i64().unwrap(),
            observed: self.observed,
            is_deleting: metadata["deletionTimestamp"].is_string(),
            conditions: &self.conditions,
        }
    }

    /// The same after an edit that nobody has looked at.
    fn edited(mut self) -> Self {
        self.object["metadata"]["generation"] = json!(self.seen().generation + 1);
        self
    }

    fn ready_message(&self) -> &str {
        self.conditions.iter().find(|one| one.type_ == "Ready").map_or("", |one| &one.message)
    }

    /// What a reader should conclude: `kubectl wait` returns, kstatus, Argo CD's health.
    fn expected(&self) -> (bool, &'static str, &'static str) {
        let seen = self.seen();
        let is = |kind: &str| self.conditions.iter().any(|one| one.type_ == kind && one.status == "True");
        let is_current = seen.observed == seen.generation;
        let (wait, kstatus, health) = match (is_current && is("Ready"), is_current && is("Stalled")) {
            (true, _) => (true, "Current", "Healthy"),
            (_, true) => (false, "Failed", "Degraded"),
            _ => (false, "InProgress", "Progressing"),
        };
        if seen.is_deleting {
            (wait, "Terminating", "Progressing")
        } else if self.is_suspended {
            (wait, kstatus, "Suspended")
        } else {
            (wait, kstatus, health)
        }
    }
}

/// Statuses of new objects, of objects that were looked at once and twice, and of edited ones.
fn bindings() -> Vec<Sample> {
    let mut runner = TestRunner::deterministic();
    let mut draw = || case().new_tree(&mut runner).unwrap().current();
    let mut samples = Vec::new();
    for _ in 0..BINDINGS {
        let (first, second) = (draw(), draw());
        let nothing = DirectAccessBindingStatus::default();
        let early = status(&first, &nothing, at(T0));
        let late = status(&second, &early, at(T0 + second.after));
        samples.push(Sample::binding(&first, &nothing));
        samples.push(Sample::binding(&first, &early).edited());
        samples.push(Sample::binding(&first, &early));
        samples.push(Sample::binding(&second, &late));
    }
    samples
}

fn configs() -> Vec<Sample> {
    let mut runner = TestRunner::deterministic();
    let mut samples = Vec::new();
    for _ in 0..CONFIGS {
        let case = config_case().new_tree(&mut runner).unwrap().current();
        let nothing = TkeServiceConfigStatus::default();
        for status in [case.status(&nothing, at(T0)), nothing] {
            let (object, observed) = (case.object(&status), status.observed_generation);
            samples.push(Sample { object, observed, conditions: status.conditions, is_suspended: false });
        }
    }
    samples
}

fn check(sample: &Sample, found: &Verdict) {
    let what = || format!("{}\n{found:?}", sample.object);
    let (wait, kstatus, health) = sample.expected();
    assert_eq!(sample.seen().ends_wait(), wait, "kubectl wait: {}", what());
    assert_eq!((found.kstatus.as_str(), sample.seen().kstatus()), (kstatus, kstatus), "kstatus: {}", what());
    assert_eq!(found.health, health, "Argo CD: {}", what());
    let seen = sample.seen();
    if !found.custom.is_empty() && !seen.is_deleting {
        let is_paused = sample.is_suspended && seen.observed == seen.generation;
        assert_eq!(found.custom, if is_paused { "Current" } else { kstatus }, "with expressions: {}", what());
    }
    if seen.observed == seen.generation {
        assert_eq!((found.flux_failures.as_str(), found.flux_warnings.as_str()), ("", ""), "Flux: {}", what());
        if !seen.is_deleting && !sample.is_suspended {
            assert_eq!(found.health_message, sample.ready_message(), "{}", what());
        }
    }
}

#[test]
fn kubectl_wait_flux_and_argo_cd_agree_on_every_status() {
    let samples: Vec<Sample> = bindings().into_iter().chain(configs()).collect();
    let objects: Vec<Value> = samples.iter().map(|sample| sample.object.clone()).collect();
    let found = judge(&objects);
    assert_eq!(found.iter().filter(|found| !found.custom.is_empty()).count(), 4 * BINDINGS);
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (sample, found) in samples.iter().zip(&found) {
        check(sample, found);
        *counts.entry((&found.kstatus, &found.health)).or_default() += 1;
    }
    println!("{counts:#?}");
    for seldom in [
        ("Current", "Healthy"),
        ("Failed", "Degraded"),
        ("InProgress", "Progressing"),
        ("InProgress", "Suspended"),
        ("Terminating", "Progressing"),
    ] {
        assert!(counts.get(&seldom).is_some_and(|count| *count >= 100), "{seldom:?} is hardly tried: {counts:?}");
    }
}

/// Objects that no controller has seen, as the API server has them: nobody takes them for ready, configs included.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_object_is_not_ready_for_anybody() {
    let stage = Stage::without_controller("new", SimulatorSettings::instant()).await;
    let objects = example("05-session-persistence.yaml", "cart");
    Repository::new(&stage, Tool::ArgoCd, objects).sync().await;
    let mut new = Vec::new();
    for kind in ["dab", "tsc"] {
        let text = stage.ok(&["get", kind, "cart", "-o", "json"]).await;
        new.push(serde_json::from_str::<Value>(&text).unwrap());
        let wait = ["wait", "--for=condition=Ready", &format!("{kind}/cart"), "--timeout=1s"];
        assert!(!stage.kubectl(&wait).await.success, "kubectl wait returns for a new {kind}");
    }
    for found in tokio::task::spawn_blocking(move || judge(&new)).await.unwrap() {
        assert_eq!((found.kstatus.as_str(), found.health.as_str()), ("InProgress", "Progressing"), "{found:?}");
    }
    stage.finish().await;
}

/// TKE's own definition of the kind has no status: nobody has to wait for what will never come.
#[test]
fn a_config_without_a_status_holds_nothing_up() {
    let config = cases::ConfigCase::of(1, &[]).bare();
    let found = judge(&[config]).remove(0);
    assert_eq!((found.kstatus.as_str(), found.health.as_str()), ("Current", "Healthy"));
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let status = prop::sample::select(vec!["True", "False", "Unknown"]);
    let kind = prop::sample::select(vec!["Ready", "Reconciling", "Stalled", "Accepted"]);
    (kind, status, prop::option::weighted(0.9, 0i64..4)).prop_map(|(kind, status, observed)| Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: "Because".to_owned(),
        message: "words".to_owned(),
        observed_generation: observed,
        last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(at(T0)),
    })
}

/// The transcription of the rules that the library's own tests use, compared with the tools on statuses that break them.
#[test]
fn the_rules_are_those_of_the_tools() {
    let mut runner = TestRunner::deterministic();
    let shapes = (1i64..4, 0i64..4, any::<bool>(), prop::collection::vec(any_condition(), 0..5));
    let mut samples = Vec::new();
    for _ in 0..3000 {
        let (generation, observed, is_deleting, mut conditions) = shapes.new_tree(&mut runner).unwrap().current();
        let mut known = std::collections::BTreeSet::new();
        conditions.retain(|condition| known.insert(condition.type_.clone()));
        let mut object = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": "web", "generation": generation}, "spec": {"suspend": false},
            "status": {"observedGeneration": observed, "conditions": conditions},
        });
        if is_deleting {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        }
        samples.push(Sample { object, conditions, observed, is_suspended: false });
    }
    let objects: Vec<Value> = samples.iter().map(|sample| sample.object.clone()).collect();
    for (sample, found) in samples.iter().zip(judge(&objects)) {
        let what = || format!("{}\n{found:?}", sample.object);
        assert_eq!(sample.seen().kstatus(), found.kstatus, "{}", what());
        let broken = sample.seen().broken();
        let has = |prefix: &str| broken.iter().any(|rule| rule.starts_with(prefix));
        assert_eq!(has("FAIL"), !found.flux_failures.is_empty(), "{broken:?}: {}", what());
        assert_eq!(has("WARN"), !found.flux_warnings.is_empty(), "{broken:?}: {}", what());
    }
}
