//! What injects gates into the Pods of labelled namespaces: the webhook itself, as a replica in this process.

use clap::Parser;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tke_direct_access::api::names;
use tke_direct_access::k8s::Stores;
use tke_direct_access::webhook::{Error, Settings, Surroundings, Webhook};
use tokio::sync::{Mutex, MutexGuard, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::stage::{DEADLINE, Stage, control_plane};
use crate::support::eventually;

/// The configuration is one per cluster.
static TURN: Mutex<()> = Mutex::const_new(());

/// A webhook at work.
pub(crate) struct Injector {
    running: JoinHandle<Result<(), Error>>,
    stop: CancellationToken,
    _turn: MutexGuard<'static, ()>,
}

impl Injector {
    /// Starts and returns at once; [`until_injecting`] waits until Pods get the gate.
    pub(crate) async fn start() -> Self {
        let turn = TURN.lock().await;
        let client = control_plane().await.client();
        let stop = CancellationToken::new();
        let (stores, mut tasks) = (Stores::default(), JoinSet::new());
        let (sender, mut changes) = mpsc::channel(16);
        let mut synced = stores.watch(&client, None, &sender, &stop, &mut tasks);
        drop(sender);
        tasks.spawn(async move { while changes.recv().await.is_some() {} });
        tokio::time::timeout(DEADLINE, synced.wait()).await.expect("the stores are filled");
        // Its own namespace never gets gates, and the stage has one only: the configuration is kept elsewhere.
        let namespace = "default".to_owned();
        let surroundings = Surroundings { client, stores, synced, namespace, identity: "injector".to_owned() };
        let webhook = Webhook::bind(settings(), surroundings).expect("the webhook listens");
        let stopping = stop.clone();
        let running = tokio::spawn(async move {
            let ended = webhook.run(stopping).await;
            while tasks.join_next().await.is_some() {}
            ended
        });
        Self { running, stop, _turn: turn }
    }

    /// Ends it; its configuration stays.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.running.await.expect("the webhook does not panic").expect("the webhook ends well");
    }
}

fn settings() -> Settings {
    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }
    let flags = [
        "injector",
        "--gate-injection=Webhook",
        "--webhook-host=127.0.0.1",
        "--webhook-listen=127.0.0.1:0",
        "--webhook-linger-seconds=0",
    ];
    Flags::try_parse_from(flags).expect("the flags are good").settings
}

/// Labels the stage's namespace, so that its Pods get gates.
pub(crate) async fn label(stage: &Stage) {
    let label = format!("{}={}", names::GATES_LABEL, names::GATES_ENABLED);
    stage.ok(&["label", "namespace", &stage.namespace.name, &label]).await;
}

/// Waits until a Pod with label `app` would get the gate.
pub(crate) async fn until_injecting(stage: &Stage, app: &str) {
    let api: Api<k8s_openapi::api::core::v1::Pod> = Api::default_namespaced(stage.namespace.client());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "probe-", "labels": {"app": app}},
        "spec": {
            "automountServiceAccountToken": false,
            "containers": [{"name": "web", "image": "registry.example.com/web:v1"}],
        },
    });
    let pod = serde_json::from_value(pod).expect("a Pod");
    eventually("Pods get the gate", DEADLINE, async || {
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let pod = api.create(&params, &pod).await.map_err(|error| error.to_string())?;
        let gates = pod.spec.and_then(|spec| spec.readiness_gates).unwrap_or_default();
        Ok::<_, String>(gates.iter().any(|gate| gate.condition_type == names::GATE).then_some(()))
    })
    .await;
}
