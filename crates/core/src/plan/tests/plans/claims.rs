//! Wishes that cannot be resolved, and wishes that change.

use serde_json::{Value, json};

use super::story::Story;
use super::{Row, add, delete, edit, listener, remove, respec, web};
use crate::api::names;
use crate::model::{Protocol, TargetPort};
use crate::plan::ConfigView;
use crate::plan::tests::acts::park;
use crate::plan::tests::world::{World, binding};

pub(super) const STORIES: &[Row] = &[
    ("service-missing", service_missing),
    ("service-renamed-in-the-binding", service_renamed),
    ("service-port-missing", service_port_missing),
    ("config-missing", config_missing),
    ("certificate-lost", certificate_lost),
    ("port-moved", port_moved),
    ("port-moved-to-a-taken-one", port_taken),
    ("protocol-changed", protocol_changed),
    ("protocol-changed-without-certificate", protocol_without_certificate),
    ("rule-removed", rule_removed),
    ("two-bindings-on-one-port", two_bindings),
    ("tke-marks-appear", tke_marks),
    ("parked", parked),
];

/// A rollout goes on: web-1 goes, and web-9 comes.
fn roll(story: &mut Story) {
    story.after(1, "meanwhile web-9 is ready, and web-1 is deleted", |world| {
        add(world, [9], "web");
        delete(world, [1]);
    });
    story.after(5, "web-9 is found healthy", World::heal);
    story.after(16, "web-1 is gone", |world| remove(world, [1]));
}

fn service_missing() -> Story {
    let mut story = Story::at_rest("The Service is deleted and made again.", web(&json!({}), 2));
    let mut service = None;
    story.after(1, "there is no Service", |world| service = world.service.take());
    roll(&mut story);
    story.after(1, "the Service is back", |world| world.service = service);
    story
}

fn service_renamed() -> Story {
    let mut story = Story::at_rest("serviceRef names a Service that does not exist.", web(&json!({}), 2));
    story.after(1, "serviceRef is wbe", |world| {
        respec(world, &json!({"serviceRef": {"name": "wbe"}}));
        world.service = None;
    });
    roll(&mut story);
    story
}

fn service_port_missing() -> Story {
    let spec = json!({"listeners": [listener(80, "TCP")]});
    let mut story = Story::at_rest("The Service port behind a listener is renumbered.", web(&spec, 2));
    story.after(1, "the Service has port 88 in the place of 80", |world| {
        world.service.as_mut().unwrap().ports[0].port = 88;
    });
    roll(&mut story);
    story.after(1, "the Service has port 80 with targetPort 9090", |world| {
        let port = &mut world.service.as_mut().unwrap().ports[0];
        (port.port, port.target_port) = (80, TargetPort::Number(9090));
    });
    story
}

fn config_missing() -> Story {
    let spec = json!({"serviceConfigRef": {"name": "web"}});
    let mut world = web(&spec, 2);
    world.config = ConfigView::Missing(Vec::new());
    let mut story = Story::of("The config of a new binding does not exist.", world);
    story.then("the binding is made", |_| {});
    story.after(5, "its targets are found healthy", World::heal);
    story.after(1, "a listener is added", |world| {
        let mut spec = spec.clone();
        spec["listeners"] = json!([listener(80, "TCP"), {"port": 81, "protocol": "UDP", "servicePort": 80}]);
        respec(world, &spec);
    });
    story.after(1, "and taken away again", |world| {
        let mut spec = spec.clone();
        spec["listeners"] = json!([listener(80, "TCP")]);
        respec(world, &spec);
    });
    story
}

fn tls(secret: &str) -> Value {
    json!({"listeners": [
        {"port": 443, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"secretName": secret}},
    ]})
}

fn certificate_lost() -> Story {
    let mut world = web(&tls("web-tls"), 2);
    world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
    let mut story = Story::at_rest("The Secret of a certificate is deleted.", world);
    story.after(1, "the Secret does not exist", |world| {
        world.certificates.insert("web-tls".to_owned(), Err("does not exist".to_owned()));
    });
    roll(&mut story);
    story
}

