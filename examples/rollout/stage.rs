//! Kubernetes, the cloud, the controller, and workloads.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tke_direct_access::api::condition::ConditionType;
use tke_direct_access::api::{self, DirectAccessBinding};
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{Effect, Fault, LoadBalancerSpec, Settings as SimulatorSettings, Simulator, When};

use crate::Setting;
use crate::controller::Controller;
use crate::objects::{self, PORT};
use crate::scenario::{COST_MODEL, Work};
use crate::support::{ControlPlane, Namespace, Options, within};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// The account's usual quota of targets on one listener.
const USUAL_QUOTA: u32 = 200;
/// For so long nothing is written to the cloud before a phase begins.
const QUIET: Duration = Duration::from_secs(3);

pub(crate) struct Stage {
    pub(crate) control_plane: ControlPlane,
    pub(crate) namespace: Namespace,
    pub(crate) cloud: Simulator,
    pub(crate) controller: Controller,
    client: kube::Client,
    /// Names of the bindings, and of what belongs to each.
    bindings: Vec<String>,
    /// Flags of the controller.
    flags: Vec<String>,
}

impl Stage {
    /// Starts everything, and makes bindings without Pods.
    pub(crate) async fn start(setting: &Setting, work: &Work) -> Result<Self> {
        eprintln!("starting Kubernetes, the simulated cloud and the controller");
        let control_plane = ControlPlane::start(Options::default()).await?;
        let crds = api::crds_yaml()?;
        control_plane.kubectl_with_input(&["apply", "-f", "-"], &crds).await.ok()?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"];
        control_plane.kubectl(&established).await.ok()?;
        let namespace = control_plane.namespace("rollout").await;
        let bindings: Vec<String> = (1..=work.bindings).map(|nth| format!("web-{nth}")).collect();
        // Old Pods stay targets until they have ended, so that a rollout may need room for three generations.
        let quota = (3 * work.pods_each).max(USUAL_QUOTA);
        let cloud = cloud(setting, work, &bindings, quota)?;
        let flags = ["--clb-endpoint", &cloud.endpoint(), "--lease-namespace", &namespace.name, "--target-quota"];
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).chain([quota.to_string()]).collect();
        let log = control_plane.folder().join("controller.log");
        let controller = Controller::start(&flags, control_plane.kubeconfig(), cloud.credentials(), log)?;
        let client = namespace.client();
        let stage = Self { control_plane, namespace, cloud, controller, client, bindings, flags };
        stage.bind(setting).await?;
        Ok(stage)
    }

    /// Makes all objects, and waits for the listeners.
    async fn bind(&self, setting: &Setting) -> Result<()> {
        let all = self.bindings.iter().flat_map(|name| objects::all(name, &load_balancer(name), setting));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": all.collect::<Vec<Value>>()});
        self.control_plane.kubectl_apply(&self.namespace.name, &list.to_string()).await?;
        let programmed = within(PATIENCE, async || {
            let bindings = self.bindings_now().await?;
            let waiting = bindings.iter().find(|binding| !is_programmed(binding));
            match waiting {
                Some(binding) => bail!("{:?} is not programmed: {:?}", binding.metadata.name, binding.status),
                None => Ok(Some(())),
            }
        });
        programmed.await.map_err(anyhow::Error::msg)?;
        self.quiet().await
    }

    async fn bindings_now(&self) -> Result<Vec<DirectAccessBinding>> {
        Ok(Api::default_namespaced(self.client.clone()).list(&ListParams::default()).await?.items)
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client.clone())
    }

    /// Gives each Deployment so many replicas, and waits until all are available.
    pub(crate) async fn scale(&self, replicas: u32) -> Result<()> {
        self.change(&json!({"spec": {"replicas": replicas}})).await
    }

    /// Gives all Pods another image, and waits until the new ones are available and no old one is wanted.
    pub(crate) async fn roll(&self, version: u32) -> Result<()> {
        let image = format!("registry.example.com/web:v{version}");
        self.change(&json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})).await
    }

    async fn change(&self, patch: &Value) -> Result<()> {
        let deployments: Api<Deployment> = Api::default_namespaced(self.client.clone());
        let patched = self
            .bindings
            .iter()
            .map(async |name| deployments.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await);
        try_join_all(patched).await?;
        let available = self.bindings.iter().map(async |name| {
            await_condition(deployments.clone(), name, |found: Option<&Deployment>| found.is_some_and(is_available))
                .await
        });
        tokio::time::timeout(PATIENCE, try_join_all(available))
            .await
            .context("the Deployments are not available")??;
        Ok(())
    }

    /// Waits until there are so many Pods of each Deployment, the targets are those, and the bindings say so.
    pub(crate) async fn settled(&self, pods_each: u32) -> Result<()> {
        let each = usize::try_from(pods_each)?;
        let wanted = each * self.bindings.len();
        let settled = within(PATIENCE, async || {
            let targets = self.targets();
            if targets.iter().any(|found| *found != each) {
                bail!("{targets:?} targets, not {each} of each binding");
            }
            let pods = self.pods().list_metadata(&ListParams::default()).await?.items.len();
            if pods != wanted {
                bail!("{pods} Pods, not {wanted}");
            }
            let bindings = self.bindings_now().await?;
            let waiting = bindings.iter().find(|binding| !says(binding, pods_each));
            match waiting {
                Some(binding) => bail!("{:?} says {:?}", binding.metadata.name, binding.status),
                None => Ok(Some(())),
            }
        });
        settled.await.map_err(anyhow::Error::msg)
    }

    /// Waits until nothing has been written to the cloud for a while.
    pub(crate) async fn quiet(&self) -> Result<()> {
        let mut last = (self.cloud.writes(), Instant::now());
        let quiet = within(PATIENCE, || {
            let writes = self.cloud.writes();
            if writes != last.0 {
                last = (writes, Instant::now());
            }
            std::future::ready(last.1.elapsed() >= QUIET)
        });
        quiet.await.map_err(anyhow::Error::msg).context("the cloud is written to without an end")
    }

    /// Targets of each binding.
    fn targets(&self) -> Vec<usize> {
        let count = |name| {
            let targets = self.cloud.console(|state| state.targets(&LoadBalancerId::new(load_balancer(name))));
            targets.values().map(Vec::len).sum()
        };
        self.bindings.iter().map(String::as_str).map(count).collect()
    }

    /// Starts a controller in the place of one that has ended.
    pub(crate) fn start_controller(&mut self) -> Result<()> {
        let log = self.control_plane.folder().join("controller.log");
        let (kubeconfig, keys) = (self.control_plane.kubeconfig(), self.cloud.credentials());
        self.controller = Controller::start(&self.flags, kubeconfig, keys, log)?;
        Ok(())
    }

    /// Where clients find the first workload.
    pub(crate) fn url(&self) -> Result<String> {
        let first = self.bindings.first().context("there is no binding")?;
        let id = LoadBalancerId::new(load_balancer(first));
        let address = self.cloud.data_plane(&id, Protocol::Tcp, PORT).context("the listener is not served")?;
        Ok(format!("http://{address}/"))
    }

    /// Ends everything, and returns the end of the controller's log.
    pub(crate) async fn end(mut self) -> String {
        let log = self.controller.stop().await;
        self.cloud.shutdown().await;
        log
    }
}

