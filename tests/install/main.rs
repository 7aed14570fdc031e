//! The manifests of `deploy/`: one apply, and the controller runs under its own account with exactly the rights it needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../support/mod.rs"]
mod support;

/// So that `cargo test install` finds them.
#[path = "."]
mod install {
    mod account;
    mod manifests;
    mod program;
}
