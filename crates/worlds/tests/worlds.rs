//! Stories with fixed and with fresh seeds: none breaks a rule, each ends the same way when it is told again, and faults that are put
//! in are found.

#![allow(clippy::unwrap_used, reason = "in a test, a failure here is the failure of the test")]

use std::num::NonZero;
use std::time::{SystemTime, UNIX_EPOCH};

use tke_direct_access_worlds::{GoOn, Story, broken, generate, play, play_many, shrink};

/// How many stories are played with the same seeds each time.
const FIXED: u64 = 60;
/// How many are to be played with seeds that are new each time. None where nobody asks: what a change breaks is to be seen again in the
/// next run, and stories that are new each time belong to a run that looks for what nobody knows yet. 40 million steps of them have
/// found one that broke a rule, which was mended.
const FRESH: &str = "DIRECT_ACCESS_FRESH";

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Why a story does not hold, with the shortest one that does not either; `None` where it does.
fn complaint(story: &Story) -> Option<String> {
    let violation = broken(story)?;
    let (shortest, again) = (shrink(story), "cargo run --release --example worlds -- --story FILE");
    Some(format!("seed {}: {violation}\n\nThe shortest story of it, for `{again}`:\n{shortest}", story.seed))
}

/// Plays so many stories from a seed on; where one breaks a rule, fails with the shortest one that does.
fn hold(first_seed: u64, stories: u64) {
    let mut found = None;
    play_many(first_seed, threads(), |story, verdict, tally| {
        if found.is_none() && verdict.broken().is_some() {
            found = complaint(story);
        }
        if found.is_some() || tally.stories >= stories { GoOn::No } else { GoOn::Yes }
    });
    assert_eq!(found, None);
}

#[test]
fn worlds_of_fixed_seeds_break_no_rule() {
    hold(1, FIXED);
}

/// The first seed is printed, and those after it follow: `--seed` of the example plays them again.
#[test]
fn worlds_of_fresh_seeds_break_no_rule() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = u64::try_from(since.as_millis()).unwrap();
    println!("cargo run --release --example worlds -- --seed {seed}");
    match std::env::var(FRESH) {
        Ok(stories) => hold(seed, stories.parse().unwrap()),
        Err(_) => println!("none are played: {FRESH} does not say how many"),
    }
}

/// Plays all stories of a folder.
fn all_hold(folder: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has stories", folder.display());
    for file in files {
        let story: Story = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        assert!(!story.acts.is_empty(), "{} has acts", file.display());
        println!("{}", file.display());
        assert_eq!(complaint(&story), None, "{}", file.display());
    }
}

/// Stories that have broken a rule once.
#[test]
fn worlds_that_were_mended_stay_so() {
    all_hold("stories");
}

/// What tests on a real control plane have done there.
#[test]
fn worlds_of_real_tests_break_no_rule() {
    all_hold("recorded");
}

#[test]
fn worlds_go_the_same_way_each_time() {
    for seed in [3, 5] {
        let (first, second) = (play(&generate(seed)), play(&generate(seed)));
        assert_eq!((first.steps, first.end, first.calls), (second.steps, second.end, second.calls), "{seed}");
    }
}

/// Faults that are found within few steps; `--mutants` of the example looks for all.
#[cfg(feature = "mutants")]
#[test]
fn worlds_find_faults_that_are_put_in() {
    use tke_direct_access_core::mutant::Mutant;
    use tke_direct_access_worlds::find;

    const STEPS: u64 = 60_000;
    const QUICK: [Mutant; 17] = [
        Mutant::AddressStays,
        Mutant::EndlessBackOff,
        Mutant::StaleReads,
        Mutant::UnlistedIsGone,
        Mutant::FinalizerFirst,
        Mutant::ForeignListeners,
        Mutant::GateCloses,
        Mutant::UnboundWaits,
        Mutant::CreatesBlindly,
        Mutant::Restless,
        Mutant::Starves,
        Mutant::UnreadableIsAbsent,
        Mutant::EntryDropped,
        Mutant::UsersNotTold,
        Mutant::DeletesWhatIsUsed,
        Mutant::SuspendIgnored,
        Mutant::DrainsForEver,
    ];
    for found in find(&QUICK, 1, STEPS, threads(), |_, _, _| {}) {
        println!("{:?}: {} steps: {:?}", found.mutant, found.steps, found.by);
        assert!(found.by.is_some(), "{:?} is not found in {} steps", found.mutant, found.steps);
    }
}
