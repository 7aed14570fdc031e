//! The time as the API server tells it, with every answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use axum::http::{HeaderMap, Request, Response, header};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tower::{Layer, Service};

use crate::model::skew;

/// How far the API server's clock is ahead of this machine's, in milliseconds, by its last answer. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerClock(Arc<AtomicI64>);

impl ServerClock {
    /// The time by the API server's clock, by which Pods are told to end.
    pub(super) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.0.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Takes in what an answer says. One without a date says nothing.
    fn hear(&self, headers: &HeaderMap, sent: Timestamp) {
        let said = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(said) = said.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            let ahead = skew(said.timestamp(), sent, Timestamp::now()).as_millis();
            self.0.store(i64::try_from(ahead).unwrap_or_default(), Ordering::Relaxed);
        }
    }
}

impl<S> Layer<S> for ServerClock {
    type Service = Heard<S>;

    fn layer(&self, inner: S) -> Heard<S> {
        Heard { inner, clock: self.clone() }
    }
}

/// A client by whose answers the clock goes.
#[derive(Clone, Debug)]
pub(super) struct Heard<S> {
    inner: S,
    clock: ServerClock,
}

impl<S, A, B> Service<Request<A>> for Heard<S>
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
        let (clock, sent) = (self.clock.clone(), Timestamp::now());
        let answer = self.inner.call(request);
        answer
            .inspect(move |answer| {
                if let Ok(response) = answer {
                    clock.hear(response.headers(), sent);
                }
            })
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_sets_the_clock() {
        let clock = ServerClock::default();
        let off = |clock: &ServerClock| clock.now().duration_since(Timestamp::now()).as_secs();
        assert_eq!(off(&clock), 0);
        let hear = |date: &str| {
            let headers = [(header::DATE, date.parse().unwrap())].into_iter().collect();
            clock.hear(&headers, Timestamp::now());
        };
        for minutes in [-5, 5] {
            let said = Timestamp::now() + SignedDuration::from_mins(minutes);
            hear(&said.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
            assert!((off(&clock) - minutes * 60).abs() <= 2, "{minutes}: {}", off(&clock));
            let known = off(&clock);
            hear("yesterday");
            assert!((off(&clock) - known).abs() <= 1, "what cannot be read says nothing");
        }
    }
}
