//! The status of a TkeServiceConfig: from the config, the bindings that use it, and the previous status.

mod of_binding;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::binding::{DirectAccessBindingSpec, ListenerSpec, ListenerStatus, Mode};
use crate::api::condition::{ConditionType, ConfigProblem, Reason};
use crate::api::service_config::{EntryProblem, PROBLEMS_MAX};
use crate::api::{DirectAccessBinding, TkeServiceConfigStatus, clip, names};
use crate::plan::config::{ConfigObject, Subject, Wishes, problem, wishes};

pub(super) use of_binding::config_problems;

use super::conditions::{ConditionSet, Truth, Verdict};

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
    let wishes = wishes(config);
    let problems = problems(&wishes, users);
    let accepted = accepted(&wishes, &problems);
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
        problems: problems.into_iter().take(PROBLEMS_MAX).collect(),
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
        let users: Vec<_> = users.iter().map(|user| User::of(user)).collect();
        problems.extend(unmatched(wishes, &users));
    }
    problems.into_iter().collect()
}

/// A binding that uses a config: its spec, and the listeners of its status.
#[derive(Clone, Copy)]
struct User<'a> {
    spec: &'a DirectAccessBindingSpec,
    rows: &'a [ListenerStatus],
}

impl<'a> User<'a> {
    fn of(binding: &'a DirectAccessBinding) -> Self {
        let rows = binding.status.as_ref().map(|status| status.listeners.as_slice()).unwrap_or_default();
        Self { spec: &binding.spec, rows }
    }

    fn specs(self, subject: &Subject) -> impl Iterator<Item = &'a ListenerSpec> {
        let (protocol, port) = (subject.protocol, i32::from(subject.port));
        let specs = self.spec.listeners.iter();
        specs.filter(move |spec| spec.protocol.as_str() == protocol.as_str() && spec.port == port)
    }

    /// What the status tells of the listener.
    fn rows(self, subject: &Subject) -> impl Iterator<Item = &'a ListenerStatus> {
        let (protocol, port) = (subject.protocol, i32::from(subject.port));
        self.rows.iter().filter(move |row| row.protocol.as_str() == protocol.as_str() && row.port == port)
    }

    fn has_listener(self, subject: &Subject) -> bool {
        self.specs(subject).next().is_some() || self.rows(subject).next().is_some()
    }

    fn has_port(self, port: u16) -> bool {
        let port = i32::from(port);
        self.spec.listeners.iter().any(|spec| spec.port == port) || self.rows.iter().any(|row| row.port == port)
    }

    /// The rule by the domain of the spec, or by the one that the cloud has for an empty one.
    fn has_rule(self, subject: &Subject, domain: &str, url: &str) -> bool {
        let is_spelled = self.specs(subject).any(|spec| {
            let is_usual = spec.rules.is_empty() && domain.is_empty() && url == "/";
            is_usual || spec.rules.iter().any(|rule| rule.domain == domain && rule.url == url)
        });
        let mut rules = self.rows(subject).flat_map(|row| &row.rules);
        is_spelled || rules.any(|rule| rule.domain == domain && rule.url == url)
    }
}

/// The entries that fit no listener or rule of these bindings.
fn unmatched(wishes: &Wishes, users: &[User<'_>]) -> Vec<EntryProblem> {
    wishes.subjects().iter().filter_map(|subject| unmatched_one(subject, users)).collect()
}

/// The entries of a config that others use too, as far as this one has nothing of it: those for a port that it has with another protocol,
/// and all of them where it has none of their listeners.
fn for_nothing_of(wishes: &Wishes, user: &User<'_>, name: &str) -> Vec<EntryProblem> {
    let subjects = wishes.subjects();
    let is_for_others = wishes.bandwidth().is_some() || subjects.iter().any(|subject| user.has_listener(subject));
    let has_entry = |port: u16| subjects.iter().any(|other| other.port == port && user.has_listener(other));
    let listeners = subjects.iter().filter(|subject| subject.rule.is_none() && !user.has_listener(subject));
    let amiss = listeners.filter(|subject| !is_for_others || (user.has_port(subject.port) && !has_entry(subject.port)));
    let words = |subject: &Subject| {
        let message = format!(
            "DirectAccessBinding '{name}' uses this config too, and has no such listener; correct protocol and port, add an entry for a \
             listener of that binding, or let it use another config"
        );
        problem(&subject.entry(), None, ConfigProblem::NoListener, &message)
    };
    amiss.map(words).collect()
}

fn unmatched_one(subject: &Subject, users: &[User<'_>]) -> Option<EntryProblem> {
    let has_listener = users.iter().any(|user| user.has_listener(subject));
    match &subject.rule {
        None if !has_listener => {
            let message = "no binding that uses this config has such a listener; correct protocol and port, or remove \
                           the entry";
            Some(problem(&subject.entry(), None, ConfigProblem::NoListener, message))
        }
        Some((domain, url)) if has_listener && !users.iter().any(|user| user.has_rule(subject, domain, url)) => {
            let message =
                "no binding that uses this config has such a rule; correct domain and url, or remove the entry";
            Some(problem(&subject.entry(), None, ConfigProblem::NoRule, message))
        }
        // The listener's own entry tells it.
        _ => None,
    }
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
