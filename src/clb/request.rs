//! What writes ask for.

use super::wire;
use crate::model::{Address, ListenerId, Protocol, Route, TaskId, Weight};

/// Listeners of one protocol that are alike but for port and name.
#[derive(Clone, Debug, PartialEq)]
pub struct NewListeners {
    /// The protocol.
    pub protocol: Protocol,
    /// Ports and names, 1–49.
    pub listeners: Vec<NewListener>,
    /// Everything else; what is `None` is left to the cloud's default.
    pub attributes: ListenerAttributes,
}

/// Port and name of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewListener {
    /// The port, 1–65535.
    pub port: u16,
    /// The name, 1–80 characters.
    pub name: String,
}

/// What can be set of a listener. `None` leaves a new listener to the cloud's default and an old one as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListenerAttributes {
    /// How targets are probed; layer 4 only.
    pub health_check: Option<wire::HealthCheck>,
    /// `WRR`, `LEAST_CONN` or (not on creation) `IP_HASH`; layer 4 only.
    pub scheduler: Option<String>,
    /// Session persistence in seconds: 0 for off, or 30–3600; layer 4 only.
    pub session_expire_seconds: Option<i64>,
    /// Server certificate; TCP_SSL, and HTTPS without SNI.
    pub certificate: Option<wire::CertificateInput>,
    /// Server certificates of different algorithms; excludes `certificate`.
    pub certificates: Option<wire::MultiCertInfo>,
    /// A certificate per domain; HTTPS only, and never off again.
    pub sni: Option<bool>,
    /// Keeps connections to targets open; HTTP and HTTPS.
    pub keepalive: Option<bool>,
    /// Replaces the client's address. Reads do not show it.
    pub snat: Option<bool>,
    /// Sends the client's address to targets; TCP_SSL and QUIC. Reads do not show it.
    pub proxy_protocol: Option<bool>,
    /// Resets connections of deregistered targets; TCP and UDP.
    pub reset_on_deregister: Option<bool>,
    /// Seconds after which an idle connection ends, 10–1980; TCP and UDP.
    pub idle_timeout_seconds: Option<i64>,
    /// Connections, or -1 for no limit.
    pub max_connections: Option<i64>,
    /// New connections per second, or -1 for no limit.
    pub max_connections_per_second: Option<i64>,
}

/// What can be changed of a rule; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleChange {
    /// New path.
    pub url: Option<String>,
    /// How targets are probed.
    pub health_check: Option<wire::HealthCheck>,
    /// `WRR`, `LEAST_CONN` or `IP_HASH`.
    pub scheduler: Option<String>,
    /// Session persistence in seconds: 0 for off, or 30–86400.
    pub session_expire_seconds: Option<i64>,
    /// Protocol towards targets: `HTTP`, `HTTPS` or `GRPC`.
    pub forward_type: Option<String>,
}

/// What can be changed of a domain of a listener; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DomainChange {
    /// New name.
    pub new_domain: Option<String>,
    /// Server certificate; listeners with SNI only.
    pub certificate: Option<wire::CertificateInput>,
    /// HTTP/2; HTTPS only.
    pub http2: Option<bool>,
    /// QUIC; HTTPS only.
    pub quic: Option<bool>,
    /// The listener's default domain.
    pub default_server: Option<bool>,
    /// The domain that becomes the default when this one ceases to be.
    pub new_default_domain: Option<String>,
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
    /// Zone of the address; public IPv4 only.
    pub zone_id: Option<String>,
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
