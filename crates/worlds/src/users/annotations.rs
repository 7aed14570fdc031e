//! Annotations of Services: what may be written under each key that is recognised.

use serde_json::{Map, Value};
use tke_direct_access_core::api::names;
use tke_direct_access_core::plan::annotated::{KEYS, Key};

use super::values::{Tone, almost_text, garbage_text, misspelt};
use crate::chance::Chance;

const SWITCH: &[&str] = &["true", "false"];

/// Values that can be read, by key. What is not listed is a text of any kind.
const VALUES: &[(&str, &[&str])] = &[
    (names::DIRECT_ACCESS, &["true", "true", "true", "false"]),
    (names::SERVICE_CONFIG, &["checks", "turns", "absent"]),
    (names::SERVICE_CONFIG_AUTO, SWITCH),
    (names::EXISTING_LOAD_BALANCER_ID, &["lb-one", "lb-two", "lb-none"]),
    (names::CROSS_REGION_ID, &["ap-guangzhou"]),
    (names::CROSS_VPC_ID, &["vpc-default"]),
    (names::INTERNAL_SUBNET_ID, &["subnet-1"]),
    (names::INTERNET_CHARGE_TYPE, &["TRAFFIC_POSTPAID_BY_HOUR", "BANDWIDTH_POSTPAID_BY_HOUR"]),
    (names::INTERNET_MAX_BANDWIDTH_OUT, &["1", "10", "2048"]),
    (
        names::EXTENSIVE_PARAMETERS,
        &[r#"{"LoadBalancerName":"shop"}"#, r#"{"ZoneId":"ap-guangzhou-1"}"#, r#"{"Tags":[{"TagKey":"team"}]}"#],
    ),
    (
        names::SPECIFY_PROTOCOL,
        &[
            r#"{"80":{"protocol":["TCP"]}}"#,
            r#"{"80":{"protocol":["TCP","UDP"]}}"#,
            r#"{"443":{"protocol":["TCP"]},"80":{"protocol":["TCP"]}}"#,
            r#"{"80":{"protocol":["HTTP"],"hosts":{"a.example":{},"b.example":{}}}}"#,
            r#"{"8080":{"protocol":["HTTP"]}}"#,
            r#"{"443":{"protocol":["TCP_SSL"],"tls":"secret"}}"#,
        ],
    ),
    (names::SECURITY_GROUPS, &["sg-1", "sg-1,sg-2", ""]),
    (names::PASS_TO_TARGET, SWITCH),
    (
        names::RS_WEIGHT,
        &[
            r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[{"weight":5,"podIndexes":[0]}]}]}]}"#,
        ],
    ),
    (names::GRACE_SHUTDOWN, SWITCH),
    (names::GRACE_SHUTDOWN_NOT_READY, SWITCH),
    (names::LOAD_BALANCER_RETAIN, SWITCH),
    (names::DELETION_PROTECTION, SWITCH),
    (names::MODE, &[names::MODE_SKIP]),
    (names::LOAD_BALANCER_ID, &["lb-one", "lb-none"]),
];

/// Values for a key that can be read, and some that ask for nothing else than what is the case all the same.
pub(super) fn all_right(key: &Key) -> Vec<&'static str> {
    let known = VALUES.iter().find(|(name, _)| *name == key.name).map(|(_, all)| *all);
    let mut all: Vec<_> = known.unwrap_or(&["true"]).to_vec();
    all.extend(key.usual);
    all
}

/// Changes, adds or takes out one annotation. `owner` is whom garbage names.
pub(super) fn edit(annotations: &mut Map<String, Value>, tone: Tone, owner: &str, chance: &mut Chance) {
    let present: Vec<String> = annotations.keys().cloned().collect();
    let is_present = !present.is_empty() && chance.once_in("present", 2);
    let name = if is_present {
        chance.one_of("annotation", &present).clone()
    } else {
        chance.one_of("key", KEYS).name.to_owned()
    };
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        annotations.remove(&name);
        return;
    };
    let right = (*chance.one_of("value", &all_right(key))).to_owned();
    let roll = chance.below("annotation", 12);
    let is_any = tone == Tone::Any;
    match roll {
        0 => drop(annotations.remove(key.name)),
        1 if is_any => {
            let (head, tail) = name.split_once('/').unwrap_or(("", &name));
            let other = format!("{head}/{}", misspelt(tail, chance));
            let kept = annotations.remove(&name).unwrap_or(Value::String(right));
            annotations.insert(other, kept);
        }
        2..=5 if is_any => {
            let text = if right.starts_with('{') { almost_json(&right, chance) } else { almost_text(&right, chance) };
            annotations.insert(name, Value::String(text));
        }
        6 if is_any => drop(annotations.insert(name, Value::String(garbage_text(owner)))),
        _ => drop(annotations.insert(name, Value::String(right))),
    }
}

/// JSON that is almost right.
fn almost_json(text: &str, chance: &mut Chance) -> String {
    match chance.below("almost JSON", 7) {
        0 => text.replacen("]", ",]", 1),
        1 => text.trim_end_matches('}').to_owned(),
        2 => text.replacen("TCP", "tcp", 1).replacen("Name", "name", 1),
        3 => text.replacen('}', r#","tsl":7}"#, 1),
        4 => text.replacen('{', r#"{"444":{"protocol":"TCP"},"#, 1),
        5 => text.replacen(['[', ']'], "", 1),
        _ => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tke_direct_access_core::plan::annotated::Treatment;

    #[test]
    fn each_annotation_that_decides_something_has_values() {
        let missing: Vec<_> = KEYS
            .iter()
            .filter(|key| key.treatment == Treatment::Applied && !VALUES.iter().any(|(name, _)| *name == key.name))
            .map(|key| key.name)
            .collect();
        assert_eq!(missing, [""; 0]);
        assert!(VALUES.iter().all(|(name, _)| KEYS.iter().any(|key| key.name == *name)), "none is unknown");
    }
}
