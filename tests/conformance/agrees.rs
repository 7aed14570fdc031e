//! A simulator is as believed, and a recording of it has nothing of the account.

use std::num::NonZeroU8;
use std::path::Path;

use tke_direct_access::conformance::beliefs;

use super::stage::{CERTIFICATE, SUBNET, TARGET, VPC, asked, run, settings, start, with};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_simulator_differs_and_its_recording_is_nobodys() {
    let simulator = start(settings(), NonZeroU8::new(1).unwrap());
    let recording = run(&simulator.endpoint(), &asked(None)).await;
    assert_eq!(with(&recording, "differs"), []);
    assert_eq!(with(&recording, "not asked"), []);
    assert_eq!(with(&recording, "believed").len(), beliefs().count());
    assert_eq!(simulator.state()["loadBalancers"], serde_json::json!([]), "something is left");

    let folder = tempfile::tempdir().unwrap();
    let path = match std::env::var("UPDATE") {
        Ok(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/simulator.json"),
        Err(_) => folder.path().join("recording.json"),
    };
    recording.write(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let settings = settings();
    let mut secrets = vec![
        settings.credentials.secret_id.clone(),
        settings.credentials.secret_key.clone(),
        settings.account.clone(),
        TARGET.0.to_string(),
        "127.78.".to_owned(),
        "0a1b2c3d".to_owned(),
        CERTIFICATE.to_owned(),
    ];
    secrets.extend([VPC, SUBNET].map(|id| id.split_once('-').unwrap().1.to_owned()));
    // The ids and requests that the simulator knows of.
    for call in simulator.call_log() {
        secrets.extend(call.load_balancer.filter(|id| id != "lb-00000000"));
        secrets.push(call.request_id);
    }
    assert!(
        secrets.iter().filter(|secret| secret.starts_with("lb-")).count() > 50,
        "the simulator's ids are looked for"
    );
    for secret in &secrets {
        assert!(!text.contains(secret.as_str()), "the recording has {secret}");
    }
}
