//! What the controller writes is no difference to Git for any tool, and no tool takes it away.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::operator::USER_AGENT;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use super::tool::{Repository, Tool, bound, example};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

/// The load balancer of the examples.
pub(super) const LOAD_BALANCER: &str = "lb-6efswuxa";

/// A controller that looks again every second.
pub(super) async fn stage(name: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(LOAD_BALANCER)).unwrap();
    stage.start_controller(&["--resync-seconds", "1", "--annotated-services=All"]).await;
    stage
}

/// A Service with a binding, one with TKE's annotations, one with a config, and one whose config is made for it.
fn objects() -> Vec<Value> {
    let mut made = bound("made");
    for object in &mut made {
        match object["kind"].as_str() {
            Some("DirectAccessBinding") => {
                object["spec"]["autoServiceConfig"] = json!(true);
                object["spec"]["listeners"] = json!([{"port": 8080, "protocol": "TCP", "servicePort": 80}]);
            }
            Some("Service") => {
                object["spec"] = json!({"selector": {"app": "made"}, "ports": [{"port": 80, "targetPort": 9376}]})
            }
            _ => {}
        }
    }
    let mut cart = example("05-session-persistence.yaml", "cart");
    for binding in cart.iter_mut().filter(|object| object["kind"] == "DirectAccessBinding") {
        binding["spec"]["listeners"] = json!([{"port": 8081, "protocol": "TCP", "servicePort": 8082}]);
    }
    [bound("plain"), example("13-annotated-service.yaml", "annotated"), cart, made].concat()
}

const BINDINGS: [&str; 4] = ["plain", "annotated", "cart", "made"];

/// Waits until this many further rounds have read the load balancer.
async fn rounds(stage: &Stage, count: u64) {
    let reads = || stage.cloud.calls().get("DescribeTargetHealth").copied().unwrap_or_default();
    let before = reads();
    eventually("rounds go on", DEADLINE, async || reads() >= before + count).await;
}

/// Writes in the stage's namespace by the controller and by kubectl that were taken.
fn writes(stage: &Stage) -> Vec<String> {
    let requests = stage.control_plane.requests().expect("the audit log can be read");
    let ours = requests.iter().filter(|request| {
        let is_theirs = request.user_agent == USER_AGENT || request.user_agent.starts_with("kubectl");
        request.is_write() && is_theirs && request.namespace == stage.namespace.name && request.resource != "leases"
    });
    ours.map(|request| format!("{} {} {}", request.verb, request.resource, request.name)).collect()
}

/// What the controller has written on each object: annotations, finalizers, owners and status.
async fn written(repository: &Repository<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for object in repository.objects.iter().filter(|object| object["kind"] != "Deployment") {
        let live = repository.live(object).await;
        let metadata = &live["metadata"];
        all.push(json!([
            live["kind"],
            metadata["name"],
            metadata["resourceVersion"],
            metadata["annotations"],
            metadata["finalizers"],
            metadata["ownerReferences"],
            live["status"],
        ]));
    }
    all
}

/// The controller has left its marks, so that there is something that could be drift.
async fn expect_marks(stage: &Stage) {
    let jsonpath = async |kind: &str, name: &str, path: &str| {
        stage.ok(&["get", kind, name, "-o", &format!("jsonpath={{{path}}}")]).await
    };
    let annotations = ".metadata.annotations";
    for name in ["plain", "cart", "made"] {
        assert!(jsonpath("service", name, annotations).await.contains(names::LOAD_BALANCER_ID), "{name}");
        assert!(jsonpath("dab", name, ".metadata.finalizers").await.contains(names::FINALIZER), "{name}");
    }
    for name in ["plain", "annotated"] {
        assert!(!jsonpath("service", name, ".status.loadBalancer.ingress").await.is_empty(), "{name}");
    }
    let config = jsonpath("tsc", "made-auto-service-config", ".metadata.ownerReferences[0].name").await;
    assert_eq!(config, "made");
    assert_eq!(jsonpath("dab", "annotated", ".metadata.ownerReferences[0].kind").await, "Service");
    // What the controller makes does not carry the marks by which the tools know their own.
    for (kind, name) in [("dab", "annotated"), ("tsc", "made-auto-service-config")] {
        let metadata = jsonpath(kind, name, ".metadata").await;
        for mark in ["tracking-id", "kustomize.toolkit", "app.kubernetes.io/instance"] {
            assert!(!metadata.contains(mark), "{metadata}");
        }
    }
}

