//! The page of what is not proven is the table of beliefs: `UPDATE=1 cargo test --test docs` writes it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use tke_direct_access::conformance;
use tke_direct_access::sim::{Certainty, beliefs};

use super::generated::{generated, root};

fn document() -> String {
    let mut text = String::from(
        "# Assumptions about the cloud\n\nThe product has run against a simulated cloud only. This is what it and the simulator believe of the real one and what is not\n\
         proven, with what speaks for it, and what happens where it is false. Written from the code by `UPDATE=1 cargo test --test docs`.\n\n\
         Somebody with an account settles most of it in one run: `clb-conformance --help` says how, and the [README](../README.md#conformance) what it does.\n\n\
         A switch makes the simulator a cloud for which the belief is false: `clb-simulator --dialect tags-hidden`. Switches with a dot or an\n\
         underscore in their names are settings of the simulator, which tests set.\n\n",
    );
    for certainty in Certainty::ALL {
        writeln!(text, "- {}: {}", certainty.word(), certainty.meaning()).unwrap();
    }
    text.push_str(
        "\n| | belief | source | how sure | switch | where it is false | test |\n|--:|---|---|---|---|---|---|\n",
    );
    for (row, one) in beliefs().iter().enumerate() {
        let switch = one.switch.map_or_else(|| "–".to_owned(), |switch| format!("`{}`", switch.name()));
        writeln!(
            text,
            "| {} | {} | [{}]({}) | {} | {switch} | {} | `{}` |",
            row + 1,
            one.belief,
            one.source,
            one.address,
            one.certainty.word(),
            one.when_false,
            one.test
        )
        .unwrap();
    }
    asked(&mut text);
    text
}

/// What the conformance kit asks, by the names that its table has.
fn asked(text: &mut String) {
    text.push_str(
        "\n## What clb-conformance asks\n\nEach row of its table, by name: what is believed, and the number of the row above that it settles. Without one, it is a fact \
         of the vendor's documentation or of other clients that the simulator follows.\n\n| name | about | believed | settles |\n|---|---|---|--:|\n",
    );
    for one in conformance::beliefs() {
        let row = beliefs().iter().position(|row| Some(row.name) == one.assumption);
        let settles = row.map_or_else(|| "–".to_owned(), |row| (row + 1).to_string());
        writeln!(text, "| `{}` | {} | {} | {settles} |", one.name, one.family.words(), one.belief).unwrap();
    }
    text.push_str("\nIt cannot ask these:\n\n");
    for (name, why) in conformance::NOT_ASKED {
        let row = beliefs().iter().position(|row| row.name == *name).unwrap() + 1;
        writeln!(text, "- row {row}: {why}").unwrap();
    }
}

#[test]
fn the_page_of_assumptions_is_the_table() {
    generated("docs/assumptions.md", &document());
}

/// The names of all functions below a folder that has sources.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let names = source.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
}

#[test]
fn every_belief_has_a_test_that_exists_and_an_address() {
    let mut known = BTreeSet::new();
    for folder in ["src", "tests", "crates"] {
        functions(&root().join(folder), &mut known);
    }
    let missing: Vec<_> = beliefs().iter().filter(|one| !known.contains(one.test)).map(|one| one.test).collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(beliefs().iter().all(|one| one.address.starts_with("https://") && !one.source.is_empty()));
}
