//! A replica as a process of its own, with its own lines, so that it can be killed and frozen as a machine does it.

use std::path::Path;
use std::process::{Child, Command};

use serde_json::json;
use tempfile::TempDir;

use crate::line::journal::{Event, Journal};
use crate::line::{Lines, Rule};
use crate::stage::{DEADLINE, Stage, Tape};
use crate::support::eventually;

pub(crate) struct Replica {
    pub(crate) name: &'static str,
    pub(crate) lines: Lines,
    journal: Journal,
    child: Child,
    tape: Option<Tape>,
    _folder: TempDir,
}

impl Replica {
    /// Starts a replica for the stage's namespace.
    pub(crate) async fn start(stage: &Stage, name: &'static str, journal: &Journal, rule: Rule) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_direct-access-controller"));
        Self::of(program, stage, name, journal, rule).await
    }

    /// Starts a replica whose program is this one.
    pub(crate) async fn of(program: &Path, stage: &Stage, name: &'static str, journal: &Journal, rule: Rule) -> Self {
        let (id, key) = stage.cloud.credentials();
        let keys = [("TENCENTCLOUD_SECRET_ID", id), ("TENCENTCLOUD_SECRET_KEY", key)];
        Self::with(program, stage, name, journal, rule, &keys).await
    }

    /// Starts a replica that gets its credentials by these variables.
    pub(crate) async fn with(
        program: &Path,
        stage: &Stage,
        name: &'static str,
        journal: &Journal,
        rule: Rule,
        credentials: &[(&str, &str)],
    ) -> Self {
        let lines = Lines::open(stage, name, journal, rule).await;
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "line",
            "clusters": [{"name": "line", "cluster": {"server": lines.api()}}],
            "users": [{"name": "line", "user": {}}],
            "contexts": [{"name": "line", "context": {"cluster": "line", "user": "line"}}],
        });
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let mut command = Command::new(program);
        command
            .args(["run", "--listen=127.0.0.1:0", "--gate-injection=None", "--log-format=text", "--clb-rate=1000"])
            .args(["--clb-endpoint", &lines.cloud(), "--watch-namespace", &stage.namespace.name])
            .args(["--lease-namespace", &stage.namespace.name, "--identity", name])
            .env("KUBECONFIG", kubeconfig)
            .envs(credentials.iter().copied())
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned()));
        let child = command.spawn().expect("the program starts");
        let tape = stage.tape();
        if let Some(tape) = &tape {
            tape.started(name);
        }
        Self { name, lines, journal: journal.clone(), child, tape, _folder: folder }
    }

    /// Waits until it stands for election: it follows the Lease, which it does when it has seen the cluster.
    pub(crate) async fn until_candidate(&self) {
        let follows =
            |event: &Event| matches!(event, Event::Read(what) if what.contains("/leases") && what.contains("watch="));
        eventually("the replica follows the Lease", DEADLINE, async || {
            self.journal.find(0, |entry| entry.replica == self.name && follows(&entry.event)).map(drop)
        })
        .await;
    }

    /// Sends it a signal: `STOP`, `CONT`, `TERM` or `KILL`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{signal}");
        match (&self.tape, signal) {
            (Some(tape), "KILL" | "TERM") => tape.stopped(self.name),
            (Some(tape), _) => tape.signalled(self.name, signal),
            (None, _) => {}
        }
    }

    /// Waits for its end after `TERM`.
    pub(crate) async fn ended(mut self) {
        let child = &mut self.child;
        let code = eventually("the program ends", DEADLINE, || std::future::ready(child.try_wait())).await;
        assert!(code.success(), "{code}");
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // An ended one cannot be killed again, and that is fine. A frozen one can.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
