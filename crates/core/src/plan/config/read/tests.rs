use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::shape::{DOMAIN, LAYER4, LAYER7, RULE, SPEC};
use super::*;
use crate::api::schema::crds;
use crate::api::service_config::EntryProblem;
use crate::model::{Attribute, Value as Wished};
use crate::plan::config::problems::PROBLEMS_MAX;

fn object(spec: &Value) -> ConfigObject {
    let raw = json!({"metadata": {"name": "tuned", "namespace": "shop"}, "spec": spec});
    ConfigObject::from(serde_json::from_value::<RawServiceConfig>(raw).unwrap())
}

fn wishes(config: &ConfigObject) -> Wishes {
    config.wishes().clone()
}

/// Entry, field, reason and message of everything that is said of a config.
fn told(wishes: &Wishes) -> Vec<(String, String, String, String)> {
    let one = |problem: &EntryProblem| {
        let field = problem.field.clone().unwrap_or_default();
        (problem.entry.clone(), field, problem.reason.clone(), problem.message.clone())
    };
    wishes.problems.iter().map(one).collect()
}

/// Something wrong, and the one thing that is said of it: entry, field, reason, and how the message ends.
type Row = (Value, [&'static str; 4]);

fn rows() -> Vec<Row> {
    let tcp = |more: Value| {
        let mut entry = json!({"protocol": "TCP", "port": 80});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"loadBalancer": {"l4Listeners": [entry]}})
    };
    let check = |more: Value| tcp(json!({"healthCheck": more}));
    let rules = |rules: Value| {
        let domains = json!([{"domain": "a.example", "rules": rules}]);
        json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "domains": domains}]}})
    };
    let unreadable = "Unreadable";
    let unknown = "UnknownField";
    vec![
        (json!("x"), ["spec", "", unreadable, "takes an object with fields; correct it, or remove it"]),
        (
            json!({"loadBalancer": []}),
            ["loadBalancer", "", unreadable, "it is a list, and takes an object with fields; correct it, or remove it"],
        ),
        (json!({"loadbalancer": {}}), ["spec", "loadbalancer", unknown, "write loadBalancer"]),
        (json!({"l4Listeners": []}), ["spec", "l4Listeners", unknown, "move it to loadBalancer, or remove it"]),
        (json!({"loadBalancer": {"l7listeners": []}}), ["loadBalancer", "l7listeners", unknown, "write l7Listeners"]),
        (
            json!({"loadBalancer": {"l4Listeners": {"protocol": "TCP", "port": 80}}}),
            ["loadBalancer", "l4Listeners", unreadable, "begin the entry with a hyphen"],
        ),
        (
            json!({"loadBalancer": {"internetMaxBandwidthOut": "10"}}),
            [
                "loadBalancer",
                "internetMaxBandwidthOut",
                unreadable,
                "it is the text \"10\", and takes a whole number; write 10 without quotes",
            ],
        ),
        (
            json!({"loadBalancer": {"l4Listeners": ["TCP:80"]}}),
            ["l4Listeners[0]", "", unreadable, "correct it, or remove it"],
        ),
        (
            json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP"}]}}),
            ["l4Listeners[0]", "", "MissingValue", "port is missing, so that nobody knows what this is for; set it"],
        ),
        (
            json!({"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": "80", "scheduler": "WRR"}]}}),
            ["l4Listeners[0]", "port", unreadable, "write 80 without quotes"],
        ),
        (
            json!({"loadBalancer": {"l4Listeners": [{"protocol": 6, "port": 80}]}}),
            ["l4Listeners[0]", "protocol", unreadable, "write \"6\" in quotes"],
        ),
        (
            json!({"loadBalancer": {"l4Listeners": [{"protocol": "FTP", "port": 80}]}}),
            ["FTP:80", "protocol", "NotAllowed", "use TCP, UDP, TCP_SSL or QUIC"],
        ),
        (
            check(json!({"enable": "ture"})),
            [
                "TCP:80",
                "healthCheck.enable",
                unreadable,
                "it is the text \"ture\", and takes true or false; write true",
            ],
        ),
        (check(json!({"enable": "true"})), ["TCP:80", "healthCheck.enable", unreadable, "write true without quotes"]),
        (check(json!({"enable": 1})), ["TCP:80", "healthCheck.enable", unreadable, "write true"]),
        (
            check(json!({"enable": true, "enabled": false})),
            ["TCP:80", "healthCheck.enabled", "Contradiction", "which counts; remove it"],
        ),
        (
            check(json!({"intervalTime": 5.5})),
            [
                "TCP:80",
                "healthCheck.intervalTime",
                unreadable,
                "it is the number 5.5, and takes a whole number; correct it, or remove it",
            ],
        ),
        (
            check(json!({"intervalTime": 99_999_999_999_u64})),
            ["TCP:80", "healthCheck.intervalTime", unreadable, "correct it, or remove it"],
        ),
        (check(json!({"intervaltime": 5})), ["TCP:80", "healthCheck.intervaltime", unknown, "write intervalTime"]),
        (
            check(json!({"intervaltime": 6, "intervalTime": 5})),
            ["TCP:80", "healthCheck.intervaltime", unknown, "remove it, because intervalTime is there too"],
        ),
        (
            check(json!({"intervalTime": 5, "timeout": 5})),
            ["TCP:80", "healthCheck.timeout", "Contradiction", "until then timeout stays as it is"],
        ),
        (
            check(json!({"checkType": ["HTTP"], "httpCheckPath": "/up", "httpVersion": "HTTP/1.1"})),
            [
                "TCP:80",
                "healthCheck.checkType",
                unreadable,
                "until then healthCheck.httpCheckPath, healthCheck.httpVersion stay as they are",
            ],
        ),
        (
            check(json!({"checktype": "HTTP", "httpCheckPath": "/up"})),
            [
                "TCP:80",
                "healthCheck.checktype",
                unknown,
                "write checkType; until then healthCheck.httpCheckPath stay as they are",
            ],
        ),
        (
            tcp(json!({"session": {"enabel": true, "sessionExpireTime": 60}})),
            [
                "TCP:80",
                "session.enabel",
                unknown,
                "write enable; until then session.sessionExpireTime stay as they are",
            ],
        ),
        (
            tcp(json!({"session": {"enable": true, "sessionExpireTimes": 60}})),
            [
                "TCP:80",
                "session.sessionExpireTimes",
                unknown,
                "write sessionExpireTime; until then session.enable stay as they are",
            ],
        ),
        (
            check(json!({"checkType": "SMTP", "sendContext": "x"})),
            ["TCP:80", "healthCheck.checkType", "NotAllowed", "until then healthCheck.sendContext stay as they are"],
        ),
        (
            check(json!({"checkType": "CUSTOM", "contextType": "TEXT", "sendContext": "é", "recvContext": "y"})),
            [
                "TCP:80",
                "healthCheck.sendContext",
                "NotAllowed",
                "until then healthCheck.checkType, healthCheck.contextType, healthCheck.recvContext stay as they are",
            ],
        ),
        (tcp(json!({"healthCheck": true})), ["TCP:80", "healthCheck", unreadable, "correct it, or remove it"]),
        (
            tcp(json!({"session": {"enable": "yes", "sessionExpireTime": 60}})),
            ["TCP:80", "session.enable", unreadable, "until then session.sessionExpireTime stay as they are"],
        ),
        (
            tcp(json!({"session": {"enable": true, "sessionExpireTime": "60s"}})),
            ["TCP:80", "session.sessionExpireTime", unreadable, "until then session.enable stay as they are"],
        ),
        (
            tcp(json!({"protocols": "TCP"})),
            ["TCP:80", "protocols", unknown, "remove it, because protocol is there too"],
        ),
        (
            tcp(json!({"maxConn": 5})),
            ["TCP:80", "maxConn", unknown, "the field is not known and has no effect; remove it"],
        ),
        (tcp(json!({"checkPort": 5})), ["TCP:80", "checkPort", unknown, "move it to healthCheck, or remove it"]),
        (
            tcp(json!({"proxyProtocol": {"enable": true}})),
            ["TCP:80", "proxyProtocol.enable", "NotSupported", "remove it"],
        ),
        (
            rules(json!([{"scheduler": "WRR"}])),
            [
                "HTTP:80 a.example",
                "rules[0]",
                "MissingValue",
                "url is missing, so that nobody knows what this is for; set it",
            ],
        ),
        (
            rules(json!([{"url": "/a", "scheduler": {}}])),
            ["HTTP:80 a.example/a", "scheduler", unreadable, "correct it, or remove it"],
        ),
        (
            rules(json!([{"url": "/a", "healthCheck": {"enable": []}}])),
            ["HTTP:80 a.example/a", "healthCheck.enable", unreadable, "correct it, or remove it"],
        ),
        (
            rules(json!([{"url": "/a"}, {"url": "/a"}])),
            ["HTTP:80 a.example/a", "url", "Contradiction", "remove the other"],
        ),
        (
            json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "domains": [{"domain": 5, "http2": true}]}]}}),
            ["HTTP:80", "domains[0].domain", unreadable, "write \"5\" in quotes"],
        ),
        (
            json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "domains": ["a.example"]}]}}),
            ["HTTP:80", "domains[0]", unreadable, "takes an object with fields; correct it, or remove it"],
        ),
        (
            json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "keepaliveEnable": true}]}}),
            ["HTTP:80", "keepaliveEnable", unreadable, "write 1, if it is a switch of 0 and 1"],
        ),
        (
            json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "keepaliveEnable": 1, "snatEnable": false}]}}),
            ["HTTP:80", "keepaliveEnable", "Contradiction", "until then snatEnable counts"],
        ),
    ]
}

