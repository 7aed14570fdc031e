//! How a simulated cloud is set up.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::fault::Fault;
use crate::model::Protocol;

/// Everything a simulator can be told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the API and the admin endpoint listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address of the first load balancer; each further one takes the next that no other simulator holds.
    /// It must be in 127.0.0.0/8, and outside the range that Pods are reached at.
    pub data_plane_address: Ipv4Addr,
    /// The key pair that is accepted.
    pub credentials: Credentials,
    /// The account that it belongs to, and everything here.
    pub account: String,
    /// Other accounts: their keys are accepted, and see nothing of the first account's. What they create takes no traffic.
    pub other_accounts: Vec<Account>,
    /// Who gets temporary keys of the account.
    pub identities: Identities,
    /// The only region that is served.
    pub region: String,
    /// How long things take.
    pub timing: Timing,
    /// How it differs from what is believed of the real cloud.
    pub dialect: Dialect,
    /// Actions that the keys of all accounts may not call, such as `CreateListener`.
    pub denied_actions: BTreeSet<String>,
    /// Calls per second and action; `None`: no limit.
    pub rate_per_second: Option<u32>,
    /// The quotas of the account.
    pub quotas: Quotas,
    /// Whether listeners and probes have sockets.
    pub traffic: Traffic,
    /// Whether a TCP connection is cut when its target is deregistered, as the service does by default.
    pub cut_on_deregister: bool,
    /// Faults that are armed from the start.
    pub faults: Vec<Fault>,
    /// Load balancers that exist from the start, ready to use.
    pub load_balancers: Vec<LoadBalancerSpec>,
}

impl Default for Settings {
    /// A new account with the service's documented limits and likely durations, on free loopback ports.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_plane_address: Ipv4Addr::new(127, 77, 0, 10),
            credentials: Credentials::default(),
            account: "100000000001".into(),
            other_accounts: Vec::new(),
            identities: Identities::default(),
            region: "ap-guangzhou".into(),
            timing: Timing::default(),
            dialect: Dialect::default(),
            denied_actions: BTreeSet::new(),
            rate_per_second: Some(20),
            quotas: Quotas::default(),
            traffic: Traffic::default(),
            cut_on_deregister: true,
            faults: Vec::new(),
            load_balancers: Vec::new(),
        }
    }
}

impl Settings {
    /// Nothing takes time except health checks, which go 50 times faster, and rates are unlimited: for tests that are not
    /// about time.
    pub fn instant() -> Self {
        Self { timing: Timing::instant(), rate_per_second: None, ..Self::default() }
    }
}

/// A key pair, and the token that goes with a temporary one. Its debug form shows the id only.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The SecretId.
    pub secret_id: String,
    /// The SecretKey.
    pub secret_key: String,
    /// The token that every request must carry; `None` for a permanent key.
    pub token: Option<String>,
}

impl Default for Credentials {
    /// A key pair for a cloud that only exists on this machine.
    fn default() -> Self {
        Self { secret_id: "AKIDsimulator".into(), secret_key: "simulator-secret-key".into(), token: None }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

/// Who gets temporary keys: nobody, until it is said. Its debug form does not show the tokens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identities {
    /// The provider of identities.
    pub provider: String,
    /// The role that tokens of the provider are good for, such as `qcs::cam::uin/100000000001:roleName/direct-access`.
    pub role_arn: String,
    /// The tokens that are accepted.
    pub tokens: BTreeSet<String>,
    /// The role whose keys the metadata service gives at `/latest/meta-data/cam/security-credentials/`; `None`: it has none.
    pub machine_role: Option<String>,
    /// How long keys last at most; `None`: as long as they are asked for.
    pub longest: Option<Duration>,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, role_arn, machine_role, longest, tokens: _ } = self;
        let mut shown = f.debug_struct("Identities");
        shown.field("provider", provider).field("role_arn", role_arn).field("machine_role", machine_role);
        shown.field("longest", longest).finish_non_exhaustive()
    }
}

/// An account with its key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The UIN of the main account.
    pub id: String,
    /// The key pair.
    pub credentials: Credentials,
}

