//! Who opens the gates of a binding's waiting Pods, and when. Rounds, the loop of gates and their injection go by this one rule.

use jiff::{SignedDuration, Timestamp};

use crate::api::DirectAccessBinding;
use crate::api::binding::{GatePolicy, Mode};
use crate::api::condition::GateReason;

use super::management::{Frozen, Heir, Management, foreseen};
use super::placement;

/// When the gates of a binding's waiting Pods open, as far as the binding is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateRule {
    /// When a round has read that they serve.
    OnProof,
    /// Not before something changes that these words name: a later round may bind them, and others serve until then.
    Waits(&'static str),
    /// Without proof, for this reason: no round will bind them.
    Opens(GateReason),
    /// When TKE's own service controller says so, which has a gate of the same name.
    ByTke,
}

impl Management {
    /// Who opens the gates of the binding's Pods, and when.
    pub const fn gates(self) -> GateRule {
        match self {
            Self::Manage | Self::Observe | Self::Hold | Self::Freeze(Frozen::Unjudged) => GateRule::OnProof,
            Self::Freeze(Frozen::Suspended) => GateRule::Opens(GateReason::Suspended),
            Self::Freeze(Frozen::OtherAccount) => GateRule::Waits(
                "it is not acted on, because the controller has keys of another account than the one that is recorded",
            ),
            Self::Freeze(Frozen::Undecided) => {
                GateRule::Waits("it is being deleted, and it is not known yet whether it goes or goes on")
            }
            Self::Freeze(Frozen::LeftToTke) => GateRule::ByTke,
            Self::Freeze(Frozen::MayBeLeftToTke) => {
                GateRule::Waits("whether TKE's own service controller programs its Service is not known")
            }
            Self::Abandon(Heir::Successor) => GateRule::Waits("it is being replaced by another one"),
            // Nobody serves by what is parked, and what goes takes what serves along, or leaves it to itself.
            Self::Park(_)
            | Self::Release(_)
            | Self::Freeze(Frozen::Parked | Frozen::Leaving)
            | Self::Abandon(Heir::Nobody) => GateRule::Opens(GateReason::NotBound),
        }
    }
}

/// Why the gates of a binding's Pods open whatever a round reads; `None` when that is a round's business. One that is being deleted may
/// turn out to go on, as long as something of it may be in the cloud.
pub fn certain_opening(binding: &DirectAccessBinding) -> Option<GateReason> {
    if binding.metadata.deletion_timestamp.is_some() && placement::is_submitted(binding) {
        return None;
    }
    match foreseen(binding).gates() {
        GateRule::Opens(reason) => Some(reason),
        GateRule::OnProof | GateRule::Waits(_) | GateRule::ByTke => None,
    }
}

/// Whether new Pods of the binding should get the gate: not when it would open without proof, or is TKE's own matter (mode Delegate).
/// Only its object is asked: a Pod must not wait for more.
pub fn wants_gates(binding: &DirectAccessBinding) -> bool {
    let is_proven = match foreseen(binding).gates() {
        GateRule::OnProof | GateRule::Waits(_) | GateRule::ByTke => true,
        GateRule::Opens(_) => false,
    };
    let spec = &binding.spec;
    is_proven && spec.mode == Mode::Direct && spec.readiness_gate.policy != GatePolicy::Disabled
}

/// How long a Pod that nobody will bind is left waiting: objects of one release arrive in any order, and a gate that has opened is
/// never closed again.
const UNBOUND_GRACE: SignedDuration = SignedDuration::from_secs(5);

/// When a gate opens for this reason whose Pod has waited for nothing else since then.
pub(super) fn opens_at(reason: GateReason, since: Timestamp) -> Timestamp {
    match reason {
        GateReason::NotBound => since.saturating_add(UNBOUND_GRACE).unwrap_or(since),
        _ => since,
    }
}
