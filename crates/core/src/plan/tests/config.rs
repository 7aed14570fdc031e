//! Configs, applied to what is there.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::acts::{add_ports, own_listener};
use super::world::{World, binding};
use crate::api::TkeServiceConfigStatus;
use crate::api::condition::ConfigProblem;
use crate::api::service_config::RawServiceConfig;
use crate::model::{Attribute, Attributes, IpFamily, Protocol, Value as Setting};
use crate::plan::Step;
use crate::plan::config::{ConfigObject, fit, judged};
use crate::status::config_status;

pub(crate) fn config(generation: i64, load_balancer: &Value) -> Arc<ConfigObject> {
    let object = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "web", "namespace": "shop", "generation": generation},
        "spec": {"loadBalancer": load_balancer},
    });
    Arc::new(serde_json::from_value::<RawServiceConfig>(object).unwrap().into())
}

/// A config with one entry for the only listener of most tests.
fn tcp(entry: &Value) -> Arc<ConfigObject> {
    let mut whole = json!({"protocol": "TCP", "port": 80});
    whole.as_object_mut().unwrap().extend(entry.as_object().unwrap().clone());
    config(1, &json!({"l4Listeners": [whole]}))
}

pub(crate) fn with_config(spec: &Value, config: Arc<ConfigObject>) -> World {
    let mut world = World::new(spec).with_pods([1]);
    world.configs.insert(0, config);
    world
}

/// What the first step creates a listener with.
fn created_with(world: &World) -> Attributes {
    match &world.plan().steps[0] {
        Step::CreateListeners { attributes, .. } => attributes.clone(),
        other => panic!("{other}"),
    }
}

pub(crate) fn steps(world: &World) -> Vec<String> {
    world.plan().steps.iter().map(ToString::to_string).collect()
}

fn problems(world: &World, binding: usize) -> Vec<(String, String)> {
    let plan = world.plan();
    let found = plan.bindings[binding].config_problems.iter();
    found.map(|problem| (problem.entry.clone(), problem.reason.clone())).collect()
}

fn told(entry: &str, reason: ConfigProblem) -> Vec<(String, String)> {
    vec![(entry.to_owned(), reason.to_string())]
}

#[test]
fn a_listener_is_created_as_wished() {
    let entry = json!({"session": {"enable": true, "sessionExpireTime": 60}, "healthCheck": {"intervalTime": 10}});
    let mut world = with_config(&json!({}), tcp(&entry));
    let created = created_with(&world);
    assert_eq!(created.number(Attribute::SessionSeconds), Some(60));
    assert_eq!(created.number(Attribute::CheckInterval), Some(10));
    assert_eq!(world.plan().bindings[0].config_generation, None, "nothing is in force yet");
    assert_eq!(world.converge(), 2, "the listener, its target, and nothing to correct");
    assert_eq!(world.plan().bindings[0].config_generation, Some(1));
    assert_eq!(world.listeners[0].attributes.number(Attribute::CheckTimeout), Some(2), "left to the cloud");
}

#[test]
fn what_a_creation_does_not_take_is_corrected_afterwards() {
    let mut world = with_config(&json!({}), tcp(&json!({"scheduler": "IP_HASH"})));
    assert!(created_with(&world).is_empty());
    world.converge();
    assert_eq!(world.listeners[0].attributes.text(Attribute::Scheduler), Some("IP_HASH"));
}

#[test]
fn a_creation_does_not_ask_for_what_contradicts_the_clouds_defaults() {
    let mut world = with_config(&json!({}), tcp(&json!({"scheduler": "LEAST_CONN", "healthCheck": {"timeout": 5}})));
    assert_eq!(created_with(&world).iter().map(|(attribute, _)| attribute).collect::<Vec<_>>(), [Attribute::Scheduler]);
    world.converge();
    assert_eq!(problems(&world, 0), told("TCP:80", ConfigProblem::Contradiction));
    assert_eq!(world.plan().bindings[0].config_generation, Some(1), "all that can be had is in force");
}

#[test]
fn drift_of_what_is_managed_is_corrected_and_nothing_else_is() {
    let mut world = with_config(&json!({}), tcp(&json!({"healthCheck": {"intervalTime": 10}})));
    world.converge();
    world.listeners[0].attributes.set(Attribute::CheckInterval, 7_i64);
    world.listeners[0].attributes.set(Attribute::Scheduler, "LEAST_CONN");
    assert_eq!(steps(&world), ["TCP:80: healthCheck.intervalTime from 7 to 10"]);
    let plan = world.plan();
    assert_eq!((plan.bindings[0].pending.attributes, plan.bindings[0].config_generation), (1, None));
    world.converge();
    assert_eq!(world.listeners[0].attributes.text(Attribute::Scheduler), Some("LEAST_CONN"));
    // Without the config everything stays as it is.
    world.configs.clear();
    assert!(world.plan().steps.is_empty());
}

