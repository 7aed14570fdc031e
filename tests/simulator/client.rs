//! The client of this project against the simulator.

use std::collections::BTreeMap;
use std::time::Duration;

use tke_direct_access::clb::{Clb, NewListener, NewListeners, NewLoadBalancer, NewTarget, NonEmpty, Unfenced};
use tke_direct_access::model::{
    Address, Attributes, Class, Health, ListenerId, LoadBalancerId, LoadBalancerStatus, Protocol, Route, TaskState,
};
use tke_direct_access::sim::{Effect, Fault, When};

use crate::support::{Pod, becomes, client, client_with, eventually, listener, simulator, simulator_with, slow};

fn new_listeners(ports: &[u16]) -> NewListeners {
    let new = |&port: &u16| NewListener { port, name: format!("ours-{port}") };
    NewListeners {
        protocol: Protocol::Tcp,
        listeners: ports.iter().map(new).collect(),
        attributes: Attributes::default(),
    }
}

fn target(listener: &ListenerId, address: Address) -> NewTarget {
    NewTarget { route: Route { listener: listener.clone(), rule: None }, address, weight: 10, tag: "ours".into() }
}

async fn ended(clb: &Clb, task: &tke_direct_access::model::TaskId) -> TaskState {
    eventually("the end of a task", async || {
        let state = clb.task(task).await.expect("the task is known");
        (state != TaskState::Running).then_some(state)
    })
    .await
}

#[tokio::test]
async fn a_listener_gets_targets_that_become_healthy_and_leave() {
    let (simulator, lb) = simulator_with(slow());
    let clb = client(&simulator);
    let (ids, task) = clb.writer(&Unfenced).create_listeners(&lb, &new_listeners(&[80, 81])).await.expect("listeners");
    assert_eq!(ended(&clb, &task).await, TaskState::Succeeded(vec![]));
    let listeners = clb.listeners(&lb).await.expect("a read");
    assert_eq!(
        listeners.iter().map(|l| (l.port, l.name.as_str())).collect::<Vec<_>>(),
        [(80, "ours-80"), (81, "ours-81")]
    );
    let pod = Pod::tcp("a").await;
    let reply = clb.writer(&Unfenced).register(&lb, &[target(&ids[0], pod.address)]).await.expect("a registration");
    assert!(reply.failed.is_empty(), "{reply:?}");
    let route = Route { listener: ids[0].clone(), rule: None };
    let targets = clb.targets(&lb).await.expect("a read");
    assert_eq!((targets[&route][0].weight, targets[&route][0].tag.as_str(), targets.len()), (10, "ours", 2));
    becomes(&simulator, &lb, &route, pod.address, Health::Healthy).await;
    let health = clb.health(std::slice::from_ref(&lb)).await.expect("a read");
    assert_eq!((health[&lb][0].health, health[&lb][0].address), (Health::Healthy, pod.address));
    let task = clb.writer(&Unfenced).reweight(&lb, &[(route.clone(), pod.address, 0)]).await.expect("a change");
    ended(&clb, &task).await;
    assert_eq!(clb.targets(&lb).await.expect("a read")[&route][0].weight, 0);
    clb.writer(&Unfenced).retag(&lb, &[(route.clone(), pod.address, "other".into())]).await.expect("a change");
    assert_eq!(clb.targets(&lb).await.expect("a read")[&route][0].tag, "other");
    clb.writer(&Unfenced).deregister(&lb, &[(route.clone(), pod.address)]).await.expect("a deregistration");
    assert!(clb.targets(&lb).await.expect("a read")[&route].is_empty());
    let ids = NonEmpty::from_vec(ids).expect("two listeners");
    let task = clb.writer(&Unfenced).delete_listeners(&lb, ids).await.expect("a deletion");
    ended(&clb, &task).await;
    assert!(clb.listeners(&lb).await.expect("a read").is_empty());
}

