//! Ways of a Deployment to replace its Pods that lose requests by themselves: not more than they must.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::objects::{Workload, binding, service};
use crate::scene::Story;

async fn stage(name: &str, workload: Workload, summary: &str) -> Story {
    let story = Story::begin(name).await;
    let objects = [service(&json!({"app": "web"}), &[(80, 8080)]), workload.deployment(), binding(60)];
    story.set(&objects, summary).await;
    story
}

async fn roll(story: &Story) {
    let old = story.names().await;
    story.stage.ok(&["set", "image", "deployment/web", "web=registry.example.com/web:v2"]).await;
    story.stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    story.until_gone(&old).await;
}

/// Pods without hook stop accepting at once, and others take no gate into account: something is lost, and is told. Afterwards
/// nothing is.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_rolling_update_of_pods_without_gate_and_hook_ends_with_all_served() {
    let story = stage("default", Workload::new("web").replicas(8), "8/8").await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            roll(&story).await;
            story.until_serving(8).await;
            clients.send(200).await;
            clients.end("default rolling update without gate and hook").await
        })
        .await;
    story.expect_pods(16, &ended);
    let clients = Clients::start(&story).await;
    clients.send(500).await;
    story.expect_nothing_lost("after the rolling update", &clients.end("after the rolling update").await);
    story.end().await;
}

/// All old Pods end before the first new one is made. What is lost between the two cannot be helped.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_recreated_serve_until_their_containers_stop() {
    const FAREWELL: u32 = 12;
    let recreate = json!({"strategy": {"type": "Recreate"}});
    let story = stage("recreate", Workload::new("web").spec(&recreate).gated().farewell(FAREWELL), "3/3").await;
    let (ended, stops) = story
        .watch(async {
            let clients = Clients::start(&story).await;
            // A container stops no sooner than this long after the command was given.
            let stops = Instant::now() + Duration::from_secs(FAREWELL.into());
            roll(&story).await;
            story.until_serving(3).await;
            (clients.end("recreation").await, stops)
        })
        .await;
    story.expect_nothing_lost_before("recreation", &ended, stops);
    story.end().await;
}
