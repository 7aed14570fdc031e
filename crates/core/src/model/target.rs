//! Targets: addresses that a load balancer sends traffic to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::{ListenerId, RuleId};

/// Share of the traffic, 0–100; 0 means no new connections.
pub type Weight = u8;

/// Where a target listens. Within one route it identifies the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The Pod's address.
    pub ip: IpAddr,
    /// The Pod's port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.ip, self.port).fmt(f)
    }
}

/// Where targets are registered: a layer-4 listener, or one rule of a layer-7 listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The listener.
    pub listener: ListenerId,
    /// The rule; `None` for layer 4.
    pub rule: Option<RuleId>,
}

/// A target as a read returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredTarget {
    /// Where it listens.
    pub address: Address,
    /// Its weight.
    pub weight: Weight,
    /// The free text that was given at registration; empty when none was.
    pub tag: String,
}

/// What the cloud's probes say of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Probes succeed.
    Healthy,
    /// Probes fail.
    Unhealthy,
    /// Not probed yet, or the cloud does not know.
    Unknown,
    /// The target is not probed, so nothing will ever be known: the health check is switched off, or the listener is
    /// [`Stopped`](super::ListenerState::Stopped). The cloud has one word for both, `Close`.
    CheckOff,
}

/// The health of one target of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// The listener. Layer-4 listeners report a rule of the cloud's own making, so a route cannot be told from it alone.
    pub listener: ListenerId,
    /// The rule as reported: meaningful for layer-7 listeners only.
    pub rule: RuleId,
    /// The target.
    pub address: Address,
    /// Its health.
    pub health: Health,
}
