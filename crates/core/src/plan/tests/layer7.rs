//! Listeners of all protocols, their rules and their certificates.

use std::sync::Arc;

use serde_json::{Value, json};

use super::world::{NAMESPACE, World, address, binding};
use crate::api::condition::{ConditionType, GateReason, Reason};
use crate::api::mark::ListenerName;
use crate::model::{Attribute, Health, IpFamily, ListenerId, Protocol, Route};
use crate::plan::{Cloud, Step, Verdict, plan};

const OWN: &str = "203.0.113.1/";

fn http(rules: &Value) -> Value {
    json!({"listeners": [{"port": 80, "protocol": "HTTP", "rules": rules}]})
}

fn https(certificate: &Value, rules: &Value) -> Value {
    let mut listener = json!({"port": 443, "protocol": "HTTPS", "servicePort": 80, "rules": rules});
    if !certificate.is_null() {
        listener["certificate"] = certificate.clone();
    }
    json!({"listeners": [listener]})
}

fn rules(domains: &[&str]) -> Value {
    domains.iter().map(|domain| json!({"domain": domain})).collect()
}

fn reasons(world: &World, binding: usize) -> Vec<(ConditionType, Reason)> {
    world.plan().bindings[binding].problems.iter().map(|problem| (problem.condition, problem.reason)).collect()
}

fn only(world: &World) -> ListenerId {
    assert_eq!(world.listeners.len(), 1);
    world.listeners[0].id.clone()
}

/// Each rule with how many targets it has.
fn counts(world: &World, listener: &ListenerId) -> Vec<(String, usize)> {
    world.targets_by_rule(listener).into_iter().map(|(rule, targets)| (rule, targets.len())).collect()
}

fn default_domain(world: &World) -> &str {
    let rules = &world.listeners[0].rules;
    let defaults: std::collections::BTreeSet<_> =
        rules.iter().filter(|rule| rule.is_default()).map(|rule| rule.domain.as_str()).collect();
    assert_eq!(defaults.len(), 1, "{rules:?}");
    defaults.into_iter().next().unwrap()
}

#[test]
fn every_rule_gets_all_targets_and_then_there_is_peace() {
    let spec = http(&json!([{"domain": "a.example"}, {"domain": "a.example", "url": "/b"}, {"domain": "b.example"}]));
    let mut world = World::new(&spec).with_pods(1..=2);
    world.converge();
    let id = only(&world);
    let targets = vec![(address(1), 10), (address(2), 10)];
    for rule in ["a.example/", "a.example/b", "b.example/"] {
        assert_eq!(world.targets_by_rule(&id)[rule], targets);
    }
    assert_eq!(default_domain(&world), "a.example");
    let plan = world.plan();
    assert!(plan.bindings[0].pending.is_empty() && plan.bindings[0].problems.is_empty());
    let facts = &plan.bindings[0].listeners[0];
    assert_eq!((facts.desired, facts.rules.len(), facts.rules[1].desired), (6, 3, 2));
    assert_eq!(plan.bindings[0].counts.registered, 2);
}

#[test]
fn no_rules_mean_every_path_of_the_load_balancers_own_address() {
    let mut world = World::new(&http(&json!([]))).with_pods([1]);
    world.converge();
    assert_eq!(counts(&world, &only(&world)), [(OWN.to_owned(), 1)]);
}

#[test]
fn without_an_ipv4_address_an_empty_domain_is_told_and_the_others_work() {
    for addresses in [vec![], vec!["2001:db8::1".parse().unwrap()]] {
        let mut world = World::new(&http(&rules(&["", "a.example"]))).with_pods([1]);
        world.addresses = addresses;
        world.converge();
        assert_eq!(counts(&world, &only(&world)), [("a.example/".to_owned(), 1)]);
        assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::UnsupportedValue)]);
    }
}

#[test]
fn a_rule_that_is_there_twice_is_told() {
    let mut world = World::new(&http(&rules(&["", "203.0.113.1"]))).with_pods([1]);
    world.converge();
    assert_eq!(counts(&world, &only(&world)), [(OWN.to_owned(), 1)]);
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::Invalid)]);
}

