//! The listeners that `specify-protocol` asks for.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;

use super::Reader;
use crate::api::binding::{CertificateSpec, ListenerProtocol, ListenerSpec, RuleSpec};
use crate::api::names;
use crate::model::{ServicePort, Transport};

/// The weight that a target has when nothing else is said.
const USUAL_WEIGHT: i32 = 10;

/// What is said of one port. Source: TKE's page 457/51259.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    protocol: Vec<String>,
    #[serde(default)]
    tls: Option<String>,
    #[serde(default)]
    hosts: BTreeMap<String, Host>,
}

#[derive(Default, Deserialize)]
struct Host {
    #[serde(default)]
    tls: Option<String>,
}

impl Reader<'_> {
    /// None where every port has the listener of its own protocol.
    pub(super) fn listeners(&mut self) -> Vec<ListenerSpec> {
        let Some(said) = self.text(names::SPECIFY_PROTOCOL).filter(|said| !said.is_empty()) else { return Vec::new() };
        let said: BTreeMap<String, Said> = match serde_json::from_str(said) {
            Ok(said) => said,
            Err(error) => {
                let message = format!(
                    "it is not JSON of the form {{\"80\":{{\"protocol\":[\"TCP_SSL\"],\"tls\":\"secret\"}}}} ({error})"
                );
                self.fault(names::SPECIFY_PROTOCOL, message);
                return Vec::new();
            }
        };
        let service = self.service;
        let mut listeners: Vec<ListenerSpec> = Vec::new();
        for port in &service.ports {
            let found = said.get(&port.port.to_string());
            let protocols = found.map(|said| said.protocol.as_slice()).unwrap_or_default();
            let made: Vec<ListenerSpec> =
                protocols.iter().filter_map(|word| self.listener(port, word, found?)).collect();
            let made = if made.is_empty() { vec![plain(port)] } else { made };
            for listener in made {
                // Two Service ports of one number ask for the same.
                if !listeners.iter().any(|other| other.port == listener.port && other.protocol == listener.protocol) {
                    listeners.push(listener);
                }
            }
        }
        listeners
    }

    fn listener(&mut self, port: &ServicePort, word: &str, said: &Said) -> Option<ListenerSpec> {
        let Some(protocol) = ListenerProtocol::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(word))
        else {
            let known: Vec<_> = ListenerProtocol::ALL.iter().map(|one| one.as_str()).collect();
            let message = format!("port {}: \"{word}\" is none of {}; correct it", port.port, known.join(", "));
            self.fault(names::SPECIFY_PROTOCOL, message);
            return None;
        };
        let certificate = |tls: &Option<String>| {
            tls.as_ref().map(|secret| CertificateSpec { id: None, secret_name: Some(secret.clone()) })
        };
        let is_layer7 = matches!(protocol, ListenerProtocol::Http | ListenerProtocol::Https);
        let is_https = protocol == ListenerProtocol::Https;
        let needs = is_https || matches!(protocol, ListenerProtocol::TcpSsl | ListenerProtocol::Quic);
        let rule = |(domain, host): (&String, &Host)| RuleSpec {
            domain: domain.to_lowercase(),
            certificate: certificate(&host.tls).filter(|_| is_https),
            ..RuleSpec::default()
        };
        let rules: Vec<_> = if is_layer7 { said.hosts.iter().map(rule).collect() } else { Vec::new() };
        let has_own = !rules.is_empty() && rules.iter().all(|rule| rule.certificate.is_some());
        let certificate = certificate(&said.tls).filter(|_| needs);
        if needs && certificate.is_none() && !has_own {
            let message = format!("port {}: {word} needs \"tls\" with the name of a Secret; add it", port.port);
            self.fault(names::SPECIFY_PROTOCOL, message);
            return None;
        }
        Some(ListenerSpec { protocol, certificate, rules, ..plain(port) })
    }
}

fn plain(port: &ServicePort) -> ListenerSpec {
    let name = (!port.name.is_empty()).then(|| IntOrString::String(port.name.clone()));
    ListenerSpec {
        port: i32::from(port.port),
        protocol: match port.transport {
            Transport::Tcp => ListenerProtocol::Tcp,
            Transport::Udp => ListenerProtocol::Udp,
        },
        service_port: Some(name.unwrap_or_else(|| IntOrString::Int(i32::from(port.port)))),
        listener_id: None,
        certificate: None,
        rules: Vec::new(),
        weight: USUAL_WEIGHT,
    }
}
