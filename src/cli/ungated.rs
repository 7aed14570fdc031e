//! Pods that run without the readiness gate, and what gives them one.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::gate_label::GateLabel;
use super::leaving::some;
use super::workload::replacement;
use super::world::Seen;
use crate::api::binding::GatePolicy;
use crate::api::names;
use crate::model::{GateState, Phase, Pod};
use crate::plan::selects;

/// Pods without a gate that one command replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ungated {
    /// The command.
    pub(super) command: String,
    /// Their names.
    pub(super) pods: Vec<String>,
    /// Why they have none.
    pub(super) cause: Cause,
}

/// Why a Pod has no gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its namespace is not labelled for gates: what it says instead, and the command that labels it.
    NotLabelled {
        /// What is the case.
        fault: String,
        /// The command.
        command: String,
    },
    /// It was created before the binding, when nobody asked for a gate, or in the same second.
    OlderThanBinding,
    /// Gates were not injected when it was created.
    NotInjected,
}

impl Ungated {
    /// What is the case.
    pub(super) fn words(&self) -> String {
        let were = if self.pods.len() == 1 { "was" } else { "were" };
        let why = match &self.cause {
            Cause::NotLabelled { fault, .. } => format!("created without a readiness gate: {fault}"),
            Cause::OlderThanBinding => "created before the binding took effect, without a readiness gate".to_owned(),
            Cause::NotInjected => "created without a readiness gate".to_owned(),
        };
        format!("{} {were} {why}", some(&self.pods))
    }

    /// What gives them one.
    pub(super) fn remedy(&self) -> String {
        let replace = &self.command;
        match &self.cause {
            Cause::NotLabelled { command, .. } => format!("run `{command}`, and then replace them: `{replace}`"),
            Cause::OlderThanBinding => format!("replace them: `{replace}`"),
            Cause::NotInjected => {
                format!(
                    "see that `kubectl direct-access doctor` finds gates injected, and then replace them: `{replace}`"
                )
            }
        }
    }
}

/// The Pods of a binding that run without a gate although it asks for one, by what replaces them.
pub(super) fn ungated(seen: &Seen<'_>) -> Vec<Ungated> {
    let binding = &seen.view.binding;
    let Some(service) = seen.view.service.as_deref() else { return Vec::new() };
    if binding.spec.readiness_gate.policy == GatePolicy::Disabled {
        return Vec::new();
    }
    let mut found: BTreeMap<String, Ungated> = BTreeMap::new();
    for pod in seen.view.pods.values().filter(|pod| is_bare(pod) && selects(service, pod)) {
        let cause = cause(pod, created(seen), seen.gate_label());
        let command = replacement(pod);
        let row =
            found.entry(command.clone()).or_insert_with(|| Ungated { command, pods: Vec::new(), cause: cause.clone() });
        row.pods.push(pod.key.name.clone());
        // One that injection has missed needs more than a restart.
        if cause != Cause::OlderThanBinding {
            row.cause = cause;
        }
    }
    let mut rows: Vec<_> = found.into_values().collect();
    rows.iter_mut().for_each(|row| row.pods.sort_unstable());
    rows
}

/// When the binding was created; `None` in files.
pub(super) fn created(seen: &Seen<'_>) -> Option<Timestamp> {
    seen.view.binding.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

/// Why a Pod has no gate, of a binding that was created then, in a namespace that says this of gates: a new Pod would have none either
/// where it is not labelled.
pub(super) fn cause(pod: &Pod, binding: Option<Timestamp>, label: Option<&GateLabel>) -> Cause {
    let namespace = pod.key.namespace.as_str();
    if let Some(fault) = label.and_then(|label| label.fault(namespace)) {
        return Cause::NotLabelled { fault, command: names::gates_command(namespace) };
    }
    let is_older = pod.created.zip(binding).is_some_and(|(pod, binding)| pod <= binding);
    if is_older { Cause::OlderThanBinding } else { Cause::NotInjected }
}

fn is_bare(pod: &Pod) -> bool {
    let is_there = pod.deleting_since.is_none() && pod.phase != Phase::Finished && !pod.host_network;
    is_there && pod.gate == GateState::Absent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_and_why() {
        let row = |pods: &[&str], cause| Ungated {
            command: String::new(),
            pods: pods.iter().map(|pod| (*pod).to_owned()).collect(),
            cause,
        };
        for (row, expected) in [
            (
                row(&["a"], Cause::OlderThanBinding),
                "a was created before the binding took effect, without a readiness gate",
            ),
            (
                row(&["a", "b"], Cause::OlderThanBinding),
                "a, b were created before the binding took effect, without a readiness gate",
            ),
            (row(&["a"], Cause::NotInjected), "a was created without a readiness gate"),
        ] {
            assert_eq!(row.words(), expected);
        }
    }

    #[test]
    fn what_came_first_says_why() {
        let at = |second| Timestamp::from_second(second).ok();
        let pod = |created| Pod {
            created,
            ..crate::k8s::pod(&serde_json::from_value(serde_json::json!({"metadata": {"name": "web-1"}})).unwrap())
        };
        for (created, binding, expected) in [
            (at(1), at(2), Cause::OlderThanBinding),
            (at(2), at(2), Cause::OlderThanBinding),
            (at(3), at(2), Cause::NotInjected),
            (None, at(2), Cause::NotInjected),
            (at(1), None, Cause::NotInjected),
        ] {
            assert_eq!(cause(&pod(created), binding, None), expected);
            assert_eq!(cause(&pod(created), binding, Some(&GateLabel::Enabled)), expected);
            let wrong = GateLabel::Other("cloud.tencent.com/direct-access-gates=Enabled".to_owned());
            let found = cause(&pod(created), binding, Some(&wrong));
            let Cause::NotLabelled { fault, command } = found else { panic!("{found:?}") };
            assert!(fault.contains("=Enabled, which is not"), "{fault}");
            assert!(command.ends_with("cloud.tencent.com/direct-access-gates=enabled --overwrite"), "{command}");
        }
    }
}
