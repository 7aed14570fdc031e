//! The rows of a binding's listeners: targets, the troubled ones first, and Pods that are none.

use std::cmp::Reverse;

use serde::Serialize;

use crate::cli::world::Seen;
use crate::model::{GateState, Health, Pod};
use crate::plan::{Fate, Management, RouteTrace, TargetTrace};

/// How much a row deserves a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// It serves as it should, as far as is known.
    None,
    /// It is on its way, in or out.
    Passing,
    /// It does not serve, and should.
    Real,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenerRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener_id: Option<String>,
    pub(super) targets: Vec<TargetRow>,
    pub(super) excluded: Vec<ExcludedRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetRow {
    pod: String,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wanted_weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'static str>,
    gate: &'static str,
    /// What becomes of a target that leaves, or stays for a reason; absent for one that serves or is to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    #[serde(skip)]
    pub(super) trouble: Trouble,
}

#[derive(Serialize)]
pub(super) struct ExcludedRow {
    pod: String,
    reason: &'static str,
}

impl ListenerRow {
    pub(super) fn new(seen: &Seen<'_>, route: &RouteTrace) -> Self {
        let gate = |uid: &str| seen.view.pods.get(uid).map_or("-", |pod| gate_word(pod));
        let is_read = seen.is_read();
        let row = |target: &TargetTrace| TargetRow {
            trouble: trouble(target, is_read, gate(&target.pod_uid)),
            pod: target.pod.clone(),
            address: target.address.to_string(),
            weight: target.weight,
            wanted_weight: target.wanted,
            health: target.health.map(health_word),
            gate: gate(&target.pod_uid),
            note: target.fate.map(|fate| fate_words(fate, seen.plan.management)),
        };
        let mut targets: Vec<_> = route.targets.iter().chain(&route.others).map(row).collect();
        targets.sort_by_key(|row| Reverse(row.trouble));
        let is_target = |pod: &str| route.targets.iter().chain(&route.others).any(|target| target.pod == pod);
        let excluded = route.exclusions.iter().filter(|one| !is_target(&one.pod));
        Self {
            name: route.name.strip_prefix("listener ").unwrap_or(&route.name).to_owned(),
            listener_id: route.listener.as_ref().map(ToString::to_string),
            targets,
            excluded: excluded.map(|one| ExcludedRow { pod: one.pod.clone(), reason: one.reason.as_str() }).collect(),
        }
    }

    /// Cells of a table: of all rows, or only of those that are troubled.
    pub(super) fn cells(&self, least: Trouble) -> Vec<Vec<String>> {
        let dash = || "-".to_owned();
        let targets = self.targets.iter().filter(|target| target.trouble >= least).map(|target| {
            let weight = target.weight.map_or_else(dash, |weight| weight.to_string());
            let health = target.health.map_or_else(dash, str::to_owned);
            let listener = format!("  {}", self.name);
            let pod = if target.pod.is_empty() { dash() } else { target.pod.clone() };
            let note = target.note.clone().unwrap_or_default();
            vec![listener, pod, target.address.clone(), weight, health, target.gate.to_owned(), note]
        });
        let excluded = self.excluded.iter().map(|one| {
            let listener = format!("  {}", self.name);
            vec![listener, one.pod.clone(), one.reason.to_owned(), dash(), dash(), dash(), String::new()]
        });
        excluded.chain(targets).collect()
    }
}

/// Whether a target is as it should be. Where CLB was not read, the gate says what is known.
fn trouble(target: &TargetTrace, is_read: bool, gate: &str) -> Trouble {
    match (target.fate, target.weight, target.health) {
        (Some(_), ..) => Trouble::Passing,
        (None, None, _) if is_read => Trouble::Real,
        (None, Some(_), Some(Health::Unhealthy)) => Trouble::Real,
        (None, Some(weight), _) if target.wanted.is_some_and(|wanted| wanted != weight) => Trouble::Passing,
        (None, Some(_), Some(Health::Unknown) | None) => Trouble::Passing,
        (None, ..) if gate == CLOSED => Trouble::Passing,
        (None, ..) => Trouble::None,
    }
}

/// What becomes of a target, and why.
fn fate_words(fate: Fate, management: Management) -> String {
    match fate {
        Fate::Held if matches!(management, Management::Freeze(_)) => {
            "frozen: it stays registered as it is, and loses its weight only when its Pod is gone.".to_owned()
        }
        Fate::KeptForOthers(why) => format!("kept until others serve. {}", why.meaning()),
        Fate::KeptAsLast(why) => format!("kept because nobody else would serve. {}", why.meaning()),
        Fate::Draining(why, since) => format!("draining since {since}. {}", why.meaning()),
        Fate::Leaving(why) => format!("leaving. {}", why.meaning()),
        Fate::Held => "stays as it is; the binding's conditions say why.".to_owned(),
    }
}

/// What CLB says of a target's health.
pub(crate) const fn health_word(health: Health) -> &'static str {
    match health {
        Health::Healthy => "Healthy",
        Health::Unhealthy => "Unhealthy",
        Health::Unknown => "Unknown",
        Health::CheckOff => "CheckOff",
    }
}

/// A gate that is not open.
const CLOSED: &str = "closed";

/// How a Pod's readiness gate stands.
pub(crate) const fn gate_word(pod: &Pod) -> &'static str {
    match pod.gate {
        GateState::Absent => "none",
        GateState::Unset | GateState::Waiting { .. } => CLOSED,
        GateState::Open => "open",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Address;

    #[test]
    fn what_does_not_serve_and_should_comes_first() {
        let target = |weight, wanted, health, fate| TargetTrace {
            pod: "web-1".to_owned(),
            pod_uid: "1".to_owned(),
            address: Address { ip: [10, 0, 0, 1].into(), port: 80 },
            wanted,
            weight,
            health,
            fate,
        };
        let healthy = Some(Health::Healthy);
        for (row, is_read, gate, expected) in [
            (target(Some(10), Some(10), healthy, None), true, "open", Trouble::None),
            (target(Some(10), Some(10), Some(Health::CheckOff), None), true, "none", Trouble::None),
            (target(Some(10), Some(10), healthy, None), true, CLOSED, Trouble::Passing),
            (target(Some(10), Some(33), healthy, None), true, "open", Trouble::Passing),
            (target(Some(10), Some(10), Some(Health::Unknown), None), true, "open", Trouble::Passing),
            (target(Some(10), Some(10), Some(Health::Unhealthy), None), true, "open", Trouble::Real),
            (target(None, Some(10), None, None), true, "open", Trouble::Real),
            (target(None, Some(10), None, None), false, "open", Trouble::None),
            (target(None, Some(10), None, None), false, CLOSED, Trouble::Passing),
            (target(Some(0), None, healthy, Some(Fate::Held)), true, "open", Trouble::Passing),
        ] {
            assert_eq!(trouble(&row, is_read, gate), expected, "{row:?}");
        }
    }
}
