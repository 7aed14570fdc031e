//! Flags and environment of gate injection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::certificate::Lifetimes;

/// How Pods get the readiness gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Injection {
    /// Policy where the API server has MutatingAdmissionPolicy v1 (Kubernetes 1.36 and later) when this replica starts, else Webhook.
    #[default]
    Auto,
    /// By a mutating webhook that every replica serves.
    Webhook,
    /// By a MutatingAdmissionPolicy: the API server does it alone, without certificates. A binding counts from its first status
    /// on.
    Policy,
    /// Not at all: Pod templates carry the gate.
    None,
}

impl Injection {
    /// For metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Webhook => "webhook",
            Self::Policy => "policy",
            Self::None => "none",
        }
    }
}

/// What gate injection is told at start.
#[derive(Clone, Debug, Args)]
#[group(id = "webhook")]
pub struct Settings {
    /// How Pods get the readiness gate. What another way has left behind is removed.
    #[arg(long, value_enum, default_value_t)]
    pub gate_injection: Injection,
    /// Address that the webhook listens on.
    #[arg(long, default_value_t = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9443)))]
    pub webhook_listen: SocketAddr,
    /// Name of the Service in front of the webhook, in the controller's namespace.
    #[arg(long, default_value = "direct-access-webhook")]
    pub webhook_service: String,
    /// Port of that Service.
    #[arg(long, default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..))]
    pub webhook_service_port: u16,
    /// Name or address, with or without a port, at which the API server reaches a webhook that runs outside the cluster. Without
    /// a port it is the one listened on. Excludes the Service.
    #[arg(long)]
    pub webhook_host: Option<String>,
    /// Name of the Secret with the webhook's certificate, in the controller's namespace.
    #[arg(long, default_value = "direct-access-webhook")]
    pub webhook_secret: String,
    /// Seconds for which the webhook goes on answering when this replica ends, until the API server has learnt of it.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(..=60))]
    pub webhook_linger_seconds: u64,
    /// How long certificates live.
    #[arg(skip)]
    pub lifetimes: Lifetimes,
}

impl Settings {
    /// How the API server reaches a webhook that listens on `listening`.
    pub(super) fn reach(&self, listening: SocketAddr) -> Reach {
        match &self.webhook_host {
            None => Reach::Service { name: self.webhook_service.clone(), port: self.webhook_service_port },
            Some(host) if has_port(host) => Reach::Host(host.clone()),
            Some(host) if host.parse::<Ipv6Addr>().is_ok() => Reach::Host(format!("[{host}]:{}", listening.port())),
            Some(host) => Reach::Host(format!("{host}:{}", listening.port())),
        }
    }

    /// How long the webhook goes on answering at the end.
    pub(super) fn linger(&self) -> Duration {
        Duration::from_secs(self.webhook_linger_seconds)
    }
}

/// How the API server reaches the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// By a Service of the controller's namespace.
    Service {
        /// Its name.
        name: String,
        /// Its port.
        port: u16,
    },
    /// By `host:port`.
    Host(String),
}

impl Reach {
    /// The names that the certificate must have. `own` is the controller's namespace.
    pub(super) fn names(&self, own: &str) -> Vec<String> {
        match self {
            Self::Service { name, .. } => vec![format!("{name}.{own}.svc")],
            Self::Host(authority) => {
                let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
                vec![host.trim_start_matches('[').trim_end_matches(']').to_owned()]
            }
        }
    }
}

/// An IPv6 address is only followed by a port when it is in brackets.
fn has_port(host: &str) -> bool {
    host.parse::<IpAddr>().is_err() && host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings(flags: &[&str]) -> Settings {
        Flags::try_parse_from([&["x"], flags].concat()).unwrap().settings
    }

    #[test]
    fn the_host_may_have_a_port_of_its_own() {
        let listening = SocketAddr::from(([127, 0, 0, 1], 9443));
        for (host, authority, name) in [
            ("127.0.0.1", "127.0.0.1:9443", "127.0.0.1"),
            ("127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1"),
            ("hook.example.com", "hook.example.com:9443", "hook.example.com"),
            ("[::1]:8443", "[::1]:8443", "::1"),
            ("[::1]", "[::1]:9443", "::1"),
            ("::1", "[::1]:9443", "::1"),
        ] {
            let reach = settings(&["--webhook-host", host]).reach(listening);
            assert_eq!(reach, Reach::Host(authority.to_owned()));
            assert_eq!(reach.names("own"), [name]);
        }
    }

    #[test]
    fn a_service_is_the_default() {
        let settings = settings(&["--gate-injection", "Webhook", "--webhook-service-port", "444"]);
        let reach = settings.reach(SocketAddr::from(([0, 0, 0, 0], 1)));
        assert_eq!(reach, Reach::Service { name: "direct-access-webhook".to_owned(), port: 444 });
        assert_eq!(reach.names("own"), ["direct-access-webhook.own.svc"]);
        assert_eq!(settings.gate_injection, Injection::Webhook);
    }
}
