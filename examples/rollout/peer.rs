//! What the figures are compared with.
//!
//! The best peer is aws-load-balancer-controller 3.5.0 with settings for speed: a poll of health each second, a rate of calls that
//! it never reaches, 20 workers. It was measured side by side with this project: on one control plane with 2 cores, against a cloud of
//! its own protocol with the same cost model (30 ms a call, a target healthy 5 s after its registration, 10 s of draining), without
//! election of a leader. Ranges are of several runs; latencies are medians of five phases, give or take 0.1 s.

use serde::Serialize;

use crate::figures::{Figures, median};
use crate::latency::Percentiles;
use crate::scenario::Scenario;

/// A line of the comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was done, and which figures follow.
    pub(crate) work: &'static str,
    /// The peer's; several runs give a range.
    pub(crate) peer: &'static str,
    /// Medians of all phases.
    pub(crate) here: String,
    /// What this project aims at: at most so much of each.
    pub(crate) to_reach: String,
    /// Whether no median exceeds its aim.
    pub(crate) is_reached: bool,
}

/// A line of the comparison before the figures are known.
struct Goal {
    work: &'static str,
    peer: &'static str,
    parts: &'static [Part],
}

/// One of the figures of a line.
struct Part {
    of: fn(&Figures) -> Option<f64>,
    decimals: usize,
    /// The median may be this, and not more.
    most: f64,
}

const fn part(of: fn(&Figures) -> Option<f64>, decimals: usize, most: f64) -> Part {
    Part { of, decimals, most }
}

const A: &[Goal] = &[Goal {
    work: "100 Pods up: gate - healthy, p50 / p99, s",
    peer: "0.47-0.92 / 1.19-1.61",
    parts: &[part(HEALTHY_P50, 2, 0.30), part(HEALTHY_P99, 2, 0.60)],
}];

const C: &[Goal] = &[
    Goal {
        work: "rollout of 300: gate - healthy, p50 / p99, s",
        peer: "0.37-0.46 / 1.49-2.22",
        parts: &[part(HEALTHY_P50, 2, 0.30), part(HEALTHY_P99, 2, 0.70)],
    },
    Goal {
        work: "rollout of 300: all new Pods ready, s",
        peer: "31.9-32.2",
        parts: &[part(|figures| figures.all_ready_seconds, 1, 29.0)],
    },
    Goal {
        work: "rollout of 300: reads / targets described / writes",
        peer: "133-146 / 18,000-20,000 / 116-146",
        parts: &[part(READS, 0, 120.0), part(DESCRIBED, 0, 35_000.0), part(WRITES, 0, 70.0)],
    },
    Goal { work: "rollout of 300: API-server requests", peer: "659-679", parts: &[part(REQUESTS, 0, 640.0)] },
    Goal {
        work: "rollout of 300: CPU, s / peak memory, MiB",
        peer: "3.0 / 74",
        parts: &[part(CPU, 1, 1.3), part(MEMORY, 0, 30.0)],
    },
];

const D: &[Goal] = &[
    Goal {
        work: "20 bindings x 15: gate - ContainersReady, p50 / p99, s",
        peer: "6.2 / 6.9",
        parts: &[
            part(|figures| containers_ready(figures).map(|found| found.p50), 1, 6.0),
            part(|figures| containers_ready(figures).map(|found| found.p99), 1, 6.6),
        ],
    },
    Goal {
        work: "20 bindings x 15: reads / writes / API-server requests",
        peer: "335 / 139 / 847",
        parts: &[part(READS, 0, 150.0), part(WRITES, 0, 60.0), part(REQUESTS, 0, 750.0)],
    },
];

