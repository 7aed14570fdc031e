//! A proxy in front of a simulator that rewrites its replies. The client signs the header of the host, so that it stays as it is.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What is made of a reply, by the action and the request.
pub(super) type Rewrite = fn(&str, &Value, &mut Value);

#[derive(Clone)]
struct Behind {
    client: reqwest::Client,
    endpoint: String,
    doubled: Option<&'static str>,
    rewrite: Rewrite,
}

/// A proxy that ends with the value.
pub(super) struct Proxy {
    pub(super) endpoint: String,
    _stop: DropGuard,
}

/// Starts one.
pub(super) async fn start(endpoint: &str, rewrite: Rewrite) -> Proxy {
    start_with(endpoint, None, rewrite).await
}

/// Starts one that sends each call of an action twice, one after the other, and brings the second reply: as a network may that has lost the
/// first.
pub(super) async fn start_doubling(endpoint: &str, action: &'static str) -> Proxy {
    start_with(endpoint, Some(action), |_, _, _| {}).await
}

async fn start_with(endpoint: &str, doubled: Option<&'static str>, rewrite: Rewrite) -> Proxy {
    tke_direct_access::telemetry::install_crypto();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let behind = Behind { client, endpoint: endpoint.to_owned(), doubled, rewrite };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let ended = stop.clone().cancelled_owned();
    let server = axum::serve(listener, Router::new().fallback(forward).with_state(behind));
    tokio::spawn(async move { server.with_graceful_shutdown(ended).await });
    Proxy { endpoint, _stop: stop.drop_guard() }
}

async fn forward(State(behind): State<Behind>, headers: HeaderMap, body: Bytes) -> (StatusCode, HeaderMap, String) {
    let action = headers["x-tc-action"].to_str().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let send = || behind.client.post(&behind.endpoint).headers(headers.clone()).body(body.clone()).send();
    if behind.doubled == Some(action.as_str()) {
        send().await.unwrap();
    }
    let sent = send().await.unwrap();
    let mut reply: Value = serde_json::from_slice(&sent.bytes().await.unwrap()).unwrap();
    (behind.rewrite)(&action, &request, &mut reply["Response"]);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    (StatusCode::OK, headers, reply.to_string())
}
