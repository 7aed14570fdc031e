//! What became of the steps of a plan.

use crate::model::{Class, Failure, ListenerId, TaskId};

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
    /// Not tried, because it was refused with this a moment ago.
    Held(Failure),
    /// Not tried, because a step before it failed or is being worked on.
    Skipped,
}

impl StepOutcome {
    /// True when no step after this one may be tried in this round: the load balancer is locked, or in a state that nobody
    /// knows. A refusal of what stands [alone](Step::is_alone) holds nothing up.
    pub fn ends_round(&self, step: &Step) -> bool {
        match self {
            Self::Submitted(_) => true,
            Self::Failed(failure) => !is_harmless(step, failure.class),
            // What comes after a step that others wait for may count on it.
            Self::Held(_) => !step.is_alone(),
            Self::Done | Self::Partial { .. } | Self::Skipped => false,
        }
    }
}

fn is_harmless(step: &Step, class: Class) -> bool {
    match class {
        Class::Invalid | Class::Quota | Class::Conflict | Class::NotFound => step.is_alone(),
        // The cloud also answers with an internal error when it dislikes a value.
        Class::Transient => step.change().is_some(),
        Class::Busy | Class::Throttled | Class::Denied | Class::Arrears | Class::Unreachable => false,
    }
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
        self.steps.iter().find_map(|(step, outcome)| match outcome {
            StepOutcome::Failed(failure) if outcome.ends_round(step) => Some(failure),
            _ => None,
        })
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
        self.steps.iter().filter(move |(_, outcome)| was_tried(outcome)).map(|(step, _)| step)
    }

    /// True when some step was done, at least in part, or is being worked on.
    pub fn has_progressed(&self) -> bool {
        let is_progress =
            |outcome| matches!(outcome, &StepOutcome::Done | &StepOutcome::Submitted(_) | &StepOutcome::Partial { .. });
        self.steps.iter().any(|(_, outcome)| is_progress(outcome))
    }

    /// The partial failures: listeners and the cloud's words.
    pub fn partial(&self) -> impl Iterator<Item = (&[ListenerId], &str)> {
        self.steps.iter().filter_map(|(_, outcome)| match outcome {
            StepOutcome::Partial { failed, message } => Some((failed.as_slice(), message.as_str())),
            _ => None,
        })
    }
}
