//! Alerts and dashboard: the chart has copies of `deploy/monitoring`, and tools of Prometheus judge the rules and run their tests.

use serde_json::Value;

use super::chart::{folder, in_chart};
use super::manifests::{root, same_text};
use super::tools::{PROMETHEUS_OPERATOR, PROMTOOL, Tool, both};

fn text(name: &str) -> String {
    let folder = if name == SERVICE_MONITOR { "deploy/components/service-monitor" } else { "deploy/monitoring" };
    std::fs::read_to_string(root().join(folder).join(name)).unwrap()
}

const SERVICE_MONITOR: &str = "service-monitor.yaml";

/// An object of these files.
fn object(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap()
}

/// `UPDATE=1 cargo test --test install` writes them.
#[test]
fn rules_and_dashboard_of_the_chart_are_copies() {
    for name in ["prometheus-rule.yaml", "dashboard.json"] {
        same_text(&folder().join("files").join(name), &text(name));
    }
    let values = "{serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboards: {enabled: true}}";
    for (kind, name) in [("PrometheusRule", "prometheus-rule.yaml"), ("ServiceMonitor", SERVICE_MONITOR)] {
        let (chart, file) = (in_chart(values, kind), object(name));
        assert_eq!(chart["spec"], file["spec"], "left is the chart, right is {name}");
    }
    let data = in_chart(values, "ConfigMap")["data"].take();
    let boards: Vec<&Value> = data.as_object().unwrap().values().collect();
    assert_eq!(boards.len(), 1);
    let shown: Value = serde_json::from_str(boards[0].as_str().unwrap()).unwrap();
    assert_eq!(shown, serde_json::from_str::<Value>(&text("dashboard.json")).unwrap());
}

/// The address of each alert's runbook begins as the value says.
#[test]
fn runbooks_are_where_the_value_says() {
    let begin = "https://wiki.example.com/a#";
    let values = format!("{{prometheusRule: {{enabled: true, runbooks: '{}'}}}}", begin.trim_end_matches('#'));
    let urls = |rules: &Value, begin: &str| rules.to_string().matches(&format!(r#""runbook_url":"{begin}"#)).count();
    let rules = in_chart(&values, "PrometheusRule");
    let all = urls(&rules, "");
    assert!(all > 0);
    assert_eq!(urls(&rules, begin), all, "{rules}");
}

/// Fields that the operator does not know would be dropped by its definitions, and nobody would hear of it.
#[test]
fn the_prometheus_operator_takes_what_is_for_it() {
    let (tool, folder) = (Tool::built(&PROMETHEUS_OPERATOR), tempfile::tempdir().unwrap());
    let take = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output = tool.command().arg(&file).output().unwrap();
        if output.status.success() { Ok(()) } else { Err(both(&output)) }
    };
    for object in [
        in_chart("{serviceMonitor: {enabled: true}}", "ServiceMonitor"),
        in_chart("{prometheusRule: {enabled: true}}", "PrometheusRule"),
        object(SERVICE_MONITOR),
        object("prometheus-rule.yaml"),
    ] {
        take("object.yaml", &object.to_string()).unwrap_or_else(|said| panic!("{said}"));
        // It does tell what is wrong.
        let wrong = object.to_string().replacen("\"spec\":{", "\"spec\":{\"wrong\":1,", 1);
        let said = take("wrong.yaml", &wrong).unwrap_err();
        assert!(said.contains("unknown field \"wrong\""), "{said}");
    }
}

/// The tool reads groups, not the object around them; its tests name the file that they are about.
#[test]
fn prometheus_takes_the_rules_and_their_tests_pass() {
    let (tool, folder) = (Tool::built(&PROMTOOL), tempfile::tempdir().unwrap());
    let call = |action: [&str; 2], flags: &[&str], file: &str| {
        let mut command = tool.command();
        let output = command.args(action).args(flags).arg(file).current_dir(folder.path()).output().unwrap();
        if output.status.success() { Ok(both(&output)) } else { Err(both(&output)) }
    };
    let lint = ["--lint=all", "--lint-fatal"];
    std::fs::write(folder.path().join("rules_test.yaml"), text("rules_test.yaml")).unwrap();
    for file in object("rules_test.yaml")["rule_files"].as_array().unwrap() {
        let name = file.as_str().unwrap();
        // What is applied, whatever it was made from.
        std::fs::write(folder.path().join(name), object("prometheus-rule.yaml")["spec"].to_string()).unwrap();
        let said = call(["check", "rules"], &lint, name).unwrap_or_else(|said| panic!("{said}"));
        println!("{said}");
    }
    call(["test", "rules"], &[], "rules_test.yaml").unwrap_or_else(|said| panic!("{said}"));
    // It does tell what is wrong.
    std::fs::write(folder.path().join("wrong.yaml"), "groups: [{name: a, rules: [{alert: B, expr: 'sum('}]}]").unwrap();
    assert!(call(["check", "rules"], &lint, "wrong.yaml").unwrap_err().contains("unclosed left parenthesis"));
}
