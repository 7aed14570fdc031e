//! Listeners and rules: which exist for us, which to create, which to delete.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::mark::ListenerName;
use crate::model::{Attributes, IpFamily, Listener, ListenerId, Protocol, Route, Rule};

use super::config::fit_new;
use super::desired::{Desired, DesiredListener, Place, Stance};
use super::shape::DesiredRule;
use super::{NewRule, Observed, Problem, Snapshot, Step, problem};

/// A desired listener or rule that exists, so that targets can be planned on it.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    /// Index of the binding in the snapshot.
    pub(super) binding: usize,
    /// What is wanted.
    pub(super) desired: &'a DesiredListener,
    /// Which of its rules; `None` at layer 4.
    pub(super) rule: Option<&'a DesiredRule>,
    /// Where its targets are registered.
    pub(super) route: Route,
}

/// A desired listener of ours that exists.
#[derive(Debug)]
pub(super) struct Present<'a> {
    /// Index of the binding in the snapshot.
    pub(super) binding: usize,
    /// What is wanted.
    pub(super) desired: &'a DesiredListener,
    /// What was read.
    pub(super) observed: &'a Listener,
}

/// What is to be done about listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners<'a> {
    /// Desired listeners and rules that exist.
    pub(super) resolved: Vec<Resolved<'a>>,
    /// Desired listeners of ours that exist.
    pub(super) present: Vec<Present<'a>>,
    /// Desired listeners to create, with the binding.
    pub(super) create: Vec<(usize, &'a DesiredListener)>,
    /// Desired rules to create on listeners of ours, with the binding.
    pub(super) create_rules: Vec<(usize, &'a Listener, Vec<NewRule>)>,
    /// Desired rules that wait for something before they can be created, by binding.
    pub(super) held_rules: Vec<usize>,
    /// Ours, not desired, with the binding.
    pub(super) surplus: Vec<(usize, &'a Listener)>,
    /// Listeners and rules that TKE has yet to make, by binding.
    pub(super) awaited: Vec<usize>,
    /// What is wrong, with the binding.
    pub(super) problems: Vec<(usize, Problem)>,
}

/// Compares desired with observed listeners.
pub(super) fn listeners<'a>(snapshot: &'a Snapshot, desired: &'a [Desired], observed: &'a Observed) -> Listeners<'a> {
    let mut found = Listeners::default();
    for (binding, wanted) in desired.iter().enumerate() {
        for listener in &wanted.listeners {
            match &listener.place {
                Place::Delegated => found.delegated(binding, listener, observed),
                Place::Existing(id) => found.existing(binding, listener, id, observed),
                Place::Own { .. } => found.own(binding, snapshot.bindings[binding].uid(), listener, observed),
            }
        }
    }
    found.surplus = surplus(snapshot, desired, observed, &found.present, &found.resolved);
    found.respect_quota(observed.listeners.len(), snapshot.limits.listeners_per_load_balancer);
    found.plan_rules(snapshot.limits.rules_per_listener, observed.load_balancer.family);
    found
}

impl<'a> Listeners<'a> {
    fn delegated(&mut self, binding: usize, desired: &'a DesiredListener, observed: &'a Observed) {
        let is_this = |one: &&Listener| one.port == desired.port && one.protocol == desired.protocol;
        match observed.listeners.iter().find(is_this) {
            None => self.awaited.push(binding),
            Some(listener) => {
                let missing = self.resolve(binding, desired, listener);
                self.awaited.extend(missing.iter().map(|_| binding));
            }
        }
    }

    fn existing(&mut self, binding: usize, desired: &'a DesiredListener, id: &ListenerId, observed: &'a Observed) {
        match observed.listeners.iter().find(|listener| listener.id == *id) {
            None => self.problems.push((binding, problem::listener_not_found(id.as_str()))),
            Some(listener) if listener.protocol != desired.protocol || listener.port != desired.port => {
                let mismatch = problem::listener_mismatch(listener, desired.protocol, desired.port);
                self.problems.push((binding, mismatch));
            }
            Some(listener) => {
                let missing = self.resolve(binding, desired, listener);
                let told = missing.iter().map(|rule| problem::rule_not_found(listener, &rule.domain, &rule.url));
                self.problems.extend(told.map(|problem| (binding, problem)));
            }
        }
    }

    fn own(&mut self, binding: usize, uid: &str, desired: &'a DesiredListener, observed: &'a Observed) {
        let holder = observed.listeners.iter().find(|listener| {
            listener.port == desired.port && listener.protocol.transport() == desired.protocol.transport()
        });
        match holder {
            None if desired.shape.is_creatable() => self.create.push((binding, desired)),
            None => {}
            Some(listener) if ListenerName::owner(&listener.name) != Some(uid) => {
                let conflict = problem::held_by_foreign(desired.protocol, desired.port, listener);
                self.problems.push((binding, conflict));
            }
            Some(listener) if listener.protocol == desired.protocol => {
                self.present.push(Present { binding, desired, observed: listener });
            }
            // Ours with another protocol is surplus: the port is free again once it has been deleted.
            Some(_) => {}
        }
    }

