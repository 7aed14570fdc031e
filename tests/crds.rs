//! The files in `crds/` are what the types print, and every field in them is described and bounded.
//!
//! After a change of the types, `UPDATE=1 cargo test --test crds` writes the files anew.
#![allow(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Value, json};
use tke_direct_access::api;

/// Large definitions cannot be applied by `kubectl apply` without server side; 262144 bytes is where annotations end.
const BYTES_MAX: usize = 200_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crds")
}

/// As printed, not as a client would read them: a client turns bounds into floating point numbers.
fn documents() -> Vec<Value> {
    api::crd_files().unwrap().iter().map(|(_, yaml)| serde_saphyr::from_str(yaml).unwrap()).collect()
}

#[test]
fn the_files_are_what_the_types_print() {
    let printed = api::crd_files().unwrap();
    if env::var_os("UPDATE").is_some() {
        for (name, yaml) in &printed {
            fs::write(folder().join(name), yaml).unwrap();
        }
    }
    let names: BTreeSet<String> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, printed.iter().map(|(name, _)| name.clone()).collect(), "the files in crds/");
    for (name, yaml) in &printed {
        let kept = fs::read_to_string(folder().join(name)).unwrap();
        assert!(kept == *yaml, "crds/{name} differs from what the types print: run UPDATE=1 cargo test --test crds");
        assert!(yaml.len() < BYTES_MAX, "crds/{name} has {} bytes", yaml.len());
    }
}

#[test]
fn the_stream_has_every_definition() {
    let kinds: Vec<Value> = serde_saphyr::from_multiple(&api::crds_yaml().unwrap()).unwrap();
    assert!(kinds == documents(), "the stream is not the files one after the other");
    let typed: Vec<_> = api::crds().unwrap().into_iter().map(|crd| crd.spec.names.kind).collect();
    assert_eq!(typed, ["DirectAccessBinding", "TkeServiceConfig"]);
}

#[test]
fn every_field_is_described_and_bounded() {
    let mut faults = Vec::new();
    for document in documents() {
        let schema = document.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap();
        let kind = document.pointer("/spec/names/kind").and_then(Value::as_str).unwrap();
        lint(kind, schema, &mut faults);
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn new_objects_are_marked_as_not_looked_at() {
    for document in documents() {
        let status = document.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/status").unwrap();
        assert_eq!(status["default"], json!({"observedGeneration": -1}));
        assert_eq!(document.pointer("/spec/versions/0/subresources/status"), Some(&json!({})));
    }
}

/// Collects what is wrong with the schema at `path` and those below it.
fn lint(path: &str, schema: &Value, faults: &mut Vec<String>) {
    let mut fault = |text: &str| faults.push(format!("{path}: {text}"));
    let has = |key: &str| schema.get(key).is_some();
    let description = schema["description"].as_str().unwrap_or_default();
    if !path.ends_with("[]") && !description.ends_with('.') {
        fault("has no description that is a sentence");
    }
    if description.contains('\n') {
        fault("has a description with line breaks");
    }
    for forbidden in ["nullable", "x-kubernetes-struct-type", "title", "anyOf", "oneOf", "additionalProperties"] {
        if has(forbidden) {
            fault(&format!("has {forbidden}"));
        }
    }
    if schema["format"].as_str().is_some_and(|format| format.starts_with("uint")) {
        fault("has an unsigned format");
    }
    if schema["default"] == json!([]) || schema.get("default") == Some(&Value::Null) {
        fault("has an empty default");
    }
    match schema["type"].as_str() {
        Some("string") if !(has("maxLength") || has("enum") || has("format")) => fault("is a string without bound"),
        Some("integer" | "number") if !(schema["minimum"].is_i64() && schema["maximum"].is_i64()) => {
            fault("is a number without integer bounds");
        }
        Some("array") if !(schema["maxItems"].is_u64() && has("x-kubernetes-list-type")) => {
            fault("is a list without bound or type");
        }
        None if !(has("x-kubernetes-int-or-string") || has("x-kubernetes-preserve-unknown-fields")) => {
            fault("has no type")
        }
        _ => {}
    }
    lint_map_keys(path, schema, faults);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        lint(&format!("{path}.{name}"), property, faults);
    }
    if let Some(items) = schema.get("items") {
        lint(&format!("{path}[]"), items, faults);
    }
}

/// The keys of a map list must be required or have a default.
fn lint_map_keys(path: &str, schema: &Value, faults: &mut Vec<String>) {
    let items = &schema["items"];
    for key in schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten() {
        let required = items["required"].as_array().is_some_and(|required| required.contains(key));
        let property = &items["properties"][key.as_str().unwrap()];
        if !required && property.get("default").is_none() {
            faults.push(format!("{path}: its key {key} is neither required nor has a default"));
        }
    }
    if (schema["x-kubernetes-list-type"] == "map") != schema.get("x-kubernetes-list-map-keys").is_some() {
        faults.push(format!("{path}: a list has keys when it is a map"));
    }
}

#[test]
fn the_lint_finds_what_it_is_for() {
    let faults = |schema: Value| {
        let mut faults = Vec::new();
        lint("x", &schema, &mut faults);
        faults.len()
    };
    assert_eq!(faults(json!({"description": "A.", "type": "string", "maxLength": 3})), 0);
    for (count, bad) in [
        (1, json!({"type": "string", "maxLength": 3})),
        (1, json!({"description": "A", "type": "string", "maxLength": 3})),
        (1, json!({"description": "A.", "type": "string"})),
        (1, json!({"description": "A.", "type": "string", "maxLength": 3, "nullable": true})),
        (1, json!({"description": "A.", "type": "integer", "minimum": 1})),
        (1, json!({"description": "A.", "type": "integer", "minimum": 1, "maximum": 2.5})),
        (1, json!({"description": "A.", "type": "integer", "minimum": 1, "maximum": 2, "format": "uint8"})),
        (1, json!({"description": "A.", "type": "array", "maxItems": 3})),
        (1, json!({"description": "A."})),
        (1, json!({"description": "A.", "type": "object", "properties": {"b": {"type": "boolean"}}})),
        (
            2,
            json!({"description": "A.", "type": "array", "maxItems": 3, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "properties": {"k": {"type": "boolean"}}}}),
        ),
    ] {
        assert_eq!(faults(bad.clone()), count, "{bad}");
    }
}
