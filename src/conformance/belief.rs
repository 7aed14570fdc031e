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
    /// It was not to be asked, since the run was not given what it needs: what that is.
    LeftOut(String),
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
            Self::NotAsked(_) | Self::LeftOut(_) => "not asked",
        }
    }

    /// What was seen, or why it was not asked.
    pub fn seen(&self) -> &str {
        match self {
            Self::Believed(seen) | Self::Differs(seen) | Self::NotAsked(seen) | Self::LeftOut(seen) => seen,
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
    ("aliases-are-searched", "certificates would have to be uploaded, and the kit touches one load balancer only"),
    ("certificates-go-unasked", "certificates would have to be uploaded, and the kit touches one load balancer only"),
    ("ends-are-of-beijing", "certificates would have to be uploaded, and the kit touches one load balancer only"),
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
    writes.find_map(|name| seen.refusal(name))
}

/// Creations that much builds on.
const ROOTS: [&str; 7] =
    ["create", "create-tcp", "create-http", "create-https", "create-rule", "create-second-rule", "create-another-tcp"];

/// Why a call could not be made.
fn unmade(missing: &str, seen: &Seen<'_>) -> Verdict {
    if let Some(unmet) = step(missing).and_then(|step| step.needs.unmet(&seen.recording().inputs)) {
        return Verdict::LeftOut(unmet.to_owned());
    }
    if seen.recording().is_cut {
        return Verdict::NotAsked(format!("there was no time for the call {missing}"));
    }
    let refused: Vec<_> = ROOTS.iter().filter_map(|root| seen.refusal(root)).collect();
    let since = if refused.is_empty() { String::new() } else { format!(": {}", refused.join("; ")) };
    Verdict::NotAsked(format!("the call {missing} could not be made{since}"))
}

fn verdict(belief: &Belief, seen: &Seen<'_>) -> Verdict {
    let missing = belief.steps.iter().find(|step| !seen.has(step));
    let is_left_out =
        |step_name: &&&str| step(step_name).is_some_and(|step| step.needs.unmet(&seen.recording().inputs).is_some());
    let missing = belief.steps.iter().filter(|step| !seen.has(step)).find(is_left_out).or(missing);
    match (missing, refused_before(belief, seen)) {
        (Some(missing), _) if is_left_out(&missing) => unmade(missing, seen),
        (_, Some(why)) => Verdict::NotAsked(why),
        (Some(missing), None) => unmade(missing, seen),
        (None, None) => (belief.judge)(seen),
    }
}

/// What the judgements of a run come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Nothing differs, and all was asked that could be asked with what the run was given.
    Agrees,
    /// Something differs.
    Differs,
    /// Nothing differs, and not all was asked that was to be asked.
    NotAllAsked,
}

/// What judgements come to.
pub fn conclusion(judged: &[Judged]) -> Conclusion {
    let has = |is: fn(&Verdict) -> bool| judged.iter().any(|one| is(&one.verdict));
    match () {
        () if has(|verdict| matches!(verdict, Verdict::Differs(_))) => Conclusion::Differs,
        () if has(|verdict| matches!(verdict, Verdict::NotAsked(_))) => Conclusion::NotAllAsked,
        () => Conclusion::Agrees,
    }
}
