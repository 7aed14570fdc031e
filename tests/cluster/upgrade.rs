//! From a previous release to this one and back, under load, with a rolling update in each phase. `tools/judges/upgrade` builds the
//! previous program and runs this.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tke_direct_access::model::{Protocol, Route};
use tke_direct_access::sim::{Settings as SimulatorSettings, Timing};

use crate::leadership::replica::Replica;
use crate::line::Rule;
use crate::line::journal::Journal;
use crate::stage::{DEADLINE, Stage, deployment, service};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

/// The load balancer of the worlds of the pure core, which read what is written here.
const LOAD_BALANCER: &str = "lb-1";
const PODS: usize = 4;
const BINDINGS: [(&str, u16); 2] = [("web", 80), ("site", 8000)];
/// Requests per second on each port.
const RATE: u32 = 50;

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn bindings() -> Value {
    let of = |name: &str, listener: Value| {
        json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding", "metadata": {"name": name},
            "spec": {"serviceRef": {"name": "web"}, "loadBalancer": {"id": LOAD_BALANCER}, "listeners": [listener]},
        })
    };
    let rules = json!([{"domain": "127.0.0.1", "url": "/"}, {"domain": "b.example", "url": "/b"}]);
    let items = [
        of("web", json!({"port": 80, "protocol": "TCP", "servicePort": 80})),
        of("site", json!({"port": 8000, "protocol": "HTTP", "servicePort": 80, "rules": rules})),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The definitions that a program prints.
fn definitions(program: &Path) -> String {
    let output = Command::new(program).arg("crd").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

async fn define(stage: &Stage, program: &Path) {
    stage.control_plane.kubectl_with_input(&["apply", "-f", "-"], &definitions(program)).await.ok().unwrap();
}

/// One phase: a rolling update, then all is at rest.
async fn roll(stage: &Stage, loads: &[Load; 2], phase: &str) {
    let before = loads.each_ref().map(Load::totals);
    stage.ok(&["rollout", "restart", "deployment/web"]).await;
    stage.ok(&["rollout", "status", "deployment/web", "--timeout=240s"]).await;
    at_rest(stage).await;
    tell(loads, &before.map(|totals| (totals.sent, totals.lost)), phase);
}

fn tell(loads: &[Load; 2], before: &[(u64, u64); 2], phase: &str) {
    for ((load, (sent, lost)), (name, _)) in loads.iter().zip(before).zip(BINDINGS) {
        let now = load.totals();
        println!("upgrade, {phase}, {name}: {} lost of {}", now.lost - lost, now.sent - sent);
    }
}

async fn at_rest(stage: &Stage) {
    for (name, _) in BINDINGS {
        eventually(&format!("binding {name} is ready"), DEADLINE, async || {
            let status = stage.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
            let is_ready = status.conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
            if is_ready { Ok(Some(())) } else { Err(format!("{:?}", status.conditions)) }
        })
        .await;
    }
    eventually("the targets are the Pods", DEADLINE, async || {
        stage.targets(Protocol::Tcp, 80).is_some_and(|targets| targets.len() == PODS)
    })
    .await;
}

/// Another program takes over as a Deployment does it: it comes first, and then the other goes.
async fn take_over(stage: &Stage, journal: &Journal, program: &Path, name: &'static str, old: Replica) -> Replica {
    let new = Replica::of(program, stage, name, journal, Rule::Pass).await;
    // Older ones do not watch the Lease, but read or write it.
    eventually("it stands for election", DEADLINE, async || journal.has_asked_for_the_lease(name)).await;
    old.signal("TERM");
    old.ended().await;
    new
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program of a previous release: run tools/judges/upgrade"]
async fn upgrade_and_back_under_load() {
    let previous = variable("DIRECT_ACCESS_PREVIOUS").expect("the program of the previous release");
    let this = PathBuf::from(env!("CARGO_BIN_EXE_direct-access-controller"));
    let timing = Timing { scale: 0.2, ..Timing::default() };
    let settings = SimulatorSettings { timing, ..SimulatorSettings::default() };
    let stage = Stage::on("upgrade", settings, LOAD_BALANCER).await;
    define(&stage, &previous).await;
    let journal = Journal::default();
    let replica = Replica::of(&previous, &stage, "previous", &journal, Rule::Pass).await;
    for object in [service(), deployment(u32::try_from(PODS).unwrap()), bindings().to_string()] {
        stage.apply(&object).await;
    }
    at_rest(&stage).await;
    if let Some(folder) = variable("DIRECT_ACCESS_GOLDEN") {
        write(&stage, &folder.join("previous.json")).await;
        std::fs::write(folder.join("definitions.yaml"), definitions(&previous)).unwrap();
    }
    let loads = BINDINGS.map(|(name, port)| {
        let protocol = if name == "web" { Protocol::Tcp } else { Protocol::Http };
        Load::start(&format!("http://{}/", stage.data_plane(protocol, port)), RATE, Mode::Both)
    });
    roll(&stage, &loads, "previous").await;
    let (mut replica, mut name) = (replica, "this");
    for (phase, program, definer) in [("this", &this, Some(&this)), ("previous again", &previous, None)] {
        let before = loads.each_ref().map(|load| (load.totals().sent, load.totals().lost));
        if let Some(definer) = definer {
            define(&stage, definer).await;
        }
        let (calls, writes) = (journal.len(), stage.cloud.writes());
        replica = take_over(&stage, &journal, program, name, replica).await;
        eventually("it leads", DEADLINE, async || journal.lease_of(name, calls)).await;
        eventually("it has read the targets", DEADLINE, async || journal.has_read(name, "DescribeTargetHealth", calls))
            .await;
        at_rest(&stage).await;
        println!("upgrade, {phase}: {} writes to the cloud while taking over", stage.cloud.writes() - writes);
        tell(&loads, &before, &format!("{phase}, taking over"));
        roll(&stage, &loads, phase).await;
        name = "back";
    }
    for load in loads {
        let totals = load.stop().await.unwrap();
        println!("upgrade: {totals}");
        assert!(totals.sent > 0 && totals.lost == 0, "{totals}");
    }
    drop(replica);
    stage.finish().await;
}

/// Writes down what the program has left: its objects, and the load balancer.
async fn write(stage: &Stage, path: &Path) {
    let list = async |kinds: &str| {
        let text = stage.ok(&["get", kinds, "-o", "json"]).await;
        let list: Value = serde_json::from_str(&text).unwrap();
        let mut items = list["items"].as_array().unwrap().clone();
        for item in &mut items {
            let metadata = item["metadata"].as_object_mut().unwrap();
            metadata.remove("managedFields");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
        }
        items
    };
    let pods: Vec<Value> = list("pods")
        .await
        .iter()
        .map(
            |pod| json!({"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"], "ip": pod["status"]["podIP"]}),
        )
        .collect();
    let listeners: Vec<Value> = stage.listeners().iter().map(|listener| {
        let route = |rule| Route { listener: listener.id.clone(), rule };
        let targets = |rule| {
            let all = stage.cloud.console(|state| state.targets(&stage.load_balancer).remove(&route(rule)).unwrap_or_default());
            let rows = all.into_iter().map(|one| json!({"ip": one.address.ip, "port": one.address.port, "weight": one.weight, "tag": one.tag}));
            rows.collect::<Vec<_>>()
        };
        let rules: Vec<Value> = listener.rules.iter().map(|rule| {
            json!({"id": rule.id.as_str(), "domain": rule.domain, "url": rule.url, "targets": targets(Some(rule.id.clone()))})
        }).collect();
        json!({"id": listener.id.as_str(), "name": listener.name, "protocol": listener.protocol.as_str(), "port": listener.port,
               "rules": rules, "targets": targets(None)})
    }).collect();
    let found = json!({"bindings": list("dab").await, "pods": pods, "listeners": listeners});
    std::fs::write(path, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
}
