//! Whether the checks would find a fault: one is put in, and stories are played until one of them breaks a rule.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tke_direct_access_core::model::Class;
use tke_direct_access_core::mutant::{IMPOSSIBLE, Mutant, put_in, take_reached};

use crate::check::Violation;
use crate::generate::generate;
use crate::perturb::{Perturbation, Point, Way, perturbations};
use crate::story::Story;
use crate::verdict::{Verdict, broken, compare, judge, judge_in_passing};
use crate::world::{play, play_perturbed};

/// How a fault was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The fault.
    pub mutant: Mutant,
    /// How many steps all stories took up to then, as they are without the fault; or those that were perturbed, with it.
    pub steps: u64,
    /// What has shown it, and the rule that it breaks; `None` where nothing did.
    pub by: Option<(By, Violation)>,
}

/// What the page says of how a fault was found.
struct Row {
    rule: String,
    by: String,
    steps: String,
}

impl Row {
    /// What it said before.
    fn of(mutant: Mutant, before: &str) -> Option<Self> {
        let start = format!("| {mutant:?} |");
        let row = before.lines().find(|line| line.starts_with(&start))?;
        let mut last = row.trim_end_matches(['|', ' ']).rsplitn(4, '|').map(|cell| cell.trim().to_owned());
        let (steps, by, rule) = (last.next()?, last.next()?, last.next()?);
        Some(Self { rule, by, steps })
    }
}

impl Found {
    fn row(&self) -> Row {
        let (rule, by) = match &self.by {
            Some((by, violation)) => (violation.rule, by.to_string()),
            None => ("not found", String::new()),
        };
        Row { rule: rule.to_owned(), by, steps: self.steps.to_string() }
    }

    /// A search that ended before it came to where the row says that the fault was found says nothing of it.
    fn says_more_than(&self, row: &Row) -> bool {
        self.by.is_some() || row.steps.parse::<u64>().is_ok_and(|steps| self.steps >= steps)
    }
}

/// What has shown a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The story of this seed.
    Seed(u64),
    /// A story of this name, as it is.
    Story(&'static str),
    /// A recorded story of this name, of which one point goes another way.
    Perturbation(&'static str, Perturbation),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Story(name) => write!(f, "`{name}`"),
            Self::Perturbation(name, perturbation) => write!(f, "`{name}`, {perturbation}"),
        }
    }
}

/// Which points are tried, and which ways.
type Tried = fn(Point, Way) -> bool;

/// A story of `tests/recorded` or `tests/stories`: its name and its text.
type Recorded = (&'static str, &'static str);

const MOVES: Recorded = ("a-listener-moves", include_str!("../tests/recorded/a-listener-moves.story"));
const KEPT_ADDRESSES: Recorded = (
    "pods-that-keep-their-addresses-while-deregistrations-are-refused",
    include_str!("../tests/stories/pods-that-keep-their-addresses-while-deregistrations-are-refused.story"),
);
const EXCHANGED: Recorded =
    ("services-that-exchange-their-pods", include_str!("../tests/stories/services-that-exchange-their-pods.story"));
const SILENT_PODS: Recorded = (
    "all-pods-are-replaced-and-who-leads-next-has-not-heard-of-it",
    include_str!("../tests/stories/all-pods-are-replaced-and-who-leads-next-has-not-heard-of-it.story"),
);
const SUSPENDED: Recorded =
    ("a-suspended-binding-serves-on", include_str!("../tests/stories/a-suspended-binding-serves-on.story"));
const CREATED: Recorded = (
    "a-created-load-balancer-goes-with-its-binding",
    include_str!("../tests/stories/a-created-load-balancer-goes-with-its-binding.story"),
);
const EACH_LOAD_BALANCER: Recorded =
    ("a-gate-waits-for-each-load-balancer", include_str!("../tests/stories/a-gate-waits-for-each-load-balancer.story"));
const EACH_LISTENER: Recorded =
    ("a-gate-waits-for-each-listener", include_str!("../tests/stories/a-gate-waits-for-each-listener.story"));
