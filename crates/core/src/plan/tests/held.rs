//! What one controller knows and the next one needs, by records in the status.

use serde_json::json;

use super::acts::{delete, edit, remove, unready, web};
use super::world::{World, address, pod};
use crate::api::condition::ChangeReason;
use crate::api::names;
use crate::model::{GateState, ListenerId, PreStop, Route, RuleId, Weight};
use crate::plan::held_weight::recorded_weight;
use crate::plan::{Remembered, Step};

fn weigh(world: &mut World, number: u32, text: &str) {
    world.pod(number).annotations.insert(names::CUSTOM_WEIGHT.to_owned(), text.to_owned());
}

/// Three Pods with weight 30 that serve.
fn weighed() -> World {
    let mut world = web(&json!({}), 3);
    (1..=3).for_each(|number| weigh(&mut world, number, "30"));
    world.converge();
    world.heal();
    world.converge();
    world
}

fn weights(world: &World) -> Vec<Weight> {
    let listener = world.listeners[0].id.clone();
    world.targets_of(&listener).into_iter().map(|(_, weight)| weight).collect()
}

fn restart(world: &mut World) {
    world.remembered = Remembered::default();
    world.converge();
}

#[test]
fn an_unreadable_weight_comes_back_with_another_controller() {
    // The Pod was unready before, and after, its annotation could not be read any more.
    for is_unready_first in [true, false] {
        let mut world = weighed();
        if is_unready_first {
            unready(&mut world, 1);
            world.converge();
        }
        weigh(&mut world, 1, "thirty");
        world.converge();
        unready(&mut world, 1);
        world.converge();
        assert_eq!(weights(&world), [0, 30, 30]);
        restart(&mut world);
        assert_eq!(weights(&world), [0, 30, 30]);
        world.pod(1).containers_ready = true;
        world.converge();
        assert_eq!(weights(&world), [30, 30, 30], "unready first: {is_unready_first}");
        assert!(world.plan().steps.is_empty());
    }
}

#[test]
fn a_weight_that_a_user_took_does_not_come_back_when_it_cannot_be_read() {
    // The Pod is unready, or is not selected for a while.
    for is_selected in [true, false] {
        let mut world = weighed();
        let label = world.pod(1).labels.get("app").cloned().unwrap();
        if is_selected {
            unready(&mut world, 1);
        } else {
            world.pod(1).labels.insert("app".to_owned(), "quarantine".to_owned());
        }
        world.converge();
        weigh(&mut world, 1, "0");
        world.converge();
        weigh(&mut world, 1, "zero");
        restart(&mut world);
        world.pod(1).containers_ready = true;
        world.pod(1).labels.insert("app".to_owned(), label);
        world.converge();
        assert_eq!(weights(&world), [0, 30, 30], "selected: {is_selected}");
    }
}

/// Pods of a StatefulSet have the names of those before them.
#[test]
fn the_next_pod_of_a_name_gets_the_weight_that_cannot_be_read() {
    for is_restarted in [false, true] {
        let mut world = weighed();
        weigh(&mut world, 1, "thirty");
        world.converge();
        delete(&mut world, [1]);
        world.converge();
        remove(&mut world, [1]);
        world.converge();
        assert_eq!(weights(&world), [30, 30]);
        if is_restarted {
            restart(&mut world);
        }
        let mut next = pod(9);
        next.key.name = "web-1".to_owned();
        next.gate = GateState::Absent;
        world.pods.insert(9, next);
        weigh(&mut world, 9, "thirty");
        world.converge();
        assert_eq!(weights(&world), [30, 30, 30], "restarted: {is_restarted}");
    }
}

/// What the status records, by name of the Pod.
fn recorded(world: &World) -> Vec<(String, i32)> {
    let rows = &world.bindings[0].status.as_ref().unwrap().held_weights;
    rows.iter().map(|row| (row.pod.clone(), row.weight)).collect()
}

