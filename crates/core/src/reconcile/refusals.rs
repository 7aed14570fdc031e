//! What the cloud has refused, and when it is tried again.
//!
//! A refusal says something of one item, or of everything of its kind, by its class. Of items that were refused together, nobody knows
//! which it is about: they are *guilty* as a group, which is halved, call by call and round by round, until an item is refused *alone*. What
//! is shown to be innocent of a refusal that it was a part of is tried together with its like, apart from what was never refused. An item
//! that is refused alone is held, longer each time, whatever happens elsewhere, and no other waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::part::{Item, Kind, items, owners};
use super::refusal::{FIRST_OF_TARGETS, LONGEST, LONGEST_OF_DRAIN, Refusal, Scope, first, hold, scope};
use crate::model::{Address, Class, Failure, Route};
use crate::mutant::{self, Mutant};
use crate::plan::Step;

/// How often everything of a kind is refused before each binding is tried by itself.
const STRIKES: u32 = 2;
/// The same of a drain that meets a locked load balancer: that says nothing of whoever is refused, unless it lasts.
const STRIKES_OF_LOCK: u32 = 8;
/// How long all writes are held then: one that was let through meanwhile would lock the load balancer anew.
const LOCK_RETRY: Duration = Duration::from_millis(250);
/// A refusal of everything of a kind that is over for so long says nothing of the next one.
const FORGIVEN: Duration = Duration::from_secs(60);
/// So many items of one owner, refused one after the other while none is taken, are taken for all of them.
const PATTERN: usize = 8;
/// How many items that were refused alone are tried by themselves when they are not taken together, each once.
const SAMPLE: usize = 4;

/// The refused items and kinds of one load balancer. Forgetting them costs calls.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    guilty: Vec<Group>,
    /// Parts of what was refused that may be in order, with the owner.
    untested: BTreeMap<Item, String>,
    /// Items that were refused alone, by owner.
    alone: BTreeMap<(Kind, String), Alone>,
    kinds: BTreeMap<Kind, Refusal>,
    /// When the load balancer was last found locked.
    met_lock: Option<Duration>,
    /// Where registrations were refused as a whole.
    routes_of_registrations: BTreeSet<Route>,
    /// How many calls have been tried of what was refused: the order of trials.
    trials: u64,
}

/// Items that were refused together, with their owners. At least one is the reason.
#[derive(Clone, Debug)]
struct Group {
    items: BTreeMap<Item, String>,
    failure: Failure,
    tried: u64,
}

/// The items of one owner that were refused alone.
#[derive(Clone, Debug)]
struct Alone {
    /// With when each was last tried by itself.
    items: BTreeMap<Item, u64>,
    refusal: Refusal,
    tried: u64,
    /// How many were refused since one of the owner was taken.
    in_a_row: usize,
    /// How many are tried by themselves before all of them are tried together again.
    samples: usize,
}

/// What is known against an item.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    /// It was refused together with others, and they may be the reason.
    Untested,
    /// It was refused together with others of the same owner, and one of them is the reason.
    Guilty(&'a Failure),
    /// It was refused alone.
    Alone(&'a Refusal),
}

/// What is tried next of what was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// These together, which may be in order.
    Untested(BTreeSet<Item>),
    /// Half of these, of which one at least is not in order.
    Guilty(BTreeSet<Item>),
    /// These, which were refused alone.
    Alone(BTreeSet<Item>),
}

/// Whose an item is, where it is refused alone. What belongs to nobody is its own.
fn place(item: &Item, owner: &str) -> (Kind, String) {
    let name = if owner.is_empty() { format!("{item:?}") } else { owner.to_owned() };
    (item.kind(), name)
}

fn with_owners(step: &Step) -> BTreeMap<Item, String> {
    items(step).into_iter().zip(owners(step)).collect()
}

impl Refusals {
    /// A step was taken: nothing is known against its items, and nothing against its kind.
    pub fn accept(&mut self, step: &Step) {
        let taken = with_owners(step);
        self.accept_kind(Kind::of(step));
        for (item, owner) in &taken {
            self.untested.remove(item);
            if let Item::Target(Kind::Register, route, _) = item {
                self.routes_of_registrations.remove(route);
            }
            self.pardon(item, owner);
        }
        for group in &mut self.guilty {
            group.items.retain(|item, _| !taken.contains_key(item));
        }
        self.guilty.retain(|group| !group.items.is_empty());
    }

    /// Some call of this kind was taken. Where all of it was refused before, what was refused alone then may be taken now.
    pub(super) fn accept_kind(&mut self, kind: Kind) {
        if self.kinds.remove(&kind).is_some() {
            for ((of, _), alone) in &mut self.alone {
                if *of == kind {
                    alone.refusal.until = Duration::ZERO;
                }
            }
        }
    }

