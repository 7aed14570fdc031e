//! One process of the control plane.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::binaries::Binaries;

/// Lines of its log that an error about a component shows.
const LOG_TAIL: usize = 30;
/// How long a component may take to end after its standard input did.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// A program of the control plane, and how to start it again.
#[derive(Debug)]
pub(super) struct Component {
    /// Unique, e.g. `kube-apiserver` or `node-1`.
    pub(super) name: String,
    program: String,
    arguments: Vec<String>,
    log: PathBuf,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// The component ends when this is closed, which the end of this process does in every case.
    stdin: Option<ChildStdin>,
}

impl Component {
    /// Describes a component that writes its log to `<folder>/<name>.log`.
    pub(super) fn new(name: &str, program: &str, arguments: Vec<String>, folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        Self { name: name.to_owned(), program: program.to_owned(), arguments, log, running: None }
    }

    /// Starts it and returns the process id.
    pub(super) fn start(&mut self, binaries: &Binaries) -> Result<u32> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = binaries.command(&self.program);
        command
            .args(&self.arguments)
            .env("EXIT_WITH_STDIN", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Its own group: Ctrl-C in a terminal reaches this process only, which then ends its components.
            .process_group(0);
        let mut child = command.spawn().with_context(|| format!("start {}", self.name))?;
        let id = child.id();
        self.running = Some(Running { stdin: child.stdin.take(), child });
        Ok(id)
    }

    /// # Errors
    /// It is not running; the error shows the end of its log.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.exit_status()? {
            None if self.running.is_some() => Ok(()),
            None => bail!("{} is not running", self.name),
            Some(status) => bail!("{} ended ({status}):\n{}", self.name, self.log_tail()),
        }
    }

    fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        match &mut self.running {
            Some(running) => Ok(running.child.try_wait()?),
            None => Ok(None),
        }
    }

    /// The last lines of its log.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default();
        format!("--- end of {} ---\n{}", self.log.display(), tail.join("\n"))
    }

    /// Whether the log says that a port was taken by somebody else in the meantime.
    pub(super) fn lost_its_port(&self) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|text| text.contains("address already in use"))
    }

    /// Sends a signal, by its name: `STOP` and `CONT` pause and resume it.
    pub(super) fn signal(&self, signal: &str) -> Result<()> {
        let Some(running) = &self.running else { bail!("{} is not running", self.name) };
        let status = Command::new("/bin/sh")
            .args(["-c", "kill -\"$1\" \"$2\"", "kill", signal, &running.child.id().to_string()])
            .status()?;
        if status.success() { Ok(()) } else { bail!("cannot send {signal} to {}", self.name) }
    }

    /// Kills it and waits for its end.
    pub(super) fn kill(&mut self) -> Result<()> {
        let Some(mut running) = self.running.take() else { return Ok(()) };
        running.child.kill()?;
        running.child.wait()?;
        Ok(())
    }

    /// Tells it to end, without waiting.
    pub(super) fn close(&mut self) {
        if let Some(running) = &mut self.running {
            running.stdin = None;
        }
    }

    /// Waits for the end that [`Component::close`] asked for; kills it when that takes too long, as for a paused one.
    pub(super) fn join(&mut self) {
        let end = Instant::now() + END_TIMEOUT;
        while let Ok(None) = self.exit_status() {
            if self.running.is_none() || Instant::now() >= end {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        let _ = self.kill();
    }
}

/// Removes a folder after the processes that use it, also when this process is killed.
///
/// It is a small shell that reads process ids until its standard input ends, waits for these processes to be gone, and
/// then removes the folder.
#[derive(Debug)]
pub(super) struct Janitor {
    child: Child,
    stdin: Option<ChildStdin>,
}

/// A process that ended without being waited for has an empty command line. Waits at most 10 s. What lives on then does not know that it should end with its standard input (a program that is
/// not ours), and is killed.
const JANITOR_SCRIPT: &str = r#"
while read -r id; do ids="$ids $id"; done
alive() { for id in $ids; do [ -n "$(tr -d '\0' 2>/dev/null < "/proc/$id/cmdline")" ] && return 0; done; return 1; }
turns=0
while alive && [ "$turns" -lt 100 ]; do turns=$((turns + 1)); sleep 0.1; done
for id in $ids; do kill -KILL "$id" 2>/dev/null; done
rm -rf "$1"
"#;

impl Janitor {
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", JANITOR_SCRIPT, "janitor"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("start /bin/sh")?;
        Ok(Self { stdin: child.stdin.take(), child })
    }

    /// Adds a process to wait for.
    pub(super) fn watch(&mut self, id: u32) -> Result<()> {
        use std::io::Write;
        match &mut self.stdin {
            Some(stdin) => Ok(writeln!(stdin, "{id}")?),
            None => bail!("the janitor has ended"),
        }
    }

    /// Lets it do its work, and waits for that.
    pub(super) fn finish(&mut self) {
        self.stdin = None;
        let _ = self.child.wait();
    }
}
