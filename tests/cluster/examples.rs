//! Every example is taken by the real API server, strictly, and does what its head says.

use tke_direct_access::model::{LoadBalancerId, Protocol};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};

use crate::stage::{DEADLINE, Stage, control_plane};
use crate::support::eventually;

const IN_EXAMPLES: &str = "lb-6efswuxa";

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn files() -> Vec<std::path::PathBuf> {
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

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_listener_can_be_shared() {
    let stage = stage("second").await;
    let id = LoadBalancerId::new(IN_EXAMPLES);
    let listener = stage.cloud.console(|state| state.add_listener(&id, "shared", Protocol::Tcp, 8443)).unwrap();
    let text = std::fs::read_to_string(folder().join("02-existing-listener.yaml")).unwrap();
    stage.apply(&text.replace("lbl-shared01", listener.as_str())).await;
    stage.until_ready("web-shared", "2/2").await;
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_and_udp_share_a_port() {
    let stage = stage("third").await;
    apply(&stage, "03-tcp-and-udp.yaml").await;
    stage.until_ready("dns", "2/2").await;
    let id = LoadBalancerId::new(IN_EXAMPLES);
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        assert!(stage.cloud.data_plane(&id, protocol, 5300).is_some(), "{protocol}");
    }
    stage.finish().await;
}