    /// One of an owner's items was taken: those that were refused alone are no pattern, and when it was one of them, the others may be in
    /// order by now.
    fn pardon(&mut self, item: &Item, owner: &str) {
        let place = place(item, owner);
        let Some(alone) = self.alone.get_mut(&place) else { return };
        (alone.in_a_row, alone.samples) = (0, 0);
        let is_one = alone.items.remove(item).is_some();
        if is_one && alone.items.len() > SAMPLE {
            let others = std::mem::take(&mut alone.items).into_keys();
            self.untested.extend(others.map(|item| (item, owner.to_owned())));
        }
        if alone.items.is_empty() {
            self.alone.remove(&place);
        }
    }

    /// A step was refused, for one of its items at least.
    pub(super) fn refuse(&mut self, step: &Step, failure: &Failure, now: Duration) {
        self.note_route(step);
        let refused = with_owners(step);
        if refused.len() == 1 {
            return self.refuse_alone(step, failure, now);
        }
        let is_alone = |(item, owner): (&Item, &String)| {
            self.alone.get(&place(item, owner)).is_some_and(|alone| alone.items.contains_key(item))
        };
        if refused.iter().all(is_alone) {
            return self.refuse_again(step, failure, now);
        }
        self.absolve(&refused);
        self.trials += 1;
        self.guilty.push(Group { items: refused, failure: failure.clone(), tried: self.trials });
    }

    /// The items of a step that stands for one item or one owner are refused: they are held.
    pub(super) fn refuse_alone(&mut self, step: &Step, failure: &Failure, now: Duration) {
        self.note_route(step);
        let refused = with_owners(step);
        self.absolve(&refused);
        let is_drain = Kind::of(step).is_drain() || scope(failure.class) == Scope::Kind && is_of_targets(step);
        let longest = if is_drain { LONGEST_OF_DRAIN } else { LONGEST };
        self.trials += 1;
        let mut places = BTreeSet::new();
        for (item, owner) in &refused {
            let place = place(item, owner);
            let known = self.alone.get(&place).map(|alone| &alone.refusal);
            let refusal = match known {
                // It is held with the others already, and no longer because of this one.
                Some(known) if now < known.until || places.contains(&place) => known.clone(),
                known => hold(known, failure, first(failure.class), longest, now),
            };
            let alone = self.alone.entry(place.clone()).or_insert_with(|| Alone {
                items: BTreeMap::new(),
                refusal: refusal.clone(),
                tried: 0,
                in_a_row: 0,
                samples: 0,
            });
            (alone.refusal, alone.tried) = (refusal, self.trials);
            alone.samples = alone.samples.saturating_sub(1);
            alone.in_a_row += usize::from(alone.items.insert(item.clone(), self.trials).is_none());
            places.insert(place);
        }
        for place in places {
            self.presume(&place);
        }
    }

    /// Where one item after the other is refused and none is taken, the rest is held with them, without asking for each.
    fn presume(&mut self, place: &(Kind, String)) {
        let Some(alone) = self.alone.get_mut(place).filter(|alone| alone.in_a_row >= PATTERN) else { return };
        let (kind, owner) = place;
        let is_same = |item: &Item, whose: &str| item.kind() == *kind && whose == owner;
        for group in &mut self.guilty {
            group.items.retain(|item, whose| {
                let is_same = is_same(item, whose);
                if is_same {
                    alone.items.insert(item.clone(), 0);
                }
                !is_same
            });
        }
        self.guilty.retain(|group| !group.items.is_empty());
        self.untested.retain(|item, whose| {
            let is_same = is_same(item, whose);
            if is_same {
                alone.items.insert(item.clone(), 0);
            }
            !is_same
        });
    }

    /// These are refused: what was refused together with them may be in order.
    fn absolve(&mut self, refused: &BTreeMap<Item, String>) {
        let is_concerned = |group: &Group| group.items.keys().any(|item| refused.contains_key(item));
        let (concerned, others) = std::mem::take(&mut self.guilty).into_iter().partition(is_concerned);
        self.guilty = others;
        let rest = Vec::<Group>::into_iter(concerned).flat_map(|group| group.items);
        let rest = rest.filter(|(item, _)| !refused.contains_key(item));
        self.untested.extend(rest);
        for (item, owner) in refused {
            self.untested.remove(item);
            let place = place(item, owner);
            if let Some(alone) = self.alone.get_mut(&place)
                && refused.len() > 1
            {
                alone.items.remove(item);
                if alone.items.is_empty() {
                    self.alone.remove(&place);
                }
            }
        }
    }

