//! Objects that were stored under the previous definitions live on under the new ones.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::TURN;
use super::manifests::{examples, root};
use crate::support::{ControlPlane, Options};

/// Objects that have every field.
const FULL: &str = include_str!("full.yaml");
const FILES: [&str; 2] =
    ["crds/cloud.tencent.com_directaccessbindings.yaml", "crds/cloud.tencent.com_tkeserviceconfigs.yaml"];
const KINDS: [&str; 2] = ["directaccessbindings", "tkeserviceconfigs"];

fn git(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").args(arguments).current_dir(root()).output().map_err(|error| error.to_string())?;
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text.into_owned()) } else { Err(error.trim().to_owned()) }
}

/// The newest commit whose definitions differ from those of this source tree, and these definitions.
fn previous() -> Result<(String, Vec<String>), String> {
    let now: Vec<_> = FILES.iter().map(|file| std::fs::read_to_string(root().join(file)).unwrap()).collect();
    // Also the commits before each change, since a change may be the newest commit.
    let commits = git(&["log", "--format=%H", "--", "crds"])?;
    for commit in commits.lines() {
        let then: Result<Vec<_>, _> = FILES.iter().map(|file| git(&["show", &format!("{commit}:{file}")])).collect();
        match then {
            Ok(then) if then != now => return Ok((commit.to_owned(), then)),
            _ => {}
        }
    }
    Err("the history of this source tree has no other definitions".to_owned())
}

async fn ok(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    control_plane.kubectl(arguments).await.ok().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"))
}

/// Without the annotation by which kubectl remembers what was applied, and without what says how often something was written.
fn stored(text: &str) -> Vec<Value> {
    let list: Value = serde_json::from_str(text).unwrap();
    let mut items = list["items"].as_array().unwrap().clone();
    for item in &mut items {
        let metadata = item["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| ["name", "namespace", "uid"].contains(&key.as_str()));
    }
    items
}

async fn all(control_plane: &ControlPlane) -> Vec<Value> {
    let mut found = Vec::new();
    for kind in KINDS {
        found.extend(stored(&ok(control_plane, &["get", kind, "-A", "-o", "json"]).await));
    }
    found
}

/// Fields that `create` has gained. Objects with them are made after the upgrade: what drops a field cannot get it later, since `create`
/// cannot be changed.
const NEW_IN_CREATE: [&str; 1] = ["dynamicVip"];

/// The objects that have every field, but for those that the previous definitions would make something else of.
fn full_of_before() -> String {
    let is_known = |object: &&str| NEW_IN_CREATE.iter().all(|field| !object.contains(field));
    FULL.split("\n---\n").filter(is_known).collect::<Vec<_>>().join("\n---\n")
}

/// Each example in a namespace of its own, since they share names, and the objects that have every field.
async fn apply(control_plane: &ControlPlane, validate: &str, full_objects: &str) {
    let validate = format!("--validate={validate}");
    for path in examples() {
        let (namespace, path) = (namespace_of(&path), path.display().to_string());
        ok(control_plane, &["-n", &namespace, "apply", &validate, "-f", &path]).await;
    }
    let full = ["-n", "full", "apply", &validate, "-f", "-"];
    control_plane.kubectl_with_input(&full, full_objects).await.ok().unwrap();
}

fn namespace_of(path: &Path) -> String {
    format!("example-{}", path.file_stem().unwrap().to_string_lossy())
}

async fn define(control_plane: &ControlPlane, definitions: &[String]) {
    // As a new release of the chart or of the file does, over what is there.
    let apply = ["apply", "-f", "-"];
    control_plane.kubectl_with_input(&apply, &definitions.join("\n---\n")).await.ok().unwrap();
    ok(control_plane, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=150s"]).await;
}

/// Defaults that the definitions have gained: pointer and value.
const NEW_DEFAULTS: [(&str, &str, &str); 1] = [("/spec/drain", "lastNotReady", "Keep")];

/// Takes off what only a new default has put there.
fn drop_new_defaults(after: &mut Value, before: &Value) {
    for (pointer, field, value) in NEW_DEFAULTS {
        let was_there = before.pointer(pointer).is_some_and(|found| found.get(field).is_some());
        if let Some(object) = after.pointer_mut(pointer).and_then(Value::as_object_mut).filter(|_| !was_there) {
            assert_eq!(object.remove(field), Some(Value::from(value)), "{pointer}/{field} has its default");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_the_previous_definitions_stay_valid() {
    let (commit, then) = match previous() {
        Ok(found) => found,
        Err(why) => {
            println!("nothing to upgrade from: {why}");
            return;
        }
    };
    let _turn = TURN.lock().await;
    let control_plane = &ControlPlane::start(Options { nodes: 0, ..Options::default() }).await.unwrap();
    for path in examples() {
        ok(control_plane, &["create", "namespace", &namespace_of(&path)]).await;
    }
    ok(control_plane, &["create", "namespace", "full"]).await;
    define(control_plane, &then).await;
    // Fields that the previous definitions do not know are dropped, as they were in their time.
    apply(control_plane, "ignore", &full_of_before()).await;
    for object in all(control_plane).await {
        write_status(control_plane, &object).await;
    }
    let before = all(control_plane).await;
    assert!(before.len() > 10, "{}", before.len());

    let now: Vec<_> = FILES.iter().map(|file| std::fs::read_to_string(root().join(file)).unwrap()).collect();
    define(control_plane, &now).await;
    let mut after = all(control_plane).await;
    after.iter_mut().zip(&before).for_each(|(after, before)| drop_new_defaults(after, before));
    assert_eq!(after, before, "what is read after the upgrade");
    for object in &before {
        is_valid_as_new(control_plane, object).await;
        write_status(control_plane, object).await;
        let (kind, namespace, name) = key(object);
        for change in [json!({"finalizers": ["cloud.tencent.com/direct-access"]}), json!({"finalizers": null})] {
            let patch = json!({ "metadata": change }).to_string();
            ok(control_plane, &["-n", namespace, "patch", kind, name, "--type=merge", "-p", &patch]).await;
        }
    }
    apply(control_plane, "strict", FULL).await;
    let (mut after, known) = (all(control_plane).await, known(&then));
    after.retain(|object| before.iter().any(|before| key(before) == key(object)));
    assert_eq!(after.len(), before.len());
    let mut faults = Vec::new();
    before.iter().zip(&after).for_each(|(before, after)| compare("", before, after, &known, &mut faults));
    assert!(faults.is_empty(), "applying the same again changes {faults:?}");
    println!("{} objects of {commit} live on", before.len());
}

/// Paths of all fields of these definitions.
fn known(definitions: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for text in definitions {
        let definition: Value = serde_saphyr::from_str(text).unwrap();
        fields("", definition.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap(), &mut found);
    }
    found
}

/// What is there stays as it is, and what is added is a field that was not known, so that it was dropped.
fn compare(path: &str, before: &Value, after: &Value, known: &[String], faults: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                compare(&format!("{path}.{name}"), value, after.get(name).unwrap_or(&Value::Null), known, faults);
            }
            let added = after.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("{path}.{name}"));
            faults.extend(added.filter(|path| known.contains(path)));
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).for_each(|(before, after)| compare(path, before, after, known, faults));
        }
        _ if before == after => {}
        _ => faults.push(format!("{path}: {before} to {after}")),
    }
}

