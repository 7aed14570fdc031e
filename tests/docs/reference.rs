//! `docs/reference.md`: every field of both kinds, from the definitions that the types print.

use std::fmt::Write;

use serde_json::Value;
use tke_direct_access::api;

use super::generated::generated;

const FILE: &str = "docs/reference.md";

const OPENING: &str = "\
# Reference of the custom resources

Every field of DirectAccessBinding and TkeServiceConfig, API group `cloud.tencent.com`, version `v1alpha1`. On a cluster,
`kubectl explain directaccessbinding.spec --recursive` says the same.

- **Type**: `list of …` is a list; \"by `port`\" means that no two of its items have the same `port`.
- **Default**: what the API server fills in. **required**: must be given. `–`: may be left out, and the description says what
  happens then.
- **Allowed**: limits that the API server checks.
- **Rules** are checked by the API server, too, when an object is applied. `oldSelf` in a rule means that it is about changes.

Written from the definitions by `UPDATE=1 cargo test --test docs`.
";

/// The schema of a kind, as printed.
pub(super) fn schemas() -> Vec<(String, Value)> {
    let parsed = |(_, yaml): &(String, String)| -> Value { serde_saphyr::from_str(yaml).unwrap() };
    let documents = api::crd_files().unwrap();
    let schema = |document: &Value| document.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap().clone();
    let kind = |document: &Value| document.pointer("/spec/names/kind").unwrap().as_str().unwrap().to_owned();
    documents.iter().map(parsed).map(|document| (kind(&document), schema(&document))).collect()
}

fn document() -> String {
    let mut text = OPENING.to_owned();
    for (_, yaml) in api::crd_files().unwrap() {
        let definition: Value = serde_saphyr::from_str(&yaml).unwrap();
        kind(&definition, &mut text);
    }
    text
}

