//! The stages of a round, from its beginning to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Applying, At, Call, Decided, GATHER_WINDOW, Machine, Round, Securing, Stage, Submitting};
use crate::api::DirectAccessBinding;
use crate::model::Limits;
use crate::mutant::{self, Mutant};
use crate::plan::placement::{has_finalizer, has_recorded, is_submitted};
use crate::plan::{
    BindingPlan, Cloud, ListenerSight, Observed, Outcome, Plan, ReadState, Snapshot, Verdict, plan_isolated,
};
use crate::reconcile::effect::{Effect, Read, RoundEnd, RoundReport, RoundResult, Shown, UseOfQuotas};
use crate::reconcile::gathering::{Gathered, Gathering, Reading, has_cloud};
use crate::reconcile::reads::PATIENCE;
use crate::reconcile::reporting::{FIRST, HeldBack, Report, Retry, SECOND};
use crate::reconcile::{Execution, Key};
use crate::status::{Field, Visit};

/// How soon to look again while something is still being read, whatever becomes of that.
const PARTIAL_LASTS: Duration = Duration::from_secs(1);

impl Machine {
    /// A round begins. Bindings without a finalizer get the first.
    pub(super) fn begin(&mut self, at: &mut At<'_, '_>) -> Stage {
        self.rounds += 1;
        self.begun = at.at();
        self.memory.outbox.see();
        at.out.push(Effect::Begun(self.rounds));
        let found = at.surroundings.caches.bindings(&self.key);
        self.forget_all_but(at, &found);
        if found.is_empty() {
            let end = RoundEnd { result: RoundResult::Settled, report: None, elapsed: Duration::ZERO, after: None };
            at.out.push(Effect::Ended(end));
            return Stage::Over;
        }
        let (mut round, mut pending) = (Round::default(), BTreeMap::new());
        for binding in found {
            match missing(&binding) {
                None => round.bindings.push(binding),
                Some(ours) => match self.writing(at).write_finalizers(&binding, ours) {
                    Some(ticket) => _ = pending.insert(ticket, binding),
                    None => round.held_back.push(binding),
                },
            }
        }
        Stage::Securing(Securing { round, pending, until: at.at() + PATIENCE })
    }

    /// Asks after the task of an earlier round.
    pub(super) fn ask(&mut self, at: &mut At<'_, '_>, round: Round) -> Stage {
        let region = &at.surroundings.flags.region;
        let found = round.bindings.into_iter().map(|binding| self.memory.latest(binding));
        // One that has just got its load balancer has moved on.
        let bindings: Vec<_> = found.filter(|binding| Key::of(binding, region) == self.key).collect();
        let round = Round { bindings, ..round };
        match &self.memory.task {
            Some(task) if has_cloud(&self.key, &round.bindings) => {
                if let Some(wait) = self.memory.task_is_early(at.at()) {
                    return self.gather(at, Round { busy: Some(wait), ..round });
                }
                let read = Read::Task(task.task.clone());
                self.memory.reads.task.ask(read, at.at(), &mut self.tickets, at.out);
                Stage::Asking(round)
            }
            _ => self.gather(at, round),
        }
    }

    /// Reads what is to be decided on.
    pub(super) fn gather(&mut self, at: &mut At<'_, '_>, mut round: Round) -> Stage {
        let bindings = std::mem::take(&mut round.bindings);
        let is_busy = round.busy.is_some();
        let key = self.key.clone();
        let At { surroundings, out } = at;
        let since = surroundings.now.at;
        let mut reading = Reading { memory: &mut self.memory, tickets: &mut self.tickets, out, at: since };
        let gathering = Gathering::begin(&key, bindings, is_busy, surroundings, &mut reading);
        Stage::Gathering(round, gathering)
    }

