//! One link of the chain.

use serde::Serialize;

use super::words::Said;

/// The links, in their order: each one needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Name {
    /// A Service selects the Pod.
    Service,
    /// A binding names that Service, is valid, and what it names exists.
    Binding,
    /// A controller is at work.
    Controller,
    /// The Pod runs, and can be a target.
    Pod,
    /// The Service's slices name the Pod with its port.
    EndpointSlice,
    /// The listeners exist in CLB.
    Listener,
    /// The Pod is registered on them.
    Target,
    /// CLB finds it healthy.
    Health,
    /// The readiness gate is open.
    Gate,
    /// Kubernetes counts the Pod as ready.
    Ready,
}

impl Name {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Binding => "Binding",
            Self::Controller => "Controller",
            Self::Pod => "Pod",
            Self::EndpointSlice => "EndpointSlice",
            Self::Listener => "Listener",
            Self::Target => "Target",
            Self::Health => "Health",
            Self::Gate => "Gate",
            Self::Ready => "Ready",
        }
    }
}

/// How a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum State {
    /// It holds.
    Holds,
    /// It does not.
    Broken,
    /// It cannot be told.
    Unknown,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    /// Which.
    #[serde(rename = "link")]
    pub(super) name: Name,
    /// How it stands.
    pub(super) state: State,
    /// Why it does not hold, in one word; empty when it holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    /// What is the case.
    pub(super) message: String,
    /// What to do; empty when it holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) remedy: String,
}

impl Link {
    pub(super) fn holds(name: Name, message: impl Into<String>) -> Self {
        Self { name, state: State::Holds, reason: String::new(), message: message.into(), remedy: String::new() }
    }

    pub(super) fn unknown(name: Name, message: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..Self::holds(name, message) }
    }

    pub(super) fn broken(
        name: Name,
        reason: impl std::fmt::Display,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { name, state: State::Broken, reason: reason.to_string(), message: message.into(), remedy: remedy.into() }
    }

    /// The same with what is known besides; a remedy that is known counts instead of the usual one.
    pub(super) fn with(self, said: Said) -> Self {
        Self { message: format!("{}; {}", self.message, said.message), ..self.with_remedy(said.remedy) }
    }

    /// The same with another remedy, where there is one.
    pub(super) fn with_remedy(self, remedy: Option<String>) -> Self {
        Self { remedy: remedy.unwrap_or_else(|| self.remedy.clone()), ..self }
    }
}

/// Of what several bindings or listeners say of one link, what counts: the first that is broken, else the first that cannot be told,
/// else all of it.
pub(super) fn joined(name: Name, links: Vec<Link>) -> Link {
    for state in [State::Broken, State::Unknown] {
        if let Some(link) = links.iter().find(|link| link.state == state) {
            return link.clone();
        }
    }
    let mut said: Vec<_> = links.into_iter().map(|link| link.message).collect();
    said.dedup();
    Link::holds(name, said.join("; "))
}
