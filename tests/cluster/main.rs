//! The controller against a real control plane and the simulated cloud: real objects, real traffic, real faults.
//!
//! Each test has its own namespace, cloud and controller; the control plane is shared.

#[path = "../support/mod.rs"]
mod support;

mod binding;
mod election;
mod examples;
mod faults;
mod quiet;
mod rollout;
mod stage;
