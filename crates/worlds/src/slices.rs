//! What the controller of slices does.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::chance::Chance;
use crate::objects::{NAMESPACE, Objects};
use crate::pod;

/// The controller of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slicer {
    /// How many endpoints it puts into a slice at most.
    pub(crate) most: usize,
}

impl Default for Slicer {
    /// As many as there are.
    fn default() -> Self {
        Self { most: usize::MAX }
    }
}

/// Whether it has more to write, which takes a while: where there are several slices, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    More,
}

impl Slicer {
    /// Brings slices up to date; where a Service has several, the next one that is not, so that who moves from one to another is in both for
    /// a moment, or in none.
    pub(crate) fn sync(self, objects: &mut Objects, chance: &mut Chance) -> Left {
        let services: Vec<_> = objects.services.values().cloned().collect();
        let mut late = Vec::new();
        for service in &services {
            let slices = self.slices_of(objects, service);
            let names: Vec<_> = slices.iter().map(|slice| slice.metadata.name.clone()).collect();
            if self == Self::default() {
                slices.into_iter().for_each(|slice| objects.put_slice(slice));
            } else {
                late.extend(slices.into_iter().filter(|slice| objects.lacks_slice(slice)).map(Ok));
            }
            let is_empty = |slice: &&EndpointSlice| is_of(slice, service) && !names.contains(&slice.metadata.name);
            late.extend(
                objects.slices.values().filter(is_empty).filter_map(|slice| slice.metadata.name.clone()).map(Err),
            );
        }
        if !late.is_empty() {
            let place = usize::try_from(chance.below("next slice", late.len() as u64)).unwrap_or_default();
            match late.swap_remove(place) {
                Ok(slice) => objects.put_slice(slice),
                Err(name) => objects.delete_slice(&name),
            }
        }
        let is_orphan = |slice: &&EndpointSlice| !services.iter().any(|service| is_of(slice, service));
        let orphans: Vec<_> =
            objects.slices.values().filter(is_orphan).filter_map(|slice| slice.metadata.name.clone()).collect();
        orphans.iter().for_each(|name| objects.delete_slice(name));
        if late.is_empty() { Left::Nothing } else { Left::More }
    }

    /// The slices of a Service, one at least.
    fn slices_of(self, objects: &mut Objects, service: &core::Service) -> Vec<EndpointSlice> {
        let all = endpoints_of(objects, service);
        let parts: Vec<&[Endpoint]> = if all.is_empty() { vec![&[]] } else { all.chunks(self.most).collect() };
        parts.into_iter().enumerate().map(|(place, part)| slice_of(objects, service, place, part.to_vec())).collect()
    }
}

fn is_of(slice: &EndpointSlice, service: &core::Service) -> bool {
    let owner = slice.metadata.owner_references.iter().flatten().next().map(|owner| &owner.uid);
    service.metadata.uid.as_ref() == owner
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

/// The endpoints of a Service.
fn endpoints_of(objects: &Objects, service: &core::Service) -> Vec<Endpoint> {
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
    objects.pods.values().filter(|found| selects(service, found)).filter_map(endpoint).collect()
}

fn slice_of(objects: &mut Objects, service: &core::Service, place: usize, endpoints: Vec<Endpoint>) -> EndpointSlice {
    let number = if place == 0 { String::new() } else { place.to_string() };
    let name = format!("{}-x{number}", service.metadata.name.as_deref().unwrap_or_default());
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
