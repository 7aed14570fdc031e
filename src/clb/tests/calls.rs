//! What the calls ask for, and what they make of the replies.

use super::*;
use crate::model::{Address, Attributes, ListenerId, Protocol, Route, TaskState};

#[tokio::test]
async fn asking_for_nothing_is_no_call() {
    let server = Server::start(|_, _| Behaviour::Hang).await;
    let (clb, _) = server.client();
    assert_eq!(clb.load_balancers(&[]).await, Ok(vec![]));
    assert!(clb.health(&[]).await.unwrap().is_empty());
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn long_lists_are_asked_for_in_parts() {
    let server = Server::start(|request, _| {
        let ids = request.json()["LoadBalancerIds"].as_array().unwrap().clone();
        let set: Vec<_> = ids
            .iter()
            .map(|id| {
                json!({"LoadBalancerId": id, "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
                "LoadBalancerVips": [], "SnatPro": false})
            })
            .collect();
        Behaviour::Write(success(json!({"TotalCount": set.len(), "LoadBalancerSet": set})))
    })
    .await;
    let (clb, _) = server.client();
    // Fifty different ids, one of them twice.
    let ids: Vec<_> = (0..51).map(|number| lb(&format!("lb-{:02}", number % 50))).collect();
    let found = clb.load_balancers(&ids).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|load_balancer| load_balancer.id).collect();
    assert_eq!(found, ids[..50]);
    let mut sizes: Vec<_> =
        server.requests().iter().map(|request| request.json()["LoadBalancerIds"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [10, 20, 20]);
    assert!(server.requests().iter().all(|request| request.json()["Limit"].as_u64() >= Some(10)));
}

#[tokio::test]
async fn a_list_of_others_is_no_answer() {
    let other = json!({"LoadBalancerId": "lb-2", "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
                "LoadBalancerVips": [], "SnatPro": false});
    let server = Server::replying(success(json!({"TotalCount": 1, "LoadBalancerSet": [other]}))).await;
    let failure = server.client().0.contents(&lb("lb-1")).await.unwrap_err();
    assert!(failure.message.contains("lb-2"), "{failure}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn one_failed_part_fails_the_read() {
    let server = Server::start(|request, _| {
        let ids = request.json()["LoadBalancerIds"].as_array().unwrap().clone();
        if ids.contains(&json!("lb-30")) {
            return Behaviour::Write(http("502 Bad Gateway", "", b""));
        }
        let set: Vec<_> = ids
            .iter()
            .map(|id| {
                json!({"LoadBalancerId": id, "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
                "LoadBalancerVips": [], "SnatPro": false})
            })
            .collect();
        Behaviour::Write(success(json!({"TotalCount": set.len(), "LoadBalancerSet": set})))
    })
    .await;
    let (clb, _) = server.client();
    let ids: Vec<_> = (10..49).map(|number| lb(&format!("lb-{number}"))).collect();
    assert_eq!(clb.load_balancers(&ids).await.unwrap_err().code, error::HTTP_STATUS);
    assert_eq!(clb.load_balancers(&ids[..20]).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_deleted_load_balancer_does_not_hide_the_health_of_others() {
    let server = Server::start(|request, _| {
        let ids = request.json()["LoadBalancerIds"].as_array().unwrap().clone();
        if ids.iter().any(|id| id.as_str().unwrap().starts_with("lb-gone")) {
            let body = refusal("InvalidParameter.LBIdNotFound", "").to_string();
            return Behaviour::Write(http("200 OK", "", body.as_bytes()));
        }
        let found: Vec<_> = ids.iter().map(|id| json!({"LoadBalancerId": id, "Listeners": []})).collect();
        Behaviour::Write(success(json!({"LoadBalancers": found})))
    })
    .await;
    let (clb, _) = server.client();
    let known: Vec<_> = (0..40).map(|number| lb(&format!("lb-{number:02}"))).collect();
    let asked: Vec<_> = known.iter().cloned().chain([lb("lb-gone1"), lb("lb-gone2")]).collect();
    let found = clb.health(&asked).await.unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), known);
    assert!(server.requests().len() <= 16, "{}", server.requests().len());
}

fn new_listeners(count: u16) -> NewListeners {
    let listener = |number: u16| NewListener { port: 8000 + number, name: format!("listener-{number}") };
    NewListeners {
        protocol: Protocol::Tcp,
        listeners: (0..count).map(listener).collect(),
        attributes: Attributes::default(),
    }
}

#[tokio::test]
async fn creation_gives_every_listener_its_id() {
    let server = Server::replying(success(json!({"ListenerIds": ["lbl-1", "lbl-2"]}))).await;
    let (clb, _) = server.client();
    let (ids, task) = clb.writer(&Unfenced).create_listeners(&lb("lb-1"), &new_listeners(2)).await.unwrap();
    assert_eq!((ids, task.as_str()), (vec!["lbl-1".into(), "lbl-2".into()], "request-1"));
    assert_eq!(
        server.requests()[0].json(),
        json!({"LoadBalancerId": "lb-1", "Ports": [8000, 8001], "Protocol": "TCP",
            "ListenerNames": ["listener-0", "listener-1"]})
    );
    let failure = clb.writer(&Unfenced).create_listeners(&lb("lb-1"), &new_listeners(3)).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, error::MALFORMED_REPLY));
}

