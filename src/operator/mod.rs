//! The controller: watches, election, and one loop per load balancer.
//!
//! Watches and election go on for as long as the process does. Loops belong to one leadership: they end with it, and the next one
//! starts them anew.
//!
//! What a loop does is decided by a machine of [`reconcile`](crate::reconcile), which `drive` runs: `caches` shows it the stores, `reads`
//! reads, `apply` writes to the cloud, `writes` to Kubernetes. `triggers` is pure.

mod admin;
mod apply;
mod caches;
mod certificate_ends;
mod certificates;
mod context;
mod creation;
mod dispatch;
mod drive;
mod first_looks;
mod keyed;
mod kubernetes;
mod leadership;
mod marks;
mod metrics;
mod notices;
mod object_writes;
pub mod parts;
mod quotas;
mod reads;
mod recorders;
mod server_clock;
mod settings;
mod triggers;
mod write_room;
mod writes;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderValue, header};
use hyper::rt::Executor;
use hyper_util::rt::TokioExecutor;
use kube::client::ClientBuilder;
use kube::runtime::events::Reporter;
use kube::{Client, Config};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clb;
use crate::k8s::{Change, Stores, Synced};
use crate::model::{ClusterNetwork, Quotas, Region};
use crate::plan::Cluster;
use crate::plan::annotated::Acceptance;
use crate::plan::brake::{Brake, HoldFlag};
use crate::plan::expiry::Soonest;
use admin::Admin;
use context::{Clients, Ground};
use dispatch::{Ended, dispatch};
use leadership::{Connections, Elector, Leadership};
use metrics::RequestsLayer;
use recorders::Recorders;
use server_clock::ServerClock;

pub use metrics::{KeyMetrics, Metrics, WriteResult};
pub use settings::Settings;

/// Changes that may wait to be looked at. A watch that is ahead of that waits; nothing is dropped.
const CHANGE_QUEUE: usize = 1024;
/// How long the API server may say nothing on a connection that has something to say. It ends by itself, after 60 s, every request that
/// is no watch (`--request-timeout`), and watches end sooner; so what is silent for longer is a connection that died, on which a list
/// would wait for ever.
const LONGEST_SILENCE: Duration = Duration::from_secs(65);
/// Who says so, in Events.
const REPORTER: &str = "cloud.tencent.com/direct-access-controller";

/// What the controller calls itself at the API server; audit logs show it.
pub const USER_AGENT: &str = concat!("tke-direct-access/", env!("CARGO_PKG_VERSION"));

