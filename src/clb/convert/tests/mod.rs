mod load_balancers;
mod members;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::clb::wire::{Action, Answer, decode};
use crate::model::{Attribute, Attributes, Transport};

const EXAMPLES: &str = include_str!("../../testdata/examples.json");

/// The successful replies to an action among the examples of the reference.
fn examples<A: Action>() -> Vec<A::Reply> {
    let examples: Vec<Value> = serde_json::from_str(EXAMPLES).unwrap();
    let replies = examples.into_iter().filter(|example| example["action"] == A::NAME);
    let replies = replies.filter_map(|mut example| example.get_mut("reply").map(Value::take));
    let decoded = replies.map(|reply| decode::<A::Reply>(reply.to_string().as_bytes()).unwrap());
    decoded
        .filter_map(|answer| match answer {
            Answer::Success { reply, .. } => Some(reply),
            Answer::Failure { .. } => None,
        })
        .collect()
}

fn reply<R: DeserializeOwned>(value: Value) -> R {
    serde_json::from_value(value).unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn one_load_balancer(changes: &Value) -> Result<LoadBalancer> {
    let mut set = json!({
        "LoadBalancerId": "lb-1", "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
        "LoadBalancerVips": ["10.0.0.1"], "SnatPro": false,
    });
    set.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    load_balancer(reply(set))
}

fn one_listener(mut told: Value) -> Result<Listener> {
    told.as_object_mut().unwrap().entry("ListenerName").or_insert_with(|| json!("a"));
    listeners(reply(json!({"TotalCount": 1, "Listeners": [told]}))).map(|mut found| found.remove(0))
}

/// Attributes as text: each with its field.
fn words(attributes: &Attributes) -> String {
    let words: Vec<_> = attributes.iter().map(|(name, value)| format!("{} {value}", name.field())).collect();
    words.join(", ")
}

#[test]
fn certificates_and_bandwidth_are_told_in_one_form() {
    let https = |certificate: Value| {
        let told = json!({"ListenerId": "lbl-1", "Protocol": "HTTPS", "Port": 443, "Certificate": certificate});
        words(&one_listener(told).unwrap().attributes)
    };
    assert_eq!(https(json!({"CertId": "b", "ExtCertIds": ["c", "a"]})), "certificate 'a,b,c'");
    assert_eq!(https(json!({"CertId": "a", "ExtCertIds": null})), "certificate 'a'");
    assert_eq!(https(json!({"CertId": "", "ExtCertIds": []})), "");
    let bandwidth = |kind: &str| {
        let told = json!({"LoadBalancerType": kind, "NetworkAttributes": {"InternetMaxBandwidthOut": 10}});
        one_load_balancer(&told).unwrap().attributes.number(Attribute::Bandwidth)
    };
    assert_eq!((bandwidth("OPEN"), bandwidth("INTERNAL")), (Some(10), None));
}

#[test]
fn listeners_of_the_reference() {
    let mut found = listeners(examples::<wire::DescribeListeners>().remove(0)).unwrap();
    let told = found.iter().map(|listener| words(&listener.attributes)).collect::<Vec<_>>();
    assert!(told[0].starts_with("scheduler 'WRR', session 0"), "{}", told[0]);
    assert!(told[0].contains("healthCheck.checkPort -1, healthCheck.checkType 'TCP'"), "{}", told[0]);
    assert!(told[1].contains("sniSwitch") && !told[1].contains("scheduler"), "{}", told[1]);
    let rule = words(&found[1].rules[0].attributes);
    assert!(rule.contains("http2 false, defaultServer true, forwardType 'HTTP'"), "{rule}");
    assert!(rule.contains("httpCode 31") && !rule.contains("checkPort"), "{rule}");
    for listener in &mut found {
        listener.attributes = Attributes::default();
        listener.rules.iter_mut().for_each(|rule| rule.attributes = Attributes::default());
    }
    let attributes = Attributes::default();
    let rule = Rule { id: "loc-demo0001".into(), domain: "app.example.com".into(), url: "/".into(), attributes };
    assert_eq!(
        found,
        [
            Listener {
                id: "lbl-demo0001".into(),
                name: "k8s-a".into(),
                protocol: Protocol::Tcp,
                port: 80,
                state: ListenerState::Serving,
                attributes: Attributes::default(),
                rules: vec![]
            },
            Listener {
                id: "lbl-demo0003".into(),
                name: "k8s-https".into(),
                protocol: Protocol::Https,
                port: 443,
                state: ListenerState::Serving,
                attributes: Attributes::default(),
                rules: vec![rule],
            },
        ]
    );
    assert_eq!(found[1].protocol.transport(), Transport::Tcp);
}

#[test]
fn a_stopped_listener_says_so_in_its_flags() {
    let state = |flags: Value| {
        let told =
            json!({"ListenerId": "lbl-1", "ListenerName": "a", "Protocol": "TCP", "Port": 80, "AttrFlags": flags});
        one_listener(told).map(|listener| listener.state)
    };
    assert_eq!(state(json!(["SnatEnable", "Stop"])), Ok(ListenerState::Stopped));
    for flags in [json!([]), json!(["Novelty"]), Value::Null] {
        assert_eq!(state(flags), Ok(ListenerState::Serving));
    }
}

#[test]
fn a_flag_that_is_seen_is_on_and_one_that_is_absent_says_nothing() {
    let told = |flags: Value| {
        let told =
            json!({"ListenerId": "lbl-1", "ListenerName": "a", "Protocol": "QUIC", "Port": 80, "AttrFlags": flags});
        words(&one_listener(told).unwrap().attributes)
    };
    assert_eq!(told(json!(["ProxyProtocol", "SnatEnable"])), "proxyProtocol.enable true, snatEnable true");
    assert_eq!(told(json!(["SnatEnable", "RescheduleUnhealthy", "Novelty"])), "snatEnable true");
    assert_eq!((told(json!([])).as_str(), told(Value::Null).as_str()), ("", ""));
}

#[test]
fn a_list_that_lacks_items_is_refused() {
    let count = |value| listeners(reply(value)).map(|listeners| listeners.len());
    let tcp = json!({"ListenerId": "lbl-1", "ListenerName": "a", "Protocol": "TCP", "Port": 80});
    assert_eq!(count(json!({"TotalCount": 1, "Listeners": [tcp]})), Ok(1));
    assert_eq!(count(json!({"Listeners": [tcp]})), Ok(1));
    assert_eq!(count(json!({"TotalCount": 0, "Listeners": null})), Ok(0));
    assert!(count(json!({"TotalCount": 2, "Listeners": [tcp]})).is_err());
    assert!(count(json!({"TotalCount": -1, "Listeners": [tcp]})).is_err());
    assert!(count(json!({"Listeners": null})).is_err());
    assert!(count(json!({})).is_err());
}

#[test]
fn one_odd_listener_fails_the_read() {
    let tcp = json!({"ListenerId": "lbl-1", "ListenerName": "a", "Protocol": "TCP", "Port": 80});
    for (key, value) in [
        ("ListenerId", Value::Null),
        ("ListenerName", Value::Null),
        ("Protocol", Value::Null),
        ("Rules", json!([{"LocationId": "loc-1", "Url": "/"}])),
        ("Port", json!(65536)),
        ("Port", json!(-1)),
        ("Port", Value::Null),
    ] {
        let mut odd = tcp.clone();
        odd[key] = value;
        let found = listeners(reply(json!({"TotalCount": 2, "Listeners": [tcp, odd]})));
        assert!(found.is_err(), "{odd}");
    }
}

#[test]
fn a_listener_of_an_unknown_protocol_hides_no_other() {
    let tcp = json!({"ListenerId": "lbl-1", "ListenerName": "a", "Protocol": "TCP", "Port": 80});
    let odd = json!({"ListenerId": "lbl-2", "ListenerName": "b", "Protocol": "CARRIER_PIGEON", "Port": 81});
    let found = listing(reply(json!({"TotalCount": 2, "Listeners": [tcp, odd]}))).unwrap();
    assert_eq!(found.listeners.len(), 1);
    let problem = "'CARRIER_PIGEON' is not a protocol of CLB".to_owned();
    assert_eq!(found.unreadable, [UnreadableListener { id: "lbl-2".into(), name: "b".into(), problem }]);
    let found = targets(reply(json!({"Listeners": [tcp, odd]}))).unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [route("lbl-1", None)]);
}