#[test]
fn a_rule_goes_once_it_holds_nothing_and_names_a_new_default() {
    let mut world = World::new(&http(&rules(&["a.example", "b.example", "c.example"]))).with_pods([1]);
    world.converge();
    let id = only(&world);
    world.bindings = vec![binding(1, &http(&rules(&["b.example", "c.example"])))];
    let first = world.plan();
    assert!(matches!(first.steps.as_slice(), [Step::Reweight(_)]), "{:?}", first.steps);
    assert_eq!(first.bindings[0].pending.delete_rules, 1);
    world.converge();
    assert_eq!(counts(&world, &id), [("b.example/".to_owned(), 1), ("c.example/".to_owned(), 1)]);
    assert_eq!(default_domain(&world), "b.example");
    world.bindings = vec![binding(1, &http(&rules(&["d.example"])))];
    world.converge();
    assert_eq!(counts(&world, &id), [("d.example/".to_owned(), 1)]);
}

#[test]
fn a_rule_with_foreign_targets_stays_and_is_told() {
    let mut world = World::new(&http(&rules(&["a.example", "b.example"]))).with_pods([1]);
    world.converge();
    let id = only(&world);
    let rule = world.listeners[0].rules[0].id.clone();
    let route = Route { listener: id.clone(), rule: Some(rule) };
    world.put_target(&route, address(77), 10, "theirs");
    world.bindings = vec![binding(1, &http(&rules(&["b.example"])))];
    world.converge();
    assert_eq!(world.targets_by_rule(&id)["a.example/"], [(address(77), 10)]);
    assert_eq!(reasons(&world, 0), [(ConditionType::Programmed, Reason::RemovalHeld)]);
    let mut gone = (*world.bindings[0]).clone();
    gone.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.bindings = vec![Arc::new(gone)];
    world.converge();
    assert_eq!(world.targets_by_rule(&id)["a.example/"], [(address(77), 10)]);
}

#[test]
fn a_deleted_binding_leaves_no_rule_behind() {
    let mut world = World::new(&http(&rules(&["a.example", "b.example"]))).with_pods(1..=2);
    world.converge();
    let mut gone = (*world.bindings[0]).clone();
    gone.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now));
    world.bindings = vec![Arc::new(gone)];
    assert_ne!(world.plan().bindings[0].release, crate::plan::Release::Done);
    world.converge();
    assert!(world.listeners.is_empty() && world.targets.is_empty());
    assert_eq!(world.plan().bindings[0].release, crate::plan::Release::Done);
}

#[test]
fn the_quota_of_rules_is_filled_and_the_rest_is_told() {
    let mut world = World::new(&http(&rules(&["a.example", "b.example", "c.example"]))).with_pods([1]);
    world.limits.rules_per_listener = 2;
    world.converge();
    assert_eq!(counts(&world, &only(&world)).len(), 2);
    assert_eq!(reasons(&world, 0), [(ConditionType::Programmed, Reason::QuotaExceeded)]);
}

#[test]
fn another_protocol_on_the_port_replaces_the_listener() {
    let mut world = World::new(&json!({})).with_pods([1]);
    world.converge();
    world.bindings = vec![binding(1, &http(&rules(&["a.example"])))];
    world.converge();
    assert_eq!(world.listeners[0].protocol, Protocol::Http);
    assert_eq!(counts(&world, &only(&world)), [("a.example/".to_owned(), 1)]);
    world.bindings = vec![binding(1, &json!({}))];
    world.converge();
    assert_eq!(world.targets_of(&only(&world)), [(address(1), 10)]);
}

#[test]
fn a_gate_waits_for_every_rule() {
    let verdict = |world: &World| world.plan().bindings[0].gates[0].verdict.clone();
    let reason = |world: &World| match verdict(world) {
        Verdict::Open(reason) | Verdict::Wait(reason, _) => reason,
    };
    let mut world = World::new(&http(&rules(&["a.example", "b.example"]))).with_pods([1]);
    let name = ListenerName::new(&world.binding_uid(0), NAMESPACE, "b1").to_string();
    let id = world.add_listener(&name, Protocol::Http, 80);
    world.add_rule(&id, "a.example", "/");
    assert_eq!(reason(&world), GateReason::Registering);
    world.perform(&world.plan().steps[0].clone());
    world.heal();
    let Verdict::Wait(GateReason::NotRegistered, words) = verdict(&world) else { panic!("{:?}", verdict(&world)) };
    assert!(words.contains("rule b.example/ of listener 80/HTTP"), "{words}");
    world.converge();
    assert_eq!(reason(&world), GateReason::BackendReady, "one address, one health here");
    let mut snapshot = world.snapshot();
    let Cloud::Observed(observed) = &mut snapshot.cloud else { panic!() };
    let last = observed.health.as_mut().unwrap().last_mut().unwrap();
    last.health = Health::Unknown;
    let gate = &plan(&snapshot).bindings[0].gates[0];
    assert!(matches!(gate.verdict, Verdict::Wait(GateReason::HealthCheck, _)), "{gate:?}");
}

