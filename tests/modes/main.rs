//! Networks of Pods, switches of the cluster, and weights, on a real control plane.

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

/// So that `cargo test modes` finds them.
#[path = "."]
mod modes {
    mod delegate;
    mod ipv6;
    mod network;
    mod quota;
    mod sharing;
    mod weight;
}
