//! What the controller of slices does.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::objects::{NAMESPACE, Objects};
use crate::pod;

/// Brings slices up to date, as the controller of slices does.
pub(crate) fn sync_slices(objects: &mut Objects) {
    let services: Vec<_> = objects.services.values().cloned().collect();
    for service in &services {
        let slice = slice_of(objects, service);
        objects.put_slice(slice);
    }
    let is_orphan = |slice: &EndpointSlice| {
        let owner = slice.metadata.owner_references.iter().flatten().next().map(|owner| owner.uid.clone());
        !services.iter().any(|service| service.metadata.uid == owner)
    };
    let orphans: Vec<_> = objects
        .slices
        .values()
        .filter(|slice| is_orphan(slice))
        .filter_map(|slice| slice.metadata.name.clone())
        .collect();
    orphans.iter().for_each(|name| objects.delete_slice(name));
}

/// Whether a Service selects a Pod.
pub(crate) fn selects(service: &core::Service, pod: &core::Pod) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let labels = pod.metadata.labels.as_ref();
    selector.is_some_and(|selector| {
        !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
    })
}

fn slice_of(objects: &mut Objects, service: &core::Service) -> EndpointSlice {
    let name = format!("{}-x", service.metadata.name.as_deref().unwrap_or_default());
    let spec = service.spec.clone().unwrap_or_default();
    let port = |port: &core::ServicePort| EndpointPort {
        name: Some(port.name.clone().unwrap_or_default()),
        protocol: Some(port.protocol.clone().unwrap_or_else(|| "TCP".to_owned())),
        port: match &port.target_port {
            Some(IntOrString::Int(number)) => Some(*number),
            Some(IntOrString::String(name)) => (name == "http").then_some(i32::from(pod::PORT)),
            None => Some(port.port),
        },
        ..EndpointPort::default()
    };
    let endpoint = |found: &core::Pod| {
        let is_ready = pod::is_true(found, "Ready");
        let is_ending = found.metadata.deletion_timestamp.is_some();
        Some(Endpoint {
            addresses: vec![pod::ip(found)?.to_owned()],
            conditions: Some(EndpointConditions {
                ready: Some(is_ready && !is_ending),
                serving: Some(is_ready),
                terminating: Some(is_ending),
            }),
            target_ref: Some(core::ObjectReference {
                kind: Some("Pod".to_owned()),
                name: found.metadata.name.clone(),
                namespace: Some(NAMESPACE.to_owned()),
                uid: found.metadata.uid.clone(),
                ..core::ObjectReference::default()
            }),
            ..Endpoint::default()
        })
    };
    let endpoints = objects.pods.values().filter(|found| selects(service, found)).filter_map(endpoint).collect();
    let mut meta = match objects.slices.get(&name) {
        Some(found) => found.metadata.clone(),
        None => objects.new_meta(&name),
    };
    let label = "kubernetes.io/service-name".to_owned();
    meta.labels = Some([(label, service.metadata.name.clone().unwrap_or_default())].into());
    meta.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Service".to_owned(),
        name: service.metadata.name.clone().unwrap_or_default(),
        uid: service.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }]);
    EndpointSlice {
        metadata: meta,
        address_type: "IPv4".to_owned(),
        ports: Some(spec.ports.unwrap_or_default().iter().map(port).collect()),
        endpoints,
    }
}