/// Each fault is told once, with its path, and an entry beside it does not notice.
#[test]
fn words_of_a_config_are_read_one_by_one() {
    for (spec, [entry, field, reason, end]) in rows() {
        let found = told(&wishes(&object(&spec)));
        let [(of, at, why, message)] = found.as_slice() else { panic!("{spec}: {found:?}") };
        assert_eq!((of.as_str(), at.as_str(), why.as_str()), (entry, field, reason), "{spec}");
        assert!(message.ends_with(end), "{spec}: {message}");
        let mut more = spec.clone();
        let Some(load_balancer) = more.get_mut("loadBalancer").and_then(Value::as_object_mut) else { continue };
        let beside = json!({"protocol": "TCP", "port": 9, "scheduler": "LEAST_CONN"});
        match load_balancer.entry("l4Listeners").or_insert_with(|| json!([])) {
            Value::Array(list) => list.push(beside),
            _ => continue,
        }
        let both = wishes(&object(&more));
        assert_eq!(told(&both), found, "{more}");
        let kept = both.listener(Protocol::Tcp, 9);
        assert_eq!(kept.get(Attribute::Scheduler), Some(&Wished::from("LEAST_CONN")), "{more}");
    }
}

#[test]
fn the_fields_beside_one_that_cannot_be_read_count() {
    let check = json!({"enable": "ture", "intervalTime": 7, "timeout": "2", "healthNum": 4});
    let spec = json!({"loadBalancer": {"l4Listeners": [{"protocol": "tcp", "port": 80, "healthCheck": check}]}});
    let found = wishes(&object(&spec));
    let fields: Vec<_> = found.problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["healthCheck.enable", "healthCheck.timeout"]);
    let wished: Vec<_> = found.listener(Protocol::Tcp, 80).iter().map(|(attribute, _)| attribute).collect();
    assert_eq!(wished, [Attribute::CheckInterval, Attribute::CheckHealthyCount]);
}

