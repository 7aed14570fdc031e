//! Commands of the pages are taken by the programs that they name.
//!
//! kubectl and the programs of the project judge them themselves: reads are done, writes are done with `--dry-run=server`, and what
//! would wait or change something is asked for `--help`, which comes after all arguments were read. In an empty namespace,
//! "not found" is a good answer: it is about an object, and everything else was right.

use std::collections::BTreeSet;

use super::generated::root;
use super::page::{Page, none, pages};
use super::program::{PROGRAMS, run};
use super::shell::{Command, commands, mentions};
use super::yaml::control_plane;
use crate::support::ControlPlane;

/// Programs that are not judged here.
const OTHERS: &[&str] = &[
    "argocd", "awk", "base64", "buildah", "cd", "chmod", "cp", "cosign", "curl", "docker", "export", "flux", "git",
    "go", "grep", "head", "image", "install", "jq", "mkdir", "openssl", "promtool", "sed", "tar",
];

/// Writes that the API server can judge without doing them.
const DRY: &[&str] = &["annotate", "apply", "create", "delete", "label", "patch", "replace", "scale", "set"];
/// Reads, and what ends at once where there is nothing.
const READ: &[&str] =
    &["api-resources", "auth", "describe", "explain", "get", "kustomize", "rollout", "version", "wait"];
/// Resources of other projects, whose definitions are not installed.
const OTHER_RESOURCES: &[&str] = &[
    "application",
    "applications",
    "gitrepository",
    "helmrelease",
    "kustomization",
    "kustomizations",
    "podmonitor",
    "prometheusrule",
    "servicemonitor",
];
/// Verbs that have verbs of their own.
const GROUPS: &[&str] = &["auth", "config", "create", "rollout", "set", "top"];
/// Folders of the repository: a word that begins with one is a file of it.
const FOLDERS: &[&str] = &["charts", "crates", "crds", "deploy", "docs", "examples", "gitops", "src", "tests", "tools"];

fn all() -> Vec<(Page, Vec<Command>)> {
    let of = |page: &Page| page.blocks.iter().flat_map(commands).chain(mentions(page)).collect();
    pages().into_iter().map(|page| (page.clone(), of(&page))).collect()
}

fn program(command: &Command) -> &str {
    command.words[0].rsplit('/').next().unwrap()
}

/// The value of a flag, in either of the two forms.
fn value<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    let split =
        |word: &'a String| word.split_once('=').filter(|(name, _)| names.contains(name)).map(|(_, value)| value);
    let next = words.windows(2).find(|pair| names.contains(&pair[0].as_str())).map(|pair| pair[1].as_str());
    next.or_else(|| words.iter().find_map(split))
}

/// Files that a command names and that are not there. `shown` are the files that the page tells people to write.
fn lost_files(command: &Command, shown: &BTreeSet<String>) -> Vec<String> {
    // Where there is no such folder, there is nothing to compare with.
    let is_folder = |name: &str| FOLDERS.contains(&name) && root().join(name).is_dir();
    let is_ours = |word: &&str| word.contains('/') && is_folder(word.split('/').next().unwrap());
    let mut names: Vec<&str> = command.words.iter().map(|word| word.trim_start_matches("./")).filter(is_ours).collect();
    if program(command) == "kubectl" {
        let given = value(&command.words, &["-f", "--filename", "-k", "--kustomize"]);
        names.extend(given.filter(|file| *file != "-" && !file.contains("://")));
    }
    let is_lost = |name: &&str| !root().join(name).exists() && !shown.contains(*name);
    names.into_iter().filter(is_lost).map(|name| format!("{}: there is no {name}", command.place)).collect()
}

/// Names of files in the first lines of YAML blocks: `# binding.yaml`.
fn shown_files(page: &Page) -> BTreeSet<String> {
    let first = page.blocks.iter().filter_map(|block| block.text.lines().next()?.strip_prefix("# "));
    first.filter(|name| name.ends_with(".yaml") && !name.contains(' ')).map(str::to_owned).collect()
}

