//! One round over one load balancer: gather, plan, apply, report.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apply::apply;
use super::certificates::Certificates;
use super::context::{Cloud, Context};
use super::ended::{result, tell};
use super::gather::{Begun, Known, Recollection, bindings, gather};
use super::metrics::{RoundResult, Share};
use super::phase::Phase;
use super::reads::Reads;
use super::report::{HeldBack, Report, Written, latest, secure, submit};
use super::triggers::{Key, News};
use crate::api::DirectAccessBinding;
use crate::clb::{Clb, KeyMark};
use crate::model::{Class, Failure, TaskId, TaskState};
use crate::plan::{
    Cloud as Seen, ListenerSight, Observed, Outcome, Plan, ReadState, Remembered, Snapshot, Step, StepOutcome,
    placement, plan_isolated,
};
use crate::reconcile::{Refusals, is_shared};
use crate::status::{NextLook, Pace, RefusedWrites, Visit, next_look};

/// How long a task is waited for before the load balancer is looked at all the same.
const TASK_PATIENCE: Duration = Duration::from_secs(60);
/// How soon to ask again after a running task.
const TASK_POLL: Duration = Duration::from_millis(100);
/// How long load balancer and listeners need not be read again while targets change.
const FRAME_LASTS: Duration = Duration::from_secs(5);
/// How long targets need not be read again when nothing was written to them, although something has changed in Kubernetes.
const TARGETS_LAST: Duration = Duration::from_secs(1);
/// How soon to look again while something is still being read, whatever becomes of that.
const PARTIAL_LASTS: Duration = Duration::from_secs(1);
/// How soon Pods that come and go have a load balancer looked at again that could not be read.
const READ_RETRY: Duration = Duration::from_secs(2);

/// What a load balancer's rounds keep between them. All of it may be dropped: it saves calls and writes, and decides nothing.
#[derive(Default)]
pub(super) struct Memory {
    task: Option<Submitted>,
    failed_task: Option<(Step, Failure)>,
    refusals: Refusals,
    pace: Pace,
    written: HashMap<String, Written>,
    /// Gates that the API server did not take, by the UID of the Pod.
    refused_gates: RefusedWrites<String>,
    /// What the last reads showed.
    sight: Option<Sight>,
    /// Reads under way.
    pub(super) reads: Reads,
    /// What Secrets said of certificates when the whole was last read.
    certificates: Certificates,
    /// What rounds have seen and done.
    remembered: Remembered,
    /// The key that the last reads were made by.
    key: Option<KeyMark>,
    /// Something has changed since the last round.
    is_woken: bool,
    /// Whether the next round is the first.
    visit: Visit,
    /// When the last read failed, unless one has worked since.
    read_failed: Option<Instant>,
    /// What the round that runs is doing.
    phase: Phase,
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
    /// When all of it was read; `None` when it is to be read anew.
    read: Option<Instant>,
    /// When its targets were read; `None` when something was written to them since.
    targets_read: Option<Instant>,
}

impl Memory {
    /// A change came in. Returns how long the round that it asks for waits at least: where the cloud cannot be read, Pods that come and
    /// go are no reason to ask it hotly. What somebody has written may cure what was refused.
    pub(super) fn wake(&mut self, news: News, now: Instant) -> Duration {
        self.is_woken = true;
        if news == News::Input {
            self.pace = Pace::default();
            return Duration::ZERO;
        }
        self.read_failed.map_or(Duration::ZERO, |failed| (failed + READ_RETRY).saturating_duration_since(now))
    }

    /// What the round that runs is doing.
    pub(super) fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// Listeners are read before anything else is decided.
    fn read_anew(&mut self) {
        self.reads.forget_frame();
        if let Some(sight) = &mut self.sight {
            sight.read = None;
        }
    }

