//! The table *words*, part *config*: whatever stands in an entry of a TkeServiceConfig, no listener, rule or target is lost, and it is in force or
//! reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube::CustomResourceExt as _;
use serde_json::{Map, Value, json};

use super::words_spec::{asked, leaves, play, world};
use crate::api::TkeServiceConfig;
use crate::api::service_config::{EntryProblem, RawServiceConfig};
use crate::plan::config::{ConfigObject, Wishes};

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

/// Values that are what is there anyway.
const SAME: [(&str, &str); 4] = [
    ("/loadBalancer/l4Listeners/0/port", "80"),
    ("/loadBalancer/l4Listeners/0/protocol", "\"TCP\""),
    ("/loadBalancer/l4Listeners/0/proxyProtocol/enable", "false"),
    ("/loadBalancer/l7Listeners/0/domains/0/http2", "false"),
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

fn config(spec: &Value) -> ConfigObject {
    let object = json!({"metadata": {"name": "web", "namespace": "shop", "generation": 1}, "spec": spec});
    serde_json::from_value::<RawServiceConfig>(object).unwrap().into()
}

/// What a field may hold without saying anything: nothing, or what generated objects leave unsaid.
fn says_nothing(garbage: &Value) -> bool {
    match garbage {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) => false,
    }
}

/// What is reported of a value, or that it is in force: `None` where neither is so.
fn answer(without: &Wishes, with: &Wishes, field: &str) -> Option<String> {
    let names = |problem: &&EntryProblem| problem.to_string().contains(field);
    let news = with.problems.iter().filter(|problem| !without.problems.contains(problem));
    let told = news.clone().find(names).or_else(|| news.clone().next());
    let wish = |wishes: &Wishes| {
        let mut wish = wishes.clone();
        wish.problems.clear();
        wish
    };
    told.map(ToString::to_string).or_else(|| (wish(without) != wish(with)).then(|| "in force".to_owned()))
}

#[test]
fn misfortune_words_spec_of_configs_take_nothing_away() {
    let crd = serde_json::to_value(TkeServiceConfig::crd()).unwrap();
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    let before = world();
    let all = asked(&before.bindings[0].spec);
    let plain = config(&entries());
    let plain = plain.wishes();
    let (mut cells, mut faults, mut played) = (0, Vec::new(), BTreeSet::new());
    for path in leaves(schema, "") {
        for garbage in GARBAGE {
            let mut spec = entries();
            let names: Vec<&str> = path.split('/').skip(1).collect();
            put(&mut spec, &names, serde_json::from_str(garbage).unwrap());
            let config = config(&spec);
            let garbage: Value = serde_json::from_str(garbage).unwrap();
            let field = names.last().copied().unwrap_or_default();
            let wishes = config.wishes();
            let is_said = !says_nothing(&garbage) && !SAME.contains(&(path.as_str(), garbage.to_string().as_str()));
            if answer(plain, wishes, field).is_none() && is_said {
                faults.push(format!("{path} {garbage}: neither in force nor reported"));
            }
            cells += 1;
            // What is wished is all that a plan reads of a config.
            if !played.insert(format!("{wishes:?}")) {
                continue;
            }
            let mut world = before.clone();
            world.configs.insert(0, Arc::new(config));
            faults.extend(play(world, &all).into_iter().map(|lost| format!("{path} {garbage}: {lost}")));
        }
    }
    crate::plan::tests::report(&format!("words_config: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
