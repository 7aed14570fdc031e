//! A world that does not change is not written to.

use serde_json::json;
use tke_direct_access::operator::USER_AGENT;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

/// Writes of the controller to the API server in a namespace, without the Lease, which is renewed for ever.
fn writes(stage: &Stage) -> Vec<String> {
    let requests = stage.control_plane.requests().expect("the audit log can be read");
    let ours = requests.iter().filter(|request| {
        request.is_write()
            && request.user_agent == USER_AGENT
            && request.namespace == stage.namespace.name
            && request.resource != "leases"
    });
    ours.map(|request| format!("{} {} {}", request.verb, request.resource, request.name)).collect()
}

/// Waits until this many further rounds have read the load balancer.
async fn rounds(stage: &Stage, count: u64) {
    let reads = || stage.cloud.calls().get("DescribeTargetHealth").copied().unwrap_or_default();
    let before = reads();
    eventually("rounds go on", DEADLINE, async || reads() >= before + count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn further_rounds_over_an_unchanged_world_write_nothing() {
    let mut stage = Stage::without_controller("quiet", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(3, &json!({})).await;
    stage.until_ready("web", "3/3").await;
    // The status that says so is itself news to one more round.
    rounds(&stage, 2).await;
    let (cloud, cluster) = (stage.cloud.writes(), writes(&stage));
    assert!(cloud > 0 && !cluster.is_empty(), "what is counted was counted before: {cloud}, {cluster:?}");
    rounds(&stage, 4).await;
    assert_eq!(stage.cloud.writes(), cloud);
    assert_eq!(writes(&stage), cluster);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_controller_writes_nothing() {
    let mut stage = Stage::without_controller("restart", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(3, &json!({})).await;
    stage.until_ready("web", "3/3").await;
    rounds(&stage, 2).await;
    stage.take_controller().end().await;
    let (cloud, cluster) = (stage.cloud.writes(), writes(&stage));
    stage.start_controller(&["--resync-seconds", "1"]).await;
    rounds(&stage, 4).await;
    assert_eq!(stage.cloud.writes(), cloud);
    assert_eq!(writes(&stage), cluster);
    stage.finish().await;
}
