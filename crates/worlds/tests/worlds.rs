//! Stories with fixed seeds and with fresh ones: none breaks a rule, and each ends the same way when it is told again.

use std::time::{SystemTime, UNIX_EPOCH};

use tke_direct_access_worlds::{Story, generate, play, shrink};

/// Plays a story; where it breaks a rule, fails with the shortest one that does.
fn holds(story: &Story) {
    if let Some(violation) = play(story).violations.first() {
        let shortest = shrink(story);
        panic!(
            "seed {}: {violation}\n\nThe shortest story of it, for `cargo run --example worlds -- --story FILE`:\n{shortest}",
            story.seed
        );
    }
}

#[test]
fn worlds_of_fixed_seeds_break_no_rule() {
    (1..=30).for_each(|seed| holds(&generate(seed)));
}

#[test]
fn worlds_of_fresh_seeds_break_no_rule() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let first = now.as_secs() * 1000;
    println!("seeds {first} to {}", first + 9);
    (first..first + 10).for_each(|seed| holds(&generate(seed)));
}

#[test]
fn a_world_goes_the_same_way_each_time() {
    for seed in [3, 5] {
        let (first, second) = (play(&generate(seed)), play(&generate(seed)));
        assert_eq!((first.steps, first.end, first.calls), (second.steps, second.end, second.calls), "{seed}");
    }
}
