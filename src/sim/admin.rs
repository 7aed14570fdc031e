//! The admin endpoint: what there is, what was asked, and how to disturb it. Unsigned, for the machine the simulator runs on.
//!
//! | request | does |
//! |---|---|
//! | `GET /admin/state` | shows load balancers, listeners, targets, health and where listeners really listen |
//! | `GET /admin/authority` | shows the certificate that clients of listeners with TLS have to trust |
//! | `GET /admin/calls` | shows counts by action and the last calls |
//! | `GET /admin/faults` | shows the faults that may still strike |
//! | `POST /admin/faults` | arms one fault or a list of them |
//! | `DELETE /admin/faults` | disarms all |
//! | `POST /admin/load-balancers` | adds a load balancer that is ready at once |
//! | `POST /admin/listeners/stop` | stops a listener, named by `loadBalancer` and `listener` |
//! | `POST /admin/listeners/start` | starts it again |

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cloud::{Cloud, Inner};
use super::data_plane::Bound;
use super::fault::Fault;
use super::settings::LoadBalancerSpec;
use super::state::{Listener, LoadBalancer};
use crate::model::{Address, Health, ListenerId, ListenerState, LoadBalancerId, Route};

/// Answers one request.
pub(crate) fn answer(cloud: &Cloud, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
    match (method.as_str(), path) {
        ("GET", "/admin/state") => (StatusCode::OK, cloud.with(|inner, _| state(inner))),
        ("GET", "/admin/authority") => {
            (StatusCode::OK, cloud.with(|inner, _| json!({"pem": inner.data_plane.authority_pem()})))
        }
        ("GET", "/admin/calls") => (StatusCode::OK, cloud.with(|inner, _| calls(inner))),
        ("GET", "/admin/faults") => (StatusCode::OK, cloud.with(|inner, _| faults(inner))),
        ("POST", "/admin/faults") => match faults_from(body) {
            Ok(all) => {
                let armed = cloud.with(|inner, _| {
                    all.into_iter().for_each(|fault| inner.cloud.faults.inject(fault));
                    faults(inner)
                });
                (StatusCode::OK, armed)
            }
            Err(error) => bad_request(&error.to_string()),
        },
        ("DELETE", "/admin/faults") => {
            cloud.with(|inner, _| inner.cloud.faults.clear());
            (StatusCode::OK, json!({}))
        }
        ("POST", "/admin/load-balancers") => match serde_json::from_slice::<LoadBalancerSpec>(body) {
            Ok(spec) => match cloud.create_load_balancer(&spec) {
                Ok(id) => (StatusCode::OK, json!({"id": id.as_str()})),
                Err(error) => bad_request(&error.to_string()),
            },
            Err(error) => bad_request(&error.to_string()),
        },
        ("POST", "/admin/listeners/stop") => set_listener_state(cloud, body, ListenerState::Stopped),
        ("POST", "/admin/listeners/start") => set_listener_state(cloud, body, ListenerState::Serving),
        _ => (StatusCode::NOT_FOUND, json!({"error": format!("there is no {method} {path}")})),
    }
}

fn bad_request(text: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({"error": text}))
}

/// A listener as a request names it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListenerName {
    load_balancer: String,
    listener: String,
}

fn set_listener_state(cloud: &Cloud, body: &[u8], to: ListenerState) -> (StatusCode, Value) {
    let name: ListenerName = match serde_json::from_slice(body) {
        Ok(name) => name,
        Err(error) => return bad_request(&error.to_string()),
    };
    let (load_balancer, listener) = (LoadBalancerId::new(name.load_balancer), ListenerId::new(name.listener));
    match cloud.with(|inner, _| inner.cloud.state.set_listener_state(&load_balancer, &listener, to)) {
        Ok(()) => (StatusCode::OK, json!({})),
        Err(error) => bad_request(&error.to_string()),
    }
}

