//! What the controller tells of itself: metrics, logs, the alarms and pictures made from them, and what none of them may show.

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

mod evidence;
mod exposition;
mod program;
mod promql;
mod scenario;

/// So that `cargo test telemetry` finds them.
#[path = "."]
mod telemetry {
    mod alerts;
    mod document;
    mod logs;
    mod prometheus;
    mod scrape;
    mod secrets;
}
