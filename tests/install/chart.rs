//! The Helm chart, rendered by Helm: it is the base of `deploy/`, with choices.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use super::manifests::{is_update, objects, root, same_text};
use super::tools::{HELM, Tool, both};
use super::values::{REFUSED, SETS, Set};

pub(super) const NAMESPACE: &str = "tke-direct-access";

pub(super) fn folder() -> PathBuf {
    root().join("charts/tke-direct-access")
}

/// What Helm makes of the chart with these values, which are YAML.
fn rendering(helm: &Tool, namespace: &str, values: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values).unwrap();
    let (chart, file) = (folder().display().to_string(), file.path().display().to_string());
    // As cloud clusters name their versions.
    let version = "v1.30.0-tke.6";
    helm.run(&["template", "direct-access", &chart, "-n", namespace, "-f", &file, "--kube-version", version])
}

/// The rendered chart, as text.
#[track_caller]
pub(super) fn rendered(helm: &Tool, namespace: &str, values: &str) -> String {
    let output = rendering(helm, namespace, values);
    assert!(output.status.success(), "{values}: {}", both(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn objects_of(text: &str) -> Vec<Value> {
    let objects: Vec<Option<Value>> = serde_saphyr::from_multiple(text).unwrap();
    objects.into_iter().flatten().collect()
}

fn is(object: &Value, kind: &str, name: &str) -> bool {
    object["kind"] == kind && (name.is_empty() || object["metadata"]["name"] == name)
}

/// The first object of this kind that the chart has with these values.
pub(super) fn in_chart(values: &str, kind: &str) -> Value {
    let all = objects_of(&rendered(&Tool::built(&HELM), NAMESPACE, values));
    all.into_iter().find(|object| is(object, kind, "")).unwrap_or_else(|| panic!("{values}: no {kind}"))
}

/// Without labels and annotations that a chart adds.
fn plain(mut object: Value) -> Value {
    const LABELS: [&str; 7] = [
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/version",
        "app.kubernetes.io/component",
        "app.kubernetes.io/part-of",
        "app.kubernetes.io/managed-by",
        "helm.sh/chart",
    ];
    let drop_empty = |holder: &mut Value, key: &str, gone: &[&str]| {
        let Some(found) = holder.get_mut(key).and_then(Value::as_object_mut) else { return };
        found.retain(|key, _| !gone.contains(&key.as_str()));
        if found.is_empty() {
            holder.as_object_mut().unwrap().remove(key);
        }
    };
    drop_empty(&mut object["metadata"], "labels", &LABELS);
    drop_empty(&mut object["metadata"], "annotations", &["helm.sh/resource-policy"]);
    if let Some(template) = object.pointer_mut("/spec/template/metadata") {
        // The name is what the selector asks for, so that it is compared.
        drop_empty(template, "labels", &LABELS[1..]);
    }
    object
}

fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let name = |object: &Value| {
        let metadata = &object["metadata"];
        format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]).replace('"', "")
    };
    objects.into_iter().map(|object| (name(&object), plain(object))).collect()
}

#[test]
fn the_chart_is_without_complaint() {
    let helm = Tool::built(&HELM);
    let printed = helm.ok(&["lint", "--strict", &folder().display().to_string()]);
    assert!(printed.contains("1 chart(s) linted, 0 chart(s) failed"), "{printed}");
}

#[test]
fn its_defaults_are_the_file_to_apply() {
    let helm = Tool::built(&HELM);
    let chart = by_name(objects_of(&rendered(&helm, NAMESPACE, "{}")));
    let mut file = by_name(objects());
    // A namespace is made by `helm install --create-namespace`.
    assert!(file.remove(&format!("Namespace null {NAMESPACE}")).is_some());
    assert_eq!(chart.keys().collect::<Vec<_>>(), file.keys().collect::<Vec<_>>());
    for (name, object) in &file {
        let (ours, theirs) = (serde_json::to_string_pretty(&chart[name]), serde_json::to_string_pretty(object));
        assert_eq!(ours.unwrap(), theirs.unwrap(), "{name}: left is the chart, right is deploy/install.yaml");
    }
}

