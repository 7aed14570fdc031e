//! What a health check asks of a target, and how its answers add up to a verdict.

use std::time::Duration;

use crate::model::Health;

/// How the targets of a listener or rule are probed, in times as configured: the time scale is not applied yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthPolicy {
    /// What is asked; `None` when the check is switched off.
    pub(crate) probe: Option<ProbeKind>,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// From one probe to the next.
    pub(crate) interval: Duration,
    /// Successes in a row that make a target healthy.
    pub(crate) healthy_after: u32,
    /// Failures in a row that make a target unhealthy.
    pub(crate) unhealthy_after: u32,
    /// The port that is probed; `None`: the target's own.
    pub(crate) port: Option<u16>,
}

/// What one probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    /// Opens a TCP connection.
    Connect,
    /// Sends a datagram; only a refusal by the host counts as a failure, as with the cloud's PING check.
    Ping,
    /// Sends a request and looks at the status.
    Http {
        /// `HEAD` or `GET`.
        method: String,
        /// The path.
        path: String,
        /// The `Host` header.
        host: String,
        /// `HTTP/1.0` or `HTTP/1.1`.
        version: String,
        /// The accepted classes: bit 0 is 1xx, bit 4 is 5xx.
        codes: u8,
        /// Asked over TLS; any certificate will do.
        tls: bool,
    },
    /// Sends bytes over TCP and expects the answer to begin with others.
    TcpExchange {
        /// What is sent.
        send: Vec<u8>,
        /// What the answer begins with.
        expect: Vec<u8>,
    },
    /// Sends a datagram and expects the answer to begin with these bytes.
    UdpExchange {
        /// What is sent.
        send: Vec<u8>,
        /// What the answer begins with.
        expect: Vec<u8>,
    },
}

/// What the probes of one target have said so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HealthRecord {
    verdict: Health,
    successes: u32,
    failures: u32,
}

impl Default for HealthRecord {
    fn default() -> Self {
        Self { verdict: Health::Unknown, successes: 0, failures: 0 }
    }
}

impl HealthRecord {
    /// The verdict. It is `Unknown` until enough probes agree.
    pub(crate) fn verdict(&self) -> Health {
        self.verdict
    }

    /// Adds the result of one probe; true when the verdict changed.
    pub(crate) fn observe(&mut self, success: bool, policy: &HealthPolicy) -> bool {
        let before = self.verdict;
        if success {
            self.failures = 0;
            self.successes = self.successes.saturating_add(1);
            if self.successes >= policy.healthy_after {
                self.verdict = Health::Healthy;
            }
        } else {
            self.successes = 0;
            self.failures = self.failures.saturating_add(1);
            if self.failures >= policy.unhealthy_after {
                self.verdict = Health::Unhealthy;
            }
        }
        self.verdict != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> HealthPolicy {
        HealthPolicy {
            probe: Some(ProbeKind::Connect),
            timeout: Duration::from_secs(2),
            interval: Duration::from_secs(5),
            healthy_after: 3,
            unhealthy_after: 2,
            port: None,
        }
    }

    #[test]
    fn a_verdict_needs_results_in_a_row() {
        let mut record = HealthRecord::default();
        let mut after = |results: &[bool]| {
            for &result in results {
                record.observe(result, &policy());
            }
            record.verdict()
        };
        assert_eq!(after(&[true, true]), Health::Unknown);
        assert_eq!(after(&[false, true, true]), Health::Unknown);
        assert_eq!(after(&[true]), Health::Healthy);
        assert_eq!(after(&[false, true, false]), Health::Healthy);
        assert_eq!(after(&[false]), Health::Unhealthy);
        assert_eq!(after(&[true, true, false, true, true]), Health::Unhealthy);
        assert_eq!(after(&[true]), Health::Healthy);
    }
}
