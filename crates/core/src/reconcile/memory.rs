//! What a load balancer's rounds keep between them. All of it may be dropped: it saves calls and writes, and decides nothing.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use super::creations::Creations;
use super::effect::{Line, News};
use super::notices::Told;
use super::outbox::Outbox;
use super::reads::Reads;
use super::written_targets::{FRAME_LASTS, TARGETS_LAST, WrittenTargets, is_certain, is_certain_step};
use super::{Refusals, is_shared};
use crate::api::{DirectAccessBinding, DirectAccessBindingStatus};
use crate::model::{Class, Failure, KeyMark, Limits, TaskId, TaskState};
use crate::mutant::{self, Mutant};
use crate::plan::{Cloud, Observed, Outcome, Plan, ReadState, Remembered, Snapshot, Step, StepOutcome};
use crate::status::{NextLook, Pace, RefusedWrites, Visit, next_look};

/// How long rounds wait for a task before they go on anyway: a drain must not wait for a task that never ends, and where the load balancer
/// is locked, the cloud refuses what is written.
const TASK_PATIENCE: Duration = Duration::from_secs(5);
/// The same for a load balancer that is being made: nothing else can be done for it meanwhile.
const CREATION_PATIENCE: Duration = Duration::from_secs(60);
/// How soon to ask again after a running task.
const TASK_POLL: Duration = Duration::from_millis(100);
/// The longest time for which a task is not asked after, because the one before took as long.
const TASK_TRUST: Duration = Duration::from_secs(1);
/// How soon Pods that come and go have a load balancer looked at again that could not be read.
pub(super) const READ_RETRY: Duration = Duration::from_secs(2);

/// How often a status is written that says nothing but how far things are: each write wakes everybody who watches bindings.
const PROGRESS_PERIOD: Duration = Duration::from_secs(1);

/// What rounds keep between them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) task: Option<Submitted>,
    /// What kind of step the last task that succeeded was of, and how long it took.
    task_took: Option<(Discriminant<Step>, Duration)>,
    pub(super) failed_task: Option<(Step, Failure)>,
    pub(super) refusals: Refusals,
    pub(super) pace: Pace,
    /// The last status of each binding, by UID.
    pub(super) written: BTreeMap<String, Written>,
    /// What was told of each binding, by UID.
    pub(super) told: BTreeMap<String, Told>,
    /// Writes to Kubernetes on their way.
    pub(super) outbox: Outbox,
    /// Something waits until it is recorded in a status.
    pub(super) awaits_record: bool,
    /// How long until a status is written that says how far things are; `None` while none waits for that.
    pub(super) progress_due: Option<Duration>,
    /// A binding goes when what it has on its Service is off.
    pub(super) awaits_service: bool,
    /// A gate waits to be written until another machine's write of it has ended.
    pub(super) awaits_gate: bool,
    /// Why the load balancer could not be read, and when that was.
    pub(super) unread: Option<(Failure, Duration)>,
    /// Gates that the API server did not take, by the UID of the Pod.
    pub(super) refused_gates: RefusedWrites<String>,
    /// Addresses of somebody else in whose place ours were written, by UID of the binding.
    pub(super) replaced_ingress: BTreeMap<String, Vec<String>>,
    /// What the last reads showed.
    sight: Option<Sight>,
    /// What was written to targets since.
    pub(super) written_targets: WrittenTargets,
    /// What was made and is not seen yet.
    pub(super) creations: Creations,
    /// Reads under way, and what they have brought.
    pub(super) reads: Reads,
    /// What quotas allow; `None` before the first answer.
    pub(super) limits: Option<Limits>,
    /// What rounds have seen and done.
    pub(super) remembered: Remembered,
    /// The key that the last reads were made by.
    key: Option<KeyMark>,
    /// Something has changed since the last round.
    is_woken: bool,
    /// Whether the next round is the first.
    pub(super) visit: Visit,
    /// When the last read failed, unless one has worked since.
    read_failed: Option<Duration>,
}

/// A step that the cloud works on.
#[derive(Clone, Debug)]
pub(super) struct Submitted {
    pub(super) task: TaskId,
    pub(super) step: Step,
    since: Duration,
}

/// What was read of the load balancer.
#[derive(Clone, Debug)]
struct Sight {
    observed: Observed,
    /// When all of it was read; `None` when it is to be read anew.
    read: Option<Duration>,
    /// When its targets were read; `None` when something was written to them since that is to be seen before anything else is decided.
    targets_read: Option<Duration>,
}

