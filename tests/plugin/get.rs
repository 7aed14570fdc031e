//! `get`: bindings with their targets.

use serde_json::json;

use super::scene::{Scene, json_of};
use crate::stage::{self, DEADLINE};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn targets_are_shown_with_weight_health_and_gate() {
    let scene = Scene::ready("get", 2).await;
    eventually("both gates are open", DEADLINE, async || {
        let found = scene.json(&["get"]).await;
        let targets = found["bindings"][0]["listeners"][0]["targets"].clone();
        let is_whole = |target: &serde_json::Value| {
            target["gate"] == "open" && target["health"] == "Healthy" && target["weight"] == 10
        };
        let all = targets.as_array().is_some_and(|targets| targets.len() == 2 && targets.iter().all(is_whole));
        if all { Ok(Some(())) } else { Err(found.to_string()) }
    })
    .await;
    let output = scene.run(&["get", "web"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let lines: Vec<Vec<&str>> = output.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "SERVICE", "LB", "ADDRESS", "TARGETS", "READY", "REASON", "AGE"]);
    assert_eq!((lines[1][0], &lines[1][4..7]), ("web", ["2/2", "True", "Ready"].as_slice()));
    let header = ["LISTENER", "POD", "TARGET", "WEIGHT", "HEALTH", "GATE"];
    let table = lines.iter().position(|line| *line == header).unwrap_or_else(|| panic!("{}", output.stdout));
    for line in &lines[table + 1..table + 3] {
        assert_eq!(line[0], "80/TCP");
        assert_eq!(line[3..], ["10", "Healthy", "open"]);
    }
    let output = scene.run(&["get", "--problems"]).await;
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{}", output.stdout);
    assert!(output.stderr.contains("no problems found; 1 DirectAccessBindings"), "{}", output.stderr);
    unread(&scene).await;
    // The same in YAML.
    let yaml = scene.run(&["get", "web", "-o", "yaml"]).await.ok().unwrap();
    let read: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read["bindings"][0]["targets"], "2/2");
    scene.finish().await;
}

