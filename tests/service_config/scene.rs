//! What the tests of configs share: configs, bindings of every protocol, and looks at both sides.

use serde_json::{Value, json};
use tke_direct_access::api::TkeServiceConfig;

use crate::api::ok;
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage};
use crate::support::eventually;

/// Config `web` with this `spec.loadBalancer`.
pub(crate) fn config(load_balancer: &Value) -> String {
    named("web", load_balancer)
}

pub(crate) fn named(name: &str, load_balancer: &Value) -> String {
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": name},
        "spec": {"loadBalancer": load_balancer},
    })
    .to_string()
}

/// What a binding says to use config `web`.
pub(crate) fn with_config() -> Value {
    json!({"serviceConfigRef": {"name": "web"}})
}

pub(crate) async fn found(stage: &Stage, name: &str) -> Option<TkeServiceConfig> {
    let api: kube::Api<TkeServiceConfig> = kube::Api::namespaced(stage.control_plane.client(), &stage.namespace.name);
    api.get_opt(name).await.expect("configs can be read")
}

/// Waits until the status of a config describes its present generation, with these words for Ready.
pub(crate) async fn until_config(stage: &Stage, name: &str, status: &str, reason: &str) -> TkeServiceConfig {
    eventually(&format!("config {name} has Ready={status} ({reason})"), DEADLINE, async || {
        let config = found(stage, name).await.ok_or("there is none")?;
        let told = config.status.clone().unwrap_or_default();
        let ready = told.conditions.iter().find(|one| one.type_ == "Ready");
        let is_present = Some(told.observed_generation) == config.metadata.generation;
        match ready {
            Some(ready) if is_present && ready.status == status && ready.reason == reason => Ok(Some(config)),
            other => Err(format!("{other:?}, {:?}", told.problems)),
        }
    })
    .await
}

/// The listener on a port, as the cloud tells it over the wire.
pub(crate) async fn listener(stage: &Stage, port: u16) -> Value {
    let answer = ok(&stage.cloud, "DescribeListeners", json!({"LoadBalancerId": LOAD_BALANCER})).await;
    let listeners = answer["Listeners"].as_array().expect("a list").iter();
    listeners.clone().find(|one| one["Port"] == port).cloned().unwrap_or_default()
}

/// Writes of the controller to the cloud so far, by action.
pub(crate) fn writes(stage: &Stage) -> u64 {
    stage.cloud.writes()
}

/// Waits until the load balancer was read this many times more.
pub(crate) async fn rounds(stage: &Stage, count: u64) {
    let reads = || stage.cloud.calls().get("DescribeListeners").copied().unwrap_or_default();
    let before = reads();
    eventually("rounds go on", DEADLINE, async || reads() >= before + count).await;
}
