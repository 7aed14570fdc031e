//! All actions that this project knows, as values.

use serde_json::Value;
use tke_direct_access::clb::wire::{self, Action, Answer, Service, decode, encode_success};

use crate::shape::{Shape, shape};

/// An action.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) service: Service,
    /// The members of its request.
    pub(crate) request: fn() -> Shape,
    /// The members of its reply, without the id of the request.
    pub(crate) reply: fn() -> Shape,
    /// Reads a reply as the client does, and writes what was read.
    pub(crate) read: fn(&[u8]) -> Result<Value, String>,
}

fn row<A: Action>() -> Row {
    Row { name: A::NAME, service: A::SERVICE, request: shape::<A>, reply: shape::<A::Reply>, read: read::<A> }
}

fn read<A: Action>(body: &[u8]) -> Result<Value, String> {
    match decode::<A::Reply>(body).map_err(|error| error.to_string())? {
        Answer::Success { reply, request_id } => {
            let request_id = request_id.ok_or("the reply has no RequestId")?;
            let again = encode_success(&reply, &request_id).map_err(|error| error.to_string())?;
            serde_json::from_slice(&again).map_err(|error| error.to_string())
        }
        Answer::Failure { error, .. } => Err(format!("{error:?}")),
    }
}

macro_rules! rows {
    ($($name:ident)*) => { vec![$(row::<wire::$name>()),*] };
}

/// All of them. A test holds the list against what the simulator serves.
pub(crate) fn all() -> Vec<Row> {
    rows! {
        CreateLoadBalancer DescribeLoadBalancers DeleteLoadBalancer ModifyLoadBalancerAttributes
        SetLoadBalancerSecurityGroups SetLoadBalancerStartStatus CreateLoadBalancerSnatIps DeleteLoadBalancerSnatIps
        CreateListener DescribeListeners ModifyListener DeleteListener DeleteLoadBalancerListeners
        CreateRule ModifyRule DeleteRule ModifyDomainAttributes
        RegisterTargets DeregisterTargets BatchRegisterTargets BatchDeregisterTargets
        ModifyTargetWeight BatchModifyTargetWeight ModifyTargetPort BatchModifyTargetTag
        DescribeTargets DescribeTargetHealth DescribeTaskStatus DescribeQuota
        GetCallerIdentity AssumeRoleWithWebIdentity
        UploadCertificate DescribeCertificates DeleteCertificate DescribeLoadBalancerListByCertId
    }
}
