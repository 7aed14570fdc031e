//! The client: every call is allowed, signed, sent, read, observed and bounded in time in one place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, debug, debug_span, info, warn};

use super::caller::KeyMark;
use super::clock::Clock;
use super::convert::Malformed;
use super::credentials::{Credentials, Keys};
use super::error::{INVALID_REQUEST, LOAD_BALANCER_BUSY, NOT_LEADING, RATE_LIMIT, SIGNATURE_EXPIRED, TIMEOUT, own};
use super::fence::{Closed, Fence, Unfenced, Writer};
use super::settings::{Endpoints, Settings, SettingsError, constant_headers};
use super::throttle::Throttle;
use super::transport::{Refusal, Success, call_headers, exchange, http_client};
use super::wire::{Action, Service};
use crate::model::{Class, Failure};

/// Upper bound of the deadlines, for settings that mean "never".
const LONGEST_DEADLINE: Duration = Duration::from_secs(3600);

/// Told of every call, for metrics.
pub trait CallObserver: Send + Sync {
    /// A call ended: well (`None`) or badly. `elapsed` is the time between sending and the end of the reply; for a call that
    /// was given up before it was sent (codes `ClientError.RateLimit` and `ClientError.LoadBalancerBusy`), the time it waited.
    fn observe(&self, action: &'static str, class: Option<Class>, elapsed: Duration);

    /// A call has got permission, or given up, after waiting for so long, which may be no time at all.
    fn waited(&self, _: Wait, _: Duration) {}
}

/// What a call waits for before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The rate of its action.
    Rate,
    /// Other writes of ours on the same load balancer.
    LoadBalancer,
}

/// Nobody is told.
impl CallObserver for () {
    fn observe(&self, _: &'static str, _: Option<Class>, _: Duration) {}
}

/// A client of the CLB API in one region. Clones share connections, rates and locks, so that there should be one client per
/// account and region.
///
/// It repeats nothing by itself, except a call that was refused because this machine's clock is wrong: the caller's next
/// round decides by the failure's class.
#[derive(Clone)]
pub struct Clb {
    inner: Arc<Inner>,
}

struct Inner {
    http: Client,
    endpoints: Endpoints,
    headers: HeaderMap,
    credentials: Credentials,
    throttle: Throttle,
    clock: Clock,
    observer: Arc<dyn CallObserver>,
    read_deadline: Duration,
    write_deadline: Duration,
}

impl Clb {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(
        settings: Settings,
        credentials: Credentials,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, SettingsError> {
        let Settings { endpoint, region, rate_per_second, read_deadline, write_deadline, language } = settings;
        let endpoints = Endpoints::parse(endpoint.as_deref())?;
        let inner = Inner {
            http: http_client(endpoints.of(Service::Clb))?,
            headers: constant_headers(&region, &language)?,
            endpoints,
            credentials,
            throttle: Throttle::new(rate_per_second),
            clock: Clock::default(),
            observer,
            read_deadline,
            write_deadline,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The key that calls are signed with now.
    pub(super) fn key(&self) -> KeyMark {
        self.inner.credentials.current().mark()
    }

    /// Waits until calls are signed with another key than this one.
    pub(super) async fn key_other_than(&self, key: &KeyMark) {
        self.inner.credentials.other_than(key).await;
    }

    /// Makes a read.
    pub(super) async fn read<A: Action, T>(
        &self,
        request: &A,
        convert: impl Fn(A::Reply) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        const { assert!(!A::WRITE, "a write needs a Writer") };
        self.call(request, &Unfenced, |success| convert(success.reply)).await
    }

    /// The writes, which leave only while the fence lets them.
    pub fn writer<'a, F: Fence>(&'a self, fence: &'a F) -> Writer<'a, F> {
        Writer { clb: self, fence }
    }

    pub(super) async fn call<A: Action, T>(
        &self,
        request: &A,
        fence: &impl Fence,
        convert: impl Fn(Success<A::Reply>) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let span = debug_span!("call", action = A::NAME, load_balancer = request.load_balancer());
        self.inner.call(request, fence, convert).instrument(span).await
    }
}

impl fmt::Debug for Clb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clb").field("endpoint", &self.inner.endpoints.of(Service::Clb).host).finish_non_exhaustive()
    }
}

/// Refuses a request that the cloud would refuse, or worse, understand otherwise.
pub(super) fn checked(action: &'static str, fits: bool, message: impl FnOnce() -> String) -> Result<(), Failure> {
    if fits { Ok(()) } else { Err(own(action, INVALID_REQUEST, message())) }
}

/// What must not be in the words of a reply, and may be when somebody answers with the request.
struct Redaction<'a> {
    keys: &'a Keys,
    signature: String,
}

impl<'a> Redaction<'a> {
    fn new(keys: &'a Keys, headers: &HeaderMap) -> Self {
        let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let signature = authorization.rsplit("Signature=").next().unwrap_or_default().to_owned();
        Self { keys, signature }
    }

