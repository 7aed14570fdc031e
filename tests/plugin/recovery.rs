//! `adopt`: a binding that was deleted with Retain, or lost with its cluster, and is made again goes on where the former one ended.

use serde_json::{Value, json};
use tke_direct_access::api::mark::{ListenerName, OWNER_TAG, TargetTag};
use tke_direct_access::api::names;
use tke_direct_access::clb::Keys;
use tke_direct_access::model::{LoadBalancerId, Protocol, RegisteredTarget};

use super::scene::Scene;
use crate::stage::{DEADLINE, LOAD_BALANCER, Stage};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

async fn uid(stage: &Stage) -> String {
    stage.binding("web").await.unwrap().metadata.uid.unwrap()
}

async fn message(stage: &Stage, name: &str, kind: &str) -> String {
    let status = stage.binding(name).await.unwrap().status.unwrap();
    let found = status.conditions.into_iter().find(|condition| condition.type_ == kind);
    found.map(|condition| condition.message).unwrap_or_default()
}

/// The UIDs of bindings in the marks of all targets of the listener, each once.
fn owners(stage: &Stage) -> Vec<String> {
    let targets = stage.targets(Protocol::Tcp, 80).unwrap_or_default();
    let mut all: Vec<_> =
        targets.values().map(|target| TargetTag::parse(&target.tag).expect("a mark").binding_uid).collect();
    all.dedup();
    all
}

fn listener_owner(stage: &Stage) -> String {
    let listener = stage.listeners().into_iter().find(|listener| listener.port == 80).expect("the listener is there");
    ListenerName::owner(&listener.name).expect("a mark").to_owned()
}

fn registrations(stage: &Stage) -> usize {
    let calls = stage.cloud.calls();
    calls.get("BatchRegisterTargets").copied().unwrap_or_default().try_into().unwrap()
}

/// Deletes binding `web`, and waits until it is gone.
async fn lose(stage: &Stage) {
    stage.ok(&["delete", "dab", "web", "--wait=false"]).await;
    eventually("the binding is gone", DEADLINE, async || {
        Ok::<_, String>(stage.binding("web").await.is_none().then_some(()))
    })
    .await;
}

