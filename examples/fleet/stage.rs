//! What is measured of one stage of churn.
//!
//! - A stage begins with [`WARM_UP`], until as many old Pods end as new ones come. Then everything is counted for the same time.
//! - Gate latency is that of the Pods whose containers became ready in this time. A watch in this process notes when it first sees
//!   ContainersReady and the gate of each; the simulator notes when its assumed probes find the target healthy. The Pods that still
//!   wait some time after the stage count with the time that they have waited.
//! - Cloud calls are counted by the simulator, whatever it answers; requests to the API server and the queue by the controller's own
//!   metrics; CPU time and memory by `/proc/<pid>` of the controller.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;
use tke_direct_access::model::Health;

use crate::Setting;
use crate::churn::Churn;
use crate::machine::Ticks;
use crate::metrics::Metrics;
use crate::place::{HEALTHY_AFTER, Place, Replica};

/// How long churn runs before it is measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(10);
/// How long Pods of the stage may wait after its end.
const AFTERWARDS: Duration = Duration::from_secs(15);
/// How often the depth of the queue is asked for.
const SAMPLE_PERIOD: Duration = Duration::from_secs(1);

/// The result of a stage.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Pods replaced per second, as asked for.
    pub(crate) churn: f64,
    pub(crate) seconds: f64,
    /// Pods whose containers became ready in this time.
    pub(crate) pods: usize,
    /// Of these, those whose gates were still closed [`AFTERWARDS`].
    pub(crate) still_waiting: usize,
    /// Absent without churn.
    pub(crate) gate_latency_seconds: Option<GateLatency>,
    pub(crate) queue: Queue,
    pub(crate) calls_per_second: BTreeMap<String, f64>,
    /// The action of which most calls were made.
    pub(crate) busiest_action: String,
    /// Its calls per second, as part of those that the account may make.
    pub(crate) share_of_rate: f64,
    /// Calls that the cloud refused because there were too many.
    pub(crate) throttled: f64,
    /// By method.
    pub(crate) api_requests_per_second: BTreeMap<&'static str, f64>,
    /// CPU time of the controller per second: 1 is a core.
    pub(crate) cpu_cores: f64,
    /// CPU time beyond that of the stage without churn, per replaced Pod. Absent without churn.
    pub(crate) cpu_milliseconds_per_pod: Option<f64>,
    /// Resident at the end of the stage.
    pub(crate) memory_mib: u64,
    /// The most that was resident since the start of the controller.
    pub(crate) peak_memory_mib: u64,
    /// The busy part of all processors, by whatever program.
    pub(crate) machine_busy: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GateLatency {
    /// From ContainersReady to the gate: what the load balancer adds to the start of a Pod.
    pub(crate) from_containers_ready: Percentiles,
    /// The same without [`HEALTHY_AFTER`], which the health check takes whatever the controller does.
    pub(crate) without_health_check: Percentiles,
    /// From the moment at which the cloud first shows the target as healthy.
    pub(crate) from_healthy: Percentiles,
}

/// Seconds; nearest rank.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Load balancers that wait for a round. Times are upper bounds of a histogram's buckets, in seconds; absent in the last one, and when
/// nothing has waited.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Queue {
    pub(crate) mean_depth: f64,
    pub(crate) most: f64,
    pub(crate) wait_p50: Option<f64>,
    pub(crate) wait_p99: Option<f64>,
    /// How long calls waited for the rate of their action.
    pub(crate) rate_wait_p99: Option<f64>,
}

/// Everything that is counted, at one time.
struct Reading {
    at: Instant,
    time: Timestamp,
    cpu: Duration,
    calls: BTreeMap<String, u64>,
    metrics: Metrics,
    ticks: Ticks,
}

impl Reading {
    async fn take(place: &Place, replica: &Replica) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            time: Timestamp::now(),
            cpu: replica.cpu()?,
            calls: place.cloud.calls(),
            metrics: replica.metrics().await?,
            ticks: Ticks::now()?,
        })
    }
}