    /// Plans, and has the finalizer of each binding for which something is to be written confirmed before. While a task runs, nothing is.
    pub(super) fn decide(
        &mut self,
        at: &mut At<'_, '_>,
        mut round: Round,
        gathering: Gathering,
        cloud: Cloud,
    ) -> Stage {
        let mut gathered = gathering.finish(&self.key, cloud, at.surroundings, &mut self.memory);
        let snapshot = &mut gathered.snapshot;
        let mut plan = plan_isolated(snapshot);
        let since = at.at();
        let mut brake = at.surroundings.shared.brake();
        if snapshot.reads != ReadState::DuringTask {
            brake.count(&snapshot.bindings, &plan.bindings, since);
        }
        let removals = brake.removals();
        drop(brake);
        if removals != snapshot.removals {
            // It would remove too much.
            snapshot.removals = removals;
            plan = plan_isolated(snapshot);
        }
        if snapshot.reads == ReadState::Settled && matches!(snapshot.cloud, Cloud::Observed(_)) {
            self.memory.creations.forget_all_but(&plan.steps, since);
        }
        self.memory.creations.leave_alone(&mut plan.steps);
        if round.busy.is_none()
            && (self.memory.is_to_read_targets(&plan, gathered.since, gathered.begun.targets)
                || gathered.is_frame_old && self.memory.is_to_read_frame(&plan))
        {
            round.bindings = gathered.snapshot.bindings.into_iter().map(|view| view.binding).collect();
            return self.gather(at, round);
        }
        self.memory.written_targets.leave_alone(&mut plan.steps, gathered.begun.targets);
        let mut pending = BTreeMap::new();
        let mut refused = HeldBack::new();
        for (view, part) in snapshot.bindings.iter().zip(&plan.bindings) {
            let writes = !part.pending.is_empty() || part.placement.is_some();
            if !writes && !view.is_deleting() {
                at.surroundings.shared.refused().taken(view.uid(), Field::Finalizer);
            }
            let is_due = !plan.steps.is_empty() && !mutant::is(Mutant::WritesBeforeFinalizer);
            if is_due && writes && !view.is_submitted() && !view.is_deleting() {
                match self.writing(at).write_finalizers(&view.binding, SECOND) {
                    Some(ticket) => _ = pending.insert(ticket, view.binding.clone()),
                    None => refused.push(view.binding.clone()),
                }
            }
        }
        round.bindings.clear();
        let decided = Decided { gathered, plan };
        Stage::Submitting(round, Submitting { decided, pending, until: since + PATIENCE, refused })
    }

    /// The finalizers are there, or refused: begins to make calls.
    pub(super) fn submitted(&mut self, at: &mut At<'_, '_>, mut round: Round, submitting: Submitting) -> Stage {
        let Submitting { decided: Decided { mut gathered, mut plan }, pending, mut refused, .. } = submitting;
        refused.extend(pending.into_values());
        let snapshot = &mut gathered.snapshot;
        if !refused.is_empty() {
            // Nothing of theirs is in the cloud yet: the others are planned without them.
            snapshot.bindings.retain(|view| !refused.iter().any(|held| held.metadata.uid == view.binding.metadata.uid));
            round.held_back.extend(refused);
            plan = plan_isolated(snapshot);
            self.memory.creations.leave_alone(&mut plan.steps);
            self.memory.written_targets.leave_alone(&mut plan.steps, gathered.begun.targets);
        }
        if !round.held_back.is_empty() {
            // They may name it.
            plan.keep_load_balancer();
        }
        if snapshot.reads == ReadState::Settled && matches!(snapshot.cloud, Cloud::Observed(_)) {
            self.memory.refusals.forget_all_but(&plan.steps);
        }
        let decided = Decided { gathered, plan };
        if round.busy.is_some() || decided.plan.steps.is_empty() {
            let running = self.memory.task.as_ref().map(|task| &task.step);
            let untried = Execution::untried(&decided.plan.waiting, running, &self.memory.refusals, at.at());
            return self.applied(at, round, decided, &untried);
        }
        let execution = Execution::new(&decided.plan.steps, &self.memory.refusals, at.at());
        Stage::Applying(round, Applying { decided, execution, call: Call::None })
    }

    /// All calls are made: says what has come of it, and rests.
    pub(super) fn applied(&mut self, at: &mut At<'_, '_>, round: Round, decided: Decided, outcome: &Outcome) -> Stage {
        let Decided { gathered: Gathered { mut snapshot, begun, failure, .. }, mut plan } = decided;
        self.memory.remember(&snapshot, &plan, outcome, round.busy, (begun, at.at()));
        if let Cloud::Observed(observed) = &snapshot.cloud {
            at.out.push(Effect::Show(Shown::Use(use_of_quotas(observed, snapshot.limits))));
        }
        let is_partial = matches!(snapshot.reads, ReadState::TargetsOnly | ReadState::HealthPending);
        match failure {
            None if is_partial => {
                // What is still being read starts the next round.
                let mut writing = self.writing(at);
                for view in &snapshot.bindings {
                    let status = view.binding.status.clone().unwrap_or_default();
                    writing.tell_deeds(view, outcome, &status);
                }
                self.memory.keep(snapshot.cloud, outcome, begun, at.at());
                let after = at.surroundings.flags.resync.min(PARTIAL_LASTS);
                let said = RoundReport { failure: outcome.failure().cloned(), steps: plan.steps.len() };
                let result = if said.failure.is_some() { RoundResult::Failed } else { RoundResult::UnderWay };
                return self.end(at, result, Some(said), after);
            }
            None => {}
            Some(failure) => {
                let cloud = std::mem::replace(&mut snapshot.cloud, Cloud::Failed(failure));
                self.memory.keep(cloud, outcome, begun, at.at());
                // What is said is what is known: nothing of listeners.
                snapshot.reads = ReadState::Settled;
                plan = plan_isolated(&snapshot);
                return self.report(at, round, &snapshot, plan, outcome);
            }
        }
        let is_outdated = plan.listeners == ListenerSight::Outdated;
        let stage = self.report(at, round, &snapshot, plan, outcome);
        self.memory.keep(snapshot.cloud, outcome, begun, at.at());
        if is_outdated {
            self.memory.read_anew();
        }
        stage
    }

