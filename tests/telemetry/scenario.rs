//! One life of the program, on a real control plane: objects of the shop, and the faults of the cloud.

use serde_json::{Value, json};
use tke_direct_access::sim::{Effect, Fault, When};

use crate::stage::deployment_with;

/// Bindings, each of a load balancer of its own, because they all bind the same Pods.
pub(crate) const BINDINGS: usize = 8;

pub(crate) fn load_balancer(number: usize) -> String {
    format!("lb-telem{number:03}")
}

pub(crate) fn binding_name(number: usize) -> String {
    format!("front-{number}")
}

/// The Service, and its bindings of these numbers.
pub(crate) fn bindings(numbers: std::ops::Range<usize>) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    let binding = |number: usize| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": binding_name(number)},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": load_balancer(number)}},
        })
    };
    let items: Vec<Value> = std::iter::once(service).chain(numbers.map(binding)).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// Pods without a gate in their template: the webhook injects it.
pub(crate) fn deployment(replicas: u32) -> String {
    let mut object: Value = serde_json::from_str(&deployment_with(replicas, &json!({}), &json!({}))).unwrap();
    object["spec"]["template"]["spec"].as_object_mut().unwrap().remove("readinessGates");
    object.to_string()
}

/// Faults that echo what the cloud must not be heard to say.
pub(crate) fn faults(id: &str, key: &str) -> Vec<Fault> {
    let echo = format!("what about SecretId {id} and SecretKey {key}?");
    let error = |code: &str| Effect::Error { code: code.to_owned(), message: echo.clone() };
    let effects = [
        error("AuthFailure.SignatureFailure"),
        error("RequestLimitExceeded"),
        error("FailedOperation.ResourceInOperating"),
        Effect::MalformedBody { body: None },
        Effect::MalformedBody { body: Some(format!(r#"{{"Response":"{echo}"}}"#)) },
        Effect::HttpStatus { status: 502, done: true },
        Effect::LostReply,
    ];
    let faults = (1..).zip(effects).flat_map(|(nth, effect)| {
        ["BatchRegisterTargets", "DescribeTargetHealth"].map(|action| Fault {
            action: Some(action.to_owned()),
            load_balancer: None,
            names: None,
            when: When::Call(nth),
            effect: effect.clone(),
        })
    });
    faults.collect()
}
