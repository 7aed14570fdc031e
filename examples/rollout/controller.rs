//! The controller as a process of its own, and what it uses.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tke_direct_access::clb::Credentials;
use tke_direct_access::operator::{Operator, Settings};
use tke_direct_access::telemetry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::within;

/// The unit of CPU times in `/proc`, which is the same for all programs on Linux whatever the kernel's own is (USER_HZ).
const TICK: Duration = Duration::from_millis(10);
/// How often it is asked whether it is ready: the resolution of that time.
const READY_PERIOD: Duration = Duration::from_millis(5);
/// How long it may take to become ready, or to end.
const PATIENCE: Duration = Duration::from_secs(60);
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
    started: Instant,
    /// Where it says whether it is ready.
    probes: SocketAddr,
}

impl Controller {
    /// Starts this program again, as the controller.
    pub(crate) fn start(flags: &[String], kubeconfig: &Path, keys: (&str, &str), log: PathBuf) -> Result<Self> {
        let probes = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Instant::now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg("controller")
            .args(["--listen", &probes.to_string()])
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
        Ok(Self { stdin: child.stdin.take(), child, log, started, probes })
    }

    /// Since its start.
    pub(crate) fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until it says that it is ready, and returns how long after its start that was.
    ///
    /// # Errors
    /// It took too long.
    pub(crate) async fn ready(&self) -> Result<Duration> {
        let mut period = tokio::time::interval(READY_PERIOD);
        let ready = async {
            loop {
                period.tick().await;
                // It does not listen yet, or has ended; the deadline is for both.
                if is_ready(self.probes).await.unwrap_or(false) {
                    return self.age();
                }
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.context("the controller does not become ready")
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
    pub(crate) async fn stop(&mut self) -> String {
        self.stdin = None;
        let ended = || std::future::ready(self.child.try_wait().map(|status| status.map(drop)));
        // One that does not end is killed by the drop.
        let _ = within(PATIENCE, ended).await;
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LOG_TAIL)..).unwrap_or_default().join("\n")
    }
}

/// Asks as a kubelet would.
async fn is_ready(probes: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(probes).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

impl Drop for Controller {
    fn drop(&mut self) {
        // Errors say that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
