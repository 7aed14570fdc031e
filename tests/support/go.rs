//! Programs in Go that tests need: built from the source in this repository, once for each state of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// How often a build that takes long says that it is still at work.
const PROGRESS_PERIOD: Duration = Duration::from_secs(60);

/// A program to build.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The folder of its module, below the root of the repository.
    pub folder: &'a str,
    /// The package, `.` or a path of a dependency that the module has.
    pub package: &'a str,
    /// The name of the binary.
    pub name: &'a str,
    /// Flags of `go build`.
    pub flags: &'a [&'a str],
    /// What it is and how long it takes, for the person who waits.
    pub what: &'a str,
}

impl Program<'_> {
    /// The binary, built unless this source was built before. Processes that ask at the same time wait for one build.
    ///
    /// # Errors
    /// It cannot be built; says what to install.
    pub fn built(&self) -> Result<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.folder);
        let builds = target_folder().join(self.folder).join(self.name);
        let name = self.fingerprint(&source)?;
        let folder = builds.join(&name);
        let binary = folder.join(self.name);
        fs::create_dir_all(&folder)?;
        // Held until it is dropped, also by the death of the process.
        let lock = File::create(builds.join("lock"))?;
        lock.lock().context("wait for the build of another process")?;
        if !binary.is_file() {
            self.build(&source, &folder)?;
            remove_older(&builds, &name);
        }
        Ok(binary)
    }

    /// A name for what the build depends on.
    fn fingerprint(&self, source: &Path) -> Result<String> {
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
        digest.update(self.package);
        for flag in self.flags {
            digest.update(flag);
        }
        let mut name = hex::encode(digest.finalize());
        name.truncate(16);
        Ok(name)
    }

    fn build(&self, source: &Path, folder: &Path) -> Result<()> {
        let log = folder.join("build.log");
        let partial = folder.join(format!("{}.partial", self.name));
        say(&format!("building {} from {}, once", self.what, source.display()));
        let output = File::create(&log)?;
        let started = Instant::now();
        let mut go = Command::new("go")
            .arg("build")
            .args(self.flags)
            .arg("-o")
            .arg(&partial)
            .arg(self.package)
            .current_dir(source)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| {
                format!("run `go` to build {}: install Go 1.26 or newer from https://go.dev/dl/", source.display())
            })?;
        let mut told = started;
        let status = loop {
            if let Some(status) = go.try_wait()? {
                break status;
            }
            if told.elapsed() >= PROGRESS_PERIOD {
                told = Instant::now();
                say(&format!("still building {}, {} min", self.name, started.elapsed().as_secs() / 60));
            }
            std::thread::park_timeout(Duration::from_millis(200));
        };
        if !status.success() {
            let text = fs::read_to_string(&log).unwrap_or_default();
            bail!("`go build` in {} failed ({status}):\n{}", source.display(), text);
        }
        fs::rename(&partial, folder.join(self.name))?;
        say(&format!("built {} in {} s", self.name, started.elapsed().as_secs()));
        Ok(())
    }
}

/// The `target` folder of this build, wherever it was put.
fn target_folder() -> PathBuf {
    let marked = |folder: &&Path| folder.join("CACHEDIR.TAG").is_file();
    std::env::current_exe()
        .ok()
        .and_then(|program| program.ancestors().skip(1).find(marked).map(Path::to_owned))
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"))
}

/// Removes builds of older sources: each is up to 200 MB.
fn remove_older(builds: &Path, keep: &str) {
    let Ok(entries) = fs::read_dir(builds) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name() != keep && entry.path().is_dir()) {
        // A process that runs such a binary keeps it until it ends.
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Tells the person who waits. Not by `eprintln!`, which the test runner would hold back.
pub(super) fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "tests: {message}");
}
