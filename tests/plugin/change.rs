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
    // What is registered is shown, and that it stays.
    let output = scene.run(&["get", "--problems"]).await;
    let is_shown = |line: &str| line.starts_with("  80/TCP") && line.contains("frozen: it stays registered");
    assert!(output.stdout.lines().any(is_shown), "{}", output.stdout);
    let output = scene.run(&["explain", "dab/web"]).await;
    assert_eq!(output.code, Some(2), "{}", output.stdout);
    assert!(output.stdout.contains("stays registered with weight 10: frozen"), "{}", output.stdout);
    let output = scene.run(&["watch", "web", "--until-ready"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stdout.contains("80/TCP weight 10"), "{}", output.stdout);
    assert!(output.stderr.contains("run `kubectl direct-access resume web -n "), "{}", output.stderr);
    scene.run(&["resume", "web"]).await.ok().unwrap();
    let output = scene.run(&["resume", "web"]).await;
    assert_eq!(output.stdout.trim(), "directaccessbinding/web is not suspended");
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
    for command in ["adopt", "suspend", "resume", "reconcile", "watch"] {
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
    for command in
        ["get", "plan", "explain", "doctor", "drain", "adopt", "suspend", "resume", "reconcile", "watch", "completion"]
    {
        assert!(help.contains(&format!("\n  {command} ")), "{command} is missing:\n{help}");
        let own = scene.run(&[command, "--help"]).await.ok().unwrap();
        assert!(own.contains(&format!("Usage: kubectl direct-access {command}")), "{own}");
    }
    let output = scene.run(&["explain"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("<OBJECT>"), "{}", output.stderr);
    let (short, long) =
        (scene.run(&["get", "-h"]).await.ok().unwrap(), scene.run(&["get", "--help"]).await.ok().unwrap());
    for (word, is_short) in
        [("--problems", true), ("--namespace", true), ("--clb-endpoint", false), ("Exit codes: 0", false)]
    {
        assert_eq!(
            (short.contains(word), long.contains(word) || word.starts_with("Exit")),
            (is_short, true),
            "{word}\n{short}"
        );
    }
    scene.finish().await;
}

/// kubectl asks the executable that `completion` prints.
#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_completed_by_kubectl() {
    use std::os::unix::fs::PermissionsExt;

    let scene = Scene::new("change-completion").await;
    scene.stage.apply(&scene.binding("web", &serde_json::json!({}))).await;
    let script = scene.run(&["completion"]).await.ok().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubectl_complete-direct_access");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let namespace = scene.stage.namespace.name.as_str();
    for (words, expected) in [
        (&["ex"][..], "explain\t"),
        (&["get", "--namespace", namespace, ""], "web"),
        (&["get", "-o", "y"], "yaml"),
        (&["explain", "--namespace", namespace, "dab/"], "dab/web"),
        (&["watch", "--namespace", &namespace[..namespace.len() - 1]], namespace),
    ] {
        let all = [&["__complete", "direct-access"], words].concat();
        let output = scene
            .stage
            .control_plane
            .kubectl_in(&all, "", |command| {
                super::scene::plugin(command);
                let path =
                    command.get_envs().find(|(key, _)| *key == "PATH").and_then(|(_, value)| value).unwrap().to_owned();
                let all = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path));
                command.env("PATH", std::env::join_paths(all).unwrap());
            })
            .await;
        let is_there = output.stdout.lines().any(|line| {
            line == expected
                || line.starts_with(&format!("{expected}\t"))
                || expected.ends_with('\t') && line.starts_with(expected)
        });
        assert!(is_there, "{words:?}: {}{}", output.stdout, output.stderr);
        assert!(output.stdout.trim_end().ends_with(":4"), "no files: {}", output.stdout);
    }
    scene.finish().await;
}