const E: &[Goal] = &[
    Goal {
        work: "1,000 Pods in 5 bindings: gate - healthy, p50 / p99, s",
        peer: "0.39 / 1.36",
        parts: &[part(HEALTHY_P50, 2, 0.35), part(HEALTHY_P99, 2, 0.90)],
    },
    Goal {
        work: "1,000 Pods in 5 bindings: reads / targets described / writes / API-server requests",
        peer: "807 / 14,600 / 334 / 2,334",
        parts: &[
            part(READS, 0, 400.0),
            part(DESCRIBED, 0, 60_000.0),
            part(WRITES, 0, 150.0),
            part(REQUESTS, 0, 2_300.0),
        ],
    },
    Goal {
        work: "1,000 Pods in 5 bindings: CPU, s / peak memory, MiB",
        peer: "6.7 / 81",
        parts: &[part(CPU, 1, 3.0), part(MEMORY, 0, 40.0)],
    },
];

const RESTART: &[Goal] = &[Goal {
    work: "restart, 1,000 gated Pods: writes / reads until all are verified / ready, s",
    peer: "0 / nothing is verified / 2.1",
    parts: &[
        part(WRITES, 0, 0.0),
        part(|figures| figures.restart.map(|restart| count(restart.reads_until_verified)), 0, 24.0),
        part(|figures| figures.restart.map(|restart| restart.ready_seconds), 1, 0.2),
    ],
}];

const REST: &[Goal] = &[Goal {
    work: "at rest, 1,000 Pods, 60 s: reads / API-server requests",
    peer: "0 / 0",
    parts: &[part(READS, 0, 20.0), part(REQUESTS, 0, 10.0)],
}];

const HEALTHY_P50: fn(&Figures) -> Option<f64> = |figures| healthy(figures).map(|found| found.p50);
const HEALTHY_P99: fn(&Figures) -> Option<f64> = |figures| healthy(figures).map(|found| found.p99);
const READS: fn(&Figures) -> Option<f64> = |figures| Some(count(figures.cloud_calls.reads));
const DESCRIBED: fn(&Figures) -> Option<f64> = |figures| Some(count(figures.cloud_calls.described));
const WRITES: fn(&Figures) -> Option<f64> = |figures| Some(count(figures.cloud_calls.writes));
const REQUESTS: fn(&Figures) -> Option<f64> =
    |figures| u32::try_from(figures.api_server_requests.total).ok().map(f64::from);
const CPU: fn(&Figures) -> Option<f64> = |figures| Some(figures.cpu_seconds);
/// In MiB.
const MEMORY: fn(&Figures) -> Option<f64> = |figures| Some(count(figures.peak_memory_kib) / 1024.0);

fn healthy(figures: &Figures) -> Option<Percentiles> {
    figures.gate_latency_seconds.map(|latency| latency.from_healthy)
}

fn containers_ready(figures: &Figures) -> Option<Percentiles> {
    figures.gate_latency_seconds.map(|latency| latency.from_containers_ready)
}

fn count(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// The comparison of a scenario's phases.
pub(crate) fn rows(scenario: Scenario, phases: &[Figures]) -> Vec<Row> {
    let goals = match scenario {
        Scenario::A => A,
        Scenario::C => C,
        Scenario::D => D,
        Scenario::E => E,
        Scenario::Restart => RESTART,
        Scenario::Rest => REST,
    };
    goals.iter().map(|goal| goal.row(phases)).collect()
}

impl Goal {
    fn row(&self, phases: &[Figures]) -> Row {
        // A figure that was not measured is not reached.
        let medians: Vec<f64> = self
            .parts
            .iter()
            .map(|part| median(phases.iter().filter_map(part.of).collect()).unwrap_or(f64::NAN))
            .collect();
        let join = |values: Vec<String>| values.join(" / ");
        let shown = |value: f64, part: &Part| format!("{value:.*}", part.decimals);
        Row {
            work: self.work,
            peer: self.peer,
            here: join(medians.iter().zip(self.parts).map(|(value, part)| shown(*value, part)).collect()),
            to_reach: join(self.parts.iter().map(|part| shown(part.most, part)).collect()),
            is_reached: medians.iter().zip(self.parts).all(|(value, part)| part.is_reached(*value)),
        }
    }
}

impl Part {
    /// As it is shown: what is printed as equal is reached.
    fn is_reached(&self, value: f64) -> bool {
        let unit = 10_f64.powi(i32::try_from(self.decimals).unwrap_or_default());
        (value * unit).round() <= (self.most * unit).round()
    }
}
