//! Whether a Pod gets the readiness gate. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::api::DirectAccessBinding;
use crate::api::names::GATE;
use crate::model::Service;
use crate::plan::wants_gates;

/// Annotation of the objects that show static Pods; a kubelet makes them and they must not be changed.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What the decision needs of a Pod that is being created. Everything else in it is left unread, so that a newer Kubernetes
/// cannot make it unreadable.
#[derive(Debug, Default, Deserialize)]
pub(super) struct NewPod {
    #[serde(default)]
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    host_network: Option<bool>,
    readiness_gates: Option<Vec<Gate>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gate {
    condition_type: String,
}

/// What becomes of a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It gets the gate; `has_gates` tells whether it has a list to add it to.
    Inject {
        /// The Pod has a list of gates, perhaps an empty one.
        has_gates: bool,
    },
    /// It stays as it is.
    Leave(Reason),
}

/// Why a Pod stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It has the gate: from its template, or from an earlier pass.
    Gated,
    /// It shows a static Pod.
    Mirror,
    /// It uses its node's network, so it never becomes a target, and the gate would never open.
    HostNetwork,
    /// No binding selects it.
    NotSelected,
}

impl NewPod {
    /// The Pod gets the gate when one of `selectors` selects it and nothing speaks against it.
    pub(super) fn decide<'a>(&self, mut selectors: impl Iterator<Item = &'a BTreeMap<String, String>>) -> Decision {
        let gates = self.spec.readiness_gates.as_deref();
        if gates.unwrap_or_default().iter().any(|gate| gate.condition_type == GATE) {
            return Decision::Leave(Reason::Gated);
        }
        if self.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(MIRROR)) {
            return Decision::Leave(Reason::Mirror);
        }
        if self.spec.host_network == Some(true) {
            return Decision::Leave(Reason::HostNetwork);
        }
        match selectors.any(|selector| self.is_selected(selector)) {
            true => Decision::Inject { has_gates: gates.is_some() },
            false => Decision::Leave(Reason::NotSelected),
        }
    }

    /// An empty selector selects nothing, as for Services.
    fn is_selected(&self, selector: &BTreeMap<String, String>) -> bool {
        let has = |(key, value)| self.metadata.labels.as_ref().is_some_and(|labels| labels.get(key) == Some(value));
        !selector.is_empty() && selector.iter().all(has)
    }
}

/// The selectors of the Services that `bindings` speak of.
pub(super) fn selectors<'a>(
    bindings: impl Iterator<Item = &'a DirectAccessBinding>,
    service: impl Fn(&str) -> Option<&'a Service>,
) -> impl Iterator<Item = &'a BTreeMap<String, String>> {
    bindings
        .filter(|binding| wants_gates(binding))
        .filter_map(move |binding| service(&binding.spec.service_ref.name))
        .map(|service| &service.selector)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decide(pod: Value, selectors: &[BTreeMap<String, String>]) -> Decision {
        serde_json::from_value::<NewPod>(pod).unwrap().decide(selectors.iter())
    }

    fn selector(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_selected_pod_gets_the_gate_whatever_gates_it_has() {
        let web = [selector(&[("app", "web")])];
        let labels = json!({"labels": {"app": "web", "more": "x"}});
        for (spec, has_gates) in [
            (json!({}), false),
            (json!({"readinessGates": null}), false),
            (json!({"readinessGates": []}), true),
            (json!({"readinessGates": [{"conditionType": "example.com/other"}], "unknown": {}}), true),
        ] {
            assert_eq!(decide(json!({"metadata": labels, "spec": spec}), &web), Decision::Inject { has_gates });
        }
    }

    #[test]
    fn other_pods_stay_as_they_are() {
        let web = [selector(&[]), selector(&[("app", "web"), ("tier", "front")])];
        let labels = json!({"app": "web", "tier": "front"});
        for (metadata, spec, reason) in [
            (json!({"labels": {"app": "web"}}), json!({}), Reason::NotSelected),
            (json!({}), json!({}), Reason::NotSelected),
            (json!({"labels": null}), json!({}), Reason::NotSelected),
            (json!({"labels": labels}), json!({"readinessGates": [{"conditionType": GATE}]}), Reason::Gated),
            (json!({"labels": labels, "annotations": {MIRROR: "1"}}), json!({}), Reason::Mirror),
            (json!({"labels": labels}), json!({"hostNetwork": true}), Reason::HostNetwork),
        ] {
            assert_eq!(decide(json!({"metadata": metadata, "spec": spec}), &web), Decision::Leave(reason));
        }
    }
}
