//! The misfortune matrix, part *words*, inside of annotations that are JSON: each member misspelt, at each depth. Nothing is taken away, no
//! weight is raised or lowered, and the member is named.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::misfortune::{ROWS, losses};
use super::{ALL, asking, owned};
use crate::api::names;
use crate::model::{ServicePort, TargetPort, Transport};
use crate::plan::annotated::{KEYS, PARAMETERS, Treatment, read};
use crate::plan::tests::acts::web;
use crate::plan::tests::world::World;

/// Values of annotations that are JSON, which between them have every member that is read.
fn rows() -> Vec<(&'static str, Value)> {
    let weights = |default: u8| {
        let sets =
            json!([{"name": "web", "weights": [{"weight": 0, "podIndexes": [1]}, {"weight": 50, "podIndexes": [2]}]}]);
        json!({"defaultWeight": default, "groups": [{"key": {"proto": "TCP", "port": 80}, "statefulSets": sets}]})
    };
    let hosts = json!({"a.example.com": {"tls": "a"}, "b.example.com": {"tls": "b"}});
    let protocols =
        json!({"443": {"protocol": ["HTTPS"], "hosts": hosts}, "80": {"protocol": ["TCP_SSL"], "tls": "b"}});
    let accessible = json!({"InternetChargeType": "BANDWIDTH_POSTPAID_BY_HOUR", "InternetMaxBandwidthOut": 5});
    let package = json!({"InternetChargeType": "BANDWIDTH_PACKAGE"});
    let zones = json!({"MasterZoneId": "ap-guangzhou-1", "SlaveZoneId": "ap-guangzhou-2"});
    let full_chain = json!({"AddressIPVersion": "IPv6FullChain", "SubnetId": "subnet-1", "VpcId": "vpc-1"});
    let tags = json!([{"TagKey": "a", "TagValue": "b"}, {"TagKey": "c", "TagValue": "d"}]);
    let others = json!({"LoadBalancerName": "shop", "LoadBalancerPassToTarget": true, "SlaType": "clb.c3.small",
        "DynamicVip": true, "SnatPro": true, "Tags": tags, "InternetAccessible": accessible, "ZoneId": "ap-guangzhou-1"});
    let isp = json!({"VipIsp": "CMCC", "BandwidthPackageId": "bwp-1", "InternetAccessible": package});
    let parameters = [zones, full_chain, others, isp, json!({"Vip": "10.0.0.1"})];
    let parameters = parameters.into_iter().map(|value| (names::EXTENSIVE_PARAMETERS, value));
    let others = [weights(20), weights(0)].map(|value| (names::RS_WEIGHT, value));
    others.into_iter().chain([(names::SPECIFY_PROTOCOL, protocols)]).chain(parameters).collect()
}

/// The names of members are not the user's own choice, in the object under this name.
const fn is_known_names(under: &str) -> bool {
    !matches!(under.as_bytes(), b"hosts")
}

/// How a name may be misspelt.
fn misspelt(name: &str) -> BTreeSet<String> {
    let last = name.chars().last().map(String::from).unwrap_or_default();
    let swapped: String = match name.as_bytes() {
        [first, second, ..] => format!("{}{}{}", char::from(*second), char::from(*first), &name[2..]),
        _ => String::new(),
    };
    let other_case = match &name[..1] {
        first if first == first.to_uppercase() => format!("{}{}", first.to_lowercase(), &name[1..]),
        first => format!("{}{}", first.to_uppercase(), &name[1..]),
    };
    let all = [format!("{name}{last}"), name[1..].to_owned(), swapped, other_case, format!(" {name}"), "x".to_owned()];
    // A port has one number, and white space around it says the same.
    let is_other = |odd: &String| odd.trim() != name || name.parse::<u16>().is_err() && odd != name;
    all.into_iter().filter(is_other).collect()
}

/// Each member under another name, at each depth: its path, the name that it has now, and the whole.
fn spoilt(value: &Value, path: &str, under: &str) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{path}.{name}");
                let with = |name: &str, member: Value| {
                    let others = members.iter().filter(|(other, _)| **other != at[path.len() + 1..]);
                    let mut all: Map<String, Value> =
                        others.map(|(name, value)| (name.clone(), value.clone())).collect();
                    all.insert(name.to_owned(), member);
                    Value::Object(all)
                };
                if is_known_names(under) {
                    let odd = misspelt(name).into_iter().filter(|odd| !members.contains_key(odd));
                    found.extend(odd.map(|odd| (at.clone(), odd.clone(), with(&odd, member.clone()))));
                }
                let deeper = spoilt(member, &at, name).into_iter();
                found.extend(deeper.map(|(path, odd, changed)| (path, odd, with(name, changed))));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let deeper = spoilt(item, &format!("{path}[{index}]"), under).into_iter();
                found.extend(deeper.map(|(path, odd, changed)| {
                    let mut all = items.clone();
                    all[index] = changed;
                    (path, odd, Value::Array(all))
                }));
            }
        }
        _ => {}
    }
    found
}

