//! A real Prometheus reads a real controller: alarms fire on a broken world and stop, and every query of the dashboard returns data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regex::Regex;
use serde_json::{Value, json};
use tke_direct_access::sim::{LoadBalancerSpec, Settings, Simulator};

use crate::program::{Program, kubeconfig};
use crate::scenario::{bindings, deployment, load_balancer};
use crate::stage::DEADLINE;
use crate::support::{ControlPlane, GoProgram, Namespace, Options, eventually};

/// From the same module as promtool, which shares most of it. Service discovery would bring the SDKs of all clouds.
const PROMETHEUS: GoProgram<'static> = GoProgram {
    folder: "tools/promtool",
    package: "github.com/prometheus/prometheus/cmd/prometheus",
    name: "prometheus",
    flags: &["-trimpath", "-tags", "remove_all_sd", "-ldflags", "-s -w"],
    what: "Prometheus (about 2 minutes)",
};

/// Queries of the dashboard that return nothing while all is well, and why.
const EMPTY: &[(&str, &str)] =
    &[("Oldest waiting gate", "no gate waits"), ("Endpoints that are no targets", "there are none")];

fn monitoring(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring").join(name)).unwrap()
}

/// The rules as they are, but that a minute of theirs is a second here.
fn quick_rules() -> String {
    let text = monitoring("rules.yaml");
    let text = Regex::new(r"\[(\d+)h\]").unwrap().replace_all(&text, "[${1}m]").into_owned();
    let text = Regex::new(r"\[([2-9]|\d\d+)m\]").unwrap().replace_all(&text, "[${1}s]").into_owned();
    Regex::new(r"for: (\d+)m").unwrap().replace_all(&text, "for: ${1}s").into_owned()
}

/// Ends with the test.
struct Prometheus {
    child: Child,
    folder: tempfile::TempDir,
    address: String,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// One that scrapes this address each second.
    async fn start(scraped: &str) -> Self {
        let binary = PROMETHEUS.built().unwrap_or_else(|error| panic!("{error:#}"));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yaml"), quick_rules()).unwrap();
        write_config(folder.path(), scraped);
        let log = folder.path().join("log");
        let child = Command::new(binary)
            .env_clear()
            .current_dir(folder.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("Prometheus starts");
        let address = eventually("Prometheus says where it listens", DEADLINE, async || {
            let text = std::fs::read_to_string(&log).unwrap();
            let port = Regex::new(r#"msg="Listening on".*address=(127\.0\.0\.1:[1-9]\d*)"#).unwrap();
            port.captures(&text).map(|found| found[1].to_owned())
        })
        .await;
        Self { child, folder, address }
    }

    /// Goes on with another address.
    fn turn_to(&self, scraped: &str) {
        write_config(self.folder.path(), scraped);
        let reloaded = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(reloaded.success());
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = reqwest::Url::parse_with_params(&format!("http://{}/api/v1/{path}", self.address), query).unwrap();
        let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        assert_eq!(answer["status"], "success", "{query:?}: {answer}");
        answer["data"].clone()
    }

    /// The alarms that fire.
    async fn firing(&self) -> BTreeSet<String> {
        let alerts = self.get("alerts", &[]).await;
        let firing = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    async fn until_firing(&self, what: &str, expected: &[&str]) {
        eventually(what, DEADLINE, async || {
            let firing = self.firing().await;
            if firing.iter().map(String::as_str).eq(expected.iter().copied()) {
                Ok(Some(()))
            } else {
                Err(format!("{firing:?}"))
            }
        })
        .await;
    }
}

fn write_config(folder: &Path, scraped: &str) {
    let config = json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{"job_name": "direct-access-controller", "static_configs": [{"targets": [scraped]}]}],
    });
    std::fs::write(folder.join("prometheus.yml"), config.to_string()).unwrap();
}

struct Scene {
    /// Of its own: the webhook has one configuration in a cluster.
    control_plane: ControlPlane,
    shop: Namespace,
    own: Namespace,
    cloud: Simulator,
    folder: tempfile::TempDir,
    kubeconfig: PathBuf,
}

