//! The part of the misfortune table *cluster* that is about slow writes: an admission webhook of one namespace holds each write of the
//! controller there for 20 s, and nobody in another namespace notices, not even on the same load balancer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::ListParams;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tke_direct_access::api::{DirectAccessBinding, TkeServiceConfig, names};
use tke_direct_access::clb::Keys;
use tke_direct_access::model::Protocol;
use tke_direct_access::sim::{LoadBalancerSpec, Settings as SimulatorSettings};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::stage::{DEADLINE, LOAD_BALANCER, Stage, binding, deployment, service};
use crate::support::{Namespace, eventually};

/// How long the webhook takes for a write of the controller. Webhooks may take 30 s.
const TAKES: Duration = Duration::from_secs(20);
/// The user that the controller is. The webhook answers others at once, so that the test need not wait.
const USER: &str = "the-controller";
/// The load balancer that only the quick namespace uses.
const OWN: &str = "lb-quick0001";
/// Pods of the slow namespace whose gates are being written: more than the controller writes at once.
const PODS: usize = 24;
/// Services of the slow namespace that get a binding.
const SERVICES: u16 = 20;
/// How soon a binding, gate, config or Service of the quick namespace has what it is to have, also on a machine with much else to do:
/// whoever waits for a held write waits twice as long.
const PROMPT: Duration = Duration::from_secs(10);
/// How soon a Pod that ends has no weight.
const DRAINED: Duration = Duration::from_secs(5);
/// Nothing of what is measured takes longer, whatever goes wrong.
const LONGEST: Duration = Duration::from_secs(60);

/// How many writes wait, by resource.
type Waiting = Arc<Mutex<BTreeMap<String, usize>>>;

