//! A story: a seed, and what is done to the world when. It is a text that people read and the world replays.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::act::Act;
use crate::sense::{LONGEST, Made};

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

/// What a seed is.
pub const SEEDS: &str = "a whole number from 0 on";
const NO_SEED: &str = "no line says the seed, as 'Seed 1' does";
const NO_TIME: &str = "it does not begin with a number and a time, such as '1. 30.500 s: '";
const NO_ACT: &str =
    "there is no tab with the act as JSON after it, such as {\"deletePod\":0}; a comment begins with '#'";

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

impl Story {
    /// Whether each act means something where it stands, and there is one.
    ///
    /// # Errors
    /// The place of one that does not, from 0, and why.
    pub(crate) fn means_something(&self) -> Result<(), (usize, String)> {
        if self.acts.is_empty() {
            return Err((0, "the story has no act".to_owned()));
        }
        let made = Made::by(&self.acts);
        for (place, (at, act)) in self.acts.iter().enumerate() {
            if Duration::from_millis(*at) > LONGEST {
                return Err((place, "a story takes a day at most".to_owned()));
            }
            made.check(act).map_err(|reason| (place, reason))?;
        }
        Ok(())
    }
}

impl FromStr for Story {
    type Err = StoryError;

    fn from_str(text: &str) -> Result<Self, StoryError> {
        let (mut seed, mut acts, mut lines) = (None, Vec::new(), Vec::new());
        for (place, line) in text.lines().enumerate() {
            let wrong = |reason: String| StoryError { line: place + 1, reason };
            if let Some(number) = line.strip_prefix(SEED) {
                if seed.is_some() {
                    return Err(wrong("a line before it has said the seed".to_owned()));
                }
                seed = Some(number.trim().parse().map_err(|_| wrong(format!("'{number}' is no seed: say {SEEDS}")))?);
            } else if let Some((sentence, letter)) = line.split_once(LETTER) {
                let time = time_of(sentence).ok_or_else(|| wrong(NO_TIME.to_owned()))?;
                acts.push((time, serde_json::from_str(letter).map_err(|error| wrong(in_the_act(&error)))?));
                lines.push(place + 1);
            } else if !line.trim().is_empty() && !line.starts_with('#') {
                return Err(wrong(NO_ACT.to_owned()));
            }
        }
        let seed = seed.ok_or_else(|| StoryError { line: 1, reason: NO_SEED.to_owned() })?;
        let story = Self { seed, acts };
        let error = |(place, reason)| StoryError { line: lines.get(place).copied().unwrap_or(1), reason };
        story.means_something().map_err(error)?;
        Ok(story)
    }
}

/// The time that a sentence begins with.
fn time_of(sentence: &str) -> Option<u64> {
    let (_, rest) = sentence.split_once(". ")?;
    milliseconds(rest.split_once(" s: ")?.0)
}

