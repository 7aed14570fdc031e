//! One HTTP exchange: what goes out, what comes back, and what can go wrong in between.

use std::error::Error;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, DATE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect, retry};

use super::clock;
use super::credentials::Keys;
use super::error::{CONNECT, HTTP_STATUS, INVALID_REQUEST, MALFORMED_REPLY, TIMEOUT, UNREADABLE_REPLY, own, reported};
use super::fence::{Fence, FencedBody};
use super::settings::{Endpoint, MEDIA_TYPE, SettingsError};
use super::sign::{Unsigned, authorization};
use super::wire::{self, Action, Answer, Service, Undecodable};
use crate::model::Failure;

/// Largest body that is read. The largest real one, the health of 30 full load balancers, is a tenth of it.
const BODY_LIMIT: usize = 64 << 20;

/// How long a connection may take to come about; less than a deadline, so that "no connection" is told from "no reply".
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// How long a connection is kept for the next call; short, because a write on one that the cloud just closed is ambiguous.
const IDLE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

/// A success.
pub(super) struct Success<R> {
    pub(super) reply: R,
    /// Empty when the reply has none.
    pub(super) request_id: Option<String>,
    /// When it was answered, by the cloud's clock; `None` where the reply does not say.
    pub(super) date: Option<Timestamp>,
}

/// A failure, with the time that the reply carried.
pub(super) struct Refusal {
    pub(super) failure: Failure,
    pub(super) date: Option<Timestamp>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { failure, date: None }
    }
}

/// The HTTP client.
///
/// # Errors
/// When the system has no certificates of authorities.
pub(super) fn http_client(endpoint: &Endpoint) -> Result<Client, SettingsError> {
    let builder = builder().connect_timeout(CONNECT_TIMEOUT).pool_idle_timeout(IDLE_TIMEOUT);
    let builder = if endpoint.is_loopback() { builder.no_proxy() } else { builder };
    builder.build().map_err(SettingsError::Http)
}

/// What all clients have in common.
pub(super) fn builder() -> ClientBuilder {
    // An error only says that a provider is installed already, by the program or an earlier client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).retry(retry::never())
}

