//! Listeners and rules as `DescribeListeners` shows them.

use serde_json::Value;

use super::HealthCheckOutput;

/// What `AttrFlags` of a listener may name, beside flags that nobody knows.
///
/// The reference only calls them "attributes of the listener"; its example shows `Stop`. The others are those that the CLB
/// resources of Tencent's Terraform provider read (`resource_tc_clb_listener.go`). Whether every account is shown them is not
/// documented.
pub mod attr_flag {
    /// The listener is stopped.
    pub const STOP: &str = "Stop";
    /// `SnatEnable` is on.
    pub const SNAT: &str = "SnatEnable";
    /// `ProxyProtocol` is on.
    pub const PROXY_PROTOCOL: &str = "ProxyProtocol";
    /// `H2cSwitch` is on.
    pub const H2C: &str = "H2cSwitch";
    /// `RescheduleTargetZeroWeight` is on.
    pub const RESCHEDULE_TARGET_ZERO_WEIGHT: &str = "RescheduleTargetZeroWeight";
    /// `RescheduleUnhealthy` is on.
    pub const RESCHEDULE_UNHEALTHY: &str = "RescheduleUnhealthy";
    /// `RescheduleExpandTarget` is on.
    pub const RESCHEDULE_EXPAND_TARGET: &str = "RescheduleExpandTarget";
}

reply! {
    /// A listener. Some switches have no member and are shown as flags; `SslCloseSwitch` is not shown at all.
    pub struct Listener {
        /// Id, `lbl-…`.
        listener_id: String,
        /// Protocol in upper case.
        protocol: String,
        /// Port.
        port: i64,
        /// Server certificate; null without one.
        certificate: CertificateOutput,
        /// Null for layer 7.
        health_check: HealthCheckOutput,
        /// Null for layer 7.
        scheduler: String,
        /// Seconds; 0 is off.
        session_expire_time: i64,
        /// 0 or 1.
        sni_switch: i64,
        /// Rules; null for layer 4.
        rules: Vec<RuleOutput>,
        /// Name.
        listener_name: String,
        /// Time of creation, `YYYY-MM-DD HH:MM:SS`.
        create_time: String,
        /// Last port of a range, 0 without one.
        end_port: i64,
        /// `NODE`, `POLARIS`, `TARGETGROUP` or `TARGETGROUP-V2`.
        target_type: String,
        /// Null unless bound to one.
        target_group: Value,
        /// `NORMAL` or `QUIC_CID`.
        session_type: String,
        /// 0 or 1; null for layer 4.
        keepalive_enable: i64,
        /// NAT64 only.
        toa: bool,
        /// Resets connections of a deregistered target.
        deregister_target_rst: bool,
        /// Flags that are set, see [`attr_flag`].
        attr_flags: Vec<String>,
        /// Null unless bound to some.
        target_group_list: Value,
        /// -1 for unlimited.
        max_conn: i64,
        /// -1 for unlimited.
        max_cps: i64,
        /// Seconds.
        idle_connect_timeout: i64,
        /// Seconds.
        reschedule_interval: i64,
        /// `transparent` or `compatibility`.
        data_compress_mode: String,
        /// Seconds.
        reschedule_start_time: i64,
    }

    /// A server certificate.
    pub struct CertificateOutput {
        /// `UNIDIRECTIONAL` or `MUTUAL`.
        #[serde(rename = "SSLMode")]
        ssl_mode: String,
        /// `ON`, `OPTIONAL` or empty.
        #[serde(rename = "SSLVerifyClient")]
        ssl_verify_client: String,
        /// Server certificate.
        cert_id: String,
        /// Client CA.
        cert_ca_id: String,
        /// Further server certificates.
        ext_cert_ids: Vec<String>,
    }

    /// A rule of a layer-7 listener.
    pub struct RuleOutput {
        /// Id, `loc-…`.
        location_id: String,
        /// Domain.
        domain: String,
        /// Path.
        url: String,
        /// Seconds; 0 is off.
        session_expire_time: i64,
        /// Health check.
        health_check: HealthCheckOutput,
        /// Null without SNI.
        certificate: CertificateOutput,
        /// `WRR`, `LEAST_CONN` or `IP_HASH`.
        scheduler: String,
        /// The listener.
        listener_id: String,
        /// Where it redirects to.
        rewrite_target: RewriteTarget,
        /// Compression.
        http_gzip: bool,
        /// Made by a redirection.
        be_auto_created: bool,
        /// Its domain is the listener's default.
        default_server: bool,
        /// HTTP/2.
        http2: bool,
        /// Protocol towards the targets.
        forward_type: String,
        /// Time of creation.
        create_time: String,
        /// `NODE` or `TARGETGROUP`.
        target_type: String,
        /// Null unless bound to one.
        target_group: Value,
        /// Web application firewall.
        waf_domain_id: String,
        /// Not public.
        trpc_callee: String,
        /// Not public.
        trpc_func: String,
        /// `QUIC_ACTIVE` or `QUIC_INACTIVE`.
        quic_status: String,
        /// All domains of the rule.
        domains: Vec<String>,
        /// Null unless bound to some.
        target_group_list: Value,
        /// Authentication.
        #[serde(rename = "OAuth")]
        oauth: Value,
        /// Session cookie.
        cookie_name: String,
    }

    /// Where a rule redirects to.
    pub struct RewriteTarget {
        /// Listener; null without a redirection.
        target_listener_id: String,
        /// Rule; null without a redirection.
        target_location_id: String,
        /// HTTP status of the redirection: 301, 302 or 307.
        rewrite_code: i64,
        /// The path of the request is kept.
        take_url: bool,
        /// `Auto` or `Manual`.
        rewrite_type: String,
    }
}
