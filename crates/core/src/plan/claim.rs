//! Two bindings that ask for one port: the older one has it, and both are told.

use std::collections::BTreeMap;

use crate::api::mark::ListenerName;
use crate::model::Transport;

use super::desired::{Desired, DesiredListener, Place};
use super::{Observed, Problem, Snapshot, problem};

/// What two bindings cannot both have: a port of the load balancer. An existing listener holds targets of many.
type Claim = (Transport, u16);

fn claim(listener: &DesiredListener) -> Option<Claim> {
    match &listener.place {
        Place::Own { .. } => Some((listener.protocol.transport(), listener.port)),
        Place::Existing(_) | Place::Delegated => None,
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
    /// True when the listener is this binding's; else both are told.
    fn is_won(&mut self, binding: usize, listener: &DesiredListener) -> bool {
        let Some(claim) = claim(listener) else { return true };
        let holder = *self.holders.entry(claim).or_insert(binding);
        if holder != binding {
            let what = format!("port {}/{}", listener.port, listener.protocol);
            let winner = self.snapshot.bindings[holder].display_name();
            self.problems[binding].push(problem::claimed_by_older(&what, &winner));
            let loser = self.snapshot.bindings[binding].display_name();
            self.notes[holder].push(format!("'{loser}' asks for {what} too and does not get it"));
        }
        holder == binding
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
        desired[index].listeners.retain(|listener| ledger.is_won(index, listener));
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
        let found = (listener.protocol.transport(), listener.port);
        let wants = |index: &usize| desired[*index].listeners.iter().any(|wanted| claim(wanted) == Some(found));
        let owner = snapshot.bindings.iter().position(|view| view.uid() == uid).filter(wants);
        if let Some(owner) = owner {
            holders.insert(found, owner);
        }
    }
    holders
}
