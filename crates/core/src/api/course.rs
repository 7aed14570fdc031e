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
    /// It is tried again and again, or ends with Pods or tasks that are on their way: as long as a Deployment may make no progress. Counted
    /// since the binding has been on this course, for one and the same generation of it.
    Recovery,
}

impl Grace {
    /// How long it is.
    pub const fn length(self) -> Duration {
        match self {
            Self::Reference => Duration::from_secs(120),
            Self::Progress | Self::Recovery => Duration::from_secs(600),
        }
    }
}

/// What becomes of a binding that is not ready, and that somebody wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// It will get there: Reconciling.
    Moving,
    /// Somebody has to do something: Stalled.
    Stuck,
}

/// Which Event tells of a reason: one cause has one Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teller {
    /// That of the binding, when the reason of its condition Ready changes.
    Binding,
    /// Each write that is refused has one of its own, on the binding and where its users look.
    RefusedWrite,
    /// That of the Service, whose user has brought it about, with the way back.
    Service,
}

/// Whether the Event of a reason is bad news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
            // Each of these ends, or another reason takes its place: what is refused, and what is unhealthy, has one of its own.
            Self::Pending | Self::InProgress | Self::Waiting | Self::Deleting => (Moves, Normal),
            // A rollout brings it about, and one that stands still must not look like one that goes on.
            Self::Replacing => (MovesFor(Grace::Progress), Normal),
            // Usual for a moment; for minutes, somebody else holds the load balancer.
            Self::Busy => (MovesFor(Grace::Recovery), Normal),
            // Tried again by itself. The cloud may recover, and a call that it will never take looks the same at first.
            Self::Throttled | Self::CloudUnreachable | Self::Failed => (MovesFor(Grace::Recovery), Warning),
            // Ends by itself with the second look, or when other Pods are ready; where it does not, with what the message names.
            Self::LoadBalancerNotShown | Self::RemovalHeld => (MovesFor(Grace::Recovery), Warning),
            // Objects of one release come in any order.
            Self::ServiceNotFound
            | Self::ServicePortNotFound
            | Self::NoSelector
            | Self::ConfigNotFound
            | Self::LoadBalancerNotFound
            | Self::ListenerNotFound
            | Self::CertificateNotFound => (MovesFor(Grace::Reference), Warning),
            // New Pods are probed first.
            Self::Unhealthy | Self::NoTargets => (MovesFor(Grace::Progress), Warning),
            // A user has said so; of what costs money, or leaves nobody to serve, he is reminded.
            Self::Suspended => (Rests, Normal),
            Self::Parked | Self::NoWeight => (Rests, Warning),
            // The spec, another object, a right, a quota or a bill has to change. What is tried again may be taken then, and not before. Stale
            // slices have been so for a minute when they are told, and refused writes for half a minute where they might pass.
            Self::Invalid
            | Self::PortConflict
            | Self::NotAdopted
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
            | Self::RemovalsHeld => (Stuck, Warning),
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

    /// The same of a binding that moves so; `None` where nobody wants it to move. What is stuck is bad news always.
    pub fn severity_in(self, motion: Option<Motion>) -> Severity {
        if motion == Some(Motion::Stuck) { Severity::Warning } else { self.severity() }
    }

    /// Which Event tells of it.
    pub const fn teller(self) -> Teller {
        match self {
            Self::GateNotWritten | Self::NotWritten => Teller::RefusedWrite,
            Self::Parked => Teller::Service,
            _ => Teller::Binding,
        }
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
