//! Actions on listeners.

use serde::{Deserialize, Serialize};

use super::{Done, HealthCheck, Listener};
use crate::clb::NonEmpty;

request! {
    /// Creates one listener per port, all alike. Asynchronous; ids are given at once.
    pub struct CreateListener {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// 1–65535 each; at most 49.
            ports: Vec<i64>,
            /// `TCP`, `UDP`, `HTTP`, `HTTPS`, `TCP_SSL` or `QUIC`, in any case.
            protocol: String,
        }
        optional {
            /// In the order of `ports`, 1–80 characters each.
            listener_names: Vec<String>,
            /// Layer-4 listeners only; rules have their own.
            health_check: HealthCheck,
            /// Of `TCP_SSL`, or of `HTTPS` without SNI.
            certificate: CertificateInput,
            /// Seconds: 0 (off, default) or 30–3600; TCP and UDP only.
            session_expire_time: i64,
            /// `WRR` (default) or `LEAST_CONN`; layer 4 only.
            scheduler: String,
            /// 0 or 1; HTTPS only.
            sni_switch: i64,
            /// `NODE` (default) or `TARGETGROUP`.
            target_type: String,
            /// `NORMAL` (default) or `QUIC_CID`.
            session_type: String,
            /// 0 or 1; HTTP and HTTPS only.
            keepalive_enable: i64,
            /// Last port of a range.
            end_port: i64,
            /// Resets connections of a deregistered target; TCP and UDP.
            deregister_target_rst: bool,
            /// Several certificates of different algorithms.
            multi_cert_info: MultiCertInfo,
            /// -1 for unlimited (default).
            max_conn: i64,
            /// -1 for unlimited (default).
            max_cps: i64,
            /// Seconds, 10–1980; 900 for TCP and 300 for UDP by default.
            idle_connect_timeout: i64,
            /// `TCP_SSL` and `QUIC`.
            proxy_protocol: bool,
            /// Replaces the client's address; off by default.
            snat_enable: bool,
            /// Last ports of full-range listeners.
            full_end_ports: Vec<i64>,
            /// HTTP/2 without TLS on an internal HTTP listener.
            h2c_switch: bool,
            /// Strips TLS from `TCP_SSL`.
            ssl_close_switch: bool,
            /// `transparent` or `compatibility`.
            data_compress_mode: String,
            /// Moves connections of a target whose weight becomes 0.
            reschedule_target_zero_weight: bool,
            /// Moves connections of a target that becomes unhealthy.
            reschedule_unhealthy: bool,
            /// Moves connections when targets come or go.
            reschedule_expand_target: bool,
            /// Seconds, 0–3600.
            reschedule_start_time: i64,
            /// Seconds, 0–3600.
            reschedule_interval: i64,
        }
    }

    /// Lists listeners, all in one reply.
    pub struct DescribeListeners {
        required {
            /// The load balancer.
            load_balancer_id: String,
        }
        optional {
            /// Up to 100; unknown ones are absent from the reply.
            listener_ids: Vec<String>,
            /// Only this protocol.
            protocol: String,
            /// Only this port.
            port: i64,
        }
    }

    /// Changes a listener; port and protocol cannot be changed. Asynchronous; what is absent stays.
    pub struct ModifyListener {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
        }
        optional {
            /// 1–80 characters.
            listener_name: String,
            /// Seconds: 0 or 30–3600.
            session_expire_time: i64,
            /// Layer-4 listeners only.
            health_check: HealthCheck,
            /// HTTPS, `TCP_SSL` and QUIC.
            certificate: CertificateInput,
            /// `WRR`, `LEAST_CONN` or `IP_HASH`; layer 4 only.
            scheduler: String,
            /// Can be switched on, never off.
            sni_switch: i64,
            /// `NODE` or `TARGETGROUP`.
            target_type: String,
            /// HTTP and HTTPS.
            keepalive_enable: i64,
            /// TCP and UDP.
            deregister_target_rst: bool,
            /// `NORMAL` or `QUIC_CID`.
            session_type: String,
            /// HTTPS without SNI.
            multi_cert_info: MultiCertInfo,
            /// -1 for unlimited.
            max_conn: i64,
            /// -1 for unlimited.
            max_cps: i64,
            /// Seconds, 10–1980.
            idle_connect_timeout: i64,
            /// `TCP_SSL` and QUIC.
            proxy_protocol: bool,
            /// Replaces the client's address.
            snat_enable: bool,
            /// `transparent` or `compatibility`.
            data_compress_mode: String,
            /// Moves connections of a target whose weight becomes 0.
            reschedule_target_zero_weight: bool,
            /// Moves connections of a target that becomes unhealthy.
            reschedule_unhealthy: bool,
            /// Moves connections when targets come or go.
            reschedule_expand_target: bool,
            /// Seconds, 0–3600.
            reschedule_start_time: i64,
            /// Seconds, 0–3600.
            reschedule_interval: i64,
        }
    }

    /// Deletes one listener with its targets. Asynchronous.
    pub struct DeleteListener {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
        }
        optional {}
    }

    /// A server certificate, by id or with its content.
    pub struct CertificateInput {
        required {}
        optional {
            /// `UNIDIRECTIONAL` (default) or `MUTUAL`.
            #[serde(rename = "SSLMode")]
            ssl_mode: String,
            /// `ON` (default) or `OPTIONAL`; with `MUTUAL` only.
            #[serde(rename = "SSLVerifyClient")]
            ssl_verify_client: String,
            /// An uploaded certificate.
            cert_id: String,
            /// An uploaded client CA.
            cert_ca_id: String,
            /// Name of a certificate to upload.
            cert_name: String,
            /// Its private key.
            cert_key: Secret,
            /// Its text.
            cert_content: String,
            /// Name of a client CA to upload.
            cert_ca_name: String,
            /// Its text.
            cert_ca_content: String,
        }
    }

    /// Several server certificates.
    pub struct MultiCertInfo {
        required {
            /// `UNIDIRECTIONAL` or `MUTUAL`.
            #[serde(rename = "SSLMode")]
            ssl_mode: String,
            /// The certificates, of different algorithms; one client CA with `MUTUAL`.
            cert_list: Vec<CertInfo>,
        }
        optional {
            /// `ON` or `OPTIONAL`.
            #[serde(rename = "SSLVerifyClient")]
            ssl_verify_client: String,
        }
    }

    /// One of several certificates.
    pub struct CertInfo {
        required {}
        optional {
            /// An uploaded certificate.
            cert_id: String,
            /// Name of a certificate to upload.
            cert_name: String,
            /// Its text.
            cert_content: String,
            /// Its private key.
            cert_key: Secret,
        }
    }
}

