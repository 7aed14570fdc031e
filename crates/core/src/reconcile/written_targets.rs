//! What was written to targets since they were read. They are not read again after each write: until the next read, what is known of
//! them is what was seen, or less where a weight was lowered; what was registered counts from when a read of health names it; and what
//! was written is not written again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Address, RegisteredTarget, Route, TargetHealth, Weight};
use crate::plan::{Ended, Observed, Outcome, Step};
use crate::status::TICK;

/// How long targets that were read serve to decide on anything but new ones, where something has changed in Kubernetes.
pub(super) const TARGETS_LAST: Duration = Duration::from_secs(1);
/// How long they serve to decide on new ones, and what was written to them may stay unseen.
pub(super) const FRAME_LASTS: Duration = Duration::from_secs(5);
/// How long a read of health has time to name what was registered.
const NAMED_WITHIN: Duration = TICK.saturating_mul(2);

/// The targets that were written to, and when.
#[derive(Debug, Default)]
pub(super) struct WrittenTargets {
    /// When the read began that the last round went by.
    read: Duration,
    rows: BTreeMap<(Route, Address), Written>,
}

#[derive(Clone, Debug)]
struct Written {
    at: Duration,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// As this; no read has named it.
    Registered(RegisteredTarget),
    /// The same with this weight, and a read of health has named it since.
    Named(Weight),
    /// To this.
    Reweighted(Weight),
}

impl What {
    const fn weight(&self) -> Weight {
        match self {
            Self::Registered(target) => target.weight,
            Self::Named(weight) | Self::Reweighted(weight) => *weight,
        }
    }
}

/// What the cloud has said that it has done of a round's steps, so that targets need not be read again before anything else is decided.
/// What it refuses, or may have done in part, is to be read, and so is what was deregistered: others may wait for the room.
pub(super) fn is_certain(outcome: &Outcome) -> bool {
    outcome.failed.is_empty() && outcome.tried().all(is_certain_step)
}

/// The same of one step that ended well.
pub(super) const fn is_certain_step(step: &Step) -> bool {
    matches!(step, Step::Register(_) | Step::Reweight(_))
}

impl WrittenTargets {
    /// Takes in what a round has done that went by targets read at `read`. What was written before that was seen.
    pub(super) fn note(&mut self, outcome: &Outcome, read: Duration, at: Duration) {
        self.read = read;
        self.rows.retain(|_, written| written.at >= read);
        for step in outcome.tried() {
            match step {
                Step::Register(all) => self.rows.extend(all.iter().map(|one| {
                    let (address, weight, tag) = (one.address, one.weight, one.tag.clone());
                    let what = What::Registered(RegisteredTarget { address, weight, tag });
                    ((one.route.clone(), one.address), Written { at, what })
                })),
                Step::Reweight(all) => self.rows.extend(
                    all.iter()
                        .map(|one| ((one.route.clone(), one.address), Written { at, what: What::Reweighted(one.to) })),
                ),
                _ => {}
            }
        }
    }

    /// Lowers the weights of these targets to what they were lowered to. What was raised is not so before it is seen.
    pub(super) fn lower(outcome: &Outcome, observed: &mut Observed) {
        for step in outcome.tried() {
            let Step::Reweight(all) = step else { continue };
            for change in all {
                let of_route = observed.targets.get_mut(&change.route);
                let found = of_route.into_iter().flatten().filter(|one| one.address == change.address);
                found.for_each(|target| target.weight = target.weight.min(change.to));
            }
        }
    }

    /// Adds what was registered since `read` and is named by a read of health that began later; with its mark where reads of targets show
    /// marks.
    pub(super) fn add_named(&mut self, observed: &mut Observed, tags_shown: Ended, read: Duration) {
        let (Ok(health), None) = (&observed.health, &observed.health_basis) else { return };
        for ((route, address), written) in self.rows.iter_mut().filter(|(_, written)| written.at >= read) {
            let What::Registered(target) = &written.what else { continue };
            let is_named = health.iter().any(|row| is_of(row, route, *address));
            let Some(targets) = observed.targets.get_mut(route).filter(|_| is_named) else { continue };
            if targets.iter().all(|known| known.address != *address) {
                let tag = if tags_shown == Ended::Yes { target.tag.clone() } else { String::new() };
                targets.push(RegisteredTarget { tag, ..target.clone() });
                written.what = What::Named(target.weight);
            }
        }
    }

    /// Something was registered since `read`, and nothing has shown it: what is not shown is not gone.
    pub(super) fn is_unseen(&self, read: Duration) -> bool {
        self.rows.values().any(|written| written.at >= read && matches!(written.what, What::Registered(_)))
    }

    /// Something that was written since `read` is to become something else: what was written has to be seen first, and now. What is only
    /// to be written again is left alone instead.
    pub(super) fn is_to_change(&self, steps: &[Step], read: Duration) -> bool {
        let is_written = |route: &Route, address: Address, becomes: Option<Weight>| {
            let written = self.rows.get(&(route.clone(), address)).filter(|written| written.at >= read);
            written.is_some_and(|written| Some(written.what.weight()) != becomes)
        };
        !self.rows.is_empty()
            && steps.iter().any(|step| match step {
                Step::Register(all) => all.iter().any(|one| is_written(&one.route, one.address, Some(one.weight))),
                Step::Reweight(all) => all.iter().any(|one| is_written(&one.route, one.address, Some(one.to))),
                Step::Deregister(all) => all.iter().any(|one| is_written(&one.route, one.address, None)),
                _ => false,
            })
    }

    /// The steps without what was written since `read`.
    pub(super) fn leave_alone(&self, steps: &mut Vec<Step>, read: Duration) {
        if self.rows.is_empty() {
            return;
        }
        let is_due = |row: &(Route, Address)| self.rows.get(row).is_none_or(|written| written.at < read);
        *steps = std::mem::take(steps).into_iter().filter_map(|step| step.only(&is_due)).collect();
    }