const OF_OTHERS: Recorded = (
    "a-listener-of-others-keeps-its-settings",
    include_str!("../tests/stories/a-listener-of-others-keeps-its-settings.story"),
);
const RETAINED: Recorded = (
    "a-binding-that-leaves-everything-in-place",
    include_str!("../tests/stories/a-binding-that-leaves-everything-in-place.story"),
);
const KEPT_FOR_LONG: Recorded =
    ("the-last-ones-are-kept-for-long", include_str!("../tests/stories/the-last-ones-are-kept-for-long.story"));
const STOPPED: Recorded = (
    "a-gate-waits-for-a-listener-that-is-stopped",
    include_str!("../tests/stories/a-gate-waits-for-a-listener-that-is-stopped.story"),
);
const BEGUN: Recorded = (
    "a-leader-begins-after-a-binding-has-gone",
    include_str!("../tests/stories/a-leader-begins-after-a-binding-has-gone.story"),
);
const MADE: Recorded = ("a-load-balancer-is-made", include_str!("../tests/stories/a-load-balancer-is-made.story"));

const MISTAKE: Recorded = (
    "a-mistake-that-would-take-all-at-once",
    include_str!("../tests/stories/a-mistake-that-would-take-all-at-once.story"),
);
const UNMARKED: Recorded = (
    "a-created-load-balancer-that-has-lost-its-tag-stays",
    include_str!("../tests/stories/a-created-load-balancer-that-has-lost-its-tag-stays.story"),
);
const LATE_LIST: Recorded = (
    "all-begin-anew-and-the-list-of-pods-is-late",
    include_str!("../tests/stories/all-begin-anew-and-the-list-of-pods-is-late.story"),
);
const TWO_REFUSED: Recorded = (
    "two-addresses-are-refused-during-a-rollout",
    include_str!("../tests/stories/two-addresses-are-refused-during-a-rollout.story"),
);
const REFUSED_FOR_LONG: Recorded = (
    "registrations-are-refused-for-minutes",
    include_str!("../tests/stories/registrations-are-refused-for-minutes.story"),
);
const READDRESSED: Recorded = (
    "a-pod-gets-another-address-and-its-own-is-soon-anothers",
    include_str!("../tests/stories/a-pod-gets-another-address-and-its-own-is-soon-anothers.story"),
);

/// Faults that harm only when one thing goes wrong at one moment, which chance hardly meets: where that is.
const AT_ONE_POINT: [(Mutant, Recorded, Tried); 3] = [
    (Mutant::LostAnswerWaits, MOVES, |point, way| point == Point::Object && way == Way::AnswerLost),
    (Mutant::RecordedIsDone, MADE, |point, way| point == Point::Write("CreateLoadBalancer") && way == Way::CrashBefore),
    (Mutant::RefusalStays, MOVES, |point, way| matches!(point, Point::Write(_)) && way == Way::Error(Class::Invalid)),
];

/// Faults that harm where several rare things meet, or that a reader has found before chance did: the story of it.
const IN_A_STORY: [(Mutant, Recorded); 19] = [
    (Mutant::NobodyPasses, EXCHANGED),
    (Mutant::AllPass, EXCHANGED),
    (Mutant::AddressStays, READDRESSED),
    (Mutant::UnlistedIsGone, LATE_LIST),
    (Mutant::StaleReads, TWO_REFUSED),
    (Mutant::EndlessBackOff, REFUSED_FOR_LONG),
    (Mutant::OneOpensForAll, EACH_LOAD_BALANCER),
    (Mutant::NoBrake, MISTAKE),
    (Mutant::UnmarkedGoes, UNMARKED),
    (Mutant::LastIsReadOften, KEPT_FOR_LONG),
    (Mutant::GatesAreReadOften, STOPPED),
    (Mutant::GateByOneRoute, EACH_LISTENER),
    (Mutant::SettingsOfOthers, OF_OTHERS),
    (Mutant::RetainDrains, RETAINED),
    (Mutant::UnreadServesNobody, BEGUN),
    (Mutant::AllAnew, KEPT_ADDRESSES),
    (Mutant::BeginsBehind, SILENT_PODS),
    (Mutant::SuspendDrains, SUSPENDED),
    (Mutant::CreatedStays, CREATED),
];

