//! Entries of a config: listeners, rules, and the health check and session that both may have.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::api::fragment;

/// Reads a text; an empty one says nothing. Generated configs and the vendor's own samples have such.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Attributes of one layer-4 listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[garde(allow_unvalidated)]
pub struct L4ListenerConfig {
    /// Which listener, by protocol: TCP, UDP, TCP_SSL or QUIC. Required.
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["TCP", "UDP", "TCP_SSL", "QUIC"]))]
    pub protocol: String,
    /// Which listener, by port, 1 to 65535. Required.
    #[garde(range(min = 1, max = 65535))]
    pub port: i32,
    /// How connections are dealt out: WRR by weight, LEAST_CONN to the target with the fewest; LEAST_CONN excludes
    /// session persistence. IP_HASH is for layer 7. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["WRR", "LEAST_CONN", "IP_HASH", ""]))]
    pub scheduler: Option<String>,
    /// The name of the listener, 1 to 80 characters. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 80))]
    pub listener_name: Option<String>,
    /// Whether and how the client's address is told to targets by PROXY protocol; TCP_SSL and QUIC. Default: left as it
    /// is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocolConfig>,
    /// Whether connections to a target are ended with RST when it is deregistered; TCP and UDP. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deregister_target_rst: Option<bool>,
    /// Session persistence by client address. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub session: Option<SessionConfig>,
    /// The health check of the listener's targets. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub health_check: Option<HealthCheckConfig>,
}

/// PROXY protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct ProxyProtocolConfig {
    /// Whether it is used. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
}

/// Session persistence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[garde(allow_unvalidated)]
pub struct SessionConfig {
    /// Whether requests of one client go to one target. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// The old spelling of enable; enable wins when both are set. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Seconds for which a client stays with its target, 30 to 3600, for layer 7 to 86400; 0 switches it off. Default:
    /// 30 when switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 86400))]
    pub session_expire_time: Option<i32>,
}

impl SessionConfig {
    /// Whether it is switched on or off, in either spelling; `None` when the config does not say.
    pub const fn switch(&self) -> Option<bool> {
        if self.enable.is_some() { self.enable } else { self.enabled }
    }
}

/// A health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[garde(allow_unvalidated)]
pub struct HealthCheckConfig {
    /// Whether targets are probed; when not, every target gets traffic. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// The old spelling of enable; enable wins when both are set. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Seconds between two probes, 2 to 300; on IPv6 load balancers from 5. Default: 5 when a listener is made, else
    /// left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 300))]
    pub interval_time: Option<i32>,
    /// Seconds after which a probe without answer has failed, 2 to 60, less than intervalTime. Default: 2 when a
    /// listener is made, else left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 300))]
    pub timeout: Option<i32>,
    /// Successful probes in a row that make a target healthy, 2 to 10. Default: 3 when a listener is made, else left as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 10))]
    pub health_num: Option<i32>,
    /// Failed probes in a row that make a target unhealthy, 2 to 10. Default: 3 when a listener is made, else left as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 10))]
    pub un_health_num: Option<i32>,
    /// The port that is probed, 1 to 65535; 0 and -1 mean the target's own. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = -1, max = 65535))]
    pub check_port: Option<i32>,
    /// How it is probed. TCP listeners: TCP, HTTP or CUSTOM. UDP: PING or CUSTOM. TCP_SSL and QUIC: TCP or HTTP. Rules:
    /// TCP, HTTP, HTTPS or GRPC. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["TCP", "HTTP", "HTTPS", "GRPC", "PING", "CUSTOM", ""]))]
    pub check_type: Option<String>,
    /// How sendContext and recvContext are written, for checkType CUSTOM: HEX (an even number of digits 0-9 and A-F) or
    /// TEXT. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["HEX", "TEXT", ""]))]
    pub context_type: Option<String>,
    /// What a probe sends, for checkType CUSTOM; at most 500 visible ASCII characters. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 500))]
    pub send_context: Option<String>,
    /// What a probe must get back, for checkType CUSTOM; at most 500 visible ASCII characters. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 500))]
    pub recv_context: Option<String>,
    /// The HTTP version of a probe, for TCP listeners with checkType HTTP: HTTP/1.0 or HTTP/1.1. Default: left as it
    /// is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["HTTP/1.0", "HTTP/1.1", ""]))]
    pub http_version: Option<String>,
    /// The status codes that mean success, as a sum: 1 for 1xx, 2 for 2xx, 4 for 3xx, 8 for 4xx, 16 for 5xx; 1 to 31.
    /// Default: 31 when a rule is made, else left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 31))]
    pub http_code: Option<i32>,
    /// The path of an HTTP probe, 1 to 200 characters, beginning with /. Default: / when a rule is made, else left as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 200))]
    pub http_check_path: Option<String>,
    /// The Host of an HTTP probe, 1 to 80 characters. Required for rules with a wildcard domain and for TCP listeners.
    /// Default: the rule's domain when a rule is made, else left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 80))]
    pub http_check_domain: Option<String>,
    /// The method of an HTTP probe: HEAD or GET. Default: HEAD when a rule is made, else left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["HEAD", "GET", ""]))]
    pub http_check_method: Option<String>,
    /// Where probes come from: 0 the load balancer's address, 1 the range 100.64.0.0/10. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1))]
    pub source_ip_type: Option<i32>,
}

