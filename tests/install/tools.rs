//! Other people's tools, in the versions that `tools/` pins.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::GoProgram;

/// Without paths of this machine and without symbols.
const FLAGS: [&str; 3] = ["-trimpath", "-ldflags", "-s -w"];

/// Renders, checks and installs charts.
pub(super) const HELM: GoProgram<'static> = GoProgram {
    folder: "tools/helm",
    package: "helm.sh/helm/v4/cmd/helm",
    name: "helm",
    flags: &FLAGS,
    what: "Helm (about 2 minutes)",
};

/// Compares manifests with the schemas of Kubernetes versions, and custom resources with their definitions, without a cluster.
pub(super) const KUBECTL_VALIDATE: GoProgram<'static> = GoProgram {
    folder: "tools/kubectl-validate",
    package: "sigs.k8s.io/kubectl-validate",
    name: "kubectl-validate",
    flags: &FLAGS,
    what: "kubectl-validate (about 2 minutes)",
};

/// Looks for what experience says against.
pub(super) const KUBE_SCORE: GoProgram<'static> = GoProgram {
    folder: "tools/kube-score",
    package: "github.com/zegl/kube-score/cmd/kube-score",
    name: "kube-score",
    flags: &FLAGS,
    what: "kube-score (less than a minute)",
};

/// Checks rules of Prometheus, and runs their tests. Service discovery would bring the SDKs of all clouds.
pub(super) const PROMTOOL: GoProgram<'static> = GoProgram {
    folder: "tools/promtool",
    package: "github.com/prometheus/prometheus/cmd/promtool",
    name: "promtool",
    flags: &["-trimpath", "-tags", "remove_all_sd", "-ldflags", "-s -w"],
    what: "promtool (about 2 minutes)",
};

/// Reads objects of the Prometheus operator with its own types.
pub(super) const PROMETHEUS_OPERATOR: GoProgram<'static> = GoProgram {
    folder: "tools/prometheus-operator",
    package: ".",
    name: "prometheus-operator",
    flags: &FLAGS,
    what: "the types of the Prometheus operator (less than a minute)",
};

/// A tool that is built, and a folder for what it keeps.
pub(super) struct Tool {
    binary: PathBuf,
    folder: tempfile::TempDir,
}

impl Tool {
    /// Built now, unless it was before.
    pub(super) fn built(program: &GoProgram<'_>) -> Self {
        let binary = program.built().unwrap_or_else(|error| panic!("{error:#}"));
        Self { binary, folder: tempfile::tempdir().unwrap() }
    }

    /// A call without arguments yet. Nothing of the person who runs the tests has an influence on it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.folder.path());
        // kubectl-validate asks a cluster first; this one is nowhere.
        command.env("KUBECONFIG", self.folder.path().join("none"));
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// What it printed.
    #[track_caller]
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}:\n{}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What a call printed, and what it complained about.
pub(super) fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
