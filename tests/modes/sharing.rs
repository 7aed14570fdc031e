//! Several bindings behind one listener, and on one load balancer.

use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Quotas, Settings as SimulatorSettings};

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::eventually;

/// The load balancers of the examples.
const IN_EXAMPLES: [&str; 2] = ["lb-6efswuxa", "lb-1a2b3c4d"];
/// The one of the examples that share it.
const SHARED: &str = IN_EXAMPLES[1];

async fn stage(name: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    for id in IN_EXAMPLES {
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(id)).unwrap();
    }
    stage.start_controller(&[]).await;
    stage
}

fn example(file: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(file)).unwrap()
}

/// How many of 200 new connections go to the canary.
async fn share(stage: &Stage) -> usize {
    let front = stage.cloud.data_plane(&LoadBalancerId::new(SHARED), Protocol::Tcp, 80).unwrap();
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
    let id = LoadBalancerId::new(SHARED);
    let listener = stage.cloud.console(|state| state.add_listener(&id, "shared", Protocol::Tcp, 80)).unwrap();
    stage.apply(&example("10-canary.yaml").replace("lbl-canary01", listener.as_str())).await;
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

/// The number of writes does not grow with the number of bindings that change together.
#[tokio::test(flavor = "multi_thread")]
async fn bindings_of_one_load_balancer_are_written_together() {
    const BINDINGS: u16 = 50;
    let quotas = Quotas { listeners: 60, ..Quotas::default() };
    let mut stage =
        Stage::without_controller("together", SimulatorSettings { quotas, ..SimulatorSettings::instant() }).await;
    stage.start_controller(&[]).await;
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

/// Two controllers that know nothing of each other, as in two clusters, on one load balancer.
#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_share_a_load_balancer_and_leave_each_other_alone() {
    let mut one = Stage::without_controller("cluster-one", SimulatorSettings::instant()).await;
    one.start_controller(&[]).await;
    one.deploy(2, &json!({})).await;
    one.until_ready("web", "2/2").await;
    let held = one.targets(Protocol::Tcp, 80).unwrap();
    let other = one.control_plane.namespace("cluster-two").await;
    let flags = ["--watch-namespace", other.name.as_str(), "--lease-namespace", other.name.as_str()];
    one.start_controller(&flags).await;
    let apply = async |yaml: &str| one.control_plane.kubectl_apply(&other.name, yaml).await.unwrap();
    let listener = |port: u16| json!({"listeners": [{"port": port, "protocol": "TCP", "servicePort": 80}]});
    apply(&service()).await;
    apply(&deployment(1)).await;
    apply(&binding("taken", &listener(80))).await;
    apply(&binding("free", &listener(81))).await;
    let condition = async |name: &str, kind: &str| {
        let path = format!("jsonpath={{.status.conditions[?(@.type=='{kind}')].reason}}");
        one.control_plane.kubectl(&["-n", &other.name, "get", "dab", name, "-o", &path]).await.ok().unwrap()
    };
    for (name, kind, reason) in [("free", "Ready", "Ready"), ("taken", "Accepted", "PortConflict")] {
        eventually(&format!("{name} is {reason}"), DEADLINE, async || {
            let found = condition(name, kind).await;
            if found == reason { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }
    assert_eq!(one.targets(Protocol::Tcp, 81).unwrap().len(), 1);
    let delete = ["-n", &other.name, "delete", "dab", "--all", "--timeout=150s"];
    one.control_plane.kubectl(&delete).await.ok().unwrap();
    assert!(one.targets(Protocol::Tcp, 81).is_none());
    assert_eq!(one.targets(Protocol::Tcp, 80).unwrap(), held, "the first cluster's targets are as they were");
    one.until_ready("web", "2/2").await;
    one.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_a_shared_load_balancer_is_bound() {
    let stage = stage("shared").await;
    stage.apply(&example("15-shared-load-balancer.yaml")).await;
    stage.until_ready("blog", "1/1").await;
    stage.until_ready("blog-admin", "1/1").await;
    let id = LoadBalancerId::new(SHARED);
    for (port, app) in [(8085, "blog-"), (8086, "blog-admin-")] {
        let front = stage.cloud.data_plane(&id, Protocol::Tcp, port).unwrap();
        let answer = reqwest::get(format!("http://{front}/")).await.unwrap().text().await.unwrap();
        assert!(answer.contains(&format!("\"pod\":\"{app}")), "{answer}");
    }
    stage.finish().await;
}
