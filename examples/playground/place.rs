//! What the examples find in the playground: the load balancers and listeners that they name, TKE's switch, a namespace whose Pods get
//! gates, and a controller that follows TKE's annotations.
//!
//! A test applies all examples in such a place, so it has no more than what people get who start the playground.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Parser;
use tke_direct_access::clb::{Credentials, Keys};
use tke_direct_access::operator::{Operator, Settings as OperatorSettings};
use tke_direct_access::sim::{ListenerSpec, LoadBalancerSpec, Settings as SimulatorSettings, Simulator};
use tke_direct_access::webhook::{self, Webhook};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::ControlPlane;

/// The first load balancer.
pub(crate) const LOAD_BALANCER: &str = "lb-6efswuxa";
/// The second load balancer.
const OTHER: &str = "lb-1a2b3c4d";
/// The VPC of both, and so that of the cluster.
const VPC: &str = "vpc-1a2b3c4d";
/// Where the controller's Lease and Secret are.
pub(crate) const NAMESPACE: &str = "kube-system";

/// The cloud with the load balancers of the examples, each with a listener that somebody else made.
pub(crate) fn cloud(settings: SimulatorSettings) -> SimulatorSettings {
    let load_balancer = |id: &str, listener: &str, port: u16| LoadBalancerSpec {
        vpc_id: Some(VPC.to_owned()),
        listeners: vec![ListenerSpec { id: Some(listener.to_owned()), protocol: "TCP".to_owned(), port, name: None }],
        ..LoadBalancerSpec::with_id(id)
    };
    let load_balancers =
        vec![load_balancer(LOAD_BALANCER, "lbl-shared01", 8443), load_balancer(OTHER, "lbl-canary01", 80)];
    SimulatorSettings { load_balancers, ..settings }
}

/// Defines the kinds, switches direct access on for Pods in GlobalRouter, and labels the namespace of the examples.
///
/// # Errors
///
/// What kubectl says.
pub(crate) async fn prepare(control_plane: &ControlPlane) -> Result<()> {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds").display().to_string();
    let switch =
        ["create", "configmap", "tke-service-controller-config", "--from-literal=GlobalRouteDirectAccess=true"];
    let (kube_system, label) = (["--namespace", "kube-system"], "cloud.tencent.com/direct-access-gates=enabled");
    for arguments in [
        &["apply", "-f", &crds][..],
        &["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"],
        &[&switch[..], &kube_system].concat(),
        &["label", "namespace", "default", label],
    ] {
        control_plane.kubectl(arguments).await.ok()?;
    }
    Ok(())
}

/// The controller, in this process.
pub(crate) struct Controller {
    running: JoinHandle<()>,
    injection: JoinHandle<Result<(), webhook::Error>>,
    /// Where it serves metrics.
    pub(crate) admin: SocketAddr,
    stop: CancellationToken,
}

impl Controller {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot start.
    pub(crate) async fn start(control_plane: &ControlPlane, simulator: &Simulator) -> Result<Self> {
        let stop = CancellationToken::new();
        let (secret_id, secret_key) = simulator.credentials();
        let credentials = Credentials::fixed(Keys::new(secret_id, secret_key, None)?);
        let settings = settings(&simulator.endpoint())?;
        let operator = Operator::start(&settings.operator, control_plane.config(), credentials, stop.clone()).await?;
        let (stores, synced) = operator.stores();
        let (namespace, identity) = (NAMESPACE.to_owned(), "playground".to_owned());
        let surroundings = webhook::Surroundings { client: operator.client(), stores, synced, namespace, identity };
        let webhook = Webhook::bind(settings.webhook, surroundings)?;
        operator.metrics().register(|registry| webhook.metrics().register(registry));
        let injection = tokio::spawn(webhook.run(stop.clone()));
        let admin = operator.address();
        Ok(Self { running: tokio::spawn(operator.run()), injection, admin, stop })
    }

    /// Ends it as SIGTERM would.
    ///
    /// # Errors
    ///
    /// When it ended badly.
    pub(crate) async fn end(self) -> Result<()> {
        self.stop.cancel();
        self.running.await.context("the controller ended badly")?;
        self.injection.await?.context("the webhook ended badly")
    }
}

/// The controller's flags.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    operator: OperatorSettings,
    #[command(flatten)]
    webhook: webhook::Settings,
}

fn settings(endpoint: &str) -> Result<Flags> {
    let flags = [
        "controller",
        "--clb-endpoint",
        endpoint,
        "--listen",
        "127.0.0.1:0",
        "--lease-namespace",
        NAMESPACE,
        "--vpc-id",
        VPC,
        "--annotated-services",
        "All",
        "--gate-injection",
        "Webhook",
        "--webhook-listen",
        "127.0.0.1:0",
        "--webhook-host",
        "127.0.0.1",
        "--webhook-linger-seconds",
        "0",
    ];
    Ok(Flags::try_parse_from(flags)?)
}
