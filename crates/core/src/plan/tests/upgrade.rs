//! What the previous release has left, read by this one: nothing of it is removed or lowered, and no condition flips.
//!
//! `tests/upgrade/previous.json` has the objects and the load balancer of a real cluster in which the previous controller was at rest, and
//! `definitions.yaml` its definitions. `UPDATE=1 tools/judges/upgrade` wrote them.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::acts::delete;
use super::world::{World, pod};
use crate::api::names;
use crate::model::{
    AccountId, Address, Caller, GateState, Listener, ListenerId, ListenerState, ObjectKey, Protocol, Route, Rule,
    RuleId,
};
use crate::plan::Step;

const PREVIOUS: &str = include_str!("../../../../../tests/upgrade/previous.json");
const DEFINITIONS: &str = include_str!("../../../../../tests/upgrade/definitions.yaml");

fn previous() -> Value {
    serde_json::from_str(PREVIOUS).unwrap()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn rows<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// The world that the previous release has left.
fn world(found: &Value) -> World {
    let mut world = World::new(&json!({}));
    world.bindings = rows(found, "bindings")
        .iter()
        .map(|object| Arc::new(serde_json::from_value(object.clone()).unwrap()))
        .collect();
    let namespace = world.bindings[0].metadata.namespace.clone().unwrap();
    world.service.as_mut().unwrap().key.namespace.clone_from(&namespace);
    for (number, row) in (1..).zip(rows(found, "pods")) {
        let mut pod = pod(number);
        pod.key = ObjectKey::new(&namespace, text(row, "name"));
        (pod.uid, pod.ips, pod.gate) = (text(row, "uid"), vec![text(row, "ip").parse().unwrap()], GateState::Open);
        (pod.created, pod.containers_ready_since) = (Some(world.now), Some(world.now));
        world.pods.insert(number, pod);
    }
    if let Some(account) = found.pointer("/bindings/0/status/loadBalancer/account").and_then(Value::as_str) {
        world.caller = Caller::Known(AccountId::new(account));
    }
    rows(found, "listeners").iter().for_each(|row| put_listener(&mut world, row));
    world.heal();
    world
}

fn put_listener(world: &mut World, row: &Value) {
    let (id, protocol) = (ListenerId::new(text(row, "id")), text(row, "protocol").parse::<Protocol>().unwrap());
    let mut listener = Listener {
        id: id.clone(),
        name: text(row, "name"),
        protocol,
        port: u16::try_from(row["port"].as_u64().unwrap()).unwrap(),
        state: ListenerState::Serving,
        attributes: super::cloud::defaults(protocol),
        rules: Vec::new(),
    };
    for rule in rows(row, "rules") {
        let attributes = super::cloud::rule_defaults(&listener);
        let rule_id = RuleId::new(text(rule, "id"));
        put_targets(world, &Route { listener: id.clone(), rule: Some(rule_id.clone()) }, rule);
        listener.rules.push(Rule { id: rule_id, domain: text(rule, "domain"), url: text(rule, "url"), attributes });
    }
    if !protocol.is_layer7() {
        put_targets(world, &Route { listener: id, rule: None }, row);
    }
    world.listeners.push(listener);
}

fn put_targets(world: &mut World, route: &Route, row: &Value) {
    world.targets.insert(route.clone(), Vec::new());
    for target in rows(row, "targets") {
        let port = u16::try_from(target["port"].as_u64().unwrap()).unwrap();
        let address = Address { ip: text(target, "ip").parse().unwrap(), port };
        let weight = u8::try_from(target["weight"].as_u64().unwrap()).unwrap();
        world.put_target(route, address, weight, &text(target, "tag"));
    }
}

/// Type, status and time of each condition of each binding.
fn conditions(world: &World) -> Vec<(String, String, String)> {
    let statuses = world.bindings.iter().flat_map(|binding| &binding.status);
    let all = statuses.flat_map(|status| &status.conditions);
    all.map(|one| (one.type_.clone(), one.status.clone(), one.last_transition_time.0.to_string())).collect()
}

/// Nothing is done in three rounds, and no condition flips.
fn rests(world: &mut World, what: &str) {
    let before = conditions(world);
    for _ in 0..3 {
        assert_eq!(world.round().steps, [], "{what}");
    }
    assert_eq!(conditions(world), before, "{what}");
}

#[test]
fn what_the_previous_release_has_written_is_read() {
    let found = previous();
    let world = world(&found);
    assert!(world.targets.values().filter(|targets| !targets.is_empty()).count() >= 3, "there is something to lose");
    for (object, binding) in rows(&found, "bindings").iter().zip(&world.bindings) {
        let read = serde_json::to_value(&**binding).unwrap();
        for part in ["spec", "status"] {
            let lost = lost(part, &object[part], &read[part]);
            assert!(lost.is_empty(), "not read, or read as something else: {lost:?}");
        }
    }
}

/// The paths of what is in one value and not the same in the other.
fn lost(path: &str, before: &Value, after: &Value) -> Vec<String> {
    match (before, after) {
        (Value::Object(before), _) => {
            before.iter().flat_map(|(name, value)| lost(&format!("{path}.{name}"), value, &after[name])).collect()
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).flat_map(|(before, after)| lost(path, before, after)).collect()
        }
        _ if before == after => Vec::new(),
        _ => vec![format!("{path}: {before} to {after}")],
    }
}

