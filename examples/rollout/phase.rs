//! What is measured of one phase.
//!
//! - A creation or rollout lasts from its command until the Deployments are available. What it costs is counted on, until the Pods
//!   that had to end have gone, their targets too, and the bindings say so.
//! - Gate latency: a watch in this process notes when it first sees ContainersReady, the gate and Ready of each Pod. The simulator
//!   notes when its probes first found the target healthy, which is when its API begins to say so.
//! - Cloud calls, and the targets that their replies describe, are counted by the simulator; requests to the API server by its audit
//!   log, filtered by the controller's user agent. A watch counts once, when it begins. Requests about the Lease stand apart: the peer
//!   was measured without election.
//! - CPU time is user and system time in `/proc/<pid>/stat`, peak memory is `VmHWM` in `/proc/<pid>/status` (since the start of the
//!   process); the controller is a process that does nothing else.
//! - A restart begins when the former controller has ended, and is counted until 10 s after the new one has read all targets and
//!   the health of all. A rest is counted for 60 s.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;

use crate::Setting;
use crate::figures::{ApiServerRequests, CloudCalls, Figures, Restart, Traffic, seconds};
use crate::latency::{GateLatency, sighted};
use crate::scenario::{Kind, Work};
use crate::stage::Stage;
use crate::support::traffic::{Load, Mode};
use crate::support::within;

/// How long nothing happens in a rest.
const REST: Duration = Duration::from_secs(60);
/// How long a restarted controller is watched after it has read everything.
const RESTART_WATCH: Duration = Duration::from_secs(10);
/// How long a restarted controller may take to read everything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures all phases, one after the other.
pub(crate) async fn measure_all(stage: &mut Stage, setting: &Setting, work: &Work) -> Result<Vec<Figures>> {
    let (mut standing, mut version) = (0, 1);
    let mut phases = Vec::new();
    for phase in 1..=work.phases {
        for kind in work.kinds {
            let before = if *kind == Kind::Creation { 0 } else { work.pods_each };
            if standing != before {
                eprintln!("before: {} Pods of each binding", before);
                stage.scale(before).await?;
                stage.settled(before).await?;
            }
            stage.quiet().await?;
            eprintln!("{} of {} Pods, phase {phase} of {}", kind.name(), work.pods(), work.phases);
            phases.push(match kind {
                Kind::Creation => change(stage, work, *kind, 0, stage.scale(work.pods_each)).await?,
                Kind::Rollout => {
                    version += 1;
                    change(stage, work, *kind, setting.load, stage.roll(version)).await?
                }
                Kind::Restart => restart(stage, work).await?,
                Kind::Rest => rest(stage).await?,
            });
            standing = work.pods_each;
        }
    }
    Ok(phases)
}

/// What the counters said when a phase began.
struct Begin {
    started: Instant,
    requests: usize,
    cpu: Duration,
    load_average: f64,
}

impl Begin {
    /// Begins to count; `cpu` is what the controller has used before.
    fn new(stage: &Stage, cpu: Duration) -> Result<Self> {
        let requests = stage.control_plane.requests()?.len();
        stage.cloud.reset_calls();
        Ok(Self { started: Instant::now(), requests, cpu, load_average: load_average()? })
    }

    /// What has been counted since, without what only some kinds of phases have.
    fn end(&self, stage: &Stage, kind: Kind) -> Result<Figures> {
        let elapsed = seconds(self.started.elapsed());
        Ok(Figures {
            phase: kind.name(),
            seconds: elapsed,
            all_ready_seconds: None,
            settled_seconds: elapsed,
            gate_latency_seconds: None,
            restart: None,
            cloud_calls: CloudCalls::of(&stage.cloud),
            api_server_requests: ApiServerRequests::of(stage.control_plane.requests()?.iter().skip(self.requests)),
            cpu_seconds: seconds(stage.controller.cpu()?.saturating_sub(self.cpu)),
            peak_memory_kib: stage.controller.peak_memory()?,
            load_average: self.load_average,
            traffic: None,
        })
    }
}

/// Runs `act`, which makes or replaces all Pods, and measures it, under so many requests per second.
async fn change(
    stage: &Stage,
    work: &Work,
    kind: Kind,
    load: u32,
    act: impl Future<Output = Result<()>>,
) -> Result<Figures> {
    let load = if load > 0 { Some(Load::start(&stage.url()?, load, Mode::Both)) } else { None };
    let begin = Begin::new(stage, stage.controller.cpu()?)?;
    let mut commanded = Timestamp::now();
    let acting = async {
        commanded = Timestamp::now();
        let started = Instant::now();
        act.await?;
        let available = started.elapsed();
        stage.settled(work.pods_each).await?;
        Ok((available, started.elapsed()))
    };
    let ((available, settled), sightings) = sighted(stage.pods(), acting).await?;
    let figures = begin.end(stage, kind)?;
    let traffic = match load {
        Some(load) => Some(Traffic::new(&load.stop().await?)),
        None => None,
    };
    let latency: GateLatency = sightings.latency(&stage.cloud.health_log());
    let (pods, measured) = (usize::try_from(work.pods())?, latency.from_healthy.count);
    ensure!(measured == pods, "{measured} of {pods} Pods were seen to wait for their gate");
    let all_ready = sightings.all_ready().context("no Pod became ready")?.duration_since(commanded);
    Ok(Figures {
        seconds: seconds(available),
        all_ready_seconds: Some(seconds(Duration::try_from(all_ready)?)),
        settled_seconds: seconds(settled),
        gate_latency_seconds: Some(latency),
        traffic,
        ..figures
    })
}

async fn restart(stage: &mut Stage, work: &Work) -> Result<Figures> {
    stage.controller.stop().await;
    let begin = Begin::new(stage, Duration::ZERO)?;
    stage.start_controller()?;
    let ready = stage.controller.ready().await?;
    let verified = within(PATIENCE, async || {
        let described = stage.cloud.described();
        let all = ["DescribeTargets", "DescribeTargetHealth"];
        all.iter().all(|action| described.get(*action).is_some_and(|count| *count >= u64::from(work.pods())))
    });
    verified.await.map_err(anyhow::Error::msg).context("the controller does not read everything")?;
    let verified = stage.controller.age();
    let reads_until_verified = CloudCalls::of(&stage.cloud).reads;
    tokio::time::sleep(RESTART_WATCH).await;
    let restart = Restart { ready_seconds: seconds(ready), verified_seconds: seconds(verified), reads_until_verified };
    Ok(Figures { restart: Some(restart), ..begin.end(stage, Kind::Restart)? })
}

async fn rest(stage: &Stage) -> Result<Figures> {
    let begin = Begin::new(stage, stage.controller.cpu()?)?;
    tokio::time::sleep(REST).await;
    begin.end(stage, Kind::Rest)
}

/// Processes that ran or waited to, on average over the last minute: what else this machine was doing.
fn load_average() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    text.split_whitespace().next().and_then(|number| number.parse().ok()).context("no load average in /proc")
}
