//! One config, many bindings.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use crate::api::ok;
use crate::scene::{config, found, until_config};
use crate::stage::{DEADLINE, Stage, binding, deployment, service};
use crate::support::eventually;

const BINDINGS: usize = 100;

fn load_balancer(number: usize) -> String {
    format!("lb-fan{number:05}")
}

fn interval(seconds: u8) -> String {
    config(&json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": seconds}}]}))
}

async fn intervals(stage: &Stage) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for number in 0..BINDINGS {
        let id = load_balancer(number);
        let answer = ok(&stage.cloud, "DescribeListeners", json!({"LoadBalancerId": id})).await;
        found.insert(id, answer["Listeners"][0]["HealthCheck"]["IntervalTime"].clone());
    }
    found
}

/// Every binding has a load balancer of its own, and one of these is held by another task all the time.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reaches_a_hundred_bindings_with_few_calls_and_a_slow_load_balancer_delays_no_other() {
    let mut stage = Stage::without_controller("fan-out", SimulatorSettings::instant()).await;
    for number in 0..BINDINGS {
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(load_balancer(number))).unwrap();
    }
    stage.start_controller(&[]).await;
    stage.apply(&interval(6)).await;
    let bindings = (0..BINDINGS).map(|number| {
        let spec = json!({"serviceConfigRef": {"name": "web"}, "loadBalancer": {"id": load_balancer(number)}});
        serde_json::from_str::<Value>(&binding(&format!("web-{number}"), &spec)).unwrap()
    });
    let list = json!({"apiVersion": "v1", "kind": "List", "items": bindings.collect::<Vec<_>>()});
    for object in [service(), deployment(1), list.to_string()] {
        stage.apply(&object).await;
    }
    let known = until_config(&stage, "web", "True", "Ready").await;
    assert_eq!(known.status.unwrap().used_by, 100);
    stage.until_ready("web-99", "1/1").await;

    let slow = load_balancer(7);
    stage.cloud.hold(&LoadBalancerId::new(&slow), DEADLINE).unwrap();
    stage.cloud.reset_calls();
    stage.apply(&interval(9)).await;
    let wrong = async || -> Vec<String> {
        let all = intervals(&stage).await;
        all.into_iter().filter(|(_, seen)| *seen != 9).map(|(id, _)| id).collect()
    };
    eventually("all but the slow one have it", DEADLINE, async || {
        let left = wrong().await;
        if left == [slow.clone()] { Ok(Some(())) } else { Err(left.join(" ")) }
    })
    .await;
    let calls = stage.cloud.calls();
    let writes = calls.get("ModifyListener").copied().unwrap_or_default();
    println!("an edit of a config with {BINDINGS} bindings on as many load balancers: {calls:?}");
    // One for each, and some that the slow one refused.
    assert!((99..130).contains(&writes), "{calls:?}");
    eventually("the config waits for the slow one only", DEADLINE, async || {
        let conditions = found(&stage, "web").await.unwrap().status.unwrap_or_default().conditions;
        let message = conditions.into_iter().find(|one| one.type_ == "Ready").unwrap().message;
        if message.contains("1 of 100 bindings") && message.contains("web-7;") { Ok(Some(())) } else { Err(message) }
    })
    .await;
    stage.finish().await;
}
