//! Targets of Pods of which nobody knows where they are to be.

use serde_json::json;

use super::acts::web;
use super::world::World;
use crate::api::DirectAccessBindingStatus;
use crate::api::binding::TargetStatus;
use crate::api::condition::Reason::{self, Ready, ServiceNotFound, ServicePortNotFound};
use crate::model::{Health, TargetPort};

type Spoil<'a> = &'a dyn Fn(&mut World);

/// Where it is not known which Pods are to serve, those that are targets stay: they are counted, with what the cloud finds of them, and it
/// is said what is missing.
#[test]
fn targets_that_are_kept_are_counted() {
    let listeners = json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": 80}]});
    let rules = json!([{"domain": "a.example"}, {"domain": "b.example"}]);
    let rules = json!({"listeners": [{"port": 80, "protocol": "HTTP", "servicePort": 80, "rules": rules}]});
    let spoils: [(Reason, &str, Spoil<'_>); 4] = [
        (ServicePortNotFound, "'mgmt'", &|world| {
            world.service.as_mut().unwrap().ports[0].target_port = TargetPort::Name("mgmt".to_owned());
        }),
        (ServicePortNotFound, "80", &|world| world.service.as_mut().unwrap().ports[0].port = 88),
        (ServiceNotFound, "'shop/web'", &|world| world.service = None),
        (Ready, "2 of 2", &|_| {}),
    ];
    for (spec, (reason, said, spoil)) in [&listeners, &rules].iter().flat_map(|spec| spoils.map(|one| (*spec, one))) {
        let mut world = web(spec, 2);
        world.converge();
        world.heal();
        world.converge();
        let before = world.bindings[0].status.clone().unwrap();
        spoil(&mut world);
        world.converge();
        let status = world.bindings[0].status.clone().unwrap();
        let counted = |targets: TargetStatus| (targets.registered, targets.healthy, targets.summary);
        assert_eq!(status.targets.clone().map(counted), Some((2, 2, "2/2".to_owned())), "{reason} {said}");
        let rows = |status: &DirectAccessBindingStatus| {
            let row = &status.listeners[0];
            (row.desired, row.healthy, row.rules.iter().map(|rule| rule.healthy).collect::<Vec<_>>())
        };
        assert_eq!(rows(&status), rows(&before), "{reason} {said}");
        let ready = status.conditions.iter().find(|one| one.type_ == "Ready").unwrap();
        assert_eq!(ready.reason, reason.as_str(), "{}", ready.message);
        assert!(ready.message.contains(said), "{}", ready.message);
        let unhealthy = world.targets.values().flatten().next().unwrap().address;
        world.health.insert(unhealthy, Health::Unhealthy);
        world.converge();
        assert_eq!(
            world.bindings[0].status.clone().unwrap().targets.map(|one| one.healthy),
            Some(1),
            "{reason} {said}"
        );
    }
}
