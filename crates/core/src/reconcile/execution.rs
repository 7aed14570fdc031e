//! The steps of one plan on their way to the cloud.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::{Class, Failure, ListenerId, TaskId};
use crate::plan::{Outcome, Step, StepOutcome};

use super::Refusals;
use super::part::{Item, Kind, by_listeners, filter, halves, is_shared, items, owners};
use super::refusal::{Refusal, Scope, scope};
use super::refusals::{Known, Trial};

/// How many calls a round may make more than it has steps, to find out whom a refusal is about.
const BUDGET: usize = 8;

/// How often a removal is refused, since what it is about is not there, before that counts as a failure: nothing is left to do, and the read
/// that shows it may be late.
const PERHAPS_GONE: u32 = 2;

/// How soon what a round had no calls left for is tried.
const UNTRIED: Duration = Duration::from_millis(200);

/// What the cloud has answered to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// It is done, except for some targets on these listeners, for which it failed.
    DoneExcept(Vec<ListenerId>, Failure),
    /// The cloud works on it, and the load balancer is locked.
    Submitted(TaskId),
}

/// Why a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// Nothing is known against its items.
    Clean,
    /// It shows something of what was refused.
    Trial(Trial),
}

/// The steps of one plan: [`next_call`](Self::next_call) says which call to make, and [`reply`](Self::reply) takes in what came of it.
#[derive(Debug)]
pub struct Execution {
    /// The steps that may be tried in this round.
    steps: Vec<Step>,
    queue: VecDeque<(Step, Standing)>,
    /// What is tried when the queue is empty.
    trials: VecDeque<Trial>,
    current: Option<(Step, Standing)>,
    /// Kinds of which each binding is tried by itself in this round.
    divided: BTreeSet<Kind>,
    /// Kinds that are refused as a whole in this round.
    held: BTreeMap<Kind, Failure>,
    /// Kinds of which some call went through.
    accepted: BTreeSet<Kind>,
    /// The last failure of each kind, and whom calls of it were about that failed.
    failed: BTreeMap<Kind, (Failure, BTreeSet<String>)>,
    /// Items of which it is known what became of them.
    recorded: BTreeSet<Item>,
    /// Items of calls that have failed.
    refused: BTreeSet<Item>,
    /// Items that a task of an earlier round is about.
    taken_up: BTreeSet<Item>,
    budget: usize,
    outcome: Outcome,
    now: Duration,
}

impl Execution {
    /// Nothing is done yet.
    pub fn new(steps: &[Step], refusals: &Refusals, now: Duration) -> Self {
        let mut execution = Self {
            steps: Vec::new(),
            queue: VecDeque::new(),
            trials: refusals.trials(now).into(),
            current: None,
            divided: BTreeSet::new(),
            held: BTreeMap::new(),
            accepted: BTreeSet::new(),
            failed: BTreeMap::new(),
            recorded: BTreeSet::new(),
            refused: BTreeSet::new(),
            taken_up: BTreeSet::new(),
            budget: BUDGET,
            outcome: Outcome::default(),
            now,
        };
        for step in steps {
            if let Some(refusal) = refusals.of_kind(Kind::of(step), now) {
                execution.held.insert(Kind::of(step), refusal.failure.clone());
            }
            let all: Vec<_> = items(step).into_iter().zip(owners(step)).collect();
            let known: Vec<_> = all.iter().map(|(item, owner)| refusals.of(item, owner)).collect();
            let clean = filter(step, |place| known[place].is_none());
            // Where all that was tried is refused for what it is, what is new may still be in order.
            let is_whole = |failure: &Failure| scope(failure.class) == Scope::Kind;
            let clean = clean.filter(|step| !execution.held.get(&Kind::of(step)).is_some_and(is_whole));
            execution.queue.extend(clean.map(|part| (part, Standing::Clean)));
            execution.steps.push(step.clone());
        }
        if refusals.is_drain_locked_out(now) {
            execution.stop();
        }
        execution.queue.make_contiguous().sort_by_key(|(step, _)| refusals.rank(Kind::of(step), now));
        execution
    }

    /// What is known of steps that nobody tries, since the task of `running` is in their way: what was refused before is still refused,
    /// but for what this task is about, which the cloud has taken up.
    pub fn untried(steps: &[Step], running: Option<&Step>, refusals: &Refusals, now: Duration) -> Outcome {
        let mut execution = Self::new(steps, refusals, now);
        execution.taken_up = running.into_iter().flat_map(items).collect();
        for step in std::mem::take(&mut execution.steps) {
            execution.finish_step(&step, refusals);
        }
        execution.outcome
    }

