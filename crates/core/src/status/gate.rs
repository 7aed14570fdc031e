//! The condition of a Pod's readiness gate: the AND over all bindings that select the Pod.

use jiff::{SignedDuration, Timestamp};

use crate::api::condition::GateReason;
use crate::model::GateState;
use crate::mutant::{self, Mutant};
use crate::plan::Verdict;

/// What the gate's condition should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateCondition {
    /// True opens the gate.
    pub is_open: bool,
    /// The reason.
    pub reason: GateReason,
    /// What it waits for, or why it is open.
    pub message: String,
}

impl GateCondition {
    /// Whether this is to be written. `since` is when the Pod began to wait for nothing but gates.
    ///
    /// Most phases pass so quickly that nobody could read of them, and each write costs a request and wakes everyone who watches
    /// Pods. So what a Pod waits for is written once it has waited for a while, and written anew when what was written has been
    /// there for a while. Of a Pod that waits for its containers, Kubernetes tells more than we could.
    pub fn is_due(&self, state: &GateState, since: Option<Timestamp>, now: Timestamp) -> bool {
        if self.is_written(state) {
            return false;
        }
        let said = match state {
            GateState::Waiting { message, .. } => said_since(message).or(since),
            GateState::Unset | GateState::Absent | GateState::Open => since,
        };
        self.is_open || said.is_some_and(|said| now.duration_since(said) >= WORTH_TELLING)
    }

    /// True when the Pod already says so. An open gate is never closed again, so it never differs.
    fn is_written(&self, state: &GateState) -> bool {
        match state {
            GateState::Open if mutant::is(Mutant::GateCloses) => self.is_open,
            GateState::Absent | GateState::Open => true,
            GateState::Unset => false,
            GateState::Waiting { reason, message } => {
                !self.is_open && *reason == self.reason.as_str() && without_time(message) == self.message
            }
        }
    }
}

/// How long a Pod waits before its condition says what for: longer than the usual first checks of a new target take, so that most Pods are
/// written to once, when their gate opens. Times in Kubernetes are whole seconds, so it may be one less.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(8);

/// What comes between the words of a waiting condition and the time since when it says so.
const SINCE: &str = ", since ";

impl GateCondition {
    /// The message as it is written at `now`: while it waits, with the time since when it has been saying so.
    pub fn message_at(&self, now: Timestamp) -> String {
        if self.is_open { self.message.clone() } else { format!("{}{SINCE}{now:.0}", self.message) }
    }
}

/// The reason that a closed gate gives, and since when it does; `None` where it gives none, or no time.
pub fn said(state: &GateState) -> Option<(&str, Timestamp)> {
    match state {
        GateState::Waiting { reason, message } => Some((reason.as_str(), said_since(message)?)),
        GateState::Unset | GateState::Absent | GateState::Open => None,
    }
}

fn without_time(message: &str) -> &str {
    message.rsplit_once(SINCE).map_or(message, |(words, _)| words)
}

fn said_since(message: &str) -> Option<Timestamp> {
    message.rsplit_once(SINCE)?.1.parse().ok()
}

