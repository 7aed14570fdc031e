//! Whom a refusal is about is found out in few calls, however many there are, and nobody in order waits for long.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::super::part::items;
use super::super::*;
use crate::api::condition::ChangeReason;
use crate::model::{Address, Class, Failure, ListenerId, Route, TaskId};
use crate::plan::{Registration, Removal, Step, WeightChange};

#[derive(Clone, Copy, Debug)]
enum Action {
    Register,
    Reweight,
    Deregister,
}

/// How the cloud refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By its reply.
    Reply,
    /// By the end of the task.
    Task,
}

fn failure(class: Class) -> Failure {
    Failure { class, action: "Some", code: "Code".to_owned(), message: String::new(), request_id: None }
}

fn address(number: u32) -> Address {
    Address { ip: IpAddr::from(number.to_be_bytes()), port: 80 }
}

/// Targets to change, some of which the cloud never takes.
struct Model {
    action: Action,
    way: Way,
    /// Targets of each binding that are left to do.
    left: BTreeSet<(u32, u32)>,
    bad: BTreeSet<u32>,
    refusals: Refusals,
    now: Duration,
    calls: usize,
    /// How often each target was named in the last round.
    named: BTreeMap<u32, usize>,
    blamed: BTreeSet<String>,
}

impl Model {
    fn new(action: Action, way: Way, sizes: &[u32], bad: impl IntoIterator<Item = u32>) -> Self {
        let mut number = 0;
        let mut left = BTreeSet::new();
        for (binding, size) in (0..).zip(sizes) {
            for _ in 0..*size {
                left.insert((binding, number));
                number += 1;
            }
        }
        let (refusals, now) = (Refusals::default(), Duration::from_secs(1));
        let (bad, named, blamed) = (bad.into_iter().collect(), BTreeMap::new(), BTreeSet::new());
        Self { action, way, left, bad, refusals, now, calls: 0, named, blamed }
    }

    fn step(&self) -> Step {
        let route = Route { listener: ListenerId::new("lbl-1"), rule: None };
        let owner = |binding: u32| format!("binding-{binding}");
        let (pod, reason) = (Some("pod".to_owned()), ChangeReason::PodDeleted);
        let all = self.left.iter().map(|(binding, number)| (owner(*binding), route.clone(), address(*number)));
        match self.action {
            Action::Register => Step::Register(
                all.map(|(owner, route, address)| Registration {
                    owner,
                    route,
                    address,
                    pod: "pod".to_owned(),
                    pod_uid: "uid".to_owned(),
                    reason,
                    weight: 10,
                    tag: String::new(),
                })
                .collect(),
            ),
            Action::Reweight => Step::Reweight(
                all.map(|(owner, route, address)| WeightChange {
                    owner,
                    route,
                    address,
                    pod: pod.clone(),
                    from: 10,
                    to: 0,
                    reason,
                    remark: String::new(),
                })
                .collect(),
            ),
            Action::Deregister => Step::Deregister(
                all.map(|(owner, route, address)| Removal {
                    owner,
                    route,
                    address,
                    pod: pod.clone(),
                    weight: 0,
                    reason,
                })
                .collect(),
            ),
        }
    }

    fn numbers(step: &Step) -> Vec<u32> {
        let addresses: Vec<Address> = match step {
            Step::Register(all) => all.iter().map(|one| one.address).collect(),
            Step::Reweight(all) => all.iter().map(|one| one.address).collect(),
            Step::Deregister(all) => all.iter().map(|one| one.address).collect(),
            other => panic!("{other:?}"),
        };
        let number = |address: Address| match address.ip {
            IpAddr::V4(ip) => u32::from(ip),
            IpAddr::V6(_) => unreachable!("all are of the other family"),
        };
        addresses.into_iter().map(number).collect()
    }

