//! The mark of a binding whose annotated Service does not ask for it any more.

use jiff::Timestamp;

use super::DirectAccessBinding;
use crate::api::names;

/// Since when a binding is parked, and why. A parked binding keeps its load balancer and serves nothing.
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

impl DirectAccessBinding {
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
