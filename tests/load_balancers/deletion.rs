//! What keeps a load balancer from being deleted.

use serde_json::json;
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{Effect, Fault, When};

use super::scene::{created, creating, delete, deploy};
use crate::stage::{DEADLINE, Stage, service};
use crate::support::eventually;

async fn made(stage: &Stage) -> LoadBalancerId {
    deploy(stage, 1).await;
    stage.apply(&creating("web", &json!({"network": "Public"}), &json!({"deletionPolicy": "Delete"}))).await;
    stage.until_ready("web", "1/1").await;
    created(stage).remove(0).0
}

async fn gone(stage: &Stage) {
    eventually("the binding and its load balancer are gone", DEADLINE, async || {
        let left = stage.binding("web").await.and_then(|binding| binding.status);
        if left.is_none() && created(stage).is_empty() { Ok(Some(())) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_of_others_keep_it() {
    let stage = Stage::new("keeps").await;
    let id = made(&stage).await;
    let theirs = stage.cloud.console(|state| state.add_listener(&id, "theirs", Protocol::Tcp, 7000)).unwrap();
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    stage.until("web", "Programmed", "False", "RemovalHeld").await;
    let left: Vec<_> = stage.cloud.console(|state| state.listeners(&id)).into_iter().map(|one| one.id).collect();
    assert_eq!(left.as_slice(), std::slice::from_ref(&theirs));
    assert!(stage.cloud.console(|state| state.remove_listener(&id, &theirs)));
    gone(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_from_deletion_is_told_and_kept_to() {
    let stage = Stage::new("protected").await;
    let id = made(&stage).await;
    let protect = |on: bool| stage.cloud.console(|state| state.set_protected(&id, on)).unwrap();
    protect(true);
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    eventually("the refusal is told", DEADLINE, async || {
        let status = stage.binding("web").await.and_then(|binding| binding.status).unwrap_or_default();
        let told = status.conditions.iter().find(|one| one.type_ == "Programmed").map(|one| one.message.clone());
        let is_told = told.as_deref().is_some_and(|told| told.contains("protected from deletion"));
        if is_told { Ok(Some(())) } else { Err(format!("{told:?}")) }
    })
    .await;
    assert_eq!(created(&stage).len(), 1);
    protect(false);
    gone(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lost_its_tag_is_not_deleted() {
    let stage = Stage::new("untagged").await;
    let id = made(&stage).await;
    stage.cloud.console(|state| state.set_tags(&id, &[])).unwrap();
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    stage.until("web", "Programmed", "False", "RemovalHeld").await;
    assert_eq!(created(&stage).len(), 1);
    let patch = json!({"spec": {"deletionPolicy": "Deregister"}}).to_string();
    stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &patch]).await;
    eventually("the binding is gone", DEADLINE, async || {
        Ok::<_, String>(stage.binding("web").await.is_none().then_some(()))
    })
    .await;
    assert_eq!(created(&stage).len(), 1);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_binding_that_uses_it_keeps_it() {
    let stage = Stage::new("in-use").await;
    let id = made(&stage).await;
    let user = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "user"},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": id.as_str()},
                 "listeners": [{"port": 81, "protocol": "HTTP", "servicePort": 80}]},
    });
    stage.apply(&user.to_string()).await;
    stage.until_ready("user", "1/1").await;
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    stage.until("web", "Programmed", "False", "RemovalHeld").await;
    stage.until_ready("user", "1/1").await;
    delete(&stage, "user").await;
    gone(&stage).await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_answer_is_no_proof_that_it_is_gone() {
    let stage = Stage::new("no-proof").await;
    stage.deploy(2, &json!({})).await;
    stage.until_ready("web", "2/2").await;
    let blind = |action: &str| Fault {
        action: Some(action.to_owned()),
        load_balancer: None,
        names: None,
        when: When::Next(3),
        effect: Effect::EmptyReply,
    };
    stage.cloud.inject(blind("DescribeLoadBalancers"));
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    eventually("the binding is gone", DEADLINE, async || {
        let left = stage.binding("web").await;
        let targets = stage.targets(Protocol::Tcp, 80);
        match left {
            None => {
                assert!(targets.is_none(), "{targets:?}");
                Ok(Some(()))
            }
            Some(binding) => Err(format!("{:?}", binding.status)),
        }
    })
    .await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_asked_for_is_not_waited_for() {
    let stage = Stage::new("typing-error").await;
    stage.apply(&service()).await;
    let binding = json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"},
        "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": "lb-0no7h3r3", "region": "ap-guangzhuo"}},
    });
    stage.apply(&binding.to_string()).await;
    eventually("it has been looked at", DEADLINE, async || {
        Ok::<_, String>(stage.binding("web").await.and_then(|binding| binding.status).map(|_| ()))
    })
    .await;
    delete(&stage, "web").await;
    stage.finish().await;
}
