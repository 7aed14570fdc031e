//! What a listener's Service port stands for, and what it last stood for: a listener goes on with that while the Service or the
//! port is missing.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::api::binding::{ListenerSpec, ListenerStatus};
use crate::model::{ListenerId, Pod, Protocol, Service, ServicePort, TargetPort};

use super::BindingView;

/// Where the ports of Pods are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PortSource {
    /// In the slices of the Service, which say what Kubernetes does.
    Slices,
    /// In the Pods, since the Service or its port is missing.
    Pods,
}

/// A Service port that a listener stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    /// The port.
    pub(super) port: ServicePort,
    /// Where the ports of Pods are looked up.
    pub(super) source: PortSource,
}

/// The Service, or what is recorded of it.
pub(super) fn service(view: &BindingView) -> Option<Service> {
    match view.service.as_deref().filter(|service| !service.selector.is_empty()) {
        Some(service) => Some(service.clone()),
        None => recorded_service(view),
    }
}

/// The Service as it was when it was last seen, as far as Pods are concerned.
fn recorded_service(view: &BindingView) -> Option<Service> {
    let status = view.binding.status.as_ref().filter(|status| !status.pod_selector.is_empty())?;
    let namespace = view.binding.metadata.namespace.clone().unwrap_or_default();
    Some(Service {
        key: crate::model::ObjectKey::new(namespace, view.binding.spec.service_ref.name.clone()),
        selector: status.pod_selector.iter().map(|label| (label.key.clone(), label.value.clone())).collect(),
        publish_not_ready_addresses: status.publishes_not_ready_addresses,
        ..view.service.as_deref().cloned().unwrap_or_default()
    })
}

/// The row of the status that is about this listener.
pub(super) fn row_of(view: &BindingView, protocol: Protocol, port: u16) -> Option<&ListenerStatus> {
    let mut rows = view.binding.status.iter().flat_map(|status| &status.listeners);
    rows.find(|row| row.port == i32::from(port) && row.protocol.as_str() == protocol.as_str())
}

/// The row of the status that is about the listener of this id.
pub(super) fn row_by_id<'a>(view: &'a BindingView, id: &ListenerId) -> Option<&'a ListenerStatus> {
    let mut rows = view.binding.status.iter().flat_map(|status| &status.listeners);
    rows.find(|row| row.listener_id.as_deref() == Some(id.as_str()))
}

/// The Service port that a row of the status was last resolved to.
pub(super) fn recorded(row: &ListenerStatus, protocol: Protocol) -> Option<Resolution> {
    let text = row.target_port.as_deref()?;
    let target_port = text.parse().map_or_else(|_| TargetPort::Name(text.to_owned()), TargetPort::Number);
    let port = ServicePort {
        name: row.service_port.clone().unwrap_or_default(),
        transport: protocol.transport(),
        port: u16::try_from(row.port).ok()?,
        target_port,
    };
    Some(Resolution { port, source: PortSource::Pods })
}

/// The port of a Pod behind a Service port; `None` when no container declares the name.
pub(super) fn pod_port(pod: &Pod, port: &ServicePort) -> Option<u16> {
    match &port.target_port {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let is_this = |found: &&crate::model::NamedPort| found.name == *name && found.transport == port.transport;
            pod.named_ports.iter().find(is_this).map(|found| found.number)
        }
    }
}

/// The Service port a listener stands for: the one it names, else the one of its own number, else the only one.
pub(super) fn service_port<'a>(
    service: &'a Service,
    spec: &ListenerSpec,
    protocol: Protocol,
    port: u16,
) -> Option<&'a ServicePort> {
    let mut ports = service.ports.iter().filter(|candidate| candidate.transport == protocol.transport());
    match &spec.service_port {
        // A port that is named may be of the other transport: TCP Pods behind UDP serve nothing, but some serve both.
        Some(IntOrString::Int(number)) => {
            let is_this = |candidate: &&ServicePort| i32::from(candidate.port) == *number;
            ports.find(is_this).or_else(|| service.ports.iter().find(is_this))
        }
        Some(IntOrString::String(name)) => {
            let is_this = |candidate: &&ServicePort| candidate.name == *name;
            ports.find(is_this).or_else(|| service.ports.iter().find(is_this))
        }
        None => {
            let all: Vec<_> = ports.collect();
            let same = all.iter().find(|candidate| candidate.port == port).copied();
            same.or(if let [only] = all.as_slice() { Some(*only) } else { None })
        }
    }
}
