//! Objects of a file against what is known of their kinds: fields that nobody knows, values of another type, and what is missing.
//!
//! The API server says the same and more. Here it is said with the word that was probably meant, and without asking anybody. What a
//! TkeServiceConfig says is read as the controller reads it, by [`ConfigObject`], entry by entry.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserializer;
use serde::de::value::Error as Refusal;
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde_json::{Map, Value, json};

use super::manifest::Document;
use crate::api::service_config::RawServiceConfig;
use crate::api::{crds, names};
use crate::cli::remarks::entry_words;
use crate::model::nearest;
use crate::plan::config::ConfigObject;

/// A kind of which a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// DirectAccessBinding.
    Binding,
    /// TkeServiceConfig.
    Config,
    /// Service.
    Service,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Binding, Self::Config, Self::Service];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Binding => "DirectAccessBinding",
            Self::Config => "TkeServiceConfig",
            Self::Service => "Service",
        }
    }

    /// The name in paths of the API.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Binding => "directaccessbindings",
            Self::Config => "tkeserviceconfigs",
            Self::Service => "services",
        }
    }

    /// The only version.
    pub(super) fn api_version(self) -> String {
        match self {
            Self::Binding | Self::Config => format!("{}/{}", names::GROUP, names::VERSION),
            Self::Service => "v1".to_owned(),
        }
    }

    /// What is known of its fields, as a schema of OpenAPI.
    fn schema(self) -> Option<Value> {
        let mut schema = match self {
            Self::Service => service_schema(),
            // The rest of it is read otherwise.
            Self::Config => json!({"x-kubernetes-preserve-unknown-fields": true, "properties": {"spec": {}}}),
            Self::Binding => {
                let definitions = crds().ok()?;
                let found = definitions.into_iter().find(|found| found.spec.names.kind == self.as_str())?;
                let version = found.spec.versions.into_iter().next()?;
                serde_json::to_value(version.schema?.open_api_v3_schema?).ok()?
            }
        };
        schema["properties"]["metadata"] = known_fields(fields::<ObjectMeta>());
        schema["properties"]["apiVersion"] = json!({"type": "string", "enum": [self.api_version()]});
        schema["properties"]["kind"] = json!({"type": "string"});
        // What is written there is ignored.
        schema["properties"]["status"] = json!({});
        Some(schema)
    }
}

/// What the controller would not follow of a TkeServiceConfig, in its own words; nothing for other kinds.
pub(super) fn unread(document: &Document) -> Vec<String> {
    let raw = || serde_json::from_value::<RawServiceConfig>(document.object.clone()).ok();
    match document.kind {
        Kind::Config => raw().map(|raw| problems(&raw.into())).unwrap_or_default(),
        Kind::Binding | Kind::Service => Vec::new(),
    }
}

/// What the controller does not follow of a config, whoever uses it.
pub(super) fn problems(config: &ConfigObject) -> Vec<String> {
    config.wishes().problems.iter().map(entry_words).collect()
}

/// What is wrong with an object, each with the path of the field; nothing when nothing is.
pub(super) fn faults(kind: Kind, object: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    match kind.schema() {
        Some(schema) => check(&schema, object, "", &mut faults),
        None => faults.push(format!("the definition of {} cannot be printed by this program", kind.as_str())),
    }
    if object["apiVersion"].is_null() {
        faults.push(format!("apiVersion: it is missing; write {}", kind.api_version()));
    }
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        faults.push("metadata.name: it is missing; write the name of the object".to_owned());
    }
    faults
}

fn check(schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    // An explicit null is as if nothing were there.
    if value.is_null() {
        return;
    }
    if let Some(expected) = wrong_type(schema, value) {
        faults.push(format!("{path}: it is {value}, and must be {expected}"));
        return;
    }
    if let Some(fault) = wrong_word(schema, value) {
        faults.push(format!("{path}: {fault}"));
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, faults),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                check(&schema["items"], item, &format!("{path}[{at}]"), faults);
            }
        }
        _ => {}
    }
}

fn check_fields(schema: &Value, fields: &Map<String, Value>, path: &str, faults: &mut Vec<String>) {
    let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let nothing = Map::new();
    let known = schema["properties"].as_object().unwrap_or(&nothing);
    for (name, value) in fields {
        match known.get(name) {
            Some(schema) => check(schema, value, &at(name), faults),
            None if schema["properties"].is_null() => {
                check(&schema["additionalProperties"], value, &at(name), faults);
            }
            None => {
                let free = known.keys().map(String::as_str).filter(|other| !fields.contains_key(*other));
                faults.extend(match nearest(name, free) {
                    Some(near) => {
                        Some(format!("{}: the field is not known; write {near} instead, or remove it", at(name)))
                    }
                    // TKE's kind may have fields that others follow.
                    None => (!is_open).then(|| format!("{}: the field is not known; remove it", at(name))),
                });
            }
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|name| fields.get(*name).is_none_or(Value::is_null));
    faults.extend(missing.map(|name| format!("{}: it is missing; write it", at(name))));
}

/// The type that is expected; `None` when the value has it, or any will do.
fn wrong_type(schema: &Value, value: &Value) -> Option<&'static str> {
    let (is_right, expected) = match schema["type"].as_str()? {
        "object" => (value.is_object(), "an object"),
        "array" => (value.is_array(), "a list"),
        "string" => (value.is_string(), "a text: write it in quotes"),
        "boolean" => (value.is_boolean(), "true or false, without quotes"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number, without quotes"),
        "number" => (value.is_number(), "a number, without quotes"),
        _ => return None,
    };
    (!is_right).then_some(expected)
}

/// What is wrong with a word of which there are only some.
fn wrong_word(schema: &Value, value: &Value) -> Option<String> {
    let allowed = schema["enum"].as_array()?;
    if allowed.contains(value) {
        return None;
    }
    let words: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
    let near = value.as_str().and_then(|word| nearest(word, words.iter().copied()));
    let only = words.first().copied().filter(|_| words.len() == 1);
    Some(match near.or(only) {
        Some(near) => format!("{value} is not known; write {near}"),
        None => format!("{value} is not known; write one of {}", words.join(", ")),
    })
}

fn service_schema() -> Value {
    let mut schema = json!({"properties": {"spec": known_fields(fields::<core::ServiceSpec>())}});
    schema["properties"]["spec"]["properties"]["ports"]["items"] = known_fields(fields::<core::ServicePort>());
    schema
}

fn known_fields(names: &[&str]) -> Value {
    let known: Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"type": "object", "properties": known})
}

