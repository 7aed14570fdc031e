//! The world that each row begins with, and sentences for what is done to it.

use serde_json::{Value, json};
use tke_direct_access::sim::{Dialect, Effect};
use tke_direct_access_worlds::{Act, Console, Dialect as Cloud, Fault, Kind, Story, Workload};

use crate::rows::Row;

/// When the world is at rest, and the row begins. Milliseconds.
const BEGINS: u64 = 90_000;

/// A row on a cloud, as a story.
pub(crate) fn story(row: &Row, cloud: &Dialect) -> Story {
    let mut acts: Vec<_> = cloud.iter().map(|departure| (0, Act::Dialect(Cloud::Departs(departure)))).collect();
    acts.extend(row.before.iter().map(|act| (0, act())));
    acts.extend([
        // Somebody else's, which nothing is to touch.
        (500, Act::Console(Console::AddListener { load_balancer: 0, port: 9999 })),
        (600, Act::Console(Console::AddTarget(0))),
        (1_000, workload("web", 2)),
        (1_100, workload("green", 2)),
        (1_200, service("web", "web", 8080)),
        (1_300, config(&json!({"intervalTime": 6, "healthNum": 2}), true)),
        (1_400, binding(&listeners(80, &["a.example", "b.example"]))),
    ]);
    acts.extend(row.acts.iter().map(|(at, act)| (BEGINS + at * 1000, act())));
    Story { seed: 1, acts }
}

pub(crate) fn workload(name: &str, replicas: usize) -> Act {
    Act::Workload(Workload {
        kind: Kind::Deployment,
        name: name.to_owned(),
        app: name.to_owned(),
        replicas,
        revision: 1,
        surge: 1,
        unavailable: 0,
        grace: 30,
        pre_stop: 20,
        gate: true,
        weight: None,
        broken: false,
        other_gate: false,
    })
}

pub(crate) fn service(name: &str, app: &str, target_port: u16) -> Act {
    let spec = json!({"type": "LoadBalancer", "selector": {"app": app},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": target_port}]});
    Act::Service { name: name.to_owned(), annotations: json!({}), spec }
}

/// How the listener of layer 4 is probed, and whether the other one replaces the client's address.
pub(crate) fn config(check: &Value, replaces: bool) -> Act {
    let spec = json!({"loadBalancer": {
        "l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}],
        "l7Listeners": [{"protocol": "HTTP", "port": 8080, "snatEnable": replaces}]}});
    Act::Config { name: "web".to_owned(), spec }
}

pub(crate) fn listeners(port: u16, domains: &[&str]) -> Value {
    let rules: Vec<_> = domains.iter().map(|domain| json!({"domain": domain, "url": "/"})).collect();
    json!([{"port": port, "protocol": "TCP", "servicePort": "http"},
        {"port": 8080, "protocol": "HTTP", "servicePort": "http", "rules": rules}])
}

pub(crate) fn binding(listeners: &Value) -> Act {
    let spec = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-one"}, "serviceConfigRef": {"name": "web"},
        "listeners": listeners});
    Act::Binding { name: "web".to_owned(), spec }
}

/// Another binding of the Service.
pub(crate) fn other(load_balancer: &Value, listeners: &Value) -> Act {
    named("other", load_balancer, listeners)
}

/// A binding of the Service, by name.
pub(crate) fn named(name: &str, load_balancer: &Value, listeners: &Value) -> Act {
    let spec = json!({"serviceRef": {"name": "web"}, "loadBalancer": load_balancer, "listeners": listeners});
    Act::Binding { name: name.to_owned(), spec }
}

pub(crate) fn rollout() -> Act {
    Act::Rollout("web".to_owned())
}

pub(crate) fn scale(replicas: usize) -> Act {
    Act::Scale("web".to_owned(), replicas)
}

/// What comes of the next calls of an action.
pub(crate) fn calls(action: &str, count: u64, effect: Effect) -> Act {
    Act::Fault(Fault::Calls { action: Some(action.to_owned()), count, effect })
}

pub(crate) fn refused(code: &str) -> Effect {
    Effect::Error { code: code.to_owned(), message: "no".to_owned() }
}