#[test]
fn domains_and_rules_have_settings_of_their_own() {
    let spec = json!({"listeners": [{"port": 443, "protocol": "HTTPS", "servicePort": 80, "certificate": {"id": "one"},
        "rules": [{"domain": "a.example"}, {"domain": "b.example", "url": "/b"}]}]});
    let entry = json!({"l7Listeners": [
        {"protocol": "HTTPS", "port": 443, "keepaliveEnable": 1, "defaultServer": "b.example", "domains": [
            {"domain": "a.example", "http2": true, "rules": [{"url": "/", "scheduler": "LEAST_CONN"}]},
            {"domain": "b.example", "rules": [{"url": "/b", "healthCheck": {"httpCheckPath": "/alive"}}]},
        ]},
    ]});
    let mut world = with_config(&spec, config(3, &entry));
    world.converge();
    assert_eq!(world.listeners[0].attributes.switch(Attribute::Keepalive), Some(true));
    let [a, b] = world.listeners[0].rules.as_slice() else { panic!("{:?}", world.listeners) };
    assert_eq!(a.attributes.switch(Attribute::Http2), Some(true));
    assert_eq!(a.attributes.text(Attribute::Scheduler), Some("LEAST_CONN"));
    assert_eq!((a.is_default(), b.is_default()), (false, true));
    assert_eq!(b.attributes.text(Attribute::CheckPath), Some("/alive"));
    assert_eq!(world.plan().bindings[0].config_generation, Some(3));
    // One step each when all of it drifts.
    world.listeners[0].attributes.set(Attribute::Keepalive, false);
    for rule in &mut world.listeners[0].rules {
        rule.attributes.set(Attribute::Http2, false);
        rule.attributes.set(Attribute::CheckPath, "/");
    }
    let expected = [
        "HTTPS:443: keepaliveEnable from false to true",
        "HTTPS:443 a.example: http2 from false to true",
        "HTTPS:443 b.example/b: healthCheck.httpCheckPath from '/' to '/alive'",
    ];
    assert_eq!(steps(&world), expected);
}

#[test]
fn a_rule_without_a_domain_has_the_entry_of_either_name() {
    for domain in ["", "203.0.113.1"] {
        let entry = json!({"l7Listeners": [{"protocol": "HTTP", "port": 80,
            "domains": [{"domain": domain, "rules": [{"url": "/", "scheduler": "IP_HASH"}]}]}]});
        let mut world = with_config(&json!({"listeners": [{"port": 80, "protocol": "HTTP"}]}), config(1, &entry));
        world.converge();
        let attributes = &world.listeners[0].rules[0].attributes;
        assert_eq!(attributes.text(Attribute::Scheduler), Some("IP_HASH"), "'{domain}'");
    }
}

#[test]
fn a_listener_of_somebody_else_is_left_alone_and_the_entry_is_told() {
    let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": "lbl-1"}]});
    let mut world = with_config(&spec, tcp(&json!({"scheduler": "LEAST_CONN"})));
    world.add_listener("by hand", Protocol::Tcp, 80);
    let before = world.listeners.clone();
    world.converge();
    assert_eq!(world.listeners, before);
    assert_eq!(problems(&world, 0), told("TCP:80", ConfigProblem::NotSupported));
}

#[test]
fn where_configs_disagree_on_bandwidth_the_older_binding_is_heard() {
    let bandwidth = |mbps: i64| config(1, &json!({"internetMaxBandwidthOut": mbps}));
    let mut world = with_config(&json!({"listeners": [own_listener(80, "TCP")]}), bandwidth(20));
    add_ports(&mut world, [81]);
    world.bindings.push(binding(2, &json!({"listeners": [own_listener(81, "TCP")]})));
    world.configs.insert(1, bandwidth(30));
    world.converge();
    assert_eq!(world.attributes.number(Attribute::Bandwidth), Some(20));
    assert_eq!(problems(&world, 1), told("loadBalancer", ConfigProblem::Contradiction));
    let is_told = |world: &World| world.plan().bindings[0].advice.iter().any(|one| one.message.contains("shop/b2"));
    assert!(problems(&world, 0).is_empty() && is_told(&world));
    world.configs.insert(1, bandwidth(20));
    assert!(problems(&world, 1).is_empty() && !is_told(&world));
}