/// Nobody else has the name of a Pod of a Deployment, and one whose weight can be read needs no record.
#[test]
fn what_is_recorded_of_a_pod_goes_with_it_unless_it_cannot_be_read_and_its_name_comes_back() {
    for (name, is_readable, is_kept) in
        [("web-1", false, true), ("web-5d4f-abcde", false, false), ("web-1", true, false)]
    {
        let mut world = web(&json!({}), 3);
        world.pod(1).key.name = name.to_owned();
        weigh(&mut world, 1, "30");
        world.converge();
        world.heal();
        world.converge();
        assert_eq!(recorded(&world), []);
        if is_readable {
            unready(&mut world, 1);
        } else {
            weigh(&mut world, 1, "thirty");
        }
        for _ in 0..3 {
            world.round();
        }
        assert_eq!(recorded(&world), [(name.to_owned(), 30)], "readable: {is_readable}");
        remove(&mut world, [1]);
        for _ in 0..3 {
            world.round();
        }
        assert_eq!(recorded(&world).len(), usize::from(is_kept), "{name}, readable: {is_readable}");
    }
}

/// Of a Pod that is not selected any more the wish may be of another Service.
#[test]
fn the_wish_of_a_pod_that_is_selected_is_recorded_and_of_others_the_weight_that_they_had() {
    for (is_selected, expected) in [(true, 40), (false, 30)] {
        let mut world = weighed();
        if is_selected {
            unready(&mut world, 1);
        } else {
            world.pod(1).labels.insert("app".to_owned(), "other".to_owned());
        }
        world.converge();
        assert_eq!((weights(&world), recorded(&world)), (vec![0, 30, 30], vec![("web-1".to_owned(), 30)]));
        weigh(&mut world, 1, "40");
        world.converge();
        assert_eq!(recorded(&world), [("web-1".to_owned(), expected)], "selected: {is_selected}");
        weigh(&mut world, 1, "0");
        world.converge();
        assert_eq!(recorded(&world), [], "a user has taken it, selected: {is_selected}");
    }
}

#[test]
fn a_recorded_weight_is_that_of_one_pod_on_one_listener_or_rule() {
    let rows = [
        ("lbl-1", None, "web-1", 10),
        ("lbl-1", Some("loc-1"), "web-1", 20),
        ("lbl-2", None, "web-1", 30),
        ("lbl-1", None, "web-2", 40),
    ];
    let mut world = web(&json!({}), 0);
    world.converge();
    let status = |(listener, rule, pod, weight): &(&str, Option<&str>, &str, i32)| json!({"listenerId": listener, "locationId": rule, "pod": pod, "weight": weight, "cause": "Taken"});
    let status: Vec<_> = rows.iter().map(status).collect();
    edit(&mut world, |binding| {
        binding.status.as_mut().unwrap().held_weights = serde_json::from_value(json!(status)).unwrap();
    });
    let view = world.snapshot().bindings.swap_remove(0);
    let found = |listener: &str, rule: Option<&str>, pod: &str| {
        let route = Route { listener: ListenerId::new(listener), rule: rule.map(RuleId::new) };
        recorded_weight(&view, &route, pod).map(i32::from)
    };
    for (listener, rule, pod, weight) in rows {
        assert_eq!(found(listener, rule, pod), Some(weight), "{listener}, {rule:?}, {pod}");
    }
    assert_eq!((found("lbl-2", Some("loc-1"), "web-1"), found("lbl-1", None, "web-3")), (None, None));
}

#[test]
fn a_pod_of_a_new_name_waits_at_weight_zero() {
    let mut world = weighed();
    world = world.with_pods([4]);
    weigh(&mut world, 4, "thirty");
    world.converge();
    assert_eq!(weights(&world), [30, 30, 30, 0]);
}

/// Whether a Service publishes Pods that are not ready is recorded: they are not judged while the Service is missing.
#[test]
fn pods_that_are_published_although_unready_stay_while_the_service_is_missing() {
    for publishes in [true, false] {
        let mut world = web(&json!({"listeners": [{"port": 80, "protocol": "TCP"}]}), 3);
        world.service.as_mut().unwrap().publish_not_ready_addresses = publishes;
        world.converge();
        world.service = None;
        restart(&mut world);
        unready(&mut world, 1);
        world.converge();
        assert_eq!(weights(&world), [if publishes { 10 } else { 0 }, 10, 10], "publishes: {publishes}");
    }
}

/// Nobody knows what the Service says of weights while it is missing: what was taken from a Pod that could not serve is recorded.
#[test]
fn a_weight_that_was_taken_while_the_service_is_missing_comes_back_with_another_controller() {
    let mut world = web(&json!({}), 3);
    world.converge();
    world.heal();
    world.service = None;
    world.converge();
    unready(&mut world, 1);
    world.converge();
    assert_eq!(weights(&world), [0, 10, 10]);
    restart(&mut world);
    world.pod(1).containers_ready = true;
    world.converge();
    assert_eq!(weights(&world), [10, 10, 10]);
    assert!(world.bindings[0].status.as_ref().unwrap().held_weights.is_empty());
}

