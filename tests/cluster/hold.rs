//! Removals that are held when too many come at once: tried with seven bindings on load balancers of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};
use tke_direct_access::api::names;
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use crate::stage::{DEADLINE, Stage, deployment};
use crate::support::eventually;

const COUNT: usize = 7;

fn load_balancer(number: usize) -> LoadBalancerId {
    LoadBalancerId::new(format!("lb-hold000{number}"))
}

/// Services and bindings `hold-0` to `hold-6`, of Pods with this `app` label.
fn objects(app: &str) -> String {
    let of = |number: usize| {
        let name = format!("hold-{number}");
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
        });
        let binding = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": name},
            "spec": {"serviceRef": {"name": name}, "loadBalancer": {"id": load_balancer(number).as_str()}},
        });
        [service, binding]
    };
    json!({"apiVersion": "v1", "kind": "List", "items": (0..COUNT).flat_map(of).collect::<Vec<_>>()}).to_string()
}

/// One Pod of another name, without gate.
fn other() -> String {
    let mut object: Value = serde_json::from_str(&deployment(1)).unwrap();
    object["metadata"]["name"] = json!("other");
    object["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    object["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    object["spec"]["template"]["spec"]["readinessGates"] = json!([]);
    object.to_string()
}

/// The weight of each address, on each load balancer.
fn weights(stage: &Stage) -> Vec<BTreeMap<IpAddr, u8>> {
    let of = |number| {
        stage.cloud.console(|state| {
            let all = state.targets(&load_balancer(number)).into_values().flatten();
            all.map(|target| (target.address.ip, target.weight)).collect()
        })
    };
    (0..COUNT).map(of).collect()
}

async fn addresses(stage: &Stage, app: &str) -> BTreeSet<IpAddr> {
    let path = "jsonpath={.items[*].status.podIP}";
    let printed = stage.ok(&["get", "pods", "-l", &format!("app={app}"), "-o", path]).await;
    printed.split_whitespace().map(|text| text.parse().unwrap()).collect()
}

/// The reason and message of the condition Programmed of each binding.
async fn programmed(stage: &Stage) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for number in 0..COUNT {
        let status = stage.binding(&format!("hold-{number}")).await.and_then(|found| found.status).unwrap_or_default();
        let found = status.conditions.into_iter().find(|one| one.type_ == "Programmed");
        all.push(found.map(|one| (one.reason, one.message)).unwrap_or_default());
    }
    all
}

