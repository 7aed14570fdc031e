//! What Kubernetes and the cloud say of a Pod differs.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::clients::Clients;
use crate::objects::{Workload, behaviour, binding, service};
use crate::scene::Story;
use crate::stage::DEADLINE;
use crate::support::eventually;

/// A fault of the probe, or of what it asks: the Pods answer clients.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_all_unready_and_healthy_to_the_cloud_serve_on() {
    let story = Story::begin("unready").await;
    let probe = json!({"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1});
    let web = Workload::new("web").container(&json!({"readinessProbe": probe})).deployment();
    story.set(&[service(&json!({"app": "web"}), &[(80, 8080)]), web, binding(3)], "3/3").await;
    let ended = story
        .watch(async {
            let clients = Clients::start(&story).await;
            let annotate = |value: &str| format!("{}={value}", behaviour("fail-health"));
            story.stage.ok(&["annotate", "pods", "--all", &annotate("/ready")]).await;
            story.stage.ok(&["wait", "--for=condition=Ready=false", "pods", "--all", "--timeout=150s"]).await;
            story.journal.note("all Pods are unready");
            // Much longer than the cloud's checks take.
            clients.send(1_500).await;
            // Each is followed while another is ready, so that it may be the last only.
            story.expect(!story.weighted().is_empty(), || "nobody serves on".to_owned());
            eprintln!("all Pods unready: {} of 3 serve on", story.weighted().len());
            story.expect_reason("RemovalHeld").await;
            story.stage.ok(&["annotate", "pods", "--all", "--overwrite", &annotate("false")]).await;
            story.stage.until_ready("web", "3/3").await;
            clients.send(200).await;
            clients.end("all Pods unready").await
        })
        .await;
    story.expect_nothing_lost("all Pods unready", &ended);
    story.end().await;
}

/// A readiness gate of somebody else, who has a reason.
const FOREIGN_GATE: &str = "example.com/in-service";

/// Somebody takes the Pods out of service on purpose, as before an update in place: nobody is held, not even the last.
#[tokio::test(flavor = "multi_thread")]
async fn pods_whose_foreign_gate_is_false_get_nothing_although_there_are_no_others() {
    let story = Story::begin("foreign").await;
    let web = Workload::new("web").pod(&json!({"readinessGates": [{"conditionType": FOREIGN_GATE}]})).deployment();
    for object in [service(&json!({"app": "web"}), &[(80, 8080)]), web, binding(3)] {
        story.stage.apply(&object).await;
    }
    eventually("all Pods have addresses", DEADLINE, async || story.addresses("app=web", 8080).await.len() == 3).await;
    open_foreign_gates(&story, true).await;
    story.stage.until_ready("web", "3/3").await;
    let all = story.addresses("app=web", 8080).await;
    story
        .watch(async {
            open_foreign_gates(&story, false).await;
            eventually("nobody gets new connections", DEADLINE, async || story.weighted().is_empty()).await;
            open_foreign_gates(&story, true).await;
            eventually("all get new connections", DEADLINE, async || story.weighted() == all).await;
            story.until_serving(3).await;
            let clients = Clients::start(&story).await;
            clients.send(200).await;
            let ended = clients.end("after the foreign gate is true again").await;
            story.expect_nothing_lost("after the foreign gate is true again", &ended);
        })
        .await;
    story.end().await;
}

async fn open_foreign_gates(story: &Story, is_open: bool) {
    let status = if is_open { "True" } else { "False" };
    let patch = Patch::Strategic(json!({"status": {"conditions": [{"type": FOREIGN_GATE, "status": status}]}}));
    for name in story.names().await {
        let name = name.trim_start_matches("pod/");
        let patched: Result<Pod, _> = story.pods().patch_status(name, &PatchParams::default(), &patch).await;
        patched.expect("the condition is taken");
    }
    story.journal.note(format!("the foreign gate of all Pods is {status}"));
}
