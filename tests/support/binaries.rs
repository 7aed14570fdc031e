//! Where the programs of the control plane come from.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

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

/// How often a build that takes long says that it is still at work.
const PROGRESS_PERIOD: Duration = Duration::from_secs(60);

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
        built_once().map(Self::One)
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

/// Builds the binary unless this source was built before. Processes that ask at the same time wait for one build.
fn built_once() -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane");
    let builds = target_folder().join("control-plane");
    let name = fingerprint(&source)?;
    let folder = builds.join(&name);
    let binary = folder.join(BINARY_NAME);
    fs::create_dir_all(&folder)?;
    // Held until it is dropped, also by the death of the process.
    let lock = File::create(builds.join("lock"))?;
    lock.lock().context("wait for the build of another process")?;
    if !binary.is_file() {
        build(&source, &folder)?;
        remove_older(&builds, &name);
    }
    Ok(binary)
}

/// A name for what the build depends on.
fn fingerprint(source: &Path) -> Result<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(source)
        .with_context(|| format!("read {}", source.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            let is_test = path.to_string_lossy().ends_with("_test.go");
            let extension = path.extension().and_then(OsStr::to_str);
            !is_test && matches!(extension, Some("go" | "mod" | "sum"))
        })
        .collect();
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update(fs::read(&file)?);
    }
    for flag in BUILD_FLAGS {
        digest.update(flag);
    }
    let mut name = hex::encode(digest.finalize());
    name.truncate(16);
    Ok(name)
}

/// The `target` folder of this build, wherever it was put.
fn target_folder() -> PathBuf {
    let marked = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    std::env::current_exe()
        .ok()
        .and_then(|program| program.ancestors().skip(1).find(marked).map(Path::to_owned))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"))
}

fn build(source: &Path, folder: &Path) -> Result<()> {
    let log = folder.join("build.log");
    let partial = folder.join(format!("{BINARY_NAME}.partial"));
    say(&format!("building the Kubernetes of the tests from {} (once; about 10 minutes)", source.display()));
    let output = File::create(&log)?;
    let started = Instant::now();
    let mut go = Command::new("go")
        .arg("build")
        .args(BUILD_FLAGS)
        .arg("-o")
        .arg(&partial)
        .arg(".")
        .current_dir(source)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| {
            format!(
                "run `go`: the tests need a Kubernetes, which is built from {}. Install Go 1.26 or newer from \
                 https://go.dev/dl/, or set {BINARY_VARIABLE} to a built {BINARY_NAME}",
                source.display()
            )
        })?;
    let mut told = started;
    let status = loop {
        if let Some(status) = go.try_wait()? {
            break status;
        }
        if told.elapsed() >= PROGRESS_PERIOD {
            told = Instant::now();
            say(&format!("still building, {} min", started.elapsed().as_secs() / 60));
        }
        std::thread::park_timeout(Duration::from_millis(200));
    };
    if !status.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        bail!("`go build` in {} failed ({status}):\n{}", source.display(), text);
    }
    fs::rename(&partial, folder.join(BINARY_NAME))?;
    say(&format!("built in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// Removes builds of older sources: each is 200 MB.
fn remove_older(builds: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(builds) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name() != keep && entry.path().is_dir()) {
        // A process that runs such a binary keeps it until it ends.
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Tells the person who waits. Not by `eprintln!`, which the test runner would hold back.
pub(super) fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "control plane: {message}");
}
