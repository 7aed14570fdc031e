//! The programs of the project, asked for their command lines.

use std::process::{Command, Output};

/// The programs, by the names that people type.
pub(super) const PROGRAMS: [(&str, &str); 4] = [
    ("direct-access-controller", env!("CARGO_BIN_EXE_direct-access-controller")),
    ("clb-simulator", env!("CARGO_BIN_EXE_clb-simulator")),
    ("clb-conformance", env!("CARGO_BIN_EXE_clb-conformance")),
    ("kubectl direct-access", env!("CARGO_BIN_EXE_kubectl-direct_access")),
];

/// Runs a program with no cluster, no credentials, and lines as long as they come.
pub(super) fn run(program: &str, arguments: &[&str]) -> Output {
    let path = PROGRAMS.iter().find(|(name, _)| *name == program).expect("a program of the project").1;
    let mut command = Command::new(path);
    command.env_clear().env("COLUMNS", "10000").env("KUBECONFIG", "no-such-file").args(arguments);
    command.output().unwrap()
}

/// What `--help` prints.
pub(super) fn help(program: &str, subcommand: &[&str]) -> String {
    let output = run(program, &[subcommand, &["--help"]].concat());
    assert!(output.status.success(), "{program} {subcommand:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// One flag or argument, as `--help` shows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flag {
    /// As it is written, such as `--region <REGION>`.
    pub(super) usage: String,
    pub(super) environment: String,
    pub(super) default: String,
    pub(super) about: String,
    /// Each with its meaning, which may be empty.
    pub(super) values: Vec<(String, String)>,
}

/// The subcommands of a help text, with their words.
pub(super) fn subcommands(help: &str) -> Vec<(String, String)> {
    let part = help.split("\nCommands:\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    let lines = part.lines().filter_map(|line| line.trim().split_once("  "));
    let all = lines.map(|(name, about)| (name.to_owned(), about.trim().to_owned()));
    all.filter(|(name, _)| name != "help").collect()
}

/// The arguments and flags of a help text.
pub(super) fn flags(help: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    let mut is_inside = false;
    for line in help.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim();
        match (indent, text) {
            (0, "Arguments:" | "Options:") => is_inside = true,
            (0, text) if !text.is_empty() => is_inside = false,
            _ if !is_inside || text.is_empty() => {}
            (2 | 6, usage) if usage.starts_with(['-', '<', '[']) && !usage.starts_with("[env") => {
                let (usage, about) = usage.split_once("  ").unwrap_or((usage, ""));
                let flag = Flag { usage: usage.to_owned(), ..Flag::default() };
                flags.push(flag);
                note(flags.last_mut().unwrap(), about.trim());
            }
            (_, text) => note(flags.last_mut().unwrap(), text),
        }
    }
    flags.retain(|flag| !flag.usage.contains("--help") && !flag.usage.contains("--version"));
    flags
}

/// A line below a flag, or beside it.
fn note(flag: &mut Flag, text: &str) {
    let mut rest = text;
    if let Some(value) = text.strip_prefix("- ") {
        let (value, meaning) = value.split_once(':').unwrap_or((value, ""));
        flag.values.push((value.to_owned(), meaning.trim().to_owned()));
        return;
    }
    if text == "Possible values:" {
        return;
    }
    while let Some((before, found)) = rest.split_once('[') {
        let Some((found, after)) = found.split_once(']') else { break };
        let Some((key, value)) = found.split_once(": ").or_else(|| found.split_once(':')) else { break };
        match key {
            "env" => flag.environment = value.trim_end_matches('=').to_owned(),
            "default" => flag.default = value.to_owned(),
            "possible values" => flag.values.extend(value.split(", ").map(|one| (one.to_owned(), String::new()))),
            _ => break,
        }
        flag.about.push_str(before.trim());
        rest = after;
    }
    if flag.about.is_empty() {
        flag.about = rest.trim().to_owned();
    } else if !rest.trim().is_empty() {
        flag.about = format!("{} {}", flag.about, rest.trim());
    }
}