/// The last status that was written, with the version of the object that it made. The caches may not show it yet; forgetting it costs a
/// write that changes nothing.
#[derive(Clone, Debug)]
pub(super) struct Written {
    version: u64,
    status: DirectAccessBindingStatus,
    /// When it was taken.
    at: Duration,
}

impl Written {
    /// A status as the API server has taken it.
    pub(super) fn new(object: &DirectAccessBinding, status: DirectAccessBindingStatus, at: Duration) -> Self {
        Self { version: version(object), status, at }
    }

    /// How long until the next one that says nothing but how far things are; zero when that time is over.
    pub(super) const fn pause(&self, at: Duration) -> Duration {
        PROGRESS_PERIOD.saturating_sub(at.saturating_sub(self.at))
    }
}

/// Versions of one object are comparable since Kubernetes 1.35; before, the later one was the larger in practice.
fn version(binding: &DirectAccessBinding) -> u64 {
    binding.metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// What is known of the load balancer from an earlier round, and need not be read again.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// Nothing. What was seen before may serve where a new read takes long.
    Nothing(Option<Observed>),
    /// Load balancer and listeners.
    Frame(Observed),
    /// Everything but health.
    Targets(Observed),
}

/// When reads began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// Those of the load balancer and its listeners; `None` while they go on.
    pub(super) all: Option<Duration>,
    pub(super) targets: Duration,
}

impl Memory {
    /// A change came in. Returns how long the round that it asks for waits at least: where the cloud cannot be read, Pods that come and
    /// go are no reason to ask it hotly. What somebody has written may cure what was refused.
    pub(super) fn wake(&mut self, news: News, at: Duration) -> Duration {
        self.is_woken = true;
        if news == News::Input {
            self.pace = Pace::default();
            return Duration::ZERO;
        }
        self.read_failed.map_or(Duration::ZERO, |failed| (failed + READ_RETRY).saturating_sub(at))
    }

    /// A binding with the status that was last written, which the caches may not show yet.
    pub(super) fn latest(&self, binding: Arc<DirectAccessBinding>) -> Arc<DirectAccessBinding> {
        let last = binding.metadata.uid.as_ref().and_then(|uid| self.written.get(uid));
        match last.filter(|last| last.version > version(&binding)) {
            Some(last) => Arc::new(DirectAccessBinding { status: Some(last.status.clone()), ..(*binding).clone() }),
            None => binding,
        }
    }

    /// Something has come, or was written, that no round has gone by.
    pub(super) const fn has_news(&self) -> bool {
        self.reads.has_news() || self.outbox.has_news()
    }

    /// Something is being read without which a round does less.
    pub(super) fn is_beside_pending(&self, at: Duration) -> bool {
        self.reads.is_beside_pending(self.limits, at)
    }

    /// Listeners are read before anything else is decided, by a read that begins now.
    pub(super) fn read_anew(&mut self) {
        self.reads.forget_frame();
        self.doubt_frame();
    }

    /// Listeners are read before anything else is decided.
    pub(super) const fn doubt_frame(&mut self) {
        if let Some(sight) = &mut self.sight {
            sight.read = None;
        }
    }

    /// Everything is read anew that another key has read: it may be another account's.
    pub(super) fn sign(&mut self, key: &KeyMark) {
        if self.key.replace(key.clone()).is_some_and(|last| last != *key) {
            self.sight = None;
            self.reads.forget();
        }
    }

    /// The key that everything is read by which is not read yet.
    pub(super) const fn key(&self) -> Option<&KeyMark> {
        self.key.as_ref()
    }

    /// What need not be read again. Where nothing happens, all but health serves until the resync; where something does, it is
    /// read anew, but not in each of several rounds that follow one another closely.
    pub(super) fn known(&mut self, resync: Duration, is_busy: bool, at: Duration) -> Known {
        let Some(sight) = &self.sight else { return Known::Nothing(None) };
        if is_busy {
            // Nothing will be written on the strength of it.
            return Known::Targets(sight.observed.clone());
        }
        let is_woken = std::mem::take(&mut self.is_woken);
        let is_calm = !is_woken && sight.targets_read.is_some();
        let frame_lasts = if is_calm { resync } else { FRAME_LASTS.min(resync) };
        let is_due = |read: Duration| self.written_targets.due(read).is_some_and(|due| at >= due);
        let is_unseen = self.creations.wait().is_some();
        if is_unseen || sight.read.is_none_or(|read| at.saturating_sub(read) >= frame_lasts) {
            Known::Nothing(Some(sight.observed.clone()))
        } else if sight.targets_read.is_some_and(|read| at.saturating_sub(read) < frame_lasts && !is_due(read)) {
            Known::Targets(sight.observed.clone())
        } else {
            Known::Frame(sight.observed.clone())
        }
    }

