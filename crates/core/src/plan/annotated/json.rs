//! JSON in annotations. An object that has a member twice is no object: nobody knows which of the two is meant.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::model::quoted;

/// How the reader's error begins for a member that is there twice.
const TWICE: &str = "twice: ";

/// The object that a text says. Where it is none, what is wrong with it, if that is more than its form.
pub(in crate::plan) fn object(text: &str) -> Result<Map<String, Value>, Option<String>> {
    match serde_json::from_str::<Unique>(text) {
        Ok(Unique(Value::Object(members))) => Ok(members),
        Ok(_) => Err(None),
        Err(error) => {
            let words = error.to_string();
            let name = words.strip_prefix(TWICE).and_then(|rest| rest.rsplit_once(" at line "));
            Err(name.map(|(name, _)| format!("{} is there twice in one object; remove one", quoted(name))))
        }
    }
}

/// A value of whose objects no member is there twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if all.contains_key(&name) {
                return Err(A::Error::custom(format!("{TWICE}{name}")));
            }
            all.insert(name, value);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_is_written_and_nothing_twice() {
        for text in [r#"{"a":[1,-2,0.5,true,null,"x"],"b":{"a":{}}}"#, "{}"] {
            assert_eq!(Value::Object(object(text).unwrap()), serde_json::from_str::<Value>(text).unwrap());
        }
        for odd in ["", "[]", "7", "{", "{\"a\":1,}", "{a:1}", &"[".repeat(5_000)] {
            assert_eq!(object(odd), Err(None), "{odd}");
        }
        for twice in [r#"{"443":1,"443":2}"#, r#"{"x":[{"443":1, "443":1}]}"#] {
            let what = object(twice).unwrap_err().unwrap();
            assert_eq!(what, "\"443\" is there twice in one object; remove one");
        }
        let odd = object("{\"a\\n at line 7\":1,\"a\\n at line 7\":1}").unwrap_err().unwrap();
        assert!(odd.starts_with("\"a  at line 7\" is there twice"), "{odd}");
    }
}
