//! Edits of one property of an object, of which a schema says what it has.

use serde_json::{Map, Value, json};

use super::values::{Tone, almost, garbage, misspelt, right};
use crate::chance::Chance;

/// Who edits, and how.
pub(super) struct Editor<'a> {
    pub(super) chance: &'a mut Chance,
    pub(super) tone: Tone,
    /// The name that garbage carries.
    pub(super) owner: &'a str,
}

/// What says what something is about: it is changed seldom.
const KEYS: [&str; 5] = ["port", "protocol", "domain", "url", "id"];

fn kind(schema: &Value) -> &str {
    schema.get("type").and_then(Value::as_str).unwrap_or_default()
}

impl Editor<'_> {
    fn is_any(&mut self, about: &str, times: u64) -> bool {
        self.tone == Tone::Any && self.chance.once_in(about, times)
    }

    /// Changes, adds or takes out one property.
    pub(super) fn object(&mut self, schema: &Value, value: &mut Map<String, Value>, path: &str) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let present: Vec<String> = value.keys().filter(|name| properties.contains_key(*name)).cloned().collect();
        if !present.is_empty() && self.is_any("misspelt", 14) {
            let name = self.chance.one_of("which is misspelt", &present).clone();
            let (other, is_moved) = (misspelt(&name, self.chance), self.chance.once_in("moved", 2));
            let kept = if is_moved { value.remove(&name) } else { value.get(&name).cloned() };
            value.insert(other, kept.unwrap_or_default());
            return;
        }
        let all: Vec<String> = properties.keys().cloned().collect();
        let is_present = !present.is_empty() && !self.chance.once_in("another property", 3);
        let mut name = self.chance.one_of("property", if is_present { &present } else { &all }).clone();
        if KEYS.contains(&name.as_str()) && !self.chance.once_in("key", 6) {
            name = self.chance.one_of("property", &all).clone();
        }
        let Some(property) = properties.get(&name) else { return };
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let is_required = required.into_iter().any(|required| required.as_str() == Some(name.as_str()));
        if value.contains_key(&name) && (!is_required || self.tone == Tone::Any) && self.chance.once_in("delete", 8) {
            value.remove(&name);
            return;
        }
        match kind(property) {
            "object" => {
                let inner = value.entry(name).or_insert_with(|| json!({}));
                match inner {
                    Value::Object(members) => self.object(property, members, &path),
                    other => *other = json!({}),
                }
            }
            "array" => {
                let inner = value.entry(name).or_insert_with(|| json!([]));
                match inner {
                    Value::Array(items) => self.list(property, items, &path),
                    other => *other = json!([]),
                }
            }
            _ => {
                let new = self.leaf(property, &path);
                value.insert(name, new);
            }
        }
    }

    fn leaf(&mut self, schema: &Value, path: &str) -> Value {
        match self.chance.below("leaf", 10) {
            0..=2 if self.tone == Tone::Any => almost(schema, path, self.chance),
            3 if self.tone == Tone::Any => garbage(self.owner, self.chance),
            _ => right(schema, path, self.chance),
        }
    }

    fn list(&mut self, schema: &Value, items: &mut Vec<Value>, path: &str) {
        let nothing = Value::Null;
        let of_item = schema.get("items").unwrap_or(&nothing);
        let path = format!("{path}[]");
        let count = items.len();
        let place = usize::try_from(self.chance.below("item", count as u64)).unwrap_or_default();
        match self.chance.below("list", 12) {
            0 if count > 1 => drop(items.remove(place)),
            1 if count > 0 && self.tone == Tone::Any => items.push(items[place].clone()),
            2 if self.tone == Tone::Any => items.push(garbage(self.owner, self.chance)),
            _ if count == 0 || (count < 4 && self.chance.once_in("another item", 4)) => {
                let new = self.item(of_item, &path);
                let is_same = |key: &str, other: &Value| other.get(key) == new.get(key);
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let keys: Vec<&str> = keys.into_iter().flatten().filter_map(Value::as_str).collect();
                let is_there = !keys.is_empty() && items.iter().any(|other| keys.iter().all(|key| is_same(key, other)));
                if !is_there {
                    items.push(new);
                }
            }
            _ => match items.get_mut(place) {
                Some(Value::Object(members)) => self.object(of_item, members, &path),
                Some(other) => *other = self.leaf(of_item, &path),
                None => {}
            },
        }
    }

    /// An item with what it must have.
    pub(super) fn item(&mut self, schema: &Value, path: &str) -> Value {
        if kind(schema) != "object" {
            return right(schema, path, self.chance);
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let keys = KEYS.into_iter().filter(|key| schema.pointer(&format!("/properties/{key}")).is_some());
        let mut item = Map::new();
        for name in required.chain(keys.filter(|key| *key != "id")) {
            let property = &schema["properties"][name];
            item.insert(name.to_owned(), right(property, &format!("{path}.{name}"), self.chance));
        }
        Value::Object(item)
    }
}
