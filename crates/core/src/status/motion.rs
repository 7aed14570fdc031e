//! Whether a binding that is not ready will get there by itself.

use jiff::SignedDuration;

use super::conditions::Verdict;
use crate::api::condition::Reason;

/// How long a missing reference may be on its way before the binding counts as stalled. Tools that wait for a whole release give
/// up at once on a stalled object, and objects of one release arrive in any order.
const REFERENCE_GRACE: SignedDuration = SignedDuration::from_secs(120);

/// What becomes of a binding that is not ready.
pub(super) enum Motion {
    /// It will get there.
    Moving,
    /// Somebody has to do something.
    Stuck,
}

/// Whether a binding that is not ready will get there by itself.
pub(super) fn motion(ready: &Verdict, missing_for: SignedDuration) -> Option<Motion> {
    if ready.is_true() {
        return None;
    }
    Some(match ready.reason {
        // A pause is the user's wish: it is neither progress nor failure.
        Reason::Suspended | Reason::Parked | Reason::NoWeight => return None,
        Reason::Invalid
        | Reason::PortConflict
        | Reason::ManagedByTke
        | Reason::SwitchesRefused
        | Reason::UnsupportedValue
        | Reason::QuotaExceeded
        | Reason::BackendConflict
        | Reason::Denied
        | Reason::Arrears
        | Reason::ConfigUnreadable
        | Reason::ConfigNotOwned
        | Reason::SlicesStale
        | Reason::ListenerStopped
        | Reason::TagsNotShown
        | Reason::GateNotWritten
        | Reason::NotWritten
        | Reason::Internal
        | Reason::OtherAccount
        | Reason::RemovalsHeld
        | Reason::RemovalHeld => Motion::Stuck,
        Reason::ServiceNotFound
        | Reason::ServicePortNotFound
        | Reason::NoSelector
        | Reason::ConfigNotFound
        | Reason::LoadBalancerNotFound
        | Reason::ListenerNotFound
        | Reason::CertificateNotFound
            if missing_for >= REFERENCE_GRACE =>
        {
            Motion::Stuck
        }
        _ => Motion::Moving,
    })
}
