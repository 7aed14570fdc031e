//! Nothing that is secret is printed, told or written, whatever level is logged and whatever the cloud answers.

use serde_json::Value;

use crate::evidence::evidence;

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_logs_objects_events_or_metrics() {
    let evidence = evidence().await;
    let kinds: Vec<_> = evidence.secrets.iter().map(|(what, _)| what.as_str()).collect();
    for what in ["the secret key", "the token of the kubeconfig", "a line of tls.key", "a line of ca.key"] {
        assert!(kinds.contains(&what), "{what} is not looked for: {kinds:?}");
    }
    for (place, text) in places().await {
        assert!(text.len() > 1_000, "{place} has been read");
        for (what, secret) in &evidence.secrets {
            assert!(secret.len() >= 8, "{what} is too short to be looked for");
            assert!(!text.contains(secret.as_str()), "{what} is in {place}");
        }
    }
}

async fn places() -> [(&'static str, &'static str); 3] {
    let evidence = evidence().await;
    [("the log", &evidence.log), ("objects and Events", &evidence.objects), ("the metrics", &evidence.after.text)]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_that_proves_who_asks_is_printed() {
    for (place, text) in places().await {
        let lower = text.to_lowercase();
        for mark in ["tc3-hmac-sha256", "signature=", "bearer ey", "private key-----", "x-tc-token"] {
            assert!(!lower.contains(mark), "{mark} is in {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cloud_echoes_was_heard_and_is_told_without_the_key() {
    let evidence = evidence().await;
    assert!(evidence.log.contains("what about SecretId … and SecretKey …?"), "the echo is in the log");
    assert!(evidence.struck >= 10, "{} faults", evidence.struck);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_libraries_are_capped() {
    let evidence = evidence().await;
    let allowed = ["tke_direct_access", "direct_access_controller", "kube_runtime", "kube_client::client::builder"];
    for line in evidence.log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let target = line["target"].as_str().expect("a target");
        let is_fine = ["DEBUG", "TRACE"].contains(&line["level"].as_str().unwrap());
        assert!(!is_fine || allowed.iter().any(|own| target.starts_with(own)), "{line}");
    }
    // The cap is not a silence: what is allowed was logged.
    assert!(
        evidence.log.contains(r#""target":"kube_client::client::builder""#),
        "requests of the API server are in the log"
    );
}
