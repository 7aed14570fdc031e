//! Whether a load balancer that no read shows is gone.

use jiff::Timestamp;

use super::judgement::{GONE_AFTER, has_lasted, lasts_until};
use super::{BindingView, Ended, Sighting, Snapshot, ownership};
use crate::model::Witnesses;

/// What it proves that the cloud does not show the load balancer of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// It is gone: our own deletion has ended, or two looks agree.
    Proven,
    /// It may be there.
    Unproven {
        /// Why two looks would prove nothing either; `None` where they would.
        doubt: Option<String>,
        /// When it may be proven.
        look: Option<Timestamp>,
    },
}

/// What these witnesses prove, with what earlier rounds have seen.
pub(super) fn of_load_balancer(view: &BindingView, snapshot: &Snapshot, witnesses: Witnesses) -> Absence {
    let sighting = Sighting::LoadBalancerNotShown;
    let is_ended = snapshot.remembered.load_balancer == Ended::Yes;
    if is_ended || is_evidence(view, snapshot, witnesses) && has_lasted(snapshot, &sighting, GONE_AFTER) {
        return Absence::Proven;
    }
    let doubt = ownership::standing(&view.binding, &snapshot.caller).doubt();
    Absence::Unproven { doubt, look: lasts_until(snapshot, &sighting, GONE_AFTER) }
}

/// Only what the account says in which it was counts, both times.
pub(super) fn is_evidence(view: &BindingView, snapshot: &Snapshot, witnesses: Witnesses) -> bool {
    witnesses == Witnesses::ListAndListeners && ownership::standing(&view.binding, &snapshot.caller).doubt().is_none()
}
