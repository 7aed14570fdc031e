//! What serves is held while annotations cannot be read, and parked when the user ends it.

use serde_json::{Value, json};
use tke_direct_access::api::names::{GATE, RECONCILE_REQUESTED_AT};
use tke_direct_access::model::Protocol;

use super::scene::{DOCUMENTED, annotate, created, delete_parked, pods, stage, until_told};
use crate::stage::{DEADLINE, Stage};
use crate::support::eventually;

const DIRECT_ACCESS: &str = "service.cloud.tencent.com/direct-access";
const PROTOCOL: &str = "service.cloud.tencent.com/specify-protocol";

/// The ports and protocols of the created load balancer's listeners, while traffic to it is answered.
async fn serving(stage: &Stage) -> Vec<(u16, Protocol)> {
    let all = created(stage);
    let [(id, _)] = all.as_slice() else { panic!("{all:?}") };
    let mut listeners: Vec<_> =
        stage.cloud.console(|state| state.listeners(id).iter().map(|one| (one.port, one.protocol)).collect());
    listeners.sort();
    let front = stage.cloud.data_plane(id, Protocol::Tcp, 80).unwrap();
    let answer = reqwest::get(format!("http://{front}/")).await.unwrap().text().await.unwrap();
    assert!(answer.contains("\"pod\":\"my-app-"), "{answer}");
    listeners
}

