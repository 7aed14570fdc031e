//! Reads that several load balancers share.

use super::*;
use crate::clb::SharedReads;
use crate::model::Class;

async fn server() -> Server {
    Server::start(|request, _| {
        let ids = request.json()["LoadBalancerIds"].as_array().unwrap().clone();
        let found: Vec<_> = ids
            .iter()
            .map(|id| {
                let target = json!({"IP": "10.0.0.1", "Port": 80, "HealthStatus": true, "HealthStatusDetail": "Alive"});
                let rules = json!([{"LocationId": "loc-1", "Targets": [target]}]);
                json!({"LoadBalancerId": id, "Listeners": [
                    {"ListenerId": format!("lbl-of-{}", id.as_str().unwrap()), "Protocol": "TCP", "Rules": rules},
                ]})
            })
            .collect();
        Behaviour::Write(success(json!({"LoadBalancers": found})))
    })
    .await
}

#[tokio::test]
async fn those_that_ask_together_are_answered_by_one_call() {
    let server = server().await;
    let reads = Arc::new(SharedReads::new(server.client().0));
    let ids: Vec<_> = (0..10).map(|number| lb(&format!("lb-{number}"))).collect();
    let answers = futures::future::join_all(ids.iter().map(|id| reads.health(id))).await;
    for (id, answer) in ids.iter().zip(answers) {
        assert_eq!(answer.unwrap()[0].listener.as_str(), format!("lbl-of-{id}"), "each gets its own");
    }
    assert_eq!(server.requests().len(), 1);
    reads.health(&ids[0]).await.unwrap();
    assert_eq!(server.requests().len(), 2, "a later one gets a later read");
}

#[tokio::test]
async fn one_that_leads_and_is_dropped_strands_nobody() {
    let server = server().await;
    let reads = SharedReads::new(server.client().0);
    let (first, second) = (lb("lb-1"), lb("lb-2"));
    let mut leader = Box::pin(reads.health(&first));
    assert!(futures::poll!(&mut leader).is_pending());
    let follower = reads.health(&second);
    let (found, ()) = tokio::join!(follower, async { drop(leader) });
    assert_eq!(found.unwrap()[0].listener.as_str(), "lbl-of-lb-2");
}

#[tokio::test]
async fn a_reply_without_a_load_balancer_says_nothing_of_it() {
    let server = Server::start(|_, _| {
        Behaviour::Write(success(json!({"LoadBalancers": [{"LoadBalancerId": "lb-1", "Listeners": []}]})))
    })
    .await;
    let reads = SharedReads::new(server.client().0);
    let (first, second) = (lb("lb-1"), lb("lb-2"));
    let (first, second) = tokio::join!(reads.health(&first), reads.health(&second));
    assert_eq!(first, Ok(vec![]));
    let failure = second.unwrap_err();
    assert_eq!((failure.class, failure.action), (Class::Transient, "DescribeTargetHealth"), "{failure}");
}

/// Load balancers of the network `vpc-1`, without anything in them. Calls that name one of `disliked` are refused.
async fn cloud_without(disliked: &'static [&'static str], code: &'static str) -> Server {
    Server::start(move |request, _| {
        let ids = request.json()["LoadBalancerIds"].clone();
        let ids = ids.as_array().cloned().unwrap_or_default();
        if ids.iter().any(|id| disliked.contains(&id.as_str().unwrap())) {
            return Behaviour::Write(http("200 OK", "", refusal(code, "not that one").to_string().as_bytes()));
        }
        Behaviour::Write(success(match request.action() {
            "DescribeLoadBalancers" => {
                let one = |id: &Value| {
                    json!({"LoadBalancerId": id, "Status": 1, "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
                        "LoadBalancerVips": [], "SnatPro": false})
                };
                let set: Vec<_> = ids.iter().filter(|id| *id != "lb-gone").map(one).collect();
                json!({"TotalCount": set.len(), "LoadBalancerSet": set})
            }
            _ => json!({"Listeners": [], "TotalCount": 0}),
        }))
    })
    .await
}

/// How many calls name load balancers in a list.
fn lists(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.action() == "DescribeLoadBalancers").count()
}

async fn contents(reads: &SharedReads, ids: &[LoadBalancerId]) -> Vec<Result<Presence, Class>> {
    let all = futures::future::join_all(ids.iter().map(|id| reads.contents(id))).await;
    all.into_iter().map(|found| found.map_err(|failure| failure.class)).collect()
}

#[tokio::test]
async fn load_balancers_that_are_read_together_are_listed_by_one_call_for_twenty() {
    let server = cloud_without(&[], "").await;
    let reads = SharedReads::new(server.client().0);
    let ids: Vec<_> = (0..25).map(|number| lb(&format!("lb-{number:02}"))).collect();
    for (id, found) in ids.iter().zip(contents(&reads, &ids).await) {
        assert!(matches!(&found, Ok(Presence::Found(found)) if found.load_balancer.id == *id), "{found:?}");
    }
    assert_eq!(lists(&server), 2);
    let found = contents(&reads, &[lb("lb-gone"), lb("lb-00")]).await;
    assert!(matches!(found[0], Ok(Presence::NotShown { .. })) && matches!(found[1], Ok(Presence::Found(_))));
    assert_eq!(lists(&server), 3);
}

