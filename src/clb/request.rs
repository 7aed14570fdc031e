//! What writes ask for.

use super::wire;
use crate::model::{Address, Attributes, ListenerId, Protocol, Route, TaskId, Weight};

/// Listeners of one protocol that are alike but for port and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewListeners {
    /// The protocol.
    pub protocol: Protocol,
    /// Ports and names, 1–49.
    pub listeners: Vec<NewListener>,
    /// Their settings; what is absent is left to the cloud's default.
    pub attributes: Attributes,
}

/// Port and name of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewListener {
    /// The port, 1–65535.
    pub port: u16,
    /// The name, 1–80 characters.
    pub name: String,
}

/// A forwarding rule to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// The domain, 1–80 characters.
    pub domain: String,
    /// The path, 1–200 characters.
    pub url: String,
    /// Its settings and its domain's; what is absent is left to the cloud's default.
    pub attributes: Attributes,
}

/// A target to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTarget {
    /// Listener or rule.
    pub route: Route,
    /// Where it listens.
    pub address: Address,
    /// Its weight, 0–100.
    pub weight: Weight,
    /// Free text; empty for none.
    pub tag: String,
}

/// What became of a batch. Success of the call is not success of every target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchReply {
    /// Listeners with at least one target that failed.
    pub failed: Vec<ListenerId>,
    /// What went wrong, in the cloud's words; empty when nothing did.
    pub message: String,
    /// The id of the request. The reference does not say whether a batch is a task; a read of the targets tells the truth.
    pub task: TaskId,
}

/// A load balancer to create.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewLoadBalancer {
    /// Makes a repeated call the same call; 1–64 ASCII characters. Without it a repetition would buy a second one.
    pub client_token: String,
    /// The name, 1–80 characters; the cloud picks one when `None`.
    pub name: Option<String>,
    /// Reachable from inside the network only; `subnet_id` is needed then.
    pub internal: bool,
    /// Network of the targets; the account's default one when `None`.
    pub vpc_id: Option<String>,
    /// Subnet of the address.
    pub subnet_id: Option<String>,
    /// The address to have.
    pub vip: Option<String>,
    /// A domain name instead of a fixed address; not when `None`.
    pub dynamic_vip: Option<bool>,
    /// Carrier, `BGP` when `None`; public only.
    pub isp: Option<String>,
    /// Zone of the address; public IPv4 only.
    pub zone_id: Option<String>,
    /// Main zone of a load balancer in two; public IPv4 only.
    pub master_zone_id: Option<String>,
    /// Standby zone of a load balancer in two; public IPv4 only.
    pub slave_zone_id: Option<String>,
    /// `IPV4`, `IPV6` or `IPv6FullChain`; public only.
    pub ip_version: Option<String>,
    /// Billing mode and bandwidth.
    pub internet_accessible: Option<wire::InternetAccessible>,
    /// Bandwidth package, `bwp-…`.
    pub bandwidth_package_id: Option<String>,
    /// `POSTPAID_BY_HOUR` or `PREPAID`.
    pub charge_type: Option<String>,
    /// Performance specification; shared when `None`.
    pub sla_type: Option<String>,
    /// Cross-region binding 2.0.
    pub snat_pro: Option<bool>,
    /// Targets admit the load balancer's traffic without asking their own security groups.
    pub pass_to_target: Option<bool>,
    /// Tags as key and value, up to 20.
    pub tags: Vec<(String, String)>,
}

/// What can be changed of a load balancer; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancerChange {
    /// New name.
    pub name: Option<String>,
    /// Billing mode and bandwidth.
    pub internet_accessible: Option<wire::InternetAccessible>,
    /// Targets admit the load balancer's traffic without asking their own security groups.
    pub pass_to_target: Option<bool>,
    /// Cross-region binding 2.0.
    pub snat_pro: Option<bool>,
    /// Deletion protection.
    pub delete_protect: Option<bool>,
}