/// Looks for these faults on so many threads: in the stories that are known to show them, in recorded stories that are perturbed, where they harm at one point only, and otherwise in
/// the stories that follow from this seed and those after it, until so many steps were played without a fault. A story that breaks a rule
/// without the fault, too, shows nothing of it; and one that does not come to its place goes on as without it, so that it is not
/// played. `tell` hears of each that is found.
pub fn find(
    mutants: &[Mutant],
    first_seed: u64,
    most_steps: u64,
    threads: usize,
    tell: impl Fn(&Mutant, &By, &Violation) + Sync,
) -> Vec<Found> {
    let at_one_point = AT_ONE_POINT.iter().filter(|(mutant, ..)| mutants.contains(mutant));
    let in_a_story = IN_A_STORY.iter().filter(|(mutant, _)| mutants.contains(mutant));
    let mut all: Vec<Found> = at_one_point
        .map(|(mutant, recorded, is_tried)| find_at_one_point(*mutant, *recorded, *is_tried))
        .chain(in_a_story.map(|(mutant, recorded)| find_in_a_story(*mutant, *recorded)))
        .inspect(|found| _ = found.by.as_ref().inspect(|(by, violation)| tell(&found.mutant, by, violation)))
        .collect();
    let is_known = |mutant: &Mutant| all.iter().any(|found| found.mutant == *mutant);
    let others: Vec<Mutant> = mutants.iter().copied().filter(|mutant| !is_known(mutant)).collect();
    let search = Mutex::new(Search::default());
    let next = AtomicU64::new(first_seed);
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while search.lock().is_ok_and(|search| search.goes_on(&others, most_steps)) {
                    search_story(&search, next.fetch_add(1, Ordering::Relaxed), &others, &tell);
                }
            });
        }
    });
    let search = search.into_inner().unwrap_or_default();
    all.extend(others.into_iter().map(|mutant| search.found(mutant)));
    all.sort_by_key(|found| found.mutant);
    all
}

/// What is known of faults that are looked for in story after story.
#[derive(Default)]
struct Search {
    /// How many steps each story takes without a fault, by its seed.
    steps: BTreeMap<u64, u64>,
    /// The first seed that shows a fault, of those that were played.
    found: BTreeMap<Mutant, (u64, Violation)>,
}

impl Search {
    fn goes_on(&self, mutants: &[Mutant], most_steps: u64) -> bool {
        self.found.len() < mutants.len() && self.steps.values().sum::<u64>() < most_steps
    }

    /// Whether a story may be the first one that shows a fault.
    fn may_be_first(&self, seed: u64, mutant: Mutant) -> bool {
        self.found.get(&mutant).is_none_or(|(known, _)| seed < *known)
    }

    fn found(&self, mutant: Mutant) -> Found {
        let by = self.found.get(&mutant).cloned();
        let last = by.as_ref().map_or(u64::MAX, |(seed, _)| *seed);
        let steps = self.steps.range(..=last).map(|(_, steps)| steps).sum();
        Found { mutant, steps, by: by.map(|(seed, violation)| (By::Seed(seed), violation)) }
    }
}

