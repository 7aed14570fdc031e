//! Kubernetes, the cloud, the controller, and a workload.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tke_direct_access::api::{self, names};
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{Effect, Fault, LoadBalancerSpec, Settings as SimulatorSettings, Simulator, When};

use crate::Setting;
use crate::controller::Controller;
use crate::support::{ControlPlane, Namespace, Options, within};

const LOAD_BALANCER: &str = "lb-rollout1";
/// The port of the Pods.
pub(crate) const POD_PORT: u16 = 8080;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The account's usual quota of targets on one listener.
const USUAL_QUOTA: u32 = 200;

pub(crate) struct Stage {
    pub(crate) control_plane: ControlPlane,
    pub(crate) namespace: Namespace,
    pub(crate) cloud: Simulator,
    pub(crate) controller: Controller,
}

impl Stage {
    pub(crate) async fn start(setting: &Setting) -> Result<Self> {
        eprintln!("starting Kubernetes, the simulated cloud and the controller");
        let control_plane = ControlPlane::start(Options::default()).await?;
        let crds = api::crds_yaml()?;
        control_plane.kubectl_with_input(&["apply", "-f", "-"], &crds).await.ok()?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"];
        control_plane.kubectl(&established).await.ok()?;
        let namespace = control_plane.namespace("rollout").await;
        // Old Pods stay targets until they have ended, so that a rollout may need room for three generations.
        let quota = (3 * setting.pods).max(USUAL_QUOTA);
        let cloud = cloud(setting, quota)?;
        let flags = ["--listen", "127.0.0.1:0", "--clb-endpoint", &cloud.endpoint(), "--lease-namespace"];
        let mut flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        flags.extend([namespace.name.clone(), "--target-quota".to_owned(), quota.to_string()]);
        let log = control_plane.folder().join("controller.log");
        let controller = Controller::start(&flags, control_plane.kubeconfig(), cloud.credentials(), log)?;
        Ok(Self { control_plane, namespace, cloud, controller })
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let namespace = ["--namespace", &self.namespace.name];
        let all: Vec<&str> = namespace.iter().chain(arguments).copied().collect();
        let output = self.control_plane.kubectl(&all).await.ok();
        output.with_context(|| format!("kubectl {}", arguments.join(" ")))
    }

    /// Makes Service, binding and Deployment, and waits until all Pods are available.
    pub(crate) async fn deploy(&self, setting: &Setting) -> Result<()> {
        for object in [service(), binding(), deployment(setting)] {
            self.control_plane.kubectl_apply(&self.namespace.name, &object.to_string()).await?;
        }
        self.available().await
    }

    /// Gives all Pods another image, and waits until the new ones are available and no old one is wanted.
    pub(crate) async fn roll(&self, _: &Setting) -> Result<()> {
        self.kubectl(&["set", "image", "deployment/web", "web=registry.example.com/web:v2"]).await?;
        self.available().await
    }

    async fn available(&self) -> Result<()> {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        self.kubectl(&["rollout", "status", "deployment/web", &timeout]).await.map(drop)
    }

    /// Waits until the Pods that were told to end have gone, and the targets are those of the others.
    pub(crate) async fn settled(&self, setting: &Setting) -> Result<()> {
        let wanted = usize::try_from(setting.pods)?;
        let settled = within(PATIENCE, async || {
            let pods = self.kubectl(&["get", "pods", "-o", "name"]).await?.lines().count();
            let targets = self.targets();
            if (pods, targets) != (wanted, wanted) {
                bail!("{pods} Pods and {targets} targets, not {wanted} of each");
            }
            Ok(Some(()))
        });
        settled.await.map_err(anyhow::Error::msg)
    }

    fn targets(&self) -> usize {
        let targets = self.cloud.console(|state| state.targets(&LoadBalancerId::new(LOAD_BALANCER)));
        targets.values().map(Vec::len).sum()
    }

    /// Where clients find the workload.
    pub(crate) fn url(&self) -> Result<String> {
        let id = LoadBalancerId::new(LOAD_BALANCER);
        let address = self.cloud.data_plane(&id, Protocol::Tcp, 80).context("the listener is not served")?;
        Ok(format!("http://{address}/"))
    }

    /// Ends everything, and returns the end of the controller's log.
    pub(crate) async fn end(self) -> String {
        let log = self.controller.end().await;
        self.cloud.shutdown().await;
        log
    }
}

fn cloud(setting: &Setting, quota: u32) -> Result<Simulator> {
    ensure!(setting.time_scale >= 0.0, "--time-scale is negative");
    let mut settings = SimulatorSettings {
        load_balancers: vec![LoadBalancerSpec::with_id(LOAD_BALANCER)],
        ..SimulatorSettings::default()
    };
    settings.timing.scale = setting.time_scale;
    settings.quotas.targets = usize::try_from(quota)?;
    if setting.call_milliseconds > 0 {
        let effect = Effect::Delay { milliseconds: setting.call_milliseconds };
        settings.faults.push(Fault { action: None, load_balancer: None, names: None, when: When::Always, effect });
    }
    Ok(Simulator::start(settings)?)
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": POD_PORT}]},
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": LOAD_BALANCER}},
    })
}

fn deployment(setting: &Setting) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": setting.pods,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": format!("{}%", setting.surge), "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "automountServiceAccountToken": false,
                    "readinessGates": [{"conditionType": names::GATE}],
                    "containers": [{
                        "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": POD_PORT}],
                        // Time for weight 0 to be set before the Pod stops serving.
                        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                    }],
                },
            },
        },
    })
}
