//! The Kubernetes side: Services, their slices, and Pods, cut down to what a plan needs.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use super::{Annotations, IpFamily, KeyProblem, Transport};

/// Namespace and name of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The labels its Pods have; empty for a Service without selector.
    pub selector: BTreeMap<String, String>,
    /// Its ports that a listener can be made for.
    pub ports: Vec<ServicePort>,
    /// Pods are used before their containers are ready.
    pub publish_not_ready_addresses: bool,
    /// The annotations that are read.
    pub annotations: Annotations,
    /// The annotation keys that our own field manager wrote.
    pub our_annotations: Vec<String>,
    /// Its `spec.loadBalancerClass`: who writes its addresses.
    pub load_balancer_class: Option<String>,
    /// The addresses and host names in its `status.loadBalancer`.
    pub ingress: Vec<String>,
    /// What stands there was written by us, and by nobody else since: who writes another list owns it from then on.
    pub has_our_ingress: bool,
    /// The UID.
    pub uid: String,
    /// When it was created; absent only in files.
    pub created: Option<Timestamp>,
    /// Its type is LoadBalancer.
    pub is_load_balancer: bool,
    /// It has no address of its own in the cluster: `clusterIP: None`.
    pub is_headless: bool,
    /// Its type is ExternalName: it stands for a name outside of the cluster, and its selector is ignored.
    pub is_external_name: bool,
    /// For how many seconds kube-proxy keeps a client with one Pod; absent unless `sessionAffinity` is ClientIP.
    pub client_ip_affinity: Option<u32>,
    /// What it says by fields that are not followed, see [`service_fields`](crate::plan::service_fields).
    pub field_problems: Vec<KeyProblem>,
    /// Its ports of protocols that CLB has no listeners of, in words.
    pub unbindable_ports: Vec<String>,
    /// Deletion was asked for.
    pub is_deleting: bool,
    /// It carries the finalizer of TKE's own service controller.
    pub has_tke_finalizer: bool,
    /// Our condition in its status.
    pub condition: Option<ServiceCondition>,
    /// Our record there of a binding that somebody has made for it; False when that is gone.
    pub bound_by_hand: Option<ServiceCondition>,
}

/// A condition of ours in the status of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCondition {
    /// It is True.
    pub is_true: bool,
    /// The reason.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// The name of a Service port; empty when the Service has a single unnamed port.
pub type PortName = String;

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; empty for the only port of a Service.
    pub name: PortName,
    /// TCP or UDP; of others see [`Service::unbindable_ports`].
    pub transport: Transport,
    /// Its number.
    pub port: u16,
    /// The Pods' port behind it.
    pub target_port: TargetPort,
}

/// The port of Pods behind a port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// This one.
    Number(u16),
    /// The one that a container declares under this name; each Pod may have another.
    Name(String),
}

impl fmt::Display for TargetPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A port that a container declares by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// TCP or UDP.
    pub transport: Transport,
    /// The number.
    pub number: u16,
}

/// An EndpointSlice of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Namespace and name of the slice.
    pub key: ObjectKey,
    /// The Service's name; its namespace is the slice's.
    pub service: String,
    /// The family of all its addresses.
    pub family: IpFamily,
    /// The ports of all its endpoints.
    pub ports: Vec<SlicePort>,
    /// The endpoints.
    pub endpoints: Vec<SliceEndpoint>,
}

/// A port of a slice: the port of the Pod behind a port of the Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// The name of the Service port.
    pub name: PortName,
    /// TCP or UDP.
    pub transport: Transport,
    /// The Pod's port; `None` when no container declares the named port.
    pub port: Option<u16>,
}

/// One endpoint of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEndpoint {
    /// The addresses; Kubernetes only uses the first.
    pub addresses: Vec<IpAddr>,
    /// The UID of the Pod behind it; `None` for an address that no Pod has.
    pub pod_uid: Option<String>,
    /// The name of what is behind it.
    pub target_name: Option<String>,
}