/// The value of the gauge for this reason.
async fn gauge(stage: &Stage, reason: &str) -> String {
    let text = reqwest::get(format!("http://{}/metrics", stage.admin())).await.unwrap().text().await.unwrap();
    let begin = format!("direct_access_hold_removals{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_default().to_owned()
}

/// Asks for a round over every load balancer, and waits until each has had one.
async fn look(stage: &Stage, word: &str) {
    let annotation = format!("cloud.tencent.com/reconcile-requested-at={word}");
    stage.ok(&["annotate", "dab", "--all", "--overwrite", &annotation]).await;
    eventually("every binding was looked at", DEADLINE, async || {
        let path = "jsonpath={range .items[*]}{.status.lastHandledReconcileAt}{'\\n'}{end}";
        stage.ok(&["get", "dab", "-o", path]).await.lines().filter(|line| *line == word).count() == COUNT
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_of_removals_when_seven_selectors_change_at_once() {
    let mut stage = Stage::without_controller("hold", SimulatorSettings::instant()).await;
    for number in 0..COUNT {
        stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(load_balancer(number).as_str())).unwrap();
    }
    stage.start_controller(&[]).await;
    stage.apply(&format!("{}\n---\n{}\n---\n{}", deployment(3), other(), objects("web"))).await;
    for number in 0..COUNT {
        stage.until_ready(&format!("hold-{number}"), "3/3").await;
    }
    stage.ok(&["rollout", "status", "deployment/other", "--timeout=150s"]).await;
    assert_eq!(gauge(&stage, "Mass").await, "0");
    let (web, other) = (addresses(&stage, "web").await, addresses(&stage, "other").await);
    assert_eq!((web.len(), other.len()), (3, 1));

    stage.apply(&objects("other")).await;
    eventually("removals are held", DEADLINE, async || gauge(&stage, "Mass").await == "1").await;
    eventually("what is held is said", DEADLINE, async || {
        let said = programmed(&stage).await;
        let all = weights(&stage);
        let serves =
            |weights: &BTreeMap<IpAddr, u8>| weights.iter().any(|(ip, weight)| web.contains(ip) && *weight > 0);
        let agree = all.iter().zip(&said).all(|(weights, (reason, _))| !serves(weights) || reason == "RemovalsHeld");
        let is_registered = all.iter().all(|weights| other.iter().all(|ip| weights.get(ip).is_some_and(|it| *it > 0)));
        if agree && is_registered { Ok(Some(())) } else { Err(format!("{said:?} {all:?}")) }
    })
    .await;
    let before = weights(&stage);
    let whole = before.iter().filter(|weights| web.iter().all(|ip| weights.get(ip).is_some_and(|it| *it > 0))).count();
    eprintln!("hold: {whole} of {COUNT} bindings have kept all targets");
    assert!(whole >= COUNT - 5, "the sixth that would lose most is held: {before:?}");
    look(&stage, "once").await;
    look(&stage, "again").await;
    assert_eq!(weights(&stage), before, "nothing more is taken away, in any round");
    lose_leadership(&stage).await;
    assert_eq!(weights(&stage), before, "nothing more is taken away by the next leadership of the same process");
    // Nothing is handed over.
    stage.take_controller().kill();
    stage.start_controller(&[]).await;
    eventually("removals are held by another process", DEADLINE, async || gauge(&stage, "Mass").await == "1").await;
    look(&stage, "as another").await;
    assert_eq!(weights(&stage), before, "nothing more is taken away by another process");
    let path = "jsonpath={.items[*].status.removalsHeldBy}";
    assert_eq!(stage.ok(&["get", "dab", "-o", path]).await, ["Mass"; COUNT].join(" "));

    let command = format!(
        "kubectl -n {} create configmap direct-access-controller --from-literal=hold-removals=false",
        stage.namespace.name
    );
    let said = programmed(&stage).await;
    let held: Vec<_> = said.iter().filter(|(reason, _)| reason == "RemovalsHeld").collect();
    assert!(held.len() >= whole && held.iter().all(|(_, message)| message.contains(&command)), "{said:?}");
    let words: Vec<_> = command.split(' ').skip(3).collect();
    stage.ok(&words).await;
    eventually("the others have no weight, or are gone", DEADLINE, async || {
        let all = weights(&stage);
        let is_left = |weights: &BTreeMap<IpAddr, u8>| web.iter().any(|ip| weights.get(ip).is_some_and(|it| *it > 0));
        if all.iter().any(is_left) { Err(format!("{all:?}")) } else { Ok(Some(())) }
    })
    .await;
    eventually("the alarm ends", DEADLINE, async || gauge(&stage, "Mass").await == "0").await;

    by_hand(&stage, &other).await;
    stage.finish().await;
}

/// Another holder of the Lease is seen, who is never heard of again.
async fn lose_leadership(stage: &Stage) {
    let holder = json!({"spec": {"holderIdentity": "somebody"}}).to_string();
    stage.ok(&["patch", "lease", names::LEASE, "--type", "merge", "-p", &holder]).await;
    eventually("leadership is lost", DEADLINE, async || gauge(stage, "Mass").await == "0").await;
    eventually("removals are held again", DEADLINE, async || gauge(stage, "Mass").await == "1").await;
    look(stage, "leading again").await;
}

/// What the ConfigMap holds is held at once, and goes when it says nothing any more: bindings that are deleted do not hold by themselves.
async fn by_hand(stage: &Stage, other: &BTreeSet<IpAddr>) {
    let hold = json!({"data": {"hold-removals": "true"}}).to_string();
    stage.ok(&["patch", "configmap", "direct-access-controller", "--type", "merge", "-p", &hold]).await;
    eventually("removals are held by hand", DEADLINE, async || gauge(stage, "ConfigMap").await == "1").await;
    stage.ok(&["delete", "dab", "--all", "--wait=false"]).await;
    for number in 0..COUNT {
        stage.until(&format!("hold-{number}"), "Programmed", "False", "RemovalsHeld").await;
    }
    let is_kept = |weights: &BTreeMap<IpAddr, u8>| weights.iter().any(|(ip, weight)| other.contains(ip) && *weight > 0);
    assert!(weights(stage).iter().all(is_kept));
    stage.ok(&["delete", "configmap", "direct-access-controller"]).await;
    eventually("all are deleted", DEADLINE, async || stage.ok(&["get", "dab", "-o", "name"]).await.is_empty()).await;
    assert_eq!(gauge(stage, "Mass").await, "0");
}
