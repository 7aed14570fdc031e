//! Kubernetes objects to slim values. Total: what is missing or odd in an object becomes absence, never a failure.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::bounded;
use super::ownership::{has_our_ingress, our_annotations};
use crate::api::names;
use crate::model::{
    Containers, Ending, GateState, IpFamily, NamedPort, ObjectKey, Phase, Pod, PodNetwork, PreStop, Service,
    ServiceCondition, ServicePort, Slice, SliceEndpoint, SlicePort, TargetPort, Transport, Workload,
};
use crate::plan::{annotated, service_fields};

/// How names of super nodes begin.
const SUPER_NODE: &str = "eklet-";
/// How the readiness gates of other load balancer controllers begin.
const LOAD_BALANCER_GATES: [&str; 3] =
    ["target-health.elbv2.k8s.aws/", "target-health.alb.ingress.k8s.aws/", "cloud.google.com/load-balancer-neg-ready"];
const SERVICE_OF_SLICE: &str = "kubernetes.io/service-name";

fn key(meta: &ObjectMeta) -> ObjectKey {
    ObjectKey::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn transport(protocol: Option<&str>) -> Option<Transport> {
    match protocol {
        None | Some("TCP") => Some(Transport::Tcp),
        Some("UDP") => Some(Transport::Udp),
        Some(_) => None,
    }
}

/// A Service.
pub fn service(object: &core::Service) -> Service {
    let spec = object.spec.clone().unwrap_or_default();
    let port = |port: &core::ServicePort| {
        Some(ServicePort {
            name: port.name.clone().unwrap_or_default(),
            transport: transport(port.protocol.as_deref())?,
            port: u16::try_from(port.port).ok()?,
            target_port: target_port(port)?,
        })
    };
    let managed = object.metadata.managed_fields.as_deref().unwrap_or_default();
    let client_ip_affinity = affinity(&spec);
    let (field_problems, unbindable_ports) = (service_fields::problems(&spec), service_fields::unbindable_ports(&spec));
    let is_external_name = spec.type_.as_deref() == Some("ExternalName");
    Service {
        key: key(&object.metadata),
        selector: spec.selector.filter(|_| !is_external_name).unwrap_or_default(),
        ports: spec.ports.unwrap_or_default().iter().filter_map(port).collect(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses.unwrap_or(false),
        annotations: bounded::annotations(&object.metadata, annotated::is_of_interest),
        our_annotations: our_annotations(managed),
        load_balancer_class: spec.load_balancer_class,
        ingress: ingress(object.status.as_ref()),
        has_our_ingress: has_our_ingress(managed),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        is_load_balancer: spec.type_.as_deref() == Some("LoadBalancer"),
        is_headless: spec.cluster_ip.as_deref() == Some("None"),
        is_external_name,
        client_ip_affinity,
        field_problems,
        unbindable_ports,
        created: object.metadata.creation_timestamp.as_ref().map(|time| time.0),
        is_deleting: object.metadata.deletion_timestamp.is_some(),
        has_tke_finalizer: object.metadata.finalizers.iter().flatten().any(|found| found == names::TKE_FINALIZER),
        condition: service_condition(object.status.as_ref(), names::SERVICE_CONDITION),
        bound_by_hand: service_condition(object.status.as_ref(), names::SERVICE_BOUND_BY_HAND),
    }
}

/// The seconds of `sessionAffinity: ClientIP`. Source: `ClientIPConfig` of k8s.io/api, core/v1, which says three hours where there are none.
fn affinity(spec: &core::ServiceSpec) -> Option<u32> {
    const USUAL: u32 = 10_800;
    let config = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    let seconds = config.and_then(|config| u32::try_from(config.timeout_seconds?).ok());
    (spec.session_affinity.as_deref() == Some("ClientIP")).then(|| seconds.unwrap_or(USUAL))
}

/// Absent, it is the number of the Service port.
fn target_port(port: &core::ServicePort) -> Option<TargetPort> {
    match &port.target_port {
        Some(IntOrString::String(name)) => Some(TargetPort::Name(name.clone())),
        Some(IntOrString::Int(number)) if *number != 0 => u16::try_from(*number).ok().map(TargetPort::Number),
        Some(IntOrString::Int(_)) | None => u16::try_from(port.port).ok().map(TargetPort::Number),
    }
}

fn service_condition(status: Option<&core::ServiceStatus>, kind: &str) -> Option<ServiceCondition> {
    let mut all = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    all.find(|found| found.type_ == kind).map(|found| ServiceCondition {
        is_true: found.status == "True",
        reason: found.reason.clone(),
        message: bounded::words(&found.message),
    })
}

fn ingress(status: Option<&core::ServiceStatus>) -> Vec<String> {
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let entries = balancer.iter().flat_map(|balancer| balancer.ingress.iter().flatten());
    entries.filter_map(|entry| entry.ip.clone().or_else(|| entry.hostname.clone())).collect()
}

/// A slice; `None` for one that belongs to no Service, or whose addresses are not IP addresses.
pub fn slice(object: &EndpointSlice) -> Option<Slice> {
    let family = match object.address_type.as_str() {
        "IPv4" => IpFamily::V4,
        "IPv6" => IpFamily::V6,
        _ => return None,
    };
    let port = |port: &EndpointPort| {
        Some(SlicePort {
            name: port.name.clone().unwrap_or_default(),
            transport: transport(port.protocol.as_deref())?,
            port: port.port.and_then(|number| u16::try_from(number).ok()),
        })
    };
    let endpoint = |endpoint: &Endpoint| {
        let target = endpoint.target_ref.as_ref();
        SliceEndpoint {
            addresses: endpoint.addresses.iter().filter_map(|address| address.parse().ok()).collect(),
            pod_uid: target.filter(|target| target.kind.as_deref() == Some("Pod")).and_then(|pod| pod.uid.clone()),
            target_name: target.and_then(|target| target.name.clone()),
        }
    };
    Some(Slice {
        key: key(&object.metadata),
        service: object.metadata.labels.as_ref()?.get(SERVICE_OF_SLICE)?.clone(),
        family,
        ports: object.ports.as_deref().unwrap_or_default().iter().filter_map(port).collect(),
        endpoints: object.endpoints.iter().map(endpoint).collect(),
    })
}

/// A Pod, in slim form.
pub fn pod(object: &core::Pod) -> Pod {
    let spec = object.spec.as_ref();
    let status = object.status.as_ref();
    let containers_ready = condition(status, "ContainersReady").or_else(|| condition(status, "Ready"));
    let is_ready = condition(status, "Ready").is_some_and(|found| found.status == "True");
    // By the API server's clock; conditions go by the node's, which may be minutes behind.
    let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0);
    Pod {
        key: key(&object.metadata),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        created,
        workload: workload(&object.metadata),
        labels: object.metadata.labels.clone().unwrap_or_default(),
        annotations: bounded::annotations(&object.metadata, |key| {
            key == names::CUSTOM_WEIGHT || annotated::is_almost(key, names::CUSTOM_WEIGHT)
        }),
        ips: ips(status),
        node: spec.and_then(|spec| spec.node_name.clone()),
        host_network: spec.and_then(|spec| spec.host_network).unwrap_or(false),
        network: network(object),
        phase: phase(object),
        containers_ready: is_ready || containers_ready.is_some_and(|found| found.status == "True"),
        containers: containers(status),
        closed_gates: closed_gates(object),
        named_ports: spec.map(named_ports).unwrap_or_default(),
        containers_ready_since: containers_ready
            .and_then(|found| found.last_transition_time.as_ref())
            .map(|time| created.map_or(time.0, |created| time.0.max(created))),
        deleting_since: deleting_since(&object.metadata),
        killed_at: object.metadata.deletion_timestamp.as_ref().map(|time| time.0),
        ending: spec.map(ending).unwrap_or_default(),
        gate: gate(object),
    }
}

fn workload(meta: &ObjectMeta) -> Option<Workload> {
    let is_it = |owner: &&OwnerReference| owner.controller == Some(true) && owner.api_version.starts_with("apps/");
    let owner = meta.owner_references.iter().flatten().find(is_it)?;
    Some(Workload { kind: owner.kind.clone(), name: owner.name.clone() })
}

/// VPC-CNI shows in an annotation or in the resource of a network interface, GlobalRouter in an annotation, a super node in its name.
fn network(object: &core::Pod) -> PodNetwork {
    let annotation = object.metadata.annotations.as_ref().and_then(|all| all.get(names::NETWORKS));
    let named: Vec<_> = annotation.into_iter().flat_map(|list| list.split(',')).map(str::trim).collect();
    if named.iter().any(|name| [names::SHARED_ENI, names::EXCLUSIVE_ENI].contains(name)) {
        return PodNetwork::VpcCni;
    }
    let usual = if named.contains(&names::BRIDGE) { PodNetwork::GlobalRouter } else { PodNetwork::Usual };
    let Some(spec) = &object.spec else { return usual };
    let asks = |container: &core::Container| {
        let resources = container.resources.as_ref();
        let lists = resources.map(|all| [all.requests.as_ref(), all.limits.as_ref()]);
        lists
            .into_iter()
            .flatten()
            .flatten()
            .any(|list| list.keys().any(|key| names::ENI_RESOURCES.contains(&key.as_str())))
    };
    if spec.containers.iter().any(asks) {
        PodNetwork::VpcCni
    } else if spec.node_name.as_deref().is_some_and(|node| node.starts_with(SUPER_NODE)) {
        PodNetwork::SuperNode
    } else {
        usual
    }
}

fn ips(status: Option<&core::PodStatus>) -> Vec<IpAddr> {
    let listed = status.and_then(|status| status.pod_ips.as_ref()).into_iter().flatten();
    let mut ips: Vec<IpAddr> = listed.filter_map(|ip| ip.ip.parse().ok()).collect();
    if ips.is_empty() {
        let single = status.and_then(|status| status.pod_ip.as_ref());
        ips.extend(single.and_then(|ip| ip.parse::<IpAddr>().ok()));
    }
    ips
}

/// When deletion was asked for. The timestamp of the object is the end of the grace period, not its beginning.
fn deleting_since(meta: &ObjectMeta) -> Option<Timestamp> {
    let end = meta.deletion_timestamp.as_ref()?.0;
    let grace = SignedDuration::from_secs(meta.deletion_grace_period_seconds.unwrap_or(0));
    Some(end.checked_sub(grace).unwrap_or(end))
}

/// A Pod whose kubelet reports no containers is taken to run them.
fn containers(status: Option<&core::PodStatus>) -> Containers {
    let mut all = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default().iter();
    let runs = |container: &core::ContainerStatus| container.state.as_ref().is_none_or(|state| state.running.is_some());
    if all.all(runs) { Containers::Running } else { Containers::NotRunning }
}

/// Gates that keep traffic from the Pod. Sources of the names: AWS Load Balancer Controller, GKE's NEG controller, and TKE.
fn closed_gates(object: &core::Pod) -> Vec<String> {
    let gates = object.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let is_of_load_balancer =
        |name: &str| name == names::GATE || LOAD_BALANCER_GATES.iter().any(|prefix| name.starts_with(prefix));
    let is_true =
        |name: &str| condition(object.status.as_ref(), name).is_some_and(|condition| condition.status == "True");
    gates
        .map(|gate| gate.condition_type.as_str())
        .filter(|name| !is_of_load_balancer(name) && !is_true(name))
        .map(str::to_owned)
        .collect()
}

fn named_ports(spec: &core::PodSpec) -> Vec<NamedPort> {
    // Sidecars are init containers that go on running.
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let port = |port: &core::ContainerPort| {
        Some(NamedPort {
            name: port.name.clone()?,
            transport: transport(port.protocol.as_deref())?,
            number: u16::try_from(port.container_port).ok()?,
        })
    };
    containers.flat_map(|container| container.ports.iter().flatten()).filter_map(port).collect()
}

fn ending(spec: &core::PodSpec) -> Ending {
    let grace = spec.termination_grace_period_seconds.and_then(|seconds| u32::try_from(seconds).ok());
    // Traffic goes to containers that declare a port; a sidecar that ends early harms nobody.
    let declares_port = |container: &&core::Container| container.ports.as_ref().is_some_and(|ports| !ports.is_empty());
    let of = |container: &core::Container| pre_stop(container.lifecycle.as_ref());
    let serving = spec.containers.iter().filter(declares_port).map(of).reduce(shorter);
    let pre_stop = serving.or_else(|| spec.containers.iter().map(of).reduce(shorter)).unwrap_or_default();
    Ending { grace_seconds: grace.unwrap_or(Ending::default().grace_seconds), pre_stop }
}

fn pre_stop(lifecycle: Option<&core::Lifecycle>) -> PreStop {
    let Some(hook) = lifecycle.and_then(|lifecycle| lifecycle.pre_stop.as_ref()) else { return PreStop::None };
    match &hook.sleep {
        Some(sleep) => PreStop::Sleep(u32::try_from(sleep.seconds).unwrap_or(0)),
        None => PreStop::Unknown,
    }
}

fn shorter(a: PreStop, b: PreStop) -> PreStop {
    match (a, b) {
        (PreStop::None, _) | (_, PreStop::None) => PreStop::None,
        (PreStop::Sleep(a), PreStop::Sleep(b)) => PreStop::Sleep(a.min(b)),
        (PreStop::Sleep(seconds), PreStop::Unknown) | (PreStop::Unknown, PreStop::Sleep(seconds)) => {
            PreStop::Sleep(seconds)
        }
        (PreStop::Unknown, PreStop::Unknown) => PreStop::Unknown,
    }
}

fn phase(object: &core::Pod) -> Phase {
    let status = object.status.as_ref();
    match status.and_then(|status| status.phase.as_deref()) {
        Some("Running" | "Pending") if object.metadata.deletion_timestamp.is_some() && have_stopped(status) => {
            Phase::Finished
        }
        Some("Running") if is_lost(object) => Phase::Unknown,
        Some("Running") => Phase::Running,
        Some("Succeeded" | "Failed") => Phase::Finished,
        Some("Unknown") => Phase::Unknown,
        Some(_) | None => Phase::Pending,
    }
}

/// All containers of a Pod that is being deleted have ended: nothing answers at its address any more.
fn have_stopped(status: Option<&core::PodStatus>) -> bool {
    let containers = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let has_ended =
        |container: &core::ContainerStatus| container.state.as_ref().is_some_and(|state| state.terminated.is_some());
    !containers.is_empty() && containers.iter().all(has_ended)
}

/// The node of the Pod does not answer. The node lifecycle controller then sets `Ready` to False and nothing else, while
/// the kubelet never does so without a reason as long as containers and gates are well. A Pod that has not been ready
/// since its gates opened is not meant: some kubelets give no reason, and it would wait for itself.
fn is_lost(object: &core::Pod) -> bool {
    let status = object.status.as_ref();
    let Some(ready) = condition(status, "Ready") else { return false };
    let Some(since) = &ready.last_transition_time else { return false };
    let held = |kind: &str| {
        condition(status, kind).is_some_and(|found| {
            found.status == "True" && found.last_transition_time.as_ref().is_some_and(|time| time.0 < since.0)
        })
    };
    let mut gates = object.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    ready.status == "False"
        && ready.reason.as_deref().unwrap_or_default().is_empty()
        && held("ContainersReady")
        && gates.all(|gate| held(&gate.condition_type))
}

fn condition<'a>(status: Option<&'a core::PodStatus>, kind: &str) -> Option<&'a core::PodCondition> {
    status?.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

fn gate(object: &core::Pod) -> GateState {
    let gates = object.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    if !gates.into_iter().any(|gate| gate.condition_type == names::GATE) {
        return GateState::Absent;
    }
    match condition(object.status.as_ref(), names::GATE) {
        None => GateState::Unset,
        Some(found) if found.status == "True" => GateState::Open,
        Some(found) => GateState::Waiting {
            reason: found.reason.as_deref().map(bounded::words).unwrap_or_default(),
            message: found.message.as_deref().map(bounded::words).unwrap_or_default(),
        },
    }
}

#[cfg(test)]
mod tests;
