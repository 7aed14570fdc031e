//! Pods for these tests, and what is seen of them and their targets.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tke_direct_access::api::mark::pod_mark;
use tke_direct_access::api::names;
use tke_direct_access::model::{Address, Protocol, RegisteredTarget};

use crate::stage::{DEADLINE, Stage};
use crate::support::{eventually, twin};

pub(crate) const LOOPBACK: &str = "loopback.tke-direct-access.dev";
/// How long the controller and the cloud may take for one step on a busy machine. Nothing here waits for a resync, which
/// comes after 60 s.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn pods(stage: &Stage) -> Api<Pod> {
    Api::namespaced(stage.control_plane.client(), &stage.namespace.name)
}

/// The Pods of Service `web`, by name.
pub(crate) async fn web_pods(stage: &Stage) -> Vec<Pod> {
    let mut found = pods(stage).list(&ListParams::default().labels("app=web")).await.unwrap().items;
    found.sort_by_key(name);
    found
}

/// Those of them that nobody has asked to end.
pub(crate) async fn live_web_pods(stage: &Stage) -> Vec<Pod> {
    let all = web_pods(stage).await.into_iter();
    all.filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
}

pub(crate) fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap()
}

pub(crate) fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap()
}

pub(crate) fn address(pod: &Pod) -> Address {
    let ip: IpAddr = pod.status.as_ref().and_then(|status| status.pod_ip.as_deref()).unwrap().parse().unwrap();
    Address { ip, port: 8080 }
}

/// The status of a condition; empty when there is none.
pub(crate) fn condition(pod: &Pod, kind: &str) -> String {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().find(|found| found.type_ == kind).map(|found| found.status.clone()).unwrap_or_default()
}

pub(crate) fn gate_is_open(pod: &Pod) -> bool {
    condition(pod, names::GATE) == "True"
}

pub(crate) fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers.map(|container| container.restart_count).sum()
}

/// The target at an address on port 80.
pub(crate) fn target(stage: &Stage, address: Address) -> Option<RegisteredTarget> {
    stage.targets(Protocol::Tcp, 80)?.remove(&address)
}

/// The target belongs to this very Pod.
pub(crate) fn is_of(target: &RegisteredTarget, pod: &Pod) -> bool {
    target.tag.ends_with(&format!("-{}", pod_mark(&uid(pod))))
}

/// Waits for the weight of a target; returns how long it took.
pub(crate) async fn until_weight(stage: &Stage, address: Address, weight: u8) -> Duration {
    let started = Instant::now();
    eventually(&format!("target {address} has weight {weight}"), DEADLINE, async || match target(stage, address) {
        Some(found) if found.weight == weight => Ok(Some(())),
        other => Err(format!("{other:?}")),
    })
    .await;
    started.elapsed()
}

/// Waits until there is no target at an address; returns how long it took.
pub(crate) async fn until_deregistered(stage: &Stage, address: Address) -> Duration {
    let started = Instant::now();
    eventually(&format!("target {address} is deregistered"), DEADLINE, async || match target(stage, address) {
        None => Ok(Some(())),
        Some(found) => Err(format!("{found:?}")),
    })
    .await;
    started.elapsed()
}

/// Asks for deletion, and does not wait for it.
pub(crate) async fn delete(stage: &Stage, pod: &str) {
    stage.ok(&["delete", "pod", pod, "--wait=false"]).await;
}

/// The Pod's own server answers on a new connection.
pub(crate) async fn serves(address: Address) -> bool {
    reqwest::get(format!("http://{}:{}/", twin(&address.ip.to_string()), address.port)).await.is_ok()
}

/// A Pod of Service `web` that nothing makes anew; `annotations` are those of the loopback runtime, `spec` is added.
pub(crate) fn bare_pod(name: &str, annotations: &Value, spec: &Value) -> String {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}, "annotations": prefixed(annotations)},
        "spec": pod_spec(spec),
    })
    .to_string()
}

pub(crate) fn prefixed(annotations: &Value) -> Value {
    let entries = annotations.as_object().expect("an object").iter();
    Value::Object(entries.map(|(key, value)| (format!("{LOOPBACK}/{key}"), value.clone())).collect())
}

/// What Pods of these tests have in common: a gate, TCP 8080, and 5 s of preStop.
pub(crate) fn pod_spec(spec: &Value) -> Value {
    let mut whole = json!({
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 30,
        "readinessGates": [{"conditionType": names::GATE}],
        "containers": [{
            "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        }],
    });
    whole.as_object_mut().expect("an object").extend(spec.as_object().cloned().unwrap_or_default());
    whole
}
