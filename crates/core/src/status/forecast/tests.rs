//! The forecast against what the controller does in the small world, round by round.

use serde_json::{Value, json};

use super::*;
use crate::api::mark::ListenerName;
use crate::model::{Health, Protocol};
use crate::plan::tests::world::{NAMESPACE, World, address};

fn region() -> Region {
    Region::new("ap-guangzhou")
}

/// What each round does, in words, and how long drains last before it.
fn words(forecast: &Forecast) -> Vec<(i64, Vec<String>)> {
    let steps = |round: &ForecastRound| round.steps.iter().map(ToString::to_string).collect();
    forecast.rounds.iter().map(|round| (round.after.as_secs(), steps(round))).collect()
}

fn expected(rows: &[(i64, &[&str])]) -> Vec<(i64, Vec<String>)> {
    rows.iter().map(|(after, steps)| (*after, steps.iter().map(|step| (*step).to_owned()).collect())).collect()
}

/// One listener with two Pods on it, at rest.
fn at_rest(spec: &Value) -> World {
    let mut world = World::new(spec).with_pods(1..=2);
    world.converge();
    world.heal();
    world.converge();
    world
}

fn listener(port: u16, protocol: &str) -> Value {
    json!({"port": port, "protocol": protocol, "servicePort": 80})
}

#[test]
fn an_empty_load_balancer_gets_its_listener_and_then_its_targets() {
    let world = World::new(&json!({})).with_pods(1..=2);
    let found = forecast(&world.snapshot(), &region());
    let rows: &[(i64, &[&str])] = &[(0, &["create listener 80/TCP"]), (0, &["register 2 targets"])];
    assert_eq!((words(&found), found.end), (expected(rows), ForecastEnd::Rest));
    let Some(Step::Register(targets)) = found.rounds[1].steps.first() else { panic!("{found:?}") };
    assert_eq!(targets[0].route.listener.as_str(), "(new 80/TCP)");
}

#[test]
fn nothing_follows_from_a_world_at_rest() {
    let world = at_rest(&json!({}));
    assert_eq!(forecast(&world.snapshot(), &region()), Forecast::default());
}

/// What is written is shown, also what the cloud shows as a flag, and so nothing is written twice.
#[test]
fn a_switch_that_is_shown_as_a_flag_is_written_once() {
    let entry = json!({"l7Listeners": [{"protocol": "HTTP", "port": 80, "snatEnable": true}]});
    let mut world = at_rest(&json!({"listeners": [listener(80, "HTTP")]}));
    world.configs.insert(0, crate::plan::tests::config::config(1, &entry));
    let found = forecast(&world.snapshot(), &region());
    let rows: &[(i64, &[&str])] = &[(0, &["HTTP:80: snatEnable to true"])];
    assert_eq!((words(&found), found.end), (expected(rows), ForecastEnd::Rest));
}

#[test]
fn another_port_takes_the_targets_along_and_the_old_listener_goes_last() {
    let mut world = at_rest(&json!({"listeners": [listener(80, "TCP")]}));
    let spec = json!({"listeners": [listener(81, "TCP")]});
    let changed = crate::plan::tests::world::binding(1, &spec);
    Arc::make_mut(&mut world.bindings[0]).spec = changed.spec.clone();
    let found = forecast(&world.snapshot(), &region());
    let all: Vec<_> = words(&found).into_iter().flat_map(|(_, steps)| steps).collect();
    assert_eq!(all.first().map(String::as_str), Some("create listener 81/TCP"), "{all:?}");
    assert_eq!(all.last().map(String::as_str), Some("delete 1 listener"), "{all:?}");
    assert!(all.iter().any(|step| step.starts_with("register")), "{all:?}");
    assert_eq!(found.end, ForecastEnd::Rest);
}

#[test]
fn a_drain_takes_its_time() {
    let mut world = at_rest(&json!({"drain": {"timeoutSeconds": 40}}));
    world.pod(1).labels.insert("app".to_owned(), "other".to_owned());
    let found = forecast(&world.snapshot(), &region());
    let rows = words(&found);
    let [(0, first), (waited, last)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((first[0].as_str(), last[0].as_str()), ("set the weight of 1 target", "deregister 1 target"));
    assert!((38..=41).contains(waited), "{waited} s");
    assert_eq!(found.end, ForecastEnd::Rest);
}

#[test]
fn targets_that_are_found_ill_stay_so() {
    let mut world = at_rest(&json!({}));
    world.health.insert(address(1), Health::Unhealthy);
    assert_eq!(forecast(&world.snapshot(), &region()).rounds, []);
}

#[test]
fn rules_are_made_before_their_targets() {
    let spec = json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "rules": [
        {"domain": "shop.example.com", "url": "/"}, {"domain": "shop.example.com", "url": "/cart"},
    ]}]});
    let world = World::new(&spec).with_pods(1..=1);
    let found = forecast(&world.snapshot(), &region());
    let rows: &[(i64, &[&str])] = &[
        (0, &["create listener 80/HTTP"]),
        (0, &["create rules shop.example.com/, shop.example.com/cart"]),
        (0, &["register 2 targets"]),
    ];
    assert_eq!((words(&found), found.end), (expected(rows), ForecastEnd::Rest));
}

#[test]
fn a_load_balancer_is_created_before_all_else() {
    let mut world = World::new(&json!({"loadBalancer": {"create": {"network": "Public"}}})).with_pods(1..=1);
    world.unread = Some(Cloud::Unplaced(Vec::new()));
    let found = forecast(&world.snapshot(), &region());
    let all: Vec<_> = words(&found).into_iter().flat_map(|(_, steps)| steps).collect();
    assert_eq!(
        all,
        [
            format!("create load balancer '{NAMESPACE}_b1'"),
            "create listener 80/TCP".to_owned(),
            "register 1 target".to_owned()
        ]
    );
    assert_eq!(found.end, ForecastEnd::Rest);
}

type Change = fn(&mut World);

/// In every world of these the forecast is what the controller then does, step by step, but for ids that only the cloud knows.
#[test]
fn the_forecast_is_what_rounds_then_do() {
    let foreign = |world: &mut World| {
        let name = ListenerName::new(&world.binding_uid(0), NAMESPACE, "b1").to_string();
        world.add_listener(&name, Protocol::Udp, 9000);
    };
    let changes: [(&str, Value, Change); 4] = [
        ("new", json!({}), |_| {}),
        ("two ports", json!({"listeners": [listener(80, "TCP"), listener(443, "TCP")]}), |_| {}),
        ("leftover", json!({}), foreign),
        ("weight", json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": 80, "weight": 33}]}), |world| {
            let id = world.add_own_listener();
            world.add_own_target(&id, 1);
        }),
    ];
    for (what, spec, change) in changes {
        let mut world = World::new(&spec).with_pods(1..=2);
        change(&mut world);
        let said: Vec<_> =
            words(&forecast(&world.snapshot(), &region())).into_iter().flat_map(|(_, all)| all).collect();
        let mut done = Vec::new();
        for _ in 0..10 {
            let plan = world.round();
            done.extend(plan.steps.iter().map(ToString::to_string));
            world.heal();
        }
        assert_eq!(said, done, "{what}");
    }
}
