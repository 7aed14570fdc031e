//! Stages of more and more churn, until one replica can do no more.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::Setting;
use crate::churn::Churn;
use crate::place::{Place, Replica};
use crate::stage::{self, Figures};

/// The churn of a stage, as a multiple of that before it.
const STEP: f64 = 1.5;
/// No stage begins after this.
const PATIENCE: Duration = Duration::from_secs(420);
/// The longest that gates may take at the 99th percentile from healthy in the cloud, in seconds. A Pod that still waits after the stage
/// took too long, too.
const SLOWEST_GATE: f64 = 0.9;
/// From here on all of a core, or of the account's rate, counts as used: calls come unevenly.
const ALL: f64 = 0.95;

/// The most churn that one replica can follow.
#[derive(Debug, Serialize)]
pub(crate) struct Knee {
    /// Pods replaced per second in the last stage that was within all limits; absent when the first was not.
    pub(crate) last_good_churn: Option<f64>,
    /// Pods replaced per second in the first stage that was not; absent when none was in the time that there is.
    pub(crate) first_bad_churn: Option<f64>,
    /// What was used up in that stage.
    pub(crate) used_up: Vec<Limit>,
}

/// What ends the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// The calls that the account may make.
    AccountRate,
    /// A core.
    Core,
    /// The patience with gates.
    GateLatency,
}

/// What a stage has used up.
fn used_up(figures: &Figures) -> Vec<Limit> {
    let slowest = figures.gate_latency_seconds.map_or(0.0, |latency| latency.from_healthy.p99);
    let limits = [
        (Limit::AccountRate, figures.share_of_rate >= ALL || figures.throttled > 0.0),
        (Limit::Core, figures.cpu_cores >= ALL),
        (Limit::GateLatency, slowest > SLOWEST_GATE || figures.still_waiting > 0),
    ];
    limits.into_iter().filter_map(|(limit, is_reached)| is_reached.then_some(limit)).collect()
}

/// Runs a stage without churn, and then the one that was asked for, or stages until something is used up.
pub(crate) async fn run(
    place: &Place,
    setting: &Setting,
    replica: &Replica,
    churn: &mut Churn,
) -> Result<(Vec<Figures>, Option<Knee>)> {
    let rest = stage::measure(place, setting, replica, churn, 0.0, None).await?;
    let at_rest = Some(rest.cpu_cores);
    let mut stages = vec![rest];
    if let Some(per_second) = setting.churn {
        stages.push(stage::measure(place, setting, replica, churn, per_second, at_rest).await?);
        return Ok((stages, None));
    }
    let begun = Instant::now();
    let mut knee = Knee { last_good_churn: None, first_bad_churn: None, used_up: Vec::new() };
    let mut per_second = setting.first_churn;
    while begun.elapsed() < PATIENCE {
        let figures = stage::measure(place, setting, replica, churn, per_second, at_rest).await?;
        let limits = used_up(&figures);
        stages.push(figures);
        if !limits.is_empty() {
            knee.first_bad_churn = Some(per_second);
            knee.used_up = limits;
            break;
        }
        knee.last_good_churn = Some(per_second);
        per_second = (per_second * STEP * 100.0).round() / 100.0;
    }
    Ok((stages, Some(knee)))
}
