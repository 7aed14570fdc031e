//! What there is in the cluster of a small world.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use crate::api::{DirectAccessBinding, names};
use crate::model::{
    Address, Annotations, Containers, Ending, GateState, ObjectKey, Phase, Pod, PodNetwork, Service, ServicePort,
    TargetPort, Transport,
};

pub(crate) const NAMESPACE: &str = "shop";
pub(crate) const PORT: u16 = 80;
pub(crate) const POD_PORT: u16 = 8080;

pub(crate) fn uid(number: u32) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

pub(crate) fn ip(number: u32) -> IpAddr {
    let [_, b, c, d] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, b.wrapping_add(1), c, d))
}

pub(crate) fn address(number: u32) -> Address {
    Address { ip: ip(number), port: POD_PORT }
}

/// A Pod that serves, with a gate that waits.
pub(crate) fn pod(number: u32) -> Pod {
    Pod {
        key: ObjectKey::new(NAMESPACE, format!("web-{number}")),
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
        containers_ready_since: None,
        deleting_since: None,
        killed_at: None,
        ending: Ending::default(),
        gate: GateState::Unset,
    }
}

pub(crate) fn binding(number: u32, spec: &serde_json::Value) -> Arc<DirectAccessBinding> {
    let created = Timestamp::from_second(1_700_000_000 + i64::from(number)).unwrap();
    let mut whole = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-1"}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": format!("b{number}"), "namespace": NAMESPACE, "uid": uid(0x00b0_0000 + number),
            "generation": 1, "creationTimestamp": created.to_string(), "finalizers": [names::FINALIZER]},
        "spec": whole,
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

pub(crate) fn service() -> Service {
    Service {
        key: ObjectKey::new(NAMESPACE, "web"),
        selector: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
        ports: vec![ServicePort {
            name: String::new(),
            transport: Transport::Tcp,
            port: PORT,
            target_port: TargetPort::Number(POD_PORT),
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
    }
}
