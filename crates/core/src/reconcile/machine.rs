//! The loop of one load balancer as a state machine: what it takes in, what it has done for it, and what it waits for.
//!
//! A round secures the bindings, asks after the task of an earlier round, reads, decides, submits, applies and reports, in this order. It does not wait for what it writes to Kubernetes, but for finalizers for a moment.
//! Between rounds the machine rests until something changes, an answer comes late, or it is time to look again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{
    Effect, Input, News, NotTaken, Read, RoundEnd, RoundReport, RoundResult, Shown, Taken, Ticket, UseOfQuotas,
};
use super::gathering::{Gathered, Gathering, Reading, has_cloud};
use super::memory::Memory;
use super::notices::hear_hold;
use super::reads::PATIENCE;
use super::reporting::{FIRST, HeldBack, Report, Retry, SECOND, Writing};
use super::surroundings::Surroundings;
use super::tempo::Tempo;
use super::tickets::Tickets;
use super::{Execution, Key};
use crate::api::DirectAccessBinding;
use crate::model::Limits;
use crate::plan::placement::has_finalizer;
use crate::plan::{
    BindingPlan, Cloud, ListenerSight, Observed, Outcome, Plan, ReadState, Snapshot, Verdict, plan_isolated,
};
use crate::status::{Field, Visit};

/// Changes that come close together make one round: a rollout changes many Pods at once, and calls are dear.
const GATHER_WINDOW: Duration = Duration::from_millis(50);
/// How soon to look again while something is still being read, whatever becomes of that.
const PARTIAL_LASTS: Duration = Duration::from_secs(1);

/// The loop of one load balancer. [`step`](Self::step) takes in what has happened and says what is to be done; nothing else changes it.
#[derive(Debug)]
pub struct Machine {
    key: Key,
    memory: Memory,
    tickets: Tickets,
    tempo: Tempo,
    stage: Stage,
    /// How many rounds have begun.
    rounds: u64,
    /// When the round that runs has begun.
    begun: Duration,
    /// What has changed since the round that runs has begun.
    news: Option<News>,
    /// When it was last asked to be woken.
    wakes: Option<Duration>,
}

/// Where the machine is.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a machine is at one, and moves it a few times in a round")]
enum Stage {
    /// Nothing is to be done before this time, unless something changes or comes.
    Resting(Duration),
    /// A round begins at this time, with all that comes until then.
    Collecting(Duration),
    /// First finalizers are being written.
    Securing(Securing),
    /// The cloud is asked how the task of an earlier round fares.
    Asking(Round),
    /// Something is being read.
    Gathering(Round, Gathering),
    /// Second finalizers are being written.
    Submitting(Round, Submitting),
    /// Calls are being made.
    Applying(Round, Applying),
    /// Nothing is bound to the load balancer any more.
    Over,
}

/// What a round knows from its beginning.
#[derive(Debug, Default)]
struct Round {
    bindings: Vec<Arc<DirectAccessBinding>>,
    held_back: HeldBack,
    /// How long until the task of an earlier round is asked after again, while it runs.
    busy: Option<Duration>,
}

#[derive(Debug)]
struct Securing {
    round: Round,
    /// What is waited for, until this time.
    pending: BTreeMap<Ticket, Arc<DirectAccessBinding>>,
    until: Duration,
}

/// What a round has seen, and what it is to do.
#[derive(Debug)]
struct Decided {
    gathered: Gathered,
    plan: Plan,
}

#[derive(Debug)]
struct Submitting {
    decided: Decided,
    /// What is waited for, until this time.
    pending: BTreeMap<Ticket, Arc<DirectAccessBinding>>,
    until: Duration,
    refused: HeldBack,
}

#[derive(Debug)]
struct Applying {
    decided: Decided,
    execution: Execution,
    /// Whether the cloud has been called and has not replied.
    call: Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    None,
    UnderWay,
}

impl Machine {
    /// One that has not begun.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            memory: Memory::default(),
            tickets: Tickets::default(),
            tempo: Tempo::default(),
            stage: Stage::Collecting(Duration::ZERO),
            rounds: 0,
            begun: Duration::ZERO,
            news: None,
            wakes: None,
        }
    }

    /// What it is about.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// It has begun to write in this round, and finishes what it has begun. Otherwise it may be dropped without losing anything but reads.
    pub const fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Applying(..))
    }

    /// Nothing is bound to the load balancer any more.
    pub const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// Takes in what has happened. Returns what is to be done, in this order.
    pub fn step(&mut self, surroundings: &Surroundings<'_>, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        out.extend(hear_hold(surroundings).into_iter().flatten());
        let mut at = At { surroundings, out: &mut out };
        self.take_in(&mut at, input);
        self.go_on(&mut at);
        self.memory.reads.drop_forgotten(&mut out);
        let wakes = self.wakes_at();
        if wakes != self.wakes {
            self.wakes = wakes;
            out.push(Effect::WakeAt(wakes));
        }
        out
    }

    /// When it goes on by time alone.
    fn wakes_at(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Resting(due) | Stage::Collecting(due) => Some(*due),
            Stage::Gathering(_, gathering) => gathering.deadline(),
            Stage::Securing(securing) => Some(securing.until),
            Stage::Submitting(_, submitting) => Some(submitting.until),
            Stage::Asking(_) | Stage::Applying(..) | Stage::Over => None,
        }
    }
}

