//! Whose place a binding has taken: under which UIDs besides its own marks in the cloud name it.
//!
//! A mark carries the UID of its binding, which neither a backup nor a manifest brings back. A binding that is made again takes the
//! place of the former one by evidence of its own, where a Service owns both, else by consent: its annotation names the former UID, no
//! binding has that UID any more, and a mark on the load balancer says in full that it was a binding of this namespace and name. As
//! long as something carries a former mark, the one that proves this stays: targets are marked anew first, and listeners last.

use std::collections::{BTreeSet, HashSet};

use crate::api::DirectAccessBinding;
use crate::api::binding::limit;
use crate::api::mark::{ListenerName, OWNER_NAME_TAG, OWNER_TAG, SERVICE_TAG, TargetTag, is_uid};
use crate::api::names;
use crate::model::{Address, KeyProblem, LoadBalancer, Reading, RegisteredTarget, Route};
use crate::mutant::{self, Mutant};

use super::placement::owning_service;
use super::{BindingView, Cloud, Observed, Snapshot};

/// The longest annotation that is read.
const ANNOTATION_MAX: usize = 1024;

/// Whose place a binding has taken, and whose it may not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// UIDs by which marks in the cloud name it besides its own.
    pub former_uids: BTreeSet<String>,
    /// What its annotation asks for and does not get.
    pub refused: Vec<Refused>,
}

/// Why a binding does not take the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The annotation cannot be read.
    Unreadable(KeyProblem),
    /// A binding has this UID.
    Living(String),
    /// The mark of this UID is another binding's.
    OfAnother {
        /// The UID.
        uid: String,
        /// The mark.
        mark: String,
    },
    /// The mark of this UID does not say in full whose it is.
    Incomplete {
        /// The UID.
        uid: String,
        /// The mark.
        mark: String,
    },
}

impl Refused {
    /// The UID that is asked for.
    fn uid(&self) -> Option<&str> {
        match self {
            Self::Living(uid) | Self::OfAnother { uid, .. } | Self::Incomplete { uid, .. } => Some(uid),
            Self::Unreadable(_) => None,
        }
    }

    /// The UID, where a binding has it.
    pub(super) fn living(&self) -> Option<&str> {
        match self {
            Self::Living(uid) => Some(uid),
            Self::Unreadable(_) | Self::OfAnother { .. } | Self::Incomplete { .. } => None,
        }
    }
}

/// A target of ours that carries the mark of a former binding, and the one that it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retag {
    /// The UID of the binding whose it is.
    pub owner: String,
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The mark of binding and Pod.
    pub tag: String,
}

/// A binding whose marks are on a load balancer and that may be adopted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Its UID.
    pub uid: String,
    /// The marks that say in full that it was of this name.
    pub marks: Vec<String>,
    /// How many targets carry its mark.
    pub targets: usize,
}

/// The UIDs that the annotation of a binding names.
pub fn asked(binding: &DirectAccessBinding) -> Reading<BTreeSet<String>> {
    let Some(value) = binding.metadata.annotations.as_ref().and_then(|all| all.get(names::ADOPT)) else {
        return Reading::Absent;
    };
    let form = format!("the UIDs of at most {} former bindings, separated by commas", limit::FORMER_UIDS);
    let uids: BTreeSet<String> =
        value.chars().take(ANNOTATION_MAX).collect::<String>().split(',').map(|uid| uid.trim().to_owned()).collect();
    if value.len() > ANNOTATION_MAX || uids.len() > limit::FORMER_UIDS || !uids.iter().all(|uid| is_uid(uid)) {
        return Reading::Unreadable(KeyProblem::unreadable(names::ADOPT, value, &form));
    }
    Reading::Said(uids)
}

/// A binding asks to take the place of another, in words that can be read or not.
pub(super) fn asks(binding: &DirectAccessBinding) -> bool {
    asked(binding) != Reading::Absent
}

/// The UIDs by which the load balancer that a binding has created may be tagged besides its own.
pub(super) fn asked_uids(binding: &DirectAccessBinding) -> BTreeSet<String> {
    match asked(binding) {
        Reading::Said(uids) => uids,
        Reading::Absent | Reading::Unreadable(_) => BTreeSet::new(),
    }
}

/// Whose place a binding has taken, by what the cloud shows. `is_living` tells whether a binding has a UID.
pub fn of_binding(binding: &DirectAccessBinding, cloud: &Cloud, is_living: impl Fn(&str) -> bool) -> Adoption {
    let mut adoption = Adoption::default();
    if let Cloud::Observed(observed) = cloud {
        adoption.former_uids = inherited(binding, observed, &is_living);
    }
    let own = binding.metadata.uid.as_deref().unwrap_or_default();
    let uids = match asked(binding) {
        Reading::Absent => return adoption,
        Reading::Unreadable(problem) => {
            adoption.refused.push(Refused::Unreadable(problem));
            return adoption;
        }
        Reading::Said(uids) => uids,
    };
    for uid in uids.into_iter().filter(|uid| uid != own) {
        if is_living(&uid) {
            adoption.refused.push(Refused::Living(uid));
            continue;
        }
        let found = Marks::find(binding, cloud, &uid);
        if !found.named.is_empty() || found.is_of_targets() && is_recorded(binding, &uid) {
            adoption.former_uids.insert(uid);
        } else if let Some(mark) = found.of_another {
            adoption.refused.push(Refused::OfAnother { uid, mark });
        } else if let Some(mark) = found.incomplete {
            adoption.refused.push(Refused::Incomplete { uid, mark });
        }
    }
    adoption
}