fn route(listener: &str, rule: Option<&str>) -> Route {
    Route { listener: listener.into(), rule: rule.map(Into::into) }
}

#[test]
fn targets_of_the_reference() {
    let found = targets(examples::<wire::DescribeTargets>().remove(0)).unwrap();
    let registered = |last| RegisteredTarget {
        address: Address { ip: [10, 0, 1, last].into(), port: 8080 },
        weight: 10,
        tag: String::new(),
    };
    let expected = [
        (route("lbl-demo0001", None), vec![registered(5)]),
        (route("lbl-demo0003", Some("loc-demo0001")), vec![registered(6)]),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

fn targets_of(listener: &Value) -> Result<BTreeMap<Route, Vec<RegisteredTarget>>> {
    targets(reply(json!({"Listeners": [listener]})))
}

#[test]
fn listeners_and_rules_without_targets_have_entries() {
    for none in [json!([]), Value::Null] {
        let tcp =
            targets_of(&json!({"ListenerId": "lbl-1", "Protocol": "udp", "Targets": none, "Rules": none})).unwrap();
        assert_eq!(tcp, BTreeMap::from([(route("lbl-1", None), vec![])]));
        let rules = json!([{"LocationId": "loc-1", "Targets": none}]);
        let http =
            targets_of(&json!({"ListenerId": "lbl-2", "Protocol": "HTTP", "Targets": null, "Rules": rules})).unwrap();
        assert_eq!(http, BTreeMap::from([(route("lbl-2", Some("loc-1")), vec![])]));
    }
    assert!(targets(reply(json!({"Listeners": null}))).is_err());
}

#[test]
fn one_odd_target_fails_the_read() {
    let good = json!({"Type": "ENI", "Port": 80, "Weight": 0, "PrivateIpAddresses": ["10.0.1.5"], "Tag": "uid"});
    let with = |key: &str, value: Value| {
        let mut backend = good.clone();
        backend[key] = value;
        targets_of(&json!({"ListenerId": "lbl-1", "Protocol": "TCP", "Targets": [good, backend]}))
            .map(|routes| routes[&route("lbl-1", None)].len())
    };
    assert_eq!(with("Type", json!("novelty")), Ok(2));
    assert_eq!(with("PrivateIpAddresses", json!(["2001:db8::1"])), Ok(2));
    for (key, value) in [
        ("PrivateIpAddresses", json!(["10.0.1"])),
        ("PrivateIpAddresses", json!([])),
        ("Port", json!(70000)),
        ("Port", Value::Null),
        ("Weight", json!(101)),
        ("Weight", json!(-1)),
        ("Weight", Value::Null),
    ] {
        assert!(with(key, value.clone()).is_err(), "{key} {value}");
    }
}

#[test]
fn a_target_without_address_that_may_be_ours_fails_the_read() {
    let read = |kind: Value, tag: &str| {
        let target = json!({"Type": kind, "Port": 80, "Weight": 10, "Tag": tag, "PrivateIpAddresses": null});
        targets_of(&json!({"ListenerId": "lbl-1", "Protocol": "TCP", "Targets": [target]})).is_ok()
    };
    assert!(read(json!("SRV"), ""));
    for (kind, tag) in [(json!("SRV"), "ours"), (json!("eni"), ""), (Value::Null, "")] {
        assert!(!read(kind.clone(), tag), "{kind} {tag}");
    }
}

#[test]
fn targets_are_kept_where_they_are_found() {
    let target = json!([{"Type": "ENI", "Port": 80, "Weight": 10, "PrivateIpAddresses": ["10.0.1.5"]}]);
    for protocol in [json!("CARRIER_PIGEON"), json!("TCP"), json!("HTTP"), Value::Null] {
        let rules = json!([{"LocationId": "loc-1", "Targets": target}]);
        let odd = json!({"ListenerId": "lbl-1", "Protocol": protocol, "Targets": target, "Rules": rules});
        let found = targets_of(&odd).unwrap();
        assert_eq!(found.values().map(Vec::len).collect::<Vec<_>>(), [1, 1], "{protocol}");
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [route("lbl-1", None), route("lbl-1", Some("loc-1"))]);
    }
}

#[test]
fn a_target_that_is_no_address_is_left_out() {
    let function = json!({"Type": "SRV", "Port": 80, "Weight": 10, "PrivateIpAddresses": []});
    let found = targets_of(&json!({"ListenerId": "lbl-1", "Protocol": "TCP", "Targets": [function]})).unwrap();
    assert_eq!(found, BTreeMap::from([(route("lbl-1", None), vec![])]));
}

#[test]
fn health_of_the_reference() {
    let found = health(examples::<wire::DescribeTargetHealth>().remove(0)).unwrap();
    let target = TargetHealth {
        listener: "lbl-demo0001".into(),
        rule: "loc-synt0001".into(),
        address: Address { ip: ip("10.0.1.5"), port: 8080 },
        health: Health::Healthy,
    };
    assert_eq!(found, BTreeMap::from([("lb-demo0001".into(), vec![target])]));
}

#[test]
fn health_by_status_and_detail() {
    let verdict = |status: Option<bool>, detail: Option<&str>| {
        verdict(&reply(json!({"HealthStatus": status, "HealthStatusDetail": detail})))
    };
    assert_eq!(verdict(Some(true), Some("Alive")), Health::Healthy);
    assert_eq!(verdict(Some(false), Some("Dead")), Health::Unhealthy);
    assert_eq!(verdict(Some(true), Some("Dead")), Health::Unhealthy);
    assert_eq!(verdict(Some(false), Some("Unknown")), Health::Unknown);
    assert_eq!(verdict(Some(true), Some("Unknown")), Health::Unknown);
    assert_eq!(verdict(Some(false), Some("Close")), Health::CheckOff);
    assert_eq!(verdict(Some(true), Some("Novelty")), Health::Unknown);
    assert_eq!(verdict(Some(true), None), Health::Healthy);
    assert_eq!(verdict(Some(false), None), Health::Unknown);
    assert_eq!(verdict(None, None), Health::Unknown);
    assert_eq!(super::verdict(&reply(json!({"HealthStatusDetial": "Close"}))), Health::CheckOff);
}

#[test]
fn one_odd_health_fails_the_read() {
    let of = |target: Value| {
        let rules = json!([{"LocationId": "loc-1", "Targets": [target]}]);
        let listeners = json!([{"ListenerId": "lbl-1", "Rules": rules}]);
        health(reply(json!({"LoadBalancers": [{"LoadBalancerId": "lb-1", "Listeners": listeners}]})))
            .map(|found| found.into_values().flatten().count())
    };
    assert_eq!(of(json!({"IP": "10.0.1.5", "Port": 80, "HealthStatusDetail": "Alive"})), Ok(1));
    assert_eq!(of(json!({"IP": "", "Port": 80, "TargetId": "lam-1"})), Ok(0));
    assert!(of(json!({"IP": "", "Port": 80, "TargetId": ""})).is_err());
    assert!(of(json!({"IP": "10.0.1.555", "Port": 80})).is_err());
    assert!(of(json!({"IP": "10.0.1.5", "Port": null})).is_err());
    assert!(health(reply(json!({"LoadBalancers": null}))).is_err());
}

#[test]
fn tasks_of_the_reference() {
    let states: Vec<_> = examples::<wire::DescribeTaskStatus>().into_iter().map(|reply| task(reply).unwrap()).collect();
    assert_eq!(
        states,
        [TaskState::Running, TaskState::Succeeded(vec!["lb-demo0001".into()]), TaskState::Failed("reason text".into())]
    );
    assert!(task(reply(json!({"Status": 3}))).is_err());
    assert!(task(reply(json!({}))).is_err());
}

#[test]
fn quotas_of_the_reference() {
    let found = quotas(examples::<wire::DescribeQuota>().remove(0)).unwrap();
    assert_eq!(found.get("TOTAL_TARGET_BIND_QUOTA"), Some(&200));
    assert_eq!(found.len(), 6);
    let told = json!([{"QuotaId": "TOTAL_TARGET_BIND_QUOTA"}, {"QuotaId": "TOTAL_LISTENER_QUOTA", "QuotaLimit": 9}]);
    let found = quotas(reply(json!({"QuotaSet": told}))).unwrap();
    assert_eq!(
        found,
        BTreeMap::from([("TOTAL_LISTENER_QUOTA".to_owned(), 9)]),
        "a quota that is not told is not known"
    );
    assert!(quotas(reply(json!({"QuotaSet": null}))).is_err());
}

proptest! {
    /// A read is never partial: whatever one backend looks like, either every addressed backend is in the result, or none is.
    #[test]
    fn targets_are_all_there_or_refused(
        ports in prop::collection::vec(prop_oneof![1_i64..65536, any::<i64>()], 1..8),
        weights in prop::collection::vec(prop_oneof![0_i64..101, any::<i64>()], 8),
        address in prop_oneof![Just("10.0.1.5".to_owned()), "[0-9a-f.:]{0,12}"],
    ) {
        let backends: Vec<_> = ports.iter().zip(&weights).map(|(port, weight)| {
            json!({"Type": "ENI", "Port": port, "Weight": weight, "PrivateIpAddresses": [address]})
        }).collect();
        let all_good = address.parse::<IpAddr>().is_ok()
            && ports.iter().all(|port| (0..65536).contains(port))
            && weights.iter().take(ports.len()).all(|weight| (0..101).contains(weight));
        let found = targets_of(&json!({"ListenerId": "lbl-1", "Protocol": "TCP", "Targets": backends}));
        match found {
            Ok(routes) => prop_assert_eq!((all_good, routes[&route("lbl-1", None)].len()), (true, ports.len())),
            Err(_) => prop_assert!(!all_good),
        }
    }
}
