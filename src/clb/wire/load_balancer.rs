//! Actions on load balancers themselves.

use serde_json::Value;

use super::{Action, Done, LoadBalancer, Service, SnatIp};

request! {
    /// Creates load balancers. Asynchronous; not idempotent without `client_token`.
    pub struct CreateLoadBalancer {
        required {
            /// `OPEN` (public) or `INTERNAL`.
            load_balancer_type: String,
        }
        optional {
            /// Only 1 is accepted.
            forward: i64,
            /// 1–80 characters; honoured when one instance is created. The service renames silently when it is taken.
            load_balancer_name: String,
            /// Network of the targets; the default one when absent; mandatory for `INTERNAL`.
            vpc_id: String,
            /// Mandatory for `INTERNAL` and for `IPv6FullChain`; not to be given for public IPv4.
            subnet_id: String,
            /// Project, 0 by default.
            project_id: i64,
            /// `IPV4` (default), `IPV6` (NAT64) or `IPv6FullChain`; public only.
            #[serde(rename = "AddressIPVersion")]
            address_ip_version: String,
            /// How many to create: 1 by default, 20 at most.
            number: i64,
            /// Primary zone, id or name; public IPv4 only.
            master_zone_id: String,
            /// Zone; public IPv4 only.
            zone_id: String,
            /// Billing mode and bandwidth.
            internet_accessible: InternetAccessible,
            /// Carrier, `BGP` by default; public only.
            vip_isp: String,
            /// Up to 20 tags, set in one step with the creation.
            tags: Vec<TagInfo>,
            /// A certain address; creation fails when it is taken or outside the subnet.
            vip: String,
            /// Bandwidth package, `bwp-…`.
            bandwidth_package_id: String,
            /// Dedicated clusters of an internal load balancer.
            exclusive_cluster: Value,
            /// Performance specification such as `clb.c3.small`; absent for a shared instance.
            sla_type: String,
            /// Dedicated clusters.
            cluster_ids: Vec<String>,
            /// Makes a repeated call the same call; up to 64 ASCII characters.
            client_token: String,
            /// Cross-region binding 2.0.
            snat_pro: bool,
            /// Source addresses to allocate with `snat_pro`.
            snat_ips: Vec<SnatIp>,
            /// Tag of a dedicated layer-7 cluster.
            cluster_tag: String,
            /// Standby zone; public IPv4 only.
            slave_zone_id: String,
            /// An elastic address for an internal load balancer, `eip-…`.
            eip_address_id: String,
            /// Targets admit the load balancer's traffic without asking their own security groups. Not for `IPv6FullChain`.
            load_balancer_pass_to_target: bool,
            /// A domain name instead of a fixed address.
            dynamic_vip: bool,
            /// Network egress.
            egress: String,
            /// Terms of a prepaid instance.
            #[serde(rename = "LBChargePrepaid")]
            charge_prepaid: Value,
            /// `POSTPAID_BY_HOUR` (default) or `PREPAID`.
            #[serde(rename = "LBChargeType")]
            charge_type: String,
            /// Topic of the layer-7 access log.
            access_log_topic_id: String,
            /// Layer-7 advanced routing.
            advanced_route: bool,
            /// Zone affinity.
            available_zone_affinity_info: Value,
        }
    }

    /// Lists load balancers. Without ids: all of the region, page by page.
    pub struct DescribeLoadBalancers {
        required {}
        optional {
            /// Up to 20 ids; unknown ones are absent from the reply.
            load_balancer_ids: Vec<String>,
            /// `OPEN` or `INTERNAL`.
            load_balancer_type: String,
            /// 1 for current instances, 0 for classic ones.
            forward: i64,
            /// Part of the name.
            load_balancer_name: String,
            /// Part of the domain.
            domain: String,
            /// Addresses.
            load_balancer_vips: Vec<String>,
            /// Public addresses of targets.
            backend_public_ips: Vec<String>,
            /// Private addresses of targets.
            backend_private_ips: Vec<String>,
            /// First match to return, 0 by default.
            offset: i64,
            /// Matches to return: 20 by default, 100 at most.
            limit: i64,
            /// `LoadBalancerName`, `CreateTime` (default), `Domain` or `LoadBalancerType`.
            order_by: String,
            /// 1 descending (default), 0 ascending.
            order_type: i64,
            /// Part of name, domain, address or id.
            search_key: String,
            /// Project.
            project_id: i64,
            /// 0 without targets, 1 with, -1 all.
            with_rs: i64,
            /// Network; `0` for the classic one.
            vpc_id: String,
            /// Security group, `sg-…`.
            security_group: String,
            /// Primary zone.
            master_zone: String,
            /// Up to 10 filters, such as `tag:<key>`.
            filters: Vec<Filter>,
            /// `TargetCount` to have that member filled.
            additional_fields: Vec<String>,
        }
    }

    /// Deletes load balancers with all they hold. Asynchronous; one unknown id fails the whole call.
    pub struct DeleteLoadBalancer {
        required {
            /// Up to 20 ids.
            load_balancer_ids: Vec<String>,
        }
        optional {
            /// Skips the checks that refuse a deletion with many targets or much traffic.
            force_delete: bool,
        }
    }

    /// Changes a load balancer. Asynchronous; what is absent stays.
    pub struct ModifyLoadBalancerAttributes {
        required {
            /// The load balancer.
            load_balancer_id: String,
        }
        optional {
            /// 1–80 characters.
            load_balancer_name: String,
            /// Target region of cross-region binding 1.0.
            target_region_info: TargetRegionInfo,
            /// Billing mode and bandwidth.
            internet_charge_info: InternetAccessible,
            /// Targets admit the load balancer's traffic without asking their own security groups.
            load_balancer_pass_to_target: bool,
            /// 0 none (default), 1 between prepaid and postpaid, 2 between postpaid modes.
            switch_flag: i64,
            /// Cross-region binding 2.0.
            snat_pro: bool,
            /// Deletion protection.
            delete_protect: bool,
            /// Moves an old domain name to the current suffix.
            modify_classic_domain: bool,
            /// Endpoint id; empty to detach.
            associate_endpoint: String,
        }
    }

    /// Replaces the security groups of a load balancer. Asynchronous; absent or empty unbinds all.
    pub struct SetLoadBalancerSecurityGroups {
        required {
            /// The load balancer.
            load_balancer_id: String,
        }
        optional {
            /// The whole set, up to 50.
            security_groups: Vec<String>,
        }
    }

    /// Stops or starts a load balancer, or listeners of it. Asynchronous; by ticket only.
    pub struct SetLoadBalancerStartStatus {
        required {
            /// The load balancer.
            load_balancer_id: String,
            /// `Start` or `Stop`.
            operation_type: String,
        }
        optional {
            /// The listeners; absent or empty means the load balancer itself.
            listener_ids: Vec<String>,
        }
    }

    /// A condition of a read: one of the values.
    pub struct Filter {
        required {
            /// What is compared.
            name: String,
            /// Up to 100 values.
            values: Vec<String>,
        }
        optional {}
    }
}

