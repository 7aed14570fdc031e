//! Health checks, and what they say of targets.

shared! {
    /// How targets are probed.
    pub struct HealthCheck, HealthCheckOutput {
        required {}
        optional {
            /// 1 on (default), 0 off.
            health_switch: i64,
            /// Seconds to wait for an answer, 2–60, 2 by default; less than `interval_time`.
            time_out: i64,
            /// Seconds between probes, 2–300, 5 by default.
            interval_time: i64,
            /// Successes in a row that make a target healthy, 2–10, 3 by default.
            health_num: i64,
            /// Failures in a row that make it unhealthy, 2–10, 3 by default.
            un_health_num: i64,
            /// Sum of 1 (1xx), 2 (2xx), 4 (3xx), 8 (4xx), 16 (5xx); 31 by default.
            http_code: i64,
            /// Path of an HTTP probe.
            http_check_path: String,
            /// Host of an HTTP probe; mandatory for a TCP listener.
            http_check_domain: String,
            /// `HEAD` (default) or `GET`.
            http_check_method: String,
            /// Port to probe instead of the target's; -1 resets.
            check_port: i64,
            /// `HEX` or `TEXT`, of a custom probe.
            context_type: String,
            /// What a custom probe sends, up to 500 characters.
            send_context: String,
            /// What it expects, up to 500 characters.
            recv_context: String,
            /// `TCP`, `HTTP`, `HTTPS`, `GRPC`, `PING` or `CUSTOM`.
            check_type: String,
            /// `HTTP/1.0` or `HTTP/1.1`; mandatory for an HTTP probe of a TCP listener.
            http_version: String,
            /// Where probes come from: 0 the load balancer's address, 1 the range 100.64.0.0/10.
            source_ip_type: i64,
            /// gRPC codes, such as `12` (default), `20,25` or `0-99`.
            extended_code: String,
        }
    }
}

request! {
    /// Asks for the health of all targets of up to 30 load balancers.
    pub struct DescribeTargetHealth {
        required {
            /// At most 30; one unknown id fails the whole call.
            load_balancer_ids: Vec<String>,
        }
        optional {
            /// Only these listeners.
            listener_ids: Vec<String>,
            /// Only these rules.
            location_ids: Vec<String>,
        }
    }
}

reply! {
    /// Health by load balancer.
    pub struct DescribeTargetHealthReply {
        /// One per load balancer asked for.
        load_balancers: Vec<LoadBalancerHealth>,
    }

    /// Health in a load balancer.
    pub struct LoadBalancerHealth {
        /// The load balancer.
        load_balancer_id: String,
        /// Its name.
        load_balancer_name: String,
        /// By listener.
        listeners: Vec<ListenerHealth>,
    }

    /// Health in a listener.
    pub struct ListenerHealth {
        /// The listener.
        listener_id: String,
        /// Its name.
        listener_name: String,
        /// Protocol in upper case.
        protocol: String,
        /// Port.
        port: i64,
        /// By rule. A layer-4 listener appears as one rule of the cloud's own making.
        rules: Vec<RuleHealth>,
    }

    /// Health in a rule.
    pub struct RuleHealth {
        /// The rule; made up for layer 4.
        location_id: String,
        /// Null for layer 4.
        domain: String,
        /// Null for layer 4.
        url: String,
        /// Rule of advanced routing.
        rule_id: String,
        /// By target.
        targets: Vec<TargetHealth>,
    }

    /// Health of a target.
    pub struct TargetHealth {
        /// Address.
        #[serde(rename = "IP")]
        ip: String,
        /// Port.
        port: i64,
        /// True when healthy; false also while not yet probed.
        health_status: bool,
        /// Instance.
        target_id: String,
        /// `Alive`, `Dead`, `Unknown` (not probed yet) or `Close` (not probed at all).
        health_status_detail: String,
        /// The same under a misspelt key that old clients read.
        health_status_detial: String,
        /// Target group.
        target_group_id: String,
        /// 0–100.
        weight: i64,
    }
}

actions! {
    DescribeTargetHealth reads -> DescribeTargetHealthReply;
}
