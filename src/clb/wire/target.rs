//! Actions on targets. A target of a listener or rule is identified by its address (or instance) and port.

use super::{Done, Filter, ListenerBackend};

request! {
    /// Registers targets with one listener or rule. Asynchronous.
    pub struct RegisterTargets {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// At most 20.
            targets: Vec<Target>,
        }
        optional {
            /// The rule of a layer-7 listener; or `domain` and `url`.
            location_id: String,
            /// Ignored with `location_id`.
            domain: String,
            /// Ignored with `location_id`.
            url: String,
        }
    }

    /// Removes targets of one listener or rule; refused when one is not registered. Asynchronous.
    pub struct DeregisterTargets {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// At most 20.
            targets: Vec<Target>,
        }
        optional {
            /// The rule of a layer-7 listener; or `domain` and `url`.
            location_id: String,
            /// Ignored with `location_id`.
            domain: String,
            /// Ignored with `location_id`.
            url: String,
        }
    }

    /// Registers targets with many listeners and rules of a load balancer.
    pub struct BatchRegisterTargets {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// At most 500.
            targets: Vec<BatchTarget>,
        }
        optional {}
    }

    /// Removes targets of many listeners and rules of a load balancer.
    pub struct BatchDeregisterTargets {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// At most 500; weights do not matter.
            targets: Vec<BatchTarget>,
        }
        optional {}
    }

    /// Changes weights in one listener or rule. Asynchronous.
    pub struct ModifyTargetWeight {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// The targets; their own weights win over `weight`.
            targets: Vec<Target>,
        }
        optional {
            /// The rule of a layer-7 listener; or `domain` and `url`.
            location_id: String,
            /// Ignored with `location_id`.
            domain: String,
            /// Ignored with `location_id`.
            url: String,
            /// 0–100, 10 by default.
            weight: i64,
        }
    }

    /// Changes weights in many listeners and rules. Asynchronous.
    pub struct BatchModifyTargetWeight {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// At most 100 entries with 50 targets each and 500 in all.
            modify_list: Vec<RsWeightRule>,
        }
        optional {}
    }

    /// Changes the port of targets. Asynchronous.
    pub struct ModifyTargetPort {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// The listener.
            listener_id: String,
            /// The targets with their old ports.
            targets: Vec<Target>,
            /// The new port of all of them.
            new_port: i64,
        }
        optional {
            /// The rule of a layer-7 listener; or `domain` and `url`.
            location_id: String,
            /// Ignored with `location_id`.
            domain: String,
            /// Ignored with `location_id`.
            url: String,
        }
    }

    /// Changes the free text of targets. Synchronous.
    pub struct BatchModifyTargetTag {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// At most 500 targets.
            modify_list: Vec<RsTagRule>,
        }
        optional {}
    }

    /// Lists targets, all in one reply.
    pub struct DescribeTargets {
        required {
            /// The load balancer.
            load_balancer_id: String,
        }
        optional {
            /// At most 20; all listeners when absent.
            listener_ids: Vec<String>,
            /// Only listeners of this protocol.
            protocol: String,
            /// Only listeners of this port.
            port: i64,
            /// By `location-id`, `private-ip-address` or `tag`.
            filters: Vec<Filter>,
        }
    }

    /// A target, by instance or by address.
    pub struct Target {
        required {
            /// Port.
            port: i64,
        }
        optional {
            /// Ignored in requests.
            #[serde(rename = "Type")]
            kind: String,
            /// Instance; excludes `eni_ip`.
            instance_id: String,
            /// 0–100, 10 by default.
            weight: i64,
            /// The address of a Pod goes here; excludes `instance_id`.
            eni_ip: String,
            /// Free text.
            tag: String,
        }
    }

    /// A target together with its listener or rule.
    pub struct BatchTarget {
        required {
            /// The listener.
            listener_id: String,
            /// Port.
            port: i64,
        }
        optional {
            /// Instance; excludes `eni_ip`.
            instance_id: String,
            /// The address of a Pod goes here; excludes `instance_id`.
            eni_ip: String,
            /// 0–100, 10 by default.
            weight: i64,
            /// The rule; mandatory for layer 7.
            location_id: String,
            /// Free text.
            tag: String,
        }
    }

    /// New weights in one listener or rule.
    pub struct RsWeightRule {
        required {
            /// The listener.
            listener_id: String,
            /// At most 50; their own weights win over `weight`.
            targets: Vec<Target>,
        }
        optional {
            /// The rule of a layer-7 listener.
            location_id: String,
            /// Out of use.
            domain: String,
            /// Out of use.
            url: String,
            /// 0–100.
            weight: i64,
        }
    }

    /// New free text in one listener or rule.
    pub struct RsTagRule {
        required {
            /// The listener.
            listener_id: String,
            /// The targets; their own text wins over `tag`.
            targets: Vec<Target>,
        }
        optional {
            /// The rule of a layer-7 listener.
            location_id: String,
            /// The text.
            tag: String,
        }
    }
}

reply! {
    /// What became of a batch: a success may still have failed in part.
    pub struct BatchTargetsReply {
        /// Listeners with at least one target that failed; empty when none did.
        fail_listener_id_set: Vec<String>,
        /// What went wrong; empty when nothing did.
        message: String,
    }

    /// Targets by listener.
    pub struct DescribeTargetsReply {
        /// In no particular order.
        listeners: Vec<ListenerBackend>,
    }
}

actions! {
    RegisterTargets writes -> Done, load_balancer_id;
    DeregisterTargets writes -> Done, load_balancer_id;
    BatchRegisterTargets writes -> BatchTargetsReply, load_balancer_id;
    BatchDeregisterTargets writes -> BatchTargetsReply, load_balancer_id;
    ModifyTargetWeight writes -> Done, load_balancer_id;
    BatchModifyTargetWeight writes -> Done, load_balancer_id;
    ModifyTargetPort writes -> Done, load_balancer_id;
    BatchModifyTargetTag writes -> Done, load_balancer_id;
    DescribeTargets reads -> DescribeTargetsReply, load_balancer_id;
}
