//! The controller as a process of its own, with its log in a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};
use tke_direct_access::sim::Simulator;

use crate::exposition::Scrape;
use crate::stage::DEADLINE;
use crate::support::{ControlPlane, Namespace, eventually};

/// Ends with the test.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A kubeconfig with the token of a service account that may do everything. Returns its path and the token.
pub(crate) async fn kubeconfig(control_plane: &ControlPlane, own: &Namespace, folder: &Path) -> (PathBuf, String) {
    let ok = async |arguments: &[&str]| control_plane.kubectl(arguments).await.ok().unwrap();
    let account = format!("--serviceaccount={}:controller", own.name);
    ok(&["-n", &own.name, "create", "serviceaccount", "controller"]).await;
    ok(&["create", "clusterrolebinding", &own.name, "--clusterrole=cluster-admin", &account]).await;
    let token = ok(&["-n", &own.name, "create", "token", "controller", "--duration=1h"]).await.trim().to_owned();
    let text = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token});
    }
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    (path, token)
}

impl Program {
    /// Starts it with a webhook and logs in JSON, at the finest level that there is.
    pub(crate) fn start(cloud: &Simulator, kubeconfig: &Path, shop: &str, own: &str, folder: &Path) -> Self {
        let log = folder.join("log");
        let (id, key) = cloud.credentials();
        let mut command = Command::new(env!("CARGO_BIN_EXE_direct-access-controller"));
        command
            .args(["run", "--listen=127.0.0.1:0", "--webhook-listen=127.0.0.1:0", "--webhook-linger-seconds=0"])
            .args(["--gate-injection=Webhook", "--webhook-host=127.0.0.1", "--clb-rate=1000", "--resync-seconds=2"])
            .args(["--clb-endpoint", &cloud.endpoint(), "--watch-namespace", shop, "--lease-namespace", own])
            .env("KUBECONFIG", kubeconfig)
            .env("TENCENTCLOUD_SECRET_ID", id)
            .env("TENCENTCLOUD_SECRET_KEY", key)
            .env("RUST_LOG", "trace,kube=trace,reqwest=trace,hyper=trace,rustls=trace,kube_client::client=trace")
            .stderr(File::create(&log).unwrap());
        Self { child: command.spawn().expect("the program starts"), log }
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where metrics are served, as the log says.
    pub(crate) async fn address(&self) -> String {
        eventually("the log says where metrics are served", DEADLINE, async || {
            let log = self.log();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let line = lines.find(|line| line["message"] == "probes and metrics are served")?;
            Some(line["address"].as_str()?.to_owned())
        })
        .await
    }

    /// SIGTERM, and the end.
    pub(crate) async fn end(&mut self) {
        let terminated = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(terminated.success());
        let child = &mut self.child;
        let code = eventually("the program ends", DEADLINE, || std::future::ready(child.try_wait())).await;
        assert!(code.success(), "{code}");
    }
}

/// Reads the metrics as Prometheus would.
pub(crate) async fn scrape(address: &str) -> Scrape {
    let answer = reqwest::get(format!("http://{address}/metrics")).await.unwrap();
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    Scrape::new(&answer.text().await.unwrap())
}
