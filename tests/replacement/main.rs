//! What is replaced goes on serving until what replaces it does: selectors, ports, Pods, nodes, under constant load.
//!
//! Real Deployments, kubelets and evictions; real connections through the simulated cloud, which takes two fifths of the real
//! one's time: a new target is found healthy only seconds after its registration, and until then somebody has to answer.

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

mod clients;
mod journal;
mod objects;
mod scene;

/// So that `cargo test replacement` finds them.
#[path = "."]
mod replacement {
    mod blue_green;
    mod deletion;
    mod ports;
    mod readiness;
    mod workloads;
}
