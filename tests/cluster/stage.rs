//! What a test plays on: a namespace, a cloud with something foreign in it, and a controller.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tke_direct_access::api::{self, DirectAccessBinding};
use tke_direct_access::clb::{Credentials, Keys};
use tke_direct_access::model::{Address, ListenerId, LoadBalancerId, Protocol, RegisteredTarget, Route};
use tke_direct_access::operator::{Operator, Settings as OperatorSettings};
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings, Simulator};
use tke_direct_access::telemetry;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{ControlPlane, Namespace, Options, Output, eventually};

#[path = "../record/mod.rs"]
mod record;

pub(crate) use record::Tape;
use record::{Cloud, Recorder};

/// Long enough for a busy machine; a test that gets this far has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);
pub(crate) const LOAD_BALANCER: &str = "lb-test0001";
const FOREIGN_PORT: u16 = 9999;

/// The control plane, with our custom resources.
pub(crate) async fn control_plane() -> &'static ControlPlane {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let control_plane = ControlPlane::shared().await;
    INSTALLED.get_or_init(|| install(control_plane)).await;
    control_plane
}

/// Installs our custom resources.
async fn install(control_plane: &ControlPlane) {
    let yaml = api::crds_yaml().expect("the definitions can be printed");
    control_plane.kubectl_with_input(&["apply", "-f", "-"], &yaml).await.ok().expect("they are taken");
    // Discovery follows a moment after a definition is established.
    eventually("kubectl finds both kinds", DEADLINE, async || {
        control_plane.kubectl(&["get", "dab,tsc", "--all-namespaces"]).await.ok().map(Some)
    })
    .await;
}

pub(crate) struct Stage {
    pub(crate) control_plane: &'static ControlPlane,
    pub(crate) namespace: Namespace,
    pub(crate) cloud: Cloud,
    recorder: Option<Recorder>,
    /// The load balancer that is there from the start.
    pub(crate) load_balancer: LoadBalancerId,
    foreign: ListenerId,
    controllers: Vec<Controller>,
    scope: Scope,
}

/// Where the controllers of a stage look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Into its namespace, because others use the control plane.
    Namespace,
    /// Everywhere.
    Cluster,
}

/// A controller in this process.
pub(crate) struct Controller {
    running: JoinHandle<()>,
    stop: CancellationToken,
    pub(crate) admin: SocketAddr,
    tape: Option<Tape>,
}

impl Controller {
    fn tell(&self, what: impl FnOnce(&Tape, &str)) {
        if let Some(tape) = &self.tape {
            what(tape, &self.admin.to_string());
        }
    }

    /// Ends it as SIGTERM would.
    pub(crate) async fn end(self) {
        self.tell(Tape::stopped);
        self.stop.cancel();
        self.running.await.expect("the controller does not panic");
    }

    /// Ends it as SIGKILL would: nothing is finished, nothing is given up.
    pub(crate) fn kill(self) {
        self.tell(Tape::stopped);
        self.running.abort();
        self.stop.cancel();
    }
}

impl Stage {
    /// An instant cloud, and a controller that is already at work.
    pub(crate) async fn new(name: &str) -> Self {
        let mut stage = Self::without_controller(name, SimulatorSettings::instant()).await;
        stage.start_controller(&[]).await;
        stage
    }

    pub(crate) async fn without_controller(name: &str, settings: SimulatorSettings) -> Self {
        Self::on(name, settings, LOAD_BALANCER).await
    }

    /// A stage without controller whose cloud has this load balancer.
    pub(crate) async fn on(name: &str, settings: SimulatorSettings, load_balancer: &str) -> Self {
        prepare();
        Self::at(control_plane().await, name, settings, load_balancer).await
    }

    /// A stage without controller that has a control plane of its own, on which its controllers look everywhere. The control plane ends
    /// with the process.
    pub(crate) async fn alone(name: &str, settings: SimulatorSettings) -> Self {
        prepare();
        let started = ControlPlane::start(Options { nodes: 1, ..Options::default() }).await;
        let control_plane = Box::leak(Box::new(started.expect("the control plane starts")));
        install(control_plane).await;
        Self { scope: Scope::Cluster, ..Self::at(control_plane, name, settings, LOAD_BALANCER).await }
    }

    async fn at(
        control_plane: &'static ControlPlane,
        name: &str,
        mut settings: SimulatorSettings,
        load_balancer: &str,
    ) -> Self {
        settings.load_balancers = vec![LoadBalancerSpec::with_id(load_balancer)];
        let namespace = control_plane.namespace(name).await;
        let recorder = Recorder::begin(control_plane, &namespace.name, load_balancer);
        let simulator = Simulator::start(settings).expect("the cloud starts");
        let cloud = Cloud::new(simulator, recorder.as_ref().map(Recorder::tape));
        let load_balancer = LoadBalancerId::new(load_balancer);
        let foreign = add_foreign(&cloud, &load_balancer);
        let (controllers, scope) = (Vec::new(), Scope::Namespace);
        Self { control_plane, namespace, cloud, recorder, load_balancer, foreign, controllers, scope }
    }