    /// One round. `refuse` says what the cloud has against a call, whomever it is about.
    fn round(&mut self, refuse: &dyn Fn(Duration) -> Option<Class>) {
        if self.left.is_empty() {
            self.now += Duration::from_secs(1);
            return;
        }
        let steps = [self.step()];
        self.refusals.forget_all_but(&steps);
        self.named.clear();
        let mut execution = Execution::new(&steps, &self.refusals, self.now);
        let mut submitted = None;
        while let Some(step) = execution.next_call() {
            self.calls += 1;
            self.now += Duration::from_millis(50);
            Self::numbers(&step).into_iter().for_each(|number| *self.named.entry(number).or_default() += 1);
            let is_bad = Self::numbers(&step).iter().any(|number| self.bad.contains(number));
            let reply = match refuse(self.now) {
                Some(class) => Err(failure(class)),
                None if is_bad && self.way == Way::Reply => Err(failure(Class::Invalid)),
                None if self.way == Way::Task => {
                    submitted = Some((step.clone(), is_bad));
                    Ok(Reply::Submitted(TaskId::new("task")))
                }
                None => {
                    self.done(&step);
                    Ok(Reply::Done)
                }
            };
            execution.reply(reply, &mut self.refusals, self.now);
        }
        let outcome = execution.finish(&mut self.refusals);
        let count: usize = outcome.steps.iter().map(|(step, _)| items(step).len()).sum();
        assert_eq!(count, items(&steps[0]).len(), "each item has one outcome");
        for (step, _) in outcome.failures() {
            let owners = self.left.iter().filter(|(_, number)| Self::numbers(step).contains(number));
            self.blamed.extend(owners.map(|(binding, _)| binding.to_string()));
        }
        let wait = outcome.retry_after.unwrap_or(Duration::from_millis(500));
        self.now += wait.clamp(Duration::from_millis(20), Duration::from_secs(5));
        if let Some((step, is_bad)) = submitted {
            if is_bad {
                self.refusals.note_task(&step, &failure(Class::Transient), self.now);
            } else {
                self.done(&step);
                self.refusals.accept(&step);
            }
        }
    }

    fn done(&mut self, step: &Step) {
        let done = Self::numbers(step);
        self.left.retain(|(_, number)| !done.contains(number));
    }

    /// Plays until nothing in order is left; returns how long that took.
    fn settle(&mut self) -> Duration {
        let begun = self.now;
        while self.left.iter().any(|(_, number)| !self.bad.contains(number)) {
            assert!(self.now - begun < Duration::from_secs(600), "{:?} {:?}: never", self.action, self.way);
            self.round(&|_| None);
        }
        self.now - begun
    }

    /// Calls in ten minutes.
    fn calls_in_ten_minutes(&mut self) -> usize {
        let (before, until) = (self.calls, self.now + Duration::from_secs(600));
        while self.now < until {
            self.round(&|_| None);
        }
        self.calls - before
    }
}

const ACTIONS: [Action; 3] = [Action::Register, Action::Reweight, Action::Deregister];

#[test]
fn those_in_order_do_not_wait_for_many_that_are_not_of_their_own_binding() {
    for action in ACTIONS {
        for way in [Way::Reply, Way::Task] {
            for (count, every) in [(20_u32, 10_usize), (60, 10), (250, 10)] {
                let bad = (0..count).step_by(every);
                let mut model = Model::new(action, way, &[count], bad.clone());
                let took = model.settle();
                let calls = model.calls;
                let later = model.calls_in_ten_minutes();
                eprintln!("{action:?} {way:?}: {} of {count} bad: {took:?}, {calls} calls, then {later}", bad.len());
                let limit = if way == Way::Task { 150 } else { 60 };
                assert!(took < Duration::from_secs(limit), "{action:?} {way:?} {count}: {took:?}");
                assert!(later < 1_500, "{action:?} {way:?} {count}: {later} calls in ten minutes");
            }
        }
    }
}

