//! The controller as a kubelet would start it, read from the API server.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use serde_json::{Value, json};
use tke_direct_access::sim::Simulator;

use crate::support::{ControlPlane, eventually};

use super::DEADLINE;

pub(super) const DEPLOYMENT: &str = "direct-access-controller";
const SECRET: &str = "tencentcloud-credentials";

/// What is different outside of a Pod: it has no address of its own, and the API server reaches it without the Service.
pub(super) const OUTSIDE: [&str; 4] =
    ["--listen=127.0.0.1:0", "--webhook-listen=127.0.0.1:0", "--webhook-host=127.0.0.1", "--webhook-linger-seconds=0"];

/// Ends with the test.
pub(super) struct Program {
    child: Child,
    container: Value,
    log: PathBuf,
    // Removed with it.
    _folder: tempfile::TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn read(control_plane: &ControlPlane, namespace: &str, what: &[&str]) -> Value {
    let arguments = [&["-n", namespace, "get", "-o", "json"], what].concat();
    let text = control_plane.kubectl(&arguments).await.ok().unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The Secret that the Deployment asks for. The address of the simulated cloud is a variable of the program like any other.
pub(super) async fn create_credentials(
    control_plane: &ControlPlane,
    namespace: &str,
    endpoint: &str,
    cloud: &Simulator,
) {
    let (id, key) = cloud.credentials();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET},
        "stringData": {
            "TENCENTCLOUD_SECRET_ID": id, "TENCENTCLOUD_SECRET_KEY": key, "TENCENTCLOUD_REGION": "ap-guangzhou",
            "CLB_ENDPOINT": endpoint,
        },
    });
    control_plane.kubectl_apply(namespace, &secret.to_string()).await.unwrap();
}

/// What a kubelet would start: the container of the Deployment as the API server has it, with its environment.
pub(super) struct Invocation {
    pub(super) pod: Value,
    pub(super) arguments: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// A token of the Pod's account.
    pub(super) token: String,
}

impl Invocation {
    pub(super) async fn read(control_plane: &ControlPlane, namespace: &str) -> Self {
        let deployment = read(control_plane, namespace, &["deployment", DEPLOYMENT]).await;
        let pod = deployment["spec"]["template"]["spec"].clone();
        let arguments = pod["containers"][0]["args"].as_array().unwrap().iter();
        let account = pod["serviceAccountName"].as_str().unwrap();
        let create = ["-n", namespace, "create", "token", account, "--duration=1h"];
        let token = control_plane.kubectl(&create).await.ok().unwrap();
        Self {
            arguments: arguments.map(|one| one.as_str().unwrap().to_owned()).collect(),
            environment: environment(control_plane, namespace, &pod["containers"][0]).await,
            token: token.trim().to_owned(),
            pod,
        }
    }

    pub(super) fn container(&self) -> &Value {
        &self.pod["containers"][0]
    }
}

/// The container's environment, resolved as a kubelet does: sources first, then variables, which count more.
async fn environment(control_plane: &ControlPlane, namespace: &str, container: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let name = source["secretRef"]["name"].as_str().expect("sources are Secrets");
        found.extend(keys(&read(control_plane, namespace, &["secret", name]).await));
    }
    let pods = read(control_plane, namespace, &["pods", "-l", "app.kubernetes.io/name=direct-access-controller"]).await;
    for variable in container["env"].as_array().into_iter().flatten() {
        let from = &variable["valueFrom"];
        let value = match (variable["value"].as_str(), from["fieldRef"]["fieldPath"].as_str()) {
            (Some(value), _) => value.to_owned(),
            (None, Some("metadata.name")) => {
                let pod = pods["items"][0]["metadata"]["name"].as_str();
                pod.unwrap_or("direct-access-controller-0").to_owned()
            }
            (None, Some("metadata.namespace")) => namespace.to_owned(),
            (None, _) => {
                let of = &from["secretKeyRef"];
                let name = of["name"].as_str().unwrap_or_else(|| panic!("not known here: {variable}"));
                let keys = keys(&read(control_plane, namespace, &["secret", name]).await);
                keys[of["key"].as_str().unwrap()].clone()
            }
        };
        found.insert(variable["name"].as_str().unwrap().to_owned(), value);
    }
    found
}

fn keys(secret: &Value) -> BTreeMap<String, String> {
    let data: BTreeMap<String, k8s_openapi::ByteString> = serde_json::from_value(secret["data"].clone()).unwrap();
    data.into_iter().map(|(key, value)| (key, String::from_utf8(value.0).unwrap())).collect()
}

impl Program {
    /// Starts a command that is, or runs, the container of the invocation. Its log goes into the folder.
    pub(super) fn spawn(mut command: Command, invocation: &Invocation, folder: tempfile::TempDir) -> Self {
        let log = folder.path().join("log");
        command.stderr(File::create(&log).unwrap());
        let child = command.spawn().expect("the program starts");
        Self { child, container: invocation.container().clone(), log, _folder: folder }
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The container's probes succeed, at the paths that the Deployment names.
    pub(super) async fn until_probes_succeed(&self) {
        eventually("the probes succeed", DEADLINE, async || {
            let log = self.log();
            let address = served_at(&log).ok_or_else(|| format!("they are not served yet; the log:\n{log}"))?;
            for probe in ["livenessProbe", "readinessProbe"] {
                let path = self.container[probe]["httpGet"]["path"].as_str().unwrap();
                let url = format!("http://{address}{path}");
                let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
                if !answer.status().is_success() {
                    return Err(format!("{url}: {}", answer.status()));
                }
            }
            Ok(Some(()))
        })
        .await;
    }

    /// Ends it as SIGTERM would.
    pub(super) async fn end(mut self) {
        let terminated = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(terminated.success());
        let code = self.ended().await;
        assert!(code.success(), "{code}:\n{}", self.log());
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the program ends", DEADLINE, || std::future::ready(child.try_wait())).await
    }
}

/// Where a log says that probes are served.
fn served_at(log: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains("probes and metrics are served"))?;
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["address"].as_str()?.to_owned())
}
