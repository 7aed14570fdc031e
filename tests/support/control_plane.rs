//! Starting and ending a whole control plane.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use super::audit::{self, Request};
use super::binaries::Binaries;
use super::component::{Component, Janitor};
use super::credentials::Credentials;
use super::flags::{AUDIT_LOG, Plan};
use super::go::say;
use super::kubectl::{self, Output};
use super::namespace::Namespace;
use super::wait::within;

/// How often the start is tried again because somebody took a port between its choice and its use.
const ATTEMPTS: usize = 3;
/// Second octets that Pods may have; 255 is for Services.
const SUBNETS: std::ops::RangeInclusive<u8> = 1..=254;
/// Port on the node's address that claims a subnet for one control plane.
const CLAIM_PORT: u16 = 10_251;

/// What a control plane is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of nodes, named `node-1` and so on.
    pub nodes: usize,
    /// How long after its last heartbeat (every 10 s) a node is declared dead. `None`: Kubernetes' default, 50 s.
    pub node_monitor_grace: Option<Duration>,
    /// Start etcd and the API server alone, without an audit log: no controller, no scheduler, no nodes whatever `nodes` says.
    /// Whoever uses it writes what these would write, and [`ControlPlane::requests`] fails.
    pub api_server_alone: bool,
    /// How long the start may take, without the build of the programs.
    pub deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { nodes: 2, node_monitor_grace: None, api_server_alone: false, deadline: Duration::from_secs(120) }
    }
}

impl Options {
    /// How many nodes are started.
    fn nodes(&self) -> usize {
        if self.api_server_alone { 0 } else { self.nodes }
    }
}

/// A running Kubernetes. Everything ends, and its folder is removed, when this is dropped and also when the process
/// dies in any way.
#[derive(Debug)]
pub struct ControlPlane {
    folder: PathBuf,
    binaries: Binaries,
    config: kube::Config,
    server: String,
    kubeconfig: PathBuf,
    subnets: Vec<u8>,
    processes: Mutex<Processes>,
}

#[derive(Debug)]
struct Processes {
    components: Vec<Component>,
    janitor: Janitor,
    /// Held, so that no other control plane of this machine uses the same addresses.
    claims: Vec<TcpListener>,
}

static SHARED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();

