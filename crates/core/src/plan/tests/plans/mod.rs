//! Golden plans: small worlds, and every plan that is made in them until they come to rest, as text in `tests/plans`.
//!
//! A change of a plan is a change of a file, which people read. `UPDATE=1 cargo test plans` writes the files anew.

mod claims;
mod console;
mod endings;
mod pods;
mod rollouts;
mod story;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use super::acts::{add, delete, delete_binding, edit, listener, remove, respec, web};
use story::Story;

/// A file, and the story that it tells.
type Row = (&'static str, fn() -> Story);

fn stories() -> Vec<Row> {
    [rollouts::STORIES, pods::STORIES, claims::STORIES, console::STORIES, endings::STORIES].concat()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/plans")
}

/// The first line that differs, with its number.
fn difference(expected: &str, found: &str) -> String {
    let mut lines = (1..).zip(expected.lines().zip(found.lines()));
    match lines.find(|(_, (expected, found))| expected != found) {
        Some((number, (expected, found))) => format!("line {number}\n  expected: {expected}\n  found:    {found}"),
        None => "one of the two is longer".to_owned(),
    }
}

#[test]
fn plans_are_those_of_the_files() {
    let is_update = env::var_os("UPDATE").is_some();
    let mut differences = Vec::new();
    for (name, story) in stories() {
        let path = folder().join(format!("{name}.txt"));
        let text = story().text();
        if is_update {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if expected != text {
            differences.push(format!("{name}.txt, {}", difference(&expected, &text)));
        }
    }
    assert!(differences.is_empty(), "{}\nUPDATE=1 writes the files anew", differences.join("\n"));
    let told: Vec<String> = stories().iter().map(|(name, _)| format!("{name}.txt")).collect();
    let names: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(names.len(), told.len(), "no two stories have one name");
    let file = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let files: BTreeSet<String> = fs::read_dir(folder()).unwrap().map(file).collect();
    assert_eq!(files, names);
}
