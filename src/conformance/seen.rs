//! What a recording shows, for judgements. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::belief::Verdict;
use super::recording::{Answer, Entry, Recording};
use super::step::{script, step, writes};
use crate::clb::error::classify;
use crate::model::Class;

/// The calls of a run.
pub struct Seen<'a>(&'a Recording);

/// What came of a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leg<'a> {
    /// A success.
    Shown(&'a Value),
    /// A refusal.
    Refused { code: &'a str, message: &'a str, class: Option<Class> },
    /// No answer that says anything: why.
    Silent(&'a str),
}

impl Leg<'_> {
    /// In words, for who reads why something was not asked.
    pub(super) fn words(&self, step: &str) -> String {
        match self {
            Self::Shown(_) => format!("{step} was accepted"),
            Self::Refused { code, message, .. } => format!("{step} was refused with {code}: {message}"),
            Self::Silent(why) => format!("{step}: {why}"),
        }
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// What was asked for, as it was asked for.
    Asked,
    /// Something that the call names is not there.
    Missing,
    /// The load balancer is not there: nothing was asked of it.
    NoLoadBalancer,
    /// Something else has what was asked for.
    Taken,
    /// Nothing of the call: the key may not make it, there was no room, or the cloud has a fault.
    Else,
}

/// What the words of a refusal say, in lower case, that is about something missing, or taken.
const MISSING: [&str; 5] = ["not found", "not exist", "no such", "not registered", "notfound"];
const NO_LOAD_BALANCER: [&str; 4] =
    ["lbidnotfound", "loadbalancer not exist", "load balancer not exist", "lb not exist"];
const TAKEN: [&str; 5] = ["in use", "used by", "is taken", "exists", "already"];

/// What a refusal is about.
fn about(code: &str, message: &str, class: Option<Class>) -> About {
    use Class::{Arrears, Busy, Conflict, Denied, NotFound, Quota, Throttled, Transient, Unreachable};
    let text = format!("{code}: {message}").to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    match class {
        Some(Arrears | Busy | Denied | Quota | Throttled | Transient | Unreachable) => About::Else,
        Some(Conflict) => About::Taken,
        _ if says(&NO_LOAD_BALANCER) => About::NoLoadBalancer,
        Some(NotFound) => About::Missing,
        _ if says(&MISSING) => About::Missing,
        _ if says(&TAKEN) => About::Taken,
        _ => About::Asked,
    }
}

/// Why, with a code of which families, and with which words.
type Refusal<'a> = (About, &'a [&'a str], &'a [&'a str]);

fn has_code(code: &str, families: &[&str]) -> bool {
    families.iter().any(|family| is_of(code, family))
}

/// A write that is answered so many milliseconds after a task still ran may meet a lock that lingers.
const SOON: u64 = 500;

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

    /// The load balancer that the run has made: as the reply says, its task, or a read by tag. Of what a read shows only that is the
    /// run's which has the name and the tag that it asked for: a cloud may not heed the filter.
    pub(super) fn created_load_balancer(&self) -> Option<&'a str> {
        let replies = ["create", "create/task"].into_iter().filter_map(|step| self.reply(step));
        let mut ids = replies.filter_map(|reply| reply["LoadBalancerIds"][0].as_str());
        ids.next().or_else(|| self.found_load_balancer())
    }

    fn found_load_balancer(&self) -> Option<&'a str> {
        let asked = &self.last("create")?.request;
        let is_asked_for = |row: &&Value| {
            let mut tags = row["Tags"].as_array().into_iter().flatten();
            asked["LoadBalancerName"].is_string()
                && row["LoadBalancerName"] == asked["LoadBalancerName"]
                && asked["Tags"][0].is_object()
                && tags.any(|tag| *tag == asked["Tags"][0])
        };
        let rows = self.reply("found-by-tag")?["LoadBalancerSet"].as_array()?;
        rows.iter().find(is_asked_for)?["LoadBalancerId"].as_str()
    }

    /// The first listener of the first of these steps that succeeded.
    pub(super) fn listener(&self, steps: &[&str]) -> Option<&'a str> {
        steps.iter().find_map(|step| self.reply(step)?["ListenerIds"][0].as_str())
    }

    /// The first row of a list that a step has shown.
    pub(super) fn row(&self, step: &str, list: &str) -> Option<&'a Value> {
        self.reply(step)?[list].get(0)
    }

    /// What came of a step.
    pub(super) fn leg(&self, step: &str) -> Leg<'a> {
        match self.last(step).map(|entry| (&entry.answer, class(entry))) {
            Some((Answer::Reply(reply), _)) => Leg::Shown(reply),
            Some((Answer::Error { code, message }, class)) => Leg::Refused { code, message, class },
            Some((Answer::Unanswered(why), _)) => Leg::Silent(why),
            None => Leg::Silent("it was not called"),
        }
    }

    /// Judges the reply of a step. A refusal says nothing of what a reply would have shown.
    pub(super) fn reply_of(&self, step: &str, judge: impl FnOnce(&'a Value) -> (bool, String)) -> Verdict {
        match self.leg(step) {
            Leg::Shown(reply) => {
                let (believed, seen) = judge(reply);
                Verdict::of(believed, seen)
            }
            other => Verdict::NotAsked(other.words(step)),
        }
    }

    /// Judges the reply of a step, which differs when it is refused for one of these reasons, with a code of one of these families.
    pub(super) fn reply_unless(
        &self,
        step: &str,
        (reasons, codes): (&[About], &[&str]),
        judge: impl FnOnce(&'a Value) -> (bool, String),
    ) -> Verdict {
        match self.leg(step) {
            refused @ Leg::Refused { code, message, class }
                if reasons.contains(&about(code, message, class)) && has_code(code, codes) =>
            {
                Verdict::Differs(refused.words(step))
            }
            _ => self.reply_of(step, judge),
        }
    }

    /// Judges the first row of a list that a step has shown.
    pub(super) fn row_of(&self, step: &str, list: &str, judge: impl FnOnce(&'a Value) -> (bool, String)) -> Verdict {
        match self.row(step, list) {
            Some(row) => {
                let (believed, seen) = judge(row);
                Verdict::of(believed, seen)
            }
            None => match self.leg(step) {
                Leg::Shown(_) => Verdict::NotAsked(format!("{step} has shown nothing")),
                other => Verdict::NotAsked(other.words(step)),
            },
        }
    }

    /// The actions that were answered, whatever the answer was.
    pub(super) fn answered_actions(&self) -> BTreeSet<&'a str> {
        let answered = |entry: &&Entry| !matches!(entry.answer, Answer::Unanswered(_));
        self.0.calls.iter().filter(answered).map(|entry| entry.action.as_str()).collect()
    }

    /// As many rows as believed are in a list that a step has shown.
    pub(super) fn rows(&self, step: &str, list: &str, number: usize) -> Verdict {
        // That nothing is shown, and that it is refused as not found, are two ways to say it.
        let codes: &[&str] = if number == 0 { &["InvalidParameter", "ResourceNotFound"] } else { &[] };
        self.reply_unless(step, (&[About::Missing, About::Asked], codes), |reply| {
            let rows = reply[list].as_array().map_or(0, Vec::len);
            (rows == number, format!("{rows} in {list}"))
        })
    }

    /// Judges a member of a row.
    pub(super) fn member(&self, (step, list): (&str, &str), member: &str, expected: &Value) -> Verdict {
        self.row_of(step, list, |row| (row[member] == *expected, format!("{member} {}", row[member])))
    }

    /// What a filter finds: so many rows as believed, and none for a value that nothing has. A filter that is ignored finds both.
    pub(super) fn filtered(&self, (step, number): (&str, usize), counter: &str, rows: fn(&Value) -> usize) -> Verdict {
        let found = self.reply_of(step, |reply| (rows(reply) == number, format!("{} found", rows(reply))));
        match (found, self.leg(counter)) {
            (Verdict::Believed(_), Leg::Shown(other)) => {
                let others = rows(other);
                Verdict::of(others == 0, format!("{number} found, and {others} for a value that nothing has"))
            }
            (Verdict::Believed(_), other) => Verdict::NotAsked(other.words(counter)),
            (found, _) => found,
        }
    }

    /// The step was accepted. It differs when it is refused for what is asked: with a code of one of these families.
    pub(super) fn accepted(&self, step: &str, codes: &[&str]) -> Verdict {
        self.reply_unless(step, (&[About::Asked], codes), |_| (true, "accepted".to_owned()))
    }

    /// The step was refused for what was asked, with a code of one of these families, and with these words.
    pub(super) fn refused(&self, step: &str, codes: &[&str], words: &[&str]) -> Verdict {
        self.refused_for(About::Asked, step, codes, words)
    }

    /// The step was refused for this reason.
    pub(super) fn refused_for(&self, reason: About, step: &str, codes: &[&str], words: &[&str]) -> Verdict {
        self.refused_among(step, self.calls(step).last(), (reason, codes, words))
    }

    /// The first call of a step was refused because of the lock of its load balancer.
    pub(super) fn refused_by_lock(&self, step: &str, codes: &[&str], words: &[&str]) -> Verdict {
        self.refused_among(step, self.calls(step).next(), (About::Else, codes, words))
    }

    fn refused_among(&self, step: &str, entry: Option<&Entry>, (reason, codes, words): Refusal<'_>) -> Verdict {
        match entry.map(|entry| (&entry.answer, class(entry))) {
            Some((Answer::Reply(_), _)) => Verdict::Differs("accepted".to_owned()),
            Some((Answer::Error { code, message }, class)) => {
                let text = message.to_lowercase();
                let fits = has_code(code, codes) && words.iter().all(|word| text.contains(word));
                let seen = about(code, message, class);
                let is_it = seen == reason || (reason == About::NoLoadBalancer && seen == About::Missing);
                match (is_it, seen) {
                    (true, About::Else) if !fits => Verdict::NotAsked(self.leg(step).words(step)),
                    // Of what has no code of its own it is not said what is missing.
                    (true, _) | (false, About::Asked) => Verdict::of(fits, format!("{code}: {message}")),
                    // What was asked was not judged by the cloud: something else was in the way.
                    (false, _) => Verdict::NotAsked(format!("for another reason, {}", self.leg(step).words(step))),
                }
            }
            _ => Verdict::NotAsked(self.leg(step).words(step)),
        }
    }

    /// Why a step was refused, in words; `None` when it was not. A batch that failed on some listener is refused there.
    pub(super) fn refusal(&self, step: &str) -> Option<String> {
        self.last(step)?;
        match self.leg(step) {
            Leg::Shown(reply) => {
                let failed = reply["FailListenerIdSet"].as_array().filter(|failed| !failed.is_empty())?;
                Some(format!(
                    "{step} failed on {} listeners: somebody has the target there, or it is not possible",
                    failed.len()
                ))
            }
            other => Some(other.words(step)),
        }
    }

    /// A listener that the run was to have was refused, since somebody has its port.
    pub(super) fn meets_taken_ports(&self) -> bool {
        let steps = ["create-tcp", "create-udp", "create-http", "create-https", "create-another-tcp"];
        let is_taken = |step| matches!(self.leg(step), Leg::Refused { code: "InvalidParameter.PortCheckFailed", .. });
        steps.into_iter().any(is_taken)
    }

    /// Nothing was denied, and these actions were not called: because of what was not given, or for another reason.
    pub(super) fn left_out(&self, actions: &[&str]) -> Verdict {
        let inputs = &self.0.inputs;
        let is_meant =
            |action: &&&str| script().any(|step| step.action == **action && step.needs.unmet(inputs).is_none());
        let meant: Vec<_> = actions.iter().filter(is_meant).copied().collect();
        match meant.is_empty() {
            true => Verdict::LeftOut(format!(
                "nothing was denied; not called, as it needs more flags: {}",
                actions.join(", ")
            )),
            false => Verdict::NotAsked(format!("nothing was denied; not called: {}", meant.join(", "))),
        }
    }

    /// Statuses of all polls of tasks.
    pub(super) fn task_statuses(&self) -> Vec<i64> {
        let polls = self.0.calls.iter().filter(|entry| entry.step.ends_with(TASK));
        polls.filter_map(status).collect()
    }

    /// How many writes were answered soon after a task can have ended at the earliest, as the next write, and how many writes after a task were
    /// refused because of a lock.
    pub(super) fn after_tasks(&self) -> (usize, usize) {
        let (mut ran, mut is_over, mut followed, mut refused) = (None, false, 0, 0);
        for entry in &self.0.calls {
            if entry.step.ends_with(TASK) {
                match status(entry) {
                    Some(0) => is_over = true,
                    // It ran when this was sent.
                    _ => ran = Some(entry.at),
                }
            } else if writes(&entry.action) && step(&entry.step).is_some() {
                if is_over {
                    let took = ran.map(|ran| (entry.at + entry.milliseconds).saturating_sub(ran));
                    followed += usize::from(took.is_some_and(|took| took <= SOON));
                    refused += usize::from(class(entry) == Some(Class::Busy));
                }
                (ran, is_over) = (Some(entry.at), false);
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
