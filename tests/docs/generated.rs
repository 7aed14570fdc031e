//! Pages that are written from the code.

use std::path::Path;
use std::{env, fs};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page that is written from the code: with `UPDATE` it is written, else it must be what it would be.
#[track_caller]
pub(super) fn generated(file: &str, expected: &str) {
    let path = root().join(file);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{file} is outdated; write it by UPDATE=1 cargo test --test docs");
}