/// Why the controller could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings of the cloud's client cannot work.
    #[error("the cloud's client: {0}")]
    Cloud(#[from] clb::SettingsError),
    /// The client of the API server could not be made.
    #[error("the API server's client: {0}")]
    Client(#[from] kube::Error),
    /// The address of probes and metrics cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// A controller that is about to run.
pub struct Operator {
    ground: Ground,
    changes: mpsc::Receiver<Change>,
    synced: Synced,
    elector: Elector,
    leadership: watch::Receiver<Option<Leadership>>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    address: SocketAddr,
    hurdles: admin::Hurdles,
}

impl Operator {
    /// Connects, starts the watches and serves probes. Nothing is written anywhere before [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// When a client cannot be made, or the address of the probes is taken.
    pub async fn start(
        settings: &Settings,
        mut kubernetes: Config,
        credentials: clb::Credentials,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let identity = settings.identity.clone().unwrap_or_else(|| format!("controller-{}", uuid::Uuid::new_v4()));
        give_up_silence(&mut kubernetes);
        kubernetes.headers.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
        let metrics = Metrics::default();
        let counted = metrics.requests_layer(&kubernetes.cluster_url);
        let clock = ServerClock::begin();
        let client = self::client(kubernetes.clone(), TokioExecutor::new(), &counted, &clock)?;
        // The elector's own client must not repeat a renewal behind its back.
        let mut impatient = kubernetes.clone();
        impatient.default_retry = false;
        let impatient = self::client(impatient, TokioExecutor::new(), &counted, &clock)?;
        let (elector, leadership) = Elector::new(impatient, &settings.lease_namespace, &identity, credentials.clone());
        let writer = self::client(kubernetes, Connections::new(leadership.clone()), &counted, &clock)?;
        let reporter = Reporter { controller: REPORTER.to_owned(), instance: Some(identity) };
        let ground = Ground {
            stores: Stores::default(),
            clients: Arc::new(Clients::new(cloud_settings(settings), credentials, metrics.clone())?),
            metrics: metrics.clone(),
            recorders: Recorders::new(client.clone(), reporter),
            cluster: cluster(settings),
            vpc_id: settings.vpc_id.clone(),
            annotated_services: acceptance(settings),
            quotas: quotas(settings),
            resync: settings.resync(),
            brake: Arc::new(Mutex::new(brake(settings))),
            namespace: settings.lease_namespace.clone(),
            watch_namespace: settings.watch_namespace.clone(),
            client: client.clone(),
            writer,
            clock,
        };
        let mut tasks = JoinSet::new();
        let (sender, changes) = mpsc::channel(CHANGE_QUEUE);
        let synced = ground.stores.watch(&client, settings.watch_namespace.as_deref(), &sender, &stop, &mut tasks);
        let own = ground.stores.watch_hold(&client, &ground.namespace, &sender, &stop, &mut tasks);
        let synced = synced.and(own);
        let listening = admin::bind(settings.listen).await;
        let (listener, address) = listening.map_err(|error| Error::Listen(settings.listen, error))?;
        let hurdles = admin::Hurdles::default();
        let admin = Admin { metrics, synced: Arc::new(synced.clone()), hurdles: hurdles.clone() };
        tasks.spawn(admin::serve(listener, admin, stop.clone()));
        let (caller, stopped) = (Arc::clone(ground.clients.caller()), stop.clone());
        tasks.spawn(async move { stopped.run_until_cancelled(caller.keep()).await.unwrap_or_default() });
        Ok(Self { ground, changes, synced, elector, leadership, tasks, stop, address, hurdles })
    }

    /// Where probes and metrics are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Keeps `/readyz` from saying yes for as long as this gives a reason.
    pub fn not_ready_while(&self, hurdle: impl Fn() -> Option<&'static str> + Send + Sync + 'static) {
        self.hurdles.add(hurdle);
    }

    /// What is counted.
    pub fn metrics(&self) -> Metrics {
        self.ground.metrics.clone()
    }

    /// The client of the API server, for others of this process.
    pub fn client(&self) -> Client {
        self.ground.client.clone()
    }

    /// What the watches have seen, and whether they have seen everything once.
    pub fn stores(&self) -> (Stores, Synced) {
        (self.ground.stores.clone(), self.synced.clone())
    }

    /// Runs rounds whenever this replica leads, until `stop`. Then rounds under way are finished, and the Lease is given up. When
    /// leadership is lost, they are dropped at once, because another replica may soon begin its own; watches go on, and the next
    /// leadership starts from what they have seen and from a list of everything.
    pub async fn run(mut self) {
        // Who has not seen the cluster could not do anything with the Lease.
        let is_ready = tokio::select! {
            () = self.synced.wait() => !self.stop.is_cancelled(),
            () = forget(&mut self.changes) => false,
            () = self.stop.cancelled() => false,
        };
        // The Lease must outlive the last round.
        let finished = CancellationToken::new();
        if is_ready {
            self.tasks.spawn(self.elector.run(finished.clone()));
        }
        while !self.stop.is_cancelled() {
            let leadership = tokio::select! {
                leadership = next(&mut self.leadership) => leadership,
                // Until this replica leads, changes only fill the stores.
                () = forget(&mut self.changes) => None,
                () = self.stop.cancelled() => None,
            };
            let Some(leadership) = leadership else { break };
            self.ground.metrics.set_leader(true);
            tracing::info!("this replica leads");
            if !catch_up(&mut self.synced, &mut self.changes, &leadership, &self.stop).await {
                self.ground.metrics.set_leader(false);
                continue;
            }
            let context = Arc::new(self.ground.context(leadership));
            let ended = dispatch(context, &mut self.changes, &self.stop).await;
            self.ground.metrics.set_leader(false);
            self.ground.metrics.set_hold(None);
            self.ground.metrics.certificates_end(Soonest::default());
            match ended {
                Ended::NotLeading => tracing::warn!("leadership was lost; this replica waits to lead again"),
                Ended::Finished => break,
            }
        }
        self.stop.cancel();
        finished.cancel();
        end(self.tasks).await;
    }
}

/// Lists everything within the leadership, before it decides anything: what watches have told until now may be behind what the leader
/// before has acted upon. False when leadership, or all, is over by then.
async fn catch_up(
    synced: &mut Synced,
    changes: &mut mpsc::Receiver<Change>,
    leadership: &Leadership,
    stop: &CancellationToken,
) -> bool {
    tokio::select! {
        () = synced.renew() => leadership.is_valid(),
        () = forget(changes) => false,
        () = leadership.ended() => false,
        () = stop.cancelled() => false,
    }
}

/// The next leadership; `None` when there will be no more.
async fn next(leadership: &mut watch::Receiver<Option<Leadership>>) -> Option<Leadership> {
    let is_valid = |known: &Option<Leadership>| known.as_ref().is_some_and(Leadership::is_valid);
    leadership.wait_for(is_valid).await.ok()?.clone()
}

/// Has connections given up that say nothing for too long.
fn give_up_silence(config: &mut Config) {
    config.read_timeout.get_or_insert(LONGEST_SILENCE);
    // It counts from the request, not from the answer before it on the same connection.
    config.reset_reader_on_write = true;
}

/// A client of the API server whose requests are counted, and by whose answers the clock goes.
///
/// The tasks of its connections are run by `executor`.
fn client<E>(config: Config, executor: E, counted: &RequestsLayer, clock: &ServerClock) -> Result<Client, kube::Error>
where
    E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Clone + Send + Sync + 'static,
{
    Ok(ClientBuilder::try_from((config, executor))?.with_layer(counted).with_layer(clock).build())
}

/// Takes changes in and forgets them. Ends only when there will be no more.
async fn forget(changes: &mut mpsc::Receiver<Change>) {
    while changes.recv().await.is_some() {}
}

/// Waits for the tasks to end, for a while.
async fn end(mut tasks: JoinSet<()>) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(5), all).await.is_err() {
        tracing::warn!("some tasks did not end in time and are dropped");
    }
}