reply! {
    /// Ids of load balancers that are being created.
    pub struct CreateLoadBalancerReply {
        /// Empty or null when creation is slow: the task names them then.
        load_balancer_ids: Vec<String>,
        /// Order number.
        deal_name: String,
    }

    /// One page of load balancers.
    pub struct DescribeLoadBalancersReply {
        /// Matches on all pages.
        total_count: i64,
        /// The page.
        load_balancer_set: Vec<LoadBalancer>,
    }

    /// What a change of billing was booked as.
    pub struct ModifyLoadBalancerAttributesReply {
        /// Order number; null without a change of billing.
        deal_name: String,
    }
}

shared! {
    /// A tag.
    pub struct TagInfo, TagInfoOutput {
        required {
            /// Key.
            tag_key: String,
            /// Value.
            tag_value: String,
        }
        optional {}
    }

    /// Billing mode and bandwidth.
    pub struct InternetAccessible, InternetAccessibleOutput {
        required {}
        optional {
            /// Such as `TRAFFIC_POSTPAID_BY_HOUR`.
            internet_charge_type: String,
            /// Mbit/s.
            internet_max_bandwidth_out: i64,
            /// Kind of bandwidth package, such as `BGP`.
            bandwidthpkg_sub_type: String,
        }
    }

    /// Where the targets are.
    pub struct TargetRegionInfo, TargetRegionInfoOutput {
        required {
            /// Region.
            region: String,
            /// Network.
            vpc_id: String,
        }
        optional {
            /// The network's number.
            numerical_vpc_id: i64,
        }
    }
}

actions! {
    CreateLoadBalancer writes -> CreateLoadBalancerReply;
    DescribeLoadBalancers reads -> DescribeLoadBalancersReply;
    ModifyLoadBalancerAttributes writes -> ModifyLoadBalancerAttributesReply, load_balancer_id;
    SetLoadBalancerSecurityGroups writes -> Done, load_balancer_id;
    SetLoadBalancerStartStatus writes -> Done, load_balancer_id;
}

impl Action for DeleteLoadBalancer {
    const SERVICE: Service = Service::Clb;
    const NAME: &'static str = "DeleteLoadBalancer";
    const WRITE: bool = true;
    type Reply = Done;

    fn load_balancer(&self) -> Option<&str> {
        self.load_balancer_ids.first().map(String::as_str)
    }
}
