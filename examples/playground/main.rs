//! Everything on one machine: a real Kubernetes with two nodes, a simulated cloud that forwards real traffic, and the
//! controller. Shows the main job, then stays up to be tried out.
//!
//! `cargo run --example playground` stays up until Ctrl-C; `-- --tour` ends after the show, with an exit code other than 0 when
//! anything fell short.
#![allow(clippy::print_stdout, reason = "a show is for reading")]

#[path = "../../tests/support/mod.rs"]
mod support;

mod place;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use place::{Controller, LOAD_BALANCER, NAMESPACE};
use serde_json::{Value, json};
use support::traffic::{Load, Mode, Totals};
use support::{ControlPlane, Options, eventually};
use tke_direct_access::model::{LoadBalancerId, Protocol, Route};
use tke_direct_access::sim::{Settings as SimulatorSettings, Simulator};
use tke_direct_access::telemetry;
use tke_direct_access::webhook;

const EXAMPLE: &str = "examples/01-service.yaml";
/// The listener of the example's binding.
const LISTENER: (Protocol, u16) = (Protocol::Tcp, 80);
const REQUESTS_PER_SECOND: u32 = 200;
/// The label `app` of the example's Pods, and of those that the Service moves to.
const BLUE: &str = "MyApp";
const GREEN: &str = "MyApp-green";

/// A place to try tke-direct-access: Kubernetes, a simulated cloud and the controller on this machine.
#[derive(Parser)]
struct Arguments {
    /// End after the show; the exit code says whether everything came out as it should.
    #[arg(long)]
    tour: bool,
    /// How long the simulated cloud takes, compared with the real one: 1 is real time.
    #[arg(long, default_value_t = 0.2)]
    time_scale: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !cfg!(target_os = "linux") {
        eprintln!("The playground runs on Linux only: each of its Pods has an address of its own in 127.0.0.0/8.");
        return ExitCode::FAILURE;
    }
    telemetry::install_crypto();
    match play(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe playground fell short: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let playground = Playground::start(arguments.time_scale).await?;
    playground.bind().await?;
    playground.roll().await?;
    playground.switch().await?;
    playground.damage().await?;
    playground.tune().await?;
    println!("\nThat took {:.0?} in all.", started.elapsed());
    if !arguments.tour {
        playground.explain();
        tokio::signal::ctrl_c().await?;
        println!("Ending.");
    }
    playground.end().await
}

struct Playground {
    control_plane: ControlPlane,
    simulator: Simulator,
    controller: Controller,
}

impl Playground {
    async fn start(time_scale: f64) -> Result<Self> {
        let step = Step::new("Kubernetes: etcd, API server, controller manager, scheduler and two nodes");
        let control_plane = ControlPlane::start(Options::default()).await?;
        step.done(&format!("KUBECONFIG={}", control_plane.kubeconfig().display()));

        let step = Step::new("The simulated cloud, with the load balancers of the examples");
        let mut settings = place::cloud(SimulatorSettings::default());
        settings.timing.scale = time_scale;
        let simulator = Simulator::start(settings)?;
        step.done(&format!("{LOAD_BALANCER} and another at {}, {time_scale} of real time", simulator.endpoint()));

        let step = Step::new("kubectl apply -f crds/, TKE's switch, and gates for Pods of the namespace default");
        place::prepare(&control_plane).await?;
        step.done("done");

        let step = Step::new("The controller");
        let controller = Controller::start(&control_plane, &simulator).await?;
        step.done(&format!("metrics at http://{}/metrics", controller.admin));
        Ok(Self { control_plane, simulator, controller })
    }

    /// Applies the example and waits until the binding is ready.
    async fn bind(&self) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let example = root.join(EXAMPLE).display().to_string();
        let step = Step::new(&format!("kubectl apply -f {EXAMPLE}"));
        self.kubectl(&["apply", "-f", &example]).await?;
        step.done("applied");

