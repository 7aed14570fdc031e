//! Pods and Deployments for these tests, and what is seen of them.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{ControlPlane, Namespace, eventually, twin};

/// Enough for anything here on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);
pub(crate) const PREFIX: &str = "loopback.tke-direct-access.dev";

/// A namespace with access to its Pods.
pub(crate) struct World {
    pub(crate) control_plane: &'static ControlPlane,
    pub(crate) namespace: Namespace,
    pub(crate) pods: Api<Pod>,
}

/// What a server says about itself.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) pod: String,
    pub(crate) version: String,
    pub(crate) address: String,
    #[serde(default)]
    pub(crate) echo: String,
}

impl World {
    pub(crate) async fn new(prefix: &str) -> Self {
        let control_plane = ControlPlane::shared().await;
        let namespace = control_plane.namespace(prefix).await;
        let pods = Api::default_namespaced(namespace.client());
        Self { control_plane, namespace, pods }
    }

    pub(crate) async fn apply(&self, object: &Value) {
        self.control_plane.kubectl_apply(&self.namespace.name, &object.to_string()).await.unwrap();
    }

    /// Creates a Pod and waits until it is ready.
    pub(crate) async fn ready_pod(&self, name: &str, annotations: Value, container: Value) -> Pod {
        self.apply(&pod(name, annotations, container)).await;
        self.wait_for(name, "is ready", |pod| condition(pod, "Ready").0 == "True").await
    }

    /// Waits until a Pod is as wanted.
    pub(crate) async fn wait_for(&self, name: &str, what: &str, is_so: impl Fn(&Pod) -> bool) -> Pod {
        eventually(&format!("Pod {name} {what}"), SOON, || async {
            let pod = self.pods.get(name).await?;
            if is_so(&pod) {
                return Ok(Some(pod));
            }
            Err(anyhow!("{}", serde_json::to_string(&pod.status)?))
        })
        .await
    }

    /// Waits until there is no Pod of that name.
    pub(crate) async fn wait_until_gone(&self, name: &str) {
        eventually(&format!("Pod {name} is gone"), SOON, || async {
            anyhow::Ok(self.pods.get_opt(name).await?.is_none().then_some(()))
        })
        .await;
    }

    pub(crate) async fn annotate(&self, name: &str, key: &str, value: &str) {
        let patch = json!({"metadata": {"annotations": {format!("{PREFIX}/{key}"): value}}});
        self.pods.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.pods.delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn pods_of(&self, app: &str) -> Result<Vec<Pod>> {
        Ok(self.pods.list(&ListParams::default().labels(&format!("app={app}"))).await?.items)
    }

    /// The Events about a Pod, as `Reason: message`.
    pub(crate) async fn events(&self, pod: &str) -> Result<Vec<String>> {
        let events: Api<Event> = Api::default_namespaced(self.namespace.client());
        let about = ListParams::default().fields(&format!("involvedObject.name={pod}"));
        let text =
            |event: Event| format!("{}: {}", event.reason.unwrap_or_default(), event.message.unwrap_or_default());
        Ok(events.list(&about).await?.items.into_iter().map(text).collect())
    }

    /// Opens a gate of a Pod, as a controller would.
    pub(crate) async fn open_gate(&self, pod: &Pod, gate: &str) -> Result<()> {
        let name = pod.metadata.name.as_deref().context("a name")?;
        let patch = json!({"status": {"conditions": [{"type": gate, "status": "True", "reason": "Opened"}]}});
        self.pods.patch_status(name, &PatchParams::default(), &Patch::Strategic(patch)).await?;
        Ok(())
    }
}

/// A Pod of one container, which stops within 10 s.
pub(crate) fn pod(name: &str, annotations: Value, container: Value) -> Value {
    let mut metadata = json!({"name": name, "labels": {"app": name, "version": "v1"}, "annotations": {}});
    for (key, value) in entries(annotations) {
        metadata["annotations"][format!("{PREFIX}/{key}")] = value;
    }
    let mut spec = json!({"terminationGracePeriodSeconds": 10, "containers": [{"name": "main", "image": "any"}]});
    for (key, value) in entries(container) {
        spec["containers"][0][key] = value;
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn entries(object: Value) -> serde_json::Map<String, Value> {
    match object {
        Value::Object(entries) => entries,
        other => panic!("{other} is not an object"),
    }
}

/// Status and reason of a condition; empty when there is none.
pub(crate) fn condition(pod: &Pod, kind: &str) -> (String, String) {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let found = conditions.and_then(|all| all.iter().find(|condition| condition.type_ == kind));
    found.map(|c| (c.status.clone(), c.reason.clone().unwrap_or_default())).unwrap_or_default()
}

pub(crate) fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    containers.map_or(0, |all| all.iter().map(|container| container.restart_count).sum())
}

/// `127.a.b.c:port` of a Pod.
pub(crate) fn socket(pod: &Pod, port: u16) -> String {
    let address = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref()).unwrap();
    format!("{}:{port}", twin(address))
}

/// Asks a server, on a connection of its own.
pub(crate) async fn ask(socket: &str) -> Result<Answer> {
    let response = client().get(format!("http://{socket}/")).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}