/// What a step sees, and where its effects go.
struct At<'a, 'b> {
    surroundings: &'a Surroundings<'b>,
    out: &'a mut Vec<Effect>,
}

impl At<'_, '_> {
    /// Since some moment that stays the same.
    fn at(&self) -> Duration {
        self.surroundings.now.at
    }
}

impl Machine {
    /// Puts what has happened where it belongs.
    fn take_in(&mut self, at: &mut At<'_, '_>, input: Input) {
        match input {
            Input::News(news) => self.hear(news, at.at()),
            // Where it waits for a time, it looks at the clock.
            Input::Due => {}
            Input::Answer(ticket, answer) => self.memory.reads.take_in(ticket, answer),
            Input::Replied(reply) => {
                if let Stage::Applying(_, applying) = &mut self.stage {
                    applying.call = Call::None;
                    applying.execution.reply(reply, &mut self.memory.refusals, at.at());
                }
            }
            Input::Written(ticket, result) => self.written(at, ticket, &result),
        }
    }

    fn hear(&mut self, news: News, at: Duration) {
        match self.stage {
            Stage::Resting(_) => {
                let pause = self.tempo.pause(at).max(GATHER_WINDOW).max(self.memory.wake(news, at));
                self.stage = Stage::Collecting(at + pause);
            }
            // What comes in meanwhile is seen by this round and needs none of its own.
            Stage::Collecting(_) => {
                self.memory.wake(news, at);
            }
            _ => self.news = self.news.max(Some(news)),
        }
    }

    fn written(&mut self, at: &mut At<'_, '_>, ticket: Ticket, result: &Result<Taken, NotTaken>) {
        let secured = self.writing(at).written(ticket, result);
        let pending = match &mut self.stage {
            Stage::Securing(Securing { pending, .. }) | Stage::Submitting(_, Submitting { pending, .. }) => {
                pending.remove(&ticket)
            }
            _ => None,
        };
        match (&mut self.stage, pending, secured) {
            (Stage::Securing(Securing { round, .. }), Some(_), Some(secured)) => round.bindings.push(secured),
            (Stage::Securing(Securing { round, .. }), Some(binding), None) => round.held_back.push(binding),
            (Stage::Submitting(_, Submitting { refused, .. }), Some(binding), None) => refused.push(binding),
            // It came too late for its round.
            (_, None, Some(_)) => self.memory.outbox.tell(),
            _ => {}
        }
    }

    /// Goes from stage to stage, as far as there is nothing to wait for.
    fn go_on(&mut self, at: &mut At<'_, '_>) {
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let (next, goes_on) = self.next(at, stage);
            self.stage = next;
            if !goes_on {
                return;
            }
        }
    }

    /// The next stage, and whether there may be another one after it at once.
    fn next(&mut self, at: &mut At<'_, '_>, stage: Stage) -> (Stage, bool) {
        let now = at.at();
        match stage {
            Stage::Resting(due) if now >= due || self.memory.has_news() => {
                (Stage::Collecting(now + self.tempo.pause(now)), true)
            }
            Stage::Collecting(due) if now >= due => (self.begin(at), true),
            Stage::Securing(Securing { mut round, pending, until }) if pending.is_empty() || now >= until => {
                // What comes later is for the next round.
                round.held_back.extend(pending.into_values());
                (self.ask(at, round), true)
            }
            Stage::Asking(round) => match self.memory.reads.task.take() {
                Some((fares, _)) => {
                    let (busy, line) = self.memory.hear_of_task(fares, now);
                    at.out.extend(line.map(Effect::Log));
                    (self.gather(at, Round { busy, ..round }), true)
                }
                None => (Stage::Asking(round), false),
            },
            Stage::Gathering(round, mut gathering) => match gathering.advance(&mut self.reading(at)) {
                Some(cloud) => (self.decide(at, round, gathering, cloud), true),
                None => (Stage::Gathering(round, gathering), false),
            },
            Stage::Submitting(round, submitting) if submitting.pending.is_empty() || now >= submitting.until => {
                (self.submitted(at, round, submitting), true)
            }
            Stage::Applying(round, mut applying) if applying.call == Call::None => match applying.execution.next_call()
            {
                Some(step) => {
                    at.out.push(Effect::Call(step));
                    applying.call = Call::UnderWay;
                    (Stage::Applying(round, applying), false)
                }
                None => {
                    let outcome = applying.execution.finish(&mut self.memory.refusals);
                    (self.applied(at, round, applying.decided, &outcome), true)
                }
            },
            waiting => (waiting, false),
        }
    }

    fn reading<'a>(&'a mut self, at: &'a mut At<'_, '_>) -> Reading<'a> {
        let since = at.at();
        Reading { memory: &mut self.memory, tickets: &mut self.tickets, out: at.out, at: since }
    }

    fn writing<'a>(&'a mut self, at: &'a mut At<'_, '_>) -> Writing<'a> {
        Writing { memory: &mut self.memory, surroundings: at.surroundings, tickets: &mut self.tickets, out: at.out }
    }
}

