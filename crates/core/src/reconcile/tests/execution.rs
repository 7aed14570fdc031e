//! One binding's refusal is its own: every action that changes targets, every class of refusal, by item and as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::part::{filter, items, owners};
use super::super::*;
use crate::api::condition::ChangeReason;
use crate::model::{Address, Class, Failure, ListenerId, Route, TaskId, Weight};
use crate::plan::{Outcome, Registration, Removal, Step, StepOutcome, WeightChange};

const CLASSES: [Class; 10] = [
    Class::NotFound,
    Class::Busy,
    Class::Throttled,
    Class::Quota,
    Class::Denied,
    Class::Arrears,
    Class::Conflict,
    Class::Invalid,
    Class::Transient,
    Class::Unreachable,
];
const ACTIONS: [&str; 3] = ["register", "reweight", "deregister"];
const BINDINGS: u8 = 10;
const TARGETS: u8 = 6;

fn failure(class: Class) -> Failure {
    Failure { class, action: "Some", code: "Code".to_owned(), message: String::new(), request_id: None }
}

fn route(binding: u8) -> Route {
    Route { listener: ListenerId::new(format!("lbl-{binding}")), rule: None }
}

fn address(binding: u8, number: u8) -> Address {
    Address { ip: std::net::IpAddr::from([10, 0, binding, number]), port: 80 }
}

/// The targets that a step is about, with the weight that they get; `None` where they go.
fn changes(step: &Step) -> Vec<(Address, Option<Weight>)> {
    match step {
        Step::Register(all) => all.iter().map(|one| (one.address, Some(one.weight))).collect(),
        Step::Reweight(all) => all.iter().map(|one| (one.address, Some(one.to))).collect(),
        Step::Deregister(all) => all.iter().map(|one| (one.address, None)).collect(),
        other => panic!("{other:?}"),
    }
}

fn action(step: &Step) -> &'static str {
    match step {
        Step::Register(_) => ACTIONS[0],
        Step::Reweight(_) => ACTIONS[1],
        Step::Deregister(_) => ACTIONS[2],
        other => panic!("{other:?}"),
    }
}

/// What each binding wants, and what is there: half of the Pods of each end, and as many are new.
struct Play {
    wanted: BTreeMap<Address, Option<Weight>>,
    there: BTreeMap<Address, Weight>,
    refusals: Refusals,
    now: Duration,
    calls: usize,
    most: usize,
    blamed: BTreeSet<String>,
}

impl Play {
    fn new() -> Self {
        let all = || (0..BINDINGS).flat_map(|binding| (0..TARGETS).map(move |number| (binding, number)));
        let wish = |(binding, number): (u8, u8)| {
            let wish = match number % 3 {
                0 => Some(10),
                1 => Some(0),
                _ => None,
            };
            (address(binding, number), wish)
        };
        let there = all().filter(|(_, number)| number % 3 != 0).map(|(binding, number)| (address(binding, number), 10));
        Self {
            wanted: all().map(wish).collect(),
            there: there.collect(),
            refusals: Refusals::default(),
            now: Duration::ZERO,
            calls: 0,
            most: 0,
            blamed: BTreeSet::new(),
        }
    }

    /// The steps that are left to do, as a plan has them.
    fn steps(&self) -> Vec<Step> {
        let (mut register, mut reweight, mut deregister) = (Vec::new(), Vec::new(), Vec::new());
        for (address, wish) in &self.wanted {
            let std::net::IpAddr::V4(ip) = address.ip else { continue };
            let binding = ip.octets()[2];
            let (owner, route) = (format!("binding-{binding}"), route(binding));
            let (pod, reason) = (Some("pod".to_owned()), ChangeReason::PodDeleted);
            match (self.there.get(address), wish) {
                (None, Some(weight)) => register.push(Registration {
                    owner,
                    route,
                    address: *address,
                    pod: "pod".to_owned(),
                    pod_uid: "uid".to_owned(),
                    reason,
                    weight: *weight,
                    tag: String::new(),
                }),
                (Some(from), Some(to)) if from != to => reweight.push(WeightChange {
                    owner,
                    route,
                    address: *address,
                    pod,
                    from: *from,
                    to: *to,
                    reason,
                    remark: String::new(),
                }),
                (Some(weight), None) => {
                    deregister.push(Removal { owner, route, address: *address, pod, weight: *weight, reason });
                }
                _ => {}
            }
        }
        let steps = [Step::Register(register), Step::Reweight(reweight), Step::Deregister(deregister)];
        steps.into_iter().filter(|step| !items(step).is_empty()).collect()
    }

