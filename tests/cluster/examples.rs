//! Every example is taken by the real API server, strictly, and does what its head says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use k8s_openapi::api::apps::v1::Deployment;
use kube::core::NamespaceResourceScope;
use serde_json::Value;
use tke_direct_access::api::{DirectAccessBinding, TkeServiceConfig, names};
use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};

use crate::stage::{DEADLINE, Stage, control_plane};
use crate::support::{ControlPlane, Options, eventually};

#[allow(dead_code, reason = "the playground alone shows where metrics are")]
#[path = "../../examples/playground/place.rs"]
mod place;

const IN_EXAMPLES: &str = "lb-6efswuxa";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn files() -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_opens_with_its_purpose_and_is_taken_strictly() {
    let control_plane = control_plane().await;
    let files = files();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for heading in ["# Shows: ", "# Check: "] {
            assert!(text.contains(heading), "{} has no '{heading}'", file.display());
        }
        let namespace = control_plane.namespace("strict").await;
        let path = file.display().to_string();
        let apply = ["apply", "--dry-run=server", "--validate=strict", "-n", &namespace.name, "-f", &path];
        control_plane.kubectl(&apply).await.ok().unwrap_or_else(|error| panic!("{path}: {error:#}"));
    }
}

/// A stage whose cloud has the load balancer of the examples.
async fn stage(name: &str) -> Stage {
    let mut stage = Stage::without_controller(name, SimulatorSettings::instant()).await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(IN_EXAMPLES)).unwrap();
    stage.start_controller(&[]).await;
    stage
}

