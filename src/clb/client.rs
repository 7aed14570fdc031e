//! The client: every call is allowed, signed, sent, read, observed and bounded in time in one place.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, debug, debug_span, info, warn};

use super::clock::Clock;
use super::convert::Malformed;
use super::credentials::{Credentials, Keys};
use super::error::{INVALID_REQUEST, KEY_ENDED, NOT_LEADING, SIGNATURE_EXPIRED, TIMEOUT, own};
use super::fence::{Closed, Fence, Unfenced, Writer};
use super::settings::{Endpoints, Settings, SettingsError, constant_headers};
use super::throttle::Throttle;
use super::transport::{Carrier, Refusal, Success, Way, call_headers, exchange, http_client};
use super::wire::{Action, Service};
use crate::model::{Class, Failure, KeyMark};

/// Upper bound of the deadlines, for settings that mean "never".
const LONGEST_DEADLINE: Duration = Duration::from_secs(3600);

/// How often a read that the cloud refuses because there were too many calls is sent before it counts as failed. The rate is halved
/// each time, so that what is refused now and then, because others use the same account, is no failure.
const READ_ATTEMPTS: u32 = 5;

/// How long to wait, in milliseconds, before a write is sent again that the cloud refuses because the load balancer is locked; after that it
/// has failed. A load balancer stays locked for a moment after a task, ours too. A longer lock is for rounds, which see meanwhile what
/// else has changed.
const LOCK_PAUSES: [u64; 2] = [100, 200];

/// What PEM begins with, and what is in it where it is a private key.
const PEM: &str = "-----BEGIN";
const PRIVATE: &str = "PRIVATE KEY";