    /// One round; `refuse` says what the cloud has against a call.
    fn round(&mut self, refuse: &dyn Fn(&Step, Duration) -> Option<Class>) -> Outcome {
        let steps = self.steps();
        let mut execution = {
            self.refusals.forget_all_but(&steps);
            Execution::new(&steps, &self.refusals, self.now)
        };
        let mut calls = 0;
        while let Some(step) = execution.next_call() {
            calls += 1;
            self.now += Duration::from_millis(50);
            let reply = match refuse(&step, self.now) {
                Some(class) => Err(failure(class)),
                None => {
                    for (address, weight) in changes(&step) {
                        match weight {
                            Some(weight) => self.there.insert(address, weight),
                            None => self.there.remove(&address),
                        };
                    }
                    let is_task = matches!(step, Step::Reweight(_));
                    Ok(if is_task { Reply::Submitted(TaskId::new("task")) } else { Reply::Done })
                }
            };
            execution.reply(reply, &mut self.refusals, self.now);
        }
        self.calls += calls;
        self.most = self.most.max(calls.saturating_sub(steps.len()));
        let outcome = execution.finish(&mut self.refusals);
        for (step, _) in outcome.failures() {
            let mut owners = BTreeSet::new();
            for (address, _) in changes(step) {
                owners.insert(address.ip.to_string().rsplit_once('.').unwrap().0.to_owned());
            }
            self.blamed.extend(owners);
        }
        // A task takes half a second, and so does what the next look waits for at least.
        self.now +=
            outcome.retry_after.unwrap_or(Duration::MAX).clamp(Duration::from_millis(20), Duration::from_millis(500));
        outcome
    }

    /// Rounds until all is done of which `counts` is true; returns how long that took.
    fn until(&mut self, counts: impl Fn(u8) -> bool, refuse: &dyn Fn(&Step, Duration) -> Option<Class>) -> Duration {
        let begun = self.now;
        loop {
            let is_left = |step: &Step| {
                changes(step).iter().any(|(address, _)| match address.ip {
                    std::net::IpAddr::V4(ip) => counts(ip.octets()[2]),
                    std::net::IpAddr::V6(_) => false,
                })
            };
            if !self.steps().iter().any(is_left) {
                return self.now - begun;
            }
            assert!(self.now - begun < Duration::from_secs(300), "no end: {:?}", self.steps());
            self.round(refuse);
        }
    }
}

/// A call that names a target of binding 3.
fn is_of_third(step: &Step) -> bool {
    changes(step).iter().any(|(address, _)| address.ip.to_string().starts_with("10.0.3."))
}

#[test]
fn isolation_of_one_binding_whose_every_item_is_refused() {
    for class in CLASSES {
        for refused in ACTIONS {
            let mut play = Play::new();
            let refuse = |step: &Step, _| (action(step) == refused && is_of_third(step)).then_some(class);
            let took = play.until(|binding| binding != 3, &refuse);
            assert!(took < Duration::from_secs(8), "{refused} {class:?}: the others wait for {took:?}");
            assert!(play.most <= 8, "{refused} {class:?}: {} calls more than steps in a round", play.most);
            assert!(play.blamed.iter().all(|owner| owner == "10.0.3"), "{refused} {class:?}: {:?}", play.blamed);
            // The offender is told of, and its other steps go on.
            play.round(&refuse);
            for _ in 0..20 {
                play.round(&refuse);
            }
            assert_eq!(play.blamed, BTreeSet::from(["10.0.3".to_owned()]), "{refused} {class:?}");
            assert!(play.steps().iter().all(|step| action(step) == refused), "{refused} {class:?}");
            // As soon as it is taken, all is done.
            let took = play.until(|_| true, &|_, _| None);
            assert!(took <= Duration::from_secs(61), "{refused} {class:?}: {took:?}");
        }
    }
}

#[test]
fn isolation_of_one_target_among_those_of_its_binding() {
    for class in CLASSES {
        for refused in ACTIONS {
            let mut play = Play::new();
            let number = match refused {
                "register" => 0,
                "reweight" => 1,
                _ => 2,
            };
            let bad = address(3, number);
            let refuse = |step: &Step, _| {
                let names = changes(step).iter().any(|(address, _)| *address == bad);
                (action(step) == refused && names).then_some(class)
            };
            let is_scope_of_item =
                matches!(class, Class::NotFound | Class::Quota | Class::Conflict | Class::Invalid | Class::Transient);
            if is_scope_of_item {
                for _ in 0..40 {
                    play.round(&refuse);
                }
                let left: Vec<_> = play.steps().iter().flat_map(changes).map(|(address, _)| address).collect();
                assert_eq!(left, [bad], "{refused} {class:?}");
            } else {
                play.until(|binding| binding != 3, &refuse);
            }
        }
    }
}

