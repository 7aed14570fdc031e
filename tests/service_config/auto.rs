//! The config that a binding makes for itself.

use serde_json::{Value, json};

use crate::scene::{found, listener, named, until_config};
use crate::stage::{DEADLINE, Stage, binding};
use crate::support::eventually;

const NAME: &str = "web-auto-service-config";

async fn spec(stage: &Stage) -> Value {
    let text = stage.kubectl(&["get", "tsc", NAME, "-o", "jsonpath={.spec.loadBalancer}"]).await;
    text.ok().ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

async fn until_spec(stage: &Stage, what: &str, expected: Value) {
    eventually(what, DEADLINE, async || {
        let found = spec(stage).await;
        if found == expected { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
}

fn listeners(ports: &[u16]) -> Value {
    // One Pod port can be behind one TCP listener only.
    let protocol = |port: u16| if port == 80 { "TCP" } else { "HTTP" };
    let listener = |port: &u16| json!({"port": port, "protocol": protocol(*port), "servicePort": 80});
    json!({"autoServiceConfig": true, "listeners": ports.iter().map(listener).collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_and_go_with_listeners_and_edits_are_applied() {
    let stage = Stage::new("auto").await;
    stage.deploy(1, &listeners(&[80, 81])).await;
    let tcp = json!({"protocol": "TCP", "port": 80});
    let http =
        |port: u16| json!({"protocol": "HTTP", "port": port, "domains": [{"domain": "", "rules": [{"url": "/"}]}]});
    let expected = json!({"l4Listeners": [tcp], "l7Listeners": [http(81)]});
    until_spec(&stage, "there is an entry for each listener", expected).await;
    stage.until_ready("web", "1/1").await;
    until_config(&stage, NAME, "True", "Ready").await;

    let edit = json!({"spec": {"loadBalancer": {"l4Listeners": [
        {"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 11}, "unknown": "kept"}]}}});
    stage.ok(&["patch", "tsc", NAME, "--type=merge", "-p", &edit.to_string()]).await;
    // Nobody knows the field `unknown`: it stays, and is reported.
    until_config(&stage, NAME, "True", "PartlyApplied").await;
    assert_eq!(listener(&stage, 80).await["HealthCheck"]["IntervalTime"], 11);

    stage.apply(&binding("web", &listeners(&[80, 82]))).await;
    let edited = json!({"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 11}, "unknown": "kept"});
    let expected = json!({"l4Listeners": [edited], "l7Listeners": [http(82)]});
    until_spec(&stage, "entries follow the listeners", expected).await;
    stage.until_ready("web", "1/1").await;

    stage.ok(&["delete", "tsc", NAME]).await;
    let expected = json!({"l4Listeners": [tcp], "l7Listeners": [http(82)]});
    until_spec(&stage, "it is made again", expected).await;
    assert_eq!(listener(&stage, 80).await["HealthCheck"]["IntervalTime"], 11, "what was set stays");
    stage.ok(&["delete", "dab", "web", "--timeout=150s"]).await;
    eventually("it goes with its binding", DEADLINE, async || found(&stage, NAME).await.is_none()).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_of_that_name_which_belongs_to_somebody_else_is_not_touched() {
    let stage = Stage::new("theirs").await;
    let theirs = json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 11}}]});
    stage.apply(&named(NAME, &theirs)).await;
    stage.deploy(1, &json!({"autoServiceConfig": true})).await;
    stage.until("web", "ResolvedRefs", "False", "ConfigNotOwned").await;
    eventually("the Pod is a healthy target all the same", DEADLINE, async || {
        stage
            .binding("web")
            .await
            .and_then(|found| found.status?.targets)
            .is_some_and(|targets| targets.summary == "1/1")
    })
    .await;
    assert_eq!(
        (spec(&stage).await, listener(&stage, 80).await["HealthCheck"]["IntervalTime"].clone()),
        (theirs, json!(5))
    );
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_annotations_of_a_service_choose_its_config() {
    let stage = Stage::new("annotated").await;
    stage.deploy(1, &json!({})).await;
    stage.until_ready("web", "1/1").await;
    stage.ok(&["annotate", "service", "web", "service.cloud.tencent.com/tke-service-config-auto=true"]).await;
    let expected = json!({"l4Listeners": [{"protocol": "TCP", "port": 80}]});
    until_spec(&stage, "a config is made", expected).await;
    let edit = json!({"spec": {"loadBalancer": {"l4Listeners": [
        {"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 12}}]}}});
    stage.ok(&["patch", "tsc", NAME, "--type=merge", "-p", &edit.to_string()]).await;
    until_config(&stage, NAME, "True", "Ready").await;
    assert_eq!(listener(&stage, 80).await["HealthCheck"]["IntervalTime"], 12);

    // A name is more than a wish for any.
    let other = json!({"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": {"intervalTime": 13}}]});
    stage.apply(&named("other", &other)).await;
    stage.ok(&["annotate", "service", "web", "service.cloud.tencent.com/tke-service-config=other"]).await;
    until_config(&stage, "other", "True", "Ready").await;
    eventually("the other one is in force", DEADLINE, async || {
        let seen = listener(&stage, 80).await["HealthCheck"]["IntervalTime"].take();
        if seen == 13 { Ok(Some(())) } else { Err(seen.to_string()) }
    })
    .await;
    until_config(&stage, NAME, "True", "NotUsed").await;
    stage.finish().await;
}
