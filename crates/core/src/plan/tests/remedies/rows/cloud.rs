//! What goes wrong in the cloud, with Pods, or by the wish of a user.

use serde_json::json;

use super::{explicit, http, plain, row, shared};
use crate::api::binding::{DeletionPolicy, LastNotReady, LoadBalancerStatus};
use crate::api::condition::{HoldCause, Reason};
use crate::api::names;
use crate::model::{
    AccountId, Annotations, Caller, Class, Failure, Health, ListenerState, Protocol, ServicePort, TargetPort, Witnesses,
};
use crate::plan::tests::acts::{add, delete_binding, edit, listener, park, remove, respec, unready, web};
use crate::plan::tests::remedies::{Deed, End, Row};
use crate::plan::tests::world::{ACCOUNT, World, address, binding};
use crate::plan::{Cloud, ConfigMapSight, Departure, Doubt, Hold, Removals};
pub(super) fn cloud() -> Vec<Row> {
    use Reason::{BackendConflict, ListenerStopped, OtherAccount, SlicesStale, TagsNotShown};
    vec![
        row(ListenerStopped, "stopped", plain, |world| world.listeners[0].state = ListenerState::Stopped)
            .says(&["80/TCP"])
            .remedies(&[("start it", |world| world.listeners[0].state = ListenerState::Serving)]),
        row(
            TagsNotShown,
            "on a shared listener",
            || {
                let mut world = shared();
                world.shows_tags = false;
                world
            },
            |_| {},
        )
        .remedies(&[("let the binding have listeners of its own", |world| {
            world.targets.values_mut().for_each(Vec::clear);
            respec(world, &json!({"listeners": [listener(80, "TCP")]}));
        })]),
        row(BackendConflict, "somebody registers the new Pod", plain, |world| {
            let id = world.listeners[0].id.clone();
            world.add_target(&id, address(9), 10, "somebody's");
            add(world, [9], "web");
        })
        .says(&["listener 80/TCP"])
        .remedies(&[("remove them there", |world| {
            world.targets.values_mut().for_each(|all| all.retain(|target| target.address != address(9)));
        })]),
        row(
            BackendConflict,
            "an older binding has the Pod port",
            || {
                let mut world = plain();
                world.bindings = vec![binding(2, &json!({"listeners": [listener(81, "TCP")]}))];
                world
            },
            |world| world.bindings.insert(0, binding(1, &json!({"listeners": [listener(80, "TCP")]}))),
        )
        .says(&["listener 80/TCP of DirectAccessBinding 'shop/b1'", "listener 81/TCP of DirectAccessBinding 'shop/b2'"])
        .remedies(&[
            ("remove one of the two listeners", |world| {
                let gone = world.bindings.remove(1).metadata.uid.clone().unwrap();
                world.targets.values_mut().for_each(|all| all.retain(|target| !target.tag.contains(&gone)));
            }),
            ("Let the Pods listen on a port of its own for each listener", |world| {
                let service = world.service.as_mut().unwrap();
                let other = ServicePort {
                    name: "other".to_owned(),
                    port: 82,
                    target_port: TargetPort::Number(8082),
                    ..service.ports[0].clone()
                };
                service.ports.push(other);
                respec(world, &json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": 82}]}));
            }),
        ]),
        row(OtherAccount, "the credentials are of another account", plain, |world| {
            world.caller = Caller::Known(AccountId::new("200000000002"));
        })
        .says(&[ACCOUNT, "200000000002"])
        .remedies(&[("Give the controller credentials of account", |world| {
            world.caller = Caller::Known(AccountId::new(ACCOUNT));
        })]),
        row(SlicesStale, "they name nobody", plain, |world| world.published = Some(Vec::new()))
            .after(65)
            .says(&["'shop/web'", "'web-1'"])
            .remedies(&[("look at the cluster's endpoint slice controller", |world| world.published = None)]),
    ]
}

/// Calls that the cloud refuses: what they say is the class's.
pub(super) fn calls() -> Vec<Row> {
    fn failing(world: &mut World, class: Class) {
        let (code, message) = ("Code".to_owned(), "words".to_owned());
        let failure = Failure { class, action: "DescribeListeners", code, message, request_id: None };
        world.unread = Some(Cloud::Failed(failure));
    }
    let says = &["DescribeListeners failed: Code: words"];
    let of = |reason, spoil: Deed| row(reason, "a read is refused", plain, spoil).says(says);
    vec![
        of(Reason::Denied, |world| failing(world, Class::Denied))
            .remedies(&[("Correct the credentials, or allow the action", |world| world.unread = None)]),
        of(Reason::Arrears, |world| failing(world, Class::Arrears))
            .remedies(&[("Pay what is open", |world| world.unread = None)]),
        of(Reason::Busy, |world| failing(world, Class::Busy)).remedies(&[("Wait", |world| world.unread = None)]),
        of(Reason::Throttled, |world| failing(world, Class::Throttled))
            .remedies(&[("Wait", |world| world.unread = None)]),
        of(Reason::CloudUnreachable, |world| failing(world, Class::Unreachable))
            .remedies(&[("Check the network and the endpoint", |world| world.unread = None)]),
        of(Reason::Failed, |world| failing(world, Class::Invalid))
            .remedies(&[("docs/errors.md says", |world| world.unread = None)]),
    ]
}

pub(super) fn quotas() -> Vec<Row> {
    use Reason::QuotaExceeded;
    vec![
        row(QuotaExceeded, "of listeners", explicit, |world| {
            world.limits.listeners_per_load_balancer = 1;
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        })
        .remedies(&[("have TOTAL_LISTENER_QUOTA raised", |world| world.limits.listeners_per_load_balancer = 2)]),
        row(
            QuotaExceeded,
            "of rules",
            || web(&http(&["a.example"]), 2),
            |world| {
                world.limits.rules_per_listener = 1;
                respec(world, &http(&["a.example", "b.example"]));
            },
        )
        .says(&["listener 80/HTTP"])
        .remedies(&[
            ("use fewer rules", |world| respec(world, &http(&["a.example"]))),
            ("have TOTAL_LISTENER_RULE_QUOTA raised", |world| world.limits.rules_per_listener = 2),
        ]),
        row(QuotaExceeded, "of targets", plain, |world| {
            world.limits.targets_per_route = 2;
            add(world, [30], "web");
        })
        .says(&["listener 80/TCP", "1 Pods are left out"])
        .remedies(&[
            ("scale down", |world| remove(world, [30])),
            ("have TOTAL_TARGET_BIND_QUOTA raised", |world| world.limits.targets_per_route = 3),
        ]),
    ]
}

fn relabel(world: &mut World, app: &str) {
    for pod in world.pods.values_mut() {
        pod.labels.insert("app".to_owned(), app.to_owned());
    }
}

pub(super) fn targets() -> Vec<Row> {
    use Reason::{NoTargets, NoWeight, Unhealthy, Waiting};
    vec![
        row(Unhealthy, "one does not answer", plain, |world| _ = world.health.insert(address(1), Health::Unhealthy))
            .says(&["1 of 2 Pods are healthy", "listener 80/TCP finds 'web-1' unhealthy, which it probes at port 8080"])
            .remedies(&[("have to answer its health check", |world| world.heal())]),
        row(Waiting, "nobody was probed yet", plain, |world| {
            world
                .targets
                .values()
                .flatten()
                .for_each(|target| _ = world.health.insert(target.address, Health::Unknown));
        })
        .says(&["0 of 2 Pods are healthy"])
        .remedies(&[("", |world| world.heal())]),
        row(NoTargets, "the selector is misspelt", plain, |world| relabel(world, "webb"))
            .after(40)
            .says(&["no Pod has the labels app=web that Service 'shop/web' selects", "Pod 'web-1' has app=webb"])
            .remedies(&[("correct the selector of the Service, or the labels of the Pods", |world| {
                relabel(world, "web")
            })]),
        row(NoTargets, "scaled to 0", plain, |world| world.pods.clear())
            .says(&["no Pod has the labels app=web"])
            .remedies(&[("scale the workload up", |world| add(world, 1..=2, "web"))]),
        row(
            NoTargets,
            "none is ready",
            || {
                let mut world = plain();
                unready(&mut world, 1);
                unready(&mut world, 2);
                world
            },
            |_| {},
        )
        .says(&["no Pod of Service 'shop/web' can serve, of 2 are 2 ContainersNotReady"])
        .remedies(&[("look at Pod 'web-1' with 'kubectl describe pod web-1 -n shop'", |world| {
            world.pods.values_mut().for_each(|pod| pod.containers_ready = true);
        })]),
        row(
            NoTargets,
            "all use the network of their node",
            || {
                let mut world = plain();
                world.pods.values_mut().for_each(|pod| pod.host_network = true);
                world
            },
            |_| {},
        )
        .says(&["2 HostNetwork", "such as 'web-1'"])
        .remedies(&[("run the controller with --host-network=Allow", |world| {
            world.cluster.allows_host_network = true
        })]),
        row(NoWeight, "drained by hand", plain, |world| {
            for pod in world.pods.values_mut() {
                pod.annotations = [(names::CUSTOM_WEIGHT, "0")].into_iter().collect();
            }
        })
        .remedies(&[(
            "run 'kubectl direct-access drain --now --undo pod/web-1 pod/web-2 -n shop'",
            |world| {
                world.pods.values_mut().for_each(|pod| pod.annotations = Annotations::default());
            },
        )]),
    ]
}

pub(super) fn wishes() -> Vec<Row> {
    use Reason::{Parked, Suspended};
    vec![
        row(Suspended, "by the user", plain, |world| edit(world, |binding| binding.spec.suspend = true))
            .says(&["spec.suspend is true"])
            .remedies(&[("set to false", |world| edit(world, |binding| binding.spec.suspend = false))]),
        row(Parked, "the Service does not ask", plain, park)
            .says(&["'shop/web'", "costs money", "kubectl delete directaccessbinding b1 -n shop"])
            .remedies(&[("let the Service ask again", |world| {
                edit(world, |binding| _ = binding.metadata.annotations.take());
            })]),
    ]
}

/// With a load balancer that was created for it, whose tag is not there any more.
fn created() -> World {
    let mut world = web(&json!({"loadBalancer": {"create": {"network": "Public"}}, "deletionPolicy": "Delete"}), 2);
    edit(&mut world, |binding| {
        let account = Some(ACCOUNT.to_owned());
        let found =
            LoadBalancerStatus { id: "lb-1".to_owned(), created: true, account, ..LoadBalancerStatus::default() };
        binding.status.get_or_insert_default().load_balancer = Some(found);
    });
    world
}

fn retain(world: &mut World) {
    edit(world, |binding| binding.spec.deletion_policy = DeletionPolicy::Retain);
}

pub(super) fn held() -> Vec<Row> {
    use Reason::{LoadBalancerNotShown, RemovalHeld, RemovalsHeld};
    vec![
        row(LoadBalancerNotShown, "while it is being deleted", plain, |world| {
            delete_binding(world);
            world.unread = Some(Cloud::Missing(Witnesses::ListOnly));
        })
        .says(&["'lb-1'"])
        .remedies(&[("set spec.deletionPolicy to Retain", retain)])
        .end(End::Gone),
        row(RemovalHeld, "nobody knows why it is being deleted", plain, |world| {
            delete_binding(world);
            world.departure = Departure::Unknown(Doubt::Definition);
        })
        .remedies(&[
            ("set spec.deletionPolicy to Retain", retain),
            ("allow the controller to get it", |world| world.departure = Departure::Usual),
        ])
        .end(End::Gone),
        row(RemovalHeld, "its Service cannot be read", plain, |world| {
            delete_binding(world);
            world.departure = Departure::Unknown(Doubt::Service);
        })
        .says(&["'web'"])
        .remedies(&[
            ("set spec.deletionPolicy to Retain", retain),
            ("allow the controller to list Services", |world| world.departure = Departure::Usual),
        ])
        .end(End::Gone),
        row(RemovalHeld, "its tag is lost", created, delete_binding)
            .after(80)
            .says(&["'lb-1'"])
            .remedies(&[("set spec.deletionPolicy to Deregister", |world| {
                edit(world, |binding| binding.spec.deletion_policy = DeletionPolicy::Deregister);
            })])
            .end(End::Gone),
        row(RemovalHeld, "what is its own is shown no more", plain, |world| {
            delete_binding(world);
            world.listeners.clear();
            world.targets.clear();
        })
        .remedies(&[("waits for a second look after 30 s", |_| {}), ("set spec.deletionPolicy to Retain", retain)])
        .end(End::Gone),
        row(RemovalHeld, "its Service still asks", plain, |world| {
            delete_binding(world);
            world.departure = Departure::Held;
        })
        .says(&["'web'"])
        .remedies(&[("or delete the Service", |world| world.departure = Departure::Usual)])
        .end(End::Gone),
        row(RemovalHeld, "somebody's targets are on a listener that goes", explicit, |world| {
            let id = world.listeners[0].id.clone();
            world.add_target(&id, address(77), 10, "somebody's");
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        })
        .after(40)
        .says(&["(80/TCP)"])
        .remedies(&[("remove them and it will be deleted", |world| {
            world.targets.values_mut().for_each(|all| all.retain(|target| target.address != address(77)));
        })]),
        row(RemovalHeld, "a listener that is to go, beside one that is refused", explicit, |world| {
            world.add_listener("somebody's", Protocol::Tcp, 90);
            respec(world, &json!({"listeners": [listener(90, "TCP")]}));
        })
        .says(&["'lbl-1' (80/TCP)"])
        .remedies(&[("correct what the other messages name", |world| {
            respec(world, &json!({"listeners": [listener(91, "TCP")]}));
        })]),
        row(RemovalHeld, "the last are not ready", plain, |world| (1..=2).for_each(|number| unready(world, number)))
            .says(&["listener 80/TCP", "'web-1' (NotReady)"])
            .remedies(&[("make Pods ready", |world| {
                world.pods.values_mut().for_each(|pod| pod.containers_ready = true);
            })]),
        row(RemovalHeld, "the last are not ready, and are not to serve", plain, |world| {
            (1..=2).for_each(|number| unready(world, number));
        })
        .remedies(&[("set spec.drain.lastNotReady to Follow", |world| {
            edit(world, |binding| binding.spec.drain.last_not_ready = LastNotReady::Follow);
        })])
        .end(End::Else(Reason::NoTargets)),
        row(RemovalsHeld, "by flag", plain, |world| {
            let (reason, config_map) = (HoldCause::Flag, ConfigMapSight::Absent);
            world.removals = Removals::Held(Hold { reason, namespace: "system".to_owned(), config_map });
            unready(world, 1);
        })
        .remedies(&[("run the controller without --hold-removals", |world| world.removals = Removals::Allowed)]),
    ]
}
