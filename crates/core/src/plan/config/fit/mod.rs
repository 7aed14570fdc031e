//! Which of the wished attributes can be had together, and with what is there already.

use crate::api::condition::ConfigProblem;
use crate::api::service_config::EntryProblem;
use crate::model::{Attribute, Attributes, IpFamily, Protocol, Value};

use super::health_check::usual_check_type;
use super::{Subject, problem};

/// A wish that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What was wished.
    pub attribute: Attribute,
    /// The kind of problem.
    pub reason: ConfigProblem,
    /// Why it cannot be had, and what to do.
    pub message: String,
}

impl Misfit {
    /// As a problem of the entry of a config that wishes it.
    pub fn problem(&self, subject: &Subject) -> EntryProblem {
        problem(&subject.entry(), Some(self.attribute.field()), self.reason, &self.message)
    }
}

/// What of `desired` can be applied to what is observed, and what cannot. Both laid over each other must be something that
/// the cloud takes; what would not be is left out, so that the rest is applied.
pub fn fit(
    protocol: Protocol,
    family: IpFamily,
    desired: &Attributes,
    observed: &Attributes,
) -> (Attributes, Vec<Misfit>) {
    Fitting { protocol, family, wish: desired.clone(), observed, misfits: Vec::new() }.run()
}

/// What of `desired` a new listener or rule can be created with. Where nothing is wished, it will be as the cloud makes it.
pub fn fit_new(protocol: Protocol, family: IpFamily, desired: &Attributes) -> Attributes {
    // A new check runs every 5 s and waits for 2 s. Source: `HealthCheck` of the API's data structures.
    let usual = [(Attribute::CheckInterval, Value::Number(5)), (Attribute::CheckTimeout, Value::Number(2))];
    let (mut wish, _) = fit(protocol, family, desired, &usual.into_iter().collect());
    // `CreateListener` takes WRR and LEAST_CONN only; `ModifyListener` takes all three.
    if !protocol.is_layer7() && wish.text(Attribute::Scheduler) == Some("IP_HASH") {
        wish.remove(Attribute::Scheduler);
    }
    wish
}

/// The same for wishes alone, whatever they meet: only what is wished can contradict itself.
pub(super) fn consistent(protocol: Protocol, family: IpFamily, desired: &Attributes) -> (Attributes, Vec<Misfit>) {
    let nothing = Attributes::default();
    let mut fitting = Fitting { protocol, family, wish: desired.clone(), observed: &nothing, misfits: Vec::new() };
    fitting.times();
    fitting.scheduling();
    fitting.context_is_hexadecimal();
    fitting.client_address();
    (fitting.wish, fitting.misfits)
}

struct Fitting<'a> {
    protocol: Protocol,
    family: IpFamily,
    wish: Attributes,
    observed: &'a Attributes,
    misfits: Vec<Misfit>,
}

