//! Controllers that die in the middle of a rollout.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::json;
use tke_direct_access::model::Protocol;

use crate::load::{Clients, turn};
use crate::program::Program;
use crate::scene::{PATIENCE, begin_rollout, brisk, end_rollout, pods, workload};
use crate::stage::{Stage, binding, service};
use crate::support::eventually;
use crate::witness::watched;

/// Longer than a Lease lasts: a Pod that was told to end when the leader died still serves when the next one leads.
const FAREWELL: u32 = 30;

/// SIGKILL before new Pods are registered, while their gates wait, and while old Pods drain.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_survives_the_death_of_three_leaders() {
    let _turn = turn().await;
    let stage = Stage::without_controller("handover", brisk()).await;
    let first = Program::start(&stage, "first");
    for object in [service(), workload(6, "50%", FAREWELL), binding("web", &json!({}))] {
        stage.apply(&object).await;
    }
    stage.until_ready("web", "6/6").await;
    let rollout = async {
        let old = pods(&stage).await;
        let clients = Clients::start(&stage).await;
        begin_rollout(&stage, 2).await;
        first.kill();
        assert_eq!(count(&stage), 6, "no new Pod was registered yet");
        let second = Program::start(&stage, "second");
        eventually("new Pods are registered", PATIENCE, async || count(&stage) > 6).await;
        second.kill();
        let third = Program::start(&stage, "third");
        eventually("the third lets old Pods go", PATIENCE, async || ending(&stage).await > 0).await;
        third.kill();
        let fourth = Program::start(&stage, "fourth");
        end_rollout(&stage, 6, &old).await;
        clients.lost_nothing("rollout with three hand-overs", 12).await;
        fourth
    };
    let fourth = watched(&stage, rollout).await;
    stage.until_ready("web", "6/6").await;
    fourth.kill();
    stage.finish().await;
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
