//! What a binding that somebody has made leaves behind when it goes: a record that its annotated Service was bound by it.
//!
//! The Service goes on to carry the annotation, which had no effect until then. To follow it now would create a load balancer that nobody
//! has asked for on that day, and that costs money; so it is followed when the Service says so anew.

use super::{Standing, is_by_hand, is_live, made_by_hand, name};
use crate::api::DirectAccessBinding;
use crate::api::event::ServiceReason;
use crate::model::{Service, ServiceCondition};
use crate::plan::annotated::{Wish, own_binding};

/// The record that the Service should have. Only a plain word of its user ends it, or a binding of its own.
pub(super) fn record(service: &Service, wish: &Wish, bindings: &[&DirectAccessBinding]) -> Option<ServiceCondition> {
    let is_begun = match wish {
        Wish::None | Wish::NotAsked(_) | Wish::NotLoadBalancer | Wish::Release(_) => return None,
        // Another one follows the Service, or nobody does: there is nothing to record yet.
        Wish::LeftToTke | Wish::NotAccepted(_) => false,
        Wish::Serve(..) | Wish::Hold(_) | Wish::NotMade(_) | Wish::Undecided | Wish::Unclear => true,
    };
    if own_binding(service, bindings).is_some() || (!is_begun && service.bound_by_hand.is_none()) {
        return None;
    }
    if let Some(other) = made_by_hand(service, bindings) {
        let message = format!("DirectAccessBinding '{}' binds this Service", name(other));
        return Some(ServiceCondition { is_true: true, reason: ServiceReason::BoundByOther.to_string(), message });
    }
    let message = "a DirectAccessBinding bound this Service, and is deleted".to_owned();
    is_gone(service, bindings).then(|| ServiceCondition {
        is_true: false,
        reason: ServiceReason::BindingDeleted.to_string(),
        message,
    })
}

/// Whether a binding that somebody had made is gone, or going, of a Service that has no other one.
pub(super) fn is_gone(service: &Service, bindings: &[&DirectAccessBinding]) -> bool {
    let is_going = |other: &&DirectAccessBinding| !is_live(other) && is_by_hand(service, other);
    service.bound_by_hand.is_some() || bindings.iter().any(is_going)
}

/// What is said of that.
pub(super) fn standing(service: &Service) -> Standing {
    let words = format!(
        "the DirectAccessBinding that bound this Service is deleted, and a load balancer of its own would cost money, so none is created \
         for its annotations. To have one, set service.cloud.tencent.com/direct-access to \"false\", and to \"true\" when this condition is \
         gone; to bind it to another one, make a DirectAccessBinding with spec.serviceRef.name {}; to end it, set the annotation to \"false\"",
        service.key.name
    );
    Standing::Unmet(ServiceReason::BindingDeleted, words)
}
