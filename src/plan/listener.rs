//! Listeners: which exist for us, which to create, which to delete.

use std::collections::BTreeMap;

use crate::api::mark::ListenerName;
use crate::model::{Listener, ListenerId, Protocol, Route};

use super::desired::{Desired, DesiredListener, Place, Stance};
use super::{Observed, Problem, Snapshot, Step, problem};

/// A desired listener that exists, so that targets can be planned on it.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    /// Index of the binding in the snapshot.
    pub(super) binding: usize,
    /// What is wanted.
    pub(super) desired: &'a DesiredListener,
    /// Where its targets are registered.
    pub(super) route: Route,
}

/// What is to be done about listeners.
#[derive(Debug, Default)]
pub(super) struct Listeners<'a> {
    /// Desired listeners that exist.
    pub(super) resolved: Vec<Resolved<'a>>,
    /// Desired listeners to create, with the binding.
    pub(super) create: Vec<(usize, &'a DesiredListener, String)>,
    /// Ours, not desired, with the binding.
    pub(super) surplus: Vec<(usize, &'a Listener)>,
    /// What is wrong, with the binding.
    pub(super) problems: Vec<(usize, Problem)>,
}

/// Compares desired with observed listeners.
pub(super) fn listeners<'a>(snapshot: &'a Snapshot, desired: &'a [Desired], observed: &'a Observed) -> Listeners<'a> {
    let mut found = Listeners::default();
    for (binding, wanted) in desired.iter().enumerate() {
        for listener in &wanted.listeners {
            match &listener.place {
                Place::Existing(id) => found.existing(binding, listener, id, observed),
                Place::Own { name } => found.own(binding, snapshot.bindings[binding].uid(), listener, name, observed),
            }
        }
    }
    found.surplus = surplus(snapshot, desired, observed, &found.resolved);
    found.respect_quota(observed.listeners.len(), snapshot.limits.listeners_per_load_balancer);
    found
}

impl<'a> Listeners<'a> {
    fn existing(&mut self, binding: usize, desired: &'a DesiredListener, id: &ListenerId, observed: &'a Observed) {
        match observed.listeners.iter().find(|listener| listener.id == *id) {
            None => self.problems.push((binding, problem::listener_not_found(id.as_str()))),
            Some(listener) if listener.protocol != desired.protocol || listener.port != desired.port => {
                let mismatch = problem::listener_mismatch(listener, desired.protocol, desired.port);
                self.problems.push((binding, mismatch));
            }
            Some(listener) => self.resolve(binding, desired, listener),
        }
    }

    fn own(&mut self, binding: usize, uid: &str, desired: &'a DesiredListener, name: &str, observed: &'a Observed) {
        let holder = observed.listeners.iter().find(|listener| {
            listener.port == desired.port && listener.protocol.transport() == desired.protocol.transport()
        });
        match holder {
            None => self.create.push((binding, desired, name.to_owned())),
            Some(listener) if ListenerName::owner(&listener.name) == Some(uid) => {
                // With another protocol it is surplus: the port is free again once it has been deleted.
                if listener.protocol == desired.protocol {
                    self.resolve(binding, desired, listener);
                }
            }
            Some(listener) => {
                let conflict = problem::held_by_foreign(desired.protocol, desired.port, listener);
                self.problems.push((binding, conflict));
            }
        }
    }

    fn resolve(&mut self, binding: usize, desired: &'a DesiredListener, listener: &Listener) {
        let route = Route { listener: listener.id.clone(), rule: None };
        self.resolved.push(Resolved { binding, desired, route });
    }

    fn respect_quota(&mut self, existing: usize, limit: usize) {
        let room = limit.saturating_sub(existing);
        for (binding, ..) in self.create.drain(room.min(self.create.len())..) {
            self.problems.push((binding, problem::listener_quota(limit)));
        }
    }

    /// One step for each protocol, since one call creates listeners of one protocol.
    pub(super) fn create_steps(&self) -> Vec<Step> {
        let mut by_protocol: BTreeMap<Protocol, Vec<(u16, String)>> = BTreeMap::new();
        for (_, listener, name) in &self.create {
            by_protocol.entry(listener.protocol).or_default().push((listener.port, name.clone()));
        }
        let chunks = by_protocol.into_iter().flat_map(|(protocol, listeners)| {
            let step = move |part: &[(u16, String)]| Step::CreateListeners { protocol, listeners: part.to_vec() };
            // CreateListener takes fewer than 50 ports.
            listeners.chunks(49).map(step).collect::<Vec<_>>()
        });
        chunks.collect()
    }
}

/// Listeners that carry the mark of a binding that is acted on and does not want them.
fn surplus<'a>(
    snapshot: &'a Snapshot,
    desired: &[Desired],
    observed: &'a Observed,
    resolved: &[Resolved<'_>],
) -> Vec<(usize, &'a Listener)> {
    let owner = |listener: &Listener| {
        let uid = ListenerName::owner(&listener.name)?;
        let binding = snapshot.bindings.iter().position(|view| view.uid() == uid)?;
        let wanted = &desired[binding];
        (wanted.stance != Stance::Abandon && !wanted.is_open).then_some(binding)
    };
    let is_wanted = |id: &ListenerId| resolved.iter().any(|found| found.route.listener == *id);
    observed
        .listeners
        .iter()
        .filter(|listener| !is_wanted(&listener.id))
        .filter_map(|listener| owner(listener).map(|binding| (binding, listener)))
        .collect()
}
