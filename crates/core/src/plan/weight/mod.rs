//! The weight of a Pod as a target: what the Pod says, else what the Service says of its ordinal, else what the listener says.
//!
//! `lb-rs-weight` is read row by row. A row that cannot be read concerns only the Pods that it may be about; their targets keep the
//! weight that they have. Ordinals are looked up and never expanded.

mod rows;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::api::names;
use crate::model::{KeyProblem, Pod, Reading, Service, ServicePort, Weight, quoted};
use crate::mutant::{self, Mutant};

use super::annotated::{keys, near_misses, superfluous};
use super::{Advice, problem};
use rows::{PortRows, Rows};

/// The largest weight that the cloud takes.
const MOST: i64 = 100;
/// Kubernetes puts the name of a Pod of a StatefulSet here too.
const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
/// What to write for the weight of a Pod.
const FORM: &str = "a number from 0 to 100";
/// The most problems of one annotation that are told at once.
const TOLD: usize = 3;

/// The weight that is wished for a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PodWeight {
    /// This one.
    Known(Weight),
    /// What is said of the Pod cannot be read: its target keeps the weight that it has.
    Unreadable {
        /// What cannot be read.
        problem: KeyProblem,
        /// The weight of a target that is new: the listener's, where no row is about the Pod. `None` where nobody knows: then that
        /// of its predecessor, else 0.
        newcomer: Option<Weight>,
    },
    /// Nobody knows what is said of the Pod, since the Service or its port is missing: its target keeps the weight that it has.
    Unsaid {
        /// The weight of a target that is new: the listener's.
        newcomer: Weight,
    },
}

impl PodWeight {
    /// A user asks that the Pod gets no traffic.
    pub(super) const fn is_zero(&self) -> bool {
        matches!(self, Self::Known(0))
    }

    /// The weight of a target that is registered anew; `None` where nobody knows.
    pub(super) const fn of_newcomer(&self) -> Option<Weight> {
        match self {
            Self::Known(weight) => Some(*weight),
            Self::Unreadable { newcomer, .. } => *newcomer,
            Self::Unsaid { newcomer } => Some(*newcomer),
        }
    }
}

/// The weights of one Service port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Weights {
    /// Of Pods of which nothing else is said.
    usual: Weight,
    /// What the Service says; `None` where the Service or its port is missing.
    rows: Option<PortRows>,
}

impl Weights {
    /// The weights of a port. `usual` is the listener's, `is_explicit` whether the binding spells the listener out: the default
    /// of the Service is for those that it does not.
    pub(super) fn new(service: &Service, port: &ServicePort, usual: Weight, is_explicit: bool) -> Self {
        let mut rows = Rows::read(service).of_port(port);
        if is_explicit {
            rows.default = Reading::Absent;
        }
        Self { usual, rows: Some(rows) }
    }

    /// The weights where the Service or its port is missing: targets keep what they have, a new one gets the listener's, and what a Pod
    /// says of itself counts.
    pub(super) const fn held(usual: Weight) -> Self {
        Self { usual, rows: None }
    }

    /// The weight of a Pod.
    pub(super) fn of(&self, pod: &Pod) -> PodWeight {
        match own(pod) {
            Reading::Said(weight) => return PodWeight::Known(weight),
            Reading::Unreadable(_) if mutant::is(Mutant::UnreadableIsNoWeight) => {}
            Reading::Unreadable(problem) => return PodWeight::Unreadable { problem, newcomer: None },
            Reading::Absent => {}
        }
        let Some(rows) = &self.rows else { return PodWeight::Unsaid { newcomer: self.usual } };
        match member(pod).map_or(Reading::Absent, |(set, ordinal)| rows.of(set, ordinal)) {
            Reading::Said(weight) => return PodWeight::Known(weight),
            Reading::Unreadable(problem) => return PodWeight::Unreadable { problem, newcomer: None },
            Reading::Absent => {}
        }
        match &rows.default {
            Reading::Absent => PodWeight::Known(self.usual),
            Reading::Said(weight) => PodWeight::Known(*weight),
            Reading::Unreadable(problem) => {
                PodWeight::Unreadable { problem: problem.clone(), newcomer: Some(self.usual) }
            }
        }
    }
}

fn weight(number: i64) -> Option<Weight> {
    (0..=MOST).contains(&number).then(|| Weight::try_from(number).ok()).flatten()
}

/// What a Pod says of its own weight.
fn own(pod: &Pod) -> Reading<Weight> {
    keys::text(&pod.annotations, &[], names::CUSTOM_WEIGHT, FORM).and_then(|text| {
        let found = text.parse().ok().and_then(weight);
        found.ok_or_else(|| KeyProblem::unreadable(names::CUSTOM_WEIGHT, text, FORM))
    })
}

