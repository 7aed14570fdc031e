//! What people are shown of targets: every one that is the binding's, and what becomes of it.

use jiff::SignedDuration;
use serde_json::json;

use super::acts::{add, add_ports, delete, delete_binding, edit, listener, own_listener, remove, respec, web};
use super::world::{World, address, uid};
use crate::api::condition::ChangeReason;
use crate::model::{Failure, Health};
use crate::plan::{Cloud, Fate, RouteClaim, RouteTrace, plan, trace};

/// A world at rest with all targets healthy.
fn at_rest(mut world: World) -> World {
    world.converge();
    world.heal();
    world.converge();
    world
}

fn traced(world: &World) -> Vec<RouteTrace> {
    let snapshot = world.snapshot();
    trace(&snapshot, &plan(&snapshot)).remove(0)
}

/// Pod, weight, health and fate.
type Shown = (String, Option<u8>, Option<Health>, Option<Fate>);

/// All targets of the first route.
fn shown(world: &World) -> Vec<Shown> {
    let route = traced(world).remove(0);
    let all = route.targets.into_iter().chain(route.others);
    all.map(|one| (one.pod, one.weight, one.health, one.fate)).collect()
}

fn row(pod: &str, weight: u8, fate: Option<Fate>) -> Shown {
    (pod.to_owned(), Some(weight), Some(Health::Healthy), fate)
}

fn select(world: &mut World, app: &str) {
    let service = world.service.as_mut().unwrap();
    service.selector.insert("app".to_owned(), app.to_owned());
}

#[test]
fn those_that_serve_on_after_a_typing_error_in_the_selector_are_shown() {
    let mut world = at_rest(web(&json!({}), 2));
    select(&mut world, "wbe");
    let kept = Some(Fate::KeptAsLast(ChangeReason::NotSelected));
    assert_eq!(shown(&world), [row("web-1", 10, kept), row("web-2", 10, kept)]);
    let route = traced(&world).remove(0);
    assert_eq!((route.targets.len(), route.claim), (0, RouteClaim::Wanted));
    assert_eq!(route.others[0].pod_uid, uid(1));
}

#[test]
fn those_that_wait_for_others_and_those_that_drain_are_shown() {
    let mut world = at_rest(web(&json!({"drain": {"timeoutSeconds": 60}}), 1));
    select(&mut world, "green");
    add(&mut world, [2], "green");
    world.converge();
    let kept = Some(Fate::KeptForOthers(ChangeReason::NotSelected));
    let newcomer = ("web-2".to_owned(), Some(10), Some(Health::Unknown), None);
    assert_eq!(shown(&world), [newcomer, row("web-1", 10, kept)]);
    world.heal();
    let draining = Some(Fate::Draining(ChangeReason::NotSelected, world.now));
    assert_eq!(shown(&world)[1], row("web-1", 10, draining), "that is recorded before it loses its weight");
    world.converge();
    world.now += SignedDuration::from_secs(5);
    assert_eq!(shown(&world), [row("web-2", 10, None), row("web-1", 0, draining)]);
}

#[test]
fn those_of_pods_that_end_or_are_gone_are_shown() {
    let mut world = at_rest(web(&json!({}), 3));
    delete(&mut world, [1]);
    remove(&mut world, [2]);
    let leaving = Some(Fate::Leaving(ChangeReason::PodDeleted));
    let gone = Some(Fate::Leaving(ChangeReason::PodGone));
    assert_eq!(shown(&world), [row("web-1", 10, leaving), row("web-3", 10, None), row("", 10, gone)]);
    assert_eq!(traced(&world)[0].others[0].address, address(2));
    world.converge();
    assert_eq!(shown(&world), [row("web-1", 0, leaving), row("web-3", 10, None)], "it waits for the end of its Pod");
}

#[test]
fn those_of_which_nothing_is_decided_are_shown() {
    let mut world = at_rest(web(&json!({}), 1));
    edit(&mut world, |binding| binding.spec.suspend = true);
    assert_eq!(shown(&world), [row("web-1", 10, Some(Fate::Held))]);
    assert_eq!(traced(&world)[0].claim, RouteClaim::Leftover);
    assert_eq!(traced(&world)[0].name, "listener 80/TCP");
}

#[test]
fn those_on_listeners_that_go_are_shown() {
    let two = json!({"listeners": [listener(80, "TCP"), own_listener(81, "TCP")]});
    let mut world = web(&two, 1);
    add_ports(&mut world, [81]);
    let mut world = at_rest(world);
    respec(&mut world, &json!({"listeners": [listener(80, "TCP")]}));
    let routes = traced(&world);
    let claims: Vec<_> = routes.iter().map(|route| (route.port, route.claim)).collect();
    assert_eq!(claims, [(80, RouteClaim::Wanted), (81, RouteClaim::Leftover)]);
    assert_eq!(routes[1].others[0].fate, Some(Fate::Leaving(ChangeReason::SpecChanged)));
    delete_binding(&mut world);
    let fates: Vec<_> = traced(&world).iter().map(|route| route.others[0].fate).collect();
    assert_eq!(fates, [Some(Fate::Leaving(ChangeReason::BindingDeleted)); 2]);
}

#[test]
fn rules_are_told_apart_and_what_is_of_others_is_not_shown() {
    let rules = json!([{"domain": "a.example.com"}, {"domain": "b.example.com"}]);
    let http = json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "rules": rules}]});
    let mut world = at_rest(web(&http, 1));
    select(&mut world, "wbe");
    let route = world.targets.keys().next().unwrap().clone();
    world.put_target(&route, address(77), 10, "somebody's");
    let kept = Some(Fate::KeptAsLast(ChangeReason::NotSelected));
    let found: Vec<_> =
        traced(&world).iter().map(|route| (route.others.len(), route.others[0].fate, route.rule.is_some())).collect();
    assert_eq!(found, [(1, kept, true), (1, kept, true)]);
}

#[test]
fn without_tags_those_on_listeners_of_ours_are_shown() {
    let mut world = web(&json!({}), 1);
    world.shows_tags = false;
    let mut world = at_rest(world);
    select(&mut world, "wbe");
    let found = shown(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].1), ("web-1", Some(10)));
}

#[test]
fn nothing_is_shown_of_a_cloud_that_was_not_read() {
    let mut world = at_rest(web(&json!({}), 1));
    world.unread = Some(Cloud::Failed(Failure {
        class: crate::model::Class::Denied,
        action: "DescribeTargets",
        code: "AuthFailure".to_owned(),
        message: "no".to_owned(),
        request_id: None,
    }));
    assert_eq!(shown(&world), [("web-1".to_owned(), None, None, None)]);
}
