//! The annotations of TKE that are recognised on a Service, and what becomes of each.

use crate::api::names;
use crate::model::{Annotations, KeyProblem, Reading};

/// What is done about an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It decides something.
    Applied,
    /// It is known, and nothing is done about it: the Service's condition says so.
    Ignored,
    /// Controllers write it; it decides nothing.
    Written,
}

/// One recognised annotation.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What is done about it.
    pub treatment: Treatment,
    /// The same, for people.
    pub meaning: &'static str,
}

const fn applied(name: &'static str, meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Applied, meaning }
}

const fn ignored(name: &'static str, meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Ignored, meaning }
}

const fn written(name: &'static str, meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Written, meaning }
}

/// The annotation is recognised.
pub fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name)
}

/// Every recognised annotation. Sources: TKE's pages 457/51258 and 457/51259, and the switches of 457/131136.
pub const KEYS: &[Key] = &[
    applied(
        names::DIRECT_ACCESS,
        "\"true\" has a binding made for the Service. \"false\", or removing the annotation, ends that; a load balancer that was created \
         is then parked.",
    ),
    applied(names::SERVICE_CONFIG, "The TkeServiceConfig to use. Excludes tke-service-config-auto."),
    applied(names::SERVICE_CONFIG_AUTO, "\"true\" has `<service>-auto-service-config` made and used."),
    applied(
        names::EXISTING_LOAD_BALANCER_ID,
        "The existing load balancer to use. Annotations that would create one are left out of account.",
    ),
    applied(names::CROSS_REGION_ID, "The region of the load balancer."),
    applied(names::CROSS_VPC_ID, "The VPC of a load balancer that is created."),
    applied(names::INTERNAL_SUBNET_ID, "The subnet of an internal load balancer that is created."),
    applied(names::INTERNET_CHARGE_TYPE, "The billing of a public load balancer that is created."),
    applied(
        names::INTERNET_MAX_BANDWIDTH_OUT,
        "The bandwidth in Mbps of a public load balancer that is created, 1 to 2048.",
    ),
    applied(
        names::EXTENSIVE_PARAMETERS,
        "Further parameters of a load balancer that is created, as JSON: AddressIPVersion, BandwidthPackageId, \
         LoadBalancerName, LoadBalancerPassToTarget, MasterZoneId, SlaType, SlaveZoneId, SnatPro, Tags, Vip, VipIsp, ZoneId.",
    ),
    applied(
        names::SPECIFY_PROTOCOL,
        "The protocols of listeners, by Service port, as JSON: TCP, UDP, TCP_SSL, QUIC, HTTP, HTTPS.",
    ),
    applied(
        names::SECURITY_GROUPS,
        "The security groups of a load balancer that is created, at most 5, separated by commas. An empty value means none, as TKE \
         documents it.",
    ),
    applied(
        names::PASS_TO_TARGET,
        "\"true\": only the security groups of a load balancer that is created are checked, not those of the Pods.",
    ),
    applied(
        names::RS_WEIGHT,
        "Weights by ordinal of a StatefulSet, as JSON. Pods of a row that cannot be read keep the weights they have.",
    ),
    applied(
        names::GRACE_SHUTDOWN,
        "\"false\" deregisters Pods at once when they are deleted. Otherwise their weight becomes 0 first.",
    ),
    applied(
        names::GRACE_SHUTDOWN_NOT_READY,
        "\"false\" deregisters Pods that are not ready. Otherwise their weight becomes 0.",
    ),
    applied(names::LOAD_BALANCER_RETAIN, "\"true\" keeps the load balancer when the Service goes."),
    applied(names::DELETION_PROTECTION, "\"true\" keeps the load balancer when the Service goes."),
    applied(
        names::MODE,
        "skip: TKE's own service controller leaves the Service alone, and this controller takes it over.",
    ),
    ignored(names::GRACE_DELETION, "It needs TKE's kubelet. Give the Pods a preStop sleep instead."),
    ignored(names::PREVENT_LOOPBACK, "Set healthCheck.sourceIpType to 1 in a TkeServiceConfig instead."),
    ignored(
        names::MODIFICATION_PROTECTION,
        "Listeners of a binding are corrected when somebody changes them; others stay free to be changed.",
    ),
    ignored(names::TARGET_GROUPS, "Target groups are not used."),
    ignored(names::LOAD_BALANCER_TYPE, "Only current load balancers are made."),
    ignored(names::BACKENDS_LABEL, "It chooses nodes, and Pods are bound here."),
    ignored(names::LOCAL_BIND, "It chooses nodes, and Pods are bound here."),
    ignored(names::LOCAL_BALANCE, "It weights nodes, and Pods are bound here."),
    ignored(names::DISCARD_ADDRESS, "It is for kube-proxy of super nodes."),
    written(names::LOAD_BALANCER_ID, "The load balancer in use."),
    written(
        names::CLIENT_TOKEN,
        "A token of TKE's own service controller. Its presence tells that TKE programs the Service; remove it from copies.",
    ),
    written(names::SYNC_BEGIN_TIME, "Written by TKE's own service controller."),
    written(names::SYNC_END_TIME, "Written by TKE's own service controller."),
];

/// In how many letters a key may differ from one that is known to be taken for a typing error.
const NEAR_MISS: usize = 2;

/// The text of an annotation that a user has written; `ours` are the keys that this controller has. A key that is almost this one is
/// a typing error, and the annotation is not absent; `form` says what to write.
pub(in crate::plan) fn text<'a>(
    annotations: &'a Annotations,
    ours: &[String],
    key: &str,
    form: &str,
) -> Reading<&'a str> {
    let value = annotations.get(key).filter(|_| !ours.iter().any(|own| own == key));
    match (value, near_miss(annotations, key)) {
        (None, Some(near)) => Reading::Unreadable(misspelt(near, key)),
        (value, _) => value.map_or(Reading::Absent, |value| value.reading(key, form)),
    }
}

/// An annotation whose key nobody knows, and that is almost this one: by letter case, or by two letters at most.
fn near_miss<'a>(annotations: &'a Annotations, key: &str) -> Option<&'a str> {
    annotations.keys().find(|other| is_almost(other, key))
}

/// The key is almost the known one, and is none that is known.
pub fn is_almost(other: &str, key: &str) -> bool {
    let is_known = other == key || KEYS.iter().any(|known| known.name == other);
    !is_known && is_near(other, key)
}

/// The keys are the same but for letter case, or two letters at most.
pub(in crate::plan) fn is_near(other: &str, key: &str) -> bool {
    let distance = || strsim::osa_distance(&other.to_ascii_lowercase(), &key.to_ascii_lowercase());
    other.len().abs_diff(key.len()) <= NEAR_MISS && distance() <= NEAR_MISS
}

/// What is wrong with a key that is near this one, where that is missing.
pub(in crate::plan) fn misspelt(near: &str, key: &str) -> KeyProblem {
    KeyProblem::new(near, format!("the key is not known; write {key} instead, or remove it"))
}

/// The annotation is read, or may be meant to be.
pub fn is_of_interest(key: &str) -> bool {
    KEYS.iter().any(|known| known.name == key || is_almost(key, known.name))
}