/// The load balancer of a binding.
fn load_balancer(binding: &str) -> String {
    format!("lb-rollout{}", binding.trim_start_matches("web-"))
}

fn is_programmed(binding: &DirectAccessBinding) -> bool {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    let programmed = ConditionType::Programmed.to_string();
    conditions.into_iter().any(|condition| condition.type_ == programmed && condition.status == "True")
}

/// Whether a binding's status says that it has so many targets, all healthy and none on its way out.
fn says(binding: &DirectAccessBinding, pods: u32) -> bool {
    let wanted = i32::try_from(pods).ok();
    let targets = binding.status.as_ref().and_then(|status| status.targets.as_ref());
    targets.is_some_and(|targets| {
        [targets.desired, targets.registered, targets.healthy].iter().all(|count| Some(*count) == wanted)
            && targets.draining == 0
    })
}

/// As `kubectl rollout status` sees it.
fn is_available(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    deployment.status.as_ref().is_some_and(|status| {
        let is_observed = status.observed_generation >= deployment.metadata.generation;
        // Absent counts are 0.
        let counts = [status.replicas, status.updated_replicas, status.available_replicas];
        is_observed && counts.iter().all(|count| Some(count.unwrap_or_default()) == wanted)
    })
}

fn cloud(setting: &Setting, work: &Work, bindings: &[String], quota: u32) -> Result<Simulator> {
    let mut settings = SimulatorSettings {
        load_balancers: bindings.iter().map(|name| LoadBalancerSpec::with_id(load_balancer(name))).collect(),
        ..SimulatorSettings::default()
    };
    settings.timing.scale = work.time_scale;
    (settings.timing.task, settings.timing.batch) = (COST_MODEL.task, COST_MODEL.batch);
    settings.quotas.targets = usize::try_from(quota)?;
    if setting.call_milliseconds > 0 {
        let effect = Effect::Delay { milliseconds: setting.call_milliseconds };
        settings.faults.push(Fault { action: None, load_balancer: None, names: None, when: When::Always, effect });
    }
    Ok(Simulator::start(settings)?)
}