    /// What need not be read again. Where nothing happens, all but health serves until the resync; where something does, it is
    /// read anew, but not in each of several rounds that follow one another closely.
    fn known(&mut self, resync: Duration, is_busy: bool) -> Known {
        let Some(sight) = &self.sight else { return Known::Nothing(None) };
        if is_busy {
            // Nothing will be written on the strength of it.
            return Known::Targets(sight.observed.clone());
        }
        let is_woken = std::mem::take(&mut self.is_woken);
        let is_calm = !is_woken && sight.targets_read.is_some();
        let frame_lasts = if is_calm { resync } else { FRAME_LASTS.min(resync) };
        let targets_last = if is_calm { resync } else { TARGETS_LAST };
        if sight.read.is_none_or(|read| read.elapsed() >= frame_lasts) {
            Known::Nothing(Some(sight.observed.clone()))
        } else if sight.targets_read.is_some_and(|read| read.elapsed() < targets_last) {
            Known::Targets(sight.observed.clone())
        } else {
            Known::Frame(sight.observed.clone())
        }
    }

    /// Keeps what was observed, unless this round has changed more of it than targets, or nobody knows what it has changed.
    fn keep(&mut self, snapshot: Snapshot, outcome: &Outcome, begun: Begun) {
        let is_done = !outcome.has_tried() && self.task.is_none();
        let is_known = outcome.failure().is_none();
        let is_of_targets = |step: &Step| matches!(step, Step::Register(_) | Step::Reweight(_) | Step::Deregister(_));
        // What was read while a task changes listeners may be older than the task.
        let is_frame_kept = outcome.tried().chain(self.task.iter().map(|task| &task.step)).all(is_of_targets);
        if !is_frame_kept {
            self.reads.forget_frame();
        }
        let changed: Vec<_> = outcome.tried().flat_map(Step::changed_targets).collect();
        if !changed.is_empty() {
            self.reads.forget_targets(&changed);
        }
        self.read_failed = matches!(snapshot.cloud, Seen::Failed(_)).then(Instant::now);
        let is_whole = is_known && is_frame_kept;
        self.sight = match snapshot.cloud {
            Seen::Observed(observed) => {
                let targets_read = (is_done && is_known).then_some(begun.targets);
                Some(Sight { observed, read: begun.all.filter(|_| is_whole), targets_read })
            }
            // What was seen before still tells where targets are.
            Seen::Failed(_) => self.sight.take().map(|sight| Sight { read: None, targets_read: None, ..sight }),
            Seen::Missing(_) | Seen::Unplaced(_) => None,
        };
    }

