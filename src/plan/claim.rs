//! Two bindings that ask for one port: the older one has it, and both are told.

use std::collections::BTreeMap;

use crate::api::mark::ListenerName;
use crate::model::{ListenerId, Transport};

use super::desired::{Desired, DesiredListener, Place};
use super::shape::DesiredRule;
use super::{Observed, Problem, Snapshot, problem};

/// What two listeners cannot both have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Port(Transport, u16),
    Listener(ListenerId),
    /// One rule, by domain and path: two bindings may share an existing layer-7 listener.
    Rule(ListenerId, String, String),
}

impl Claim {
    fn of(listener: &DesiredListener) -> Self {
        match &listener.place {
            Place::Own { .. } => Self::Port(listener.protocol.transport(), listener.port),
            Place::Existing(id) => Self::Listener(id.clone()),
        }
    }

    fn of_rule(id: &ListenerId, rule: &DesiredRule) -> Self {
        Self::Rule(id.clone(), rule.domain.clone(), rule.url.clone())
    }
}

/// Who has what, and what there is to say of it.
struct Ledger<'a> {
    snapshot: &'a Snapshot,
    holders: BTreeMap<Claim, usize>,
    /// What each binding of the snapshot won or lost.
    notes: Vec<Vec<String>>,
    problems: Vec<Vec<Problem>>,
}

impl Ledger<'_> {
    /// True when the claim is this binding's; else both are told. `what` names what is claimed.
    fn is_won(&mut self, claim: Claim, binding: usize, what: &str) -> bool {
        let holder = *self.holders.entry(claim).or_insert(binding);
        if holder != binding {
            let winner = self.snapshot.bindings[holder].display_name();
            self.problems[binding].push(problem::claimed_by_older(what, &winner));
            let loser = self.snapshot.bindings[binding].display_name();
            self.notes[holder].push(format!("'{loser}' asks for {what} too and does not get it"));
        }
        holder == binding
    }

    /// What is left of a desired listener.
    fn settle(&mut self, binding: usize, mut listener: DesiredListener) -> Option<DesiredListener> {
        let (protocol, port) = (listener.protocol, listener.port);
        match listener.place.clone() {
            Place::Existing(id) if protocol.is_layer7() => {
                listener.shape.rules.retain(|rule| {
                    let what = format!("rule {}{} of port {port}/{protocol}", rule.domain, rule.url);
                    self.is_won(Claim::of_rule(&id, rule), binding, &what)
                });
                (!listener.shape.rules.is_empty()).then_some(listener)
            }
            Place::Existing(_) | Place::Own { .. } => {
                let is_won = self.is_won(Claim::of(&listener), binding, &format!("port {port}/{protocol}"));
                is_won.then_some(listener)
            }
        }
    }
}

/// Takes contested listeners away from all but one binding: the one that has the listener already, so that what works
/// keeps working, else the oldest. Returns, for each binding of the snapshot, notes for its status on claims it won.
pub(super) fn settle(snapshot: &Snapshot, desired: &mut [Desired], observed: Option<&Observed>) -> Vec<Vec<String>> {
    let mut order: Vec<usize> = (0..desired.len()).collect();
    order.sort_by(|a, b| snapshot.bindings[*a].seniority().cmp(&snapshot.bindings[*b].seniority()));
    let mut ledger = Ledger {
        snapshot,
        holders: present_holders(snapshot, desired, observed),
        notes: vec![Vec::new(); desired.len()],
        problems: vec![Vec::new(); desired.len()],
    };
    for index in order {
        let listeners = std::mem::take(&mut desired[index].listeners);
        desired[index].listeners =
            listeners.into_iter().filter_map(|listener| ledger.settle(index, listener)).collect();
    }
    for (desired, problems) in desired.iter_mut().zip(ledger.problems) {
        desired.problems.extend(problems);
    }
    ledger.notes
}

/// Bindings that own the listener they claim.
fn present_holders(snapshot: &Snapshot, desired: &[Desired], observed: Option<&Observed>) -> BTreeMap<Claim, usize> {
    let mut holders = BTreeMap::new();
    for listener in observed.map_or(&[][..], |observed| &observed.listeners) {
        let Some(uid) = ListenerName::owner(&listener.name) else { continue };
        let claim = Claim::Port(listener.protocol.transport(), listener.port);
        let wants = |index: &usize| desired[*index].listeners.iter().any(|wanted| Claim::of(wanted) == claim);
        let owner = snapshot.bindings.iter().position(|view| view.uid() == uid).filter(wants);
        if let Some(owner) = owner {
            holders.insert(claim, owner);
        }
    }
    holders
}