/// The UIDs of bindings of one Service: those that the status of this one records, and, on a load balancer that was created for the
/// Service which owns it, that of the binding which asked for it and those in names of listeners that are this binding's but for the UID.
/// None that a binding has.
fn inherited(binding: &DirectAccessBinding, observed: &Observed, is_living: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let Some(service) = owning_service(binding).filter(|_| !mutant::is(Mutant::HeirForgets)) else {
        return BTreeSet::new();
    };
    let tags = &observed.load_balancer.tags;
    if !tags.iter().any(|(key, value)| key == SERVICE_TAG && value == service) {
        return BTreeSet::new();
    }
    let (namespace, name) = place(binding);
    let by_tag = tags.iter().filter(|(key, _)| key == OWNER_TAG).map(|(_, value)| value.as_str());
    let by_name = observed.listeners.iter();
    let by_name = by_name.filter_map(|one| ListenerName::owner_perhaps_named(&one.name, namespace, name));
    let uids = by_tag.chain(by_name).chain(recorded(binding)).filter(|uid| !is_living(uid));
    uids.map(str::to_owned).collect()
}

fn place(binding: &DirectAccessBinding) -> (&str, &str) {
    let meta = &binding.metadata;
    (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
}

fn recorded(binding: &DirectAccessBinding) -> impl Iterator<Item = &str> {
    let recorded = binding.status.iter().filter_map(|status| status.load_balancer.as_ref());
    recorded.flat_map(|found| found.former_uids.iter().map(String::as_str))
}

fn is_recorded(binding: &DirectAccessBinding, uid: &str) -> bool {
    recorded(binding).any(|known| known == uid)
}

/// What carries the marks of one UID, as a binding sees it.
#[derive(Default)]
struct Marks {
    /// Marks that say in full that they are of a binding of its namespace and name.
    named: Vec<String>,
    /// One that is of another binding.
    of_another: Option<String>,
    /// One that does not say in full whose it is.
    incomplete: Option<String>,
    /// How many targets carry it.
    targets: usize,
}

impl Marks {
    fn find(binding: &DirectAccessBinding, cloud: &Cloud, uid: &str) -> Self {
        let mut found = Self::default();
        match cloud {
            Cloud::Observed(observed) => {
                found.add_load_balancer(binding, &observed.load_balancer, uid);
                for listener in &observed.listeners {
                    found.add_listener(binding, &listener.name, uid);
                }
                let targets = observed.targets.values().flatten();
                found.targets = targets.filter(|target| marked_by(target).as_deref() == Some(uid)).count();
                if found.targets > 0 && found.incomplete.is_none() {
                    found.incomplete = Some(format!("dab-{uid}-… of {} targets", found.targets));
                }
            }
            Cloud::Unplaced(all) => all.iter().for_each(|one| found.add_load_balancer(binding, one, uid)),
            Cloud::Missing(_) | Cloud::Failed(_) => {}
        }
        found
    }

    const fn is_of_targets(&self) -> bool {
        self.targets > 0 && self.of_another.is_none()
    }

    fn add_load_balancer(&mut self, binding: &DirectAccessBinding, load_balancer: &LoadBalancer, uid: &str) {
        let tag = |wanted: &str| load_balancer.tags.iter().find(|(key, _)| key == wanted).map(|(_, value)| value);
        if tag(OWNER_TAG).is_none_or(|owner| owner != uid) {
            return;
        }
        let (namespace, name) = place(binding);
        match tag(OWNER_NAME_TAG) {
            Some(of) if *of == format!("{namespace}/{name}") => self.named.push(format!("{OWNER_NAME_TAG}={of}")),
            Some(of) => self.of_another = Some(format!("{OWNER_NAME_TAG}={of}")),
            None => self.incomplete = Some(format!("{OWNER_TAG}={uid}")),
        }
    }

    fn add_listener(&mut self, binding: &DirectAccessBinding, listener: &str, uid: &str) {
        if ListenerName::owner(listener) != Some(uid) {
            return;
        }
        let (namespace, name) = place(binding);
        if ListenerName::owner_named(listener, namespace, name).is_some() {
            self.named.push(listener.to_owned());
        } else if ListenerName::is_nameless(listener)
            || ListenerName::owner_perhaps_named(listener, namespace, name).is_some()
        {
            self.incomplete = Some(listener.to_owned());
        } else {
            self.of_another = Some(listener.to_owned());
        }
    }
}

/// The UID of the binding whose mark a target carries.
fn marked_by(target: &RegisteredTarget) -> Option<String> {
    TargetTag::parse(&target.tag).map(|tag| tag.binding_uid)
}

/// Bindings that this one may take the place of: no binding has their UID, and a mark says in full that they were of its name. Those that
/// it has adopted are not among them.
pub fn candidates(binding: &DirectAccessBinding, cloud: &Cloud, is_living: impl Fn(&str) -> bool) -> Vec<Candidate> {
    let adopted = of_binding(binding, cloud, &is_living).former_uids;
    let tags = |one: &LoadBalancer| -> Vec<String> {
        one.tags.iter().filter(|(key, _)| key == OWNER_TAG).map(|(_, value)| value.clone()).collect()
    };
    let mut uids: BTreeSet<String> = BTreeSet::new();
    match cloud {
        Cloud::Observed(observed) => {
            uids.extend(tags(&observed.load_balancer));
            let names = observed.listeners.iter().map(|listener| listener.name.as_str());
            uids.extend(names.filter_map(ListenerName::owner).map(str::to_owned));
        }
        Cloud::Unplaced(all) => all.iter().for_each(|one| uids.extend(tags(one))),
        Cloud::Missing(_) | Cloud::Failed(_) => {}
    }
    let candidate = |uid: String| {
        let Marks { named, targets, .. } = Marks::find(binding, cloud, &uid);
        (!named.is_empty()).then_some(Candidate { uid, marks: named, targets })
    };
    let others = uids.into_iter().filter(|uid| is_uid(uid) && !adopted.contains(uid) && !is_living(uid));
    let own = binding.metadata.uid.as_deref();
    others.filter(|uid| own != Some(uid)).filter_map(candidate).collect()
}

/// The load balancer is that of a binding whose place this one asks for and does not get.
pub(super) fn is_refused(view: &BindingView, load_balancer: &LoadBalancer) -> bool {
    let owners = load_balancer.tags.iter().filter(|(key, _)| key == OWNER_TAG).map(|(_, value)| value);
    owners.into_iter().any(|owner| view.not_adopted.iter().any(|refused| refused.uid() == Some(owner)))
}

/// The UIDs whose marks are replaced. Those of bindings of one Service, which need no annotation, stay: they are recorded, and an upgrade writes nothing.
fn marked_anew(view: &BindingView) -> BTreeSet<&str> {
    let asked = asked_uids(&view.binding);
    view.former_uids.iter().filter(|uid| asked.contains(*uid)).map(String::as_str).collect()
}

/// The target carries the mark of a binding whose place this one has taken by consent.
pub(super) fn is_adopted(view: &BindingView, target: &RegisteredTarget) -> bool {
    marked_by(target).is_some_and(|uid| marked_anew(view).contains(uid.as_str()))
}

/// The targets of a binding that carry the mark of a former one and stay: they are marked anew in place. Those of Pods that are not here
/// leave: the former mark says until then whose cluster they are from.
pub(super) fn retags(
    view: &BindingView,
    snapshot: &Snapshot,
    observed: &Observed,
    leaving: &HashSet<(&Route, Address)>,
) -> Vec<Retag> {
    let former = marked_anew(view);
    if former.is_empty() {
        return Vec::new();
    }
    let row = |route: &Route, target: &RegisteredTarget| {
        let is_here = |tag: &TargetTag| {
            let first = view.pods.range(tag.pod_mark.clone()..).next();
            first.is_some_and(|(uid, _)| uid.starts_with(&tag.pod_mark))
        };
        let tag = TargetTag::parse(&target.tag).filter(|tag| former.contains(tag.binding_uid.as_str()))?;
        if !is_here(&tag) {
            return None;
        }
        let tag = TargetTag { binding_uid: view.uid().to_owned(), ..tag }.to_string();
        let one = Retag { owner: view.uid().to_owned(), route: route.clone(), address: target.address, tag };
        let is_tried = snapshot.remembered.retagged.contains(&(one.route.clone(), one.address, one.tag.clone()));
        (!is_tried && !leaving.contains(&(route, target.address))).then_some(one)
    };
    let targets = observed.targets.iter().flat_map(|(route, all)| all.iter().map(move |target| (route, target)));
    targets.filter_map(|(route, target)| row(route, target)).collect()
}

/// Targets carry the mark of a former binding: names of listeners say whose they are, and stay.
pub(super) fn has_former_targets(view: &BindingView, observed: &Observed) -> bool {
    let former = marked_anew(view);
    let is_former = |target: &RegisteredTarget| marked_by(target).is_some_and(|uid| former.contains(uid.as_str()));
    !former.is_empty() && observed.targets.values().flatten().any(is_former)
}
