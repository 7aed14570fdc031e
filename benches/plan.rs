//! How long a plan takes for 10,000 endpoints: from nothing, at rest, and with a tenth of the Pods replaced.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use tke_direct_access::api::DirectAccessBinding;
use tke_direct_access::api::mark::{ListenerName, TargetTag};
use tke_direct_access::model::{
    Address, Annotations, Attributes, Caller, Containers, Ending, GateState, Health, IpFamily, Limits, Listener,
    ListenerId, ListenerState, LoadBalancer, LoadBalancerId, LoadBalancerStatus, ObjectKey, Phase, Pod, PodNetwork,
    Protocol, RegisteredTarget, Route, Service, ServicePort, Slice, SliceEndpoint, SlicePort, TargetHealth, TargetPort,
    Transport,
};
use tke_direct_access::plan::vpc::ClusterVpc;
use tke_direct_access::plan::{
    Cloud, Cluster, ClusterView, ConfigView, Departure, Observed, ReadState, Remembered, Removals, Snapshot, plan,
};

const BINDING_UID: &str = "0b5a3f0e-6f4c-4a52-9a3e-6c1d1c3f5a77";
const ENDPOINTS: u32 = 10_000;
const ENDPOINTS_PER_SLICE: usize = 100;

fn uid(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

fn ip(number: u32) -> IpAddr {
    let [_, b, c, d] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b, c, d))
}

fn pod(number: u32, gate: GateState) -> Pod {
    Pod {
        key: ObjectKey::new("shop", format!("web-{number}")),
        uid: uid(number),
        created: None,
        workload: None,
        labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
        annotations: Annotations::default(),
        ips: vec![ip(number)],
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

/// A load balancer with a listener that has `registered` as targets, and a Service with `running` as Pods.
fn snapshot(running: std::ops::Range<u32>, registered: std::ops::Range<u32>) -> Snapshot {
    let listener = ListenerId::new("lbl-1");
    let address = |number| Address { ip: ip(number), port: 8080 };
    let target = |number| RegisteredTarget {
        address: address(number),
        weight: 10,
        tag: TargetTag::new(BINDING_UID, &uid(number)).to_string(),
    };
    let health = |number| TargetHealth {
        listener: listener.clone(),
        rule: "loc-1".into(),
        address: address(number),
        health: Health::Healthy,
    };
    let is_registered = registered.clone();
    let pods = running.map(|number| {
        let gate = if is_registered.contains(&number) { GateState::Open } else { GateState::Unset };
        Arc::new(pod(number, gate))
    });
    let pods: BTreeMap<String, Arc<Pod>> = pods.map(|pod| (pod.uid.clone(), pod)).collect();
    let route = Route { listener: listener.clone(), rule: None };
    let observed = Observed {
        load_balancer: load_balancer(),
        listeners: vec![Listener {
            id: listener.clone(),
            name: ListenerName::new(BINDING_UID, "shop", "web").to_string(),
            protocol: Protocol::Tcp,
            port: 80,
            state: ListenerState::Serving,
            attributes: Attributes::default(),
            rules: Vec::new(),
        }],
        targets: BTreeMap::from([(route, registered.clone().map(target).collect())]),
        health: Ok(registered.map(health).collect()),
        health_basis: None,
    };
    let cloud = Cloud::Observed(observed);
    Snapshot {
        load_balancer: LoadBalancerId::new("lb-1"),
        region: tke_direct_access::model::Region::new("ap-guangzhou"),
        caller: Caller::NotAsked,
        bindings: vec![view(pods).on(&cloud, &Remembered::default(), |_| false, |_| BTreeSet::new())],
        cloud,
        cluster: Cluster::default(),
        vpc: ClusterVpc::Pending,
        reads: ReadState::Settled,
        removals: Removals::Allowed,
        limits: Limits { targets_per_route: 100_000, ..Limits::default() },
        remembered: Remembered::default(),
        now: Timestamp::UNIX_EPOCH,
        at: std::time::Duration::ZERO,
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

fn view(pods: BTreeMap<String, Arc<Pod>>) -> ClusterView {
    let binding: DirectAccessBinding = serde_json::from_value(json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": "web", "namespace": "shop", "uid": BINDING_UID, "generation": 1},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}},
    }))
    .expect("the binding is well formed");
    let all: Vec<_> = pods.values().cloned().collect();
    let slice = |(number, part): (usize, &[Arc<Pod>])| Slice {
        key: ObjectKey::new("shop", format!("web-{number}")),
        service: "web".to_owned(),
        family: IpFamily::V4,
        ports: vec![SlicePort { name: String::new(), transport: Transport::Tcp, port: Some(8080) }],
        endpoints: part
            .iter()
            .map(|pod| SliceEndpoint {
                addresses: pod.ips.clone(),
                pod_uid: Some(pod.uid.clone()),
                target_name: Some(pod.key.name.clone()),
            })
            .collect(),
    };
    ClusterView {
        binding: Arc::new(binding),
        service: Some(Arc::new(Service {
            key: ObjectKey::new("shop", "web"),
            selector: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
            ports: vec![ServicePort {
                name: String::new(),
                transport: Transport::Tcp,
                port: 80,
                target_port: TargetPort::Number(8080),
            }],
            publish_not_ready_addresses: false,
            annotations: Annotations::default(),
            our_annotations: Vec::new(),
            load_balancer_class: None,
            ingress: Vec::new(),
            has_our_ingress: false,
            uid: "service-uid".to_owned(),
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
        })),
        slices: all.chunks(ENDPOINTS_PER_SLICE).enumerate().map(slice).map(Arc::new).collect(),
        pods: Arc::new(pods),
        certificates: BTreeMap::new(),
        config: ConfigView::None,
        speaks_for_service: true,
        departure: Departure::Usual,
    }
}

fn plans(criterion: &mut Criterion) {
    let tenth = ENDPOINTS / 10;
    let cases = [
        ("from nothing", snapshot(0..ENDPOINTS, 0..0), 20),
        ("at rest", snapshot(0..ENDPOINTS, 0..ENDPOINTS), 0),
        ("a tenth replaced", snapshot(tenth..ENDPOINTS + tenth, 0..ENDPOINTS), 4),
    ];
    let mut group = criterion.benchmark_group(format!("plan {ENDPOINTS} endpoints"));
    group.sample_size(20);
    for (name, snapshot, steps) in &cases {
        assert_eq!(plan(snapshot).steps.len(), *steps, "{name}");
        group.bench_function(*name, |bencher| bencher.iter(|| plan(black_box(snapshot))));
    }
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
