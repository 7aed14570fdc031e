//! What users would apply.

use serde_json::{Value, json};
use tke_direct_access::api::names;

use crate::Setting;
use crate::scenario::COST_MODEL;

/// The port of the Pods.
pub(crate) const POD_PORT: u16 = 8080;
/// The port of the listeners.
pub(crate) const PORT: u16 = 80;

/// A Service with a binding to a load balancer of its own, a health check, and no Pods yet.
pub(crate) fn all(name: &str, load_balancer: &str, setting: &Setting) -> [Value; 4] {
    [service(name), config(name), binding(name, load_balancer), deployment(name, setting)]
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": PORT, "targetPort": POD_PORT}]},
    })
}

/// The first probe is made at once, and the second success makes a target healthy.
fn config(name: &str) -> Value {
    let check = json!({"enable": true, "intervalTime": COST_MODEL.healthy.as_secs(), "healthNum": 2});
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": name},
        "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": PORT, "healthCheck": check}]}},
    })
}

fn binding(name: &str, load_balancer: &str) -> Value {
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": name},
        "spec": {
            "serviceRef": {"name": name},
            "loadBalancer": {"id": load_balancer},
            "serviceConfigRef": {"name": name},
        },
    })
}

fn deployment(name: &str, setting: &Setting) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": format!("{}%", setting.surge), "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "automountServiceAccountToken": false,
                    "readinessGates": [{"conditionType": names::GATE}],
                    "containers": [{
                        "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": POD_PORT}],
                        // Connections of before end in this time; it begins with weight 0.
                        "lifecycle": {"preStop": {"sleep": {"seconds": COST_MODEL.drain.as_secs()}}},
                    }],
                },
            },
        },
    })
}