/// What is wrong with the JSON of an act, which is one line.
fn in_the_act(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map_or(&*text, |(words, _)| words);
    format!("{words} (character {} after the tab)", error.column())
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
        for seed in 0..100 {
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
    }

    #[test]
    fn a_line_that_is_no_act_is_named() {
        let error = "Seed 1\nhello".parse::<Story>().map(drop);
        assert_eq!(error.map_err(|error| error.line), Err(2));
    }

    fn wrong(lines: &str) -> (usize, String) {
        let error = format!("Seed 1\n{lines}").parse::<Story>().expect_err(lines);
        (error.line, error.reason)
    }

    #[test]
    fn words_that_mean_nothing_are_refused_with_their_line() {
        for (act, words) in [
            (r#"{"rollout":"wob"}"#, "no act of the story makes the workload wob"),
            (r#"{"scale":["wob",1]}"#, "no act of the story makes the "),
            (r#"{"deleteWorkload":"wob"}"#, "no act of the story makes the "),
            (r#"{"deleteService":"wob"}"#, "no act of the story makes the "),
            (r#"{"deleteBinding":"wob"}"#, "no act of the story makes the "),
            (r#"{"replace":"wob"}"#, "no act of the story makes the "),
            (r#"{"deleteConfig":"wob"}"#, "no act of the story makes the "),
            (r#"{"deleteConfig":"wob-auto-service-config"}"#, "no act of the story makes the "),
            (r#"{"fault":{"calls":{"action":"CreateListner","count":1,"effect":"lostReply"}}}"#, "'CreateListner'"),
            (r#"{"fault":{"refused":{"action":"X","names":"a","code":"b","seconds":1}}}"#, "it has: "),
            (r#"{"fault":{"calls":{"acton":"CreateListener","count":1,"effect":"lostReply"}}}"#, "`acton`"),
            (r#"{"fault":{"refuse":{"status":418,"seconds":1}}}"#, "403, 409 or 500, not with 418"),
            (r#"{"fault":{"crash":[1,18446744073709551615]}}"#, "longer than a day"),
            (r#"{"fault":{"skew":[1,-86401,1]}}"#, "longer than a day"),
            (r#"{"dialect":{"tasks":86400001}}"#, "longer than a day"),
            (r#"{"slices":0}"#, "room for one endpoint"),
            (r#"{"dialect":{"rate":0}}"#, "room for one at least"),
            (r#"{"dialect":{"targets":0}}"#, "room for one at least"),
            (r#"{"dialect":{"listeners":0}}"#, "room for one at least"),
            (r#"{"scale":["web",1001]}"#, "1000 replicas at most"),
            (r#"{"pod":[1,"unlabelled"]}"#, "`unlabelled`"),
            (r#"{"unready":[1,86401]}"#, "longer than a day"),
            (r#"{"service":{"name":"a","annotations":{"a":1},"spec":{}}}"#, "annotations: "),
            (r#"{"service":{"name":"a","annotations":{},"spec":null}}"#, "spec: "),
            (r#"{"service":{"name":"a","annotations":{},"spec":{},"more":1}}"#, "`more`"),
            (r#"{"console":{"addListener":{"load_balancer":0,"port":1,"protocol":"UDP"}}}"#, "`protocol`"),
            (r#"{"deletePod":"a"}"#, "(character "),
        ] {
            let (line, reason) = wrong(&format!("# said\n1. 1 s: words\t{act}"));
            assert!(line == 3 && reason.contains(words), "{act}: {reason}");
            assert!(!reason.contains("line"), "{act}: {reason}");
        }
        let delete = r#"{"deletePod":0}"#;
        assert_eq!(wrong(""), (1, "the story has no act".to_owned()));
        assert_eq!(wrong(&format!("1. 1 s: a\t{delete}\nSeed 2")).0, 3);
        assert_eq!(wrong(&format!("1. 86401 s: a\t{delete}")), (2, "a story takes a day at most".to_owned()));
        assert!(wrong("1. 1 s: a").1.contains("no tab"));
        assert!("Seed abc".parse::<Story>().is_err_and(|error| error.reason.contains(SEEDS)));
    }

    #[test]
    fn the_story_in_the_documentation_is_one() {
        let (_, rest) = include_str!("../../../docs/testing.md").split_once("A story is a text:\n\n```text\n").unwrap();
        let (text, _) = rest.split_once("```").unwrap();
        let story: Story = text.parse().unwrap();
        assert_eq!((story.seed, story.acts.len()), (1, 2));
        assert!(text.ends_with(&story.to_string()), "{story}");
    }

    #[test]
    fn what_is_gone_may_be_named() {
        let service = r#"{"service":{"name":"shop","annotations":{},"spec":{}}}"#;
        let gone = r#"{"deleteService":"shop"}"#;
        for named in [gone, r#"{"deleteBinding":"shop"}"#, r#"{"replace":"shop"}"#] {
            let text = format!("Seed 1\n1. 1 s: a\t{service}\n2. 2 s: b\t{gone}\n3. 3 s: c\t{named}");
            assert!(text.parse::<Story>().is_ok(), "{named}");
        }
    }
}