#[tokio::test]
async fn one_that_the_cloud_does_not_like_takes_no_answer_from_the_others() {
    for (code, class) in [
        ("InvalidParameterValue", Class::Invalid),
        ("UnauthorizedOperation", Class::Denied),
        ("ResourceNotFound", Class::NotFound),
    ] {
        let server = cloud_without(&["lb-07"], code).await;
        let reads = SharedReads::new(server.client().0);
        let ids: Vec<_> = (0..20).map(|number| lb(&format!("lb-{number:02}"))).collect();
        for _ in 0..2 {
            for (id, found) in ids.iter().zip(contents(&reads, &ids).await) {
                let is_right = match &found {
                    Ok(Presence::Found(found)) => found.load_balancer.id == *id && id.as_str() != "lb-07",
                    Err(found) => *found == class && id.as_str() == "lb-07",
                    Ok(Presence::NotShown { .. }) => false,
                };
                assert!(is_right, "{id}: {found:?}");
            }
        }
        // The second time, it is known who has to be asked for alone.
        assert!(lists(&server) <= 12 + 2, "{} calls", lists(&server));
    }
}

#[tokio::test]
async fn one_of_which_a_member_has_another_type_takes_no_answer_from_the_others() {
    let server = Server::start(|request, _| {
        let ids = request.json()["LoadBalancerIds"].clone();
        let ids = ids.as_array().cloned().unwrap_or_default();
        let is_odd = |id: &Value| id == "lb-07";
        let status = |id: &Value| if is_odd(id) { json!("one") } else { json!(1) };
        let listed = |id: &Value| {
            json!({"LoadBalancerId": id, "Status": status(id), "AddressIPVersion": "ipv4", "VpcId": "vpc-1",
                "LoadBalancerVips": [], "SnatPro": false})
        };
        let healthy = |id: &Value| {
            let listeners = if is_odd(id) { json!("none") } else { json!([]) };
            json!({"LoadBalancerId": id, "Listeners": listeners})
        };
        Behaviour::Write(success(match request.action() {
            "DescribeLoadBalancers" => {
                json!({"TotalCount": ids.len(), "LoadBalancerSet": ids.iter().map(listed).collect::<Vec<_>>()})
            }
            "DescribeTargetHealth" => json!({"LoadBalancers": ids.iter().map(healthy).collect::<Vec<_>>()}),
            _ => json!({"Listeners": [], "TotalCount": 0}),
        }))
    })
    .await;
    let reads = SharedReads::new(server.client().0);
    let ids: Vec<_> = (0..20).map(|number| lb(&format!("lb-{number:02}"))).collect();
    let health = futures::future::join_all(ids.iter().map(|id| reads.health(id))).await;
    let health = health.into_iter().map(|found| found.map(|_| ()).map_err(|failure| failure.class));
    let contents = contents(&reads, &ids).await.into_iter().map(|found| found.map(|_| ()));
    for (id, (contents, health)) in ids.iter().zip(contents.zip(health)) {
        let expected = if id.as_str() == "lb-07" { Err(Class::Transient) } else { Ok(()) };
        assert_eq!((contents, health), (expected, expected), "{id}");
    }
}

#[tokio::test]
async fn a_call_that_fails_for_all_is_not_made_for_each() {
    for (code, calls) in [("InternalError", 1), ("UnauthorizedOperation", 12)] {
        let server = Server::replying(http("200 OK", "", refusal(code, "").to_string().as_bytes())).await;
        let reads = SharedReads::new(server.client().0);
        let ids: Vec<_> = (0..20).map(|number| lb(&format!("lb-{number:02}"))).collect();
        assert!(contents(&reads, &ids).await.iter().all(Result::is_err));
        assert!(lists(&server) <= calls, "{code}: {} calls", lists(&server));
    }
}

#[tokio::test]
async fn those_that_ask_while_a_call_waits_for_its_turn_join_it() {
    let server = server().await;
    let rate_per_second = NonZeroU32::new(2).unwrap();
    let (clb, _) = client(Settings { endpoint: Some(server.endpoint.clone()), rate_per_second, ..settings() });
    let reads = SharedReads::new(clb);
    let (first, second) = (lb("lb-1"), lb("lb-2"));
    reads.health(&first).await.unwrap();
    let mut leader = Box::pin(reads.health(&first));
    let gathers = tokio::time::timeout(Duration::from_millis(300), &mut leader).await;
    assert!(gathers.is_err(), "the next call may be made after a second");
    let (first, second) = tokio::join!(leader, reads.health(&second));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(server.requests().len(), 2);
}
