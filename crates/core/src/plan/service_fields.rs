//! The fields of a Service's spec, and what becomes of each: the one table that conditions, advice and the documentation go by.

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};

use crate::api::names;
use crate::model::KeyProblem;

/// What becomes of a field.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It decides something.
    Followed,
    /// It means nothing for a load balancer that goes to Pods directly.
    WithoutMeaning,
    /// It is not followed: what a Service says by it that is not the case anyway, and what to do.
    Reported(fn(&ServiceSpec) -> Option<String>),
    /// It is not followed by itself, and reported of each listener that does not do the same by other means.
    ReportedOfListeners,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct ServiceField {
    /// Its name, as users write it.
    pub name: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// The same, for people.
    pub meaning: &'static str,
}

const fn field(name: &'static str, fate: Fate, meaning: &'static str) -> ServiceField {
    ServiceField { name, fate, meaning }
}

/// Every field of a Service's spec, and of its ports. Source: `ServiceSpec` and `ServicePort` of k8s.io/api, core/v1.
pub const FIELDS: &[ServiceField] = &[
    field(
        "allocateLoadBalancerNodePorts",
        Fate::WithoutMeaning,
        "Traffic passes by nodes: node ports are neither needed nor used.",
    ),
    field(
        "clusterIP",
        Fate::Followed,
        "`None` makes the Service headless: a binding may name it, its annotations do nothing.",
    ),
    field("clusterIPs", Fate::Followed, "As `clusterIP`."),
    field("externalIPs", Fate::WithoutMeaning, "They are kube-proxy's, which follows them beside the load balancer."),
    field("externalName", Fate::WithoutMeaning, "A Service with one has no Pods: `NoSelector` says so."),
    field(
        "externalTrafficPolicy",
        Fate::WithoutMeaning,
        "Traffic goes to Pods and passes by nodes: both values come to what `Local` promises.",
    ),
    field("healthCheckNodePort", Fate::WithoutMeaning, "The load balancer probes Pods, not nodes."),
    field("internalTrafficPolicy", Fate::WithoutMeaning, "It is for traffic from within the cluster."),
    field(
        "ipFamilies",
        Fate::WithoutMeaning,
        "The family of the load balancer decides which addresses of Pods are bound; Pods without one of it are in `status.excluded`.",
    ),
    field(
        "ipFamilyPolicy",
        Fate::Reported(families),
        "A policy that requires both families is reported: a load balancer has one.",
    ),
    field(
        "loadBalancerClass",
        Fate::Followed,
        "`cloud.tencent.com/direct-access` gives the Service to this controller; a Service of another class is left to that.",
    ),
    field("loadBalancerIP", Fate::Reported(address), "It is reported: annotations or the binding choose the address."),
    field(
        "loadBalancerSourceRanges",
        Fate::Reported(ranges),
        "They are reported: security groups limit clients, and nothing else does.",
    ),
    field("ports", Fate::Followed, "Listeners are made for them; see the fields of a port."),
    field("publishNotReadyAddresses", Fate::Followed, "Pods are bound before they are ready."),
    field("selector", Fate::Followed, "It chooses the Pods."),
    field(
        "sessionAffinity",
        Fate::ReportedOfListeners,
        "`ClientIP` is reported of each listener for which no TkeServiceConfig sets `session`.",
    ),
    field(
        "sessionAffinityConfig",
        Fate::ReportedOfListeners,
        "It goes with `sessionAffinity`, whose words name its seconds.",
    ),
    field("trafficDistribution", Fate::WithoutMeaning, "It is for traffic from within the cluster."),
    field(
        "type",
        Fate::Followed,
        "Annotations are followed on the type LoadBalancer; a binding may name a Service of every type.",
    ),
    field(
        "ports[].appProtocol",
        Fate::WithoutMeaning,
        "It is a hint for meshes and Ingresses; `specify-protocol` or the binding chooses the protocol of a listener.",
    ),
    field("ports[].name", Fate::Followed, "A listener may name its Service port by it."),
    field("ports[].nodePort", Fate::WithoutMeaning, "Traffic passes by nodes."),
    field("ports[].port", Fate::Followed, "The port of the listener, where nothing else is said."),
    field(
        "ports[].protocol",
        Fate::Reported(protocols),
        "TCP and UDP are followed, others are reported: CLB has no such listener.",
    ),
    field("ports[].targetPort", Fate::Followed, "The port of the Pods."),
];

/// What a Service says by its fields that is not followed, whatever binds it.
pub fn problems(spec: &ServiceSpec) -> Vec<KeyProblem> {
    let words = |one: &ServiceField| match one.fate {
        Fate::Reported(words) => words(spec).map(|words| KeyProblem::new(format!("spec.{}", one.name), words)),
        Fate::Followed | Fate::WithoutMeaning | Fate::ReportedOfListeners => None,
    };
    FIELDS.iter().filter_map(words).collect()
}

/// The most values of a field that a message repeats.
const NAMED: usize = 3;