    /// The next call; `None` when there is nothing more to do in this round.
    pub fn next_call(&mut self) -> Option<Step> {
        if self.current.is_none() {
            self.current = self.queue.pop_front();
        }
        while self.current.is_none() && self.budget > 0 {
            let trial = self.trials.pop_front()?;
            if let Some(part) = self.part(&trial) {
                self.budget -= 1;
                self.current = Some((part, Standing::Trial(trial)));
            }
        }
        self.current.as_ref().map(|(step, _)| step.clone())
    }

    /// Nothing more is called in this round.
    fn stop(&mut self) {
        self.queue.clear();
        self.trials.clear();
        self.budget = 0;
    }

    /// The part of the plan that a trial is about; `None` when it has none that is left to do in this round.
    fn part(&self, trial: &Trial) -> Option<Step> {
        let (Trial::Untested(wanted) | Trial::Guilty(wanted) | Trial::Alone(wanted)) = trial;
        let kind = wanted.first()?.kind();
        if self.held.contains_key(&kind) {
            return None;
        }
        let part = self.steps.iter().filter(|step| Kind::of(step) == kind).find_map(|step| {
            let all = items(step);
            filter(step, |place| wanted.contains(&all[place]) && !self.recorded.contains(&all[place]))
        })?;
        match trial {
            Trial::Guilty(_) => Some(halves(&part).map_or(part, |[first, _]| first)),
            Trial::Untested(_) | Trial::Alone(_) => Some(part),
        }
    }

    /// Takes in the reply to the current call, which came at this time.
    pub fn reply(&mut self, reply: Result<Reply, Failure>, refusals: &mut Refusals, now: Duration) {
        self.now = now;
        let Some((step, standing)) = self.current.take() else { return };
        if let Standing::Trial(trial) = &standing {
            refusals.note_trial(trial);
        }
        match reply {
            Ok(Reply::Done) => self.done(step, &standing, refusals),
            Ok(Reply::DoneExcept(listeners, failure)) => {
                let [refused, done] = by_listeners(&step, &listeners);
                if let Some(done) = done {
                    self.done(done, &standing, refusals);
                }
                if let Some(refused) = refused {
                    self.refused(&refused, &standing, &failure, refusals);
                }
            }
            Ok(Reply::Submitted(task)) => {
                self.accepted.insert(Kind::of(&step));
                refusals.accept_kind(Kind::of(&step));
                self.record(step, StepOutcome::Submitted(task));
                // The load balancer is locked: the next round decides on what it then sees.
                self.stop();
            }
            Err(failure) => {
                let (_, whose) = self.failed.entry(Kind::of(&step)).or_insert((failure.clone(), BTreeSet::new()));
                whose.extend(owners(&step));
                self.refused(&step, &standing, &failure, refusals);
            }
        }
    }

    fn done(&mut self, step: Step, standing: &Standing, refusals: &mut Refusals) {
        self.accepted.insert(Kind::of(&step));
        refusals.accept(&step);
        self.record(step, StepOutcome::Done);
        if let Standing::Trial(Trial::Guilty(group)) = standing
            && let Some(rest) = refusals.rest(group)
        {
            self.trials.push_front(rest);
        }
    }

    /// What became of the steps.
    pub fn finish(mut self, refusals: &mut Refusals) -> Outcome {
        for (kind, (failure, whose)) in &self.failed {
            let is_whole = whose.len() > 1 && !self.accepted.contains(kind);
            // As far as was tried, all of it is refused, whomever it is about: there is no hurry with parts of it.
            if is_whole && scope(failure.class) == Scope::Item {
                refusals.strike(*kind, failure, self.now);
            }
        }
        for step in std::mem::take(&mut self.steps) {
            self.finish_step(&step, refusals);
        }
        self.outcome.retry_after = self.retry_after(refusals).filter(|_| self.outcome.task().is_none());
        self.outcome
    }