/// What is refused as a whole goes through at most 5 s after it is taken again, and other actions do not wait.
#[test]
fn isolation_of_actions_that_are_refused_as_a_whole() {
    for class in CLASSES {
        for refused in ACTIONS {
            let mut play = Play::new();
            let end = Duration::from_secs(30);
            let refuse = |step: &Step, now: Duration| (action(step) == refused && now < end).then_some(class);
            while play.now < end {
                let refusals = std::cell::Cell::new(0);
                let outcome = play.round(&|step, now| refuse(step, now).inspect(|_| refusals.set(refusals.get() + 1)));
                let is_told = outcome.failure().is_some();
                assert_eq!(is_told, refusals.get() > 0, "{refused} {class:?}: a refused call is told");
                if play.now > Duration::from_secs(6) {
                    assert!(play.steps().iter().all(|step| action(step) == refused), "{refused} {class:?}");
                }
            }
            let calls = play.calls;
            assert!(calls < 200, "{refused} {class:?}: {calls} calls in 30 s");
            let took = play.until(|_| true, &refuse);
            let longest = if refused == "register" && play.blamed.len() == usize::from(BINDINGS) { 61 } else { 10 };
            assert!(took < Duration::from_secs(longest), "{refused} {class:?}: {took:?} after it is taken again");
        }
    }
}

#[test]
fn without_a_refusal_each_step_is_one_call() {
    let mut play = Play::new();
    let outcome = play.round(&|_, _| None);
    assert_eq!(play.calls, 2, "the task of the second step locks the load balancer");
    assert!(outcome.steps.iter().any(|(_, outcome)| *outcome == StepOutcome::Skipped));
    assert_eq!(outcome.retry_after, None);
    play.round(&|_, _| None);
    assert_eq!(play.calls, 3);
    assert!(play.steps().is_empty());
}

#[test]
fn a_part_that_a_reply_names_is_tried_again_and_the_rest_is_done() {
    let play = Play::new();
    let steps = [play.steps().swap_remove(0)];
    let mut refusals = Refusals::default();
    let mut execution = Execution::new(&steps, &refusals, Duration::ZERO);
    assert_eq!(execution.next_call().as_ref(), Some(&steps[0]));
    execution.reply(
        Ok(Reply::DoneExcept(vec![ListenerId::new("lbl-4")], failure(Class::Invalid))),
        &mut refusals,
        Duration::ZERO,
    );
    let mut asked = 0;
    while let Some(step) = execution.next_call() {
        assert!(changes(&step).iter().all(|(address, _)| address.ip.to_string().starts_with("10.0.4.")), "{step:?}");
        asked += 1;
        execution.reply(Err(failure(Class::Invalid)), &mut refusals, Duration::ZERO);
    }
    assert_eq!(asked, 2, "the two targets of the listener are tried one by one");
    let outcome = execution.finish(&mut refusals);
    let count = |is: fn(&StepOutcome) -> bool| {
        outcome.steps.iter().filter(|(_, outcome)| is(outcome)).map(|(step, _)| items(step).len()).sum::<usize>()
    };
    assert_eq!(count(|outcome| *outcome == StepOutcome::Done), 18);
    assert_eq!(count(|outcome| matches!(outcome, StepOutcome::Failed(_))), 2);
    assert_eq!(outcome.retry_after, Some(Duration::from_secs(5)));
}

/// One step of each kind that does something else than change targets.
fn other_steps() -> Vec<Step> {
    use crate::model::{Attributes, Protocol};
    use crate::plan::Change;
    let change =
        |subject: &str| Change { subject: subject.to_owned(), attributes: Attributes::default(), drift: Vec::new() };
    let listener = ListenerId::new("lbl-9");
    vec![
        Step::CreateListeners {
            protocol: Protocol::Tcp,
            attributes: Attributes::default(),
            listeners: vec![(90, "one".to_owned()), (91, "two".to_owned())],
        },
        Step::CreateRules {
            listener: listener.clone(),
            rules: vec![crate::plan::NewRule {
                domain: "a.example".to_owned(),
                url: "/".to_owned(),
                attributes: Attributes::default(),
            }],
        },
        Step::ModifyListener { listener: listener.clone(), change: change("TCP:90") },
        Step::ModifyDomain { listener: listener.clone(), domain: "a.example".to_owned(), change: change("domain") },
        Step::ModifyRule { listener, rule: "loc-1".into(), change: change("rule") },
        Step::ModifyLoadBalancer(change("load balancer")),
        Step::SetSecurityGroups(change("groups")),
        Step::DeleteLoadBalancer,
    ]
}

