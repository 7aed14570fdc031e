//! Annotations that are not followed, and what is said about it.

use serde_json::json;

use super::scene::{DOCUMENTED, annotate, created, delete_parked, pods, stage, until_told};
use crate::stage::{DEADLINE, Stage, binding};
use crate::support::eventually;

async fn until_warned(stage: &Stage, reason: &str, words: &str) {
    eventually("an Event says it", DEADLINE, async || {
        let path = "jsonpath={range .items[*]}{.reason}: {.message}{\"\\n\"}{end}";
        let selector = "--field-selector=involvedObject.kind=Service,type=Warning";
        let events = stage.ok(&["get", "events", selector, "-o", path]).await;
        let is_there = events.lines().any(|line| line.starts_with(reason) && line.contains(words));
        if is_there { Ok(Some(())) } else { Err(events) }
    })
    .await;
}

/// Waits until the Service's condition is InvalidAnnotation with these words.
async fn until_told_words(stage: &Stage, words: &str) -> String {
    eventually(&format!("the Service says {words}"), DEADLINE, async || {
        let said = until_told(stage, "False", "InvalidAnnotation").await;
        if said.contains(words) { Ok(Some(said)) } else { Err(said) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_read_is_named_and_the_rest_works() {
    let stage = stage("broken", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(&DOCUMENTED.replace("\"true\"", "\"yes\"")).await;
    let said = until_told(&stage, "False", "InvalidAnnotation").await;
    assert!(said.contains("service.cloud.tencent.com/direct-access: \"yes\""), "{said}");
    until_warned(&stage, "InvalidAnnotation", "direct-access").await;
    assert!(stage.binding("my-service").await.is_none());
    annotate(
        &stage,
        json!({
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/specify-protocol": "{80}",
            "service.cloud.tencent.com/prevent-loopback": "true",
        }),
    )
    .await;
    let said = until_told_words(&stage, "specify-protocol: \"{80}\" cannot be read").await;
    assert!(said.contains("no binding is made before"), "{said}");
    assert!(said.contains("service.cloud.tencent.com/prevent-loopback: it has no effect: set healthCheck"), "{said}");
    assert!(stage.binding("my-service").await.is_none(), "no protocol is guessed");
    assert_eq!(created(&stage).len(), 0);
    annotate(&stage, json!({"service.cloud.tencent.com/specify-protocol": null})).await;
    until_told(&stage, "False", "NotSupported").await;
    annotate(&stage, json!({"service.cloud.tencent.com/prevent-loopback": null})).await;
    until_told(&stage, "True", "Accepted").await;
    stage.until_ready("my-service", "1/1").await;
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": null})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_tke_programs_is_left_to_it_until_it_says_skip() {
    let stage = stage("tke", "All").await;
    stage.apply(&pods(1)).await;
    let theirs =
        DOCUMENTED.replace("  annotations:\n", "  annotations:\n    service.cloud.tencent.com/client-token: abc\n");
    stage.apply(&theirs).await;
    let said = until_told(&stage, "False", "ManagedByTke").await;
    assert!(said.contains("service.cloud.tencent.com/mode to skip"), "{said}");
    // A binding made by hand does not fight TKE either.
    let by_hand = binding("by-hand", &json!({"serviceRef": {"name": "my-service"}}));
    stage.apply(&by_hand).await;
    stage.until("by-hand", "Accepted", "False", "ManagedByTke").await;
    assert_eq!(stage.listeners().len(), 1, "the foreign one");
    stage.ok(&["delete", "dab", "by-hand", "--timeout=150s"]).await;
    annotate(&stage, json!({"service.cloud.tencent.com/mode": "skip"})).await;
    stage.until_ready("my-service", "1/1").await;
    assert_eq!(created(&stage).len(), 1);
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": null})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_made_by_hand_counts_more_than_annotations() {
    let stage = stage("explicit", "All").await;
    stage.apply(&pods(1)).await;
    let by_hand = binding("by-hand", &json!({"serviceRef": {"name": "my-service"}}));
    stage.apply(&by_hand).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("by-hand", "1/1").await;
    let said = until_told(&stage, "True", "BoundByOther").await;
    assert!(said.contains("'by-hand'"), "{said}");
    assert!(stage.binding("my-service").await.is_none());
    stage.ok(&["delete", "dab", "by-hand", "--timeout=150s"]).await;
    until_told(&stage, "False", "BindingDeleted").await;
    assert_eq!(created(&stage).len(), 0, "nobody has asked for a load balancer on that day");
    // As the condition says it.
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": "false"})).await;
    let conditions = ["get", "service", "my-service", "-o", "jsonpath={.status.conditions}"];
    eventually("the conditions are gone", DEADLINE, async || match stage.ok(&conditions).await {
        found if found.is_empty() => Ok(Some(())),
        found => Err(found),
    })
    .await;
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": "true"})).await;
    stage.until_ready("my-service", "1/1").await;
    assert_eq!(created(&stage).len(), 1);
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": null})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_and_the_binding_that_comes_with_it_make_no_second_one() {
    let stage = stage("together", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    // Tools apply the objects of one application one after another.
    let seen = ["get", "service", "my-service", "-o", "jsonpath={.metadata.uid}"];
    assert!(!stage.ok(&seen).await.is_empty());
    stage.apply(&binding("my-service", &json!({"serviceRef": {"name": "my-service"}}))).await;
    stage.until_ready("my-service", "1/1").await;
    let said = until_told(&stage, "True", "BoundByOther").await;
    assert!(said.contains("'my-service'"), "{said}");
    assert_eq!(created(&stage).len(), 0, "no load balancer was made for the annotation");
    stage.finish().await;
}

/// The warnings on Services, each with its reason, its words and how often it was told.
async fn warnings(stage: &Stage) -> Vec<String> {
    let path = "jsonpath={range .items[*]}{.reason}: {.message} ({.series.count}){\"\\n\"}{end}";
    let selector = "--field-selector=involvedObject.kind=Service,type=Warning";
    let events = stage.ok(&["get", "events", selector, "-o", path]).await;
    events.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_have_no_effect_are_said_on_the_service_and_on_its_binding_one_by_one() {
    let stage = stage("words", "All").await;
    stage.apply(&pods(1)).await;
    let affine = DOCUMENTED.replace("  type: LoadBalancer", "  sessionAffinity: ClientIP\n  type: LoadBalancer");
    stage.apply(&affine).await;
    stage.until_ready("my-service", "1/1").await;
    annotate(
        &stage,
        json!({
            "service.cloud.tencent.com/custom-weight": "50",
            "service.cloud.tencent.com/direct-acess": "true",
            "service.cloud.tencent.com/colour": "red",
        }),
    )
    .await;
    let said = until_told_words(
        &stage,
        "direct-acess: the key is not known; service.cloud.tencent.com/direct-access is there",
    )
    .await;
    for words in ["spec.sessionAffinity: ClientIP", "write it into the Pod template", "/colour: the key is not known"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    for (reason, words) in [
        ("InvalidAnnotation", "direct-acess"),
        ("NotSupported", "sessionAffinity"),
        ("NotSupported", "custom-weight"),
        ("NotSupported", "colour"),
    ] {
        until_warned(&stage, reason, words).await;
    }
    eventually("the binding says it", DEADLINE, async || {
        let path = "jsonpath={.status.advice[*].message}";
        let found = stage.ok(&["get", "directaccessbinding", "my-service", "-o", path]).await;
        if found.contains("/colour") && found.contains("ClientIP") { Ok(Some(())) } else { Err(found) }
    })
    .await;
    annotate(&stage, json!({"service.cloud.tencent.com/enable-grace-shutdown": "1"})).await;
    until_warned(&stage, "InvalidAnnotation", "\"1\" cannot be read").await;
    annotate(&stage, json!({"service.cloud.tencent.com/enable-grace-shutdown": "2"})).await;
    until_warned(&stage, "InvalidAnnotation", "\"2\" cannot be read").await;
    let all = warnings(&stage).await;
    assert!(all.iter().all(|line| line.ends_with(" ()")), "each is told once: {all:?}");
    assert_eq!(all.iter().filter(|line| line.contains("colour")).count(), 1, "{all:?}");
    let without = ["custom-weight", "direct-acess", "colour", "enable-grace-shutdown"];
    let without: serde_json::Map<_, _> =
        without.iter().map(|name| (format!("service.cloud.tencent.com/{name}"), serde_json::Value::Null)).collect();
    annotate(&stage, without.into()).await;
    stage.ok(&["patch", "service", "my-service", "--type=merge", "-p", r#"{"spec":{"sessionAffinity":"None"}}"#]).await;
    until_told(&stage, "True", "Accepted").await;
    annotate(&stage, json!({"service.cloud.tencent.com/direct-access": null})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_asks_where_annotations_are_off_is_told_once() {
    let stage = stage("off", "Off").await;
    stage.apply(DOCUMENTED).await;
    until_warned(&stage, "AnnotatedServicesOff", "start it with --annotated-services=All").await;
    annotate(&stage, json!({"service.cloud.tencent.com/enable-grace-shutdown": "false"})).await;
    // Another Service of the same kind is told after that change was looked at.
    stage.apply(&DOCUMENTED.replace("my-service", "second")).await;
    eventually("the second is told too", DEADLINE, async || {
        let all = warnings(&stage).await;
        if all.iter().any(|line| line.contains("serviceRef.name second")) {
            Ok(Some(()))
        } else {
            Err(format!("{all:?}"))
        }
    })
    .await;
    let all = warnings(&stage).await;
    assert!(all.len() == 2 && all.iter().all(|line| line.ends_with(" ()")), "{all:?}");
    let status = stage.ok(&["get", "service", "my-service", "-o", "jsonpath={.status.conditions}"]).await;
    assert_eq!(status, "", "its status stays as it is");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headless_service_that_asks_is_told_what_to_do() {
    let stage = stage("headless", "All").await;
    stage.apply(&DOCUMENTED.replace("  type: LoadBalancer", "  clusterIP: None")).await;
    let said = until_told(&stage, "False", "NotLoadBalancer").await;
    assert!(said.contains("it is headless") && said.contains("spec.serviceRef.name my-service"), "{said}");
    until_warned(&stage, "NotLoadBalancer", "it is headless").await;
    // What it says to do works.
    stage.apply(&pods(1)).await;
    stage.apply(&binding("by-hand", &json!({"serviceRef": {"name": "my-service"}}))).await;
    stage.until_ready("by-hand", "1/1").await;
    eventually("nothing is said any more", DEADLINE, async || {
        let found = stage.ok(&["get", "service", "my-service", "-o", "jsonpath={.status.conditions}"]).await;
        if found.is_empty() || found == "[]" { Ok(Some(())) } else { Err(found) }
    })
    .await;
    stage.ok(&["delete", "dab", "by-hand", "--timeout=150s"]).await;
    stage.finish().await;
}
