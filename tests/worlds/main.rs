//! The judge of `crates/worlds`: its stories are played on a real control plane, with the program itself, and must end there as they end
//! in the world.
//!
//! `DIRECT_ACCESS_STORIES=20` plays so many; `DIRECT_ACCESS_STORY=FILE` plays one that is written down.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../cluster/stage.rs"]
#[allow(dead_code, reason = "a part of what the tests of the controller use is used here")]
mod stage;
#[path = "../support/mod.rs"]
mod support;

mod deeds;
mod played;
mod player;
mod refused;
mod replica;
mod shown;
mod witness;

use futures::StreamExt;
use tke_direct_access_worlds::{Story, generate};

use played::playable;
use player::{Told, play};

/// The seeds of those that are played where nobody says which.
const SEEDS: [u64; 2] = [4, 10];
/// How many are played at a time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn worlds_end_as_they_do_on_a_real_control_plane() {
    let stories = stories();
    assert!(!stories.is_empty(), "there is a story");
    let told: Vec<Told> = futures::stream::iter(stories).map(play).buffer_unordered(AT_ONCE).collect().await;
    for one in &told {
        let seconds = one.lasted.as_secs_f64();
        println!("{}: {} acts, {} of them met, in {seconds:.0} s", one.name, one.acts, one.met);
    }
    let differ: Vec<_> = told.iter().filter_map(|one| one.difference.as_deref()).collect();
    assert!(differ.is_empty(), "{} of {} stories end otherwise:\n{}", differ.len(), told.len(), differ.join("\n"));
}

/// The stories, by name.
fn stories() -> Vec<(String, Story)> {
    if let Some(file) = std::env::var_os("DIRECT_ACCESS_STORY") {
        let text = std::fs::read_to_string(&file).expect("the story can be read");
        return vec![(file.to_string_lossy().into_owned(), playable(&text.parse().expect("it is a story")))];
    }
    let seeds = match std::env::var("DIRECT_ACCESS_STORIES") {
        Ok(count) => (1..=count.parse().expect("a number")).collect(),
        Err(_) => SEEDS.to_vec(),
    };
    seeds.into_iter().map(|seed| (format!("seed {seed}"), playable(&generate(seed)))).collect()
}