reply! {
    /// Ids of listeners that are being created.
    pub struct CreateListenerReply {
        /// In the order of the ports.
        listener_ids: Vec<String>,
    }

    /// Listeners of a load balancer.
    pub struct DescribeListenersReply {
        /// All that match.
        listeners: Vec<Listener>,
        /// How many match.
        total_count: i64,
    }
}

actions! {
    CreateListener writes -> CreateListenerReply, load_balancer_id;
    DescribeListeners reads -> DescribeListenersReply, load_balancer_id;
    ModifyListener writes -> Done, load_balancer_id;
    DeleteListener writes -> Done, load_balancer_id;
    DeleteLoadBalancerListeners writes -> Done, load_balancer_id;
}

/// Deletes listeners of a load balancer; one unknown id fails the whole call. Asynchronous.
///
/// Without ids the cloud deletes **every** listener. Such a request can be decoded, for the simulator to do likewise, but not
/// built: [`DeleteLoadBalancerListeners::new`] is the only way to make one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteLoadBalancerListeners {
    load_balancer_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listener_ids: Option<Vec<String>>,
}

impl DeleteLoadBalancerListeners {
    /// The request for certain listeners, at most 20.
    pub fn new(load_balancer_id: String, listener_ids: NonEmpty<String>) -> Self {
        Self { load_balancer_id, listener_ids: Some(listener_ids.into_vec()) }
    }

    /// The load balancer.
    pub fn load_balancer_id(&self) -> &str {
        &self.load_balancer_id
    }

    /// The listeners; empty means every listener of the load balancer.
    pub fn listener_ids(&self) -> &[String] {
        self.listener_ids.as_deref().unwrap_or_default()
    }
}

/// Text that must not be printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}
