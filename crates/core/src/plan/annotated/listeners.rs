//! The listeners that `specify-protocol` asks for, port by port.
//!
//! Source: TKE's page 457/51259. A port whose entry cannot be read keeps the listeners that it has, and a new one gets none: no
//! protocol is guessed. An entry for a port that the Service does not have is reported, and ignored as TKE ignores it, unless it
//! differs by one digit from a port without an entry.

use std::collections::{BTreeMap, BTreeSet};

use garde::Validate as _;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::json::object;
use super::words::Words;
use crate::api::DirectAccessBinding;
use crate::api::binding::{CertificateSpec, ListenerProtocol, ListenerSpec, RuleSpec};
use crate::api::names;
use crate::model::{KeyProblem, Reading, ServicePort, Transport, quoted};
use crate::mutant::{self, Mutant};

/// The weight that a target has when nothing else is said.
const USUAL_WEIGHT: i32 = 10;
/// The most listeners that a binding may have.
const MOST: usize = 50;
/// What to write.
const FORM: &str = "JSON such as {\"443\":{\"protocol\":[\"TCP_SSL\"],\"tls\":\"secret\"}}";
const KEY: &str = names::SPECIFY_PROTOCOL;

/// The protocols that have a certificate.
const TLS: [ListenerProtocol; 3] = [ListenerProtocol::TcpSsl, ListenerProtocol::Quic, ListenerProtocol::Https];
/// The protocols that have rules.
const LAYER7: [ListenerProtocol; 2] = [ListenerProtocol::Http, ListenerProtocol::Https];

/// What the annotation says of each port.
#[derive(Debug)]
struct Table {
    entries: BTreeMap<u16, Value>,
    /// Entries whose port is no number: nobody knows which ports they are about.
    strays: Vec<String>,
    /// Ports that have an entry and are none of the Service's.
    orphans: Vec<u16>,
}

