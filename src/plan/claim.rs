//! Two bindings that ask for one port: the older one has it, and both are told.

use std::collections::BTreeMap;

use crate::api::mark::ListenerName;
use crate::model::{ListenerId, Transport};

use super::desired::{Desired, DesiredListener, Place};
use super::{Observed, Snapshot, problem};

/// What two listeners cannot both have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Port(Transport, u16),
    Listener(ListenerId),
}

impl Claim {
    fn of(listener: &DesiredListener) -> Self {
        match &listener.place {
            Place::Own { .. } => Self::Port(listener.protocol.transport(), listener.port),
            Place::Existing(id) => Self::Listener(id.clone()),
        }
    }
}

/// Takes contested listeners away from all but one binding: the one that has the listener already, so that what works
/// keeps working, else the oldest. Returns, for each binding of the snapshot, notes for its status on claims it won.
pub(super) fn settle(snapshot: &Snapshot, desired: &mut [Desired], observed: Option<&Observed>) -> Vec<Vec<String>> {
    let mut order: Vec<usize> = (0..desired.len()).collect();
    order.sort_by(|a, b| snapshot.bindings[*a].seniority().cmp(&snapshot.bindings[*b].seniority()));
    let mut holders = present_holders(snapshot, desired, observed);
    let mut notes = vec![Vec::new(); desired.len()];
    for index in order {
        let listeners = std::mem::take(&mut desired[index].listeners);
        for listener in listeners {
            let holder = *holders.entry(Claim::of(&listener)).or_insert(index);
            if holder == index {
                desired[index].listeners.push(listener);
                continue;
            }
            let (protocol, port) = (listener.protocol, listener.port);
            let winner = snapshot.bindings[holder].display_name();
            desired[index].problems.push(problem::claimed_by_older(protocol, port, &winner));
            let loser = snapshot.bindings[index].display_name();
            notes[holder].push(format!("'{loser}' asks for port {port}/{protocol} too and does not get it"));
        }
    }
    notes
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
