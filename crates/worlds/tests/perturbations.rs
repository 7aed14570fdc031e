//! Stories that end the same whatever goes wrong: at one point of those in `recorded`, a sample of which is played here
//! (`--perturbations` of the example plays all), and with or without the misfortunes of those that chance makes up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failure here is the failure of the test")]

use std::path::PathBuf;

use tke_direct_access_worlds::{Story, Verdict, generate, judge, perturb, play};

fn recorded() -> Vec<(String, Story)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} has stories");
    let read = |file: PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let story = std::fs::read_to_string(&file).unwrap().parse();
        (name.clone(), story.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.into_iter().map(read).collect()
}

/// What `--perturb` of the example tells of.
fn broken(name: &str, story: &Story, most: usize, seed: u64) -> Vec<String> {
    let perturbed = perturb(story, most, seed);
    println!("{name}: {} points, {} plays, {} steps", perturbed.points, perturbed.plays, perturbed.steps);
    let undisturbed = perturbed.undisturbed.iter().map(|violation| format!("--story {name}: {violation}"));
    let words = perturbed.failures.iter();
    let words = words.map(|(one, violation)| format!("--story {name} --perturb {one}: {violation}"));
    undisturbed.chain(words).collect()
}

#[test]
fn recorded_stories_end_the_same_whatever_goes_wrong_at_one_point() {
    let mut found = Vec::new();
    for (seed, (name, story)) in (1..).zip(recorded()) {
        found.extend(broken(&name, &story, 1, seed));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn worlds_of_fixed_seeds_end_as_without_their_misfortunes() {
    let mut same = 0;
    for seed in 1..=10 {
        let story = generate(seed);
        match judge(&story, &play(&story)) {
            Verdict::Holds => same += 1,
            Verdict::NotPromised(why) => println!("seed {seed}: {why}"),
            Verdict::Breaks(violation) => panic!("seed {seed}: {violation}\n{story}"),
        }
    }
    assert!(same >= 3, "{same} are compared");
}

/// Faults that show where one point of a story goes another way.
#[cfg(feature = "mutants")]
#[test]
fn perturbations_find_faults_that_are_put_in() {
    use tke_direct_access_core::mutant::Mutant;
    use tke_direct_access_worlds::find;

    const FAULTS: [Mutant; 3] = [Mutant::LostAnswerWaits, Mutant::RecordedIsDone, Mutant::RefusalStays];
    for found in find(&FAULTS, 1, 0, 1, |_, _, _| {}) {
        println!("{found:?}");
        assert!(found.by.is_some(), "{:?} is not found", found.mutant);
    }
}
