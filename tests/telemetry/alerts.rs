//! Alarms, dashboard and runbooks: made of documented metrics only, complete, and of one piece.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tke_direct_access::telemetry::catalog::{ALL, Family};

use crate::promql::{Selector, names};
use crate::support::ControlPlane;

/// Labels that Prometheus adds to every series, and the one of histograms.
const ADDED: [&str; 5] = ["job", "instance", "namespace", "pod", "le"];
const BASE: &str = "docs/runbooks.md";
const HEAD: &str = "# Made from rules.yaml by UPDATE=1 cargo test --test telemetry alerts::.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: direct-access-controller
  namespace: tke-direct-access
  labels:
    app.kubernetes.io/name: direct-access-controller
spec:
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&read(name)).unwrap()
}

fn rules() -> Vec<Value> {
    let groups = yaml("rules.yaml")["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

fn alerts() -> BTreeSet<String> {
    rules().iter().map(|rule| rule["alert"].as_str().expect("every rule is an alarm").to_owned()).collect()
}

/// What is wrong with a selector, if anything.
fn fault(selector: &Selector) -> Option<String> {
    let series = &selector.series;
    let is_this = |family: &&Family| {
        family.kind.endings().iter().chain(&["_count"]).any(|ending| format!("{}{ending}", family.name) == *series)
    };
    let Some(family) = ALL.iter().find(is_this) else { return Some(format!("{series} is not documented")) };
    selector.labels.iter().find_map(|(name, values)| {
        if ADDED.contains(&name.as_str()) {
            return None;
        }
        let Some(label) = family.labels.iter().find(|label| label.name == name) else {
            return Some(format!("{series} has no label {name}"));
        };
        let unknown = values.iter().find(|value| !label.allows(value))?;
        Some(format!("{series}: {name} is never {unknown}"))
    })
}

/// Everything that an expression may group by is a label of something that it selects.
fn faults(expression: &str) -> Vec<String> {
    let found = names(expression);
    let mut faults: Vec<String> = found.selectors.iter().filter_map(fault).collect();
    if found.selectors.is_empty() {
        faults.push("it selects nothing".to_owned());
    }
    let known: BTreeSet<&str> = ALL.iter().flat_map(|family| family.labels).map(|label| label.name).collect();
    let unknown =
        found.grouped_by.iter().filter(|label| !known.contains(label.as_str()) && !ADDED.contains(&label.as_str()));
    faults.extend(unknown.map(|label| format!("{label} is no label")));
    faults.into_iter().map(|fault| format!("{fault}: {expression}")).collect()
}

#[test]
fn what_is_not_documented_is_found() {
    assert_eq!(faults("sum(rate(direct_access_clb_calls_total{class=\"ok\"}[5m]))"), Vec::<String>::new());
    for (expression, fault) in [
        ("direct_access_clb_calls", "is not documented"),
        ("rate(direct_access_clb_calls_totals[5m])", "is not documented"),
        ("direct_access_clb_calls_total{klass=\"ok\"}", "has no label klass"),
        ("direct_access_clb_calls_total{class=~\"ok|slow\"}", "class is never slow"),
        ("sum by (color) (direct_access_targets)", "color is no label"),
    ] {
        let found = faults(expression);
        assert!(found.len() == 1 && found[0].contains(fault), "{expression}: {found:?}");
    }
}

#[test]
fn alarms_name_documented_metrics_and_say_what_to_do() {
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(name.starts_with("DirectAccess"), "{name}");
        assert_eq!(faults(rule["expr"].as_str().unwrap()), Vec::<String>::new(), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&severity), "{name}: {severity}");
        let annotation = |key: &str| rule["annotations"][key].as_str().unwrap_or_default();
        assert!(annotation("summary").len() > 20 && annotation("description").len() > 100, "{name}");
        assert_eq!(annotation("runbook_url"), format!("{BASE}#{}", name.to_lowercase()), "{name}");
    }
}

#[test]
fn every_alarm_has_its_runbook_and_the_other_way_round() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE)).unwrap();
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    let headings: BTreeSet<String> =
        sections.iter().map(|section| section.lines().next().unwrap().to_owned()).collect();
    assert_eq!(headings, alerts());
    assert_eq!(headings.len(), sections.len(), "a heading is there twice");
    for section in sections {
        let heading = section.lines().next().unwrap();
        for part in ["**What it means.**", "**How to look.**", "**What to do.**", "```console\nkubectl "] {
            assert!(section.contains(part), "{heading}: {part}");
        }
    }
}

/// The commands of the plugin that runbooks and alarms give.
fn commands() -> BTreeSet<String> {
    let runbooks = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(BASE)).unwrap();
    let texts = [runbooks.lines().collect::<Vec<_>>().join("\n"), read("rules.yaml")];
    let begin = "kubectl direct-access ";
    let all = texts.iter().flat_map(|text| text.split(begin).skip(1));
    all.map(|rest| rest.split(['\n', '`', '"']).next().unwrap().trim().to_owned()).collect()
}

