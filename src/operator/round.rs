//! One round over one load balancer: gather, plan, apply, report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apply::apply;
use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::ended::{result, tell};
use super::gather::{Known, bindings, gather};
use super::metrics::{RoundResult, Share};
use super::refusal::Refusals;
use super::report::{Report, Written, latest, secure};
use super::triggers::Key;
use crate::api::DirectAccessBinding;
use crate::clb::Clb;
use crate::model::{Class, Failure, Region, TaskId, TaskState};
use crate::plan::{Cloud as Seen, Observed, Outcome, Plan, Snapshot, Step, StepOutcome, placement, plan};
use crate::status::{NextLook, Pace, next_look};

/// How long a task is waited for before the load balancer is looked at all the same.
const TASK_PATIENCE: Duration = Duration::from_secs(60);
/// How soon to ask again after a running task.
const TASK_POLL: Duration = Duration::from_millis(100);
/// How long load balancer and listeners need not be read again while targets change.
const FRAME_LASTS: Duration = Duration::from_secs(5);
/// How long targets need not be read again when nothing was written to them, although something has changed in Kubernetes.
const TARGETS_LAST: Duration = Duration::from_secs(1);
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
    /// What the last reads showed.
    sight: Option<Sight>,
    /// What Secrets said of certificates when the whole was last read.
    certificates: Certificates,
    /// Something has changed since the last round.
    is_woken: bool,
}

/// A step that the cloud works on.
struct Submitted {
    task: TaskId,
    step: Step,
    since: Instant,
}

/// What was read of the load balancer.
struct Sight {
    observed: Observed,
    /// When all of it was read.
    read: Instant,
    /// When its targets were read; `None` when something was written to them since.
    targets_read: Option<Instant>,
}

impl Memory {
    /// A change came in: what failed before may work now.
    pub(super) fn wake(&mut self) {
        self.pace = Pace::default();
        self.is_woken = true;
    }

    /// What need not be read again. Where nothing happens, all but health serves until the resync; where something does, it is
    /// read anew, but not in each of several rounds that follow one another closely.
    fn known(&mut self, resync: Duration, is_busy: bool) -> Known {
        let Some(sight) = &self.sight else { return Known::Nothing };
        if is_busy {
            // Nothing will be written on the strength of it.
            return Known::Targets(sight.observed.clone());
        }
        let is_woken = std::mem::take(&mut self.is_woken);
        let is_calm = !is_woken && sight.targets_read.is_some();
        let frame_lasts = if is_calm { resync } else { FRAME_LASTS.min(resync) };
        let targets_last = if is_calm { resync } else { TARGETS_LAST };
        if sight.read.elapsed() >= frame_lasts {
            Known::Nothing
        } else if sight.targets_read.is_some_and(|read| read.elapsed() < targets_last) {
            Known::Targets(sight.observed.clone())
        } else {
            Known::Frame(sight.observed.clone())
        }
    }

    /// Keeps what was observed, unless this round has changed more of it than targets, or nobody knows what it has changed.
    fn keep(&mut self, snapshot: Snapshot, outcome: &Outcome, begun: Begun) {
        let is_done = !outcome.has_tried() && self.task.is_none();
        let is_known = outcome.failure().is_none() && outcome.partial().next().is_none();
        let is_of_targets = |step: &Step| matches!(step, Step::Register(_) | Step::Reweight(_) | Step::Deregister(_));
        let is_frame_kept = outcome.tried().all(is_of_targets);
        self.sight = match snapshot.cloud {
            Seen::Observed(observed) if is_known && is_frame_kept => {
                let targets_read = is_done.then_some(begun.targets);
                Some(Sight { observed, read: begun.all, targets_read })
            }
            _ => None,
        };
    }

    /// When the reads that a round goes by began, if it reads what is not known now.
    fn begun(&self, known: &Known, now: Instant) -> Begun {
        let sight = self.sight.as_ref();
        let all = sight.map_or(now, |sight| sight.read);
        match known {
            Known::Nothing => Begun { all: now, targets: now },
            Known::Frame(_) => Begun { all, targets: now },
            Known::Targets(_) => Begun { all, targets: sight.and_then(|sight| sight.targets_read).unwrap_or(now) },
        }
    }
}

/// When reads began.
#[derive(Clone, Copy)]
struct Begun {
    all: Instant,
    targets: Instant,
}

/// Runs one round. Returns when to look again; `None` when nothing is bound to the load balancer any more.
pub(super) async fn round(context: &Context, key: &Key, memory: &mut Memory, share: &Share) -> Option<Duration> {
    let started = Instant::now();
    let found = bindings(context, key);
    memory.forget_all_but(context, &found);
    share.retain(|uid| found.iter().any(|binding| binding.metadata.uid.as_deref() == Some(uid)));
    let (after, result) = if found.is_empty() {
        (None, RoundResult::Settled)
    } else {
        let (after, result) = look(context, key, memory, share, found).await;
        (Some(after), result)
    };
    context.metrics.round(result, started.elapsed());
    after
}

