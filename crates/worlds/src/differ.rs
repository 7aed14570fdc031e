//! A story ends as it would have without its misfortunes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tke_direct_access::sim::Departure;
use tke_direct_access_core::plan::brake::BINDINGS;

use crate::act::{Act, Console, Dialect, Fault};
use crate::story::Story;
use crate::world::{Outcome, play};

/// What a user has said is followed after so many milliseconds, whatever goes wrong meanwhile.
const FOLLOWED: u64 = 600_000;
/// A listener that was renamed has its own name back after so many milliseconds, whatever goes wrong meanwhile.
const RENAMED: u64 = 120_000;
const ENDS_NOWHERE: &str = "how far a rollout comes that ends nowhere is a matter of time";

/// Plays a story without its misfortunes.
///
/// # Errors
/// Why nobody promises that it ends as with them.
pub(crate) fn undisturbed(story: &Story) -> Result<Outcome, &'static str> {
    let calm = without_misfortunes(story).ok_or("there are no misfortunes")?;
    if let Some(why) = matter_of_time(story) {
        return Err(why);
    }
    let undisturbed = play(&calm);
    if undisturbed.violations.is_empty() { Ok(undisturbed) } else { Err("the story breaks a rule without them") }
}

/// Why the end of a story depends on what comes first; `None` where it does not.
fn matter_of_time(story: &Story) -> Option<&'static str> {
    let mut broken: BTreeMap<&str, bool> = BTreeMap::new();
    let mut gone: BTreeSet<&str> = BTreeSet::new();
    let mut lacking: BTreeMap<&str, bool> = BTreeMap::new();
    let mut edited: BTreeMap<&str, u64> = BTreeMap::new();
    for (at, act) in &story.acts {
        match act {
            Act::Dialect(Dialect::Targets(_) | Dialect::Listeners(_)) => {
                return Some("of several for whom there is no room the first ones have it");
            }
            Act::Dialect(Dialect::Departs(Departure::TagsHidden)) => {
                return Some("for whom a target was registered cannot be seen");
            }
            Act::Binding { spec, .. } if spec["deletionPolicy"] == "Retain" => {
                return Some("what is left behind takes addresses that others get by chance");
            }
            Act::Binding { name, spec } => drop(lacking.insert(name, lacks_certificate(spec))),
            Act::Config { name, .. } => drop(edited.insert(name, *at)),
            Act::DeleteConfig(name)
                if edited.get(name.as_str()).is_some_and(|then| at.saturating_sub(*then) < FOLLOWED) =>
            {
                return Some("whether a config was followed before it was deleted is a matter of time");
            }
            Act::Console(Console::Retag(_, tag)) if tag.is_empty() => {
                return Some("whether who leads has registered a target that has lost its tag is a matter of time");
            }
            Act::Service { name, .. } => drop(gone.remove(name.as_str())),
            Act::DeleteService(name) => drop(gone.insert(name.as_str())),
            Act::Workload(workload) => drop(broken.insert(&workload.name, workload.broken)),
            Act::Broken(name, is_broken) => drop(broken.insert(name, *is_broken)),
            _ => {}
        }
    }
    if lacking.into_values().any(|lacks| lacks) {
        return Some("whether a listener went before another one could not be made is a matter of time");
    }
    if renames_before_an_end(story) {
        return Some("whether a listener had its name back before its binding went is a matter of time");
    }
    if !gone.is_empty() {
        return Some("what a Service that is gone has selected last is known to who led then");
    }
    let bindings: BTreeSet<_> = story.acts.iter().filter_map(|(_, act)| named(act)).collect();
    if bindings.len() > BINDINGS {
        return Some("whether too much was removed at once, and is held, is a matter of time");
    }
    let is_broken = broken.into_values().any(|is_broken| is_broken);
    is_broken.then_some(ENDS_NOWHERE)
}

/// The name of a binding, or of a Service that may ask for one.
fn named(act: &Act) -> Option<&str> {
    match act {
        Act::Binding { name, .. } | Act::Service { name, .. } => Some(name),
        _ => None,
    }
}

/// A user takes something back shortly after somebody at the console has renamed a listener.
fn renames_before_an_end(story: &Story) -> bool {
    let mut renamed = None;
    story.acts.iter().any(|(at, act)| match act {
        Act::Console(Console::Rename(_)) => {
            renamed = Some(*at);
            false
        }
        Act::Service { .. } | Act::DeleteService(_) | Act::Binding { .. } | Act::DeleteBinding(_) => {
            renamed.is_some_and(|then| at.saturating_sub(then) < RENAMED)
        }
        _ => false,
    })
}

/// The binding asks for a listener with a certificate that is not there.
fn lacks_certificate(spec: &Value) -> bool {
    let listeners = spec["listeners"].as_array().into_iter().flatten();
    listeners.into_iter().any(|one| one["certificate"]["secretName"].is_string())
}

/// The story without its misfortunes; `None` where there are none.
fn without_misfortunes(story: &Story) -> Option<Story> {
    let mut acts: Vec<_> = story.acts.iter().filter(|(_, act)| !act.is_misfortune()).cloned().collect();
    let (last, _) = story.acts.iter().rfind(|(_, act)| act.is_misfortune())?;
    if acts.last().is_none_or(|(at, _)| at < last) {
        // It lasts as long as with them.
        acts.push((*last, Act::Fault(Fault::Slow(0, 0))));
    }
    Some(Story { seed: story.seed, acts })
}

/// How the ends of two plays of a story differ; `None` where they do not.
///
/// # Errors
/// Why nobody promises that they are alike.
pub(crate) fn end_difference(undisturbed: &Outcome, outcome: &Outcome) -> Result<Option<String>, &'static str> {
    if undisturbed.end == outcome.end {
        return Ok(None);
    }
    if undisturbed.deeds != outcome.deeds {
        return Err("acts found something else");
    }
    if undisturbed.holders != outcome.holders {
        return Err("of several who want a port the first one has it");
    }
    if undisturbed.unbound != outcome.unbound {
        return Err("which Pods came before their binding was known is a matter of time");
    }
    if !undisturbed.in_rollout.is_empty() && undisturbed.in_rollout == outcome.in_rollout {
        return Err(ENDS_NOWHERE);
    }
    Ok(Some(difference(&undisturbed.end, &outcome.end)))
}

/// The lines that only one of two texts has.
fn difference(left: &str, right: &str) -> String {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    left.lines().for_each(|line| *counts.entry(line).or_default() -= 1);
    right.lines().for_each(|line| *counts.entry(line).or_default() += 1);
    let line = |(line, count): (&str, i64)| match count {
        0 => None,
        1.. => Some(format!("\n  disturbed:   {line}")),
        _ => Some(format!("\n  undisturbed: {line}")),
    };
    counts.into_iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_the_lines_that_differ() {
        assert_eq!(difference("a\nb\nb", "a\nb\nc"), "\n  undisturbed: b\n  disturbed:   c");
    }
}