    /// Items that were refused alone were refused together again: some of them are tried by themselves, where the failure is about one of
    /// them.
    fn refuse_again(&mut self, step: &Step, failure: &Failure, now: Duration) {
        self.note_route(step);
        let is_drain = Kind::of(step).is_drain() || scope(failure.class) == Scope::Kind && is_of_targets(step);
        let longest = if is_drain { LONGEST_OF_DRAIN } else { LONGEST };
        self.trials += 1;
        for place in with_owners(step).iter().map(|(item, owner)| place(item, owner)).collect::<BTreeSet<_>>() {
            if let Some(alone) = self.alone.get_mut(&place) {
                alone.refusal = hold(Some(&alone.refusal), failure, first(failure.class), longest, now);
                alone.tried = self.trials;
                alone.samples = if scope(failure.class) == Scope::Item { SAMPLE.min(alone.items.len()) } else { 0 };
            }
        }
    }

    /// The task of a step has failed.
    pub fn note_task(&mut self, step: &Step, failure: &Failure, now: Duration) {
        self.refuse(step, failure, now);
    }

    fn note_route(&mut self, step: &Step) {
        for item in items(step) {
            if let Item::Target(Kind::Register, route, _) = item {
                self.routes_of_registrations.insert(route);
            }
        }
    }

    /// Everything of this kind was refused. Returns whether it is time to try each binding by itself.
    pub(super) fn strike(&mut self, kind: Kind, failure: &Failure, now: Duration) -> bool {
        let first = first(failure.class);
        let is_of_targets = matches!(kind, Kind::Register) || kind.is_drain();
        let (first, longest) =
            if is_of_targets { (first.min(FIRST_OF_TARGETS), LONGEST_OF_DRAIN) } else { (first, LONGEST) };
        let known = self.kinds.get(&kind).filter(|known| now < known.until + FORGIVEN);
        let mut refusal = hold(known, failure, first, longest, now);
        if failure.class == Class::Busy {
            self.met_lock = Some(now);
        }
        let strikes = if is_locked_out(kind, failure) { STRIKES_OF_LOCK } else { STRIKES };
        if strikes == STRIKES_OF_LOCK && refusal.count < strikes {
            refusal.until = refusal.until.min(now + LOCK_RETRY);
        }
        let is_time = refusal.count >= strikes && !mutant::is(Mutant::RefusedForOneIsForAll);
        self.kinds.insert(kind, refusal);
        is_time
    }

    /// A drain waits for the lock of the load balancer: nothing is to be written before it.
    pub(super) fn is_drain_locked_out(&self, now: Duration) -> bool {
        self.kinds.iter().any(|(kind, refusal)| {
            is_locked_out(*kind, &refusal.failure) && refusal.count < STRIKES_OF_LOCK && now < refusal.until
        })
    }

    /// Where a lock was met of late, each write may lock the load balancer for a while, and the first one is all that is let through:
    /// what Pods that end are waiting for comes first. Lower comes earlier.
    pub(super) fn rank(&self, kind: Kind, now: Duration) -> u8 {
        u8::from(self.met_lock.is_some_and(|met| now < met + FORGIVEN) && !kind.is_drain())
    }

    /// Why everything of a kind is held now; `None` when it is not.
    pub(super) fn of_kind(&self, kind: Kind, now: Duration) -> Option<&Refusal> {
        self.kinds.get(&kind).filter(|refusal| now < refusal.until)
    }