fn brake(settings: &Settings) -> Brake {
    let flag = if settings.hold_removals { HoldFlag::Set } else { HoldFlag::Unset };
    Brake::new(flag, &settings.lease_namespace)
}

fn cloud_settings(settings: &Settings) -> clb::Settings {
    clb::Settings {
        endpoint: settings.clb_endpoint.clone(),
        rate_per_second: settings.clb_rate,
        ..clb::Settings::new(Region::new(settings.region.as_str()))
    }
}

fn cluster(settings: &Settings) -> Cluster {
    Cluster {
        network: match settings.cluster_network {
            settings::ClusterNetwork::VpcCni => ClusterNetwork::VpcCni,
            settings::ClusterNetwork::GlobalRouter => ClusterNetwork::GlobalRouter,
        },
        allows_host_network: settings.host_network == settings::HostNetwork::Allow,
        // The rest is said by TKE's switches.
        ..Cluster::default()
    }
}

fn acceptance(settings: &Settings) -> Acceptance {
    match settings.annotated_services {
        settings::AnnotatedServices::Off => Acceptance::Off,
        settings::AnnotatedServices::OwnClass => Acceptance::OwnClass,
        settings::AnnotatedServices::All => Acceptance::All,
    }
}

fn quotas(settings: &Settings) -> Quotas {
    Quotas {
        targets_per_route: settings.target_quota.map(usize::from),
        listeners_per_load_balancer: settings.listener_quota.map(usize::from),
        rules_per_listener: settings.rule_quota.map(usize::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_on_a_connection_that_died_is_given_up() {
        crate::telemetry::install_crypto();
        // It accepts, and says nothing.
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let mut config = Config::new(url.parse().unwrap());
        give_up_silence(&mut config);
        assert_eq!(config.read_timeout, Some(LONGEST_SILENCE));
        config.read_timeout = Some(Duration::from_millis(100));
        give_up_silence(&mut config);
        let client = client(
            config,
            TokioExecutor::new(),
            &Metrics::default().requests_layer(&url.parse().unwrap()),
            &ServerClock::begin(),
        );
        let pods: kube::Api<k8s_openapi::api::core::v1::Pod> = kube::Api::all(client.unwrap());
        let listed = tokio::time::timeout(Duration::from_secs(20), pods.list(&kube::api::ListParams::default())).await;
        assert!(matches!(listed, Ok(Err(_))), "{listed:?}");
    }
}