/// The round over bindings that there are.
async fn look(
    context: &Context,
    key: &Key,
    memory: &mut Memory,
    share: &Share,
    found: Vec<Arc<DirectAccessBinding>>,
) -> (Duration, RoundResult) {
    let started = Instant::now();
    let found = secure(context, found).await.into_iter().map(|binding| latest(&memory.written, binding));
    // One that has just got its load balancer has moved on.
    let found: Vec<_> = found.filter(|binding| Key::of(binding, context.clouds.default_region()) == *key).collect();
    let (region, cloud) = match cloud(context, key, &found) {
        Ok(cloud) => cloud,
        Err(after) => return (after, RoundResult::Failed),
    };
    let busy = match &cloud {
        Some(cloud) => memory.wait_for_task(&cloud.clb).await,
        None => None,
    };
    if found.iter().any(|binding| binding.asks_for_round()) {
        memory.sight = None;
    }
    let known = memory.known(context.resync, busy.is_some());
    let begun = memory.begun(&known, started);
    memory.certificates.refresh(context, &found, matches!(known, Known::Nothing)).await;
    let snapshot = gather(context, key, cloud.as_ref(), known, &memory.certificates, found).await;
    let plan = plan(&snapshot);
    // While a task runs, the load balancer is locked. Gates do not wait for that.
    let clb = cloud.as_ref().filter(|_| busy.is_none()).map(|cloud| &cloud.clb);
    let outcome = memory.apply(context, clb, &snapshot, &plan).await;
    memory.remember(&plan, &outcome);
    share.use_of_quotas(&snapshot);
    let report = Report {
        context,
        share,
        region: &region,
        snapshot: &snapshot,
        plan: &plan,
        outcome: &outcome,
        failed_task: memory.failed_task.as_ref(),
    };
    let is_reported = report.write(&mut memory.written).await;
    let after = memory.next(context, &snapshot, &plan, &outcome, busy);
    let after = if is_reported { after } else { after.min(REPORT_RETRY) };
    let failure = match &snapshot.cloud {
        Seen::Failed(failure) => Some(failure),
        _ => outcome.failure(),
    };
    tell(failure, plan.steps.len(), started.elapsed(), after);
    let has_failed = failure.is_some() || !is_reported;
    let ended = if has_failed { RoundResult::Failed } else { result(&plan, busy) };
    memory.keep(snapshot, &outcome, begun);
    (after, ended)
}

impl Memory {
    /// Runs the plan's steps, if there is anything to run them against.
    async fn apply(&mut self, context: &Context, clb: Option<&Clb>, snapshot: &Snapshot, plan: &Plan) -> Outcome {
        match clb {
            Some(clb) => apply(clb, &snapshot.load_balancer, plan, &mut self.refusals, &context.metrics).await,
            None => Outcome::default(),
        }
    }

    /// When to look again. A running task sets the pace, and does not count as a failure.
    fn next(
        &mut self,
        context: &Context,
        snapshot: &Snapshot,
        plan: &Plan,
        outcome: &Outcome,
        busy: Option<Duration>,
    ) -> Duration {
        let NextLook { after, pace } = next_look(snapshot, plan, outcome, self.pace, context.resync);
        match busy {
            Some(busy) => busy.min(after.max(TASK_POLL)),
            None => {
                self.pace = pace;
                after
            }
        }
    }
}

fn cloud(
    context: &Context,
    key: &Key,
    bindings: &[Arc<DirectAccessBinding>],
) -> Result<(Region, Option<Cloud>), Duration> {
    match key {
        Key::Unplaced(region, _) if !bindings.iter().any(|found| placement::awaits_placement(found)) => {
            Ok((region.clone(), None))
        }
        Key::Unplaced(region, _) | Key::LoadBalancer(region, _) => match context.clouds.client(region) {
            Ok(cloud) => Ok((region.clone(), Some(cloud))),
            Err(error) => {
                tracing::error!(%error, "no client for this region");
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

    /// Asks after the running task. Returns when to ask again, or `None` when the round may write: the task has ended, or it
    /// cannot be told, and then a read of the load balancer tells more.
    async fn wait_for_task(&mut self, clb: &Clb) -> Option<Duration> {
        let Submitted { task, step, since } = self.task.as_ref()?;
        let age = since.elapsed();
        match clb.task(task).await {
            Ok(TaskState::Running) if age < TASK_PATIENCE => {
                return Some((age / 2).clamp(TASK_POLL, Duration::from_secs(2)));
            }
            Ok(TaskState::Failed(message)) => {
                tracing::warn!(%task, request_id = %task, %step, reply = %message, "task failed");
                let failure = failed_task(task, message);
                self.refusals.note(step, &failure, Instant::now());
                self.failed_task = Some((step.clone(), failure));
            }
            Ok(TaskState::Running | TaskState::Succeeded(_)) => self.failed_task = None,
            Err(failure) => {
                let request_id = failure.request_id.as_deref();
                tracing::warn!(%task, request_id, %failure, "task cannot be told");
            }
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
