//! Gates open for the right reason, and never stay closed for one that has gone.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::json;
use tke_direct_access::api::names;
use tke_direct_access::model::Address;
use tke_direct_access::sim::{Effect, Fault, LoadBalancerSpec, Settings as SimulatorSettings, When};

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::eventually;

/// Status and reason of the gate of every Pod, in any order.
async fn gates(stage: &Stage) -> Vec<String> {
    let path = format!(
        "jsonpath={{range .items[*]}}{{.status.conditions[?(@.type=='{gate}')].status}} \
         {{.status.conditions[?(@.type=='{gate}')].reason}}{{'\\n'}}{{end}}",
        gate = names::GATE
    );
    let text = stage.ok(&["get", "pods", "-o", &path]).await;
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

async fn until(stage: &Stage, what: &str, wanted: &str) {
    eventually(what, DEADLINE, async || {
        let found = gates(stage).await;
        if !found.is_empty() && found.iter().all(|gate| gate == wanted) { Ok(Some(())) } else { Err(found.join(", ")) }
    })
    .await;
}

/// An Event on the Pod says what it waits for.
async fn until_told(stage: &Stage, kind: &str, words: &str) {
    eventually(&format!("an Event on the Pod says '{words}'"), DEADLINE, async || {
        let selector = format!("--field-selector=involvedObject.kind=Pod,type={kind},reason=GateClosed");
        let found = stage.ok(&["get", "events", &selector, "-o", "jsonpath={.items[*].message}"]).await;
        if found.contains(words) { Ok(Some(())) } else { Err(found) }
    })
    .await;
}

const FAIL_HEALTH: &str = "loopback.tke-direct-access.dev/fail-health";

/// Deploys one Pod that the cloud finds unhealthy from the start, and returns its address.
async fn deploy_sick(stage: &Stage, spec: &serde_json::Value) -> Address {
    let probe = json!({"containers": [{
        "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    }]});
    stage.apply(&service()).await;
    stage.apply(&binding("web", spec)).await;
    stage.apply(&crate::stage::deployment_with(1, &json!({FAIL_HEALTH: "true"}), &probe)).await;
    let ip = eventually("the Pod has an address", DEADLINE, async || {
        stage.ok(&["get", "pods", "-o", "jsonpath={.items[*].status.podIP}"]).await.parse().ok()
    })
    .await;
    let address = Address { ip, port: 8080 };
    stage.cloud.set_health_override(address, Some(false));
    stage.ok(&["annotate", "pods", "--all", &format!("{FAIL_HEALTH}-")]).await;
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_waits_for_health_and_says_so() {
    let mut stage = Stage::without_controller("health", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    let target = deploy_sick(&stage, &json!({})).await;
    until(&stage, "the gate waits for health", "False HealthCheck").await;
    stage.until("web", "TargetsHealthy", "False", "Unhealthy").await;
    until_told(&stage, "Normal", &format!("{target} is probed")).await;
    let status = stage.binding("web").await.unwrap().status.unwrap().gates.unwrap();
    assert!(status.waiting == 1 && status.oldest_time.is_some(), "{status:?}");
    stage.cloud.set_health_override(target, Some(true));
    until(&stage, "the gate opens", "True LoadBalancerNetworkGroupReady").await;
    // One-way: later ill health shows elsewhere.
    stage.cloud.set_health_override(target, Some(false));
    stage.until("web", "TargetsHealthy", "False", "Unhealthy").await;
    assert_eq!(gates(&stage).await, ["True LoadBalancerNetworkGroupReady"]);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_opens_at_the_first_read_that_says_healthy() {
    let stage = Stage::new("first-read").await;
    let target = deploy_sick(&stage, &json!({})).await;
    until(&stage, "the gate waits for health", "False HealthCheck").await;
    let api: Api<Pod> = Api::default_namespaced(stage.namespace.client());
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    let opened = async {
        while let Some(event) = events.next().await {
            if let Ok(Event::InitApply(pod) | Event::Apply(pod)) = event {
                let conditions = pod.status.and_then(|status| status.conditions).unwrap_or_default();
                if conditions.iter().any(|found| found.type_ == names::GATE && found.status == "True") {
                    return stage.cloud.calls().get("DescribeTargetHealth").copied().unwrap_or_default();
                }
            }
        }
        panic!("the watch does not end")
    };
    stage.cloud.set_health_override(target, Some(true));
    stage.cloud.reset_calls();
    let reads = tokio::time::timeout(DEADLINE, opened).await.expect("the gate opens");
    // None when a read came between the two lines above.
    assert!(reads <= 1, "{reads} reads of health were needed");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_behind_two_load_balancers_waits_for_both() {
    let stage = Stage::new("both").await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-second01")).unwrap();
    let denied = Effect::Error { code: "InternalError".to_owned(), message: "not now".to_owned() };
    stage.cloud.inject(Fault {
        action: Some("BatchRegisterTargets".to_owned()),
        load_balancer: Some("lb-second01".to_owned()),
        names: None,
        when: When::Always,
        effect: denied,
    });
    stage.apply(&binding("second", &json!({"loadBalancer": {"id": "lb-second01"}}))).await;
    stage.deploy(1, &json!({})).await;
    stage.until("web", "TargetsHealthy", "True", "Healthy").await;
    until(&stage, "the gate waits for the second", "False Registering").await;
    stage.cloud.clear_faults();
    until(&stage, "the gate opens", "True LoadBalancerNetworkGroupReady").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_no_binding_selects_is_released() {
    let stage = Stage::new("unbound").await;
    stage.apply(&deployment(2)).await;
    until(&stage, "the gates open", "True NotBound").await;
    stage.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=150s"]).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_or_suspended_binding_releases_the_pods_that_wait_for_it() {
    let stage = Stage::new("released").await;
    stage.deploy(1, &json!({"loadBalancer": {"id": "lb-missing1"}})).await;
    until(&stage, "the gate waits", "").await;
    stage.until("web", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    until_told(&stage, "Warning", "'lb-missing1' does not exist in region").await;
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]).await;
    until(&stage, "the gate opens", "True Suspended").await;
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", r#"{"spec":{"suspend":false}}"#]).await;
    stage.ok(&["scale", "deployment/web", "--replicas=0"]).await;
    eventually("the Pods are gone", DEADLINE, async || stage.ok(&["get", "pods", "-o", "name"]).await.is_empty()).await;
    stage.ok(&["scale", "deployment/web", "--replicas=1"]).await;
    until(&stage, "the gate waits again", "").await;
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    until(&stage, "the gate opens", "True NotBound").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_times_out_when_the_user_asked_for_it() {
    let mut stage = Stage::without_controller("timeout", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    deploy_sick(&stage, &json!({"readinessGate": {"timeoutSeconds": 10}})).await;
    until(&stage, "the gate waits", "False HealthCheck").await;
    until(&stage, "the gate times out", "True TimedOut").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_a_switched_off_check_ask_for_less() {
    let stage = Stage::new("policy").await;
    stage.deploy(1, &json!({"readinessGate": {"policy": "Registered"}})).await;
    until(&stage, "bound is enough", "True Registered").await;
    stage.ok(&["delete", "dab/web", "deployment/web", "--timeout=150s"]).await;
    eventually("the Pods are gone", DEADLINE, async || stage.ok(&["get", "pods", "-o", "name"]).await.is_empty()).await;
    stage
        .apply(&binding(
            "web",
            &json!({"readinessGate": {"policy": "Disabled"}, "loadBalancer": {"id": LOAD_BALANCER}}),
        ))
        .await;
    stage.apply(&deployment(1)).await;
    until(&stage, "nothing is asked for", "True PolicyDisabled").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_without_a_gate_are_counted() {
    let stage = Stage::new("ungated").await;
    stage.apply(&service()).await;
    stage.apply(&crate::stage::deployment_with(2, &json!({}), &json!({"readinessGates": []}))).await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(stage.binding("web").await.unwrap().status.unwrap().gates.unwrap().ungated_pods, 2);
    stage.finish().await;
}
