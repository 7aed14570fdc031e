//! The documentation says what is true: pages that are written from the code are what the code gives, examples are taken by the real
//! API server, commands are taken by the real programs, and links and names lead to what exists.
//!
//! `UPDATE=1 cargo test --test docs` writes the pages that come from the code.

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

/// So that `cargo test docs` finds them.
#[path = "."]
mod docs {
    mod annotations;
    mod assumptions;
    mod commands;
    mod conditions;
    mod errors;
    mod flags;
    mod generated;
    mod guides;
    mod links;
    mod names;
    mod page;
    mod program;
    mod reference;
    mod shell;
    mod yaml;
}
