//! The HTTPS server that answers the API server, from memory alone.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::configuration::PATH;
use super::metrics::Metrics;
use super::pod::{Decision, NewPod, Reason, selectors};
use super::review::{Answer, Request};
use crate::api::names::is_reserved_namespace;
use crate::k8s::{Stores, Synced};

/// A review carries one object of at most 3 MiB; axum's own limit is 2 MB.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// How long requests under way may take at the end; the API server waits no longer for them.
const GRACE: Duration = Duration::from_secs(3);

/// The certificate in use; `None` until there is one.
pub(super) type Certificate = watch::Receiver<Option<Arc<CertifiedKey>>>;

/// What decides about Pods.
#[derive(Clone)]
pub(super) struct Gatekeeper {
    pub(super) stores: Stores,
    pub(super) synced: Synced,
    pub(super) own_namespace: String,
    pub(super) metrics: Metrics,
}

impl Gatekeeper {
    /// The answer, and what it is counted as.
    fn answer(&self, request: &Request) -> (Answer, &'static str) {
        let Some(object) = request.new_pod() else { return (Answer::admitted(request), "not-a-pod") };
        if is_reserved_namespace(&request.namespace, &self.own_namespace) {
            return (Answer::admitted(request), "reserved-namespace");
        }
        // Borrowed as a value: a copy of a large Pod would cost more than the decision.
        let pod: NewPod = match serde::Deserialize::deserialize(object) {
            Ok(pod) => pod,
            Err(error) => {
                let warning = format!("tke-direct-access cannot read this Pod and adds no readiness gate: {error}");
                return (Answer::warned(request, warning), "unreadable");
            }
        };
        if !self.synced.is_done() {
            let warning = "tke-direct-access has just started and adds no readiness gate yet: the rollout of this Pod will not \
                           wait for its load balancer";
            return (Answer::warned(request, warning.to_owned()), "cold");
        }
        let bindings = self.stores.bindings.rows(&request.namespace);
        let services = self.stores.services.rows(&request.namespace);
        let bindings = bindings.values().map(|row| row.0.as_ref());
        let decision = pod.decide(selectors(bindings, |name| services.get(name).map(Arc::as_ref)));
        (Answer::decided(request, decision), result(decision))
    }
}

fn result(decision: Decision) -> &'static str {
    match decision {
        Decision::Inject { .. } => "injected",
        Decision::Leave(Reason::Gated) => "gated",
        Decision::Leave(Reason::Mirror) => "mirror",
        Decision::Leave(Reason::HostNetwork) => "host-network",
        Decision::Leave(Reason::NotSelected) => "not-selected",
    }
}

async fn review(State(gatekeeper): State<Gatekeeper>, body: Bytes) -> Response {
    let _answering = gatekeeper.metrics.begin();
    match Request::read(&body) {
        Ok(request) => {
            let (answer, result) = gatekeeper.answer(&request);
            gatekeeper.metrics.answered("200", result);
            Json(answer).into_response()
        }
        Err(error) => {
            gatekeeper.metrics.answered("400", "malformed");
            (StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
    }
}

/// The certificate is looked up for every handshake, so a new one is in use at once, and connections that exist go on.
struct Resolver(Certificate);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }
}

fn tls(certificate: Certificate) -> Result<RustlsConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Resolver(certificate)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Listens; the address tells the port when 0 was asked for.
///
/// # Errors
///
/// When the address cannot be listened on.
pub(super) fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `linger` after `stop`: the API server goes on asking until it has learnt that this replica ends. Until there is
/// a certificate, handshakes fail at once.
///
/// # Errors
///
/// When it cannot be served.
pub(super) async fn serve(
    listener: TcpListener,
    certificate: Certificate,
    gatekeeper: Gatekeeper,
    linger: Duration,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let router =
        Router::new().route(PATH, post(review)).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(gatekeeper);
    let handle = Handle::new();
    let config = tls(certificate).map_err(std::io::Error::other)?;
    let server = from_tcp_rustls(listener, config)?.handle(handle.clone()).serve(router.into_make_service());
    let mut server = std::pin::pin!(server);
    let ending = async {
        stop.cancelled().await;
        let _ = tokio::time::timeout(linger, std::future::pending::<()>()).await;
    };
    tokio::select! {
        served = &mut server => return served,
        () = ending => {}
    }
    handle.graceful_shutdown(Some(GRACE));
    server.await
}