impl Words<'_> {
    /// The listeners; none where every port has the listener of its own protocol, and `None` when none of them can be read.
    pub(super) fn listeners(&mut self, own: Option<&DirectAccessBinding>) -> Option<Vec<ListenerSpec>> {
        let table = match self.text(KEY, FORM).and_then(table) {
            Reading::Absent => return Some(Vec::new()),
            Reading::Unreadable(_) if mutant::is(Mutant::UnreadableIsUsual) => return Some(Vec::new()),
            Reading::Said(table) => table,
            Reading::Unreadable(problem) => {
                self.problems.push(problem);
                return own.map(|own| held(own, &self.service.ports));
            }
        };
        let mut table = table;
        let ports = &self.service.ports;
        let numbers: BTreeSet<u16> = ports.iter().map(|port| port.port).collect();
        table.orphans = table.entries.keys().filter(|number| !numbers.contains(number)).copied().collect();
        self.report_strays(&table, &numbers);
        let mut listeners = Vec::new();
        for number in numbers {
            let of_number: Vec<&ServicePort> = ports.iter().filter(|port| port.port == number).collect();
            match self.of_port(&table, number, &of_number, own) {
                Some(found) => listeners.extend(found),
                None => listeners.extend(own.map(|own| held_of_port(own, &of_number)).unwrap_or_default()),
            }
        }
        self.fitting(listeners, own)
    }

    /// Entries that are for no port of the Service, and what that leaves of ports that have none.
    fn report_strays(&mut self, table: &Table, numbers: &BTreeSet<u16>) {
        let bare: Vec<u16> = numbers.iter().filter(|number| !table.entries.contains_key(number)).copied().collect();
        for stray in &table.strays {
            let what = format!(
                "it is no port number; write a port of the Service, such as \"443\", or remove the entry{}",
                waiting(&bare)
            );
            self.problems.push(KeyProblem::at(KEY, &quoted(stray), &what));
        }
        for orphan in &table.orphans {
            let words = self.service.unbindable_ports.iter().find(|words| words.starts_with(&format!("{orphan} (")));
            let what = match words {
                Some(words) => format!("no listener is made for port {words}; remove the entry"),
                None => {
                    let near: Vec<_> = bare.iter().copied().filter(|port| may_mean(*orphan, *port)).collect();
                    format!("the Service has no port of this number; correct it, or remove the entry{}", waiting(&near))
                }
            };
            self.problems.push(KeyProblem::at(KEY, &orphan.to_string(), &what));
        }
    }

    /// The listeners of one port; `None` when they cannot be read.
    fn of_port(
        &mut self,
        table: &Table,
        number: u16,
        ports: &[&ServicePort],
        own: Option<&DirectAccessBinding>,
    ) -> Option<Vec<ListenerSpec>> {
        // What is served there may be what an entry with a typing error is about.
        let is_served = || own.is_some_and(|own| !held_of_port(own, ports).is_empty());
        let entry = match table.entries.get(&number) {
            None if !table.strays.is_empty() => return None,
            None if table.orphans.iter().any(|orphan| may_mean(*orphan, number)) => return None,
            None if !table.orphans.is_empty() && is_served() => return None,
            None => ports.iter().map(|port| taken(plain(port))).collect(),
            Some(entry) => entry_of(number, entry),
        };
        match entry {
            Ok(listeners) => {
                let entry = table.entries.get(&number);
                self.report_idle(number, entry, &listeners);
                Some(listeners)
            }
            Err(what) => {
                self.problems.push(KeyProblem::at(KEY, &number.to_string(), &what));
                None
            }
        }
    }

    /// Members of an entry that none of its protocols has a use for.
    fn report_idle(&mut self, number: u16, entry: Option<&Value>, listeners: &[ListenerSpec]) {
        let Some(entry) = entry else { return };
        let is = |listener: &&ListenerSpec, all: &[ListenerProtocol]| all.contains(&listener.protocol);
        let has = |all: &[ListenerProtocol]| listeners.iter().any(|listener| is(&listener, all));
        let hosts = entry.get("hosts").and_then(Value::as_object);
        let has_tls = hosts.is_some_and(|hosts| hosts.values().any(|host| host.get("tls").is_some()));
        let idle = [
            (entry.get("tls").is_some() && !has(&TLS), "tls: only TCP_SSL, QUIC and HTTPS have a certificate"),
            (hosts.is_some() && !has(&LAYER7), "hosts: only HTTP and HTTPS have hosts"),
            (
                has_tls && has(&LAYER7) && !has(&[ListenerProtocol::Https]),
                "hosts: only HTTPS has certificates of hosts",
            ),
        ];
        for (_, what) in idle.into_iter().filter(|(is_idle, _)| *is_idle) {
            self.without_effect(KEY, format!("{number}: {what}; it has no effect, remove it, or correct the protocol"));
        }
    }

    /// The listeners as the definition takes them: at most so many, and never none, which would stand for one for each port.
    fn fitting(
        &mut self,
        listeners: Vec<ListenerSpec>,
        own: Option<&DirectAccessBinding>,
    ) -> Option<Vec<ListenerSpec>> {
        if listeners.len() > MOST {
            let message =
                format!("it asks for {} listeners, and {MOST} are allowed; remove some ports", listeners.len());
            self.problem(KEY, message);
        }
        let is_fit = !listeners.is_empty() && listeners.len() <= MOST;
        if is_fit || self.service.ports.is_empty() {
            return Some(listeners);
        }
        own.map(|own| own.spec.listeners.clone())
    }
}

/// Whether a number may be a typing error for a port: they differ by one digit.
fn may_mean(number: u16, port: u16) -> bool {
    strsim::osa_distance(&number.to_string(), &port.to_string()) <= 1
}

/// What becomes of ports without an entry that one with a typing error may be about; empty where there are none.
fn waiting(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    match ports.join(", ") {
        none if none.is_empty() => none,
        ports => {
            format!(
                ". It may be meant for port {ports}, which has no entry: until then nothing is made or changed there"
            )
        }
    }
}

/// All listeners that a binding has. A binding that names none has one for each port; ports that are new get none.
fn held(own: &DirectAccessBinding, ports: &[ServicePort]) -> Vec<ListenerSpec> {
    let known = &own.spec.listeners;
    if known.is_empty() { served(own, &ports.iter().collect::<Vec<_>>()) } else { known.clone() }
}