    /// When the reads that a round goes by began, if it reads what is not known now.
    fn begun(&self, known: &Known, now: Instant) -> Begun {
        let sight = self.sight.as_ref();
        let all = sight.and_then(|sight| sight.read);
        match known {
            Known::Nothing(_) => Begun { all: Some(now), targets: now },
            Known::Frame(_) => Begun { all, targets: now },
            Known::Targets(_) => Begun { all, targets: sight.and_then(|sight| sight.targets_read).unwrap_or(now) },
        }
    }
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

/// The round over bindings that there are: secure, gather, plan, submit, apply, remember, report.
async fn look(
    context: &Context,
    key: &Key,
    memory: &mut Memory,
    share: &Share,
    found: Vec<Arc<DirectAccessBinding>>,
) -> (Duration, RoundResult) {
    let started = Instant::now();
    let (found, mut held_back) = secure(context, found).await;
    let found = found.into_iter().map(|binding| latest(&memory.written, binding));
    // One that has just got its load balancer has moved on.
    let found: Vec<_> = found.filter(|binding| Key::of(binding, context.clouds.default_region()) == *key).collect();
    let cloud = cloud(context, key, &found);
    let clb = cloud.as_ref().ok().and_then(Option::as_ref).map(|cloud| &cloud.clb);
    let busy = match clb {
        Some(clb) => memory.wait_for_task(context, clb).await,
        None => None,
    };
    let (snapshot, begun) = memory.gather(context, key, &cloud, busy, found, started).await;
    let (snapshot, mut plan) = decide(context, snapshot, &mut held_back).await;
    if !held_back.is_empty() {
        // They may name it.
        plan.keep_load_balancer();
    }
    let outcome = memory.apply(context, clb.filter(|_| busy.is_none()), &snapshot, &plan).await;
    memory.remember(&snapshot, &plan, &outcome, busy);
    share.use_of_quotas(&snapshot);
    if matches!(snapshot.reads, ReadState::TargetsOnly | ReadState::HealthPending) {
        // What is still being read starts the next round.
        memory.keep(snapshot, &outcome, begun);
        return (context.resync.min(PARTIAL_LASTS), RoundResult::UnderWay);
    }
    let report = Report {
        context,
        share,
        region: key.region(),
        snapshot: &snapshot,
        plan: &plan,
        outcome: &outcome,
        failed_task: memory.failed_task.as_ref(),
        visit: std::mem::replace(&mut memory.visit, Visit::Later),
        held_back: &held_back,
    };
    let refused = report.write(&mut memory.written, &mut memory.refused_gates).await;
    let after = memory.next(context, &snapshot, &plan, &outcome, busy);
    let after = refused.as_ref().map_or(after, |retry| retry.pace(after));
    let failure = match &snapshot.cloud {
        Seen::Failed(failure) => Some(failure),
        _ => outcome.failure(),
    };
    tell(failure, plan.steps.len(), started.elapsed(), after);
    let has_failed = failure.is_some() || refused.is_some();
    let ended = if has_failed { RoundResult::Failed } else { result(&plan, busy) };
    memory.keep(snapshot, &outcome, begun);
    if plan.listeners == ListenerSight::Outdated {
        memory.read_anew();
    }
    (after, ended)
}

/// Plans, and has the finalizer of each binding for which something is to be written confirmed before. While a task runs, nothing is.
async fn decide(context: &Context, mut snapshot: Snapshot, held_back: &mut HeldBack) -> (Snapshot, Plan) {
    let mut plan = plan_isolated(&snapshot);
    let removals = context.removals_after(&snapshot, &plan);
    if removals != snapshot.removals {
        // It would remove too much, or somebody has just let removals go on.
        snapshot.removals = removals;
        plan = plan_isolated(&snapshot);
    }
    let refused = submit(context, &snapshot, &plan).await;
    if refused.is_empty() {
        return (snapshot, plan);
    }
    // Nothing of theirs is in the cloud yet: the others are planned without them.
    snapshot.bindings.retain(|view| !refused.iter().any(|held| held.metadata.uid == view.binding.metadata.uid));
    held_back.extend(refused);
    let plan = plan_isolated(&snapshot);
    (snapshot, plan)
}

impl Memory {
    /// Reads what this round decides on, as far as it is not known. A binding that goes, and one that asks for it, is looked at anew.
    async fn gather(
        &mut self,
        context: &Context,
        key: &Key,
        cloud: &Result<Option<Cloud>, Failure>,
        busy: Option<Duration>,
        found: Vec<Arc<DirectAccessBinding>>,
        started: Instant,
    ) -> (Snapshot, Begun) {
        let is_asked = |binding: &Arc<DirectAccessBinding>| {
            binding.asks_for_round() || binding.metadata.deletion_timestamp.is_some()
        };
        let signed_by = context.clouds.caller().mark();
        if self.key.replace(signed_by.clone()).is_some_and(|last| last != signed_by) {
            // Another account may have read it.
            (self.sight, self.reads) = (None, Reads::default());
        }
        if busy.is_none() && found.iter().any(is_asked) {
            self.read_anew();
        }
        if found.iter().any(|binding| binding.asks_for_round()) {
            self.refusals = Refusals::default();
        }
        let known = self.known(context.resync, busy.is_some());
        let begun = self.begun(&known, started);
        self.certificates.refresh(context, &found, matches!(known, Known::Nothing(_))).await;
        self.remembered.refused_weights = self.refusals.weights();
        self.remembered.refused_registrations = self.refusals.registrations();
        let (certificates, remembered) = (&self.certificates, &self.remembered);
        let memory = Recollection { certificates, remembered, key: &signed_by };
        let (mut snapshot, begun) = gather(context, key, cloud, (known, begun), memory, &mut self.reads, found).await;
        if busy.is_some() {
            snapshot.reads = ReadState::DuringTask;
        }
        (snapshot, begun)
    }
}

impl Memory {
    /// Runs the plan's steps, if there is anything to run them against.
    async fn apply(&mut self, context: &Context, clb: Option<&Clb>, snapshot: &Snapshot, plan: &Plan) -> Outcome {
        self.phase.write();
        if snapshot.reads == ReadState::Settled && matches!(snapshot.cloud, Seen::Observed(_)) {
            self.refusals.forget_all_but(&plan.steps);
        }
        match clb {
            Some(clb) => {
                let clb = clb.writer(&context.leadership);
                let (refusals, metrics) = (&mut self.refusals, &context.metrics);
                apply(&clb, &snapshot.load_balancer, plan, refusals, metrics, context.begun).await
            }
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

/// The client for a key; none where nothing is to be read, and a failure where the region can have none.
fn cloud(context: &Context, key: &Key, bindings: &[Arc<DirectAccessBinding>]) -> Result<Option<Cloud>, Failure> {
    if matches!(key, Key::Unplaced(..)) && !bindings.iter().any(|found| placement::awaits_placement(found)) {
        return Ok(None);
    }
    context.clouds.client(key.region()).map(Some).map_err(|error| Failure {
        class: Class::Unreachable,
        action: "DescribeLoadBalancers",
        code: "ClientError.Settings".to_owned(),
        message: error.to_string(),
        request_id: None,
    })
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

    fn remember(&mut self, snapshot: &Snapshot, plan: &Plan, outcome: &Outcome, busy: Option<Duration>) {
        if busy.is_none() && snapshot.reads == ReadState::Settled {
            self.remembered.see(snapshot, plan);
        }
        for (step, _) in outcome.steps.iter().filter(|(_, outcome)| *outcome == StepOutcome::Done) {
            self.remembered.end(step);
        }
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
    async fn wait_for_task(&mut self, context: &Context, clb: &Clb) -> Option<Duration> {
        let Submitted { task, step, since } = self.task.as_ref()?;
        let age = since.elapsed();
        match clb.task(task).await {
            Ok(TaskState::Running) if age < TASK_PATIENCE => {
                return Some((age / 2).clamp(TASK_POLL, Duration::from_secs(2)));
            }
            Ok(TaskState::Failed(message)) => {
                tracing::warn!(%task, request_id = %task, %step, reply = %message, "task failed");
                let failure = failed_task(task, message);
                self.refusals.note_task(step, &failure, context.begun.elapsed());
                // One that is about several bindings says nothing of any.
                self.failed_task = (!is_shared(step)).then(|| (step.clone(), failure));
            }
            Ok(TaskState::Succeeded(_)) => {
                self.remembered.end(step);
                self.failed_task = None;
            }
            Ok(TaskState::Running) => self.failed_task = None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_come_and_go_reset_no_back_off_and_do_not_have_an_unreadable_cloud_asked_hotly() {
        let (now, slow) = (Instant::now(), Pace { attempts: 7, left: 1 });
        let mut memory = Memory { pace: slow, ..Memory::default() };
        assert_eq!(memory.wake(News::Members, now), Duration::ZERO);
        assert_eq!((memory.pace, memory.is_woken), (slow, true));
        memory.read_failed = Some(now);
        assert_eq!(memory.wake(News::Members, now), READ_RETRY);
        assert_eq!(memory.wake(News::Members, now + READ_RETRY), Duration::ZERO);
        assert_eq!(memory.pace, slow);
        assert_eq!(memory.wake(News::Input, now), Duration::ZERO);
        assert_eq!(memory.pace, Pace::default(), "what somebody writes may be the cure");
    }
}
