//! The mark of a binding whose annotated Service does not ask for it any more.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DirectAccessBinding;
use crate::api::names;

/// Since when a binding is parked, and why. A parked binding keeps its load balancer, and what it has on listeners goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Why, in one word.
    pub reason: String,
    /// Since when; `None` when the mark does not say it.
    pub since: Option<Timestamp>,
}

impl Parked {
    /// The value of the annotation.
    pub fn value(&self) -> String {
        match self.since {
            Some(since) => format!("{} {since}", self.reason),
            None => self.reason.clone(),
        }
    }
}

/// What a parked binding still had on its load balancer when that was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Targets of the binding that have weight, and so serve, 0 or more; counted once per listener or rule.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub targets: i32,
    /// Listeners that the binding has made, 0 or more.
    #[schemars(range(min = 0, max = i32::MAX))]
    pub listeners: i32,
}

impl Left {
    /// Nothing is left.
    pub const NOTHING: Self = Self { targets: 0, listeners: 0 };
}

/// How far a binding that is marked as parked is parked. All words about that are made here, from what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parking {
    /// What is left; `None` where nobody has looked since it was marked.
    pub left: Option<Left>,
    /// Whether removals are held, so that what is left stays.
    pub are_removals_held: bool,
}

impl Parking {
    /// "is parked", once nothing is left.
    pub fn state(self) -> &'static str {
        match self.left {
            Some(Left::NOTHING) => "is parked",
            Some(_) | None => "is to be parked",
        }
    }
}

/// What still serves.
impl fmt::Display for Parking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Left { targets, listeners }) = self.left else {
            return f.write_str("whether something of it still serves is not known yet");
        };
        let count = |number: i32, noun: &str| match number {
            1 => format!("1 {noun}"),
            more => format!("{more} {noun}s"),
        };
        let are = |number: i32, one, more| if number == 1 { one } else { more };
        match (targets, listeners) {
            (0, 0) => return f.write_str("it serves nothing"),
            (targets, 0) => write!(f, "{} still {}", count(targets, "target"), are(targets, "serves", "serve"))?,
            (0, listeners) => {
                let verb = are(listeners, "is", "are");
                write!(f, "it serves nothing, and {} {verb} still there", count(listeners, "listener"))?;
            }
            (targets, listeners) => {
                write!(f, "{} and {} still serve", count(targets, "target"), count(listeners, "listener"))?;
            }
        }
        f.write_str(if self.are_removals_held { ", because removals are held" } else { ", until that is taken away" })
    }
}

impl DirectAccessBinding {
    /// How far the binding is parked, as its status says.
    pub fn parking(&self) -> Parking {
        let status = self.status.as_ref();
        Parking {
            left: status.and_then(|status| status.left),
            are_removals_held: status.is_some_and(|status| status.removals_held_by.is_some()),
        }
    }

    /// The mark that this binding is parked. Whatever its value is, its presence counts.
    pub fn parked(&self) -> Option<Parked> {
        let value = self.metadata.annotations.as_ref()?.get(names::PARKED)?;
        let mut words = value.split_whitespace();
        let reason = words.next().unwrap_or("Unknown").to_owned();
        Some(Parked { reason, since: words.next().and_then(|since| since.parse().ok()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::world::binding;

    #[test]
    fn what_is_said_of_serving_is_what_is_left() {
        let left = |targets, listeners| Some(Left { targets, listeners });
        for (left, are_removals_held, state, words) in [
            (None, true, "is to be parked", "whether something of it still serves is not known yet"),
            (left(0, 0), true, "is parked", "it serves nothing"),
            (left(2, 1), true, "is to be parked", "2 targets and 1 listener still serve, because removals are held"),
            (left(1, 0), false, "is to be parked", "1 target still serves, until that is taken away"),
            (
                left(0, 2),
                true,
                "is to be parked",
                "it serves nothing, and 2 listeners are still there, because removals are held",
            ),
        ] {
            let parking = Parking { left, are_removals_held };
            assert_eq!((parking.state(), parking.to_string().as_str()), (state, words), "{parking:?}");
        }
    }

    #[test]
    fn the_mark_is_read_back_and_its_presence_counts() {
        let mut binding = (*binding(1, &serde_json::json!({}))).clone();
        assert_eq!(binding.parked(), None);
        let mark = Parked { reason: "SaidFalse".to_owned(), since: Some(Timestamp::UNIX_EPOCH) };
        binding.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), mark.value());
        assert_eq!(binding.parked(), Some(mark));
        binding.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), String::new());
        assert!(binding.parked().is_some());
    }
}
