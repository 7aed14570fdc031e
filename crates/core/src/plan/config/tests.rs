use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::*;
use crate::api::TkeServiceConfigSpec;
use crate::api::condition::ConfigProblem;
use crate::api::service_config::RawServiceConfig;
use crate::model::{Attribute, Value};

fn read(spec: &Json) -> Wishes {
    let raw = json!({"metadata": {"name": "tuned"}, "spec": {"loadBalancer": spec}});
    ConfigObject::from(serde_json::from_value::<RawServiceConfig>(raw).expect("a config")).wishes().clone()
}

fn layer4(protocol: &str, entry: &Json) -> Wishes {
    let mut whole = json!({"protocol": protocol, "port": 80});
    whole.as_object_mut().expect("an object").extend(entry.as_object().expect("an object").clone());
    read(&json!({"l4Listeners": [whole]}))
}

fn rule(protocol: &str, entry: &Json) -> Wishes {
    let mut whole = json!({"url": "/"});
    whole.as_object_mut().expect("an object").extend(entry.as_object().expect("an object").clone());
    read(&json!({"l7Listeners": [
        {"protocol": protocol, "port": 80, "domains": [{"domain": "a.example", "rules": [whole]}]},
    ]}))
}

fn layer7(protocol: &str, entry: &Json) -> Wishes {
    let mut whole = json!({"protocol": protocol, "port": 80});
    whole.as_object_mut().expect("an object").extend(entry.as_object().expect("an object").clone());
    read(&json!({"l7Listeners": [whole]}))
}

fn told(wishes: &Wishes) -> Vec<(Option<&str>, &str)> {
    wishes.problems.iter().map(|problem| (problem.field.as_deref(), problem.reason.as_str())).collect()
}

fn pairs(attributes: &Attributes) -> Vec<(Attribute, Value)> {
    attributes.iter().map(|(attribute, value)| (attribute, value.clone())).collect()
}