    fn refusal(&self, mut refusal: Refusal) -> Refusal {
        let failure = &mut refusal.failure;
        for text in [&mut failure.message, &mut failure.code] {
            *text = self.keys.redacted(text);
            if !self.signature.is_empty() {
                *text = text.replace(&self.signature, "…");
            }
        }
        refusal
    }
}

impl Inner {
    async fn call<A: Action, T>(
        &self,
        request: &A,
        fence: &impl Fence,
        convert: impl Fn(Success<A::Reply>) -> Result<T, Malformed>,
    ) -> Result<T, Failure> {
        let limit = if A::WRITE { self.write_deadline } else { self.read_deadline };
        let deadline = Instant::now() + limit.min(LONGEST_DEADLINE);
        let body = serde_json::to_vec(request)
            .map_err(|error| own(A::NAME, INVALID_REQUEST, format!("the request cannot be written: {error}")))?;
        let _permit = self.permit(request, deadline).await?;
        match self.attempt::<A, T>(&body, deadline, fence, &convert).await {
            Err(Refusal { failure, date: Some(date) }) if failure.code == SIGNATURE_EXPIRED => {
                let ahead_seconds = self.clock.correct(date);
                warn!(ahead_seconds, "the cloud's clock differs from this machine's; signing with the cloud's");
                self.attempt::<A, T>(&body, deadline, fence, &convert).await
            }
            result => result,
        }
        .map_err(|refusal| refusal.failure)
    }

    async fn permit<A: Action>(&self, request: &A, deadline: Instant) -> Result<Option<OwnedSemaphorePermit>, Failure> {
        match request.load_balancer() {
            Some(load_balancer) if A::WRITE => {
                let message = "other writes on the load balancer leave no time for this one";
                let permit = self.throttle.exclusive(load_balancer);
                self.allowed::<A, _>(permit, deadline, LOAD_BALANCER_BUSY, message).await
            }
            _ => Ok(None),
        }
    }

    /// Waits for permission, for half of the time that is left: a call that is sent at the last moment would end as one that
    /// may have happened, which is worse than one that was not sent.
    async fn allowed<A: Action, T>(
        &self,
        permission: impl Future<Output = T>,
        deadline: Instant,
        code: &str,
        message: &str,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let midway = start + deadline.saturating_duration_since(start) / 2;
        let permitted = timeout_at(midway, permission).await;
        self.observer.waited(if code == RATE_LIMIT { Wait::Rate } else { Wait::LoadBalancer }, start.elapsed());
        permitted.map_err(|_| {
            let failure = own(A::NAME, code, message);
            self.observe::<A>(Some(&failure), None, start);
            failure
        })
    }

    /// Signs, sends and reads once.
    async fn attempt<A: Action, T>(
        &self,
        body: &[u8],
        deadline: Instant,
        fence: &impl Fence,
        convert: &impl Fn(Success<A::Reply>) -> Result<T, Malformed>,
    ) -> Result<T, Refusal> {
        let rate = self.throttle.ready(A::NAME);
        self.allowed::<A, _>(rate, deadline, RATE_LIMIT, "the rate of the action leaves no time for this call").await?;
        let keys = self.credentials.current();
        let mut headers = self.headers.clone();
        let endpoint = self.endpoints.of(A::SERVICE);
        let call = call_headers((A::SERVICE, A::NAME), &keys, &endpoint.host, self.clock.now(), body)?;
        let redact = Redaction::new(&keys, &call);
        headers.extend(call);
        let start = Instant::now();
        let exchange = exchange::<A>(&self.http, endpoint, headers, body.to_vec());
        // Asked last: rates, locks and credentials have been waited for.
        let (result, request_id) = match fence.guard(timeout_at(deadline, exchange)).await {
            Err(Closed) => (Err(own(A::NAME, NOT_LEADING, "leadership ended before the reply").into()), None),
            Ok(Err(_)) => (Err(own(A::NAME, TIMEOUT, "no reply until the deadline").into()), None),
            Ok(Ok(Err(refusal))) => {
                let request_id = refusal.failure.request_id.clone();
                (Err(refusal), request_id)
            }
            Ok(Ok(Ok(success))) => {
                let request_id = success.request_id.clone();
                let result = convert(success).map_err(|malformed| malformed.into_failure(A::NAME, request_id.clone()));
                (result.map_err(Refusal::from), request_id)
            }
        };
        let result = result.map_err(|refusal| redact.refusal(refusal));
        self.observe::<A>(result.as_ref().err().map(|refusal| &refusal.failure), request_id.as_deref(), start);
        result
    }

    /// Tells of a call that ended. What was changed is news. A failure is told by whoever asked.
    fn observe<A: Action>(&self, failure: Option<&Failure>, request_id: Option<&str>, start: Instant) {
        let elapsed = start.elapsed();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let action = A::NAME;
        match failure {
            None if A::WRITE => info!(action, request_id, elapsed_ms, "call done"),
            None => debug!(action, request_id, elapsed_ms, "call done"),
            Some(Failure { class, code, message, .. }) => {
                let (class, reply) = (class.as_str(), message);
                debug!(action, request_id, elapsed_ms, class, %code, %reply, "call failed");
            }
        }
        self.observer.observe(action, failure.map(|failure| failure.class), elapsed);
    }
}
