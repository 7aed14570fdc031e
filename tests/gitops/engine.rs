//! Argo CD's own code, and kstatus and Flux' checks beside it, as a program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::GoProgram;

/// What the tools say of one object.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verdict {
    /// Argo CD's word.
    pub(super) health: String,
    pub(super) health_message: String,
    pub(super) kstatus: String,
    /// Flux' word with the expressions of `flux/paused.yaml`; empty for kinds that it has none for.
    pub(super) custom: String,
    /// Empty when Flux' rules are kept.
    pub(super) flux_failures: String,
    pub(super) flux_warnings: String,
}

/// What Argo CD shows of one object in Git and in the cluster.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Difference {
    pub(super) modified: bool,
    pub(super) live: Value,
    pub(super) predicted: Value,
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of everything for Argo CD.
pub(super) fn argo_cd() -> PathBuf {
    root().join("gitops/argo-cd")
}

pub(super) fn argocd_cm() -> String {
    argo_cd().join("argocd-cm.yaml").display().to_string()
}

/// Runs the engine to its end.
pub(super) fn run(arguments: &[&str], input: &str) -> Result<String, String> {
    let engine = GoProgram {
        folder: "gitops/argo-cd/engine",
        package: ".",
        name: "engine",
        flags: &["-trimpath"],
        what: "Argo CD's health checks and diffs for the tests (about 4 minutes)",
    };
    let mut child = Command::new(engine.built().expect("the engine is built"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the engine starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // Beside the reading: it answers each line before it reads the next.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("the engine ends");
    let _ = writer.join();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(stdout.into_owned()) } else { Err(format!("{stdout}{stderr}")) }
}

/// One answer for each line.
fn answers<T: DeserializeOwned>(command: &[&str], lines: &[Value]) -> Vec<T> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let output = run(command, &input).expect("the engine answers");
    let answers: Vec<T> = output.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), lines.len());
    answers
}

/// What the tools say of each object, with the health checks of `argocd-cm.yaml`.
pub(super) fn judge(objects: &[Value]) -> Vec<Verdict> {
    let kustomization = root().join("gitops/flux/paused.yaml").display().to_string();
    answers(&["judge", &argocd_cm(), &kustomization], objects)
}

/// What Argo CD finds between `desired` and `live`, on the client's side, or against the server's `predicted`.
pub(super) fn differences(questions: &[Value]) -> Vec<Difference> {
    answers(&["diff", &argocd_cm()], questions)
}
