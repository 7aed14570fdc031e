//! Attributes of load balancers, listeners, domains and rules: what a TkeServiceConfig can manage.

use std::collections::BTreeMap;
use std::fmt;

/// Something that can be set on a load balancer, a listener, a domain of a listener, or a rule.
///
/// Names and ranges are those of the reference of `ModifyListener`, `ModifyRule`, `ModifyDomainAttributes` and
/// `ModifyLoadBalancerAttributes`; which listener takes which attribute depends on its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Bandwidth of a public load balancer in Mbps, 1–61440; a number.
    Bandwidth,
    /// Whether targets may have addresses outside the VPC; a switch.
    SnatPro,
    /// Whether only the load balancer's own security groups are checked; a switch.
    PassToTarget,
    /// Ids of the load balancer's security groups, sorted and joined by `,`; a text.
    SecurityGroups,
    /// Name of a listener, 1–80 characters; a text. Never managed for listeners of ours, whose name is their mark.
    Name,
    /// `WRR`, `LEAST_CONN` or `IP_HASH`; a text.
    Scheduler,
    /// Session persistence in seconds, 0 for off; a number.
    SessionSeconds,
    /// Whether targets are told the client's address by PROXY protocol; TCP_SSL and QUIC; a switch.
    ProxyProtocol,
    /// Whether connections of deregistered targets are reset; TCP and UDP; a switch.
    ResetOnDeregister,
    /// Whether connections to targets are kept; HTTP and HTTPS; a switch.
    Keepalive,
    /// Whether the client's address is replaced; a switch.
    Snat,
    /// Whether a certificate is chosen by domain; HTTPS; a switch that goes on and never off.
    Sni,
    /// Ids of server certificates, sorted and joined by `,`; a text.
    Certificate,
    /// Whether targets are probed; a switch.
    CheckSwitch,
    /// Seconds between probes, 2–300; a number.
    CheckInterval,
    /// Seconds to wait for an answer, 2–60, less than the interval; a number.
    CheckTimeout,
    /// Successes in a row that make a target healthy, 2–10; a number.
    CheckHealthyCount,
    /// Failures in a row that make a target unhealthy, 2–10; a number.
    CheckUnhealthyCount,
    /// Port to probe, -1 for the target's own; a number.
    CheckPort,
    /// `TCP`, `HTTP`, `HTTPS`, `GRPC`, `PING` or `CUSTOM`; a text.
    CheckType,
    /// `HEX` or `TEXT`; a text.
    CheckContextType,
    /// What a custom probe sends; a text.
    CheckSend,
    /// What a custom probe expects; a text.
    CheckReceive,
    /// `HTTP/1.0` or `HTTP/1.1`; a text.
    CheckHttpVersion,
    /// Sum of 1 (1xx), 2 (2xx), 4 (3xx), 8 (4xx), 16 (5xx); a number.
    CheckHttpCodes,
    /// Path of an HTTP probe; a text.
    CheckPath,
    /// Host of an HTTP probe; a text.
    CheckDomain,
    /// `HEAD` or `GET`; a text.
    CheckMethod,
    /// Where probes come from: 0 the load balancer's address, 1 the range 100.64.0.0/10; a number.
    CheckSource,
    /// Whether a domain speaks HTTP/2; HTTPS; a switch.
    Http2,
    /// Whether a domain is its listener's default; a switch.
    DefaultServer,
    /// Protocol towards targets: `HTTP`, `HTTPS`, `GRPC` or `GRPCS`; a text.
    ForwardType,
}

impl Attribute {
    /// All attributes.
    pub const ALL: [Self; 32] = [
        Self::Bandwidth,
        Self::SnatPro,
        Self::PassToTarget,
        Self::SecurityGroups,
        Self::Name,
        Self::Scheduler,
        Self::SessionSeconds,
        Self::ProxyProtocol,
        Self::ResetOnDeregister,
        Self::Keepalive,
        Self::Snat,
        Self::Sni,
        Self::Certificate,
        Self::CheckSwitch,
        Self::CheckInterval,
        Self::CheckTimeout,
        Self::CheckHealthyCount,
        Self::CheckUnhealthyCount,
        Self::CheckPort,
        Self::CheckType,
        Self::CheckContextType,
        Self::CheckSend,
        Self::CheckReceive,
        Self::CheckHttpVersion,
        Self::CheckHttpCodes,
        Self::CheckPath,
        Self::CheckDomain,
        Self::CheckMethod,
        Self::CheckSource,
        Self::Http2,
        Self::DefaultServer,
        Self::ForwardType,
    ];

