//! What the cloud or the API server refuses. Their words are part of it, because they name what is to be allowed.

use crate::api::condition::Reason;
use crate::model::{Failure, is_unknown_region};

/// A call of the cloud that has failed. Without the request id: it is another one in every reply, and a status that always differs would
/// always be written.
pub fn call_failed(failure: &Failure, reason: Reason) -> String {
    let said = format!("{} failed: {}: {}", failure.action, failure.code, failure.message);
    let remedy = match reason {
        _ if is_unknown_region(failure) => "Correct the region",
        _ if needs_domain_name(failure) => {
            "Set loadBalancer.create.dynamicVip: true in a new binding, or \"DynamicVip\":true in the annotation \
             service.kubernetes.io/service.extensiveParameters of a new Service"
        }
        _ if lacks_room(failure) => "Name a subnet or zone that has room in loadBalancer.create",
        Reason::Failed => "The page docs/errors.md says what the code means, and what to do",
        _ => reason.remedy(),
    };
    format!("{}. {remedy}", said.trim_end_matches('.'))
}

/// The subnet has no free address, or the zone no room for the kind of load balancer.
fn lacks_room(failure: &Failure) -> bool {
    let is_such = ["ResourceInsufficient", "ResourcesSoldOut"].iter().any(|code| failure.code.starts_with(code));
    failure.action == "CreateLoadBalancer" && is_such
}

/// The account makes load balancers with domain names only. There is no code for it; users report "only suport domain clb".
fn needs_domain_name(failure: &Failure) -> bool {
    failure.action == "CreateLoadBalancer" && failure.message.contains("domain clb")
}

/// Readiness gates that the API server does not take, in its words.
pub fn gates_not_written(count: usize, words: &str) -> String {
    format!(
        "the readiness gates of {count} Pods cannot be written, so the Pods do not become ready: {}; allow the controller to patch \
         pods/status, as deploy/cluster-role.yaml does, or change the policy that refuses it",
        words.trim_end_matches('.')
    )
}

/// What the API server does not take of what is written for a binding, in its words.
pub fn not_written(refusals: &str) -> String {
    format!(
        "{}; allow the controller to write it, as deploy/cluster-role.yaml does, or change the policy or quota that refuses it",
        refusals.trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Class;

    #[test]
    fn a_subnet_or_zone_without_room_is_no_quota() {
        let words = |action: &'static str, code: &str| {
            let message = "no available IP".to_owned();
            let failure = Failure { class: Class::Quota, action, code: code.to_owned(), message, request_id: None };
            call_failed(&failure, Reason::QuotaExceeded)
        };
        for code in ["ResourceInsufficient", "ResourceInsufficient.Subnet", "ResourcesSoldOut.Zone"] {
            assert!(words("CreateLoadBalancer", code).contains("Name a subnet or zone that has room"), "{code}");
        }
        for (action, code) in [("CreateLoadBalancer", "LimitExceeded"), ("CreateListener", "ResourceInsufficient")] {
            assert!(words(action, code).contains("Raise the quota"), "{action} {code}");
        }
    }
}
