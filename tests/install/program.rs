//! The controller as the Deployment would start it, with the binary in the place of the image.

use std::path::Path;
use std::process::{Child, Command};

use serde_json::{Value, json};
use tke_direct_access::sim::Simulator;

use super::manifests::object;
use crate::support::ControlPlane;

/// Ends with the test.
pub(super) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A kubeconfig with a token of the controller's service account, and no other right.
pub(super) async fn kubeconfig(control_plane: &ControlPlane, folder: &Path) -> std::path::PathBuf {
    let create = ["-n", "tke-direct-access", "create", "token", "direct-access-controller", "--duration=1h"];
    let token = control_plane.kubectl(&create).await.ok().unwrap();
    let text = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token.trim()});
    }
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// Starts it with the arguments of the Deployment, and with `flags` for what is different outside of a Pod.
pub(super) fn start(kubeconfig: &Path, cloud: &Simulator, flags: &[&str]) -> Program {
    let deployment = object("Deployment", "direct-access-controller");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments: Vec<_> = container["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let (id, key) = cloud.credentials();
    let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
    command
        .args(arguments)
        .args(["--listen=127.0.0.1:0", "--webhook-listen=127.0.0.1:0", "--webhook-host=127.0.0.1"])
        .args(["--clb-endpoint", &cloud.endpoint(), "--webhook-linger-seconds=0"])
        .args(flags)
        .env("KUBECONFIG", kubeconfig)
        .env("POD_NAMESPACE", deployment["metadata"]["namespace"].as_str().unwrap())
        .env("POD_NAME", "direct-access-controller-0")
        .env("TENCENTCLOUD_SECRET_ID", id)
        .env("TENCENTCLOUD_SECRET_KEY", key);
    Program(command.spawn().expect("the program starts"))
}
