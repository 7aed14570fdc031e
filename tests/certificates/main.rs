//! Certificates that are uploaded from Secrets: over the wire, and on a real control plane.

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

/// So that `cargo test certificates` finds them.
#[path = "."]
mod certificates {
    mod pem;
    mod renewal;
    mod wire;
}
