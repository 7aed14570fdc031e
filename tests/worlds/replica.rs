//! A replica of the controller as a process, that is killed and stopped as a machine does it.

use std::process::{Child, Command};

use crate::stage::Stage;

pub(crate) struct Replica(Child);

impl Replica {
    pub(crate) fn start(stage: &Stage, number: usize) -> Self {
        let (id, key) = stage.cloud.credentials();
        let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
        command
            .args(["run", "--listen=127.0.0.1:0", "--gate-injection=None", "--log-format=text", "--clb-rate=1000"])
            .args(["--annotated-services=All", "--vpc-id=vpc-default", "--resync-seconds=5"])
            .args(["--clb-endpoint", &stage.cloud.endpoint(), "--watch-namespace", &stage.namespace.name])
            .args(["--lease-namespace", &stage.namespace.name, "--identity", &format!("controller-{number}")])
            .env("KUBECONFIG", stage.control_plane.kubeconfig())
            .env("TENCENTCLOUD_SECRET_ID", id)
            .env("TENCENTCLOUD_SECRET_KEY", key)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned()));
        Self(command.spawn().expect("the program starts"))
    }

    /// Sends it a signal: `STOP` or `CONT`.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{signal}");
    }
}

/// SIGKILL: nothing is finished, nothing is given up.
impl Drop for Replica {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and that is fine. One that stands still can.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
