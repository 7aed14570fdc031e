//! No binding is Ready while something that a user wrote for it is neither in force nor reported.

mod leaves;

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::acts::respec;
use super::world::World;
use crate::api::binding::{DirectAccessBindingSpec, ListenerSpec};
use crate::api::service_config::RawServiceConfig;
use crate::model::Listener;
use crate::plan::config::ConfigObject;

/// Fields of a health check, with values that are right, nearly right, and garbage.
const CHECK: &[(&str, &[&str])] = &[
    ("enable", &["true", "false", "\"ture\"", "1"]),
    ("enabled", &["true", "false"]),
    ("intervalTime", &["5", "7", "300", "1", "\"5\"", "0"]),
    ("intervaltime", &["5"]),
    ("timeout", &["2", "5", "61", "\"x\""]),
    ("healthNum", &["3", "11"]),
    ("checkPort", &["8080", "-1", "0", "70000"]),
    ("checkType", &["\"TCP\"", "\"HTTP\"", "\"CUSTOM\"", "\"PING\"", "\"GRPC\"", "\"SMTP\"", "5"]),
    ("contextType", &["\"TEXT\"", "\"HEX\"", "\"BASE64\""]),
    ("sendContext", &["\"ping\"", "\"0a\"", "\"é\"", "[]"]),
    ("recvContext", &["\"pong\"", "\"0b\"", "{}"]),
    ("httpVersion", &["\"HTTP/1.1\"", "\"HTTP/3\""]),
    ("httpCode", &["31", "32"]),
    ("httpCheckPath", &["\"/up\"", "\"up\""]),
    ("httpCheckDomain", &["\"a.example\"", "5"]),
    ("httpCheckMethod", &["\"GET\"", "\"POST\""]),
    ("sourceIpType", &["0", "1", "2"]),
    ("unknown", &["1"]),
];

const SESSION: &[(&str, &[&str])] = &[
    ("enable", &["true", "false", "\"yes\""]),
    ("enabled", &["true"]),
    ("sessionExpireTime", &["60", "7200", "5", "[]"]),
];

const ENTRY: &[(&str, &[&str])] = &[
    ("scheduler", &["\"WRR\"", "\"LEAST_CONN\"", "\"IP_HASH\"", "\"FAIR\"", "7"]),
    ("proxyProtocol", &["{\"enable\": true}", "{\"enable\": \"on\"}", "true"]),
    ("deregisterTargetRst", &["true", "\"true\""]),
    ("keepaliveEnable", &["0", "1", "2"]),
    // The worlds of these tests show no SNAT, so that it would be written for ever.
    ("snatEnable", &["\"true\""]),
    ("listenerName", &["\"mine\""]),
    ("defaultServer", &["\"a.example\"", "\"nobody.example\""]),
    ("forwardType", &["\"HTTP\"", "\"GRPC\"", "\"FTP\""]),
    ("healthcheck", &["{}"]),
];

