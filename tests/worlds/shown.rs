//! What the model of Kubernetes shows of objects as they go on is what a real one shows.

use std::collections::BTreeSet;
use std::time::Duration;

use tke_direct_access_worlds::history::History;
use tke_direct_access_worlds::{Story, tell};

use crate::player::{PATIENCE, Player};
use crate::witness::Witness;

/// Users who wait for each other: a workload, its rollout, bindings that come, change and go, by hand and by annotations.
const STORY: &str = include_str!("shown.story");
/// How long the control plane has at most for what the world does in the same time.
const PAUSE: Duration = Duration::from_secs(40);
/// How many stories of the world show what may be shown.
const SEEDS: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn worlds_show_objects_as_a_real_control_plane_does() {
    let story: Story = STORY.parse().unwrap();
    let world = tokio::task::block_in_place(|| tell(&story, None));
    assert!(world.violations.is_empty(), "{:?}", world.violations);
    let mut player = Player::new().await;
    let witness = Witness::of(&player.stage);
    let met = player.play(&story, &world, PAUSE).await;
    player.until(PATIENCE, &world.summary).await.expect("it ends as in the world");
    let real = witness.histories();
    player.end().await;
    // One act follows at once.
    assert!(met + 1 >= story.acts.len(), "users wait for each other: {met} of {}", story.acts.len());

    // Of Pods, each step that is shown is one that the model knows.
    let known = tokio::task::block_in_place(|| {
        (1..=SEEDS).flat_map(|seed| steps(&again(&story, seed))).collect::<BTreeSet<_>>()
    });
    let unknown: Vec<_> = steps(&real).difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "the model does not know\n{}\n\nit knows\n{}", lines(&unknown), lines(&known));

    // One binding after another is shown the same, step by step.
    assert_eq!(of_bindings(&real), of_bindings(&world.histories));
}

/// What the world shows when it is told with another seed, and users are as many tenths of a second later with what follows at once.
fn again(story: &Story, seed: u64) -> Vec<History> {
    let mut story = Story { seed, ..story.clone() };
    for place in 1..story.acts.len() {
        if story.acts[place].0 - story.acts[place - 1].0 < 1000 {
            story.acts[place].0 = story.acts[place - 1].0 + seed * 100;
        }
    }
    tell(&story, None).histories
}

fn of_bindings(histories: &[History]) -> Vec<String> {
    let bindings = histories.iter().filter(|one| one.kind == "binding");
    bindings.map(|one| format!("{}: {}", one.place, one.shown.join("\n    "))).collect()
}

/// What was shown after what, of any object of a kind.
fn steps(histories: &[History]) -> BTreeSet<(&'static str, String, String)> {
    let of = |one: &History| {
        let kind = one.kind;
        let begun = one.shown.first().map(|first| (kind, "new".to_owned(), first.clone()));
        let pairs = one.shown.windows(2).map(|pair| (kind, pair[0].clone(), pair[1].clone())).collect::<Vec<_>>();
        begun.into_iter().chain(pairs)
    };
    histories.iter().filter(|one| one.kind != "binding").flat_map(of).collect()
}

fn lines<'a>(steps: impl IntoIterator<Item = &'a (&'static str, String, String)>) -> String {
    steps.into_iter().map(|(kind, from, to)| format!("{kind}: {from}\n    → {to}\n")).collect()
}