/// A webhook that takes its time.
struct Webhook {
    name: String,
    waiting: Waiting,
    release: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Webhook {
    /// Installs it for a namespace.
    async fn install(stage: &Stage, namespace: &str) -> Self {
        let (config, bundle) = certificate();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (release, released) = watch::channel(false);
        let waiting = Waiting::default();
        let app = Router::new().route("/", post(review)).with_state((waiting.clone(), released));
        let server = from_tcp_rustls(listener, RustlsConfig::from_config(config)).unwrap();
        let serving = tokio::spawn(server.serve(app.into_make_service()));
        let rule = |groups: &[&str], resources: &[&str]| json!({"apiGroups": groups, "apiVersions": ["*"], "operations": ["CREATE", "UPDATE", "DELETE"], "resources": resources});
        let configuration = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": namespace},
            "webhooks": [{
                "name": "slow.example.com",
                "clientConfig": {"url": format!("https://{address}/"), "caBundle": ByteString(bundle.into_bytes())},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    rule(&[""], &["pods/status", "services", "services/status"]),
                    rule(&["", "events.k8s.io"], &["events"]),
                    rule(&[names::GROUP], &["*", "*/status"]),
                ],
                "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 30, "admissionReviewVersions": ["v1"],
            }],
        });
        stage.control_plane.kubectl_with_input(&["apply", "-f", "-"], &configuration.to_string()).await.ok().unwrap();
        Self { name: namespace.to_owned(), waiting, release, serving }
    }

    fn waiting(&self) -> BTreeMap<String, usize> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many writes of each of these groups of resources are held.
    async fn until_holds(&self, wanted: &[(&[&str], usize)]) {
        eventually("the webhook holds writes of each kind", DEADLINE, async || {
            let found = self.waiting();
            let is_held = |(resources, count): &(&[&str], usize)| {
                resources.iter().filter_map(|resource| found.get(*resource)).sum::<usize>() >= *count
            };
            if wanted.iter().all(is_held) { Ok(Some(())) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// Takes it away. What it holds is let go.
    async fn uninstall(self, stage: &Stage) {
        stage.control_plane.kubectl(&["delete", "validatingwebhookconfiguration", &self.name]).await.ok().unwrap();
        self.release.send_replace(true);
        eventually("nothing is held any more", DEADLINE, async || {
            let held: usize = self.waiting().values().sum();
            held == 0
        })
        .await;
        self.serving.abort();
    }
}

/// A configuration of TLS for 127.0.0.1, and the authority to trust.
fn certificate() -> (Arc<rustls::ServerConfig>, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = rustls::ServerConfig::builder().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![leaf.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (Arc::new(config), authority.pem())
}

/// A write that is held. Who has asked may give up; then it is not held any more.
struct Held {
    waiting: Waiting,
    key: String,
}

impl Held {
    fn new(waiting: &Waiting, key: String) -> Self {
        let held = Self { waiting: waiting.clone(), key };
        held.count(|held| held + 1);
        held
    }

    fn count(&self, change: fn(usize) -> usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let held = waiting.entry(self.key.clone()).or_default();
        *held = change(*held);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.count(|held| held - 1);
    }
}

/// Allows everything, late.
async fn review(
    State((waiting, mut released)): State<(Waiting, watch::Receiver<bool>)>,
    Json(review): Json<Value>,
) -> Json<Value> {
    let request = &review["request"];
    if request["userInfo"]["username"] == USER {
        let text = |path: &str| request.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (resource, sub) = (text("/resource/resource"), text("/subResource"));
        let key = if sub.is_empty() { resource } else { format!("{resource}/{sub}") };
        let _held = Held::new(&waiting, key);
        let _ = tokio::time::timeout(TAKES, released.wait_for(|is_released| *is_released)).await;
    }
    Json(json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": {"uid": request["uid"], "allowed": true}}))
}

/// Everything about `web`, by another name.
fn renamed(object: &str, name: &str) -> String {
    let mut object: Value = serde_json::from_str(&object.replace("\"web\"", &format!("\"{name}\""))).unwrap();
    if let Some(container) = object.pointer_mut("/spec/template/spec/containers/0/name") {
        *container = json!("web");
    }
    object.to_string()
}

fn on(service: &str, load_balancer: &str, port: u16) -> Value {
    json!({"serviceRef": {"name": service}, "loadBalancer": {"id": load_balancer},
        "listeners": [{"port": port, "protocol": "TCP", "servicePort": 80}]})
}

/// A Service without Pods that asks for nothing yet.
fn plain(name: &str, port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "loadBalancerClass": names::LOAD_BALANCER_CLASS, "selector": {"app": name},
                 "allocateLoadBalancerNodePorts": false, "ports": [{"port": port, "targetPort": 8080}]},
    })
}

const ASKS: [&str; 2] = ["service.cloud.tencent.com/direct-access=true", "service.kubernetes.io/tke-existed-lbid="];

/// A namespace of the stage.
struct Place<'a> {
    stage: &'a Stage,
    name: &'a str,
    client: kube::Client,
}

impl<'a> Place<'a> {
    fn new(stage: &'a Stage, namespace: &'a Namespace) -> Self {
        Self { stage, name: &namespace.name, client: namespace.client() }
    }

    async fn apply(&self, object: &str) {
        self.stage.control_plane.kubectl_apply(self.name, object).await.expect("the objects are taken");
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["--namespace", self.name].iter().chain(arguments).copied().collect();
        self.stage.control_plane.kubectl(&all).await.ok().expect("kubectl succeeds")
    }

    async fn ask(&self, service: &str, load_balancer: &str) {
        let id = format!("{}{load_balancer}", ASKS[1]);
        self.ok(&["annotate", "service", service, ASKS[0], &id]).await;
    }

    async fn condition(&self, name: &str, kind: &str) -> String {
        let api: Api<DirectAccessBinding> = Api::default_namespaced(self.client.clone());
        let status = api.get_opt(name).await.unwrap().and_then(|binding| binding.status).unwrap_or_default();
        let found = status.conditions.into_iter().find(|one| one.type_ == kind);
        found.map(|one| format!("{} {} {}", one.status, one.reason, one.message)).unwrap_or_default()
    }

    async fn until_ready(&self, name: &str, within: Duration) {
        eventually(&format!("binding {}/{name} is ready", self.name), within, async || {
            let found = self.condition(name, "Ready").await;
            if found.starts_with("True") { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }

    /// Status and reason of our condition of a Service.
    async fn told(&self, service: &str) -> String {
        let api: Api<Service> = Api::default_namespaced(self.client.clone());
        let status = api.get(service).await.unwrap().status.unwrap_or_default();
        let mut conditions = status.conditions.unwrap_or_default().into_iter();
        let found = conditions.find(|one| one.type_ == names::SERVICE_CONDITION);
        found.map(|one| format!("{} {}", one.status, one.reason)).unwrap_or_default()
    }

    /// Pods of an app that have this condition.
    async fn with_condition(&self, app: &str, condition: &str) -> usize {
        let api: Api<Pod> = Api::default_namespaced(self.client.clone());
        let pods = api.list(&ListParams::default().labels(&format!("app={app}"))).await.unwrap();
        let has = |pod: &Pod| {
            let mut all = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            pod.metadata.deletion_timestamp.is_none() && all.any(|one| one.type_ == condition && one.status == "True")
        };
        pods.items.iter().filter(|pod| has(pod)).count()
    }

    async fn until_with(&self, app: &str, condition: &str, count: usize) {
        eventually(&format!("{count} Pods of {}/{app} have {condition}", self.name), DEADLINE, async || {
            let found = self.with_condition(app, condition).await;
            if found >= count { Ok(Some(())) } else { Err(found.to_string()) }
        })
        .await;
    }
}

/// What is there before anything is slow: in the slow namespace a binding that serves, and in the quick one one on each load balancer.
async fn deploy(quick: &Place<'_>, slow: &Place<'_>) {
    for object in [service(), deployment(3), binding("web", &json!({}))] {
        slow.apply(&object).await;
    }
    let all = json!({"apiVersion": "v1", "kind": "List",
        "items": (0..SERVICES).map(|number| plain(&format!("noted-{number}"), 100 + number)).collect::<Vec<_>>()});
    slow.apply(&all.to_string()).await;
    quick.apply(&plain("noted", 200).to_string()).await;
    for (name, spec) in [("web", on("web", LOAD_BALANCER, 81)), ("solo", on("solo", OWN, 81))] {
        for object in [renamed(&service(), name), renamed(&deployment(1), name), binding(name, &spec)] {
            quick.apply(&object).await;
        }
    }
    for (place, name) in [(slow, "late"), (quick, "new"), (quick, "new-solo")] {
        place.apply(&renamed(&service(), name)).await;
    }
    for (place, name) in [(slow, "web"), (quick, "web"), (quick, "solo")] {
        place.until_ready(name, DEADLINE).await;
    }
    slow.until_with("web", names::GATE, 3).await;
}

/// Fills the slow namespace with writes, and waits until the webhook holds them.
async fn clog(slow: &Place<'_>, webhook: &Webhook) {
    slow.ok(&["scale", "deployment/web", &format!("--replicas={PODS}")]).await;
    let services = (0..SERVICES).map(|number| format!("noted-{number}")).collect::<Vec<_>>();
    let id = format!("{}{LOAD_BALANCER}", ASKS[1]);
    let annotate = ["annotate", "service", ASKS[0], &id];
    let arguments: Vec<&str> = annotate[..2].iter().copied().chain(services.iter().map(String::as_str)).collect();
    slow.ok(&arguments.into_iter().chain(annotate[2..].iter().copied()).collect::<Vec<_>>()).await;
    slow.apply(&with_pod("late", LOAD_BALANCER, 83)).await;
    slow.apply(&renamed(&deployment(4), "loose")).await;
    let config = json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "unused"}, "spec": {}});
    slow.apply(&config.to_string()).await;
    slow.ok(&["patch", "dab", "web", "--type=merge", "-p", r#"{"spec":{"autoServiceConfig":true}}"#]).await;
    slow.until_with("web", "ContainersReady", PODS).await;
    let kinds: [(&[&str], usize); 5] = [
        (&["pods/status"], 12),
        // As many as annotated Services have under way at once: their bindings are made, and what they were told before is taken back.
        (&["directaccessbindings", "services/status"], 16),
        (&["directaccessbindings/status"], 1),
        (&["tkeserviceconfigs"], 1),
        (&["tkeserviceconfigs/status"], 1),
    ];
    webhook.until_holds(&kinds).await;
}

/// How long after its containers are ready the gate of a new Pod opens.
async fn gate(place: &Place<'_>, app: &str) -> Duration {
    place.ok(&["scale", &format!("deployment/{app}"), "--replicas=2"]).await;
    place.until_with(app, "ContainersReady", 2).await;
    let begin = Instant::now();
    place.until_with(app, names::GATE, 2).await;
    begin.elapsed()
}

/// How long an annotated Service waits for its binding, and to be told of it.
async fn annotated(place: &Place<'_>) -> Duration {
    let begin = Instant::now();
    place.ask("noted", OWN).await;
    eventually("the Service is told that it has its binding", LONGEST, async || {
        let found = place.told("noted").await;
        if found == "True Accepted" { Ok(Some(())) } else { Err(found) }
    })
    .await;
    let took = begin.elapsed();
    assert!(place.ok(&["get", "dab", "noted", "-o", "name"]).await.contains("noted"));
    took
}

/// How long a config waits for its status.
async fn config(place: &Place<'_>) -> Duration {
    let begin = Instant::now();
    let object = json!({"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "TkeServiceConfig",
        "metadata": {"name": "unused"}, "spec": {}});
    place.apply(&object.to_string()).await;
    let api: Api<TkeServiceConfig> = Api::default_namespaced(place.client.clone());
    eventually("the config has a status", LONGEST, async || api.get("unused").await.unwrap().status).await;
    begin.elapsed()
}

/// A binding and the Pod that it waits for.
fn with_pod(name: &str, load_balancer: &str, port: u16) -> String {
    format!("{}\n---\n{}", binding(name, &on(name, load_balancer, port)), renamed(&deployment(1), name))
}

/// How long a new binding with a new Pod waits for its listener and target, and to be ready. The Pod's gate has health asked for often.
async fn new_binding(place: &Place<'_>, name: &str, load_balancer: &str, port: u16) -> Duration {
    let begin = Instant::now();
    place.apply(&with_pod(name, load_balancer, port)).await;
    let api: Api<DirectAccessBinding> = Api::default_namespaced(place.client.clone());
    eventually(&format!("binding {name} serves its Pod"), LONGEST, async || {
        let status = api.get(name).await.unwrap().status.unwrap_or_default();
        let summary = status.targets.unwrap_or_default().summary;
        if summary == "1/1" { Ok(Some(())) } else { Err(summary) }
    })
    .await;
    place.until_ready(name, LONGEST).await;
    begin.elapsed()
}

/// How long a Pod that ends keeps its weight.
async fn drained(slow: &Place<'_>) -> Duration {
    let weighted = || {
        let targets = slow.stage.targets(Protocol::Tcp, 80).unwrap_or_default();
        targets.into_values().filter(|target| target.weight > 0).map(|target| target.address.ip).collect::<Vec<_>>()
    };
    let api: Api<Pod> = Api::default_namespaced(slow.client.clone());
    let pods = api.list(&ListParams::default().labels("app=web")).await.unwrap().items;
    let ip = |pod: &Pod| pod.status.as_ref().and_then(|status| status.pod_ip.as_ref()?.parse().ok());
    let victim = pods.iter().find(|pod| ip(pod).is_some_and(|ip| weighted().contains(&ip))).expect("one serves");
    let (name, ip) = (victim.metadata.name.clone().unwrap(), ip(victim).unwrap());
    let begin = Instant::now();
    api.delete(&name, &kube::api::DeleteParams::default()).await.unwrap();
    eventually("it has no weight", LONGEST, async || !weighted().contains(&ip)).await;
    begin.elapsed()
}

/// In the end everything is in the slow namespace that is to be there.
async fn until_right(slow: &Place<'_>) {
    slow.until_with("web", names::GATE, PODS).await;
    slow.until_with("loose", names::GATE, 4).await;
    for name in ["web", "late"] {
        slow.until_ready(name, DEADLINE).await;
    }
    for number in 0..SERVICES {
        let name = format!("noted-{number}");
        eventually(&format!("Service {name} is told"), DEADLINE, async || {
            let found = slow.told(&name).await;
            if found == "True Accepted" { Ok(Some(())) } else { Err(found) }
        })
        .await;
    }
    let api: Api<TkeServiceConfig> = Api::default_namespaced(slow.client.clone());
    for name in ["unused", "web-auto-service-config"] {
        eventually(&format!("config {name} has its status"), DEADLINE, async || {
            api.get_opt(name).await.unwrap().and_then(|config| config.status)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn misfortune_cluster_writes_that_are_slow_in_one_namespace() {
    let mut stage = Stage::alone("quick", SimulatorSettings::instant()).await;
    stage.cloud.create_load_balancer(&LoadBalancerSpec::with_id(OWN)).unwrap();
    let mut user = stage.control_plane.config();
    user.auth_info.impersonate = Some(USER.to_owned());
    user.auth_info.impersonate_groups = Some(vec!["system:masters".to_owned()]);
    let (id, key) = stage.cloud.credentials();
    let flags = ["--annotated-services", "OwnClass"];
    let controller = stage.controller_of(user, Keys::new(id, key, None).unwrap(), &flags).await;
    stage.put_controller(controller);
    let namespace = stage.control_plane.namespace("slow").await;
    let (quick, slow) = (Place::new(&stage, &stage.namespace), Place::new(&stage, &namespace));
    deploy(&quick, &slow).await;

    let webhook = Webhook::install(&stage, &namespace.name).await;
    clog(&slow, &webhook).await;
    eprintln!("slow writes: the webhook holds {:?}", webhook.waiting());
    let drained = drained(&slow).await;
    let (shared_gate, own_gate, annotated, config, on_shared, on_own) = tokio::join!(
        gate(&quick, "web"),
        gate(&quick, "solo"),
        annotated(&quick),
        config(&quick),
        new_binding(&quick, "new", LOAD_BALANCER, 82),
        new_binding(&quick, "new-solo", OWN, 82),
    );
    eprintln!("slow writes: the webhook still holds {:?}", webhook.waiting());
    let rows = [
        ("a Pod of the slow namespace loses its weight", drained, DRAINED),
        ("a gate opens on the shared load balancer", shared_gate, PROMPT),
        ("a gate opens on another one", own_gate, PROMPT),
        ("an annotated Service has its binding", annotated, PROMPT),
        ("a config has its status", config, PROMPT),
        ("a new binding is ready on the shared load balancer", on_shared, PROMPT),
        ("a new binding is ready on another one", on_own, PROMPT),
    ];
    rows.iter().for_each(|(what, took, _)| eprintln!("slow writes: {what} after {took:.1?}"));
    let late: Vec<_> = rows.iter().filter(|(_, took, limit)| took > limit).collect();
    assert!(late.is_empty(), "{late:?}");

    webhook.uninstall(&stage).await;
    let begin = Instant::now();
    until_right(&slow).await;
    eprintln!("slow writes: all is right {:.1?} after the webhook", begin.elapsed());
    stage.finish().await;
}