#[tokio::test]
async fn a_write_without_a_task_is_malformed() {
    let server = Server::replying(http("200 OK", "", br#"{"Response":{}}"#)).await;
    let (clb, _) = server.client();
    let failure = clb.writer(&Unfenced).delete_load_balancer(&lb("lb-1"), false).await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (Class::Unreachable, error::MALFORMED_REPLY));
}

#[tokio::test]
async fn a_batch_tells_what_failed_in_part() {
    let server = Server::replying(success(json!({"FailListenerIdSet": ["lbl-1"], "Message": "no such backend"}))).await;
    let (clb, _) = server.client();
    let route = Route { listener: "lbl-1".into(), rule: Some("loc-1".into()) };
    let address = Address { ip: [10, 0, 1, 5].into(), port: 8080 };
    let target = NewTarget { route: route.clone(), address, weight: 10, tag: "uid-1".into() };
    let reply = clb.writer(&Unfenced).register(&lb("lb-1"), &[target]).await.unwrap();
    let expected =
        BatchReply { failed: vec!["lbl-1".into()], message: "no such backend".into(), task: "request-1".into() };
    assert_eq!(reply, expected);
    assert_eq!(clb.writer(&Unfenced).deregister(&lb("lb-1"), &[(route, address)]).await.unwrap(), expected);
    let requests = server.requests();
    assert_eq!(
        requests[0].json(),
        json!({"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-1", "LocationId": "loc-1",
            "EniIp": "10.0.1.5", "Port": 8080, "Weight": 10, "Tag": "uid-1"}]})
    );
    assert_eq!(requests[1].action(), "BatchDeregisterTargets");
    assert_eq!(
        requests[1].json()["Targets"],
        json!([{"ListenerId": "lbl-1", "LocationId": "loc-1", "EniIp": "10.0.1.5", "Port": 8080}])
    );
}

#[tokio::test]
async fn what_the_cloud_would_refuse_is_not_sent() {
    let server = Server::start(|_, _| Behaviour::Hang).await;
    let (clb, _) = server.client();
    let id = lb("lb-1");
    let route = |number: u32| Route { listener: ListenerId::new(format!("lbl-{number}")), rule: None };
    let address = Address { ip: [10, 0, 1, 5].into(), port: 8080 };
    let many: Vec<_> = (0..501).map(|_| (route(1), address)).collect();
    let routes: Vec<_> = (0..101).map(|number| (route(number), address, 0)).collect();
    let heavy = NewTarget { route: route(1), address, weight: 101, tag: String::new() };
    let ids = NonEmpty::from_vec((0..21).map(|number| route(number).listener).collect()).unwrap();
    let failures = [
        clb.writer(&Unfenced).deregister(&id, &many).await.unwrap_err(),
        clb.writer(&Unfenced).deregister(&id, &[]).await.unwrap_err(),
        clb.writer(&Unfenced).reweight(&id, &routes).await.unwrap_err(),
        clb.writer(&Unfenced).register(&id, &[heavy]).await.unwrap_err(),
        clb.writer(&Unfenced).delete_listeners(&id, ids).await.unwrap_err(),
        clb.writer(&Unfenced).create_listeners(&id, &new_listeners(50)).await.unwrap_err(),
        clb.writer(&Unfenced).create_listeners(&id, &new_listeners(0)).await.unwrap_err(),
        clb.writer(&Unfenced).create_load_balancer(&NewLoadBalancer::default()).await.unwrap_err(),
    ];
    for failure in failures {
        assert_eq!((failure.class, failure.code.as_str()), (Class::Invalid, error::INVALID_REQUEST), "{failure}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_id_of_a_slow_creation_comes_with_the_task() {
    let server = Server::start(|request, _| {
        Behaviour::Write(success(match request.action() {
            "CreateLoadBalancer" => json!({"LoadBalancerIds": null, "DealName": "1"}),
            _ => json!({"Status": 0, "LoadBalancerIds": ["lb-1"]}),
        }))
    })
    .await;
    let (clb, _) = server.client();
    let new = NewLoadBalancer { client_token: "token-1".into(), ..NewLoadBalancer::default() };
    let (ids, task) = clb.writer(&Unfenced).create_load_balancer(&new).await.unwrap();
    assert!(ids.is_empty());
    assert_eq!(clb.task(&task).await, Ok(TaskState::Succeeded(vec![lb("lb-1")])));
    assert_eq!(server.requests()[1].json(), json!({"TaskId": "request-1"}));
}

#[test]
fn calls_can_be_made_from_tasks() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let (clb, _) = client(settings());
    drop(assert_send(clb.health(&[])));
    drop(assert_send(clb.targets(&lb("lb-1"))));
    drop(assert_send(clb.writer(&Unfenced).register(&lb("lb-1"), &[])));
    drop(assert_send(clb.writer(&Unfenced).create_listeners(&lb("lb-1"), &new_listeners(1))));
}

/// Where there is a listener, null may stand for what is missing.
#[tokio::test]
async fn targets_may_be_null_where_there_are_no_listeners() {
    let server = Server::replying(success(json!({"Listeners": null}))).await;
    let (clb, _) = server.client();
    assert!(clb.targets_of(&lb("lb-1"), &[]).await.unwrap().is_empty());
    let shown = json!({"ListenerId": "lbl-1", "ListenerName": "web", "Protocol": "TCP", "Port": 80});
    let listeners = Server::replying(success(json!({"Listeners": [shown], "TotalCount": 1}))).await;
    let listeners = listeners.client().0.listeners(&lb("lb-1")).await.unwrap();
    assert!(clb.targets_of(&lb("lb-1"), &listeners).await.is_err());
}
