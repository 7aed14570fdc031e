//! Load balancers that bindings create and delete, on a real control plane.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../simulator/support.rs"]
#[allow(dead_code, reason = "the calls are used here, and not the rest")]
mod api;
#[path = "../cluster/stage.rs"]
#[allow(dead_code, reason = "a part of what the tests of the controller use is used here")]
mod stage;
#[path = "../support/mod.rs"]
mod support;

/// So that `cargo test load_balancers` finds them.
#[path = "."]
mod load_balancers {
    mod account;
    mod creation;
    mod deletion;
    mod faults;
    mod scene;
    mod vpc;
}