#[test]
fn an_existing_listener_gets_targets_in_rules_that_exist_and_nothing_else() {
    let spec = json!({"listeners": [
        {"port": 8080, "protocol": "HTTP", "servicePort": 80, "listenerId": "lbl-1", "rules": rules(&["a.example", "x.example"])},
    ]});
    let mut world = World::new(&spec).with_pods([1]);
    let id = world.add_listener("theirs", Protocol::Http, 8080);
    world.add_rule(&id, "a.example", "/");
    world.add_rule(&id, "b.example", "/");
    let before = world.listeners.clone();
    assert_eq!(world.converge(), 1);
    assert_eq!(counts(&world, &id), [("a.example/".to_owned(), 1), ("b.example/".to_owned(), 0)]);
    assert_eq!(world.listeners, before);
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::ListenerNotFound)]);
}

#[test]
fn two_bindings_share_an_existing_listener_and_its_rules() {
    let spec = |domains: &[&str]| {
        json!({"listeners": [
            {"port": 8080, "protocol": "HTTP", "servicePort": 80, "listenerId": "lbl-1", "rules": rules(domains)},
        ]})
    };
    let mut world = World::new(&json!({})).with_pods([1]);
    let id = world.add_listener("theirs", Protocol::Http, 8080);
    world.add_rule(&id, "a.example", "/");
    world.add_rule(&id, "b.example", "/");
    world.bindings = vec![binding(2, &spec(&["b.example", "a.example"])), binding(1, &spec(&["a.example"]))];
    world.converge();
    assert_eq!(counts(&world, &id), [("a.example/".to_owned(), 1), ("b.example/".to_owned(), 1)]);
    // The same Pod cannot be there twice: the older one has it, and it serves both.
    assert!(reasons(&world, 0).is_empty() && reasons(&world, 1).is_empty());
    assert_eq!(world.plan().bindings[0].counts.registered, 1);
    world.bindings = vec![binding(2, &spec(&["b.example"])), binding(1, &spec(&["a.example"]))];
    world.converge();
    assert!(reasons(&world, 0).is_empty() && reasons(&world, 1).is_empty());
}

#[test]
fn protocols_with_a_certificate_are_created_with_it_and_follow_it() {
    for protocol in ["TCP_SSL", "QUIC"] {
        let spec = |id: &str| {
            json!({"listeners": [
                {"port": 443, "protocol": protocol, "servicePort": 80, "certificate": {"id": id}},
            ]})
        };
        let mut world = World::new(&spec("one")).with_pods([1]);
        let service = world.service.as_mut().unwrap();
        let udp = crate::model::ServicePort { transport: crate::model::Transport::Udp, ..service.ports[0].clone() };
        service.ports.push(udp);
        world.converge();
        assert_eq!(world.listeners[0].attributes.text(Attribute::Certificate), Some("one"));
        world.bindings = vec![binding(1, &spec("two"))];
        let plan = world.plan();
        assert_eq!(plan.bindings[0].pending.attributes, 1);
        let words: Vec<_> = plan.steps.iter().map(ToString::to_string).collect();
        assert_eq!(words, [format!("{protocol}:443: certificate from 'one' to 'two'")]);
        world.converge();
        assert_eq!(world.listeners[0].attributes.text(Attribute::Certificate), Some("two"));
    }
}