/// Some of these fields, each with one of its values.
fn fields(table: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = Map<String, Value>> {
    let one = proptest::sample::select(table);
    let one = one.prop_flat_map(|(name, values)| (Just(name), proptest::sample::select(values)));
    prop::collection::vec(one, 0..5).prop_map(|all| {
        let value = |text: &str| serde_json::from_str(text).unwrap_or_default();
        all.into_iter().map(|(name, text)| (name.to_owned(), value(text))).collect()
    })
}

/// What may stand at a listener or a rule.
fn entry() -> impl Strategy<Value = Map<String, Value>> {
    (fields(ENTRY), prop::option::of(fields(CHECK)), prop::option::of(fields(SESSION))).prop_map(
        |(mut entry, check, session)| {
            entry.extend(check.map(|check| ("healthCheck".to_owned(), Value::Object(check))));
            entry.extend(session.map(|session| ("session".to_owned(), Value::Object(session))));
            entry
        },
    )
}

/// A domain of an HTTP listener with its rules.
fn domain() -> impl Strategy<Value = Value> {
    let name = proptest::sample::select(vec!["a.example", "*.example", "nobody.example"]);
    let rule = (proptest::sample::select(vec!["/", "/", "/nowhere"]), entry()).prop_map(|(url, mut rule)| {
        rule.insert("url".to_owned(), json!(url));
        Value::Object(rule)
    });
    let own = fields(&[("http2", &["true", "false", "1"]), ("certificate", &["{\"certId\": \"one\"}"])]);
    (name, prop::collection::vec(rule, 0..3), own).prop_map(|(name, rules, mut own)| {
        own.extend([("domain".to_owned(), json!(name)), ("rules".to_owned(), json!(rules))]);
        Value::Object(own)
    })
}

fn config() -> impl Strategy<Value = Value> {
    let protocol = proptest::sample::select(vec!["TCP", "UDP", "tcp", "TCP_SSL", "FTP"]);
    let layer4 = (protocol, proptest::sample::select(vec![json!(80), json!(82), json!(99), json!("80")]), entry());
    let layer4 = layer4.prop_map(|(protocol, port, mut entry)| {
        entry.extend([("protocol".to_owned(), json!(protocol)), ("port".to_owned(), port)]);
        Value::Object(entry)
    });
    let port = proptest::sample::select(vec![81, 81, 99]);
    let layer7 = (entry(), port, prop::collection::vec(domain(), 0..3)).prop_map(|(mut listener, port, domains)| {
        listener.extend([("protocol".to_owned(), json!("HTTP")), ("port".to_owned(), json!(port))]);
        listener.insert("domains".to_owned(), json!(domains));
        Value::Object(listener)
    });
    let bandwidth = proptest::sample::select(vec![Value::Null, json!(5), json!(99_999), json!("5")]);
    (prop::collection::vec(layer4, 0..3), prop::collection::vec(layer7, 0..2), bandwidth).prop_map(
        |(layer4, layer7, bandwidth)| {
            let inner = json!({"l4Listeners": layer4, "l7Listeners": layer7, "internetMaxBandwidthOut": bandwidth});
            json!({"loadBalancer": inner})
        },
    )
}

fn spec() -> impl Strategy<Value = Value> {
    let listeners = vec![
        json!({"port": 80, "protocol": "TCP", "servicePort": 80}),
        json!({"port": 82, "protocol": "UDP", "servicePort": 80}),
        json!({"port": 83, "protocol": "TCP", "servicePort": 8080}),
        json!({"port": 84, "protocol": "TCP", "servicePort": 80, "weight": 50}),
        json!({"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": "web-tls"}}),
        json!({"port": 444, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": "nobody"}}),
        json!({"port": 85, "protocol": "TCP", "servicePort": 80, "listenerId": "lbl-99"}),
        json!({"port": 81, "protocol": "HTTP", "servicePort": 80, "rules": [{"domain": "a.example"}, {"domain": "*.example"}]}),
    ];
    let some = proptest::sample::subsequence(listeners, 1..4);
    let drain = prop::option::of(proptest::sample::select(vec!["Deregister", "WeightZero"]));
    (some, drain).prop_map(|(listeners, drain)| {
        let mut spec = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "listeners": listeners});
        drain.into_iter().for_each(|word| spec["drain"] = json!({"notReady": word}));
        spec
    })
}

/// The listener of the cloud that the spec asks for.
fn listener<'a>(world: &'a World, spec: &ListenerSpec) -> Option<&'a Listener> {
    let is_it = |one: &&Listener| i32::from(one.port) == spec.port && one.protocol.as_str() == spec.protocol.as_str();
    world.listeners.iter().find(is_it)
}

/// Listeners and rules of the spec that are not there.
fn missing(world: &World, spec: &DirectAccessBindingSpec) -> Vec<String> {
    let mut faults = Vec::new();
    for wanted in &spec.listeners {
        let name = format!("{}:{}", wanted.protocol.as_str(), wanted.port);
        let Some(found) = listener(world, wanted) else {
            faults.push(format!("there is no {name}"));
            continue;
        };
        for rule in &wanted.rules {
            let is_it = |one: &&crate::model::Rule| one.domain == rule.domain && one.url == rule.url;
            if found.rules.iter().find(is_it).is_none() {
                faults.push(format!("there is no {name} {}{}", rule.domain, rule.url));
            }
        }
        for route in found.routes() {
            let targets = world.targets.get(&route).cloned().unwrap_or_default();
            let weight = wanted.weight;
            if targets.len() != world.pods.len() || targets.iter().any(|one| i32::from(one.weight) != weight) {
                faults.push(format!("{name} has not every Pod with weight {weight}: {targets:?}"));
            }
        }
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn words_are_in_force_or_reported_before_a_binding_is_ready(spec in spec(), config in config()) {
        let mut world = World::new(&json!({})).with_pods([1, 2]);
        respec(&mut world, &spec);
        world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
        world.certificates.insert("nobody".to_owned(), Err("does not exist".to_owned()));
        let raw = json!({"metadata": {"name": "web", "namespace": "shop", "generation": 1}, "spec": config});
        let written = raw["spec"].clone();
        let config = Arc::new(ConfigObject::from(serde_json::from_value::<RawServiceConfig>(raw).unwrap()));
        world.configs.insert(0, config.clone());
        world.converge();
        world.heal();
        world.converge();
        let status = world.bindings[0].status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let faults = leaves::unanswered(&world, &status.config_problems, &written);
        prop_assert_eq!(faults, Vec::<String>::new(), "{:?}", status.config_problems);
        if ready.is_some_and(|ready| ready.status == "True") {
            let faults = missing(&world, &world.bindings[0].spec);
            prop_assert_eq!(faults, Vec::<String>::new());
        }
    }
}
