//! What worlds cannot reach, and why.

/// Enum, variant, and why no world reaches it.
pub const UNREACHED: &[(&str, &str, &str)] = &[];
