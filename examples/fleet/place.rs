//! Kubernetes and the cloud, and how replicas of the controller are started in it.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tke_direct_access::api;
use tke_direct_access::model::LoadBalancerId;
use tke_direct_access::sim::{
    Effect, Fault, LoadBalancerSpec, Settings as SimulatorSettings, Simulator, Timing, Traffic, When,
};

use crate::Setting;
use crate::controller::Controller;
use crate::kubernetes::Kubernetes;
use crate::metrics::Metrics;
use crate::support::{ControlPlane, Options, within};
use crate::workload::Workload;

/// Where the Lease is.
pub(crate) const NAMESPACE: &str = "kube-system";
/// Health checks run at this part of their usual times, which are 5 s from probe to probe and 3 successes.
const HEALTH_SCALE: f64 = 0.2;
/// So long after its registration a Pod is healthy: the first of 3 probes comes at once, and the others 1 s apart.
pub(crate) const HEALTHY_AFTER: Duration = Duration::from_secs(2);
/// How long a controller may take to begin to answer.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// How often a controller that starts is asked, and a leader's successor.
pub(crate) const CLOSE_LOOK: Duration = Duration::from_millis(10);

pub(crate) struct Place {
    pub(crate) control_plane: ControlPlane,
    pub(crate) cloud: Simulator,
    logs: Mutex<Vec<PathBuf>>,
}

/// A replica of the controller.
pub(crate) struct Replica {
    controller: Controller,
    address: SocketAddr,
    pid_file: PathBuf,
    /// When it was started.
    pub(crate) started: Instant,
}

impl Place {
    /// Starts etcd, an API server and the cloud, and defines the kinds.
    pub(crate) async fn start(setting: &Setting) -> Result<Self> {
        eprintln!("starting etcd, an API server and the simulated cloud");
        let options = Options { api_server_alone: true, ..Options::default() };
        let control_plane = ControlPlane::start(options).await?;
        control_plane.kubectl_with_input(&["apply", "-f", "-"], &api::crds_yaml()?).await.ok()?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"];
        control_plane.kubectl(&established).await.ok()?;
        Ok(Self { control_plane, cloud: cloud(setting)?, logs: Mutex::default() })
    }

    /// Starts a replica that may make so many calls per second and action.
    pub(crate) fn replica(&self, name: &str, calls_per_second: u32) -> Result<Replica> {
        let folder = self.control_plane.folder();
        let (log, pid_file) = (folder.join(format!("{name}.log")), folder.join(format!("{name}.pid")));
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let flags = [
            ("--pid-file", pid_file.display().to_string()),
            ("--listen", address.to_string()),
            ("--clb-endpoint", self.cloud.endpoint()),
            ("--clb-rate", calls_per_second.to_string()),
            ("--lease-namespace", NAMESPACE.to_owned()),
            ("--identity", name.to_owned()),
        ];
        let flags: Vec<String> = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
        if let Ok(mut logs) = self.logs.lock() {
            logs.push(log.clone());
        }
        let started = Instant::now();
        let controller = Controller::start(&flags, self.control_plane.kubeconfig(), self.cloud.credentials(), log)?;
        Ok(Replica { controller, address, pid_file, started })
    }

    pub(crate) fn kubernetes(&self) -> Kubernetes {
        Kubernetes::new(self.control_plane.client())
    }

    /// Makes the load balancers, with the listeners of the bindings and without targets, as a controller has left them: to make each
    /// listener takes a task of its own, and that is not what is measured.
    pub(crate) fn make_load_balancers(&self, setting: &Setting, workloads: &[Workload]) -> Result<()> {
        for number in 0..setting.load_balancers {
            let id = load_balancer(number);
            let own = workloads.iter().filter(|workload| workload.load_balancer == id);
            let listeners = own.map(Workload::listener).collect::<Result<_>>()?;
            self.cloud.create_load_balancer(&LoadBalancerSpec { listeners, ..LoadBalancerSpec::with_id(id) })?;
        }
        Ok(())
    }

    /// Targets of all load balancers.
    pub(crate) fn targets(&self) -> usize {
        self.cloud.console(|state| {
            let ids: Vec<LoadBalancerId> = state.load_balancers().map(|one| one.id.clone()).collect();
            ids.iter().map(|id| state.targets(id).values().map(Vec::len).sum::<usize>()).sum()
        })
    }

    /// The last lines of what the replicas have logged.
    pub(crate) fn logs(&self) -> String {
        let logs = self.logs.lock().map(|logs| logs.clone()).unwrap_or_default();
        logs.iter().map(|log| tail(log)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) async fn end(self) {
        self.cloud.shutdown().await;
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
}

/// The id of a load balancer.
pub(crate) fn load_balancer(number: u32) -> String {
    format!("lb-fleet{number:04}")
}

fn cloud(setting: &Setting) -> Result<Simulator> {
    let fits = setting.bindings <= setting.load_balancers.saturating_mul(50);
    ensure!(fits, "{} load balancers take at most 50 bindings each", setting.load_balancers);
    let mut settings = SimulatorSettings {
        timing: Timing { health_scale: Some(HEALTH_SCALE), ..Timing::default() },
        traffic: Traffic::Assumed,
        rate_per_second: Some(setting.account_rate),
        ..SimulatorSettings::default()
    };
    if setting.call_milliseconds > 0 {
        let effect = Effect::Delay { milliseconds: setting.call_milliseconds };
        settings.faults.push(Fault { action: None, load_balancer: None, names: None, when: When::Always, effect });
    }
    Ok(Simulator::start(settings)?)
}

impl Replica {
    /// Waits until it is ready, and returns how long that took since its start.
    pub(crate) async fn ready(&self) -> Result<Duration> {
        let url = format!("http://{}/readyz", self.address);
        let deadline = self.started + START_PATIENCE;
        loop {
            let answer = reqwest::get(&url).await.and_then(reqwest::Response::error_for_status);
            match answer {
                Ok(_) => return Ok(self.started.elapsed()),
                Err(error) if Instant::now() >= deadline => return Err(error).context("the controller is not ready"),
                Err(_) => tokio::time::sleep(CLOSE_LOOK).await,
            }
        }
    }

    /// What it counts.
    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        let url = format!("http://{}/metrics", self.address);
        Ok(Metrics::read(&reqwest::get(url).await?.error_for_status()?.text().await?))
    }

    /// Waits until its rounds have found so many bindings ready, and returns how long that took since its start.
    pub(crate) async fn verified(&self, bindings: u32, patience: Duration) -> Result<Duration> {
        let all = f64::from(bindings);
        let waited = within(patience, async || {
            let ready = self.metrics().await?.sum("direct_access_bindings", &[("ready", "True")]);
            ensure!(ready >= all, "{ready} of {bindings} bindings are ready");
            anyhow::Ok(Some(self.started.elapsed()))
        });
        waited.await.map_err(anyhow::Error::msg)
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.controller.cpu()
    }

    /// The most memory that it has had resident so far, in MiB.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        Ok(self.controller.peak_memory()? / 1024)
    }

    /// The memory that it has resident now, in MiB.
    pub(crate) fn memory(&self) -> Result<u64> {
        let id = fs::read_to_string(&self.pid_file)?;
        let status = fs::read_to_string(Path::new("/proc").join(id.trim()).join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        Ok(number.context("no resident memory in /proc")? / 1024)
    }

    /// Ends it as SIGTERM would.
    pub(crate) async fn end(mut self) {
        self.controller.stop().await;
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(self) {
        // Its drop does that.
        drop(self.controller);
    }
}
