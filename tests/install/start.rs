//! The controller with the binary in the place of the image.

use std::process::Command;

use serde_json::{Value, json};

use super::program::{Invocation, OUTSIDE, Program};
use crate::support::ControlPlane;

/// Starts what the Deployment says, with `flags` after its own arguments.
pub(super) async fn start(control_plane: &ControlPlane, namespace: &str, flags: &[&str]) -> Program {
    let invocation = Invocation::read(control_plane, namespace).await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, config_of(control_plane, &invocation.token)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
    command
        .args(&invocation.arguments)
        .args(OUTSIDE)
        .args(flags)
        .env_clear()
        .envs(&invocation.environment)
        .env("KUBECONFIG", &kubeconfig);
    Program::spawn(command, &invocation, folder)
}

/// A kubeconfig with this token, and no other right.
fn config_of(control_plane: &ControlPlane, token: &str) -> String {
    let text = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    config.to_string()
}
