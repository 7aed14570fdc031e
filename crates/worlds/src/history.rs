//! What the controller is shown of an object as it goes on, in words without names and times: the model of Kubernetes and a real one must
//! show the same.

use tke_direct_access_core::api::DirectAccessBinding;
use tke_direct_access_core::model::{GateState, Pod};

use crate::objects::{Kind, Objects, Row};

/// An object, and what it was shown as, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct History {
    /// Its kind: `binding` or `pod`.
    pub kind: &'static str,
    /// Its name; the UID of a Pod.
    pub place: String,
    /// What it was shown as. The last one is `gone` where it is gone.
    pub shown: Vec<String>,
}

impl History {
    /// It is shown as this now. What is as before is no news.
    pub fn push(&mut self, words: String) {
        if self.shown.last() != Some(&words) {
            self.shown.push(words);
        }
    }
}

/// What is said of an object that is gone.
pub const GONE: &str = "gone";

/// A binding, in words.
pub fn of_binding(binding: &DirectAccessBinding) -> String {
    let meta = &binding.metadata;
    let deleted = if meta.deletion_timestamp.is_some() { ", deleted" } else { "" };
    let finalizers = meta.finalizers.as_deref().unwrap_or_default().join(" ");
    let owner = if meta.owner_references.as_ref().is_some_and(|all| !all.is_empty()) { ", owned" } else { "" };
    format!("generation {}{deleted}{owner}, finalizers [{finalizers}]", meta.generation.unwrap_or_default())
}

/// A Pod, in words.
pub fn of_pod(pod: &Pod) -> String {
    let is = |what: bool, words: &'static str| if what { words } else { "" };
    let gate = match &pod.gate {
        GateState::Absent => "no gate",
        GateState::Unset => "gate unset",
        GateState::Waiting { .. } => "gate closed",
        GateState::Open => "gate open",
    };
    format!(
        "{:?}, {:?}{}{}{}{}, {gate}",
        pod.phase,
        pod.containers,
        is(pod.containers_ready, ", ready"),
        is(pod.node.is_some(), ", on a node"),
        is(!pod.ips.is_empty(), ", with an address"),
        is(pod.deleting_since.is_some(), ", deleted"),
    )
}

/// What watches of a world have shown.
pub(crate) fn told(objects: &Objects) -> Vec<History> {
    let mut histories: Vec<History> = Vec::new();
    for (kind, name) in [(Kind::Binding, "binding"), (Kind::Pod, "pod")] {
        for event in objects.told(kind) {
            let words = match event.row.as_deref() {
                Some(Row::Binding(row)) => of_binding(&row.0),
                Some(Row::Pod(row)) => of_pod(row),
                _ => GONE.to_owned(),
            };
            let is_it = |one: &&mut History| {
                one.kind == name && one.place == event.place && one.shown.last().is_none_or(|last| last != GONE)
            };
            match histories.iter_mut().find(is_it) {
                Some(found) => found.push(words),
                None => histories.push(History { kind: name, place: event.place.clone(), shown: vec![words] }),
            }
        }
    }
    histories
}
