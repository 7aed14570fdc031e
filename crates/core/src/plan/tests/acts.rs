//! What happens in a small world: Pods come and go, and people edit.

use std::sync::Arc;

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::world::{World, binding, pod};
use crate::api::binding::Parked;
use crate::api::{DirectAccessBinding, names};
use crate::model::{Ending, GateState, PreStop, ServicePort, TargetPort};

/// Pods `web-1` to `web-n` whose gates are open and whose containers sleep for 20 s before they end.
pub(crate) fn web(spec: &Value, count: u32) -> World {
    let mut world = World::new(spec);
    add(&mut world, 1..=count, "web");
    world
}

/// Adds Pods with this `app` label, as [`web`] has them.
pub(crate) fn add(world: &mut World, numbers: impl IntoIterator<Item = u32>, app: &str) {
    for number in numbers {
        let mut pod = pod(number);
        pod.labels.insert("app".to_owned(), app.to_owned());
        pod.gate = GateState::Open;
        pod.containers_ready_since = Some(world.now);
        pod.created = Some(world.now);
        pod.ending = Ending { grace_seconds: 50, pre_stop: PreStop::Sleep(20) };
        world.pods.insert(number, pod);
    }
}

/// Their deletion is asked for, with the grace that they have.
pub(crate) fn delete(world: &mut World, numbers: impl IntoIterator<Item = u32>) {
    let now = world.now;
    for number in numbers {
        let pod = world.pod(number);
        pod.deleting_since = Some(now);
        let grace = SignedDuration::from_secs(i64::from(pod.ending.grace_seconds));
        pod.killed_at = now.checked_add(grace).ok();
    }
}

/// It is not ready any more.
pub(super) fn unready(world: &mut World, number: u32) {
    let now = world.now;
    let pod = world.pod(number);
    (pod.containers_ready, pod.containers_ready_since) = (false, Some(now));
}

/// They are gone.
pub(crate) fn remove(world: &mut World, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        world.pods.remove(&number);
    }
}

/// Gives the binding another spec; its status stays.
pub(super) fn respec(world: &mut World, spec: &Value) {
    let next = binding(1, spec);
    edit(world, |binding| binding.spec = next.spec.clone());
}

/// Edits the first binding.
pub(super) fn edit(world: &mut World, change: impl FnOnce(&mut DirectAccessBinding)) {
    change(Arc::make_mut(&mut world.bindings[0]));
}

/// Somebody writes the annotation of the first binding that names whose place it takes.
pub(crate) fn adopt(world: &mut World, value: &str) {
    edit(world, |binding| {
        binding.metadata.annotations.get_or_insert_default().insert(names::ADOPT.to_owned(), value.to_owned());
    });
}

/// The annotated Service, for which it was made, says that it does not want direct access.
pub(super) fn park(world: &mut World) {
    let mark = Parked { reason: "SaidFalse".to_owned(), since: Some(world.now) };
    if let Some(service) = &mut world.service {
        service.annotations.insert(names::EXISTING_LOAD_BALANCER_ID, "lb-1");
    }
    edit(world, |binding| {
        let owner =
            json!({"apiVersion": "v1", "kind": "Service", "name": "web", "uid": "service-uid", "controller": true});
        binding.metadata.owner_references = Some(vec![serde_json::from_value(owner).unwrap()]);
        binding.metadata.annotations.get_or_insert_default().insert(names::PARKED.to_owned(), mark.value());
    });
}

/// Its deletion is asked for.
pub(crate) fn delete_binding(world: &mut World) {
    let now = world.now;
    edit(world, |binding| binding.metadata.deletion_timestamp = Some(Time(now)));
}

/// Gives the Service ports with these numbers, each with a port of the Pods to itself: CLB takes one on one listener of a protocol only.
pub(crate) fn add_ports(world: &mut World, numbers: impl IntoIterator<Item = u16>) {
    let service = world.service.as_mut().unwrap();
    for port in numbers {
        let (name, target_port) = (format!("p{port}"), TargetPort::Number(8000 + port));
        service.ports.push(ServicePort { name, port, target_port, ..service.ports[0].clone() });
    }
}

/// A listener of the Service port of the same number.
pub(crate) fn own_listener(port: u16, protocol: &str) -> Value {
    json!({"port": port, "protocol": protocol, "servicePort": port})
}

/// A listener of Service port 80.
pub(crate) fn listener(port: u16, protocol: &str) -> Value {
    json!({"port": port, "protocol": protocol, "servicePort": 80})
}