/// CLB that cannot be read is said, and is a failure; what is known otherwise is shown all the same.
async fn unread(scene: &Scene) {
    let (id, key) = scene.stage.cloud.credentials();
    let endpoint = scene.stage.cloud.endpoint();
    let place = format!("load balancer {} in ap-guangzhou: ", scene.stage.load_balancer.as_str());
    for (key, endpoint, words) in [
        ("wrong", endpoint.as_str(), "AuthFailure"),
        (key, "http://127.0.0.1:1", "DescribeLoadBalancers is not answered: Connection refused; see"),
    ] {
        let output = scene
            .run_with(&["get"], "", |command| {
                command
                    .env("TENCENTCLOUD_SECRET_ID", id)
                    .env("TENCENTCLOUD_SECRET_KEY", key)
                    .env("CLB_ENDPOINT", endpoint);
            })
            .await;
        assert_eq!(output.code, Some(1), "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains(&place) && output.stdout.contains("2/2"), "{}", output.stdout);
        assert!(
            output.stderr.contains("what CLB shows is not known: ") && output.stderr.contains(words),
            "{}",
            output.stderr
        );
    }
    // One that is not there is named with its region, before and after the controller has looked.
    scene.stage.apply(&scene.binding("lost", &json!({"loadBalancer": {"id": "lb-missing2"}}))).await;
    let output = scene.run(&["get"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.contains("load balancer lb-missing2 in ap-guangzhou: CLB does not show it"),
        "{}",
        output.stdout
    );
    let (lost, web) = (output.stdout.find("lost ").unwrap(), output.stdout.find("web ").unwrap());
    assert!(lost < web, "what is wrong comes first: {}", output.stdout);
    scene.stage.ok(&["delete", "dab", "lost", "--wait=false"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_at_the_cloud_sees_what_the_controller_has_written() {
    let scene = Scene::ready("get-blind", 1).await;
    let output = scene.run_blind(&["get"]).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.contains("1/1") && output.stdout.contains(scene.stage.load_balancer.as_str()),
        "{}",
        output.stdout
    );
    assert!(output.stderr.contains("set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"), "{}", output.stderr);
    let found = json_of(&scene.run_blind(&["get", "-o", "json"]).await);
    let target = &found["bindings"][0]["listeners"][0]["targets"][0];
    assert!(target["weight"].is_null() && target["health"].is_null(), "{target}");
    assert_eq!(target["wantedWeight"], 10);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_binding_is_said_to_serve_as_long_as_it_does() {
    let mut scene = Scene::new("get-parked").await;
    scene.start(&["--annotated-services", "All"]).await;
    scene.stage.apply(&stage::service()).await;
    scene.stage.apply(&stage::deployment(2)).await;
    let ask = async |word: &str| {
        let annotations = json!({"service.cloud.tencent.com/direct-access": word});
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"type": "LoadBalancer"}}).to_string();
        scene.stage.ok(&["patch", "service", "web", "--type=merge", "-p", &patch]).await;
    };
    ask("true").await;
    scene.stage.until_ready("web", "2/2").await;
    let say = async |command: &[&str]| scene.stage.ok(&[&["-n", &scene.home.name], command].concat()).await;
    say(&["create", "configmap", "direct-access-controller", "--from-literal=hold-removals=true"]).await;
    eventually("removals are held", DEADLINE, async || {
        let printed = scene.run_blind(&["get"]).await.stdout;
        if printed.contains("removals are held") { Ok(Some(())) } else { Err(printed) }
    })
    .await;
    ask("false").await;
    scene.stage.until("web", "Ready", "False", "RemovalsHeld").await;
    let held = "(SaidFalse): 2 targets and 1 listener still serve, because removals are held";
    eventually("the Service says so", DEADLINE, async || {
        let found = scene.stage.ok(&["get", "service", "web", "-o", "jsonpath={.status.conditions}"]).await;
        let is_said =
            found.contains("2 targets and 1 listener still serve, because removals are held, and it costs money");
        if is_said { Ok(Some(())) } else { Err(found) }
    })
    .await;
    for output in [scene.run(&["get"]).await, scene.run_blind(&["get"]).await] {
        assert!(output.stdout.contains(held) && !output.stdout.contains("serves nothing"), "{}", output.stdout);
    }
    let found = scene.json(&["get"]).await;
    assert_eq!(found["bindings"][0]["parked"]["left"], json!({"targets": 2, "listeners": 1}), "{found}");
    say(&["delete", "configmap", "direct-access-controller"]).await;
    scene.stage.until("web", "Ready", "False", "Parked").await;
    eventually("it serves nothing", DEADLINE, async || {
        let printed = scene.run_blind(&["get"]).await.stdout;
        if printed.contains(" is parked since 2")
            && printed.contains("(SaidFalse): it serves nothing, and it costs money")
        {
            Ok(Some(()))
        } else {
            Err(printed)
        }
    })
    .await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_namespaces_choose() {
    let scene = Scene::ready("get-choice", 1).await;
    scene.stage.apply(&scene.binding("other", &json!({"loadBalancer": {"id": "lb-missing1"}}))).await;
    let names = |found: &serde_json::Value| -> Vec<(String, String)> {
        let text = |row: &serde_json::Value, field: &str| row[field].as_str().unwrap().to_owned();
        let rows = found["bindings"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "namespace"), text(row, "name"))).collect()
    };
    let own = scene.stage.namespace.name.clone();
    let both = vec![(own.clone(), "other".to_owned()), (own.clone(), "web".to_owned())];
    assert_eq!(names(&scene.json(&["get"]).await), both);
    assert_eq!(names(&scene.json(&["get", "web"]).await), both[1..]);
    // As people write for kubectl.
    for words in [&["get", "dab", "web"][..], &["get", "dab/web"], &["get", "directaccessbinding", "web"]] {
        assert_eq!(names(&scene.json(words).await), both[1..], "{words:?}");
    }
    assert_eq!(names(&scene.json(&["get", "dab"]).await), both);
    let everywhere = names(&scene.json(&["get", "-A"]).await);
    assert!(both.iter().all(|one| everywhere.contains(one)), "{everywhere:?}");
    let table = scene.run(&["get", "-A"]).await.ok().unwrap();
    assert!(table.starts_with("NAMESPACE"), "{table}");
    let output = scene.run(&["get", "nobody"]).await;
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("DirectAccessBinding 'nobody' does not exist in namespace"), "{}", output.stderr);
    // The namespace of the context, and a context that is named.
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(scene.stage.control_plane.kubeconfig()).unwrap();
    let mut config: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let mut context = config["contexts"][0].clone();
    context["name"] = json!("named");
    context["context"]["namespace"] = json!(own);
    config["contexts"].as_array_mut().unwrap().push(context);
    let path = folder.path().join("config");
    std::fs::write(&path, config.to_string()).unwrap();
    let path = path.display().to_string();
    let arguments = ["direct-access", "get", "-o", "json", "--kubeconfig", &path, "--context", "named"];
    let output = scene.stage.control_plane.kubectl_in(&arguments, "", super::scene::plugin).await;
    assert_eq!(names(&json_of(&output)), both);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_no_targets_are_shown_with_the_reason() {
    let mut scene = Scene::new("get-excluded").await;
    scene.start(&[]).await;
    scene.deploy(1, &json!({"network": "GlobalRouter"})).await;
    eventually("the reason is shown", DEADLINE, async || {
        let output = scene.run(&["get"]).await;
        if output.stdout.contains("NetworkModeMismatch") { Ok(Some(())) } else { Err(output.stdout) }
    })
    .await;
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_that_cannot_be_read_are_shown() {
    let scene = Scene::ready("get-unreadable", 1).await;
    let pod = scene.pod_name().await;
    scene.stage.ok(&["annotate", "pod", &pod, "service.cloud.tencent.com/custom-weight=heavy"]).await;
    let explained = format!("pod/{pod}");
    let words = "annotation service.cloud.tencent.com/custom-weight: \"heavy\" cannot be read";
    for arguments in [&["get"][..], &["explain", &explained], &["doctor"], &["plan"]] {
        let output = scene.run(arguments).await;
        assert!(output.stdout.contains(words), "{arguments:?}: {}{}", output.stdout, output.stderr);
    }
    let found = scene.json(&["get"]).await;
    let remarks = found["bindings"][0]["remarks"].as_array().unwrap();
    assert!(
        remarks.iter().any(|one| one["topic"] == "Note" && one["message"].as_str().unwrap().contains(words)),
        "{found}"
    );
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_kept_and_pods_that_drain_are_shown_with_the_reason() {
    let scene = Scene::ready("get-leaving", 1).await;
    let pod = scene.pod_name().await;
    let selector = |value: &str| format!(r#"{{"spec":{{"selector":{{"app":"{value}"}}}}}}"#);
    scene.stage.ok(&["patch", "service", "web", "-p", &selector("green")]).await;
    let until = async |arguments: &[&str], expected: &str| {
        eventually(&format!("{arguments:?} says '{expected}'"), DEADLINE, async || {
            let output = scene.run(arguments).await;
            if output.stdout.contains(expected) { Ok(Some(output)) } else { Err(output.stdout + &output.stderr) }
        })
        .await
    };
    let explained = format!("pod/{pod}");
    let line = format!("kept because nobody else would serve: {pod} (NotSelected)");
    let output = until(&["get"], &line).await;
    let header = output.stdout.lines().find(|found| found.contains("LISTENER")).unwrap_or_default();
    assert_eq!(header.split_whitespace().last(), Some("NOTE"), "{}", output.stdout);
    let is_its = |found: &&str| found.starts_with("  80/TCP") && found.contains(&pod);
    let target = output.stdout.lines().find(is_its).unwrap_or_else(|| panic!("no row of it: {}", output.stdout));
    let words: Vec<_> = target.split_whitespace().collect();
    assert_eq!(words[3..6], ["10", "Healthy", "open"], "{target}");
    assert!(target.ends_with("kept because nobody else would serve. The Service does not select the Pod any more."));
    until(&["explain", &explained], &format!("DirectAccessBinding 'web': {line}")).await;
    // Another one serves, and the first one drains.
    let green = crate::stage::deployment(1).replace(r#""app":"web""#, r#""app":"green""#);
    let green = green.replacen(r#""name":"web"}"#, r#""name":"green"}"#, 1);
    scene.stage.apply(&green).await;
    until(&["get"], &format!("draining: {pod} at ")).await;
    until(&["explain", &explained], &format!("DirectAccessBinding 'web': draining: {pod} at ")).await;
    let found = scene.json(&["get"]).await;
    let row = &found["bindings"][0]["draining"][0];
    assert_eq!((&row["pod"], &row["reason"]), (&json!(pod), &json!("NotSelected")), "{found}");
    let targets = found["bindings"][0]["listeners"][0]["targets"].as_array().unwrap();
    let of_it = targets.iter().find(|one| one["pod"] == json!(pod)).unwrap();
    assert!(of_it["note"].as_str().unwrap().starts_with("draining since "), "{of_it}");
    assert!(targets.iter().filter(|one| one["pod"] != json!(pod)).all(|one| one["note"].is_null()), "{targets:?}");
    scene.finish().await;
}
