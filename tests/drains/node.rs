//! Pods that leave their node: evicted, or lost with it.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, DeleteParams, EvictParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::model::Address;

use crate::seen::{
    SOON, address, bare_pod, condition, is_of, live_web_pods, name, pods, target, until_deregistered, until_weight,
    web_pods,
};
use crate::stage::{DEADLINE, Stage, binding, service};
use crate::support::eventually;

/// A node is declared dead this long after its last heartbeat, by Kubernetes' default, and some time for a busy machine.
const NODE_GRACE: Duration = Duration::from_secs(50 + 60);

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_pod_is_drained_and_its_successor_bound() {
    let stage = Stage::new("evict").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let evicted = web_pods(&stage).await.remove(0);
    pods(&stage).evict(&name(&evicted), &EvictParams::default()).await.unwrap();
    let took = until_weight(&stage, address(&evicted), 0).await;
    assert!(took < SOON, "{took:?}");
    until_deregistered(&stage, address(&evicted)).await;
    stage.until_ready("web", "2/2").await;
    for pod in live_web_pods(&stage).await {
        assert!(is_of(&target(&stage, address(&pod)).unwrap(), &pod));
    }
    stage.finish().await;
}

/// A node that nothing is scheduled to and no kubelet runs on: it sends one heartbeat and falls silent.
struct SilentNode {
    name: String,
    nodes: Api<Node>,
}

impl SilentNode {
    async fn create(stage: &Stage) -> Self {
        let nodes: Api<Node> = Api::all(stage.control_plane.client());
        let name = format!("silent-{}", stage.namespace.name);
        let object = json!({
            "metadata": {"name": name},
            "spec": {"taints": [{"key": "example.com/silent", "effect": "NoSchedule"}]},
        });
        nodes.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        let node = Self { name, nodes };
        node.beat().await;
        node
    }

    async fn beat(&self) {
        let now = jiff::Timestamp::now();
        let now = jiff::Timestamp::from_second(now.as_second()).unwrap().to_string();
        let status = json!({"status": {"conditions": [{
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "as told",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }]}});
        self.nodes.patch_status(&self.name, &PatchParams::default(), &Patch::Strategic(status)).await.unwrap();
    }

    /// Says of a Pod what its kubelet would say.
    async fn run(&self, pods: &Api<Pod>, pod: &str, ip: IpAddr) {
        let at = |seconds| {
            let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
            jiff::Timestamp::from_second(time.as_second()).unwrap().to_string()
        };
        let is_true =
            |kind: &str, age: i64| -> Value { json!({"type": kind, "status": "True", "lastTransitionTime": at(age)}) };
        let status = json!({"status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [is_true("ContainersReady", 5), is_true(names::GATE, 4), is_true("Ready", 3)],
        }});
        pods.patch_status(pod, &PatchParams::default(), &Patch::Strategic(status)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_on_a_lost_node_gets_no_new_connections_and_goes_with_the_node() {
    let stage = Stage::new("lost").await;
    let node = SilentNode::create(&stage).await;
    let ip: IpAddr = format!("10.{}.251.7", stage.control_plane.subnets()[0]).parse().unwrap();
    let lost = Address { ip, port: 8080 };
    // No server is behind the address, so the cloud is told that there is one.
    stage.cloud.set_health_override(lost, Some(true));
    let spec = json!({"nodeName": node.name, "tolerations": [
        {"operator": "Exists", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 5},
    ]});
    stage.apply(&service()).await;
    stage.apply(&bare_pod("lost", &json!({}), &spec)).await;
    stage.apply(&bare_pod("stays", &json!({}), &json!({}))).await;
    node.run(&pods(&stage), "lost", ip).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(target(&stage, lost).map(|target| target.weight), Some(10));

    eventually("Kubernetes finds that the node is silent", NODE_GRACE, async || {
        condition(&pods(&stage).get("lost").await.unwrap(), "Ready") == "False"
    })
    .await;
    let took = until_weight(&stage, lost, 0).await;
    assert!(took < SOON, "{took:?}");
    eventually("the Pod is told as lost, until it is deleted", DEADLINE, async || {
        let status = stage.binding("web").await.unwrap().status.unwrap();
        let row = status.excluded.into_iter().find(|row| row.pods.iter().any(|pod| pod == "lost"));
        row.is_some_and(|row| ["NodeGone", "Terminating"].contains(&row.reason.as_str()))
    })
    .await;
    stage.until_ready("web", "1/1").await;
    eventually("the Pod is deleted, and no kubelet lets it go", DEADLINE, async || {
        pods(&stage).get("lost").await.unwrap().metadata.deletion_timestamp.is_some()
    })
    .await;
    assert_eq!(target(&stage, lost).map(|target| target.weight), Some(0), "it drains");
    node.nodes.delete(&node.name, &DeleteParams::default()).await.unwrap();
    stage.ok(&["delete", "pod", "lost", "--grace-period=0", "--force"]).await;
    until_deregistered(&stage, lost).await;
    stage.finish().await;
}