impl Fitting<'_> {
    fn run(mut self) -> (Attributes, Vec<Misfit>) {
        // While a check is off, what it would be like is not looked at.
        if self.get(Attribute::CheckSwitch) == Some(&Value::Switch(false)) {
            for attribute in Attribute::ALL.into_iter().filter(|attribute| is_of_check(*attribute)) {
                self.wish.remove(attribute);
            }
        } else {
            self.family_of_check();
            self.needs_of_type();
            self.belongs_to_type();
            self.context_is_hexadecimal();
            self.times();
        }
        self.scheduling();
        (self.wish, self.misfits)
    }

    /// As it would be: the wish, else what is there.
    fn get(&self, attribute: Attribute) -> Option<&Value> {
        self.wish.get(attribute).or_else(|| self.observed.get(attribute))
    }

    fn number(&self, attribute: Attribute) -> Option<i64> {
        match self.get(attribute)? {
            Value::Number(number) => Some(*number),
            Value::Switch(_) | Value::Text(_) => None,
        }
    }

    fn text(&self, attribute: Attribute) -> Option<&str> {
        match self.get(attribute)? {
            Value::Text(text) => Some(text),
            Value::Switch(_) | Value::Number(_) => None,
        }
    }

    /// Drops a wish; nothing is told of what was not wished.
    fn drop(&mut self, attribute: Attribute, reason: ConfigProblem, message: &str) {
        if self.wish.remove(attribute).is_some() {
            self.misfits.push(Misfit { attribute, reason, message: message.to_owned() });
        }
    }

    fn times(&mut self) {
        let (Some(timeout), Some(interval)) =
            (self.number(Attribute::CheckTimeout), self.number(Attribute::CheckInterval))
        else {
            return;
        };
        if timeout < interval {
            return;
        }
        let is_wished = |attribute| self.wish.get(attribute).is_some();
        // The least that can be left out. What TKE generates has the same number for both.
        let kept = match (is_wished(Attribute::CheckTimeout), is_wished(Attribute::CheckInterval)) {
            (true, true) => self.observed_timeout().is_none_or(|timeout| timeout < interval),
            (is_timeout, _) => is_timeout,
        };
        let words = format!("timeout ({timeout} s) must be less than intervalTime ({interval} s)");
        if kept {
            let message = format!("{words}; lower timeout or raise intervalTime, until then timeout stays as it is");
            self.drop(Attribute::CheckTimeout, ConfigProblem::Contradiction, &message);
        } else {
            let both = is_wished(Attribute::CheckTimeout);
            let stays = if both { "both stay as they are" } else { "intervalTime stays as it is" };
            let message = format!("{words}; lower timeout or raise intervalTime, until then {stays}");
            self.wish.remove(Attribute::CheckTimeout);
            self.drop(Attribute::CheckInterval, ConfigProblem::Contradiction, &message);
        }
    }

    fn observed_timeout(&self) -> Option<i64> {
        match self.observed.get(Attribute::CheckTimeout)? {
            Value::Number(number) => Some(*number),
            Value::Switch(_) | Value::Text(_) => None,
        }
    }

    /// Connections that are kept alive to a target come from the load balancer's address. Source: TKE's page on loops, and what public
    /// users of both fields refuse.
    fn client_address(&mut self) {
        let is = |attribute, switch| self.wish.get(attribute) == Some(&Value::Switch(switch));
        if is(Attribute::Keepalive, true) && is(Attribute::Snat, false) {
            let message = "keepaliveEnable 1 hides the client's address, which snatEnable false asks to show; change one of them, until then \
                           snatEnable counts";
            self.drop(Attribute::Keepalive, ConfigProblem::Contradiction, message);
        }
    }

    /// Persistence needs turns to be taken, and what it would cost to lose is more than an uneven load: it stays.
    fn scheduling(&mut self) {
        let sticks = self.number(Attribute::SessionSeconds).is_some_and(|seconds| seconds > 0);
        let Some(scheduler) = self.text(Attribute::Scheduler).filter(|_| sticks).map(str::to_owned) else { return };
        let excludes = match self.protocol {
            Protocol::Http | Protocol::Https => scheduler != "WRR",
            Protocol::Tcp | Protocol::Udp | Protocol::TcpSsl | Protocol::Quic => scheduler == "LEAST_CONN",
        };
        if excludes {
            let message =
                format!("{scheduler} and session persistence exclude each other; use WRR, or switch the session off");
            if self.wish.get(Attribute::Scheduler).is_some() {
                self.drop(Attribute::Scheduler, ConfigProblem::Contradiction, &message);
            } else {
                self.drop(Attribute::SessionSeconds, ConfigProblem::Contradiction, &message);
            }
        }
    }

    fn context_is_hexadecimal(&mut self) {
        if self.text(Attribute::CheckContextType) != Some("HEX") {
            return;
        }
        for attribute in [Attribute::CheckSend, Attribute::CheckReceive] {
            let is_hex = |text: &str| text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if self.wish.get(attribute).is_some() && !self.text(attribute).is_some_and(is_hex) {
                let message = "with contextType HEX it must be an even number of the digits 0-9 and A-F; correct it";
                self.drop(attribute, ConfigProblem::NotAllowed, message);
            }
        }
    }

    fn family_of_check(&mut self) {
        if self.family == IpFamily::V4 {
            return;
        }
        if self.number(Attribute::CheckInterval).is_some_and(|seconds| seconds < 5) {
            let message = "a load balancer of IPv6 checks every 5 s or more seldom; use 5 to 300";
            self.drop(Attribute::CheckInterval, ConfigProblem::NotAllowed, message);
        }
        if self.number(Attribute::CheckSource).is_some_and(|source| source != 0) {
            let message = "a load balancer of IPv6 checks from its own address; use 0";
            self.drop(Attribute::CheckSource, ConfigProblem::NotAllowed, message);
        }
        let kind = self.check_type();
        if !has_type_of_ipv6(self.protocol, &kind) && self.wish.get(Attribute::CheckType).is_some() {
            let usual = usual_check_type(self.protocol, None);
            let message = format!(
                "a {} listener of a load balancer of IPv6 has no check of type {kind}; use {usual}, until then the type and what belongs to \
                 it stay as they are",
                self.protocol
            );
            for member in MEMBERS_OF_TYPE.into_iter().filter(|member| has_member(self.protocol, &kind, *member)) {
                self.wish.remove(member);
            }
            self.drop(Attribute::CheckType, ConfigProblem::NotAllowed, &message);
        }
    }

    /// The type that the check has or would have.
    fn check_type(&self) -> String {
        let usual = usual_check_type(self.protocol, self.text(Attribute::ForwardType));
        self.text(Attribute::CheckType).unwrap_or(usual).to_owned()
    }

    fn needs_of_type(&mut self) {
        let kind = self.check_type();
        let needed = needs_of(self.protocol, &kind);
        let missing: Vec<_> = needed.iter().filter(|attribute| self.get(**attribute).is_none()).collect();
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|attribute| attribute.field()).collect();
            let is_wished = self.wish.get(Attribute::CheckType).is_some();
            // What belongs to it waits with it, and is named.
            let waits = |member: &Attribute| {
                is_wished && has_member(self.protocol, &kind, *member) && self.wish.get(*member).is_some()
            };
            let waiting: Vec<_> = MEMBERS_OF_TYPE.into_iter().filter(waits).collect();
            let fields: Vec<_> = waiting.iter().map(|member| member.field()).collect();
            let named = if fields.is_empty() { String::new() } else { format!(": {}", fields.join(", ")) };
            let message = format!(
                "a check of type {kind} needs {}; set it, until then what belongs to this type stays as it is{named}",
                names.join(" and ")
            );
            self.drop(Attribute::CheckType, ConfigProblem::MissingValue, &message);
            waiting.into_iter().for_each(|member| _ = self.wish.remove(member));
        }
    }

    /// A member that the check type does not have is never shown, so that it would be written for ever.
    fn belongs_to_type(&mut self) {
        let kind = self.check_type();
        for attribute in MEMBERS_OF_TYPE {
            if !has_member(self.protocol, &kind, attribute) {
                let message = format!("a check of type {kind} does not have it; remove it, or change checkType");
                self.drop(attribute, ConfigProblem::NotSupported, &message);
            }
        }
    }
}

