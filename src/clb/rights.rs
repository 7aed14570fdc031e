//! The rights that the controller's credentials need: the actions that it calls, by what they are for, and a policy that allows them.

use serde_json::{Value, json};

use super::wire::Service;

/// What an action is called for. Each needs those before it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Purpose {
    /// Targets of listeners that exist, which bindings name by `listenerId`.
    Targets,
    /// Listeners and rules on load balancers that exist.
    Listeners,
    /// Load balancers that bindings create, and the bandwidth of others.
    LoadBalancers,
    /// Certificates that Secrets of type kubernetes.io/tls hold, which are uploaded.
    Certificates,
}

/// The actions that are called, and no others. `tests/docs` holds them against the calls of the client.
pub const RIGHTS: &[(Purpose, Service, &[&str])] = &[
    (
        Purpose::Targets,
        Service::Clb,
        &[
            "DescribeLoadBalancers",
            "DescribeListeners",
            "DescribeTargets",
            "DescribeTargetHealth",
            "DescribeTaskStatus",
            "DescribeQuota",
            "BatchRegisterTargets",
            "BatchDeregisterTargets",
            "BatchModifyTargetTag",
            "BatchModifyTargetWeight",
        ],
    ),
    (Purpose::Targets, Service::Sts, &["GetCallerIdentity"]),
    (
        Purpose::Listeners,
        Service::Clb,
        &[
            "CreateListener",
            "ModifyListener",
            "DeleteLoadBalancerListeners",
            "CreateRule",
            "ModifyRule",
            "DeleteRule",
            "ModifyDomainAttributes",
        ],
    ),
    (
        Purpose::LoadBalancers,
        Service::Clb,
        &["CreateLoadBalancer", "DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetLoadBalancerSecurityGroups"],
    ),
    (Purpose::Certificates, Service::Clb, &["DescribeLoadBalancerListByCertId"]),
    (Purpose::Certificates, Service::Ssl, &["DescribeCertificates", "UploadCertificate", "DeleteCertificate"]),
];

/// The actions that a purpose needs, with those of the purposes before it.
pub fn actions(purpose: Purpose) -> impl Iterator<Item = (Service, &'static str)> {
    let of_purpose = RIGHTS.iter().filter(move |(one, ..)| *one <= purpose);
    of_purpose.flat_map(|(_, service, actions)| actions.iter().map(|action| (*service, *action)))
}

/// A policy of CAM that allows actions, in its syntax (<https://www.tencentcloud.com/document/product/598/10604>).
///
/// It names no resource: several of the actions cannot be limited to one, and the two sites of the vendor differ in which
/// (<https://cloud.tencent.com/document/product/598/98118>, <https://www.tencentcloud.com/document/product/598/57089>). A statement that
/// limits such an action to a resource does not allow it.
pub fn policy(actions: impl IntoIterator<Item = (Service, &'static str)>) -> Value {
    let actions: Vec<_> =
        actions.into_iter().map(|(service, action)| format!("name/{}:{action}", service.name())).collect();
    json!({"version": "2.0", "statement": [{"effect": "allow", "action": actions, "resource": ["*"]}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_the_actions_of_its_purpose_and_of_those_before() {
        let policy = policy(actions(Purpose::Listeners));
        let statement = &policy["statement"][0];
        let allowed: Vec<_> = statement["action"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(allowed.contains(&"name/clb:BatchRegisterTargets") && allowed.contains(&"name/sts:GetCallerIdentity"));
        assert!(allowed.contains(&"name/clb:CreateRule") && !allowed.contains(&"name/clb:CreateLoadBalancer"));
        assert_eq!(
            (&statement["effect"], &statement["resource"][0], allowed.len()),
            (&json!("allow"), &json!("*"), 18)
        );
    }
}