#[test]
fn every_file_that_a_command_names_is_there() {
    let mut faults = Vec::new();
    for (page, commands) in all() {
        let shown = shown_files(&page);
        faults.extend(commands.iter().flat_map(|command| lost_files(command, &shown)));
    }
    none(&faults);
}

#[test]
fn every_program_is_known() {
    let ours = PROGRAMS.map(|(name, _)| name);
    let is_known =
        |name: &str| ours.contains(&name) || OTHERS.contains(&name) || ["cargo", "helm", "kubectl"].contains(&name);
    let commands: Vec<_> = all().into_iter().flat_map(|(_, commands)| commands).collect();
    assert!(commands.len() > 40, "{} commands", commands.len());
    let is_script =
        |command: &&Command| command.words[0].starts_with("tools/") && root().join(&command.words[0]).is_file();
    let unknown = commands.iter().filter(|command| !is_known(program(command)) && !is_script(command));
    none(&unknown.map(|command| format!("{}: {}", command.place, program(command))).collect::<Vec<_>>());
}

/// What a program of the project has against its arguments.
fn complaint(program: &str, arguments: &[String], is_whole: bool) -> Option<String> {
    let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    // Without a cluster the plugin does nothing, and complains about its arguments first. The others would run.
    let is_run = program == "kubectl direct-access" && is_whole;
    if !is_run {
        arguments.push("--help");
    }
    let output = run(program, &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let is_bad = if is_run { said.starts_with("error:") } else { !output.status.success() };
    is_bad.then_some(said)
}

#[test]
fn the_projects_programs_take_their_arguments() {
    let (mut faults, mut count) = (Vec::new(), 0);
    for command in all().iter().flat_map(|(_, commands)| commands) {
        let words = &command.words;
        let (name, arguments) = match (program(command), words.get(1).map(String::as_str)) {
            ("kubectl", Some("direct-access")) => ("kubectl direct-access", &words[2..]),
            (name @ ("direct-access-controller" | "clb-simulator" | "clb-conformance"), _) => (name, &words[1..]),
            _ => continue,
        };
        count += 1;
        faults.extend(
            complaint(name, arguments, command.is_whole).map(|said| format!("{}: {words:?}: {said}", command.place)),
        );
    }
    none(&faults);
    assert!(count > 10, "{count} commands");
}

#[test]
fn wrong_arguments_are_found() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (program, text, is_right) in [
        ("kubectl direct-access", "explain pod/x -n shop", true),
        ("kubectl direct-access", "explain", false),
        ("kubectl direct-access", "explain pod/x --why", false),
        ("kubectl direct-access", "tell", false),
        ("direct-access-controller", "run --cluster-network=GlobalRouter", true),
        ("direct-access-controller", "run --cluster-network=Overlay", false),
        ("clb-simulator", "--rate-limit=0", true),
        ("clb-simulator", "--rates", false),
    ] {
        assert_eq!(complaint(program, &words(text), true).is_none(), is_right, "{program} {text}");
    }
}

/// The verb of a kubectl command: the first word that is no flag and no flag's value.
fn verb(words: &[String]) -> Option<usize> {
    let takes_value = |word: &String| ["-n", "--namespace", "--context", "--kubeconfig"].contains(&word.as_str());
    let is_verb = |at: &usize| !(words[*at].starts_with('-') || *at > 1 && takes_value(&words[*at - 1]));
    (1..words.len()).find(is_verb)
}

