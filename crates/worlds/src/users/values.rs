//! Values for one leaf of a schema: right ones, almost right ones, and garbage.

use serde_json::{Value, json};

use crate::chance::Chance;

/// What words are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All are right.
    Right,
    /// Some are almost right, or garbage.
    Any,
}

/// What is right for leaves whose schema cannot say it: names of things that there are, or may be, in the world. By the end of the path.
const NAMED: &[(&str, &[&str])] = &[
    ("serviceRef.name", &[r#""web""#, r#""api""#, r#""old""#]),
    ("loadBalancer.id", &[r#""lb-one""#, r#""lb-two""#, r#""lb-none""#]),
    ("loadBalancer.region", &[r#""ap-guangzhou""#]),
    ("serviceConfigRef.name", &[r#""checks""#, r#""turns""#, r#""absent""#]),
    ("servicePort", &[r#""http""#, r#""http""#, r#""missing""#, "80"]),
    ("listenerId", &[r#""lbl-absent""#]),
    ("sharedWith[]", &[r#""shop""#, r#""other""#]),
    ("port", &["80", "443", "8080", "8443", "9000"]),
    ("certificate", &[r#"{"id": "cert-1"}"#]),
    ("certificate.id", &[r#""cert-1""#, r#""cert-2""#]),
    ("certificate.secretName", &[r#""tls""#]),
    ("domain", &[r#""a.example""#, r#""a.example""#, r#""b.example""#, r#""*.example""#, r#""""#]),
    ("defaultServer", &[r#""a.example""#, r#""c.example""#]),
    ("url", &[r#""/""#, r#""/""#, r#""/cart""#]),
    ("create.name", &[r#""shop""#]),
    ("create.vpcId", &[r#""vpc-default""#]),
    ("create.subnetId", &[r#""subnet-1""#]),
    ("create.vip", &[r#""10.0.0.9""#]),
    ("create.bandwidthPackageId", &[r#""bwp-1""#]),
    ("create.zoneId", &[r#""ap-guangzhou-1""#]),
    ("create.masterZoneId", &[r#""ap-guangzhou-1""#]),
    ("create.slaveZoneId", &[r#""ap-guangzhou-2""#]),
    ("create.securityGroups[]", &[r#""sg-1""#, r#""sg-2""#]),
    ("tags[].key", &[r#""team""#, r#""cost""#]),
    ("tags[].value", &[r#""a""#, r#""""#]),
    ("sniSwitch", &["true", "1"]),
    ("listenerName", &[r#""shop""#]),
    ("sendContext", &[r#""70696E67""#, r#""ping""#]),
    ("recvContext", &[r#""706F6E67""#, r#""pong""#]),
    ("httpCheckPath", &[r#""/""#, r#""/healthz""#]),
    ("httpCheckDomain", &[r#""a.example""#, r#""probe.example""#]),
];

fn named(path: &str) -> Option<Vec<Value>> {
    let is_end = |end: &str| {
        path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.') || rest.ends_with("[]"))
    };
    let (_, all) = NAMED.iter().find(|(end, _)| is_end(end))?;
    Some(all.iter().filter_map(|one| serde_json::from_str(one).ok()).collect())
}

/// All values among which one that is right is chosen. Of a number those are its bounds and a few between them.
pub(super) fn all_right(schema: &Value, path: &str) -> Vec<Value> {
    if let Some(all) = named(path) {
        return all;
    }
    if let Some(all) = schema.get("enum").and_then(Value::as_array) {
        return all.clone();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => vec![json!(true), json!(false)],
        Some("integer") => {
            let bound = |key: &str, otherwise| schema.get(key).and_then(Value::as_i64).unwrap_or(otherwise);
            let (least, most) = (bound("minimum", 0), bound("maximum", 100));
            let some = [least, least + 1, 2, 3, 4, 5, 7, 10, 30, 60, most - 1, most];
            some.into_iter().filter(|number| (least..=most).contains(number)).map(Value::from).collect()
        }
        _ => Vec::new(),
    }
}

/// One that is right, as far as the schema says.
pub(super) fn right(schema: &Value, path: &str, chance: &mut Chance) -> Value {
    let all = all_right(schema, path);
    if all.is_empty() { json!("x") } else { chance.one_of("right", &all).clone() }
}

/// One that is almost right.
pub(super) fn almost(schema: &Value, path: &str, chance: &mut Chance) -> Value {
    let value = right(schema, path, chance);
    match &value {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
            let beyond = [bound("minimum").map(|least| least - 1), bound("maximum").map(|most| most + 1)];
            let mut all: Vec<Value> = beyond.into_iter().flatten().map(Value::from).collect();
            all.extend([json!(number.to_string()), json!(-number - 2), json!(format!("{number}s"))]);
            chance.one_of("almost a number", &all).clone()
        }
        Value::Bool(switch) => {
            let text = switch.to_string();
            let all = [json!(text), json!("ture"), json!(i32::from(*switch)), json!(text.to_uppercase()), json!("yes")];
            chance.one_of("almost a switch", &all).clone()
        }
        Value::String(text) => Value::String(almost_text(text, chance)),
        _ => json!(""),
    }
}

/// A text that is almost this one.
pub(super) fn almost_text(text: &str, chance: &mut Chance) -> String {
    match chance.below("almost a text", 8) {
        0 => text.to_lowercase(),
        1 => text.to_uppercase(),
        2 => String::new(),
        3 => format!("{text},"),
        4 => format!("\"{text}\""),
        5 => {
            let mut chars: Vec<char> = text.chars().collect();
            if chars.len() > 1 {
                let place = chance.below("letter", chars.len() as u64 - 1);
                chars.remove(usize::try_from(place).unwrap_or_default());
            }
            chars.into_iter().collect()
        }
        6 => format!(" {text} "),
        _ => format!("{text}{text}"),
    }
}

/// What nobody can have meant. It carries the name of its user.
pub(super) fn garbage(owner: &str, chance: &mut Chance) -> Value {
    match chance.below("garbage", 7) {
        0 => json!(99_999_999_999_i64),
        1 => json!([]),
        2 => json!({}),
        3 => json!(-1),
        4 => json!([{"a": garbage_text(owner)}]),
        _ => Value::String(garbage_text(owner)),
    }
}

/// A text that nobody can have meant. It carries the name of its user.
pub(crate) fn garbage_text(owner: &str) -> String {
    format!("?zz-{owner}-zz")
}

/// A name that is almost this one.
pub(super) fn misspelt(name: &str, chance: &mut Chance) -> String {
    let mut chars: Vec<char> = name.chars().collect();
    let place = usize::try_from(chance.below("letter", chars.len() as u64)).unwrap_or_default();
    match chance.below("misspelt", 3) {
        0 if chars.len() > 3 => {
            chars.remove(place);
        }
        1 if place > 0 => chars.swap(place, place - 1),
        _ => {
            if let Some(letter) = chars.get_mut(place) {
                let is_lower = letter.is_ascii_lowercase();
                *letter = if is_lower { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            }
        }
    }
    chars.into_iter().collect()
}