/// The condition for a Pod, from what each binding that selects it says; `None` for a binding that has not been looked at.
///
/// A Pod that no binding selects is never asked about here.
pub fn gate_condition<'a>(verdicts: impl IntoIterator<Item = (&'a str, Option<&'a Verdict>)>) -> GateCondition {
    let mut open = None;
    for (binding, verdict) in verdicts {
        match verdict {
            None | Some(Verdict::Wait(..)) if open.is_some() && mutant::is(Mutant::OneOpensForAll) => {}
            None => {
                return GateCondition {
                    is_open: false,
                    reason: GateReason::NotRegistered,
                    message: format!("DirectAccessBinding '{binding}' has not been looked at yet"),
                };
            }
            Some(Verdict::Wait(reason, message)) => {
                let message = format!("DirectAccessBinding '{binding}': {message}");
                return GateCondition { is_open: false, reason: *reason, message };
            }
            Some(Verdict::Open(reason)) => {
                // Of several reasons, the one that promises least is told, and none that speaks of no binding beside one that does.
                let is_unbound = *reason == GateReason::NotBound;
                let gives_way = |found| match found {
                    GateReason::NotBound => true,
                    GateReason::BackendReady => !is_unbound,
                    _ => false,
                };
                if open.is_none_or(gives_way) {
                    open = Some(*reason);
                }
            }
        }
    }
    let reason = open.unwrap_or(GateReason::NotBound);
    GateCondition { is_open: true, reason, message: reason.meaning().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_binding_must_agree() {
        let yes = Verdict::Open(GateReason::BackendReady);
        let no = Verdict::Wait(GateReason::HealthCheck, "not healthy".to_owned());
        assert!(gate_condition([("a", Some(&yes)), ("b", Some(&yes))]).is_open);
        let waiting = gate_condition([("a", Some(&yes)), ("b", Some(&no))]);
        assert_eq!((waiting.is_open, waiting.reason), (false, GateReason::HealthCheck));
        assert!(waiting.message.contains("'b'"));
        assert!(!gate_condition([("a", Some(&yes)), ("b", None)]).is_open, "a binding not looked at holds the gate");
    }

    #[test]
    fn the_weakest_reason_is_told() {
        let ready = Verdict::Open(GateReason::BackendReady);
        let off = Verdict::Open(GateReason::HealthCheckOff);
        let unbound = Verdict::Open(GateReason::NotBound);
        for verdicts in [[("a", Some(&ready)), ("b", Some(&unbound))], [("a", Some(&unbound)), ("b", Some(&ready))]] {
            assert_eq!(
                gate_condition(verdicts).reason,
                GateReason::BackendReady,
                "one binding goes, the other one serves"
            );
        }
        for verdicts in [[("a", Some(&ready)), ("b", Some(&off))], [("a", Some(&off)), ("b", Some(&ready))]] {
            assert_eq!(gate_condition(verdicts).reason, GateReason::HealthCheckOff);
        }
    }

    #[test]
    fn an_open_gate_is_never_written_again() {
        let no = Verdict::Wait(GateReason::HealthCheck, "not healthy".to_owned());
        let waiting = gate_condition([("a", Some(&no))]);
        assert!(waiting.is_written(&GateState::Open));
        assert!(!waiting.is_written(&GateState::Unset));
        let message = waiting.message_at(Timestamp::UNIX_EPOCH);
        assert!(message.ends_with(", since 1970-01-01T00:00:00Z"), "{message}");
        let said = GateState::Waiting { reason: waiting.reason.to_string(), message };
        assert!(waiting.is_written(&said), "the time since when is not news");
        let other = GateState::Waiting { reason: "Registering".to_owned(), message: waiting.message.clone() };
        assert!(!waiting.is_written(&other));
    }

    #[test]
    fn what_passes_quickly_is_not_told() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let wait = |reason| gate_condition([("a", Some(&Verdict::Wait(reason, "words".to_owned())))]);
        let (registering, checked) = (wait(GateReason::Registering), wait(GateReason::HealthCheck));
        let open = gate_condition([("a", Some(&Verdict::Open(GateReason::BackendReady)))]);
        let said = |condition: &GateCondition, now| GateState::Waiting {
            reason: condition.reason.to_string(),
            message: condition.message_at(now),
        };
        for (condition, state, since, now, expected, why) in [
            (&registering, GateState::Unset, None, 100, false, "its containers are not ready"),
            (&registering, GateState::Unset, Some(at(93)), 100, false, "it has just begun to wait"),
            (&registering, GateState::Unset, Some(at(92)), 100, true, "it waits"),
            (&registering, said(&registering, at(92)), Some(at(90)), 100, false, "that is what is written"),
            (&checked, said(&registering, at(93)), Some(at(90)), 100, false, "something was written just now"),
            (&checked, said(&registering, at(92)), Some(at(90)), 100, true, "what is written is no longer true"),
            (&open, GateState::Unset, None, 100, true, "opening never waits"),
            (&open, said(&checked, at(100)), Some(at(100)), 100, true, "opening never waits"),
            (&open, GateState::Open, Some(at(90)), 100, false, "it is open"),
        ] {
            assert_eq!(condition.is_due(&state, since, at(now)), expected, "{why}");
        }
        let by_others = GateState::Waiting { reason: "Else".to_owned(), message: "without a time".to_owned() };
        assert!(checked.is_due(&by_others, Some(at(90)), at(100)));
    }
}
