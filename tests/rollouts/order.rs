//! The order in which things are made does not matter.

use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use crate::injector::{Injector, label, until_injecting};
use crate::load::turn;
use crate::scene::PATIENCE;
use crate::stage::{Stage, binding, service};
use crate::support::eventually;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Deployment,
    Service,
    Binding,
    LoadBalancer,
}

/// How Pods get their gate.
#[derive(Clone, Copy)]
enum Gate {
    Written,
    Injected,
}

impl Gate {
    fn gates(self) -> Value {
        match self {
            Self::Written => json!([{"conditionType": names::GATE}]),
            Self::Injected => json!([]),
        }
    }
}

use Part::{Binding, Deployment, LoadBalancer, Service};

/// Every order of the four parts.
fn orders() -> Vec<[Part; 4]> {
    let parts = [Deployment, Service, Binding, LoadBalancer];
    let mut orders = Vec::new();
    for a in parts {
        for b in parts {
            for c in parts {
                for d in parts {
                    let order = [a, b, c, d];
                    if parts.iter().all(|part| order.contains(part)) {
                        orders.push(order);
                    }
                }
            }
        }
    }
    orders
}

fn name(index: usize) -> String {
    format!("web-{index}")
}

fn load_balancer(index: usize) -> String {
    format!("lb-order{index:04}")
}

/// The object of a part; a load balancer is none of Kubernetes.
fn object(part: Part, index: usize, gate: Gate) -> Option<Value> {
    let name = name(index);
    let labels = json!({"app": name});
    match part {
        Deployment => Some(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": false,
                    "readinessGates": gate.gates(),
                    "containers": [{
                        "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
                    }],
                },
            }},
        })),
        Service => Some(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        })),
        Binding => Some(json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": name},
            "spec": {"serviceRef": {"name": name}, "loadBalancer": {"id": load_balancer(index)}},
        })),
        LoadBalancer => None,
    }
}

/// Waits until the world has taken notice of a part, so that the next one really comes later.
async fn settled(stage: &Stage, part: Part, index: usize) {
    let name = name(index);
    let what = format!("{part:?} {name} is noticed");
    eventually(&what, PATIENCE, async || match part {
        Deployment => {
            let path = r#"jsonpath={.items[*].status.conditions[?(@.type=="ContainersReady")].status}"#;
            let selector = format!("app={name}");
            stage.ok(&["get", "pods", "-l", &selector, "-o", path]).await == "True"
        }
        Service => {
            let selector = format!("kubernetes.io/service-name={name}");
            !stage.ok(&["get", "endpointslices", "-l", &selector, "-o", "name"]).await.is_empty()
        }
        Binding => stage.binding(&name).await.is_some_and(|found| found.status.is_some()),
        LoadBalancer => true,
    })
    .await;
}

/// Makes the parts of all orders, one step of each after the other. The namespace gets its label before step `label`, if ever.
async fn make_all(stage: &Stage, gate: Gate, labelled: Option<usize>) {
    let orders = orders();
    assert_eq!(orders.len(), 24);
    for step in 0..5 {
        if labelled == Some(step) {
            label(stage).await;
        }
        let parts = || orders.iter().filter_map(|order| order.get(step).copied()).enumerate();
        for (index, _) in parts().filter(|(_, part)| *part == LoadBalancer) {
            stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(load_balancer(index))).unwrap();
        }
        let objects: Vec<Value> = parts().filter_map(|(index, part)| object(part, index, gate)).collect();
        if !objects.is_empty() {
            stage.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()).await;
        }
        for (index, part) in parts() {
            settled(stage, part, index).await;
        }
    }
    for (index, order) in orders.iter().enumerate() {
        eprintln!("waiting for {order:?}, label {labelled:?}");
        stage.until_ready(&name(index), "1/1").await;
    }
    stage.ok(&["wait", "--for=condition=Available", "deployments", "--all", "--timeout=150s"]).await;
}

async fn begin(name: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    stage.start_controller(&[]).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_creation_ends_ready() {
    let stage = begin("order").await;
    make_all(&stage, Gate::Written, None).await;
    stage.finish().await;
}

/// The label is the fifth part: it comes before, between and after each order of the others, 120 orders in all.
#[tokio::test(flavor = "multi_thread")]
async fn every_order_with_the_label_of_the_namespace_ends_ready() {
    // It sends nothing, and says nothing on a machine that is too busy to answer in time.
    let _turn = turn().await;
    let mut stages = Vec::new();
    for step in 0..5 {
        stages.push((step, begin(&format!("label-{step}")).await));
    }
    let injector = Injector::start().await;
    let first = &stages[0].1;
    label(first).await;
    for object in [service(), binding("web", &json!({}))] {
        first.apply(&object).await;
    }
    until_injecting(first, "web").await;
    futures::future::join_all(stages.iter().map(|(step, stage)| make_all(stage, Gate::Injected, Some(*step)))).await;
    let (mut expected, mut gated) = (0, 0);
    for (step, stage) in &stages {
        for (index, order) in orders().iter().enumerate() {
            // A Pod gets the gate when the label, its Service and a binding are there before it.
            let place = |part: Part| order.iter().position(|one| *one == part).unwrap();
            let is_last = |part: Part| place(part) < place(Deployment);
            let is_gated = *step <= place(Deployment) && is_last(Service) && is_last(Binding);
            let status = stage.binding(&name(index)).await.unwrap().status.unwrap();
            let ungated = status.gates.unwrap().ungated_pods;
            if is_gated {
                expected += 1;
                gated += i32::from(ungated == 0);
            } else {
                assert_eq!(ungated, 1, "{order:?}, label {step}");
            }
        }
    }
    // On a busy machine an answer of the webhook may come too late, and then the Pod is let through.
    assert!(gated * 10 >= expected * 9, "{gated} of {expected} Pods got the gate");
    injector.end().await;
    for (_, stage) in stages {
        stage.finish().await;
    }
}
