//! What a play of a story breaks: a rule of the world, or the promise that it ends as another play of the story.

use std::time::Duration;

use crate::chance::mixed;
use crate::check::Violation;
use crate::differ::{end_difference, undisturbed};
use crate::story::Story;
use crate::world::{Outcome, play};

/// The rule that is broken where a story ends otherwise.
pub(crate) const SAME_END: &str = "the same end";

/// The end of one story in so many is compared, which takes a second play. Which one does not go by its seed as such: that says of what
/// kind a story is.
const COMPARED: u64 = 4;

/// What comes of a play of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It breaks no rule, and ends as the other play.
    Holds,
    /// It breaks a rule.
    Breaks(Violation),
    /// It breaks no rule by itself; nobody promises that it ends as the other play, because of this.
    NotPromised(&'static str),
}

impl Verdict {
    /// What is broken.
    pub const fn broken(&self) -> Option<&Violation> {
        match self {
            Self::Breaks(violation) => Some(violation),
            Self::Holds | Self::NotPromised(_) => None,
        }
    }
}

/// Judges a play of a story by its rules, and by its end, which is that of the story without its misfortunes.
pub fn judge(story: &Story, outcome: &Outcome) -> Verdict {
    if let Some(verdict) = rule_broken(outcome) {
        return verdict;
    }
    match undisturbed(story) {
        Ok(undisturbed) => compare(&undisturbed, outcome),
        Err(why) => Verdict::NotPromised(why),
    }
}

/// Judges one of many plays: most of them by their rules only.
pub(crate) fn judge_in_passing(story: &Story, outcome: &Outcome) -> Verdict {
    if mixed(story.seed).is_multiple_of(COMPARED) {
        return judge(story, outcome);
    }
    rule_broken(outcome).unwrap_or(Verdict::NotPromised("the end is not compared"))
}

/// Judges a play of a story by its rules, and by its end, which is that of this other play.
pub fn compare(undisturbed: &Outcome, outcome: &Outcome) -> Verdict {
    rule_broken(outcome).unwrap_or_else(|| match end_difference(undisturbed, outcome) {
        Ok(None) => Verdict::Holds,
        Ok(Some(words)) => Verdict::Breaks(Violation { rule: SAME_END, at: Duration::ZERO, words }),
        Err(why) => Verdict::NotPromised(why),
    })
}

fn rule_broken(outcome: &Outcome) -> Option<Verdict> {
    outcome.violations.first().cloned().map(Verdict::Breaks)
}

/// What a story breaks.
pub fn broken(story: &Story) -> Option<Violation> {
    judge(story, &play(story)).broken().cloned()
}

/// Whether a story breaks this rule. Its end is compared only where that is asked.
pub(crate) fn breaks(story: &Story, rule: &str) -> bool {
    let outcome = play(story);
    let verdict = if rule == SAME_END { Some(judge(story, &outcome)) } else { rule_broken(&outcome) };
    verdict.is_some_and(|verdict| verdict.broken().is_some_and(|violation| violation.rule == rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(end: &str, deed: &str, holder: &str) -> Outcome {
        Outcome {
            end: end.to_owned(),
            deeds: vec![deed.to_owned()],
            holders: [("port".to_owned(), holder.to_owned())].into(),
            ..Outcome::default()
        }
    }

    #[test]
    fn ends_are_compared_where_acts_found_the_same() {
        let undisturbed = outcome("a", "", "");
        assert_eq!(compare(&undisturbed, &outcome("a", "x", "")), Verdict::Holds);
        assert_eq!(compare(&undisturbed, &outcome("b", "", "")).broken().map(|one| one.rule), Some(SAME_END));
        assert!(matches!(compare(&undisturbed, &outcome("b", "x", "")), Verdict::NotPromised(_)));
        assert!(matches!(compare(&undisturbed, &outcome("b", "", "x")), Verdict::NotPromised(_)));
        let unbound = Outcome { unbound: [("web".to_owned(), 1)].into(), ..outcome("b", "", "") };
        assert!(matches!(compare(&undisturbed, &unbound), Verdict::NotPromised(_)));
        let in_rollout = |end: &str| Outcome { in_rollout: ["web".to_owned()].into(), ..outcome(end, "", "") };
        assert!(matches!(compare(&in_rollout("a"), &in_rollout("b")), Verdict::NotPromised(_)));
        assert!(compare(&undisturbed, &in_rollout("b")).broken().is_some());
    }

    #[test]
    fn a_rule_that_is_broken_comes_before_the_end() {
        let violation = Violation { rule: "a rule", at: Duration::ZERO, words: String::new() };
        let broken = Outcome { violations: vec![violation.clone()], ..outcome("b", "", "") };
        assert_eq!(compare(&outcome("a", "", ""), &broken), Verdict::Breaks(violation));
    }
}