/// Whatever else is refused, by whatever class: every other step is tried in the same round, and what is refused is not asked for hotly.
#[test]
fn isolation_of_steps_of_every_kind_from_one_another() {
    let mut cells = 0;
    for class in CLASSES {
        for bad in other_steps() {
            cells += 1;
            let steps: Vec<Step> = Play::new().steps().into_iter().chain(other_steps()).collect();
            let (mut refusals, mut now, mut calls) = (Refusals::default(), Duration::ZERO, 0);
            let mut done = BTreeSet::new();
            while now < Duration::from_secs(120) {
                let mut execution = Execution::new(&steps, &refusals, now);
                while let Some(step) = execution.next_call() {
                    let is_bad = std::mem::discriminant(&step) == std::mem::discriminant(&bad);
                    calls += usize::from(is_bad);
                    if !is_bad {
                        done.insert(format!("{step:?}"));
                    }
                    let reply = if is_bad { Err(failure(class)) } else { Ok(Reply::Done) };
                    execution.reply(reply, &mut refusals, now);
                }
                let outcome = execution.finish(&mut refusals);
                if now == Duration::ZERO {
                    assert_eq!(
                        done.len(),
                        steps.len() - 1,
                        "{class:?}, {bad}: the others are tried in the first round"
                    );
                }
                now += outcome.retry_after.unwrap_or(Duration::from_secs(5)).max(Duration::from_millis(20));
            }
            assert!((2..=60).contains(&calls), "{class:?}, {bad}: {calls} calls in two minutes");
        }
    }
    crate::plan::tests::report(&format!("isolation: {cells} cells"));
}

/// What was refused before is refused still while a task of something else runs. Once the cloud has taken it up, nobody knows yet.
#[test]
fn what_a_running_task_is_about_is_not_refused_any_more() {
    for class in CLASSES {
        let (steps, now) = (Play::new().steps(), Duration::from_secs(1));
        let (mut refusals, third) = (Refusals::default(), steps.iter().find(|step| is_of_third(step)).unwrap());
        refusals.refuse_alone(third, &failure(class), now);
        let is_failed = |running: Option<&Step>| {
            let outcome = Execution::untried(&steps, running, &refusals, now);
            let is_failure = |one: &StepOutcome| matches!(one, StepOutcome::Failed(_) | StepOutcome::Held(_));
            outcome.steps.iter().any(|(_, outcome)| is_failure(outcome))
        };
        let other = steps.iter().find(|step| action(step) != action(third)).unwrap();
        assert_eq!([is_failed(None), is_failed(Some(other)), is_failed(Some(third))], [true, true, false], "{class:?}");
    }
}

/// What is not there any more needs no deregistration: that is refused, and no binding says that anything has failed. Where it goes on, it
/// does.
#[test]
fn a_removal_of_what_is_gone_is_no_failure_before_it_was_refused_again_and_again() {
    for class in CLASSES {
        for bindings in [1, 2, BINDINGS] {
            let whose: BTreeSet<_> = (0..bindings).map(|binding| format!("binding-{binding}")).collect();
            let removals = Play::new().steps().into_iter().filter(|step| action(step) == ACTIONS[2]);
            let steps: Vec<Step> =
                removals.filter_map(|step| filter(&step, |place| whose.contains(&owners(&step)[place]))).collect();
            let (mut refusals, mut now) = (Refusals::default(), Duration::from_secs(1));
            let mut failed_at = None;
            while now < Duration::from_secs(60) && failed_at.is_none() {
                let mut execution = Execution::new(&steps, &refusals, now);
                while execution.next_call().is_some() {
                    execution.reply(Err(failure(class)), &mut refusals, now);
                }
                let outcome = execution.finish(&mut refusals);
                failed_at = outcome.failures().next().map(|_| now);
                now += outcome.retry_after.unwrap_or(Duration::from_secs(5)).max(Duration::from_millis(20));
            }
            let failed_at = failed_at.unwrap_or_else(|| panic!("{class:?}, {bindings}: nobody says so for a minute"));
            match class {
                Class::NotFound => assert!(failed_at > Duration::from_secs(4), "{bindings}: {failed_at:?}"),
                _ => assert!(failed_at < Duration::from_secs(4), "{class:?}, {bindings}: {failed_at:?}"),
            }
        }
    }
}
