//! Whatever is deleted or damaged while it runs is back within 5 s, with an Event and a count.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tke_direct_access::api::names::GATE;
use tke_direct_access::webhook::NAME;

use crate::stage::{REPAIR, Replica, SECRET, Stage, WEBHOOK, With, web_pod};
use crate::support::eventually;

const CONFIGURATION: &str = "mutatingwebhookconfiguration";

/// Everything fits together: the configuration trusts the Secret's authorities, names our address, and Pods get the gate.
async fn is_whole(stage: &Stage, replica: &Replica) -> Result<Option<()>, String> {
    let configuration = stage.configuration().await;
    let webhook = &configuration["webhooks"][0];
    let bundle: k8s_openapi::ByteString =
        serde_json::from_value(webhook["clientConfig"]["caBundle"].clone()).unwrap_or_default();
    let url = format!("https://{}/mutate-pods", replica.address.unwrap());
    let is_right = String::from_utf8_lossy(&bundle.0) == stage.entry("ca.crt").await
        && webhook["clientConfig"]["url"] == url
        && webhook["failurePolicy"] == "Ignore"
        && webhook["rules"][0]["operations"] == json!(["CREATE"])
        && stage.entry("tls.key").await.contains("PRIVATE KEY");
    if !is_right {
        return Err(configuration.to_string());
    }
    let gates = stage.dry_run(&web_pod()).await;
    if gates == [GATE] { Ok(Some(())) } else { Err(format!("gates: {gates:?}")) }
}

/// Does the damage, waits for the repair, its count and its Event.
async fn repaired(stage: &Stage, replica: &Replica, what: &str, object: &'static str, damage: &[&str]) -> Duration {
    let counts = || ["missing", "changed", "damaged", "expiring"].map(|cause| replica.metrics.repairs(object, cause));
    let before: u64 = counts().iter().sum();
    stage.ok(damage).await;
    let started = Instant::now();
    eventually(&format!("{what}: noticed"), REPAIR, async || counts().iter().sum::<u64>() > before).await;
    eventually(&format!("{what}: repaired"), REPAIR, async || is_whole(stage, replica).await).await;
    let elapsed = started.elapsed();
    println!("{what}: repaired after {elapsed:?}");
    assert!(elapsed < REPAIR, "{what}: {elapsed:?}");
    elapsed
}

