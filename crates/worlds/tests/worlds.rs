//! Stories with fixed seeds: none breaks a rule, each ends the same way when it is told again, and faults that are put in are found.

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

/// Stories that have broken a rule once.
#[test]
fn worlds_that_were_mended_stay_so() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        holds(&std::fs::read_to_string(&path).unwrap().parse().unwrap());
        count += 1;
    }
    assert!(count > 0, "{folder} has stories");
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
        Mutant::EntryDropped,
        Mutant::UnreadableIsAbsent,
        Mutant::UsersNotTold,
    ] {
        let found = tke_direct_access_worlds::find(mutant, 1, STEPS);
        println!("{mutant:?}: {} steps: {:?}", found.steps, found.by);
        assert!(found.by.is_some(), "{mutant:?} is not found in {} steps", found.steps);
    }
}