/// Durations of the cloud. `scale` multiplies all of them, and the times of health checks and idle flows as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// 1.0 is real time, 0.1 ten times faster, 0.0 instant.
    pub scale: f64,
    /// Until a new load balancer can be used.
    pub create_load_balancer: Duration,
    /// A task on a listener, rule, target or attribute.
    pub task: Duration,
    /// A batch call on targets.
    pub batch: Duration,
    /// How long a load balancer stays locked after a task has ended. That it does is reported by users of the service, how long is
    /// not.
    pub tail: Duration,
    /// What health checks are scaled by, instead of `scale`, when set.
    pub health_scale: Option<f64>,
}

impl Default for Timing {
    /// Likely durations, from what users of the service report.
    fn default() -> Self {
        Self {
            scale: 1.0,
            create_load_balancer: Duration::from_secs(5),
            task: Duration::from_millis(500),
            batch: Duration::from_millis(200),
            tail: Duration::from_millis(200),
            health_scale: None,
        }
    }
}

/// Probes of one target are never closer together than this, whatever the scale.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
/// A probe is given at least this long: a busy machine must not look like a dead target.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(500);
/// Sessions are kept at least this long.
const SHORTEST_SESSION: Duration = Duration::from_secs(1);
/// A flow is never forgotten sooner than this: a client needs the time to speak twice.
const SHORTEST_IDLE: Duration = Duration::from_secs(1);

impl Timing {
    /// Nothing takes time; health checks run at 1/50 of their configured times, 100 ms apart by default.
    pub fn instant() -> Self {
        Self { scale: 0.0, health_scale: Some(0.02), ..Self::default() }
    }

    /// A duration of the cloud in real time.
    pub(crate) fn scaled(&self, duration: Duration) -> Duration {
        scale(duration, self.scale)
    }

    /// The time from one probe to the next.
    pub(crate) fn probe_interval(&self, interval: Duration) -> Duration {
        scale(interval, self.health_scale.unwrap_or(self.scale)).max(SHORTEST_INTERVAL)
    }

    /// How long a probe may take.
    pub(crate) fn probe_timeout(&self, timeout: Duration) -> Duration {
        scale(timeout, self.health_scale.unwrap_or(self.scale)).max(SHORTEST_TIMEOUT)
    }

    /// How long a client that is not seen keeps its target. As a client sees it, so that it follows the pace of health checks.
    pub(crate) fn session(&self, time: Duration) -> Duration {
        scale(time, self.health_scale.unwrap_or(self.scale)).max(SHORTEST_SESSION)
    }

    /// How long an idle flow is remembered.
    pub(crate) fn idle(&self, timeout: Duration) -> Duration {
        scale(timeout, self.scale).max(SHORTEST_IDLE)
    }
}

/// A scale that is no number counts as 0; one that overflows gives the longest duration.
fn scale(duration: Duration, by: f64) -> Duration {
    let seconds = duration.as_secs_f64() * by;
    if seconds > 0.0 { Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX) } else { Duration::ZERO }
}

/// Whether there is traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traffic {
    /// Listeners listen and forward, and targets are probed for real.
    #[default]
    Served,
    /// Nothing listens, and every probe succeeds at the pace of its check: for so many listeners and targets that their sockets would
    /// cost more than what is measured.
    Assumed,
}

/// Quotas of the account. Defaults are those of a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Public load balancers: `TOTAL_OPEN_CLB_QUOTA`.
    pub public_load_balancers: usize,
    /// Internal load balancers: `TOTAL_INTERNAL_CLB_QUOTA`.
    pub internal_load_balancers: usize,
    /// Listeners of one load balancer: `TOTAL_LISTENER_QUOTA`.
    pub listeners: usize,
    /// Rules of one listener: `TOTAL_LISTENER_RULE_QUOTA`.
    pub rules: usize,
    /// Targets of one listener or rule: `TOTAL_TARGET_BIND_QUOTA`.
    pub targets: usize,
    /// SNAT addresses of one load balancer: `TOTAL_SNAT_IP_QUOTA`.
    pub snat_addresses: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            public_load_balancers: 100,
            internal_load_balancers: 100,
            listeners: 50,
            rules: 50,
            targets: 200,
            snat_addresses: 10,
        }
    }
}

