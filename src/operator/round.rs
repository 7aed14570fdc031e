//! One round over one load balancer: gather, plan, apply, report.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::apply::apply;
use super::context::Context;
use super::gather::{bindings, gather};
use super::report::{Report, Written, secure};
use super::triggers::Key;
use crate::clb::Clb;
use crate::model::{Class, Failure, Region, TaskId, TaskState};
use crate::plan::{Cloud, Outcome, Plan, plan};
use crate::status::{NextLook, Pace, next_look};

/// How long a task is waited for before the load balancer is looked at all the same.
const TASK_PATIENCE: Duration = Duration::from_secs(60);
/// How soon to look again after a write to Kubernetes failed.
const REPORT_RETRY: Duration = Duration::from_secs(2);

/// What a load balancer's rounds keep between them. All of it may be dropped: it saves calls and writes, and decides nothing.
#[derive(Default)]
pub(super) struct Memory {
    task: Option<(TaskId, Instant)>,
    failed_task: Option<Failure>,
    pace: Pace,
    written: HashMap<String, Written>,
}

impl Memory {
    /// A change came in: what failed before may work now.
    pub(super) fn reset_pace(&mut self) {
        self.pace = Pace::default();
    }
}

/// Runs one round. Returns when to look again; `None` when nothing is bound to the load balancer any more.
pub(super) async fn round(context: &Context, key: &Key, memory: &mut Memory) -> Option<Duration> {
    let started = Instant::now();
    let found = bindings(context, key);
    if found.is_empty() {
        return None;
    }
    let (region, cloud) = match cloud(context, key) {
        Ok(cloud) => cloud,
        Err(after) => return Some(after),
    };
    if let Some(clb) = &cloud
        && let Some(after) = memory.wait_for_task(clb).await
    {
        return Some(after);
    }
    let snapshot = gather(context, key, cloud.as_ref(), secure(context, found).await).await;
    let plan = plan(&snapshot);
    let outcome = match &cloud {
        Some(clb) => apply(clb, &snapshot.load_balancer, &plan).await,
        None => Outcome::default(),
    };
    memory.remember(&plan, &outcome);
    let report = Report {
        context,
        region: &region,
        snapshot: &snapshot,
        plan: &plan,
        outcome: &outcome,
        failed_task: memory.failed_task.as_ref(),
    };
    let is_reported = report.write(&mut memory.written).await;
    let NextLook { after, pace } = next_look(&snapshot, &plan, &outcome, memory.pace, context.resync);
    memory.pace = pace;
    let failure = match &snapshot.cloud {
        Cloud::Failed(failure) => Some(failure),
        _ => outcome.failure(),
    };
    if let Some(failure) = failure {
        tracing::warn!(%key, %failure, class = failure.class.as_str(), "round failed and will be repeated");
    }
    context.metrics.round(failure.is_none() && is_reported, started.elapsed());
    Some(if is_reported { after } else { after.min(REPORT_RETRY) })
}

fn cloud(context: &Context, key: &Key) -> Result<(Region, Option<Clb>), Duration> {
    match key {
        Key::Unplaced(_) => Ok((context.clouds.default_region().clone(), None)),
        Key::LoadBalancer(region, _) => match context.clouds.client(region) {
            Ok(clb) => Ok((region.clone(), Some(clb))),
            Err(error) => {
                tracing::error!(%key, %error, "no client for this region");
                Err(context.resync)
            }
        },
    }
}

impl Memory {
    fn remember(&mut self, plan: &Plan, outcome: &Outcome) {
        if plan.steps.is_empty() {
            self.failed_task = None;
        }
        if let Some(task) = outcome.task() {
            self.task = Some((task.clone(), Instant::now()));
        }
    }

    /// Asks after the running task. Returns when to ask again, or `None` when the round may go on: the task has ended, or it
    /// cannot be told, and then a read of the load balancer tells more.
    async fn wait_for_task(&mut self, clb: &Clb) -> Option<Duration> {
        let (task, since) = self.task.as_ref()?;
        let age = since.elapsed();
        match clb.task(task).await {
            Ok(TaskState::Running) if age < TASK_PATIENCE => {
                return Some((age / 2).clamp(Duration::from_millis(100), Duration::from_secs(2)));
            }
            Ok(TaskState::Failed(message)) => {
                tracing::warn!(%task, %message, "task failed");
                self.failed_task = Some(Failure {
                    class: Class::Transient,
                    action: "DescribeTaskStatus",
                    code: "TaskFailed".to_owned(),
                    message,
                    request_id: Some(task.to_string()),
                });
            }
            Ok(TaskState::Running | TaskState::Succeeded(_)) => self.failed_task = None,
            Err(failure) => tracing::warn!(%task, %failure, "task cannot be told"),
        }
        self.task = None;
        None
    }
}
