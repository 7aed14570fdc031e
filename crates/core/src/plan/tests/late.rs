//! Reads that are late, partial, or of another time: what they leave open takes nothing away and proves nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, delete, delete_binding, remove, unready, web};
use super::world::{World, address, binding, ip};
use crate::api::mark::OWNER_TAG;
use crate::api::names;
use crate::model::{Address, Class, Ending, Failure, GateState, Health, PreStop, Weight};
use crate::plan::{Cloud, Observed, ReadState, Release, Remembered, Step, Verdict, plan};
use crate::reconcile::{Execution, Refusals, Reply};

const CLASSES: [Class; 7] =
    [Class::Denied, Class::Throttled, Class::Quota, Class::Invalid, Class::Transient, Class::Busy, Class::Arrears];

pub(super) fn failure(class: Class) -> Failure {
    Failure { class, action: "DescribeTargetHealth", code: "Some".to_owned(), message: String::new(), request_id: None }
}

/// So many Pods that serve.
fn serving(count: u32) -> World {
    let mut world = web(&json!({}), count);
    world.converge();
    world.heal();
    world.converge();
    world
}

fn weighted(world: &World) -> Vec<Address> {
    let targets = world.targets_of(&world.listeners[0].id.clone()).into_iter();
    targets.filter(|(_, weight): &(Address, Weight)| *weight > 0).map(|(address, _)| address).collect()
}

fn select(world: &mut World, app: &str) {
    world.service.as_mut().unwrap().selector.insert("app".to_owned(), app.to_owned());
}

fn observed(world: &World) -> Observed {
    match world.snapshot().cloud {
        Cloud::Observed(observed) => observed,
        other => panic!("{other:?}"),
    }
}

/// Ten Pods that fill the quota, and ten that are to replace them.
fn full() -> World {
    let mut world = web(&json!({}), 10);
    world.limits.targets_per_route = 10;
    world.converge();
    world.heal();
    world.converge();
    add(&mut world, 11..=20, "green");
    select(&mut world, "green");
    world
}

#[test]
fn the_last_that_ends_goes_on_whether_health_was_read_or_not() {
    for class in [None, Some(Class::Unreachable), Some(Class::Throttled)] {
        let mut world = serving(1);
        world.pod(1).ending = Ending { grace_seconds: 300, pre_stop: PreStop::None };
        delete(&mut world, [1]);
        world.remembered = Remembered::default();
        world.health_failure = class.map(failure);
        assert!(world.plan().steps.is_empty(), "{class:?}: {:?}", world.plan().steps);
    }
}

/// Addresses come back: what was read of one Pod says nothing of the next.
#[test]
fn health_that_was_read_of_a_former_pod_is_not_that_of_the_next() {
    let mut world = serving(3);
    world.health_failure = Some(failure(Class::Throttled));
    remove(&mut world, [3]);
    world.converge();
    add(&mut world, [9], "green");
    world.pod(9).ips = vec![ip(3)];
    select(&mut world, "green");
    for _ in 0..3 {
        world.converge();
        assert_eq!(
            weighted(&world),
            [address(1), address(2), address(3)],
            "the former ones serve until the next is known to"
        );
    }
}

/// Two serve by the only read of health of a controller, and the next ones fail. One of the Pods is not ready any more, or ends, and the
/// other serves in its place; where somebody has registered that one anew meanwhile, nobody knows whether it does.
#[test]
fn while_health_cannot_be_read_what_was_read_last_counts_for_targets_that_are_what_they_were() {
    let ends: fn(&mut World) = |world| delete(world, [1]);
    let fails: fn(&mut World) = |world| unready(world, 1);
    let anew: fn(&mut World) = |world| {
        delete(world, [1]);
        let targets = world.targets.values_mut().flatten();
        targets.filter(|target| target.address == address(2)).for_each(|target| target.tag.clear());
    };
    let (one, both) = (vec![address(2)], vec![address(1), address(2)]);
    for (what, change, expected) in [("ends", ends, &one), ("fails", fails, &one), ("anew", anew, &both)] {
        let mut world = serving(2);
        world.remembered = Remembered::default();
        world.round();
        world.health_failure = Some(failure(Class::Throttled));
        change(&mut world);
        world.converge();
        assert_eq!(weighted(&world), *expected, "{what}");
    }
}