/// Where the address of a Pod is from, as its object tells. Source: TKE's pages on VPC-CNI (457/48793) and super nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodNetwork {
    /// It says nothing: the network that Pods of the cluster usually have.
    #[default]
    Usual,
    /// A network interface of the VPC, shared or of its own.
    VpcCni,
    /// A bridge of the node, whose addresses are outside of the VPC's subnets.
    GlobalRouter,
    /// A super node, whose Pods have addresses of the VPC.
    SuperNode,
}

/// The network that Pods of a cluster usually have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterNetwork {
    /// Network interfaces of the VPC.
    #[default]
    VpcCni,
    /// Addresses outside of the VPC's subnets, routed to nodes.
    GlobalRouter,
}

/// The life of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers have started.
    Pending,
    /// Running.
    Running,
    /// All containers ended and will not be started again.
    Finished,
    /// The node does not answer.
    Unknown,
}

/// What a container does before it gets SIGTERM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreStop {
    /// It gets SIGTERM at once.
    #[default]
    None,
    /// It goes on for this many seconds.
    Sleep(u32),
    /// It runs a command or a request, whose length nobody knows.
    Unknown,
}

/// How a Pod ends once its deletion was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Seconds after which its containers are killed, whatever they do.
    pub grace_seconds: u32,
    /// What its containers do before SIGTERM; of several, the shortest.
    pub pre_stop: PreStop,
}

impl Default for Ending {
    /// That of a Pod that says nothing: SIGTERM at once, and 30 s.
    fn default() -> Self {
        Self { grace_seconds: 30, pre_stop: PreStop::None }
    }
}

/// The readiness gate of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateState {
    /// The Pod has no gate of ours.
    Absent,
    /// The gate is there, and nothing was written for it yet.
    Unset,
    /// The condition is not True: reason and message as they stand.
    Waiting {
        /// The condition's reason.
        reason: String,
        /// The condition's message.
        message: String,
    },
    /// The condition is True; it stays so for this Pod.
    Open,
}

impl GateState {
    /// The Pod has the gate, and it is not open.
    pub const fn is_waiting(&self) -> bool {
        matches!(self, Self::Unset | Self::Waiting { .. })
    }
}

/// Whether the containers of a Pod run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containers {
    /// All of them run, or nobody says otherwise.
    Running,
    /// At least one does not: it has not started, has crashed, or has ended.
    NotRunning,
}

/// The workload of `apps` that makes a Pod: a ReplicaSet, StatefulSet or DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// Its kind, such as `ReplicaSet`.
    pub kind: String,
    /// Its name, in the Pod's namespace.
    pub name: String,
}

/// A Pod, in slim form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace and name.
    pub key: ObjectKey,
    /// The UID: two Pods of one name or one address are different Pods.
    pub uid: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// What controls it; `None` for a Pod of its own, and for what is not of `apps`.
    pub workload: Option<Workload>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the vendor that change how the Pod is bound.
    pub annotations: Annotations,
    /// The addresses.
    pub ips: Vec<IpAddr>,
    /// The node.
    pub node: Option<String>,
    /// The Pod uses its node's address.
    pub host_network: bool,
    /// Where its own address is from.
    pub network: PodNetwork,
    /// The life of the Pod.
    pub phase: Phase,
    /// Kubernetes counts the containers as ready. A Pod that says `Ready` without saying it of its containers, as virtual kubelets
    /// do, counts as ready.
    pub containers_ready: bool,
    /// Whether the containers run, ready or not.
    pub containers: Containers,
    /// Readiness gates of others that are not True. Those of load balancer controllers are left out: their load balancers would wait
    /// for one another.
    pub closed_gates: Vec<String>,
    /// The ports that containers declare by name.
    pub named_ports: Vec<NamedPort>,
    /// Since when the containers are, or are not, ready; `None` when that was never said.
    pub containers_ready_since: Option<Timestamp>,
    /// When deletion was asked for.
    pub deleting_since: Option<Timestamp>,
    /// When its containers are killed at the latest, once deletion was asked for: the grace period of the deletion may be shorter than
    /// the Pod's own.
    pub killed_at: Option<Timestamp>,
    /// How it ends when deletion is asked for.
    pub ending: Ending,
    /// The gate.
    pub gate: GateState,
}
