//! Every field: set, it is what the cloud shows; changed, likewise; removed, it is left as it is.

use std::collections::BTreeSet;

use kube::CustomResourceExt;
use serde_json::{Value, json};
use tke_direct_access::api::TkeServiceConfig;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::api::ok;
use crate::scene::{config, found, listener, rounds, until_config, with_config, writes};
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment_with};
use crate::support::eventually;

/// Where a value is seen.
#[derive(Clone, Copy)]
enum Place {
    LoadBalancer,
    Listener(u16),
    /// Of the rule with this domain.
    Rule(u16, &'static str),
    /// Of the listener on this port, and shown as a flag at most: as the simulator keeps it.
    Switches(u16),
}

use Place::{Listener, LoadBalancer, Rule, Switches};

/// A field of the schema; where it is seen, by JSON pointer; and what is seen with the first and the second config.
type Row = (&'static str, Place, &'static str, Value, Value);

/// Two configs that set every field, each with another value.
fn configs() -> [Value; 2] {
    let http_check = |interval: u8, version: &str, domain: &str, path: &str, method: &str, source: u8| {
        json!({"checkType": "HTTP", "intervalTime": interval, "timeout": interval - 3, "healthNum": interval - 2,
            "unHealthNum": interval - 1, "httpVersion": version, "httpCode": interval, "httpCheckDomain": domain,
            "httpCheckPath": path, "httpCheckMethod": method, "sourceIpType": source, "checkPort": 8080})
    };
    let mut first = http_check(6, "HTTP/1.1", "a.example", "/a", "HEAD", 0);
    let mut second = http_check(7, "HTTP/1.0", "b.example", "/b", "GET", 1);
    second["checkPort"] = json!(8081);
    let rule_check = |check: &mut Value| {
        let mut check = check.clone();
        for field in ["httpVersion", "checkPort"] {
            check.as_object_mut().unwrap().remove(field);
        }
        check
    };
    let (rule_first, rule_second) = (rule_check(&mut first), rule_check(&mut second));
    let one = json!({
        "internetMaxBandwidthOut": 21,
        "l4Listeners": [
            {"protocol": "TCP", "port": 80, "session": {"sessionExpireTime": 60}, "deregisterTargetRst": true,
                "healthCheck": first},
            {"protocol": "UDP", "port": 81, "scheduler": "LEAST_CONN", "healthCheck": {"checkType": "CUSTOM",
                "contextType": "TEXT", "sendContext": "one", "recvContext": "{"}},
            {"protocol": "TCP_SSL", "port": 82, "proxyProtocol": {"enable": true}, "session": {"enable": true},
                "healthCheck": {"enable": false}},
            {"protocol": "QUIC", "port": 83, "session": {"enabled": true}, "healthCheck": {"enabled": false}},
        ],
        "l7Listeners": [
            {"protocol": "HTTP", "port": 84, "keepaliveEnable": 1, "snatEnable": true, "defaultServer": "b.example",
                "domains": [
                    {"domain": "a.example", "rules": [{"url": "/", "healthCheck": rule_first,
                        "session": {"sessionExpireTime": 90}}]},
                    {"domain": "b.example", "rules": [{"url": "/", "scheduler": "LEAST_CONN",
                        "healthCheck": {"enable": false}}]},
                    {"domain": "c.example", "rules": [{"url": "/", "session": {"enabled": true},
                        "healthCheck": {"enabled": false}}]},
                    {"domain": "d.example", "rules": [{"url": "/", "session": {"enable": true},
                        "healthCheck": {"checkType": "TCP"}}]},
                ]},
            {"protocol": "HTTPS", "port": 443, "domains": [
                {"domain": "a.example", "http2": true, "rules": [{"url": "/", "forwardType": "GRPC"}]}]},
        ],
    });
    let two = json!({
        "internetMaxBandwidthOut": 22,
        "l4Listeners": [
            {"protocol": "TCP", "port": 80, "session": {"sessionExpireTime": 70}, "deregisterTargetRst": false,
                "healthCheck": second},
            {"protocol": "UDP", "port": 81, "scheduler": "WRR", "healthCheck": {"checkType": "CUSTOM",
                "contextType": "HEX", "sendContext": "6f6e65", "recvContext": "7b"}},
            {"protocol": "TCP_SSL", "port": 82, "proxyProtocol": {"enable": false}, "session": {"enable": false},
                "healthCheck": {"enable": true}},
            {"protocol": "QUIC", "port": 83, "session": {"enabled": false}, "healthCheck": {"enabled": true}},
        ],
        "l7Listeners": [
            {"protocol": "HTTP", "port": 84, "keepaliveEnable": 0, "snatEnable": false, "defaultServer": "a.example",
                "domains": [
                    {"domain": "a.example", "rules": [{"url": "/", "healthCheck": rule_second,
                        "session": {"sessionExpireTime": 95}}]},
                    {"domain": "b.example", "rules": [{"url": "/", "scheduler": "IP_HASH",
                        "healthCheck": {"enable": true}}]},
                    {"domain": "c.example", "rules": [{"url": "/", "session": {"enabled": false},
                        "healthCheck": {"enabled": true}}]},
                    {"domain": "d.example", "rules": [{"url": "/", "session": {"enable": false},
                        "healthCheck": {"checkType": "HTTP"}}]},
                ]},
            {"protocol": "HTTPS", "port": 443, "domains": [
                {"domain": "a.example", "http2": false, "rules": [{"url": "/", "forwardType": "HTTPS"}]}]},
        ],
    });
    [one, two]
}

fn checks(prefix: &'static str, place: Place) -> Vec<(String, Place, &'static str, Value, Value)> {
    let rows = [
        ("intervalTime", "/HealthCheck/IntervalTime", json!(6), json!(7)),
        ("timeout", "/HealthCheck/TimeOut", json!(3), json!(4)),
        ("healthNum", "/HealthCheck/HealthNum", json!(4), json!(5)),
        ("unHealthNum", "/HealthCheck/UnHealthNum", json!(5), json!(6)),
        ("httpCode", "/HealthCheck/HttpCode", json!(6), json!(7)),
        ("httpCheckPath", "/HealthCheck/HttpCheckPath", json!("/a"), json!("/b")),
        ("httpCheckDomain", "/HealthCheck/HttpCheckDomain", json!("a.example"), json!("b.example")),
        ("httpCheckMethod", "/HealthCheck/HttpCheckMethod", json!("HEAD"), json!("GET")),
        ("sourceIpType", "/HealthCheck/SourceIpType", json!(0), json!(1)),
    ];
    rows.map(|(field, pointer, a, b)| (format!("{prefix}.healthCheck.{field}"), place, pointer, a, b)).into()
}

/// Every field that can be applied.
fn rows() -> Vec<(String, Place, &'static str, Value, Value)> {
    let own: Vec<Row> = vec![
        ("internetMaxBandwidthOut", LoadBalancer, "/NetworkAttributes/InternetMaxBandwidthOut", json!(21), json!(22)),
        ("l4Listeners.session.sessionExpireTime", Listener(80), "/SessionExpireTime", json!(60), json!(70)),
        ("l4Listeners.session.enable", Listener(82), "/SessionExpireTime", json!(30), json!(0)),
        ("l4Listeners.session.enabled", Listener(83), "/SessionExpireTime", json!(30), json!(0)),
        ("l4Listeners.scheduler", Listener(81), "/Scheduler", json!("LEAST_CONN"), json!("WRR")),
        ("l4Listeners.deregisterTargetRst", Listener(80), "/DeregisterTargetRst", json!(true), json!(false)),
        ("l4Listeners.proxyProtocol.enable", Switches(82), "/proxyProtocol", json!(true), json!(false)),
        ("l4Listeners.healthCheck.enable", Listener(82), "/HealthCheck/HealthSwitch", json!(0), json!(1)),
        ("l4Listeners.healthCheck.enabled", Listener(83), "/HealthCheck/HealthSwitch", json!(0), json!(1)),
        ("l4Listeners.healthCheck.checkType", Listener(80), "/HealthCheck/CheckType", json!("HTTP"), json!("HTTP")),
        ("l4Listeners.healthCheck.checkType", Listener(81), "/HealthCheck/CheckType", json!("CUSTOM"), json!("CUSTOM")),
        ("l4Listeners.healthCheck.checkPort", Listener(80), "/HealthCheck/CheckPort", json!(8080), json!(8081)),
        (
            "l4Listeners.healthCheck.httpVersion",
            Listener(80),
            "/HealthCheck/HttpVersion",
            json!("HTTP/1.1"),
            json!("HTTP/1.0"),
        ),
        ("l4Listeners.healthCheck.contextType", Listener(81), "/HealthCheck/ContextType", json!("TEXT"), json!("HEX")),
        (
            "l4Listeners.healthCheck.sendContext",
            Listener(81),
            "/HealthCheck/SendContext",
            json!("one"),
            json!("6f6e65"),
        ),
        ("l4Listeners.healthCheck.recvContext", Listener(81), "/HealthCheck/RecvContext", json!("{"), json!("7b")),
        ("l7Listeners.keepaliveEnable", Listener(84), "/KeepaliveEnable", json!(1), json!(0)),
        ("l7Listeners.snatEnable", Switches(84), "/snat", json!(true), json!(false)),
        ("l7Listeners.defaultServer", Rule(84, "b.example"), "/DefaultServer", json!(true), json!(false)),
        ("l7Listeners.domains.http2", Rule(443, "a.example"), "/Http2", json!(true), json!(false)),
        (
            "l7Listeners.domains.rules.forwardType",
            Rule(443, "a.example"),
            "/ForwardType",
            json!("GRPC"),
            json!("HTTPS"),
        ),
        (
            "l7Listeners.domains.rules.scheduler",
            Rule(84, "b.example"),
            "/Scheduler",
            json!("LEAST_CONN"),
            json!("IP_HASH"),
        ),
        (
            "l7Listeners.domains.rules.session.sessionExpireTime",
            Rule(84, "a.example"),
            "/SessionExpireTime",
            json!(90),
            json!(95),
        ),
        ("l7Listeners.domains.rules.session.enable", Rule(84, "d.example"), "/SessionExpireTime", json!(30), json!(0)),
        ("l7Listeners.domains.rules.session.enabled", Rule(84, "c.example"), "/SessionExpireTime", json!(30), json!(0)),
        (
            "l7Listeners.domains.rules.healthCheck.enable",
            Rule(84, "b.example"),
            "/HealthCheck/HealthSwitch",
            json!(0),
            json!(1),
        ),
        (
            "l7Listeners.domains.rules.healthCheck.enabled",
            Rule(84, "c.example"),
            "/HealthCheck/HealthSwitch",
            json!(0),
            json!(1),
        ),
        (
            "l7Listeners.domains.rules.healthCheck.checkType",
            Rule(84, "d.example"),
            "/HealthCheck/CheckType",
            json!("TCP"),
            json!("HTTP"),
        ),
    ];
    let mut rows: Vec<_> =
        own.into_iter().map(|(field, place, at, a, b)| (field.to_owned(), place, at, a, b)).collect();
    rows.extend(checks("l4Listeners", Listener(80)));
    rows.extend(checks("l7Listeners.domains.rules", Rule(84, "a.example")));
    rows
}

/// Fields that are known and cannot be applied, as the status of the config tells them.
fn told() -> [(&'static str, &'static str, &'static str); 9] {
    let rule = "HTTP:84 a.example/";
    [
        ("l4Listeners.listenerName", "TCP:80", "listenerName"),
        ("l7Listeners.listenerName", "HTTP:84", "listenerName"),
        ("l7Listeners.sniSwitch", "HTTP:84", "sniSwitch"),
        ("l7Listeners.domains.certificate", "HTTP:84 a.example", "certificate"),
        ("l7Listeners.domains.rules.healthCheck.checkPort", rule, "healthCheck.checkPort"),
        ("l7Listeners.domains.rules.healthCheck.contextType", rule, "healthCheck.contextType"),
        ("l7Listeners.domains.rules.healthCheck.sendContext", rule, "healthCheck.sendContext"),
        ("l7Listeners.domains.rules.healthCheck.recvContext", rule, "healthCheck.recvContext"),
        ("l7Listeners.domains.rules.healthCheck.httpVersion", rule, "healthCheck.httpVersion"),
    ]
}

/// Fields that say which entry it is.
const KEYS: [&str; 6] = [
    "l4Listeners.port",
    "l4Listeners.protocol",
    "l7Listeners.port",
    "l7Listeners.protocol",
    "l7Listeners.domains.domain",
    "l7Listeners.domains.rules.url",
];

fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        return leaves(items, path, found);
    }
    match schema.get("properties").and_then(Value::as_object) {
        None => {
            found.insert(path.trim_start_matches('.').to_owned());
        }
        Some(fields) => fields.iter().for_each(|(name, inner)| leaves(inner, &format!("{path}.{name}"), found)),
    }
}

