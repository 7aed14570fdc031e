//! The controller beside Argo CD and Flux: what they conclude from statuses, by their own code, and that neither of them finds a
//! difference, or undoes what the controller does.

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

/// So that `cargo test gitops` finds them.
#[path = "."]
mod gitops {
    mod drift;
    mod engine;
    mod page;
    mod prune;
    mod scripts;
    mod statuses;
    mod testdata;
    mod tool;
}
