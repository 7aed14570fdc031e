//! Whether the checks would find a fault: one is put in, and stories are played until one of them breaks a rule.

use std::fmt::{self, Write};

use tke_direct_access_core::model::Class;
use tke_direct_access_core::mutant::{IMPOSSIBLE, Mutant, put_in};

use crate::check::Violation;
use crate::generate::generate;
use crate::perturb::{Perturbation, Point, Way, broken, perturbations};
use crate::story::Story;
use crate::world::{play, play_perturbed};

/// How a fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The fault.
    pub mutant: Mutant,
    /// How many steps it took, over all stories.
    pub steps: u64,
    /// What has shown it, and the rule that it breaks; `None` where nothing did.
    pub by: Option<(By, Violation)>,
}

/// What has shown a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The story of this seed.
    Seed(u64),
    /// A recorded story of this name, of which one point goes another way.
    Perturbation(&'static str, Perturbation),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Perturbation(name, perturbation) => write!(f, "`{name}`, {perturbation}"),
        }
    }
}

/// Which points are tried, and which ways.
type Tried = fn(Point, Way) -> bool;

/// A story of `tests/recorded`: its name and its text.
type Recorded = (&'static str, &'static str);

const MOVES: Recorded = ("a-listener-moves", include_str!("../tests/recorded/a-listener-moves.story"));
const MADE: Recorded =
    ("a-load-balancer-is-made-and-goes", include_str!("../tests/recorded/a-load-balancer-is-made-and-goes.story"));

/// Faults that harm only when one thing goes wrong at one moment, which chance hardly meets: where that is.
const AT_ONE_POINT: [(Mutant, Recorded, Tried); 3] = [
    (Mutant::LostAnswerWaits, MOVES, |point, way| point == Point::Object && way == Way::AnswerLost),
    (Mutant::RecordedIsDone, MADE, |point, way| point == Point::Write("CreateLoadBalancer") && way == Way::CrashBefore),
    (Mutant::RefusalStays, MOVES, |point, way| matches!(point, Point::Write(_)) && way == Way::Error(Class::Invalid)),
];

/// Plays stories with a fault until one breaks a rule that holds without it: recorded ones that are perturbed, where it harms at one point
/// only, or those from this seed on, until so many steps were played.
pub fn find(mutant: Mutant, first_seed: u64, most_steps: u64) -> Found {
    match AT_ONE_POINT.iter().find(|(one, ..)| *one == mutant) {
        Some((_, recorded, is_tried)) => find_at_one_point(mutant, *recorded, *is_tried),
        None => find_by_seeds(mutant, first_seed, most_steps),
    }
}

fn find_at_one_point(mutant: Mutant, (name, text): Recorded, is_tried: Tried) -> Found {
    let mut found = Found { mutant, steps: 0, by: None };
    let Ok(story) = text.parse::<Story>() else { return found };
    let undisturbed = play(&story);
    let points = &undisturbed.points;
    let is_tried = |one: &Perturbation| points.get(one.at - 1).is_some_and(|point| is_tried(*point, one.way));
    for perturbation in perturbations(points).into_iter().filter(is_tried) {
        put_in(Some(mutant));
        let outcome = play_perturbed(&story, Some(perturbation));
        put_in(None);
        found.steps += outcome.steps;
        let Ok(Some(violation)) = broken(&undisturbed, &outcome) else { continue };
        // One that breaks a rule without the fault, too, shows nothing of it.
        if matches!(broken(&undisturbed, &play_perturbed(&story, Some(perturbation))), Ok(None)) {
            found.by = Some((By::Perturbation(name, perturbation), violation));
            return found;
        }
    }
    found
}

fn find_by_seeds(mutant: Mutant, first_seed: u64, most_steps: u64) -> Found {
    let mut found = Found { mutant, steps: 0, by: None };
    for seed in first_seed.. {
        let story = generate(seed);
        put_in(Some(mutant));
        let outcome = play(&story);
        put_in(None);
        found.steps += outcome.steps;
        let violation = outcome.violations.into_iter().next();
        // A story that breaks a rule without the fault, too, shows nothing of it.
        found.by =
            violation.filter(|_| play(&story).violations.is_empty()).map(|violation| (By::Seed(seed), violation));
        if found.by.is_some() || found.steps >= most_steps {
            break;
        }
    }
    found
}

/// The page that lists the faults, and how each was found; what `before` says of those that were not looked for stays.
pub fn page(all: &[Found], before: &str) -> String {
    let mut page = String::from(PAGE);
    for mutant in Mutant::ALL {
        let start = format!("| {mutant:?} |");
        match all.iter().find(|found| found.mutant == *mutant) {
            Some(Found { steps, by, .. }) => {
                let (rule, by) = match by {
                    Some((by, violation)) => (violation.rule, by.to_string()),
                    None => ("not found", String::new()),
                };
                _ = writeln!(page, "{start} {} | {rule} | {by} | {steps} |", mutant.words().trim());
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
written by the program that looks for them, in the stories that follow from one seed after another; a few harm only when one thing goes
wrong at one moment, and are looked for where one point of a recorded story [goes another way](testing.md#the-same-end):

```console
cargo run --release --example worlds -- --mutants --write docs/mutants.md
```

| fault | what it does | rule that it breaks | what shows it | steps until then |
|---|---|---|---|---|
";

/// What comes between the tables.
const REST: &str = "
The faults themselves are in `crates/core/src/mutant.rs`; no product is built with them. These cannot be put in, because a type has no
room for them:

| fault | what makes it impossible |
|---|---|
";
