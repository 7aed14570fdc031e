//! Settings that were taken out of a config, and that the cloud keeps.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::names_of;
use crate::api::DirectAccessBinding;
use crate::plan::config::ConfigObject;

/// What bindings have kept of settings that a config named `before` and does not name now: each with its value. Nobody knows what they were
/// before the config named them, and TKE leaves them as they are, too (457/45490). Not among them is what is reported: a value that cannot be
/// had, or a misspelt field.
pub fn left_in_cloud(before: &ConfigObject, now: &ConfigObject, users: &[Arc<DirectAccessBinding>]) -> Vec<String> {
    let names = names_of(users);
    let wished: BTreeSet<_> =
        now.wishes().settings().into_iter().map(|(subject, attribute, _)| (subject, attribute)).collect();
    let problems = &now.wishes().problems;
    let is_reported = |entry: &str| {
        let mut of_entry =
            problems.iter().filter(|problem| problem.entry == entry || problem.entry == "TkeServiceConfig");
        of_entry.any(|problem| !before.wishes().problems.contains(problem))
    };
    let gone = before.wishes().settings().into_iter().filter_map(|(subject, attribute, value)| {
        let entry = subject.entry();
        let is_left = names.has(&subject) && !wished.contains(&(subject, attribute)) && !is_reported(&entry);
        is_left.then(|| format!("{entry} {}: {value}", attribute.field()))
    });
    gone.collect()
}