async fn check(tool: Tool, name: &str) {
    let stage = stage(name).await;
    let repository = Repository::new(&stage, tool, objects());
    repository.sync().await;
    for binding in BINDINGS {
        stage.until_ready(binding, "1/1").await;
    }
    rounds(&stage, 3).await;
    expect_marks(&stage).await;
    repository.expect_no_drift("after the first sync").await;

    let before = written(&repository).await;
    repository.sync().await;
    let quiet = writes(&stage);
    rounds(&stage, 4).await;
    let since: Vec<_> = writes(&stage).split_off(quiet.len());
    assert_eq!(since, Vec::<String>::new(), "nobody answers a sync with a write");
    assert_eq!(written(&repository).await, before, "a sync leaves everything as it was");
    repository.expect_no_drift("after the second sync").await;

    pause(&stage, tool).await;

    // Somebody else's change is seen, so what is not seen is not there.
    let patch = r#"{"spec": {"replicas": 2}}"#;
    stage.ok(&["patch", "deployment", "plain", "--type=merge", "-p", patch]).await;
    let ways: BTreeSet<_> = repository.drift().await.into_iter().map(|(way, _)| way).collect();
    assert_eq!(ways, BTreeSet::from(["kubectl diff", "apply --dry-run", "Argo CD"]));
    stage.finish().await;
}

/// `spec.suspend` in Git is followed, and so is its removal.
async fn pause(stage: &Stage, tool: Tool) {
    let mut objects = objects();
    let plain =
        objects.iter_mut().find(|one| one["kind"] == "DirectAccessBinding" && one["metadata"]["name"] == "plain");
    plain.unwrap()["spec"]["suspend"] = json!(true);
    let paused = Repository::new(stage, tool, objects);
    paused.sync().await;
    stage.until("plain", "Ready", "False", "Suspended").await;
    rounds(stage, 2).await;
    paused.expect_no_drift("while suspended").await;
    Repository::new(stage, tool, self::objects()).sync().await;
    stage.until_ready("plain", "1/1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_finds_no_drift() {
    check(Tool::ArgoCd, "argo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_with_server_side_apply_finds_no_drift() {
    check(Tool::ArgoCdServerSide, "argo-server").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_finds_no_drift() {
    check(Tool::Flux, "flux").await;
}

/// Flux takes away what managers own whose names begin with kubectl, and applies again.
#[tokio::test(flavor = "multi_thread")]
async fn flux_keeps_what_the_plugin_has_written() {
    let stage = stage("plugin").await;
    let repository = Repository::new(&stage, Tool::Flux, bound("plain"));
    repository.sync().await;
    stage.until_ready("plain", "1/1").await;
    let plugin = std::process::Command::new(env!("CARGO_BIN_EXE_kubectl-direct_access"))
        .args(["suspend", "plain", "--namespace", &stage.namespace.name])
        .env("KUBECONFIG", stage.control_plane.kubeconfig())
        .output()
        .unwrap();
    assert!(plugin.status.success(), "{plugin:?}");
    stage.until("plain", "Ready", "False", "Suspended").await;
    let binding = repository.objects.iter().find(|object| object["kind"] == "DirectAccessBinding").unwrap();
    let managers: Vec<String> = repository.live(binding).await["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .collect();
    assert!(managers.iter().any(|manager| manager == "tke-direct-access-cli"), "{managers:?}");
    let is_stripped = |manager: &&String| manager.starts_with("kubectl") || *manager == "before-first-apply";
    assert_eq!(managers.iter().find(is_stripped), None, "{managers:?}");
    repository.sync().await;
    repository.expect_no_drift("suspended by the plugin").await;
    assert_eq!(repository.live(binding).await["spec"]["suspend"], true);
    stage.finish().await;
}

/// A Service that asks by annotation is faster than a binding that comes long after it. Without the annotation in Git the next sync works.
#[tokio::test(flavor = "multi_thread")]
async fn an_annotation_and_a_binding_of_one_service_do_not_go_together() {
    let stage = stage("both").await;
    let mut asking = bound("plain");
    for service in asking.iter_mut().filter(|object| object["kind"] == "Service") {
        service["metadata"]["annotations"] = json!({"service.cloud.tencent.com/direct-access": "true"});
    }
    let is_binding = |object: &Value| object["kind"] == "DirectAccessBinding";
    let first = asking.iter().filter(|object| !is_binding(object)).cloned().collect();
    Repository::new(&stage, Tool::Flux, first).sync().await;
    stage.until_ready("plain", "1/1").await;
    let said = Repository::new(&stage, Tool::Flux, asking).try_sync().await.expect_err("there is one already");
    assert!(said.to_string().contains("cannot be changed"), "{said}");

    let binding_alone = Repository::new(&stage, Tool::Flux, bound("plain"));
    let said = binding_alone
        .try_sync()
        .await
        .expect_err("the load balancer that was created is kept, and with it the binding");
    assert!(said.to_string().contains("cannot be changed"), "{said}");
    stage.until("plain", "Accepted", "False", "Parked").await;
    stage.ok(&["delete", "dab", "plain"]).await;
    eventually("Git is followed", DEADLINE, async || binding_alone.try_sync().await.map(Some)).await;
    stage.until_ready("plain", "1/1").await;
    rounds(&stage, 2).await;
    binding_alone.expect_no_drift("after the annotation was taken out").await;
    stage.finish().await;
}
