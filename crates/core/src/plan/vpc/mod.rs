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

/// How many of those who say another VPC are named; the others are counted.
const DISSENT_NAMED: usize = 3;

/// The VPC of the cluster, as far as it is known: one value for what is created, for what is checked, and for what is advised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterVpc {
    /// This one.
    Known(KnownVpc),
    /// A load balancer that could say it has not been read yet.
    Pending,
    /// Nobody says it whom to believe.
    Unknown(VpcDoubt),
}

/// A VPC that is taken for the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownVpc {
    /// Its id.
    pub id: String,
    /// Who says so, and is believed.
    pub source: VpcSource,
    /// Those who say another one, and are not believed.
    pub dissent: Vec<Dissent>,
}

/// Who says so, and who does not.
impl fmt::Display for KnownVpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        for one in self.dissent.iter().take(DISSENT_NAMED) {
            write!(f, ", but {one}")?;
        }
        match self.dissent.len().saturating_sub(DISSENT_NAMED) {
            0 => Ok(()),
            more => write!(f, ", and {more} more say another one"),
        }
    }
}

/// Somebody who says another VPC than the one that is taken for the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dissent {
    /// Who.
    pub witness: Witness,
    /// What he says.
    pub vpc: String,
}

/// Somebody who may say which VPC the cluster is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The ConfigMap of TKE.
    TkeConfig,
    /// A load balancer that a binding names.
    LoadBalancer(LoadBalancerId),
}

impl fmt::Display for Dissent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.witness {
            Witness::TkeConfig => write!(f, "{} says '{}'", place(), self.vpc),
            Witness::LoadBalancer(id) => write!(f, "load balancer '{id}' is of '{}'", self.vpc),
        }
    }
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
    /// Two load balancers are of two VPCs, and nobody says it whom to believe.
    Conflict([Dissent; 2]),
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
            Self::Conflict([one, other]) => write!(f, "{one}, {other}, and {} does not say it", place()),
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

/// Finds the VPC of the cluster. The flag is believed before all others, then TKE, and load balancers only where neither says it and
/// all of them are of one: which load balancers are named is up to the users of all namespaces.
pub fn find(flag: Option<&str>, named: &NamedVpcs, tke: &TkeVpc) -> ClusterVpc {
    let of_tke = match tke {
        TkeVpc::Said(id) => Some((Witness::TkeConfig, id.as_str())),
        TkeVpc::Absent | TkeVpc::Refused(_) => None,
    };
    let of_named = named.iter().filter_map(|(id, sight)| match sight {
        VpcSight::Of(vpc) => Some((Witness::LoadBalancer(id.clone()), vpc.as_str())),
        VpcSight::NotRead | VpcSight::NotShown => None,
    });
    let witnesses: Vec<_> = of_tke.into_iter().chain(of_named).collect();
    let known = |id: &str, source| {
        let others = witnesses.iter().filter(|(_, vpc)| *vpc != id);
        let dissent = others.map(|(witness, vpc)| dissent(witness, vpc)).collect();
        ClusterVpc::Known(KnownVpc { id: id.to_owned(), source, dissent })
    };
    match (flag, tke) {
        (Some(id), _) => return known(id, VpcSource::Flag),
        (None, TkeVpc::Said(id)) if is_vpc(id) => return known(id, VpcSource::TkeConfig),
        (None, TkeVpc::Said(id)) => return ClusterVpc::Unknown(VpcDoubt::Malformed(id.clone())),
        (None, TkeVpc::Absent | TkeVpc::Refused(_)) => {}
    }
    if named.values().any(|sight| *sight == VpcSight::NotRead) {
        return ClusterVpc::Pending;
    }
    match (witnesses.as_slice(), tke) {
        ([first @ (Witness::LoadBalancer(id), vpc), others @ ..], _) => {
            match others.iter().find(|(_, other)| other != vpc) {
                Some(other) => {
                    let both = [first, other].map(|(witness, vpc)| dissent(witness, vpc));
                    ClusterVpc::Unknown(VpcDoubt::Conflict(both))
                }
                None => known(vpc, VpcSource::LoadBalancer(id.clone())),
            }
        }
        (_, TkeVpc::Refused(words)) => ClusterVpc::Unknown(VpcDoubt::Refused(words.clone())),
        (_, TkeVpc::Absent | TkeVpc::Said(_)) => ClusterVpc::Unknown(VpcDoubt::Nobody),
    }
}

fn dissent(witness: &Witness, vpc: &str) -> Dissent {
    Dissent { witness: witness.clone(), vpc: vpc.to_owned() }
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
            Self::Known(KnownVpc { source: VpcSource::Flag, .. }) => self,
            _ if region != of_cluster => Self::Unknown(VpcDoubt::OtherRegion(region.clone())),
            found => found,
        }
    }

    /// The VPC, where it is known.
    pub const fn known(&self) -> Option<&KnownVpc> {
        match self {
            Self::Known(known) => Some(known),
            Self::Pending | Self::Unknown(_) => None,
        }
    }

    /// The VPC where the flag or TKE says it, which neither users nor load balancers can overrule.
    pub(super) fn stated(&self) -> Option<&str> {
        let known = self.known().filter(|known| !matches!(known.source, VpcSource::LoadBalancer(_)))?;
        Some(&known.id)
    }

    /// The VPC as the flag says it.
    pub(super) fn flagged(&self) -> Option<&str> {
        let known = self.known().filter(|known| known.source == VpcSource::Flag)?;
        Some(&known.id)
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
        (None, ClusterVpc::Known(known)) => return CreationVpc::Ask(Some(known.id.clone()), None),
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
