//! Probes and metrics, on every replica.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use crate::k8s::Synced;

/// What the probes look at.
#[derive(Clone)]
pub(super) struct Admin {
    pub(super) metrics: Metrics,
    pub(super) synced: Arc<Synced>,
    pub(super) hurdles: Hurdles,
}

/// A reason not to be ready yet; `None` when it has gone.
type Hurdle = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// What others of this process have to do before it is ready.
#[derive(Clone, Default)]
pub(super) struct Hurdles(Arc<RwLock<Vec<Hurdle>>>);

impl Hurdles {
    pub(super) fn add(&self, hurdle: impl Fn() -> Option<&'static str> + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(hurdle));
    }

    fn first(&self) -> Option<&'static str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().find_map(|hurdle| hurdle())
    }
}

/// Listens; the address tells the port when 0 was asked for.
///
/// # Errors
///
/// When the address cannot be listened on.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `stop`.
pub(super) async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "probes and metrics are not served any more");
    }
}

/// Ready means that the stores are filled and no hurdle is left. Neither the cloud nor leadership counts: a replica that cannot
/// reach the cloud must not be taken out of the webhook's Service.
async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    let hurdle = if admin.synced.is_done() { admin.hurdles.first() } else { Some("the stores are not filled yet") };
    match hurdle {
        None => (StatusCode::OK, "ok"),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
    }
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], admin.metrics.text())
}
