//! Rolling updates.

use serde_json::json;

use crate::load::{Clients, turn};
use crate::scene::{begin_rollout, brisk, end_rollout, pods, workload};
use crate::stage::{Stage, binding, service};
use crate::witness::watched;

const REPLICAS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn three_rolling_updates_of_20_pods_lose_nothing() {
    let _turn = turn().await;
    let mut stage = Stage::without_controller("rolling", brisk()).await;
    stage.start_controller(&[]).await;
    for object in [service(), workload(REPLICAS, "25%", 5), binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    stage.until_ready("web", "20/20").await;
    let rollouts = async {
        for version in 2..=4 {
            let old = pods(&stage).await;
            let clients = Clients::start(&stage).await;
            begin_rollout(&stage, version).await;
            end_rollout(&stage, 20, &old).await;
            clients.lost_nothing(&format!("rollout {}", version - 1), 40).await;
        }
    };
    watched(&stage, rollouts).await;
    stage.until_ready("web", "20/20").await;
    stage.finish().await;
}