#[test]
fn a_config_of_nothing_but_faults_says_how_many_there_are() {
    let entries: Vec<_> = (0..100).map(|_| json!(1)).collect();
    let found = wishes(&object(&json!({"loadBalancer": {"l4Listeners": entries}})));
    assert_eq!(found.problems.len(), PROBLEMS_MAX + 1);
    let last = found.problems.last().unwrap();
    assert_eq!(last.message, "36 more problems are not listed; correct these first");
}

/// The largest object that the API server takes is read in passing, whatever is in it.
#[test]
fn of_a_huge_config_a_part_is_read_and_it_is_said() {
    let entries: Vec<_> = (0..30_000).map(|port| json!({"protocol": "TCP", "port": port, "scheduler": 1})).collect();
    let found = object(&json!({"loadBalancer": {"l4Listeners": entries}}));
    assert_eq!(found.object.spec.l4_listeners().len(), ITEMS_MAX);
    let last = found.wishes().problems.last().unwrap();
    assert!(last.message.ends_with("more problems are not listed; correct these first"), "{last:?}");
    let long = "x".repeat(1_000_000);
    let found = object(&json!({"loadBalancer": {long: 1}}));
    assert_eq!(found.wishes().problems.len(), 1);
}

#[test]
fn a_misspelt_field_beside_the_right_one_takes_nothing_away() {
    let check =
        json!({"checkType": "HTTP", "checktype": "HTTP", "httpVersion": "HTTP/1.1", "httpCheckDomain": "a.example"});
    let entry = json!({"protocol": "TCP", "port": 80, "healthCheck": check, "session": {"enable": true, "sessionExpireTimes": 1, "sessionExpireTime": 60}});
    let found = wishes(&object(&json!({"loadBalancer": {"l4Listeners": [entry]}}))).listener(Protocol::Tcp, 80);
    assert_eq!(found.get(Attribute::CheckType), Some(&Wished::from("HTTP")));
    assert_eq!(found.get(Attribute::SessionSeconds), Some(&Wished::from(60_i64)));
}

