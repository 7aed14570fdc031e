//! The slices that Kubernetes makes of a Service and its Pods, for Services that are not there yet.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::endpoint::selects;
use super::resolution::pod_port;
use crate::model::{IpFamily, ObjectKey, Phase, Pod, Service, Slice, SliceEndpoint, SlicePort};

/// The slices of a Service, as Kubernetes makes them of these Pods: one for each family of addresses and each set of ports. None where it
/// has no selector, or selects nobody who has an address.
pub fn slices(service: &Service, pods: &[Arc<Pod>]) -> Vec<Slice> {
    let mut found = BTreeMap::<_, Vec<SliceEndpoint>>::new();
    for pod in pods.iter().filter(|pod| selects(service, pod) && pod.phase != Phase::Finished) {
        let ports: Vec<_> = service.ports.iter().map(|port| pod_port(pod, port)).collect();
        for family in [IpFamily::V4, IpFamily::V6] {
            let own: Vec<IpAddr> = pod.ips.iter().copied().filter(|ip| IpFamily::of(*ip) == family).collect();
            if own.is_empty() {
                continue;
            }
            let (pod_uid, target_name) = (Some(pod.uid.clone()), Some(pod.key.name.clone()));
            let endpoint = SliceEndpoint { addresses: own, pod_uid, target_name };
            found.entry((family == IpFamily::V6, ports.clone())).or_default().push(endpoint);
        }
    }
    let mut slices = Vec::new();
    for ((is_v6, numbers), endpoints) in found {
        let ports = service.ports.iter().zip(numbers);
        let ports =
            ports.map(|(port, number)| SlicePort { name: port.name.clone(), transport: port.transport, port: number });
        let key = ObjectKey::new(service.key.namespace.clone(), format!("{}-{}", service.key.name, slices.len()));
        let family = if is_v6 { IpFamily::V6 } else { IpFamily::V4 };
        slices.push(Slice { key, service: service.key.name.clone(), family, ports: ports.collect(), endpoints });
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NamedPort, ServicePort, TargetPort, Transport};
    use crate::plan::tests::world::{self, NAMESPACE};

    #[test]
    fn slices_are_those_that_kubernetes_makes() {
        let port =
            |target_port| ServicePort { name: "web".to_owned(), transport: Transport::Tcp, port: 80, target_port };
        let service = |target| Service {
            key: ObjectKey::new(NAMESPACE, "web"),
            selector: [("app".to_owned(), "web".to_owned())].into(),
            ports: vec![port(target)],
            ..Service::default()
        };
        let pod = |name: &str, app: &str, ips: &[&str], named: Option<u16>| {
            let named = named.map(|number| NamedPort { name: "http".to_owned(), transport: Transport::Tcp, number });
            Arc::new(Pod {
                key: ObjectKey::new(NAMESPACE, name),
                uid: name.to_owned(),
                labels: [("app".to_owned(), app.to_owned())].into(),
                ips: ips.iter().map(|ip| ip.parse().unwrap()).collect(),
                named_ports: named.into_iter().collect(),
                ..world::pod(1)
            })
        };
        let pods = [
            pod("a", "web", &["10.0.0.1", "fd00::1"], Some(8080)),
            pod("b", "web", &["10.0.0.2"], Some(9090)),
            pod("c", "web", &["10.0.0.3"], None),
            pod("d", "web", &[], Some(8080)),
            pod("e", "other", &["10.0.0.5"], Some(8080)),
        ];
        let said = |target| {
            let found = slices(&service(target), &pods);
            let row = |slice: &Slice| {
                let pods: Vec<_> = slice.endpoints.iter().filter_map(|one| one.target_name.clone()).collect();
                (slice.family, slice.ports[0].port, pods.join(","))
            };
            found.iter().map(row).collect::<Vec<_>>()
        };
        let (v4, v6) = (IpFamily::V4, IpFamily::V6);
        assert_eq!(
            said(TargetPort::Number(8080)),
            [(v4, Some(8080), "a,b,c".to_owned()), (v6, Some(8080), "a".to_owned())]
        );
        assert_eq!(
            said(TargetPort::Name("http".to_owned())),
            [
                (v4, None, "c".to_owned()),
                (v4, Some(8080), "a".to_owned()),
                (v4, Some(9090), "b".to_owned()),
                (v6, Some(8080), "a".to_owned()),
            ]
        );
        let nobody = Service { selector: BTreeMap::new(), ..service(TargetPort::Number(80)) };
        assert_eq!(slices(&nobody, &pods), []);
    }
}
