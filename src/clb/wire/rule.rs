//! Actions on the rules of layer-7 listeners.

use serde_json::Value;

use super::{CertificateInput, Done, HealthCheck, MultiCertInfo};

request! {
    /// Creates rules. Asynchronous.
    pub struct CreateRule {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// The rules.
            rules: Vec<RuleInput>,
        }
        optional {}
    }

    /// A rule to create.
    pub struct RuleInput {
        required {
            /// Path, 1–200 characters.
            url: String,
        }
        optional {
            /// 1–80 characters; this or `domains`.
            domain: String,
            /// Seconds: 0 or 30–86400.
            session_expire_time: i64,
            /// Health check.
            health_check: HealthCheck,
            /// SNI listeners only; excludes `multi_cert_info`.
            certificate: CertificateInput,
            /// `WRR` (default), `LEAST_CONN` or `IP_HASH`.
            scheduler: String,
            /// `HTTP` (default), `HTTPS`, `GRPC` or `GRPCS`.
            forward_type: String,
            /// Makes its domain the listener's default.
            default_server: bool,
            /// HTTPS only.
            http2: bool,
            /// `NODE`, `TARGETGROUP` or `TARGETGROUP-V2`.
            target_type: String,
            /// Not public.
            trpc_callee: String,
            /// Not public.
            trpc_func: String,
            /// HTTPS only.
            quic: bool,
            /// Several domains, 1–80 characters each.
            domains: Vec<String>,
            /// Several certificates.
            multi_cert_info: MultiCertInfo,
            /// Session cookie.
            cookie_name: String,
        }
    }

    /// Changes a rule; its domain cannot be changed here. Asynchronous; what is absent stays.
    pub struct ModifyRule {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// The rule.
            location_id: String,
        }
        optional {
            /// New path.
            url: String,
            /// Health check.
            health_check: HealthCheck,
            /// `WRR`, `LEAST_CONN` or `IP_HASH`.
            scheduler: String,
            /// Seconds: 0 or 30–86400.
            session_expire_time: i64,
            /// `HTTP`, `HTTPS` or `GRPC`.
            forward_type: String,
            /// Not public.
            trpc_callee: String,
            /// Not public.
            trpc_func: String,
            /// Authentication.
            #[serde(rename = "OAuth")]
            oauth: Value,
            /// Session cookie.
            cookie_name: String,
        }
    }

    /// Deletes rules by id, or those of a domain. Asynchronous.
    pub struct DeleteRule {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
        }
        optional {
            /// The rules; this or `domain`.
            location_ids: Vec<String>,
            /// The rules of this domain.
            domain: String,
            /// Of these, only this path.
            url: String,
            /// Needed when the default domain goes and others stay.
            new_default_server_domain: String,
        }
    }

    /// Changes a domain of a listener. Asynchronous; what is absent stays.
    pub struct ModifyDomainAttributes {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// The domain as it is.
            domain: String,
        }
        optional {
            /// Its new name; excludes `new_domains`.
            new_domain: String,
            /// SNI listeners only.
            certificate: CertificateInput,
            /// HTTPS only.
            http2: bool,
            /// Makes it the listener's default.
            default_server: bool,
            /// HTTPS only.
            quic: bool,
            /// Needed when it ceases to be the default.
            new_default_server_domain: String,
            /// Its new names; excludes `new_domain`.
            new_domains: Vec<String>,
            /// SNI listeners only.
            multi_cert_info: MultiCertInfo,
        }
    }
}

reply! {
    /// Ids of rules that are being created.
    pub struct CreateRuleReply {
        /// In the order of the rules.
        location_ids: Vec<String>,
    }
}

actions! {
    CreateRule writes -> CreateRuleReply, load_balancer_id;
    ModifyRule writes -> Done, load_balancer_id;
    DeleteRule writes -> Done, load_balancer_id;
    ModifyDomainAttributes writes -> Done, load_balancer_id;
}
