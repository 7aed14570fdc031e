//! The steps of one plan on their way to the cloud.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::model::{Failure, ListenerId, TaskId};
use crate::plan::{Outcome, Step, StepOutcome};

use super::Refusals;
use super::part::{Kind, by_listeners, by_owner, filter, halves, is_shared, items, owners};
use super::refusals::{Scope, scope};

/// How many calls a round may make more than it has steps, to find out whom a refusal is about.
const BUDGET: usize = 8;

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

/// Whether a step was refused before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was not, as far as is known.
    Clean,
    /// It is a part of one that was refused in this round.
    Part,
    /// It was, in an earlier round.
    Suspect,
}

/// The steps of one plan: [`next_call`](Self::next_call) says which call to make, and [`reply`](Self::reply) takes in what came of it.
#[derive(Debug)]
pub struct Execution {
    queue: VecDeque<(Step, Standing)>,
    /// Those that were refused before, and may be tried again.
    suspects: VecDeque<Step>,
    current: Option<(Step, Standing)>,
    /// Kinds of which each binding is tried by itself in this round.
    divided: BTreeSet<Kind>,
    /// Kinds of which some call went through.
    accepted: BTreeSet<Kind>,
    /// The last failure of each kind, and whom calls of it were about that failed.
    failed: BTreeMap<Kind, (Failure, BTreeSet<String>)>,
    budget: usize,
    outcome: Outcome,
    now: Duration,
}

impl Execution {
    /// Nothing is done yet.
    pub fn new(steps: &[Step], refusals: &Refusals, now: Duration) -> Self {
        let mut execution = Self {
            queue: VecDeque::new(),
            suspects: VecDeque::new(),
            current: None,
            divided: BTreeSet::new(),
            accepted: BTreeSet::new(),
            failed: BTreeMap::new(),
            budget: BUDGET,
            outcome: Outcome::default(),
            now,
        };
        let mut suspects = Vec::new();
        for step in steps {
            if let Some(refusal) = refusals.of_kind(Kind::of(step), now) {
                execution.hold(step, &refusal.failure);
                continue;
            }
            let known: Vec<_> = items(step).iter().map(|item| refusals.of(item).cloned()).collect();
            execution.queue.extend(filter(step, |place| known[place].is_none()).map(|part| (part, Standing::Clean)));
            for part in filter(step, |place| known[place].is_some()).iter().flat_map(by_owner) {
                let refusal =
                    items(&part).iter().filter_map(|item| refusals.of(item)).max_by_key(|one| one.until).cloned();
                match refusal {
                    Some(refusal) if now < refusal.until => execution.hold(&part, &refusal.failure),
                    Some(refusal) => suspects.push((refusal.until, part)),
                    None => {}
                }
            }
        }
        suspects.sort_by_key(|(until, _)| *until);
        execution.suspects = suspects.into_iter().map(|(_, part)| part).collect();
        execution
    }

    /// The next call; `None` when there is nothing more to do in this round.
    pub fn next_call(&mut self) -> Option<Step> {
        if self.current.is_none() {
            self.current = self.queue.pop_front().or_else(|| self.next_suspect());
        }
        self.current.as_ref().map(|(step, _)| step.clone())
    }

    fn next_suspect(&mut self) -> Option<(Step, Standing)> {
        if self.suspects.is_empty() {
            return None;
        }
        self.budget = self.budget.checked_sub(1)?;
        self.suspects.pop_front().map(|step| (step, Standing::Suspect))
    }

