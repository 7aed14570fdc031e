//! What a recording shows, for judgements. Pure.

use serde_json::Value;

use super::belief::Verdict;
use super::recording::{Answer, Entry, Recording};
use super::step::{step, writes};
use crate::clb::error::classify;
use crate::model::Class;

/// The calls of a run.
pub struct Seen<'a>(&'a Recording);

/// What a task is polled under: the name of its step, and this.
pub(super) const TASK: &str = "/task";

impl<'a> Seen<'a> {
    pub(super) const fn new(recording: &'a Recording) -> Self {
        Self(recording)
    }

    pub(super) const fn recording(&self) -> &'a Recording {
        self.0
    }

    /// The calls that a step has made.
    pub(super) fn calls(&self, step: &str) -> impl Iterator<Item = &'a Entry> {
        self.0.calls.iter().filter(move |entry| entry.step == step)
    }

    pub(super) fn has(&self, step: &str) -> bool {
        self.calls(step).next().is_some()
    }

    /// The last call of a step, which counts.
    fn last(&self, step: &str) -> Option<&'a Entry> {
        self.calls(step).last()
    }

    /// The reply of a step that succeeded.
    pub(super) fn reply(&self, step: &str) -> Option<&'a Value> {
        match &self.last(step)?.answer {
            Answer::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// The load balancer that the run has made: as the reply says, its task, or a read by tag.
    pub(super) fn created_load_balancer(&self) -> Option<&'a str> {
        let replies = ["create", "create/task"].into_iter().filter_map(|step| self.reply(step));
        let mut ids = replies.filter_map(|reply| reply["LoadBalancerIds"][0].as_str());
        ids.next().or_else(|| self.reply("found-by-tag")?["LoadBalancerSet"][0]["LoadBalancerId"].as_str())
    }

    /// The first listener of the first of these steps that succeeded.
    pub(super) fn listener(&self, steps: &[&str]) -> Option<&'a str> {
        steps.iter().find_map(|step| self.reply(step)?["ListenerIds"][0].as_str())
    }

    /// The first row of a list that a step has shown.
    pub(super) fn row(&self, step: &str, list: &str) -> Option<&'a Value> {
        self.reply(step)?[list].get(0)
    }

    /// Judges the reply of a step. A read that is refused differs; of a write, something else may be the reason.
    pub(super) fn reply_of(&self, step: &str, judge: impl FnOnce(&'a Value) -> (bool, String)) -> Verdict {
        match self.last(step).filter(|entry| writes(&entry.action)).map(|entry| &entry.answer) {
            Some(Answer::Error { .. }) => Verdict::NotAsked(format!("{step}: {}", self.words(step))),
            _ => self.answered(step, judge),
        }
    }

    /// Judges the reply of a step, which differs when it is refused.
    pub(super) fn answered(&self, step: &str, judge: impl FnOnce(&'a Value) -> (bool, String)) -> Verdict {
        match self.reply(step) {
            Some(reply) => {
                let (believed, seen) = judge(reply);
                Verdict::of(believed, seen)
            }
            None => self.accepted(step),
        }
    }

    /// Judges the first row of a list that a step has shown.
    pub(super) fn row_of(&self, step: &str, list: &str, judge: impl FnOnce(&'a Value) -> (bool, String)) -> Verdict {
        match self.row(step, list) {
            Some(row) => {
                let (believed, seen) = judge(row);
                Verdict::of(believed, seen)
            }
            None => Verdict::NotAsked(format!("{step} has shown nothing")),
        }
    }

    /// As many rows as believed are in a list that a step has shown.
    pub(super) fn rows(&self, step: &str, list: &str, number: usize) -> Verdict {
        self.reply_of(step, |reply| {
            let rows = reply[list].as_array().map_or(0, Vec::len);
            (rows == number, format!("{rows} in {list}"))
        })
    }

    /// Judges a member of a row.
    pub(super) fn member(&self, (step, list): (&str, &str), member: &str, expected: &Value) -> Verdict {
        self.row_of(step, list, |row| (row[member] == *expected, format!("{member} {}", row[member])))
    }

    /// The step was accepted.
    pub(super) fn accepted(&self, step: &str) -> Verdict {
        match self.last(step).map(|entry| &entry.answer) {
            Some(Answer::Reply(_)) => Verdict::Believed("accepted".to_owned()),
            Some(Answer::Error { .. }) if !self.denied(step) => Verdict::Differs(self.words(step)),
            _ => Verdict::NotAsked(self.words(step)),
        }
    }

    /// The step was refused with a code of one of these families, and with these words.
    pub(super) fn refused(&self, step: &str, codes: &[&str], words: &[&str]) -> Verdict {
        self.refused_among(step, self.calls(step).last(), codes, words)
    }

    /// The first call of a step was refused so.
    pub(super) fn refused_first(&self, step: &str, codes: &[&str], words: &[&str]) -> Verdict {
        self.refused_among(step, self.calls(step).next(), codes, words)
    }

    fn refused_among(&self, step: &str, entry: Option<&Entry>, codes: &[&str], words: &[&str]) -> Verdict {
        match entry.map(|entry| &entry.answer) {
            Some(Answer::Reply(_)) => Verdict::Differs("accepted".to_owned()),
            Some(Answer::Error { code, message }) => {
                let text = message.to_lowercase();
                let fits =
                    codes.iter().any(|family| is_of(code, family)) && words.iter().all(|word| text.contains(word));
                match !fits && self.denied(step) {
                    true => Verdict::NotAsked(self.words(step)),
                    false => Verdict::of(fits, format!("{code}: {message}")),
                }
            }
            _ => Verdict::NotAsked(self.words(step)),
        }
    }

    /// Why a step was refused, in words; `None` when it was not.
    pub(super) fn refusal(&self, step: &str) -> Option<String> {
        let is_refused = !matches!(self.last(step)?.answer, Answer::Reply(_));
        is_refused.then(|| self.words(step))
    }

    /// The key may not make this call, or it was never let through: that says nothing of what was asked.
    fn denied(&self, step: &str) -> bool {
        self.last(step).is_some_and(|entry| {
            matches!(class(entry), Some(Class::Denied | Class::Throttled | Class::Busy | Class::Arrears))
        })
    }

    /// What came of a step.
    fn words(&self, step: &str) -> String {
        match self.last(step).map(|entry| &entry.answer) {
            None => "was not called".to_owned(),
            Some(Answer::Reply(_)) => "accepted".to_owned(),
            Some(Answer::Error { code, message }) => format!("{code}: {message}"),
            Some(Answer::Unanswered(why)) => why.clone(),
        }
    }

    /// Statuses of all polls of tasks.
    pub(super) fn task_statuses(&self) -> Vec<i64> {
        let polls = self.0.calls.iter().filter(|entry| entry.step.ends_with(TASK));
        polls.filter_map(status).collect()
    }

    /// How many writes followed the end of a task as the next write, and how many of those were refused because of a lock.
    pub(super) fn after_tasks(&self) -> (usize, usize) {
        let (mut is_over, mut followed, mut refused) = (false, 0, 0);
        for entry in &self.0.calls {
            if entry.step.ends_with(TASK) {
                is_over |= status(entry) == Some(0);
            } else if writes(&entry.action) && step(&entry.step).is_some() {
                if is_over {
                    followed += 1;
                    refused += usize::from(class(entry) == Some(Class::Busy));
                }
                is_over = false;
            }
        }
        (followed, refused)
    }

    /// Actions that the key may not call.
    pub(super) fn denied_actions(&self) -> Vec<&'a str> {
        let denied = |entry: &&Entry| class(entry) == Some(Class::Denied);
        let mut actions: Vec<_> = self.0.calls.iter().filter(denied).map(|entry| entry.action.as_str()).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

fn status(entry: &Entry) -> Option<i64> {
    match &entry.answer {
        Answer::Reply(reply) => reply["Status"].as_i64(),
        _ => None,
    }
}

/// The class of a refusal; `None` for what was not refused.
pub(super) fn class(entry: &Entry) -> Option<Class> {
    match &entry.answer {
        Answer::Error { code, message } => Some(classify(&entry.action, code, message)),
        _ => None,
    }
}

/// A code is of a family when it is its name, or refines it after a dot.
fn is_of(code: &str, family: &str) -> bool {
    code.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
