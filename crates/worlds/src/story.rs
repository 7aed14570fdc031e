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
        let (mut seed, mut acts) = (None, Vec::new());
        for (place, line) in text.lines().enumerate() {
            let wrong = |reason: &str| StoryError { line: place + 1, reason: reason.to_owned() };
            if let Some(number) = line.strip_prefix(SEED) {
                seed = Some(number.trim().parse().map_err(|_| wrong("the seed is no number"))?);
            } else if let Some((sentence, letter)) = line.split_once(LETTER) {
                let time =
                    sentence.split_once(". ").and_then(|(_, rest)| rest.split_once(" s: ")).map(|(time, _)| time);
                let at = time.and_then(milliseconds);
                let at =
                    at.ok_or_else(|| wrong("it does not begin with a number and a time, such as '1. 30.500 s: '"))?;
                let act = serde_json::from_str(letter).map_err(|error| wrong(&error.to_string()))?;
                acts.push((at, act));
            } else if !line.trim().is_empty() && !line.starts_with('#') {
                return Err(wrong("it has no act by the letter"));
            }
        }
        let seed =
            seed.ok_or_else(|| StoryError { line: 1, reason: format!("no line says the seed, as '{SEED}1' does") })?;
        Ok(Self { seed, acts })
    }
}

/// A time in seconds, with up to three digits after the point, in milliseconds.
fn milliseconds(time: &str) -> Option<u64> {
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(seconds) || !are_digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let milliseconds = format!("{fraction:0<3}").parse::<u64>().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(milliseconds)
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
    fn a_time_is_read_as_a_person_means_it_or_refused() {
        let cases = [
            ("30.5", Some(30_500)),
            ("30.05", Some(30_050)),
            ("30.005", Some(30_005)),
            ("30", Some(30_000)),
            ("30.0005", None),
            ("30.", None),
            ("+30", None),
            ("30.+5", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("18446744073709552", None),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_seed_is_no_story() {
        for text in ["", "\n", "# nothing"] {
            assert!(text.parse::<Story>().is_err(), "{text:?}");
        }
        assert_eq!("Seed 7".parse::<Story>().map(|story| story.seed), Ok(7));
    }

    #[test]
    fn a_line_that_is_no_act_is_named() {
        let error = "Seed 1\nhello".parse::<Story>().map(drop);
        assert_eq!(error.map_err(|error| error.line), Err(2));
    }
}
