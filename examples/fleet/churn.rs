//! Replacing Pods, so many per second, whether or not the controller keeps pace.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::kubernetes::Kubernetes;
use crate::sightings::Sightings;
use crate::workload::Workload;

/// How long a gate may take. Longer than any stage: what is slow is a figure, and no failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// Replaces Pods all over the fleet: one of a Service at a time, and neighbours in time are on different load balancers, so that as few
/// changes as possible share a call.
pub(crate) struct Churn {
    kubernetes: Kubernetes,
    pub(crate) sightings: Sightings,
    /// Services of which no Pod is being replaced, in their turn.
    idle: VecDeque<Workload>,
    running: JoinSet<Result<Workload>>,
    next: u32,
}

impl Churn {
    pub(crate) fn new(kubernetes: Kubernetes, sightings: Sightings, workloads: Vec<Workload>) -> Self {
        let pods: usize = workloads.iter().map(|workload| workload.members.len()).sum();
        let next = u32::try_from(pods).unwrap_or(u32::MAX);
        // One without Pods has none to replace.
        let idle = workloads.into_iter().filter(|workload| !workload.members.is_empty()).collect();
        Self { kubernetes, sightings, idle, running: JoinSet::new(), next }
    }

    /// Replaces so many Pods per second for so long. What has begun then goes on.
    ///
    /// # Errors
    /// A replacement failed, or there is no Service of which no Pod is being replaced.
    pub(crate) async fn run(&mut self, per_second: f64, lasting: Duration) -> Result<()> {
        let end = tokio::time::sleep(lasting);
        tokio::pin!(end);
        let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second.max(0.001)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                _ = ticks.tick(), if per_second > 0.0 => self.begin()?,
                Some(done) = self.running.join_next() => self.idle.push_back(done??),
            }
        }
    }

    fn begin(&mut self) -> Result<()> {
        let mut workload = self.idle.pop_front().context("a Pod of every Service is being replaced")?;
        let (kubernetes, sightings, number) = (self.kubernetes.clone(), self.sightings.clone(), self.next);
        self.next += 1;
        self.running.spawn(async move {
            workload.replace_one(&kubernetes, &sightings, number, PATIENCE).await?;
            Ok(workload)
        });
        Ok(())
    }

    /// Goes on with what has begun until all of it has ended, for so long at most; true when it has.
    pub(crate) async fn settle(&mut self, patience: Duration) -> Result<bool> {
        let end = Instant::now() + patience;
        while !self.running.is_empty() && Instant::now() < end {
            match tokio::time::timeout_at(end.into(), self.running.join_next()).await {
                Ok(Some(done)) => self.idle.push_back(done??),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(self.running.is_empty())
    }
}