    /// When targets that were read at `read` are to be read again to see what was written since; `None` when nothing was.
    pub(super) fn due(&self, read: Duration) -> Option<Duration> {
        let since = self.rows.values().filter(|written| written.at >= read);
        let due = |written: &Written| match written.what {
            What::Registered(_) => written.at + NAMED_WITHIN,
            What::Named(_) => written.at + FRAME_LASTS,
            What::Reweighted(_) => written.at + TARGETS_LAST,
        };
        since.map(due).min()
    }

    /// How long until that, by the targets that the last round went by.
    pub(super) fn wait(&self, at: Duration) -> Option<Duration> {
        self.due(self.read).map(|due| due.saturating_sub(at))
    }
}

/// Whether a row is about this target. Layer-4 listeners report a rule of the cloud's own making.
pub(super) fn is_of(row: &TargetHealth, route: &Route, address: Address) -> bool {
    row.address == address && row.listener == route.listener && route.rule.as_ref().is_none_or(|rule| row.rule == *rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::condition::ChangeReason;
    use crate::model::{Health, ListenerId, RuleId};
    use crate::plan::tests::world::address;
    use crate::plan::{Registration, Removal, StepOutcome, WeightChange};

    const SECOND: Duration = Duration::from_secs(1);

    fn route(rule: Option<&str>) -> Route {
        Route { listener: ListenerId::new("lbl-1"), rule: rule.map(RuleId::new) }
    }

    fn register(number: u32, weight: Weight) -> Step {
        Step::Register(vec![Registration {
            owner: String::new(),
            route: route(None),
            address: address(number),
            pod: String::new(),
            pod_uid: String::new(),
            reason: ChangeReason::PodReady,
            weight,
            tag: String::new(),
        }])
    }

    fn reweight(number: u32, to: Weight) -> Step {
        Step::Reweight(vec![WeightChange {
            owner: String::new(),
            route: route(None),
            address: address(number),
            pod: None,
            from: 10,
            to,
            reason: ChangeReason::UserWeight,
            remark: String::new(),
        }])
    }

    fn deregister(number: u32) -> Step {
        Step::Deregister(vec![Removal {
            owner: String::new(),
            route: route(None),
            address: address(number),
            pod: None,
            weight: 10,
            reason: ChangeReason::PodGone,
        }])
    }

    /// What is written at 10 s, by a round that went by targets read then.
    fn written(steps: Vec<Step>) -> WrittenTargets {
        let mut written = WrittenTargets::default();
        let steps = steps.into_iter().map(|step| (step, StepOutcome::Done)).collect();
        written.note(&Outcome { steps, ..Outcome::default() }, SECOND * 10, SECOND * 10);
        written
    }

    #[test]
    fn what_is_to_become_something_else_is_seen_first_and_what_is_only_to_be_written_again_is_left_alone() {
        let both = written(vec![register(1, 10), reweight(2, 5)]);
        for (step, changes, is_left_alone) in [
            (register(1, 10), false, true),
            (register(1, 20), true, true),
            (deregister(1), true, true),
            (reweight(2, 5), false, true),
            (reweight(2, 6), true, true),
            (deregister(2), true, true),
            (register(3, 10), false, false),
            (Step::DeleteLoadBalancer, false, false),
        ] {
            let steps = [step.clone()];
            assert_eq!(both.is_to_change(&steps, SECOND * 10), changes, "{step:?}");
            let mut left = steps.to_vec();
            both.leave_alone(&mut left, SECOND * 10);
            assert_eq!(left.is_empty(), is_left_alone, "{step:?}");
            // A later read has seen it.
            assert!(!both.is_to_change(&steps, SECOND * 11), "{step:?}");
            let mut left = steps.to_vec();
            both.leave_alone(&mut left, SECOND * 11);
            assert_eq!(left, steps, "{step:?}");
        }
    }

    #[test]
    fn a_registration_is_unseen_until_it_is_shown_and_a_weight_is_looked_at_later() {
        for (steps, is_unseen, due) in [
            (vec![], false, None),
            (vec![register(1, 10)], true, Some(SECOND * 10 + NAMED_WITHIN)),
            (vec![reweight(2, 5)], false, Some(SECOND * 10 + TARGETS_LAST)),
        ] {
            let written = written(steps.clone());
            assert_eq!(written.is_unseen(SECOND * 10), is_unseen, "{steps:?}");
            assert_eq!(written.due(SECOND * 10), due, "{steps:?}");
            assert!(!written.is_unseen(SECOND * 11), "{steps:?}");
            assert_eq!(written.due(SECOND * 11), None, "{steps:?}");
        }
    }

    /// Layer-4 listeners report some rule, whatever their route is.
    #[test]
    fn a_row_of_health_is_about_the_target_of_its_listener_rule_and_address() {
        for (listener, rule, number, is_of_listener, is_of_rule) in [
            ("lbl-1", "loc-1", 1, true, true),
            ("lbl-1", "loc-2", 1, true, false),
            ("lbl-1", "loc-1", 2, false, false),
            ("lbl-2", "loc-1", 1, false, false),
            ("lbl-2", "loc-1", 2, false, false),
        ] {
            let (listener, rule) = (ListenerId::new(listener), RuleId::new(rule));
            let row = TargetHealth { listener, rule, address: address(number), health: Health::Healthy };
            assert_eq!(is_of(&row, &route(None), address(1)), is_of_listener, "{row:?}");
            assert_eq!(is_of(&row, &route(Some("loc-1")), address(1)), is_of_rule, "{row:?}");
        }
    }
}
