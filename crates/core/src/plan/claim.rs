//! Two bindings that ask for one port: who has it already keeps it, else the older one gets it, and both say so.

use std::collections::BTreeMap;

use crate::model::Transport;

use super::desired::{Completeness, DesiredListener, ListenerOrigin};
use super::routes::BindingIntent;
use super::{Observed, Snapshot, problem};

/// What two bindings cannot both have: a port of the load balancer. An existing listener holds targets of many.
type Claim = (Transport, u16);

fn claim(listener: &DesiredListener) -> Option<Claim> {
    match &listener.origin {
        ListenerOrigin::Own { .. } => Some((listener.protocol.transport(), listener.port)),
        ListenerOrigin::Existing(_) | ListenerOrigin::Delegated | ListenerOrigin::Held(_) => None,
    }
}

/// Takes contested listeners away from all but one binding: the one that has the listener already, so that what works
/// keeps working, else the oldest. A binding that loses one no longer has all that it wants, so that nothing of its own goes.
pub(super) fn resolve_claims(snapshot: &Snapshot, observed: Option<&Observed>, intents: &mut [BindingIntent<'_>]) {
    let mut holders = present_holders(snapshot, observed, intents);
    let mut order: Vec<usize> = (0..intents.len()).collect();
    order.sort_by(|a, b| intents[*a].view.seniority().cmp(&intents[*b].view.seniority()));
    for index in order {
        let wanted = std::mem::take(&mut intents[index].listeners);
        for listener in wanted {
            let holder = claim(&listener.desired).map(|claim| *holders.entry(claim).or_insert(index));
            match holder.filter(|holder| *holder != index) {
                None => intents[index].listeners.push(listener),
                Some(holder) => lose(intents, index, holder, &listener.desired),
            }
        }
    }
}

fn lose(intents: &mut [BindingIntent<'_>], loser: usize, holder: usize, listener: &DesiredListener) {
    let what = format!("port {}/{}", listener.port, listener.protocol);
    let (loses, has) = (intents[loser].view.display_name(), intents[holder].view.display_name());
    intents[holder].plan.advice.push(problem::contested(&loses, &what));
    intents[loser].plan.problems.push(problem::claimed_by_other(&what, &has));
    intents[loser].completeness = Completeness::Partial;
}

/// Bindings that own the listener they claim.
fn present_holders(
    snapshot: &Snapshot,
    observed: Option<&Observed>,
    intents: &[BindingIntent<'_>],
) -> BTreeMap<Claim, usize> {
    let mut holders = BTreeMap::new();
    for listener in observed.map_or(&[][..], |observed| &observed.listeners) {
        let found = (listener.protocol.transport(), listener.port);
        // One that is kept as it was is not made anew, and still has its place.
        let is_it = |wanted: &DesiredListener| match &wanted.origin {
            ListenerOrigin::Held(id) => *id == listener.id,
            _ => claim(wanted) == Some(found),
        };
        let holds = |intent: &BindingIntent<'_>| {
            intent.view.has_made(listener, snapshot) && intent.listeners.iter().any(|wanted| is_it(&wanted.desired))
        };
        if let Some(owner) = intents.iter().position(holds) {
            holders.insert(found, owner);
        }
    }
    holders
}
