//! A stage with the plugin on it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{self, DEADLINE, Stage, deployment_with};
use crate::support::{ControlPlane, Namespace, Output, eventually};

/// What is run, and on what.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    /// Where the Lease of the controller is: not where the Pods are, so that these may get gates.
    pub(crate) home: Namespace,
    /// What the plugin is told besides.
    pub(crate) flags: Vec<&'static str>,
    /// The Pod that is asked about; the first of the namespace when it is not said.
    pub(crate) pod: Option<String>,
}

/// The plugin's program, found by kubectl by its name.
pub(crate) fn plugin(command: &mut Command) {
    let program = Path::new(env!("CARGO_BIN_EXE_kubectl-direct_access"));
    let folder = program.parent().expect("the program is in a folder").to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder).chain(std::env::split_paths(&others));
    command.env("PATH", std::env::join_paths(path).expect("the path can be said"));
    for variable in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_REGION", "CLB_ENDPOINT"] {
        command.env_remove(variable);
    }
}

impl Scene {
    /// No controller is at work yet.
    pub(crate) async fn new(name: &str) -> Self {
        Self::with(name, SimulatorSettings::instant()).await
    }

    pub(crate) async fn with(name: &str, settings: SimulatorSettings) -> Self {
        // A load balancer of its own: who may see all namespaces plans for all bindings of a load balancer.
        let id = uuid::Uuid::new_v4().simple().to_string();
        let stage = Stage::on(name, settings, &format!("lb-{}", &id[..8])).await;
        let home = stage.control_plane.namespace("home").await;
        Self { stage, home, flags: Vec::new(), pod: None }
    }

    /// Starts a controller.
    pub(crate) async fn start(&mut self, flags: &[&str]) {
        let home = self.home.name.clone();
        let all: Vec<&str> = ["--lease-namespace", &home].into_iter().chain(flags.iter().copied()).collect();
        self.stage.start_controller(&all).await;
    }

    /// A controller, Service `web`, two Pods of it, and binding `web`, which is ready.
    pub(crate) async fn ready(name: &str, replicas: u32) -> Self {
        let mut scene = Self::new(name).await;
        scene.start(&[]).await;
        scene.deploy(replicas, &json!({})).await;
        scene.stage.until_ready("web", &format!("{replicas}/{replicas}")).await;
        scene
    }

    /// A binding of Service `web` to the load balancer, with `spec` besides.
    pub(crate) fn binding(&self, name: &str, spec: &Value) -> String {
        let mut whole = json!({"loadBalancer": {"id": self.stage.load_balancer.as_str()}});
        whole.as_object_mut().expect("an object").extend(spec.as_object().cloned().unwrap_or_default());
        stage::binding(name, &whole)
    }

    /// Applies Service `web`, a Deployment of it, and binding `web` with this spec besides.
    pub(crate) async fn deploy(&self, replicas: u32, spec: &Value) {
        self.stage.apply(&stage::service()).await;
        self.stage.apply(&stage::deployment(replicas)).await;
        self.stage.apply(&self.binding("web", spec)).await;
    }

    /// A Deployment `web` of one Pod, with this besides in its Pods.
    pub(crate) async fn pods(&self, annotations: &Value, spec: &Value) {
        self.stage.apply(&deployment_with(1, annotations, spec)).await;
    }

    /// Runs the plugin as somebody who may look at the cloud.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let (id, key) = self.stage.cloud.credentials();
        let endpoint = self.stage.cloud.endpoint();
        self.run_with(arguments, "", |command| {
            command.env("TENCENTCLOUD_SECRET_ID", id).env("TENCENTCLOUD_SECRET_KEY", key).env("CLB_ENDPOINT", endpoint);
        })
        .await
    }

    /// Runs the plugin as somebody who may not.
    pub(crate) async fn run_blind(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "", |_| {}).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], input: &str, prepare: impl FnOnce(&mut Command)) -> Output {
        let mut all = vec!["direct-access"];
        all.extend(arguments);
        all.extend(["--namespace", &self.stage.namespace.name, "--controller-namespace", &self.home.name]);
        all.extend(&self.flags);
        self.stage
            .control_plane
            .kubectl_in(&all, input, |command| {
                plugin(command);
                prepare(command);
            })
            .await
    }

    /// What the plugin says as JSON; whatever its exit code.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        json_of(&self.run(&[arguments, &["--output", "json"]].concat()).await)
    }

    /// The name of the Pod that is asked about.
    pub(crate) async fn pod_name(&self) -> String {
        if let Some(name) = &self.pod {
            return name.clone();
        }
        eventually("there is a Pod", DEADLINE, async || {
            let names = self.stage.ok(&["get", "pods", "--sort-by=.metadata.creationTimestamp", "-o", "name"]).await;
            names.lines().next().map(|name| name.trim_start_matches("pod/").to_owned())
        })
        .await
    }

    /// The address of the Pod that is asked about.
    pub(crate) async fn pod_ip(&self) -> std::net::IpAddr {
        let name = self.pod_name().await;
        eventually("the Pod has an address", DEADLINE, async || {
            self.stage.ok(&["get", "pod", &name, "-o", "jsonpath={.status.podIP}"]).await.parse().ok()
        })
        .await
    }

    /// The end of every test. What stands in the way of deletion is taken away first.
    pub(crate) async fn finish(self) {
        self.stage.cloud.clear_faults();
        self.stage.finish().await;
    }
}

/// What a command printed, as JSON.
pub(crate) fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("no JSON ({error}):\n{}{}", output.stdout, output.stderr))
}

/// A kubeconfig with the token of a service account, and no other right.
pub(crate) async fn kubeconfig_of(control_plane: &ControlPlane, namespace: &str, account: &str) -> String {
    let token = control_plane.kubectl(&["-n", namespace, "create", "token", account]).await.ok().unwrap();
    let text = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({"token": token.trim()});
    }
    config.to_string()
}