impl Scene {
    async fn new() -> Self {
        tke_direct_access::telemetry::install_crypto();
        let control_plane = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await.unwrap();
        let definitions = tke_direct_access::api::crds_yaml().unwrap();
        control_plane.kubectl_with_input(&["apply", "-f", "-"], &definitions).await.ok().expect("they are taken");
        let settings =
            Settings { load_balancers: vec![LoadBalancerSpec::with_id(load_balancer(0))], ..Settings::instant() };
        let (shop, own) =
            (control_plane.namespace("prometheus").await, control_plane.namespace("prometheus-own").await);
        let folder = tempfile::tempdir().unwrap();
        let (kubeconfig, _) = kubeconfig(&control_plane, &own, folder.path()).await;
        let cloud = Simulator::start(settings).expect("the cloud starts");
        Self { control_plane, shop, own, cloud, folder, kubeconfig }
    }

    async fn ok(&self, namespace: &str, arguments: &[&str]) -> String {
        let all = [&["--namespace", namespace], arguments].concat();
        self.control_plane.kubectl(&all).await.ok().expect("kubectl succeeds")
    }

    fn start(&self) -> Program {
        Program::start(&self.cloud, &self.kubeconfig, &self.shop.name, &self.own.name, self.folder.path())
    }

    /// The webhook's configuration, by its UID.
    async fn configuration(&self) -> String {
        let path = "jsonpath={.items[*].metadata.uid}";
        self.ok("default", &["get", "mutatingwebhookconfiguration", "-o", path]).await
    }

    async fn until_configured(&self, not: &str) -> String {
        eventually("the webhook is set up", DEADLINE, async || {
            let found = self.configuration().await;
            (!found.is_empty() && found != not).then_some(found)
        })
        .await
    }

    async fn hold(&self, value: &str) {
        let config = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "direct-access-controller"},
            "data": {"hold-removals": value},
        });
        self.control_plane.kubectl_apply(&self.own.name, &config.to_string()).await.expect("the ConfigMap is taken");
    }
}

/// The queries of the dashboard, with the titles of their panels.
fn queries() -> Vec<(String, String)> {
    fn panels(of: &Value) -> Vec<&Value> {
        let own = of["panels"].as_array().into_iter().flatten();
        own.flat_map(|panel| std::iter::once(panel).chain(panels(panel))).collect()
    }
    let dashboard: Value = serde_json::from_str(&monitoring("dashboard.json")).unwrap();
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(|target| (title.clone(), target["expr"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
    };
    panels(&dashboard).into_iter().flat_map(of_panel).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_fire_on_a_broken_world_and_stop_and_the_dashboard_has_data() {
    let scene = Scene::new().await;
    scene
        .ok(
            &scene.shop.name,
            &["label", "namespace", &scene.shop.name, "cloud.tencent.com/direct-access-gates=enabled"],
        )
        .await;
    let mut program = scene.start();
    let prometheus = Prometheus::start(&program.address().await).await;
    let mut configured = scene.until_configured("").await;
    for object in [bindings(0..1), deployment(2)] {
        scene.control_plane.kubectl_apply(&scene.shop.name, &object).await.expect("the objects are taken");
    }
    scene.ok(&scene.shop.name, &["wait", "dab/front-0", "--for=condition=Ready", "--timeout=120s"]).await;
    prometheus.until_firing("nothing fires while all is well", &[]).await;

    scene.hold("true").await;
    prometheus.until_firing("held removals", &["DirectAccessRemovalsHeld"]).await;
    scene.hold("false").await;
    prometheus.until_firing("nothing is held any more", &[]).await;

    for _ in 0..5 {
        scene.ok("default", &["delete", "mutatingwebhookconfiguration", "--all"]).await;
        configured = scene.until_configured(&configured).await;
    }
    prometheus.until_firing("repairs that repeat", &["DirectAccessRepairsRepeat"]).await;
    for (title, query) in queries() {
        let query = query.replace("$__rate_interval", "1m");
        let found = prometheus.get("query", &[("query", &query)]).await;
        let is_empty = found["result"].as_array().unwrap().is_empty();
        assert_eq!(is_empty, EMPTY.iter().any(|(known, _)| *known == title), "{title}: {query}: {found}");
    }

    program.end().await;
    prometheus.until_firing("no controller", &["DirectAccessControllerDown"]).await;
    let program = scene.start();
    prometheus.turn_to(&program.address().await);
    prometheus.until_firing("a controller again", &[]).await;
    drop((prometheus, program));
    scene.ok("default", &["delete", "mutatingwebhookconfiguration", "--all"]).await;
    scene.cloud.shutdown().await;
}
