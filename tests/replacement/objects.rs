//! The objects of the stories.

use serde_json::{Value, json};
use tke_direct_access::api::names;

use crate::stage;

/// What it takes to make Pods of Service `web`.
pub(crate) struct Workload {
    name: &'static str,
    labels: Value,
    replicas: u32,
    /// Added to the object's spec.
    spec: Value,
    /// Added to the template's spec.
    pod: Value,
    annotations: Value,
    /// Added to the container.
    container: Value,
}

impl Workload {
    /// Three Pods with label `app=web` that serve TCP 8080, without gate and hook.
    pub(crate) fn new(name: &'static str) -> Self {
        let labels = json!({"app": "web"});
        let nothing = || json!({});
        let (spec, pod, annotations, container) = (nothing(), nothing(), nothing(), nothing());
        Self { name, labels, replicas: 3, spec, pod, annotations, container }
    }

    pub(crate) fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// One more label.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels[key] = json!(value);
        self
    }

    /// Pods that are ready when the load balancer finds them healthy, too.
    pub(crate) fn gated(self) -> Self {
        self.pod(&json!({"readinessGates": [{"conditionType": names::GATE}]}))
    }

    /// Pods that go on serving for so many seconds when they are told to end.
    pub(crate) fn farewell(self, seconds: u32) -> Self {
        self.pod(&json!({"terminationGracePeriodSeconds": seconds + 30}))
            .container(&json!({"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}}))
    }

    pub(crate) fn spec(mut self, more: &Value) -> Self {
        extend(&mut self.spec, more);
        self
    }

    pub(crate) fn pod(mut self, more: &Value) -> Self {
        extend(&mut self.pod, more);
        self
    }

    pub(crate) fn container(mut self, more: &Value) -> Self {
        extend(&mut self.container, more);
        self
    }

    /// How the containers behave.
    pub(crate) fn behaves(mut self, name: &str, value: &str) -> Self {
        self.annotations[behaviour(name)] = json!(value);
        self
    }

    pub(crate) fn deployment(self) -> String {
        self.object("Deployment")
    }

    pub(crate) fn stateful_set(self) -> String {
        self.spec(&json!({"serviceName": "web"})).object("StatefulSet")
    }

    fn object(self, kind: &str) -> String {
        let mut container =
            json!({"name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}]});
        extend(&mut container, &self.container);
        let mut pod = json!({"automountServiceAccountToken": false, "containers": [container]});
        extend(&mut pod, &self.pod);
        let metadata = json!({"labels": self.labels, "annotations": self.annotations});
        let mut spec = json!({
            "replicas": self.replicas, "selector": {"matchLabels": self.labels},
            "template": {"metadata": metadata, "spec": pod},
        });
        extend(&mut spec, &self.spec);
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": self.name}, "spec": spec}).to_string()
    }
}

/// The annotation by which the containers of a Pod are told how to behave.
pub(crate) fn behaviour(name: &str) -> String {
    format!("loopback.tke-direct-access.dev/{name}")
}

fn extend(object: &mut Value, more: &Value) {
    object.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
}

/// Service `web` for Pods with these labels: its ports, as number and target.
pub(crate) fn service(selector: &Value, ports: &[(u16, u16)]) -> String {
    let ports: Vec<Value> = ports.iter().map(|port| service_port(*port)).collect();
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": selector, "ports": ports},
    })
    .to_string()
}

/// A port of a Service.
pub(crate) fn service_port((port, target): (u16, u16)) -> Value {
    json!({"name": format!("port-{port}"), "port": port, "targetPort": target})
}

/// Binding `web`, whose drain takes this many seconds at most.
pub(crate) fn binding(drain: u32) -> String {
    stage::binding("web", &json!({"drain": {"timeoutSeconds": drain}}))
}