/// Told of every call, for metrics.
pub trait CallObserver: Send + Sync {
    /// A call ended: well (`None`) or badly. `elapsed` is the time between sending and the end of the reply.
    fn observe(&self, action: &'static str, class: Option<Class>, elapsed: Duration);

    /// A call has got permission after waiting for so long, which may be no time at all.
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
/// A call waits for its turn for as long as it takes, and that is no failure: its deadline begins when it is sent. Whoever does not
/// want to wait any more drops it.
///
/// It repeats a call that was refused because this machine's clock is wrong, or because its temporary key has ended and there is another
/// one, a read that was refused because there were too many calls, and for a moment a write that was refused because the load balancer is
/// locked. Nothing else: the caller's next round decides by the failure's class.
#[derive(Clone)]
pub struct Clb {
    inner: Arc<Inner>,
}

struct Inner {
    way: Way,
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
        let endpoints = Endpoints::parse(settings.endpoint.as_deref())?;
        let way = Way::Http(http_client(endpoints.of(Service::Clb))?);
        Self::with(way, endpoints, settings, credentials, observer)
    }

    /// A client whose calls are carried by something else than HTTP.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn carried(
        carrier: Arc<dyn Carrier>,
        settings: Settings,
        credentials: Credentials,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, SettingsError> {
        let endpoints = Endpoints::parse(settings.endpoint.as_deref())?;
        Self::with(Way::Carrier(carrier), endpoints, settings, credentials, observer)
    }

    fn with(
        way: Way,
        endpoints: Endpoints,
        settings: Settings,
        credentials: Credentials,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, SettingsError> {
        let Settings { endpoint: _, region, rate_per_second, read_deadline, write_deadline, language } = settings;
        let inner = Inner {
            way,
            headers: constant_headers(&region, &language)?,
            endpoints,
            credentials,
            throttle: Throttle::new(rate_per_second),
            clock: Clock::default(),
            observer,
            read_deadline: read_deadline.min(LONGEST_DEADLINE),
            write_deadline: write_deadline.min(LONGEST_DEADLINE),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The key that calls are signed with now.
    pub(super) fn key(&self) -> KeyMark {
        self.inner.credentials.mark()
    }

    /// Waits until calls are signed with another key than this one.
    pub(super) async fn key_other_than(&self, key: &KeyMark) {
        self.inner.credentials.other_than(key).await;
    }

    /// How fast its calls may follow one another.
    pub fn rates(&self) -> Rates {
        Rates(Arc::downgrade(&self.inner))
    }

    /// Waits until a call of this action might be sent at once.
    pub(super) async fn idle(&self, action: &'static str) {
        self.inner.throttle.idle(action).await;
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

/// The rates of a client. It does not keep the client alive.
#[derive(Clone)]
pub struct Rates(Weak<Inner>);

impl Rates {
    /// Calls per second that each action may make now; nothing of a client that is gone, and of actions that it has not called.
    pub fn now(&self) -> Vec<(&'static str, f64)> {
        self.0.upgrade().map(|inner| inner.throttle.rates()).unwrap_or_default()
    }

    /// The client is gone.
    pub fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rates").field(&self.now()).finish()
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
            // A private key that is uploaded, however it is written.
            if let Some(begin) = text.find(PEM).filter(|_| text.contains(PRIVATE)) {
                text.truncate(begin);
                text.push('…');
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
        let body = serde_json::to_vec(request)
            .map_err(|error| own(A::NAME, INVALID_REQUEST, format!("the request cannot be written: {error}")))?;
        let _permit = self.permit(request).await;
        let (mut attempts, mut is_corrected, mut is_renewed) = (1, false, false);
        let mut pauses = LOCK_PAUSES.iter().filter(|_| A::WRITE && request.load_balancer().is_some());
        loop {
            let keys = self.credentials.current();
            let keys = keys.map_err(|failure| Failure { action: A::NAME, ..failure })?;
            match self.attempt::<A, T>(&body, &keys, fence, &convert).await {
                // It was refused before anything was done, so that a write may be repeated too.
                Err(Refusal { failure, .. })
                    if KEY_ENDED.contains(&&*failure.code)
                        && !is_renewed
                        && self.credentials.refused(&keys.secret_id).await =>
                {
                    is_renewed = true;
                }
                Err(Refusal { failure, date: Some(date) }) if failure.code == SIGNATURE_EXPIRED && !is_corrected => {
                    let ahead_seconds = self.clock.correct(date);
                    warn!(ahead_seconds, "the cloud's clock differs from this machine's; signing with the cloud's");
                    is_corrected = true;
                }
                Err(Refusal { failure, .. })
                    if failure.class == Class::Throttled && !A::WRITE && attempts < READ_ATTEMPTS =>
                {
                    attempts += 1;
                }
                // Whoever else of us wants to write there would be refused as well.
                Err(Refusal { failure, .. }) if failure.class == Class::Busy => match pauses.next() {
                    Some(pause) => sleep(Duration::from_millis(*pause)).await,
                    None => return Err(failure),
                },
                result => return result.map_err(|refusal| refusal.failure),
            }
        }
    }

    /// Waits until no other write of ours runs on the load balancer of a write.
    async fn permit<A: Action>(&self, request: &A) -> Option<OwnedSemaphorePermit> {
        let load_balancer = request.load_balancer().filter(|_| A::WRITE)?;
        let asked = Instant::now();
        let permit = self.throttle.exclusive(load_balancer).await;
        self.observer.waited(Wait::LoadBalancer, asked.elapsed());
        permit
    }

    /// Waits for the rate, signs, sends and reads once.
    async fn attempt<A: Action, T>(
        &self,
        body: &[u8],
        keys: &Keys,
        fence: &impl Fence,
        convert: &impl Fn(Success<A::Reply>) -> Result<T, Malformed>,
    ) -> Result<T, Refusal> {
        let asked = Instant::now();
        self.throttle.ready(A::NAME).await;
        self.observer.waited(Wait::Rate, asked.elapsed());
        let deadline = if A::WRITE { self.write_deadline } else { self.read_deadline };
        let mut headers = self.headers.clone();
        let endpoint = self.endpoints.of(A::SERVICE);
        let call = call_headers((A::SERVICE, A::NAME), keys, &endpoint.host, self.clock.now(), body)?;
        let redact = Redaction::new(keys, &call);
        headers.extend(call);
        let start = Instant::now();
        let exchange = exchange::<A>(&self.way, endpoint, headers, body.to_vec(), fence);
        // Asked last: rates, locks and credentials have been waited for.
        let (result, request_id) = match fence.guard(timeout(deadline, exchange)).await {
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
        if let Err(Refusal { failure, .. }) = &result
            && failure.class == Class::Throttled
        {
            self.throttle.refused(A::NAME, failure, start);
        }
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
