//! Flags and environment of the controller.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::clb::{METADATA_ENDPOINT, Sources};
use crate::plan::vpc::read_id;

/// What the controller is told at start.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Region of bindings that name none, such as ap-guangzhou.
    #[arg(long, env = "TENCENTCLOUD_REGION", default_value = "ap-guangzhou")]
    pub region: String,
    /// Address of the CLB API instead of the public one, such as http://127.0.0.1:8090 for the simulator.
    #[arg(long, env = "CLB_ENDPOINT")]
    pub clb_endpoint: Option<String>,
    /// Folder with the files TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and, for a temporary key, TENCENTCLOUD_TOKEN, such as a
    /// mounted Secret. They are read again when they change. Not used when variables of these names are set.
    #[arg(long, env = "TENCENTCLOUD_CREDENTIALS_DIR")]
    pub credentials_dir: Option<PathBuf>,
    /// Address of the metadata service, which gives keys of the machine's role when there are no other credentials.
    #[arg(long, env = "TENCENTCLOUD_METADATA_ENDPOINT", default_value = METADATA_ENDPOINT)]
    pub metadata_endpoint: String,
    /// Most calls per second of one action; the cloud's default quota is 20.
    #[arg(long, default_value = "20")]
    pub clb_rate: NonZeroU32,
    /// Seconds between two reads of a load balancer that nothing has happened to.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub resync_seconds: u64,
    /// Address of probes (/healthz, /readyz) and /metrics.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)))]
    pub listen: SocketAddr,
    /// The only namespace to look at; all when it is not given.
    #[arg(long)]
    pub watch_namespace: Option<String>,
    /// Namespace of the Lease that elects the leader.
    #[arg(long, env = "POD_NAMESPACE", default_value = "kube-system")]
    pub lease_namespace: String,
    /// Name of this replica in the Lease; a random one when it is not given.
    #[arg(long, env = "POD_NAME")]
    pub identity: Option<String>,
    /// The VPC of the cluster, such as vpc-1a2b3c4d: of load balancers that are created without one, and for a word about load
    /// balancers of another VPC. When it is not given: TKE_VPC_ID in the ConfigMap kube-system/tke-config, else the one of the load
    /// balancers that bindings name, where they do not disagree.
    #[arg(long, env = "VPC_ID", value_parser = read_id)]
    pub vpc_id: Option<String>,
    /// The network of Pods that say nothing of theirs: VPC-CNI, or GlobalRouter, whose Pods are bound when
    /// GlobalRouteDirectAccess is "true" in the ConfigMap kube-system/tke-service-controller-config and SnatPro is on for
    /// the load balancer.
    #[arg(long, value_enum, default_value_t = ClusterNetwork::VpcCni)]
    pub cluster_network: ClusterNetwork,
    /// Whether Pods with the address of their node are bound. They get no readiness gate.
    #[arg(long, value_enum, default_value_t = HostNetwork::Refuse)]
    pub host_network: HostNetwork,
    /// Which Services with TKE's annotation service.cloud.tencent.com/direct-access "true" get a binding: none, those of the
    /// class cloud.tencent.com/direct-access, or those of no class too, unless TKE's own service controller programs them.
    /// Bindings that were made under another setting are kept as they are.
    #[arg(long, value_enum, default_value_t = AnnotatedServices::Off)]
    pub annotated_services: AnnotatedServices,
    /// Hold removals: nothing that may still serve is deregistered, deleted, or gets a lower weight, until the controller runs without
    /// this flag. Registrations and gates go on. The key hold-removals of the ConfigMap direct-access-controller, in the namespace of
    /// the Lease, does the same without a restart.
    #[arg(long)]
    pub hold_removals: bool,
    /// Most targets of one listener or rule, instead of the account's quota.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub target_quota: Option<u16>,
    /// Most listeners of one load balancer, instead of the account's quota.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub listener_quota: Option<u16>,
    /// Most rules of one listener, instead of the account's quota.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub rule_quota: Option<u16>,
}

/// The network of Pods that say nothing of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum ClusterNetwork {
    /// Network interfaces of the VPC.
    VpcCni,
    /// Addresses outside of the VPC's subnets, routed to nodes.
    GlobalRouter,
}

/// Which Services with TKE's annotations get a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum AnnotatedServices {
    /// None.
    Off,
    /// Those of our own load balancer class.
    OwnClass,
    /// Those of our own class and of none.
    All,
}

/// What to do with Pods that have the address of their node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum HostNetwork {
    /// They are no targets.
    Refuse,
    /// They are targets.
    Allow,
}

impl Settings {
    /// What flags say about where credentials come from.
    pub fn sources(&self) -> Sources {
        Sources {
            folder: self.credentials_dir.clone(),
            endpoint: self.clb_endpoint.clone(),
            metadata: Some(self.metadata_endpoint.clone()),
        }
    }

    /// Time between two reads of a load balancer that nothing has happened to.
    pub fn resync(&self) -> Duration {
        Duration::from_secs(self.resync_seconds)
    }
}