    /// Where it is written down what is done; `None` where nobody has asked for it.
    pub(crate) fn tape(&self) -> Option<Tape> {
        self.recorder.as_ref().map(Recorder::tape)
    }

    /// Starts a controller on this stage's namespace; `flags` come after the usual ones.
    pub(crate) async fn start_controller(&mut self, flags: &[&str]) {
        let (id, key) = self.cloud.credentials();
        let keys = Keys::new(id, key, None).expect("the simulator's key is well formed");
        let controller = self.controller(keys, flags).await;
        self.put_controller(controller);
    }

    pub(crate) async fn controller(&self, keys: Keys, flags: &[&str]) -> Controller {
        self.controller_by(Credentials::fixed(keys), flags).await
    }

    /// A controller whose keys somebody may renew.
    pub(crate) async fn controller_by(&self, credentials: Credentials, flags: &[&str]) -> Controller {
        self.controller_with(self.control_plane.config(), credentials, flags).await
    }

    /// A controller that reaches the API server by this configuration.
    pub(crate) async fn controller_of(&self, config: kube::Config, keys: Keys, flags: &[&str]) -> Controller {
        self.controller_with(config, Credentials::fixed(keys), flags).await
    }

    async fn controller_with(&self, config: kube::Config, credentials: Credentials, flags: &[&str]) -> Controller {
        let endpoint = self.cloud.endpoint();
        let usual = [
            "controller",
            "--clb-endpoint",
            &endpoint,
            "--listen",
            "127.0.0.1:0",
            "--lease-namespace",
            &self.namespace.name,
            "--clb-rate",
            "1000",
        ];
        let watch: &[&str] = match self.scope {
            Scope::Namespace => &["--watch-namespace", &self.namespace.name],
            Scope::Cluster => &[],
        };
        let flags: Vec<&str> = usual.iter().chain(watch).chain(flags).copied().collect();
        let settings = operator_settings(&flags);
        let stop = CancellationToken::new();
        let operator = Operator::start(&settings, config, credentials, stop.clone()).await;
        let operator = operator.expect("the controller starts");
        let admin = operator.address();
        let controller = Controller { running: tokio::spawn(operator.run()), stop, admin, tape: self.tape() };
        controller.tell(Tape::started);
        controller
    }

    /// Has a controller ended with the stage.
    pub(crate) fn put_controller(&mut self, controller: Controller) {
        self.controllers.push(controller);
    }

    pub(crate) fn take_controller(&mut self) -> Controller {
        self.controllers.remove(0)
    }