/// The fields that a type has in JSON, as it asks for them when it is read.
fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut asked = Asked(&[]);
    // It is refused: only the question counts.
    let _ = T::deserialize(&mut asked);
    asked.0
}

struct Asked(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Asked {
    type Error = Refusal;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refusal> {
        self.0 = fields;
        Err(Refusal::custom("nothing is here"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        Err(Refusal::custom("nothing is here"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, spec: &Value) -> Value {
        json!({"apiVersion": kind.api_version(), "kind": kind.as_str(), "metadata": {"name": "web"}, "spec": spec})
    }

    #[test]
    fn fields_that_nobody_knows_are_named_with_the_one_that_was_meant() {
        let listener = |field: &str| json!({"serviceRef": {"name": "web"}, "listeners": [{"port": 80, "protocol": "TCP", field: 80}]});
        for (kind, spec, expected) in [
            (Kind::Binding, json!({"serviceRef": {"name": "web"}}), None),
            (
                Kind::Binding,
                json!({"serviceRef": {"name": "web"}, "drian": {}}),
                Some("spec.drian: the field is not known; write drain instead, or remove it"),
            ),
            (
                Kind::Binding,
                listener("servicePorts"),
                Some("spec.listeners[0].servicePorts: the field is not known; write servicePort instead, or remove it"),
            ),
            (
                Kind::Binding,
                json!({"serviceRef": {"name": "web"}, "teapot": 1}),
                Some("spec.teapot: the field is not known; remove it"),
            ),
            (Kind::Binding, json!({}), Some("spec.serviceRef: it is missing; write it")),
            (
                Kind::Binding,
                json!({"serviceRef": {"name": 5}}),
                Some("spec.serviceRef.name: it is 5, and must be a text: write it in quotes"),
            ),
            (
                Kind::Binding,
                json!({"serviceRef": {"name": "web"}, "suspend": "yes"}),
                Some("spec.suspend: it is \"yes\", and must be true or false, without quotes"),
            ),
            (
                Kind::Binding,
                json!({"serviceRef": {"name": "web"}, "deletionPolicy": "retian"}),
                Some("spec.deletionPolicy: \"retian\" is not known; write Retain"),
            ),
            (Kind::Config, json!({"loadBalancer": {"l4Listener": []}}), None),
            (Kind::Service, json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}), None),
            (
                Kind::Service,
                json!({"ports": [{"port": 80, "targetport": 8080}]}),
                Some("spec.ports[0].targetport: the field is not known; write targetPort instead, or remove it"),
            ),
            (
                Kind::Service,
                json!({"selectors": {}}),
                Some("spec.selectors: the field is not known; write selector instead, or remove it"),
            ),
        ] {
            let found = faults(kind, &object(kind, &spec));
            assert_eq!(found, expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{spec}");
        }
    }

    #[test]
    fn a_config_is_read_as_the_controller_reads_it() {
        let check = |field: &str, value: Value| json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {field: value}}]}});
        for spec in [
            json!({"loadBalancer": {"l4Listener": []}}),
            json!({"loadBalancer": {"l4Listeners": "80"}}),
            check("intervalTime", json!("5")),
            check("intervalTime", json!(100_000)),
            check("intervallTime", json!(5)),
            check("intervalTime", json!(5)),
        ] {
            let object = object(Kind::Config, &spec);
            let raw: RawServiceConfig = serde_json::from_value(object.clone()).unwrap();
            let row = ConfigObject::from(raw).wishes().problems.clone();
            let (kind, name) = (Kind::Config, "web".to_owned());
            let document = Document { kind, name, faults: faults(kind, &object), object };
            assert!(document.faults.is_empty(), "{:?}", document.faults);
            assert_eq!(unread(&document), row.iter().map(entry_words).collect::<Vec<_>>(), "{spec}");
            assert_eq!(unread(&document).is_empty(), spec == check("intervalTime", json!(5)), "{spec}");
        }
    }

    #[test]
    fn what_every_object_has_is_looked_at_too() {
        let mut object = object(Kind::Binding, &json!({"serviceRef": {"name": "web"}}));
        object["apiVersion"] = json!("cloud.tencent.com/v1");
        object["metadata"] = json!({"lables": {"a": "b"}, "annotations": {"any": "thing"}});
        object["status"] = json!({"whatever": 1});
        assert_eq!(
            faults(Kind::Binding, &object),
            [
                "apiVersion: \"cloud.tencent.com/v1\" is not known; write cloud.tencent.com/v1alpha1",
                "metadata.lables: the field is not known; write labels instead, or remove it",
                "metadata.name: it is missing; write the name of the object",
            ]
        );
    }
}
