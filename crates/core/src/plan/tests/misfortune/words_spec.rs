//! The table *words*, part *spec*: whatever stands in a field of a binding or in an entry of a config, what serves and is still asked
//! for loses nothing, and what is not followed is said where its user looks.

use std::collections::BTreeSet;

use garde::Validate as _;
use jiff::SignedDuration;
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::api::DirectAccessBinding;
use crate::api::binding::{DirectAccessBindingSpec, ListenerSpec};
use crate::api::condition::ConditionType;
use crate::model::{Listener, ListenerId, Route, RuleId};
use crate::plan::tests::acts::{respec, web};
use crate::plan::tests::world::World;
use crate::plan::{ConfigView, Problem, Step};

/// The listeners that serve: layer 4, layer 7 with two domains, and one with a certificate.
fn listeners() -> Value {
    json!([
        {"port": 80, "protocol": "TCP", "servicePort": 80, "sharedWith": ["shop"]},
        {"port": 81, "protocol": "HTTP", "servicePort": 80, "rules": [{"domain": "a.example"}, {"domain": "b.example"}]},
        {"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": "web-tls"}},
    ])
}

fn spec() -> Value {
    json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}, "listeners": listeners()})
}

/// What the user of a value hears, and where.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// Nothing: it is followed.
    Followed,
    /// `kubectl` says it: the type of this field refuses the value.
    Type(&'static str),
    /// `kubectl` says it: the field's schema has this bound, which the types do not.
    Bound(&'static str),
    /// `kubectl` says it: a rule across fields begins so.
    Rule(&'static str),
    /// A condition of the binding says it, with these words.
    Condition(ConditionType, &'static str),
}

use ConditionType::{Accepted, Programmed, ResolvedRefs};
use Said::{Bound, Condition, Followed, Rule, Type};

const DIFFER: Said = Rule("listeners must differ in port");
const NEEDS_CERTIFICATE: Said = Rule("certificate must be set for protocol HTTPS, TCP_SSL or QUIC");
const NO_CERTIFICATE: Said = Rule("certificate may be set only for protocol HTTPS, TCP_SSL or QUIC");
const NO_PORT: Said = Condition(ResolvedRefs, "set servicePort of this listener in spec.listeners");
const TWICE: Said = Condition(Accepted, "is there twice");
const NO_SECRET: Said = Condition(ResolvedRefs, "spec.listeners[443/TCP_SSL].certificate: Secret 'shop/nobody'");

/// A field of the spec by its JSON pointer, values that a mistake may leave there, and what their user hears. Nothing that they leave
/// asked for is lost.
type Field = (&'static str, &'static [(&'static str, Said)]);

const FIELDS: &[Field] = &[
    (
        "/serviceRef",
        &[
            (r#"{"name": "wbe"}"#, Condition(ResolvedRefs, "Service 'shop/wbe'")),
            (r#"{"name": ""}"#, Type("service_ref.name")),
        ],
    ),
    ("/mode", &[(r#""Direct""#, Followed)]),
    ("/loadBalancer", &[(r#"{"id": "lb-1", "region": "ap-nowhere"}"#, Rule("loadBalancer.region cannot be set"))]),
    ("/listeners", &[("[]", Followed)]),
    (
        "/listeners/0/port",
        &[
            ("0", Type("listeners[0].port")),
            ("-1", Type("listeners[0].port")),
            ("70000", Type("listeners[0].port")),
            ("81", DIFFER),
            ("443", DIFFER),
        ],
    ),
    (
        "/listeners/0/protocol",
        &[
            (r#""UDP""#, Followed),
            (r#""QUIC""#, NEEDS_CERTIFICATE),
            (r#""TCP_SSL""#, NEEDS_CERTIFICATE),
            (r#""HTTP""#, Followed),
            (r#""HTTPS""#, NEEDS_CERTIFICATE),
        ],
    ),
    (
        "/listeners/0/servicePort",
        &[
            ("0", NO_PORT),
            ("70000", NO_PORT),
            ("8080", NO_PORT),
            (r#""""#, Bound("minLength")),
            (r#""nobody""#, NO_PORT),
            ("null", Followed),
        ],
    ),
    (
        "/listeners/0/listenerId",
        &[
            (r#""lbl-99""#, Condition(ResolvedRefs, "correct its listenerId")),
            (r#""""#, Type("listeners[0].listener_id")),
            (r#""lbl-2""#, Condition(Accepted, "correct listenerId, port or protocol")),
        ],
    ),
    (
        "/listeners/0/certificate",
        &[
            (r#"{"id": "cert-9"}"#, NO_CERTIFICATE),
            (r#"{"secretName": "nobody"}"#, NO_CERTIFICATE),
            ("{}", Rule("certificate must have exactly one of id and secretName")),
        ],
    ),
    (
        "/listeners/0/rules",
        &[(r#"[{"domain": "c.example"}]"#, Rule("rules may be set only for protocol HTTP or HTTPS"))],
    ),
    ("/listeners/0/weight", &[("100", Followed), ("99", Followed)]),
    (
        "/listeners/0/sharedWith",
        &[(r#"["shop"]"#, Followed), (r#"["Shop"]"#, Type("listeners[0].shared_with")), ("[]", Followed)],
    ),
    ("/listeners/0/sharedWith/0", &[(r#""shop""#, Followed), (r#""Shop""#, Type("listeners[0].shared_with[0]"))]),
    ("/listeners/1/port", &[("0", Type("listeners[1].port")), ("80", DIFFER), ("443", DIFFER)]),
    (
        "/listeners/1/rules",
        &[(r#"[{"domain": "a.example"}, {"domain": "a.example"}, {"domain": "b.example"}]"#, TWICE)],
    ),
    (
        "/listeners/1/rules/0/domain",
        &[
            (r#""b.example""#, TWICE),
            (r#""""#, Followed),
            (r#""*.example""#, Followed),
            (r#""~^x""#, Followed),
            (r#""值.example""#, Type("listeners[1].rules[0].domain")),
        ],
    ),
    (
        "/listeners/1/rules/0/url",
        &[
            (r#""=""#, Followed),
            (r#""~*""#, Followed),
            (r#""""#, Type("listeners[1].rules[0].url")),
            (r#""/值""#, Followed),
        ],
    ),
    (
        "/listeners/1/rules/0/certificate",
        &[
            (r#"{"secretName": "nobody"}"#, Rule("rules may have a certificate only for protocol HTTPS")),
            (r#"{"id": ""}"#, Type("listeners[1].rules[0].certificate.id")),
        ],
    ),
    ("/listeners/1/certificate", &[(r#"{"secretName": "nobody"}"#, NO_CERTIFICATE)]),
    (
        "/listeners/2/certificate",
        &[
            (r#"{"secretName": "nobody"}"#, NO_SECRET),
            (r#"{"id": "cert-9"}"#, Followed),
            (r#"{"id": ""}"#, Type("listeners[2].certificate.id")),
        ],
    ),
    (
        "/serviceConfigRef",
        &[
            (r#"{"name": "nobody"}"#, Condition(ResolvedRefs, "TkeServiceConfig 'shop/nobody'")),
            (r#"{"name": ""}"#, Type("service_config_ref.name")),
        ],
    ),
    ("/autoServiceConfig", &[("true", Followed)]),
    (
        "/network",
        &[
            (r#""Auto""#, Followed),
            (r#""VpcCni""#, Followed),
            (r#""GlobalRouter""#, Condition(Programmed, "NetworkChanged")),
        ],
    ),
    (
        "/readinessGate",
        &[
            (r#"{"policy": "Disabled"}"#, Followed),
            (r#"{"policy": "Registered"}"#, Followed),
            (r#"{"timeoutSeconds": -1}"#, Type("readiness_gate.timeout_seconds")),
        ],
    ),
    (
        "/drain",
        &[
            (r#"{"terminating": "Deregister", "notReady": "Deregister"}"#, Followed),
            (r#"{"lastNotReady": "Follow"}"#, Followed),
        ],
    ),
    (
        "/drain/timeoutSeconds",
        &[("0", Followed), ("-1", Type("drain.timeout_seconds")), ("2147483647", Type("drain.timeout_seconds"))],
    ),
    (
        "/deletionPolicy",
        &[
            (r#""Delete""#, Rule("deletionPolicy may be Delete only with loadBalancer.create")),
            (r#""Retain""#, Followed),
            (r#""Deregister""#, Followed),
        ],
    ),
    ("/suspend", &[("true", Condition(Accepted, "spec.suspend is true"))]),
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
    let is_row = |(pointer, values): &Field| {
        let pointer = flat(pointer);
        let is_within = path.starts_with(&format!("{pointer}/"));
        pointer == path || is_within && values.iter().any(|(value, _)| value.contains(&format!("\"{name}\"")))
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
        for (value, _) in *values {
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

/// The messages of all rules across fields of a schema.
fn rules(schema: &Value, found: &mut Vec<String>) {
    let own = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    found.extend(own.filter_map(|rule| rule["message"].as_str()).map(str::to_owned));
    schema["properties"].as_object().into_iter().flatten().for_each(|(_, child)| rules(child, found));
    if let Some(items) = schema.get("items") {
        rules(items, found);
    }
}

/// What is wrong with what the user of a value hears; nothing, if all is well.
fn unheard(schema: &Value, messages: &[String], pointer: &str, whole: &Value, said: Said) -> Option<String> {
    let mut world = world();
    respec(&mut world, whole);
    let spec = world.bindings[0].spec.clone();
    if spec.service_ref.name != "web" {
        world.service = None;
    }
    if spec.service_config_ref.is_some() {
        world.config = ConfigView::Missing(Vec::new());
    }
    let report = spec.validate().err().map(|report| report.to_string()).unwrap_or_default();
    let problems = world.plan().bindings.remove(0).problems;
    let is_heard = match said {
        Followed => report.is_empty() && problems.is_empty(),
        Type(field) => report.contains(field),
        Bound(keyword) => {
            let path = pointer.replace("/0/", "/items/").replace("/1/", "/items/").replace('/', "/properties/");
            let path = path.replace("/properties/items/", "/items/");
            schema.pointer(&path).is_some_and(|field| field.get(keyword).is_some())
        }
        Rule(start) => report.is_empty() && messages.iter().any(|message| message.starts_with(start)),
        Condition(kind, words) => {
            report.is_empty() && problems.iter().any(|found| found.condition == kind && found.message.contains(words))
        }
    };
    (!is_heard).then(|| format!("{said:?}: {report:?}, {problems:?}"))
}

#[test]
fn misfortune_words_spec_that_are_not_followed_are_said_where_their_user_looks() {
    let crd = serde_json::to_value(DirectAccessBinding::crd()).unwrap();
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    let (mut messages, mut faults) = (Vec::new(), Vec::new());
    rules(schema, &mut messages);
    for (pointer, values) in FIELDS {
        for (value, said) in *values {
            let whole = with(pointer, value).unwrap();
            let fault = unheard(schema, &messages, pointer, &whole, *said);
            faults.extend(fault.map(|fault| format!("{pointer} {value}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
