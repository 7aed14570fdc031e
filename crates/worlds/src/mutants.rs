//! Whether the checks would find a fault: one is put in, and stories are played until one of them breaks a rule.

use std::fmt::Write;

use tke_direct_access_core::mutant::{IMPOSSIBLE, Mutant, put_in};

use crate::check::Violation;
use crate::generate::generate;
use crate::world::play;

/// How a fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The fault.
    pub mutant: Mutant,
    /// How many steps it took, over all stories.
    pub steps: u64,
    /// The seed of the story, and the rule that it breaks; `None` where none did.
    pub by: Option<(u64, Violation)>,
}

/// Plays stories from this seed on with a fault, until one breaks a rule or so many steps were played.
pub fn find(mutant: Mutant, first_seed: u64, most_steps: u64) -> Found {
    put_in(Some(mutant));
    let mut found = Found { mutant, steps: 0, by: None };
    let mut seed = first_seed;
    while found.by.is_none() && found.steps < most_steps {
        let outcome = play(&generate(seed));
        found.steps += outcome.steps;
        found.by = outcome.violations.into_iter().next().map(|violation| (seed, violation));
        if found.by.is_some() {
            // A story that breaks a rule without the fault, too, shows nothing of it.
            put_in(None);
            let holds = play(&generate(seed)).violations.is_empty();
            put_in(Some(mutant));
            found.by = found.by.filter(|_| holds);
        }
        seed += 1;
    }
    put_in(None);
    found
}

/// The page that lists the faults, and how each was found; what `before` says of those that were not looked for stays.
pub fn page(all: &[Found], before: &str) -> String {
    let mut page = String::from(PAGE);
    for mutant in Mutant::ALL {
        let start = format!("| {mutant:?} |");
        match all.iter().find(|found| found.mutant == *mutant) {
            Some(Found { steps, by, .. }) => {
                let rule = by.as_ref().map_or("not found", |(_, violation)| violation.rule);
                _ = writeln!(page, "{start} {} | {rule} | {steps} |", mutant.words().trim());
            }
            None => before.lines().filter(|line| line.starts_with(&start)).for_each(|row| {
                _ = writeln!(page, "{row}");
            }),
        }
    }
    page.push_str(REST);
    for (fault, type_) in IMPOSSIBLE {
        _ = writeln!(page, "| {fault} | {type_} |");
    }
    page
}

/// What the page begins with.
const PAGE: &str = "\
# Faults put in on purpose

To show that [worlds](testing.md#worlds) find what they are to find, faults are put into the product, one after another. This page is
written by the program that looks for them:

```console
cargo run --release --example worlds -- --mutants --write docs/mutants.md
```

| fault | what it does | rule that it breaks | steps until then |
|---|---|---|---|
";

/// What comes between the tables.
const REST: &str = "
The faults themselves are in `crates/core/src/mutant.rs`; no product is built with them. These cannot be put in, because a type has no
room for them:

| fault | what makes it impossible |
|---|---|
";
