//! The status of a TkeServiceConfig: from the config, the bindings that use it, and the previous status.

mod left;
mod of_binding;
mod unmatched;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::binding::Mode;
use crate::api::condition::{ConditionType, ConfigProblem, Reason};
use crate::api::service_config::{EntryProblem, PROBLEMS_MAX};
use crate::api::{DirectAccessBinding, TkeServiceConfigStatus, clip, names};
use crate::plan::config::{ConfigObject, Wishes, problem};

pub use left::left_in_cloud;
pub(super) use of_binding::config_problems;

use super::conditions::{ConditionSet, Truth, Verdict};
use unmatched::Names;

/// Bindings that a message names; the others are counted.
const NAMED: usize = 3;

/// The status that a config should have. `users` are the bindings that use it.
pub fn config_status(
    config: &ConfigObject,
    users: &[Arc<DirectAccessBinding>],
    previous: &TkeServiceConfigStatus,
    now: Timestamp,
) -> TkeServiceConfigStatus {
    let meta = &config.object.metadata;
    let generation = meta.generation.unwrap_or_default();
    let wishes = config.wishes();
    let problems = problems(wishes, users);
    let accepted = accepted(wishes, &problems);
    let waiting: Vec<_> = users.iter().filter(|user| !has_applied(user, generation)).map(|user| &**user).collect();
    let programmed = programmed(users, &waiting);
    let ready = ready(users, &problems, &[&accepted, &programmed]);

    let mut set = ConditionSet::new(&previous.conditions, generation, now);
    set.set(ConditionType::Accepted, &accepted);
    set.set(ConditionType::Programmed, &programmed);
    set.set(ConditionType::Ready, &ready);
    let moves = Verdict { truth: Truth::True, ..ready.clone() };
    if !accepted.is_true() {
        set.set(ConditionType::Stalled, &moves);
    } else if !ready.is_true() {
        set.set(ConditionType::Reconciling, &moves);
    }
    let asked = meta.annotations.as_ref().and_then(|all| all.get(names::RECONCILE_REQUESTED_AT));
    TkeServiceConfigStatus {
        observed_generation: generation,
        used_by: i32::try_from(users.len()).unwrap_or(i32::MAX),
        problems: listed(problems.into_iter(), PROBLEMS_MAX),
        last_handled_reconcile_at: asked.map(|value| clip(value, 256)),
        conditions: set.into_vec(),
    }
}

/// The binding has shown that this generation is in force, or it is paused and shows nothing.
fn has_applied(user: &DirectAccessBinding, generation: i64) -> bool {
    let shown = user.status.as_ref().and_then(|status| status.observed_config_generation);
    // In mode Delegate TKE applies it, and nobody tells whether it has.
    user.spec.suspend || user.spec.mode == Mode::Delegate || shown == Some(generation)
}

/// Everything that is wrong, sorted, each once.
fn problems(wishes: &Wishes, users: &[Arc<DirectAccessBinding>]) -> Vec<EntryProblem> {
    let mut problems: BTreeSet<EntryProblem> = wishes.problems.iter().cloned().collect();
    problems.extend(
        users.iter().filter_map(|user| user.status.as_ref()).flat_map(|status| &status.config_problems).cloned(),
    );
    // Before every binding was looked at, nobody can say that an entry fits none of them.
    let is_looked_at =
        |user: &Arc<DirectAccessBinding>| user.status.as_ref().is_some_and(|status| status.targets.is_some());
    if !users.is_empty() && users.iter().all(is_looked_at) {
        problems.extend(names_of(users).unmatched(wishes));
    }
    problems.into_iter().collect()
}

/// What these bindings have.
fn names_of(users: &[Arc<DirectAccessBinding>]) -> Names<'_> {
    let mut names = Names::default();
    for user in users {
        names.add(&user.spec, user.status.as_ref().map(|status| status.listeners.as_slice()).unwrap_or_default());
    }
    names
}

/// What a status has room for; where there are more, the last one says so.
fn listed(problems: impl Iterator<Item = EntryProblem>, most: usize) -> Vec<EntryProblem> {
    let mut listed: Vec<_> = problems.take(most + 1).collect();
    if listed.len() > most {
        listed.truncate(most.saturating_sub(1));
        let message = "there are more problems than are listed; correct these first";
        listed.push(problem("TkeServiceConfig", None, ConfigProblem::Unlisted, message));
    }
    listed
}

fn accepted(wishes: &Wishes, problems: &[EntryProblem]) -> Verdict {
    if wishes.problems.is_empty() {
        return Verdict::new(Truth::True, Reason::Accepted, "every entry can be read");
    }
    let count = counted(wishes.problems.len(), "problem");
    // A field that is right, and has no effect, keeps nobody from a release.
    let is_wrong = |problem: &EntryProblem| problem.reason != ConfigProblem::NotSupported.as_str();
    if wishes.is_empty() && wishes.problems.iter().any(is_wrong) {
        let message = format!("nothing of it can be applied: {count} in status.problems");
        return Verdict::new(Truth::False, Reason::Invalid, message);
    }
    let message = format!("{} in status.problems; the rest is applied", counted(problems.len(), "problem"));
    Verdict::new(Truth::True, Reason::PartlyApplied, message)
}

fn programmed(users: &[Arc<DirectAccessBinding>], waiting: &[&DirectAccessBinding]) -> Verdict {
    if users.is_empty() {
        return Verdict::new(Truth::Unknown, Reason::NotUsed, Reason::NotUsed.meaning());
    }
    if waiting.is_empty() {
        let message = format!("it is in force for {}", counted(users.len(), "binding"));
        return Verdict::new(Truth::True, Reason::Programmed, message);
    }
    let mut names: Vec<_> = waiting.iter().filter_map(|user| user.metadata.name.as_deref()).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let all = counted(users.len(), "binding");
    let message = format!(
        "{} of {all} have not shown it to be in force: {}{more}; look at these",
        waiting.len(),
        names.join(", ")
    );
    Verdict::new(Truth::False, Reason::InProgress, message)
}

fn ready(users: &[Arc<DirectAccessBinding>], problems: &[EntryProblem], all: &[&Verdict]) -> Verdict {
    if let Some(first) = all.iter().find(|verdict| verdict.truth == Truth::False) {
        return (*first).clone();
    }
    if users.is_empty() {
        return Verdict::new(Truth::True, Reason::NotUsed, Reason::NotUsed.meaning());
    }
    if !problems.is_empty() {
        let message = format!("{} in status.problems; the rest is applied", counted(problems.len(), "problem"));
        return Verdict::new(Truth::True, Reason::PartlyApplied, message);
    }
    Verdict::new(Truth::True, Reason::Ready, format!("it is in force for {}", counted(users.len(), "binding")))
}

fn counted(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests;
