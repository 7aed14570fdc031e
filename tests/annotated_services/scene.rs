//! What these tests share.

use serde_json::{Value, json};
use tke_direct_access::clb::wire;
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage};
use crate::support::eventually;

/// The Service of TKE's page on direct access (457/41897), word for word.
pub(crate) const DOCUMENTED: &str = r#"
kind: Service
apiVersion: v1
metadata:
  annotations:
    service.cloud.tencent.com/direct-access: "true" ##开启直连 Pod 模式
  name: my-service
spec:
  selector:
    app: MyApp
  ports:
  - protocol: TCP
    port: 80
    targetPort: 9376
  type: LoadBalancer
"#;

/// Pods for it.
pub(crate) fn pods(replicas: u32) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "my-app"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "MyApp"}},
            "template": {
                "metadata": {"labels": {"app": "MyApp"}},
                "spec": {"automountServiceAccountToken": false, "containers": [{
                    "name": "app", "image": "registry.example.com/app:v1", "ports": [{"containerPort": 9376}, {"containerPort": 9376, "protocol": "UDP", "name": "udp"}],
                    "lifecycle": {"preStop": {"sleep": {"seconds": 6}}},
                }]},
            },
        },
    })
    .to_string()
}

/// A controller that follows annotations.
pub(crate) async fn stage(name: &str, acceptance: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    stage.start_controller(&["--annotated-services", acceptance]).await;
    stage
}

/// Sets annotations of a Service; `null` takes one off.
pub(crate) async fn annotate(stage: &Stage, annotations: Value) {
    let patch = json!({"metadata": {"annotations": annotations}}).to_string();
    stage.ok(&["patch", "service", "my-service", "--type=merge", "-p", &patch]).await;
}

/// The load balancers that are not the stage's own.
pub(crate) fn created(stage: &Stage) -> Vec<(LoadBalancerId, wire::LoadBalancer)> {
    stage.cloud.console(|state| {
        let all = state.load_balancers().map(|found| (found.id().clone(), found.shown().clone()));
        all.filter(|(id, _)| id.as_str() != LOAD_BALANCER).collect()
    })
}

/// Waits until our condition of the Service has this status and reason; returns its message.
pub(crate) async fn until_told(stage: &Stage, status: &str, reason: &str) -> String {
    let path = "jsonpath={range .status.conditions[?(@.type=='cloud.tencent.com/direct-access')]}\
                {.status} {.reason} {.message}{end}";
    let wanted = format!("{status} {reason} ");
    eventually(&format!("the Service says {wanted}"), DEADLINE, async || {
        let found = stage.ok(&["get", "service", "my-service", "-o", path]).await;
        match found.strip_prefix(&wanted) {
            Some(message) => Ok(Some(message.to_owned())),
            None => Err(found),
        }
    })
    .await
}

/// Waits until there is no binding for the Service, and no load balancer either.
pub(crate) async fn until_gone(stage: &Stage) {
    eventually("the binding and its load balancer are gone", DEADLINE, async || {
        let binding = stage.binding("my-service").await.and_then(|binding| binding.status);
        let left = created(stage);
        if binding.is_none() && left.is_empty() { Ok(Some(())) } else { Err(format!("{binding:?}, {}", left.len())) }
    })
    .await;
}

/// Waits until the Service says that its load balancer is parked, and deletes it by the command that it names.
pub(crate) async fn delete_parked(stage: &Stage) {
    let said = until_told(stage, "False", "Parked").await;
    assert!(said.contains("costs money") && said.contains("delete directaccessbinding my-service"), "{said}");
    stage.ok(&["delete", "directaccessbinding", "my-service", "--timeout=150s"]).await;
    until_gone(stage).await;
}