impl HealthCheckConfig {
    /// Whether it is switched on or off, in either spelling; `None` when the config does not say.
    pub const fn switch(&self) -> Option<bool> {
        if self.enable.is_some() { self.enable } else { self.enabled }
    }
}

/// Attributes of one layer-7 listener and its rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[garde(allow_unvalidated)]
pub struct L7ListenerConfig {
    /// Which listener, by protocol: HTTP or HTTPS. Required.
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["HTTP", "HTTPS"]))]
    pub protocol: String,
    /// Which listener, by port, 1 to 65535. Required.
    #[garde(range(min = 1, max = 65535))]
    pub port: i32,
    /// The domain that gets requests for unknown domains, at most 80 characters. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 80))]
    pub default_server: Option<String>,
    /// Whether connections to targets are kept alive, 0 or 1; needs permission of the cloud, and hides the client's
    /// address. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(range(min = 0, max = 1))]
    pub keepalive_enable: Option<i32>,
    /// Whether targets see the load balancer's address instead of the client's; needs permission of the cloud. Default:
    /// left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snat_enable: Option<bool>,
    /// The name of the listener, 1 to 80 characters. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 80))]
    pub listener_name: Option<String>,
    /// Whether certificates belong to domains. Old, and not applied; preserved in any shape. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::anything")]
    pub sni_switch: Option<Value>,
    /// The domains of the listener, keyed by domain; at most 50. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domain"]))]
    pub domains: Option<Vec<DomainConfig>>,
}

impl L7ListenerConfig {
    /// The domains; none when there is no such list.
    pub fn domains(&self) -> &[DomainConfig] {
        self.domains.as_deref().unwrap_or_default()
    }
}

/// Attributes of one domain of a layer-7 listener and its rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
#[garde(allow_unvalidated)]
pub struct DomainConfig {
    /// Which domain, at most 80 characters; empty stands for the load balancer's own IPv4 address. Default: empty.
    #[serde(default)]
    #[garde(length(chars, max = 80))]
    pub domain: String,
    /// Whether clients may use HTTP/2; HTTPS only. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http2: Option<bool>,
    /// The domain's certificate: sslMode, certId, certCaId. Old, and not applied; preserved in any shape. Default:
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::anything")]
    pub certificate: Option<Value>,
    /// The rules of the domain, keyed by url; at most 50. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive, length(max = 50))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["url"]))]
    pub rules: Option<Vec<RuleConfig>>,
}

impl DomainConfig {
    /// The rules; none when there is no such list.
    pub fn rules(&self) -> &[RuleConfig] {
        self.rules.as_deref().unwrap_or_default()
    }
}

/// Attributes of one rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct RuleConfig {
    /// Which rule, by path, 1 to 200 characters. Required.
    #[garde(length(chars, max = 200))]
    pub url: String,
    /// The protocol that targets speak: HTTP, HTTPS, GRPC or GRPCS. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["HTTP", "HTTPS", "GRPC", "GRPCS", ""]))]
    pub forward_type: Option<String>,
    /// How requests are dealt out: WRR by weight, LEAST_CONN to the target with the fewest, IP_HASH by client address.
    /// LEAST_CONN and IP_HASH exclude session persistence. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[garde(length(chars, max = 16))]
    #[schemars(extend("enum" = ["WRR", "LEAST_CONN", "IP_HASH", ""]))]
    pub scheduler: Option<String>,
    /// Session persistence by cookie. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub session: Option<SessionConfig>,
    /// The health check of the rule's targets. Default: left as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub health_check: Option<HealthCheckConfig>,
}