        let step = Step::new("kubectl wait --for=condition=Ready directaccessbinding/my-service");
        let waited = Instant::now();
        self.kubectl(&["wait", "--for=condition=Ready", "directaccessbinding/my-service", "--timeout=120s"]).await?;
        step.done(&format!("after {:.1?}", waited.elapsed()));
        self.show(&["get", "directaccessbindings"]).await?;
        self.show(&["get", "pods", "-o", "wide"]).await?;
        let url = self.url()?;
        let answer = reqwest::get(&url).await?.error_for_status()?.text().await?;
        println!("\n$ curl {url}\n{}", answer.trim());
        Ok(())
    }

    /// A rolling update under load.
    async fn roll(&self) -> Result<()> {
        let url = self.url()?;
        let step = Step::new(&format!("A rolling update under {REQUESTS_PER_SECOND} requests per second"));
        let before = self.pods().await?;
        let load = Load::start(&url, REQUESTS_PER_SECOND, Mode::Both);
        eventually("traffic flows", Duration::from_secs(10), async || load.totals().sent > 100).await;
        self.kubectl(&["set", "image", "deployment/my-app", "app=registry.example.com/my-app:v2"]).await?;
        self.kubectl(&["rollout", "status", "deployment/my-app", "--timeout=300s"]).await?;
        // The update is over for clients when the last old Pod has gone.
        for pod in &before {
            self.kubectl(&["wait", "--for=delete", pod, "--timeout=120s"]).await?;
        }
        let totals = load.stop().await?;
        step.done("done");
        println!("\nRolling update of {} Pods: sent {}, lost {}", before.len(), totals.sent, totals.lost);
        tell(&totals);
        self.show(&["get", "directaccessbindings"]).await?;
        self.show(&["get", "events", "--field-selector", "involvedObject.kind=DirectAccessBinding"]).await?;
        ensure!(totals.lost == 0, "{} of {} requests were lost in the rolling update", totals.lost, totals.sent);
        ensure!(totals.sent > 0, "no request was sent");
        let is_new = |pod: &String| !before.iter().any(|old| old.ends_with(pod.as_str()));
        ensure!(totals.by_pod.keys().any(is_new), "no new Pod has answered");
        self.kubectl(&["wait", "--for=condition=Ready", "directaccessbinding/my-service", "--timeout=60s"]).await?;
        Ok(())
    }

    /// The Service moves to other Pods by its selector, and back, under load.
    async fn switch(&self) -> Result<()> {
        let step =
            Step::new(&format!("Blue/green: the selector changes under {REQUESTS_PER_SECOND} requests per second"));
        self.add_green().await?;
        let load = Load::start(&self.url()?, REQUESTS_PER_SECOND, Mode::Both);
        eventually("traffic flows", Duration::from_secs(10), async || load.totals().sent > 100).await;
        let begun = Instant::now();
        for app in [GREEN, BLUE] {
            self.select(app).await?;
        }
        let took = begun.elapsed();
        let totals = load.stop().await?;
        step.done(&format!("there and back in {took:.1?}"));
        println!("\nBlue/green switch and back: sent {}, lost {}", totals.sent, totals.lost);
        tell(&totals);
        ensure!(totals.lost == 0, "{} of {} requests were lost in the switches", totals.lost, totals.sent);
        ensure!(totals.by_pod.keys().any(|pod| pod.starts_with("my-app-green-")), "no green Pod has answered");
        self.kubectl(&["delete", "deployment", "my-app-green"]).await?;
        self.kubectl(&["wait", "--for=delete", "pod", "-l", &format!("app={GREEN}"), "--timeout=120s"]).await?;
        self.kubectl(&["wait", "--for=condition=Ready", "directaccessbinding/my-service", "--timeout=60s"]).await?;
        Ok(())
    }