#[tokio::test]
async fn a_load_balancer_is_made_and_deleted() {
    let (simulator, _) = simulator_with(slow());
    let clb = client(&simulator);
    let new = NewLoadBalancer { client_token: "token".into(), name: Some("web".into()), ..NewLoadBalancer::default() };
    let (ids, task) = clb.writer(&Unfenced).create_load_balancer(&new).await.expect("a load balancer");
    let (again, _) = clb.writer(&Unfenced).create_load_balancer(&new).await.expect("the same load balancer");
    assert_eq!(ids, again);
    assert_eq!(clb.load_balancers(&ids).await.expect("a read")[0].status, LoadBalancerStatus::Creating);
    assert_eq!(ended(&clb, &task).await, TaskState::Succeeded(ids.clone()));
    let found = clb.load_balancers(&ids).await.expect("a read");
    assert_eq!((found[0].status, found[0].addresses.len()), (LoadBalancerStatus::Running, 1));
    let task = clb.writer(&Unfenced).delete_load_balancer(&ids[0], false).await.expect("a deletion");
    ended(&clb, &task).await;
    assert!(clb.load_balancers(&ids).await.expect("a read").is_empty());
    assert!(clb.quotas().await.expect("a read").contains_key("TOTAL_TARGET_BIND_QUOTA"));
}

#[tokio::test]
async fn failures_have_the_right_class() {
    let (simulator, lb) = simulator();
    let clb = client(&simulator);
    let class = |result: Result<(), tke_direct_access::model::Failure>| result.expect_err("it fails").class;
    let unknown = LoadBalancerId::new("lb-unknown");
    assert_eq!(class(clb.listeners(&unknown).await.map(drop)), Class::NotFound);
    listener(&simulator, &lb, Protocol::Tcp, 80);
    assert_eq!(
        class(clb.writer(&Unfenced).create_listeners(&lb, &new_listeners(&[80])).await.map(drop)),
        Class::Conflict
    );
    simulator.hold(&lb, Duration::from_secs(3600)).expect("it exists");
    assert_eq!(class(clb.writer(&Unfenced).create_listeners(&lb, &new_listeners(&[81])).await.map(drop)), Class::Busy);
    simulator.console(|state| state.set_isolated(&lb, true)).expect("it exists");
    assert_eq!(
        class(clb.writer(&Unfenced).create_listeners(&lb, &new_listeners(&[81])).await.map(drop)),
        Class::Arrears
    );
    assert_eq!(class(client_with(&simulator, "wrong").listeners(&lb).await.map(drop)), Class::Denied);
    let effects = [
        (Effect::Error { code: "InternalError".into(), message: String::new() }, Class::Transient),
        (Effect::Error { code: "RequestLimitExceeded".into(), message: String::new() }, Class::Throttled),
        (Effect::LostReply, Class::Unreachable),
        (Effect::LostRequest, Class::Unreachable),
        (Effect::HttpStatus { status: 502, done: false }, Class::Unreachable),
        (Effect::MalformedBody { body: None }, Class::Unreachable),
    ];
    for (effect, expected) in effects {
        let action = Some("DescribeListeners".to_owned());
        simulator.inject(Fault {
            action,
            load_balancer: None,
            names: None,
            when: When::Always,
            effect: effect.clone(),
        });
        assert_eq!(class(clb.listeners(&lb).await.map(drop)), expected, "{effect:?}");
        simulator.clear_faults();
    }
    assert_eq!(clb.listeners(&lb).await.expect("a read").len(), 1);
}

#[tokio::test]
async fn parts_of_a_batch_fail_by_listener() {
    let (simulator, lb) = simulator();
    let clb = client(&simulator);
    let ids = [80, 81].map(|port| listener(&simulator, &lb, Protocol::Tcp, port).listener);
    let address = |last: u8| Address { ip: std::net::IpAddr::from([10, 9, 0, last]), port: 80 };
    clb.writer(&Unfenced).register(&lb, &[target(&ids[0], address(1))]).await.expect("a registration");
    let both = [target(&ids[1], address(1)), target(&ids[0], address(2))];
    let reply = clb.writer(&Unfenced).register(&lb, &both).await.expect("half a registration");
    assert_eq!(reply.failed, [ids[1].clone()]);
    let counts: BTreeMap<_, _> = clb
        .targets(&lb)
        .await
        .expect("a read")
        .into_iter()
        .map(|(route, targets)| (route.listener, targets.len()))
        .collect();
    assert_eq!(counts, BTreeMap::from([(ids[0].clone(), 2), (ids[1].clone(), 0)]));
}