    /// Takes in the reply to the current call, which came at this time.
    pub fn reply(&mut self, reply: Result<Reply, Failure>, refusals: &mut Refusals, now: Duration) {
        self.now = now;
        let Some((step, standing)) = self.current.take() else { return };
        match reply {
            Ok(Reply::Done) => {
                self.accepted.insert(Kind::of(&step));
                refusals.clear(&step);
                self.record(step, StepOutcome::Done);
            }
            Ok(Reply::DoneExcept(listeners, failure)) => {
                let [refused, done] = by_listeners(&step, &listeners);
                self.accepted.insert(Kind::of(&step));
                if let Some(done) = done {
                    refusals.clear(&done);
                    self.record(done, StepOutcome::Done);
                }
                if let Some(refused) = refused {
                    self.refused(&refused, standing, &failure, refusals);
                }
            }
            Ok(Reply::Submitted(task)) => {
                self.accepted.insert(Kind::of(&step));
                self.record(step, StepOutcome::Submitted(task));
                // The load balancer is locked: the next round decides on what it then sees.
                self.skip_rest(refusals);
            }
            Err(failure) => {
                let (_, whose) = self.failed.entry(Kind::of(&step)).or_insert((failure.clone(), BTreeSet::new()));
                whose.extend(owners(&step));
                refusals.refuse(&step);
                self.refused(&step, standing, &failure, refusals);
            }
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
        if let Some((step, standing)) = self.current.take() {
            self.queue.push_front((step, standing));
        }
        self.skip_rest(refusals);
        let is_left = |outcome: &StepOutcome| !matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_));
        let left = self.outcome.steps.iter().filter(|(_, outcome)| is_left(outcome));
        let wait = |step: &Step| refusals.until(step).map_or(UNTRIED, |until| until.saturating_sub(self.now));
        self.outcome.retry_after = left.map(|(step, _)| wait(step)).min().filter(|_| self.outcome.task().is_none());
        self.outcome
    }

    /// Nothing more is tried. What is a part of a refused step is tried apart from others the next time.
    fn skip_rest(&mut self, refusals: &mut Refusals) {
        let rest: Vec<_> =
            self.queue.drain(..).chain(self.suspects.drain(..).map(|step| (step, Standing::Suspect))).collect();
        for (step, standing) in rest {
            let failure = self.failed.get(&Kind::of(&step)).filter(|_| standing == Standing::Part);
            if let Some((failure, _)) = failure {
                refusals.suspect(&step, failure, self.now);
            }
            self.record(step, StepOutcome::Skipped);
        }
    }

    /// Whom a refusal is about is found out by trying parts, as far as that costs few calls.
    fn refused(&mut self, step: &Step, standing: Standing, failure: &Failure, refusals: &mut Refusals) {
        let kind = Kind::of(step);
        let may_split = match (scope(failure.class), standing) {
            (Scope::Item, _) => true,
            (Scope::Kind, Standing::Suspect) => false,
            (Scope::Kind, Standing::Clean | Standing::Part) => {
                if self.divided.contains(&kind) || refusals.strike(kind, failure, self.now) {
                    self.divided.insert(kind);
                }
                self.divided.contains(&kind) && is_shared(step)
            }
        };
        match halves(step).filter(|_| may_split && self.budget >= 2) {
            Some([first, second]) => {
                self.budget -= 2;
                if standing == Standing::Suspect {
                    [second, first].into_iter().for_each(|part| self.suspects.push_front(part));
                    return;
                }
                // This one explains why what it was a part of was refused: the other part may be in order.
                for (step, standing) in &mut self.queue {
                    if Kind::of(step) == kind {
                        *standing = Standing::Clean;
                    }
                }
                [second, first].into_iter().for_each(|part| self.queue.push_front((part, Standing::Part)));
            }
            None => self.give_up(step, standing, failure, refusals),
        }
    }

    fn give_up(&mut self, step: &Step, standing: Standing, failure: &Failure, refusals: &mut Refusals) {
        let kind = Kind::of(step);
        let is_apart = standing == Standing::Suspect || self.divided.contains(&kind);
        match scope(failure.class) {
            Scope::Item if items(step).len() == 1 => refusals.note(step, failure, self.now),
            Scope::Kind if is_apart && !is_shared(step) => refusals.note(step, failure, self.now),
            Scope::Kind if !is_apart => self.hold_kind(kind, failure),
            Scope::Item | Scope::Kind => refusals.suspect(step, failure, self.now),
        }
        let outcome = if is_shared(step) { StepOutcome::Skipped } else { StepOutcome::Failed(failure.clone()) };
        self.record(step.clone(), outcome);
    }

    /// What else has the same action is refused as well, as far as is known.
    fn hold_kind(&mut self, kind: Kind, failure: &Failure) {
        let (held, rest): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.queue).into_iter().partition(|(step, _)| Kind::of(step) == kind);
        self.queue = rest;
        for (step, _) in held {
            self.hold(&step, failure);
        }
    }

    fn hold(&mut self, step: &Step, failure: &Failure) {
        let outcome = if is_shared(step) { StepOutcome::Skipped } else { StepOutcome::Held(failure.clone()) };
        self.record(step.clone(), outcome);
    }

    fn record(&mut self, step: Step, outcome: StepOutcome) {
        self.outcome.steps.push((step, outcome));
    }
}
