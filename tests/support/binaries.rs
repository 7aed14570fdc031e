//! Where the programs of the control plane come from.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::go::{Program, say};

/// The programs that make a control plane.
pub(super) const COMPONENTS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "node"];

/// Path of a built `kube-control-plane`.
const BINARY_VARIABLE: &str = "CONTROL_PLANE_BINARY";
/// A folder with one program per component, as other Kubernetes test tools use it.
const ASSETS_VARIABLE: &str = "KUBEBUILDER_ASSETS";
const BINARY_NAME: &str = "kube-control-plane";

/// Changing these makes everything be compiled anew (10 minutes), not only linked (30 seconds). Without the version,
/// `kubectl version` and the check of client and server versions fail.
const BUILD_FLAGS: [&str; 3] = [
    "-trimpath",
    "-ldflags",
    "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2 -X k8s.io/component-base/version.gitMajor=1 \
     -X k8s.io/component-base/version.gitMinor=37",
];

/// The programs, in one of the two forms.
#[derive(Clone, Debug)]
pub(super) enum Binaries {
    /// One binary, told by its first argument what to be.
    One(PathBuf),
    /// A folder with a binary of each name.
    Folder(PathBuf),
}

impl Binaries {
    /// Finds the programs: [`BINARY_VARIABLE`], then [`ASSETS_VARIABLE`] if complete, else built from source once.
    ///
    /// # Errors
    /// There are none and they cannot be built; says what to install.
    pub(super) fn find() -> Result<Self> {
        if let Some(path) = std::env::var_os(BINARY_VARIABLE) {
            let path = PathBuf::from(path);
            if !path.is_file() {
                bail!("{BINARY_VARIABLE} is {}, which is not a file", path.display());
            }
            return Ok(Self::One(path));
        }
        if let Some(folder) = std::env::var_os(ASSETS_VARIABLE).map(PathBuf::from) {
            let missing: Vec<_> = COMPONENTS.into_iter().filter(|name| !folder.join(name).is_file()).collect();
            if missing.is_empty() {
                return Ok(Self::Folder(folder));
            }
            say(&format!("{ASSETS_VARIABLE} is not used: {} has no {}", folder.display(), missing.join(", ")));
        }
        let kubernetes = Program {
            folder: "control-plane",
            package: ".",
            name: BINARY_NAME,
            flags: &BUILD_FLAGS,
            what: "the Kubernetes of the tests (about 10 minutes)",
        };
        let built = kubernetes.built();
        let hint = || format!("the tests need a Kubernetes; {BINARY_VARIABLE} may name a built {BINARY_NAME} instead");
        built.with_context(hint).map(Self::One)
    }

    /// The command that runs a component.
    pub(super) fn command(&self, component: &str) -> Command {
        match self {
            Self::One(path) => {
                let mut command = Command::new(path);
                command.arg(component);
                command
            }
            Self::Folder(folder) => Command::new(folder.join(component)),
        }
    }

    /// The file that is a component if it is called by the component's name.
    pub(super) fn file(&self, component: &str) -> PathBuf {
        match self {
            Self::One(path) => path.clone(),
            Self::Folder(folder) => folder.join(component),
        }
    }
}