#[test]
fn the_plugin_understands_the_commands() {
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let arguments = command.split(' ').map(|word| word.replace("NAMESPACE", "shop").replace("NAME", "web"));
        let output = Command::new(env!("CARGO_BIN_EXE_kubectl-direct_access"))
            .args(arguments)
            .args(["--kubeconfig", "/dev/null"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("Usage:") && !said.contains("unrecognized"), "{command}: {said}");
    }
}

#[test]
fn every_alarm_is_tested_both_ways() {
    let mut tested = BTreeSet::new();
    for test in yaml("rules_test.yaml")["tests"].as_array().unwrap() {
        for case in test["alert_rule_test"].as_array().unwrap() {
            let fires = !case["exp_alerts"].as_array().unwrap().is_empty();
            tested.insert((case["alertname"].as_str().unwrap().to_owned(), fires));
        }
    }
    let expected: BTreeSet<_> = alerts().into_iter().flat_map(|name| [(name.clone(), true), (name, false)]).collect();
    assert_eq!(tested, expected);
}

#[test]
fn the_object_of_the_operator_is_made_from_the_rules() {
    let text = read("rules.yaml");
    let groups = &text[text.find("groups:").unwrap()..];
    let indented: String = groups.lines().map(|line| format!("  {line}\n")).collect();
    let expected = format!("{HEAD}{indented}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(folder().join("prometheus-rule.yaml"), &expected).unwrap();
    }
    let advice = "outdated: run UPDATE=1 cargo test --test telemetry alerts::";
    assert_eq!(read("prometheus-rule.yaml"), expected, "deploy/monitoring/prometheus-rule.yaml is {advice}");
    assert_eq!(yaml("prometheus-rule.yaml")["spec"], yaml("rules.yaml"));
}

#[test]
fn the_dashboard_draws_documented_metrics() {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let mut drawn = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        assert!(titles.insert(title), "{title} is there twice");
        assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title} draws nothing");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            assert_eq!(faults(expression), Vec::<String>::new(), "{title}");
            drawn.extend(names(expression).selectors.into_iter().map(|selector| selector.series));
        }
    }
    for series in [
        "direct_access_gate_wait_seconds_bucket",
        "direct_access_targets",
        "direct_access_clb_calls_total",
        "controller_runtime_reconcile_total",
        "workqueue_depth",
        "controller_runtime_webhook_latency_seconds_bucket",
        "direct_access_webhook_certificate_expiry_timestamp_seconds",
    ] {
        assert!(drawn.contains(series), "{series} is not drawn");
    }
    let mut ids: Vec<_> = dashboard["panels"].as_array().unwrap().iter().map(|panel| panel["id"].as_u64()).collect();
    ids.dedup();
    assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len(), "ids of panels");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_of_all_links_is_set_in_one_place() {
    let control_plane = ControlPlane::shared().await;
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let build = async || -> Vec<Value> {
        let path = copy.path().display().to_string();
        let text = control_plane.kubectl(&["kustomize", &path]).await.ok().unwrap();
        serde_saphyr::from_multiple(&text).unwrap()
    };
    let links = |objects: &[Value]| -> Vec<String> {
        let rule = objects.iter().find(|object| object["kind"] == "PrometheusRule").unwrap();
        let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
        rules.iter().map(|rule| rule["annotations"]["runbook_url"].as_str().unwrap().to_owned()).collect()
    };
    let built = build().await;
    let kinds: BTreeSet<&str> = built.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, BTreeSet::from(["ConfigMap", "PrometheusRule"]));
    let maps: Vec<_> = built.iter().filter(|object| object["kind"] == "ConfigMap").collect();
    assert_eq!(maps.len(), 1, "the base itself is not applied");
    assert_eq!(maps[0]["data"]["tke-direct-access.json"].as_str(), Some(read("dashboard.json").as_str()));
    assert!(links(&built).iter().all(|link| link.starts_with("docs/runbooks.md#")));
    let base = read("runbooks.yaml").replace(&format!("base: {BASE}"), "base: https://wiki.example.com/ours");
    std::fs::write(copy.path().join("runbooks.yaml"), base).unwrap();
    let links = links(&build().await);
    assert_eq!(links.len(), alerts().len());
    assert!(links.iter().all(|link| link.starts_with("https://wiki.example.com/ours#directaccess")), "{links:?}");
}

#[test]
fn what_is_scraped_is_the_service_of_the_metrics() {
    let monitor = yaml("../components/service-monitor/service-monitor.yaml");
    let services: Vec<Value> =
        serde_saphyr::from_multiple(&std::fs::read_to_string(folder().join("../services.yaml")).unwrap()).unwrap();
    let service = services.iter().find(|service| service["metadata"]["name"] == "direct-access-metrics").unwrap();
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"]);
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"][0], service["metadata"]["namespace"]);
    let others = services.iter().filter(|other| other["metadata"]["name"] != "direct-access-metrics");
    for other in others {
        assert_ne!(other["metadata"]["labels"], service["metadata"]["labels"], "only one Service is scraped");
    }
}
