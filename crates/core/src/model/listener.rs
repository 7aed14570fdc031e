//! Listeners and rules of a load balancer.

use std::fmt;
use std::str::FromStr;

use super::{Attribute, Attributes, ListenerId, Route, RuleId};

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// Layer 4 TCP.
    Tcp,
    /// Layer 4 UDP.
    Udp,
    /// Layer 4 TCP with TLS ended at the load balancer.
    TcpSsl,
    /// Layer 4 QUIC.
    Quic,
    /// Layer 7 HTTP.
    Http,
    /// Layer 7 HTTPS.
    Https,
}

/// What a protocol is carried by: two listeners of one load balancer may share a port only on different transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, TCP_SSL, HTTP and HTTPS.
    Tcp,
    /// UDP and QUIC.
    Udp,
}

impl Protocol {
    /// The cloud's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpSsl => "TCP_SSL",
            Self::Quic => "QUIC",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    /// True for HTTP and HTTPS, whose targets are registered per rule.
    pub const fn is_layer7(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// What carries this protocol.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Udp | Self::Quic => Transport::Udp,
            Self::Tcp | Self::TcpSsl | Self::Http | Self::Https => Transport::Tcp,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = String;

    /// Reads the cloud's spelling; case does not matter, because the official examples mix it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_uppercase().as_str() {
            "TCP" => Ok(Self::Tcp),
            "UDP" => Ok(Self::Udp),
            "TCP_SSL" => Ok(Self::TcpSsl),
            "QUIC" => Ok(Self::Quic),
            "HTTP" => Ok(Self::Http),
            "HTTPS" => Ok(Self::Https),
            _ => Err(format!("'{text}' is not a protocol of CLB")),
        }
    }
}

/// Whether a listener takes traffic.
///
/// Somebody may stop a listener by the console or by `SetLoadBalancerStartStatus`. It stays as it is, with its targets, and
/// neither receives nor forwards anything (<https://cloud.tencent.com/document/product/214/53614>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerState {
    /// It forwards to its targets.
    #[default]
    Serving,
    /// It is stopped. The cloud reports [`CheckOff`](super::Health::CheckOff) for all its targets.
    Stopped,
}

/// A listener as a read returned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The cloud's id.
    pub id: ListenerId,
    /// The name, which is the only place where a listener can carry a mark of ownership.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port, 1–65535.
    pub port: u16,
    /// Whether it takes traffic: `Stopped` where the reply's `AttrFlags` name `Stop`.
    pub state: ListenerState,
    /// What the cloud shows of its settings. Of switches that it shows as flags it only shows that they are on.
    pub attributes: Attributes,
    /// The rules of a layer-7 listener; empty for layer 4.
    pub rules: Vec<Rule>,
}

/// A forwarding rule of a layer-7 listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The cloud's id.
    pub id: RuleId,
    /// The domain; empty when the listener's address is the domain.
    pub domain: String,
    /// The path.
    pub url: String,
    /// What the cloud told of its settings, and of those that it shares with all rules of its domain: `Http2`,
    /// `DefaultServer` and `Certificate`.
    pub attributes: Attributes,
}

impl Listener {
    /// Where targets can be registered: the listener itself at layer 4, each of its rules at layer 7.
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        let route = |rule| Route { listener: self.id.clone(), rule };
        let own = (!self.protocol.is_layer7()).then(|| route(None));
        let rules = self.rules.iter().filter(|_| self.protocol.is_layer7());
        own.into_iter().chain(rules.map(move |rule| route(Some(rule.id.clone()))))
    }

    /// The ids of all certificates that it and its rules show.
    pub fn certificates(&self) -> impl Iterator<Item = String> {
        let all = std::iter::once(&self.attributes).chain(self.rules.iter().map(|rule| &rule.attributes));
        let ids = all.filter_map(|attributes| attributes.text(Attribute::Certificate));
        ids.flat_map(|ids| ids.split(',').map(str::to_owned))
    }
}

impl Rule {
    /// Its domain is the listener's default.
    pub fn is_default(&self) -> bool {
        self.attributes.switch(Attribute::DefaultServer) == Some(true)
    }
}
