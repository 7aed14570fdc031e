//! What a test plays on: a namespace whose Pods are gated, one for the controller, and replicas.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tke_direct_access::api::{
    self,
    names::{GATE, PARKED},
};
use tke_direct_access::k8s::Stores;
use tke_direct_access::telemetry;
use tke_direct_access::webhook::{Error, Lifetimes, Metrics, NAME, Settings, Surroundings, Webhook};
use tokio::sync::{Mutex, MutexGuard, OnceCell, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::support::{ControlPlane, Namespace, Output, eventually};

/// Long enough for a busy machine; a test that gets this far has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(150);
/// A repair that a watch has asked for comes sooner: the replica looks by itself after 30 s. On an idle machine it takes less than 5 s, and
/// tests print how long.
pub(crate) const REPAIR: Duration = Duration::from_secs(20);
pub(crate) const SECRET: &str = "direct-access-webhook";
/// The Services of the shop, and their bindings.
pub(crate) const NAMES: [&str; 4] = ["web", "off", "parked", "copy"];
const KINDS: [&str; 3] = ["mutatingwebhookconfiguration", "mutatingadmissionpolicybinding", "mutatingadmissionpolicy"];

static TURN: Mutex<()> = Mutex::const_new(());

async fn control_plane() -> &'static ControlPlane {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let control_plane = ControlPlane::shared().await;
    INSTALLED
        .get_or_init(async || {
            let yaml = api::crds_yaml().expect("the definitions can be printed");
            control_plane.kubectl_with_input(&["apply", "-f", "-"], &yaml).await.ok().expect("they are taken");
            let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=150s"];
            control_plane.kubectl(&wait).await.ok().expect("they are served");
        })
        .await;
    control_plane
}

pub(crate) struct Stage {
    pub(crate) control_plane: &'static ControlPlane,
    /// The controller's namespace.
    pub(crate) own: Namespace,
    /// A namespace with the label, Service and binding `web` (app=web), and likewise `off`, which is suspended, `parked`, and `copy`,
    /// which has the mark of a parked one without having been made for a Service.
    pub(crate) shop: Namespace,
    _turn: MutexGuard<'static, ()>,
}

/// A replica in this process.
pub(crate) struct Replica {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) metrics: Metrics,
    identity: String,
    running: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
}

impl Replica {
    /// Ends it as SIGTERM would.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("the replica does not panic").expect("the replica ends well");
    }
}

/// How a replica differs from the usual one.
#[derive(Default)]
pub(crate) struct With<'a> {
    pub(crate) flags: &'a [&'a str],
    pub(crate) lifetimes: Option<Lifetimes>,
    /// Its stores are never filled.
    pub(crate) is_cold: bool,
}

pub(crate) fn webhook_settings(flags: &[&str]) -> Settings {
    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }
    let mut all = vec!["replica", "--webhook-linger-seconds=0"];
    if !flags.iter().any(|flag| flag.starts_with("--webhook-listen")) {
        all.push("--webhook-listen=127.0.0.1:0");
    }
    all.extend(flags);
    Flags::try_parse_from(all).expect("the flags are good").settings
}

pub(crate) const WEBHOOK: &[&str] = &["--gate-injection=Webhook", "--webhook-host=127.0.0.1"];

impl Stage {
    pub(crate) async fn new(name: &str) -> Self {
        let turn = TURN.lock().await;
        telemetry::install_crypto();
        // Logs of many tests at once are read only by who asks for them.
        if std::env::var_os("RUST_LOG").is_some() {
            telemetry::install_logs(false);
        }
        let control_plane = control_plane().await;
        let own = control_plane.namespace(&format!("{name}-own")).await;
        let shop = control_plane.namespace(name).await;
        let stage = Self { control_plane, own, shop, _turn: turn };
        // A failed test may have left something.
        stage.clear().await;
        stage.label(&stage.shop).await;
        stage.populate(&stage.shop).await;
        stage
    }

    async fn clear(&self) {
        for kind in KINDS {
            self.ok(&["delete", kind, NAME, "--ignore-not-found"]).await;
        }
    }

    pub(crate) async fn label(&self, namespace: &Namespace) {
        self.ok(&["label", "namespace", &namespace.name, "cloud.tencent.com/direct-access-gates=enabled"]).await;
    }