/// The headers that differ from call to call.
///
/// # Errors
/// When the host or a part of the key cannot be sent, which [`Endpoint`] and [`Keys`] rule out.
pub(super) fn call_headers(
    (service, action): (Service, &'static str),
    keys: &Keys,
    host: &str,
    timestamp: Timestamp,
    body: &[u8],
) -> Result<HeaderMap, Failure> {
    let signature = authorization(&Unsigned {
        secret_id: &keys.secret_id,
        secret_key: &keys.secret_key,
        timestamp,
        service: service.name(),
        headers: &[("content-type", MEDIA_TYPE), ("host", host)],
        body,
    });
    let secret = |value: &str| {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| own(action, INVALID_REQUEST, "the credentials cannot be sent in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    };
    let mut headers = unsigned_headers((service, action), host, timestamp)?;
    headers.insert(AUTHORIZATION, secret(&signature)?);
    if let Some(token) = &keys.token {
        headers.insert(HeaderName::from_static("x-tc-token"), secret(token)?);
    }
    Ok(headers)
}

/// As [`call_headers`], of a call that nobody signs.
///
/// # Errors
/// When the host cannot be sent, which [`Endpoint`] rules out.
pub(super) fn unsigned_headers(
    (service, action): (Service, &'static str),
    host: &str,
    timestamp: Timestamp,
) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    // Set here, so that what is sent is what is signed, whatever the HTTP client would have written.
    let named = HeaderValue::from_str(host);
    headers.insert(HOST, named.map_err(|_| own(action, INVALID_REQUEST, "the host cannot be sent in a header"))?);
    // The word that stands for a signature where there is none.
    headers.insert(AUTHORIZATION, HeaderValue::from_static("SKIP"));
    headers.insert(HeaderName::from_static("x-tc-version"), HeaderValue::from_static(service.version()));
    headers.insert(HeaderName::from_static("x-tc-action"), HeaderValue::from_static(action));
    headers.insert(HeaderName::from_static("x-tc-timestamp"), HeaderValue::from(timestamp.as_second()));
    Ok(headers)
}

/// What carries calls to the cloud other than HTTP, such as one that is simulated in the same process.
pub trait Carrier: Send + Sync {
    /// Carries a call, and brings the status and the body of its reply.
    fn carry(&self, call: Carried) -> BoxFuture<'static, Result<(u16, Vec<u8>), Unanswered>>;
}

/// A call, as a [`Carrier`] has it: without a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The service.
    pub service: Service,
    /// The action.
    pub action: &'static str,
    /// The parameters, in JSON.
    pub body: Vec<u8>,
}

/// A call has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It did not leave, or the connection broke.
    Broken,
    /// It took too long.
    Late,
}

/// How calls leave.
pub(super) enum Way {
    Http(Client),
    Carrier(Arc<dyn Carrier>),
}

/// Sends a call and reads its reply.
pub(super) async fn exchange<A: Action>(
    way: &Way,
    endpoint: &Endpoint,
    headers: HeaderMap,
    body: Vec<u8>,
    fence: &impl Fence,
) -> Result<Success<A::Reply>, Refusal> {
    match way {
        Way::Http(http) => {
            let body = reqwest::Body::wrap(FencedBody::new(body, fence));
            over_http::<A>(http, endpoint, headers, body).await
        }
        Way::Carrier(carrier) => {
            let carried = carrier.carry(Carried { service: A::SERVICE, action: A::NAME, body }).await;
            let (status, body) = carried.map_err(|unanswered| match unanswered {
                Unanswered::Broken => own(A::NAME, CONNECT, "the connection was closed"),
                Unanswered::Late => own(A::NAME, TIMEOUT, "no reply until the deadline"),
            })?;
            let status = StatusCode::from_u16(status)
                .map_err(|_| own(A::NAME, HTTP_STATUS, format!("the reply has status {status}")))?;
            Ok(read::<A>(status, &body)?)
        }
    }
}

async fn over_http<A: Action>(
    http: &Client,
    endpoint: &Endpoint,
    headers: HeaderMap,
    body: reqwest::Body,
) -> Result<Success<A::Reply>, Refusal> {
    let request = http.post(endpoint.url.clone()).headers(headers).body(body);
    let response = request.send().await.map_err(|error| broken(A::NAME, error))?;
    let status = response.status();
    let date = response.headers().get(DATE).and_then(|date| clock::parse_date(date.as_bytes()));
    let body = bounded_body(A::NAME, response).await?;
    match read::<A>(status, &body) {
        Ok(success) => Ok(Success { date, ..success }),
        Err(failure) => Err(Refusal { failure, date }),
    }
}

/// Makes sense of a reply.
fn read<A: Action>(status: StatusCode, body: &[u8]) -> Result<Success<A::Reply>, Failure> {
    match wire::decode::<A::Reply>(body) {
        // Whatever the status: an error in the cloud's form says more than a number.
        Ok(Answer::Failure { error, request_id }) => Err(reported(A::NAME, error, request_id)),
        _ if status != StatusCode::OK => Err(own(A::NAME, HTTP_STATUS, format!("the reply has status {status}"))),
        Ok(Answer::Success { reply, request_id }) => Ok(Success { reply, request_id, date: None }),
        Err(error @ Undecodable::Whole(_)) => Err(own(A::NAME, MALFORMED_REPLY, error.to_string())),
        Err(error @ Undecodable::Member(_)) => Err(own(A::NAME, UNREADABLE_REPLY, error.to_string())),
    }
}

pub(super) async fn bounded_body(action: &'static str, mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(action, error))? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(own(action, MALFORMED_REPLY, format!("the reply is longer than {BODY_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What the transport said, with its causes but without the URL.
pub(super) fn broken(action: &'static str, error: reqwest::Error) -> Failure {
    let code = if error.is_timeout() && !error.is_connect() { TIMEOUT } else { CONNECT };
    let error = error.without_url();
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    own(action, code, message)
}
