//! Playing a story from its beginning to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tke_direct_access_core::plan::panic_words;

use super::{Outcome, World};
use crate::check::Violation;
use crate::perturb::Perturbation;
use crate::story::Story;

/// Whether what happens is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    Off,
    On,
}

/// Plays a story, perturbed at one point or not, and tells what happens; nothing where it panics.
pub fn tell(story: &Story, perturbation: Option<Perturbation>) -> Outcome {
    caught(|| {
        let mut world = World::new(story.clone());
        world.telling = Telling::On;
        world.trouble.perturbation = perturbation;
        world.run()
    })
}

/// Plays a story to its end, or to the first violation.
pub fn play(story: &Story) -> Outcome {
    play_perturbed(story, None)
}

/// Plays a story to its end, or to the first violation, where little is awaited after the last act: after four minutes the world is at
/// rest, and stays so for another one.
pub fn play_briefly(story: &Story) -> Outcome {
    caught(|| {
        let mut world = World::new(story.clone());
        world.end = (Duration::from_secs(240), Duration::from_secs(60));
        world.run()
    })
}

/// Plays a story that is perturbed at one point, to its end or to the first violation.
pub(crate) fn play_perturbed(story: &Story, perturbation: Option<Perturbation>) -> Outcome {
    caught(|| {
        let mut world = World::new(story.clone());
        world.trouble.perturbation = perturbation;
        world.run()
    })
}

/// A panic is a violation.
fn caught(played: impl FnOnce() -> Outcome) -> Outcome {
    match catch_unwind(AssertUnwindSafe(played)) {
        Ok(outcome) => outcome,
        Err(panic) => Outcome {
            violations: vec![Violation { rule: "no panic", at: Duration::ZERO, words: panic_words(&*panic) }],
            ..Outcome::default()
        },
    }
}
