//! `kubectl direct-access` under the real kubectl, against a real control plane and the simulated cloud.

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

/// So that `cargo test plugin` finds them.
#[path = "."]
mod plugin {
    mod change;
    mod doctor;
    mod drain;
    mod errors;
    mod explain;
    mod get;
    mod plan;
    mod recovery;
    mod release;
    mod rights;
    mod scene;
    mod screens;
    mod watch;
}