    /// Whether targets that were read at `read` are to be read again before the round that began at `since` does what it plans; then they
    /// are.
    pub(super) fn is_to_read_targets(&mut self, plan: &Plan, since: Duration, read: Duration) -> bool {
        let is_old = since.saturating_sub(read) >= TARGETS_LAST;
        let is_to_read = is_old && plan.steps.iter().any(|step| !matches!(step, Step::Register(_)))
            || self.written_targets.is_to_change(&plan.steps, read);
        if let Some(sight) = self.sight.as_mut().filter(|_| is_to_read) {
            sight.targets_read = None;
        }
        is_to_read
    }

    /// Whether a load balancer that was read by an earlier round is to be read again before this one does what it plans; then it is. What
    /// makes or changes listeners goes by a read of its own round: what the one before has done may show by now.
    pub(super) fn is_to_read_frame(&mut self, plan: &Plan) -> bool {
        let is_of_targets = |step: &Step| matches!(step, Step::Register(_) | Step::Reweight(_) | Step::Deregister(_));
        let is_to_read = !plan.steps.iter().all(is_of_targets);
        if is_to_read {
            self.doubt_frame();
        }
        is_to_read
    }

    /// When the reads that a round goes by began, if it reads what is not known now.
    pub(super) fn begun(&self, known: &Known, at: Duration) -> Begun {
        let sight = self.sight.as_ref();
        let all = sight.and_then(|sight| sight.read);
        match known {
            Known::Nothing(_) => Begun { all: Some(at), targets: at },
            Known::Frame(_) => Begun { all, targets: at },
            Known::Targets(_) => Begun { all, targets: sight.and_then(|sight| sight.targets_read).unwrap_or(at) },
        }
    }

    /// Keeps what was observed, unless this round has changed more of it than targets, or nobody knows what it has changed.
    pub(super) fn keep(&mut self, cloud: Cloud, outcome: &Outcome, begun: Begun, at: Duration) {
        if mutant::is(Mutant::StaleReads) {
            self.sight = match cloud {
                Cloud::Observed(observed) => {
                    Some(Sight { observed, read: begun.all, targets_read: Some(begun.targets) })
                }
                _ => None,
            };
            return;
        }
        let is_done = is_certain(outcome) && self.task.as_ref().is_none_or(|task| is_certain_step(&task.step));
        let is_known = outcome.failed.is_empty();
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
        self.read_failed = matches!(cloud, Cloud::Failed(_)).then_some(at);
        let is_whole = is_known && is_frame_kept;
        self.sight = match cloud {
            Cloud::Observed(mut observed) => {
                let targets_read = (is_done && is_known).then_some(begun.targets);
                WrittenTargets::lower(outcome, &mut observed);
                Some(Sight { observed, read: begun.all.filter(|_| is_whole), targets_read })
            }
            // What was seen before still tells where targets are.
            Cloud::Failed(_) => self.sight.take().map(|sight| Sight { read: None, targets_read: None, ..sight }),
            Cloud::Missing(_) | Cloud::Unplaced(_) => None,
        };
    }

    /// Takes in what a round has seen and done.
    pub(super) fn remember(
        &mut self,
        snapshot: &Snapshot,
        plan: &Plan,
        outcome: &Outcome,
        busy: Option<Duration>,
        (begun, at): (Begun, Duration),
    ) {
        let is_seen = !self.written_targets.is_unseen(begun.targets);
        if busy.is_none() && snapshot.reads == ReadState::Settled && is_seen {
            self.remembered.see(snapshot, plan);
        }
        self.written_targets.note(outcome, begun.targets, at);
        self.creations.note(outcome, at);
        self.remembered.note_creation(outcome);
        for (step, _) in outcome.steps.iter().filter(|(_, outcome)| *outcome == StepOutcome::Done) {
            self.remembered.end(step);
        }
        let is_planned = |step: &Step| plan.steps.contains(step) || plan.waiting.contains(step);
        if self.failed_task.as_ref().is_some_and(|(step, _)| !is_planned(step)) {
            self.failed_task = None;
        }
        let submitted = outcome.steps.iter().find_map(|(step, outcome)| match outcome {
            StepOutcome::Submitted(task) => Some((task.clone(), step.clone())),
            _ => None,
        });
        if let Some((task, step)) = submitted {
            self.task = Some(Submitted { task, step, since: at });
        }
    }

