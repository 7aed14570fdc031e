//! What an installation begins with.

use std::path::Path;
use std::time::Instant;

use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};

use super::program::Program;
use crate::support::{ControlPlane, Options};

const BINDINGS: &str = "crd/directaccessbindings.cloud.tencent.com";
pub(super) const SHOP: &str = "shop";

/// An empty cluster, and a cloud with the load balancer of the examples.
pub(super) struct Place {
    pub(super) control_plane: ControlPlane,
    pub(super) cloud: Simulator,
}

impl Place {
    pub(super) async fn new() -> Self {
        let control_plane = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await.unwrap();
        let cloud = Simulator::start(SimulatorSettings::instant()).unwrap();
        cloud.create_load_balancer(&LoadBalancerSpec::with_id("lb-6efswuxa")).unwrap();
        let place = Self { control_plane, cloud };
        place.ok(&["create", "namespace", SHOP]).await;
        place.ok(&["label", "namespace", SHOP, "cloud.tencent.com/direct-access-gates=enabled"]).await;
        place
    }

    pub(super) async fn ok(&self, arguments: &[&str]) -> String {
        self.control_plane.kubectl(arguments).await.ok().unwrap()
    }

    /// What comes after the start of the controller: an example. Until it is ready, with gates that are open.
    pub(super) async fn until_an_example_is_ready(&self, program: &Program, begun: Instant) {
        program.until_probes_succeed().await;
        let up = begun.elapsed();
        self.ok(&["wait", "--for=condition=Established", BINDINGS, "--timeout=150s"]).await;
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/01-service.yaml").display().to_string();
        self.ok(&["-n", SHOP, "apply", "-f", &example]).await;
        self.ok(&["-n", SHOP, "wait", "--for=condition=Ready", "dab/my-service", "--timeout=150s"]).await;
        let ready = begun.elapsed();
        self.ok(&["-n", SHOP, "wait", "--for=condition=Available", "deployment/my-app", "--timeout=150s"]).await;
        println!(
            "controller up {:.1} s after the apply, binding ready after {:.1} s",
            up.as_secs_f64(),
            ready.as_secs_f64()
        );
    }

    pub(super) async fn finish(self) {
        self.cloud.shutdown().await;
    }
}
