//! What the tests of the image need of the machine.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Root, Buildah, and what the image has of the system.
    Buildah,
    /// Root, runc, and the profile of system calls that comes with Buildah's package.
    Runc,
    /// A memory controller of cgroups that can be written to.
    Memory,
}

/// The packages of Debian. `golang-github-containers-common` has [`PROFILE`].
const PACKAGES: [&str; 5] = ["buildah", "runc", "golang-github-containers-common", "ca-certificates", "tzdata"];
/// What is copied into the image beside libraries.
const FILES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/UTC"];
/// What `RuntimeDefault` is for the engines of the containers project, CRI-O among them.
pub(crate) const PROFILE: &str = "/usr/share/containers/seccomp.json";

impl Need {
    /// What is not there, after it was tried to install it; `None` when it is.
    pub(crate) fn missing(self) -> Option<String> {
        let id = Command::new("id").arg("-u").output().unwrap();
        if String::from_utf8_lossy(&id.stdout).trim() != "0" {
            return Some("needs root".to_owned());
        }
        match self {
            Self::Buildah if runs("buildah") && has_files(&FILES) => None,
            Self::Runc if runs("runc") && has_files(&[PROFILE]) => None,
            Self::Buildah | Self::Runc => installed().as_ref().err().cloned(),
            Self::Memory if has_memory_controller() => None,
            Self::Memory => Some("needs a memory controller of cgroups".to_owned()),
        }
    }
}

/// Whether the memory of processes can be limited, by either version of cgroups.
fn has_memory_controller() -> bool {
    let first = || Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").is_file();
    let second = || {
        let controllers = std::fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        controllers.split_whitespace().any(|one| one == "memory")
    };
    first() || second()
}

fn has_files(paths: &[&str]) -> bool {
    paths.iter().all(|path| Path::new(path).is_file())
}

fn runs(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Installs the packages, once.
fn installed() -> &'static Result<(), String> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let apt = |arguments: &[&str]| -> Result<Output, String> {
            let mut command = Command::new("apt-get");
            command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
            command.output().map_err(|error| format!("needs Buildah and runc; apt-get: {error}"))
        };
        apt(&["update", "-qq"])?;
        let install = ["install", "-y", "-qq", "--no-install-recommends"];
        let output = apt(&[install.as_slice(), &PACKAGES].concat())?;
        if output.status.success() && runs("buildah") && runs("runc") && has_files(&FILES) && has_files(&[PROFILE]) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("needs {}; apt-get install: {}", PACKAGES.join(", "), said.trim()))
    })
}