#[test]
fn a_load_balancer_without_bandwidth_is_left_alone() {
    let mut world = with_config(&json!({}), config(1, &json!({"internetMaxBandwidthOut": 20})));
    world.attributes = Attributes::default();
    world.converge();
    assert_eq!(world.attributes, Attributes::default());
    assert_eq!(problems(&world, 0), told("loadBalancer", ConfigProblem::NotSupported));
}

#[test]
fn a_config_is_judged_once_however_many_bindings_and_rounds_read_it() {
    let before = judged();
    let entries: Vec<_> = (1..=5_000).map(|port| json!({"protocol": "TCP", "port": port, "scheduler": "X"})).collect();
    let config = config(1, &json!({"l4Listeners": entries}));
    let mut world = with_config(&json!({}), config.clone());
    for number in 1..200 {
        let listener = json!({"port": 100 + number, "protocol": "TCP", "servicePort": 80});
        world.bindings.push(binding(u32::try_from(number + 1).unwrap(), &json!({"listeners": [listener]})));
        world.configs.insert(number, config.clone());
    }
    for _ in 0..3 {
        let listed = world.plan().bindings.iter().map(|part| part.config_problems.len()).max();
        assert_eq!(listed, Some(65), "of 5,000 problems some are copied, and the number of the others");
    }
    let status = config_status(&config, &world.bindings, &TkeServiceConfigStatus::default(), world.now);
    let last = status.problems.last().unwrap();
    let words = "there are more problems than are listed; correct these first";
    assert_eq!((status.problems.len(), last.message.as_str()), (32, words));
    assert_eq!(judged() - before, 1);
}

/// Something that happens to a config or, by hand, to the cloud.
#[derive(Clone, Debug)]
enum Edit {
    Config(Option<Value>),
    ByHand(Attribute, Setting),
}

fn edit() -> impl Strategy<Value = Edit> {
    let entry = (
        proptest::option::of(select(vec!["WRR", "LEAST_CONN", "IP_HASH"])),
        proptest::option::of(select(vec![0, 30, 3600])),
        proptest::option::of(select(vec![2, 5, 10])),
        proptest::option::of(select(vec![2, 5, 60])),
        proptest::option::of(any::<bool>()),
        proptest::option::of(select(vec!["TCP", "HTTP", "CUSTOM"])),
    );
    let entry = entry.prop_map(|(scheduler, session, interval, timeout, enable, kind)| {
        json!({
            "scheduler": scheduler, "session": session.map(|seconds| json!({"sessionExpireTime": seconds})),
            "healthCheck": {"intervalTime": interval, "timeout": timeout, "enable": enable, "checkType": kind,
                "httpVersion": "HTTP/1.1", "httpCheckDomain": "a.example"},
        })
    });
    let by_hand = select(vec![
        Edit::ByHand(Attribute::Scheduler, "LEAST_CONN".into()),
        Edit::ByHand(Attribute::SessionSeconds, 300_i64.into()),
        Edit::ByHand(Attribute::CheckInterval, 300_i64.into()),
        Edit::ByHand(Attribute::CheckHealthyCount, 9_i64.into()),
        Edit::ByHand(Attribute::CheckSwitch, false.into()),
    ]);
    prop_oneof![3 => entry.prop_map(|entry| Edit::Config(Some(entry))), 1 => Just(Edit::Config(None)), 2 => by_hand]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Where edits end depends on the last config and on what it does not manage, not on the way there.
    #[test]
    fn any_sequence_of_edits_converges(edits in proptest::collection::vec(edit(), 1..8)) {
        let mut world = World::new(&json!({})).with_pods([1]);
        world.converge();
        for edit in edits {
            match edit {
                Edit::ByHand(attribute, value) => world.listeners[0].attributes.set(attribute, value),
                Edit::Config(None) => world.configs.clear(),
                Edit::Config(Some(entry)) => {
                    world.configs.insert(0, tcp(&entry));
                }
            }
            let before = world.listeners[0].attributes.clone();
            let wish = world.configs.get(&0).map(|config| config.wishes().listener(Protocol::Tcp, 80));
            let (wish, _) = fit(Protocol::Tcp, IpFamily::V4, &wish.unwrap_or_default(), &before);
            let rounds = world.converge();
            prop_assert!(rounds <= 1, "{rounds} rounds");
            let mut after = before;
            after.overlay(&wish);
            prop_assert_eq!(&world.listeners[0].attributes, &after);
        }
    }
}
