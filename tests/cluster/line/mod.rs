//! The lines of one replica to the API server and to the cloud: they write down what passes, and can be held, cut or bent.

pub(crate) mod journal;
mod misfortune;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stage::Stage;
use journal::{Event, Journal, holder};
use misfortune::Struck;
pub(crate) use misfortune::{KINDS, Misfortune, kind};

/// The largest body of a request.
const LIMIT: usize = 4 << 20;

/// What a line does with some requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// All pass.
    Pass,
    /// Lists of Pods wait.
    HoldPods,
    /// Writes of the Lease are refused.
    RefuseLease,
    /// Every second answer of the API server is dated so many seconds ahead, as by another one behind the same address.
    SecondClock(i64),
    /// What the replica reads of a kind, or of all of [`KINDS`] when `None`, meets this.
    Strike(Option<&'static str>, Misfortune),
}

/// Both lines of a replica. They end with the value.
pub(crate) struct Lines {
    api: SocketAddr,
    cloud: SocketAddr,
    rule: watch::Sender<Rule>,
    struck: Struck,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Line {
    replica: &'static str,
    journal: Journal,
    api: kube::Client,
    http: reqwest::Client,
    cloud: Arc<str>,
    rule: watch::Receiver<Rule>,
    struck: Struck,
    /// How many answers were dated by turns.
    turn: Arc<AtomicU64>,
}

impl Lines {
    pub(crate) async fn open(stage: &Stage, replica: &'static str, journal: &Journal, first: Rule) -> Self {
        let (rule, receiver) = watch::channel(first);
        let line = Line {
            replica,
            journal: journal.clone(),
            api: stage.control_plane.client(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            cloud: stage.cloud.endpoint().into(),
            rule: receiver,
            struck: Struck::default(),
            turn: Arc::default(),
        };
        let struck = line.struck.clone();
        let mut tasks = JoinSet::new();
        let api = serve(&mut tasks, Router::new().fallback(to_api).with_state(line.clone())).await;
        let cloud = serve(&mut tasks, Router::new().fallback(to_cloud).with_state(line)).await;
        Self { api, cloud, rule, struck, _tasks: tasks }
    }

    pub(crate) fn set(&self, rule: Rule) {
        self.struck.forget();
        self.rule.send_replace(rule);
    }

    /// Whether each of these kinds has met what the rule says.
    pub(crate) fn has_struck(&self, kinds: &[&'static str]) -> bool {
        kinds.iter().all(|kind| self.struck.has(kind))
    }

    pub(crate) fn api(&self) -> String {
        format!("http://{}", self.api)
    }

    pub(crate) fn cloud(&self) -> String {
        format!("http://{}", self.cloud)
    }
}

async fn serve(tasks: &mut JoinSet<()>, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn to_api(State(mut line): State<Line>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LIMIT).await.unwrap();
    let (path, is_read) = (parts.uri.path().to_owned(), parts.method == Method::GET);
    let is_lease = path.contains("/leases");
    let mut uri = parts.uri.clone();
    if is_read {
        line.journal.add(line.replica, Event::Read(parts.uri.to_string()));
        if path.ends_with("/pods") {
            line.rule.wait_for(|rule| *rule != Rule::HoldPods).await.unwrap();
        }
        match line.misfortune(&path).and_then(|(kind, misfortune)| misfortune.answer(&line.struck, kind, &uri)) {
            Some(misfortune::Answer::Instead(response)) => return response,
            Some(misfortune::Answer::Of(other)) => uri = other,
            None => {}
        }
    } else if is_lease {
        if *line.rule.borrow() == Rule::RefuseLease {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        line.journal.add(line.replica, Event::LeaseAsked);
    } else if !path.contains("/events") {
        line.journal.add(line.replica, Event::Write(format!("{} {path}", parts.method)));
    }
    let response = line.api.send(forwarded(&parts.method, &uri, &parts.headers, &body)).await;
    let Ok(mut response) = response else { return StatusCode::BAD_GATEWAY.into_response() };
    if let Rule::SecondClock(ahead) = *line.rule.borrow()
        && line.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
    {
        let said = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
        let date = said.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response.headers_mut().insert(header::DATE, date.parse().unwrap());
    }
    if is_lease && !is_read && response.status().is_success() {
        line.journal.add(line.replica, Event::LeaseWritten(holder(&body)));
    }
    let kind = misfortune::kind(&path).filter(|_| is_read && uri.query().is_some_and(|query| query.contains("watch=")));
    match kind {
        Some(kind) => misfortune::watched(response.map(Body::new), kind, line.rule.clone(), line.struck.clone()),
        None => response.map(Body::new),
    }
}

impl Line {
    /// The kind that a path is of, and what it meets.
    fn misfortune(&self, path: &str) -> Option<(&'static str, Misfortune)> {
        let kind = misfortune::kind(path)?;
        self.rule.borrow().of(kind).map(|misfortune| (kind, misfortune))
    }
}

impl Rule {
    /// What reads of this kind meet.
    fn of(self, kind: &str) -> Option<Misfortune> {
        match self {
            Self::Strike(only, misfortune) if only.is_none_or(|only| only == kind) => Some(misfortune),
            _ => None,
        }
    }
}

fn forwarded(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> axum::http::Request<kube::client::Body> {
    let mut request = axum::http::Request::new(kube::client::Body::from(body.to_vec()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.path_and_query().unwrap().to_string().parse().unwrap();
    for name in [header::ACCEPT, header::CONTENT_TYPE] {
        if let Some(value) = headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    request
}

async fn to_cloud(State(line): State<Line>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let action = parts.headers.get("x-tc-action").unwrap().to_str().unwrap().to_owned();
    let is_of_sts = ["GetCallerIdentity", "AssumeRoleWithWebIdentity"].contains(&&*action);
    let event = if action.starts_with("Describe") || is_of_sts { Event::Read(action) } else { Event::Write(action) };
    line.journal.add(line.replica, event);
    let body = to_bytes(body, LIMIT).await.unwrap();
    // The signature is over the host that the replica knows, which stays.
    parts.headers.remove(header::CONTENT_LENGTH);
    let sent = line.http.post(&*line.cloud).headers(parts.headers).body(body).send().await;
    let Ok(answer) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = (status, body).into_response();
    response.headers_mut().extend(headers.into_iter().filter(|(name, _)| {
        name.as_ref().is_some_and(|name| name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING)
    }));
    response
}
