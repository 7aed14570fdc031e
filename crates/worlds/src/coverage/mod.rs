//! What worlds reach of all that the product may do and say. What there is, is said by each enum's own list, or by the compiler where
//! it has none; nothing is named here that is not checked.

use std::collections::{BTreeMap, BTreeSet};

use tke_direct_access_core::api::advice::AdviceReason;
use tke_direct_access_core::api::condition::{
    ChangeReason, ConfigProblem, ExclusionReason, GateReason, HoldCause, Reason,
};
use tke_direct_access_core::api::event::{EventReason, EventWord, ServiceReason};
use tke_direct_access_core::model::{Class, Failure};
use tke_direct_access_core::plan::{BindingPlan, Frozen, Heir, Management, Sighting, Step};
use tke_direct_access_core::reconcile::{Effect, Input, Line, Read, Shown, Write};

mod unreached;

pub use unreached::UNREACHED;

/// A variant: the name of its enum, and its own.
pub type Variant = (&'static str, &'static str);

/// The variants that were reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached(BTreeSet<Variant>);

/// The names of an enum's variants, all of which the compiler asks for.
macro_rules! names {
    ($function:ident, $list:ident, $of:ident { $($variant:ident)+ }) => {
        const $list: &[&str] = &[$(stringify!($variant)),+];

        const fn $function(value: &$of) -> &'static str {
            match value { $($of::$variant { .. } => stringify!($variant),)+ }
        }
    };
}

names!(effect, EFFECTS, Effect { Begun Read Forget Call Write Tell Log Show WakeAt Ended });
names!(read, READS, Read { Task Frame Targets Health Tagged Quotas Certificate Definition Other });
names!(write, WRITES, Write {
    Finalizers Status Gate Annotations Ingress NewBinding OwnBinding Mark Deletion ServiceConditions NewConfig Config ConfigStatus
});
names!(step, STEPS, Step {
    CreateListeners CreateRules Register Reweight Deregister Retag ModifyListener ModifyDomain ModifyRule CreateLoadBalancer
    ModifyLoadBalancer SetSecurityGroups DeleteLoadBalancer DeleteRules DeleteListeners
});
names!(line, LINES, Line { HoldUnreadable TaskFailed TaskUnreadable Changed Status Panicked Parked Deleted });
names!(management, MANAGEMENTS, Management { Manage Observe Hold Freeze Park Release Abandon });
names!(frozen, FROZEN, Frozen {
    Suspended Parked Leaving Undecided OtherAccount LeftToTke MayBeLeftToTke Unjudged
});
names!(heir, HEIRS, Heir { Nobody Successor });
names!(sighting, SIGHTINGS, Sighting { LoadBalancerNotShown NothingShown SlicesStale Leaving Drained Unmarked });

/// All variants, by enum.
pub fn all() -> BTreeMap<&'static str, Vec<&'static str>> {
    fn of<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|one| name(*one)).collect()
    }
    [
        ("Effect", EFFECTS.to_vec()),
        ("Read", READS.to_vec()),
        ("Write", WRITES.to_vec()),
        ("Step", STEPS.to_vec()),
        ("Line", LINES.to_vec()),
        ("Management", MANAGEMENTS.to_vec()),
        ("Frozen", FROZEN.to_vec()),
        ("Heir", HEIRS.to_vec()),
        ("Sighting", SIGHTINGS.to_vec()),
        ("Reason", of(Reason::ALL, Reason::as_str)),
        ("GateReason", of(GateReason::ALL, GateReason::as_str)),
        ("ExclusionReason", of(ExclusionReason::ALL, ExclusionReason::as_str)),
        ("ChangeReason", of(ChangeReason::ALL, ChangeReason::as_str)),
        ("HoldCause", of(HoldCause::ALL, HoldCause::as_str)),
        ("ConfigProblem", of(ConfigProblem::ALL, ConfigProblem::as_str)),
        ("AdviceReason", of(AdviceReason::ALL, AdviceReason::as_str)),
        ("EventReason", of(EventReason::ALL, EventReason::as_str)),
        ("ServiceReason", of(ServiceReason::ALL, ServiceReason::as_str)),
        ("Class", of(&Class::ALL, Class::as_str)),
    ]
    .into()
}

impl Reached {
    fn add(&mut self, of: &'static str, name: &'static str) {
        self.0.insert((of, name));
    }

    /// What others have reached.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// What was not reached.
    pub fn missing(&self) -> BTreeSet<Variant> {
        let all = all().into_iter().flat_map(|(of, names)| names.into_iter().map(move |name| (of, name)));
        all.filter(|one| !self.0.contains(one)).collect()
    }

    /// How much of each enum was reached, and what was not.
    pub fn report(&self) -> Vec<String> {
        let missing = self.missing();
        let line = |(of, names): (&str, Vec<&str>)| {
            let rest: Vec<_> = names.iter().filter(|name| missing.contains(&(of, **name))).copied().collect();
            let reached = names.len() - rest.len();
            let rest = if rest.is_empty() { String::new() } else { format!("; not {}", rest.join(", ")) };
            format!("{of}: {reached} of {}{rest}", names.len())
        };
        all().into_iter().map(line).collect()
    }

