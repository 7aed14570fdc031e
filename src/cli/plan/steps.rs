//! Steps as calls of CLB, in words.

use crate::model::Route;
use crate::plan::Step;

/// The CLB action that a step calls.
pub(super) const fn action(step: &Step) -> &'static str {
    match step {
        Step::CreateListeners { .. } => "CreateListener",
        Step::CreateRules { .. } => "CreateRule",
        Step::Register(_) => "BatchRegisterTargets",
        Step::Reweight(_) => "BatchModifyTargetWeight",
        Step::Deregister(_) => "BatchDeregisterTargets",
        Step::Retag(_) => "BatchModifyTargetTag",
        Step::ModifyListener { .. } => "ModifyListener",
        Step::ModifyDomain { .. } => "ModifyDomainAttributes",
        Step::ModifyRule { .. } => "ModifyRule",
        Step::CreateLoadBalancer(_) => "CreateLoadBalancer",
        Step::ModifyLoadBalancer(_) => "ModifyLoadBalancerAttributes",
        Step::SetSecurityGroups(_) => "SetLoadBalancerSecurityGroups",
        Step::DeleteLoadBalancer => "DeleteLoadBalancer",
        Step::DeleteRules { .. } => "DeleteRule",
        Step::DeleteListeners(_) => "DeleteLoadBalancerListeners",
    }
}

/// What it does to each target, or why something goes; empty where the step says it all.
pub(super) fn details(step: &Step) -> Vec<String> {
    match step {
        Step::Register(targets) => targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect(),
        Step::Reweight(targets) => targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect(),
        Step::Deregister(targets) => {
            targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect()
        }
        Step::Retag(targets) => targets.iter().map(|one| format!("{one}, on {}", route_name(&one.route))).collect(),
        Step::DeleteListeners(ids) => ids.iter().map(|(id, proof)| format!("{id}: {}", proof.reason())).collect(),
        Step::DeleteRules { rules, proof, .. } => rules.iter().map(|id| format!("{id}: {}", proof.reason())).collect(),
        _ => Vec::new(),
    }
}

fn route_name(route: &Route) -> String {
    match &route.rule {
        Some(rule) => format!("{}/{rule}", route.listener),
        None => route.listener.to_string(),
    }
}