async fn apply(stage: &Stage, file: &str) {
    stage.apply(&std::fs::read_to_string(folder().join(file)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_and_a_binding_are_enough() {
    let stage = stage("first").await;
    apply(&stage, "01-service.yaml").await;
    stage.until_ready("my-service", "3/3").await;
    let address = stage.cloud.data_plane(&LoadBalancerId::new(IN_EXAMPLES), Protocol::Tcp, 80).unwrap();
    let ingress = async || {
        stage.ok(&["get", "service", "my-service", "-o", "jsonpath={.status.loadBalancer.ingress[*].ip}"]).await
    };
    eventually("the Service has the address, too", DEADLINE, async || ingress().await == address.ip().to_string())
        .await;
    assert!(reqwest::get(format!("http://{address}/")).await.unwrap().status().is_success());
    stage.ok(&["delete", "dab", "my-service", "--timeout=150s"]).await;
    eventually("the address is taken off again", DEADLINE, async || ingress().await.is_empty()).await;
    stage.finish().await;
}

/// The objects of an example that say whether it works, as `KIND/NAME`.
fn watched(file: &Path) -> Vec<String> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(file).unwrap()).unwrap();
    let is_wished = |object: &&Value| object["metadata"]["annotations"][names::DIRECT_ACCESS] == "true";
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    let of = |kind: &str| -> Vec<&Value> { objects.iter().filter(|object| object["kind"] == kind).collect() };
    // A Service that asks for it gets a binding of its own name.
    let annotated = of("Service").into_iter().filter(is_wished);
    let mut found: Vec<_> = annotated.map(|service| format!("DirectAccessBinding/{}", name(service))).collect();
    for kind in ["DirectAccessBinding", "TkeServiceConfig", "Deployment"] {
        found.extend(of(kind).into_iter().map(|object| format!("{kind}/{}", name(object))));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The place of the playground, with an instant cloud.
struct Place {
    control_plane: ControlPlane,
    cloud: Simulator,
    controller: place::Controller,
    client: kube::Client,
}

impl Place {
    async fn new() -> Self {
        let control_plane = ControlPlane::start(Options::default()).await.unwrap();
        let cloud = Simulator::start(place::cloud(SimulatorSettings::instant())).unwrap();
        place::prepare(&control_plane).await.unwrap();
        let controller = place::Controller::start(&control_plane, &cloud).await.unwrap();
        Self { client: control_plane.client(), control_plane, cloud, controller }
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        self.control_plane.kubectl(arguments).await.ok().unwrap_or_else(|error| panic!("{arguments:?}: {error:#}"))
    }

    /// Those of the objects that are not as they should be: bindings and configs are ready, and so is every Pod.
    async fn lacking(&self, watched: &[String]) -> Vec<String> {
        let well = [
            self.well::<DirectAccessBinding>("DirectAccessBinding").await,
            self.well::<TkeServiceConfig>("TkeServiceConfig").await,
            self.well::<Deployment>("Deployment").await,
        ]
        .concat();
        watched.iter().filter(|object| !well.contains(object)).cloned().collect()
    }

    /// The objects of this kind that are ready.
    async fn well<K>(&self, kind: &str) -> Vec<String>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
    {
        let api: kube::Api<K> = kube::Api::namespaced(self.client.clone(), "default");
        let is_well = |object: &Value| {
            let (spec, status) = (&object["spec"], &object["status"]);
            let mut conditions = status["conditions"].as_array().into_iter().flatten();
            let is_ready = match kind {
                "Deployment" => status["readyReplicas"] == spec["replicas"],
                _ => conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
            };
            is_ready && status["observedGeneration"] == object["metadata"]["generation"]
        };
        let listed = api.list(&kube::api::ListParams::default()).await.unwrap().items;
        let objects = listed.iter().map(|object| serde_json::to_value(object).unwrap());
        let name = |object: Value| format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap());
        objects.filter(is_well).map(name).collect()
    }

    async fn until_well(&self, what: &str, watched: &[String]) {
        eventually(what, DEADLINE, async || {
            let lacking = self.lacking(watched).await;
            if lacking.is_empty() { Ok(Some(())) } else { Err(format!("not ready: {lacking:?}")) }
        })
        .await;
    }

    /// Load balancers, and the listeners of each.
    fn shown(&self) -> Vec<(String, Vec<String>)> {
        self.cloud.console(|state| {
            let ids: Vec<_> = state.load_balancers().map(|one| one.id.clone()).collect();
            let listeners =
                |id: &LoadBalancerId| state.listeners(id).into_iter().map(|one| one.id.to_string()).collect();
            ids.iter().map(|id| (id.to_string(), listeners(id))).collect()
        })
    }

    async fn until_shown(&self, expected: &[(String, Vec<String>)]) {
        eventually("the cloud is as it was", DEADLINE, async || {
            let found = self.shown();
            if found == expected { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
    }
}

/// How many examples are tried at a time.
const LANES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn all_work_one_after_another_and_side_by_side() {
    let begun = Instant::now();
    let place = Place::new().await;
    let (before, files) = (place.shown(), files());
    assert_eq!(before.iter().map(|one| one.1.len()).collect::<Vec<_>>(), [1, 1], "{before:?}");
    println!("the place: {:.1?}", begun.elapsed());

    let begun = Instant::now();
    let lane = async |first: usize| {
        // The last ones take longest: load balancers are created.
        for file in files.iter().rev().skip(first).step_by(LANES) {
            let path = file.display().to_string();
            place.ok(&["apply", "-f", &path]).await;
            place.until_well(&format!("{path} works"), &watched(file)).await;
            place.ok(&["delete", "-f", &path, "--timeout=150s"]).await;
        }
    };
    futures::future::join_all((0..LANES).map(lane)).await;
    place.until_shown(&before).await;
    println!("one after another: {:.1?}", begun.elapsed());

    let begun = Instant::now();
    let all: Vec<_> = files.iter().flat_map(|file| watched(file)).collect();
    let unique: BTreeSet<_> = all.iter().collect();
    assert_eq!(unique.len(), all.len(), "two examples have an object of one name");
    place.ok(&["apply", "-f", &folder().display().to_string()]).await;
    place.until_well("all examples work", &all).await;
    let gate = "jsonpath={.items[*].spec.readinessGates[*].conditionType}";
    let gates =
        place.ok(&["get", "pods", "-l", "app=plain", "--field-selector=status.phase=Running", "-o", gate]).await;
    assert!(gates.split(' ').count() >= 2 && gates.split(' ').all(|one| one == names::GATE), "{gates}");
    println!("side by side: {:.1?}", begun.elapsed());
    place.controller.end().await.unwrap();
    place.cloud.shutdown().await;
}
