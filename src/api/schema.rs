//! Prints the custom resource definitions.
//!
//! What the derives print is corrected here, in one pass over the whole document, because a schema that is merely legal can still
//! mislead: `nullable` makes an explicit null differ from absence, an unsigned format draws a warning from the API server, bounds
//! printed as `9.0` read badly, and an object without any status counts as ready for some tools.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Number, Value, json};

use super::{DirectAccessBinding, TkeServiceConfig, names};

/// A definition could not be printed. That is a fault of this program, found by its tests.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The corrected document is not a definition any more.
    #[error("the corrected definition cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The document cannot be written as YAML.
    #[error("the definition cannot be written as YAML: {0}")]
    Yaml(String),
}

/// The definitions of DirectAccessBinding and TkeServiceConfig, in this order.
pub fn crds() -> Result<Vec<CustomResourceDefinition>, SchemaError> {
    documents().into_iter().map(|document| Ok(serde_json::from_value(document?)?)).collect()
}

/// The definitions as YAML, each with the name of its file in `crds/`.
pub fn crd_files() -> Result<Vec<(String, String)>, SchemaError> {
    documents()
        .into_iter()
        .map(|document| {
            let document = document?;
            let plural = document.pointer("/spec/names/plural").and_then(Value::as_str).unwrap_or_default();
            let yaml = serde_saphyr::to_string(&document).map_err(|error| SchemaError::Yaml(error.to_string()))?;
            Ok((format!("{}_{plural}.yaml", names::GROUP), yaml))
        })
        .collect()
}

/// All definitions as one YAML stream, for `kubectl apply -f -`.
pub fn crds_yaml() -> Result<String, SchemaError> {
    let files = crd_files()?;
    Ok(files.into_iter().map(|(_, yaml)| format!("---\n{yaml}")).collect())
}

fn documents() -> [Result<Value, SchemaError>; 2] {
    [DirectAccessBinding::crd(), TkeServiceConfig::crd()].map(|crd| {
        let mut document = serde_json::to_value(crd)?;
        correct(&mut document);
        annotate(&mut document);
        default_status(&mut document);
        Ok(document)
    })
}

/// Corrects every schema in the document.
fn correct(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(correct),
        Value::Object(object) => {
            object.values_mut().for_each(correct);
            correct_object(object);
        }
        _ => {}
    }
}

fn correct_object(object: &mut Map<String, Value>) {
    if object.get("nullable").is_some_and(Value::is_boolean) {
        object.remove("nullable");
    }
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        object.remove("format");
    }
    if object.get("default").is_some_and(|default| default.is_null() || *default == json!([])) {
        object.remove("default");
    }
    for bound in ["minimum", "maximum"] {
        if let Some(whole) = object.get(bound).and_then(Value::as_f64).and_then(whole_number) {
            object.insert(bound.to_owned(), Value::Number(whole));
        }
    }
}

/// The number as an integer, when it is one.
fn whole_number(number: f64) -> Option<Number> {
    let text = format!("{number:.0}");
    (text.parse() == Ok(number)).then(|| text.parse::<i64>().ok().map(Number::from)).flatten()
}

fn annotate(document: &mut Value) {
    document["metadata"]["annotations"] = json!({names::BUNDLE_VERSION: env!("CARGO_PKG_VERSION")});
}

/// Gives new objects a status that says that nobody has looked at them.
fn default_status(document: &mut Value) {
    let versions = document.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(Value::Object(status)) = version.pointer_mut("/schema/openAPIV3Schema/properties/status") {
            status.insert("default".to_owned(), json!({"observedGeneration": -1}));
        }
    }
}