    /// The field of a TkeServiceConfig entry, or of a binding, that manages it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Bandwidth => "internetMaxBandwidthOut",
            Self::SnatPro => "snatPro",
            Self::PassToTarget => "passToTarget",
            Self::SecurityGroups => "securityGroups",
            Self::Name => "listenerName",
            Self::Scheduler => "scheduler",
            Self::SessionSeconds => "session",
            Self::ProxyProtocol => "proxyProtocol.enable",
            Self::ResetOnDeregister => "deregisterTargetRst",
            Self::Keepalive => "keepaliveEnable",
            Self::Snat => "snatEnable",
            Self::Sni => "sniSwitch",
            Self::Certificate => "certificate",
            Self::CheckSwitch => "healthCheck.enable",
            Self::CheckInterval => "healthCheck.intervalTime",
            Self::CheckTimeout => "healthCheck.timeout",
            Self::CheckHealthyCount => "healthCheck.healthNum",
            Self::CheckUnhealthyCount => "healthCheck.unHealthNum",
            Self::CheckPort => "healthCheck.checkPort",
            Self::CheckType => "healthCheck.checkType",
            Self::CheckContextType => "healthCheck.contextType",
            Self::CheckSend => "healthCheck.sendContext",
            Self::CheckReceive => "healthCheck.recvContext",
            Self::CheckHttpVersion => "healthCheck.httpVersion",
            Self::CheckHttpCodes => "healthCheck.httpCode",
            Self::CheckPath => "healthCheck.httpCheckPath",
            Self::CheckDomain => "healthCheck.httpCheckDomain",
            Self::CheckMethod => "healthCheck.httpCheckMethod",
            Self::CheckSource => "healthCheck.sourceIpType",
            Self::Http2 => "http2",
            Self::DefaultServer => "defaultServer",
            Self::ForwardType => "forwardType",
        }
    }

    /// True for the members of a health check, which are written together.
    pub fn is_check(self) -> bool {
        (Self::CheckSwitch..=Self::CheckSource).contains(&self)
    }

    /// True for the switches of a listener that the cloud shows as flags: when they are on, and on clouds that show flags. That one is
    /// not shown is no proof that it is off.
    pub const fn is_flag(self) -> bool {
        matches!(self, Self::ProxyProtocol | Self::Snat)
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A number, in the attribute's unit.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<bool> for Value {
    fn from(switch: bool) -> Self {
        Self::Switch(switch)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(switch) => switch.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

/// Values by attribute. What is absent from a wish is unmanaged; what is absent from an observation was not told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributes(BTreeMap<Attribute, Value>);

/// A managed attribute that is not as wished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The attribute.
    pub attribute: Attribute,
    /// As it was read; `None` when the cloud did not tell.
    pub observed: Option<Value>,
    /// As it is wished.
    pub desired: Value,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.attribute.field();
        match &self.observed {
            Some(observed) => write!(f, "{field} from {observed} to {}", self.desired),
            None => write!(f, "{field} to {}", self.desired),
        }
    }
}

impl Attributes {
    /// Sets a value; the last one counts.
    pub fn set(&mut self, attribute: Attribute, value: impl Into<Value>) {
        self.0.insert(attribute, value.into());
    }

    /// Sets a value where there is one.
    pub fn set_some(&mut self, attribute: Attribute, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(attribute, value);
        }
    }

    /// Sets everything that the other has.
    pub fn overlay(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(attribute, value)| (*attribute, value.clone())));
    }

    /// Stops managing an attribute.
    pub fn remove(&mut self, attribute: Attribute) -> Option<Value> {
        self.0.remove(&attribute)
    }

    /// The value of an attribute.
    pub fn get(&self, attribute: Attribute) -> Option<&Value> {
        self.0.get(&attribute)
    }

    /// The switch that an attribute is set to; `None` when it is not set, or is no switch.
    pub fn switch(&self, attribute: Attribute) -> Option<bool> {
        match self.get(attribute) {
            Some(Value::Switch(switch)) => Some(*switch),
            _ => None,
        }
    }

    /// The number that an attribute is set to; `None` when it is not set, or is no number.
    pub fn number(&self, attribute: Attribute) -> Option<i64> {
        match self.get(attribute) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text that an attribute is set to; `None` when it is not set, or is no text.
    pub fn text(&self, attribute: Attribute) -> Option<&str> {
        match self.get(attribute) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// All values, in the order of [`Attribute::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, &Value)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value))
    }

    /// True when nothing is managed, or told.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What differs from an observation. Only what is here counts: an unmanaged attribute never differs.
    pub fn drift_from(&self, observed: &Self) -> Vec<Drift> {
        let drift = |(attribute, desired): (Attribute, &Value)| {
            let observed = observed.get(attribute);
            (observed != Some(desired)).then(|| Drift {
                attribute,
                observed: observed.cloned(),
                desired: desired.clone(),
            })
        };
        self.iter().filter_map(drift).collect()
    }
}

impl FromIterator<(Attribute, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (Attribute, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_complete_and_in_order() {
        assert!(Attribute::ALL.is_sorted());
        let fields: std::collections::BTreeSet<_> = Attribute::ALL.iter().map(|attribute| attribute.field()).collect();
        assert_eq!(fields.len(), Attribute::ALL.len(), "each attribute has a field of its own");
    }

    #[test]
    fn only_what_is_managed_can_differ() {
        let mut desired = Attributes::default();
        let mut observed = Attributes::default();
        observed.set(Attribute::Scheduler, "WRR");
        observed.set(Attribute::CheckInterval, 5_i64);
        assert_eq!(desired.drift_from(&observed), []);
        desired.set(Attribute::CheckInterval, 10_i64);
        desired.set(Attribute::Snat, true);
        let told: Vec<_> = desired.drift_from(&observed).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["snatEnable to true", "healthCheck.intervalTime from 5 to 10"]);
    }
}
