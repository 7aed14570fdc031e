//! Packages for Python, each set of them in an environment of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a command that must succeed.
pub fn run(command: &mut Command, otherwise: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{otherwise}: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{otherwise}: {command:?} ended with {}\n{text}", output.status);
    output
}

/// The interpreter of an environment that has these packages, each written `name==version`. It is installed once, under Cargo's
/// target folder; whoever comes second waits for the first. `options` are those of `pip install`.
pub fn environment(packages: &[&str], options: &[&str]) -> PathBuf {
    let name = packages.first().expect("a package").replace("==", "-");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    let lock = File::create(folder.with_file_name(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("the lock");
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.exists() {
        let missing = "this test needs Python 3.8 or newer with venv and pip (Debian: python3 python3-venv), \
                       and a package index that pip can reach";
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), missing);
        let mut install = Command::new(&python);
        run(install.args(["-m", "pip", "install", "--quiet"]).args(options).args(packages), missing);
        File::create(complete).expect("a marker file");
    }
    python
}

/// The folder that an environment's packages are in.
pub fn site_packages(python: &Path) -> PathBuf {
    let code = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let output = run(Command::new(python).args(["-c", code]), "Python does not know its own folders");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
