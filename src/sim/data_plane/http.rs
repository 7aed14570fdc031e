//! Layer-7 forwarding of HTTP/1.1, with TLS to clients or without: each request is routed by domain and path and balanced on its own.
//!
//! Not forwarded: protocol upgrades, and HTTP/2 to clients or targets: its settings are kept and shown.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::accept::{accept, no_delay};
use super::RouteView;
use super::claim::Held;
use super::pool::{Affinity, Pool, Seat};
use super::tcp::CONNECT_TIMEOUT;
use super::url::UrlPattern;
use crate::model::{Address, RuleId};

/// How long a target may take to begin its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Headers that belong to one connection and are not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// The cookie that leads a client back to its target. The service's own name for it is not documented.
const SESSION_COOKIE: &str = "clb-session";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

type Body = BoxBody<Bytes, hyper::Error>;

/// The rules of a listener. Shared by all its connections.
#[derive(Debug, Default)]
pub(super) struct HttpRules {
    rules: RwLock<Arc<Vec<HttpRule>>>,
}

#[derive(Clone, Debug)]
struct HttpRule {
    id: Option<RuleId>,
    domains: Vec<String>,
    url: UrlPattern,
    is_default: bool,
    /// Seconds for which a client keeps the cookie that leads it back; `None` without session persistence.
    cookie_seconds: Option<u64>,
    pool: Arc<Pool>,
}

/// Where a request goes.
struct Choice {
    pool: Arc<Pool>,
    cookie_seconds: Option<u64>,
}

impl HttpRules {
    fn snapshot(&self) -> Arc<Vec<HttpRule>> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over new rules. Those that stay keep their pools. Requests that are under way end as they began: layer 7 does
    /// not cut when a target is deregistered.
    pub(super) fn update(&self, routes: &[RouteView]) {
        let before = self.snapshot();
        let rule = |route: &RouteView| {
            let known = before.iter().find(|rule| rule.id == route.rule);
            let pool = known.map_or_else(Arc::default, |rule| Arc::clone(&rule.pool));
            pool.update(route.balance, &route.backends, false);
            HttpRule {
                id: route.rule.clone(),
                domains: route.domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
                url: UrlPattern::new(&route.url),
                is_default: route.is_default,
                cookie_seconds: route.balance.session.map(|session| session.as_secs().max(1)),
                pool,
            }
        };
        let rules = Arc::new(routes.iter().map(rule).collect());
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub(super) fn connections(&self) -> Vec<(Address, u64)> {
        self.snapshot().iter().flat_map(|rule| rule.pool.connections()).collect()
    }

    /// The rule of a request: of the best matching domain's rules the one whose path matches best.
    fn choose(&self, host: &str, path: &str) -> Option<Choice> {
        let rules = self.snapshot();
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
        let exact = |rule: &HttpRule| rule.domains.contains(&host);
        let wild = |rule: &HttpRule| rule.domains.iter().any(|domain| is_wildcard_match(domain, &host));
        let default: Vec<&String> =
            rules.iter().filter(|rule| rule.is_default).flat_map(|rule| &rule.domains).collect();
        let fallback = |rule: &HttpRule| rule.domains.iter().any(|domain| default.contains(&domain));
        let tiers: [&dyn Fn(&HttpRule) -> bool; 3] = [&exact, &wild, &fallback];
        let tier = tiers.into_iter().find(|tier| rules.iter().any(*tier))?;
        let matches = rules.iter().filter(|rule| tier(rule));
        let ranked = matches.filter_map(|rule| Some((rule.url.rank(path)?, rule)));
        let (_, rule) = ranked.max_by_key(|(rank, _)| *rank)?;
        Some(Choice { pool: Arc::clone(&rule.pool), cookie_seconds: rule.cookie_seconds })
    }
}

pub(super) fn is_wildcard_match(domain: &str, host: &str) -> bool {
    match (domain.strip_prefix('*'), domain.strip_suffix('*')) {
        (Some(end), _) => host.ends_with(end),
        (None, Some(start)) => host.starts_with(start),
        (None, None) => false,
    }
}

/// Accepts until `stop`. Connections end with it.
pub(super) async fn serve(
    listener: Held<TcpListener>,
    rules: Arc<HttpRules>,
    acceptor: Option<TlsAcceptor>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let front = Arc::new(Front { rules, scheme, stop: stop.clone(), tasks: tasks.clone() });
    let begin = |stream, client| {
        let (front, acceptor) = (Arc::clone(&front), acceptor.clone());
        tasks.spawn(async move {
            match acceptor {
                None => converse(stream, client, &front).await,
                Some(acceptor) => match front.stop.run_until_cancelled(acceptor.accept(stream)).await {
                    Some(Ok(stream)) => converse(stream, client, &front).await,
                    Some(Err(error)) => tracing::debug!(%error, "a client could not be taken in"),
                    None => {}
                },
            }
        });
    };
    accept(&listener, &stop, begin).await;
}

/// What all connections of a listener share.
struct Front {
    rules: Arc<HttpRules>,
    /// What targets are told that the client spoke.
    scheme: &'static str,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Answers the requests of one connection.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, client: SocketAddr, front: &Arc<Front>) {
    let service = service_fn(|request| {
        let front = Arc::clone(front);
        async move { Ok::<_, Infallible>(answer(request, client, &front).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = front.stop.cancelled() => {}
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection of a client broke");
            }
        }
    }
}

async fn answer(request: Request<Incoming>, client: SocketAddr, front: &Front) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = request.uri().host().unwrap_or(host);
    let Some(choice) = front.rules.choose(host, request.uri().path()) else { return refusal(StatusCode::NOT_FOUND) };
    let known = ticket(request.headers());
    let Some(seat) = choice.pool.choose(client.ip(), Affinity::Ticket(known)) else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE);
    };
    let cookie = choice
        .cookie_seconds
        .filter(|_| known != Some(seat.ticket))
        .map(|seconds| format!("{SESSION_COOKIE}={:016x}; Path=/; HttpOnly; Max-Age={seconds}", seat.ticket));
    let mut response = forward(request, client, seat, front).await.unwrap_or_else(refusal);
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The ticket in a client's cookies.
fn ticket(headers: &HeaderMap) -> Option<u64> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).and_then(|(_, value)| u64::from_str_radix(value, 16).ok())
}

