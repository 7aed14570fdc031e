//! Many stories side by side: each plays on one thread, and depends on its seed alone.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::check::Judged;
use crate::coverage::Reached;
use crate::generate::generate;
use crate::story::Story;
use crate::verdict::{Verdict, judge_in_passing};
use crate::world::play;

/// What has come of many stories.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many were played.
    pub stories: u64,
    /// How many steps they took.
    pub steps: u64,
    /// How many of them break a rule.
    pub failures: u64,
    /// How many end as they do without their misfortunes: of one story in four it is seen whether they do.
    pub same: u64,
    /// Of how many nobody promises that they do.
    pub other: u64,
    /// What was reached.
    pub reached: Reached,
    /// The most reads of one load balancer within a minute: at rest, and otherwise.
    pub reads: (usize, usize),
    /// How often rules were looked at.
    pub judged: Judged,
}

/// Whether more stories are to be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOn {
    /// They are.
    Yes,
    /// Those that have begun are the last.
    No,
}

/// Plays stories with the seeds from this one on, on so many threads, until `after`, which is told how each one went, says that it is
/// enough. It hears of one story at a time, in any order.
pub fn play_many(first_seed: u64, threads: usize, after: impl FnMut(&Story, &Verdict, &Tally) -> GoOn + Send) -> Tally {
    let next = AtomicU64::new(first_seed);
    let shared = Mutex::new((Tally::default(), after, GoOn::Yes));
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let story = generate(next.fetch_add(1, Ordering::Relaxed));
                    let outcome = play(&story);
                    let verdict = judge_in_passing(&story, &outcome);
                    let Ok(mut shared) = shared.lock() else { return };
                    let (tally, after, goes_on) = &mut *shared;
                    tally.stories += 1;
                    tally.steps += outcome.steps;
                    match &verdict {
                        Verdict::Holds => tally.same += 1,
                        Verdict::Breaks(_) => tally.failures += 1,
                        Verdict::NotPromised(_) => tally.other += 1,
                    }
                    tally.reached.extend(outcome.reached);
                    tally.judged.extend(outcome.judged);
                    let ((rest, all), (most_rest, most_all)) = (outcome.reads, tally.reads);
                    tally.reads = (rest.max(most_rest), all.max(most_all));
                    if after(&story, &verdict, tally) == GoOn::No {
                        *goes_on = GoOn::No;
                    }
                    if *goes_on == GoOn::No {
                        return;
                    }
                }
            });
        }
    });
    shared.into_inner().map(|(tally, ..)| tally).unwrap_or_default()
}
