//! The table *words*, part *config*: whatever stands in an entry of a TkeServiceConfig, no listener, rule or target is lost.

use std::sync::Arc;

use kube::CustomResourceExt as _;
use serde_json::{Map, Value, json};

use super::words_spec::{asked, leaves, play, world};
use crate::api::TkeServiceConfig;

/// Values that a mistake may leave in any field, as JSON.
const GARBAGE: &[&str] = &[
    r#""""#,
    r#"" ""#,
    r#""CHANGE_ME""#,
    r#""True""#,
    r#""FTP""#,
    r#""TCP""#,
    r#""值""#,
    r#""/ x""#,
    "0",
    "-1",
    "1",
    "80",
    "443",
    "70000",
    "2147483647",
    "true",
    "false",
    "[]",
    "{}",
    "null",
];

/// Entries for everything that serves.
fn entries() -> Value {
    json!({"loadBalancer": {
        "l4Listeners": [{"protocol": "TCP", "port": 80}],
        "l7Listeners": [{"protocol": "HTTP", "port": 81, "domains": [{"domain": "a.example", "rules": [{"url": "/"}]}]}],
    }})
}

/// Writes a value at a path, through objects and lists that may not be there yet.
fn put(place: &mut Value, path: &[&str], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *place = value;
        return;
    };
    if *first == "0" {
        if !place.is_array() {
            *place = json!([Value::Null]);
        }
        return put(&mut place[0], rest, value);
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    put(&mut place[*first], rest, value);
}

fn config(spec: &Value) -> Option<TkeServiceConfig> {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1}, "spec": spec,
    });
    serde_json::from_value(object).ok()
}

#[test]
fn misfortune_words_spec_of_configs_take_nothing_away() {
    let crd = serde_json::to_value(TkeServiceConfig::crd()).unwrap();
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    let before = world();
    let all = asked(&before.bindings[0].spec);
    let (mut cells, mut faults) = (0, Vec::new());
    for path in leaves(schema, "") {
        let mut read = 0;
        for garbage in GARBAGE {
            let mut spec = entries();
            let names: Vec<&str> = path.split('/').skip(1).collect();
            put(&mut spec, &names, serde_json::from_str(garbage).unwrap());
            let Some(config) = config(&spec) else { continue };
            let mut world = before.clone();
            world.configs.insert(0, Arc::new(config));
            (read, cells) = (read + 1, cells + 1);
            faults.extend(play(world, &all).into_iter().map(|lost| format!("{path} {garbage}: {lost}")));
        }
        assert!(read > 0, "{path}: no value gets past the reader");
    }
    crate::plan::tests::report(&format!("words_config: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
