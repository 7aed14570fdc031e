//! The misfortune matrix on the pure core. Each table is complete, or its test fails.

mod claims;
mod play;
mod replacement;