/// The network policy of the component is that of the chart.
#[test]
fn its_network_policy_is_the_component() {
    let chart = in_chart("{networkPolicy: {enabled: true}}", "NetworkPolicy");
    let file = root().join("deploy/components/network-policy/network-policy.yaml");
    let component: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(plain(chart), component);
}

/// The guard of the component is that of the chart, which has none by itself.
#[test]
fn its_guard_is_the_component() {
    let helm = Tool::built(&HELM);
    let without = by_name(objects_of(&rendered(&helm, NAMESPACE, "{}")));
    let mut chart = by_name(objects_of(&rendered(&helm, NAMESPACE, "{guard: {enabled: true}}")));
    chart.retain(|name, _| !without.contains_key(name));
    let text = |file: &str| std::fs::read_to_string(root().join("deploy/components/guard").join(file)).unwrap();
    let mut component = objects_of(&text("config-map.yaml"));
    component.extend(objects_of(&text("policies.yaml")));
    let component = by_name(component);
    assert_eq!((chart.len(), chart.keys().collect::<Vec<_>>()), (6, component.keys().collect()));
    for (name, object) in &component {
        assert_eq!(&chart[name], object, "{name}: left is the chart");
    }
    // The account that the policies let through, and the ConfigMap that they read, are those of the release.
    let elsewhere = rendered(&helm, "lb", "{guard: {enabled: true}, serviceAccount: {name: own}}");
    let moved: Vec<_> = objects_of(&elsewhere).into_iter().filter(|object| is(object, "ConfigMap", GUARD)).collect();
    assert_eq!(moved[0]["metadata"]["namespace"], "lb");
    assert_eq!(elsewhere.matches(":own'").count(), 2, "{elsewhere}");
    assert!(!elsewhere.contains("namespace: tke-direct-access"));
}

/// The ConfigMap of the guard.
const GUARD: &str = "direct-access-guard";

fn check(set: &Set, objects: &[Value]) {
    for (kind, name, pointer, expected) in set.shows {
        let expected: Value = serde_json::from_str(expected).unwrap();
        let is_shown = |object: &&Value| object.pointer(pointer).unwrap_or(&Value::Null) == &expected;
        let named: Vec<_> = objects.iter().filter(|object| is(object, kind, name)).collect();
        assert!(!named.is_empty(), "{}: no {kind} {name}", set.name);
        let found: Vec<_> = named.iter().map(|object| object.pointer(pointer)).collect();
        assert!(named.iter().all(is_shown), "{}: {kind} {name} {pointer}: {found:?}", set.name);
    }
    for (kind, name) in set.lacks {
        assert!(!objects.iter().any(|object| is(object, kind, name)), "{}: {kind} {name}", set.name);
    }
}

#[test]
fn values_do_what_they_say() {
    let helm = Tool::built(&HELM);
    for set in SETS {
        check(set, &objects_of(&rendered(&helm, NAMESPACE, set.values)));
    }
}

/// Everything that stands in the file of values is set to something else by one of the sets: none is without effect.
#[test]
fn every_value_is_tried() {
    fn leaves(path: &str, value: &Value, found: &mut Vec<String>) {
        match value.as_object() {
            Some(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(key, below)| leaves(&format!("{path}/{key}"), below, found));
            }
            _ => found.push(path.to_owned()),
        }
    }
    let defaults: Value = serde_saphyr::from_str(&values_text()).unwrap();
    let sets: Vec<Value> = SETS.iter().map(|set| serde_saphyr::from_str(set.values).unwrap()).collect();
    let mut paths = Vec::new();
    leaves("", &defaults, &mut paths);
    let is_changed = |path: &String| {
        let changed =
            |set: &Value, path: &str| set.pointer(path).is_some_and(|value| Some(value) != defaults.pointer(path));
        // Of free-form objects it is enough that the whole is set.
        Path::new(path).ancestors().any(|part| {
            let part = part.to_string_lossy();
            part.matches('/').count() > 0
                && part.len() > 1
                && sets.iter().any(|set| changed(set, &part))
                && (part == path.as_str() || FREE.contains(&part.as_ref()))
        })
    };
    let idle: Vec<_> = paths.iter().filter(|path| !is_changed(path)).collect();
    assert!(idle.is_empty(), "values that no set changes: {idle:?}");
}