#[test]
fn where_nothing_of_a_binding_is_taken_it_is_not_asked_for_hotly_and_others_do_not_wait() {
    for action in ACTIONS {
        for way in [Way::Reply, Way::Task] {
            for count in [1_u32, 4, 8, 60, 250] {
                let mut model = Model::new(action, way, &[count, 3], 0..count);
                let took = model.settle();
                let (first, later) = (model.calls_in_ten_minutes(), model.calls_in_ten_minutes());
                eprintln!("{action:?} {way:?}: all {count} bad: others {took:?}, {first} calls, then {later}");
                assert!(took < Duration::from_secs(10), "{action:?} {way:?} {count}: {took:?}");
                assert!(first < 1_500 && later < 400, "{action:?} {way:?} {count}: {first} {later}");
                assert!(!model.blamed.contains("1"), "{:?}", model.blamed);
                model.bad.clear();
                let took = model.settle();
                assert!(took < Duration::from_secs(130), "{action:?} {way:?} {count}: {took:?} after it is taken");
            }
        }
    }
}

/// One target is never taken, so that its kind is always planned; now and then a call is throttled. That passes.
#[test]
fn who_is_known_to_be_refused_is_named_at_most_twice_in_a_round() {
    for action in ACTIONS {
        for count in [1_u32, 2, 3, 4, 8] {
            let mut model = Model::new(action, Way::Reply, &[count], 0..count);
            model.calls_in_ten_minutes();
            for round in 0..20 {
                model.round(&|_| None);
                // Once with the others, and once alone.
                let most = model.named.values().max().copied().unwrap_or_default();
                assert!(most <= 2, "{action:?} {count}: {most} times in round {round}");
            }
        }
    }
}

#[test]
fn what_passes_now_and_then_is_forgiven() {
    for class in [Class::Busy, Class::Throttled, Class::Unreachable] {
        for action in ACTIONS {
            let mut model = Model::new(action, Way::Reply, &[1], [0]);
            for minute in 1..=30_u32 {
                let (new, hit) = (1_000 + minute, model.now + Duration::from_secs(55));
                while model.now < hit {
                    model.round(&|_| None);
                }
                model.left.insert((7, new));
                let (begun, end) = (model.now, model.now + Duration::from_millis(300));
                while model.left.contains(&(7, new)) {
                    model.round(&|now| (now < end).then_some(class));
                    assert!(model.now - begun < Duration::from_secs(8), "{class:?} {action:?}: minute {minute}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Wherever those are that are not in order, the others are done, nobody else is blamed, and the rest is not asked for hotly.
    #[test]
    fn whoever_is_not_in_order_the_others_are_done(
        sizes in prop::collection::vec(1_u32..40, 1..6),
        bad in prop::collection::btree_set(0_u32..120, 0..30),
        action in prop::sample::select(ACTIONS.to_vec()),
        is_task in any::<bool>(),
    ) {
        let way = if is_task { Way::Task } else { Way::Reply };
        let mut model = Model::new(action, way, &sizes, bad);
        let guilty: BTreeSet<String> = model.left.iter()
            .filter(|(_, number)| model.bad.contains(number)).map(|(binding, _)| binding.to_string()).collect();
        let took = model.settle();
        prop_assert!(took < Duration::from_secs(240), "{took:?}");
        prop_assert!(model.calls_in_ten_minutes() < 3_000);
        prop_assert!(model.blamed.is_subset(&guilty), "{:?} {:?}", model.blamed, guilty);
    }
}

/// A binding that comes to two that are refused does not wait for them, however long ago they were refused last.
#[test]
fn what_is_new_waits_for_no_refusal_of_others() {
    for action in ACTIONS {
        for before in (0..40_u32).map(|phase| Duration::from_millis(750) * phase) {
            let mut model = Model::new(action, Way::Reply, &[1, 1], [0, 1]);
            let until = model.now + before;
            while model.now < until {
                model.round(&|_| None);
            }
            model.left.insert((7, 500));
            // A change begins a round.
            model.round(&|_| None);
            assert!(!model.left.contains(&(7, 500)), "{action:?}, {before:?} after the first refusal");
        }
    }
}
