//! Conditions: built in a fixed order, merged with the previous ones so that a time changes only when a status does. That of Reconciling,
//! which is there while something goes on, is another one when something else goes on: its time says since when.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::api::condition::{ConditionType, Reason};
use crate::api::course::Course;
use crate::api::{MESSAGE_MAX, clip};

/// The three values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What one condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) truth: Truth,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Verdict {
    pub(super) fn new(truth: Truth, reason: Reason, message: impl Into<String>) -> Self {
        Self { truth, reason, message: message.into() }
    }

    pub(super) fn is_true(&self) -> bool {
        self.truth == Truth::True
    }
}

/// The conditions of one status.
pub(super) struct ConditionSet<'a> {
    previous: &'a [Condition],
    generation: i64,
    now: Timestamp,
    conditions: Vec<Condition>,
}

impl<'a> ConditionSet<'a> {
    pub(super) fn new(previous: &'a [Condition], generation: i64, now: Timestamp) -> Self {
        Self { previous, generation, now, conditions: Vec::new() }
    }

    /// Since when the condition has had another status than True; `now` when it has not.
    pub(super) fn false_since(&self, kind: ConditionType) -> Timestamp {
        let previous = self.previous.iter().find(|condition| condition.type_ == kind.as_str());
        previous.filter(|found| found.status != "True").map_or(self.now, |found| found.last_transition_time.0)
    }

    /// When this is.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// For how long the binding has been on this course, for the generation that it has; longer than all while it is Stalled on it.
    pub(super) fn on_course(&self, course: Course) -> SignedDuration {
        let find = |kind: ConditionType| {
            let mut found = self.previous.iter().filter(|found| found.type_ == kind.as_str());
            found.find(|found| self.is_on_course(found, course))
        };
        if find(ConditionType::Stalled).is_some() {
            return SignedDuration::MAX;
        }
        find(ConditionType::Reconciling)
            .map_or(SignedDuration::ZERO, |found| self.now.duration_since(found.last_transition_time.0))
    }

    fn is_on_course(&self, condition: &Condition, course: Course) -> bool {
        condition.observed_generation == Some(self.generation)
            && condition.reason.parse::<Reason>().is_ok_and(|reason| reason.course() == course)
    }

    /// Adds a condition. Order of calls is order in the status.
    pub(super) fn set(&mut self, kind: ConditionType, verdict: &Verdict) {
        let status = verdict.truth.as_str();
        let previous = self.previous.iter().find(|condition| condition.type_ == kind.as_str());
        let is_same = |found: &&Condition| {
            let goes_on = kind != ConditionType::Reconciling || self.is_on_course(found, verdict.reason.course());
            found.status == status && goes_on
        };
        let since = previous.filter(is_same).map(|found| found.last_transition_time.clone());
        self.conditions.push(Condition {
            type_: kind.to_string(),
            status: status.to_owned(),
            reason: verdict.reason.to_string(),
            message: clip(&verdict.message, MESSAGE_MAX),
            observed_generation: Some(self.generation),
            last_transition_time: since.unwrap_or(Time(whole_seconds(self.now))),
        });
    }

    pub(super) fn into_vec(self) -> Vec<Condition> {
        self.conditions
    }
}

/// Kubernetes keeps whole seconds; a finer time would differ from what is read back, and be written again.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