    /// Says what a round has found and done, and rests.
    fn report(
        &mut self,
        at: &mut At<'_, '_>,
        round: Round,
        snapshot: &Snapshot,
        plan: Plan,
        outcome: &Outcome,
    ) -> Stage {
        let Round { held_back, busy, .. } = round;
        let region = self.key.region().clone();
        let visit = std::mem::replace(&mut self.memory.visit, Visit::Later);
        let report = Report { snapshot, plan: &plan, outcome, held_back: &held_back, region: &region, visit };
        let mut writing = self.writing(at);
        let statuses = report.write(&mut writing);
        let refused = report.retry(&writing);
        let resync = at.surroundings.flags.resync;
        let after = self.memory.next(snapshot, &plan, outcome, busy, resync, at.at());
        let after = refused.as_ref().map_or(after, |retry: &Retry| retry.pace(after));
        let after = self.memory.progress_due.map_or(after, |due| after.min(due));
        let failure = match &snapshot.cloud {
            Cloud::Failed(failure) => Some(failure.clone()),
            _ => outcome.failure().cloned(),
        };
        let result = if failure.is_some() || refused.is_some() { RoundResult::Failed } else { result(&plan, busy) };
        let said = RoundReport { failure, steps: plan.steps.len() };
        for ((view, part), status) in snapshot.bindings.iter().zip(plan.bindings).zip(statuses) {
            at.out.push(Effect::Show(Shown::Binding(view.clone(), part, Box::new(status))));
        }
        self.end(at, result, Some(said), after)
    }

    /// A round ends. What has changed meanwhile starts the next one.
    fn end(&mut self, at: &mut At<'_, '_>, result: RoundResult, report: Option<RoundReport>, after: Duration) -> Stage {
        let now = at.at();
        let elapsed = now.saturating_sub(self.begun);
        at.out.push(Effect::Ended(RoundEnd { result, report, elapsed, after: Some(after) }));
        match self.news.take() {
            Some(news) => {
                let pause = self.tempo.pause(now).max(GATHER_WINDOW).max(self.memory.wake(news, now));
                Stage::Collecting(now + pause)
            }
            None => Stage::Resting(now + after),
        }
    }
}

impl Machine {
    /// Forgets bindings that are gone.
    fn forget_all_but(&mut self, at: &mut At<'_, '_>, bindings: &[Arc<DirectAccessBinding>]) {
        let uids: Vec<String> = bindings.iter().filter_map(|binding| binding.metadata.uid.clone()).collect();
        self.memory.written.retain(|uid, _| {
            let is_there = uids.contains(uid);
            if !is_there {
                at.surroundings.shared.ledger().record(uid, &[]);
            }
            is_there
        });
        self.memory.told.retain(|uid, _| uids.contains(uid));
        at.out.push(Effect::Show(Shown::Bindings(uids)));
    }
}

/// The finalizer that a binding lacks. It is the second where something was done already: somebody has taken it off.
fn missing(binding: &DirectAccessBinding) -> Option<&'static [&'static str]> {
    let is_recorded = has_recorded(binding);
    let has = if is_recorded { is_submitted(binding) } else { has_finalizer(binding) };
    let is_due = binding.metadata.deletion_timestamp.is_none() && !has;
    is_due.then_some(if is_recorded { SECOND } else { FIRST })
}

/// How a round ended in which nothing failed.
fn result(plan: &Plan, busy: Option<Duration>) -> RoundResult {
    let is_settled = |binding: &BindingPlan| {
        let waits = binding.gates.iter().any(|gate| matches!(gate.verdict, Verdict::Wait(..)));
        binding.pending.is_empty() && !waits && binding.counts.healthy >= binding.counts.desired
    };
    let is_settled = busy.is_none() && plan.steps.is_empty() && plan.bindings.iter().all(is_settled);
    if is_settled { RoundResult::Settled } else { RoundResult::UnderWay }
}

fn use_of_quotas(observed: &Observed, limits: Limits) -> UseOfQuotas {
    let mut rules: BTreeMap<_, usize> = BTreeMap::new();
    for route in observed.targets.keys().filter(|route| route.rule.is_some()) {
        *rules.entry(&route.listener).or_default() += 1;
    }
    UseOfQuotas {
        targets: observed.targets.values().map(Vec::len).max().unwrap_or(0),
        listeners: observed.listeners.len(),
        rules: rules.values().copied().max().unwrap_or(0),
        limits,
    }
}
