//! The VPC of the cluster: who says it, and whom to believe.
//!
//! Neither labels nor provider ids of nodes say it (`tencentcloud://ins-…`). TKE's own controllers read it from a ConfigMap
//! (E6001 and E6002 in 457/81004), and load balancers that exist are of a VPC.

use std::collections::BTreeMap;
use std::fmt;

use crate::api::binding::{CreateSpec, LoadBalancerNetwork};
use crate::api::names;
use crate::model::{LoadBalancerId, Region};

use super::problem::{self, Advice, Problem};

/// The VPC of the cluster, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterVpc {
    /// This one.
    Known {
        /// Its id.
        id: String,
        /// Who says so.
        source: VpcSource,
    },
    /// A load balancer that could say it has not been read yet.
    Pending,
    /// Nobody says it whom to believe.
    Unknown(VpcDoubt),
}

/// Who says which VPC the cluster is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VpcSource {
    /// The flag `--vpc-id`.
    Flag,
    /// The ConfigMap of TKE.
    TkeConfig,
    /// The load balancers that bindings name, all of one VPC; this is the first of them.
    LoadBalancer(LoadBalancerId),
}

impl fmt::Display for VpcSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => write!(f, "--vpc-id says so"),
            Self::TkeConfig => write!(f, "{} says so", place()),
            Self::LoadBalancer(id) => write!(f, "the load balancers that bindings name, such as '{id}', are of it"),
        }
    }
}

/// Why the VPC of the cluster is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VpcDoubt {
    /// Nobody says it.
    Nobody,
    /// The ConfigMap of TKE may not be read, for this reason, and nobody else says it.
    Refused(String),
    /// The ConfigMap of TKE says something that is no id.
    Malformed(String),
    /// Two say two things: each with its VPC.
    Conflict([(String, String); 2]),
    /// It is looked for in another region than the cluster's.
    OtherRegion(Region),
}

impl fmt::Display for VpcDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => write!(f, "no binding names a load balancer, and {} does not say it", place()),
            Self::Refused(words) => {
                write!(f, "no binding names a load balancer, and {} cannot be read: {words}", place())
            }
            Self::Malformed(value) => write!(f, "{} says '{value}', which is no id of a VPC", place()),
            Self::Conflict([(one, first), (other, second)]) => {
                write!(f, "{one} is of '{first}' and {other} of '{second}'")
            }
            Self::OtherRegion(region) => {
                write!(f, "the load balancer is to be in region '{region}', not in the cluster's")
            }
        }
    }
}

fn place() -> String {
    format!("{} of ConfigMap {}/{}", names::TKE_VPC_KEY, names::SWITCHES_NAMESPACE, names::TKE_CONFIG)
}

/// What TKE's ConfigMap says of the VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TkeVpc {
    /// Nothing: it is not there, or has no such key.
    #[default]
    Absent,
    /// This.
    Said(String),
    /// It may not be read, for this reason.
    Refused(String),
}

/// What is known of the VPC of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VpcSight {
    /// It has not been read since the start.
    #[default]
    NotRead,
    /// It is not there, or cannot be read.
    NotShown,
    /// It is of this one.
    Of(String),
}

/// The load balancers that bindings of the cluster's region name.
pub type NamedVpcs = BTreeMap<LoadBalancerId, VpcSight>;