async fn metadata(stage: &Stage) -> Value {
    serde_json::to_value(stage.binding("my-service").await.unwrap().metadata).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_that_cannot_be_read_take_nothing_away() {
    let stage = stage("held", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    annotate(&stage, json!({PROTOCOL: r#"{"80":{"protocol":["TCP","UDP"]}}"#})).await;
    stage.until_ready("my-service", "1/1").await;
    let (id, before) = (created(&stage)[0].0.clone(), serving(&stage).await);
    let uid = metadata(&stage).await["uid"].clone();
    for (annotations, reason, words) in [
        (json!({DIRECT_ACCESS: "True"}), "Held", "direct-access: \"True\" cannot be read"),
        (
            json!({DIRECT_ACCESS: "true", PROTOCOL: r#"{"80":{"protocol":["TCP","UDP"]}},"#}),
            "InvalidAnnotation",
            "specify-protocol",
        ),
        (json!({PROTOCOL: r#"{"80":{"protocol":["TCP","UPD"]}}"#}), "InvalidAnnotation", "is none of TCP, UDP"),
    ] {
        annotate(&stage, annotations).await;
        eventually(&format!("the Service says {words}"), DEADLINE, async || {
            let said = until_told(&stage, "False", reason).await;
            if said.contains(words) { Ok(Some(())) } else { Err(said) }
        })
        .await;
        assert_eq!(serving(&stage).await, before, "{words}");
    }
    assert_eq!((created(&stage)[0].0.clone(), &metadata(&stage).await["uid"]), (id, &uid));
    annotate(&stage, json!({PROTOCOL: null})).await;
    until_told(&stage, "True", "Accepted").await;
    annotate(&stage, json!({DIRECT_ACCESS: "false"})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_load_balancer_comes_back_at_the_same_address() {
    let stage = stage("parked", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "1/1").await;
    let (id, shown) = created(&stage).pop().unwrap();
    annotate(&stage, json!({DIRECT_ACCESS: "false"})).await;
    let said = until_told(&stage, "False", "Parked").await;
    assert!(said.contains(id.as_str()) && said.contains("since 2"), "{said}");
    let mark = &metadata(&stage).await["annotations"]["direct-access.cloud.tencent.com/parked"];
    assert!(mark.as_str().unwrap().starts_with("SaidFalse "), "{mark}");
    eventually("it serves nothing", DEADLINE, async || {
        let left = stage.cloud.console(|state| state.listeners(&id).len());
        if left == 0 { Ok(Some(())) } else { Err(format!("{left} listeners")) }
    })
    .await;
    assert_eq!(created(&stage).len(), 1, "the load balancer is kept");
    keeps_nobody_waiting(&stage).await;
    leaves_addresses_of_others(&stage).await;
    annotate(&stage, json!({DIRECT_ACCESS: "true"})).await;
    until_told(&stage, "True", "Accepted").await;
    eventually("the mark is taken off", DEADLINE, async || {
        let metadata = metadata(&stage).await;
        let annotations = &metadata["annotations"];
        let is_off = annotations.get("direct-access.cloud.tencent.com/parked").is_none();
        if is_off { Ok(Some(())) } else { Err(annotations.to_string()) }
    })
    .await;
    stage.until_ready("my-service", "1/1").await;
    assert_eq!(serving(&stage).await, [(80, Protocol::Tcp)]);
    let (again, address) = created(&stage).pop().unwrap();
    assert_eq!((again, &address.load_balancer_vips), (id, &shown.load_balancer_vips));
    let vip = address.load_balancer_vips.iter().flatten().next().unwrap();
    eventually("its own address stands there again", DEADLINE, async || {
        let found = stage.ok(&["get", "service", "my-service", "-o", "jsonpath={.status.loadBalancer}"]).await;
        if found.contains(vip.as_str()) { Ok(Some(())) } else { Err(found) }
    })
    .await;
    annotate(&stage, json!({DIRECT_ACCESS: null})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

/// A new Pod with the gate becomes ready.
async fn keeps_nobody_waiting(stage: &Stage) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "labels": {"app": "MyApp"}},
        "spec": {"automountServiceAccountToken": false, "readinessGates": [{"conditionType": GATE}],
            "containers": [{"name": "app", "image": "registry.example.com/app:v1", "ports": [{"containerPort": 9376}]}]},
    });
    stage.apply(&pod.to_string()).await;
    stage.ok(&["wait", "--for=condition=Ready", "pod/late", "--timeout=120s"]).await;
    let reason = format!("jsonpath={{.status.conditions[?(@.type=='{GATE}')].reason}}");
    assert_eq!(stage.ok(&["get", "pod", "late", "-o", &reason]).await, "NotBound");
    stage.ok(&["delete", "pod", "late", "--grace-period=0", "--force"]).await;
}

/// Ours is taken off, and what somebody else writes then stays.
async fn leaves_addresses_of_others(stage: &Stage) {
    let ingress = async || stage.ok(&["get", "service", "my-service", "-o", "jsonpath={.status.loadBalancer}"]).await;
    eventually("ours is taken off", DEADLINE, async || {
        let found = ingress().await;
        if found == "{}" { Ok(Some(())) } else { Err(found) }
    })
    .await;
    let address = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.77"}]}}}).to_string();
    let arguments = ["--subresource=status", "--type=merge", "--field-manager=another", "-p", &address];
    stage.ok(&[&["patch", "service", "my-service"][..], &arguments].concat()).await;
    for asked in ["1", "2"] {
        let asks = format!("{RECONCILE_REQUESTED_AT}={asked}");
        stage.ok(&["annotate", "dab", "my-service", "--overwrite", &asks]).await;
        eventually("a round has come", DEADLINE, async || {
            let path = "jsonpath={.status.lastHandledReconcileAt}";
            let found = stage.ok(&["get", "dab", "my-service", "-o", path]).await;
            if found == asked { Ok(Some(())) } else { Err(found) }
        })
        .await;
        let found = ingress().await;
        assert!(found.contains("203.0.113.77"), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_that_is_switched_off_keeps_what_is_there_until_the_user_ends_it() {
    let mut stage = stage("flag-off", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "1/1").await;
    let before = serving(&stage).await;
    stage.take_controller().end().await;
    stage.start_controller(&[]).await;
    let said = until_told(&stage, "False", "Held").await;
    assert!(said.contains("--annotated-services"), "{said}");
    assert_eq!(serving(&stage).await, before);
    annotate(&stage, json!({DIRECT_ACCESS: "false"})).await;
    delete_parked(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_somebody_deletes_is_made_again_with_all_that_it_had() {
    let stage = stage("made-again", "All").await;
    stage.apply(DOCUMENTED).await;
    stage.apply(&pods(2)).await;
    stage.until_ready("my-service", "2/2").await;
    let before = metadata(&stage).await;
    let (id, listeners) = {
        let (id, _) = created(&stage).remove(0);
        let listeners: Vec<_> =
            stage.cloud.console(|state| state.listeners(&id)).into_iter().map(|one| one.id).collect();
        (id, listeners)
    };
    stage.ok(&["delete", "dab", "my-service", "--wait=false"]).await;
    eventually("there is another binding", DEADLINE, async || {
        let uid = stage.binding("my-service").await.and_then(|binding| binding.metadata.uid);
        Ok::<_, String>(uid.filter(|uid| before["uid"] != **uid))
    })
    .await;
    stage.until_ready("my-service", "2/2").await;
    let found: Vec<_> = created(&stage).into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, std::slice::from_ref(&id));
    let uid = metadata(&stage).await["uid"].as_str().unwrap().to_owned();
    eventually("the listener carries the mark of the new binding", DEADLINE, async || {
        let found = stage.cloud.console(|state| state.listeners(&id));
        let is_same = found.iter().map(|one| &one.id).eq(&listeners);
        assert!(is_same, "{found:?}");
        if found.iter().all(|one| one.name.contains(&uid)) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
    serving(&stage).await;
    stage.ok(&["delete", "deployment", "my-app"]).await;
    stage.ok(&["delete", "service", "my-service", "--wait=false"]).await;
    super::scene::until_gone(&stage).await;
    stage.finish().await;
}

/// There is nothing to go on with, so the binding goes when two looks agree, and the next one has a load balancer created.
#[tokio::test(flavor = "multi_thread")]
async fn a_binding_whose_load_balancer_somebody_has_deleted_is_made_again_with_another() {
    let stage = stage("lost", "All").await;
    stage.apply(&pods(1)).await;
    stage.apply(DOCUMENTED).await;
    stage.until_ready("my-service", "1/1").await;
    let (id, uid) = (created(&stage)[0].0.clone(), metadata(&stage).await["uid"].clone());
    assert!(stage.cloud.console(|state| state.remove_load_balancer(&id)));
    stage.ok(&["delete", "dab", "my-service", "--wait=false"]).await;
    stage.until("my-service", "ResolvedRefs", "False", "LoadBalancerNotFound").await;
    assert_eq!(metadata(&stage).await["uid"], uid, "one look proves nothing");
    eventually("there is another binding with another load balancer", DEADLINE, async || {
        let now = stage.binding("my-service").await.and_then(|found| found.metadata.uid);
        let is_another = now.as_deref().is_some_and(|now| *now != uid) && !created(&stage).is_empty();
        if is_another { Ok(Some(())) } else { Err(format!("{now:?}")) }
    })
    .await;
    stage.until_ready("my-service", "1/1").await;
    let all = created(&stage);
    assert!(all.len() == 1 && all[0].0 != id, "{all:?}");
    assert_eq!(serving(&stage).await, [(80, Protocol::Tcp)]);
    stage.finish().await;
}
