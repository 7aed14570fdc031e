//! The effects a plan can have on the cloud. A step leaves no choice: it carries every id and value it needs.

use std::fmt;

use crate::model::{Address, ListenerId, Protocol, Route, Weight};

/// One effect. Steps are ordered by safety: see [`Plan`](super::Plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create listeners of one protocol. Their names carry the owner's mark, so a lost reply is found again.
    CreateListeners {
        /// The protocol of all of them.
        protocol: Protocol,
        /// Port and name of each.
        listeners: Vec<(u16, String)>,
    },
    /// Register targets.
    Register(Vec<Registration>),
    /// Set weights of targets that are ours.
    Reweight(Vec<(Route, Address, Weight)>),
    /// Deregister targets that are ours.
    Deregister(Vec<(Route, Address)>),
    /// Delete listeners that are ours and hold nothing foreign. Never empty.
    DeleteListeners(Vec<ListenerId>),
}

/// A target to register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Where.
    pub route: Route,
    /// The Pod's address and port.
    pub address: Address,
    /// The weight.
    pub weight: Weight,
    /// The mark of ownership: binding and Pod.
    pub tag: String,
}

impl Step {
    /// The listeners that a failure of this step may be blamed on; empty when they do not exist yet.
    pub fn listeners(&self) -> Vec<&ListenerId> {
        match self {
            Self::CreateListeners { .. } => Vec::new(),
            Self::Register(targets) => targets.iter().map(|target| &target.route.listener).collect(),
            Self::Reweight(targets) => targets.iter().map(|(route, ..)| &route.listener).collect(),
            Self::Deregister(targets) => targets.iter().map(|(route, _)| &route.listener).collect(),
            Self::DeleteListeners(ids) => ids.iter().collect(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateListeners { protocol, listeners } => {
                let ports: Vec<_> = listeners.iter().map(|(port, _)| format!("{port}/{protocol}")).collect();
                write!(f, "create {} {}", plural(listeners.len(), "listener"), ports.join(", "))
            }
            Self::Register(targets) => write!(f, "register {} {}", targets.len(), plural(targets.len(), "target")),
            Self::Reweight(targets) => {
                write!(f, "set the weight of {} {}", targets.len(), plural(targets.len(), "target"))
            }
            Self::Deregister(targets) => write!(f, "deregister {} {}", targets.len(), plural(targets.len(), "target")),
            Self::DeleteListeners(ids) => write!(f, "delete {} {}", ids.len(), plural(ids.len(), "listener")),
        }
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}
