//! The edge of the election: one Lease, watched, and renewed by one PUT a second. [`Election`] decides.

use std::future::pending;
use std::pin::pin;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::watch_object;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Leadership;
use super::clock::{self, Clock};
use crate::api::names;
use crate::clb::{Credentials, Given};
use crate::election::{Answer, Election, Moment, Next};

/// One replica's part in the election.
pub(in crate::operator) struct Elector {
    api: Api<Lease>,
    election: Election,
    credentials: Credentials,
    clock: Clock,
    leadership: watch::Sender<Option<Leadership>>,
}

/// What came of an attempt.
enum Reply {
    /// Of a write.
    Answer(Answer),
    /// The Lease as it is; `None` when there is none.
    Read(Option<Box<Lease>>),
    /// The Lease could not be read.
    Unread,
}

/// An attempt under way: when it was sent, and what comes of it.
type Attempt = (Moment, BoxFuture<'static, Reply>);

impl Elector {
    /// A candidate by this identity, which no two replicas may share, and where its leaderships are published. The leader says in the Lease
    /// where its key for the cloud is from.
    ///
    /// `client` should not retry by itself: a late renewal is worse than a failed one.
    pub(in crate::operator) fn new(
        client: Client,
        namespace: &str,
        identity: &str,
        credentials: Credentials,
    ) -> (Self, watch::Receiver<Option<Leadership>>) {
        let (leadership, receiver) = watch::channel(None);
        let (api, election) = (Api::namespaced(client, namespace), Election::new(identity));
        (Self { api, election, credentials, clock: clock::system(), leadership }, receiver)
    }

    /// Stands for election, and leads whenever it can, until `stop`. Then the Lease is given up, so that nobody has to wait for its end.
    pub(in crate::operator) async fn run(mut self, stop: CancellationToken) {
        let seen = watch_object(self.api.clone(), names::LEASE).default_backoff();
        let mut seen = pin!(seen);
        let mut attempt: Option<Attempt> = None;
        loop {
            let mut wait = None;
            if attempt.is_none() {
                let now = (self.clock)();
                match self.election.next(now, Timestamp::now()) {
                    Next::Wait(until) => wait = Some(until.since(now)),
                    next => attempt = Some((now, self.attempt(next, now))),
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                found = seen.next() => match found {
                    Some(Ok(found)) => self.election.told(found, (self.clock)()),
                    Some(Err(error)) => tracing::warn!(%error, "the lease cannot be watched; it is read from time to time"),
                    None => break,
                },
                reply = ended(&mut attempt) => self.take_in(reply),
                () = pause(wait) => {}
            }
            self.tell();
        }
        if let Some((sent, reply)) = attempt {
            let reply = reply.await;
            self.take_in((sent, reply));
        }
        self.release().await;
    }

    /// Sends what is next, with a time-out of its own.
    fn attempt(&self, mut next: Next, now: Moment) -> BoxFuture<'static, Reply> {
        if let Next::Create(lease) | Next::Replace(lease) = &mut next {
            say_key(lease, self.credentials.given());
        }
        let (api, patience) = (self.api.clone(), self.election.patience(now));
        async move {
            let is_read = next == Next::Read;
            match tokio::time::timeout(patience, send(&api, next)).await {
                Ok(reply) => reply,
                Err(_) => {
                    tracing::warn!("lease could not be read or written in time");
                    if is_read { Reply::Unread } else { Reply::Answer(Answer::Failed) }
                }
            }
        }
        .boxed()
    }

    fn take_in(&mut self, (sent, reply): (Moment, Reply)) {
        let now = (self.clock)();
        match reply {
            Reply::Answer(answer) => self.election.answered(sent, answer, now),
            Reply::Read(found) => self.election.saw(found.map(|lease| *lease), now),
            Reply::Unread => self.election.failed_to_read(now),
        }
    }

    /// Begins, prolongs or ends the leadership, as the election says.
    fn tell(&mut self) {
        let known = self.leadership.borrow().clone().filter(Leadership::is_valid);
        match (self.election.term((self.clock)()), known) {
            (None, Some(known)) => known.end(),
            (None, None) => {}
            (Some(term), Some(known)) if known.renew(term) => {}
            (Some(term), known) if self.is_told(term.number) => {
                // It has ended in between, by the same clock. What comes next is another one.
                if let Some(known) = known {
                    known.end();
                }
                self.election.ended();
            }
            (Some(term), known) => {
                if let Some(known) = known {
                    known.end();
                }
                self.leadership.send_replace(Some(Leadership::new(term, self.clock.clone())));
            }
        }
    }

    /// The last leadership that was told has this number.
    fn is_told(&self, number: u64) -> bool {
        self.leadership.borrow().as_ref().is_some_and(|last| last.inner.number == number)
    }

    /// Ends the leadership, and only then gives the Lease up.
    async fn release(mut self) {
        if let Some(known) = self.leadership.borrow().as_ref() {
            known.end();
        }
        let given_up = async {
            while let Some(lease) = self.election.release() {
                let now = (self.clock)();
                match send(&self.api, Next::Replace(Box::new(lease))).await {
                    Reply::Answer(Answer::Conflict) => match send(&self.api, Next::Read).await {
                        Reply::Read(found) => self.election.saw(found.map(|lease| *lease), now),
                        _ => return false,
                    },
                    reply => return matches!(reply, Reply::Answer(Answer::Written(_))),
                }
            }
            true
        };
        if tokio::time::timeout(crate::election::LEASE, given_up).await != Ok(true) {
            tracing::info!("the lease was not given up; it will expire");
        }
    }
}

/// The end of an attempt; never when there is none.
async fn ended(attempt: &mut Option<Attempt>) -> (Moment, Reply) {
    let Some((sent, reply)) = attempt else { return pending().await };
    let ended = (*sent, reply.await);
    *attempt = None;
    ended
}

/// Says in the Lease of a leader where its key is from. A Lease that is given up has nobody's.
fn say_key(lease: &mut Lease, given: Option<Given>) {
    let is_held =
        lease.spec.as_ref().is_some_and(|spec| spec.holder_identity.as_ref().is_some_and(|id| !id.is_empty()));
    let annotations = lease.metadata.annotations.get_or_insert_default();
    match given.filter(|_| is_held) {
        Some(given) => drop(annotations.insert(names::LEADER_KEY.to_owned(), given.to_string())),
        None => drop(annotations.remove(names::LEADER_KEY)),
    }
}

/// Waits for so long; for ever when nothing is to be waited for.
async fn pause(time: Option<std::time::Duration>) {
    match time {
        Some(time) => {
            // The time-out is the aim.
            let _ = tokio::time::timeout(time, pending::<()>()).await;
        }
        None => pending().await,
    }
}

async fn send(api: &Api<Lease>, next: Next) -> Reply {
    let params = PostParams::default();
    let written = match next {
        Next::Create(lease) => api.create(&params, &lease).await,
        Next::Replace(lease) => api.replace(names::LEASE, &params, &lease).await,
        Next::Read => {
            let found = api.get_opt(names::LEASE).await.inspect_err(tell_failure);
            return found.map_or(Reply::Unread, |found| Reply::Read(found.map(Box::new)));
        }
        Next::Wait(_) => return Reply::Answer(Answer::Failed),
    };
    Reply::Answer(match written {
        Ok(lease) => Answer::Written(Box::new(lease)),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Answer::Conflict,
        Err(kube::Error::Api(status)) if status.is_not_found() => Answer::Missing,
        Err(error) => {
            tell_failure(&error);
            Answer::Failed
        }
    })
}

fn tell_failure(error: &kube::Error) {
    tracing::warn!(%error, "lease could not be read or written");
}