/// The listeners that a binding has on one port.
fn held_of_port(own: &DirectAccessBinding, ports: &[&ServicePort]) -> Vec<ListenerSpec> {
    let known = &own.spec.listeners;
    if known.is_empty() {
        return served(own, ports);
    }
    let is_here = |listener: &&ListenerSpec| ports.iter().any(|port| i32::from(port.port) == listener.port);
    known.iter().filter(is_here).cloned().collect()
}

/// The listeners that a binding without a list has made for these ports, as its status shows.
fn served(own: &DirectAccessBinding, ports: &[&ServicePort]) -> Vec<ListenerSpec> {
    let shown = own.status.as_ref().map(|status| status.listeners.as_slice()).unwrap_or_default();
    let is_shown = |listener: &ListenerSpec| {
        shown.iter().any(|one| one.port == listener.port && one.protocol == listener.protocol)
    };
    ports.iter().map(|port| plain(port)).filter(is_shown).collect()
}

fn table(text: &str) -> Result<Table, KeyProblem> {
    let all = object(text).map_err(|what| match what {
        Some(what) => KeyProblem::new(KEY, what),
        None => KeyProblem::unreadable(KEY, text, FORM),
    })?;
    let mut table = Table { entries: BTreeMap::new(), strays: Vec::new(), orphans: Vec::new() };
    for (port, entry) in all {
        // One way to write a number, so that nobody says a port twice.
        match port.trim().parse::<u16>().ok().filter(|number| number.to_string() == port.trim()) {
            Some(number) if !table.entries.contains_key(&number) => drop(table.entries.insert(number, entry)),
            _ => table.strays.push(port),
        }
    }
    Ok(table)
}

/// The listeners that the entry of one port asks for, or why it cannot be followed.
fn entry_of(port: u16, entry: &Value) -> Result<Vec<ListenerSpec>, String> {
    let members = entry.as_object().ok_or_else(|| format!("{} is no object; write {FORM}", cut(entry)))?;
    if let Some(name) = members.keys().find(|name| !["protocol", "tls", "hosts"].contains(&name.as_str())) {
        return Err(format!("{} is not known; protocol, tls and hosts are", quoted(name)));
    }
    let secret = members.get("tls").map(secret).transpose()?;
    let hosts = members.get("hosts").map(hosts).transpose()?.unwrap_or_default();
    let words = members.get("protocol").and_then(Value::as_array).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| format!("protocol is no list of protocols; write {FORM}"))?;
    let mut listeners: Vec<ListenerSpec> = Vec::new();
    for word in words {
        let protocol = protocol(word)?;
        let listener = listener(port, protocol, secret.as_ref(), &hosts)?;
        if let Some(other) = listeners.iter().find(|other| transport(other.protocol) == transport(protocol)) {
            if other.protocol == protocol {
                continue;
            }
            return Err(format!(
                "{} and {} exclude each other on one port; remove one",
                other.protocol.as_str(),
                protocol.as_str()
            ));
        }
        listeners.push(taken(listener)?);
    }
    Ok(listeners)
}

fn protocol(word: &Value) -> Result<ListenerProtocol, String> {
    let is_this = |one: &ListenerProtocol| word.as_str() == Some(one.as_str());
    ListenerProtocol::ALL.into_iter().find(is_this).ok_or_else(|| {
        let is_near =
            |one: &&ListenerProtocol| word.as_str().is_some_and(|word| one.as_str().eq_ignore_ascii_case(word.trim()));
        match ListenerProtocol::ALL.iter().find(is_near) {
            Some(meant) => format!("{} is no protocol; write {}", cut(word), meant.as_str()),
            None => {
                let known: Vec<_> = ListenerProtocol::ALL.iter().map(|one| one.as_str()).collect();
                format!("{} is none of {}; correct it", cut(word), known.join(", "))
            }
        }
    })
}

fn secret(value: &Value) -> Result<CertificateSpec, String> {
    let name = value.as_str().ok_or_else(|| format!("tls: {} is not the name of a Secret; correct it", cut(value)))?;
    let certificate = CertificateSpec { id: None, secret_name: Some(name.to_owned()) };
    match certificate.validate() {
        Ok(()) => Ok(certificate),
        Err(_) => Err(format!("tls: {} is not the name of a Secret; correct it", quoted(name))),
    }
}

