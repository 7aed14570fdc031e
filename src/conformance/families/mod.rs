//! The table, by what it is about: the calls of each part, and the beliefs that are judged by them.

mod checks;
mod creation;
mod listeners;
mod load_balancer;
mod reading;
mod removal;
mod rules;
mod target_limits;
mod targets;

use super::belief::Belief;
use super::step::Step;

/// The calls, in their order, by what they are about.
pub(super) const SCRIPT: &[(&str, &[Step])] = &[
    ("reads, and what is refused as it is", reading::STEPS),
    ("making a load balancer", creation::STEPS),
    ("its attributes", load_balancer::STEPS),
    ("listeners", listeners::STEPS),
    ("health checks", checks::STEPS),
    ("rules", rules::STEPS),
    ("targets", targets::STEPS),
    ("limits of calls on targets", target_limits::STEPS),
    ("taking away", removal::STEPS),
];

/// The beliefs.
pub(super) const BELIEFS: &[&[Belief]] = &[
    reading::BELIEFS,
    creation::BELIEFS,
    load_balancer::BELIEFS,
    listeners::BELIEFS,
    checks::BELIEFS,
    rules::BELIEFS,
    targets::BELIEFS,
    target_limits::BELIEFS,
    removal::BELIEFS,
];

/// Ids that nothing has.
const NO_LOAD_BALANCER: &str = "lb-00000000";
const NO_LISTENER: &str = "lbl-00000000";
const NO_RULE: &str = "loc-00000000";

/// So many ids that nothing has.
fn nobodys(prefix: &str, number: usize) -> Vec<String> {
    (0..number).map(|place| format!("{prefix}-{place:08}")).collect()
}
