//! The official examples of replies, read by the client's types.

use serde_json::Value;

use crate::{actions, tables};

/// Examples that the vendor's own tables contradict, or members that nothing here reads: where, and why.
const LOST: &[(&str, &str)] = &[];

/// What of an example is not there after it was read and written again.
fn lost(again: &Value, example: &Value, path: &str, found: &mut Vec<String>) {
    match (again, example) {
        (Value::Object(again), Value::Object(example)) => {
            for (key, value) in example {
                let path = format!("{path}.{key}");
                match again.get(key) {
                    Some(own) => lost(own, value, &path, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(again), Value::Array(example)) if again.len() == example.len() => {
            again.iter().zip(example).for_each(|(again, example)| lost(again, example, path, found));
        }
        _ if again == example => {}
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn the_official_examples_are_read_as_they_are_meant() {
    let (mut examples, mut found) = (0, Vec::new());
    for row in actions::all() {
        let of_action = tables(row.service).examples(row.name);
        assert!(!of_action.is_empty(), "{} has an example", row.name);
        examples += of_action.len();
        for text in of_action {
            match (row.read)(text.as_bytes()) {
                Ok(again) => {
                    let example: Value = serde_json::from_str(text).expect("what was read is JSON");
                    lost(&again["Response"], &example["Response"], row.name, &mut found);
                }
                Err(error) => found.push(format!("{}: {error}", row.name)),
            }
        }
    }
    assert!(examples >= 50, "only {examples} examples");
    found.sort();
    found.dedup();
    let expected: Vec<&str> = LOST.iter().map(|(path, _)| *path).collect();
    assert_eq!(found, expected);
}
