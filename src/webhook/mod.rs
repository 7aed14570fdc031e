//! Injection of readiness gates into Pods that bindings select, and everything it needs to keep working.
//!
//! - `pod` and `review` decide about one Pod; `server` asks them, on every replica and from memory.
//! - `certificate` decides about keys and certificates; `secret` keeps them.
//! - `configuration` says what the API server is told: a webhook, or an admission policy that needs none of the above.
//! - `repair` keeps all of that true.
//!
//! No part of this stops a Pod from being created: the worst that happens is a Pod without the gate, which the status of its
//! binding counts.

mod certificate;
mod configuration;
mod difference;
mod metrics;
mod pod;
mod repair;
mod review;
mod secret;
mod server;
mod settings;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use kube::Client;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::k8s::{Stores, Synced};
use repair::Repair;
use server::Gatekeeper;

pub use crate::api::names::GATE_INJECTION as NAME;
pub use certificate::Lifetimes;
pub use configuration::WEBHOOK;
pub use metrics::Metrics;
pub use settings::{Injection, Settings};

/// Why gate injection could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The webhook's address cannot be listened on.
    #[error("the webhook cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The webhook ended by itself.
    #[error("the webhook is not served any more: {0}")]
    Serve(std::io::Error),
    /// A task of the webhook ended abnormally.
    #[error("a task of the webhook ended abnormally: {0}")]
    Task(tokio::task::JoinError),
}

/// What gate injection works with.
pub struct Surroundings {
    /// The API server.
    pub client: Client,
    /// The stores that answers come from.
    pub stores: Stores,
    /// Whether they have been filled.
    pub synced: Synced,
    /// The controller's namespace, which Secret and Service are in.
    pub namespace: String,
    /// The name of this replica, for Events.
    pub identity: String,
}

/// Gate injection that is about to run.
pub struct Webhook {
    settings: Settings,
    surroundings: Surroundings,
    listener: Option<(TcpListener, SocketAddr)>,
    metrics: Metrics,
    certificate: watch::Sender<Option<Arc<CertifiedKey>>>,
    needs_certificate: watch::Sender<bool>,
}

/// Tells whether a replica can answer what the API server may ask it.
#[derive(Clone)]
pub struct Readiness {
    certificate: watch::Receiver<Option<Arc<CertifiedKey>>>,
    needs_certificate: watch::Receiver<bool>,
}

impl Readiness {
    /// True once there is a certificate to answer with, or when nothing is asked because gates are injected otherwise.
    pub fn is_ready(&self) -> bool {
        !*self.needs_certificate.borrow() || self.certificate.borrow().is_some()
    }
}

impl Webhook {
    /// Listens when the settings say that there is a webhook; in the way `Auto` that shows later. Nothing is answered or written
    /// before [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// When the address is taken.
    pub fn bind(settings: Settings, surroundings: Surroundings) -> Result<Self, Error> {
        let listener = match settings.gate_injection {
            Injection::Webhook => Some(listen(settings.webhook_listen)?),
            Injection::Auto | Injection::Policy | Injection::None => None,
        };
        let needs_certificate = matches!(settings.gate_injection, Injection::Webhook | Injection::Auto);
        Ok(Self {
            settings,
            surroundings,
            listener,
            metrics: Metrics::default(),
            certificate: watch::Sender::new(None),
            needs_certificate: watch::Sender::new(needs_certificate),
        })
    }

    /// Whether this replica can answer; it goes on telling while it runs.
    pub fn readiness(&self) -> Readiness {
        Readiness { certificate: self.certificate.subscribe(), needs_certificate: self.needs_certificate.subscribe() }
    }

    /// Where the webhook listens; `None` when it does not, or not yet.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(|(_, address)| *address)
    }

    /// What is counted.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Answers and repairs until `stop`, on every replica alike.
    ///
    /// # Errors
    ///
    /// When the webhook cannot be served, or ended by itself.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let Self { settings, surroundings, listener, metrics, certificate, needs_certificate } = self;
        let Some(injection) = repair::resolve(settings.gate_injection, &surroundings.client, &stop).await else {
            return Ok(());
        };
        metrics.set_mode(injection.as_str());
        needs_certificate.send_replace(injection == Injection::Webhook);
        let listener = match listener {
            None if injection == Injection::Webhook => Some(listen(settings.webhook_listen)?),
            other => other,
        };
        let in_use = certificate.subscribe();
        let mut tasks = JoinSet::new();
        let reach = settings.reach(listener.as_ref().map_or(settings.webhook_listen, |(_, address)| *address));
        if let Some((listener, address)) = listener {
            tracing::info!(%address, "the webhook is served");
            let gatekeeper = Gatekeeper {
                stores: surroundings.stores.clone(),
                synced: surroundings.synced.clone(),
                own_namespace: surroundings.namespace.clone(),
                metrics: metrics.clone(),
            };
            let served = server::serve(listener, in_use, gatekeeper, settings.linger(), stop.clone());
            tasks.spawn(async { served.await.map_err(Error::Serve) });
        }
        let repair = Repair::new(&settings, surroundings, injection, reach, certificate, metrics);
        tasks.spawn(repair.run(stop.clone()));
        let mut result = Ok(());
        while let Some(ended) = tasks.join_next().await {
            result = result.and(ended.unwrap_or_else(|error| Err(Error::Task(error))));
            // Whatever ends first, the rest has to end with it: half a webhook is worse than a new replica.
            stop.cancel();
        }
        result
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    server::bind(address).map_err(|error| Error::Listen(address, error))
}
