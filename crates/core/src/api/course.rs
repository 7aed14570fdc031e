//! What becomes of a binding that is not Ready, by the reason: the one table that conditions, Events and the documentation go by.

use std::time::Duration;

use super::condition::{GateReason, Reason};

/// What becomes of a binding that is not Ready for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// It gets there by itself: Reconciling.
    Moves,
    /// It may get there by itself, for so long: Reconciling, and then Stalled.
    MovesFor(Grace),
    /// Somebody has to do something: Stalled.
    Stuck,
    /// It is as a user wishes it, which is neither progress nor failure: neither Reconciling nor Stalled.
    Rests,
}

/// How long something may be on its way before somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// What a binding names does not exist: objects of one release arrive in any order, and tools that wait for a whole release give up
    /// at once on a stalled object. Counted since ResolvedRefs has not been True.
    Reference,
    /// Nobody serves, or Pods are ready and the cloud finds them unhealthy: as long as a Deployment may make no progress, by the default
    /// of its `progressDeadlineSeconds`. Counted since TargetsHealthy has not been True.
    /// Source: <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#progress-deadline-seconds>.
    Progress,
}

impl Grace {
    /// How long it is.
    pub const fn length(self) -> Duration {
        match self {
            Self::Reference => Duration::from_secs(120),
            Self::Progress => Duration::from_secs(600),
        }
    }
}

/// Whether the Event of a reason is bad news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It is not.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// The type of the Event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Reason {
    /// What becomes of a binding that is not Ready for this reason, and whether its Event is bad news; `None` for reasons that stand with
    /// True only.
    pub const fn outlook(self) -> Option<(Course, Severity)> {
        use Course::{Moves, MovesFor, Rests, Stuck};
        use Severity::{Normal, Warning};
        Some(match self {
            Self::Ready
            | Self::Accepted
            | Self::Resolved
            | Self::Programmed
            | Self::Healthy
            | Self::HealthCheckOff
            | Self::NotUsed
            | Self::PartlyApplied => return None,
            Self::Pending | Self::InProgress | Self::Busy | Self::Replacing | Self::Waiting | Self::Deleting => {
                (Moves, Normal)
            }
            Self::Throttled | Self::CloudUnreachable | Self::Failed | Self::LoadBalancerNotShown => (Moves, Warning),
            Self::ServiceNotFound
            | Self::ServicePortNotFound
            | Self::NoSelector
            | Self::ConfigNotFound
            | Self::LoadBalancerNotFound
            | Self::ListenerNotFound
            | Self::CertificateNotFound => (MovesFor(Grace::Reference), Warning),
            Self::Unhealthy | Self::NoTargets => (MovesFor(Grace::Progress), Warning),
            Self::Suspended => (Rests, Normal),
            Self::Parked | Self::NoWeight => (Rests, Warning),
            Self::Invalid
            | Self::PortConflict
            | Self::ManagedByTke
            | Self::SwitchesRefused
            | Self::UnsupportedValue
            | Self::QuotaExceeded
            | Self::BackendConflict
            | Self::Denied
            | Self::Arrears
            | Self::ConfigUnreadable
            | Self::ConfigNotOwned
            | Self::SlicesStale
            | Self::ListenerStopped
            | Self::TagsNotShown
            | Self::GateNotWritten
            | Self::NotWritten
            | Self::Internal
            | Self::OtherAccount
            | Self::RemovalsHeld
            | Self::RemovalHeld => (Stuck, Warning),
        })
    }

    /// What becomes of a binding that is not Ready for this reason.
    pub fn course(self) -> Course {
        self.outlook().map_or(Course::Moves, |(course, _)| course)
    }

    /// Whether its Event is bad news.
    pub fn severity(self) -> Severity {
        self.outlook().map_or(Severity::Normal, |(_, severity)| severity)
    }
}

impl GateReason {
    /// Whether the Event on a Pod that has begun to wait for this is bad news. What lasts for minutes is in any case.
    pub const fn severity(self) -> Severity {
        match self {
            Self::BackendReady
            | Self::Registered
            | Self::HealthCheckOff
            | Self::WeightZero
            | Self::NotBound
            | Self::Suspended
            | Self::PolicyDisabled
            | Self::TimedOut
            | Self::NotRegistered
            | Self::Registering
            | Self::HealthCheck => Severity::Normal,
            Self::WeightUnreadable | Self::ListenerStopped | Self::BindingHeld => Severity::Warning,
        }
    }
}
