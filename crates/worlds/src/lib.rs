//! A world that plays against the controller: replicas of its machines with caches that lag, a small model of Kubernetes, the
//! simulator's own cloud, users, other people at the console, and everything that may fail between them.
//!
//! - A [`Story`] is a seed and what is done to the world at which time; the rest follows from the seed alone, so that a story can be
//!   told again. [`generate`] makes one up.
//! - [`World`] plays it: a queue of what happens when. The machines, the stores, the triggers, the client of the cloud and the cloud's
//!   state are the product's own; the model of Kubernetes is small and is written here.
//! - [`checks`](Violation) say after each step what must never be, and at the end what must have come about.
//! - [`judge`] says what a play of a story breaks: a rule, or the promise that it ends as it does without its misfortunes. [`perturb`] asks
//!   whether it does whatever goes wrong at one point of it.
//! - [`shrink`] makes a story that fails shorter.
//!
//! The product does not link this crate.

mod act;
mod chance;
mod check;
mod cloud;
mod cluster;
pub mod console;
pub mod coverage;
mod crowd;
mod deployment;
mod differ;
mod generate;
pub mod history;
mod job;
#[cfg(feature = "mutants")]
mod mutants;
mod objects;
mod pairwise;
mod perturb;
mod pod;
mod pod_change;
mod replica;
mod sense;
mod shrink;
mod slices;
mod story;
mod users;
mod verdict;
mod workload;
mod world;

pub use act::{Act, Console, Dialect, Fault, Kind, Workload};
pub use check::{Ending, Judged, Violation};
pub use crowd::{GoOn, Tally, play_many};
pub use generate::generate;
#[cfg(feature = "mutants")]
pub use mutants::{By, Found, find, page};
pub use objects::NO_NEW_FINALIZERS;
pub use pairwise::pairwise;
pub use perturb::{Perturbation, Perturbed, Point, Way, perturb};
pub use pod_change::PodChange;
pub use shrink::shrink;
pub use story::{SEEDS, Story, StoryError};
pub use users::story as story_of_users;
pub use verdict::{Verdict, broken, compare, judge};
pub use world::{Outcome, World, play, play_briefly, tell};