/// The domains with their certificates, in order.
type Hosts = BTreeMap<String, Option<CertificateSpec>>;

fn hosts(value: &Value) -> Result<Hosts, String> {
    let all = value.as_object().ok_or_else(|| format!("hosts: {} is no object; correct it", cut(value)))?;
    let mut hosts = Hosts::new();
    for (name, value) in all {
        let at = |what: String| format!("hosts: {}: {what}", quoted(name));
        let members = value.as_object().ok_or_else(|| at(format!("{} is no object; write {{}}", cut(value))))?;
        if let Some(odd) = members.keys().find(|odd| *odd != "tls") {
            return Err(at(format!("{} is not known; tls is", quoted(odd))));
        }
        let certificate = members.get("tls").map(secret).transpose().map_err(at)?;
        if hosts.insert(name.to_lowercase(), certificate).is_some() {
            return Err(at("it is there twice; remove one".to_owned()));
        }
    }
    Ok(hosts)
}

fn listener(
    port: u16,
    protocol: ListenerProtocol,
    secret: Option<&CertificateSpec>,
    hosts: &Hosts,
) -> Result<ListenerSpec, String> {
    let is_https = protocol == ListenerProtocol::Https;
    let (is_layer7, needs) = (LAYER7.contains(&protocol), TLS.contains(&protocol));
    let rule = |(domain, certificate): (&String, &Option<CertificateSpec>)| RuleSpec {
        domain: domain.clone(),
        certificate: certificate.clone().filter(|_| is_https),
        ..RuleSpec::default()
    };
    let rules: Vec<_> = if is_layer7 { hosts.iter().map(rule).collect() } else { Vec::new() };
    let has_own = !rules.is_empty() && rules.iter().all(|rule| rule.certificate.is_some());
    let certificate = secret.cloned().filter(|_| needs);
    if needs && certificate.is_none() && !has_own {
        return Err(format!("{} needs \"tls\" with the name of a Secret; add it", protocol.as_str()));
    }
    Ok(ListenerSpec { protocol, certificate, rules, ..bare(port, protocol) })
}

/// The listener, when the definition of bindings takes it.
fn taken(listener: ListenerSpec) -> Result<ListenerSpec, String> {
    /// The cloud reserves it; see the rules of a listener.
    const RESERVED: i32 = 4789;
    if listener.port == RESERVED && transport(listener.protocol) == Transport::Udp {
        return Err(format!("the cloud reserves port {RESERVED} for itself with UDP and QUIC; use another port"));
    }
    match listener.validate() {
        Ok(()) => Ok(listener),
        Err(report) => {
            let faults: Vec<_> = report.iter().map(|(path, error)| format!("{path}: {error}")).collect();
            let odd = listener.rules.iter().filter(|rule| rule.validate().is_err()).map(|rule| quoted(&rule.domain));
            let odd: Vec<_> = odd.take(3).collect();
            Err(format!("{} {}; correct it", odd.join(", "), faults.first().map_or("", String::as_str)))
        }
    }
}

const fn transport(protocol: ListenerProtocol) -> Transport {
    match protocol {
        ListenerProtocol::Udp | ListenerProtocol::Quic => Transport::Udp,
        ListenerProtocol::Tcp | ListenerProtocol::TcpSsl | ListenerProtocol::Http | ListenerProtocol::Https => {
            Transport::Tcp
        }
    }
}

/// The listener of the Service port's own protocol.
fn plain(port: &ServicePort) -> ListenerSpec {
    let protocol = match port.transport {
        Transport::Tcp => ListenerProtocol::Tcp,
        Transport::Udp => ListenerProtocol::Udp,
    };
    bare(port.port, protocol)
}

/// A listener of which only port and protocol are said. The Service port is named by its number: a name may change.
fn bare(port: u16, protocol: ListenerProtocol) -> ListenerSpec {
    ListenerSpec {
        port: i32::from(port),
        protocol,
        service_port: Some(IntOrString::Int(i32::from(port))),
        listener_id: None,
        certificate: None,
        rules: Vec::new(),
        weight: USUAL_WEIGHT,
        shared_with: Vec::new(),
    }
}

fn cut(value: &Value) -> String {
    quoted(&value.to_string())
}
