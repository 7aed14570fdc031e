//! Rolling updates lose nothing.

use std::time::Duration;

use serde_json::json;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Settings as SimulatorSettings, Timing};

use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_under_load_loses_nothing() {
    // A cloud that takes its time: a tenth of the real one's.
    let timing = Timing { scale: 0.1, ..Timing::default() };
    let mut stage =
        Stage::without_controller("rollout", SimulatorSettings { timing, ..SimulatorSettings::default() }).await;
    stage.start_controller(&[]).await;
    stage.deploy(4, &json!({})).await;
    stage.until_ready("web", "4/4").await;
    let load = Load::start(&format!("http://{}/", stage.data_plane(Protocol::Tcp, 80)), 200, Mode::Both);
    eventually("traffic flows", DEADLINE, async || load.totals().sent > 100).await;
    let old = stage.ok(&["get", "pods", "-o", "name"]).await;
    stage.ok(&["set", "image", "deployment/web", "web=registry.example.com/web:v2"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    for pod in old.lines() {
        stage.ok(&["wait", "--for=delete", pod, "--timeout=150s"]).await;
    }
    let totals = load.stop().await.unwrap();
    assert_eq!(totals.lost, 0, "{totals}");
    assert!(totals.by_pod.len() >= 8, "old and new Pods have answered: {totals}");
    eventually("the old targets are gone", Duration::from_secs(30), async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets.len() == 4)
    })
    .await;
    stage.finish().await;
}
