//! Who may use which load balancer: the admission policies of `deploy/components/guard`, on a real API server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the whole file is a test")]

#[path = "../support/mod.rs"]
mod support;

/// So that `cargo test guard` finds them.
#[path = "."]
mod guard {
    mod changes;
    mod creation;
    mod lines;
    mod missing;
    mod stage;
}
