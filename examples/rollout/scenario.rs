//! What is measured, of how many Pods, and what the cloud takes.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

/// What the simulated cloud takes, in real time. The best peer was measured with the same.
pub(crate) const COST_MODEL: CostModel = CostModel {
    call: Duration::from_millis(30),
    healthy: Duration::from_secs(5),
    drain: Duration::from_secs(10),
    task: Duration::from_millis(500),
    batch: Duration::from_millis(200),
};

/// Durations of the cloud, and of Pods that leave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CostModel {
    /// Each call on its way, beside what it does.
    pub(crate) call: Duration,
    /// From the end of a target's registration until its health check has found it healthy. Whole seconds, from 2 to 300: it is
    /// the interval of a check that asks at once, and needs two successes.
    pub(crate) healthy: Duration,
    /// How long a Pod that leaves serves the connections that it has, in whole seconds. The peer deregisters it at once, and the
    /// cloud goes on draining the target for this long. Here the target gets weight 0, and stays registered until the containers
    /// have stopped: so this is the preStop sleep of the Pods.
    pub(crate) drain: Duration,
    /// A task on a listener, or on the weight of targets.
    pub(crate) task: Duration,
    /// A call that registers or deregisters targets; it answers when it is done.
    pub(crate) batch: Duration,
}

/// Work that the best peer was measured with, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub(crate) enum Scenario {
    /// 100 Pods of one binding come up.
    #[value(name = "A")]
    A,
    /// The 300 Pods of one binding are replaced.
    #[value(name = "C")]
    C,
    /// 15 Pods of each of 20 bindings come up, each binding on a load balancer of its own.
    #[value(name = "D")]
    D,
    /// 200 Pods of each of 5 bindings come up, each binding on a load balancer of its own.
    #[value(name = "E")]
    E,
    /// The controller is restarted while the Pods of E serve.
    #[value(name = "restart")]
    #[serde(rename = "restart")]
    Restart,
    /// Nothing happens for 60 s while the Pods of E serve.
    #[value(name = "rest")]
    #[serde(rename = "rest")]
    Rest,
}

/// What happens in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All Pods come up.
    Creation,
    /// All Pods are replaced.
    Rollout,
    /// The controller is restarted.
    Restart,
    /// Nothing.
    Rest,
}

/// Sizes that the command line gave; those of the scenario count for what is absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) scenario: Option<Scenario>,
    pub(crate) pods: Option<u32>,
    pub(crate) bindings: Option<u32>,
    pub(crate) phases: Option<u32>,
    pub(crate) time_scale: Option<f64>,
}

/// How much of what is measured.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// Bindings, each with a Service, a Deployment and a load balancer of its own; 1 or more.
    pub(crate) bindings: u32,
    /// Replicas of each Deployment; 1 or more.
    pub(crate) pods_each: u32,
    /// What is measured, one after the other.
    pub(crate) kinds: &'static [Kind],
    /// How often; 1 or more.
    pub(crate) phases: u32,
    /// How long the cloud takes, compared with the cost model.
    pub(crate) time_scale: f64,
    /// Whether sizes and times are those that the scenario's figures are compared with.
    pub(crate) is_comparable: bool,
}

impl Scenario {
    /// Bindings, and Pods of each.
    const fn size(self) -> (u32, u32) {
        match self {
            Self::A => (1, 100),
            Self::C => (1, 300),
            Self::D => (20, 15),
            Self::E | Self::Restart | Self::Rest => (5, 200),
        }
    }

    const fn kind(self) -> &'static [Kind] {
        match self {
            Self::A | Self::D | Self::E => &[Kind::Creation],
            Self::C => &[Kind::Rollout],
            Self::Restart => &[Kind::Restart],
            Self::Rest => &[Kind::Rest],
        }
    }

    /// Latencies vary from phase to phase, counts of a restart and of a rest do not.
    const fn phases(self) -> u32 {
        match self {
            Self::A | Self::C | Self::D | Self::E => 5,
            Self::Restart | Self::Rest => 1,
        }
    }
}

impl Wanted {
    /// The work: without a scenario, the Pods of one binding come up and are replaced, once, at a fifth of the cost model's times.
    ///
    /// # Errors
    /// The sizes make no whole number of Pods for each binding, or the time scale is negative.
    pub(crate) fn work(&self) -> Result<Work> {
        let (bindings, pods_each) = self.scenario.map_or((1, 100), Scenario::size);
        let usual = (bindings, bindings * pods_each);
        let (bindings, pods) = (self.bindings.unwrap_or(bindings), self.pods.unwrap_or(usual.1));
        ensure!(pods > 0 && pods.is_multiple_of(bindings), "{pods} Pods cannot be shared out over {bindings} bindings");
        let usual_scale = if self.scenario.is_some() { 1.0 } else { 0.2 };
        let time_scale = self.time_scale.unwrap_or(usual_scale);
        ensure!(time_scale >= 0.0, "--time-scale is negative");
        Ok(Work {
            bindings,
            pods_each: pods / bindings,
            kinds: self.scenario.map_or(&[Kind::Creation, Kind::Rollout], Scenario::kind),
            phases: self.phases.unwrap_or(self.scenario.map_or(1, Scenario::phases)),
            time_scale,
            is_comparable: (bindings, pods) == usual && time_scale.total_cmp(&usual_scale).is_eq(),
        })
    }
}

impl Work {
    /// Pods of all bindings.
    pub(crate) const fn pods(&self) -> u32 {
        self.bindings * self.pods_each
    }
}

impl Kind {
    /// As figures name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::Rollout => "rollout",
            Self::Restart => "restart",
            Self::Rest => "rest",
        }
    }
}
