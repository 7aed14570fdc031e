//! Controllers that die in the middle of a rollout.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;

use crate::load::{Clients, turn};
use crate::scene::{PATIENCE, begin_rollout, brisk, end_rollout, pods, workload};
use crate::stage::{Controller, Stage, binding, service};
use crate::support::eventually;
use crate::witness::watched;

/// Longer than a Lease lasts: a Pod that was told to end when the leader died still serves when the next one leads.
const FAREWELL: u32 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_survives_the_death_of_two_leaders() {
    let _turn = turn().await;
    let stage = Stage::without_controller("handover", brisk()).await;
    let first = replica(&stage, "first").await;
    for object in [service(), workload(6, "50%", FAREWELL), binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    stage.until_ready("web", "6/6").await;
    let rollout = async {
        let old = pods(&stage).await;
        let clients = Clients::start(&stage).await;
        begin_rollout(&stage, 2).await;
        eventually("new Pods are registered", PATIENCE, async || count(&stage) > 6).await;
        first.kill();
        let second = replica(&stage, "second").await;
        eventually("the second lets old Pods go", PATIENCE, async || ending(&stage).await > 0).await;
        second.kill();
        let third = replica(&stage, "third").await;
        end_rollout(&stage, 6, &old).await;
        clients.lost_nothing("rollout with two hand-overs", 12).await;
        third
    };
    let third = watched(&stage, rollout).await;
    stage.until_ready("web", "6/6").await;
    third.end().await;
    stage.finish().await;
}

async fn replica(stage: &Stage, identity: &str) -> Controller {
    let (id, key) = stage.cloud.credentials();
    stage.controller(Keys::new(id, key, None).unwrap(), &["--identity", identity]).await
}

fn count(stage: &Stage) -> usize {
    stage.targets(Protocol::Tcp, 80).unwrap_or_default().len()
}

/// How many Pods have been told to end.
async fn ending(stage: &Stage) -> usize {
    let api: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    let pods = api.list(&ListParams::default()).await.unwrap().items;
    pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_some()).count()
}