/// What each field of the schema becomes. `None`: nothing, and a problem that says why.
type Row = (&'static str, Json, Option<(Attribute, Value)>);

/// The same, by its whole path.
type Field = (String, Json, Option<(Attribute, Value)>);

fn checks(prefix: &'static str) -> Vec<Field> {
    let text = |attribute, text: &str| Some((attribute, Value::from(text)));
    let number = |attribute, number: i64| Some((attribute, Value::from(number)));
    let rows: Vec<Row> = vec![
        ("enable", json!(false), Some((Attribute::CheckSwitch, false.into()))),
        ("enabled", json!(true), Some((Attribute::CheckSwitch, true.into()))),
        ("intervalTime", json!(7), number(Attribute::CheckInterval, 7)),
        ("timeout", json!(3), number(Attribute::CheckTimeout, 3)),
        ("healthNum", json!(4), number(Attribute::CheckHealthyCount, 4)),
        ("unHealthNum", json!(5), number(Attribute::CheckUnhealthyCount, 5)),
        ("checkPort", json!(8080), number(Attribute::CheckPort, 8080)),
        ("checkType", json!("HTTP"), text(Attribute::CheckType, "HTTP")),
        ("contextType", json!("TEXT"), text(Attribute::CheckContextType, "TEXT")),
        ("sendContext", json!("ping"), text(Attribute::CheckSend, "ping")),
        ("recvContext", json!("pong"), text(Attribute::CheckReceive, "pong")),
        ("httpVersion", json!("HTTP/1.1"), text(Attribute::CheckHttpVersion, "HTTP/1.1")),
        ("httpCode", json!(3), number(Attribute::CheckHttpCodes, 3)),
        ("httpCheckPath", json!("/healthz"), text(Attribute::CheckPath, "/healthz")),
        ("httpCheckDomain", json!("a.example"), text(Attribute::CheckDomain, "a.example")),
        ("httpCheckMethod", json!("GET"), text(Attribute::CheckMethod, "GET")),
        ("sourceIpType", json!(1), number(Attribute::CheckSource, 1)),
    ];
    rows.into_iter().map(|(field, value, expected)| (format!("{prefix}healthCheck.{field}"), value, expected)).collect()
}

fn sessions(prefix: &'static str) -> Vec<Field> {
    let seconds = |seconds: i64| Some((Attribute::SessionSeconds, Value::from(seconds)));
    vec![
        (format!("{prefix}session.enable"), json!(true), seconds(30)),
        (format!("{prefix}session.enabled"), json!(false), seconds(0)),
        (format!("{prefix}session.sessionExpireTime"), json!(300), seconds(300)),
    ]
}

const RULE: &str = "l7Listeners.domains.rules.";

/// Every field of the schema, by its path without indices.
fn rows() -> Vec<Field> {
    let text = |attribute, text: &str| Some((attribute, Value::from(text)));
    let listeners: Vec<Row> = vec![
        ("internetMaxBandwidthOut", json!(20), Some((Attribute::Bandwidth, 20_i64.into()))),
        ("l4Listeners.scheduler", json!("LEAST_CONN"), text(Attribute::Scheduler, "LEAST_CONN")),
        ("l4Listeners.listenerName", json!("mine"), None),
        ("l4Listeners.proxyProtocol.enable", json!(true), Some((Attribute::ProxyProtocol, true.into()))),
        ("l4Listeners.deregisterTargetRst", json!(true), Some((Attribute::ResetOnDeregister, true.into()))),
        ("l7Listeners.defaultServer", json!("a.example"), Some((Attribute::DefaultServer, true.into()))),
        ("l7Listeners.keepaliveEnable", json!(1), Some((Attribute::Keepalive, true.into()))),
        ("l7Listeners.snatEnable", json!(true), Some((Attribute::Snat, true.into()))),
        ("l7Listeners.listenerName", json!("mine"), None),
        ("l7Listeners.sniSwitch", json!(true), None),
        ("l7Listeners.domains.http2", json!(true), Some((Attribute::Http2, true.into()))),
        ("l7Listeners.domains.certificate", json!({"certId": "x"}), None),
        ("l7Listeners.domains.rules.forwardType", json!("GRPC"), text(Attribute::ForwardType, "GRPC")),
        ("l7Listeners.domains.rules.scheduler", json!("IP_HASH"), text(Attribute::Scheduler, "IP_HASH")),
    ];
    let mut rows: Vec<_> =
        listeners.into_iter().map(|(field, value, expected)| (field.to_owned(), value, expected)).collect();
    for prefix in ["l4Listeners.", RULE] {
        rows.extend(sessions(prefix));
        rows.extend(checks(prefix));
    }
    // Rules check the target's own port.
    for row in rows.iter_mut().filter(|(field, ..)| *field == format!("{RULE}healthCheck.checkPort")) {
        row.2 = None;
    }
    rows
}

/// A config in which only this field is set.
fn only(field: &str, value: &Json) -> Wishes {
    let nest = |path: &str| path.rsplit('.').fold(value.clone(), |inner, key| json!({key: inner}));
    if let Some(path) = field.strip_prefix(RULE) {
        return rule("HTTPS", &nest(path));
    }
    if let Some(path) = field.strip_prefix("l7Listeners.domains.") {
        let mut domain = json!({"domain": "a.example"});
        domain.as_object_mut().expect("an object").extend(nest(path).as_object().expect("an object").clone());
        return layer7("HTTPS", &json!({"domains": [domain]}));
    }
    if let Some(path) = field.strip_prefix("l7Listeners.") {
        return layer7("HTTPS", &nest(path));
    }
    match field.strip_prefix("l4Listeners.") {
        Some("proxyProtocol.enable") => layer4("TCP_SSL", &nest("proxyProtocol.enable")),
        Some(path) => layer4("TCP", &nest(path)),
        None => read(&nest(field)),
    }
}

fn wished(wishes: &Wishes) -> Vec<(Attribute, Value)> {
    let mut all: Vec<_> =
        wishes.bandwidth().map(|mbps| (Attribute::Bandwidth, Value::from(mbps))).into_iter().collect();
    for (protocol, port) in wishes.listeners.keys() {
        all.extend(pairs(&wishes.listener(*protocol, *port)));
        all.extend(pairs(&wishes.domain(*protocol, *port, "a.example")));
        all.extend(pairs(&wishes.rule(*protocol, *port, "a.example", "/")));
    }
    all
}

#[test]
fn each_field_is_one_attribute_or_is_told() {
    for (field, value, expected) in rows() {
        let wishes = only(&field, &value);
        assert_eq!(wished(&wishes), Vec::from_iter(expected.clone()), "{field}");
        assert_eq!(wishes.problems.len(), usize::from(expected.is_none()), "{field}: {:?}", wishes.problems);
    }
}

#[test]
fn each_field_of_the_schema_has_a_row() {
    fn walk(schema: &Json, path: &str, leaves: &mut BTreeSet<String>) {
        if let Some(items) = schema.get("items") {
            return walk(items, path, leaves);
        }
        match schema.get("properties").and_then(Json::as_object) {
            None => {
                leaves.insert(path.trim_start_matches('.').to_owned());
            }
            Some(fields) => {
                for (name, inner) in fields {
                    walk(inner, &format!("{path}.{name}"), leaves);
                }
            }
        }
    }
    let crd = serde_json::to_value(<crate::api::TkeServiceConfig as kube::CustomResourceExt>::crd()).expect("JSON");
    let spec = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/loadBalancer");
    let mut leaves = BTreeSet::new();
    walk(spec.expect("the schema of the spec"), "", &mut leaves);
    // Which entry it is; they are no values.
    for key in [
        "l4Listeners.port",
        "l4Listeners.protocol",
        "l7Listeners.port",
        "l7Listeners.protocol",
        "l7Listeners.domains.domain",
    ] {
        assert!(leaves.remove(key), "{key}");
    }
    assert!(leaves.remove("l7Listeners.domains.rules.url"));
    let covered: BTreeSet<String> = rows().into_iter().map(|(field, ..)| field).collect();
    assert_eq!(leaves, covered);
}

#[test]
fn what_is_not_said_is_not_wished() {
    assert_eq!(*ConfigObject::from(TkeServiceConfigSpec::default()).wishes(), Wishes::default());
    for silent in [json!({}), json!({"session": {}, "healthCheck": {}}), json!({"healthCheck": {"intervalTime": 0}})] {
        let wishes = layer4("TCP", &silent);
        assert!(wishes.is_empty() && wishes.problems.is_empty(), "{silent}: {wishes:?}");
        assert_eq!(wishes.subjects().len(), 1);
    }
}

#[test]
fn the_switch_of_a_session_and_its_time_are_one_value() {
    let cases = [
        (json!({"enable": false}), Some(0)),
        (json!({"enable": false, "sessionExpireTime": 60}), Some(0)),
        (json!({"enable": true}), Some(30)),
        (json!({"enable": true, "sessionExpireTime": 60}), Some(60)),
        (json!({"sessionExpireTime": 60}), Some(60)),
        (json!({"sessionExpireTime": 0}), Some(0)),
        (json!({"enable": true, "enabled": false}), Some(30)),
    ];
    for (session, expected) in cases {
        let seen = layer4("TCP", &json!({"session": session}));
        let seconds = seen.listener(Protocol::Tcp, 80).get(Attribute::SessionSeconds).cloned();
        assert_eq!(seconds, expected.map(|seconds: i64| Value::from(seconds)), "{session}");
    }
    assert_eq!(
        told(&layer4("TCP", &json!({"session": {"sessionExpireTime": 7200}}))),
        [(Some("session.sessionExpireTime"), "NotAllowed")]
    );
    assert!(rule("HTTP", &json!({"session": {"sessionExpireTime": 7200}})).problems.is_empty());
}

#[test]
fn what_contradicts_itself_is_told_and_the_rest_counts() {
    // Generated by the vendor's controller.
    let generated =
        layer4("TCP", &json!({"healthCheck": {"enable": true, "intervalTime": 5, "timeout": 5, "healthNum": 3}}));
    assert_eq!(told(&generated), [(Some("healthCheck.timeout"), "Contradiction")]);
    let rest = pairs(&generated.listener(Protocol::Tcp, 80));
    let check = [(Attribute::CheckInterval, 5_i64.into()), (Attribute::CheckHealthyCount, 3_i64.into())];
    assert_eq!(rest[1..], check);
    // From the vendor's documentation.
    let sample =
        layer4("TCP", &json!({"session": {"enable": true, "sessionExpireTime": 3600}, "scheduler": "LEAST_CONN"}));
    assert_eq!(told(&sample), [(Some("scheduler"), "Contradiction")]);
    assert_eq!(pairs(&sample.listener(Protocol::Tcp, 80)), [(Attribute::SessionSeconds, 3600_i64.into())]);
    let hash = rule("HTTP", &json!({"session": {"enable": true}, "scheduler": "IP_HASH"}));
    assert_eq!(told(&hash), [(Some("scheduler"), "Contradiction")]);
    assert!(layer4("TCP", &json!({"session": {"enable": true}, "scheduler": "IP_HASH"})).problems.is_empty());
}

#[test]
fn values_out_of_their_bounds_are_told_with_the_field() {
    let cases: Vec<(Wishes, &str, ConfigProblem)> = vec![
        (
            layer4("TCP", &json!({"healthCheck": {"intervalTime": 1}})),
            "healthCheck.intervalTime",
            ConfigProblem::NotAllowed,
        ),
        (layer4("TCP", &json!({"healthCheck": {"timeout": 61}})), "healthCheck.timeout", ConfigProblem::NotAllowed),
        (layer4("TCP", &json!({"healthCheck": {"healthNum": 1}})), "healthCheck.healthNum", ConfigProblem::NotAllowed),
        (
            layer4("TCP", &json!({"healthCheck": {"unHealthNum": 11}})),
            "healthCheck.unHealthNum",
            ConfigProblem::NotAllowed,
        ),
        (layer4("TCP", &json!({"healthCheck": {"httpCode": 32}})), "healthCheck.httpCode", ConfigProblem::NotAllowed),
        (
            layer4("TCP", &json!({"healthCheck": {"checkType": "PING"}})),
            "healthCheck.checkType",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("UDP", &json!({"healthCheck": {"checkType": "TCP"}})),
            "healthCheck.checkType",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("TCP_SSL", &json!({"healthCheck": {"checkType": "CUSTOM"}})),
            "healthCheck.checkType",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("QUIC", &json!({"healthCheck": {"checkPort": 80}})),
            "healthCheck.checkPort",
            ConfigProblem::NotSupported,
        ),
        (
            layer4("TCP", &json!({"healthCheck": {"checkPort": 70000}})),
            "healthCheck.checkPort",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("TCP", &json!({"healthCheck": {"sourceIpType": 2}})),
            "healthCheck.sourceIpType",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("TCP", &json!({"healthCheck": {"httpCheckPath": "x"}})),
            "healthCheck.httpCheckPath",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("UDP", &json!({"healthCheck": {"sendContext": "\u{e9}"}})),
            "healthCheck.sendContext",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("UDP", &json!({"healthCheck": {"contextType": "HEX", "sendContext": "abc"}})),
            "healthCheck.sendContext",
            ConfigProblem::NotAllowed,
        ),
        (
            layer4("UDP", &json!({"healthCheck": {"contextType": "HEX", "recvContext": "zz"}})),
            "healthCheck.recvContext",
            ConfigProblem::NotAllowed,
        ),
        (layer4("TCP", &json!({"scheduler": "RANDOM"})), "scheduler", ConfigProblem::NotAllowed),
        (
            layer4("TCP", &json!({"proxyProtocol": {"enable": true}})),
            "proxyProtocol.enable",
            ConfigProblem::NotSupported,
        ),
        (layer4("TCP_SSL", &json!({"deregisterTargetRst": true})), "deregisterTargetRst", ConfigProblem::NotSupported),
        (layer7("HTTP", &json!({"keepaliveEnable": 2})), "keepaliveEnable", ConfigProblem::NotAllowed),
        (rule("HTTP", &json!({"forwardType": "FTP"})), "forwardType", ConfigProblem::NotAllowed),
        (
            rule("HTTP", &json!({"healthCheck": {"checkType": "HTTPS"}})),
            "healthCheck.checkType",
            ConfigProblem::NotAllowed,
        ),
        (read(&json!({"internetMaxBandwidthOut": 70000})), "internetMaxBandwidthOut", ConfigProblem::NotAllowed),
        (read(&json!({"l4Listeners": [{"protocol": "HTTP", "port": 80}]})), "protocol", ConfigProblem::NotAllowed),
        (read(&json!({"l7Listeners": [{"protocol": "TCP", "port": 80}]})), "protocol", ConfigProblem::NotAllowed),
        (read(&json!({"l4Listeners": [{"protocol": "SCTP", "port": 80}]})), "protocol", ConfigProblem::NotAllowed),
        (read(&json!({"l4Listeners": [{"protocol": "TCP", "port": 0}]})), "port", ConfigProblem::NotAllowed),
    ];
    for (wishes, field, reason) in cases {
        assert_eq!(told(&wishes), [(Some(field), reason.as_str())], "{field}");
        assert!(wished(&wishes).iter().all(|(attribute, _)| attribute.field() != field), "{field} is not applied");
    }
}

#[test]
fn off_where_there_is_no_switch_needs_no_word() {
    assert!(layer4("TCP", &json!({"proxyProtocol": {"enable": false}})).problems.is_empty());
    let http = layer7("HTTP", &json!({"domains": [{"domain": "a.example", "http2": false}], "keepaliveEnable": 0}));
    assert!(http.problems.is_empty());
    assert_eq!(pairs(&http.listener(Protocol::Http, 80)), [(Attribute::Keepalive, false.into())]);
    let http2 = layer7("HTTP", &json!({"domains": [{"domain": "a.example", "http2": true}]}));
    assert_eq!(told(&http2), [(Some("http2"), "NotSupported")]);
}

#[test]
fn a_wildcard_cannot_be_asked_for() {
    let config = |check: &Json| {
        read(&json!({"l7Listeners": [{"protocol": "HTTP", "port": 80, "domains": [
            {"domain": "*.example.com", "rules": [{"url": "/", "healthCheck": check}]},
        ]}]}))
    };
    let without = config(&json!({"enable": true, "intervalTime": 10}));
    assert_eq!(told(&without), [(Some("healthCheck.httpCheckDomain"), "MissingValue")]);
    assert!(without.rule(Protocol::Http, 80, "*.example.com", "/").is_empty());
    assert!(config(&json!({"enable": true, "httpCheckDomain": "a.example.com"})).problems.is_empty());
}

#[test]
fn the_first_of_two_entries_counts() {
    let twice = read(&json!({
        "l4Listeners": [
            {"protocol": "TCP", "port": 80, "scheduler": "WRR"},
            {"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN"},
        ],
        "l7Listeners": [{"protocol": "HTTP", "port": 81, "domains": [
            {"domain": "a", "rules": [{"url": "/", "scheduler": "WRR"}, {"url": "/", "scheduler": "IP_HASH"}]},
            {"domain": "a"},
        ]}],
    }));
    assert_eq!(
        told(&twice),
        [(None, "Contradiction"), (Some("url"), "Contradiction"), (Some("domains"), "Contradiction")]
    );
    assert_eq!(twice.listener(Protocol::Tcp, 80).get(Attribute::Scheduler), Some(&"WRR".into()));
    assert_eq!(twice.rule(Protocol::Http, 81, "a", "/").get(Attribute::Scheduler), Some(&"WRR".into()));
    let entries: Vec<_> = twice.problems.iter().map(|problem| problem.entry.as_str()).collect();
    assert_eq!(entries, ["TCP:80", "HTTP:81 a/", "HTTP:81"]);
}
