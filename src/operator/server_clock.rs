//! The time as the API server tells it, with every answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::{HeaderMap, Request, Response, header};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tower::{Layer, Service};

use super::leadership::{Clock, system_clock};
use crate::election::Moment;
use crate::model::{Answer, ServerTime};
use crate::reconcile::Now;

/// The clock of this machine that never goes back, and the time by the API server's as its answers tell it. Clones share it.
#[derive(Clone)]
pub(super) struct ServerClock {
    machine: Clock,
    begun: Moment,
    time: Arc<Mutex<ServerTime>>,
}

impl ServerClock {
    /// A clock that begins now, with the time of this machine.
    pub(super) fn begin() -> Self {
        let machine = system_clock();
        let time = Arc::new(Mutex::new(ServerTime::new(Timestamp::now(), Duration::ZERO)));
        Self { begun: machine(), machine, time }
    }

    /// The time since the process began, which goes on while the machine is suspended.
    pub(super) fn at(&self) -> Duration {
        (self.machine)().since(self.begun)
    }

    /// The time by both.
    pub(super) fn now(&self) -> Now {
        let at = self.at();
        Now { wall: self.time().at(at), at }
    }

    /// Takes in what an answer says. One without a date says nothing.
    fn hear(&self, headers: &HeaderMap, sent: Duration) {
        let said = headers.get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(said) = said.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            let answer = Answer { said: said.timestamp(), sent, received: self.at() };
            self.time().hear(answer);
        }
    }

    fn time(&self) -> MutexGuard<'_, ServerTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for ServerClock {
    type Service = Heard<S>;

    fn layer(&self, inner: S) -> Heard<S> {
        Heard { inner, clock: self.clone() }
    }
}

/// A client by whose answers the clock goes.
#[derive(Clone)]
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
        let (clock, sent) = (self.clock.clone(), self.clock.at());
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
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_dates_of_answers_set_the_clock() {
        let clock = ServerClock::begin();
        let off = |clock: &ServerClock| clock.now().wall.duration_since(Timestamp::now()).as_secs();
        assert_eq!(off(&clock), 0);
        let hear = |clock: &ServerClock, date: &str| {
            let headers = [(header::DATE, date.parse().unwrap())].into_iter().collect();
            clock.hear(&headers, clock.at());
        };
        for minutes in [-5, 5] {
            let clock = ServerClock::begin();
            let date = |minutes: i64| {
                let said = Timestamp::now() + SignedDuration::from_mins(minutes);
                said.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
            };
            hear(&clock, &date(minutes));
            let known = off(&clock);
            assert!((known - minutes * 60).abs() <= 2, "{minutes}: {known}");
            hear(&clock, "yesterday");
            assert!((off(&clock) - known).abs() <= 1, "what cannot be read says nothing");
            hear(&clock, &date(minutes + 2));
            assert!((off(&clock) - known).abs() <= 1, "a second server is ahead");
        }
    }
}