fn faults_from(body: &[u8]) -> Result<Vec<Fault>, serde_json::Error> {
    let value: Value = serde_json::from_slice(body)?;
    match value {
        Value::Array(_) => serde_json::from_value(value),
        _ => serde_json::from_value(value).map(|fault| vec![fault]),
    }
}

fn faults(inner: &Inner) -> Value {
    json!({"armed": inner.cloud.faults.armed().collect::<Vec<_>>(), "struck": inner.cloud.faults.struck()})
}

fn calls(inner: &Inner) -> Value {
    let log: Vec<_> = inner.cloud.calls.log().collect();
    json!({"byAction": inner.cloud.calls.by_action(), "writes": inner.cloud.calls.writes(), "last": log})
}

/// Everything there is.
pub(crate) fn state(inner: &Inner) -> Value {
    let load_balancers: Vec<Value> = inner.cloud.state.load_balancers().map(|lb| load_balancer(inner, lb)).collect();
    json!({"region": inner.cloud.state.config().region, "loadBalancers": load_balancers, "tasks": inner.cloud.state.running_tasks()})
}

fn load_balancer(inner: &Inner, load_balancer: &LoadBalancer) -> Value {
    let listeners: Vec<Value> = load_balancer.listeners.iter().map(|one| listener(inner, load_balancer, one)).collect();
    json!({
        "id": load_balancer.id.as_str(),
        "name": load_balancer.name(),
        "address": load_balancer.vip.to_string(),
        "isolated": load_balancer.isolated,
        "listeners": listeners,
    })
}

fn listener(inner: &Inner, load_balancer: &LoadBalancer, listener: &Listener) -> Value {
    let id = &load_balancer.id;
    let serves = load_balancer.serves(listener);
    let bound = match inner.data_plane.bound(id, &listener.id) {
        Some(Bound::At(address)) => json!({"at": address.to_string()}),
        Some(Bound::NotForwarded) => json!({"notForwarded": true}),
        Some(Bound::Failed(error)) => json!({"failed": error}),
        None if !serves => json!({"stopped": true}),
        Some(Bound::Pending) | None => json!({"pending": true}),
    };
    let connections = inner.data_plane.connections(id, &listener.id);
    let targets = |route: &Route| {
        let all = load_balancer.targets(route).unwrap_or_default().iter();
        let show = |target: &super::state::Target| {
            let health = inner.cloud.state.health_at(id, route, target.address);
            json!({
                "address": target.address.to_string(),
                "weight": target.weight,
                "tag": target.tag,
                "health": health.map_or("Unknown", health_text),
                "connections": count(&connections, target.address),
            })
        };
        all.map(show).collect::<Vec<_>>()
    };
    let route = |rule| Route { listener: listener.id.clone(), rule };
    let rules: Vec<Value> = listener
        .rules
        .iter()
        .map(|rule| {
            let targets = targets(&route(Some(rule.id.clone())));
            json!({
                "id": rule.id.as_str(),
                "domains": rule.domains,
                "url": rule.url,
                "default": rule.shown.default_server == Some(true),
                "healthCheck": rule.shown.health_check,
                "targets": targets,
            })
        })
        .collect();
    json!({
        "id": listener.id.as_str(),
        "name": listener.name(),
        "protocol": listener.protocol.as_str(),
        "port": listener.port,
        "bound": bound,
        "healthCheck": listener.shown.health_check,
        "switches": {"snat": listener.switches.snat, "proxyProtocol": listener.switches.proxy_protocol},
        "targets": targets(&route(None)),
        "rules": rules,
    })
}

fn count(connections: &[(Address, u64)], address: Address) -> u64 {
    connections.iter().filter(|(other, _)| *other == address).map(|(_, count)| count).sum()
}

fn health_text(health: Health) -> &'static str {
    match health {
        Health::Healthy => "Alive",
        Health::Unhealthy => "Dead",
        Health::Unknown => "Unknown",
        Health::CheckOff => "Close",
    }
}
