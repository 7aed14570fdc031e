//! Listeners and rules that the cloud says it has made, until a read shows them. A read may be older than the creation, and made again
//! they would be refused as somebody else's, or be there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use super::part::filter;
use crate::model::{ListenerId, Protocol};
use crate::plan::{Outcome, Step, StepOutcome};

/// How long something may stay unseen before it counts as gone.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
/// How soon to look again for what is not shown.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What was made and is not seen yet, and since when. Forgetting it costs calls that are refused.
#[derive(Debug, Default)]
pub(super) struct Creations(BTreeMap<Created, Duration>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Created {
    Listener(Protocol, u16),
    Rule(ListenerId, String, String),
}

/// What a step makes, in its order; nothing where it makes no listeners or rules.
fn created(step: &Step) -> Vec<Created> {
    match step {
        Step::CreateListeners { protocol, listeners, .. } => {
            listeners.iter().map(|(port, _)| Created::Listener(*protocol, *port)).collect()
        }
        Step::CreateRules { listener, rules } => {
            rules.iter().map(|rule| Created::Rule(listener.clone(), rule.domain.clone(), rule.url.clone())).collect()
        }
        _ => Vec::new(),
    }
}

impl Creations {
    /// Takes in what a round has made.
    pub(super) fn note(&mut self, outcome: &Outcome, at: Duration) {
        let is_made = |outcome: &StepOutcome| matches!(outcome, StepOutcome::Done | StepOutcome::Submitted(_));
        let made = outcome.steps.iter().filter(|(_, outcome)| is_made(outcome));
        self.0.extend(made.flat_map(|(step, _)| created(step)).map(|one| (one, at)));
    }

    /// The task of this step runs, or has just ended well: what it makes may be shown from now on.
    pub(super) fn renew(&mut self, step: &Step, at: Duration) {
        for one in created(step) {
            self.0.entry(one).and_modify(|since| *since = at);
        }
    }

    /// The task of this step has failed.
    pub(super) fn forget(&mut self, step: &Step) {
        created(step).iter().for_each(|one| _ = self.0.remove(one));
    }

    /// What is not planned any more is seen, or not wanted. What is not shown for long is gone.
    pub(super) fn forget_all_but(&mut self, steps: &[Step], at: Duration) {
        let planned: Vec<Created> = steps.iter().flat_map(created).collect();
        self.0.retain(|one, since| planned.contains(one) && at < *since + SHOWN_WITHIN);
    }

    /// The steps without what was made already.
    pub(super) fn leave_alone(&self, steps: &mut Vec<Step>) {
        if self.0.is_empty() {
            return;
        }
        let rest = |step: Step| {
            let all = created(&step);
            if all.is_empty() { Some(step) } else { filter(&step, |place| !self.0.contains_key(&all[place])) }
        };
        *steps = std::mem::take(steps).into_iter().filter_map(rest).collect();
    }

    /// How soon to look for what is not shown; `None` when there is nothing of the kind.
    pub(super) fn wait(&self) -> Option<Duration> {
        (!self.0.is_empty()).then_some(LOOK_AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attributes, TaskId};

    /// What is left of a step that makes a listener, after a task that was heard of at these seconds and one read at the last of all.
    fn is_left(heard: &[u64], read: u64) -> bool {
        let step = Step::CreateListeners {
            protocol: Protocol::Tcp,
            listeners: vec![(80, String::new())],
            attributes: Attributes::default(),
        };
        let mut creations = Creations::default();
        let done = StepOutcome::Submitted(TaskId::new("task"));
        creations.note(&Outcome { steps: vec![(step.clone(), done)], ..Outcome::default() }, Duration::ZERO);
        heard.iter().for_each(|at| creations.renew(&step, Duration::from_secs(*at)));
        creations.forget_all_but(std::slice::from_ref(&step), Duration::from_secs(read));
        let mut steps = vec![step];
        creations.leave_alone(&mut steps);
        steps.is_empty()
    }

    #[test]
    fn what_a_task_makes_is_left_alone_while_it_runs_and_for_a_while_after() {
        let table: [(&[u64], u64, bool); 6] = [
            (&[], 9, true),
            (&[], 10, false),
            (&[2, 9], 12, true),
            (&[2, 9], 19, false),
            (&[9, 18, 27], 36, true),
            (&[9, 18, 27], 37, false),
        ];
        for (heard, read, left) in table {
            assert_eq!(is_left(heard, read), left, "{heard:?}, {read}");
        }
    }
}