    /// For how long a task is not asked after: most of what the last one of this kind took; zero where that is not known.
    fn task_takes(&self, step: &Step) -> Duration {
        let took = self.task_took.filter(|(kind, _)| *kind == discriminant(step));
        took.map_or(Duration::ZERO, |(_, took)| (took * 7 / 8).min(TASK_TRUST))
    }

    /// How long until there is a point in asking after the task; `None` when there is now.
    pub(super) fn task_is_early(&self, at: Duration) -> Option<Duration> {
        let Submitted { step, since, .. } = self.task.as_ref()?;
        Some((*since + self.task_takes(step)).saturating_sub(at)).filter(|wait| !wait.is_zero())
    }

    /// Takes in how the task fares. Returns when to ask again, or `None` when the round may write: the task has ended, or nobody knows,
    /// and then a read of the load balancer tells more.
    pub(super) fn hear_of_task(
        &mut self,
        fares: Result<TaskState, Failure>,
        at: Duration,
    ) -> (Option<Duration>, Option<Line>) {
        let Some(Submitted { task, step, since }) = &self.task else { return (None, None) };
        let age = at.saturating_sub(*since);
        let mut line = None;
        let has_succeeded = matches!(fares, Ok(TaskState::Succeeded(_)));
        match fares {
            Ok(TaskState::Running) if age < patience(step) => {
                self.creations.renew(step, at);
                // Where it is known how long such tasks take, it is over soon.
                let wait = if self.task_takes(step).is_zero() { age / 2 } else { age / 8 };
                return (Some(wait.clamp(TASK_POLL, Duration::from_secs(2))), None);
            }
            Ok(TaskState::Failed(message)) => {
                line = Some(Line::TaskFailed(task.clone(), step.clone(), message.clone()));
                let failure = failed_task(task, message);
                self.creations.forget(step);
                self.refusals.note_task(step, &failure, at);
                // One that is about several bindings says nothing of any.
                self.failed_task = (!is_shared(step)).then(|| (step.clone(), failure));
            }
            Ok(TaskState::Succeeded(made)) => {
                self.creations.renew(step, at);
                self.remembered.end_task(step, made);
                self.refusals.accept(step);
                self.failed_task = None;
                self.task_took = Some((discriminant(step), age));
            }
            Ok(TaskState::Running) => self.failed_task = None,
            Err(failure) => line = Some(Line::TaskUnreadable(task.clone(), failure)),
        }
        self.task = None;
        if let Some(sight) = self.sight.as_mut().filter(|_| !has_succeeded) {
            // Nobody knows what it has changed.
            sight.targets_read = None;
        }
        (None, line)
    }

    /// When to look again. A running task sets the pace, and does not count as a failure.
    pub(super) fn next(
        &mut self,
        snapshot: &Snapshot,
        plan: &Plan,
        outcome: &Outcome,
        busy: Option<Duration>,
        resync: Duration,
        at: Duration,
    ) -> Duration {
        let NextLook { after, pace } = next_look(snapshot, plan, outcome, &self.pace, resync, at);
        let after = self.creations.wait().map_or(after, |wait| after.min(wait));
        if let Some(busy) = busy {
            return busy.min(after.max(TASK_POLL));
        }
        match self.written_targets.wait(at).filter(|_| !outcome.has_progressed()) {
            // What was written has not shown yet, and nothing is known of whether it ever does.
            Some(due) => after.min(due),
            None => {
                self.pace = pace;
                after
            }
        }
    }
}

/// How long rounds wait for the task of a step.
const fn patience(step: &Step) -> Duration {
    if matches!(step, Step::CreateLoadBalancer(_)) { CREATION_PATIENCE } else { TASK_PATIENCE }
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
        let (now, slow) = (Duration::from_secs(100), Pace { attempts: 7, steps: Vec::new() });
        let mut memory = Memory { pace: slow.clone(), ..Memory::default() };
        assert_eq!(memory.wake(News::Members, now), Duration::ZERO);
        assert_eq!((memory.pace.clone(), memory.is_woken), (slow.clone(), true));
        memory.read_failed = Some(now);
        assert_eq!(memory.wake(News::Members, now), READ_RETRY);
        assert_eq!(memory.wake(News::Members, now + READ_RETRY), Duration::ZERO);
        assert_eq!(memory.pace, slow);
        assert_eq!(memory.wake(News::Input, now), Duration::ZERO);
        assert_eq!(memory.pace, Pace::default(), "what somebody writes may be the cure");
    }
}
