//! What Pods get.

use kube::api::{ListParams, PostParams};
use prometheus_client::registry::Registry;
use serde_json::json;
use tke_direct_access::api::names::GATE;

use crate::stage::{DEADLINE, Stage, expectations, gates, web_pod};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn selected_pods_get_the_gate_once_and_others_stay_as_they_are() {
    let stage = Stage::new("inject").await;
    let replica = stage.working().await;
    let pods = stage.pods(&stage.shop.name);
    for (what, pod, expected) in expectations() {
        let pod = serde_json::from_value(pod).unwrap();
        let created = pods.create(&PostParams::default(), &pod).await.expect("the Pod is admitted");
        assert_eq!(gates(&created), expected, "{what}");
    }
    let mut registry = Registry::default();
    replica.metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let count = |result: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("direct_access_injections_total{{result=\"{result}\"}}")));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    assert!(count("injected") >= 3 && count("gated") >= 2 && count("not-selected") >= 3, "{text}");
    assert_eq!((count("host-network"), count("malformed"), count("cold")), (1, 0, 0), "{text}");
    let expiry =
        text.lines().find_map(|line| line.strip_prefix("direct_access_webhook_certificate_expiry_timestamp_seconds "));
    let left = expiry.unwrap().parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
    assert!((89 * 86_400..=90 * 86_400).contains(&left), "{left} s");
    assert!(text.contains("direct_access_gate_injection_mode{mode=\"webhook\"} 1"), "{text}");
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_deployment_wait_for_the_gate() {
    let stage = Stage::new("deploy").await;
    let replica = stage.working().await;
    let mut template = web_pod();
    template["metadata"].as_object_mut().unwrap().remove("generateName");
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": template["metadata"], "spec": template["spec"]}},
    });
    stage.control_plane.kubectl_apply(&stage.shop.name, &deployment.to_string()).await.unwrap();
    let condition = |pod: &k8s_openapi::api::core::v1::Pod, kind: &str| {
        let all = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
        all.into_iter().find(|one| one.type_ == kind).map(|one| one.status.clone())
    };
    eventually("both run and are not ready", DEADLINE, async || {
        let listed = stage.pods(&stage.shop.name).list(&ListParams::default()).await?;
        let waits = |pod: &&k8s_openapi::api::core::v1::Pod| {
            gates(pod) == [GATE]
                && condition(pod, "ContainersReady").as_deref() == Some("True")
                && condition(pod, "Ready").as_deref() == Some("False")
        };
        let waiting = listed.items.iter().filter(waits).count();
        Ok::<_, kube::Error>((waiting == 2).then_some(()))
    })
    .await;
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_must_ask_for_it() {
    let stage = Stage::new("opt-in").await;
    let replica = stage.working().await;
    stage.ok(&["label", "namespace", &stage.shop.name, "cloud.tencent.com/direct-access-gates-"]).await;
    eventually("Pods are left alone", DEADLINE, async || stage.dry_run(&web_pod()).await.is_empty()).await;
    // Neither the controller's own namespace nor the system's, even when somebody labels them.
    stage.label(&stage.own).await;
    stage.populate(&stage.own).await;
    let pod = serde_json::from_value(web_pod()).unwrap();
    let created = stage.pods(&stage.own.name).create(&PostParams::default(), &pod).await.unwrap();
    assert_eq!(gates(&created), Vec::<String>::new());
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_gate() {
    let stage = Stage::new("dry").await;
    let replica = stage.working().await;
    let arguments = ["create", "--dry-run=server", "-n", &stage.shop.name, "-o", "yaml", "-f", "-"];
    let output = stage.control_plane.kubectl_with_input(&arguments, &web_pod().to_string()).await;
    let shown = output.ok().expect("a dry run is possible");
    assert_eq!(shown.matches(GATE).count(), 1, "{shown}");
    stage.finish(vec![replica]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_comes_later_counts_for_later_pods() {
    let stage = Stage::new("later").await;
    let replica = stage.working().await;
    stage.ok(&["-n", &stage.shop.name, "delete", "dab", "web", "--wait=false"]).await;
    eventually("Pods are left alone", DEADLINE, async || stage.dry_run(&web_pod()).await.is_empty()).await;
    stage.populate(&stage.shop).await;
    stage.until_injecting(DEADLINE).await;
    stage.finish(vec![replica]).await;
}