/// Runs a stage. `rest` is what the one without churn has cost, in cores.
pub(crate) async fn measure(
    place: &Place,
    setting: &Setting,
    replica: &Replica,
    churn: &mut Churn,
    per_second: f64,
    rest: Option<f64>,
) -> Result<Figures> {
    eprintln!("{per_second} Pods replaced per second");
    if per_second > 0.0 {
        churn.run(per_second, WARM_UP).await?;
    }
    let before = Reading::take(place, replica).await?;
    let lasting = Duration::from_secs(u64::from(setting.stage_seconds));
    let ((), depths) = tokio::try_join!(churn.run(per_second, lasting), depths(replica, lasting))?;
    let after = Reading::take(place, replica).await?;
    if per_second > 0.0 {
        churn.settle(AFTERWARDS).await?;
    }
    let pods = waits(place, churn, (before.time, after.time));
    let seconds = (after.at - before.at).as_secs_f64();
    let count = |count: f64| round(count / seconds);
    let sum = |name: &str, labels: &[(&str, &str)]| after.metrics.sum(name, labels) - before.metrics.sum(name, labels);
    let calls: BTreeMap<String, f64> = (after.calls.iter())
        .map(|(action, all)| (action.clone(), all - before.calls.get(action).copied().unwrap_or_default()))
        .map(|(action, calls)| (action, count(to_float(calls))))
        .collect();
    let busiest = calls.iter().max_by(|one, other| one.1.total_cmp(other.1));
    let (busiest_action, most_calls) = busiest.map(|(action, calls)| (action.clone(), *calls)).unwrap_or_default();
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let cpu_cores = round(after.cpu.saturating_sub(before.cpu).as_secs_f64() / seconds);
    let replaced = to_float(u64::try_from(pods.waits.len())?);
    let per_pod = |rest: f64| round((cpu_cores - rest) * seconds * 1000.0 / replaced);
    Ok(Figures {
        churn: per_second,
        seconds: round(seconds),
        pods: pods.waits.len(),
        still_waiting: pods.still_waiting,
        gate_latency_seconds: pods.latency(),
        queue: queue(&depths, &before.metrics, &after.metrics),
        busiest_action,
        share_of_rate: round(most_calls / f64::from(setting.account_rate)),
        calls_per_second: calls,
        throttled: sum("direct_access_clb_calls_total", &[("class", "throttled")]),
        api_requests_per_second: methods
            .map(|method| (method, count(sum("rest_client_requests_total", &[("method", method)]))))
            .into(),
        cpu_cores,
        cpu_milliseconds_per_pod: rest.filter(|_| replaced > 0.0).map(per_pod),
        memory_mib: replica.memory()?,
        peak_memory_mib: replica.peak_memory()?,
        machine_busy: round(after.ticks.busy_since(&before.ticks)),
    })
}

fn to_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// To three digits.
fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The depth of the queue, once a second.
async fn depths(replica: &Replica, lasting: Duration) -> Result<Vec<f64>> {
    let end = Instant::now() + lasting;
    let mut depths = Vec::new();
    let mut ticks = tokio::time::interval(SAMPLE_PERIOD);
    while Instant::now() < end {
        ticks.tick().await;
        depths.push(replica.metrics().await?.sum("workqueue_depth", &[]));
    }
    Ok(depths)
}

fn queue(depths: &[f64], before: &Metrics, after: &Metrics) -> Queue {
    let bound = |name: &str, labels: &[(&str, &str)], percent: f64| {
        after.percentile(before, name, labels, percent).filter(|bound| bound.is_finite())
    };
    let count = u32::try_from(depths.len()).unwrap_or(u32::MAX).max(1);
    Queue {
        mean_depth: round(depths.iter().sum::<f64>() / f64::from(count)),
        most: depths.iter().copied().fold(0.0, f64::max),
        wait_p50: bound("workqueue_queue_duration_seconds", &[], 50.0),
        wait_p99: bound("workqueue_queue_duration_seconds", &[], 99.0),
        rate_wait_p99: bound("direct_access_clb_wait_seconds", &[("for", "rate")], 99.0),
    }
}

/// How long the Pods of a stage waited, in seconds.
struct Waits {
    /// From ContainersReady.
    waits: Vec<f64>,
    /// From healthy in the cloud, of those that became so.
    from_healthy: Vec<f64>,
    still_waiting: usize,
}

/// The Pods whose containers became ready in the meantime.
fn waits(place: &Place, churn: &Churn, (begin, end): (Timestamp, Timestamp)) -> Waits {
    let is_measured = |ready: Timestamp| ready >= begin && ready < end;
    let mut healthy: HashMap<IpAddr, Timestamp> = HashMap::new();
    for change in place.cloud.health_log().iter().filter(|change| change.health == Health::Healthy) {
        healthy.entry(change.address.ip).or_insert(change.at);
    }
    let opened = churn.sightings.opened();
    let opened: Vec<_> = opened.iter().filter(|pod| is_measured(pod.containers_ready)).collect();
    let waiting: Vec<Timestamp> = churn.sightings.waiting().into_iter().filter(|ready| is_measured(*ready)).collect();
    let now = Timestamp::now();
    let so_far = waiting.iter().map(|ready| now.duration_since(*ready).as_secs_f64());
    let until_open = opened.iter().map(|pod| pod.gate_open.duration_since(pod.containers_ready).as_secs_f64());
    let since_healthy = |ip: IpAddr, open: Timestamp| Some(open.duration_since(*healthy.get(&ip)?).as_secs_f64());
    Waits {
        waits: until_open.chain(so_far).collect(),
        from_healthy: opened.iter().filter_map(|pod| since_healthy(pod.ip, pod.gate_open)).collect(),
        still_waiting: waiting.len(),
    }
}

impl Waits {
    fn latency(&self) -> Option<GateLatency> {
        let check = HEALTHY_AFTER.as_secs_f64();
        Some(GateLatency {
            from_containers_ready: Percentiles::of(self.waits.clone())?,
            without_health_check: Percentiles::of(self.waits.iter().map(|wait| wait - check).collect())?,
            from_healthy: Percentiles::of(self.from_healthy.clone())?,
        })
    }
}

impl Percentiles {
    /// `None` when there is no value.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(index).copied().map(round)
        };
        Some(Self { p50: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }
}
