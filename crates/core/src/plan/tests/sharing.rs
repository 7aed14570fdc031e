//! Who may bind into a listener that another binding has made, by its listenerId.

use std::sync::Arc;

use serde_json::{Value, json};

use super::world::{World, address, binding, uid};
use crate::api::DirectAccessBinding;
use crate::api::condition::Reason;
use crate::model::Protocol;

/// The same binding in another namespace.
fn of(namespace: &str, binding: Arc<DirectAccessBinding>) -> Arc<DirectAccessBinding> {
    let mut binding = Arc::unwrap_or_clone(binding);
    binding.metadata.namespace = Some(namespace.to_owned());
    Arc::new(binding)
}

fn made_by(number: u32, rest: &str) -> String {
    format!("dab-{}{rest}", uid(0x00b0_0000 + number))
}

/// A guest, the second binding, of namespace `shop`, and a listener of this name. The first binding is in `maker`, and has this spec.
fn world(name: &str, maker: Option<(&str, &Value)>) -> World {
    let mut world = World::new(&json!({})).with_pods(1..=2);
    let id = world.add_listener(name, Protocol::Tcp, 80);
    let guest = json!({"listeners": [{"port": 80, "protocol": "TCP", "listenerId": id.to_string()}]});
    world.bindings = vec![binding(2, &guest)];
    if let Some((namespace, spec)) = maker {
        world.bindings.push(of(namespace, binding(1, spec)));
        // It has no Pods here: those of the world are the guest's.
        world.services.insert(1, {
            let mut none = world.service.clone().unwrap();
            none.selector.insert("app".to_owned(), "none".to_owned());
            none
        });
    }
    world
}

fn conflicts(world: &World) -> Vec<String> {
    let problems = world.plan().bindings.into_iter().take(1).flat_map(|part| part.problems);
    problems.filter(|problem| problem.reason == Reason::PortConflict).map(|problem| problem.message).collect()
}

fn registered(world: &World) -> usize {
    let listener = world.listeners[0].id.clone();
    world.targets_of(&listener).len()
}

fn shares(port: u16, protocol: &str, with: &[&str]) -> Value {
    json!({"listeners": [{"port": port, "protocol": protocol, "servicePort": 80, "sharedWith": with}]})
}

/// The same beside a listener that is not shared.
fn beside(spec: &Value) -> Value {
    let plain = shares(80, "TCP", &[]);
    json!({"listeners": [plain["listeners"][0], spec["listeners"][0]]})
}

#[test]
fn a_listener_is_for_its_namespace_and_for_those_that_its_maker_names() {
    let plain = shares(80, "TCP", &[]);
    let long = "n".repeat(63);
    let rows = [
        ("somebody's", "somebody's".to_owned(), None, None),
        ("made in the same namespace", made_by(1, "-shop-b1"), Some(("shop", plain.clone())), None),
        ("made in another", made_by(1, "-net-b1"), Some(("net", plain.clone())), Some("DirectAccessBinding 'net/b1'")),
        ("shared", made_by(1, "-net-b1"), Some(("net", shares(80, "TCP", &["x", "shop"]))), None),
        ("shared with others", made_by(1, "-net-b1"), Some(("net", shares(80, "TCP", &["shop-2"]))), Some("'net/b1'")),
        (
            "another listener is shared",
            made_by(1, "-net-b1"),
            Some(("net", beside(&shares(81, "TCP", &["shop"])))),
            Some("'net/b1'"),
        ),
        (
            "that of UDP is shared",
            made_by(1, "-net-b1"),
            Some(("net", beside(&shares(80, "UDP", &["shop"])))),
            Some("'net/b1'"),
        ),
        // What a name says beside the UID counts for nothing while the binding is there.
        ("with a name that says ours", made_by(1, "-shop-b1"), Some(("net", plain)), Some("'net/b1'")),
        ("its maker is gone, of the same namespace", made_by(9, "-shop-b9"), None, None),
        ("its maker is gone, of another", made_by(9, "-net-b9"), None, Some("is not there any more")),
        (
            "its maker is gone, of one with a long name",
            made_by(9, &format!("-{}", &long[..39])),
            None,
            Some("any more"),
        ),
        ("nobody knows of which", made_by(9, ""), None, Some("any more")),
    ];
    for (what, name, maker, expected) in rows {
        let mut world = world(&name, maker.as_ref().map(|(namespace, spec)| (*namespace, spec)));
        world.converge();
        let said = conflicts(&world);
        match expected {
            None => assert_eq!((said, registered(&world)), (vec![], 2), "{what}"),
            Some(words) => {
                assert!(said.len() == 1 && said[0].contains(words), "{what}: {said:?}");
                assert_eq!(registered(&world), 0, "{what}");
            }
        }
    }
}

/// Consent that is taken back adds nothing new, and takes nothing away.
#[test]
fn what_is_bound_serves_on_when_it_is_not_shared_any_more() {
    let mut world = world(&made_by(1, "-net-b1"), Some(("net", &shares(80, "TCP", &["shop"]))));
    world.converge();
    world.heal();
    world.converge();
    assert_eq!((conflicts(&world), registered(&world)), (vec![], 2));
    let own = world.bindings[1].clone();
    world.bindings[1] = of("net", binding(1, &shares(80, "TCP", &[])));
    assert_eq!(world.bindings[1].metadata.uid, own.metadata.uid);
    for _ in 0..3 {
        world.converge();
        assert_eq!((conflicts(&world).len(), registered(&world)), (1, 2));
    }
    // A Pod that is gone leaves, as anywhere.
    world.pods.remove(&2);
    world.converge();
    let listener = world.listeners[0].id.clone();
    assert_eq!(world.targets_of(&listener).into_iter().map(|(at, _)| at).collect::<Vec<_>>(), [address(1)]);
}