    /// Services and bindings [`NAMES`], each with a port of its own: of those made in one second, nobody knows which is the older.
    pub(crate) async fn populate(&self, namespace: &Namespace) {
        for (port, name) in (80..).zip(NAMES) {
            let spec = if name == "off" { json!({"suspend": true}) } else { json!({}) };
            let mut whole = json!({"serviceRef": {"name": name}, "loadBalancer": {"id": "lb-test0001"}});
            whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
            let list = json!({"apiVersion": "v1", "kind": "List", "items": [
                {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                 "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": 80}]}},
                {"apiVersion": "cloud.tencent.com/v1alpha1", "kind": "DirectAccessBinding",
                 "metadata": {"name": name}, "spec": whole},
            ]});
            self.control_plane.kubectl_apply(&namespace.name, &list.to_string()).await.expect("the objects are taken");
        }
        let scope = ["-n", &namespace.name];
        let uid =
            self.ok(&[&scope[..], &["get", "service", "parked", "-o", "jsonpath={.metadata.uid}"]].concat()).await;
        let owner = json!([{"apiVersion": "v1", "kind": "Service", "name": "parked", "controller": true, "uid": uid}]);
        for (name, owners) in [("parked", owner), ("copy", json!(null))] {
            let mark =
                json!({"metadata": {"annotations": {(PARKED): "SaidFalse"}, "ownerReferences": owners}}).to_string();
            self.ok(&[&scope[..], &["patch", "dab", name, "--type=merge", "-p", &mark]].concat()).await;
        }
    }

    pub(crate) async fn replica(&self, with: With<'_>) -> Replica {
        let mut settings = webhook_settings(with.flags);
        settings.lifetimes = with.lifetimes.unwrap_or_default();
        let client = self.control_plane.client();
        let mut watched = self.control_plane.config();
        if with.is_cold {
            watched.cluster_url = "https://127.0.0.1:1".parse().unwrap();
        }
        let stop = CancellationToken::new();
        let (stores, mut tasks) = (Stores::default(), JoinSet::new());
        let (sender, mut changes) = mpsc::channel(16);
        let watching = kube::Client::try_from(watched).unwrap();
        let mut synced = stores.watch(&watching, Some(&self.shop.name), &sender, &stop, &mut tasks);
        tasks.spawn(async move { while changes.recv().await.is_some() {} });
        drop(sender);
        if !with.is_cold {
            tokio::time::timeout(DEADLINE, synced.wait()).await.expect("the stores are filled");
        }
        let identity = format!("replica-{}", uuid::Uuid::new_v4().simple());
        let surroundings =
            Surroundings { client, stores, synced, namespace: self.own.name.clone(), identity: identity.clone() };
        let webhook = Webhook::bind(settings, surroundings).expect("the webhook listens");
        let (address, metrics) = (webhook.address(), webhook.metrics());
        let stopping = stop.clone();
        let running = tokio::spawn(async move {
            let ended = webhook.run(stopping).await;
            while tasks.join_next().await.is_some() {}
            ended
        });
        Replica { address, metrics, identity, running, stop }
    }

    /// The usual replica, at work.
    pub(crate) async fn working(&self) -> Replica {
        let replica = self.replica(With { flags: WEBHOOK, ..With::default() }).await;
        self.until_injecting(DEADLINE).await;
        replica
    }

    pub(crate) fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.control_plane.client(), namespace)
    }

    /// What would become of a Pod in the shop.
    pub(crate) async fn dry_run(&self, pod: &Value) -> Vec<String> {
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let pod = serde_json::from_value(pod.clone()).expect("a Pod");
        gates(&self.pods(&self.shop.name).create(&params, &pod).await.expect("the Pod is admitted"))
    }

    pub(crate) async fn until_injecting(&self, deadline: Duration) {
        eventually("Pods get the gate", deadline, async || self.dry_run(&web_pod()).await == [GATE]).await;
    }

    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Output {
        self.control_plane.kubectl(arguments).await
    }

    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        self.kubectl(arguments).await.ok().expect("kubectl succeeds")
    }

    /// The webhook configuration; null when there is none.
    pub(crate) async fn configuration(&self) -> Value {
        let found = self.ok(&["get", KINDS[0], NAME, "-o", "json", "--ignore-not-found"]).await;
        if found.is_empty() { Value::Null } else { serde_json::from_str(&found).expect("JSON") }
    }

    pub(crate) async fn secret(&self) -> Option<Secret> {
        let api: Api<Secret> = Api::namespaced(self.control_plane.client(), &self.own.name);
        api.get_opt(SECRET).await.expect("Secrets can be read")
    }

    /// An entry of the Secret, as text; empty when there is none.
    pub(crate) async fn entry(&self, key: &str) -> String {
        let data = self.secret().await.and_then(|secret| secret.data).unwrap_or_default();
        data.get(key).map(|value| String::from_utf8_lossy(&value.0).into_owned()).unwrap_or_default()
    }

    /// Waits for an Event of a replica about a kind of object. `begin` is the beginning of `reason action note`.
    pub(crate) async fn until_event(&self, replica: &Replica, kind: &str, begin: &str) {
        eventually(&format!("an Event about a {kind}: {begin}"), DEADLINE, async || {
            let listed = self.ok(&["get", "events.events.k8s.io", "-A", "-o", "json"]).await;
            assert!(!listed.contains("PRIVATE KEY"), "no secret is told");
            let listed: Value = serde_json::from_str(&listed).expect("JSON");
            let all = listed["items"].as_array().expect("a list").iter();
            let ours =
                all.filter(|one| one["reportingInstance"] == replica.identity && one["regarding"]["kind"] == kind);
            let told: Vec<String> = ours
                .map(|one| ["reason", "action", "note"].map(|key| one[key].as_str().unwrap_or_default()).join(" "))
                .collect();
            if told.iter().any(|one| one.starts_with(begin)) { Ok(Some(())) } else { Err(format!("{told:?}")) }
        })
        .await;
    }

    pub(crate) async fn finish(self, replicas: Vec<Replica>) {
        for replica in replicas {
            replica.end().await;
        }
        self.clear().await;
    }
}

