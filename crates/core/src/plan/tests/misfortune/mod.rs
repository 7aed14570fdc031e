//! The misfortune matrix on the pure core. Each table is complete, or its test fails.

mod accounts;
mod claims;
mod console;
pub(super) mod play;
mod replacement;
mod words_config;
mod words_spec;
