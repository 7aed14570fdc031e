//! What kind of failure a cloud call met, and what that implies.

use std::fmt;

/// The kind of a failure. Requeue, condition reason and metric label follow from the class alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The load balancer, listener, rule or target named in the call does not exist.
    NotFound,
    /// Another task runs on the load balancer; the same call succeeds later.
    Busy,
    /// Too many calls in the last second.
    Throttled,
    /// A quota of the account, load balancer, listener or rule is used up.
    Quota,
    /// Something else already holds what was asked for: a port, or a backend address.
    Conflict,
    /// The credentials are missing, wrong, expired or not allowed to do this.
    Denied,
    /// The account is in arrears or the load balancer is isolated or blocked.
    Arrears,
    /// The call itself is wrong; repeating it does not help.
    Invalid,
    /// The cloud could not be reached, or answered something that is not its protocol. A write may have happened.
    Unreachable,
    /// A fault of the cloud. A write may have happened.
    Transient,
}

impl Class {
    /// Every class, for tables and metrics.
    pub const ALL: [Self; 10] = [
        Self::NotFound,
        Self::Busy,
        Self::Throttled,
        Self::Quota,
        Self::Conflict,
        Self::Denied,
        Self::Arrears,
        Self::Invalid,
        Self::Unreachable,
        Self::Transient,
    ];

    /// A write that has failed so may have been done.
    pub const fn may_be_done(self) -> bool {
        matches!(self, Self::Unreachable | Self::Transient)
    }

    /// The name used in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Busy => "busy",
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Arrears => "arrears",
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
            Self::Transient => "transient",
        }
    }
}

/// One failed cloud call, as a value that plans and statuses can carry. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: Class,
    /// The action that failed, such as `RegisterTargets`.
    pub action: &'static str,
    /// The cloud's error code, or a code of ours for transport failures.
    pub code: String,
    /// The cloud's message, or what the transport said.
    pub message: String,
    /// The cloud's request id, when a reply carried one.
    pub request_id: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}: {}", self.action, self.code, self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}