/// A load balancer that is there without anybody having created it through the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancerSpec {
    /// Its id; absent: a new one.
    #[serde(default)]
    pub id: Option<String>,
    /// Its name; absent: the id.
    #[serde(default)]
    pub name: Option<String>,
    /// Internal instead of public.
    #[serde(default)]
    pub internal: bool,
    /// Its network; absent: `vpc-default`.
    #[serde(default)]
    pub vpc_id: Option<String>,
    /// Cross-region binding 2.0 is on.
    #[serde(default)]
    pub snat_pro: bool,
    /// Isolated for arrears: reads work, writes do not.
    #[serde(default)]
    pub isolated: bool,
    /// It has a domain name instead of an address, as new international accounts get it.
    #[serde(default)]
    pub domain: Option<String>,
    /// Tags, as pairs of key and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// Listeners that somebody else made.
    #[serde(default)]
    pub listeners: Vec<ListenerSpec>,
}

/// A listener that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerSpec {
    /// Its id; absent: a new one.
    #[serde(default)]
    pub id: Option<String>,
    /// `TCP`, `UDP`, `HTTP` and so on.
    pub protocol: String,
    /// The port.
    pub port: u16,
    /// The name; absent: `foreign`.
    #[serde(default)]
    pub name: Option<String>,
}

impl LoadBalancerSpec {
    /// A public load balancer of this id.
    pub fn with_id(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }
}

impl FromStr for LoadBalancerSpec {
    type Err = String;

    /// Reads `ID[,PROTOCOL:PORT…]`, such as `lb-6efswuxa,TCP:9999`: an id, and the listeners that somebody else made.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let id = parts.next().unwrap_or_default().trim();
        if !id.starts_with("lb-") {
            return Err(format!("'{id}' is no load balancer id: it must begin with lb-"));
        }
        let listeners = parts.map(listener_from).collect::<Result<_, _>>()?;
        Ok(Self { listeners, ..Self::with_id(id) })
    }
}

fn listener_from(text: &str) -> Result<ListenerSpec, String> {
    let (protocol, port) = text.split_once(':').ok_or_else(|| format!("'{text}' is not PROTOCOL:PORT"))?;
    let protocol: Protocol = protocol.trim().parse()?;
    let port: u16 = port.trim().parse().map_err(|_| format!("'{port}' is no port"))?;
    Ok(ListenerSpec { id: None, protocol: protocol.as_str().to_owned(), port, name: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_balancer_can_be_written_in_one_word() {
        let spec: LoadBalancerSpec = "lb-1,tcp:9999,UDP:53".parse().expect("it reads");
        assert_eq!(spec.id.as_deref(), Some("lb-1"));
        let listeners: Vec<_> = spec.listeners.iter().map(|l| (l.protocol.as_str(), l.port)).collect();
        assert_eq!(listeners, [("TCP", 9999), ("UDP", 53)]);
        assert!("web".parse::<LoadBalancerSpec>().is_err());
        assert!("lb-1,TCP".parse::<LoadBalancerSpec>().is_err());
        assert!("lb-1,TCP:70000".parse::<LoadBalancerSpec>().is_err());
    }

    #[test]
    fn the_scale_has_floors_and_no_surprises() {
        let timing = Timing { scale: 0.0, ..Timing::default() };
        assert_eq!(timing.scaled(Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(timing.probe_interval(Duration::from_secs(5)), SHORTEST_INTERVAL);
        let odd = Timing { scale: f64::NAN, ..Timing::default() };
        assert_eq!(odd.scaled(Duration::from_secs(5)), Duration::ZERO);
        let slow = Timing { scale: 2.0, ..Timing::default() };
        assert_eq!(slow.scaled(Duration::from_secs(5)), Duration::from_secs(10));
        assert_eq!(Timing { scale: f64::MAX, ..slow }.scaled(Duration::MAX), Duration::MAX);
    }

    #[test]
    fn the_secret_key_is_not_shown() {
        let shown = format!("{:?}", Settings::default());
        assert!(shown.contains("AKIDsimulator") && !shown.contains("simulator-secret-key"), "{shown}");
    }
}
