//! A story: a seed, and what is done to the world when. It is a text that people read and the world replays.

use std::fmt;
use std::str::FromStr;

use crate::act::Act;

/// A seed, and what is done to the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What decides everything else.
    pub seed: u64,
    /// What is done, with the time in milliseconds from the beginning, in order.
    pub acts: Vec<(u64, Act)>,
}

/// Why a text is no story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for StoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for StoryError {}

/// What is before the seed.
const SEED: &str = "Seed ";
/// What is between the sentence and the act by the letter.
const LETTER: &str = "\t";

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{SEED}{}", self.seed)?;
        for (place, (at, act)) in self.acts.iter().enumerate() {
            let letter = serde_json::to_string(act).map_err(|_| fmt::Error)?;
            writeln!(f, "{}. {}.{:03} s: {act}.{LETTER}{letter}", place + 1, at / 1000, at % 1000)?;
        }
        Ok(())
    }
}

impl FromStr for Story {
    type Err = StoryError;

    fn from_str(text: &str) -> Result<Self, StoryError> {
        let mut story = Self { seed: 0, acts: Vec::new() };
        for (place, line) in text.lines().enumerate() {
            let wrong = |reason: &str| StoryError { line: place + 1, reason: reason.to_owned() };
            if let Some(seed) = line.strip_prefix(SEED) {
                story.seed = seed.trim().parse().map_err(|_| wrong("the seed is no number"))?;
            } else if let Some((sentence, letter)) = line.split_once(LETTER) {
                let time =
                    sentence.split_once(". ").and_then(|(_, rest)| rest.split_once(" s: ")).map(|(time, _)| time);
                let parsed = time.and_then(|time| time.split_once('.')).and_then(|(seconds, milliseconds)| {
                    Some(seconds.parse::<u64>().ok()? * 1000 + milliseconds.parse::<u64>().ok()?)
                });
                let at = parsed.ok_or_else(|| wrong("it does not begin with a number and a time"))?;
                let act = serde_json::from_str(letter).map_err(|error| wrong(&error.to_string()))?;
                story.acts.push((at, act));
            } else if !line.trim().is_empty() && !line.starts_with('#') {
                return Err(wrong("it has no act by the letter"));
            }
        }
        Ok(story)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    #[test]
    fn a_story_is_the_same_after_it_was_written_and_read() {
        for seed in 0..50 {
            let story = generate(seed);
            assert_eq!(story.to_string().parse(), Ok(story));
        }
    }

    #[test]
    fn a_line_that_is_no_act_is_named() {
        let error = "Seed 1\nhello".parse::<Story>().map(drop);
        assert_eq!(error.map_err(|error| error.line), Err(2));
    }
}