#[test]
fn a_read_that_began_before_a_registration_proves_nothing_of_it() {
    for shows_tags in [true, false] {
        let mut world = web(&json!({}), 2);
        world.shows_tags = shows_tags;
        world.converge();
        world.heal();
        world.converge();
        let mut old = observed(&world);
        remove(&mut world, [2]);
        world.converge();
        add(&mut world, [9], "web");
        world.pod(9).ips = vec![ip(2)];
        world.pod(9).gate = GateState::Unset;
        world.round();
        let route = old.targets.keys().next().unwrap().clone();
        // As the reader of health does: what was registered since is not in what was read before.
        old.targets.get_mut(&route).unwrap().retain(|target| target.address != address(2));
        let mut snapshot = world.snapshot();
        let Cloud::Observed(now) = &mut snapshot.cloud else { panic!() };
        now.health.clone_from(&old.health);
        now.health_basis = Some(Arc::new(old.targets));
        let plan = plan(&snapshot);
        let is_open = |gate: &crate::plan::GateVerdict| matches!(gate.verdict, Verdict::Open(_));
        assert!(!plan.bindings[0].gates.iter().any(is_open), "tags {shows_tags}: {:?}", plan.bindings[0].gates);
        let mut remembered = world.remembered.clone();
        remembered.see(&snapshot, &plan);
        assert!(remembered.unproven.contains(&(route, address(2))), "tags {shows_tags}");
    }
}

/// Nobody who serves leaves for one that gets no traffic, whether a user says so or nobody can read what weight it should have.
#[test]
fn those_that_serve_make_room_for_those_that_will() {
    for (word, expected) in [("0", 6), ("ten", 6), ("10", 0)] {
        let mut world = web(&json!({}), 6);
        world.limits.targets_per_route = 6;
        world.converge();
        world.heal();
        (1..=6).for_each(|number| _ = world.pod(number).labels.insert("app".to_owned(), "blue".to_owned()));
        let mut world = world.with_pods(11..=16);
        for number in 11..=16 {
            world.pod(number).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), word.to_owned());
        }
        let mut least = usize::MAX;
        for _ in 0..14 {
            world.converge();
            let listener = world.listeners[0].id.clone();
            let blue = |address: Address| (1..=6).any(|number| address == super::world::address(number));
            let all = world.targets_of(&listener);
            least = least.min(all.iter().filter(|(address, weight)| blue(*address) && *weight > 0).count());
            world.heal();
            world.now += SignedDuration::from_secs(5);
        }
        assert_eq!(least, expected, "{word}");
    }
}

#[test]
fn no_room_is_made_while_nobody_is_registered() {
    let mut world = full();
    for _ in 0..12 {
        let mut snapshot = world.snapshot();
        snapshot.reads = ReadState::TargetsOnly;
        for step in plan(&snapshot).steps {
            world.perform(&step);
        }
        world.now += jiff::SignedDuration::from_secs(1);
    }
    assert_eq!(weighted(&world).len(), 10);
}

/// Whatever refuses the newcomers: one place at most is made for them.
#[test]
fn no_more_room_is_made_for_newcomers_that_the_cloud_refuses() {
    for class in CLASSES {
        let mut world = full();
        let (mut refusals, mut clock) = (Refusals::default(), Duration::from_secs(1000));
        for second in 0..40 {
            world.remembered.refused_registrations = refusals.registrations();
            let snapshot = world.snapshot();
            let found = plan(&snapshot);
            refusals.forget_all_but(&found.steps);
            let mut execution = Execution::new(&found.steps, &refusals, clock);
            while let Some(step) = execution.next_call() {
                let reply = match &step {
                    Step::Register(_) => Err(failure(class)),
                    other => {
                        world.perform(other);
                        world.remembered.end(other);
                        Ok(Reply::Done)
                    }
                };
                execution.reply(reply, &mut refusals, clock);
            }
            execution.finish(&mut refusals);
            world.remembered.see(&snapshot, &found);
            world.now += jiff::SignedDuration::from_secs(1);
            clock += Duration::from_secs(1);
            assert!(weighted(&world).len() >= 9, "{class:?}, second {second}: {:?}", weighted(&world));
        }
    }
}

