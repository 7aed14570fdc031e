//! `suspend`, `resume`, `reconcile`, and under which name the plugin writes.

use serde_json::Value;
use tke_direct_access::model::Protocol;

use super::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_is_suspended_resumed_and_looked_at() {
    let mut scene = Scene::ready("change", 1).await;
    let output = scene.run(&["suspend", "web"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("directaccessbinding/web suspended"), "{}", output.stdout);
    scene.stage.until("web", "Accepted", "False", "Suspended").await;
    let output = scene.run(&["reconcile", "web"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains("looked at: Ready="), "{}", output.stdout);
    assert!(output.stdout.contains("Suspended"), "{}", output.stdout);
    scene.run(&["resume", "web"]).await.ok().unwrap();
    scene.stage.until_ready("web", "1/1").await;
    assert_eq!(scene.stage.targets(Protocol::Tcp, 80).unwrap().len(), 1);
    // Flux drops what managers write whose names begin with kubectl.
    let text = scene.stage.ok(&["get", "dab", "web", "-o", "json", "--show-managed-fields"]).await;
    let object: Value = serde_json::from_str(&text).unwrap();
    let managers = object["metadata"]["managedFields"].as_array().unwrap().iter();
    let names: Vec<_> = managers.map(|one| one["manager"].as_str().unwrap()).collect();
    assert!(names.contains(&"tke-direct-access-cli"), "{names:?}");
    // Nobody looks.
    scene.stage.take_controller().end().await;
    let output = scene.run(&["reconcile", "web", "--timeout-seconds", "1"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("has not looked at DirectAccessBinding 'web' within 1 s"), "{}", output.stderr);
    let output = scene.run(&["reconcile", "web", "--timeout-seconds", "0"]).await;
    assert_eq!((output.code, output.stdout.trim()), (Some(0), "directaccessbinding/web will be looked at"));
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_names_a_binding_that_is_not_there() {
    let scene = Scene::new("change-nobody").await;
    for command in ["suspend", "resume", "reconcile", "watch"] {
        let output = scene.run(&[command, "nobody"]).await;
        assert_eq!(output.code, Some(1), "{command}");
        let expected = "DirectAccessBinding 'nobody' does not exist in namespace";
        assert!(output.stderr.contains(expected), "{command}: {}", output.stderr);
    }
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_that_of_a_kubectl_command_and_usage_is_checked() {
    let scene = Scene::new("change-help").await;
    let help = scene.run(&["--help"]).await.ok().unwrap();
    assert!(help.contains("Usage: kubectl direct-access"), "{help}");
    for command in ["get", "plan", "explain", "doctor", "drain", "suspend", "resume", "reconcile", "watch"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing:\n{help}");
        let own = scene.run(&[command, "--help"]).await.ok().unwrap();
        assert!(own.contains(&format!("Usage: kubectl direct-access {command}")), "{own}");
    }
    let output = scene.run(&["explain"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("<POD>"), "{}", output.stderr);
    scene.finish().await;
}