#[test]
fn each_field_of_the_schema_has_a_row() {
    let crd = serde_json::to_value(TkeServiceConfig::crd()).unwrap();
    let spec = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/loadBalancer").unwrap();
    let mut fields = BTreeSet::new();
    leaves(spec, "", &mut fields);
    let covered = rows().into_iter().map(|(field, ..)| field).chain(told().map(|(field, ..)| field.to_owned()));
    let covered: BTreeSet<String> = covered.chain(KEYS.map(str::to_owned)).collect();
    assert_eq!(fields, covered);
}

async fn shown(stage: &Stage, place: Place) -> Value {
    match place {
        LoadBalancer => {
            let asked = json!({"LoadBalancerIds": [LOAD_BALANCER]});
            ok(&stage.cloud, "DescribeLoadBalancers", asked).await["LoadBalancerSet"][0].take()
        }
        Listener(port) => listener(stage, port).await,
        Rule(port, domain) => {
            let listener = listener(stage, port).await;
            let rules = listener["Rules"].as_array().cloned().unwrap_or_default();
            rules.into_iter().find(|rule| rule["Domain"] == domain).unwrap_or_default()
        }
        Switches(port) => {
            let state = stage.cloud.state();
            let listeners = state["loadBalancers"][0]["listeners"].as_array().cloned().unwrap_or_default();
            listeners.into_iter().find(|one| one["port"] == port).unwrap_or_default()["switches"].take()
        }
    }
}

