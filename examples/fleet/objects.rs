//! The objects of the fleet, as their controllers and kubelets would write them.

use jiff::Timestamp;
use serde_json::{Value, json};
use tke_direct_access::api::names;

use crate::workload::{Member, State, Workload};

/// The port of the Pods.
pub(crate) const POD_PORT: u16 = 8080;
/// Pods of one node.
const PODS_PER_NODE: u32 = 64;

pub(crate) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

pub(crate) fn service(workload: &Workload) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": workload.name},
        "spec": {
            "selector": {"app": workload.name},
            "ports": [{"name": "http", "port": workload.port, "targetPort": POD_PORT}],
        },
    })
}

/// A binding with the finalizer that a controller has left on it: 5,000 writes at once would be measured otherwise.
pub(crate) fn binding(workload: &Workload) -> Value {
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": workload.name, "finalizers": [names::FINALIZER]},
        "spec": {"serviceRef": {"name": workload.name}, "loadBalancer": {"id": workload.load_balancer}},
    })
}

/// A Pod of a Deployment as the scheduler leaves it, about as large as usual ones.
pub(crate) fn pod(workload: &Workload, name: &str, number: u32) -> Value {
    let app = &workload.name;
    let probe = json!({"httpGet": {"path": "/healthz", "port": POD_PORT}, "periodSeconds": 5});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": app, "pod-template-hash": "5d4f8c7b9", "app.kubernetes.io/part-of": "fleet"},
            "annotations": {"checksum/config": "6f1ed002ab5595859014ebf0951522d9a1d3e7e6c1f6a3a0"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-5d4f8c7b9"),
                "uid": "0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77", "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": format!("node-{}", number / PODS_PER_NODE),
            "automountServiceAccountToken": false,
            "readinessGates": [{"conditionType": names::GATE}],
            "terminationGracePeriodSeconds": 30,
            "containers": [{
                "name": "web", "image": "registry.example.com/web:v1",
                "ports": [{"name": "http", "containerPort": POD_PORT}],
                "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "ap-guangzhou"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                "readinessProbe": probe, "livenessProbe": probe,
                "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
            }],
        },
    })
}

fn condition(kind: &str, holds: bool) -> Value {
    let status = if holds { "True" } else { "False" };
    json!({"type": kind, "status": status, "lastTransitionTime": now()})
}

/// Now, as conditions and container states have it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn containers(state: &Value, is_ready: bool) -> Value {
    json!([{
        "name": "web", "image": "registry.example.com/web:v1", "imageID": "sha256:6f1ed002ab55", "restartCount": 0,
        "containerID": "containerd://6f1ed002ab5595859014ebf0951522d9", "ready": is_ready, "started": is_ready, "state": state,
    }])
}

/// What a kubelet says of a Pod whose containers are ready. The gate of one that is `settled` was opened before.
pub(crate) fn running(member: &Member, settled: bool) -> Value {
    let mut conditions: Vec<Value> =
        ["PodScheduled", "Initialized", "ContainersReady"].map(|kind| condition(kind, true)).to_vec();
    conditions.push(condition("Ready", settled));
    if settled {
        conditions.push(condition(names::GATE, true));
    }
    json!({"status": {
        "phase": "Running", "podIP": member.ip.to_string(), "podIPs": [{"ip": member.ip.to_string()}],
        "startTime": now(), "conditions": conditions,
        "containerStatuses": containers(&json!({"running": {"startedAt": now()}}), true),
    }})
}

/// What a kubelet says of a Pod whose gates are open.
pub(crate) fn ready() -> Value {
    json!({"status": {"conditions": [condition("Ready", true)]}})
}

/// What a kubelet says of a Pod whose containers have ended.
pub(crate) fn ended() -> Value {
    let terminated = json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now()}});
    let conditions = ["ContainersReady", "Ready"].map(|kind| condition(kind, false));
    json!({"status": {"phase": "Succeeded", "conditions": conditions, "containerStatuses": containers(&terminated, false)}})
}

/// What the endpoint controller says of a Service.
pub(crate) fn slice(workload: &Workload) -> Value {
    let endpoint = |member: &Member| {
        let is_leaving = member.state == State::Leaving;
        json!({
            "addresses": [member.ip.to_string()],
            "conditions": {
                "ready": member.state == State::Serving, "serving": member.state != State::Starting, "terminating": is_leaving,
            },
            "targetRef": {"kind": "Pod", "namespace": workload.namespace, "name": member.name, "uid": member.uid},
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": workload.slice(),
            "labels": {
                "kubernetes.io/service-name": workload.name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "protocol": "TCP", "port": POD_PORT}],
        "endpoints": workload.members.iter().map(endpoint).collect::<Vec<_>>(),
    })
}
