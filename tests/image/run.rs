//! The image under runc.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tke_direct_access::model::{Address, LoadBalancerId, Protocol};

use crate::DEADLINE;
use crate::build::{Image, PROGRAM, both, root};
use crate::container::{Bundle, Container, bytes, sandbox};
use crate::dns::{Dns, NAME};
use crate::place::{Place, SHOP};
use crate::program::{DEPLOYMENT, create_credentials};
use crate::support::eventually;
use crate::support::traffic::{Load, Mode};

const NAMESPACE: &str = "tke-direct-access";

pub(crate) fn nothing_else_can_be_started(image: &Image) {
    let run = |arguments: &[&str]| {
        let mut spec = sandbox(true);
        spec["process"]["args"] = json!(arguments);
        Bundle::new(image, &spec).run().output().unwrap()
    };
    let program = format!("/usr/local/bin/{PROGRAM}");
    let version = run(&[&program, "--version"]);
    assert!(version.status.success() && both(&version).contains(env!("CARGO_PKG_VERSION")), "{}", both(&version));
    for shell in ["/bin/sh", "/bin/bash", "/bin/busybox", "/usr/bin/env"] {
        let output = run(&[shell]);
        assert!(!output.status.success() && both(&output).contains("no such file"), "{}", both(&output));
    }
}

/// A cluster with the objects of `deploy/install.yaml`, and a server of names that knows the cloud.
struct Installed {
    place: Place,
    dns: Dns,
    begun: Instant,
}

impl Installed {
    async fn new() -> Self {
        let (place, dns) = (Place::new().await, Dns::start());
        let begun = Instant::now();
        place.ok(&["apply", "-f", &root().join("deploy/install.yaml").display().to_string()]).await;
        let endpoint = place.cloud.endpoint();
        let (_, port) = endpoint.rsplit_once(':').unwrap();
        create_credentials(&place.control_plane, NAMESPACE, &format!("http://{NAME}:{port}"), &place.cloud).await;
        Self { place, dns, begun }
    }

    async fn start(&self, image: &Image) -> Container {
        Container::start(image, &self.place.control_plane, NAMESPACE, &self.dns.address.to_string()).await
    }

    /// A container whose probes succeeded soon. A machine that has more to do gets some tries.
    async fn soon_ready(&self, image: &Image) -> Container {
        let mut times = Vec::new();
        while times.len() < TRIES {
            let container = self.start(image).await;
            container.program.until_probes_succeed().await;
            times.push(container.started.elapsed());
            if times.last() <= Some(&SOON) {
                println!("ready {times:.2?} after its start");
                return container;
            }
            container.program.end().await;
        }
        panic!("no container was ready within {SOON:?}: {times:.2?}")
    }

    async fn set_memory(&self, flags: [&str; 2]) {
        let deployment = format!("deployment/{DEPLOYMENT}");
        let set = ["-n", NAMESPACE, "set", "resources", &deployment];
        self.place.ok(&[set.as_slice(), &flags].concat()).await;
    }

    /// The Deployment's limit of memory.
    async fn limit(&self) -> u64 {
        let path = "jsonpath={.spec.template.spec.containers[0].resources.limits.memory}";
        bytes(&self.place.ok(&["-n", NAMESPACE, "get", "deployment", DEPLOYMENT, "-o", path]).await)
    }
}

pub(crate) async fn it_runs_as_the_deployment_says(image: &Image) {
    let installed = Installed::new().await;
    let container = installed.soon_ready(image).await;
    installed.place.until_an_example_is_ready(&container.program, installed.begun).await;
    assert!(installed.dns.answers() > 0, "the cloud was found by its name");

    let process = container.process().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
        line.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!((field("Uid"), field("Gid")), (vec!["65532"; 4], vec!["65532"; 4]));
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!((field("NoNewPrivs"), field("Seccomp")), (vec!["1"], vec!["2"]), "2: a filter");
    let mounts = std::fs::read_to_string(format!("/proc/{process}/mountinfo")).unwrap();
    let top = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|words| words[4] == "/").unwrap();
    assert!(top[5].split(',').any(|option| option == "ro"), "{top:?}");
    let (limit, used) = container.memory().expect("its memory is counted");
    assert_eq!(limit, installed.limit().await);
    println!("{used} bytes of {limit} are used");
    container.program.end().await;
    installed.place.finish().await;
}