    /// Where the controller that was started last serves metrics.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.controllers.last().expect("a controller is at work").admin
    }

    pub(crate) async fn apply(&self, yaml: &str) {
        self.control_plane.kubectl_apply(&self.namespace.name, yaml).await.expect("the objects are taken");
    }

    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Output {
        let namespace = ["--namespace", &self.namespace.name];
        let all: Vec<&str> = namespace.iter().chain(arguments).copied().collect();
        self.control_plane.kubectl(&all).await
    }

    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        self.kubectl(arguments).await.ok().expect("kubectl succeeds")
    }

    /// Applies Service `web` (TCP 80 → 8080), a Deployment of it with gates, and binding `web` with this spec besides.
    pub(crate) async fn deploy(&self, replicas: u32, spec: &Value) {
        self.apply(&service()).await;
        self.apply(&deployment(replicas)).await;
        self.apply(&binding("web", spec)).await;
    }

    pub(crate) async fn binding(&self, name: &str) -> Option<DirectAccessBinding> {
        let api: kube::Api<DirectAccessBinding> =
            kube::Api::namespaced(self.control_plane.client(), &self.namespace.name);
        api.get_opt(name).await.expect("bindings can be read")
    }

    /// Waits until a condition has this status and reason.
    pub(crate) async fn until(&self, name: &str, kind: &str, status: &str, reason: &str) {
        let what = format!("binding {name} has {kind}={status} ({reason})");
        eventually(&what, DEADLINE, async || {
            let found = self.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
            let is_this =
                |condition: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| condition.type_ == kind;
            match found.conditions.iter().find(is_this) {
                Some(condition) if condition.status == status && condition.reason == reason => Ok(Some(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    pub(crate) async fn until_ready(&self, name: &str, summary: &str) {
        let what = format!("binding {name} is ready with {summary}");
        eventually(&what, DEADLINE, async || {
            let status = self.binding(name).await.and_then(|binding| binding.status).unwrap_or_default();
            let ready = status.conditions.iter().any(|found| found.type_ == "Ready" && found.status == "True");
            let found = status.targets.clone().unwrap_or_default().summary;
            if ready && found == summary { Ok(Some(())) } else { Err(format!("{found}: {:?}", status.conditions)) }
        })
        .await;
    }

    /// All targets of the listener on a port, by address; `None` when there is no such listener.
    pub(crate) fn targets(&self, protocol: Protocol, port: u16) -> Option<BTreeMap<Address, RegisteredTarget>> {
        let id = &self.load_balancer;
        self.cloud.console(|state| {
            let listener = state.listeners(id).into_iter().find(|one| one.protocol == protocol && one.port == port)?;
            let route = Route { listener: listener.id, rule: None };
            let targets = state.targets(id).remove(&route).unwrap_or_default();
            Some(targets.into_iter().map(|target| (target.address, target)).collect())
        })
    }

    pub(crate) fn listeners(&self) -> Vec<tke_direct_access::model::Listener> {
        self.cloud.console(|state| state.listeners(&self.load_balancer))
    }

    /// Where clients reach a listener.
    pub(crate) fn data_plane(&self, protocol: Protocol, port: u16) -> SocketAddr {
        self.cloud.data_plane(&self.load_balancer, protocol, port).expect("the listener is served")
    }

    /// The end of every test: what is foreign is as it was, and controllers end well.
    pub(crate) async fn finish(mut self) {
        self.check_foreign();
        if let Some(recorder) = self.recorder.take() {
            recorder.end(&self.control_plane.requests().expect("the audit log can be read"));
        }
        for controller in self.controllers.drain(..) {
            controller.end().await;
        }
        self.cloud.shutdown().await;
    }

    pub(crate) fn check_foreign(&self) {
        let listeners = self.listeners();
        let found =
            listeners.iter().find(|listener| listener.id == self.foreign).expect("the foreign listener is there");
        assert_eq!((found.name.as_str(), found.port), ("theirs", FOREIGN_PORT));
        let targets = self.targets(Protocol::Tcp, FOREIGN_PORT).expect("the foreign listener is there");
        let target = targets.get(&foreign_address()).expect("the foreign target is there");
        assert_eq!((target.weight, target.tag.as_str()), (33, "theirs"));
    }

    pub(crate) fn foreign_listener(&self) -> &ListenerId {
        &self.foreign
    }
}

fn prepare() {
    telemetry::install_crypto();
    // Logs of many tests at once are read only by who asks for them.
    if std::env::var_os("RUST_LOG").is_some() {
        telemetry::install_logs(false);
    }
}

pub(crate) fn operator_settings(flags: &[&str]) -> OperatorSettings {
    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Flags {
        #[command(flatten)]
        settings: OperatorSettings,
    }
    Flags::try_parse_from(flags).expect("the flags are good").settings
}

pub(crate) const fn foreign_port() -> u16 {
    FOREIGN_PORT
}

const fn foreign_address() -> Address {
    Address { ip: IpAddr::V4(Ipv4Addr::new(10, 250, 0, 1)), port: 7 }
}

fn add_foreign(cloud: &Cloud, id: &LoadBalancerId) -> ListenerId {
    cloud.console(|state| {
        let listener = state.add_listener(id, "theirs", Protocol::Tcp, FOREIGN_PORT).expect("the port is free");
        let route = Route { listener: listener.clone(), rule: None };
        state.put_target(id, &route, foreign_address(), 33, "theirs").expect("the listener is there");
        listener
    })
}

pub(crate) fn service() -> String {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    })
    .to_string()
}

pub(crate) fn deployment(replicas: u32) -> String {
    deployment_with(replicas, &json!({}), &json!({}))
}

/// A Deployment of Pods that serve TCP 8080, with the gate; `annotations` and `pod` are added to the template.
pub(crate) fn deployment_with(replicas: u32, annotations: &Value, pod: &Value) -> String {
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 30,
        "readinessGates": [{"conditionType": api::names::GATE}],
        "containers": [{
            "name": "web", "image": "registry.example.com/web:v1", "ports": [{"containerPort": 8080}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
        }],
    });
    spec.as_object_mut().expect("an object").extend(pod.as_object().cloned().unwrap_or_default());
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": "web"}, "annotations": annotations}, "spec": spec},
        },
    })
    .to_string()
}

/// A binding of Service `web` to the stage's load balancer, with `spec` besides.
pub(crate) fn binding(name: &str, spec: &Value) -> String {
    let mut whole = json!({"serviceRef": {"name": "web"}, "loadBalancer": {"id": LOAD_BALANCER}});
    whole.as_object_mut().expect("an object").extend(spec.as_object().cloned().unwrap_or_default());
    json!({
        "apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
        "metadata": {"name": name}, "spec": whole,
    })
    .to_string()
}
