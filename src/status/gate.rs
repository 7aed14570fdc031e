//! The condition of a Pod's readiness gate: the AND over all bindings that select the Pod.

use jiff::Timestamp;

use crate::api::condition::GateReason;
use crate::model::GateState;
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
    /// True when the Pod already says so. An open gate is never closed again, so it never differs.
    pub fn is_written(&self, state: &GateState) -> bool {
        match state {
            GateState::Absent | GateState::Open => true,
            GateState::Unset => false,
            GateState::Waiting { reason, message } => {
                !self.is_open && *reason == self.reason.as_str() && without_time(message) == self.message
            }
        }
    }
}

/// What comes between the words of a waiting condition and the time since when it says so.
const SINCE: &str = ", since ";

impl GateCondition {
    /// The message as it is written at `now`: while it waits, with the time since when it has been saying so.
    pub fn message_at(&self, now: Timestamp) -> String {
        if self.is_open { self.message.clone() } else { format!("{}{SINCE}{now:.0}", self.message) }
    }
}

fn without_time(message: &str) -> &str {
    message.rsplit_once(SINCE).map_or(message, |(words, _)| words)
}

/// The condition for a Pod, from what each binding that selects it says; `None` for a binding that has not been looked at.
///
/// A Pod that no binding selects is never asked about here.
pub fn gate_condition<'a>(verdicts: impl IntoIterator<Item = (&'a str, Option<&'a Verdict>)>) -> GateCondition {
    let mut open = None;
    for (binding, verdict) in verdicts {
        match verdict {
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
                // Of several reasons, the one that promises least is told.
                if open.is_none_or(|found| found == GateReason::BackendReady) {
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
}
