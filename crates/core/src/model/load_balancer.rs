//! The load balancer itself.

use std::net::IpAddr;

use super::{Attributes, LoadBalancerId};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Whether the instance can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancerStatus {
    /// Being created; writes are refused.
    Creating,
    /// In service.
    Running,
    /// Isolated for arrears, or blocked or stopped: reads work, writes do not.
    Isolated,
}

/// A load balancer as a read returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The cloud's id.
    pub id: LoadBalancerId,
    /// The name; a label for people.
    pub name: String,
    /// Whether it can be used.
    pub status: LoadBalancerStatus,
    /// Its addresses; empty for a load balancer that has only a domain name.
    pub addresses: Vec<IpAddr>,
    /// Its domain name; `None` for one that has addresses.
    pub domain: Option<String>,
    /// The family of its targets.
    pub family: IpFamily,
    /// The network of its targets.
    pub vpc_id: String,
    /// Cross-region binding 2.0 is on, which GlobalRouter Pods need.
    pub snat_pro: bool,
    /// Tags, as key and value.
    pub tags: Vec<(String, String)>,
    /// What the cloud told of its settings: `Bandwidth`, of a public load balancer only.
    pub attributes: Attributes,
}

/// Reads that agree that a load balancer does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Witnesses {
    /// `DescribeLoadBalancers` by id answered an empty list, and `DescribeListeners` answered as if there were one. This proves
    /// nothing: a list may be empty for other reasons.
    ListOnly,
    /// `DescribeLoadBalancers` by id answered an empty list, and `DescribeListeners` that there is no such load balancer.
    ListAndListeners,
}

/// What became of an asynchronous job of the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Still running.
    Running,
    /// Ended well. Creating a load balancer names its ids here.
    Succeeded(Vec<LoadBalancerId>),
    /// Ended badly, with the cloud's reason.
    Failed(String),
}
