//! One binding's trouble is its own, and no read stands before a drain: tried with real Pods, under load.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{CallRecord, Effect, Fault, Settings as SimulatorSettings, Timing, When};

use crate::stage::{DEADLINE, Stage, binding, deployment, service};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

/// Everything about `web`, for Pods of another name.
fn renamed(object: &str, name: &str) -> Value {
    let mut object: Value = serde_json::from_str(&object.replace("\"web\"", &format!("\"{name}\""))).unwrap();
    if let Some(containers) = object.pointer_mut("/spec/template/spec/containers/0/name") {
        *containers = json!("web");
    }
    object
}

fn refuse(action: &str, code: &str, names: &str) -> Fault {
    let effect = Effect::Error { code: code.to_owned(), message: "not this one".to_owned() };
    let (action, names) = (Some(action.to_owned()), Some(names.to_owned()));
    Fault { action, load_balancer: None, names, when: When::Always, effect }
}

async fn words(stage: &Stage, name: &str) -> String {
    let status = stage.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
    status
        .conditions
        .iter()
        .map(|one| format!("{}={} {}: {}\n", one.type_, one.status, one.reason, one.message))
        .collect()
}

/// Every item of binding `bad` is refused, by each action that changes targets; `web` on the same load balancer goes through a
/// rolling update, a scale-down and its deletion, and loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn isolation_of_a_binding_whose_every_item_is_refused() {
    // One that says something of an item, and one that says something of the load balancer; the pure core has all.
    for code in ["InvalidParameterValue", "FailedOperation.ResourceInOperating"] {
        let timing = Timing { scale: 0.1, ..Timing::default() };
        let settings = SimulatorSettings { timing, ..SimulatorSettings::default() };
        let mut stage = Stage::without_controller("isolation", settings).await;
        stage.start_controller(&[]).await;
        stage.deploy(3, &json!({})).await;
        let listener =
            json!({"serviceRef": {"name": "bad"}, "listeners": [{"port": 81, "protocol": "TCP", "servicePort": 80}]});
        for object in [renamed(&service(), "bad"), renamed(&deployment(3), "bad")] {
            stage.apply(&object.to_string()).await;
        }
        stage.apply(&binding("bad", &listener)).await;
        stage.until_ready("web", "3/3").await;
        stage.until_ready("bad", "3/3").await;
        let bad = stage.listeners().into_iter().find(|one| one.port == 81).expect("it is there").id;
        for action in ["BatchRegisterTargets", "BatchModifyTargetWeight", "BatchDeregisterTargets"] {
            stage.cloud.inject(refuse(action, code, bad.as_str()));
        }
        stage.ok(&["rollout", "restart", "deployment/bad"]).await;
        let load = Load::start(&format!("http://{}/", stage.data_plane(Protocol::Tcp, 80)), 100, Mode::Both);
        eventually("traffic flows", DEADLINE, async || load.totals().sent > 100).await;
        let long_sleep = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 15}}}}]}}}});
        let sleepy = ["patch", "deployment", "web", "-p", &long_sleep.to_string()];
        stage.ok(&sleepy).await;
        stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
        stage.ok(&["scale", "deployment/web", "--replicas=1"]).await;
        eventually("one target is left with weight", DEADLINE, async || {
            let weighted = stage.targets(Protocol::Tcp, 80).unwrap_or_default().into_values();
            weighted.filter(|target| target.weight > 0).count() == 1
        })
        .await;
        let (of_web, of_bad) = (words(&stage, "web").await, words(&stage, "bad").await);
        assert!(!of_web.contains("not this one"), "{code}: {of_web}");
        assert!(of_bad.contains("not this one"), "{code}: {of_bad}");
        let totals = load.stop().await.unwrap();
        eprintln!("isolation, {code}: {totals}");
        assert_eq!(totals.lost, 0, "{code}: {totals}");
        stage.ok(&["delete", "dab", "web", "--timeout=60s"]).await;
        stage.cloud.clear_faults();
        stage.until_ready("bad", "3/3").await;
        stage.finish().await;
    }
}

/// A read that takes long stands before no weight 0.
#[tokio::test(flavor = "multi_thread")]
async fn isolation_of_drains_from_slow_reads() {
    for action in ["DescribeTargetHealth", "DescribeListeners", "DescribeLoadBalancers"] {
        let mut stage = Stage::without_controller("slow", SimulatorSettings::instant()).await;
        stage.start_controller(&[]).await;
        stage.deploy(3, &json!({})).await;
        stage.until_ready("web", "3/3").await;
        let effect = Effect::Delay { milliseconds: 9_000 };
        let (action, names) = (Some(action.to_owned()), None);
        stage.cloud.inject(Fault { action: action.clone(), load_balancer: None, names, when: When::Always, effect });
        // What was read before gets too old, and the slow read is under way.
        let is_under_way =
            || stage.cloud.call_log().iter().any(|call| call.struck && Some(&call.action) == action.as_ref());
        let number = std::cell::Cell::new(0);
        eventually("the slow read is under way", DEADLINE, async || {
            number.set(number.get() + 1);
            stage.ok(&["label", "pods", "--all", "--overwrite", &format!("touched=yes-{}", number.get())]).await;
            is_under_way()
        })
        .await;
        let scaled = Instant::now();
        stage.ok(&["scale", "deployment/web", "--replicas=1"]).await;
        eventually("two targets have weight 0, or are gone", DEADLINE, async || {
            let weighted = stage.targets(Protocol::Tcp, 80).unwrap_or_default().into_values();
            weighted.filter(|target| target.weight > 0).count() == 1
        })
        .await;
        let took = scaled.elapsed();
        eprintln!("isolation, slow {action:?}: weight 0 after {took:.2?}");
        assert!(took < Duration::from_secs(6), "{action:?}: weight 0 after {took:?}");
        stage.cloud.clear_faults();
        stage.until_ready("web", "1/1").await;
        stage.finish().await;
    }
}

/// On a cloud that takes its time, each listener is made once. A lock that outlasts its task may refuse a call, and nobody is warned of it.
#[tokio::test(flavor = "multi_thread")]
async fn isolation_of_what_is_read_during_a_task() {
    let mut stage = Stage::without_controller("once", SimulatorSettings::default()).await;
    stage.start_controller(&[]).await;
    stage.apply(&service()).await;
    stage.apply(&deployment(1)).await;
    for port in [80, 81, 82] {
        let spec = json!({"serviceRef": {"name": "web"}, "listeners": [{"port": port, "protocol": "HTTP", "servicePort": 80,
            "rules": [{"domain": "a.example"}]}]});
        stage.apply(&binding(&format!("web-{port}"), &spec)).await;
        stage.until_ready(&format!("web-{port}"), "1/1").await;
    }
    let log = stage.cloud.call_log();
    let is_made = |call: &&CallRecord| ["CreateListener", "CreateRule"].contains(&call.action.as_str());
    let (made, refused): (Vec<_>, Vec<_>) = log.iter().filter(is_made).partition(|call| call.error.is_none());
    assert_eq!(made.len(), 6, "{made:?}");
    let is_locked = |call: &&CallRecord| call.error.as_deref() == Some("FailedOperation.ResourceInOperating");
    assert!(refused.iter().all(is_locked), "{refused:?}");
    let others: Vec<_> = log.iter().filter(|call| call.error.is_some() && !is_locked(call)).collect();
    assert!(others.is_empty(), "{others:?}");
    let warnings =
        stage.ok(&["get", "events", "--field-selector", "type=Warning,involvedObject.kind=DirectAccessBinding"]).await;
    assert!(warnings.trim().is_empty(), "{warnings}");
    stage.finish().await;
}