/// The same where the Pod was not selected for a while, and where another controller leads then.
#[test]
fn a_weight_that_a_pod_had_before_it_was_not_selected_comes_back_while_tke_programs_the_service() {
    for is_restarted in [false, true] {
        let mut world = web(&json!({}), 3);
        world.converge();
        world.heal();
        world.converge();
        let label = world.pod(1).labels.insert("app".to_owned(), "other".to_owned()).unwrap();
        world.converge();
        assert_eq!(weights(&world), [0, 10, 10]);
        let service = world.service.as_mut().unwrap();
        (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
        world.pod(1).labels.insert("app".to_owned(), label);
        if is_restarted {
            restart(&mut world);
        }
        world.converge();
        assert_eq!(weights(&world), [10, 10, 10], "restarted: {is_restarted}");
    }
}

#[test]
fn a_weight_that_somebody_has_changed_in_the_cloud_is_told_from_one_that_a_user_wishes() {
    let reason = |world: &World| match world.plan().steps.as_slice() {
        [Step::Reweight(changes)] => changes[0].reason,
        other => panic!("{other:?}"),
    };
    let set = |world: &mut World, weight| world.targets.values_mut().flatten().next().unwrap().weight = weight;
    let mut world = weighed();
    set(&mut world, 5);
    assert_eq!(reason(&world), ChangeReason::Drift);
    let mut world = weighed();
    set(&mut world, 0);
    assert_eq!(reason(&world), ChangeReason::Drift);
    let mut world = weighed();
    weigh(&mut world, 1, "40");
    assert_eq!(reason(&world), ChangeReason::UserWeight);
    let mut world = weighed();
    unready(&mut world, 1);
    world.converge();
    world.pod(1).containers_ready = true;
    assert_eq!(reason(&world), ChangeReason::PodReady);
}

/// A read of health that fails says nothing of anybody: those that live wait for one.
#[test]
fn no_living_target_loses_weight_before_health_was_read() {
    use crate::model::{Class, Failure};
    let failure = |class| Failure {
        class,
        action: "DescribeTargetHealth",
        code: "InternalError".to_owned(),
        message: String::new(),
        request_id: None,
    };
    for (class, before) in [(Class::Transient, 10), (Class::Throttled, 10), (Class::Denied, 0)] {
        let mut world = web(&json!({}), 3);
        world.converge();
        world.health_failure = Some(failure(class));
        world.remembered = Remembered::default();
        unready(&mut world, 1);
        world.pod(2).ending.pre_stop = PreStop::None;
        delete(&mut world, [2]);
        world.converge();
        assert_eq!(weights(&world), [before, 0, 10], "{class:?}");
        world.health_failure = None;
        world.converge();
        assert_eq!(weights(&world), [0, 0, 10], "{class:?}");
    }
}

/// Nobody knows whether a newcomer serves: a target that was there is not taken away for it.
#[test]
fn one_that_is_not_ready_stays_until_a_newcomer_is_known_to_serve() {
    let mut world = web(&json!({}), 1).with_pods([2]);
    world.pod(2).gate = GateState::Absent;
    world.health.insert(address(1), crate::model::Health::Unhealthy);
    world.converge();
    unready(&mut world, 1);
    world.converge();
    assert_eq!(weights(&world), [10, 10]);
    world.heal();
    world.health.insert(address(1), crate::model::Health::Unhealthy);
    world.converge();
    assert_eq!(weights(&world), [0, 10]);
}

type Spoil<'a> = &'a dyn Fn(&mut World);

/// A shared listener has rules of others, of which nothing is recorded: Pods do not come there while all of the binding is held.
#[test]
fn rules_of_others_on_a_shared_listener_are_no_routes_of_a_binding_that_is_held() {
    use crate::api::condition::GateReason;
    use crate::model::{Health, Protocol};
    use crate::plan::Verdict;
    let rules = json!([{"domain": "a.example"}]);
    let of = |id: &str| json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "listenerId": id, "rules": rules}]});
    let spoils: [(&str, Spoil<'_>); 2] = [
        ("TKE comes", &|world| {
            let service = world.service.as_mut().unwrap();
            (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
        }),
        ("another listenerId", &|world| super::acts::respec(world, &of("lbl-99"))),
    ];
    for (what, spoil) in spoils {
        let mut world = web(&of("lbl-1"), 2);
        let id = world.add_listener("somebody's", Protocol::Http, 80);
        world.add_rule(&id, "a.example", "/");
        world.add_rule(&id, "others.example", "/");
        world.converge();
        world.heal();
        spoil(&mut world);
        world.converge();
        world = world.with_pods([9]);
        for _ in 0..3 {
            world.converge();
        }
        let targets = world.targets_by_rule(&id);
        let count = |domain: &str| {
            let of = targets.iter().filter(|(rule, _)| rule.contains(domain));
            of.map(|(_, targets)| targets.len()).sum::<usize>()
        };
        assert_eq!((count("a.example"), count("others.example")), (3, 0), "{what}: {targets:?}");
        let row = &world.bindings[0].status.as_ref().unwrap().listeners;
        let names: Vec<_> = row.iter().flat_map(|row| &row.rules).map(|rule| rule.domain.as_str()).collect();
        assert!(!names.contains(&"others.example"), "{what}: {names:?}");
        world.health.insert(address(9), Health::Healthy);
        if what == "TKE comes" {
            let gate = &world.plan().bindings[0].gates[0].verdict;
            assert_eq!(*gate, Verdict::Open(GateReason::BackendReady), "{what}");
        }
    }
}

/// The status has room for 200 rows; what a controller has seen itself, it knows without them.
#[test]
fn weights_come_back_however_many_cannot_be_read() {
    let mut world = web(&json!({}), 250);
    world.limits.targets_per_route = 1000;
    world.converge();
    world.heal();
    let service = world.service.as_mut().unwrap();
    service.annotations.insert(names::RS_WEIGHT.to_owned(), "[{\"defaultWeight\":10},".to_owned());
    world.converge();
    (1..=250).filter(|number| number % 2 == 0).for_each(|number| unready(&mut world, number));
    world.converge();
    assert_eq!(weights(&world).into_iter().filter(|weight| *weight == 0).count(), 125);
    (1..=250).for_each(|number| world.pod(number).containers_ready = true);
    world.converge();
    assert_eq!(weights(&world), [10; 250]);
}

/// Many that are not wanted any more leave the rows of the status to those that are.
#[test]
fn the_weight_of_a_pod_that_is_wanted_is_recorded_before_those_of_others() {
    let mut world = web(&json!({}), 250);
    world.limits.targets_per_route = 1000;
    world.converge();
    world.heal();
    weigh(&mut world, 250, "ten");
    (1..=245).for_each(|number| _ = world.pod(number).labels.insert("app".to_owned(), "other".to_owned()));
    world.converge();
    unready(&mut world, 250);
    world.converge();
    restart(&mut world);
    world.pod(250).containers_ready = true;
    world.converge();
    let listener = world.listeners[0].id.clone();
    let found = world.targets_of(&listener).into_iter().find(|(found, _)| *found == address(250));
    assert_eq!(found, Some((address(250), 10)));
    assert_eq!(world.bindings[0].status.as_ref().unwrap().held_weights.len(), 200);
}

/// Each would write its own id, for ever.
#[test]
fn the_id_that_tke_has_written_on_a_service_that_it_programs_is_not_written_over() {
    use crate::model::LoadBalancerId;
    use crate::plan::{Management, annotation};
    let world = web(&json!({}), 1);
    let snapshot = world.snapshot();
    for (is_tkes, is_ours, expected) in
        [(false, false, None), (false, true, Some("lb-1")), (true, false, None), (true, true, Some("lb-tke"))]
    {
        let mut service = world.service.clone().unwrap();
        (service.is_load_balancer, service.has_tke_finalizer) = (true, is_tkes);
        service.annotations.insert(names::LOAD_BALANCER_ID, "lb-tke");
        service.our_annotations = if is_ours { vec![names::LOAD_BALANCER_ID.to_owned()] } else { Vec::new() };
        let (view, id) = (&snapshot.bindings[0], LoadBalancerId::new("lb-1"));
        let wanted = annotation::annotations(view, &service, &id, Management::Manage, snapshot.cluster);
        let found = wanted.get(names::LOAD_BALANCER_ID).map(String::as_str);
        assert_eq!(found, expected, "TKE's: {is_tkes}, ours: {is_ours}");
    }
}
