//! A load balancer as `DescribeLoadBalancers` shows it.

use serde_json::Value;

use super::{InternetAccessibleOutput, SnatIpOutput, TagInfoOutput, TargetRegionInfoOutput};

reply! {
    /// A load balancer. Inapplicable strings are empty, inapplicable objects, lists and numbers are null.
    pub struct LoadBalancer {
        /// Id, `lb-…`.
        load_balancer_id: String,
        /// Name.
        load_balancer_name: String,
        /// `OPEN` or `INTERNAL`.
        load_balancer_type: String,
        /// 1 for a current instance, 0 for a classic one.
        forward: i64,
        /// Domain name of old instances; `load_balancer_domain` is preferred.
        domain: String,
        /// IPv4 addresses; empty for `IPv6FullChain`.
        load_balancer_vips: Vec<String>,
        /// 0 being created, 1 running.
        status: i64,
        /// Time of creation, `YYYY-MM-DD HH:MM:SS`.
        create_time: String,
        /// Time of the last change of `status`.
        status_time: String,
        /// Project.
        project_id: i64,
        /// Network.
        vpc_id: String,
        /// Legacy switch.
        open_bgp: i64,
        /// Legacy switch.
        snat: bool,
        /// 1 when isolated for arrears.
        isolation: i64,
        /// Legacy log.
        log: String,
        /// Subnet; empty for public ones.
        subnet_id: String,
        /// Tags.
        tags: Vec<TagInfoOutput>,
        /// Security groups.
        secure_groups: Vec<String>,
        /// Where the targets are.
        target_region_info: TargetRegionInfoOutput,
        /// Anycast zone.
        anycast_zone: String,
        /// `ipv4` or `ipv6`.
        #[serde(rename = "AddressIPVersion")]
        address_ip_version: String,
        /// The network's number.
        numerical_vpc_id: i64,
        /// Carrier.
        vip_isp: String,
        /// Primary zone.
        master_zone: ZoneInfo,
        /// Standby zones.
        backup_zone_set: Vec<ZoneInfo>,
        /// When it was isolated.
        isolated_time: String,
        /// When a prepaid term ends.
        expire_time: String,
        /// `PREPAID` or `POSTPAID_BY_HOUR`.
        charge_type: String,
        /// Billing mode and bandwidth.
        network_attributes: InternetAccessibleOutput,
        /// Terms of a prepaid instance.
        prepaid_attributes: Value,
        /// Log set.
        log_set_id: String,
        /// Log topic.
        log_topic_id: String,
        /// IPv6 address.
        #[serde(rename = "AddressIPv6")]
        address_ipv6: String,
        /// Internal remarks.
        extra_info: Value,
        /// Can be bound to a DDoS package.
        #[serde(rename = "IsDDos")]
        is_ddos: bool,
        /// Individual configuration.
        config_id: String,
        /// Targets admit the load balancer's traffic without asking their own security groups.
        load_balancer_pass_to_target: bool,
        /// Dedicated clusters.
        exclusive_cluster: ExclusiveClusterOutput,
        /// `IPv6Nat64` or `IPv6FullChain`.
        #[serde(rename = "IPv6Mode")]
        ipv6_mode: String,
        /// Cross-region binding 2.0.
        snat_pro: bool,
        /// Source addresses for targets outside the network.
        snat_ips: Vec<SnatIpOutput>,
        /// Performance specification; empty for a shared instance.
        sla_type: String,
        /// The address is blocked after an attack.
        is_block: bool,
        /// When it was blocked.
        is_block_time: String,
        /// Local carrier type.
        local_bgp: bool,
        /// Tag of a dedicated layer-7 cluster.
        cluster_tag: String,
        /// Layer-7 listeners of an IPv6 instance may have IPv4 targets.
        mix_ip_target: bool,
        /// Zones of an internal instance.
        zones: Vec<String>,
        /// Kind of network function.
        nfv_info: String,
        /// Log set of health checks.
        health_log_set_id: String,
        /// Log topic of health checks.
        health_log_topic_id: String,
        /// Clusters.
        cluster_ids: Vec<String>,
        /// Such as `DeleteProtect`, `Stop`, `BanStatus`, `BlockStatus`, `IsDomainCLB`.
        attribute_flags: Vec<String>,
        /// Domain name of an instance without fixed address.
        load_balancer_domain: String,
        /// Network egress.
        egress: String,
        /// 1 for a dedicated instance.
        exclusive: i64,
        /// Number of targets, when asked for.
        target_count: i64,
        /// Endpoint.
        associate_endpoint: String,
        /// Zone affinity.
        available_zone_affinity_info: Value,
    }

    /// Dedicated clusters; all null in an ordinary instance.
    pub struct ExclusiveClusterOutput {
        /// Layer-4 clusters.
        l4_clusters: Value,
        /// Layer-7 clusters.
        l7_clusters: Value,
        /// Classic cluster.
        classical_cluster: Value,
    }

    /// A zone.
    pub struct ZoneInfo {
        /// Number.
        zone_id: i64,
        /// Id such as `ap-guangzhou-1`.
        zone: String,
        /// Name for people.
        zone_name: String,
        /// Region.
        zone_region: String,
        /// A local zone.
        local_zone: bool,
        /// An edge zone.
        edge_zone: bool,
    }
}