fn key(object: &Value) -> (&str, &str, &str) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap();
    (text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// What is stored could be created today. Newer API servers forgive what was invalid before it is changed; older ones do not.
async fn is_valid_as_new(control_plane: &ControlPlane, object: &Value) {
    let (_, namespace, name) = key(object);
    let mut copy = object.clone();
    copy["metadata"] = json!({"namespace": namespace, "name": format!("{name}-copy")});
    copy.as_object_mut().unwrap().remove("status");
    let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
    let created = control_plane.kubectl_with_input(&create, &copy.to_string()).await.ok();
    created.unwrap_or_else(|error| panic!("{namespace}/{name}: {error:#}"));
}

/// A status as the controller writes it: conditions and counts.
async fn write_status(control_plane: &ControlPlane, object: &Value) {
    let (kind, namespace, name) = key(object);
    let condition = json!({
        "type": "Ready", "status": "True", "reason": "Ready", "message": "everything is in place", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let patch = json!({"status": {"observedGeneration": 1, "conditions": [condition]}}).to_string();
    let arguments = ["-n", namespace, "patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch];
    ok(control_plane, &arguments).await;
}

/// Paths of all fields below a schema, without the indices of lists.
fn fields(path: &str, schema: &Value, found: &mut Vec<String>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        fields(&path, below, found);
        fields(&path, &below["items"], found);
        found.push(path);
    }
}

/// Paths of all fields of a value, likewise.
fn set(path: &str, value: &Value, found: &mut Vec<String>) {
    for item in value.as_array().into_iter().flatten() {
        set(path, item, found);
    }
    for (name, below) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        set(&path, below, found);
        found.push(path);
    }
}

#[test]
fn the_full_objects_have_every_field() {
    let objects: Vec<Value> = serde_saphyr::from_multiple(FULL).unwrap();
    for file in FILES {
        let definition: Value = serde_saphyr::from_str(&std::fs::read_to_string(root().join(file)).unwrap()).unwrap();
        let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
        let kind = &definition["spec"]["names"]["kind"];
        let (mut known, mut used) = (Vec::new(), Vec::new());
        fields("spec", schema, &mut known);
        for object in objects.iter().filter(|object| object["kind"] == *kind) {
            set("spec", &object["spec"], &mut used);
        }
        known.retain(|path| !used.contains(path));
        assert!(known.is_empty(), "tests/install/full.yaml has no {kind} with {known:?}");
    }
}