/// How a kubectl command is judged: its arguments.
fn judged(words: &[String], is_whole: bool, namespace: &str) -> Vec<String> {
    let mut arguments: Vec<String> = words[1..].to_vec();
    let Some(verb) = verb(words).map(|at| words[at].as_str()) else { return arguments };
    let waits = words.iter().any(|word| ["-w", "--watch", "--watch=true"].contains(&word.as_str()));
    let is_given = value(words, &["-f", "--filename"]).is_some_and(|file| file == "-" || !root().join(file).exists());
    let is_local = ["kustomize", "version", "api-resources"].contains(&verb);
    let extra = if waits || is_given || !is_whole {
        "--help"
    } else if DRY.contains(&verb) {
        "--dry-run=server"
    } else if verb == "wait" {
        "--timeout=1s"
    } else if READ.contains(&verb) {
        ""
    } else {
        "--help"
    };
    let end = arguments.iter().position(|word| word == "--").unwrap_or(arguments.len());
    if !extra.is_empty() {
        arguments.insert(end, extra.to_owned());
    }
    // Objects of files say their namespace.
    let is_everywhere = words.iter().any(|word| ["-A", "--all-namespaces"].contains(&word.as_str()));
    let has_namespace = is_everywhere || value(words, &["-n", "--namespace", "-f", "--filename"]).is_some();
    if !has_namespace && !is_local {
        arguments.splice(0..0, ["--namespace".to_owned(), namespace.to_owned()]);
    }
    arguments
}