/// Plays the story of a seed without a fault, and with each one to whose place it comes.
fn search_story(
    search: &Mutex<Search>,
    seed: u64,
    mutants: &[Mutant],
    tell: &(impl Fn(&Mutant, &By, &Violation) + Sync),
) {
    let story = generate(seed);
    _ = take_reached();
    let usual = play(&story);
    let holds = judge_in_passing(&story, &usual).broken().is_none();
    let reached = take_reached();
    let Ok(mut known) = search.lock() else { return };
    known.steps.insert(seed, usual.steps);
    drop(known);
    for mutant in reached.into_iter().filter(|mutant| holds && mutants.contains(mutant)) {
        if !search.lock().is_ok_and(|known| known.may_be_first(seed, mutant)) {
            continue;
        }
        put_in(Some(mutant));
        let verdict = judge_in_passing(&story, &play(&story));
        put_in(None);
        if let Verdict::Breaks(violation) = verdict
            && let Ok(mut known) = search.lock()
            && known.may_be_first(seed, mutant)
        {
            tell(&mutant, &By::Seed(seed), &violation);
            known.found.insert(mutant, (seed, violation));
        }
    }
}

fn find_in_a_story(mutant: Mutant, (name, text): Recorded) -> Found {
    let mut found = Found { mutant, steps: 0, by: None };
    let Ok(story) = text.parse::<Story>() else { return found };
    if broken(&story).is_some() {
        return found;
    }
    put_in(Some(mutant));
    let outcome = play(&story);
    let verdict = judge(&story, &outcome);
    put_in(None);
    found.steps = outcome.steps;
    found.by = verdict.broken().cloned().map(|violation| (By::Story(name), violation));
    found
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
        let Verdict::Breaks(violation) = compare(&undisturbed, &outcome) else { continue };
        // One that breaks a rule without the fault, too, shows nothing of it.
        if compare(&undisturbed, &play_perturbed(&story, Some(perturbation))) == Verdict::Holds {
            found.by = Some((By::Perturbation(name, perturbation), violation));
            return found;
        }
    }
    found
}

/// The page that lists the faults, and how each was found; what `before` says of those that were not looked for stays.
pub fn page(all: &[Found], before: &str) -> String {
    let mut page = String::from(PAGE);
    for mutant in Mutant::ALL {
        let known = Row::of(*mutant, before);
        let row = match all.iter().find(|found| found.mutant == *mutant) {
            Some(found) if known.as_ref().is_none_or(|known| found.says_more_than(known)) => Some(found.row()),
            _ => known,
        };
        if let Some(Row { rule, by, steps }) = row {
            _ = writeln!(page, "| {mutant:?} | {} | {rule} | {by} | {steps} |", mutant.words().trim());
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
written by the program that looks for them, in the stories that follow from one seed after another. A few harm only when one thing goes
wrong at one moment, and are looked for where one point of a recorded story [goes another way](testing.md#the-same-end); or where several
rare things meet, and are looked for in the story that has found that once:

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/mutants.md");

    #[test]
    fn the_page_has_each_fault_with_its_words_and_those_that_are_impossible() {
        let again = "worlds --mutants --mutant NAME --write docs/mutants.md";
        assert!(page(&[], PAGE) == PAGE, "`{again}` mends the page and the row of NAME; its numbers stay else");
        let missing: Vec<_> = Mutant::ALL.iter().filter(|mutant| Row::of(**mutant, PAGE).is_none()).collect();
        assert!(missing.is_empty(), "`{again}` adds the rows of {missing:?}");
    }

    #[test]
    fn a_search_that_ended_too_soon_leaves_the_row_as_it_was() {
        let mutant = Mutant::FinalizerFirst;
        let known = Row::of(mutant, PAGE).unwrap();
        let steps = known.steps.parse::<u64>().unwrap();
        let after = |found: Found| Row::of(mutant, &page(&[found], PAGE)).unwrap();
        let too_soon = after(Found { mutant, steps: steps - 1, by: None });
        assert_eq!((too_soon.rule, too_soon.by, too_soon.steps), (known.rule, known.by, known.steps));
        let missed = after(Found { mutant, steps, by: None });
        assert_eq!(missed.rule, "not found", "it went as far, and the row is not true any more");
        let violation = Violation { rule: "a rule", at: Duration::ZERO, words: String::new() };
        let found = after(Found { mutant, steps: 5, by: Some((By::Seed(7), violation)) });
        assert_eq!((&*found.rule, &*found.by, &*found.steps), ("a rule", "seed 7", "5"));
    }
}