/// What is wrong with a second entry of a name, or with one that cannot be read at all, is not the first one's.
#[test]
fn a_fault_harms_the_entry_that_has_it_and_none_of_the_same_name() {
    let good = json!({"protocol": "TCP", "port": 80, "session": {"sessionExpireTime": 60},
        "healthCheck": {"httpCheckPath": "/up", "healthNum": 4}});
    let faulty = json!({"protocol": "tcp", "port": 80, "session": {"enable": "yes", "sessionExpireTime": 60},
        "healthCheck": {"checktype": "HTTP", "httpCheckPath": "/up"}});
    let mut nobody_knows = faulty.clone();
    nobody_knows["port"] = json!("80");
    let alone = wishes(&object(&json!({"loadBalancer": {"l4Listeners": [good]}})));
    assert_eq!((alone.problems.len(), alone.listener(Protocol::Tcp, 80).iter().count()), (0, 3));
    for entries in [[&good, &faulty], [&nobody_knows, &good], [&json!(7), &good]] {
        let found = wishes(&object(&json!({"loadBalancer": {"l4Listeners": entries}})));
        assert_eq!(found.listener(Protocol::Tcp, 80), alone.listener(Protocol::Tcp, 80), "{entries:?}");
        let until = found.problems.iter().filter(|problem| problem.message.contains("until then")).count();
        assert_eq!(until, 0, "nothing of these waits: {:?}", found.problems);
    }
    let rule = |entry: &Value| {
        let mut rule = entry.clone();
        rule.as_object_mut().unwrap().extend([("url".to_owned(), json!("/"))]);
        rule
    };
    let domain = |rules: Value| json!({"domain": "a.example", "rules": rules});
    let domains = |domains: Value| {
        wishes(&object(
            &json!({"loadBalancer": {"l7Listeners": [{"protocol": "HTTP", "port": 80, "domains": domains}]}}),
        ))
        .rule(Protocol::Http, 80, "a.example", "/")
    };
    let (one, other) = (rule(&good), rule(&faulty));
    let alone = domains(json!([domain(json!([one]))]));
    assert_eq!(domains(json!([domain(json!([one, other]))])), alone);
    assert_eq!(domains(json!([domain(json!([one])), domain(json!([other]))])), alone);
    assert_eq!(domains(json!([{"domain": 5, "rules": [other]}, domain(json!([one]))])), alone);
}

