//! The control plane that other tests stand on: is it a real one, and does it do what its annotations say?

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod cluster;
mod harness;
mod load;
mod pods;
mod termination;
mod workload;
