//! The cloud's JSON, as the API references of its services and the official SDKs have it.
//!
//! Shared by the client and the simulator, so that the spelling of a member exists once. Nothing is interpreted here:
//! identifiers and enumerations are strings, every integer is an `i64`, and ranges are the business of the side that reads.

#[macro_use]
mod macros;

mod certificate;
mod envelope;
mod health;
mod identity;
mod listener;
mod listener_output;
mod load_balancer;
mod load_balancer_output;
mod quota;
mod rule;
mod snat;
mod target;
mod target_output;
mod task;

pub use certificate::{
    CertIdRelatedWithLoadBalancers, DeleteCertificate, DeleteCertificateReply, DescribeCertificates,
    DescribeCertificatesReply, DescribeLoadBalancerListByCertId, DescribeLoadBalancerListByCertIdReply,
    ListedCertificate, UploadCertificate, UploadCertificateReply,
};
pub use envelope::{Answer, ErrorBody, Undecodable, decode, encode_failure, encode_success};
pub use health::{
    DescribeTargetHealth, DescribeTargetHealthReply, HealthCheck, HealthCheckOutput, ListenerHealth,
    LoadBalancerHealth, RuleHealth, TargetHealth,
};
pub use identity::{
    AssumeRoleWithWebIdentity, AssumeRoleWithWebIdentityReply, GetCallerIdentity, GetCallerIdentityReply, TemporaryKey,
};
pub use listener::{
    CertInfo, CertificateInput, CreateListener, CreateListenerReply, DeleteListener, DeleteLoadBalancerListeners,
    DescribeListeners, DescribeListenersReply, ModifyListener, MultiCertInfo, Secret,
};
pub use listener_output::{CertificateOutput, Listener, RewriteTarget, RuleOutput, attr_flag};
pub use load_balancer::{
    CreateLoadBalancer, CreateLoadBalancerReply, DeleteLoadBalancer, DescribeLoadBalancers, DescribeLoadBalancersReply,
    Filter, InternetAccessible, InternetAccessibleOutput, ModifyLoadBalancerAttributes,
    ModifyLoadBalancerAttributesReply, SetLoadBalancerSecurityGroups, SetLoadBalancerStartStatus, TagInfo,
    TagInfoOutput, TargetRegionInfo, TargetRegionInfoOutput,
};
pub use load_balancer_output::{ExclusiveClusterOutput, LoadBalancer, ZoneInfo};
pub use quota::{DescribeQuota, DescribeQuotaReply, Quota};
pub use rule::{CreateRule, CreateRuleReply, DeleteRule, ModifyDomainAttributes, ModifyRule, RuleInput};
pub use snat::{CreateLoadBalancerSnatIps, DeleteLoadBalancerSnatIps, SnatIp, SnatIpOutput};
pub use target::{
    BatchDeregisterTargets, BatchModifyTargetTag, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget,
    BatchTargetsReply, DeregisterTargets, DescribeTargets, DescribeTargetsReply, ModifyTargetPort, ModifyTargetWeight,
    RegisterTargets, RsTagRule, RsWeightRule, Target,
};
pub use target_output::{Backend, ListenerBackend, RuleTargets};
pub use task::{DescribeTaskStatus, DescribeTaskStatusReply};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A service of the cloud. Each has a host of its own, and its name in the signature's scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Load balancers.
    Clb,
    /// Identities and temporary keys.
    Sts,
    /// Certificates.
    Ssl,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clb, Self::Sts, Self::Ssl];

    /// Its name: in the signature's scope, and the first label of its host.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clb => "clb",
            Self::Sts => "sts",
            Self::Ssl => "ssl",
        }
    }

    /// Value of the header `X-TC-Version`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Clb => "2018-03-17",
            Self::Sts => "2018-08-13",
            Self::Ssl => "2019-12-05",
        }
    }
}

/// A request, which is named as its action.
pub trait Action: Serialize + DeserializeOwned + Send + Sync {
    /// Value of the header `X-TC-Action`.
    const NAME: &'static str;
    /// The service that the action belongs to.
    const SERVICE: Service;
    /// True when the action changes something. Writes are asynchronous unless the reference says otherwise: the
    /// `RequestId` of the reply is the id of a task.
    const WRITE: bool;
    /// What a success carries beside its `RequestId`.
    type Reply: Serialize + DeserializeOwned + Send;

    /// The load balancer the request is about, which a write locks; `None` when it names none. Of several, the first.
    fn load_balancer(&self) -> Option<&str>;
}

reply! {
    /// A success that says nothing beside its `RequestId`.
    pub struct Done {}
}

#[cfg(test)]
mod tests;