    /// Runs the same Pods once more, with another label.
    async fn add_green(&self) -> Result<()> {
        let blue: Value = serde_json::from_str(&self.kubectl(&["get", "deployment", "my-app", "-o", "json"]).await?)?;
        let mut green = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "my-app-green"}, "spec": blue["spec"],
        });
        green["spec"]["selector"]["matchLabels"]["app"] = json!(GREEN);
        green["spec"]["template"]["metadata"]["labels"]["app"] = json!(GREEN);
        self.control_plane.kubectl_apply("default", &green.to_string()).await?;
        self.kubectl(&["rollout", "status", "deployment/my-app-green", "--timeout=120s"]).await.map(|_| ())
    }

    /// Has the Service select the Pods with this label, and waits until they and no others get new connections.
    async fn select(&self, app: &str) -> Result<()> {
        let selector = json!({"spec": {"selector": {"app": app}}}).to_string();
        self.kubectl(&["patch", "service", "my-service", "--type=merge", "-p", &selector]).await?;
        let addresses = "jsonpath={.items[*].status.podIP}";
        let pods = self.kubectl(&["get", "pods", "-l", &format!("app={app}"), "-o", addresses]).await?;
        let wanted: BTreeSet<String> = pods.split_whitespace().map(str::to_owned).collect();
        eventually("the switch is over", Duration::from_secs(60), async || self.weighted() == wanted).await;
        Ok(())
    }

    /// The addresses of the Service's targets that get new connections. What others bind to the load balancer meanwhile is theirs.
    fn weighted(&self) -> BTreeSet<String> {
        let id = LoadBalancerId::new(LOAD_BALANCER);
        let targets = self.simulator.console(|state| {
            let own = state.listeners(&id).into_iter().find(|one| (one.protocol, one.port) == LISTENER);
            let route = own.map(|listener| Route { listener: listener.id, rule: None });
            route.and_then(|route| state.targets(&id).remove(&route)).unwrap_or_default()
        });
        let weighted = targets.into_iter().filter(|target| target.weight > 0);
        weighted.map(|target| target.address.ip.to_string()).collect()
    }

    /// Takes away what injects gates, and sees it come back.
    async fn damage(&self) -> Result<()> {
        let step = Step::new("Somebody deletes the webhook's configuration and certificate");
        let secret = ["secret", "direct-access-webhook", "-n", NAMESPACE];
        let configuration = ["mutatingwebhookconfiguration", webhook::NAME];
        let begun = Instant::now();
        for object in [secret.as_slice(), configuration.as_slice()] {
            self.kubectl(&[&["delete"], object].concat()).await?;
        }
        for object in [secret.as_slice(), configuration.as_slice()] {
            eventually("it is there again", Duration::from_secs(10), async || {
                self.kubectl(&[&["get"], object].concat()).await.map(Some)
            })
            .await;
        }
        step.done(&format!("both are back after {:.1?}", begun.elapsed()));
        self.show(&["get", "events", "-A", "--field-selector", "reason=Repaired"]).await
    }

    /// Gives the listener a health check of its own, and edits it while all goes on.
    async fn tune(&self) -> Result<()> {
        let step = Step::new("A TkeServiceConfig for the binding, edited live");
        self.apply_check(5).await?;
        let reference = r#"{"spec": {"serviceConfigRef": {"name": "my-service"}}}"#;
        self.kubectl(&["patch", "directaccessbinding", "my-service", "--type=merge", "-p", reference]).await?;
        self.until_checked(5).await;
        let begun = Instant::now();
        self.apply_check(8).await?;
        self.until_checked(8).await;
        step.done(&format!(
            "the listener's check runs every 8 s instead of 5 s, {:.1?} after the edit",
            begun.elapsed()
        ));
        self.kubectl(&["wait", "--for=condition=Ready", "tkeserviceconfig/my-service", "--timeout=60s"]).await?;
        self.show(&["get", "tkeserviceconfigs"]).await?;
        self.kubectl(&["wait", "--for=condition=Ready", "directaccessbinding/my-service", "--timeout=60s"]).await?;
        Ok(())
    }

    async fn apply_check(&self, seconds: i64) -> Result<()> {
        let check = json!({"intervalTime": seconds, "healthNum": 2, "unHealthNum": 2});
        let config = json!({
            "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig", "metadata": {"name": "my-service"},
            "spec": {"loadBalancer": {"l4Listeners": [{"protocol": "TCP", "port": 80, "healthCheck": check}]}},
        });
        self.control_plane.kubectl_apply("default", &config.to_string()).await.map(|_| ())
    }

    /// Waits until the cloud shows this interval on the listener.
    async fn until_checked(&self, seconds: i64) {
        eventually("the listener has the check", Duration::from_secs(60), async || {
            let state = self.simulator.state();
            let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let all = rows(&state["loadBalancers"]).into_iter().filter(|one| one["id"] == LOAD_BALANCER);
            let mut listeners = all.flat_map(|one| rows(&one["listeners"]));
            let own = listeners.find(|one| one["protocol"] == LISTENER.0.as_str() && one["port"] == LISTENER.1);
            own.is_some_and(|listener| listener["healthCheck"]["IntervalTime"] == seconds)
        })
        .await;
    }

    async fn pods(&self) -> Result<Vec<String>> {
        let names = self.kubectl(&["get", "pods", "-l", "app=MyApp", "-o", "name"]).await?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    fn url(&self) -> Result<String> {
        let load_balancer = LoadBalancerId::new(LOAD_BALANCER);
        let address = self.simulator.data_plane(&load_balancer, LISTENER.0, LISTENER.1);
        Ok(format!("http://{}/", address.context("the listener on port 80 is not served")?))
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let output = self.control_plane.kubectl(arguments).await;
        if !output.success {
            bail!("kubectl {} failed: {}", arguments.join(" "), output.stderr.trim());
        }
        Ok(output.stdout)
    }

    async fn show(&self, arguments: &[&str]) -> Result<()> {
        let output = self.kubectl(arguments).await?;
        println!("\n$ kubectl {}\n{}", arguments.join(" "), output.trim_end());
        Ok(())
    }

    fn explain(&self) {
        let endpoint = self.simulator.endpoint();
        let (secret_id, secret_key) = self.simulator.credentials();
        println!(
            "\nThe playground stays up until Ctrl-C. In another terminal:\n
  export KUBECONFIG={kubeconfig}
  kubectl get directaccessbindings,pods -o wide --watch
  kubectl scale deployment/my-app --replicas=10
  kubectl delete pod -l app=MyApp --wait=false
  kubectl explain directaccessbinding.spec.drain
  kubectl annotate --overwrite service my-service service.cloud.tencent.com/direct-access=True
  kubectl describe service my-service             what cannot be read is said, and changes nothing
  kubectl delete mutatingwebhookconfiguration {webhook}   it comes back
  kubectl apply -f examples/                      all of them, side by side; or one by one
  curl -s {endpoint}/admin/state                  what the cloud has
  curl -s {endpoint}/admin/calls                  what it was asked
  curl -s http://{admin}/metrics              what the controller counts
  while sleep 0.2; do curl -s {url}; done\n
The plugin, as `kubectl direct-access` once `cargo install --path . --bin kubectl-direct_access` has put it into the PATH:\n
  export TENCENTCLOUD_SECRET_ID={secret_id} TENCENTCLOUD_SECRET_KEY={secret_key} CLB_ENDPOINT={endpoint}
  cargo run -q --bin kubectl-direct_access -- get
  cargo run -q --bin kubectl-direct_access -- watch my-service
  cargo run -q --bin kubectl-direct_access -- doctor\n
There is no kubectl? This is the control plane's own: {kubectl}",
            kubeconfig = self.control_plane.kubeconfig().display(),
            kubectl = self.control_plane.kubectl_line(),
            admin = self.controller.admin,
            webhook = webhook::NAME,
            url = self.url().unwrap_or_default(),
        );
    }

    async fn end(self) -> Result<()> {
        self.controller.end().await?;
        self.simulator.shutdown().await;
        drop(self.control_plane);
        Ok(())
    }
}

/// Prints how a load has fared.
fn tell(totals: &Totals) {
    println!("answers took {:.1?} at the median and {:.1?} at p99", totals.p50, totals.p99);
    for (pod, count) in &totals.by_pod {
        println!("  {count:>6} from {pod}");
    }
    for (error, count) in &totals.by_error {
        println!("  {count:>6} lost: {error}");
    }
}

/// A line that turns while something takes its time.
struct Step {
    bar: ProgressBar,
    what: String,
}

impl Step {
    fn new(what: &str) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, what: what.to_owned() }
    }

    fn done(self, result: &str) {
        self.bar.finish_and_clear();
        println!("✓ {}: {result}", self.what);
    }
}