fn port_moved() -> Story {
    let mut story =
        Story::at_rest("A listener moves to a free port.", web(&json!({"listeners": [listener(80, "TCP")]}), 2));
    story.after(1, "the port is 90", |world| respec(world, &json!({"listeners": [listener(90, "TCP")]})));
    story
}

fn port_taken() -> Story {
    let mut world = web(&json!({"listeners": [listener(80, "TCP")]}), 2);
    world.add_listener("somebody's", Protocol::Tcp, 90);
    let mut story = Story::at_rest("A listener moves to a port that a foreign listener has.", world);
    story.after(1, "the port is 90", |world| respec(world, &json!({"listeners": [listener(90, "TCP")]})));
    roll(&mut story);
    story.after(1, "the foreign listener is deleted", |world| {
        world.listeners.retain(|listener| listener.port != 90);
        let found = world.listeners[0].id.clone();
        world.targets.retain(|route, _| route.listener == found);
    });
    story
}

fn protocol_changed() -> Story {
    let mut story = Story::at_rest(
        "A listener becomes one of another protocol.",
        web(&json!({"listeners": [listener(443, "TCP")]}), 2),
    );
    story.after(1, "the protocol is TCP_SSL, with a certificate", |world| {
        world.certificates.insert("web-tls".to_owned(), Ok("cert-1".to_owned()));
        respec(world, &tls("web-tls"));
    });
    story
}

fn protocol_without_certificate() -> Story {
    let sentence = "A listener is to become one of TCP_SSL whose certificate does not exist.";
    let mut story = Story::at_rest(sentence, web(&json!({"listeners": [listener(443, "TCP")]}), 2));
    story.after(1, "the protocol is TCP_SSL", |world| {
        world.certificates.insert("web-tls".to_owned(), Err("does not exist".to_owned()));
        respec(world, &tls("web-tls"));
    });
    roll(&mut story);
    story
}

fn http(domains: &[&str]) -> Value {
    let rules: Vec<_> = domains.iter().map(|domain| json!({"domain": domain})).collect();
    json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "rules": rules}]})
}

fn rule_removed() -> Story {
    let mut story = Story::at_rest(
        "The rule of the default domain is taken out of the spec.",
        web(&http(&["a.example", "b.example"]), 1),
    );
    story.after(1, "only b.example is wanted", |world| respec(world, &http(&["b.example"])));
    story
}

fn two_bindings() -> Story {
    let mut story = Story::at_rest("An older binding asks for the port of a younger one.", web(&json!({}), 2));
    story.after(1, "the older one appears", |world| world.bindings.push(binding(0, &json!({}))));
    story
}

fn tke_marks() -> Story {
    let mut story = Story::at_rest("TKE's own service controller takes up the Service.", web(&json!({}), 2));
    story.after(1, "the Service is of type LoadBalancer and carries TKE's finalizer", |world| {
        let service = world.service.as_mut().unwrap();
        (service.is_load_balancer, service.has_tke_finalizer) = (true, true);
    });
    story.after(1, "web-9 is ready, web-1 is deleted, and web-2 is gone", |world| {
        add(world, [9], "web");
        delete(world, [1]);
        remove(world, [2]);
    });
    story.after(1, "mode: skip is set on the Service", |world| {
        let service = world.service.as_mut().unwrap();
        service.annotations.insert(names::MODE.to_owned(), names::MODE_SKIP.to_owned());
    });
    story
}

fn parked() -> Story {
    let mut story =
        Story::at_rest("The annotated Service says that it does not want direct access.", web(&json!({}), 2));
    story.after(1, "the binding is parked", |world| {
        park(world);
    });
    story.after(60, "the change is taken back", |world| {
        edit(world, |binding| binding.metadata.annotations = None);
    });
    story
}
