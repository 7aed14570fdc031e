//! The figures of a phase.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tke_direct_access::operator::USER_AGENT;
use tke_direct_access::sim::Simulator;

use crate::latency::GateLatency;
use crate::support::Request;
use crate::support::traffic::Totals;

/// The result of a phase.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) phase: &'static str,
    /// Until the Deployments were available; of other phases, how long was counted.
    pub(crate) seconds: f64,
    /// Until the last new Pod was seen ready; `None` where no Pod comes up.
    pub(crate) all_ready_seconds: Option<f64>,
    /// Until what had to go had gone, too.
    pub(crate) settled_seconds: f64,
    /// `None` where no gate opens.
    pub(crate) gate_latency_seconds: Option<GateLatency>,
    /// `None` where the controller was not restarted.
    pub(crate) restart: Option<Restart>,
    pub(crate) cloud_calls: CloudCalls,
    pub(crate) api_server_requests: ApiServerRequests,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_memory_kib: u64,
    /// Of the machine, over the minute before the phase.
    pub(crate) load_average: f64,
    /// `None` without load.
    pub(crate) traffic: Option<Traffic>,
}

/// How a restarted controller took up its work, in seconds since its start.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Restart {
    /// Until `/readyz` said yes.
    pub(crate) ready_seconds: f64,
    /// Until it had read as many targets, and the health of as many, as there are Pods.
    pub(crate) verified_seconds: f64,
    /// Reads of the cloud until then.
    pub(crate) reads_until_verified: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct CloudCalls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) by_action: BTreeMap<String, u64>,
    /// Targets in the replies of all reads.
    pub(crate) described: u64,
    pub(crate) described_by_action: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ApiServerRequests {
    /// Of all kinds beside the Lease.
    pub(crate) total: usize,
    /// About the Lease that elects the leader.
    pub(crate) lease: usize,
    /// By verb and resource, the Lease too.
    pub(crate) by_kind: BTreeMap<String, usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// Found their kept connection closed before any answer, and were sent again.
    pub(crate) retried: u64,
    pub(crate) p50_milliseconds: f64,
    pub(crate) p99_milliseconds: f64,
}

/// Of one figure in several phases: the middle one, or the mean of the two in the middle. `None` of none.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// To hundredths.
pub(crate) fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

impl CloudCalls {
    /// Since the counters of the cloud were reset.
    pub(crate) fn of(cloud: &Simulator) -> Self {
        let (by_action, writes, described_by_action) = (cloud.calls(), cloud.writes(), cloud.described());
        let described = described_by_action.values().sum();
        let reads = by_action.values().sum::<u64>().saturating_sub(writes);
        Self { reads, writes, by_action, described, described_by_action }
    }
}

impl ApiServerRequests {
    /// Those of the controller among these.
    pub(crate) fn of<'a>(requests: impl Iterator<Item = &'a Request>) -> Self {
        let mut of = Self { total: 0, lease: 0, by_kind: BTreeMap::new() };
        for request in requests.filter(|request| request.user_agent == USER_AGENT) {
            let count = if request.resource == "leases" { &mut of.lease } else { &mut of.total };
            *count += 1;
            *of.by_kind.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
        }
        of
    }
}

impl Traffic {
    pub(crate) fn new(totals: &Totals) -> Self {
        Self {
            sent: totals.sent,
            lost: totals.lost,
            retried: totals.retried,
            p50_milliseconds: milliseconds(totals.p50),
            p99_milliseconds: milliseconds(totals.p99),
        }
    }
}