pub(crate) fn gates(pod: &Pod) -> Vec<String> {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    gates.map(|gate| gate.condition_type.clone()).collect()
}

/// A Pod with a label `app`, and `spec` besides.
pub(crate) fn pod(app: &str, spec: &Value) -> Value {
    let mut whole = json!({
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "web", "image": "registry.example.com/web:v1"}],
    });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": format!("{app}-"), "labels": {"app": app, "more": "x"}}, "spec": whole,
    })
}

pub(crate) fn web_pod() -> Value {
    pod("web", &json!({}))
}

pub(crate) const OTHER: &str = "example.com/other";

/// Pods, and the gates that they should end up with, in whatever way gates are injected.
pub(crate) fn expectations() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let with = |gates: &[&str]| {
        let gates: Vec<Value> = gates.iter().map(|gate| json!({"conditionType": gate})).collect();
        pod("web", &json!({"readinessGates": gates}))
    };
    let mut unlabelled = web_pod();
    unlabelled["metadata"]["labels"] = json!(null);
    let mut mirror = web_pod();
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    mirror["spec"]["nodeName"] = json!("node-1");
    let mut ours = web_pod();
    ours["metadata"]["labels"]["app.kubernetes.io/name"] = json!("direct-access-controller");
    vec![
        ("a selected Pod", web_pod(), vec![GATE]),
        ("a Pod with an empty list", with(&[]), vec![GATE]),
        ("a Pod with another gate", with(&[OTHER]), vec![OTHER, GATE]),
        ("a Pod that has it", with(&[GATE]), vec![GATE]),
        ("a Pod that has it and another", with(&[GATE, OTHER]), vec![GATE, OTHER]),
        ("a Pod of another app", pod("else", &json!({})), vec![]),
        ("a Pod of a suspended binding", pod("off", &json!({})), vec![]),
        ("a Pod of a parked binding", pod("parked", &json!({})), vec![]),
        ("a Pod of a copy of a parked binding", pod("copy", &json!({})), vec![GATE]),
        ("a Pod without labels", unlabelled, vec![]),
        ("a Pod in its node's network", pod("web", &json!({"hostNetwork": true})), vec![]),
        ("the controller's own Pod", ours, vec![]),
    ]
}
