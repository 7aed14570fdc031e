//! Plans by table and by property.

pub(crate) mod acts;
mod adoption;
mod advice;
mod answered;
mod brake;
mod cloud;
pub(crate) mod config;
mod endings;
mod faults;
mod flags;
mod gate_rules;
mod gates;
mod gone;
mod handover;
mod held;
mod histories;
mod kept;
mod late;
mod layer7;
mod limits;
mod made_again;
mod misfortune;
mod objects;
mod plans;
mod properties;
mod remedies;
mod removals;
mod replacement;
mod room;
mod sharing;
mod siblings;
mod targets;
mod traces;
mod upgrade;
pub(crate) mod world;

/// Prints what a table has run, although the test passes: the harness keeps back what `println!` says.
pub(crate) fn report(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
