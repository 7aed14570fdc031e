//! Injection by admission policy, and changes from one way to another.

use kube::api::PostParams;
use serde_json::{Value, json};
use tke_direct_access::api::names::GATE;
use tke_direct_access::webhook::NAME;

use crate::stage::{DEADLINE, NAMES, REPAIR, SECRET, Stage, WEBHOOK, With, expectations, gates, web_pod};
use crate::support::eventually;

const POLICY: &[&str] = &["--gate-injection=Policy"];

/// What the controller writes: the Service's selector.
async fn write_selectors(stage: &Stage) {
    for name in NAMES {
        let status = json!({"status": {"podSelector": [{"key": "app", "value": name}]}}).to_string();
        let namespace = &stage.shop.name;
        stage.ok(&["-n", namespace, "patch", "dab", name, "--subresource=status", "--type=merge", "-p", &status]).await;
    }
}

async fn exists(stage: &Stage, kind: &str) -> bool {
    !stage.ok(&["get", kind, NAME, "--ignore-not-found"]).await.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_does_what_the_webhook_does() {
    let stage = Stage::new("policy").await;
    write_selectors(&stage).await;
    let replica = stage.replica(With { flags: POLICY, ..With::default() }).await;
    assert_eq!(replica.address, None, "nothing listens");
    stage.until_injecting(DEADLINE).await;
    for (what, pod, expected) in expectations() {
        let pod = serde_json::from_value(pod).unwrap();
        let created =
            stage.pods(&stage.shop.name).create(&PostParams::default(), &pod).await.expect("the Pod is admitted");
        assert_eq!(gates(&created), expected, "{what}");
    }
    // Two bindings that select one Pod add one gate.
    let second = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "second"},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-test0002"}},
    });
    stage.control_plane.kubectl_apply(&stage.shop.name, &second.to_string()).await.unwrap();
    let status = json!({"status": {"podSelector": [{"key": "app", "value": "web"}]}}).to_string();
    let patch =
        ["-n", &stage.shop.name, "patch", "dab", "second", "--subresource=status", "--type=merge", "-p", &status];
    stage.ok(&patch).await;
    assert_eq!(stage.dry_run(&web_pod()).await, [GATE]);
    // A namespace that has not asked for it.
    stage.ok(&["label", "namespace", &stage.shop.name, "cloud.tencent.com/direct-access-gates-"]).await;
    eventually("Pods are left alone", DEADLINE, async || stage.dry_run(&web_pod()).await.is_empty()).await;
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_is_repaired() {
    let stage = Stage::new("policies").await;
    write_selectors(&stage).await;
    let replica = stage.replica(With { flags: POLICY, ..With::default() }).await;
    stage.until_injecting(DEADLINE).await;
    let condition =
        json!([{"op": "replace", "path": "/spec/matchConditions/0/expression", "value": "false"}]).to_string();
    let reference =
        json!([{"op": "replace", "path": "/spec/paramRef/parameterNotFoundAction", "value": "Deny"}]).to_string();
    let (policy, binding) = ("mutatingadmissionpolicy", "mutatingadmissionpolicybinding");
    for (object, cause, damage) in [
        ("policy", "missing", vec!["delete", policy, NAME]),
        ("policy-binding", "missing", vec!["delete", binding, NAME]),
        ("policy", "changed", vec!["patch", policy, NAME, "--type=json", "-p", &condition]),
        ("policy-binding", "changed", vec!["patch", binding, NAME, "--type=json", "-p", &reference]),
    ] {
        let before = replica.metrics.repairs(object, cause);
        stage.ok(&damage).await;
        eventually(&format!("{damage:?}: noticed"), REPAIR, async || replica.metrics.repairs(object, cause) > before)
            .await;
        // The API server takes in changes of policies about once a second.
        stage.until_injecting(DEADLINE).await;
    }
    let live =
        async || -> Value { serde_json::from_str(&stage.ok(&["get", binding, NAME, "-o", "json"]).await).unwrap() };
    let excluded = &live().await["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"];
    assert_eq!(*excluded, json!(["kube-system", "kube-node-lease", stage.own.name]), "a repair keeps the rest");
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": stage.shop.name}});
    let edit =
        json!([{"op": "replace", "path": "/spec/matchResources/namespaceSelector", "value": selector}]).to_string();
    stage.ok(&["patch", binding, NAME, "--type=json", "-p", &edit]).await;
    let before = replica.metrics.repairs("policy-binding", "changed");
    stage.ok(&["patch", binding, NAME, "--type=json", "-p", &reference]).await;
    eventually("noticed", REPAIR, async || replica.metrics.repairs("policy-binding", "changed") > before).await;
    assert_eq!(live().await["spec"]["matchResources"]["namespaceSelector"], selector);
    stage.until_event(&replica, "MutatingAdmissionPolicy", "Repaired policy-missing").await;
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_takes_the_place_of_the_first() {
    let stage = Stage::new("modes").await;
    write_selectors(&stage).await;
    let webhook = ["mutatingwebhookconfiguration"];
    let policy = ["mutatingadmissionpolicy", "mutatingadmissionpolicybinding"];
    let none = &["--gate-injection=None"][..];
    for (flags, kept, removed) in [
        (WEBHOOK, &webhook[..], &policy[..]),
        (POLICY, &policy[..], &webhook[..]),
        (WEBHOOK, &webhook[..], &policy[..]),
        (none, &[][..], &webhook[..]),
        (POLICY, &policy[..], &webhook[..]),
        (none, &[][..], &policy[..]),
    ] {
        let replica = stage.replica(With { flags, ..With::default() }).await;
        for kind in kept {
            eventually(&format!("{flags:?}: {kind} is there"), DEADLINE, async || exists(&stage, kind).await).await;
        }
        for kind in removed {
            eventually(&format!("{flags:?}: {kind} is gone"), DEADLINE, async || !exists(&stage, kind).await).await;
        }
        if kept == webhook {
            stage.until_injecting(DEADLINE).await;
        }
        eventually(&format!("{flags:?}: the Secret"), DEADLINE, async || {
            stage.secret().await.is_some() == (kept == webhook)
        })
        .await;
        replica.end().await;
    }
    // Somebody else's object of the same name is nobody's business.
    let theirs = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": NAME},
    });
    stage.control_plane.kubectl_with_input(&["create", "-f", "-"], &theirs.to_string()).await.ok().unwrap();
    stage.ok(&["-n", &stage.own.name, "create", "secret", "generic", SECRET, "--from-literal=password=x"]).await;
    let replica = stage.replica(With { flags: POLICY, ..With::default() }).await;
    eventually("it has looked", DEADLINE, async || exists(&stage, policy[1]).await).await;
    let looked =
        || stage.control_plane.requests().unwrap().iter().filter(|one| one.name == SECRET && one.verb == "get").count();
    eventually("it has looked for others", DEADLINE, async || looked() > 0).await;
    assert!(exists(&stage, webhook[0]).await);
    assert_eq!(stage.entry("password").await, "x");
    stage.finish(vec![replica]).await;
}

