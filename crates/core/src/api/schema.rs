//! Prints the custom resource definitions.
//!
//! What the derives print is corrected here, in one pass over the whole document, because a schema that is merely legal
//! can still mislead: `nullable` makes an explicit null differ from absence, an unsigned format draws a warning from
//! the API server, bounds printed as `9.0` read badly, and an object without any status counts as ready for some tools.

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

/// The same as they are printed, for those who read their schemas.
pub fn crd_documents() -> Result<Vec<Value>, SchemaError> {
    documents().into_iter().collect()
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
        let versions = document.pointer_mut("/spec/versions").and_then(Value::as_array_mut);
        for schema in
            versions.into_iter().flatten().filter_map(|version| version.pointer_mut("/schema/openAPIV3Schema"))
        {
            correct(schema);
            if let Some(status) = schema.pointer_mut("/properties/status") {
                default_status(status);
            }
        }
        document["metadata"]["annotations"] = json!({names::BUNDLE_VERSION: env!("CARGO_PKG_VERSION")});
        Ok(document)
    })
}

/// Corrects a schema and those of its properties and items.
fn correct(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    schema.remove("nullable");
    schema.remove("title");
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        schema.remove("format");
    }
    if schema.get("default").is_some_and(|default| default.is_null() || *default == json!([])) {
        schema.remove("default");
    }
    for bound in ["minimum", "maximum"] {
        if let Some(whole) = schema.get(bound).and_then(Value::as_f64).and_then(whole_number) {
            schema.insert(bound.to_owned(), Value::Number(whole));
        }
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    children(schema).for_each(correct);
}

/// The schemas right below one.
fn children(schema: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    schema.iter_mut().flat_map(|(key, value)| match (key.as_str(), value) {
        ("properties", Value::Object(properties)) => properties.values_mut().collect(),
        ("items" | "additionalProperties", child) => vec![child],
        _ => Vec::new(),
    })
}

/// The number as an integer, when it is one.
fn whole_number(number: f64) -> Option<Number> {
    let text = format!("{number:.0}");
    let whole: i64 = text.parse().ok()?;
    (text.parse() == Ok(number)).then(|| whole.into())
}

/// Gives new objects a status that says that nobody has looked at them. Other defaults are for what users write: in a
/// status they would put words into the controller's mouth.
fn default_status(status: &mut Value) {
    remove_defaults(status);
    status["default"] = json!({"observedGeneration": -1});
    status["properties"]["observedGeneration"]["default"] = json!(-1);
}

fn remove_defaults(schema: &mut Value) {
    let Value::Object(schema) = schema else { return };
    schema.remove("default");
    children(schema).for_each(remove_defaults);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_is_corrected_and_a_property_of_that_name_is_not() {
        let mut schema = json!({"title": "Root", "type": "object", "properties": {
            "title": {"type": "string", "nullable": true, "default": null, "description": "One\n  line."},
            "format": {"type": "integer", "format": "uint16", "minimum": 1.0, "maximum": 2.5},
            "default": {"type": "array", "default": [], "items": {"type": "string", "nullable": true, "default": ""}},
        }});
        correct(&mut schema);
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {
                "title": {"type": "string", "description": "One line."},
                "format": {"type": "integer", "minimum": 1, "maximum": 2.5},
                "default": {"type": "array", "items": {"type": "string", "default": ""}},
            }})
        );
    }

    #[test]
    fn numbers_beyond_integers_stay_as_they_are() {
        assert_eq!(whole_number(-1.0), Some(Number::from(-1)));
        assert_eq!([whole_number(0.5), whole_number(1e300), whole_number(f64::NAN)], [None, None, None]);
    }

    #[test]
    fn printing_is_repeatable() {
        assert_eq!(crds_yaml().unwrap(), crds_yaml().unwrap());
    }
}
