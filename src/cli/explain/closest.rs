//! What a Pod that no Service selects was probably meant for.

use super::facts::Facts;
use crate::api::DirectAccessBinding;
use crate::model::{Pod, Service, nearest};

/// What a Pod that no Service selects was probably meant for.
pub(super) enum Closest<'a> {
    /// A binding of a Service that does not exist.
    Missing(&'a DirectAccessBinding),
    /// A Service that selects nothing.
    WithoutSelector(&'a Service),
    /// A Service that wants other labels.
    Other(&'a Service),
}

/// A name that the Pod carries counts most, then labels that are the same, or nearly. What has nothing in common with the Pod is not
/// meant, and not named.
pub(super) fn closest(facts: &Facts) -> Option<Closest<'_>> {
    let is_namesake = |name: &str| is_namesake(&facts.pod, name);
    let bindings = || facts.bindings().map(|seen| seen.view);
    let namesakes = || bindings().filter(|view| is_namesake(&view.binding.spec.service_ref.name));
    if let Some(view) = namesakes().find(|view| view.service.is_none()) {
        return Some(Closest::Missing(&view.binding));
    }
    let is_empty = |service: &&Service| service.selector.is_empty();
    if let Some(service) = namesakes().filter_map(|view| view.service.as_deref()).find(is_empty) {
        return Some(Closest::WithoutSelector(service));
    }
    let services = facts.around.services.iter().map(|service| &**service).filter(|service| !is_empty(service));
    nearest_service(&facts.pod, services).map(Closest::Other)
}

fn is_namesake(pod: &Pod, name: &str) -> bool {
    pod.labels.values().any(|value| value == name) || pod.key.name.starts_with(&format!("{name}-"))
}

/// The Service whose selector is nearest to the labels of a Pod; `None` when none has anything in common with it.
pub(super) fn nearest_service<'a>(pod: &Pod, services: impl Iterator<Item = &'a Service>) -> Option<&'a Service> {
    let shared = |service: &&Service| {
        let same = service.selector.iter().filter(|(key, value)| pod.labels.get(*key) == Some(value)).count();
        let is_near = |(key, value): &(&String, &String)| {
            pod.labels.get(*key).is_some_and(|has| has != *value && nearest(has, [value.as_str()]).is_some())
        };
        let near = service.selector.iter().filter(is_near).count();
        (is_namesake(pod, &service.key.name), same + near, std::cmp::Reverse(service.selector.len()))
    };
    services.filter(|service| shared(service).0 || shared(service).1 > 0).max_by_key(shared)
}

/// The labels that a Service wants and the Pod does not have, in words.
pub(super) fn differences(service: &Service, pod: &Pod) -> Vec<String> {
    let wrong = service.selector.iter().filter(|(key, value)| pod.labels.get(*key) != Some(value));
    let said = wrong.map(|(key, value)| match pod.labels.get(key) {
        Some(has) => format!("{key}={value} where the Pod has {key}={has}"),
        None => format!("{key}={value}, which the Pod does not have"),
    });
    said.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_service_that_has_nothing_in_common_with_a_pod_is_not_meant() {
        let pod = |labels: &Value| {
            crate::k8s::pod(
                &serde_json::from_value(json!({"metadata": {"name": "orphan-1", "labels": labels}})).unwrap(),
            )
        };
        let service = |name: &str, selector: Value| {
            let object = json!({"metadata": {"name": name}, "spec": {"selector": selector}});
            crate::k8s::service(&serde_json::from_value(object).unwrap())
        };
        let services = [
            service("web", json!({"app": "web"})),
            service("shop", json!({"app": "shop", "tier": "front"})),
            service("orphan", json!({"app": "lonely"})),
        ];
        for (labels, among, expected) in [
            (json!({"app": "other"}), 0..2, None),
            (json!({}), 0..2, None),
            (json!({"app": "wbe"}), 0..2, Some("web")),
            (json!({"app": "other", "tier": "front"}), 0..2, Some("shop")),
            (json!({"app": "shop", "tier": "fornt"}), 0..2, Some("shop")),
            (json!({"app": "other"}), 0..3, Some("orphan")),
        ] {
            let found = nearest_service(&pod(&labels), services[among].iter());
            assert_eq!(found.map(|service| service.key.name.as_str()), expected, "{labels}");
        }
    }
}
