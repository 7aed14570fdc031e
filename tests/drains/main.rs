//! How Pods end, restart and come back, on a real control plane: what becomes of their targets, in which order, and when.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the stage is shared with other tests, which use other parts of it")]
#[path = "../cluster/stage.rs"]
mod stage;

mod kinds;
mod node;
mod note;
mod order;
mod restart;
mod reuse;
mod seen;
