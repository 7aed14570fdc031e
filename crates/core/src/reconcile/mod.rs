//! How a plan is carried out: which calls are made in which order, what a refusal means for the others, and what is tried again when.
//!
//! Machines without I/O: they say which call comes next and take in its reply. Edges make the call. Times are durations since the
//! controller began, by a clock that never goes back.

mod execution;
mod part;
mod refusals;
#[cfg(test)]
mod tests;

pub use execution::{Execution, Reply};
pub use part::is_shared;
pub use refusals::Refusals;
