//! The conformance kit against simulators: one as believed, and others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the whole file is a test")]

/// So that the names of all tests have this word.
#[path = "."]
mod conformance {
    mod agrees;
    mod deviations;
    mod killed;
    mod proxy;
    mod replayed;
    mod stage;
    mod state_file;
    mod table;
    mod verdicts;
}