/// How long the start of a container may take, until it is ready.
const SOON: Duration = Duration::from_secs(1);
const TRIES: usize = 5;
/// A limit that suffices for a small cluster, as the flags that set it; a request may not be larger.
const SMALL: [&str; 2] = ["--limits=memory=32Mi", "--requests=memory=32Mi"];
/// The limit of `deploy/`.
const USUAL: [&str; 2] = ["--limits=memory=512Mi", "--requests=memory=64Mi"];
/// Labels of a binding that nobody needs, a megabyte in all: about as much as the API server takes.
const LABELS: usize = 4000;
/// More such bindings than fit.
const MOST: usize = 60;

pub(crate) async fn beyond_its_memory_it_is_killed_and_goes_on(image: &Image) {
    let installed = Installed::new().await;
    let place = &installed.place;
    let usual = installed.limit().await;
    installed.set_memory(SMALL).await;
    let mut container = installed.start(image).await;
    place.until_an_example_is_ready(&container.program, installed.begun).await;
    assert_eq!(container.memory().map(|(limit, _)| limit), Some(bytes("32Mi")));
    let load = Load::start(&format!("http://{}/", listener(place)), 50, Mode::Both);
    let before = targets(place);

    let mut events = container.follow();
    let count = outgrow(place, &container).await;
    let code = container.program.ended().await;
    assert_eq!(code.code(), Some(137), "killed: {}", container.program.log());
    events.wait().unwrap();
    assert!(container.ran_out_of_memory());
    assert_eq!(targets(place), before, "who serves goes on serving");

    // Somebody gives it back what it had; the cluster is as large as before.
    drop(container);
    installed.set_memory(USUAL).await;
    assert_eq!(installed.limit().await, usual);
    let container = installed.start(image).await;
    container.program.until_probes_succeed().await;
    place.ok(&["-n", SHOP, "scale", "deployment/my-app", "--replicas=5"]).await;
    eventually("new Pods are bound", DEADLINE, async || targets(place).len() == 5).await;
    place.ok(&["-n", SHOP, "wait", "--for=condition=Ready", "dab/my-service", "--timeout=150s"]).await;
    assert!(before.iter().all(|target| targets(place).contains(target)), "those that were there still are");
    let totals = load.stop().await.unwrap();
    assert!(totals.lost == 0 && totals.sent > 100, "{totals}");
    println!("{count} bindings with {LABELS} labels were too many; now {:?}; {totals}", container.memory());
    container.program.end().await;
    installed.place.finish().await;
}

/// Adds large bindings until the container is gone, and says how many.
async fn outgrow(place: &Place, container: &Container) -> usize {
    let prefix = ["ballast"; 20].join(".");
    let label = |at: usize| (format!("{prefix}/{at:0>60}"), json!("x".repeat(60)));
    let labels: serde_json::Map<_, _> = (0..LABELS).map(label).collect();
    for count in 0..MOST {
        let is_there = container.process().is_some_and(|id| Path::new(&format!("/proc/{id}")).exists());
        if !is_there {
            return count;
        }
        let binding = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
            "metadata": {"name": format!("ballast-{count}"), "labels": labels},
            "spec": {"serviceRef": {"name": "nobody"}, "loadBalancer": {"id": "lb-6efswuxa"}, "suspend": true},
        });
        let create = ["-n", SHOP, "create", "-f", "-"];
        place.control_plane.kubectl_with_input(&create, &binding.to_string()).await.ok().unwrap();
    }
    panic!("{MOST} bindings fit: {:?}", container.memory())
}

fn balancer() -> LoadBalancerId {
    LoadBalancerId::new("lb-6efswuxa")
}

fn listener(place: &Place) -> SocketAddr {
    place.cloud.data_plane(&balancer(), Protocol::Tcp, 80).expect("the listener is served")
}

/// Who serves, with their weights.
fn targets(place: &Place) -> BTreeSet<(Address, u32)> {
    let all = place.cloud.console(|state| state.targets(&balancer()));
    all.into_values().flatten().map(|target| (target.address, u32::from(target.weight))).collect()
}
