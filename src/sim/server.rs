//! The API over HTTP. Answers have status 200 and exactly `application/json`, as the official SDKs need it, errors too.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::accept::accept;
use super::admin;
use super::cloud::Cloud;
use super::dispatch::{Called, Outcome, refuse};
use super::error::{ApiError, ApiResult};
use super::settings::Account;
use super::verify::{Incoming as Signed, Known, Signer, verify};
use crate::clb::wire::{Action, AssumeRoleWithWebIdentity, Service};

/// The largest body of a request, as documented.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
/// Where the metadata service of a machine has the keys of its role.
const METADATA: &str = "/latest/meta-data/cam/security-credentials/";

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault loses this answer")]
struct HangUp;

/// Accepts until the cloud stops.
pub(crate) async fn serve(listener: TcpListener, cloud: Arc<Cloud>) {
    let begin = |stream, _| {
        let cloud = Arc::clone(&cloud);
        cloud.tasks.clone().spawn(async move { converse(stream, &cloud).await });
    };
    accept(&listener, &cloud.stop, begin).await;
}

async fn converse(stream: TcpStream, cloud: &Arc<Cloud>) {
    let service = service_fn(|request| {
        let cloud = Arc::clone(cloud);
        async move { answer(request, &cloud).await }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = cloud.stop.cancelled() => {}
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
    }
}

async fn answer(request: Request<Incoming>, cloud: &Cloud) -> Result<Response<Full<Bytes>>, HangUp> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let body = match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let error = ApiError::new("RequestSizeLimitExceeded", "the request is larger than 10 MB");
            return Ok(json(StatusCode::OK, refuse(&error, &new_request_id()).body));
        }
        // The client went away in the middle of its request.
        Err(_) => return Err(HangUp),
    };
    if path.starts_with("/admin/") {
        let (status, value) = admin::answer(cloud, &parts.method, path, &body);
        return Ok(json(status, value.to_string().into_bytes()));
    }
    if let Some(path) = path.strip_prefix(METADATA).filter(|_| parts.method == Method::GET) {
        return Ok(metadata(cloud, path));
    }
    let request_id = new_request_id();
    let signed = Signed {
        method: parts.method.as_str(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
    };
    let outcome = match check(cloud, &parts.method, path, &signed) {
        Ok(called) => cloud.call(&called, &body, &request_id),
        Err(error) => refuse(&error, &request_id),
    };
    deliver(cloud, outcome).await
}

fn new_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Everything that is checked before the action is looked at. Gives what is called.
fn check<'a>(cloud: &'a Cloud, method: &Method, path: &str, signed: &Signed<'a>) -> ApiResult<Called<'a>> {
    if *method != Method::POST || path != "/" {
        return Err(ApiError::new("UnsupportedProtocol", "only POST / with a JSON body is simulated"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|passed| passed.as_secs()).unwrap_or_default();
    let Signer { account, service } = match cloud.accounts.first() {
        Some(own) if is_unsigned(signed) => Signer { account: &own.id, service: Service::Sts },
        _ => verify(signed, |id| known(cloud, id), now)?,
    };
    let version = header(signed.headers, "X-TC-Version")?;
    if version != service.version() {
        return Err(ApiError::new("NoSuchVersion", format!("version {version} does not exist")));
    }
    let region = header(signed.headers, "X-TC-Region")?;
    if region != cloud.region {
        return Err(ApiError::new("UnsupportedRegion", format!("region {region} is not simulated")));
    }
    Ok(Called { account, service, action: header(signed.headers, "X-TC-Action")? })
}

/// Whether it is the one call that nobody signs: who makes it has no key yet.
fn is_unsigned(signed: &Signed<'_>) -> bool {
    let is = |name: &str, value: &str| signed.headers.get(name).is_some_and(|found| found == value);
    is("Authorization", "SKIP") && is("X-TC-Action", AssumeRoleWithWebIdentity::NAME)
}

/// The key pair of an id: of an account, or a temporary one of the first account.
fn known<'a>(cloud: &'a Cloud, id: &str) -> Option<Known<'a>> {
    let of_account = cloud.accounts.iter().find(|account| account.credentials.secret_id == id);
    if let Some(Account { id, credentials }) = of_account {
        return Some(Known { account: id, credentials: credentials.clone(), has_ended: false });
    }
    let own = cloud.accounts.first()?;
    let (credentials, has_ended) = cloud.with(|inner, now| inner.cloud.state.temporary_key(id, now))?;
    Some(Known { account: &own.id, credentials, has_ended })
}

/// Answers as the metadata service of a machine.
fn metadata(cloud: &Cloud, path: &str) -> Response<Full<Bytes>> {
    let text = cloud.with(|inner, now| inner.cloud.state.metadata(path, now));
    let (status, text) = text.map_or((StatusCode::NOT_FOUND, String::new()), |text| (StatusCode::OK, text));
    json(status, text.into_bytes())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> ApiResult<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| ApiError::missing(name))
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Waits as long as the answer takes, and gives it the form that a fault wants.
async fn deliver(cloud: &Cloud, outcome: Outcome) -> Result<Response<Full<Bytes>>, HangUp> {
    if let Some(moment) = outcome.hold_until {
        tokio::time::sleep_until(cloud.instant(moment)).await;
        // Whoever gets the answer may rely on the work being done for traffic, too.
        cloud.with(|_, _| ());
    }
    if !outcome.delay.is_zero() {
        tokio::time::sleep(outcome.delay).await;
    }
    let (status, media_type, body) = outcome.arriving().ok_or(HangUp)?;
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    Ok(response)
}
