//! Pods that one listener of a load balancer has and another one is to have.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::json;

use super::world::{World, address, binding};
use crate::api::condition::{HoldCause, Reason};
use crate::model::{Address, ListenerState, Route, Weight};
use crate::plan::removals::{ConfigMapSight, Hold};
use crate::plan::{Plan, Removals};

/// Two Services with so many Pods each, on ports 80 and 81, which serve.
fn world(pods: u32) -> World {
    let listener = |port: u16| json!({"listeners": [{"port": port, "protocol": "TCP", "servicePort": 80}]});
    let mut world = World::new(&listener(80)).with_pods(1..=2 * pods);
    world.bindings.push(binding(2, &listener(81)));
    for number in pods + 1..=2 * pods {
        world.pod(number).labels.insert("app".to_owned(), "api".to_owned());
    }
    select(&mut world, ["web", "api"]);
    world.converge();
    world.heal();
    assert!(world.plan().steps.is_empty());
    world
}

/// The Services select these Pods.
fn select(world: &mut World, apps: [&str; 2]) {
    let service = world.service.clone().unwrap();
    for (place, app) in apps.into_iter().enumerate() {
        let mut service = service.clone();
        service.selector.insert("app".to_owned(), app.to_owned());
        world.services.insert(place, service);
    }
}

/// The targets of each port.
fn targets(world: &World) -> BTreeMap<u16, Vec<(Address, Weight)>> {
    world.listeners.iter().map(|listener| (listener.port, world.targets_of(&listener.id))).collect()
}

fn reasons(plan: &Plan) -> Vec<Reason> {
    plan.bindings.iter().flat_map(|part| &part.problems).map(|problem| problem.reason).collect()
}

fn awaited(plan: &Plan) -> Vec<usize> {
    plan.bindings.iter().map(|part| part.pending.awaited).collect()
}

#[test]
fn services_that_exchange_their_pods_come_to_an_end_and_serve_all_the_time() {
    let mut world = world(4);
    select(&mut world, ["api", "web"]);
    assert_eq!(awaited(&world.plan()), [4, 4]);
    let mut rounds = 0;
    loop {
        let plan = world.round();
        assert_eq!(reasons(&plan), []);
        for (port, all) in targets(&world) {
            let serve = all.iter().filter(|(at, weight)| *weight > 0 && world.health.contains_key(at)).count();
            assert!(serve >= 3, "{port}: {all:?}");
        }
        let is_over = plan.bindings.iter().all(|part| part.pending.is_empty());
        if is_over {
            break;
        }
        rounds += 1;
        assert!(rounds < 60, "{:?}", plan.bindings[0].pending);
        world.now += SignedDuration::from_secs(3);
        // Probes take their time.
        if rounds % 5 == 0 {
            world.heal();
        }
    }
    let numbers = |numbers: std::ops::RangeInclusive<u32>| numbers.map(|one| (address(one), 10)).collect();
    assert_eq!(targets(&world), BTreeMap::from([(80, numbers(5..=8)), (81, numbers(1..=4))]));
}

#[test]
fn the_last_one_and_what_is_held_stay_and_that_is_a_conflict() {
    let hold = Hold { reason: HoldCause::Flag, namespace: "system".to_owned(), config_map: ConfigMapSight::Absent };
    for (pods, removals) in [(1, Removals::Allowed), (2, Removals::Held(hold))] {
        let mut world = world(pods);
        let before = targets(&world);
        select(&mut world, ["api", "web"]);
        world.removals = removals;
        for _ in 0..5 {
            let plan = world.round();
            assert_eq!(awaited(&plan), [0, 0]);
            let conflicts = reasons(&plan).into_iter().filter(|reason| *reason == Reason::BackendConflict).count();
            assert_eq!(conflicts, 2);
            world.now += SignedDuration::from_secs(20);
        }
        assert_eq!(targets(&world), before);
    }
}

/// Its time would be 300 s.
#[test]
fn who_has_no_weight_any_more_has_ten_seconds_when_another_listener_waits() {
    let mut world = world(2);
    world.pod(1).labels.insert("app".to_owned(), "new".to_owned());
    world.converge();
    let is_there = |world: &World| targets(world)[&80].contains(&(address(1), 0));
    assert!(is_there(&world));
    for (seconds, stays) in [(9, true), (60, true)] {
        world.now += SignedDuration::from_secs(seconds);
        world.converge();
        assert_eq!(is_there(&world), stays, "{seconds}");
    }
    world.pod(1).labels.insert("app".to_owned(), "api".to_owned());
    let plan = world.round();
    assert_eq!((awaited(&plan), reasons(&plan)), (vec![0, 1], vec![]));
    world.converge();
    assert_eq!(targets(&world)[&81].first(), Some(&(address(1), 10)));
}

/// What keeps a listener from giving traffic to who passes to it.
type Hindrance = fn(&mut World);

fn edit(world: &mut World, place: usize, change: impl FnOnce(&mut crate::api::binding::DirectAccessBindingSpec)) {
    change(&mut std::sync::Arc::make_mut(&mut world.bindings[place]).spec);
}

#[test]
fn nobody_passes_to_a_listener_that_does_not_take_him_or_where_nobody_comes_for_him() {
    let table: [(&str, Hindrance); 6] = [
        ("its registrations are refused", |world| {
            let route = Route { listener: world.listeners[1].id.clone(), rule: None };
            world.remembered.refused_registrations.insert(route);
        }),
        ("it is stopped", |world| world.listeners[1].state = ListenerState::Stopped),
        ("it gives no weight", |world| edit(world, 1, |spec| spec.listeners[0].weight = 0)),
        ("its binding is suspended", |world| edit(world, 1, |spec| spec.suspend = true)),
        ("it is not there", |world| drop(world.listeners.remove(1))),
        ("the other one selects nobody", |world| select(world, ["nobody", "web"])),
    ];
    for (what, hinder) in table {
        let mut world = world(4);
        select(&mut world, ["api", "web"]);
        hinder(&mut world);
        let before = targets(&world)[&80].clone();
        // A listener that was missing is there after the first round.
        for _ in 0..if what == "it is not there" { 1 } else { 20 } {
            world.round();
            let after = &targets(&world)[&80];
            assert!(before.iter().all(|row| after.contains(row)), "{what}: {after:?}");
            world.now += SignedDuration::from_secs(20);
        }
    }
}
