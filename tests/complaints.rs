//! The table of complaints names tests that exist.
#![allow(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const NOT_COVERED: &str = "not covered yet";
const CANNOT_OCCUR: &str = "cannot occur: ";

/// A row: its number, and what its last column says.
type Row = (usize, String);

fn rows(table: &str) -> Vec<Row> {
    let cells = |line: &str| -> Option<Row> {
        let cells: Vec<_> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let number = cells.first()?.parse().ok()?;
        (cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty())).then(|| (number, cells[3].to_owned()))
    };
    table.lines().filter_map(cells).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// The names of functions with a test attribute, or in a block of property tests, which has them before each function.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
            if is_test {
                found.extend(rest.split('(').next().map(str::to_owned));
            }
            is_test = false;
        }
    }
    found
}

/// What is wrong with a row.
fn faults(row: &Row, tests: &BTreeSet<String>) -> Vec<String> {
    let (number, cell) = row;
    if cell == NOT_COVERED || cell.strip_prefix(CANNOT_OCCUR).is_some_and(|why| !why.is_empty()) {
        return Vec::new();
    }
    cell.split(", ")
        .filter_map(|name| match name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            None => Some(format!("row {number}: '{name}' is no name of a test")),
            Some(name) if !tests.contains(name) => Some(format!("row {number}: there is no test '{name}'")),
            Some(_) => None,
        })
        .collect()
}

#[test]
fn every_complaint_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rows = rows(&fs::read_to_string(root.join("docs/complaints.md")).unwrap());
    let numbers: Vec<_> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>(), "each complaint has one row, in order");
    let files = ["src", "crates", "tests"].into_iter().flat_map(|folder| rust_files(&root.join(folder)));
    let tests = files.flat_map(|path| tests_in(&fs::read_to_string(path).unwrap())).collect();
    let faults: Vec<_> = rows.iter().flat_map(|row| faults(row, &tests)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
    let open: Vec<_> = rows.iter().filter(|(_, cell)| cell == NOT_COVERED).map(|(number, _)| number).collect();
    eprintln!("{} of {} complaints are not covered yet: {open:?}", open.len(), rows.len());
}

#[test]
fn a_wrong_row_is_found() {
    let tests = tests_in("#[test]\nfn one() {}\n#[tokio::test(x)]\nasync fn two() {}\nfn no_test() {}\n");
    assert_eq!(tests, BTreeSet::from(["one".to_owned(), "two".to_owned()]));
    let table = "| # | a | b | c |\n|--:|---|---|---|\n| 1 | a | b | `one`, `two` |\n| 2 | a | b | `no_test` |\n\
                 | 3 | a | b | words |\n| 4 | a | b | not covered yet |\n| 5 | a | b | cannot occur: why |\n\
                 | 6 | a | b | cannot occur |\n| 7 | a | b |\n";
    let rows = rows(table);
    assert_eq!(rows.len(), 6, "a row without a cell is none");
    let wrong: Vec<_> = rows.iter().filter(|row| !faults(row, &tests).is_empty()).map(|(number, _)| *number).collect();
    assert_eq!(wrong, [2, 3, 6]);
}
