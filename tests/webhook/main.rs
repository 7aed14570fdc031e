//! Injection of readiness gates on a real control plane: what Pods get, what stands in nobody's way, and what is repaired.
//!
//! The configuration is one per cluster, so the tests take turns. Replicas run in this process, except where the program itself
//! is what is tested.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is a test: a failure here is the failure of the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod stage;

/// So that `cargo test webhook` finds them.
#[path = "."]
mod webhook {
    mod failure;
    mod injection;
    mod policy;
    mod program;
    mod repair;
    mod review;
    mod rotation;
}