fn service(key: &str, value: &Value) -> crate::model::Service {
    let mut service = asking(&[(key, &value.to_string())]);
    if key == names::EXTENSIVE_PARAMETERS && value.as_object().is_some_and(|all| all.len() == 1) {
        // Only an internal load balancer can be asked for at an address.
        service.annotations.insert(names::INTERNAL_SUBNET_ID, "subnet-1");
    }
    let port = |port| ServicePort {
        name: format!("p{port}"),
        transport: Transport::Tcp,
        port,
        target_port: TargetPort::Number(8080),
    };
    service.ports = vec![port(80), port(443)];
    service
}

#[test]
fn misfortune_words_inside_of_annotations_have_their_rows() {
    let is_json = |value: &str| serde_json::from_str::<Value>(value).is_ok_and(|value| value.is_object());
    let applied = |key: &str| KEYS.iter().any(|known| known.name == key && known.treatment == Treatment::Applied);
    let known: BTreeSet<_> = ROWS.iter().filter(|row| applied(row.0) && is_json(row.1)).map(|row| row.0).collect();
    let rows = rows();
    assert_eq!(rows.iter().map(|row| row.0).collect::<BTreeSet<_>>(), known, "every annotation that is JSON");
    let parameters = rows.iter().filter(|row| row.0 == names::EXTENSIVE_PARAMETERS);
    let members: BTreeSet<_> =
        parameters.flat_map(|row| row.1.as_object().unwrap().keys().map(String::as_str)).collect();
    assert_eq!(members, PARAMETERS.iter().map(|(name, _)| *name).collect(), "every parameter");
}

#[test]
fn misfortune_words_inside_of_annotations_take_nothing_away() {
    let (mut cells, mut faults) = (0, Vec::new());
    for (key, valid) in rows() {
        let before = service(key, &valid);
        let intent = read(&before, ALL, None);
        assert!(intent.problems.is_empty(), "{key} {valid}: {:?}", intent.problems);
        let own = owned(&before);
        for (path, odd, changed) in spoilt(&valid, "", "") {
            let intent = read(&service(key, &changed), ALL, Some(&own));
            let lost = losses(&own, &intent);
            let is_named =
                |problem: &crate::model::KeyProblem| problem.key == key && problem.message.contains(odd.trim());
            let is_said = intent.problems.iter().chain(&intent.unheeded).any(is_named);
            cells += 1;
            if !lost.is_empty() || !is_said {
                faults.push(format!(
                    "{key} {path} as '{odd}': lost {lost:?}, told {:?} {:?}",
                    intent.problems, intent.unheeded
                ));
            }
        }
    }
    crate::plan::tests::report(&format!("words_members: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The targets of the only listener with their weights.
fn targets(world: &World) -> Vec<(String, u8)> {
    let all = world.targets.values().flatten();
    let mut all: Vec<_> = all.map(|target| (target.address.to_string(), target.weight)).collect();
    all.sort();
    all
}

#[test]
fn misfortune_words_inside_of_weights_change_no_weight() {
    let (mut cells, mut faults) = (0, Vec::new());
    for (key, valid) in rows().into_iter().filter(|row| row.0 == names::RS_WEIGHT) {
        // Two Pods of a StatefulSet that have rows, one that has none, and one of a Deployment.
        let mut world = web(&json!({}), 4);
        for number in 1..=3 {
            let pod = world.pod(number);
            pod.labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), pod.key.name.clone());
        }
        world.service.as_mut().unwrap().annotations.insert(key, valid.to_string());
        world.converge();
        world.heal();
        world.converge();
        let before = targets(&world);
        let default = u8::try_from(valid["defaultWeight"].as_u64().unwrap()).unwrap();
        let weights: Vec<_> = before.iter().map(|(_, weight)| *weight).collect();
        assert_eq!(weights, [0, 50, default, default]);
        for (path, odd, changed) in spoilt(&valid, "", "") {
            let mut world = world.clone();
            world.service.as_mut().unwrap().annotations.insert(key, changed.to_string());
            world.converge();
            let after = targets(&world);
            cells += 1;
            if after != before {
                faults.push(format!("{path} as '{odd}' with {default}: {before:?} became {after:?}"));
            }
        }
    }
    crate::plan::tests::report(&format!("words_weights: {cells} cells"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
