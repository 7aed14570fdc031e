//! What our definitions have against an object, found without an API server: schema, lists and rules in CEL.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tke_direct_access::api;

use crate::cel::{Names, holds, parse};

/// The schema of the spec of bindings.
pub(crate) fn binding_spec() -> Value {
    let crds = serde_json::to_value(api::crds().unwrap()).unwrap();
    crds[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// What a schema has against a value, once its defaults are filled in. Rules that compare with the object before are left out.
pub(crate) fn refusals(schema: &Value, value: &Value) -> Vec<String> {
    let mut value = value.clone();
    fill(schema, &mut value);
    let mut found = Vec::new();
    judge(schema, &value, "spec", &mut found);
    found
}

/// Fills in what the API server fills in.
fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let (Some(default), false) = (schema.get("default"), members.contains_key(name)) {
                    members.insert(name.clone(), default.clone());
                }
                if let Some(member) = members.get_mut(name) {
                    fill(schema, member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(&schema["items"], item)),
        _ => {}
    }
}

fn judge(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let mut refuse = |what: String| found.push(format!("{path}: {what}"));
    match value {
        Value::Object(members) => judge_object(schema, members, &mut refuse),
        Value::Array(items) => judge_array(schema, items, &mut refuse),
        Value::String(text) => judge_text(schema, text, &mut refuse),
        Value::Number(number) => {
            let is_whole = number.is_i64();
            let number = number.as_f64().unwrap();
            let is_in = schema["minimum"].as_f64().is_none_or(|least| least <= number)
                && schema["maximum"].as_f64().is_none_or(|most| number <= most);
            let is_integer = schema["type"] == "integer" || schema["x-kubernetes-int-or-string"] == true;
            if !(is_in && is_whole && is_integer) {
                refuse(format!("{number} is not taken"));
            }
        }
        Value::Bool(_) if schema["type"] != "boolean" => refuse("it is a boolean".to_owned()),
        Value::Bool(_) => {}
        Value::Null => refuse("it is null".to_owned()),
    }
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let text = rule["rule"].as_str().unwrap();
        let names = Names::from([("self".to_owned(), value.clone())]);
        // A value of a wrong type is refused before rules are asked.
        if found.is_empty() && !text.contains("oldSelf") && !holds(&parse(text), &names) {
            found.push(format!("{path}: {}", rule["message"].as_str().unwrap()));
        }
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                judge(&schema["properties"][name], member, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                judge(&schema["items"], item, &format!("{path}[{place}]"), found);
            }
        }
        _ => {}
    }
}

fn judge_object(schema: &Value, members: &Map<String, Value>, refuse: &mut impl FnMut(String)) {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    members
        .keys()
        .filter(|name| !properties.contains_key(*name))
        .for_each(|name| refuse(format!("{name} is not known")));
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.filter(|name| !members.contains_key(*name)).for_each(|name| refuse(format!("{name} is missing")));
}

fn judge_array(schema: &Value, items: &[Value], refuse: &mut impl FnMut(String)) {
    if schema["maxItems"].as_u64().is_none_or(|most| most < u64::try_from(items.len()).unwrap()) {
        refuse(format!("{} items are too many", items.len()));
    }
    let keys = schema["x-kubernetes-list-map-keys"].as_array().cloned().unwrap_or_default();
    let key = |item: &Value| match schema["x-kubernetes-list-type"].as_str() {
        Some("map") => keys.iter().map(|key| item[key.as_str().unwrap()].to_string()).collect::<Vec<_>>().join(" "),
        _ => item.to_string(),
    };
    let different: BTreeSet<String> = items.iter().map(key).collect();
    if schema.get("x-kubernetes-list-type").is_some_and(|kind| kind != "atomic") && different.len() < items.len() {
        refuse("two items are the same".to_owned());
    }
}

fn judge_text(schema: &Value, text: &str, refuse: &mut impl FnMut(String)) {
    let length = u64::try_from(text.chars().count()).unwrap();
    let is_long_enough = schema["minLength"].as_u64().is_none_or(|least| least <= length);
    if !is_long_enough || schema["maxLength"].as_u64().is_some_and(|most| most < length) {
        refuse(format!("{length} characters are not taken"));
    }
    let fits = |pattern: &str| regex::Regex::new(pattern).unwrap().is_match(text);
    if schema["pattern"].as_str().is_some_and(|pattern| !fits(pattern)) {
        refuse(format!("{text:?} is not of the form {}", schema["pattern"]));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.iter().any(|one| one == text)) {
        refuse(format!("{text:?} is none of {}", schema["enum"]));
    }
    if schema["type"] != "string" && schema["x-kubernetes-int-or-string"] != true {
        refuse("it is a text".to_owned());
    }
}