fn listed(values: &[String]) -> String {
    let named: Vec<_> = values.iter().take(NAMED).map(|value| crate::model::quoted(value)).collect();
    let more = values.len() - named.len();
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

fn ranges(spec: &ServiceSpec) -> Option<String> {
    let ranges = spec.load_balancer_source_ranges.as_deref().filter(|ranges| !ranges.is_empty())?;
    Some(format!(
        "{} limits nobody, clients of other addresses reach the Pods too: limit them by security groups, of a load balancer that is \
         created by {} or spec.loadBalancer.create.securityGroups of the binding, else by the console; then remove the field",
        listed(ranges),
        names::SECURITY_GROUPS
    ))
}

fn address(spec: &ServiceSpec) -> Option<String> {
    let address = spec.load_balancer_ip.as_deref().filter(|address| !address.is_empty())?;
    Some(format!(
        "{} has no effect: choose the load balancer by {}, or the address of one that is created by \"Vip\" in {} or \
         spec.loadBalancer.create.vip of the binding; then remove the field",
        crate::model::quoted(address),
        names::EXISTING_LOAD_BALANCER_ID,
        names::EXTENSIVE_PARAMETERS
    ))
}

fn families(spec: &ServiceSpec) -> Option<String> {
    (spec.ip_family_policy.as_deref() == Some("RequireDualStack")).then(|| {
        "RequireDualStack cannot be had: a load balancer has one family, and Pods are bound by their addresses of that; set \
         PreferDualStack, and for clients of the other family make another Service with a load balancer of that"
            .to_owned()
    })
}

/// The port is of a protocol that CLB has listeners of.
const fn is_bindable(protocol: Option<&str>) -> bool {
    match protocol {
        None => true,
        Some(protocol) => matches!(protocol.as_bytes(), b"TCP" | b"UDP"),
    }
}

/// A port that no listener can be made for, in words such as `5000 (sig, SCTP)`.
fn unbindable(port: &ServicePort) -> Option<String> {
    let protocol = port.protocol.as_deref().filter(|_| !is_bindable(port.protocol.as_deref()))?;
    Some(match port.name.as_deref() {
        None | Some("") => format!("{} ({protocol})", port.port),
        Some(name) => format!("{} ({name}, {protocol})", port.port),
    })
}

/// The ports of a Service that no listener can be made for.
pub fn unbindable_ports(spec: &ServiceSpec) -> Vec<String> {
    spec.ports.iter().flatten().filter_map(unbindable).collect()
}

fn protocols(spec: &ServiceSpec) -> Option<String> {
    let ports = unbindable_ports(spec);
    (!ports.is_empty()).then(|| {
        format!(
            "no listener is made for port {}: CLB has listeners of TCP and UDP, and of protocols above them; take the port into a Service \
             of its own, of type ClusterIP or NodePort, or change its protocol",
            ports.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use k8s_openapi::api::core::v1::SessionAffinityConfig;
    use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
    use serde_json::json;

    use super::*;

    /// Every field has a value. A field that a version of Kubernetes adds does not compile here before it has one.
    fn whole() -> ServiceSpec {
        let text = |text: &str| Some(text.to_owned());
        let port = ServicePort {
            app_protocol: text("https"),
            name: text("sig"),
            node_port: Some(30_000),
            port: 5_000,
            protocol: text("SCTP"),
            target_port: Some(IntOrString::Int(5_000)),
        };
        ServiceSpec {
            allocate_load_balancer_node_ports: Some(false),
            cluster_ip: text("10.0.0.1"),
            cluster_ips: Some(vec!["10.0.0.1".to_owned()]),
            external_ips: Some(vec!["192.0.2.1".to_owned()]),
            external_name: text("example.com"),
            external_traffic_policy: text("Local"),
            health_check_node_port: Some(30_001),
            internal_traffic_policy: text("Local"),
            ip_families: Some(vec!["IPv6".to_owned()]),
            ip_family_policy: text("RequireDualStack"),
            load_balancer_class: text("example.com/other"),
            load_balancer_ip: text("192.0.2.7"),
            load_balancer_source_ranges: Some((1..=5).map(|net| format!("192.0.{net}.0/24")).collect()),
            ports: Some(vec![port]),
            publish_not_ready_addresses: Some(true),
            selector: Some([("app".to_owned(), "web".to_owned())].into()),
            session_affinity: text("ClientIP"),
            session_affinity_config: Some(SessionAffinityConfig::default()),
            traffic_distribution: text("PreferClose"),
            type_: text("LoadBalancer"),
        }
    }

    #[test]
    fn every_field_of_a_service_has_its_row() {
        let value = serde_json::to_value(whole()).unwrap();
        let own = value.as_object().unwrap().keys().cloned();
        let ports = value["ports"][0].as_object().unwrap().keys().map(|name| format!("ports[].{name}"));
        let all: BTreeSet<String> = own.chain(ports).collect();
        let rows: BTreeSet<String> = FIELDS.iter().map(|one| one.name.to_owned()).collect();
        assert_eq!(all, rows);
        assert_eq!(FIELDS.len(), rows.len(), "each has one");
        assert!(FIELDS.iter().all(|one| one.meaning.ends_with('.')));
    }

    #[test]
    fn what_is_reported_names_field_and_value_and_what_to_do() {
        let found = problems(&whole());
        let reported = FIELDS.iter().filter(|one| matches!(one.fate, Fate::Reported(_)));
        let names: Vec<_> = reported.map(|one| format!("spec.{}", one.name)).collect();
        assert_eq!(found.iter().map(|one| one.key.clone()).collect::<Vec<_>>(), names);
        for (key, value, remedy) in [
            ("spec.ipFamilyPolicy", "RequireDualStack", "set PreferDualStack"),
            ("spec.loadBalancerIP", "\"192.0.2.7\"", "then remove the field"),
            ("spec.loadBalancerSourceRanges", "\"192.0.3.0/24\" and 2 more", "then remove the field"),
            ("spec.ports[].protocol", "5000 (sig, SCTP)", "of type ClusterIP or NodePort"),
        ] {
            let one = found.iter().find(|one| one.key == key).unwrap();
            assert!(one.message.contains(value) && one.message.contains(remedy), "{one}");
        }
        let done = json!({"ipFamilyPolicy": "PreferDualStack", "loadBalancerIP": "", "loadBalancerSourceRanges": [],
            "externalTrafficPolicy": "Local", "ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]});
        assert_eq!(problems(&serde_json::from_value(done).unwrap()), []);
    }
}
