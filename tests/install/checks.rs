//! Everything that people apply, judged by tools of others: schemas of old Kubernetes versions, a real API server of the newest,
//! and rules of experience.

use std::path::{Path, PathBuf};

use super::chart::{NAMESPACE, rendered};
use super::manifests::{examples, install_file, root};
use super::tools::{HELM, KUBE_SCORE, KUBECTL_VALIDATE, Tool, both};
use super::values::SETS;
use crate::support::ControlPlane;

/// The oldest that the chart allows, and what else the tool has; newer than that is the API server of the tests.
const VERSIONS: [&str; 4] = ["1.27", "1.28", "1.29", "1.30"];

/// The first with the Pods of the examples: they sleep before they stop, without a program for it in their image.
const SLEEP: &str = "1.30";

/// What kube-score finds and is left so, and why.
const EXCUSED: &[(&str, &str)] = &[
    ("container-cpu-requests-equal-limits", "there is no limit of CPU: a throttled controller makes gates wait"),
    (
        "container-memory-requests-equal-limits",
        "what is needed grows with the number of Pods, and most clusters are small",
    ),
    ("container-resource-requests-equal-limits", "as the two before"),
    ("container-ephemeral-storage-request-equals-limit", "only logs are stored, and their amount depends on the level"),
    ("container-image-pull-policy", "tags are versions that never change, and a restart must not need the registry"),
    (
        "deployment-has-host-podantiaffinity",
        "topologySpreadConstraints say the same, and the scheduler weighs them better",
    ),
];
/// As [`EXCUSED`], where no NetworkPolicy was asked for.
const OPEN: (&str, &str) =
    ("pod-networkpolicy", "off by default: nobody but the user knows the addresses of the API server");

/// A folder with one file for each way to get the manifests.
fn manifests(helm: &Tool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(install_file(), folder.path().join("install.yaml")).unwrap();
    for set in SETS {
        let name = format!("{}.yaml", set.name.replace([' ', ','], "-"));
        let text = without_foreign_kinds(&rendered(helm, NAMESPACE, set.values));
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Without kinds whose definitions are not at hand: those of others, and policies, which Kubernetes has since 1.30; a real API server takes
/// these in the tests of the guard.
fn without_foreign_kinds(text: &str) -> String {
    const FOREIGN: [&str; 2] = ["apiVersion: monitoring.coreos.com/", "kind: ValidatingAdmissionPolicy"];
    let documents = text.split("\n---\n").filter(|document| !FOREIGN.iter().any(|kind| document.contains(kind)));
    documents.collect::<Vec<_>>().join("\n---\n")
}

/// What the tool says against the files.
fn complaints(validate: &Tool, version: &str, files: &[&Path]) -> Result<(), String> {
    let definitions = root().join("crds");
    let mut command = validate.command();
    command.args(["--version", version, "--local-crds"]).arg(&definitions).args(files);
    let output = command.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(both(&output)) }
}

#[test]
fn manifests_fit_the_schemas_of_old_versions() {
    let (helm, validate) = (Tool::built(&HELM), Tool::built(&KUBECTL_VALIDATE));
    let folder = manifests(&helm);
    let (definitions, examples) = (root().join("crds"), examples());
    for version in VERSIONS {
        let mut files = vec![folder.path(), definitions.as_path()];
        if version >= SLEEP {
            files.extend(examples.iter().map(PathBuf::as_path));
        }
        complaints(&validate, version, &files).unwrap_or_else(|said| panic!("Kubernetes {version}:\n{said}"));
    }
    // It does tell what is wrong.
    let example = std::fs::read_to_string(&examples[0]).unwrap();
    for (wrong, expected) in [
        (example.replace("serviceRef:", "service:"), "spec.service"),
        (example.replace("id: lb-6efswuxa", "id: clb-1"), "spec.loadBalancer.id"),
        (example.replace("loadBalancer:\n    id: lb-6efswuxa", "loadBalancer: {}"), "exactly one of id and create"),
        (example.replace("  selector:\n    app: MyApp\n  ports", "  selektor: {}\n  ports"), "spec.selektor"),
    ] {
        assert_ne!(wrong, example, "{expected}");
        let file = folder.path().join("wrong.yaml");
        std::fs::write(&file, wrong).unwrap();
        let said = complaints(&validate, SLEEP, &[&file]).unwrap_err();
        assert!(said.contains(expected), "not {expected:?}, but:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_api_server_takes_every_rendering_strictly() {
    let control_plane = ControlPlane::shared().await;
    let helm = Tool::built(&HELM);
    let namespace = control_plane.namespace("rendered").await;
    for set in SETS {
        let text = without_foreign_kinds(&rendered(&helm, &namespace.name, set.values));
        // By the server alone: another test may create the same objects between a look and a create.
        let apply = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"];
        let taken = control_plane.kubectl_with_input(&apply, &text).await.ok();
        let said = taken.unwrap_or_else(|error| panic!("{}: {error:#}", set.name));
        assert!(said.contains("deployment.apps/"), "{}: {said}", set.name);
    }
}

/// What kube-score says with all of its checks but these, also those that it leaves out by itself.
fn score(tool: &Tool, file: &Path, excused: &[&str]) -> Result<(), String> {
    let known = tool.ok(&["list"]);
    let optional = known.lines().filter(|line| line.ends_with(",optional")).filter_map(|line| line.split(',').next());
    let mut command = tool.command();
    // Of limits, that of CPU is left out: see the reasons.
    command.args(["score", "--output-format", "ci", "--exit-one-on-warning"]);
    command.args(["--kubernetes-version", "v1.37", "--ignore-container-cpu-limit"]);
    for check in optional.filter(|check| !excused.contains(check)) {
        command.args(["--enable-optional-test", check]);
    }
    for check in excused {
        command.args(["--ignore-test", check]);
    }
    let output = command.arg(file).output().unwrap();
    let said = both(&output);
    let findings: Vec<_> =
        said.lines().filter(|line| !line.starts_with("[OK]") && !line.starts_with("[SKIPPED]")).collect();
    if output.status.success() { Ok(()) } else { Err(findings.join("\n")) }
}

#[test]
fn experience_says_nothing_against_them() {
    let (helm, tool) = (Tool::built(&HELM), Tool::built(&KUBE_SCORE));
    let folder = tempfile::tempdir().unwrap();
    let excused: Vec<_> = EXCUSED.iter().map(|(check, _)| *check).collect();
    let all: Vec<_> = excused.iter().copied().chain([OPEN.0]).collect();
    score(&tool, &install_file(), &all).unwrap_or_else(|said| panic!("deploy/install.yaml:\n{said}"));
    let guarded = folder.path().join("guarded.yaml");
    let text =
        rendered(&helm, NAMESPACE, "{networkPolicy: {enabled: true}, crds: {tkeServiceConfigs: {install: true}}}");
    std::fs::write(&guarded, text).unwrap();
    score(&tool, &guarded, &excused).unwrap_or_else(|said| panic!("the chart with a NetworkPolicy:\n{said}"));
    // No excuse is kept that is not needed.
    for check in all {
        let others: Vec<_> =
            EXCUSED.iter().map(|(check, _)| *check).chain([OPEN.0]).filter(|other| *other != check).collect();
        assert!(score(&tool, &install_file(), &others).is_err(), "{check} needs no excuse");
    }
}