impl ControlPlane {
    /// Starts a control plane and waits until the API server and all nodes are ready.
    ///
    /// # Errors
    /// There are no programs (see `binaries`), or a component failed or was too slow: the error shows the end of its log.
    pub async fn start(options: Options) -> Result<Self> {
        // Two providers are compiled in through dependencies, so one must be named. An error says that it was before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let binaries = tokio::task::spawn_blocking(Binaries::find).await??;
        let mut attempt = 1;
        loop {
            let mut control_plane = Self::spawn(&binaries, &options).await?;
            match control_plane.ready(&options).await {
                Ok(()) => return Ok(control_plane),
                Err(error) if attempt < ATTEMPTS && control_plane.lost_a_port() => {
                    say(&format!("a port was taken by somebody else, starting again: {error:#}"));
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The control plane that all tests of this process share, started by the first: two nodes.
    ///
    /// # Panics
    /// It could not be started.
    pub async fn shared() -> &'static Self {
        let started = SHARED
            .get_or_init(|| async { Self::start(Options::default()).await.map_err(|error| format!("{error:#}")) })
            .await;
        match started {
            Ok(control_plane) => control_plane,
            Err(error) => panic!("no control plane: {error}"),
        }
    }

    async fn spawn(binaries: &Binaries, options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tke-direct-access-").tempdir()?.keep();
        let mut janitor = Janitor::start(&folder)?;
        let credentials = Credentials::create(&folder.join("credentials"))?;
        let [etcd_port, api_port] = free_ports()?;
        let (subnets, claims) = free_subnets(options.nodes())?;
        let plan = Plan {
            folder: &folder,
            credentials: &credentials,
            etcd_port,
            api_port,
            node_monitor_grace: options.node_monitor_grace,
            has_audit_log: !options.api_server_alone,
        };
        plan.write_files()?;
        credentials.write_kubeconfigs(&plan.server())?;
        link_kubectl(binaries, &folder)?;
        let mut components = components(&plan, &subnets, options.api_server_alone);
        for component in &mut components {
            janitor.watch(component.start(binaries)?)?;
        }
        let kubeconfig = credentials.kubeconfig("admin");
        let read = Kubeconfig::read_from(&kubeconfig)?;
        let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
        Ok(Self {
            server: plan.server(),
            binaries: binaries.clone(),
            config,
            kubeconfig,
            subnets,
            processes: Mutex::new(Processes { components, janitor, claims }),
            folder,
        })
    }

    /// Waits for the API server, then for the nodes.
    async fn ready(&mut self, options: &Options) -> Result<()> {
        let client = kube::Client::try_from(self.config.clone())?;
        let nodes: Api<Node> = Api::all(client.clone());
        let waited = within(options.deadline, || async {
            let checked = self.check();
            let request = http_get("/readyz?verbose")?;
            let answered = client.request_text(request).await;
            match (checked, &answered) {
                (Ok(()), _) => {}
                // On a busy machine the API server may take longer than others wait for it; a kubelet would start them again.
                (Err(_), Err(_)) if self.revive()? => {}
                // Not worth waiting for: the deadline would only hide it.
                (Err(failed), _) => return Ok(Some(Err(failed))),
            }
            answered.context("the API server is not ready")?;
            let listed = nodes.list(&ListParams::default()).await?;
            let ready = listed.items.iter().filter(|node| is_ready(node)).count();
            if ready < options.nodes() {
                bail!("{ready} of {} nodes are ready", options.nodes());
            }
            Ok(Some(Ok(())))
        })
        .await;
        match waited {
            Ok(result) => result,
            Err(last) => {
                let logs: Vec<_> = self.processes().components.iter().map(Component::log_tail).collect();
                bail!("the control plane is not ready after {:?}: {last}\n{}", options.deadline, logs.join("\n"))
            }
        }
    }

    fn check(&self) -> Result<()> {
        self.processes().components.iter_mut().try_for_each(Component::check)
    }

    /// Starts those again that wait for the API server and have ended; false when others have.
    fn revive(&self) -> Result<bool> {
        let mut processes = self.processes();
        let mut ended: Vec<_> =
            processes.components.iter_mut().filter_map(|one| one.check().is_err().then_some(one)).collect();
        if ended.iter().any(|one| ["etcd", "kube-apiserver"].contains(&one.name.as_str()) || one.lost_its_port()) {
            return Ok(false);
        }
        let started: Result<Vec<_>> = ended.iter_mut().map(|one| one.start(&self.binaries)).collect();
        started?.into_iter().try_for_each(|id| processes.janitor.watch(id))?;
        Ok(true)
    }

    fn lost_a_port(&self) -> bool {
        self.processes().components.iter().any(Component::lost_its_port)
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new client with all rights. It belongs to the runtime that it is made in, as each `#[tokio::test]` has its own.
    pub fn client(&self) -> kube::Client {
        kube::Client::try_from(self.config()).expect("a client from a configuration that worked")
    }

    /// The configuration of clients with all rights.
    pub fn config(&self) -> kube::Config {
        self.config.clone()
    }

    /// A kubeconfig file with all rights.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A folder that is removed with the control plane. It holds the logs, and in `bin` the program `kubectl`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The second octets of the addresses: node `i` (from 0) has the Pods `10.<subnets[i]>.x.y`, which are served on
    /// `127.<subnets[i]>.x.y`, and the address `10.<subnets[i]>.255.254` itself.
    pub fn subnets(&self) -> &[u8] {
        &self.subnets
    }

    /// Creates a namespace whose name begins with `prefix` and is used by nobody else.
    ///
    /// # Panics
    /// The API server refused it.
    pub async fn namespace(&self, prefix: &str) -> Namespace {
        Namespace::create(self.client(), self.config(), prefix).await.expect("create a namespace")
    }

    /// How to run this control plane's own kubectl in a shell.
    pub fn kubectl_line(&self) -> String {
        let command = self.binaries.command("kubectl");
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    /// Runs kubectl with all rights.
    ///
    /// # Panics
    /// It could not be started.
    pub async fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_with_input(arguments, "").await
    }

    /// Runs kubectl with all rights and a text on its standard input.
    ///
    /// # Panics
    /// It could not be started.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> Output {
        self.kubectl_in(arguments, input, |_| {}).await
    }

    /// Runs kubectl with all rights, a text on its standard input, and what `prepare` adds to the command, such as variables.
    ///
    /// # Panics
    /// It could not be started.
    pub async fn kubectl_in(&self, arguments: &[&str], input: &str, prepare: impl FnOnce(&mut Command)) -> Output {
        let mut command = self.binaries.command("kubectl");
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.folder.join("kubectl"))
            // Preferences of the person who runs the tests.
            .env("KUBERC", "off");
        prepare(&mut command);
        kubectl::run(command, input.to_owned()).await.expect("run kubectl")
    }

    /// Applies YAML documents to a namespace and returns what kubectl printed.
    ///
    /// # Errors
    /// kubectl failed; the error is what it printed.
    pub async fn kubectl_apply(&self, namespace: &str, yaml: &str) -> Result<String> {
        let output = self.kubectl_with_input(&["apply", "--namespace", namespace, "--filename", "-"], yaml).await;
        output.ok()
    }

    /// The requests that the API server has answered so far, in order, except those of the control plane's own
    /// components. Filter by namespace and user agent: all tests of the process are in it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn requests(&self) -> Result<Vec<Request>> {
        audit::read(&self.folder.join(AUDIT_LOG))
    }

    /// Names of the components: `etcd`, `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `node-1`, …
    pub fn components(&self) -> Vec<String> {
        self.processes().components.iter().map(|component| component.name.clone()).collect()
    }

    /// Stops a component where it is, without its noticing; the sockets stay open.
    ///
    /// # Errors
    /// There is no such component, or it does not run.
    pub fn pause(&self, component: &str) -> Result<()> {
        self.with(component, |component, _| component.signal("STOP"))
    }

    /// Lets a paused component go on.
    ///
    /// # Errors
    /// There is no such component, or it does not run.
    pub fn resume(&self, component: &str) -> Result<()> {
        self.with(component, |component, _| component.signal("CONT"))
    }

    /// Kills a component; it stays down until [`ControlPlane::restart`].
    ///
    /// # Errors
    /// There is no such component.
    pub fn kill(&self, component: &str) -> Result<()> {
        self.with(component, |component, _| component.kill())
    }

    /// Kills a component if it runs, and starts it again with the data it had. A node forgets its containers: the
    /// kubelet starts those of its Pods anew.
    ///
    /// # Errors
    /// There is no such component, or it cannot be started.
    pub fn restart(&self, component: &str) -> Result<()> {
        let id = self.with(component, |component, binaries| {
            component.kill()?;
            component.start(binaries)
        })?;
        self.processes().janitor.watch(id)
    }

    fn with<T>(&self, name: &str, run: impl FnOnce(&mut Component, &Binaries) -> Result<T>) -> Result<T> {
        let mut processes = self.processes();
        let component = processes.components.iter_mut().find(|component| component.name == name);
        run(component.ok_or_else(|| anyhow!("there is no component {name:?}"))?, &self.binaries)
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let mut processes = self.processes();
        processes.components.iter_mut().for_each(Component::close);
        processes.components.iter_mut().for_each(Component::join);
        processes.janitor.finish();
    }
}

fn components(plan: &Plan<'_>, subnets: &[u8], api_server_alone: bool) -> Vec<Component> {
    let mut fixed = vec![("etcd", plan.etcd()), ("kube-apiserver", plan.api_server())];
    if !api_server_alone {
        fixed.push(("kube-controller-manager", plan.controller_manager()));
        fixed.push(("kube-scheduler", plan.scheduler()));
    }
    let nodes = subnets.iter().enumerate().map(|(index, subnet)| {
        let name = format!("node-{}", index + 1);
        let flags = plan.node(&name, *subnet);
        Component::new(&name, "node", flags, plan.folder)
    });
    fixed.into_iter().map(|(name, flags)| Component::new(name, name, flags, plan.folder)).chain(nodes).collect()
}

/// Makes `kubectl` callable by its name, for people.
fn link_kubectl(binaries: &Binaries, folder: &Path) -> Result<()> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin)?;
    let target = fs::canonicalize(binaries.file("kubectl"))?;
    Ok(std::os::unix::fs::symlink(target, bin.join("kubectl"))?)
}

/// Ports that were free a moment ago. All are open at once while choosing, so they differ.
fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// Claims subnets that no other control plane of this machine has.
fn free_subnets(count: usize) -> Result<(Vec<u8>, Vec<TcpListener>)> {
    let claimed: Vec<_> = SUBNETS
        .filter_map(|subnet| Some((subnet, TcpListener::bind(format!("127.{subnet}.255.254:{CLAIM_PORT}")).ok()?)))
        .take(count)
        .collect();
    if claimed.len() < count {
        bail!("no {count} free subnets of 127.0.0.0/8: are that many control planes running?");
    }
    Ok(claimed.into_iter().unzip())
}

fn http_get(path: &str) -> Result<axum::http::Request<Vec<u8>>> {
    Ok(axum::http::Request::get(path).body(Vec::new())?)
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"))
}
