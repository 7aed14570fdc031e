//! What became of the steps of a plan.

use std::time::Duration;

use crate::model::{Failure, TaskId};

use super::Step;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The cloud says that it is done. Only the next read shows it.
    Done,
    /// The cloud works on it.
    Submitted(TaskId),
    /// Refused, or its fate is unknown.
    Failed(Failure),
    /// Not tried, because it was refused with this a moment ago.
    Held(Failure),
    /// Not tried, because the cloud works on another one, or refused together with others, so that nobody knows whom it is about.
    Skipped,
}

/// What became of a plan: each step with its outcome, in the plan's order.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The steps.
    pub steps: Vec<(Step, StepOutcome)>,
    /// Calls that have failed, whomever they were about. Nobody knows what they have changed.
    pub failed: Vec<(Step, Failure)>,
    /// How soon something that was refused is to be tried again; `None` when nothing was.
    pub retry_after: Option<Duration>,
}

impl Outcome {
    /// The task that the cloud works on, if any.
    pub fn task(&self) -> Option<&TaskId> {
        self.steps.iter().find_map(|(_, outcome)| match outcome {
            StepOutcome::Submitted(task) => Some(task),
            _ => None,
        })
    }

    /// The first failure of this round, whomever it was about.
    pub fn failure(&self) -> Option<&Failure> {
        self.failed.first().map(|(_, failure)| failure)
    }

    /// All failures, of this round and of the round that refused what is held.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &Failure)> {
        self.steps.iter().filter_map(|(step, outcome)| match outcome {
            StepOutcome::Failed(failure) | StepOutcome::Held(failure) => Some((step, failure)),
            _ => None,
        })
    }

    /// True when the cloud may differ from what this round read: some step was tried.
    pub fn has_tried(&self) -> bool {
        self.tried().next().is_some()
    }

    /// The steps that were tried.
    pub fn tried(&self) -> impl Iterator<Item = &Step> {
        let was_tried = |outcome: &StepOutcome| !matches!(outcome, StepOutcome::Held(_) | StepOutcome::Skipped);
        self.steps
            .iter()
            .filter(move |(_, outcome)| was_tried(outcome))
            .map(|(step, _)| step)
            .chain(self.failed.iter().map(|(step, _)| step))
    }

    /// True when all that was tried was done at once, and was to register targets: nobody need look before anything else is done.
    pub fn only_registers(&self) -> bool {
        let is_it = |(step, outcome): &(Step, StepOutcome)| {
            matches!(
                (step, outcome),
                (Step::Register(_), StepOutcome::Done) | (_, StepOutcome::Skipped | StepOutcome::Held(_))
            )
        };
        self.failed.is_empty() && self.steps.iter().all(is_it)
    }

    /// The steps that were done, or are being worked on.
    pub fn done(&self) -> impl Iterator<Item = &Step> {
        let is_done = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_));
        self.steps.iter().filter(move |(_, outcome)| is_done(outcome)).map(|(step, _)| step)
    }

    /// True when some step was done, or is being worked on.
    pub fn has_progressed(&self) -> bool {
        self.done().next().is_some()
    }
}
