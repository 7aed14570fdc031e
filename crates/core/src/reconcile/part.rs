//! Steps in parts: a step that is refused as a whole may be refused for one of its items only.

use std::collections::BTreeSet;

use crate::api::mark::ListenerName;
use crate::model::{Address, ListenerId, Route};
use crate::plan::Step;

/// What a step does, by the action of the cloud that it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Register,
    Reweight,
    Deregister,
    Retag,
    CreateListeners,
    CreateRules,
    ModifyListener,
    ModifyDomain,
    ModifyRule,
    CreateLoadBalancer,
    ModifyLoadBalancer,
    SetSecurityGroups,
    DeleteLoadBalancer,
    DeleteRules,
    DeleteListeners,
}

impl Kind {
    pub(super) const fn of(step: &Step) -> Self {
        match step {
            Step::Register(_) => Self::Register,
            Step::Reweight(_) => Self::Reweight,
            Step::Deregister(_) => Self::Deregister,
            Step::Retag(_) => Self::Retag,
            Step::CreateListeners { .. } => Self::CreateListeners,
            Step::CreateRules { .. } => Self::CreateRules,
            Step::ModifyListener { .. } => Self::ModifyListener,
            Step::ModifyDomain { .. } => Self::ModifyDomain,
            Step::ModifyRule { .. } => Self::ModifyRule,
            Step::CreateLoadBalancer(_) => Self::CreateLoadBalancer,
            Step::ModifyLoadBalancer(_) => Self::ModifyLoadBalancer,
            Step::SetSecurityGroups(_) => Self::SetSecurityGroups,
            Step::DeleteLoadBalancer => Self::DeleteLoadBalancer,
            Step::DeleteRules { .. } => Self::DeleteRules,
            Step::DeleteListeners(_) => Self::DeleteListeners,
        }
    }

    /// Traffic goes to Pods that end until it is done.
    pub(super) const fn is_drain(self) -> bool {
        matches!(self, Self::Reweight | Self::Deregister)
    }

    /// It takes something away: where that is not there, nothing is left to do.
    pub(super) const fn is_removal(self) -> bool {
        matches!(self, Self::Deregister | Self::DeleteRules | Self::DeleteListeners | Self::DeleteLoadBalancer)
    }
}

/// What may be refused by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A target.
    Target(Kind, Route, Address),
    /// Something else, in words that no other has. One that is wished for otherwise is another one.
    Other(Kind, String),
}

impl Item {
    /// What is done with it.
    pub(super) const fn kind(&self) -> Kind {
        let (Self::Target(kind, ..) | Self::Other(kind, _)) = self;
        *kind
    }
}

/// The items of a step, in its order.
pub(super) fn items(step: &Step) -> Vec<Item> {
    let kind = Kind::of(step);
    match step {
        Step::Register(all) => all.iter().map(|one| Item::Target(kind, one.route.clone(), one.address)).collect(),
        Step::Reweight(all) => all.iter().map(|one| Item::Target(kind, one.route.clone(), one.address)).collect(),
        Step::Deregister(all) => all.iter().map(|one| Item::Target(kind, one.route.clone(), one.address)).collect(),
        Step::Retag(all) => all.iter().map(|one| Item::Target(kind, one.route.clone(), one.address)).collect(),
        Step::CreateListeners { protocol, attributes, listeners } => {
            listeners.iter().map(|one| Item::Other(kind, format!("{protocol} {one:?} {attributes:?}"))).collect()
        }
        Step::CreateRules { listener, rules } => {
            rules.iter().map(|one| Item::Other(kind, format!("{listener} {one:?}"))).collect()
        }
        Step::DeleteListeners(ids) => ids.iter().map(|(id, _)| Item::Other(kind, id.to_string())).collect(),
        other => vec![Item::Other(kind, format!("{other:?}"))],
    }
}

/// The step with only the items for which `keep`, by their place, is true; `None` without any.
pub(super) fn filter(step: &Step, keep: impl Fn(usize) -> bool) -> Option<Step> {
    fn some<T: Clone>(all: &[T], keep: impl Fn(usize) -> bool) -> Option<Vec<T>> {
        let kept: Vec<T> =
            all.iter().enumerate().filter(|(place, _)| keep(*place)).map(|(_, one)| one.clone()).collect();
        (!kept.is_empty()).then_some(kept)
    }
    match step {
        Step::Register(all) => some(all, keep).map(Step::Register),
        Step::Reweight(all) => some(all, keep).map(Step::Reweight),
        Step::Deregister(all) => some(all, keep).map(Step::Deregister),
        Step::Retag(all) => some(all, keep).map(Step::Retag),
        Step::CreateListeners { protocol, attributes, listeners } => {
            let (protocol, attributes) = (*protocol, attributes.clone());
            some(listeners, keep).map(|listeners| Step::CreateListeners { protocol, attributes, listeners })
        }
        Step::CreateRules { listener, rules } => {
            some(rules, keep).map(|rules| Step::CreateRules { listener: listener.clone(), rules })
        }
        Step::DeleteListeners(ids) => some(ids, keep).map(Step::DeleteListeners),
        whole => keep(0).then(|| whole.clone()),
    }
}

/// Whose each item is: the UID of the binding, or the listener; in the step's order.
pub(super) fn owners(step: &Step) -> Vec<String> {
    match step {
        Step::Register(all) => all.iter().map(|one| one.owner.clone()).collect(),
        Step::Reweight(all) => all.iter().map(|one| one.owner.clone()).collect(),
        Step::Deregister(all) => all.iter().map(|one| one.owner.clone()).collect(),
        Step::Retag(all) => all.iter().map(|one| one.owner.clone()).collect(),
        Step::CreateListeners { listeners, .. } => {
            listeners.iter().map(|(_, name)| ListenerName::owner(name).unwrap_or(name).to_owned()).collect()
        }
        Step::DeleteListeners(ids) => ids.iter().map(|(id, _)| id.to_string()).collect(),
        other => vec![String::new(); items(other).len()],
    }
}

/// Whether a step is about more than one binding.
pub fn is_shared(step: &Step) -> bool {
    owners(step).windows(2).any(|pair| pair[0] != pair[1])
}

/// The step in two halves, between bindings where there are several; `None` of one with a single item.
pub(super) fn halves(step: &Step) -> Option<[Step; 2]> {
    let owners = owners(step);
    let distinct: BTreeSet<&String> = owners.iter().collect();
    let first: Box<dyn Fn(usize) -> bool> = if distinct.len() > 1 {
        let half: BTreeSet<String> = distinct.iter().take(distinct.len() / 2).map(|owner| (*owner).clone()).collect();
        Box::new(move |place| owners.get(place).is_some_and(|owner| half.contains(owner)))
    } else {
        let half = owners.len() / 2;
        Box::new(move |place| place < half)
    };
    Some([filter(step, &first)?, filter(step, |place| !first(place))?])
}

/// The step in what is about these listeners and what is not.
pub(super) fn by_listeners(step: &Step, listeners: &[ListenerId]) -> [Option<Step>; 2] {
    let routes = match step {
        Step::Register(all) => all.iter().map(|one| &one.route.listener).collect(),
        Step::Deregister(all) => all.iter().map(|one| &one.route.listener).collect(),
        _ => Vec::new(),
    };
    let is_named = |place: usize| routes.get(place).is_some_and(|listener| listeners.contains(listener));
    [filter(step, is_named), filter(step, |place| !is_named(place))]
}
