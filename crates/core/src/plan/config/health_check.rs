//! The health check of an entry.

use crate::api::condition::ConfigProblem;
use crate::api::service_config::HealthCheckConfig;
use crate::model::{Attribute, Protocol};

use super::Part;
use super::doubt::Field;
use super::entry::Entry;

/// Most characters of what a custom check sends and expects.
const CONTEXT_MAX: usize = 500;

/// The check type of a new listener or rule for which none is wished. That of HTTPS rules is the protocol towards their targets, which is
/// HTTP unless something else is said. Source: `HealthCheck.CheckType` of the API's data structures.
pub(super) fn usual_check_type(protocol: Protocol, forward_type: Option<&str>) -> &'static str {
    let types = check_types(protocol);
    let of_targets = match forward_type.filter(|_| protocol == Protocol::Https) {
        Some("GRPCS") => Some("GRPC"),
        other => other,
    };
    let followed = of_targets.and_then(|forward| types.iter().find(|one| **one == forward));
    followed.or(types.first()).copied().unwrap_or_default()
}

/// The check types of a protocol.
pub(super) const fn check_types(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Tcp => &["TCP", "HTTP", "CUSTOM"],
        Protocol::Udp => &["PING", "CUSTOM"],
        Protocol::TcpSsl | Protocol::Quic => &["TCP", "HTTP"],
        Protocol::Http => &["HTTP", "GRPC", "TCP"],
        Protocol::Https => &["HTTP", "HTTPS", "GRPC", "TCP"],
    }
}

impl Entry<'_> {
    pub(super) fn health_check(&mut self, config: Option<&HealthCheckConfig>) {
        let Some(config) = config else { return };
        self.both_spellings("healthCheck.enabled", config.enable, config.enabled);
        if config.switch() == Some(true) && self.is_wildcard() && config.http_check_domain.is_none() {
            let field = Field::Setting(Attribute::CheckDomain);
            let report = self.doubt(field).unwrap_or_else(|| {
                let message = "the domain is a wildcard, which cannot be asked for; set the host of the health check";
                self.refuse(field, ConfigProblem::MissingValue, message)
            });
            self.wait_for(report, &["the other settings of healthCheck"]);
            return;
        }
        self.set_some(Attribute::CheckSwitch, config.switch());
        self.number(Attribute::CheckInterval, config.interval_time, 2, 300);
        self.number(Attribute::CheckTimeout, config.timeout, 2, 60);
        self.number(Attribute::CheckHealthyCount, config.health_num, 2, 10);
        self.number(Attribute::CheckUnhealthyCount, config.un_health_num, 2, 10);
        self.check_port(config.check_port);
        self.word(Attribute::CheckType, config.check_type.as_deref(), check_types(self.protocol()));
        self.word(Attribute::CheckContextType, config.context_type.as_deref(), &["HEX", "TEXT"]);
        self.context(Attribute::CheckSend, config.send_context.as_deref());
        self.context(Attribute::CheckReceive, config.recv_context.as_deref());
        self.word(Attribute::CheckHttpVersion, config.http_version.as_deref(), &["HTTP/1.0", "HTTP/1.1"]);
        self.number(Attribute::CheckHttpCodes, config.http_code, 1, 31);
        self.path(config.http_check_path.as_deref());
        self.text(Attribute::CheckDomain, config.http_check_domain.as_deref(), 80);
        self.word(Attribute::CheckMethod, config.http_check_method.as_deref(), &["HEAD", "GET"]);
        self.source(config.source_ip_type);
    }

    fn is_wildcard(&self) -> bool {
        matches!(&self.subject.part, Part::Rule { domain, .. } if domain.contains('*') || domain.starts_with('~'))
    }

    fn check_port(&mut self, port: Option<i32>) {
        let attribute = Attribute::CheckPort;
        match port {
            None | Some(0) => {}
            Some(_) if !matches!(self.protocol(), Protocol::Tcp | Protocol::Udp) => {
                let message = format!("{} listeners check the target's own port; remove it", self.protocol());
                self.refuse(Field::Setting(attribute), ConfigProblem::NotSupported, &message);
            }
            Some(-1) => self.set_some(attribute, Some(-1_i64)),
            Some(_) => self.number(attribute, port, 1, 65_535),
        }
    }

    fn source(&mut self, source: Option<i32>) {
        match source {
            None => {}
            Some(number @ (0 | 1)) => self.set_some(Attribute::CheckSource, Some(i64::from(number))),
            Some(other) => {
                let message =
                    format!("{other} is not possible; use 0 (the load balancer's address) or 1 (100.64.0.0/10)");
                self.refuse(Field::Setting(Attribute::CheckSource), ConfigProblem::NotAllowed, &message);
            }
        }
    }

    fn text(&mut self, attribute: Attribute, text: Option<&str>, most: usize) {
        let Some(text) = text else { return };
        if text.chars().count() > most {
            let message = format!("it has more than {most} characters; shorten it");
            self.refuse(Field::Setting(attribute), ConfigProblem::NotAllowed, &message);
        } else {
            self.set_some(attribute, Some(text));
        }
    }

    fn path(&mut self, path: Option<&str>) {
        match path {
            Some(path) if !path.starts_with('/') => {
                let message = "a path begins with '/'; correct it";
                self.refuse(Field::Setting(Attribute::CheckPath), ConfigProblem::NotAllowed, message);
            }
            path => self.text(Attribute::CheckPath, path, 200),
        }
    }

    fn context(&mut self, attribute: Attribute, context: Option<&str>) {
        let Some(context) = context else { return };
        let is_visible = context.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        if is_visible {
            self.text(attribute, Some(context), CONTEXT_MAX);
        } else {
            let message = "only visible ASCII characters are possible; write others as HEX";
            self.refuse(Field::Setting(attribute), ConfigProblem::NotAllowed, message);
        }
    }
}