/// While one setting is rolled out after another, replicas of both are there at once.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_of_two_minds_do_not_race() {
    let stage = Stage::new("minds").await;
    write_selectors(&stage).await;
    let old = stage.replica(With { flags: WEBHOOK, ..With::default() }).await;
    stage.until_injecting(DEADLINE).await;
    let new = stage.replica(With { flags: POLICY, ..With::default() }).await;
    let kinds =
        ["mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "secrets"];
    let writes = || {
        let all = stage.control_plane.requests().unwrap();
        all.into_iter().filter(|one| one.is_write() && kinds.contains(&one.resource.as_str())).count()
    };
    eventually("both have what they need", DEADLINE, async || {
        exists(&stage, "mutatingwebhookconfiguration").await && exists(&stage, "mutatingadmissionpolicybinding").await
    })
    .await;
    let (mut last, mut since) = (writes(), std::time::Instant::now());
    eventually("nobody writes for 3 s", DEADLINE, || {
        let now = writes();
        if now != last {
            (last, since) = (now, std::time::Instant::now());
        }
        std::future::ready(since.elapsed() > std::time::Duration::from_secs(3))
    })
    .await;
    assert_eq!(stage.dry_run(&web_pod()).await, [GATE], "and the gate is added once");
    stage.finish(vec![old, new]).await;
}