    /// What is known against an item; `None` for nothing.
    pub(super) fn of(&self, item: &Item, owner: &str) -> Option<Known<'_>> {
        if self.untested.contains_key(item) {
            return Some(Known::Untested);
        }
        if let Some(alone) = self.alone.get(&place(item, owner)).filter(|alone| alone.items.contains_key(item)) {
            return Some(Known::Alone(&alone.refusal));
        }
        let group = self.guilty.iter().find(|group| group.items.contains_key(item))?;
        let is_of_one = group.items.values().all(|whose| whose == owner);
        Some(if is_of_one { Known::Guilty(&group.failure) } else { Known::Untested })
    }

    /// What may be tried now, the one first that was not for the longest.
    pub(super) fn trials(&self, now: Duration) -> Vec<Trial> {
        let mut trials: Vec<(u64, Trial)> = Vec::new();
        trials.extend(self.innocent().into_iter().map(|trial| (0, trial)));
        let guilty = self.guilty.iter().map(|one| (one.tried, Trial::Guilty(one.items.keys().cloned().collect())));
        trials.extend(guilty);
        for alone in self.alone.values() {
            let sample = alone.items.iter().min_by_key(|(_, tried)| **tried).filter(|_| alone.samples > 0);
            if let Some((item, _)) = sample {
                trials.push((alone.tried, Trial::Alone(BTreeSet::from([item.clone()]))));
            } else if alone.refusal.until <= now {
                trials.push((alone.tried, Trial::Alone(alone.items.keys().cloned().collect())));
            }
        }
        trials.sort_by_key(|(tried, _)| *tried);
        trials.into_iter().map(|(_, trial)| trial).collect()
    }

    /// What is tried next once this step was refused.
    pub(super) fn next_trial(&self, step: &Step) -> Option<Trial> {
        let (first, owner) = with_owners(step).into_iter().next()?;
        if let Some(alone) = self.alone.get(&place(&first, &owner)).filter(|alone| alone.samples > 0) {
            let (item, _) = alone.items.iter().min_by_key(|(_, tried)| **tried)?;
            return Some(Trial::Alone(BTreeSet::from([item.clone()])));
        }
        let group = self.guilty.iter().find(|group| group.items.contains_key(&first))?;
        Some(Trial::Guilty(group.items.keys().cloned().collect()))
    }

    /// What may be in order: of each kind all together, but that of owners of whom something is known to be refused apart from others.
    pub(super) fn innocent(&self) -> Vec<Trial> {
        let guilty = self.guilty.iter().flat_map(|group| &group.items).map(|(item, owner)| place(item, owner));
        let tainted: BTreeSet<(Kind, String)> = guilty.chain(self.alone.keys().cloned()).collect();
        let mut found: BTreeMap<(Kind, Option<String>), BTreeSet<Item>> = BTreeMap::new();
        for (item, owner) in &self.untested {
            let place = place(item, owner);
            let apart = tainted.contains(&place).then(|| place.1.clone());
            found.entry((item.kind(), apart)).or_default().insert(item.clone());
        }
        found.into_values().map(Trial::Untested).collect()
    }

    /// The rest of the group of which these were taken: one of it is not in order.
    pub(super) fn rest(&self, group: &BTreeSet<Item>) -> Option<Trial> {
        let rest = self.guilty.iter().find(|one| one.items.keys().any(|item| group.contains(item)))?;
        Some(Trial::Guilty(rest.items.keys().cloned().collect()))
    }

    /// A part of a group is tried: it comes after the others the next time.
    pub(super) fn note_trial(&mut self, trial: &Trial) {
        self.trials += 1;
        let (trials, Trial::Untested(items) | Trial::Guilty(items) | Trial::Alone(items)) = (self.trials, trial);
        let Some(first) = items.iter().next() else { return };
        for group in self.guilty.iter_mut().filter(|group| group.items.contains_key(first)) {
            group.tried = trials;
        }
        for alone in self.alone.values_mut().filter(|alone| alone.items.contains_key(first)) {
            alone.tried = trials;
        }
    }

    /// What is not planned any more has nothing to wait for. These are all steps of a plan that was made of settled reads.
    pub fn forget_all_but(&mut self, steps: &[Step]) {
        let is_empty = self.untested.is_empty() && self.guilty.is_empty() && self.alone.is_empty();
        let planned: BTreeSet<Item> = if is_empty { BTreeSet::new() } else { steps.iter().flat_map(items).collect() };
        let is_planned = |item: &Item| match item {
            // What cannot lose its weight is deregistered.
            Item::Target(Kind::Reweight, route, address) => {
                planned.contains(item) || planned.contains(&Item::Target(Kind::Deregister, route.clone(), *address))
            }
            Item::Target(..) | Item::Other(..) => planned.contains(item),
        };
        self.untested.retain(|item, _| is_planned(item));
        for group in &mut self.guilty {
            group.items.retain(|item, _| is_planned(item));
        }
        self.guilty.retain(|group| !group.items.is_empty());
        for alone in self.alone.values_mut() {
            alone.items.retain(|item, _| is_planned(item));
        }
        self.alone.retain(|_, alone| !alone.items.is_empty());
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
        let guilty = self.guilty.iter().flat_map(|group| group.items.keys());
        let alone = self.alone.values().flat_map(|alone| alone.items.keys());
        let all = self.untested.keys().chain(guilty).chain(alone);
        all.filter_map(of).chain(self.routes_of_registrations.iter().cloned()).collect()
    }

    /// The targets whose weight the cloud does not take.
    pub fn weights(&self) -> BTreeSet<(Route, Address)> {
        let alone = self.alone.values().flat_map(|alone| alone.items.keys());
        alone
            .filter_map(|item| match item {
                Item::Target(Kind::Reweight, route, address) => Some((route.clone(), *address)),
                _ => None,
            })
            .collect()
    }
}

/// What was refused is a drain, and the load balancer was locked.
fn is_locked_out(kind: Kind, failure: &Failure) -> bool {
    failure.class == Class::Busy && kind.is_drain()
}

const fn is_of_targets(step: &Step) -> bool {
    matches!(step, Step::Register(_) | Step::Reweight(_) | Step::Deregister(_))
}
