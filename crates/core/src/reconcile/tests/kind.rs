//! What machines of load balancers ask for, by name.

use crate::reconcile::{Effect, Read, Write};

/// An effect that is under way, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Task,
    Frame,
    Targets,
    Health,
    Tagged,
    Quotas,
    Certificate,
    Definition,
    Call,
    Finalizers,
    Status,
    Gate,
    Annotations,
    Ingress,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Task,
        Self::Frame,
        Self::Targets,
        Self::Health,
        Self::Tagged,
        Self::Quotas,
        Self::Certificate,
        Self::Definition,
        Self::Call,
        Self::Finalizers,
        Self::Status,
        Self::Gate,
        Self::Annotations,
        Self::Ingress,
    ];

    /// What comes back, if something does.
    pub(super) const fn of(effect: &Effect) -> Option<Self> {
        Some(match effect {
            Effect::Read(_, Read::Task(_)) => Self::Task,
            Effect::Read(_, Read::Frame) => Self::Frame,
            Effect::Read(_, Read::Targets(_)) => Self::Targets,
            Effect::Read(_, Read::Health) => Self::Health,
            Effect::Read(_, Read::Tagged(..)) => Self::Tagged,
            Effect::Read(_, Read::Quotas) => Self::Quotas,
            Effect::Read(_, Read::Certificate(_)) => Self::Certificate,
            Effect::Read(_, Read::Definition(_)) => Self::Definition,
            Effect::Call(_) => Self::Call,
            Effect::Write(_, Write::Finalizers { .. }) => Self::Finalizers,
            Effect::Write(_, Write::Status { .. }) => Self::Status,
            Effect::Write(_, Write::Gate { .. }) => Self::Gate,
            Effect::Write(_, Write::Annotations { .. }) => Self::Annotations,
            Effect::Write(_, Write::Ingress { .. }) => Self::Ingress,
            // Other machines ask for the rest.
            Effect::Read(..)
            | Effect::Write(..)
            | Effect::Begun(_)
            | Effect::Forget(_)
            | Effect::Tell(_)
            | Effect::Log(_)
            | Effect::Show(_)
            | Effect::WakeAt(_)
            | Effect::Ended(_) => return None,
        })
    }
}
