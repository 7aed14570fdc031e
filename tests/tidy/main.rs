//! House rules that the compiler does not know: who may use whom, sizes, and words that have no place in product code.
//!
//! Each check is a function over text with its own tests, so that it is known to fail when a rule is broken.
#![allow(clippy::unwrap_used, reason = "the whole file is a test")]

mod checks;
mod imports;
mod rights;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder, without what is built, downloaded or hidden; `.ci` is not hidden.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "target" || (name.starts_with('.') && name != ".ci") {
            continue;
        }
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

fn sources(folder: &str) -> Vec<Source> {
    let rust = files(&root().join(folder)).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(|path| Source::new(relative(&path), fs::read_to_string(&path).unwrap())).collect()
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// The sources of the package and of its crates.
fn all() -> Vec<Source> {
    ["src", "crates/core", "crates/worlds/src"].into_iter().flat_map(sources).collect()
}

/// The sources of what the product links.
fn product() -> Vec<Source> {
    ["src", "crates/core"].into_iter().flat_map(sources).collect()
}

fn each(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    all().iter().flat_map(check).collect()
}

fn each_of_product(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    product().iter().flat_map(check).collect()
}

#[test]
fn modules_use_only_what_they_may() {
    none(&each_of_product(imports::forbidden_uses));
}

#[test]
fn pure_modules_are_pure() {
    none(&each_of_product(imports::impurities));
}

#[test]
fn files_are_short() {
    let (warnings, faults) = checks::file_sizes(&all());
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
    none(&faults);
}

#[test]
fn functions_are_short() {
    none(&checks::function_sizes(&all()));
}

#[test]
fn commands_that_set_a_label_or_annotation_overwrite_it() {
    let guides = ["README.md", "docs", "charts", "deploy"].into_iter().flat_map(|name| {
        let path = root().join(name);
        if path.is_dir() { files(&path) } else { vec![path] }
    });
    let guides = guides.filter_map(|path| Some((relative(&path), fs::read_to_string(&path).ok()?)));
    let sources = product().into_iter().map(|source| (source.path, source.text));
    none(&sources.chain(guides).flat_map(|(path, text)| checks::timid_commands(&path, &text)).collect::<Vec<_>>());
}

#[test]
fn errors_are_said_in_words() {
    none(&each(checks::raw_errors));
}

#[test]
fn product_code_has_no_banned_words() {
    none(&each(checks::banned));
}

#[test]
fn tests_are_compiled_for_tests_only() {
    none(&each(checks::tests_in_product));
}

#[test]
fn nobody_sleeps_in_a_round() {
    none(&each(checks::sleeps));
}

#[test]
fn nobody_writes_without_leadership() {
    none(&each_of_product(rights::writers_without_leadership));
}

#[test]
fn the_library_has_no_global_state() {
    none(&each(checks::global_state));
}

#[test]
fn names_say_something() {
    none(&each(checks::names));
}

#[test]
fn every_file_is_compiled() {
    let all: Vec<Source> = ["src", "crates/core", "crates/worlds/src", "tests", "examples", "benches"]
        .into_iter()
        .filter(|folder| root().join(folder).is_dir())
        .flat_map(sources)
        .collect();
    assert!(all.iter().any(|source| source.path == "src/lib.rs"), "the walk finds the library");
    none(&checks::unreachable_files(&all));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let own = root().join("tests/tidy");
    let texts = files(root()).into_iter().filter(|path| !path.starts_with(&own));
    let faults = texts.filter_map(|path| Some((relative(&path), fs::read_to_string(&path).ok()?)));
    none(&faults.flat_map(|(path, text)| checks::machine_paths(&path, &text)).collect::<Vec<_>>());
}
