//! `docs/flags.md`: flags and environment variables of the four programs, from what they say themselves.

use std::fmt::Write;

use super::generated::generated;
use super::program::{Flag, flags, help, subcommands};

const FILE: &str = "docs/flags.md";

const OPENING: &str = "\
# Flags and environment variables

A flag wins over its environment variable. Written from the programs' own `--help` by `UPDATE=1 cargo test --test docs`.
";

const CONTROLLER: &str = "
Credentials come from the first source that is set up: `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY` and, for temporary ones,
`TENCENTCLOUD_TOKEN`; files of these names; the role of the Pod; the role of the node. [security.md](security.md#credentials) says how each is
set up and renewed. The cluster comes from `KUBECONFIG` or, in a Pod, from the service account.
`RUST_LOG` sets what is logged, such as `debug`.
";

const PLUGIN: &str = "
Installed by putting `kubectl-direct_access` into a folder of `PATH`; kubectl finds it there. The first argument after `kubectl` has to be
`direct-access`; flags come after it.

Exit codes of all commands:

| code | meaning |
|--:|---|
| 0 | All is well, what was asked for is done, or `plan` has nothing to do. |
| 1 | The command failed, or its arguments are wrong. |
| 2 | `plan` would change something, `explain` found a broken link, or `doctor` found something wrong. |
| 3 | `plan` found what can never work as it is written: a field that nobody knows, what the API server refuses, a port that another has, or what does not exist. |

Arguments are completed in every shell in which kubectl is: save what `kubectl direct-access completion` prints as
`kubectl_complete-direct_access` in a folder of `PATH`, and make it executable.
";

const CONFORMANCE: &str = "
Asks a cloud whether it is as the controller and the simulator believe: [assumptions.md](assumptions.md) says what that is about. Credentials
come from the environment, as those of the controller do. It shows what it would do before it begins, and takes away what it has made.

Exit codes:

| code | meaning |
|--:|---|
| 0 | Nothing differs from what is believed, and all was asked that could be asked with these flags. |
| 1 | Something differs. |
| 2 | It could not be run, or not as a whole, or something may be left, or its arguments are wrong. |
| 3 | Nothing differs, and something could not be asked though the flags had what it needs: the table says why. |
";

fn rows(all: &[Flag], text: &mut String) {
    if all.is_empty() {
        return;
    }
    text.push_str("\n| flag | environment | default | what it does |\n|---|---|---|---|\n");
    let code = |text: &str| if text.is_empty() { "–".to_owned() } else { format!("`{text}`") };
    for flag in all {
        let mut about = flag.about.replace('|', "\\|");
        if !about.ends_with('.') {
            about.push('.');
        }
        for (value, meaning) in &flag.values {
            let meaning = if meaning.is_empty() { String::new() } else { format!(": {meaning}") };
            write!(about, "<br>`{value}`{meaning}").unwrap();
        }
        let (usage, default) = (&flag.usage, code(&flag.default));
        writeln!(text, "| `{usage}` | {} | {default} | {about} |", code(&flag.environment)).unwrap();
    }
}

fn document() -> String {
    let mut text = OPENING.to_owned();
    text.push_str("\n## direct-access-controller run\n");
    text.push_str(CONTROLLER);
    rows(&flags(&help("direct-access-controller", &["run"])), &mut text);
    let others = subcommands(&help("direct-access-controller", &[]));
    for (name, about) in others.iter().filter(|(name, _)| name != "run") {
        writeln!(text, "\n`direct-access-controller {name}`: {about}").unwrap();
    }
    text.push_str("\n## kubectl direct-access\n");
    text.push_str(PLUGIN);
    let whole = help("kubectl direct-access", &[]);
    let global = flags(&whole);
    text.push_str("\nFlags of all commands:\n");
    rows(&global, &mut text);
    for (name, about) in subcommands(&whole) {
        let own = help("kubectl direct-access", &[&name]);
        let usage = own.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap();
        writeln!(text, "\n### kubectl direct-access {name}\n\n{}.\n\n`{usage}`", about.trim_end_matches('.')).unwrap();
        let own: Vec<_> =
            flags(&own).into_iter().filter(|flag| !global.iter().any(|all| all.usage == flag.usage)).collect();
        rows(&own, &mut text);
    }
    text.push_str("\n## clb-simulator\n\nThe simulated cloud by itself. The first line that it prints is the address of its API.\n");
    rows(&flags(&help("clb-simulator", &[])), &mut text);
    text.push_str("\n## clb-conformance\n");
    text.push_str(CONFORMANCE);
    rows(&flags(&help("clb-conformance", &[])), &mut text);
    text
}

#[test]
fn the_documentation_of_flags_is_what_the_programs_say() {
    generated(FILE, &document());
}

#[test]
fn every_flag_is_described() {
    for flag in flags(&help("direct-access-controller", &["run"])) {
        assert!(!flag.about.is_empty(), "{flag:?}");
    }
    for flag in flags(&help("clb-conformance", &[])) {
        assert!(!flag.about.is_empty(), "{flag:?}");
    }
    let found = flags(&help("clb-simulator", &[]));
    let rate = found.iter().find(|flag| flag.usage.starts_with("--rate-limit")).unwrap();
    assert_eq!((rate.default.as_str(), rate.about.as_str()), ("20", "Calls per second and action; 0 for no limit"));
}
