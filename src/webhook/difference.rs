//! What an object lacks of what it should be. Pure.
//!
//! Only fields that are desired are compared: what the API server fills in and what others add is theirs. Lists whose elements
//! have a `name` are maps by that name, as the API server takes them; other lists are compared whole.

use serde_json::Value;

/// The paths at which `live` is not what `desired` says, such as `webhooks[a].clientConfig`.
pub(super) fn differences(desired: &Value, live: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", desired, live, &mut found);
    found
}

fn compare(path: &str, desired: &Value, live: &Value, found: &mut Vec<String>) {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            for (key, value) in desired {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match live.get(key) {
                    Some(live) => compare(&path, value, live, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(items), Value::Array(live)) if items.iter().all(|item| name(item).is_some()) => {
            for item in items {
                let path = format!("{path}[{}]", name(item).unwrap_or_default());
                match live.iter().find(|other| name(other) == name(item)) {
                    Some(live) => compare(&path, item, live, found),
                    None => found.push(path),
                }
            }
        }
        _ if desired == live => {}
        _ => found.push(path.to_owned()),
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

/// Takes a field out of `desired` when `live` has it otherwise, so that an edit of it survives. What does not exist in `live`
/// as a whole keeps the field.
pub(super) fn yield_field(desired: &mut Value, live: &Value, path: &[&str]) {
    if let (Value::Array(items), Value::Array(live)) = (&mut *desired, live) {
        for item in items {
            if let Some(live) = live.iter().find(|other| name(other) == name(item)) {
                yield_field(item, live, path);
            }
        }
        return;
    }
    let (Value::Object(desired), Some((first, rest))) = (desired, path.split_first()) else { return };
    if rest.is_empty() {
        if desired.get(*first) != live.get(*first) {
            desired.remove(*first);
        }
    } else if let (Some(desired), Some(live)) = (desired.get_mut(*first), live.get(*first)) {
        yield_field(desired, live, rest);
    }
}

/// Whether `live` has anything at a path; in a list, in any element.
pub(super) fn has(live: &Value, path: &[&str]) -> bool {
    if let Value::Array(items) = live {
        return items.iter().any(|item| has(item, path));
    }
    match path.split_first() {
        Some((first, rest)) => live.get(*first).is_some_and(|live| has(live, rest)),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_desired_is_compared() {
        let desired = json!({"labels": {"a": "1"}, "webhooks": [{"name": "x", "rules": [1], "config": {"ca": "c"}}]});
        let mut live = desired.clone();
        live["extra"] = json!(true);
        live["webhooks"][0]["default"] = json!("filled in");
        live["webhooks"].as_array_mut().unwrap().insert(0, json!({"name": "theirs"}));
        assert_eq!(differences(&desired, &live), Vec::<String>::new());
        live["webhooks"][1]["config"]["ca"] = json!("damaged");
        live["webhooks"][1]["rules"] = json!([1, 2]);
        live["labels"] = json!({});
        assert_eq!(differences(&desired, &live), ["labels.a", "webhooks[x].config.ca", "webhooks[x].rules"]);
        assert_eq!(differences(&desired, &json!({"labels": {"a": "1"}, "webhooks": []})), ["webhooks[x]"]);
        assert_eq!(differences(&desired, &json!(null)), [""]);
    }

    #[test]
    fn an_edited_field_is_yielded_and_an_untouched_one_is_not() {
        let desired = json!({"webhooks": [{"name": "x", "selector": {"a": 1}, "rules": [1]}]});
        let yielded = |live: Value| {
            let mut left = desired.clone();
            yield_field(&mut left, &live, &["webhooks", "selector"]);
            left["webhooks"][0].get("selector").is_none()
        };
        assert!(!yielded(desired.clone()));
        assert!(!yielded(json!({"webhooks": []})), "nobody has edited what is not there");
        assert!(!yielded(json!({})));
        assert!(yielded(json!({"webhooks": [{"name": "x", "selector": {"a": 2}}]})));
        assert!(yielded(json!({"webhooks": [{"name": "x"}]})), "taking it away is an edit, too");
    }

    #[test]
    fn presence_is_found_in_lists() {
        let live = json!({"webhooks": [{"name": "x"}, {"name": "y", "config": {"url": "u"}}]});
        assert!(has(&live, &["webhooks", "config", "url"]));
        assert!(!has(&live, &["webhooks", "config", "service"]));
    }
}
