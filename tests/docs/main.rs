//! The documentation says what is true: pages that are written from the code are what the code gives.
//!
//! `UPDATE=1 cargo test --test docs` writes them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a failure here is the failure of the test"
)]

/// So that `cargo test docs` finds them.
#[path = "."]
mod docs {
    mod annotations;
    mod conditions;
    mod errors;
    mod flags;
    mod generated;
    mod program;
    mod reference;
}
