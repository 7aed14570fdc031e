//! What is said of a binding that is parked.

use super::Standing;
use crate::api::DirectAccessBinding;
use crate::api::binding::{DeletionPolicy, Parked};
use crate::api::event::ServiceReason;
use crate::model::Service;
use crate::plan::annotated::End;

/// Whether a binding is marked as parked.
pub(super) fn is_parked(own: &DirectAccessBinding) -> bool {
    own.parked().is_some()
}

/// Which load balancer costs money, since when and why, and both ways out. `mark` is the one that is about to be written.
pub(super) fn standing(service: &Service, own: &DirectAccessBinding, mark: Option<&Parked>) -> Standing {
    let recorded = own.parked();
    let mark = mark.or(recorded.as_ref());
    let since = mark.and_then(|mark| mark.since).map(|since| format!(" since {since}")).unwrap_or_default();
    let status = own.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let id = status.map(|balancer| format!(" {}", balancer.id)).filter(|id| id.len() > 1).unwrap_or_default();
    let (namespace, name) = (&service.key.namespace, own.metadata.name.as_deref().unwrap_or_default());
    let (why, back) = match mark.map(|mark| mark.reason.as_str()) {
        Some(reason) if reason == End::SaidFalse.as_str() => (
            "service.cloud.tencent.com/direct-access is \"false\"",
            "set service.cloud.tencent.com/direct-access to \"true\"",
        ),
        Some(reason) if reason == End::WordRemoved.as_str() => (
            "the annotation service.cloud.tencent.com/direct-access was removed",
            "set service.cloud.tencent.com/direct-access to \"true\"",
        ),
        Some(reason) if reason == End::NotLoadBalancer.as_str() => {
            ("the type is not LoadBalancer any more", "give the Service the type LoadBalancer")
        }
        _ => ("the Service does not ask for it", "set service.cloud.tencent.com/direct-access to \"true\""),
    };
    let delete = format!("kubectl -n {namespace} delete directaccessbinding {name}");
    let delete = if own.spec.deletion_policy == DeletionPolicy::Delete {
        delete
    } else {
        let patch = r#"{"spec":{"deletionPolicy":"Delete"}}"#;
        format!("kubectl -n {namespace} patch directaccessbinding {name} --type=merge -p '{patch}', and then {delete}")
    };
    let parking = own.parking();
    let state = parking.state();
    let words = format!(
        "load balancer{id} {state}{since}, because {why}: {parking}, and it costs money. To use it again at the same address, {back}. To \
         delete it, run: {delete}"
    );
    Standing::Unmet(ServiceReason::Parked, words)
}
