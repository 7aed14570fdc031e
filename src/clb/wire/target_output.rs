//! Targets as `DescribeTargets` shows them.

use serde_json::Value;

reply! {
    /// Targets of a listener.
    pub struct ListenerBackend {
        /// The listener.
        listener_id: String,
        /// Protocol in upper case.
        protocol: String,
        /// The listener's port.
        port: i64,
        /// Targets by rule; null for layer 4.
        rules: Vec<RuleTargets>,
        /// Targets; null for layer 7.
        targets: Vec<Backend>,
        /// Last port of a range, 0 without one.
        end_port: i64,
    }

    /// Targets of a rule.
    pub struct RuleTargets {
        /// The rule.
        location_id: String,
        /// Domain.
        domain: String,
        /// Path.
        url: String,
        /// Targets.
        targets: Vec<Backend>,
        /// Cloud functions.
        function_targets: Vec<Value>,
    }

    /// A registered target.
    pub struct Backend {
        /// `CVM`, `ENI`, `CCN`, `GLOBALROUTE` and others, in any case.
        #[serde(rename = "Type")]
        kind: String,
        /// Instance; empty for an address.
        instance_id: String,
        /// Port; 0 in a full-range listener.
        port: i64,
        /// 0–100.
        weight: i64,
        /// Null for an address.
        public_ip_addresses: Vec<String>,
        /// The address of a Pod is the first.
        private_ip_addresses: Vec<String>,
        /// Name of the instance.
        instance_name: String,
        /// `YYYY-MM-DD HH:MM:SS`.
        registered_time: String,
        /// Network interface; empty or null without one.
        eni_id: String,
        /// Free text.
        tag: String,
        /// Zone.
        zone: String,
    }
}
