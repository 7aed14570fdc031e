//! Running kubectl.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// What a command did.
#[derive(Clone, Debug)]
pub struct Output {
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
    /// Whether it exited with 0.
    pub success: bool,
    /// The exit code; absent for a command that was killed.
    pub code: Option<i32>,
}

impl Output {
    /// What it printed.
    ///
    /// # Errors
    /// It failed; the error is what it complained about.
    pub fn ok(self) -> Result<String> {
        if self.success { Ok(self.stdout) } else { bail!("{}{}", self.stdout, self.stderr) }
    }
}

/// Runs a command to its end, off the threads that run futures.
pub(super) async fn run(mut command: Command, input: String) -> Result<Output> {
    tokio::task::spawn_blocking(move || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        // Written beside the reading: a command may print before it has read all.
        let writer = std::thread::spawn(move || {
            // An error means that the command ended without reading; its exit code says why.
            stdin.map(|mut stdin| stdin.write_all(input.as_bytes()))
        });
        let output = child.wait_with_output()?;
        let _ = writer.join();
        Ok(Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            success: output.status.success(),
            code: output.status.code(),
        })
    })
    .await?
}
