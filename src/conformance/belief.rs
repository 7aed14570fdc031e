//! A row of the table: what is believed of the cloud, how it is asked, and what counts as believed.

use std::fmt;

use serde::Serialize;

use super::families;
use super::recording::Recording;
use super::seen::Seen;
use super::step::{Step, step};

/// What a belief is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Reads of load balancers, quotas and tasks.
    Reading,
    /// New load balancers, and their tokens.
    Creation,
    /// Names and attributes of load balancers.
    Attributes,
    /// Listeners.
    Listeners,
    /// Locks of load balancers, and tasks.
    Locks,
    /// Health checks of listeners.
    HealthChecks,
    /// Rules of layer-7 listeners.
    Rules,
    /// Targets, and what is shown of them.
    Targets,
    /// Tags of targets and load balancers.
    Tags,
    /// Health of targets.
    Health,
    /// Bounds of lists and numbers.
    Limits,
    /// What is taken away.
    Removal,
    /// Who may call what.
    Rights,
}

impl Family {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Creation => "creation",
            Self::Attributes => "attributes",
            Self::Listeners => "listeners",
            Self::Locks => "locks and tasks",
            Self::HealthChecks => "health checks",
            Self::Rules => "rules",
            Self::Targets => "targets",
            Self::Tags => "tags",
            Self::Health => "health",
            Self::Limits => "limits",
            Self::Removal => "removal",
            Self::Rights => "rights",
        }
    }
}

/// What was seen of a belief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict", content = "seen")]
pub enum Verdict {
    /// It is as believed: what was seen.
    Believed(String),
    /// It is not: what was seen.
    Differs(String),
    /// It was not asked, or there was no answer that says anything: why.
    NotAsked(String),
}

impl Verdict {
    /// As believed or not, with what was seen.
    pub(super) fn of(believed: bool, seen: impl Into<String>) -> Self {
        if believed { Self::Believed(seen.into()) } else { Self::Differs(seen.into()) }
    }

    /// In a word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Believed(_) => "believed",
            Self::Differs(_) => "differs",
            Self::NotAsked(_) => "not asked",
        }
    }

    /// What was seen, or why it was not asked.
    pub fn seen(&self) -> &str {
        match self {
            Self::Believed(seen) | Self::Differs(seen) | Self::NotAsked(seen) => seen,
        }
    }
}

/// A belief about the cloud.
#[derive(Clone, Copy)]
pub struct Belief {
    /// A name that is nobody else's, such as `tags-shown`.
    pub name: &'static str,
    /// What it is about.
    pub family: Family,
    /// What is believed, in one sentence.
    pub belief: &'static str,
    /// The row of the table of assumptions that it settles; `None` where it is a fact of the documentation or of other clients.
    pub assumption: Option<&'static str>,
    /// How it is asked: the steps of the script whose replies it is judged by. Writes before the last were accepted.
    pub steps: &'static [&'static str],
    /// What counts as believed. All steps were made.
    pub(super) judge: fn(&Seen<'_>) -> Verdict,
}

impl fmt::Debug for Belief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Belief").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A row that is a fact.
pub(super) const fn fact(
    family: Family,
    name: &'static str,
    belief: &'static str,
    steps: &'static [&'static str],
    judge: fn(&Seen<'_>) -> Verdict,
) -> Belief {
    Belief { name, family, belief, assumption: None, steps, judge }
}

/// A row that settles the row of the same name in the table of assumptions.
pub(super) const fn assumption(
    family: Family,
    name: &'static str,
    belief: &'static str,
    steps: &'static [&'static str],
    judge: fn(&Seen<'_>) -> Verdict,
) -> Belief {
    Belief { name, family, belief, assumption: Some(name), steps, judge }
}

/// All beliefs, in the order in which they are asked.
pub fn beliefs() -> impl Iterator<Item = &'static Belief> {
    families::BELIEFS.iter().flat_map(|family| family.iter())
}

/// Rows of the table of assumptions that cannot be asked with one small load balancer, and why.
pub const NOT_ASKED: &[(&str, &str)] = &[
    ("tokens-stall", "an order of the cloud's would have to stall"),
    ("new-targets-wait", "a client in the network would have to count what arrives"),
    ("new-targets-not-alive", "whether a read comes before the first probe is not known"),
    ("new-targets-not-dead", "whether a read comes before the first probe is not known"),
    ("weights-whole", "a second target would be needed"),
    ("stop-shown", "the vendor lets accounts call SetLoadBalancerStartStatus on request only"),
    ("stopped-closes-health", "the vendor lets accounts call SetLoadBalancerStartStatus on request only"),
];

/// A belief with what was seen of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The belief.
    pub belief: &'static Belief,
    /// What was seen.
    pub verdict: Verdict,
}

/// Judges all beliefs by a recording, family by family.
pub fn judge(recording: &Recording) -> Vec<Judged> {
    let seen = Seen::new(recording);
    let mut judged: Vec<_> = beliefs().map(|belief| Judged { belief, verdict: verdict(belief, &seen) }).collect();
    judged.sort_by_key(|one| one.belief.family);
    judged
}

/// A write was refused that the last step builds on.
fn refused_before(belief: &Belief, seen: &Seen<'_>) -> Option<String> {
    let (_, before) = belief.steps.split_last()?;
    let mut writes = before.iter().filter(|name| step(name).is_some_and(Step::writes));
    writes.find_map(|name| seen.refusal(name).map(|words| format!("{name}: {words}")))
}

fn verdict(belief: &Belief, seen: &Seen<'_>) -> Verdict {
    match belief.steps.iter().find(|step| !seen.has(step)) {
        Some(missing) => {
            let unmet = step(missing).and_then(|step| step.needs.unmet(&seen.recording().inputs));
            let why = unmet.map_or_else(|| format!("the call {missing} could not be made"), str::to_owned);
            Verdict::NotAsked(why)
        }
        None => match refused_before(belief, seen) {
            Some(why) => Verdict::NotAsked(why),
            None => (belief.judge)(seen),
        },
    }
}
