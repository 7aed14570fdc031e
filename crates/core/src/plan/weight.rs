//! The weight of a Pod as a target: what the Pod says, else what the Service says of its ordinal, else what the listener says.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::api::names;
use crate::model::{Pod, Service, ServicePort, Transport, Weight};

/// The largest weight that the cloud takes.
const MOST: i64 = 100;
/// Kubernetes puts the name of a Pod of a StatefulSet here too.
const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";

/// The weights of one Service port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    /// Of Pods of which nothing else is said.
    usual: Weight,
    /// Of Pods of StatefulSets, by name and ordinal.
    ordinals: BTreeMap<(String, u32), Weight>,
}

/// The annotation of the Service, as TKE documents it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Annotation {
    #[serde(default)]
    default_weight: Option<i64>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    key: PortKey,
    #[serde(default)]
    stateful_sets: Vec<StatefulSet>,
}

#[derive(Deserialize)]
struct PortKey {
    proto: String,
    port: u16,
}

#[derive(Deserialize)]
struct StatefulSet {
    name: String,
    #[serde(default)]
    weights: Vec<OfOrdinals>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfOrdinals {
    weight: i64,
    #[serde(default)]
    pod_indexes: Vec<u32>,
}

impl Weights {
    /// The weights of a port. `usual` is the listener's, `is_explicit` whether the binding spells the listener out: the default
    /// of the Service is for those that it does not. An annotation that cannot be read counts as absent.
    pub(super) fn new(service: &Service, port: &ServicePort, usual: Weight, is_explicit: bool) -> Self {
        let mut weights = Self { usual, ordinals: BTreeMap::new() };
        let Some(Ok(annotation)) = service.annotations.get(names::RS_WEIGHT).map(|text| read(text)) else {
            return weights;
        };
        if let Some(default) = annotation.default_weight.and_then(weight).filter(|_| !is_explicit) {
            weights.usual = default;
        }
        let is_this = |group: &&Group| {
            let transport = match group.key.proto.to_ascii_uppercase().as_str() {
                "TCP" => Transport::Tcp,
                "UDP" => Transport::Udp,
                _ => return false,
            };
            group.key.port == port.port && transport == port.transport
        };
        for set in annotation.groups.iter().filter(is_this).flat_map(|group| &group.stateful_sets) {
            for row in &set.weights {
                let Some(weight) = weight(row.weight) else { continue };
                weights.ordinals.extend(row.pod_indexes.iter().map(|ordinal| ((set.name.clone(), *ordinal), weight)));
            }
        }
        weights
    }

    /// The weight of a Pod.
    pub(super) fn of(&self, pod: &Pod) -> PodWeight {
        let own = pod.annotations.get(names::CUSTOM_WEIGHT).and_then(|text| text.trim().parse().ok()).and_then(weight);
        PodWeight::Known(own.or_else(|| self.ordinals.get(&ordinal(pod)?).copied()).unwrap_or(self.usual))
    }
}

/// The weight that is asked for a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodWeight {
    /// This one.
    Known(Weight),
    /// What is asked for cannot be read: a target keeps the weight that it has, and a new one gets 0.
    Unreadable,
}

impl PodWeight {
    /// A user asks that the Pod gets no traffic.
    pub(super) const fn is_zero(self) -> bool {
        matches!(self, Self::Known(0))
    }
}

fn weight(number: i64) -> Option<Weight> {
    (0..=MOST).contains(&number).then(|| Weight::try_from(number).ok()).flatten()
}

/// The StatefulSet of a Pod, and the Pod's number in it.
fn ordinal(pod: &Pod) -> Option<(String, u32)> {
    let name = pod.labels.get(POD_NAME_LABEL).filter(|name| **name == pod.key.name)?;
    let (set, number) = name.rsplit_once('-')?;
    Some((set.to_owned(), number.parse().ok()?))
}

fn read(text: &str) -> Result<Annotation, String> {
    let annotation: Annotation = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let weights = annotation.groups.iter().flat_map(|group| &group.stateful_sets).flat_map(|set| &set.weights);
    let all = weights.map(|row| row.weight).chain(annotation.default_weight);
    match all.into_iter().find(|number| weight(*number).is_none()) {
        Some(number) => Err(format!("{number} is no weight from 0 to {MOST}")),
        None => Ok(annotation),
    }
}

