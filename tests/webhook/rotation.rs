//! Certificates are replaced without a moment in which a request fails.

use std::time::Instant;

use jiff::SignedDuration;
use tke_direct_access::api::names::GATE;
use tke_direct_access::webhook::Lifetimes;

use super::review::{client, question};
use crate::stage::{DEADLINE, Stage, WEBHOOK, With, web_pod};
use crate::support::eventually;

/// A leaf is renewed every 6 s and the authority every 20 s, step by step 3 s apart.
fn hasty() -> Lifetimes {
    let seconds = SignedDuration::from_secs;
    Lifetimes { authority: seconds(30), leaf: seconds(12), overlap: seconds(3), backdate: seconds(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_succeeds_while_leaf_and_authority_are_replaced() {
    let stage = Stage::new("rotate").await;
    let first = stage.replica(With { flags: WEBHOOK, lifetimes: Some(hasty()), ..With::default() }).await;
    let host = format!("--webhook-host={}", first.address.unwrap());
    let flags = ["--gate-injection=Webhook", host.as_str()];
    let second = stage.replica(With { flags: &flags, lifetimes: Some(hasty()), ..With::default() }).await;
    stage.until_injecting(DEADLINE).await;
    let authority = stage.entry("ca.key").await;
    let (mut leaves, mut bundles) = (Vec::new(), Vec::new());
    let (mut injected, mut answered) = (0, 0);
    let began = Instant::now();
    let body = question(&stage.shop.name, &web_pod()).to_string();
    // Until the second authority signs alone.
    loop {
        assert!(began.elapsed() < DEADLINE, "leaves {}, bundles {}", leaves.len(), bundles.len());
        assert_eq!(stage.dry_run(&web_pod()).await, [GATE], "after {:?}, {injected} requests", began.elapsed());
        injected += 1;
        // A client that trusts what the configuration says now, with a handshake of its own, and both replicas.
        let configuration = stage.configuration().await;
        let bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"].clone();
        let bundle: k8s_openapi::ByteString = serde_json::from_value(bundle).unwrap();
        let bundle = String::from_utf8(bundle.0).unwrap();
        let asking = client(&bundle);
        for replica in [&first, &second] {
            let url = format!("https://{}/mutate-pods", replica.address.unwrap());
            let reply = asking.post(url).body(body.clone()).send().await;
            let reply = reply.unwrap_or_else(|error| panic!("after {:?}: {error:?}", began.elapsed()));
            assert!(reply.status().is_success());
            answered += 1;
        }
        note(&mut leaves, stage.entry("tls.crt").await);
        note(&mut bundles, bundle);
        let is_replaced = stage.entry("ca.key").await != authority;
        if is_replaced && bundles.len() >= 3 && bundles.last().unwrap().matches("BEGIN").count() == 1 {
            break;
        }
    }
    println!(
        "{injected} Pods and {answered} handshakes over {} leaves and {} bundles in {:?}",
        leaves.len(),
        bundles.len(),
        began.elapsed()
    );
    assert!(leaves.len() >= 3, "{}", leaves.len());
    let total = |cause| first.metrics.repairs("secret", cause) + second.metrics.repairs("secret", cause);
    assert!(total("expiring") >= 3 && total("superseded") >= 2, "each step is counted");
    stage.finish(vec![first, second]).await;
}

fn note(seen: &mut Vec<String>, value: String) {
    if seen.last() != Some(&value) {
        seen.push(value);
    }
}

/// A cluster that was switched off for longer than a leaf lives.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_replaced_at_start() {
    let stage = Stage::new("asleep").await;
    let seconds = SignedDuration::from_secs;
    let brief = Lifetimes { authority: seconds(3600), leaf: seconds(6), overlap: seconds(0), backdate: seconds(0) };
    let replica = stage.replica(With { flags: WEBHOOK, lifetimes: Some(brief), ..With::default() }).await;
    stage.until_injecting(DEADLINE).await;
    let host = format!("--webhook-host={}", replica.address.unwrap());
    replica.end().await;
    let (expired, authority) = (stage.entry("tls.crt").await, stage.entry("ca.crt").await);
    let until = jiff::Timestamp::now() + seconds(7);
    eventually("the leaf has expired", DEADLINE, async || jiff::Timestamp::now() > until).await;
    // On the address that the configuration names already.
    let listen = host.replace("--webhook-host", "--webhook-listen");
    let replica = stage.replica(With { flags: &["--gate-injection=Webhook", &listen, &host], ..With::default() }).await;
    stage.until_injecting(DEADLINE).await;
    assert_ne!(stage.entry("tls.crt").await, expired);
    assert_eq!(stage.entry("ca.crt").await, authority, "a leaf is all that was needed");
    assert_eq!(replica.metrics.repairs("secret", "expiring"), 1);
    stage.until_event(&replica, "Secret", "Repaired secret-expiring").await;
    stage.finish(vec![replica]).await;
}
