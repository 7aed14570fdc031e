//! Who may use whom, as the design says.

use super::source::{Source, words};

/// Each module of the library, and what it may use besides itself. `clb::wire` permits that part only.
const MAY_USE: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("model", &[]),
    ("mutant", &[]),
    ("plan", &["api", "model", "mutant"]),
    ("status", &["api", "model", "mutant", "plan"]),
    ("reconcile", &["api", "model", "mutant", "plan", "status"]),
    ("election", &["api", "mutant"]),
    ("clb", &["model"]),
    ("sim", &["clb::wire", "model"]),
    ("k8s", &["api", "model", "plan"]),
    ("operator", &["api", "model", "plan", "reconcile", "status", "election", "clb", "k8s", "telemetry"]),
    ("webhook", &["api", "model", "plan", "status", "k8s", "telemetry"]),
    ("telemetry", &["api", "model"]),
    ("stdout", &[]),
    ("conformance", &["clb", "model", "stdout"]),
    ("cli", &["api", "model", "plan", "status", "clb", "k8s"]),
];

/// Modules without clock, client, runtime and randomness.
const PURE: &[&str] = &["api", "model", "plan", "reconcile", "status", "election"];

/// What makes a module impure.
const IMPURE: &[&str] = &[
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "tokio",
    "reqwest",
    "axum",
    "governor",
    "rand",
    "new_v4",
    "kube::Client",
    "kube::client",
    "kube::Api",
    "kube::api",
    "kube::runtime",
    "std::fs",
    "std::env",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
];

/// Uses of modules that the table does not permit.
pub(crate) fn forbidden_uses(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(own) = module.first().filter(|own| **own != "bin") else { return Vec::new() };
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == own) else {
        return vec![format!("{}: module {own} is not in the table of tests/tidy/imports.rs", source.path)];
    };
    used_paths(&source.product, module.len())
        .into_iter()
        .filter(|used| used != own && !used.starts_with(&format!("{own}::")))
        .filter(|used| {
            !allowed.iter().any(|permitted| used == permitted || used.starts_with(&format!("{permitted}::")))
        })
        .map(|used| format!("{}: {own} must not use {used}", source.path))
        .collect()
}

/// The paths from the root of the crate that the code names, each with up to two parts.
fn used_paths(code: &str, depth: usize) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, word) in words(code) {
        let after = &code[at + word.len()..];
        if word == "crate" {
            paths.extend(branches(after));
        } else if word == "super" && !code[..at].ends_with("super::") {
            let (supers, rest) = climb(after);
            if supers >= depth {
                paths.extend(branches(rest));
            }
        }
    }
    paths
}

/// For what follows a `super`: how many there are in a row, and what follows the last.
fn climb(after: &str) -> (usize, &str) {
    let (mut supers, mut rest) = (1, after);
    while let Some(further) = rest.strip_prefix("::super") {
        (supers, rest) = (supers + 1, further);
    }
    (supers, rest)
}

/// For `::a::b`: `a::b`. For `::{a, b::{c, d}}`: `a`, `b::c`, `b::d`.
fn branches(after: &str) -> Vec<String> {
    let Some(rest) = after.trim_start().strip_prefix("::") else { return Vec::new() };
    parts(rest.trim_start())
        .into_iter()
        .flat_map(|(name, rest)| {
            let below = rest.trim_start().strip_prefix("::").map(|rest| parts(rest.trim_start())).unwrap_or_default();
            match below.is_empty() {
                true => vec![name.to_owned()],
                false => below.into_iter().map(|(part, _)| format!("{name}::{part}")).collect(),
            }
        })
        .collect()
}

/// The names that a use tree begins with, each with what follows it.
fn parts(tree: &str) -> Vec<(&str, &str)> {
    let leading = |text: &'_ str| words(text).next().filter(|(at, _)| *at == 0).map(|(_, word)| word.len());
    let Some(inside) = tree.strip_prefix('{') else {
        return leading(tree).map(|end| tree.split_at(end)).into_iter().collect();
    };
    let (mut depth, mut fresh, mut found) = (0usize, true, Vec::new());
    for (at, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !c.is_whitespace() => {
                fresh = false;
                found.extend(leading(&inside[at..]).map(|end| inside[at..].split_at(end)));
            }
            _ => {}
        }
    }
    found
}

/// Clocks, clients and randomness in modules that must not have them.
pub(crate) fn impurities(source: &Source) -> Vec<String> {
    if !source.module().first().is_some_and(|module| PURE.contains(module)) {
        return Vec::new();
    }
    let code = &source.product;
    let grouped: Vec<String> = words(code)
        .filter(|(_, word)| matches!(*word, "kube" | "std"))
        .flat_map(|(at, word)| {
            branches(&code[at + word.len()..]).into_iter().map(move |path| format!("{word}::{path}"))
        })
        .collect();
    IMPURE
        .iter()
        .filter(|name| has_path(code, name) || grouped.iter().any(|path| has_path(path, name)))
        .map(|name| format!("{}: a pure module uses {name}", source.path))
        .collect()
}

/// Whether the code has these words one after the other, as whole words.
pub(crate) fn has_path(code: &str, path: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path).any(|(at, _)| !code[..at].ends_with(word) && !code[at + path.len()..].starts_with(word))
}

#[test]
fn forbidden_uses_are_found_however_they_are_written() {
    let faults = |path: &str, code: &str| forbidden_uses(&Source::new(path, code)).len();
    for bad in [
        "use crate::operator::Loop;",
        "use crate::{\n    model::Pod,\n    clb,\n};",
        "fn a() { crate::operator::run(); }",
        "use super::super::clb;",
        "use super::super::{clb::{Client, wire}, model};",
        "use crate::secrets;",
    ] {
        assert!(faults("src/plan/step.rs", bad) > 0, "{bad}");
        assert!(faults("src/model/target.rs", bad) > 0, "{bad}");
    }
    assert_eq!(faults("src/plan/mod.rs", "use super::clb::Client; use super::model::Pod;"), 1);
    assert_eq!(faults("src/sim/state.rs", "use crate::clb::{Client, wire};"), 1);
    assert_eq!(faults("src/toolbox.rs", ""), 1, "a module that is not in the table");
}

#[test]
fn permitted_uses_are_not_reported() {
    for (path, good) in [
        ("src/sim/state.rs", "use crate::clb::wire::Reply; use crate::clb::{wire, wire::Call}; use crate::model;"),
        ("src/plan/step.rs", "use super::Step; use crate::{api, model::{Pod, Service}}; // crate::clb\n"),
        ("src/plan/step.rs", "#[cfg(test)]\nmod tests { use crate::sim; }"),
        (
            "src/api/binding/listener.rs",
            "use super::super::names; use crate::api::fragment; let text = \"crate::clb\";",
        ),
        ("src/bin/clb_simulator.rs", "use tke_direct_access::sim;"),
    ] {
        assert_eq!(forbidden_uses(&Source::new(path, good)), Vec::<String>::new(), "{path}: {good}");
    }
}

#[test]
fn impurities_are_found_in_pure_modules_only() {
    let count = |path: &str, code: &str| impurities(&Source::new(path, code)).len();
    assert_eq!(count("src/plan/a.rs", "let now = Timestamp::now();"), 1);
    assert_eq!(count("src/status/a.rs", "use std::time::Instant; use kube::{Client, ResourceExt};"), 2);
    assert_eq!(count("src/plan/a.rs", "let operand = Instantly; use kube::CustomResource; // tokio"), 0);
    assert_eq!(count("src/clb/a.rs", "let now = Timestamp::now();"), 0);
}
