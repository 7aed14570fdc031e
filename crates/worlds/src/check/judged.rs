//! How often each rule was looked at, and how often a check has looked away: one that always does finds nothing.

use std::collections::BTreeMap;

/// What a check says of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sentence {
    /// It is as it must be.
    Holds,
    /// It is not.
    Broken(String),
    /// Nobody can ask for it, because of this.
    Excused(&'static str),
}

impl Sentence {
    /// Broken where there are words.
    pub(crate) fn of(words: Option<String>) -> Self {
        words.map_or(Self::Holds, Self::Broken)
    }

    /// What is seen, unless there is an excuse.
    pub(crate) fn unless(excuse: Option<&'static str>, words: impl FnOnce() -> Option<String>) -> Self {
        excuse.map_or_else(|| Self::of(words()), Self::Excused)
    }
}

/// How often one rule was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    looked: u64,
    excused: BTreeMap<&'static str, u64>,
}

/// How often each rule was looked at that knows excuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged(BTreeMap<&'static str, Count>);

impl Judged {
    /// A rule was looked at; returns what is broken.
    pub(crate) fn count(&mut self, rule: &'static str, sentence: Sentence) -> Option<String> {
        let count = self.0.entry(rule).or_default();
        if let Sentence::Excused(why) = sentence {
            *count.excused.entry(why).or_default() += 1;
            return None;
        }
        count.looked += 1;
        match sentence {
            Sentence::Broken(words) => Some(words),
            Sentence::Holds | Sentence::Excused(_) => None,
        }
    }

    /// What was counted elsewhere.
    pub fn extend(&mut self, others: Self) {
        for (rule, other) in others.0 {
            let count = self.0.entry(rule).or_default();
            count.looked += other.looked;
            for (why, times) in other.excused {
                *count.excused.entry(why).or_default() += times;
            }
        }
    }

    /// Each rule with how often it was looked at, and each excuse with how often it was used.
    pub fn report(&self) -> Vec<String> {
        let line = |(rule, count): (&&'static str, &Count)| {
            let excuses = count.excused.iter().map(|(why, times)| format!("; not {times} times: {why}"));
            format!("{rule}: looked at {} times{}", count.looked, excuses.collect::<String>())
        };
        self.0.iter().map(line).collect()
    }

    /// The rules that were never looked at without an excuse.
    pub fn blind(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, count)| count.looked == 0).map(|(rule, _)| *rule).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_is_always_excused_is_blind() {
        let mut judged = Judged::default();
        assert_eq!(judged.count("a", Sentence::Excused("it is late")), None);
        assert_eq!(judged.count("b", Sentence::unless(None, || Some("words".to_owned()))), Some("words".to_owned()));
        let excused = Sentence::unless(Some("it is late"), || Some("words".to_owned()));
        assert_eq!(judged.count("b", excused), None);
        assert_eq!(judged.blind(), ["a"]);
        let mut all = judged.clone();
        all.extend(judged);
        assert_eq!(
            all.report(),
            ["a: looked at 0 times; not 2 times: it is late", "b: looked at 2 times; not 2 times: it is late"]
        );
    }
}
