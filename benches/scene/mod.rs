//! A load balancer with bindings and their Pods, as caches and the cloud show them, of any size.
#![allow(dead_code, reason = "each benchmark that includes this module uses a part of it")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::api::mark::{ListenerName, TargetTag};
use tke_direct_access::model::{
    Address, Annotations, Attributes, Caller, Containers, Ending, GateState, Health, IpFamily, Limits, Listener,
    ListenerId, ListenerState, LoadBalancer, LoadBalancerId, LoadBalancerStatus, ObjectKey, Phase, Pod, PodNetwork,
    Protocol, Region, RegisteredTarget, Route, Service, ServicePort, Slice, SliceEndpoint, SlicePort, TargetHealth,
    TargetPort, Transport,
};
use tke_direct_access::plan::vpc::ClusterVpc;
use tke_direct_access::plan::{
    Cloud, Cluster, ClusterView, ConfigView, Departure, Observed, ReadState, Remembered, Removals, Snapshot,
};

/// The namespace of everything.
pub(crate) const NAMESPACE: &str = "shop";
/// The region of everything.
pub(crate) const REGION: &str = "ap-guangzhou";
/// The load balancer.
pub(crate) const LOAD_BALANCER: &str = "lb-1";
const ENDPOINTS_PER_SLICE: usize = 100;
/// Numbers of Pods of one binding; those of the next come after.
const STRIDE: u32 = 100_000;

/// What there is.
#[derive(Clone)]
pub(crate) struct Scene {
    /// All are of the same load balancer, each with a listener of its own.
    pub(crate) bindings: Vec<Arc<DirectAccessBinding>>,
    /// In the order of the bindings.
    pub(crate) services: Vec<Arc<Service>>,
    /// In the order of the bindings.
    pub(crate) slices: Vec<Vec<Arc<Slice>>>,
    /// By UID.
    pub(crate) pods: Arc<BTreeMap<String, Arc<Pod>>>,
    /// What the cloud shows.
    pub(crate) observed: Observed,
}

impl Scene {
    /// So many bindings, each with these Pods, of which those are registered and healthy whose numbers are in `registered`.
    pub(crate) fn new(bindings: u32, running: &Range<u32>, registered: &Range<u32>) -> Self {
        let mut observed = Observed {
            load_balancer: load_balancer(),
            listeners: (0..bindings).map(listener).collect(),
            targets: BTreeMap::new(),
            health: Ok(Vec::new()),
            health_basis: None,
        };
        let (mut all, mut slices) = (BTreeMap::new(), Vec::new());
        for binding in 0..bindings {
            let route = Route { listener: listener(binding).id, rule: None };
            observed.targets.insert(route, registered.clone().map(|number| target(binding, number)).collect());
            let gate = |number| if registered.contains(&number) { GateState::Open } else { GateState::Unset };
            let pods: Vec<_> = running.clone().map(|number| Arc::new(pod(binding, number, gate(number)))).collect();
            slices.push(slices_of(binding, &pods));
            all.extend(pods.into_iter().map(|pod| (pod.uid.clone(), pod)));
        }
        let health = |binding| registered.clone().map(move |number| healthy(binding, number));
        observed.health = Ok((0..bindings).flat_map(health).collect());
        Self {
            bindings: (0..bindings).map(|number| Arc::new(binding(number))).collect(),
            services: (0..bindings).map(|number| Arc::new(service(number))).collect(),
            slices,
            pods: Arc::new(all),
            observed,
        }
    }

    /// The binding in this place with what it refers to.
    pub(crate) fn view(&self, place: usize) -> ClusterView {
        ClusterView {
            binding: self.bindings[place].clone(),
            service: Some(self.services[place].clone()),
            slices: self.slices[place].clone(),
            pods: self.pods.clone(),
            certificates: BTreeMap::new(),
            config: ConfigView::None,
            speaks_for_service: true,
            departure: Departure::Usual,
        }
    }

    /// All of it, as a plan is made of it.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let cloud = Cloud::Observed(self.observed.clone());
        let views = (0..self.bindings.len()).map(|place| self.view(place));
        Snapshot {
            load_balancer: LoadBalancerId::new(LOAD_BALANCER),
            region: Region::new(REGION),
            caller: Caller::NotAsked,
            bindings: views
                .map(|view| view.on(&cloud, &Remembered::default(), |_| false, |_| BTreeSet::new()))
                .collect(),
            cloud,
            cluster: Cluster::default(),
            vpc: ClusterVpc::Pending,
            reads: ReadState::Settled,
            removals: Removals::Allowed,
            limits: Limits { targets_per_route: 100_000, listeners_per_load_balancer: 1_000, ..Limits::default() },
            remembered: Remembered::default(),
            now: Timestamp::UNIX_EPOCH,
            at: std::time::Duration::ZERO,
        }
    }
}

