//! YAML of the pages: whole objects are taken by the real API server, fragments of our kinds have only fields that exist.
//!
//! A block `yaml` holds whole objects. A block `yaml fragment` holds a part of something; `yaml fragment DirectAccessBinding` a part of
//! that kind, from its root.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::page::{Block, none, pages};
use super::reference::schemas;
use crate::stage;
use crate::support::{ControlPlane, Namespace};

/// API groups of other projects, whose kinds are not installed: their objects are only parsed.
const OTHER_GROUPS: &[&str] = &[
    "argoproj.io",
    "helm.toolkit.fluxcd.io",
    "kustomize.config.k8s.io",
    "kustomize.toolkit.fluxcd.io",
    "monitoring.coreos.com",
    "notification.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
];

/// The YAML blocks of all pages.
fn blocks() -> Vec<Block> {
    let all = pages().into_iter().flat_map(|page| page.blocks);
    all.filter(|block| block.info.split_whitespace().next().is_some_and(|word| word == "yaml" || word == "yml"))
        .collect()
}

fn documents(block: &Block) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple(&block.text).map_err(|error| format!("{}: {error}", block.place))
}

fn is_fragment(block: &Block) -> bool {
    block.info.split_whitespace().nth(1) == Some("fragment")
}

fn group(object: &Value) -> &str {
    object["apiVersion"].as_str().unwrap_or_default().split('/').next().unwrap_or_default()
}

/// A control plane that knows both kinds, and a namespace on it.
pub(super) async fn control_plane() -> (&'static ControlPlane, Namespace) {
    let control_plane = stage::control_plane().await;
    (control_plane, control_plane.namespace("docs").await)
}

/// Namespaces that objects of the pages are in.
async fn make_namespaces(control_plane: &ControlPlane, objects: &[Value]) {
    let named = objects.iter().filter_map(|object| object["metadata"]["namespace"].as_str());
    for name in named.collect::<BTreeSet<_>>() {
        // It may be there.
        let _ = control_plane.kubectl(&["create", "namespace", name]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_taken_by_the_api_server() {
    let (control_plane, namespace) = control_plane().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut faults, mut count) = (Vec::new(), 0);
    for block in blocks().iter().filter(|block| !is_fragment(block)) {
        let objects = match documents(block) {
            Ok(objects) => objects,
            Err(error) => {
                faults.push(error);
                continue;
            }
        };
        if objects.iter().any(|object| object["apiVersion"].is_null() || object["kind"].is_null()) {
            faults.push(format!("{}: not a whole object; call the block 'yaml fragment'", block.place));
            continue;
        }
        make_namespaces(control_plane, &objects).await;
        for object in objects.iter().filter(|object| !OTHER_GROUPS.contains(&group(object))) {
            count += 1;
            let file: PathBuf = folder.path().join("object.json");
            std::fs::write(&file, object.to_string()).unwrap();
            let path = file.display().to_string();
            let place = object["metadata"]["namespace"].as_str().unwrap_or(&namespace.name);
            let apply = ["apply", "--dry-run=server", "--validate=strict", "-n", place, "-f", &path];
            if let Err(error) = control_plane.kubectl(&apply).await.ok() {
                faults.push(format!("{}: {}: {error}", block.place, object["kind"]));
            }
        }
    }
    none(&faults);
    assert!(count >= 5, "{count} objects");
}

/// Fields of a fragment that its kind does not have.
fn unknown(path: &str, value: &Value, schema: &Value) -> Vec<String> {
    if schema["x-kubernetes-preserve-unknown-fields"] == true && schema["properties"].is_null() {
        return Vec::new();
    }
    match value {
        Value::Array(items) => {
            items.iter().flat_map(|item| unknown(&format!("{path}[]"), item, &schema["items"])).collect()
        }
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let path = format!("{path}.{name}");
                match (path.as_str(), schema["properties"].get(name)) {
                    (".metadata" | ".apiVersion" | ".kind", _) => Vec::new(),
                    (_, Some(below)) => unknown(&path, value, below),
                    (_, None) => vec![path],
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn fragments_have_only_fields_that_exist() {
    let schemas = schemas();
    let mut faults = Vec::new();
    for block in blocks().iter().filter(|block| is_fragment(block)) {
        let kind = block.info.split_whitespace().nth(2);
        let schema = kind.map(|kind| schemas.iter().find(|(name, _)| name == kind).map(|(_, schema)| schema));
        match (documents(block), schema) {
            (Err(error), _) => faults.push(error),
            (Ok(_), Some(None)) => faults.push(format!("{}: no kind of ours: '{}'", block.place, block.info)),
            (Ok(found), Some(Some(schema))) => {
                let strange = found.iter().flat_map(|one| unknown("", one, schema));
                faults.extend(strange.map(|path| format!("{}: no field {path}", block.place)));
            }
            (Ok(_), None) => {}
        }
    }
    none(&faults);
}

#[test]
fn an_unknown_field_is_found() {
    let (_, schema) = schemas().into_iter().find(|(kind, _)| kind == "DirectAccessBinding").unwrap();
    let check = |text: &str| unknown("", &serde_saphyr::from_str(text).unwrap(), &schema);
    assert_eq!(check("spec: {listeners: [{port: 80, protocol: TCP}], suspend: true}"), Vec::<String>::new());
    assert_eq!(
        check("spec: {listeners: [{ports: 80}], suspended: true}"),
        [".spec.listeners[].ports", ".spec.suspended"]
    );
}

/// Where a binding is made by hand, the annotation beside it would create a load balancer as soon as the binding is not there.
#[test]
fn no_example_asks_by_annotation_and_binds_by_hand() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples: Vec<(String, Vec<Value>)> = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            examples.push((path.display().to_string(), serde_saphyr::from_multiple(&text).unwrap()));
        }
    }
    for block in blocks().iter().filter(|block| !is_fragment(block)) {
        examples.push((block.place.clone(), documents(block).unwrap()));
    }
    assert!(examples.len() > 15, "{}", examples.len());
    for (place, objects) in examples {
        let bound: Vec<_> = objects.iter().filter_map(|object| object["spec"]["serviceRef"]["name"].as_str()).collect();
        let asks = |object: &&Value| {
            object["metadata"]["annotations"]["service.cloud.tencent.com/direct-access"] == "true"
                && object["metadata"]["name"].as_str().is_some_and(|name| bound.contains(&name))
        };
        assert!(!objects.iter().any(|object| asks(&object)), "{place}");
    }
}