fn kind(definition: &Value, text: &mut String) {
    let names = &definition["spec"]["names"];
    let version = &definition["spec"]["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let kind = names["kind"].as_str().unwrap();
    write!(text, "\n## {kind}\n\n{}\n\n", schema["description"].as_str().unwrap()).unwrap();
    let short = names["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let short: Vec<_> = short.map(|name| format!("`{name}`")).collect();
    write!(text, "`kubectl get {}`", names["plural"].as_str().unwrap()).unwrap();
    writeln!(text, "; short name {}. Columns:\n", short.join(", ")).unwrap();
    text.push_str("| column | what it shows |\n|---|---|\n");
    for column in version["additionalPrinterColumns"].as_array().unwrap() {
        let wide = if column["priority"] == 1 { " With `-o wide` only." } else { "" };
        let name = column["name"].as_str().unwrap().to_uppercase();
        writeln!(text, "| {name} | {}{wide} |", column["description"].as_str().unwrap()).unwrap();
    }
    rules(kind, schema, false, text);
    section(&format!("{kind} spec"), "spec", &schema["properties"]["spec"], text);
    section(&format!("{kind} status"), "status", &schema["properties"]["status"], text);
}

/// The fields of an object, with a table of their own for each that is an object or list of objects at the first level.
fn section(title: &str, path: &str, schema: &Value, text: &mut String) {
    writeln!(text, "\n### {title}\n\n{}\n", schema["description"].as_str().unwrap()).unwrap();
    let deep = |field: &Value| inner(field).is_some_and(|inner| inner["properties"].is_object());
    let fields = schema["properties"].as_object().unwrap();
    table(schema, text, |name, field, rows| row(schema, name, name, field, rows));
    rules(path, schema, false, text);
    for (name, field) in fields.iter().filter(|(_, field)| deep(field)) {
        let path = format!("{path}.{name}");
        let of = title.split(' ').next().unwrap();
        let ending = if field["type"] == "array" { "[]" } else { "" };
        writeln!(text, "\n#### {of} {path}{ending}\n\n{}\n", field["description"].as_str().unwrap()).unwrap();
        let inner = inner(field).unwrap();
        table(inner, text, |name, field, rows| flat(inner, name, name, field, rows));
        rules(&path, field, true, text);
    }
}

fn table(schema: &Value, text: &mut String, each: impl Fn(&str, &Value, &mut String)) {
    text.push_str("| field | type | default | allowed | description |\n|---|---|---|---|---|\n");
    for (name, field) in schema["properties"].as_object().unwrap() {
        each(name, field, text);
    }
}

/// An object itself, or what a list consists of.
fn inner(field: &Value) -> Option<&Value> {
    match field["type"].as_str() {
        Some("object") => Some(field),
        Some("array") => Some(&field["items"]),
        _ => None,
    }
}

/// A field and all below it.
fn flat(parent: &Value, path: &str, name: &str, field: &Value, text: &mut String) {
    row(parent, path, name, field, text);
    let Some(inner) = inner(field) else { return };
    let ending = if field["type"] == "array" { "[]" } else { "" };
    for (name, below) in inner["properties"].as_object().into_iter().flatten() {
        flat(inner, &format!("{path}{ending}.{name}"), name, below, text);
    }
}

fn row(parent: &Value, path: &str, name: &str, field: &Value, text: &mut String) {
    let is_required = parent["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let default = match field.get("default") {
        Some(default) => format!("`{default}`"),
        None if is_required => "**required**".to_owned(),
        None => "–".to_owned(),
    };
    let description = cell(field["description"].as_str().unwrap());
    let fixed = if is_fixed(parent, name) { " **Cannot be changed later.**" } else { "" };
    writeln!(text, "| `{path}` | {} | {default} | {} | {description}{fixed} |", kind_of(field), allowed(field))
        .unwrap();
}

/// A bar would end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A rule about changes names the field.
fn is_fixed(parent: &Value, name: &str) -> bool {
    let about = |rule: &&Value| {
        let path = rule["fieldPath"].as_str().unwrap_or_default();
        let is_here = path == format!(".{name}") || path.starts_with(&format!(".{name}."));
        is_here
            && rule["rule"].as_str().unwrap().contains("oldSelf")
            && !rule["message"].as_str().unwrap().contains("removed once")
    };
    parent["x-kubernetes-validations"].as_array().into_iter().flatten().any(|rule| about(&rule))
}

fn kind_of(field: &Value) -> String {
    if field["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    match field["type"].as_str() {
        Some("array") => {
            let keys = field["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let keys: Vec<_> = keys.map(|key| format!("`{key}`")).collect();
            let by = if keys.is_empty() { String::new() } else { format!(" by {}", keys.join(" and ")) };
            format!("list of {}{by}", kind_of(&field["items"]))
        }
        Some("string") if field["format"] == "date-time" => "time".to_owned(),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

fn allowed(field: &Value) -> String {
    let mut parts = Vec::new();
    let values = field["enum"].as_array();
    if let Some(values) = values {
        let written = |value: &str| if value.is_empty() { "empty".to_owned() } else { format!("`{value}`") };
        parts.push(values.iter().filter_map(Value::as_str).map(written).collect::<Vec<_>>().join(", "));
    }
    match (field["minimum"].as_i64(), field["maximum"].as_i64()) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most}")),
        (Some(least), None) => parts.push(format!("{least} or more")),
        (None, Some(most)) => parts.push(format!("{most} or less")),
        (None, None) => {}
    }
    match (field["minLength"].as_u64(), field["maxLength"].as_u64()) {
        _ if values.is_some() => {}
        (Some(least), Some(most)) => parts.push(format!("{least} to {most} characters")),
        (None, Some(most)) => parts.push(format!("at most {most} characters")),
        (Some(least), None) => parts.push(format!("{least} characters or more")),
        (None, None) => {}
    }
    parts.extend(field["maxItems"].as_u64().map(|most| format!("at most {most} items")));
    parts.extend(field["pattern"].as_str().map(|pattern| format!("`{}`", cell(pattern))));
    if let Some(items) = field.get("items").filter(|items| items["type"] != "object") {
        let each = allowed(items);
        if !each.is_empty() {
            parts.push(format!("each: {each}"));
        }
    }
    parts.join("; ")
}

/// The rules of an object itself, or with all that is below it.
fn rules(path: &str, schema: &Value, is_deep: bool, text: &mut String) {
    let mut found = Vec::new();
    collect(path, schema, is_deep, &mut found);
    if !found.is_empty() {
        write!(text, "\nRules:\n\n{}\n", found.join("\n")).unwrap();
    }
}

fn collect(path: &str, schema: &Value, is_deep: bool, found: &mut Vec<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let field = rule["fieldPath"].as_str().unwrap_or_default();
        let (message, condition) = (rule["message"].as_str().unwrap(), rule["rule"].as_str().unwrap());
        found.push(format!("- `{path}{field}`: {message}. `{condition}`"));
    }
    if !is_deep {
        return;
    }
    if let Some(items) = schema.get("items") {
        collect(&format!("{path}[]"), items, true, found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect(&format!("{path}.{name}"), field, true, found);
    }
}

#[test]
fn the_reference_is_what_the_types_print() {
    generated(FILE, &document());
}

#[test]
fn every_field_of_a_definition_is_in_the_reference() {
    let text = document();
    let mut count = 0;
    for (kind, schema) in schemas() {
        let mut open = vec![&schema["properties"]["spec"], &schema["properties"]["status"]];
        while let Some(next) = open.pop() {
            for (name, field) in next["properties"].as_object().into_iter().flatten() {
                let is_there = text.contains(&format!("`{name}`")) || text.contains(&format!(".{name}`"));
                assert!(is_there, "{kind}: {name}");
                count += 1;
                open.extend(inner(field));
            }
        }
    }
    assert!(count > 150, "{count} fields");
}
