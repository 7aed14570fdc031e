//! Pods that run without a gate: why nobody gave them one.

use serde_json::json;
use tke_direct_access::api::names::{GATE_INJECTION, GATES_ENABLED, GATES_LABEL};

use super::super::scene::Scene;
use super::first_broken;
use crate::stage::{DEADLINE, service};
use crate::support::eventually;

async fn until(scene: &Scene, reason: &str) {
    let pod = format!("pod/{}", scene.pod_name().await);
    eventually(&format!("Gate {reason}"), DEADLINE, async || {
        let found = scene.json(&["explain", &pod]).await;
        let (link, said) = first_broken(&found);
        if (link.as_str(), said.as_str()) == ("Gate", reason) { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_pod_has_no_gate() {
    let mut scene = Scene::new("ungated").await;
    scene.start(&[]).await;
    scene.stage.apply(&service()).await;
    scene.pods(&json!({}), &json!({"readinessGates": []})).await;
    scene.stage.apply(&scene.binding("web", &json!({}))).await;
    scene.stage.until_ready("web", "1/1").await;
    until(&scene, "NamespaceNotLabelled").await;
    let label = format!("{GATES_LABEL}={GATES_ENABLED}");
    scene.stage.ok(&["label", "namespace", &scene.stage.namespace.name, &label]).await;
    until(&scene, "NotInjected").await;
    // Almost the right value is no other fault than none.
    let wrong = format!("{GATES_LABEL}=Enabled");
    scene.stage.ok(&["label", "namespace", &scene.stage.namespace.name, "--overwrite", &wrong]).await;
    let command = format!("kubectl label namespace {} {label} --overwrite", scene.stage.namespace.name);
    let pod = format!("pod/{}", scene.pod_name().await);
    for arguments in [&["explain", &pod][..], &["get"], &["doctor"]] {
        let output = scene.run(arguments).await;
        let is_said = output.stdout.contains(&wrong) && output.stdout.contains(&command);
        assert!(is_said, "{arguments:?}: {}", output.stdout);
        assert!(!output.stdout.contains("some Pods have no readiness gate"), "once: {}", output.stdout);
    }
    scene.stage.ok(&["label", "namespace", &scene.stage.namespace.name, "--overwrite", &label]).await;
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": GATE_INJECTION},
    });
    scene.stage.apply(&configuration.to_string()).await;
    until(&scene, "OlderThanBinding").await;
    // Everywhere with the command that helps.
    let command = format!("kubectl rollout restart deployment/web -n {}", scene.stage.namespace.name);
    let pod = format!("pod/{}", scene.pod_name().await);
    for arguments in [&["explain", &pod][..], &["get"], &["doctor"]] {
        let output = scene.run(arguments).await;
        assert!(output.stdout.contains(&command), "{arguments:?}: {}", output.stdout);
    }
    scene.stage.ok(&["delete", "mutatingwebhookconfiguration", GATE_INJECTION]).await;
    scene.finish().await;
}
