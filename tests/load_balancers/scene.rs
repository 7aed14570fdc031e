//! What these tests share: bindings that create load balancers, and what the cloud has of them.

use serde_json::{Value, json};
use tke_direct_access::clb::wire;
use tke_direct_access::model::LoadBalancerId;

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, deployment, service};
use crate::support::eventually;

/// A binding of Service `web` that creates its load balancer, with `spec` besides.
pub(crate) fn creating(name: &str, create: &Value, spec: &Value) -> String {
    let mut whole = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"create": create}});
    whole.as_object_mut().unwrap().extend(spec.as_object().cloned().unwrap_or_default());
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": name}, "spec": whole,
    })
    .to_string()
}

/// Service and Pods.
pub(crate) async fn deploy(stage: &Stage, replicas: u32) {
    stage.apply(&service()).await;
    stage.apply(&deployment(replicas)).await;
}

/// The load balancers that are not the stage's own, as the cloud shows them.
pub(crate) fn created(stage: &Stage) -> Vec<(LoadBalancerId, wire::LoadBalancer)> {
    stage.cloud.console(|state| {
        let all = state.load_balancers().map(|found| (found.id().clone(), found.shown().clone()));
        all.filter(|(id, _)| id.as_str() != LOAD_BALANCER).collect()
    })
}

/// Deletes the binding and waits until it is gone.
pub(crate) async fn delete(stage: &Stage, name: &str) {
    stage.ok(&["delete", "dab", name, "--wait=false"]).await;
    eventually("the binding is gone", DEADLINE, async || match stage.binding(name).await {
        None => Ok(Some(())),
        Some(binding) => Err(format!("{:?}", binding.status)),
    })
    .await;
}
