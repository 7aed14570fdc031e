//! Rollouts, scale-downs, evictions and hand-overs under constant load: every request is answered, and no gate ever flips.
//!
//! Real Deployments, kubelets and evictions; real connections through the simulated cloud, 200 requests per second.

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

mod injector;
mod load;
mod program;
mod scene;
mod witness;

/// So that `cargo test rollout` finds them.
#[path = "."]
mod rollouts {
    mod departures;
    mod faults;
    mod handover;
    mod order;
    mod rolling;
    mod webhook_down;
}