    /// Says what became of the items of which that is not known, by owner.
    fn finish_step(&mut self, step: &Step, refusals: &Refusals) {
        let (all, owners) = (items(step), owners(step));
        let left: Vec<usize> = (0..all.len()).filter(|place| !self.recorded.contains(&all[*place])).collect();
        // The failure that the status of the item's owner shows. An item that only shared a call with a refused one has none.
        let failure = |place: usize| match refusals.of(&all[place], &owners[place]) {
            _ if self.taken_up.contains(&all[place]) => None,
            Some(Known::Guilty(failure)) if !is_of_what_is_gone(Kind::of(step), failure) => Some(failure.clone()),
            Some(Known::Alone(refusal)) if !is_perhaps_done(Kind::of(step), refusal) => Some(refusal.failure.clone()),
            Some(_) | None => None,
        };
        let failures: BTreeMap<usize, Failure> =
            left.iter().filter_map(|place| Some((*place, failure(*place)?))).collect();
        let of_kind = refusals.of_kind(Kind::of(step), self.now);
        let is_failure = !of_kind.is_some_and(|refusal| is_perhaps_done(Kind::of(step), refusal));
        let held = self.held.get(&Kind::of(step)).filter(|_| is_failure && !is_shared(step)).cloned();
        for is_tried in [true, false] {
            let is_such = |place: usize| self.refused.contains(&all[place]) == is_tried;
            let is_rest = |place: usize| left.contains(&place) && !failures.contains_key(&place) && is_such(place);
            let outcome = match &held {
                Some(failure) if is_tried => StepOutcome::Failed(failure.clone()),
                Some(failure) => StepOutcome::Held(failure.clone()),
                None => StepOutcome::Skipped,
            };
            if let Some(rest) = filter(step, is_rest) {
                self.record(rest, outcome);
            }
        }
        let whose: BTreeSet<&String> = failures.keys().map(|place| &owners[*place]).collect();
        for owner in whose {
            let is_its = |place: usize| owners[place] == *owner && failures.contains_key(&place);
            let first = failures.iter().find(|(place, _)| is_its(**place)).map(|(_, failure)| failure.clone());
            if let (Some(part), Some(failure)) = (filter(step, is_its), first) {
                let is_tried = items(&part).iter().any(|item| self.refused.contains(item));
                let outcome = if is_tried { StepOutcome::Failed(failure) } else { StepOutcome::Held(failure) };
                self.record(part, outcome);
            }
        }
    }

    /// How soon something that is left is to be tried.
    fn retry_after(&self, refusals: &Refusals) -> Option<Duration> {
        let is_left = |outcome: &StepOutcome| !matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_));
        let left = self.outcome.steps.iter().filter(|(_, outcome)| is_left(outcome));
        let wait = |step: &Step| {
            let of_kind = refusals.of_kind(Kind::of(step), self.now).map(|refusal| refusal.until);
            let until = |(item, owner): (Item, String)| match refusals.of(&item, &owner) {
                Some(Known::Alone(refusal)) => refusal.until,
                Some(Known::Untested | Known::Guilty(_)) | None => self.now + UNTRIED,
            };
            let of_items = items(step).into_iter().zip(owners(step)).map(until).min();
            of_items.into_iter().chain(of_kind).max().map_or(UNTRIED, |until| until.saturating_sub(self.now))
        };
        left.map(|(step, _)| wait(step)).min()
    }

    /// Whom a refusal is about is found out by trying parts, as far as that costs few calls.
    fn refused(&mut self, step: &Step, standing: &Standing, failure: &Failure, refusals: &mut Refusals) {
        let kind = Kind::of(step);
        self.refused.extend(items(step));
        self.outcome.failed.push((step.clone(), failure.clone()));
        let is_whole = scope(failure.class) == Scope::Kind;
        let is_apart = matches!(standing, Standing::Trial(Trial::Alone(_)));
        if is_whole && !is_apart && !self.divided.contains(&kind) {
            let is_time = refusals.strike(kind, failure, self.now);
            if !is_time {
                // What else has the same action is refused as well, as far as is known.
                self.queue.retain(|(other, _)| Kind::of(other) != kind);
                self.held.insert(kind, failure.clone());
                if refusals.is_drain_locked_out(self.now) {
                    self.stop();
                }
                return;
            }
            self.divided.insert(kind);
        }
        let is_single = items(step).len() == 1;
        if is_single || (is_whole && !is_apart && !is_shared(step)) {
            // It is all of its owner's, as far as can be known.
            refusals.refuse_alone(step, failure, self.now);
        } else {
            refusals.refuse(step, failure, self.now);
        }
        if matches!(standing, Standing::Trial(_)) {
            // What was refused together with it need not wait for the next round.
            refusals.innocent().into_iter().rev().for_each(|rest| self.trials.push_front(rest));
        }
        if let Some(next) = refusals.next_trial(step) {
            self.trials.push_front(next);
        }
    }

    fn record(&mut self, step: Step, outcome: StepOutcome) {
        self.recorded.extend(items(&step));
        self.outcome.steps.push((step, outcome));
    }
}

/// A removal was refused, since what it is about is not there.
fn is_of_what_is_gone(kind: Kind, failure: &Failure) -> bool {
    kind.is_removal() && failure.class == Class::NotFound
}

/// The same, and not so often that it cannot be a late read.
fn is_perhaps_done(kind: Kind, refusal: &Refusal) -> bool {
    is_of_what_is_gone(kind, &refusal.failure) && refusal.count <= PERHAPS_GONE
}
