//! The controller against a real control plane and the simulated cloud: real objects, real traffic, real faults.
//!
//! Each test has its own namespace, cloud and controller; the control plane is shared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

#[path = "../support/mod.rs"]
mod support;

mod binding;
mod clocks;
mod credentials;
mod election;
mod examples;
mod faults;
mod fleet;
mod gates;
mod hold;
mod isolation;
mod layer7;
mod leadership;
mod line;
mod quiet;
mod refused;
mod rollout;
mod slow;
mod stage;
mod upgrade;
mod watches;
