//! Whether the checks would find a fault: one is put in, and stories are played until one of them breaks a rule.

use tke_direct_access_core::mutant::{Mutant, put_in};

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
        seed += 1;
    }
    put_in(None);
    found
}