/// What is not as it should be. Switches are told as 0 and 1, or as booleans.
async fn wrong(stage: &Stage, which: usize) -> Vec<String> {
    let number = |value: &Value| value.as_bool().map_or(value.clone(), |on| json!(u8::from(on)));
    let mut wrong = Vec::new();
    for (field, place, pointer, first, second) in rows() {
        let expected = [first, second][which].clone();
        let seen = shown(stage, place).await.pointer(pointer).cloned().unwrap_or_default();
        if number(&seen) != number(&expected) {
            wrong.push(format!("{field}: {pointer} is {seen}, not {expected}"));
        }
    }
    wrong
}

async fn until_shown(stage: &Stage, which: usize) {
    eventually(&format!("config {which} is in force"), DEADLINE, async || {
        let wrong = wrong(stage, which).await;
        if wrong.is_empty() { Ok(Some(())) } else { Err(wrong.join("\n")) }
    })
    .await;
}

/// A Service with a port of each transport, a Pod behind it, and a binding with a listener of each protocol.
async fn deploy(stage: &Stage) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [
            {"name": "tcp", "port": 80, "targetPort": 8080},
            {"name": "udp", "port": 81, "targetPort": 8081, "protocol": "UDP"},
        ]},
    });
    let pod = json!({"containers": [{
        "name": "web", "image": "registry.example.com/web:v1",
        "ports": [{"containerPort": 8080}, {"containerPort": 8081, "protocol": "UDP"}],
    }]});
    let listener =
        |port: u16, protocol: &str, from: &str| json!({"port": port, "protocol": protocol, "servicePort": from});
    let mut listeners = [
        listener(80, "TCP", "tcp"),
        listener(81, "UDP", "udp"),
        listener(82, "TCP_SSL", "tcp"),
        listener(83, "QUIC", "udp"),
        listener(84, "HTTP", "tcp"),
        listener(443, "HTTPS", "tcp"),
    ];
    for index in [2, 3, 5] {
        listeners[index]["certificate"] = json!({"id": "cert0001"});
    }
    let domains = ["a.example", "b.example", "c.example", "d.example"].map(|domain| json!({"domain": domain}));
    listeners[4]["rules"] = json!(domains);
    listeners[5]["rules"] = json!([{"domain": "a.example"}]);
    let mut spec = with_config();
    spec["listeners"] = json!(listeners);
    for object in [service.to_string(), binding("web", &spec), deployment_with(1, &json!({}), &pod)] {
        stage.apply(&object).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_field_is_set_changed_and_then_left_alone() {
    let mut stage = Stage::without_controller("fields", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.apply(&config(&json!({}))).await;
    deploy(&stage).await;
    until_config(&stage, "web", "True", "Ready").await;
    for (which, values) in configs().iter().enumerate() {
        stage.apply(&config(values)).await;
        until_shown(&stage, which).await;
        until_config(&stage, "web", "True", "Ready").await;
    }
    // Nothing is managed any more, and nothing is written again.
    let before = writes(&stage);
    stage.apply(&config(&json!({}))).await;
    until_config(&stage, "web", "True", "Ready").await;
    rounds(&stage, 3).await;
    assert_eq!(wrong(&stage, 1).await, [""; 0]);
    assert_eq!(writes(&stage), before);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_listener_has_every_field_from_the_start() {
    let stage = Stage::new("fresh").await;
    let [first, _] = configs();
    stage.apply(&config(&first)).await;
    deploy(&stage).await;
    until_shown(&stage, 0).await;
    until_config(&stage, "web", "True", "Ready").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_cannot_be_applied_are_told() {
    let stage = Stage::new("told").await;
    let check = json!({"checkPort": 8080, "contextType": "TEXT", "sendContext": "a", "recvContext": "b",
        "httpVersion": "HTTP/1.1", "intervalTime": 9});
    let values = json!({
        "l4Listeners": [{"protocol": "TCP", "port": 80, "listenerName": "mine"}],
        "l7Listeners": [{"protocol": "HTTP", "port": 84, "listenerName": "mine", "sniSwitch": true, "domains": [
            {"domain": "a.example", "certificate": {"certId": "x"}, "rules": [{"url": "/", "healthCheck": check}]}]}],
    });
    stage.apply(&config(&values)).await;
    deploy(&stage).await;
    eventually("every such field is told", DEADLINE, async || {
        let status = found(&stage, "web").await.and_then(|config| config.status).unwrap_or_default();
        let fields: BTreeSet<_> =
            status.problems.iter().map(|problem| (problem.entry.as_str(), problem.field.as_deref())).collect();
        let missing: Vec<_> =
            told().into_iter().filter(|(_, entry, field)| !fields.contains(&(*entry, Some(*field)))).collect();
        if missing.is_empty() { Ok(Some(())) } else { Err(format!("{missing:?} not in {:?}", status.problems)) }
    })
    .await;
    until_config(&stage, "web", "True", "PartlyApplied").await;
    let rule = shown(&stage, Rule(84, "a.example")).await;
    assert_eq!(rule["HealthCheck"]["IntervalTime"], 9, "the rest of the entry is applied");
    stage.finish().await;
}
