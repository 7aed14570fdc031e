//! A stage with a workload behind a load balancer, and ways to change it.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Settings as SimulatorSettings, Timing};
use tokio::time::Instant;

use crate::stage::{Stage, deployment_with};
use crate::support::eventually;

/// How long anything here may take; more than that is a failure also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// How long a target may outlive its Pod: some calls and retries, much less than the interval at which an unchanged load
/// balancer is read (60 s), so that no missed change hides behind it.
const TIDY: Duration = Duration::from_secs(25);

/// A cloud that takes its time: a tenth of the real one's, but for the lock of a load balancer, which outlasts its task by 0.2 s.
pub(crate) fn brisk() -> SimulatorSettings {
    let timing = Timing { scale: 0.1, tail: Duration::from_secs(2), ..Timing::default() };
    SimulatorSettings { timing, ..SimulatorSettings::default() }
}

/// Deployment `web`: with the gate, `surge` more Pods in a rollout and none less, and Pods that go on serving for
/// `farewell` seconds when they are told to end.
pub(crate) fn workload(replicas: u32, surge: &str, farewell: u32) -> String {
    let pod = json!({
        "terminationGracePeriodSeconds": farewell + 30,
        "containers": [{
            "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
            "lifecycle": {"preStop": {"sleep": {"seconds": farewell}}},
        }],
    });
    let mut object: Value = serde_json::from_str(&deployment_with(replicas, &json!({}), &pod)).unwrap();
    object["spec"]["strategy"]["rollingUpdate"]["maxSurge"] = json!(surge);
    object.to_string()
}

/// The names of the Pods, as `pod/name`.
pub(crate) async fn pods(stage: &Stage) -> Vec<String> {
    stage.ok(&["get", "pods", "-l", "app=web", "-o", "name"]).await.lines().map(str::to_owned).collect()
}

/// Waits until none of these Pods is left.
pub(crate) async fn until_gone(stage: &Stage, pods: &[String]) {
    let command = ["wait", "--for=delete", "--timeout=240s"];
    let all: Vec<&str> = command.into_iter().chain(pods.iter().map(String::as_str)).collect();
    stage.ok(&all).await;
}

/// Waits until the load balancer has exactly so many targets, once the Pods are as they shall be.
pub(crate) async fn until_targets(stage: &Stage, count: usize) {
    eventually(&format!("{count} targets are left"), TIDY, async || {
        let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        if targets.len() == count { Ok(Some(())) } else { Err(format!("{targets:?}")) }
    })
    .await;
}

/// Gives the Pods another image, which begins a rollout.
pub(crate) async fn begin_rollout(stage: &Stage, version: u32) {
    let image = format!("web=registry.example.com/web:v{version}");
    stage.ok(&["set", "image", "deployment/web", &image]).await;
}

/// Waits until a rollout has ended, and the `old` Pods and their targets have gone.
pub(crate) async fn end_rollout(stage: &Stage, replicas: usize, old: &[String]) {
    let begun = Instant::now();
    if !stage.kubectl(&["rollout", "status", "deployment/web", "--timeout=40s"]).await.success {
        explain(stage).await;
        stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    }
    let available = begun.elapsed();
    until_gone(stage, old).await;
    let gone = begun.elapsed();
    until_targets(stage, replicas).await;
    eprintln!("available after {available:.1?}, old Pods gone after {gone:.1?}, targets after {:.1?}", begun.elapsed());
}

/// Tells what a slow rollout waits for.
async fn explain(stage: &Stage) {
    let pods: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    for pod in pods.list(&ListParams::default()).await.unwrap().items {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        if !conditions.iter().any(|found| found.type_ == "Ready" && found.status == "True") {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            eprintln!("{name} is not ready: {}", serde_json::to_string(&pod.status).unwrap());
            eprintln!(
                "{}",
                stage.ok(&["get", "events", "--field-selector", &format!("involvedObject.name={name}")]).await
            );
        }
    }
    eprintln!("{}", stage.ok(&["get", "dab", "web", "-o", "yaml"]).await);
}