fn refusal(status: StatusCode) -> Response<Body> {
    let text = format!("{status}\n");
    let mut response = Response::new(Full::from(text).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// Sends a request to its target on a connection of its own. The target is not exchanged when it fails: a lost request must
/// be seen.
async fn forward(
    mut request: Request<Incoming>,
    client: SocketAddr,
    seat: Seat,
    front: &Front,
) -> Result<Response<Body>, StatusCode> {
    let dial = seat.dial.ok_or(StatusCode::BAD_GATEWAY)?;
    let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect(dial)).await;
    let stream = connected.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?.map_err(|_| StatusCode::BAD_GATEWAY)?;
    no_delay(&stream);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let stop = front.stop.clone();
    front.tasks.spawn(async move {
        if let Some(Err(error)) = stop.run_until_cancelled(connection).await {
            tracing::debug!(%error, "a connection to a target broke");
        }
        drop(seat);
    });
    prepare(&mut request, client, front.scheme);
    let answered = timeout(ANSWER_TIMEOUT, sender.send_request(request)).await;
    let mut response = answered.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?.map_err(|_| StatusCode::BAD_GATEWAY)?;
    remove_hop_by_hop(response.headers_mut());
    Ok(response.map(BodyExt::boxed))
}

fn prepare(request: &mut Request<Incoming>, client: SocketAddr, scheme: &'static str) {
    // An absolute form becomes the form that servers expect.
    if let Some(path) = request.uri().path_and_query().filter(|_| request.uri().host().is_some()) {
        let path = Uri::from(path.clone());
        *request.uri_mut() = path;
    }
    remove_hop_by_hop(request.headers_mut());
    let before = request.headers().get(FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let chain = match before {
        Some(before) => format!("{before}, {}", client.ip()),
        None => client.ip().to_string(),
    };
    if let Ok(value) = HeaderValue::from_str(&chain) {
        request.headers_mut().insert(FORWARDED_FOR, value);
    }
    request.headers_mut().insert(FORWARDED_PROTO, HeaderValue::from_static(scheme));
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

#[cfg(test)]
mod tests {
    use super::super::Balance;
    use super::*;

    fn rules(all: &[(&str, &str, bool)]) -> HttpRules {
        let view = |(nth, &(domain, url, is_default)): (usize, &(&str, &str, bool))| RouteView {
            rule: Some(RuleId::new(nth.to_string())),
            domains: vec![domain.to_owned()],
            url: url.to_owned(),
            is_default,
            balance: Balance::default(),
            backends: Vec::new(),
        };
        let rules = HttpRules::default();
        rules.update(&all.iter().enumerate().map(view).collect::<Vec<_>>());
        rules
    }

    fn chosen(rules: &HttpRules, host: &str, path: &str) -> Option<String> {
        let pool = rules.choose(host, path)?.pool;
        let snapshot = rules.snapshot();
        let rule = snapshot.iter().find(|rule| Arc::ptr_eq(&rule.pool, &pool))?;
        rule.id.as_ref().map(ToString::to_string)
    }

    #[test]
    fn the_best_domain_wins_and_then_the_longest_path() {
        let rules = rules(&[
            ("app.example.com", "/", true),
            ("app.example.com", "/api", false),
            ("*.example.com", "/", false),
            ("other.example.com", "/only", false),
        ]);
        let cases = [
            ("app.example.com", "/", Some("0")),
            ("APP.example.com:8080", "/api/v1", Some("1")),
            ("x.example.com", "/", Some("2")),
            ("other.example.com", "/only/this", Some("3")),
            ("other.example.com", "/", None),
            ("unknown.org", "/api", Some("1")),
        ];
        for (host, path, expected) in cases {
            assert_eq!(chosen(&rules, host, path).as_deref(), expected, "{host}{path}");
        }
    }

    #[test]
    fn without_a_rule_there_is_no_target() {
        assert_eq!(chosen(&HttpRules::default(), "a", "/"), None);
    }

    #[test]
    fn a_rule_that_stays_keeps_its_pool() {
        let rules = rules(&[("a", "/", true)]);
        let before = rules.choose("a", "/").expect("a rule").pool;
        let view = RouteView {
            rule: Some(RuleId::new("0")),
            domains: vec!["b".to_owned()],
            url: "/".to_owned(),
            is_default: true,
            balance: Balance::default(),
            backends: Vec::new(),
        };
        rules.update(&[view]);
        assert!(Arc::ptr_eq(&before, &rules.choose("b", "/").expect("a rule").pool));
    }
}