async fn until_marked(stage: &Stage, uid: &str) {
    eventually("listener and targets carry the mark of the new binding", DEADLINE, async || {
        let found = (listener_owner(stage), owners(stage));
        if found == (uid.to_owned(), vec![uid.to_owned()]) { Ok(Some(())) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_applied_again_adopts_its_former_self_under_load() {
    let mut scene = Scene::new("recovery").await;
    scene.start(&[]).await;
    let retained = json!({"deletionPolicy": "Retain"});
    scene.deploy(2, &retained).await;
    scene.stage.until_ready("web", "2/2").await;
    let former = uid(&scene.stage).await;
    let load = Load::start(&format!("http://{}/", scene.stage.data_plane(Protocol::Tcp, 80)), 100, Mode::New);
    lose(&scene.stage).await;
    let (calls, before) = (registrations(&scene.stage), scene.stage.targets(Protocol::Tcp, 80).unwrap());
    scene.stage.apply(&scene.binding("web", &retained)).await;
    scene.stage.until("web", "Accepted", "False", "PortConflict").await;
    let namespace = scene.stage.namespace.name.clone();
    let said = message(&scene.stage, "web", "Accepted").await;
    assert!(said.contains(&format!("run 'kubectl direct-access adopt web -n {namespace}'")), "{said}");

    // Nobody is at the terminal, so it asks for nothing and shows what it would do.
    let output = scene.run(&["adopt", "web"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    assert!(output.stdout.contains(&former) && output.stdout.contains("2 targets"), "{}", output.stdout);
    assert!(output.stderr.contains("nothing is adopted"), "{}", output.stderr);
    let output = scene.run(&["adopt", "web", "--yes", "--uid", &former.replace('-', "0")]).await;
    assert!(output.stderr.contains("nothing carries the mark") && output.stderr.contains(&former), "{}", output.stderr);
    let output = scene.run(&["adopt", "web", "--yes"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    scene.stage.until_ready("web", "2/2").await;
    let own = uid(&scene.stage).await;
    until_marked(&scene.stage, &own).await;
    let place = |targets: &std::collections::BTreeMap<_, RegisteredTarget>| -> Vec<_> {
        targets.values().map(|target| (target.address, target.weight)).collect()
    };
    assert_eq!(place(&scene.stage.targets(Protocol::Tcp, 80).unwrap()), place(&before), "they are the same targets");
    assert_eq!(registrations(&scene.stage), calls, "none is registered again");
    let output = scene.run(&["adopt", "web", "--yes"]).await;
    assert!(output.stdout.contains("has nothing to adopt"), "{}{}", output.stdout, output.stderr);

    scene.stage.ok(&["rollout", "restart", "deployment/web"]).await;
    scene.stage.ok(&["rollout", "status", "deployment/web", "--timeout=150s"]).await;
    eventually("only the new Pods are targets", DEADLINE, async || {
        let targets = scene.stage.targets(Protocol::Tcp, 80).unwrap();
        let names: Vec<_> = targets.keys().filter(|address| !before.contains_key(address)).collect();
        if targets.len() == 2 && names.len() == 2 { Ok(Some(())) } else { Err(format!("{targets:?}")) }
    })
    .await;
    let totals = load.stop().await.unwrap();
    assert_eq!((totals.lost, &totals.losses), (0, &Vec::new()), "of {}", totals.sent);

    // The annotation may go by now, and the second round of this is as the first.
    scene.stage.ok(&["annotate", "dab", "web", &format!("{}-", names::ADOPT)]).await;
    scene.stage.until_ready("web", "2/2").await;
    assert_eq!(owners(&scene.stage), [own]);
    scene.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_a_binding_of_another_namespace_is_refused() {
    let mut scene = Scene::new("recovery-owner").await;
    scene.start(&[]).await;
    scene.deploy(1, &json!({"deletionPolicy": "Retain"})).await;
    scene.stage.until_ready("web", "1/1").await;
    let owner = uid(&scene.stage).await;
    let tenant = scene.stage.control_plane.namespace("recovery-tenant").await;
    let (id, key) = scene.stage.cloud.credentials();
    let flags = ["--lease-namespace", &tenant.name, "--watch-namespace", &tenant.name];
    let controller = scene.stage.controller(Keys::new(id, key, None).unwrap(), &flags).await;
    scene.stage.put_controller(controller);
    // The former one lives, and then it is gone.
    let mut theirs: Value = serde_json::from_str(&scene.binding("web", &json!({}))).unwrap();
    theirs["metadata"]["annotations"] = json!({names::ADOPT: owner});
    let api: kube::Api<tke_direct_access::api::DirectAccessBinding> =
        kube::Api::namespaced(scene.stage.control_plane.client(), &tenant.name);
    scene.stage.control_plane.kubectl_apply(&tenant.name, &crate::stage::service()).await.unwrap();
    scene.stage.control_plane.kubectl_apply(&tenant.name, &theirs.to_string()).await.unwrap();
    for is_gone in [false, true] {
        if is_gone {
            lose(&scene.stage).await;
            let change = json!({"metadata": {"annotations": {"cloud.tencent.com/reconcile-requested-at": "again"}}});
            let patch = kube::api::Patch::Merge(&change);
            api.patch("web", &Default::default(), &patch).await.unwrap();
        }
        eventually("the tenant is refused", DEADLINE, async || {
            let status = api.get("web").await.map_err(|error| error.to_string())?.status.unwrap_or_default();
            let said = status.conditions.iter().find(|found| found.type_ == "Accepted").cloned();
            let is_looked_at = !is_gone || status.last_handled_reconcile_at.as_deref() == Some("again");
            let words = "of a binding of another namespace or name";
            match said {
                Some(said) if is_looked_at && said.message.contains(words) => Ok(Some(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        assert_eq!((listener_owner(&scene.stage), owners(&scene.stage)), (owner.clone(), vec![owner.clone()]));
    }
    let output = scene.run(&["adopt", "web", "--yes", "--namespace", &tenant.name]).await;
    assert!(!output.stdout.contains("takes the place"), "{}{}", output.stdout, output.stderr);
    scene
        .stage
        .control_plane
        .kubectl(&["-n", &tenant.name, "delete", "dab", "web", "--wait=false"])
        .await
        .ok()
        .unwrap();
    scene.finish().await;
}

/// The load balancers that bindings have created, with the UID of their tag.
fn created(stage: &Stage) -> Vec<(LoadBalancerId, String)> {
    stage.cloud.console(|state| {
        let tag = |found: &tke_direct_access::clb::wire::LoadBalancer| {
            let mut tags = found.tags.iter().flatten();
            tags.find(|tag| tag.tag_key.as_deref() == Some(OWNER_TAG)).and_then(|tag| tag.tag_value.clone())
        };
        let all = state.load_balancers().filter_map(|found| Some((found.id().clone(), tag(found.shown())?)));
        all.filter(|(id, _)| id.as_str() != LOAD_BALANCER).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_was_created_is_found_again_and_no_second_one_is_made() {
    let mut scene = Scene::new("recovery-created").await;
    scene.start(&[]).await;
    let binding = |is_suspended: bool| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": "web"},
            "spec": {
                "serviceRef": {"name": "web"}, "loadBalancer": {"create": {"network": "Public"}},
                "deletionPolicy": "Retain", "suspend": is_suspended,
            },
        })
        .to_string()
    };
    scene.stage.apply(&crate::stage::service()).await;
    scene.stage.apply(&crate::stage::deployment(1)).await;
    scene.stage.apply(&binding(false)).await;
    scene.stage.until_ready("web", "1/1").await;
    let former = uid(&scene.stage).await;
    let address = |status: Option<tke_direct_access::api::DirectAccessBindingStatus>| {
        status.and_then(|status| status.load_balancer).and_then(|found| found.address)
    };
    let before = address(scene.stage.binding("web").await.unwrap().status).expect("it has an address");
    let [(id, tag)] = created(&scene.stage).try_into().expect("one is created");
    assert_eq!(tag, former);
    let front = scene.stage.cloud.data_plane(&id, Protocol::Tcp, 80).unwrap();
    let load = Load::start(&format!("http://{front}/"), 50, Mode::New);
    lose(&scene.stage).await;
    // Suspended, it creates none before it is known which one it is to have.
    scene.stage.apply(&binding(true)).await;
    scene.stage.until("web", "Accepted", "False", "Suspended").await;
    let output = scene.run(&["adopt", "web", "--yes"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains(&former) && output.stdout.contains(id.as_str()), "{}", output.stdout);
    scene.run(&["resume", "web"]).await.ok().unwrap();
    scene.stage.until_ready("web", "1/1").await;
    assert_eq!(address(scene.stage.binding("web").await.unwrap().status), Some(before), "the address stays");
    assert_eq!(created(&scene.stage).len(), 1, "no second one is made");
    let calls = scene.stage.cloud.calls();
    assert_eq!(calls.get("CreateLoadBalancer"), Some(&1));
    let totals = load.stop().await.unwrap();
    assert_eq!((totals.lost, &totals.losses), (0, &Vec::new()), "of {}", totals.sent);
    // It is the new one's, and goes with it where that is asked for.
    let delete = json!({"spec": {"deletionPolicy": "Delete"}}).to_string();
    scene.stage.ok(&["patch", "dab", "web", "--type=merge", "-p", &delete]).await;
    lose(&scene.stage).await;
    assert_eq!(created(&scene.stage), []);
    scene.finish().await;
}
