//! Several bindings behind one listener, and on one load balancer.

use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::eventually;

const IN_EXAMPLES: &str = "lb-6efswuxa";

async fn stage(name: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(IN_EXAMPLES)).unwrap();
    stage.start_controller(&[]).await;
    stage
}

fn example(file: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file)).unwrap()
}

/// How many of 200 new connections go to the canary.
async fn share(stage: &Stage) -> usize {
    let front = stage.cloud.data_plane(&LoadBalancerId::new(IN_EXAMPLES), Protocol::Tcp, 80).unwrap();
    let mut share = 0;
    for _ in 0..200 {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let answer = client.get(format!("http://{front}/")).send().await.unwrap().text().await.unwrap();
        share += usize::from(answer.contains("\"pod\":\"web-canary-"));
    }
    share
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_gets_its_share_by_weight() {
    let stage = stage("canary").await;
    let id = LoadBalancerId::new(IN_EXAMPLES);
    let listener = stage.cloud.console(|state| state.add_listener(&id, "shared", Protocol::Tcp, 80)).unwrap();
    stage.apply(&example("10-canary.yaml").replace("lbl-shared01", listener.as_str())).await;
    stage.until_ready("web-stable", "2/2").await;
    stage.until_ready("web-canary", "1/1").await;
    assert_eq!(share(&stage).await, 20, "10 of 100");
    let patch = json!([{"op": "replace", "path": "/spec/listeners/0/weight", "value": 90}]).to_string();
    stage.ok(&["patch", "dab", "web-canary", "--type=json", "-p", &patch]).await;
    eventually("half goes to the canary", DEADLINE, async || {
        let found = share(&stage).await;
        if found == 100 { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
    stage.ok(&["delete", "dab", "web-canary", "--timeout=150s"]).await;
    assert_eq!(share(&stage).await, 0);
    stage.until_ready("web-stable", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_vpc_cni_is_bound() {
    let stage = stage("vpc-cni").await;
    stage.apply(&example("11-vpc-cni.yaml")).await;
    stage.until_ready("api", "2/2").await;
    stage.finish().await;
}

/// The number of writes does not grow with the number of bindings that change together.
#[tokio::test(flavor = "multi_thread")]
async fn bindings_of_one_load_balancer_are_written_together() {
    const BINDINGS: u16 = 40;
    let stage = Stage::new("together").await;
    let item = |port: u16| {
        // HTTP, because one Pod port can be behind one TCP listener only.
        let spec = json!({"listeners": [{"port": port, "protocol": "HTTP", "servicePort": 80}]});
        serde_json::from_str::<serde_json::Value>(&binding(&format!("web-{port}"), &spec)).unwrap()
    };
    let items: Vec<_> = (1000..1000 + BINDINGS).map(item).collect();
    for object in [service(), deployment(1), json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()] {
        stage.apply(&object).await;
    }
    for port in 1000..1000 + BINDINGS {
        stage.until_ready(&format!("web-{port}"), "1/1").await;
    }
    stage.cloud.reset_calls();
    stage.ok(&["scale", "deployment/web", "--replicas=4"]).await;
    for port in 1000..1000 + BINDINGS {
        stage.until_ready(&format!("web-{port}"), "4/4").await;
    }
    let calls = stage.cloud.calls();
    println!("3 more Pods behind {BINDINGS} bindings of {LOAD_BALANCER}: {calls:?}");
    // One call takes the targets of all of them; Pods that are ready a moment later make another one.
    let registrations = calls.get("BatchRegisterTargets").copied().unwrap_or_default();
    assert!((1..=3).contains(&registrations), "{calls:?}");
    stage.finish().await;
}
