//! Requests of the API server, counted where the client hands them out.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::{Request, Response, Uri};
use futures::FutureExt;
use futures::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tower::{Layer, Service};

use crate::telemetry::catalog;

type Labels = [(&'static str, String); 3];

/// The counts. Clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::operator) struct Requests(Family<Labels, Counter>);

impl Requests {
    pub(super) fn add_to(&self, registry: &mut Registry) {
        catalog::REST_REQUESTS.register(registry, self.0.clone());
    }

    pub(super) fn layer(&self, server: &Uri) -> RequestsLayer {
        let host = server.authority().map_or_else(String::new, |authority| authority.as_str().to_owned());
        // A user and a password may stand before the host.
        let host = host.rsplit('@').next().unwrap_or_default().into();
        RequestsLayer { requests: self.clone(), host }
    }

    fn count(&self, method: String, code: Option<u16>, host: &str) {
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.to_string());
        self.0.get_or_create(&catalog::REST_REQUESTS.with([code, method, host.to_owned()])).inc();
    }
}

/// Counts what passes through.
#[derive(Clone, Debug)]
pub(in crate::operator) struct RequestsLayer {
    requests: Requests,
    host: Arc<str>,
}

impl<S> Layer<S> for RequestsLayer {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, layer: self.clone() }
    }
}

/// A client whose requests are counted.
#[derive(Clone, Debug)]
pub(in crate::operator) struct Counted<S> {
    inner: S,
    layer: RequestsLayer,
}

impl<S, A, B> Service<Request<A>> for Counted<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (method, layer) = (request.method().to_string(), self.layer.clone());
        let answer = self.inner.call(request);
        answer
            .inspect(move |answer| {
                let code = answer.as_ref().ok().map(|response| response.status().as_u16());
                layer.requests.count(method, code, &layer.host);
            })
            .boxed()
    }
}
