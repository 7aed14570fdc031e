//! What a config does not say, or does not say any more, is left as it is.

use serde_json::json;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{Effect, Fault, Settings as SimulatorSettings, When};

use crate::api::ok;
use crate::scene::{config, listener, rounds, until_config, with_config, writes};
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

const TIMES: [&str; 2] = ["--resync-seconds", "1"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_by_hand_is_corrected_where_it_is_managed_and_told() {
    let mut stage = Stage::without_controller("drift", SimulatorSettings::instant()).await;
    stage.start_controller(&TIMES).await;
    let values = json!({
        "l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 9}}],
        "l7Listeners": [{"protocol": "HTTP", "port": 81, "snatEnable": true}]});
    stage.apply(&config(&values)).await;
    let two = json!({"serviceConfigRef": {"name": "web"}, "listeners": [
        {"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "HTTP", "servicePort": 80}]});
    stage.deploy(1, &two).await;
    stage.until_ready("web", "1/1").await;
    until_config(&stage, "web", "True", "Ready").await;
    let id = listener(&stage, 80).await["ListenerId"].take();
    for interval in [30, 31, 32] {
        let by_hand = json!({
            "LoadBalancerId": LOAD_BALANCER, "ListenerId": id,
            "HealthCheck": {"HealthSwitch": 1, "IntervalTime": interval, "HealthNum": 9}, "SessionExpireTime": 120,
        });
        ok(&stage.cloud, "ModifyListener", by_hand).await;
        eventually("the interval is corrected", DEADLINE, async || {
            let check = listener(&stage, 80).await["HealthCheck"].take();
            if check["IntervalTime"] == 9 { Ok(Some(())) } else { Err(check.to_string()) }
        })
        .await;
    }
    flags_are_put_back(&stage).await;
    let seen = listener(&stage, 80).await;
    assert_eq!(
        (&seen["HealthCheck"]["HealthNum"], &seen["SessionExpireTime"]),
        (&json!(9), &json!(120)),
        "not managed"
    );
    eventually("Events tell what, from what and to what, each time", DEADLINE, async || {
        let notes = stage.ok(&["get", "events.events.k8s.io", "-o", "jsonpath={.items[*].note}"]).await;
        let is_told = |from| notes.contains(&format!("TCP:80: healthCheck.intervalTime from {from} to 9"));
        if [30, 31, 32].into_iter().all(is_told) { Ok(Some(())) } else { Err(notes) }
    })
    .await;
    stage.finish().await;
}

/// A switch that the cloud shows as a flag is put back once the binding's status says that it was shown.
async fn flags_are_put_back(stage: &Stage) {
    let id = listener(stage, 81).await["ListenerId"].take();
    for _ in 0..2 {
        let path = "jsonpath={.status.listeners[?(@.port==81)].written}";
        eventually("the status says that the flag was shown", DEADLINE, async || {
            let rows = stage.ok(&["get", "dab", "web", "-o", path]).await;
            if rows == r#"["snatEnable=shown"]"# { Ok(Some(())) } else { Err(rows) }
        })
        .await;
        let off = json!({"LoadBalancerId": LOAD_BALANCER, "ListenerId": id, "SnatEnable": false});
        ok(&stage.cloud, "ModifyListener", off).await;
        eventually("the switch is on again", DEADLINE, async || {
            let flags = listener(stage, 81).await["AttrFlags"].take();
            if flags == json!(["SnatEnable"]) { Ok(Some(())) } else { Err(flags.to_string()) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_config_or_reference_everything_stays_and_nothing_is_lost() {
    let mut stage = Stage::without_controller("gone", SimulatorSettings::instant()).await;
    stage.start_controller(&TIMES).await;
    let values = json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "scheduler": "LEAST_CONN",
        "healthCheck": {"intervalTime": 9}}]});
    stage.apply(&config(&values)).await;
    stage.deploy(2, &with_config()).await;
    stage.until_ready("web", "2/2").await;
    until_config(&stage, "web", "True", "Ready").await;
    let load = Load::start(&format!("http://{}/", stage.data_plane(Protocol::Tcp, 80)), 50, Mode::Both);
    let (before, calls) = (listener(&stage, 80).await, writes(&stage));
    stage.ok(&["delete", "tsc", "web"]).await;
    stage.until("web", "ResolvedRefs", "False", "ConfigNotFound").await;
    rounds(&stage, 3).await;
    assert_eq!((listener(&stage, 80).await, writes(&stage)), (before.clone(), calls), "the config is gone");
    // Neither targets nor gates wait for it.
    stage.ok(&["scale", "deployment/web", "--replicas=4"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    stage.apply(&config(&values)).await;
    stage.until_ready("web", "4/4").await;
    let calls = writes(&stage);
    stage.apply(&binding("web", &json!({}))).await;
    rounds(&stage, 3).await;
    assert_eq!((listener(&stage, 80).await, writes(&stage)), (before, calls), "the reference is gone");
    until_config(&stage, "web", "True", "NotUsed").await;
    let totals = load.stop().await.unwrap();
    assert!(totals.lost == 0 && totals.sent > 50, "{totals}");
    stage.finish().await;
}

/// A value that the cloud does not take holds up nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_cloud_refuses_is_told_and_the_rest_goes_on() {
    let mut stage = Stage::without_controller("refused", SimulatorSettings::instant()).await;
    stage.start_controller(&TIMES).await;
    stage.apply(&config(&json!({}))).await;
    let two = json!({"serviceConfigRef": {"name": "web"}, "listeners": [
        {"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP_SSL", "servicePort": 80, "certificate": {"id": "cert0001"}}]});
    stage.deploy(1, &two).await;
    stage.until_ready("web", "1/1").await;
    let refusal = Effect::Error { code: "InvalidParameterValue".to_owned(), message: "no such thing".to_owned() };
    let action = Some("ModifyListener".to_owned());
    let fault = Fault { action, load_balancer: None, names: None, when: When::Always, effect: refusal };
    stage.cloud.inject(fault);
    stage
        .apply(&config(&json!({"l4Listeners": [{"protocol": "TCP_SSL", "port": 81, "scheduler": "LEAST_CONN"}]})))
        .await;
    stage.until("web", "Programmed", "False", "Failed").await;
    eventually("the config tells which entry", DEADLINE, async || {
        let text = stage.ok(&["get", "tsc", "web", "-o", "jsonpath={.status.problems}"]).await;
        if text.contains("Refused") && text.contains("TCP_SSL:81") { Ok(Some(())) } else { Err(text) }
    })
    .await;
    stage.ok(&["scale", "deployment/web", "--replicas=3"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    stage.cloud.clear_faults();
    stage.until_ready("web", "3/3").await;
    until_config(&stage, "web", "True", "Ready").await;
    assert_eq!(listener(&stage, 81).await["Scheduler"], "LEAST_CONN");
    stage.finish().await;
}
