//! One round over one load balancer: gather, plan, apply, report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apply::apply;
use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::gather::{Known, bindings, gather};
use super::refusal::Refusals;
use super::report::{Report, Written, latest, secure};
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::clb::Clb;
use crate::model::{Class, Failure, Region, TaskId, TaskState};
use crate::plan::{Cloud as Seen, Outcome, Plan, Snapshot, Step, StepOutcome, plan};
use crate::status::{NextLook, Pace, next_look};

/// How long a task is waited for before the load balancer is looked at all the same.
const TASK_PATIENCE: Duration = Duration::from_secs(60);
/// How soon to look again after a write to Kubernetes failed.
const REPORT_RETRY: Duration = Duration::from_secs(2);

/// What a load balancer's rounds keep between them. All of it may be dropped: it saves calls and writes, and decides nothing.
#[derive(Default)]
pub(super) struct Memory {
    task: Option<Submitted>,
    failed_task: Option<(Step, Failure)>,
    refusals: Refusals,
    pace: Pace,
    written: HashMap<String, Written>,
    /// What the last full read showed, when that round did nothing to the cloud, and when it was read.
    known: Option<(Known, Instant)>,
}

/// A step that the cloud works on.
struct Submitted {
    task: TaskId,
    step: Step,
    since: Instant,
}

impl Memory {
    /// A change came in: what failed before may work now, and everything is read anew.
    pub(super) fn wake(&mut self) {
        self.pace = Pace::default();
        self.known = None;
    }

    /// An observation that still serves, so that only health need be read.
    fn known(&mut self, resync: Duration) -> Option<(Known, Instant)> {
        self.known.take().filter(|(_, read)| read.elapsed() < resync)
    }

    /// Keeps an observation that nothing was done to.
    fn keep(&mut self, snapshot: Snapshot, certificates: Certificates, outcome: &Outcome, read: Instant) {
        if let Seen::Observed(observed) = snapshot.cloud
            && !outcome.has_tried()
        {
            self.known = Some((Known { observed, certificates }, read));
        }
    }
}

/// Runs one round. Returns when to look again; `None` when nothing is bound to the load balancer any more.
pub(super) async fn round(context: &Context, key: &Key, memory: &mut Memory) -> Option<Duration> {
    let started = Instant::now();
    let found = bindings(context, key);
    memory.forget_all_but(context, &found);
    if found.is_empty() {
        return None;
    }
    let (region, cloud) = match cloud(context, key) {
        Ok(cloud) => cloud,
        Err(after) => return Some(after),
    };
    if let Some(cloud) = &cloud
        && let Some(after) = memory.wait_for_task(&cloud.clb).await
    {
        return Some(after);
    }
    let (known, read) = memory.known(context.resync).map_or((None, started), |(known, read)| (Some(known), read));
    let found = secure(context, found).await.into_iter().map(|binding| latest(&memory.written, binding)).collect();
    let (snapshot, certificates) = gather(context, key, cloud.as_ref(), known, found).await;
    let plan = plan(&snapshot);
    let outcome = match &cloud {
        Some(cloud) => apply(&cloud.clb, &snapshot.load_balancer, &plan, &mut memory.refusals).await,
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
        Seen::Failed(failure) => Some(failure),
        _ => outcome.failure(),
    };
    if let Some(failure) = failure {
        tracing::warn!(%key, %failure, class = failure.class.as_str(), "round failed and will be repeated");
    }
    context.metrics.round(failure.is_none() && is_reported, started.elapsed());
    memory.keep(snapshot, certificates, &outcome, read);
    Some(if is_reported { after } else { after.min(REPORT_RETRY) })
}

fn cloud(context: &Context, key: &Key) -> Result<(Region, Option<Cloud>), Duration> {
    match key {
        Key::Unplaced(_) => Ok((context.clouds.default_region().clone(), None)),
        Key::LoadBalancer(region, _) => match context.clouds.client(region) {
            Ok(cloud) => Ok((region.clone(), Some(cloud))),
            Err(error) => {
                tracing::error!(%key, %error, "no client for this region");
                Err(context.resync)
            }
        },
    }
}

impl Memory {
    /// Forgets bindings that are gone, here and in the ledger of gates.
    fn forget_all_but(&mut self, context: &Context, bindings: &[Arc<DirectAccessBinding>]) {
        self.written.retain(|uid, _| {
            let is_there = bindings.iter().any(|binding| binding.metadata.uid.as_ref() == Some(uid));
            if !is_there {
                context.ledger.record(uid, &[]);
            }
            is_there
        });
    }

    fn remember(&mut self, plan: &Plan, outcome: &Outcome) {
        if self.failed_task.as_ref().is_some_and(|(step, _)| !plan.steps.contains(step)) {
            self.failed_task = None;
        }
        let submitted = outcome.steps.iter().find_map(|(step, outcome)| match outcome {
            StepOutcome::Submitted(task) => Some((task.clone(), step.clone())),
            _ => None,
        });
        if let Some((task, step)) = submitted {
            self.task = Some(Submitted { task, step, since: Instant::now() });
        }
    }

    /// Asks after the running task. Returns when to ask again, or `None` when the round may go on: the task has ended, or it
    /// cannot be told, and then a read of the load balancer tells more.
    async fn wait_for_task(&mut self, clb: &Clb) -> Option<Duration> {
        let Submitted { task, step, since } = self.task.as_ref()?;
        let age = since.elapsed();
        match clb.task(task).await {
            Ok(TaskState::Running) if age < TASK_PATIENCE => {
                return Some((age / 2).clamp(Duration::from_millis(100), Duration::from_secs(2)));
            }
            Ok(TaskState::Failed(message)) => {
                tracing::warn!(%task, %step, %message, "task failed");
                let failure = failed_task(task, message);
                self.refusals.note(step, &failure, Instant::now());
                self.failed_task = Some((step.clone(), failure));
            }
            Ok(TaskState::Running | TaskState::Succeeded(_)) => self.failed_task = None,
            Err(failure) => tracing::warn!(%task, %failure, "task cannot be told"),
        }
        self.task = None;
        None
    }
}

fn failed_task(task: &TaskId, message: String) -> Failure {
    Failure {
        class: Class::Transient,
        action: "DescribeTaskStatus",
        code: "TaskFailed".to_owned(),
        message,
        request_id: Some(task.to_string()),
    }
}