/// Finds the VPC of the cluster. The flag is believed before all others. Of the others nobody is, unless they agree.
pub fn find(flag: Option<&str>, named: &NamedVpcs, tke: &TkeVpc) -> ClusterVpc {
    if let Some(id) = flag {
        return known(id, VpcSource::Flag);
    }
    if named.values().any(|sight| *sight == VpcSight::NotRead) {
        return ClusterVpc::Pending;
    }
    let mut said = named.iter().filter_map(|(id, sight)| match sight {
        VpcSight::Of(vpc) => Some((id, vpc.as_str())),
        VpcSight::NotRead | VpcSight::NotShown => None,
    });
    let first = said.next();
    let other = said.find(|(_, vpc)| first.is_some_and(|(_, first)| first != *vpc));
    let words = |(id, vpc): (&LoadBalancerId, &str)| (format!("load balancer '{id}'"), vpc.to_owned());
    match (first, other, tke) {
        (Some(one), Some(other), _) => ClusterVpc::Unknown(VpcDoubt::Conflict([words(one), words(other)])),
        (.., TkeVpc::Said(id)) if !is_vpc(id) => ClusterVpc::Unknown(VpcDoubt::Malformed(id.clone())),
        (Some(one), None, TkeVpc::Said(id)) if one.1 != id => {
            ClusterVpc::Unknown(VpcDoubt::Conflict([words(one), (place(), id.clone())]))
        }
        (Some((id, vpc)), None, _) => known(vpc, VpcSource::LoadBalancer(id.clone())),
        (None, _, TkeVpc::Said(id)) => known(id, VpcSource::TkeConfig),
        (None, _, TkeVpc::Refused(words)) => ClusterVpc::Unknown(VpcDoubt::Refused(words.clone())),
        (None, _, TkeVpc::Absent) => ClusterVpc::Unknown(VpcDoubt::Nobody),
    }
}

fn known(id: &str, source: VpcSource) -> ClusterVpc {
    ClusterVpc::Known { id: id.to_owned(), source }
}

/// Reads the id of a VPC, as a flag has it.
///
/// # Errors
///
/// When it is none.
pub fn read_id(text: &str) -> Result<String, String> {
    if is_vpc(text) { Ok(text.to_owned()) } else { Err("it is no id of a VPC, such as vpc-1a2b3c4d".to_owned()) }
}

/// The form of an id, as in the spec of a binding.
fn is_vpc(id: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    id.strip_prefix("vpc-").is_some_and(|rest| !rest.is_empty() && rest.len() <= 28 && rest.bytes().all(is_usual))
}

impl ClusterVpc {
    /// The same for a load balancer in this region: what was found for the region of the cluster says nothing of another one.
    #[must_use]
    pub fn within(self, region: &Region, of_cluster: &Region) -> Self {
        match self {
            Self::Known { source: VpcSource::Flag, .. } => self,
            _ if region != of_cluster => Self::Unknown(VpcDoubt::OtherRegion(region.clone())),
            found => found,
        }
    }

    /// The VPC as the flag or TKE says it, whatever load balancers are of.
    pub(super) fn stated(&self) -> Option<&str> {
        match self {
            Self::Known { id, source: VpcSource::Flag | VpcSource::TkeConfig } => Some(id),
            _ => None,
        }
    }

    /// The VPC as the flag says it.
    pub(super) fn flagged(&self) -> Option<&str> {
        match self {
            Self::Known { id, source: VpcSource::Flag } => Some(id),
            _ => None,
        }
    }
}

/// In which VPC a load balancer is asked for whose spec names none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CreationVpc {
    /// In this one; `None`: the account's default VPC, with what to say of that.
    Ask(Option<String>, Option<Advice>),
    /// Whether one is known shows in a moment.
    Wait,
    /// It cannot be asked for.
    Refuse(Problem),
}

/// Decides it for a wish that is about to be recorded. The cloud takes no internal load balancer without a VPC, and makes public ones in
/// the account's default VPC (`VpcId` of `CreateLoadBalancer`).
pub(super) fn of_creation(spec: &CreateSpec, vpc: &ClusterVpc) -> CreationVpc {
    let doubt = match (&spec.vpc_id, vpc) {
        (Some(_), _) => return CreationVpc::Ask(None, None),
        (None, ClusterVpc::Known { id, .. }) => return CreationVpc::Ask(Some(id.clone()), None),
        (None, ClusterVpc::Pending) => return CreationVpc::Wait,
        (None, ClusterVpc::Unknown(doubt)) => doubt,
    };
    match spec.network {
        LoadBalancerNetwork::Internal => CreationVpc::Refuse(problem::vpc_unknown(&doubt.to_string())),
        LoadBalancerNetwork::Public => CreationVpc::Ask(None, Some(problem::default_vpc(&doubt.to_string()))),
    }
}

#[cfg(test)]
mod tests;
