//! What a binding says about a listener.

use garde::Validate;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use crate::api::fragment;

/// A listener of the load balancer: one that is made, or with listenerId an existing one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::LISTENER))]
#[garde(allow_unvalidated)]
pub struct ListenerSpec {
    /// The listener's port, 1 to 65535. Required. TCP, TCP_SSL, HTTP and HTTPS share one space of ports, UDP and QUIC
    /// another.
    #[garde(range(min = 1, max = 65535))]
    pub port: i32,
    /// The listener's protocol. Required.
    pub protocol: ListenerProtocol,
    /// The Service port whose Pods are bound, by name or number. Default: the Service port with the listener's port
    /// number and transport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::port_or_name")]
    pub service_port: Option<IntOrString>,
    /// An existing listener to bind into, such as lbl-1a2b3c4d. Only its targets are changed, its attributes are not.
    /// Default: a listener is made, and removed again with the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 32), pattern("^lbl-[0-9a-z]+$"))]
    pub listener_id: Option<String>,
    /// The server certificate; for HTTPS that of rules without their own. Required for TCP_SSL and QUIC, and for HTTPS
    /// unless every rule has one. Forbidden with listenerId and for other protocols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub certificate: Option<CertificateSpec>,
    /// The forwarding rules to bind to, keyed by domain and url; at most 50, for HTTP and HTTPS only. With listenerId
    /// they must exist, without they are made. Default for HTTP and HTTPS: one rule with the default domain and url.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domain", "url"]))]
    pub rules: Vec<RuleSpec>,
    /// The weight of each target, 0 to 100; 0 means no new connections. A Pod overrides it by annotation. Default: 10.
    #[serde(default = "default_weight")]
    #[garde(range(min = 0, max = 100))]
    pub weight: i32,
    /// Namespaces whose bindings may bind into this listener by its listenerId, at most 16. Those of the binding's own namespace may
    /// anyway. Forbidden with listenerId: a listener is shared by the binding that has made it. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(length(max = 16), inner(length(chars, min = 1, max = 63), pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")))]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub shared_with: Vec<String>,
}

/// The weight that CLB itself gives a target, see its `Target` structure.
const fn default_weight() -> i32 {
    10
}

/// The protocol of a listener, in the cloud's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ListenerProtocol {
    /// Layer 4 TCP.
    #[serde(rename = "TCP")]
    Tcp,
    /// Layer 4 UDP.
    #[serde(rename = "UDP")]
    Udp,
    /// Layer 4 TCP with TLS ended at the load balancer.
    #[serde(rename = "TCP_SSL")]
    TcpSsl,
    /// Layer 4 QUIC.
    #[serde(rename = "QUIC")]
    Quic,
    /// Layer 7 HTTP.
    #[serde(rename = "HTTP")]
    Http,
    /// Layer 7 HTTPS.
    #[serde(rename = "HTTPS")]
    Https,
}

impl ListenerProtocol {
    /// Every protocol.
    pub const ALL: [Self; 6] = [Self::Tcp, Self::Udp, Self::TcpSsl, Self::Quic, Self::Http, Self::Https];

    /// The cloud's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpSsl => "TCP_SSL",
            Self::Quic => "QUIC",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }
}

/// A server certificate: exactly one of id and secretName.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules::CERTIFICATE))]
pub struct CertificateSpec {
    /// The id of a certificate in Tencent Cloud SSL, 1 to 64 characters. Excludes secretName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 64), pattern("^[0-9A-Za-z_-]+$"))]
    pub id: Option<String>,
    /// The name of a Secret of the same namespace, 1 to 253 characters: its key qcloud_cert_id holds the id, or it is of type
    /// kubernetes.io/tls, and its certificate is uploaded and replaced when the Secret changes. Excludes id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, min = 1, max = 253), pattern("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: Option<String>,
}

/// A forwarding rule of a layer-7 listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct RuleSpec {
    /// The domain, at most 80 characters in lower case: exact, with a wildcard at its start or end, or a regular
    /// expression that begins with ~. Default: empty, which stands for the load balancer's own IPv4 address.
    #[serde(default)]
    #[garde(length(chars, max = 80), pattern(r"^(~[^ ]+|\*?[0-9a-z._-]+\*?)?$"))]
    pub domain: String,
    /// The path, 1 to 200 characters: it begins with /, with = for an exact match, or with ~ for a regular expression.
    /// Default: /.
    #[serde(default = "default_url")]
    #[garde(length(chars, min = 1, max = 200), pattern("^[/=~]"))]
    pub url: String,
    /// The server certificate of the domain, for HTTPS; rules of one domain must have the same. It makes the listener
    /// choose certificates by domain (SNI), which cannot be undone. Forbidden with listenerId. Default: that of the
    /// listener.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub certificate: Option<CertificateSpec>,
}

impl Default for RuleSpec {
    /// The rule of a listener that names none: every path of the load balancer's own address.
    fn default() -> Self {
        Self { domain: String::new(), url: default_url(), certificate: None }
    }
}

fn default_url() -> String {
    "/".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_spelled_alike_everywhere() {
        for protocol in ListenerProtocol::ALL {
            assert_eq!(serde_json::to_value(protocol).unwrap(), protocol.as_str());
            assert_eq!(protocol.as_str().parse::<crate::model::Protocol>().unwrap().as_str(), protocol.as_str());
        }
    }
}