// The stages of a round.
impl Machine {
    /// A round begins. Bindings without a finalizer get the first.
    fn begin(&mut self, at: &mut At<'_, '_>) -> Stage {
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
            if binding.metadata.deletion_timestamp.is_some() || has_finalizer(&binding) {
                round.bindings.push(binding);
            } else {
                match self.writing(at).write_finalizers(&binding, FIRST) {
                    Some(ticket) => _ = pending.insert(ticket, binding),
                    None => round.held_back.push(binding),
                }
            }
        }
        Stage::Securing(Securing { round, pending, until: at.at() + PATIENCE })
    }

    /// Asks after the task of an earlier round.
    fn ask(&mut self, at: &mut At<'_, '_>, round: Round) -> Stage {
        let region = &at.surroundings.flags.region;
        let found = round.bindings.into_iter().map(|binding| self.memory.latest(binding));
        // One that has just got its load balancer has moved on.
        let bindings: Vec<_> = found.filter(|binding| Key::of(binding, region) == self.key).collect();
        let round = Round { bindings, ..round };
        match &self.memory.task {
            Some(task) if has_cloud(&self.key, &round.bindings) => {
                let read = Read::Task(task.task.clone());
                self.memory.reads.task.ask(read, at.at(), &mut self.tickets, at.out);
                Stage::Asking(round)
            }
            _ => self.gather(at, round),
        }
    }

    /// Reads what is to be decided on.
    fn gather(&mut self, at: &mut At<'_, '_>, mut round: Round) -> Stage {
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
    fn decide(&mut self, at: &mut At<'_, '_>, mut round: Round, gathering: Gathering, cloud: Cloud) -> Stage {
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
        let mut pending = BTreeMap::new();
        let mut refused = HeldBack::new();
        for (view, part) in snapshot.bindings.iter().zip(&plan.bindings) {
            let writes = !part.pending.is_empty() || part.placement.is_some();
            if !writes && !view.is_deleting() {
                at.surroundings.shared.refused().taken(view.uid(), Field::Finalizer);
            }
            if !plan.steps.is_empty() && writes && !view.is_submitted() && !view.is_deleting() {
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
    fn submitted(&mut self, at: &mut At<'_, '_>, mut round: Round, submitting: Submitting) -> Stage {
        let Submitting { decided: Decided { mut gathered, mut plan }, pending, mut refused, .. } = submitting;
        refused.extend(pending.into_values());
        let snapshot = &mut gathered.snapshot;
        if !refused.is_empty() {
            // Nothing of theirs is in the cloud yet: the others are planned without them.
            snapshot.bindings.retain(|view| !refused.iter().any(|held| held.metadata.uid == view.binding.metadata.uid));
            round.held_back.extend(refused);
            plan = plan_isolated(snapshot);
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
            return self.applied(at, round, decided, &Outcome::default());
        }
        let execution = Execution::new(&decided.plan.steps, &self.memory.refusals, at.at());
        Stage::Applying(round, Applying { decided, execution, call: Call::None })
    }

    /// All calls are made: says what has come of it, and rests.
    fn applied(&mut self, at: &mut At<'_, '_>, round: Round, decided: Decided, outcome: &Outcome) -> Stage {
        let Decided { gathered: Gathered { mut snapshot, begun, failure }, mut plan } = decided;
        self.memory.remember(&snapshot, &plan, outcome, round.busy, at.at());
        if let Cloud::Observed(observed) = &snapshot.cloud {
            at.out.push(Effect::Show(Shown::Use(use_of_quotas(observed, snapshot.limits))));
        }
        let is_partial = matches!(snapshot.reads, ReadState::TargetsOnly | ReadState::HealthPending);
        match failure {
            None if is_partial => {
                // What is still being read starts the next round.
                self.memory.keep(snapshot.cloud, outcome, begun, at.at());
                let after = at.surroundings.flags.resync.min(PARTIAL_LASTS);
                return self.end(at, RoundResult::UnderWay, None, after);
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
        let after = self.memory.next(snapshot, &plan, outcome, busy, resync);
        let after = refused.as_ref().map_or(after, |retry: &Retry| retry.pace(after));
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
        self.memory.outbox.retain(|uid| uids.iter().any(|known| known == uid));
        at.out.push(Effect::Show(Shown::Bindings(uids)));
    }
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