/// Objects of Kubernetes that are taken as they are.
const FREE: [&str; 6] =
    ["/resources", "/securityContext", "/podSecurityContext", "/updateStrategy", "/livenessProbe", "/readinessProbe"];

#[test]
fn wrong_values_are_refused_by_name() {
    let helm = Tool::built(&HELM);
    for (values, expected) in REFUSED {
        let output = rendering(&helm, NAMESPACE, values);
        let said = both(&output);
        assert!(!output.status.success() && said.contains(expected), "{values}: not {expected:?}, but:\n{said}");
    }
}

fn values_text() -> String {
    std::fs::read_to_string(folder().join("values.yaml")).unwrap()
}

/// Flags are left out where a value is its default, so the program has to have the same one.
#[test]
fn defaults_are_those_of_the_program() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_direct-access-controller")).args(["run", "--help"]).output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let values: Value = serde_saphyr::from_str(&values_text()).unwrap();
    let default_of = |flag: &str| {
        let (_, text) = help.split_once(flag).unwrap_or_else(|| panic!("no {flag}"));
        let (_, rest) = text.split_once("[default: ").unwrap();
        rest.split_once(']').unwrap().0.to_owned()
    };
    for (flag, path) in [
        ("--cluster-network <", "/clusterNetwork"),
        ("--host-network <", "/hostNetworkPods"),
        ("--annotated-services <", "/annotatedServices"),
        ("--gate-injection <", "/gateInjection"),
        ("--log-format <", "/log/format"),
    ] {
        let default = values.pointer(path).and_then(Value::as_str).unwrap();
        assert!(default_of(flag).eq_ignore_ascii_case(default), "{flag} {default}");
    }
}

#[test]
fn versions_agree() {
    let text = std::fs::read_to_string(folder().join("Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    let helm = Tool::built(&HELM);
    let (chart, old) = (folder().display().to_string(), "v1.26.15");
    let refused = both(&helm.run(&["template", "x", &chart, "--kube-version", old]));
    assert!(refused.contains("kubeVersion: >=1.27.0-0"), "{refused}");
}

/// `UPDATE=1 cargo test --test install` writes them.
#[test]
fn copies_in_the_chart_are_up_to_date() {
    let names = ["cloud.tencent.com_directaccessbindings.yaml", "cloud.tencent.com_tkeserviceconfigs.yaml"];
    for name in names {
        let original = std::fs::read_to_string(root().join("crds").join(name)).unwrap();
        same_text(&folder().join("files/crds").join(name), &original);
    }
}

/// `UPDATE=1 cargo test --test install` writes the table of values into the chart's README.
#[test]
fn the_readme_has_the_table_of_values() {
    const BEGIN: &str = "<!-- values: begin -->\n";
    const END: &str = "<!-- values: end -->\n";
    let file = folder().join("README.md");
    let kept = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = kept.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let text = format!("{before}{BEGIN}{}{END}{after}", table(&values_text()));
    if is_update() {
        std::fs::write(&file, &text).unwrap();
    }
    same_text(&file, &text);
}

/// A row for each key that has a comment right above it; a fault is a value without one.
fn table(text: &str) -> String {
    let values: Value = serde_saphyr::from_str(text).unwrap();
    let (mut rows, mut comment, mut path) = (String::new(), Vec::new(), Vec::<(usize, String)>::new());
    let mut described: Option<usize> = None;
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if let Some(words) = content.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let key = content.split_once(':').map(|(key, _)| key).filter(|key| !key.starts_with('-') && !key.is_empty());
        let inside = described.is_some_and(|depth| indent > depth || content.starts_with("- "));
        if let Some(key) = key.filter(|_| !inside) {
            path.retain(|(depth, _)| *depth < indent);
            path.push((indent, key.to_owned()));
            let names: Vec<_> = path.iter().map(|(_, name)| name.as_str()).collect();
            let value = values.pointer(&format!("/{}", names.join("/"))).unwrap();
            described = (!comment.is_empty()).then_some(indent);
            if comment.is_empty() {
                assert!(value.is_object(), "{} has no comment in values.yaml", names.join("."));
            } else {
                rows += &format!("| `{}` | `{value}` | {} |\n", names.join("."), comment.join(" "));
            }
        }
        comment.clear();
    }
    format!("| value | default | what it is |\n|---|---|---|\n{rows}")
}