#[test]
fn a_lost_certificate_is_told_keeps_what_is_there_and_harms_nothing_else() {
    let spec = json!({"listeners": [
        {"port": 80, "protocol": "TCP"},
        {"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": "tls"}},
    ]});
    let mut world = World::new(&spec).with_pods([1]);
    world.certificates.insert("tls".to_owned(), Err("it does not exist".to_owned()));
    world.converge();
    assert_eq!(world.listeners.len(), 1, "the other one is not created");
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::CertificateNotFound)]);
    world.certificates.insert("tls".to_owned(), Ok("one".to_owned()));
    world.converge();
    assert!(reasons(&world, 0).is_empty());
    world.certificates.clear();
    world = world.with_pods([2]);
    world.converge();
    let ssl = world.listeners.iter().find(|listener| listener.port == 443).unwrap();
    assert_eq!(ssl.attributes.text(Attribute::Certificate), Some("one"));
    assert_eq!(world.targets_of(&ssl.id.clone()).len(), 2);
}

#[test]
fn one_certificate_for_all_domains_is_the_listeners() {
    let mut world = World::new(&https(&json!({"id": "one"}), &rules(&["a.example"]))).with_pods([1]);
    world.converge();
    let listener = &world.listeners[0];
    assert_eq!(listener.attributes.text(Attribute::Certificate), Some("one"));
    assert_eq!(listener.attributes.switch(Attribute::Sni), Some(false));
}

fn certificates(world: &World) -> Vec<(&str, Option<&str>)> {
    let rules = world.listeners[0].rules.iter();
    rules.map(|rule| (rule.domain.as_str(), rule.attributes.text(Attribute::Certificate))).collect()
}

#[test]
fn a_certificate_of_a_rule_makes_the_listener_choose_by_domain() {
    let own = json!([{"domain": "a.example", "certificate": {"id": "two"}}, {"domain": "b.example"}]);
    let mut world = World::new(&https(&json!({"id": "one"}), &own)).with_pods([1]);
    world.converge();
    assert_eq!(certificates(&world), [("a.example", Some("two")), ("b.example", Some("one"))]);
    // The same, from a listener with one certificate for all.
    let mut world = World::new(&https(&json!({"id": "one"}), &rules(&["b.example"]))).with_pods([1]);
    world.converge();
    world.bindings = vec![binding(1, &https(&json!({"id": "one"}), &own))];
    world.converge();
    assert_eq!(certificates(&world), [("b.example", Some("one")), ("a.example", Some("two"))]);
    assert_eq!(world.listeners[0].attributes.switch(Attribute::Sni), Some(true));
    // There is no way back: every domain then has the listener's.
    world.bindings = vec![binding(1, &https(&json!({"id": "three"}), &rules(&["a.example", "b.example"])))];
    world.converge();
    assert_eq!(certificates(&world), [("b.example", Some("three")), ("a.example", Some("three"))]);
}

#[test]
fn a_lost_certificate_of_a_rule_holds_that_rule_only() {
    let own = json!([{"domain": "a.example", "certificate": {"secretName": "tls"}}, {"domain": "b.example"}]);
    let mut world = World::new(&https(&json!({"id": "one"}), &own)).with_pods([1]);
    world.converge();
    assert_eq!(certificates(&world), [("b.example", Some("one"))]);
    assert_eq!(reasons(&world, 0), [(ConditionType::ResolvedRefs, Reason::CertificateNotFound)]);
    world.certificates.insert("tls".to_owned(), Ok("two".to_owned()));
    world.converge();
    assert_eq!(certificates(&world), [("b.example", Some("one")), ("a.example", Some("two"))]);
}

#[test]
fn rules_of_one_domain_must_agree_on_their_certificate() {
    let own = json!([
        {"domain": "a.example", "certificate": {"id": "one"}}, {"domain": "a.example", "url": "/b"},
        {"domain": "a.example", "url": "/c", "certificate": {"id": "two"}},
    ]);
    let mut world = World::new(&https(&Value::Null, &own)).with_pods([1]);
    world.converge();
    assert_eq!(certificates(&world), [("a.example", Some("one")); 3]);
    assert_eq!(reasons(&world, 0), [(ConditionType::Accepted, Reason::Invalid)]);
}

#[test]
fn an_ipv6_world_has_no_default_rule() {
    let mut world = World::new(&http(&json!([]))).with_pods([1]);
    world.addresses = vec!["2001:db8::1".parse().unwrap()];
    let mut snapshot = world.snapshot();
    let Cloud::Observed(observed) = &mut snapshot.cloud else { panic!() };
    observed.load_balancer.family = IpFamily::V6;
    let problems = &plan(&snapshot).bindings[0].problems;
    assert!(problems[0].message.contains("spec.listeners[80/HTTP].rules[/].domain"), "{problems:?}");
}
