//! Stories with fixed seeds: none breaks a rule, each ends the same way when it is told again, and faults that are put in are found.

#![allow(clippy::unwrap_used, reason = "in a test, a failure here is the failure of the test")]

use tke_direct_access_worlds::{Story, generate, play, shrink};

/// Plays a story; where it breaks a rule, fails with the shortest one that does.
fn holds(story: &Story) {
    let violation = play(story).violations.into_iter().next();
    let told = violation.map(|violation| {
        let (shortest, again) = (shrink(story), "cargo run --example worlds -- --story FILE");
        format!("seed {}: {violation}\n\nThe shortest story of it, for `{again}`:\n{shortest}", story.seed)
    });
    assert_eq!(told, None);
}

#[test]
fn worlds_of_fixed_seeds_break_no_rule() {
    (1..=40).for_each(|seed| holds(&generate(seed)));
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
        holds(&story);
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

/// Faults that are found within a few stories; `--mutants` of the example looks for all.
#[cfg(feature = "mutants")]
#[test]
fn worlds_find_faults_that_are_put_in() {
    use tke_direct_access_core::mutant::Mutant;

    const STEPS: u64 = 60_000;
    for mutant in [
        Mutant::GateWithoutTarget,
        Mutant::ForeignTargets,
        Mutant::FinalizerFirst,
        Mutant::GoneStays,
        Mutant::Starves,
        Mutant::DriftStays,
        Mutant::Restless,
    ] {
        let found = tke_direct_access_worlds::find(mutant, 1, STEPS);
        println!("{mutant:?}: {} steps: {:?}", found.steps, found.by);
        assert!(found.by.is_some(), "{mutant:?} is not found in {} steps", found.steps);
    }
}
