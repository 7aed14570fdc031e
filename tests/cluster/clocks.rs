//! Two API servers behind one address, whose clocks differ: nobody who serves is taken for ended.

use std::time::Duration;

use serde_json::json;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::Settings as SimulatorSettings;

use crate::line::journal::Journal;
use crate::line::{Lines, Rule};
use crate::stage::{Stage, binding, service};

/// The only Pod, which sleeps for 40 s before it ends.
fn lone() -> String {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lone", "labels": {"app": "web"}},
        "spec": {"automountServiceAccountToken": false, "terminationGracePeriodSeconds": 60, "containers": [{
            "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 40}}},
        }]},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn misfortune_cluster_api_servers_whose_clocks_differ() {
    let mut stage = Stage::without_controller("clocks", SimulatorSettings::instant()).await;
    let journal = Journal::default();
    let lines = Lines::open(&stage, "only", &journal, Rule::SecondClock(120)).await;
    let (id, key) = stage.cloud.credentials();
    let config = kube::Config::new(lines.api().parse().unwrap());
    let keys = Keys::new(id, key, None).unwrap();
    let controller = stage.controller_of(config, keys, &["--resync-seconds", "1"]).await;
    stage.put_controller(controller);
    for object in [service(), binding("web", &json!({})), lone()] {
        stage.apply(&object).await;
    }
    stage.until_ready("web", "1/1").await;
    stage.ok(&["delete", "pod", "lone", "--wait=false"]).await;
    // A round each second, and answers of both servers in each.
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..80 {
        looks.tick().await;
        let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        let weights: Vec<_> = targets.values().map(|target| target.weight).collect();
        assert!(weights.len() == 1 && weights[0] > 0, "it sleeps, and serves as the last: {weights:?}");
    }
    stage.ok(&["delete", "pod", "lone", "--force", "--grace-period=0"]).await;
    stage.finish().await;
}
