//! Whether the binding of a Service gives it what it asks for.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::DirectAccessBinding;
use crate::api::binding::Parking;
use crate::api::condition::{ConditionType, Reason};
use crate::api::course::Motion;

/// For how long a binding that is not ready may be on its way, before its Service says so: a rollout is no news.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(60);

/// What the conditions of a binding say of its Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is ready, or nobody has looked yet.
    None,
    /// It is not ready; that counts from this moment on.
    From(Timestamp),
    /// It does not give what the Service asks for: why, how it moves, and in which words.
    Lasting(Reason, Option<Motion>, String),
}

fn find(binding: &DirectAccessBinding, kind: ConditionType) -> Option<&Condition> {
    let conditions = binding.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().find(|condition| condition.type_ == kind.as_str())
}

/// What there is to say of the binding of a Service at this moment.
pub(super) fn trouble(binding: &DirectAccessBinding, now: Timestamp) -> Trouble {
    let name = binding.metadata.name.as_deref().unwrap_or_default();
    let Some(ready) = find(binding, ConditionType::Ready) else { return unseen(binding, name, now) };
    if ready.status == "True" {
        return Trouble::None;
    }
    if let Some(stalled) = find(binding, ConditionType::Stalled).filter(|stalled| stalled.status == "True") {
        let (reason, message) = (&stalled.reason, &stalled.message);
        let words = format!("DirectAccessBinding '{name}' is not ready, {reason}: {message}");
        return Trouble::Lasting(reason.parse().unwrap_or(Reason::Pending), Some(Motion::Stuck), words);
    }
    let due = ready.last_transition_time.0.saturating_add(ON_ITS_WAY).unwrap_or(now);
    if now < due {
        return Trouble::From(due);
    }
    // Counts in the binding's own words change all the time.
    let known = ready.reason.parse::<Reason>();
    let meaning = known.map_or("", Reason::meaning);
    let words = format!("DirectAccessBinding '{name}' is not ready, {}: {meaning}", ready.reason);
    Trouble::Lasting(known.unwrap_or(Reason::Pending), None, words)
}

/// A binding whose status says nothing yet. Nobody may be there who could look at it.
fn unseen(binding: &DirectAccessBinding, name: &str, now: Timestamp) -> Trouble {
    let Some(created) = &binding.metadata.creation_timestamp else { return Trouble::None };
    let due = created.0.saturating_add(ON_ITS_WAY).unwrap_or(now);
    if now < due {
        return Trouble::From(due);
    }
    let words = format!(
        "DirectAccessBinding '{name}' has no condition Ready: its load balancer could not be looked at yet, or its status not be written; \
         look at its Events, and at the log of the controller"
    );
    Trouble::Lasting(Reason::Pending, Some(Motion::Stuck), words)
}

/// What of a binding its Service's condition may depend on, besides its spec.
pub fn readiness(binding: &DirectAccessBinding) -> (Option<(&str, &str)>, Option<&str>, Option<Parking>) {
    let parking = binding.parked().map(|_| binding.parking());
    let ready = find(binding, ConditionType::Ready).map(|ready| (ready.status.as_str(), ready.reason.as_str()));
    (ready, find(binding, ConditionType::Stalled).map(|stalled| stalled.message.as_str()), parking)
}