/// What kubectl has against a command.
async fn objection(control_plane: &ControlPlane, words: &[String], is_whole: bool, namespace: &str) -> Option<String> {
    let plain: Vec<String> = words.iter().map(|word| word.replace(['…', '$'], "x")).collect();
    if let Some(at) = verb(&plain).filter(|at| GROUPS.contains(&plain[*at].as_str())) {
        let group = control_plane.kubectl(&[&plain[at], "--help"]).await.ok().unwrap();
        let sub = plain.get(at + 1).cloned()?;
        if !group.lines().any(|line| line.split_whitespace().next() == Some(&sub))
            && value(&plain, &["-f", "--filename"]).is_none()
        {
            return Some(format!("kubectl {} has no '{sub}'", plain[at]));
        }
    }
    let arguments = judged(&plain, is_whole, namespace);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let error = control_plane.kubectl(&arguments).await.ok().err()?.to_string();
    if let Some((_, resource)) = error.split_once("doesn't have a resource type \"") {
        let is_known = OTHER_RESOURCES.iter().any(|known| resource.starts_with(&format!("{known}\"")));
        return (!is_known).then_some(error);
    }
    // "no" is an answer of `auth can-i`.
    let is_fine = ["not found", "NotFound", "no matching resources found", "AlreadyExists", "already exists"];
    (!is_fine.iter().any(|text| error.contains(text)) && error.trim() != "no").then_some(error)
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_takes_its_commands() {
    let (control_plane, namespace) = control_plane().await;
    let mut seen: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut faults = Vec::new();
    for command in all().iter().flat_map(|(_, commands)| commands) {
        let words = &command.words;
        let is_plugin = words.get(1).is_some_and(|word| word == "direct-access");
        if program(command) != "kubectl" || is_plugin || !seen.insert(words.clone()) {
            continue;
        }
        let said = objection(control_plane, words, command.is_whole, &namespace.name).await;
        faults.extend(said.map(|said| format!("{}: {}: {said}", command.place, words.join(" "))));
    }
    none(&faults);
    assert!(seen.len() > 30, "{} commands", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_commands_of_kubectl_are_found() {
    let (control_plane, namespace) = control_plane().await;
    for (text, is_right) in [
        ("kubectl get dab web", true),
        ("kubectl get dabs", false),
        ("kubectl get dab --all", false),
        ("kubectl gets dab", false),
        ("kubectl rollout restart deployment/web", true),
        ("kubectl rollout again deployment/web", false),
        ("kubectl delete dab --all -A", true),
        ("kubectl wait --for=condition=Ready dab/web --timeout=60s", true),
        ("kubectl wait --for=condition=Ready dab/web --timeout=60", false),
        ("kubectl exec -it web -- sh", true),
        ("kubectl exec --bogus web -- sh", false),
        ("kubectl explain dab.spec.drain", true),
        ("kubectl explain dab.spec.drains", false),
    ] {
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        let said = objection(control_plane, &words, true, &namespace.name).await;
        assert_eq!(said.is_none(), is_right, "{text}: {said:?}");
    }
}

/// What is wrong with a command of cargo.
fn cargo_fault(words: &[String]) -> Option<String> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (own, given) = (&words[..end], words.get(end + 1..).unwrap_or_default());
    let package =
        value(own, &["-p", "--package"]).map(|name| name.replace("tke-direct-access", "crates").replace('-', "/"));
    let of_package = root().join(package.unwrap_or_default());
    let is_there = |folder: &str, name: &str| {
        let folder = of_package.join(folder);
        folder.join(format!("{name}.rs")).is_file() || folder.join(name).join("main.rs").is_file()
    };
    for (flag, folder) in [("--example", "examples"), ("--test", "tests"), ("--bench", "benches")] {
        for name in own.windows(2).filter(|pair| pair[0] == flag).map(|pair| &pair[1]) {
            if !is_there(folder, name) {
                return Some(format!("no {name} in {folder}/"));
            }
        }
    }
    if let Some(name) = value(own, &["--bin"]) {
        let Some((name, _)) =
            PROGRAMS.iter().find(|(known, _)| known.replace("kubectl direct-access", "kubectl-direct_access") == name)
        else {
            return Some(format!("no program {name}"));
        };
        if !given.is_empty() {
            return complaint(name, given, true);
        }
    }
    if let Some(name) = value(own, &["--example"]) {
        let single = root().join("examples").join(format!("{name}.rs"));
        let path = if single.is_file() { single } else { root().join("examples").join(name).join("main.rs") };
        let source = std::fs::read_to_string(path).unwrap();
        let is_unknown = |word: &&String| {
            let flag = word.split('=').next().unwrap();
            flag.starts_with("--") && !source.contains(flag) && !source.contains(&flag[2..].replace('-', "_"))
        };
        return given.iter().find(is_unknown).map(|flag| format!("the example has no {flag}"));
    }
    let known = ["bench", "build", "clippy", "doc", "fmt", "install", "run", "test"];
    (!known.contains(&words[1].as_str())).then(|| format!("cargo {}", words[1]))
}

/// What is wrong with a command of helm: the chart, and the values that it sets.
fn helm_fault(words: &[String]) -> Option<String> {
    let chart = root().join("charts/tke-direct-access");
    let is_local = words.iter().any(|word| word.contains("charts/"));
    if !is_local || !["install", "upgrade", "template"].contains(&words[1].as_str()) {
        return None;
    }
    // Without the chart there is nothing to compare with.
    let Ok(text) = std::fs::read_to_string(chart.join("values.yaml")) else { return None };
    let values: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let set = words.windows(2).filter(|pair| pair[0].starts_with("--set")).flat_map(|pair| pair[1].split(','));
    let keys = set.map(|one| one.split('=').next().unwrap().replace('.', "/").replace("[0]", ""));
    let is_unknown = |key: &String| values.pointer(&format!("/{key}")).is_none();
    keys.into_iter().find(is_unknown).map(|key| format!("the chart has no value {key}"))
}

#[test]
fn cargo_and_helm_name_what_exists() {
    let mut faults = Vec::new();
    for command in all().iter().flat_map(|(_, commands)| commands) {
        let fault = match program(command) {
            "cargo" => cargo_fault(&command.words),
            "helm" => helm_fault(&command.words),
            _ => None,
        };
        faults.extend(fault.map(|what| format!("{}: {what}", command.place)));
    }
    none(&faults);
}

#[test]
fn what_cargo_does_not_have_is_found() {
    for (text, is_right) in [
        ("cargo run --example playground -- --tour", true),
        ("cargo run --example playground -- --elsewhere", false),
        ("cargo run --release --example rollout -- --pods 100", true),
        ("cargo run --release --example rollout -- --scenario C --phases 1", true),
        ("cargo run --example play", false),
        ("cargo bench --bench plan --bench clb", true),
        ("cargo bench --bench plan --bench none", false),
        ("cargo test --test docs", true),
        ("cargo test -p tke-direct-access-worlds --test dialects", true),
        ("cargo test -p tke-direct-access-worlds --test docs", false),
        ("cargo run --bin clb-simulator -- --time-scale 0.1", true),
        ("cargo run --bin clb-simulator -- --time 0.1", false),
    ] {
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        assert_eq!(cargo_fault(&words).is_none(), is_right, "{text}: {:?}", cargo_fault(&words));
    }
}