#[test]
fn what_the_previous_release_has_left_is_at_rest() {
    let found = previous();
    rests(&mut world(&found), "as it is");
    // Each form of the finalizer, and a status of which nothing was written yet.
    let mut first = world(&found);
    for binding in &mut first.bindings {
        Arc::make_mut(binding).metadata.finalizers = Some(vec![names::FINALIZER.to_owned()]);
    }
    let steps = first.round().steps;
    assert!(!steps.iter().any(takes_away), "{steps:?}");
    let mut silent = world(&found);
    silent.bindings.iter_mut().for_each(|binding| Arc::make_mut(binding).status = None);
    for _ in 0..3 {
        let steps = silent.round().steps;
        assert!(!steps.iter().any(takes_away), "{steps:?}");
    }
}

fn takes_away(step: &Step) -> bool {
    !matches!(step, Step::CreateListeners { .. } | Step::CreateRules { .. } | Step::Register(_))
}

/// What it has left is known as this controller's own: it leaves when its time comes.
#[test]
fn what_the_previous_release_has_left_can_leave() {
    let found = previous();
    let mut drained = world(&found);
    let address = drained.pods[&1].ips[0];
    delete(&mut drained, [1]);
    drained.pods.remove(&1);
    drained.converge();
    assert!(drained.targets.values().flatten().all(|target| target.address.ip != address), "{:?}", drained.targets);
    let mut gone = world(&found);
    let foreign = gone.listeners.iter().filter(|listener| listener.name == "theirs").count();
    let now = gone.now;
    for binding in &mut gone.bindings {
        Arc::make_mut(binding).metadata.deletion_timestamp = Some(Time(now));
    }
    gone.converge();
    assert_eq!((gone.listeners.len(), foreign), (1, 1), "{:?}", gone.listeners);
}

/// Where the definitions are still the previous ones, the API server drops what they do not know of a status. Nothing is lost by it.
#[test]
fn statuses_of_this_release_under_the_previous_definitions_lose_nothing_that_serves() {
    let definitions: Vec<Value> = serde_saphyr::from_multiple(DEFINITIONS).unwrap();
    let schema = definitions.iter().find(|one| one["spec"]["names"]["kind"] == "DirectAccessBinding").unwrap();
    let schema = schema.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/status").unwrap();
    let mut world = world(&previous());
    let mut dropped = Vec::new();
    for _ in 0..3 {
        assert_eq!(world.round().steps, []);
        for binding in &mut world.bindings {
            let mut status = serde_json::to_value(&binding.status).unwrap();
            prune("status", &mut status, schema, &mut dropped);
            Arc::make_mut(binding).status = serde_json::from_value(status).unwrap();
        }
    }
    dropped.sort();
    dropped.dedup();
    super::report(&format!("upgrade: previous definitions drop {dropped:?}"));
}

/// Drops what a schema does not know, as the API server does.
fn prune(path: &str, value: &mut Value, schema: &Value, dropped: &mut Vec<String>) {
    match value {
        Value::Object(fields) if schema["properties"].is_object() => fields.retain(|name, below| {
            let known = schema["properties"].get(name);
            let path = format!("{path}.{name}");
            match known {
                Some(schema) => prune(&path, below, schema, dropped),
                None => dropped.push(path),
            }
            known.is_some()
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| prune(path, item, &schema["items"], dropped)),
        _ => {}
    }
}