/// What is wrong with the weights that the Service and its Pods ask for.
pub(super) fn notes<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(Err(why)) = service.annotations.get(names::RS_WEIGHT).map(|text| read(text)) {
        let key = names::RS_WEIGHT;
        notes.push(format!("annotation {key} of Service '{}' is not used: {why}; correct it", service.key.name));
    }
    let is_odd = |pod: &&Pod| {
        let text = pod.annotations.get(names::CUSTOM_WEIGHT);
        text.is_some_and(|text| text.trim().parse().ok().and_then(weight).is_none())
    };
    // The first by name, so that the words stay while other Pods come and go.
    if let Some(pod) = pods.filter(is_odd).min_by(|a, b| a.key.name.cmp(&b.key.name)) {
        let (key, name, text) = (names::CUSTOM_WEIGHT, &pod.key.name, &pod.annotations[names::CUSTOM_WEIGHT]);
        let text: String = text.chars().take(32).collect();
        notes.push(format!(
            "annotation {key} '{text}' of Pod '{name}' is no weight from 0 to {MOST}, and is not used; correct it"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::world::{World, pod};

    const SAMPLE: &str = r#"{"defaultWeight":20,"groups":[
        {"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[
            {"weight":0,"podIndexes":[0]},{"weight":50,"podIndexes":[1,2]}]}]},
        {"key":{"proto":"UDP","port":80},"statefulSets":[{"name":"web","weights":[{"weight":99,"podIndexes":[3]}]}]}]}"#;

    fn service(annotation: &str) -> Service {
        let mut service = World::new(&serde_json::json!({})).service.unwrap();
        service.annotations.insert(names::RS_WEIGHT.to_owned(), annotation.to_owned());
        service
    }

    fn member(number: u32) -> Pod {
        let mut pod = pod(number);
        pod.labels.insert(POD_NAME_LABEL.to_owned(), pod.key.name.clone());
        pod
    }

    fn custom(mut pod: Pod, weight: &str) -> Pod {
        pod.annotations.insert(names::CUSTOM_WEIGHT.to_owned(), weight.to_owned());
        pod
    }

    #[test]
    fn the_pod_comes_before_its_ordinal_and_that_before_the_listener() {
        let service = service(SAMPLE);
        let port = &service.ports[0];
        let weights = Weights::new(&service, port, 10, true);
        for (pod, expected) in [
            (member(0), 0),
            (member(2), 50),
            (member(3), 10),
            (pod(2), 10),
            (custom(member(2), "7"), 7),
            (custom(member(0), "0"), 0),
            (custom(pod(9), " 100 "), 100),
            (custom(pod(9), "101"), 10),
            (custom(pod(9), "heavy"), 10),
            (custom(pod(9), "-1"), 10),
        ] {
            assert_eq!(weights.of(&pod), PodWeight::Known(expected), "{} {:?}", pod.key.name, pod.annotations);
        }
        assert_eq!(Weights::new(&service, port, 10, false).of(&pod(9)), PodWeight::Known(20), "the Service's default");
    }

    #[test]
    fn what_cannot_be_read_is_told_and_not_used() {
        for (annotation, words) in [
            ("heavy", "expected value"),
            (r#"{"defaultWeight": 101}"#, "101 is no weight from 0 to 100"),
            (r#"{"groups": [{"key": {"proto": "TCP"}}]}"#, "port"),
        ] {
            let service = service(annotation);
            assert_eq!(
                Weights::new(&service, &service.ports[0], 10, false).of(&member(0)),
                PodWeight::Known(10),
                "{annotation}"
            );
            let notes = notes(&service, std::iter::empty());
            assert!(notes[0].contains(words) && notes[0].contains("lb-rs-weight"), "{notes:?}");
        }
        assert!(notes(&service(SAMPLE), [member(1), custom(pod(2), "5")].iter()).is_empty());
        let told = notes(&service(SAMPLE), [custom(pod(3), "yes"), custom(pod(2), "200"), pod(1)].iter());
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("'web-2'") && told[0].contains("'200'"), "{told:?}");
    }
}