    /// What is not reached and has no reason in [`UNREACHED`], and what has one and was reached after all.
    pub fn surprises(&self) -> (Vec<Variant>, Vec<Variant>) {
        let missing = self.missing();
        let excused: BTreeSet<Variant> = UNREACHED.iter().map(|(of, name, _)| (*of, *name)).collect();
        (missing.difference(&excused).copied().collect(), excused.difference(&missing).copied().collect())
    }

    /// What a machine takes in.
    pub(crate) fn see_input(&mut self, input: &Input) {
        if let Input::Replied(Err(failure)) = input {
            self.see_failure(failure);
        }
    }

    fn see_failure(&mut self, failure: &Failure) {
        self.add("Class", failure.class.as_str());
    }

    /// What a machine has done for it.
    pub(crate) fn see(&mut self, done: &Effect) {
        self.add("Effect", effect(done));
        match done {
            Effect::Read(_, what) => self.add("Read", read(what)),
            Effect::Write(_, what) => self.see_write(what),
            Effect::Call(what) => self.see_step(what),
            Effect::Log(what) => self.add("Line", line(what)),
            Effect::Tell(notice) => self.see_word(notice.word),
            Effect::Show(Shown::Binding(_, plan, status)) => {
                self.see_plan(plan);
                if let Some(cause) = status.removals_held_by() {
                    self.add("HoldCause", cause.as_str());
                }
            }
            Effect::Ended(end) => {
                let failure = end.report.as_ref().and_then(|report| report.failure.as_ref());
                failure.into_iter().for_each(|failure| self.see_failure(failure));
            }
            Effect::Begun(_) | Effect::Forget(_) | Effect::Show(_) | Effect::WakeAt(_) => {}
        }
    }

    fn see_word(&mut self, word: EventWord) {
        match word {
            EventWord::Condition(reason, _) => self.add("Reason", reason.as_str()),
            EventWord::Other(reason) => self.add("EventReason", reason.as_str()),
            EventWord::Service(reason) => self.add("ServiceReason", reason.as_str()),
            EventWord::NotReady(..) | EventWord::GateClosed(_) => {
                if let Ok(reason) = word.reason().parse::<ServiceReason>() {
                    self.add("ServiceReason", reason.as_str());
                }
                if let Ok(reason) = word.reason().parse::<EventReason>() {
                    self.add("EventReason", reason.as_str());
                }
            }
        }
    }

    fn see_write(&mut self, what: &Write) {
        self.add("Write", write(what));
        match what {
            Write::Status { status, .. } => {
                for reason in status.conditions.iter().filter_map(|one| one.reason.parse::<Reason>().ok()) {
                    self.add("Reason", reason.as_str());
                }
                for problem in status.config_problems.iter().filter_map(|one| one.reason.parse::<ConfigProblem>().ok())
                {
                    self.add("ConfigProblem", problem.as_str());
                }
            }
            Write::ConfigStatus { status, .. } => {
                for reason in status.conditions.iter().filter_map(|one| one.reason.parse::<Reason>().ok()) {
                    self.add("Reason", reason.as_str());
                }
            }
            Write::Gate { condition, .. } => self.add("GateReason", condition.reason.as_str()),
            Write::ServiceConditions { condition, bound_by_hand, .. } => {
                for one in condition.iter().chain(bound_by_hand) {
                    if let Ok(reason) = one.reason.parse::<ServiceReason>() {
                        self.add("ServiceReason", reason.as_str());
                    }
                }
            }
            _ => {}
        }
    }

    fn see_step(&mut self, what: &Step) {
        self.add("Step", step(what));
        match what {
            Step::Register(all) => all.iter().for_each(|one| self.add("ChangeReason", one.reason.as_str())),
            Step::Reweight(all) => all.iter().for_each(|one| self.add("ChangeReason", one.reason.as_str())),
            Step::Deregister(all) => all.iter().for_each(|one| self.add("ChangeReason", one.reason.as_str())),
            Step::DeleteListeners(all) => {
                all.iter().for_each(|(_, proof)| self.add("ChangeReason", proof.reason().as_str()));
            }
            Step::DeleteRules { proof, .. } => self.add("ChangeReason", proof.reason().as_str()),
            _ => {}
        }
    }

    fn see_plan(&mut self, plan: &BindingPlan) {
        self.add("Management", management(&plan.management));
        match &plan.management {
            Management::Freeze(why) => self.add("Frozen", frozen(why)),
            Management::Abandon(whose) => self.add("Heir", heir(whose)),
            _ => {}
        }
        plan.problems.iter().for_each(|one| self.add("Reason", one.reason.as_str()));
        plan.advice.iter().for_each(|one| self.add("AdviceReason", one.reason.as_str()));
        plan.exclusions.iter().for_each(|one| self.add("ExclusionReason", one.reason.as_str()));
        plan.retained.iter().for_each(|one| self.add("ChangeReason", one.reason.as_str()));
        plan.sightings.iter().for_each(|one| self.add("Sighting", sighting(one)));
        for problem in plan.config_problems.iter().filter_map(|one| one.reason.parse::<ConfigProblem>().ok()) {
            self.add("ConfigProblem", problem.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excused_exists_once_and_has_a_reason() {
        let all = all();
        let mut seen = BTreeSet::new();
        for (of, name, why) in UNREACHED {
            assert!(all.get(of).is_some_and(|names| names.contains(name)), "{of} {name} is no variant");
            assert!(seen.insert((of, name)), "{of} {name} is there twice");
            assert!(why.ends_with('.'), "{of} {name}: '{why}' is no sentence");
        }
    }
}
