//! Steps that the cloud refused: they are not repeated at once, however often rounds come, so that a value that the cloud does
//! not take costs a call now and then and delays nobody.

use std::time::{Duration, Instant};

use crate::model::{Class, Failure};
use crate::plan::Step;

/// How long a step is held after its first refusal; twice as long after each further one.
const FIRST: Duration = Duration::from_secs(5);
/// The longest that a step is held.
const LONGEST: Duration = Duration::from_secs(60);
/// The longest that a step is held for which others wait.
const LONGEST_FOR_OTHERS: Duration = Duration::from_secs(10);

/// The refused steps of one load balancer. Forgetting them costs a call.
#[derive(Debug, Default)]
pub(super) struct Refusals(Vec<Refusal>);

#[derive(Debug)]
struct Refusal {
    step: Step,
    failure: Failure,
    wait: Duration,
    until: Instant,
}

impl Refusals {
    /// The failure with which a step is held; `None` when it may be tried.
    pub(super) fn held(&self, step: &Step, now: Instant) -> Option<Failure> {
        let refusal = self.0.iter().find(|refusal| refusal.step == *step)?;
        (now < refusal.until).then(|| refusal.failure.clone())
    }

    /// A step was refused. What stands alone is held whatever was the reason; the rest when it was refused for what it is or who asks,
    /// because rounds come whenever a Pod does: everything else has the pace of its load balancer.
    pub(super) fn note(&mut self, step: &Step, failure: &Failure, now: Instant) {
        let longest = match (step.is_alone(), failure.class) {
            (true, _) => LONGEST,
            (false, Class::Invalid | Class::Quota | Class::Conflict | Class::Denied | Class::Arrears) => {
                LONGEST_FOR_OTHERS
            }
            (false, Class::Busy | Class::Throttled | Class::Transient | Class::Unreachable | Class::NotFound) => return,
        };
        let known = self.0.iter().position(|refusal| refusal.step == *step).map(|found| self.0.swap_remove(found));
        let wait = known.map_or(FIRST, |known| (known.wait * 2).min(longest));
        self.0.push(Refusal { step: step.clone(), failure: failure.clone(), wait, until: now + wait });
    }

    /// A step that is no longer planned has nothing to wait for.
    pub(super) fn forget_all_but(&mut self, steps: &[Step]) {
        self.0.retain(|refusal| steps.contains(&refusal.step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attributes, Protocol};

    fn step(port: u16) -> Step {
        let listeners = vec![(port, "name".to_owned())];
        Step::CreateListeners { protocol: Protocol::Tcp, attributes: Attributes::default(), listeners }
    }

    fn failure() -> Failure {
        let (code, message) = ("InvalidParameterValue".to_owned(), String::new());
        Failure { class: Class::Invalid, action: "CreateListener", code, message, request_id: None }
    }

    #[test]
    fn a_refused_step_waits_longer_each_time_and_others_do_not_wait() {
        let mut refusals = Refusals::default();
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..6 {
            refusals.note(&step(80), &failure(), now);
            assert!(refusals.held(&step(81), now).is_none());
            let begin = now;
            while refusals.held(&step(80), now).is_some() {
                now += Duration::from_secs(1);
            }
            waits.push((now - begin).as_secs());
        }
        assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn what_others_wait_for_is_held_for_what_it_is_and_never_long() {
        let register = Step::Register(Vec::new());
        for class in Class::ALL {
            let (mut refusals, start) = (Refusals::default(), Instant::now());
            let mut now = start;
            for _ in 0..5 {
                refusals.note(&register, &Failure { class, ..failure() }, now);
                while refusals.held(&register, now).is_some() {
                    now += Duration::from_secs(1);
                }
            }
            let is_held =
                matches!(class, Class::Invalid | Class::Quota | Class::Conflict | Class::Denied | Class::Arrears);
            assert_eq!((now - start).as_secs(), if is_held { 5 + 4 * 10 } else { 0 }, "{class:?}");
        }
    }

    #[test]
    fn what_is_not_planned_any_more_is_not_held() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        refusals.note(&step(80), &failure(), now);
        refusals.forget_all_but(&[step(81)]);
        assert!(refusals.held(&step(80), now).is_none());
    }
}