/// Whether listeners of a load balancer of IPv6 have this type of check. Source: the product page on health checks
/// (<https://cloud.tencent.com/document/product/214/50011>).
fn has_type_of_ipv6(protocol: Protocol, kind: &str) -> bool {
    match protocol {
        Protocol::Tcp => !matches!(kind, "HTTP" | "CUSTOM"),
        Protocol::Udp => kind != "CUSTOM",
        _ => true,
    }
}

/// What a check of this type needs.
pub(super) fn needs_of(protocol: Protocol, kind: &str) -> &'static [Attribute] {
    match (protocol, kind) {
        (_, "CUSTOM") => &[Attribute::CheckContextType, Attribute::CheckSend, Attribute::CheckReceive],
        (Protocol::Tcp, "HTTP") => &[Attribute::CheckHttpVersion, Attribute::CheckDomain],
        _ => &[],
    }
}

/// Whether a check of this type has a member that only some types have.
fn has_member(protocol: Protocol, kind: &str, member: Attribute) -> bool {
    let is_http = matches!(kind, "HTTP" | "HTTPS");
    match member {
        Attribute::CheckPath | Attribute::CheckDomain => is_http || kind == "GRPC",
        Attribute::CheckHttpVersion => is_http && !protocol.is_layer7(),
        Attribute::CheckContextType | Attribute::CheckSend | Attribute::CheckReceive => kind == "CUSTOM",
        _ => is_http,
    }
}

/// What only some types of check have.
pub(super) const MEMBERS_OF_TYPE: [Attribute; 8] = [
    Attribute::CheckHttpCodes,
    Attribute::CheckPath,
    Attribute::CheckDomain,
    Attribute::CheckMethod,
    Attribute::CheckHttpVersion,
    Attribute::CheckContextType,
    Attribute::CheckSend,
    Attribute::CheckReceive,
];

/// True for everything of a check but its switch.
fn is_of_check(attribute: Attribute) -> bool {
    attribute.field().starts_with("healthCheck.") && attribute != Attribute::CheckSwitch
}

#[cfg(test)]
mod tests;
