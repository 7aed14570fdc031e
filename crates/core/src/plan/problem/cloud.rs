//! What the cloud has no room for, or does not allow.

use super::{Problem, unprogrammed};
use crate::api::condition::{ConditionType, Reason};
use crate::model::{Address, Listener, ObjectKey};

pub(in crate::plan) fn rule_quota(listener: &Listener, limit: usize) -> Problem {
    let message = format!(
        "listener {}/{} has no room for more rules than its quota of {limit}; use fewer rules or have \
         TOTAL_LISTENER_RULE_QUOTA raised",
        listener.port, listener.protocol
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(in crate::plan) fn listener_quota(limit: usize) -> Problem {
    let message = format!(
        "the load balancer already has {limit} listeners, its quota; delete listeners or have TOTAL_LISTENER_QUOTA raised"
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(in crate::plan) fn target_quota(route: &str, limit: usize, left_out: usize) -> Problem {
    let message = format!(
        "{route} holds its quota of {limit} targets and {left_out} Pods are left out; scale down or \
         have TOTAL_TARGET_BIND_QUOTA raised"
    );
    unprogrammed(Reason::QuotaExceeded, message)
}

pub(in crate::plan) fn address_in_use(route: &str, count: usize) -> Problem {
    let message =
        format!("{count} Pod addresses are already targets of {route} on behalf of somebody else; remove them there");
    unprogrammed(Reason::BackendConflict, message)
}

/// A binding and its listener that do not get addresses, such as the first, with those that have them; `None` where they are no binding's.
pub(in crate::plan) fn clash(
    (binding, route): (&str, &str),
    (other, held): (Option<&str>, &str),
    first: Address,
) -> Problem {
    let (whose, way_out) = match other {
        Some(other) if other == binding => ("of this binding, too".to_owned(), "remove one of the two listeners"),
        Some(other) => (format!("of DirectAccessBinding '{other}'"), "remove one of the two listeners"),
        None => ("where somebody else has registered them".to_owned(), "remove them there"),
    };
    let message = format!(
        "{route} of DirectAccessBinding '{binding}' does not get Pods, such as {first}, that are targets of {held} {whose}: CLB takes an \
         address and port on one listener of a protocol only. Let the Pods listen on a port of its own for each listener, use another \
         load balancer, or {way_out}"
    );
    unprogrammed(Reason::BackendConflict, message)
}

pub(in crate::plan) fn slices_stale(service: &ObjectKey, pod: &str) -> Problem {
    let message = format!(
        "the EndpointSlices of Service '{service}' have not named Pod '{pod}' and perhaps others as its selector and ports say for \
         more than a minute; look at the cluster's endpoint slice controller. What is bound stays"
    );
    unprogrammed(Reason::SlicesStale, message)
}

pub(in crate::plan) fn listener_stopped(listener: &Listener) -> Problem {
    let message = format!(
        "listener '{}' ({}/{}) is stopped in the cloud and takes no traffic; start it, by the console or by \
         SetLoadBalancerStartStatus",
        listener.id, listener.port, listener.protocol
    );
    unprogrammed(Reason::ListenerStopped, message)
}

pub(in crate::plan) fn tags_not_shown() -> Problem {
    let message = "the cloud does not show the tags of targets: on listeners given by listenerId, targets of Pods that are gone are \
                   not recognised; remove them by hand, or let the binding have listeners of its own"
        .to_owned();
    unprogrammed(Reason::TagsNotShown, message)
}

/// The plan of the binding has panicked with this message.
pub(in crate::plan) fn internal(message: &str) -> Problem {
    let message =
        format!("the controller cannot decide what to do for this binding, which is a fault of its own: {message}");
    Problem { condition: ConditionType::Programmed, reason: Reason::Internal, message }
}
