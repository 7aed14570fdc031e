//! A world that plays against the controller: replicas of its machines with caches that lag, a small model of Kubernetes, the
//! simulator's own cloud, users, other people at the console, and everything that may fail between them.
//!
//! - A [`Story`] is a seed and what is done to the world at which time; the rest follows from the seed alone, so that a story can be
//!   told again. [`generate`] makes one up.
//! - [`World`] plays it: a queue of what happens when. The machines, the stores, the triggers, the client of the cloud and the cloud's
//!   state are the product's own; the model of Kubernetes is small and is written here.
//! - [`checks`](Violation) say after each step what must never be, and at the end what must have come about.
//! - [`shrink`] makes a story that fails shorter.
//!
//! The product does not link this crate.

mod act;
mod chance;
mod check;
mod cloud;
mod cluster;
pub mod console;
mod deployment;
mod generate;
pub mod history;
#[cfg(feature = "mutants")]
mod mutants;
mod objects;
mod pod;
mod replica;
mod shrink;
mod story;
mod world;

pub use act::{Act, Console, Fault, Workload};
pub use check::{Ending, Violation};
pub use generate::generate;
#[cfg(feature = "mutants")]
pub use mutants::{Found, find};
pub use shrink::shrink;
pub use story::{Story, StoryError};
pub use world::{Outcome, World, play, tell};