/// The Pod says of itself that it gets no traffic.
pub fn says_zero(pod: &Pod) -> bool {
    matches!(own(pod), Reading::Said(0))
}

/// The StatefulSet of a Pod, and the Pod's number in it.
fn member(pod: &Pod) -> Option<(&str, u32)> {
    let name = pod.labels.get(POD_NAME_LABEL).filter(|name| **name == pod.key.name)?;
    let (set, number) = name.rsplit_once('-')?;
    Some((set, number.parse().ok()?))
}

/// What is wrong with the weights that the Service asks for.
pub(super) fn service_problems(service: &Service) -> Vec<KeyProblem> {
    few(Rows::read(service).problems(), "more rows cannot be read")
}

/// What the Service says of weights to no effect.
pub(super) fn service_idle(service: &Service) -> Vec<KeyProblem> {
    few(Rows::read(service).idle(), "more parts have no effect")
}

/// The first, and how many more there are.
fn few(mut problems: Vec<KeyProblem>, words: &str) -> Vec<KeyProblem> {
    let more = problems.len().saturating_sub(TOLD);
    problems.truncate(TOLD);
    if more > 0 {
        problems.push(KeyProblem::new(names::RS_WEIGHT, format!("{more} {words}")));
    }
    problems
}

/// What is wrong with the weights that a Service asks for.
pub(super) fn service_advice(service: &Service) -> Vec<Advice> {
    let name = &service.key.name;
    let held = |problem: KeyProblem| {
        let words = format!("annotation {problem} (Service '{name}'); its Pods keep the weights they have");
        problem::weight_unreadable(words, [])
    };
    let idle = |problem: KeyProblem| problem::no_effect(format!("annotation {problem} (Service '{name}')"), []);
    let of_rows = service_problems(service).into_iter().map(held);
    of_rows.chain(service_idle(service).into_iter().map(idle)).collect()
}

/// Rows that are about no Pod of the Service, which `pods` are: their StatefulSet is misspelt, or another Service's. While the Service has
/// no Pods at all, nobody knows.
pub(super) fn absent_sets<'a>(service: &Service, pods: impl Iterator<Item = &'a Pod>) -> Option<Advice> {
    let said = Rows::read(service).sets();
    let pods: Vec<_> = pods.filter(|_| !said.is_empty()).collect();
    let there: BTreeSet<&str> = pods.iter().filter_map(|pod| member(pod)).map(|(set, _)| set).collect();
    let absent: Vec<_> = said.iter().filter(|set| !there.contains(set.as_str())).map(|set| quoted(set)).collect();
    let first = absent.first().filter(|_| !pods.is_empty())?;
    let more = if absent.len() > 1 { format!(" and {} more", absent.len() - 1) } else { String::new() };
    let message = format!(
        "annotation {}: the Service has no Pods of the StatefulSet {first}{more}, whose rows have no effect until it has; correct the \
         name, or remove the rows (Service '{}')",
        names::RS_WEIGHT,
        service.key.name
    );
    Some(problem::no_effect(message, []))
}

/// What is wrong with the weights that Pods ask for.
pub(super) fn pod_advice<'a>(pods: impl Iterator<Item = &'a Pod>) -> Vec<Advice> {
    let (mut unreadable, mut idle) = (Vec::new(), Vec::new());
    for pod in pods {
        match own(pod) {
            Reading::Unreadable(problem) => unreadable.push((pod.key.name.as_str(), problem)),
            Reading::Said(_) => {
                let near = near_misses(&pod.annotations, names::CUSTOM_WEIGHT).next();
                idle.extend(near.map(|near| (pod.key.name.as_str(), superfluous(near, names::CUSTOM_WEIGHT))));
            }
            Reading::Absent => {}
        }
    }
    // The first by name, so that the words stay while other Pods come and go.
    let first = |odd: &[(&'a str, KeyProblem)], rest: &str| {
        let (name, problem) = odd.iter().min_by_key(|(name, _)| *name)?;
        Some(format!("annotation {problem} (Pod '{name}'){rest}"))
    };
    fn pods_of<'b>(odd: &[(&'b str, KeyProblem)]) -> Vec<&'b str> {
        odd.iter().map(|(name, _)| *name).collect()
    }
    let weight = first(&unreadable, "; the Pod keeps the weight it has")
        .map(|words| problem::weight_unreadable(words, pods_of(&unreadable)));
    let effect = first(&idle, "").map(|words| problem::no_effect(words, pods_of(&idle)));
    weight.into_iter().chain(effect).collect()
}
