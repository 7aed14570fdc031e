//! The harness itself: it counts requests, breaks components on demand, and leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::anyhow;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use serde_json::json;

use crate::support::{ControlPlane, Options, eventually};
use crate::workload::{SOON, World, condition, pod};

/// Set for the copy of this program that only holds a control plane.
const HOLDER: &str = "HOLD_A_CONTROL_PLANE";

#[tokio::test]
async fn requests_are_counted_by_who_made_them() {
    let world = World::new("audit").await;
    let mut config = world.control_plane.config();
    config.headers.push(("user-agent".parse().unwrap(), "counted/1".parse().unwrap()));
    let maps: Api<ConfigMap> = Api::namespaced(kube::Client::try_from(config).unwrap(), &world.namespace.name);
    let named = ObjectMeta { name: Some("counted".to_owned()), ..ObjectMeta::default() };
    maps.create(&PostParams::default(), &ConfigMap { metadata: named, ..ConfigMap::default() }).await.unwrap();
    maps.list(&ListParams::default()).await.unwrap();
    let expected = [(true, "create", 201), (false, "list", 200)];
    let expected = expected.map(|(writes, verb, code)| (writes, verb.to_owned(), "configmaps".to_owned(), code));
    eventually("both requests are counted", SOON, || async {
        let mine: Vec<_> = world
            .control_plane
            .requests()?
            .into_iter()
            .filter(|request| request.namespace == world.namespace.name && request.user_agent.starts_with("counted"))
            .map(|request| (request.is_write(), request.verb, request.resource, request.code))
            .collect();
        if mine == expected { Ok(Some(())) } else { Err(anyhow!("{mine:?}")) }
    })
    .await;
}

#[tokio::test]
async fn components_can_be_killed_paused_and_started_again() {
    let options = Options { nodes: 1, node_monitor_grace: Some(Duration::from_secs(15)), ..Options::default() };
    let control_plane = ControlPlane::start(options).await.unwrap();
    let client = control_plane.client();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    control_plane.kubectl_apply("default", &pod("survivor", json!({}), json!({})).to_string()).await.unwrap();
    let is_ready = async || match pods.get("survivor").await {
        Ok(pod) if condition(&pod, "Ready").0 == "True" => Ok(Some(())),
        Ok(pod) => Err(anyhow!("{:?}", pod.status)),
        Err(error) => Err(error.into()),
    };
    eventually("the Pod is ready", SOON, &is_ready).await;

    control_plane.kill("kube-apiserver").unwrap();
    assert!(pods.get("survivor").await.is_err());
    control_plane.restart("kube-apiserver").unwrap();
    eventually("the Pod is still there", SOON, &is_ready).await;

    control_plane.pause("node-1").unwrap();
    let nodes: Api<Node> = Api::all(client);
    let node_is = async |wanted: &str| {
        let node = nodes.get("node-1").await?;
        let status = node.status.and_then(|status| status.conditions).unwrap_or_default();
        let ready = status.into_iter().find(|condition| condition.type_ == "Ready");
        anyhow::Ok(ready.is_some_and(|ready| ready.status == wanted).then_some(()))
    };
    eventually("the node is given up", SOON, || node_is("Unknown")).await;
    control_plane.resume("node-1").unwrap();
    eventually("the node is back", SOON, || node_is("True")).await;
    assert!(control_plane.pause("nonsense").is_err());
}

/// Not a test of its own: the other side of the next one.
#[tokio::test]
async fn hold_a_control_plane_when_asked() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let control_plane = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await.unwrap();
    println!("folder {}", control_plane.folder().display());
    // Until it is killed.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    std::mem::forget(control_plane);
}

/// The processes whose command line mentions a folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_string_lossy().into_owned();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(&folder))
        .collect()
}

#[test]
fn nothing_is_left_when_the_test_process_is_killed() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harness::hold_a_control_plane_when_asked", "--nocapture"])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let folder = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("folder ").map(PathBuf::from)).unwrap();
    assert!(folder.is_dir());
    assert!(processes_in(&folder).len() >= 5, "{:?}", processes_in(&folder));
    holder.kill().unwrap();
    holder.wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(eventually("everything is gone", SOON, || async {
        let left = processes_in(&folder);
        if left.is_empty() && !folder.exists() { Ok(Some(())) } else { Err(anyhow!("{left:?}")) }
    }));
}
