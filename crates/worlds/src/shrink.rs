//! Makes a story that fails shorter, as long as it breaks the same rule.

use serde_json::Value;

use crate::act::Act;
use crate::check::Violation;
use crate::story::Story;
use crate::verdict::{self, broken};

/// The shortest story that is found which breaks the same rule as this one; the story itself where it breaks none.
pub fn shrink(story: &Story) -> Story {
    let Some(Violation { rule, .. }) = broken(story) else { return story.clone() };
    let mut shortest = story.clone();
    // Whole halves first, then quarters, down to single acts; again as long as something goes.
    loop {
        let before = shortest.acts.len();
        let mut size = (before / 2).max(1);
        loop {
            let mut start = 0;
            while start < shortest.acts.len() {
                let mut shorter = shortest.clone();
                let end = (start + size).min(shorter.acts.len());
                shorter.acts.drain(start..end);
                if breaks(&shorter, rule) {
                    shortest = shorter;
                } else {
                    start = end;
                }
            }
            if size == 1 {
                break;
            }
            size /= 2;
        }
        if shortest.acts.len() == before {
            return plainer(shortest, rule);
        }
    }
}

/// Whether a story can be read again and breaks this rule.
fn breaks(story: &Story, rule: &str) -> bool {
    story.means_something().is_ok() && verdict::breaks(story, rule)
}

/// The same story with fewer words in what users write: each member, and each item, goes without which it breaks the same rule.
fn plainer(mut story: Story, rule: &str) -> Story {
    for place in 0..story.acts.len() {
        let mut at = 0;
        loop {
            let mut plainer = story.clone();
            let is_shorter = words(&mut plainer.acts[place].1).is_some_and(|words| take_out(words, &mut { at }));
            if !is_shorter {
                break;
            }
            if breaks(&plainer, rule) {
                story = plainer;
            } else {
                at += 1;
            }
        }
    }
    story
}

/// What a user writes in an act.
const fn words(act: &mut Act) -> Option<&mut Value> {
    match act {
        Act::Service { annotations: words, .. }
        | Act::Binding { spec: words, .. }
        | Act::Config { spec: words, .. } => Some(words),
        _ => None,
    }
}

/// Takes the member or item out before which there are so many, counted from the outside in. Returns whether there is one.
fn take_out(value: &mut Value, before: &mut usize) -> bool {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.keys().nth(*before).cloned() {
                members.remove(&name);
                return true;
            }
            *before -= members.len();
            members.values_mut().any(|inner| take_out(inner, before))
        }
        Value::Array(items) => {
            if *before < items.len() {
                items.remove(*before);
                return true;
            }
            *before -= items.len();
            items.iter_mut().any(|inner| take_out(inner, before))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_word_is_taken_out_once_from_the_outside_in() {
        let whole = json!({"a": {"b": 1, "c": [2, {"d": 3}]}, "e": 4});
        let all: Vec<Value> = (0..)
            .map_while(|before: usize| {
                let mut shorter = whole.clone();
                take_out(&mut shorter, &mut { before }).then_some(shorter)
            })
            .collect();
        let wanted = [
            json!({"e": 4}),
            json!({"a": {"b": 1, "c": [2, {"d": 3}]}}),
            json!({"a": {"c": [2, {"d": 3}]}, "e": 4}),
            json!({"a": {"b": 1}, "e": 4}),
            json!({"a": {"b": 1, "c": [{"d": 3}]}, "e": 4}),
            json!({"a": {"b": 1, "c": [2]}, "e": 4}),
            json!({"a": {"b": 1, "c": [2, {}]}, "e": 4}),
        ];
        assert_eq!(all, wanted);
    }
}
