//! What became of the steps of a plan.

use crate::model::{Failure, ListenerId, TaskId};

use super::Step;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The cloud says that it is done. Only the next read shows it.
    Done,
    /// The cloud works on it.
    Submitted(TaskId),
    /// Done for some listeners and not for these; with the cloud's words.
    Partial {
        /// The listeners with at least one target that failed.
        failed: Vec<ListenerId>,
        /// The cloud's message.
        message: String,
    },
    /// Refused, or its fate is unknown.
    Failed(Failure),
    /// Not tried, because a step before it failed or is being worked on.
    Skipped,
}

/// What became of a plan: each step with its outcome, in the plan's order.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The steps.
    pub steps: Vec<(Step, StepOutcome)>,
}

impl Outcome {
    /// The task that the cloud works on, if any.
    pub fn task(&self) -> Option<&TaskId> {
        self.steps.iter().find_map(|(_, outcome)| match outcome {
            StepOutcome::Submitted(task) => Some(task),
            _ => None,
        })
    }

    /// The failure that ended the round's writes, if any.
    pub fn failure(&self) -> Option<&Failure> {
        self.steps.iter().find_map(|(_, outcome)| match outcome {
            StepOutcome::Failed(failure) => Some(failure),
            _ => None,
        })
    }

    /// The partial failures: listeners and the cloud's words.
    pub fn partial(&self) -> impl Iterator<Item = (&[ListenerId], &str)> {
        self.steps.iter().filter_map(|(_, outcome)| match outcome {
            StepOutcome::Partial { failed, message } => Some((failed.as_slice(), message.as_str())),
            _ => None,
        })
    }
}
