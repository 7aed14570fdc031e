//! The annotations of TKE that are recognised on a Service, and what becomes of each.

use super::spelling::{misspelt, near_misses};
use crate::api::names;
use crate::model::{Annotations, Reading};
use crate::mutant::{self, Mutant};

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
    /// Values of one that is not acted on that ask for what is the case all the same.
    pub usual: &'static [&'static str],
}

const fn applied(name: &'static str, meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Applied, meaning, usual: &[] }
}

const fn ignored(name: &'static str, usual: &'static [&'static str], meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Ignored, meaning, usual }
}

const fn written(name: &'static str, meaning: &'static str) -> Key {
    Key { name, treatment: Treatment::Written, meaning, usual: &[] }
}

/// The annotation is recognised.
pub fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| key.name == name)
}

/// A switch that is off.
const OFF: &[&str] = &["false"];

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
    applied(
        names::CROSS_VPC_ID,
        "The VPC of a load balancer that is created. Without it, that of the cluster: `--vpc-id`, else what load balancers that bindings \
         name and TKE's ConfigMap say; where they do not, the account's default VPC, and no internal load balancer is created.",
    ),
    applied(names::INTERNAL_SUBNET_ID, "The subnet of an internal load balancer that is created."),
    applied(names::INTERNET_CHARGE_TYPE, "The billing of a public load balancer that is created."),
    applied(
        names::INTERNET_MAX_BANDWIDTH_OUT,
        "The bandwidth in Mbps of a public load balancer that is created, 1 to 2048.",
    ),
    applied(names::EXTENSIVE_PARAMETERS, "Further parameters of a load balancer that is created, as JSON, see below."),
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
    ignored(
        names::GRACE_DELETION,
        OFF,
        "It needs TKE's kubelet; give the Pods a preStop sleep instead, and remove it.",
    ),
    ignored(
        names::PREVENT_LOOPBACK,
        OFF,
        "Set healthCheck.sourceIpType to 1 in a TkeServiceConfig instead, and remove it.",
    ),
    ignored(
        names::MODIFICATION_PROTECTION,
        OFF,
        "Listeners of a binding are corrected when somebody changes them; protect the load balancer itself in the console, and \
         remove it.",
    ),
    ignored(names::TARGET_GROUPS, &["[]"], "Pods are bound to listeners, without target groups; remove it."),
    ignored(
        names::LOAD_BALANCER_TYPE,
        &["yunapiv3_forward_clb", "application"],
        "Classic load balancers are not made any more; remove it.",
    ),
    ignored(
        names::LOAD_BALANCER_KIND,
        &["OPEN"],
        "For an internal load balancer, name its subnet by service.kubernetes.io/qcloud-loadbalancer-internal-subnetid instead, \
         and remove it.",
    ),
    ignored(
        names::BACKENDS_LABEL,
        &[],
        "It chooses nodes, and Pods are bound here; choose Pods by the selector of the Service, and remove it.",
    ),
    ignored(names::LOCAL_BIND, OFF, "It chooses nodes, and Pods are bound here; remove it."),
    ignored(names::LOCAL_BALANCE, OFF, "It weights nodes, and Pods are bound here; remove it."),
    ignored(names::DISCARD_ADDRESS, OFF, "It is for kube-proxy of super nodes; remove it."),
    ignored(
        names::SHARE_EXISTING,
        &["true"],
        "Several Services may use one load balancer; for one of its own, remove \
         service.kubernetes.io/tke-existed-lbid, and this too.",
    ),
    ignored(
        names::LISTENER_PARAMETERS,
        &["", "{}"],
        "Set health check, session persistence and scheduling in a TkeServiceConfig instead, and remove it.",
    ),
    ignored(
        names::SOURCE_ENDPOINTS,
        &[],
        "The Pods that the selector of the Service chooses are bound; give it a selector, and remove it.",
    ),
    ignored(
        names::CUSTOM_WEIGHT,
        &[],
        "It is an annotation of Pods; write it into the Pod template, or use service.cloud.tencent.com/lb-rs-weight on the Service.",
    ),
    written(
        names::LOAD_BALANCER_ID,
        "The load balancer in use. One that a user has written is never followed; service.kubernetes.io/tke-existed-lbid chooses one.",
    ),
    written(
        names::CLIENT_TOKEN,
        "A token of TKE's own service controller. Its presence tells that TKE programs the Service; remove it from copies.",
    ),
    written(names::SYNC_BEGIN_TIME, "Written by TKE's own service controller."),
    written(names::SYNC_END_TIME, "Written by TKE's own service controller."),
    written(names::NAT_IPV6, "Written by TKE's own service controller."),
    written(names::IPV6, "Written by TKE's own service controller."),
];

/// The text of an annotation that a user has written; `ours` are the keys that this controller has. A key that is almost this one is
/// a typing error, and the annotation is not absent; `form` says what to write.
pub(in crate::plan) fn text<'a>(
    annotations: &'a Annotations,
    ours: &[String],
    key: &str,
    form: &str,
) -> Reading<&'a str> {
    let value = annotations.get(key).filter(|_| !ours.iter().any(|own| own == key));
    match (value, near_misses(annotations, key).next()) {
        (None, Some(near)) => Reading::Unreadable(misspelt(near, key)),
        (Some(value), _) if mutant::is(Mutant::EmptyIsAbsent) && value == "" => Reading::Absent,
        (value, _) => value.map_or(Reading::Absent, |value| value.reading(key, form)),
    }
}