/// What is beyond the problems that are listed may be about any field of its entry: what depends on one that is not there waits.
#[test]
fn what_is_not_listed_is_not_absent() {
    let mut check = json!({"checktype": "HTTP", "httpCheckPath": "/up", "intervalTime": 7});
    let unknown = (0..PROBLEMS_MAX).map(|number| (format!("a{number}"), json!(1)));
    check.as_object_mut().unwrap().extend(unknown);
    let entry = json!({"protocol": "TCP", "port": 80, "healthCheck": check});
    let found = wishes(&object(&json!({"loadBalancer": {"l4Listeners": [entry]}})));
    let wished: Vec<_> = found.listener(Protocol::Tcp, 80).iter().map(|(attribute, _)| attribute).collect();
    assert_eq!(wished, [Attribute::CheckInterval]);
}

#[test]
fn what_stands_beside_the_spec_is_told() {
    let raw = json!({"metadata": {"name": "tuned"}, "Spec": {}, "data": {}, "status": 5});
    let found = ConfigObject::from(serde_json::from_value::<RawServiceConfig>(raw).unwrap());
    let fields: Vec<_> = found.wishes().problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        fields,
        [
            "TkeServiceConfig Spec: the field is not known and has no effect; write spec",
            "TkeServiceConfig data: the field is not known and has no effect; remove it",
        ]
    );
    assert_eq!(found.object.status, None);
}

/// What the installed definition says of a field.
fn kind_of(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or("any")
}

fn compare(shape: &Shape, schema: &Value, path: &str) {
    let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{path} has no fields"));
    let known: BTreeSet<_> = shape.fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, properties.keys().map(String::as_str).collect(), "{path}");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let needed = shape.keys.iter().filter(|(_, presence)| *presence == Presence::Needed);
    let needed: BTreeSet<_> = needed.map(|(key, _)| json!(key).to_string()).collect();
    assert_eq!(needed, required.iter().map(Value::to_string).collect(), "{path}");
    for (name, kind) in shape.fields {
        let (field, path) = (&properties[*name], format!("{path}.{name}"));
        let expected = match kind {
            Kind::Text => "string",
            Kind::Number => "integer",
            Kind::Switch => "boolean",
            Kind::Any => "any",
            Kind::Object(shape) => {
                compare(shape, field, &path);
                "object"
            }
            Kind::List(shape) => {
                compare(shape, &field["items"], &path);
                "array"
            }
        };
        assert_eq!(kind_of(field), expected, "{path}");
    }
}

#[test]
fn the_table_has_the_fields_of_the_definition() {
    let definition = serde_json::to_value(&crds().unwrap()[1]).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    compare(&SPEC, &schema["properties"]["spec"], "spec");
}

/// Anything at all, with the names of fields in it more often than chance would have it.
fn anything() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = [&SPEC, &LAYER4, &LAYER7, &DOMAIN, &RULE]
        .iter()
        .flat_map(|shape| shape.fields.iter().map(|(name, _)| *name))
        .chain(["loadBalancer", "l4Listeners", "l7Listeners", "enable", "intervaltime", ""])
        .collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..100_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop_oneof!["TCP", "HTTP", "/", ".{0,8}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 96, 6, move |inner| {
        let field = (proptest::sample::select(names.clone()), inner.clone());
        let object = prop::collection::vec(field, 0..6);
        let object = object.prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|all| all.collect::<Value>())
        ]
    })
}

proptest! {
    /// Whatever is written, it is read without a panic, and what is left of it is read without a fault of type or name.
    #[test]
    fn whatever_is_written_is_read(written in anything()) {
        let found = object(&json!({"loadBalancer": {"l4Listeners": written.clone(), "l7Listeners": written}}));
        let again = object(&serde_json::to_value(&found.object.spec).unwrap());
        let is_of_reading = |problem: &&EntryProblem| ["Unreadable", "UnknownField"].contains(&problem.reason.as_str());
        prop_assert_eq!(again.wishes().problems.iter().find(is_of_reading), None);
        prop_assert_eq!(again.object.spec, found.object.spec);
    }
}
