//! `drain`: Pods without new connections, and back.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tke_direct_access::model::Protocol;

use super::scene::{Scene, plugin};
use crate::stage::DEADLINE;
use crate::support::{Output, eventually};

/// What `drain --now` waits when nothing is said.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Weights of all targets, by address.
fn weights(scene: &Scene) -> Vec<u8> {
    scene.stage.targets(Protocol::Tcp, 80).unwrap().values().map(|target| target.weight).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_pod_has_weight_zero_stays_ready_and_comes_back() {
    let scene = Scene::ready("drain", 2).await;
    scene.stage.ok(&["wait", "--for=condition=Ready", "pods", "--all", "--timeout=150s"]).await;
    let name = scene.pod_name().await;
    let pod = format!("pod/{name}");
    let output = scene.run(&["drain", &pod]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stdout.contains(&format!("{pod} has weight 0 on 1 target")), "{}", output.stdout);
    let mut found = weights(&scene);
    found.sort_unstable();
    assert_eq!(found, [0, 10], "when the command ends, the cloud has it");
    let ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
    assert_eq!(scene.stage.ok(&["get", "pod", &name, "-o", ready]).await, "True");
    let output = scene.run(&["drain", &pod, "--undo"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(weights(&scene), [10, 10]);
    // What `explain` says to run takes it back.
    scene.run(&["drain", &pod]).await.ok().unwrap();
    let explained = scene.json(&["explain", &pod]).await;
    let remedy = explained["firstBroken"]["remedy"].as_str().unwrap();
    let command = remedy.split('`').find_map(|words| words.strip_prefix("kubectl ")).expect(remedy);
    let output = run_printed(&scene, command).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(weights(&scene), [10, 10]);
    // Without credentials it is asked for, and nobody can wait.
    let output = scene.run_blind(&["drain", &pod]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("set TENCENTCLOUD_SECRET_ID"), "{}", output.stderr);
    let annotations = scene.stage.ok(&["get", "pod", &name, "-o", "jsonpath={.metadata.annotations}"]).await;
    assert!(annotations.contains(r#""service.cloud.tencent.com/custom-weight":"0""#), "{annotations}");
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_nobody_carries_out_says_so() {
    let mut scene = Scene::ready("drain-alone", 1).await;
    scene.stage.take_controller().end().await;
    let pod = format!("pod/{}", scene.pod_name().await);
    let output = scene.run(&["drain", &pod, "--timeout-seconds", "2"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stderr.contains("CLB does not show it after 2 s"), "{}", output.stderr);
    assert!(output.stderr.contains("kubectl direct-access explain pod/"), "{}", output.stderr);
    scene.finish().await;
}

/// The rows that `drain --now` prints: weights before and after. Those before, which nobody waits for, may be `?` instead of `before`.
fn rows(printed: &str, before: &str) -> Vec<(String, String)> {
    let rows = printed.lines().skip_while(|line| !line.starts_with("POD ")).skip(1);
    let words = rows.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.filter(|words| words.len() == 5).map(|words| (words[3].replace('?', before), words[4].clone())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(before, after)| ((*before).to_owned(), (*after).to_owned())).collect()
}

/// Runs the command that a condition of the binding quotes, as it stands there.
async fn run_advice(scene: &Scene, condition: &str, reason: &str) -> Output {
    scene.stage.until("web", condition, "False", reason).await;
    let message = format!("jsonpath={{.status.conditions[?(@.type=='{condition}')].message}}");
    let message = scene.stage.ok(&["get", "dab", "web", "-o", &message]).await;
    let command = message.split('\'').find_map(|words| words.strip_prefix("kubectl ")).expect(&message);
    run_printed(scene, command).await
}

/// Runs what follows `kubectl` in a command that was printed, with nothing besides.
async fn run_printed(scene: &Scene, command: &str) -> Output {
    let words: Vec<_> = command.split(' ').collect();
    let (id, key) = scene.stage.cloud.credentials();
    let endpoint = scene.stage.cloud.endpoint();
    let prepare = |command: &mut Command| {
        plugin(command);
        command.env("TENCENTCLOUD_SECRET_ID", id).env("TENCENTCLOUD_SECRET_KEY", key).env("CLB_ENDPOINT", endpoint);
    };
    scene.stage.control_plane.kubectl_in(&words, "", prepare).await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pods_of_a_deployment_go_out_of_traffic_at_once_and_come_back() {
    let scene = Scene::ready("drain-now", 3).await;
    let begun = Instant::now();
    let output = scene.run(&["drain", "--now", "deployment", "web"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(begun.elapsed() < USUAL_TIMEOUT, "{:?}", begun.elapsed());
    assert!(output.stdout.contains("3 Pods are asked to take no new connections"), "{}", output.stdout);
    assert_eq!(rows(&output.stdout, "10"), pairs(&[("10", "0"); 3]), "{}", output.stdout);
    assert_eq!(weights(&scene), [0, 0, 0], "nobody else would serve, and it is asked for");
    let output = scene.run(&["drain", "--now", "deployment/web", "--undo"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(rows(&output.stdout, "0"), pairs(&[("0", "10"); 3]), "{}", output.stdout);
    assert_eq!(weights(&scene), [10, 10, 10]);
    let annotations = scene.stage.ok(&["get", "pods", "-o", "jsonpath={.items[*].metadata.annotations}"]).await;
    assert!(!annotations.contains("custom-weight"), "{annotations}");
    // What the status says to run takes it back.
    scene.run(&["drain", "--now", "deployment/web"]).await.ok().unwrap();
    let output = run_advice(&scene, "TargetsHealthy", "NoWeight").await;
    assert_eq!((output.code, rows(&output.stdout, "0")), (Some(0), pairs(&[("0", "10"); 3])), "{}", output.stderr);
    assert_eq!(weights(&scene), [10, 10, 10]);
    // The newest version alone, by its ReplicaSet, and by the names of Pods.
    let set = scene.stage.ok(&["get", "replicaset", "-o", "name"]).await;
    let set = set.trim().trim_start_matches("replicaset.apps/").to_owned();
    let output = scene.run(&["drain", "--now", "replicaset", &set]).await;
    assert_eq!((output.code, rows(&output.stdout, "10")), (Some(0), pairs(&[("10", "0"); 3])), "{}", output.stderr);
    let names = scene.stage.ok(&["get", "pods", "-o", "jsonpath={.items[*].metadata.name}"]).await;
    let mut arguments = vec!["drain", "--now", "--undo", "pod"];
    arguments.extend(names.split_whitespace());
    let output = scene.run(&arguments).await;
    assert_eq!((output.code, rows(&output.stdout, "0")), (Some(0), pairs(&[("0", "10"); 3])), "{}", output.stderr);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_pod_that_is_kept_for_want_of_others_goes_out_at_once() {
    let scene = Scene::ready("drain-last", 1).await;
    // Nobody is selected any more, so the living Pod goes on serving.
    scene.stage.ok(&["patch", "service", "web", "-p", r#"{"spec":{"selector":{"app":"green"}}}"#]).await;
    scene.stage.until("web", "Programmed", "False", "RemovalHeld").await;
    assert_eq!(weights(&scene), [10]);
    let pod = format!("pod/{}", scene.pod_name().await);
    let output = scene.run(&["drain", "--now", &pod]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(weights(&scene).iter().max().copied().unwrap_or_default(), 0);
    assert_eq!(rows(&output.stdout, "10").len(), 1, "{}", output.stdout);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_stateful_set_go_out_without_credentials_by_the_word_of_the_status() {
    let mut scene = Scene::new("drain-blind").await;
    scene.start(&[]).await;
    scene.stage.apply(&crate::stage::service()).await;
    let template: serde_json::Value = serde_json::from_str(&crate::stage::deployment(2)).unwrap();
    let set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "serviceName": "web", "podManagementPolicy": "Parallel",
            "selector": template["spec"]["selector"], "template": template["spec"]["template"],
        },
    });
    scene.stage.apply(&set.to_string()).await;
    scene.stage.apply(&scene.binding("web", &json!({}))).await;
    scene.stage.until_ready("web", "2/2").await;
    let output = scene.run_blind(&["drain", "--now", "statefulset/web"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert_eq!(rows(&output.stdout, "?"), pairs(&[("?", "0"); 2]), "{}", output.stdout);
    assert_eq!(weights(&scene), [0, 0]);
    let output = scene.run_blind(&["drain", "--now", "statefulset/web", "--undo"]).await;
    assert_eq!((output.code, rows(&output.stdout, "?")), (Some(0), pairs(&[("?", "10"); 2])), "{}", output.stderr);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_drained_is_said_and_keeps_nobody_in_service() {
    let mut scene = Scene::ready("drain-refused", 1).await;
    let name = scene.pod_name().await;
    for (arguments, expected) in [
        (vec!["deployment/nothing"], "Deployment 'nothing' does not exist"),
        (vec!["service/web"], "'service' has no Pods"),
        (vec!["statefulset"], "say which ones"),
    ] {
        let output = scene.run(&[vec!["drain", "--now"], arguments].concat()).await;
        assert_eq!(output.code, Some(1), "{}", output.stdout);
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
    let output = scene.run(&["drain", "deployment/web"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("drain --now deployment/web -n "), "{}", output.stderr);
    assert_eq!(weights(&scene), [10]);
    let output = scene.run(&["drain", "--now", "pod", "nobody", &name]).await;
    assert_eq!(output.code, Some(1), "one of the two does not exist");
    assert!(output.stderr.contains("Pod 'nobody' does not exist"), "{}", output.stderr);
    assert_eq!(weights(&scene), [0], "the other one is out");
    // A suspended binding changes nothing.
    scene.run(&["drain", "--now", &name, "--undo"]).await.ok().unwrap();
    scene.run(&["suspend", "web"]).await.ok().unwrap();
    scene.stage.until("web", "Accepted", "False", "Suspended").await;
    for arguments in [&["drain", "--now", &name][..], &["drain", &name]] {
        let output = scene.run(arguments).await;
        assert_eq!(output.code, Some(1), "{arguments:?}: {} {}", output.stdout, output.stderr);
        let words = ["/web' is suspended, and while it is", "kubectl direct-access resume web -n "];
        assert!(words.iter().all(|words| output.stderr.contains(words)), "{}", output.stderr);
    }
    let annotations = async || scene.stage.ok(&["get", "pod", &name, "-o", "jsonpath={.metadata.annotations}"]).await;
    assert!(!annotations().await.contains("custom-weight"));
    // A drain from before is taken back anyway.
    for arguments in [&["drain", "--now", &name, "--undo"][..], &["drain", &name, "--undo"]] {
        scene.stage.ok(&["annotate", "pod", &name, "service.cloud.tencent.com/custom-weight=0"]).await;
        let output = scene.run(arguments).await;
        assert_eq!(output.code, Some(0), "{arguments:?}: {} {}", output.stdout, output.stderr);
        let words = ["changes no weight at present", "kubectl direct-access resume web -n "];
        assert!(words.iter().all(|words| output.stdout.contains(words)), "{}", output.stdout);
        assert!(!annotations().await.contains("custom-weight"), "{arguments:?}");
    }
    scene.run(&["resume", "web"]).await.ok().unwrap();
    scene.run(&["drain", "--now", &name]).await.ok().unwrap();
    eventually("it goes on", DEADLINE, async || if weights(&scene) == [0] { Ok(Some(())) } else { Err("not yet") })
        .await;
    // Nobody looks.
    scene.stage.take_controller().end().await;
    let output = scene.run_blind(&["drain", "--now", &name, "--undo", "--timeout-seconds", "1"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stderr.contains("the controller has not looked at it"), "{}", output.stderr);
    scene.finish().await;
}
