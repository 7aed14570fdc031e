//! What is said of a value that cannot be read, and of a field that nobody knows.

use serde_json::Value;

use super::shape::{Kind, PLACES};
use crate::api::clip;
use crate::model::nearest;

/// The most characters of a value that are repeated.
const VALUE_MAX: usize = 40;

/// What is wrong with a value of another type than its field takes, and what to do.
pub(super) fn wrong_type(value: &Value, kind: Kind) -> String {
    let takes = match kind {
        Kind::Text => "a text",
        Kind::Number => "a whole number",
        Kind::Switch => "true or false",
        Kind::Object(_) => "an object with fields",
        Kind::List(_) => "a list of objects",
        Kind::Any => "anything",
    };
    format!("it is {}, and takes {takes}; {}", found(value), remedy(value, kind))
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(switch) => format!("{switch}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text \"{}\"", clip(text, VALUE_MAX)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn remedy(value: &Value, kind: Kind) -> String {
    let correct = || "correct it, or remove it".to_owned();
    match (kind, value) {
        (Kind::Number, Value::String(text)) if text.trim().parse::<i32>().is_ok() => {
            format!("write {} without quotes", text.trim())
        }
        (Kind::Switch, Value::String(text)) => match nearest(text, ["true", "false"]) {
            Some(word) if text.eq_ignore_ascii_case(word) => format!("write {word} without quotes"),
            Some(word) => format!("write {word}"),
            None => correct(),
        },
        (Kind::Switch, Value::Number(number)) if number.as_i64() == Some(1) => "write true".to_owned(),
        (Kind::Switch, Value::Number(number)) if number.as_i64() == Some(0) => "write false".to_owned(),
        (Kind::Number, Value::Bool(switch)) => format!("write {}, if it is a switch of 0 and 1", i32::from(*switch)),
        (Kind::Text, Value::Number(number)) => format!("write \"{number}\" in quotes"),
        (Kind::Text, Value::Bool(switch)) => format!("write \"{switch}\" in quotes"),
        (Kind::List(_), Value::Object(_)) => "begin the entry with a hyphen".to_owned(),
        _ => correct(),
    }
}

/// What is said of a field that nobody knows. `near` is a field that may be meant, and whether that one is there too.
pub(super) fn unknown(name: &str, near: Option<(&str, bool)>) -> String {
    match near {
        Some((near, true)) => {
            format!("the field is not known and has no effect; remove it, because {near} is there too")
        }
        Some((near, false)) => format!("the field is not known and has no effect; write {near}"),
        None => match places(name).as_slice() {
            [] => "the field is not known and has no effect; remove it".to_owned(),
            places => format!("the field has no effect here; move it to {}, or remove it", places.join(" or ")),
        },
    }
}

/// Where a field belongs that is in the wrong place.
fn places(name: &str) -> Vec<&'static str> {
    PLACES.iter().filter(|(_, shape)| shape.kind(name).is_some()).map(|(place, _)| *place).collect()
}
