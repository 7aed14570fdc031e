//! The program itself, so that it can be killed as a machine kills it.

use std::process::{Child, Command};

use crate::stage::{Stage, Tape};

/// A replica of the controller, as a process of its own.
pub(crate) struct Program {
    child: Child,
    identity: String,
    tape: Option<Tape>,
}

impl Program {
    /// Starts a replica for the stage's namespace.
    pub(crate) fn start(stage: &Stage, identity: &str) -> Self {
        let (id, key) = stage.cloud.credentials();
        let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
        command
            .args(["run", "--listen=127.0.0.1:0", "--gate-injection=None", "--log-format=text", "--clb-rate=1000"])
            .args(["--clb-endpoint", &stage.cloud.endpoint(), "--watch-namespace", &stage.namespace.name])
            .args(["--lease-namespace", &stage.namespace.name, "--identity", identity])
            .env("KUBECONFIG", stage.control_plane.kubeconfig())
            .env("TENCENTCLOUD_SECRET_ID", id)
            .env("TENCENTCLOUD_SECRET_KEY", key)
            .env("RUST_LOG", "warn");
        let child = command.spawn().expect("the program starts");
        let (identity, tape) = (identity.to_owned(), stage.tape());
        if let Some(tape) = &tape {
            tape.started(&identity);
        }
        Self { child, identity, tape }
    }

    /// SIGKILL: nothing is finished, nothing is given up.
    pub(crate) fn kill(mut self) {
        if let Some(tape) = &self.tape {
            tape.stopped(&self.identity);
        }
        self.end();
    }

    fn end(&mut self) {
        self.child.kill().expect("the process can be killed");
        self.child.wait().expect("the process has ended");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // An ended one cannot be killed again, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
