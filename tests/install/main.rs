//! Installation: the manifests of `deploy/` and the Helm chart agree, please the tools of others, and lead from nothing to a binding
//! that is ready, under an account with exactly the rights that are needed.

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
    mod chart;
    mod checks;
    mod manifests;
    mod monitoring;
    mod pages;
    mod place;
    mod program;
    mod ready;
    mod start;
    mod tools;
    mod upgrade;
    mod values;

    /// Long enough for a busy machine; a test that gets this far has failed.
    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(150);
    /// A test that starts a cluster of its own has it while it does: many at once would start too slowly.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
}
