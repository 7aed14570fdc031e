//! The controller as a process of its own, and what it uses.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tke_direct_access::clb::Credentials;
use tke_direct_access::operator::{Operator, Settings};
use tke_direct_access::telemetry;
use tokio_util::sync::CancellationToken;

use crate::support::within;

/// The unit of CPU times in `/proc`, which is the same for all programs on Linux whatever the kernel's own is (USER_HZ).
const TICK: Duration = Duration::from_millis(10);
/// Lines of its log that a failure shows.
const LOG_TAIL: usize = 20;

/// The part that the child plays.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    telemetry::install_logs(false);
    let stop = CancellationToken::new();
    end_with_input(stop.clone());
    let credentials = Credentials::from_environment()?;
    let operator = Operator::start(settings, kube::Config::infer().await?, credentials, stop).await?;
    operator.run().await;
    Ok(())
}

/// Standard input ends when the parent closes it, and also when the parent dies in any way.
fn end_with_input(stop: CancellationToken) {
    std::thread::spawn(move || {
        // An error is an end, too.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        stop.cancel();
    });
}

/// A controller that runs.
pub(crate) struct Controller {
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Controller {
    /// Starts this program again, as the controller.
    pub(crate) fn start(flags: &[String], kubeconfig: &Path, keys: (&str, &str), log: PathBuf) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("controller")
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("TENCENTCLOUD_SECRET_ID", keys.0)
            .env("TENCENTCLOUD_SECRET_KEY", keys.1)
            .env_remove("TENCENTCLOUD_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .context("start the controller")?;
        Ok(Self { stdin: child.stdin.take(), child, log })
    }

    /// CPU time of all its threads so far, in user and kernel mode.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.proc("stat")).context("the controller has ended")?;
        // The second field, the name, may hold anything; it ends with the last parenthesis.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        match (ticks.next(), ticks.next()) {
            (Some(Ok(user)), Some(Ok(system))) => Ok(TICK * (user + system)),
            _ => bail!("no CPU times in {stat:?}"),
        }
    }

    /// The most memory that it has had resident so far, in KiB.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(self.proc("status")).context("the controller has ended")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.context("no peak memory in /proc: has the controller ended?")
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }

    /// Lets it end, and returns the end of its log.
    pub(crate) async fn end(mut self) -> String {
        self.stdin = None;
        let ended = || std::future::ready(self.child.try_wait().map(|status| status.map(drop)));
        // One that does not end is killed by the drop.
        let _ = within(Duration::from_secs(10), ended).await;
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // Errors say that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
