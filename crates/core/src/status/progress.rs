//! Which changes of a status are worth a write of their own.

use crate::api::DirectAccessBindingStatus;
use crate::api::condition::ConditionType;

/// Whether two statuses of a binding differ at most in how far things are: counts, gates, conditions but Ready, and what is worth
/// knowing. People and their tools read that. The rest is what later rounds and other controllers go by, whether there was a target at
/// all, and what is waited for: whether the binding is ready.
pub fn is_progress(before: &DirectAccessBindingStatus, after: &DirectAccessBindingStatus) -> bool {
    has_target(before) == has_target(after) && ready(before) == ready(after) && frame(before) == frame(after)
}

fn ready(status: &DirectAccessBindingStatus) -> Option<&str> {
    let found = status.conditions.iter().find(|found| found.type_ == ConditionType::Ready.as_str())?;
    Some(found.status.as_str())
}

fn has_target(status: &DirectAccessBindingStatus) -> bool {
    status.targets.as_ref().is_some_and(|targets| targets.registered > 0 || targets.draining > 0)
}

fn frame(status: &DirectAccessBindingStatus) -> DirectAccessBindingStatus {
    let mut frame = DirectAccessBindingStatus {
        targets: None,
        gates: None,
        excluded: Vec::new(),
        advice: Vec::new(),
        conditions: Vec::new(),
        ..status.clone()
    };
    for listener in &mut frame.listeners {
        (listener.desired, listener.healthy) = (0, 0);
        for rule in &mut listener.rules {
            (rule.desired, rule.healthy) = (0, 0);
        }
    }
    frame
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn serving() -> Value {
        json!({
            "observedGeneration": 1,
            "targets": {
                "desired": 3, "registered": 3, "healthy": 1, "draining": 0, "retained": 0, "excluded": 0, "summary": "1/3",
            },
            "listeners": [{
                "port": 80, "protocol": "TCP", "listenerId": "lbl-1", "created": true, "desired": 3, "healthy": 1,
            }],
        })
    }

    fn read(status: Value) -> DirectAccessBindingStatus {
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn counts_and_words_are_progress_and_records_are_not() {
        let condition = |kind: &str| {
            json!([{
                "type": kind, "status": "True", "reason": kind, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
            }])
        };
        let drain = json!([{
            "address": "10.0.0.1:80", "listenerId": "lbl-1", "since": "2026-01-01T00:00:00Z", "reason": "PodEnds",
        }]);
        let listener = json!([{
            "port": 80, "protocol": "TCP", "listenerId": "lbl-2", "created": true, "desired": 3, "healthy": 1,
        }]);
        let better = json!([{
            "port": 80, "protocol": "TCP", "listenerId": "lbl-1", "created": true, "desired": 3, "healthy": 3,
        }]);
        let none = json!({
            "desired": 3, "registered": 0, "healthy": 0, "draining": 0, "retained": 0, "excluded": 0, "summary": "0/3",
        });
        let healthy = json!({
            "desired": 3, "registered": 3, "healthy": 3, "draining": 0, "retained": 0, "excluded": 0, "summary": "3/3",
        });
        for (what, is, field, value) in [
            ("nothing", true, "observedGeneration", json!(1)),
            ("health", true, "targets", healthy),
            ("health of a listener", true, "listeners", better),
            ("a condition", true, "conditions", condition("Programmed")),
            ("it is ready", false, "conditions", condition("Ready")),
            ("the last target is gone", false, "targets", none),
            ("a new generation", false, "observedGeneration", json!(2)),
            ("another listener", false, "listeners", listener),
            ("a drain", false, "draining", drain),
            ("a request for a round", false, "lastHandledReconcileAt", json!("now")),
        ] {
            let mut after = serving();
            after[field] = value;
            assert_eq!(is_progress(&read(serving()), &read(after)), is, "{what}");
        }
    }
}
