//! One of several replicas works.

use serde_json::json;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_waits_and_takes_over_when_the_first_ends() {
    let stage = Stage::without_controller("election", SimulatorSettings::instant()).await;
    let (id, key) = stage.cloud.credentials();
    let keys = Keys::new(id, key, None).unwrap();
    let first = stage.controller(keys.clone(), &["--identity", "first"]).await;
    let holder = || stage.ok(&["get", "lease", "direct-access-controller", "-o", "jsonpath={.spec.holderIdentity}"]);
    eventually("the first leads", DEADLINE, async || {
        stage.kubectl(&["get", "lease", "direct-access-controller"]).await.success
    })
    .await;
    let second = stage.controller(keys, &["--identity", "second"]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(holder().await, "first");
    // Both are ready: a webhook would be served by both.
    for admin in [first.admin, second.admin] {
        let ready = async || {
            reqwest::get(format!("http://{admin}/readyz")).await.is_ok_and(|reply| reply.status().is_success())
        };
        eventually("the replica is ready", DEADLINE, ready).await;
    }
    first.end().await;
    eventually("the second leads", DEADLINE, async || holder().await == "second").await;
    stage.ok(&["scale", "deployment/web", "--replicas=4"]).await;
    stage.until_ready("web", "4/4").await;
    second.end().await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_replaced_and_nothing_is_lost() {
    let stage = Stage::without_controller("killed", SimulatorSettings::instant()).await;
    let (id, key) = stage.cloud.credentials();
    let keys = Keys::new(id, key, None).unwrap();
    let first = stage.controller(keys.clone(), &["--identity", "first"]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    first.kill();
    let second = stage.controller(keys, &["--identity", "second"]).await;
    stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
    stage.until_ready("web", "3/3").await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 3);
    second.end().await;
    stage.finish().await;
}
