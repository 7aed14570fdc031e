//! TkeServiceConfigs on a real control plane: what is set is what the cloud shows, what is not set is left alone, and the status
//! tells both.

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

mod scene;

/// So that `cargo test service_config` finds them.
#[path = "."]
mod service_config {
    mod auto;
    mod dialects;
    mod examples;
    mod fan_out;
    mod fields;
    mod status;
    mod unmanaged;
    mod vendor;
}
