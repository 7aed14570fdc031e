//! Whether the binding of a Service gives it what it asks for.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::DirectAccessBinding;
use crate::api::advice::AdviceReason;
use crate::api::binding::Parking;
use crate::api::condition::{ConditionType, Reason};
use crate::api::course::{Course, Grace, Motion, Severity};
use crate::api::service_config::EntryProblem;
use crate::model::Service;
use crate::plan::config::reference;

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
    let words = format!("DirectAccessBinding '{name}' is not ready, {}: {}", ready.reason, words_of(ready));
    Trouble::Lasting(ready.reason.parse().unwrap_or(Reason::Pending), None, words)
}

/// What a condition says, in words that stay the same while nothing else happens: counts of Pods in its own words change all the time.
fn words_of(ready: &Condition) -> Cow<'_, str> {
    match ready.reason.parse::<Reason>() {
        Ok(reason) if !has_lasting_words(reason) => format!("{} {}", reason.meaning(), reason.remedy()).into(),
        Ok(_) | Err(_) => ready.message.as_str().into(),
    }
}

/// The words of a condition of this reason are those of the cloud or about what users write, and name no count.
fn has_lasting_words(reason: Reason) -> bool {
    match reason.course() {
        Course::Stuck | Course::Rests | Course::MovesFor(Grace::Reference) => true,
        Course::MovesFor(Grace::Progress) => false,
        Course::Moves | Course::MovesFor(Grace::Recovery) => reason.severity() == Severity::Warning,
    }
}

/// What of the config of a binding cannot be followed for its Service.
pub(super) fn of_config(service: &Service, binding: &DirectAccessBinding) -> Vec<String> {
    let problems = binding.status.iter().flat_map(|status| &status.config_problems);
    let name = reference(binding, Some(service)).map(|found| found.name).unwrap_or_default();
    problems.map(|problem| format!("TkeServiceConfig '{name}', {problem}")).collect()
}

/// What of the fields of its Service the listeners of a binding do not follow.
pub(super) fn of_fields(binding: &DirectAccessBinding) -> Vec<String> {
    let advice = binding.status.iter().flat_map(|status| &status.advice);
    let of_fields = advice.filter(|row| row.reason == AdviceReason::SessionAffinity.as_str());
    of_fields.map(|row| row.message.clone()).collect()
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
pub fn readiness(binding: &DirectAccessBinding) -> Readiness<'_> {
    let words = |ready: &Condition| (ready.status != "True").then(|| words_of(ready).into_owned());
    Readiness {
        parking: binding.parked().map(|_| binding.parking()),
        ready: find(binding, ConditionType::Ready)
            .map(|ready| (ready.status.as_str(), ready.reason.as_str(), words(ready))),
        stalled: find(binding, ConditionType::Stalled).map(|stalled| stalled.message.as_str()),
        config_problems: binding.status.as_ref().map(|status| status.config_problems.as_slice()).unwrap_or_default(),
        fields: of_fields(binding),
    }
}

/// See [`readiness`].
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness<'a> {
    /// What remains of a binding that is parked.
    pub parking: Option<Parking>,
    ready: Option<(&'a str, &'a str, Option<String>)>,
    stalled: Option<&'a str>,
    config_problems: &'a [EntryProblem],
    fields: Vec<String>,
}