    /// Finds the routes of a desired listener. Returns the rules that do not exist.
    fn resolve(&mut self, binding: usize, desired: &'a DesiredListener, listener: &Listener) -> Vec<&'a DesiredRule> {
        let route = |rule| Route { listener: listener.id.clone(), rule };
        if !desired.protocol.is_layer7() {
            self.resolved.push(Resolved { binding, desired, rule: None, route: route(None) });
            return Vec::new();
        }
        let known: BTreeMap<_, _> =
            listener.rules.iter().map(|rule| ((rule.domain.as_str(), rule.url.as_str()), &rule.id)).collect();
        let mut missing = Vec::new();
        for rule in &desired.shape.rules {
            match known.get(&(rule.domain.as_str(), rule.url.as_str())) {
                Some(id) => {
                    let route = route(Some((*id).clone()));
                    self.resolved.push(Resolved { binding, desired, rule: Some(rule), route });
                }
                None => missing.push(rule),
            }
        }
        missing
    }

    /// The rules of listeners of ours: those to create, as far as there is room.
    fn plan_rules(&mut self, limit: usize, family: IpFamily) {
        for present in std::mem::take(&mut self.present) {
            let (binding, desired, listener) = (present.binding, present.desired, present.observed);
            let missing = self.resolve(binding, desired, listener);
            let room = limit.saturating_sub(listener.rules.len());
            if missing.len() > room {
                self.problems.push((binding, problem::rule_quota(listener, limit)));
            }
            let (ready, held): (Vec<_>, Vec<_>) = missing
                .into_iter()
                .take(room)
                .partition(|rule| desired.shape.is_rule_creatable(&rule.domain, listener));
            self.held_rules.extend(held.iter().map(|_| binding));
            let new: Vec<_> = ready.into_iter().map(|rule| new_rule(desired, rule, listener, family)).collect();
            if !new.is_empty() {
                self.create_rules.push((binding, listener, new));
            }
            self.present.push(present);
        }
    }

    fn respect_quota(&mut self, existing: usize, limit: usize) {
        let room = limit.saturating_sub(existing);
        for (binding, ..) in self.create.drain(room.min(self.create.len())..) {
            self.problems.push((binding, problem::listener_quota(limit)));
        }
    }

    /// Steps that create: one for each sort of listener, since one call creates listeners that are alike, and one for the
    /// rules of each listener.
    pub(super) fn create_steps(&self, family: IpFamily) -> Vec<Step> {
        let mut alike: BTreeMap<(Protocol, Attributes), Vec<(u16, String)>> = BTreeMap::new();
        for (_, listener) in &self.create {
            let Place::Own { name } = &listener.place else { continue };
            let wish = listener.shape.listener(None);
            let kind = (listener.protocol, fit_new(listener.protocol, family, &wish));
            alike.entry(kind).or_default().push((listener.port, name.clone()));
        }
        let listeners = alike.into_iter().flat_map(|((protocol, attributes), listeners)| {
            let step = move |part: &[(u16, String)]| Step::CreateListeners {
                protocol,
                attributes: attributes.clone(),
                listeners: part.to_vec(),
            };
            // CreateListener takes fewer than 50 ports.
            listeners.chunks(49).map(step).collect::<Vec<_>>()
        });
        let rules = self
            .create_rules
            .iter()
            .map(|(_, listener, rules)| Step::CreateRules { listener: listener.id.clone(), rules: rules.clone() });
        listeners.chain(rules).collect()
    }
}

fn new_rule(desired: &DesiredListener, rule: &DesiredRule, listener: &Listener, family: IpFamily) -> NewRule {
    let mut attributes = desired.shape.domain(&rule.domain, Some(listener));
    attributes.overlay(&fit_new(desired.protocol, family, &rule.attributes));
    NewRule { domain: rule.domain.clone(), url: rule.url.clone(), attributes }
}

impl Present<'_> {
    /// Rules that are there and not wanted.
    pub(super) fn surplus_rules(&self) -> impl Iterator<Item = &Rule> {
        let wanted: BTreeSet<_> =
            self.desired.shape.rules.iter().map(|rule| (rule.domain.as_str(), rule.url.as_str())).collect();
        let is_surplus = move |rule: &&Rule| !wanted.contains(&(rule.domain.as_str(), rule.url.as_str()));
        self.observed.rules.iter().filter(is_surplus)
    }
}

/// Listeners that carry the mark of a binding that is acted on and does not want them.
fn surplus<'a>(
    snapshot: &'a Snapshot,
    desired: &[Desired],
    observed: &'a Observed,
    present: &[Present<'_>],
    resolved: &[Resolved<'_>],
) -> Vec<(usize, &'a Listener)> {
    let owner = |listener: &Listener| {
        let uid = ListenerName::owner(&listener.name)?;
        let binding = snapshot.bindings.iter().position(|view| view.uid() == uid)?;
        let wanted = &desired[binding];
        (wanted.stance != Stance::Abandon && !wanted.is_open).then_some(binding)
    };
    let own = present.iter().map(|present| &present.observed.id);
    let wanted: BTreeSet<_> = own.chain(resolved.iter().map(|found| &found.route.listener)).collect();
    observed
        .listeners
        .iter()
        .filter(|listener| !wanted.contains(&listener.id))
        .filter_map(|listener| owner(listener).map(|binding| (binding, listener)))
        .collect()
}