fn binding_uid(binding: u32) -> String {
    format!("0b5a3f0e-6f4c-4a52-9a3e-{binding:012x}")
}

fn name(binding: u32) -> String {
    format!("web-{binding}")
}

fn pod_uid(binding: u32, number: u32) -> String {
    let number = binding * STRIDE + number;
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

fn ip(binding: u32, number: u32) -> IpAddr {
    let [_, b, c, d] = (binding * STRIDE + number).to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b, c, d))
}

/// A Pod that runs.
pub(crate) fn pod(binding: u32, number: u32, gate: GateState) -> Pod {
    Pod {
        key: ObjectKey::new(NAMESPACE, format!("{}-{number}", name(binding))),
        uid: pod_uid(binding, number),
        created: None,
        workload: None,
        labels: BTreeMap::from([("app".to_owned(), name(binding))]),
        annotations: Annotations::default(),
        ips: vec![ip(binding, number)],
        node: Some("node-1".to_owned()),
        host_network: false,
        network: PodNetwork::Usual,
        phase: Phase::Running,
        containers_ready: true,
        containers: Containers::Running,
        closed_gates: Vec::new(),
        named_ports: Vec::new(),
        killed_at: None,
        containers_ready_since: None,
        deleting_since: None,
        ending: Ending::default(),
        gate,
    }
}

fn listener(binding: u32) -> Listener {
    Listener {
        id: ListenerId::new(format!("lbl-{binding}")),
        name: ListenerName::new(&binding_uid(binding), NAMESPACE, &name(binding)).to_string(),
        protocol: Protocol::Tcp,
        port: port(binding),
        state: ListenerState::Serving,
        attributes: Attributes::default(),
        rules: Vec::new(),
    }
}

fn port(binding: u32) -> u16 {
    u16::try_from(80 + binding).expect("a port for each binding")
}

fn address(binding: u32, number: u32) -> Address {
    Address { ip: ip(binding, number), port: 8080 }
}

fn target(binding: u32, number: u32) -> RegisteredTarget {
    RegisteredTarget {
        address: address(binding, number),
        weight: 10,
        tag: TargetTag::new(binding_uid(binding), &pod_uid(binding, number)).to_string(),
    }
}

fn healthy(binding: u32, number: u32) -> TargetHealth {
    TargetHealth {
        listener: listener(binding).id,
        rule: "loc-1".into(),
        address: address(binding, number),
        health: Health::Healthy,
    }
}

fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        attributes: Attributes::default(),
        id: LoadBalancerId::new("lb-1"),
        name: String::new(),
        status: LoadBalancerStatus::Running,
        addresses: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        domain: None,
        family: IpFamily::V4,
        vpc_id: "vpc-1".to_owned(),
        snat_pro: false,
        tags: Vec::new(),
    }
}

fn binding(number: u32) -> DirectAccessBinding {
    serde_json::from_value(json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": name(number), "namespace": NAMESPACE, "uid": binding_uid(number), "generation": 1},
        "spec": {"serviceRef": {"name": name(number)}, "loadBalancer": {"id": LOAD_BALANCER}},
    }))
    .expect("the binding is well formed")
}

fn slices_of(binding: u32, pods: &[Arc<Pod>]) -> Vec<Arc<Slice>> {
    let endpoint = |pod: &Arc<Pod>| SliceEndpoint {
        addresses: pod.ips.clone(),
        pod_uid: Some(pod.uid.clone()),
        target_name: Some(pod.key.name.clone()),
    };
    let slice = |(number, part): (usize, &[Arc<Pod>])| Slice {
        key: ObjectKey::new(NAMESPACE, format!("{}-{number}", name(binding))),
        service: name(binding),
        family: IpFamily::V4,
        ports: vec![SlicePort { name: String::new(), transport: Transport::Tcp, port: Some(8080) }],
        endpoints: part.iter().map(endpoint).collect(),
    };
    pods.chunks(ENDPOINTS_PER_SLICE).enumerate().map(slice).map(Arc::new).collect()
}

fn service(binding: u32) -> Service {
    Service {
        key: ObjectKey::new(NAMESPACE, name(binding)),
        selector: BTreeMap::from([("app".to_owned(), name(binding))]),
        ports: vec![ServicePort {
            name: String::new(),
            transport: Transport::Tcp,
            port: port(binding),
            target_port: TargetPort::Number(8080),
        }],
        publish_not_ready_addresses: false,
        annotations: Annotations::default(),
        our_annotations: Vec::new(),
        load_balancer_class: None,
        ingress: Vec::new(),
        has_our_ingress: false,
        uid: format!("service-{binding}"),
        is_load_balancer: false,
        is_headless: false,
        is_external_name: false,
        client_ip_affinity: None,
        field_problems: Vec::new(),
        unbindable_ports: Vec::new(),
        created: None,
        is_deleting: false,
        has_tke_finalizer: false,
        condition: None,
        bound_by_hand: None,
    }
}