/// While listeners are still being read, what a spec does waits, and what Pods ask for goes on.
#[test]
fn a_round_that_knows_targets_only_does_what_pods_ask_for() {
    let mut world = serving(3);
    world.pod(1).ending.pre_stop = PreStop::None;
    delete(&mut world, [1]);
    add(&mut world, [4], "web");
    super::acts::respec(&mut world, &json!({"listeners": [{"port": 81, "protocol": "TCP", "servicePort": 80}]}));
    let mut snapshot = world.snapshot();
    snapshot.reads = ReadState::TargetsOnly;
    let steps = plan(&snapshot).steps;
    assert!(steps.iter().all(|step| matches!(step, Step::Register(_) | Step::Reweight(_))), "{steps:?}");
    snapshot.reads = ReadState::DuringTask;
    assert!(plan(&snapshot).steps.is_empty());
}

/// What a task makes may not be shown yet, so that a binding for which it runs is not gone.
#[test]
fn nobody_is_gone_while_a_task_runs() {
    let mut world = serving(0);
    world.listeners.clear();
    world.targets.clear();
    delete_binding(&mut world);
    let one = Arc::make_mut(&mut world.bindings[0]);
    if let Some(status) = &mut one.status {
        status.listeners.clear();
    }
    let mut snapshot = world.snapshot();
    assert_eq!(plan(&snapshot).bindings[0].release, Release::Done);
    snapshot.reads = ReadState::DuringTask;
    assert_eq!(plan(&snapshot).bindings[0].release, Release::Waits);
}

/// A binding that was left out of the plan may name the load balancer.
#[test]
fn a_load_balancer_stays_while_somebody_is_left_out() {
    let created = json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"});
    let mut world = web(&created, 1);
    world.bindings = vec![binding(1, &created)];
    let uid = world.binding_uid(0);
    let one = Arc::make_mut(&mut world.bindings[0]);
    let status = json!({"loadBalancer": {"id": "lb-1", "region": "ap-guangzhou", "created": true,
        "account": "100000000001"}, "conditions": []});
    one.status = Some(serde_json::from_value(status).unwrap());
    one.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    let mut snapshot = world.snapshot();
    let Cloud::Observed(observed) = &mut snapshot.cloud else { panic!() };
    observed.load_balancer.tags.push((OWNER_TAG.to_owned(), uid));
    let mut found = plan(&snapshot);
    assert_eq!(found.steps, [Step::DeleteLoadBalancer]);
    found.keep_load_balancer();
    assert!(found.steps.is_empty());
}

/// A Pod is where its addresses are: what was registered elsewhere for it leads to nobody, or to somebody else.
#[test]
fn a_target_at_an_address_that_its_pod_has_not_any_more_goes_at_once() {
    for (what, is_reassigned, expected) in [
        ("other", false, false),
        ("other", true, false),
        // It may be about to get it again.
        ("none", false, true),
        ("none", true, false),
    ] {
        for state in ["ready", "unready", "unselected", "ending", "no Service"] {
            let mut world = serving(1);
            world.pod(1).ips = if what == "other" { vec![ip(9)] } else { Vec::new() };
            match state {
                "unready" => world.pod(1).containers_ready = false,
                "unselected" => world.pod(1).labels.clear(),
                "ending" => delete(&mut world, [1]),
                "no Service" => world.service = None,
                _ => {}
            }
            world.reassigned = is_reassigned.then_some(ip(1)).into_iter().collect();
            world.converge();
            let is_there = weighted(&world).contains(&address(1));
            assert_eq!(is_there, expected, "address {what}, reassigned {is_reassigned}, {state}");
        }
    }
}

/// A Service that is missing, or selects nobody, is no reason to open a gate without proof.
#[test]
fn gates_wait_for_health_while_the_service_is_missing_or_selects_nobody() {
    for is_missing in [true, false] {
        let mut world = web(&json!({"listeners": [{"port": 80, "protocol": "TCP"}]}), 1);
        world.converge();
        world.heal();
        world.converge();
        if is_missing {
            world.service = None;
        } else {
            world.service.as_mut().unwrap().selector.clear();
        }
        add(&mut world, [2], "web");
        world.pod(2).gate = GateState::Unset;
        world.converge();
        let verdict = |world: &World| world.plan().bindings[0].gates.first().map(|gate| gate.verdict.clone());
        assert!(matches!(verdict(&world), Some(Verdict::Wait(..))), "missing {is_missing}: {:?}", verdict(&world));
        world.health.insert(address(2), Health::Healthy);
        assert!(matches!(verdict(&world), Some(Verdict::Open(_))), "missing {is_missing}: {:?}", verdict(&world));
    }
}
