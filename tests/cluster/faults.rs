//! What is wrong is told, harms nothing else, and is forgotten when it has gone.

use serde_json::json;
use tke_direct_access::api::condition::GateReason;
use tke_direct_access::api::names;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{Effect, Fault, LoadBalancerSpec, Settings as SimulatorSettings, When};

use crate::stage::{DEADLINE, Stage, binding, deployment, foreign_port, service};
use crate::support::eventually;

fn always(action: Option<&str>, effect: Effect) -> Fault {
    Fault { action: action.map(str::to_owned), load_balancer: None, names: None, when: When::Always, effect }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_service_is_told_and_the_binding_recovers_when_it_appears() {
    let stage = Stage::new("service").await;
    stage.apply(&binding("web", &json!({}))).await;
    stage.until("web", "ResolvedRefs", "False", "ServiceNotFound").await;
    stage.until("web", "Reconciling", "True", "ServiceNotFound").await;
    stage.apply(&deployment(1)).await;
    stage.apply(&service()).await;
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_port_is_told_and_the_binding_recovers_when_it_appears() {
    let stage = Stage::new("port").await;
    let spec = json!({"listeners": [{"port": 80, "protocol": "TCP", "servicePort": "http"}]});
    stage.deploy(1, &spec).await;
    stage.until("web", "ResolvedRefs", "False", "ServicePortNotFound").await;
    let patch = r#"{"spec":{"ports":[{"name":"http","port":80,"targetPort":8080}]}}"#;
    stage.ok(&["patch", "service", "web", "--type=merge", "-p", patch]).await;
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_load_balancer_is_told_and_the_binding_recovers_when_it_appears() {
    let mut stage = Stage::without_controller("balancer", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(1, &json!({"loadBalancer": {"id": "lb-later001"}})).await;
    stage.until("web", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-later001")).unwrap();
    stage.until_ready("web", "1/1").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_config_is_told_and_holds_up_neither_targets_nor_gates() {
    let stage = Stage::new("config").await;
    stage.deploy(2, &json!({"serviceConfigRef": {"name": "later"}})).await;
    stage.until("web", "ResolvedRefs", "False", "ConfigNotFound").await;
    stage.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=150s"]).await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 2);
    let config = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "later"}, "spec": {"loadBalancer": {}},
    });
    stage.apply(&config.to_string()).await;
    stage.until_ready("web", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_service_takes_no_target_away() {
    let stage = Stage::new("unserved").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["delete", "service", "web"]).await;
    stage.until("web", "ResolvedRefs", "False", "ServiceNotFound").await;
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 2);
    stage.apply(&service()).await;
    stage.until_ready("web", "2/2").await;
    stage.finish().await;
}

/// The gates of new Pods open by what is held, so that the rollout ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_ends_while_the_selector_or_the_service_is_missing() {
    let stage = Stage::new("unselected").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let no_selector = r#"[{"op": "remove", "path": "/spec/selector"}]"#;
    let spoils: [(&[&str], &str); 2] = [
        (&["patch", "service", "web", "--type", "json", "-p", no_selector], "NoSelector"),
        (&["delete", "service", "web"], "ServiceNotFound"),
    ];
    for (spoil, reason) in spoils {
        stage.ok(spoil).await;
        stage.until("web", "ResolvedRefs", "False", reason).await;
        stage.ok(&["rollout", "restart", "deployment/web"]).await;
        stage.ok(&["rollout", "status", "deployment/web", "--timeout=120s"]).await;
        eventually("the status counts those that serve", DEADLINE, async || {
            let status = stage.binding("web").await.unwrap().status.unwrap();
            let summary = status.targets.unwrap_or_default().summary;
            let is_so = summary == "2/2" && status.held_weights.is_empty();
            if is_so { Ok(Some(())) } else { Err(format!("{summary}: {:?}", status.held_weights)) }
        })
        .await;
        let gates = format!(r#"jsonpath={{.items[*].status.conditions[?(@.type=="{}")].reason}}"#, names::GATE);
        let opened = stage.ok(&["get", "pods", "-l", "app=web", "-o", &gates]).await;
        let is_proven =
            !opened.is_empty() && opened.split_whitespace().all(|word| word == GateReason::BackendReady.as_str());
        assert!(is_proven, "{reason}: {opened}");
    }
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_else_holds_is_a_conflict_and_nothing_is_taken() {
    let stage = Stage::new("conflict").await;
    let spec = json!({"listeners": [{"port": foreign_port(), "protocol": "TCP", "servicePort": 80}]});
    stage.deploy(1, &spec).await;
    stage.until("web", "Accepted", "False", "PortConflict").await;
    stage.until("web", "Stalled", "True", "PortConflict").await;
    assert_eq!(stage.cloud.writes(), 0);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_told_and_change_nothing() {
    let mut stage = Stage::without_controller("denied", SimulatorSettings::instant()).await;
    stage.deploy(2, &json!({})).await;
    let keys = Keys::new("AKIDsimulator", "not-the-key", None).unwrap();
    let controller = stage.controller(keys, &[]).await;
    stage.until("web", "Programmed", "False", "Denied").await;
    stage.until("web", "Stalled", "True", "Denied").await;
    let metrics = reqwest::get(format!("http://{}/metrics", controller.admin)).await.unwrap().text().await.unwrap();
    let denied = r#"direct_access_clb_calls_total{action="DescribeLoadBalancers",class="denied"}"#;
    assert!(metrics.contains(denied), "{metrics}");
    controller.end().await;
    stage.start_controller(&[]).await;
    stage.until_ready("web", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_or_babbling_cloud_is_told_and_nothing_is_removed() {
    let mut stage = Stage::without_controller("babble", SimulatorSettings::instant()).await;
    stage.start_controller(&["--resync-seconds", "1"]).await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    stage.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=150s"]).await;
    let effects = [
        Effect::HttpStatus { status: 502, done: false },
        Effect::MalformedBody { body: None },
        Effect::MalformedBody { body: Some(r#"{"Response":{"RequestId":"x"}}"#.to_owned()) },
        Effect::LostRequest,
    ];
    for effect in effects {
        stage.cloud.inject(always(None, effect.clone()));
        stage.until("web", "Programmed", "Unknown", "CloudUnreachable").await;
        let status = stage.binding("web").await.unwrap().status.unwrap();
        assert_eq!(status.targets.unwrap().summary, "2/2", "what was known is kept: {effect:?}");
        assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 2, "{effect:?}");
        let pods = stage.ok(&["get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}"]).await;
        assert_eq!(pods, "2", "gates stay open: {effect:?}");
        stage.cloud.clear_faults();
        stage.until_ready("web", "2/2").await;
    }
    stage.finish().await;
}

/// One fault in each write of a binding's life, first while it is made and then while it is taken down: the end is the same as
/// without.
async fn survives(name: &str, effect: Effect) {
    let stage = Stage::new(name).await;
    stage.apply(&service()).await;
    stage.apply(&deployment(2)).await;
    let once = |action: &str| Fault {
        action: Some(action.to_owned()),
        load_balancer: None,
        names: None,
        when: When::Next(1),
        effect: effect.clone(),
    };
    stage.cloud.inject(once("CreateListener"));
    stage.cloud.inject(once("BatchRegisterTargets"));
    stage.apply(&binding("web", &json!({}))).await;
    stage.until_ready("web", "2/2").await;
    assert_eq!(stage.listeners().len(), 2, "one listener of ours, one foreign");
    assert_eq!(stage.targets(Protocol::Tcp, 80).unwrap().len(), 2);
    for action in ["BatchModifyTargetWeight", "BatchDeregisterTargets", "DeleteLoadBalancerListeners"] {
        stage.cloud.inject(once(action));
    }
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    assert_eq!(stage.listeners().len(), 1, "only the foreign listener is left");
    assert!(stage.cloud.struck().values().sum::<u64>() >= 2, "the faults struck: {:?}", stage.cloud.struck());
    stage.finish().await;
}

macro_rules! survives {
    ($($test:ident: $effect:expr;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                survives("write", $effect).await;
            }
        )+
    };
}

fn refused(code: &str) -> Effect {
    Effect::Error { code: code.to_owned(), message: "injected".to_owned() }
}

survives! {
    a_write_whose_reply_is_lost: Effect::LostReply;
    a_write_that_never_arrives: Effect::LostRequest;
    a_write_that_is_done_behind_a_bad_gateway: Effect::HttpStatus { status: 502, done: true };
    a_write_with_a_malformed_reply: Effect::MalformedBody { body: None };
    a_write_while_the_load_balancer_is_busy: refused("FailedOperation.ResourceInOperating");
    a_write_that_meets_an_internal_error: refused("InternalError");
    a_write_that_is_throttled: refused("RequestLimitExceeded");
    a_write_whose_task_fails: Effect::FailTask { message: "no luck".to_owned() };
    a_batch_that_is_half_done: Effect::FailListeners { listeners: Vec::new(), message: "some failed".to_owned() };
    a_registration_that_is_silently_lost: Effect::LoseTargets;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_deleted_outside_does_not_hold_up_the_deletion_of_a_binding() {
    let stage = Stage::new("outside").await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-doomed01")).unwrap();
    stage.deploy(1, &json!({"loadBalancer": {"id": "lb-doomed01"}})).await;
    stage.until_ready("web", "1/1").await;
    assert!(stage.cloud.console(|state| state.remove_load_balancer(&LoadBalancerId::new("lb-doomed01"))));
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_cannot_be_taken_down_says_why() {
    let stage = Stage::new("stuck").await;
    stage.deploy(1, &json!({})).await;
    stage.until_ready("web", "1/1").await;
    let denied = Effect::Error { code: "UnauthorizedOperation".to_owned(), message: "not allowed".to_owned() };
    stage.cloud.inject(always(Some("BatchModifyTargetWeight"), denied));
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    stage.until("web", "Programmed", "False", "Denied").await;
    stage.cloud.clear_faults();
    stage.ok(&["wait", "--for=delete", "dab/web", "--timeout=150s"]).await;
    stage.finish().await;
}
