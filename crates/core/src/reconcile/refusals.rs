//! What the cloud has refused, and when it is tried again.
//!
//! A refusal says something of one item, or of everything of its kind, by its class. An item that was refused by itself is held, longer
//! each time, whatever happens elsewhere; others do not wait for it. One that was refused together with others is suspect, and is
//! tried apart from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Address, Class, Failure, Route};
use crate::plan::Step;

use super::part::{Item, Kind, items};

/// How long everything of a kind is held at most, and each item of a drain: Pods that end do not wait for long.
const LONGEST_OF_DRAIN: Duration = Duration::from_secs(4);
/// After so many refusals in a row, which take more than a minute, it is not asked for that often any more.
const MANY: u32 = 20;
/// How long something is held at most that was refused so often.
const LONGEST_OF_MANY: Duration = Duration::from_secs(20);
/// How long everything of a kind is held at first, where it is about targets.
const FIRST_OF_TARGETS: Duration = Duration::from_secs(1);
/// How long another item is held at most.
const LONGEST: Duration = Duration::from_secs(60);
/// How often everything of a kind is refused before each binding is tried by itself.
const STRIKES: u32 = 2;

/// The refused items and kinds of one load balancer. Forgetting them costs calls.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    items: BTreeMap<Item, Refusal>,
    kinds: BTreeMap<Kind, Refusal>,
    /// Where registrations were refused as a whole.
    routes_of_registrations: BTreeSet<Route>,
}

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// How often in a row.
    count: u32,
    /// Until when it is held.
    pub(super) until: Duration,
}

/// What a failure says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Some item of the step.
    Item,
    /// Whatever has the same action, as far as is known.
    Kind,
}

pub(super) const fn scope(class: Class) -> Scope {
    match class {
        // The cloud also answers with an internal error when it dislikes a value.
        Class::Invalid | Class::Quota | Class::Conflict | Class::NotFound | Class::Transient => Scope::Item,
        Class::Busy | Class::Throttled | Class::Denied | Class::Arrears | Class::Unreachable => Scope::Kind,
    }
}

/// How soon a failure of this class may be gone.
const fn first(class: Class) -> Duration {
    match class {
        Class::Busy => Duration::from_millis(500),
        Class::Throttled | Class::Transient | Class::Unreachable => Duration::from_secs(1),
        Class::NotFound | Class::Conflict | Class::Quota | Class::Invalid | Class::Denied | Class::Arrears => {
            Duration::from_secs(5)
        }
    }
}

fn hold(known: Option<&Refusal>, failure: &Failure, first: Duration, longest: Duration, now: Duration) -> Refusal {
    let count = known.map_or(1, |known| known.count.saturating_add(1));
    let longest = if count > MANY { longest.max(LONGEST_OF_MANY) } else { longest };
    let wait = first.saturating_mul(1 << (count - 1).min(8)).min(longest);
    Refusal { failure: failure.clone(), count, until: now + wait }
}

impl Refusals {
    /// A step that stands for one item, or for one binding, was refused: it is held.
    pub(super) fn note(&mut self, step: &Step, failure: &Failure, now: Duration) {
        let is_drain = Kind::of(step).is_drain() || scope(failure.class) == Scope::Kind && is_of_targets(step);
        let longest = if is_drain { LONGEST_OF_DRAIN } else { LONGEST };
        for item in items(step) {
            let refusal = hold(self.items.get(&item), failure, first(failure.class), longest, now);
            self.items.insert(item, refusal);
        }
    }

    /// The task of a step has failed.
    pub fn note_task(&mut self, step: &Step, failure: &Failure, now: Duration) {
        if items(step).len() == 1 { self.note(step, failure, now) } else { self.suspect(step, failure, now) }
    }

    /// A step was refused, for whatever reason.
    pub(super) fn refuse(&mut self, step: &Step) {
        for item in items(step) {
            if let Item::Target(Kind::Register, route, _) = item {
                self.routes_of_registrations.insert(route);
            }
        }
    }

