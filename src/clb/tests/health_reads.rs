//! Health reads that several load balancers share.

use super::*;
use crate::clb::HealthReads;
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
    let reads = Arc::new(HealthReads::new(server.client().0));
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
    let reads = HealthReads::new(server.client().0);
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
    let reads = HealthReads::new(server.client().0);
    let (first, second) = (lb("lb-1"), lb("lb-2"));
    let (first, second) = tokio::join!(reads.health(&first), reads.health(&second));
    assert_eq!(first, Ok(vec![]));
    let failure = second.unwrap_err();
    assert_eq!((failure.class, failure.action), (Class::Transient, "DescribeTargetHealth"), "{failure}");
}
