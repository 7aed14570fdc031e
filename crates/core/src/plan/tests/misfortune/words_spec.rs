//! The table *words*, part *spec*: whatever stands in a field of a binding or in an entry of a config, what serves and is still asked
//! for loses nothing.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::api::DirectAccessBinding;
use crate::api::binding::{DirectAccessBindingSpec, ListenerSpec};
use crate::api::condition::ConditionType;
use crate::model::{Listener, ListenerId, Route, RuleId};
use crate::plan::tests::acts::{respec, web};
use crate::plan::tests::world::World;
use crate::plan::{Problem, Step};

/// The listeners that serve: layer 4, layer 7 with two domains, and one with a certificate.
fn listeners() -> Value {
    json!([
        {"port": 80, "protocol": "TCP", "servicePort": 80},
        {"port": 81, "protocol": "HTTP", "servicePort": 80, "rules": [{"domain": "a.example"}, {"domain": "b.example"}]},
        {"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": "web-tls"}},
    ])
}

fn spec() -> Value {
    json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "listeners": listeners()})
}

/// A field of the spec by its JSON pointer, and values that a mistake may leave there. Nothing that they leave asked for is lost.
const FIELDS: &[(&str, &[&str])] = &[
    ("/serviceRef", &[r#"{"name": "wbe"}"#, r#"{"name": ""}"#]),
    ("/mode", &[r#""Direct""#]),
    ("/loadBalancer", &[r#"{"id": "lb-1", "region": "ap-nowhere"}"#]),
    ("/listeners", &["[]"]),
    ("/listeners/0/port", &["0", "-1", "70000", "81", "443"]),
    ("/listeners/0/protocol", &[r#""UDP""#, r#""QUIC""#, r#""TCP_SSL""#, r#""HTTP""#, r#""HTTPS""#]),
    ("/listeners/0/servicePort", &["0", "70000", "8080", r#""""#, r#""nobody""#, "null"]),
    ("/listeners/0/listenerId", &[r#""lbl-99""#, r#""""#, r#""lbl-2""#]),
    ("/listeners/0/certificate", &[r#"{"id": "cert-9"}"#, r#"{"secretName": "nobody"}"#, "{}"]),
    ("/listeners/0/rules", &[r#"[{"domain": "c.example"}]"#]),
    ("/listeners/0/weight", &["100", "99"]),
    ("/listeners/1/port", &["0", "80", "443"]),
    ("/listeners/1/rules", &[r#"[{"domain": "a.example"}, {"domain": "a.example"}, {"domain": "b.example"}]"#]),
    ("/listeners/1/rules/0/domain", &[r#""b.example""#, r#""""#, r#""*.example""#, r#""~^x""#, r#""值.example""#]),
    ("/listeners/1/rules/0/url", &[r#""=""#, r#""~*""#, r#""""#, r#""/值""#]),
    ("/listeners/1/rules/0/certificate", &[r#"{"secretName": "nobody"}"#, r#"{"id": ""}"#]),
    ("/listeners/1/certificate", &[r#"{"secretName": "nobody"}"#]),
    ("/listeners/2/certificate", &[r#"{"secretName": "nobody"}"#, r#"{"id": "cert-9"}"#, r#"{"id": ""}"#]),
    ("/serviceConfigRef", &[r#"{"name": "nobody"}"#, r#"{"name": ""}"#]),
    ("/autoServiceConfig", &["true"]),
    ("/network", &[r#""Auto""#, r#""VpcCni""#, r#""GlobalRouter""#]),
    ("/readinessGate", &[r#"{"policy": "Disabled"}"#, r#"{"policy": "Registered"}"#, r#"{"timeoutSeconds": -1}"#]),
    ("/drain", &[r#"{"terminating": "Deregister", "notReady": "Deregister"}"#, r#"{"lastNotReady": "Follow"}"#]),
    ("/drain/timeoutSeconds", &["0", "-1", "2147483647"]),
    ("/deletionPolicy", &[r#""Delete""#, r#""Retain""#, r#""Deregister""#]),
    ("/suspend", &["true"]),
];

pub(super) fn world() -> World {
    let mut world = web(&json!({"listeners": listeners()}), 2);
    world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
    world.certificates.insert("nobody".to_owned(), Err("does not exist".to_owned()));
    world.converge();
    world.heal();
    world.converge();
    world
}

/// The listeners and rules that serve and are still asked for by protocol and port, domain and path.
pub(super) fn asked(spec: &DirectAccessBindingSpec) -> BTreeSet<String> {
    let keys = |listener: &ListenerSpec| {
        let own = format!("{}/{}", listener.port, listener.protocol.as_str());
        let rules = listener.rules.iter().map(|rule| format!("{own} {}{}", rule.domain, rule.url));
        let at_layer_4 = listener.rules.is_empty().then(|| own.clone());
        rules.chain(at_layer_4).collect::<Vec<_>>()
    };
    spec.listeners.iter().flat_map(keys).collect()
}

/// What a step takes away of what is asked for.
fn losses(world: &World, asked: &BTreeSet<String>, step: &Step) -> Vec<String> {
    let name = |route: &Route| {
        let listener = world.listeners.iter().find(|listener| listener.id == route.listener)?;
        let own = format!("{}/{}", listener.port, listener.protocol);
        let rule = listener.rules.iter().find(|rule| Some(&rule.id) == route.rule.as_ref());
        let name = rule.map_or_else(|| own.clone(), |rule| format!("{own} {}{}", rule.domain, rule.url));
        asked.contains(&name).then_some(name)
    };
    let of_listener = |id: &ListenerId| {
        let listener = world.listeners.iter().find(|listener| listener.id == *id);
        listener.into_iter().flat_map(Listener::routes).filter_map(|route| name(&route)).collect::<Vec<_>>()
    };
    match step {
        Step::Reweight(all) => all.iter().filter(|one| one.to < one.from).filter_map(|one| name(&one.route)).collect(),
        Step::Deregister(all) => all.iter().filter_map(|one| name(&one.route)).collect(),
        Step::DeleteListeners(all) => all.iter().flat_map(|(id, _)| of_listener(id)).collect(),
        Step::DeleteRules { listener, rules, .. } => {
            let route = |rule: &RuleId| Route { listener: listener.clone(), rule: Some(rule.clone()) };
            rules.iter().filter_map(|rule| name(&route(rule))).collect()
        }
        _ => Vec::new(),
    }
}

/// Plays ten rounds, and ten more after the time of a drain.
pub(super) fn play(mut world: World, asked: &BTreeSet<String>) -> Vec<String> {
    let mut lost = Vec::new();
    for _ in 0..2 {
        for _ in 0..10 {
            let steps = world.plan().steps;
            for step in &steps {
                lost.extend(losses(&world, asked, step).into_iter().map(|what| format!("{step}: {what}")));
            }
            world.round();
            world.heal();
        }
        world.now += SignedDuration::from_secs(400);
    }
    lost
}

/// The fields of a schema that hold values.
pub(super) fn leaves(schema: &Value, path: &str) -> Vec<String> {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        return properties.iter().flat_map(|(name, schema)| leaves(schema, &format!("{path}/{name}"))).collect();
    }
    match schema.get("items") {
        Some(items) => leaves(items, &format!("{path}/0")),
        None => vec![path.to_owned()],
    }
}

/// The field has a row, or one of an object with it. What a load balancer is created with cannot change.
fn has_row(path: &str) -> bool {
    let flat = |path: &str| path.replace("/1/", "/0/").replace("/2/", "/0/");
    let name = path.rsplit('/').next().unwrap();
    let is_row = |(pointer, values): &(&str, &[&str])| {
        let pointer = flat(pointer);
        let is_within = path.starts_with(&format!("{pointer}/"));
        pointer == path || is_within && values.iter().any(|value| value.contains(&format!("\"{name}\"")))
    };
    path.starts_with("/loadBalancer/create/") || FIELDS.iter().any(is_row)
}

fn with(pointer: &str, value: &str) -> Option<Value> {
    let mut whole = spec();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let value: Value = serde_json::from_str(value).unwrap();
    if whole.pointer(parent).is_none() {
        whole.as_object_mut().unwrap().insert(parent.trim_start_matches('/').to_owned(), json!({}));
    }
    let parent = whole.pointer_mut(parent).unwrap();
    match key.parse::<usize>() {
        Ok(place) if parent.is_array() => parent[place] = value,
        _ => parent[key] = value,
    }
    serde_json::from_value::<DirectAccessBindingSpec>(whole.clone()).ok().map(|_| whole)
}

#[test]
fn misfortune_words_spec_takes_nothing_away_that_is_still_asked_for() {
    let crd = serde_json::to_value(DirectAccessBinding::crd()).unwrap();
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    let missing: Vec<_> = leaves(schema, "").into_iter().filter(|path| !has_row(path)).collect();
    assert!(missing.is_empty(), "every field of the spec has its row: {missing:?}");
    let (mut cells, mut faults) = (0, Vec::new());
    for (pointer, values) in FIELDS {
        for value in *values {
            let Some(whole) = with(pointer, value) else { panic!("{pointer} {value} does not get past the reader") };
            let mut world = world();
            let before: BTreeSet<String> = asked(&world.bindings[0].spec);
            respec(&mut world, &whole);
            let after = asked(&world.bindings[0].spec);
            // What is refused leaves everything as it is; what is followed, all that is in both specs.
            let is_refused = |problem: &Problem| problem.condition != ConditionType::Programmed;
            let both = if world.plan().bindings[0].problems.iter().any(is_refused) {
                before
            } else {
                before.intersection(&after).cloned().collect()
            };
            cells += 1;
            faults.extend(play(world, &both).into_iter().map(|lost| format!("{pointer} {value}: {lost}")));
        }
    }
    crate::plan::tests::report(&format!("words_spec: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
