//! What is measured of one phase.
//!
//! - A phase lasts from its command until the Deployment is available. What it costs is counted on, until the Pods that were told
//!   to end have gone and their targets too.
//! - Gate latency: a watch in this process notes when it first sees ContainersReady and the gate of each Pod. The simulator notes
//!   when its probes first found the target healthy, which is when its API begins to say so.
//! - Cloud calls are counted by the simulator, requests to the API server by its audit log, filtered by the controller's user
//!   agent. A watch counts once, when it begins.
//! - CPU time is user and system time in `/proc/<pid>/stat`, peak memory is `VmHWM` in `/proc/<pid>/status` (since the start of the
//!   process); the controller is a process that does nothing else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;
use tke_direct_access::operator::USER_AGENT;

use crate::Setting;
use crate::latency::{GateLatency, sighted};
use crate::stage::Stage;
use crate::support::traffic::{Load, Mode, Totals};

/// The result of a phase.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) phase: &'static str,
    /// Until the Deployment was available.
    pub(crate) seconds: f64,
    /// Until what had to go had gone, too.
    pub(crate) settled_seconds: f64,
    pub(crate) gate_latency_seconds: GateLatency,
    pub(crate) cloud_calls: CloudCalls,
    /// By verb and resource.
    pub(crate) api_server_requests: BTreeMap<String, usize>,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_memory_kib: u64,
    /// `None` without load.
    pub(crate) traffic: Option<Traffic>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CloudCalls {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) by_action: BTreeMap<String, u64>,
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

/// Runs `act` and measures it.
pub(crate) async fn measure(
    stage: &Stage,
    setting: &Setting,
    phase: &'static str,
    load: u32,
    act: impl AsyncFnOnce() -> Result<()>,
) -> Result<Figures> {
    eprintln!("{phase} of {} Pods", setting.pods);
    let load = if load > 0 { Some(Load::start(&stage.url()?, load, Mode::Both)) } else { None };
    stage.cloud.reset_calls();
    let requests_before = stage.control_plane.requests()?.len();
    let cpu_before = stage.controller.cpu()?;
    let started = Instant::now();
    let acting = async {
        act().await?;
        let available = started.elapsed();
        stage.settled(setting).await?;
        anyhow::Ok(available)
    };
    let (available, sightings) = sighted(kube::Api::default_namespaced(stage.namespace.client()), acting).await;
    let (available, settled) = (available?, started.elapsed());
    let traffic = match load {
        Some(load) => Some(Traffic::new(&load.stop().await?)),
        None => None,
    };
    let gate_latency_seconds = sightings.latency(&stage.cloud.health_log());
    let pods = usize::try_from(setting.pods)?;
    let measured = gate_latency_seconds.from_healthy.count;
    ensure!(measured == pods, "{measured} of {pods} Pods were seen to wait for their gate");
    Ok(Figures {
        phase,
        seconds: seconds(available),
        settled_seconds: seconds(settled),
        gate_latency_seconds,
        cloud_calls: CloudCalls::new(stage),
        api_server_requests: requests(stage, requests_before)?,
        cpu_seconds: seconds(stage.controller.cpu()?.saturating_sub(cpu_before)),
        peak_memory_kib: stage.controller.peak_memory()?,
        traffic,
    })
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

fn requests(stage: &Stage, before: usize) -> Result<BTreeMap<String, usize>> {
    let mut counts = BTreeMap::new();
    let requests = stage.control_plane.requests()?;
    for request in requests.iter().skip(before).filter(|request| request.user_agent == USER_AGENT) {
        *counts.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    Ok(counts)
}

impl CloudCalls {
    fn new(stage: &Stage) -> Self {
        let by_action = stage.cloud.calls();
        let writes = stage.cloud.writes();
        Self { reads: by_action.values().sum::<u64>().saturating_sub(writes), writes, by_action }
    }
}

impl Traffic {
    fn new(totals: &Totals) -> Self {
        Self {
            sent: totals.sent,
            lost: totals.lost,
            retried: totals.retried,
            p50_milliseconds: milliseconds(totals.p50),
            p99_milliseconds: milliseconds(totals.p99),
        }
    }
}
