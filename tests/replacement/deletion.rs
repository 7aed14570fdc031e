//! Pods are deleted: their successors are healthy targets only later, and they can serve until then.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::objects::{Workload, binding, service};
use crate::scene::Story;

/// The node must have run nothing else for this test: the label keeps the drain away from Pods of other tests.
const DRAINED: &str = "example.com/drained";
const NODE: &str = "node-1";

async fn stage(name: &str, workload: String, summary: &str) -> Story {
    let story = Story::begin(name).await;
    story.set(&[service(&json!({"app": "web"}), &[(80, 8080)]), workload, binding(60)], summary).await;
    story
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pods_of_a_gated_deployment_deleted_at_once_lose_nothing() {
    let story = stage("all", Workload::new("web").gated().farewell(20).deployment(), "3/3").await;
    let old = story.names().await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            story.stage.ok(&["delete", "pod", "-l", "app=web", "--wait=false"]).await;
            story.until_gone(&old).await;
            story.stage.until_ready("web", "3/3").await;
            clients.end("all Pods deleted").await
        })
        .await;
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("all Pods deleted", &ended);
    story.end().await;
}

/// A successor is made only when its predecessor is gone. What is lost between the two cannot be helped.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_pod_of_a_stateful_set_serves_until_its_container_stops() {
    const FAREWELL: u32 = 15;
    let workload = Workload::new("web").replicas(1).gated().farewell(FAREWELL).stateful_set();
    let story = stage("only", workload, "1/1").await;
    for (what, command) in [
        ("the only Pod is deleted", ["delete", "pod", "web-0", "--wait=false"].as_slice()),
        ("the only Pod is rolled", &["rollout", "restart", "statefulset/web"]),
    ] {
        let uid = story.pods().get("web-0").await.unwrap().metadata.uid;
        let (ended, stops) = story
            .watch(async {
                let clients = Clients::start(&story).await;
                // The container stops no sooner than this long after the command was given.
                let stops = Instant::now() + Duration::from_secs(FAREWELL.into());
                story.stage.ok(command).await;
                story.until_another("web-0", uid).await;
                // Its gate opens when the cloud finds it healthy.
                story.stage.ok(&["wait", "--for=condition=Ready", "pod/web-0", "--timeout=150s"]).await;
                (clients.end(what).await, stops)
            })
            .await;
        story.expect_nothing_lost_before(what, &ended, stops);
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_drained_without_a_disruption_budget_loses_nothing() {
    let prefers_node = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{
        "weight": 100,
        "preference": {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]},
    }]}});
    let workload = Workload::new("web").label(DRAINED, "true").farewell(20).pod(&json!({"affinity": prefers_node}));
    let story = stage("node", workload.deployment(), "3/3").await;
    let old = story.names().await;
    let on_node = format!("spec.nodeName={NODE}");
    let doomed = story.stage.ok(&["get", "pods", "--field-selector", &on_node, "-o", "name"]).await.lines().count();
    assert_eq!(doomed, 3, "all are on one node");
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let selector = format!("--pod-selector={DRAINED}=true");
            let output = story.stage.kubectl(&["drain", NODE, &selector, "--timeout=150s"]).await;
            let back = story.stage.kubectl(&["uncordon", NODE]).await;
            output.ok().expect("the node is drained");
            back.ok().expect("the node is used again");
            story.until_gone(&old).await;
            story.stage.until_ready("web", "3/3").await;
            clients.end("drain of a node").await
        })
        .await;
    story.expect_pods(6, &ended);
    story.expect_nothing_lost("drain of a node", &ended);
    story.end().await;
}

/// The sleep of the hook is not the time that is left then, and successors take longer than that to serve. One of three loses
/// nothing at all, because two others serve: its weight goes before its container stops. When all are deleted, each can serve
/// until the grace period is over, and has to; what is lost after that cannot be helped.
#[tokio::test(flavor = "multi_thread")]
async fn a_grace_period_shortened_at_deletion_loses_nothing_that_could_be_served() {
    const GRACE: Duration = Duration::from_secs(6);
    let delete = ["delete", "--grace-period=6", "--wait=false"];
    let workload = Workload::new("web").farewell(20).behaves("start-delay", "6s");
    let story = stage("grace", workload.deployment(), "3/3").await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let doomed = story.names().await.remove(0);
            story.stage.ok(&[delete.as_slice(), &[&doomed]].concat()).await;
            story.until_gone(&[doomed]).await;
            story.stage.until_ready("web", "3/3").await;
            clients.end("one of three deleted with a short grace period").await
        })
        .await;
    story.expect_nothing_lost("one of three deleted with a short grace period", &ended);
    let (ended, stops) = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let old = story.names().await;
            // Kubernetes tells the end in whole seconds.
            let stops = Instant::now() + GRACE - Duration::from_secs(1);
            story.stage.ok(&[delete.as_slice(), &["pod", "-l", "app=web"]].concat()).await;
            story.until_gone(&old).await;
            story.stage.until_ready("web", "3/3").await;
            (clients.end("all deleted with a short grace period").await, stops)
        })
        .await;
    story.expect_nothing_lost_before("all deleted with a short grace period", &ended, stops);
    story.end().await;
}