fn json_patch(path: &str, value: &Value) -> String {
    json!([{"op": "replace", "path": path, "value": value}]).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_repaired() {
    let stage = Stage::new("config").await;
    let replica = stage.working().await;
    repaired(&stage, &replica, "deleted", "configuration", &["delete", CONFIGURATION, NAME]).await;
    for (path, value) in [
        ("/webhooks/0/clientConfig/caBundle", json!("")),
        ("/webhooks/0/clientConfig/url", json!("https://127.0.0.1:1/elsewhere")),
        ("/webhooks/0/clientConfig", json!({"service": {"namespace": "default", "name": "theirs"}})),
        ("/webhooks/0/failurePolicy", json!("Fail")),
        ("/webhooks/0/timeoutSeconds", json!(30)),
        ("/webhooks/0/rules/0/operations", json!(["DELETE"])),
        ("/webhooks", json!([])),
        ("/metadata/labels", json!({})),
    ] {
        let patch = json_patch(path, &value);
        let damage = ["patch", CONFIGURATION, NAME, "--type=json", "-p", &patch];
        repaired(&stage, &replica, path, "configuration", &damage).await;
    }
    // A bundle that is well formed and trusts somebody else.
    let stranger = rcgen::generate_simple_self_signed(["stranger".to_owned()]).unwrap().cert.pem();
    let stranger = k8s_openapi::ByteString(stranger.into_bytes());
    let patch = json_patch("/webhooks/0/clientConfig/caBundle", &json!(stranger));
    let damage = ["patch", CONFIGURATION, NAME, "--type=json", "-p", &patch];
    repaired(&stage, &replica, "a stranger's authority", "configuration", &damage).await;

    for expected in
        ["Created configuration-missing", "Repaired configuration-missing", "Repaired configuration-changed"]
    {
        stage.until_event(&replica, "MutatingWebhookConfiguration", expected).await;
    }
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_repaired() {
    let stage = Stage::new("secret").await;
    let replica = stage.working().await;
    let own = stage.own.name.clone();
    for key in ["ca.crt", "ca.key", "tls.crt", "tls.key"] {
        for value in ["", "anVuaw=="] {
            let patch = json!({"data": {key: value}}).to_string();
            let damage = ["-n", &own, "patch", "secret", SECRET, "-p", &patch];
            repaired(&stage, &replica, &format!("{key} = {value:?}"), "secret", &damage).await;
        }
        if !key.starts_with("tls") {
            let patch = json!([{"op": "remove", "path": format!("/data/{key}")}]).to_string();
            let damage = ["-n", &own, "patch", "secret", SECRET, "--type=json", "-p", &patch];
            repaired(&stage, &replica, &format!("{key} removed"), "secret", &damage).await;
        }
    }
    let before = stage.entry("ca.key").await;
    repaired(&stage, &replica, "deleted", "secret", &["-n", &own, "delete", "secret", SECRET]).await;
    assert_ne!(stage.entry("ca.key").await, before, "deleting the Secret is how people ask for new keys");
    let patch = json!({"immutable": true, "data": {"tls.key": ""}}).to_string();
    let damage = ["-n", &own, "patch", "secret", SECRET, "-p", &patch];
    repaired(&stage, &replica, "immutable and damaged", "secret", &damage).await;

    for expected in ["Created secret-missing", "Repaired secret-missing", "Repaired secret-damaged"] {
        stage.until_event(&replica, "Secret", expected).await;
    }
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_selectors_survives_a_repair() {
    let stage = Stage::new("edit").await;
    let replica = stage.working().await;
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": stage.shop.name}});
    let edit = json_patch("/webhooks/0/namespaceSelector", &selector);
    stage.ok(&["patch", CONFIGURATION, NAME, "--type=json", "-p", &edit]).await;
    let edit = json_patch("/webhooks/0/objectSelector", &json!({}));
    stage.ok(&["patch", CONFIGURATION, NAME, "--type=json", "-p", &edit]).await;
    let damage = json_patch("/webhooks/0/clientConfig/caBundle", &json!(""));
    let damage = ["patch", CONFIGURATION, NAME, "--type=json", "-p", &damage];
    for _ in 0..2 {
        repaired(&stage, &replica, "after an edit", "configuration", &damage).await;
        let configuration = stage.configuration().await;
        assert_eq!(configuration["webhooks"][0]["namespaceSelector"], selector);
        assert_eq!(configuration["webhooks"][0]["objectSelector"], json!({}));
    }
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_add_stays_and_nothing_is_written_twice() {
    let stage = Stage::new("quiet").await;
    let replica = stage.working().await;
    let own = stage.own.name.clone();
    stage.ok(&["annotate", CONFIGURATION, NAME, "theirs=1"]).await;
    stage.ok(&["-n", &own, "annotate", "secret", SECRET, "theirs=1"]).await;
    let damage = json!({"data": {"tls.key": ""}}).to_string();
    let damage = ["-n", &own, "patch", "secret", SECRET, "-p", &damage];
    repaired(&stage, &replica, "beside an annotation", "secret", &damage).await;
    let secret = stage.secret().await.unwrap();
    assert_eq!(secret.metadata.annotations.unwrap().get("theirs").map(String::as_str), Some("1"));
    assert_eq!(stage.configuration().await["metadata"]["annotations"]["theirs"], "1");
    // Every change of an object makes the replica look; it must find nothing to do.
    let writes = || {
        let all = stage.control_plane.requests().unwrap();
        let ours = ["mutatingwebhookconfigurations", "secrets"];
        all.into_iter().filter(|one| one.is_write() && ours.contains(&one.resource.as_str())).count()
    };
    let reads = || stage.control_plane.requests().unwrap().iter().filter(|one| one.name == SECRET).count();
    let (written, read) = (writes(), reads());
    stage.ok(&["annotate", CONFIGURATION, NAME, "theirs=2", "--overwrite"]).await;
    eventually("it has looked", REPAIR, async || reads() > read).await;
    is_whole(&stage, &replica).await.unwrap();
    assert_eq!(writes(), written + 1, "the annotation only");
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_agree() {
    let stage = Stage::new("two").await;
    let first = stage.working().await;
    // Both are told one address, as behind a Service.
    let host = format!("--webhook-host={}", first.address.unwrap());
    let second = stage.replica(With { flags: &["--gate-injection=Webhook", &host], ..With::default() }).await;
    let own = stage.own.name.clone();
    let total = || {
        ["missing", "damaged"]
            .map(|cause| first.metrics.repairs("secret", cause) + second.metrics.repairs("secret", cause))
    };
    for round in 0..3 {
        let before: u64 = total().iter().sum();
        stage.ok(&["-n", &own, "delete", "secret", SECRET]).await;
        stage.ok(&["delete", CONFIGURATION, NAME]).await;
        eventually("both are back", REPAIR, async || is_whole(&stage, &first).await).await;
        // One of the two has made the Secret, the other has found it.
        assert_eq!(total().iter().sum::<u64>(), before + 1, "round {round}");
        // However many noticed, each deletion is told once.
        let path = r#"jsonpath={.items[?(@.action=="configuration-missing")].regarding.uid}"#;
        let uid = stage.configuration().await["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        eventually("the repair is told once", REPAIR, async || {
            let told = stage.ok(&["get", "events.events.k8s.io", "-n", "default", "-o", path]).await;
            let count = told.split(' ').filter(|one| **one == uid).count();
            assert!(count <= 1, "round {round}: {count} Events");
            (count == 1).then_some(())
        })
        .await;
    }
    // The other one serves the same certificate.
    let served = |address: std::net::SocketAddr| super::review::served_certificate(address);
    eventually("both serve one certificate", REPAIR, async || {
        let (one, two) = (served(first.address.unwrap()).await, served(second.address.unwrap()).await);
        (one.is_some() && one == two).then_some(())
    })
    .await;
    first.end().await;
    stage.finish(vec![second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_somebody_else_is_not_touched() {
    let stage = Stage::new("foreign").await;
    let own = stage.own.name.clone();
    stage.ok(&["-n", &own, "create", "secret", "generic", SECRET, "--from-literal=password=x"]).await;
    let replica = stage.replica(With { flags: WEBHOOK, ..With::default() }).await;
    let reads =
        || stage.control_plane.requests().unwrap().iter().filter(|one| one.name == SECRET && one.verb == "get").count();
    eventually("it has looked twice", REPAIR, async || reads() > 1).await;
    assert_eq!(stage.entry("password").await, "x");
    assert_eq!(stage.entry("tls.crt").await, "");
    stage.ok(&["-n", &own, "delete", "secret", SECRET]).await;
    stage.until_injecting(REPAIR).await;
    stage.finish(vec![replica]).await;
}