    /// Some item of the step was refused, and nobody knows which: all are tried apart from others, as soon as may be.
    pub(super) fn suspect(&mut self, step: &Step, failure: &Failure, now: Duration) {
        for item in items(step) {
            let refusal = Refusal { failure: failure.clone(), count: 0, until: now };
            self.items.entry(item).or_insert(refusal);
        }
    }

    /// Everything of this kind was refused. Returns whether it is time to try each binding by itself.
    pub(super) fn strike(&mut self, kind: Kind, failure: &Failure, now: Duration) -> bool {
        let first = first(failure.class);
        let is_of_targets = matches!(kind, Kind::Register) || kind.is_drain();
        let (first, longest) =
            if is_of_targets { (first.min(FIRST_OF_TARGETS), LONGEST_OF_DRAIN) } else { (first, LONGEST) };
        let refusal = hold(self.kinds.get(&kind), failure, first, longest, now);
        let is_time = refusal.count >= STRIKES;
        self.kinds.insert(kind, refusal);
        is_time
    }

    /// A step has gone through.
    pub(super) fn clear(&mut self, step: &Step) {
        self.kinds.remove(&Kind::of(step));
        for item in items(step) {
            self.items.remove(&item);
            if let Item::Target(Kind::Register, route, _) = &item {
                self.routes_of_registrations.remove(route);
            }
        }
    }

    /// What is known of an item.
    pub(super) fn of(&self, item: &Item) -> Option<&Refusal> {
        self.items.get(item)
    }

    /// Why everything of a kind is held now; `None` when it is not.
    pub(super) fn of_kind(&self, kind: Kind, now: Duration) -> Option<&Refusal> {
        self.kinds.get(&kind).filter(|refusal| now < refusal.until)
    }

    /// Until when something of a step is held; `None` when nothing of it was refused.
    pub(super) fn until(&self, step: &Step) -> Option<Duration> {
        let of_items = items(step).iter().filter_map(|item| self.items.get(item)).map(|refusal| refusal.until).min();
        let of_kind = self.kinds.get(&Kind::of(step)).map(|refusal| refusal.until);
        of_items.into_iter().chain(of_kind).max()
    }

    /// What is not planned any more has nothing to wait for. These are all steps of a plan that was made of settled reads.
    pub fn forget_all_but(&mut self, steps: &[Step]) {
        let planned: BTreeSet<Item> =
            if self.items.is_empty() { BTreeSet::new() } else { steps.iter().flat_map(items).collect() };
        let is_planned = |item: &Item| match item {
            // What cannot lose its weight is deregistered.
            Item::Target(Kind::Reweight, route, address) => {
                planned.contains(item) || planned.contains(&Item::Target(Kind::Deregister, route.clone(), *address))
            }
            Item::Target(..) | Item::Other(..) => planned.contains(item),
        };
        self.items.retain(|item, _| is_planned(item));
        self.kinds.retain(|kind, _| steps.iter().any(|step| Kind::of(step) == *kind));
        let registers = |route: &Route| {
            steps.iter().any(|step| match step {
                Step::Register(all) => all.iter().any(|one| one.route == *route),
                _ => false,
            })
        };
        self.routes_of_registrations.retain(registers);
    }

    /// Where the cloud has refused a registration and nothing has gone through since.
    pub fn registrations(&self) -> BTreeSet<Route> {
        let of = |item: &Item| match item {
            Item::Target(Kind::Register, route, _) => Some(route.clone()),
            Item::Target(..) | Item::Other(..) => None,
        };
        self.items.keys().filter_map(of).chain(self.routes_of_registrations.iter().cloned()).collect()
    }

    /// The targets whose weight the cloud does not take.
    pub fn weights(&self) -> BTreeSet<(Route, Address)> {
        let held = self.items.iter().filter(|(_, refusal)| refusal.count > 0).map(|(item, _)| item);
        held.filter_map(|item| match item {
            Item::Target(Kind::Reweight, route, address) => Some((route.clone(), *address)),
            _ => None,
        })
        .collect()
    }
}

const fn is_of_targets(step: &Step) -> bool {
    matches!(step, Step::Register(_) | Step::Reweight(_) | Step::Deregister(_))
}
